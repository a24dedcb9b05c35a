/*
 * The sweep: timeouts, and the age of open requests. The helper runs it once per second in process context, because a timer in
 * softirq would delay packets.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/host/sockets.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/wires.h"
#include "connect-calls.h"
#include "connections.h"
#include "flows.h"
#include "translation.h"
#include "holes.h"
#include "midstream.h"
#include "plaintext.h"
#include "unread.h"

/*
 * In process context, where packets interrupt it. Linux 6.1 lets a program of the first kind use only some kinds of maps; the
 * other cannot be preempted by other processes.
 */
#if BY_CGROUP
#define SWEEP SEC("raw_tp")
#else
#define SWEEP SEC("syscall")
#endif

#define IDLE (300 * SECOND)
#define OVER (10 * SECOND) /* only retransmissions may still come */

/* A body whose end cannot be seen is over after that. Tests shorten it, and the next two. */
#ifndef BODY_SILENCE
#define BODY_SILENCE (60 * SECOND)
#endif

/* A request that is open and silent for so long may have ended unseen. */
#ifndef SUSPECT_AFTER
#define SUSPECT_AFTER (120 * SECOND)
#endif
#ifndef CHECK_EVERY
#define CHECK_EVERY 60 /* sweeps */
#endif

/* Before that its socket is asked after 2, 4, 8 … s of silence whether something passed unseen: so many in one go. */
#define FIRST_ASKED (2 * SECOND)
#define ASKED_MOST  30
#define AT_ONCE	    1000

static __always_inline __u64 latest(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

static __always_inline void remote_of_keys(struct work *w, const __u8 *address, int size, __u16 port, __u32 of_namespace)
{
	__builtin_memset(&w->remote, 0, sizeof(w->remote));
	__builtin_memcpy(w->remote.address, address, size);
	w->remote.port = bpf_ntohs(port);
	w->remote.family = size == 4 ? 4 : 6;
	w->remote.netid = of_namespace;
}

/*
 * A connect has timed out when there was no SYN-ACK, and no SYN for max(3 s, twice the last gap between SYNs) plus a tenth: the
 * next SYN, if it is on time, comes before that. `last_syn_ns` may be later than `now`, or 0 while another CPU is writing it.
 */
static __always_inline int connect_timed_out(const struct flow *f, __u64 now)
{
	__u64 timeout = 2 * f->syn_gap_ns;

	if (timeout < 3 * SECOND)
		timeout = 3 * SECOND;
	return f->fresh && !f->connected && !f->closed && !f->given_up && f->kind == KIND_HTTP && !f->started && f->last_syn_ns &&
	       now > f->last_syn_ns + timeout + timeout / 10;
}

/* How long, in ns, the first request on an older connection waits for an answer that proves it to be one. */
#define TUNNEL_TIMEOUT (2 * SECOND)

/*
 * How long, in ns, a deferred request waits for an answer before it is counted as a request to a backend. It waits longer where
 * an nginx of the destination's user has a listen port that is not known yet: the request may be for that port.
 */
static __always_inline __u64 deferral_timeout(const struct flow *f, __u32 deferred)
{
	if (!(deferred & DEFERRED_LISTENER))
		return TUNNEL_TIMEOUT;
	__u32 uid = f->uid;
	struct owner *o = bpf_map_lookup_elem(&owners, &uid);

	if (!o || !o->proxies)
		return deferred & DEFERRED_TUNNEL ? TUNNEL_TIMEOUT : SECOND / 4;
	return o->without_port ? 60 * SECOND : 2 * SECOND;
}

/*
 * Whether a body may have ended without a sign. One whose bounds are known has not, however long it pauses: if its connection is
 * gone, its socket tells, where it can be asked.
 */
static __always_inline int may_be_over(const struct flow *f)
{
	__u8 state = f->in.state;

	if (state == DIR_TUNNEL)
		return 0;
	return !f->has_local_socket ||
	       !(state == DIR_BODY || state == DIR_CHUNKED || is_in_frames(&f->in) || ends_with_connection(&f->in));
}

/* Returns how many requests are open or receive a body. */
__noinline int sweep_exchanges(struct flow *f, const struct sweep *c)
{
	int busy = 0;

	if (!f || !c)
		return 0;
	__u32 first = f->oldest;

	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = first + i;

		if (number == f->started)
			break;
		enum phase phase = phase_of(f, number);
		struct exchange *x = exchange_of(f, number);
		if (phase == PHASE_OPEN) {
			struct slot *s = slot_of_exchange(x);

			busy++;
			if (x->deferred && c->now > x->at_ns + deferral_timeout(f, x->deferred))
				commit_deferred(f, number);
			if (s && !x->deferred && (s->oldest_epoch != c->epoch || x->at_ns < s->oldest_ns)) {
				s->oldest_ns = x->at_ns;
				s->oldest_epoch = c->epoch;
			}
		} else if (phase == PHASE_ANSWERED) {
			busy++;
			if (may_be_over(f) && c->now > f->in.last_ns + BODY_SILENCE)
				book_any_end(f, number, f->in.last_ns, 0);
		}
	}
	return busy;
}

static __always_inline enum suspicion suspicion_of(struct flow *f, const struct sweep *c, __u64 seen)
{
	if (c->now < seen + FIRST_ASKED)
		f->asked = 0;
	if (!f->has_local_socket || f->closed || f->kind != KIND_HTTP)
		return UNSUSPECTED;
	if (c->now > seen + SUSPECT_AFTER && c->epoch % CHECK_EVERY == 0)
		return PERHAPS_GONE;
	return f->asked < ASKED_MOST && c->now > seen + (FIRST_ASKED << f->asked) ? SILENT : UNSUSPECTED;
}

/* The helper retires none that a flow has. */
static __always_inline void keep_wire(const struct flow *f, __u32 epoch)
{
	struct wire *w = f->wire ? wire_at(f->wire) : 0;

	if (w && w->epoch != epoch)
		w->epoch = epoch;
}

/*
 * An idle connection may outlive the index of its backend: the sweep takes it from the flow, and the next request looks the
 * address up anew. So the index is free although the connection stays open; and what found no room finds some when there is.
 * `busy`: an exchange still counts for the index. OTHER needs no such care, because it is never given to an address.
 */
static __always_inline void sweep_backend(struct flow *f, const struct sweep *c, int busy)
{
	__u32 index = *(volatile __u32 *)&f->backend;
	struct backend *b = index ? backend_of(index) : 0;
	int has_connect_to_book = f->kind == KIND_HTTP && f->fresh && f->started && !f->counted_connect;

	if (!b)
		return;
	int needed = has_connect_to_book || (busy && index != OTHER_BACKEND);

	/* also where it is taken away: a request may be beginning with it at this moment */
	if ((needed || b->retiring) && b->used_epoch != c->epoch)
		b->used_epoch = c->epoch;
	if (!needed && b->retiring)
		__sync_val_compare_and_swap(&f->backend, index, 0);
}

/* Returns whether the flow is to be deleted. */
static __always_inline int sweep_flow(struct flow *f, const struct sweep *c, struct work *w)
{
	__u64 seen = latest(f->out.last_ns, f->in.last_ns);

	if (connect_timed_out(f, c->now)) {
		f->given_up = 1;
		book_connect_failure(f, w, 1);
	}
	keep_wire(f, c->epoch);
	book_passed(f);
	if (nginx_only && f->kind == KIND_NOT_NGINX && f->left_out && c->now > f->out.last_ns + deferral_timeout(f, f->deferred))
		count_left_out(f, X_NOT_NGINX);
	if ((f->deferred & DEFERRED_LISTENER) && leads_to_proxy(f))
		exclude(f);
	int busy = sweep_exchanges(f, c);
	sweep_backend(f, c, busy);
	if (busy || f->out.ranges || f->in.ranges) {
		f->suspect = suspicion_of(f, c, seen);
		suspects += f->suspect != UNSUSPECTED;
	}
	if (busy)
		return 0;
	seen = latest(seen, f->last_syn_ns);
	if (!seen) /* being made at this moment */
		return 0;
	if (f->closed)
		return c->now > seen + SECOND;
	if (f->given_up) /* its next SYN was due by then: a dead backend must not fill the map */
		return c->now > seen + latest(3 * SECOND, 2 * f->syn_gap_ns) + OVER;
	return c->now > seen + (f->fin_out && f->nginx ? OVER : IDLE);
}

/* Within TLS: its socket's end ends it. */
static long sweep_plaintext(struct bpf_map *map, __u64 *key, struct flow *f, struct sweep *c)
{
	__u64 socket = *key;
	int busy;

	keep_wire(f, c->epoch);
	book_passed(f);
	busy = sweep_exchanges(f, c);
	sweep_backend(f, c, busy);
	if (!busy && c->now > latest(f->out.last_ns, f->in.last_ns) + PLAINTEXT_IDLE)
		forget_plaintext(socket, f);
	return 0;
}

static long sweep4(struct bpf_map *map, struct key4 *key, struct flow *f, struct sweep *c)
{
	struct work w = {};
	struct key4 k = *key;

	remote_of_keys(&w, (__u8 *)&k.remote, 4, k.rport, k.netid);
	if (!sweep_flow(f, c, &w))
		return 0;
	delete_line(f);
	if (!bpf_map_delete_elem(map, &k) && c->more)
		ADD(flow_map_use.more4, -1);
	return 0;
}

static long sweep6(struct bpf_map *map, struct key6 *key, struct flow *f, struct sweep *c)
{
	struct work w = {};
	struct key6 k = *key;

	remote_of_keys(&w, k.remote, 16, k.rport, k.netid);
	if (!sweep_flow(f, c, &w))
		return 0;
	delete_line(f);
	if (!bpf_map_delete_elem(map, &k) && c->more)
		ADD(flow_map_use.more6, -1);
	return 0;
}

/*
 * An open request is never given up while its socket exists, however long it takes. The end of the connection may be lost with an
 * interface that was removed. Only a tc program may look up sockets, so the helper runs these with an empty packet. It runs
 * with bottom halves off: it may take locks.
 */
static __always_inline void give_up(struct flow *f)
{
	end_all(f, OUTCOME_UNANSWERED, bpf_ktime_get_ns());
	count_shared(L_EVICTED);
	f->closed = 1;
}

/* What its socket has received and sent, seen or not. A FIN takes a sequence number, which is no payload. */
__noinline int catch_up_with_socket(struct __sk_buff *skb, struct flow *f, const struct socket_facts *k)
{
	if (!f || !k)
		return 0;
	int ended = k->state == BPF_TCP_CLOSE_WAIT || k->state == BPF_TCP_LAST_ACK || k->state == BPF_TCP_CLOSING;
	__u32 received = k->rcv_nxt - ended, sent = k->snd_una - (k->state == BPF_TCP_FIN_WAIT2);

	answers_arrived(skb, f, received);
	requests_arrived(f, sent);
	if (ended && !f->fin_in && f->in.synced && f->in.next == received) {
		f->fin_in = 1;
		end_all(f, OUTCOME_CLOSED, bpf_ktime_get_ns());
	}
	return 0;
}

struct check_context {
	struct __sk_buff *skb;
	struct scratch *scratch;
};

/* A socket of any namespace, by its address. It is the flow's as long as it has its tuple. */
static __always_inline int read_socket_at(__u64 address, const struct bpf_sock_tuple *t, __u32 size, struct socket_facts *facts)
{
	struct tcp_sock *tcp = (struct tcp_sock *)(long)address;
	struct sock *sk = (struct sock *)tcp;
	int four = size == sizeof(t->ipv4);
	__u16 rport = four ? t->ipv4.sport : t->ipv6.sport, lport = four ? t->ipv4.dport : t->ipv6.dport;

	if (!address || BPF_CORE_READ(sk, __sk_common.skc_dport) != rport ||
	    BPF_CORE_READ(sk, __sk_common.skc_num) != bpf_ntohs(lport) ||
	    (four ? BPF_CORE_READ(sk, __sk_common.skc_daddr) != t->ipv4.saddr
		  : BPF_CORE_READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[3]) != t->ipv6.saddr[3]))
		return 0;
	facts->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	facts->rcv_nxt = BPF_CORE_READ(tcp, rcv_nxt);
	facts->snd_una = BPF_CORE_READ(tcp, snd_una);
	facts->is_full = 1;
	return 1;
}

/* Returns 1 when enough were asked. */
static __always_inline int ask_for(struct check_context *c, struct flow *f, struct bpf_sock_tuple *t, __u32 size)
{
	struct socket_facts *k = &c->scratch->socket;
	int found = BY_CGROUP ? read_socket_at(FLOW_SOCKET(f), t, size, k) : read_socket(c->skb, t, size, k), alive;

	alive = found && (k->state == BPF_TCP_ESTABLISHED || k->state == BPF_TCP_CLOSE_WAIT || k->state == BPF_TCP_FIN_WAIT2);
	if (alive && k->is_full)
		catch_up_with_socket(c->skb, f, k);
	else if (found && k->state == BPF_TCP_FIN_WAIT1 && f->nginx)
		fin_out(f, 0); /* nginx has given up, and its FIN reaches no device */
	else if (!alive && f->suspect == PERHAPS_GONE)
		give_up(f);
	f->suspect = UNSUSPECTED;
	f->asked++;
	return ++sockets_asked >= AT_ONCE;
}

static long check4(struct bpf_map *map, struct key4 *key, struct flow *f, struct check_context *c)
{
	struct bpf_sock_tuple t = {};

	if (!f->suspect)
		return 0;
	t.ipv4.saddr = key->remote;
	t.ipv4.daddr = key->local;
	t.ipv4.sport = key->rport;
	t.ipv4.dport = key->lport;
	return ask_for(c, f, &t, sizeof(t.ipv4));
}

static long check6(struct bpf_map *map, struct key6 *key, struct flow *f, struct check_context *c)
{
	struct bpf_sock_tuple t = {};

	if (!f->suspect)
		return 0;
	__builtin_memcpy(t.ipv6.saddr, key->remote, 16);
	__builtin_memcpy(t.ipv6.daddr, key->local, 16);
	t.ipv6.sport = key->rport;
	t.ipv6.dport = key->lport;
	return ask_for(c, f, &t, sizeof(t.ipv6));
}

SEC("tc")
int upstreamtop_check(struct __sk_buff *skb)
{
	struct scratch *s = take_scratch(skb);
	struct check_context c = {.skb = skb, .scratch = s};

	if (!s)
		return 0;
	sockets_asked = 0;
	bpf_for_each_map_elem(&flows4, check4, &c, 0);
	bpf_for_each_map_elem(&flows6, check6, &c, 0);
	if (flow_map_use.more4)
		bpf_for_each_map_elem(&more_flows4, check4, &c, 0);
	if (flow_map_use.more6)
		bpf_for_each_map_elem(&more_flows6, check6, &c, 0);
	give_scratch(s);
	return 0;
}

SWEEP
int upstreamtop_sweep(struct sweep *ctx)
{
	struct sweep c = {.now = bpf_ktime_get_ns(), .epoch = ctx->epoch};

	bpf_for_each_map_elem(&flows4, sweep4, &c, 0);
	bpf_for_each_map_elem(&flows6, sweep6, &c, 0);
	if (reads_tls)
		bpf_for_each_map_elem(&plaintexts, sweep_plaintext, &c, 0);
	sweep_calls(&c);
	sweep_attempts(&c);
	flow_map_use.full4 = flow_map_use.full6 = 0;
	if (!BY_CGROUP)
		delete_translations();
	return 0;
}

/* The large maps, one at a time: nothing else runs on this CPU meanwhile. */
SWEEP
int upstreamtop_sweep_more4(struct sweep *ctx)
{
	struct sweep c = {.now = bpf_ktime_get_ns(), .epoch = ctx->epoch, .more = 1};

	bpf_for_each_map_elem(&more_flows4, sweep4, &c, 0);
	return 0;
}

SWEEP
int upstreamtop_sweep_more6(struct sweep *ctx)
{
	struct sweep c = {.now = bpf_ktime_get_ns(), .epoch = ctx->epoch, .more = 1};

	bpf_for_each_map_elem(&more_flows6, sweep6, &c, 0);
	return 0;
}
