/*
 * nginx's connections by their sockets' states. A socket knows what no packet tells: a SYN that reached no device, a SYN-ACK that
 * was dropped on this host, the error that nginx gets, and who ended a connection that carried nothing.
 *
 * The tracepoint fires for every TCP socket of the machine, in the process that connects or closes and in softirq. While a
 * tracing program runs, the kernel does not run it again on that CPU: an event in softirq that interrupts the program in a
 * process would be lost. So there are two: while one runs, the other sees what interrupts it. What the first has followed the
 * second skips, and what both follow is booked once, because an event leads to a state in which the attempt is already.
 *
 * Some kernels run no tracing program at all in softirq while a process that they protect is the current one. What nginx itself
 * does is always seen, so an event that was not is found out at the socket's next one, or when nginx gives the socket up.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/maps.h"
#include "kernel/packet/ports.h"
#include "kernel/host/own-doors.h"
#include "kernel/host/sender.h"
#include "kernel/host/listening.h"
#include "kernel/packet/sequence.h"
#include "attempts.h"
#include "connect-calls.h"
#include "flows.h"
#include "plaintext.h"
#include "sockmap.h"
#include "unread.h"

#define SHUTDOWN_MASK 3
#define AF_INET	      2
#define AF_INET6      10

static __always_inline __u32 namespace_of(const struct sock *sk)
{
	return sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline int is_ours(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6) &&
	       (BY_CGROUP ? is_in_group() : namespace_of(sk) == netid);
}

/* Whether nginx connects to itself. */
static __always_inline int is_own_door(const struct sock *sk, const struct attempt *a)
{
	return has_port(&listen_port_set, a->remote.port) &&
	       is_door_of(&a->remote, a->instance, sk->sk_dst_cache->dev->ifindex == LOOPBACK);
}

static __always_inline void insert_attempt(__u64 key, const struct attempt *a)
{
	int other = a->rank != NGINX_OF_ROOT;

	if ((other && attempts_of_others >= ATTEMPTS_OF_OTHERS) || bpf_map_update_elem(&attempts, &key, a, BPF_ANY))
		count_shared(L_MAP_REFUSED);
	else if (other)
		ADD(attempts_of_others, 1);
}

static __always_inline int forget_attempt(__u64 key, const struct attempt *a)
{
	int listed = a->listed, other = a->rank != NGINX_OF_ROOT;

	if (bpf_map_delete_elem(&attempts, &key))
		return 0;
	if (listed)
		bpf_map_delete_elem(&unread_sockets, &key);
	if (other)
		ADD(attempts_of_others, -1);
	return 1;
}

/* connect() has found a route. The source port comes later, the SYN too. */
static __always_inline void attempt_begins(const struct sock *sk, __u64 key)
{
	struct attempt *known = bpf_map_lookup_elem(&attempts, &key), a = {};
	struct sender who = {};
	__u32 six[4];

	if (!take_call(&a)) {
		if (known && known->state == TCP_SYN_SENT)
			return;
		sender_now(&who);
		if (!who.instance)
			return;
		attempt_of(&a, &who);
	}
	if (!is_ours(sk) || stopping)
		return;
	six[0] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
	six[1] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];
	six[2] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
	six[3] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3];
	__builtin_memset(&a.remote, 0, sizeof(a.remote));
	remote_of_words(&a.remote, sk->__sk_common.skc_family == AF_INET6, sk->__sk_common.skc_daddr, six,
			sk->__sk_common.skc_dport, namespace_of(sk));
	/* another socket that had this memory, whose end was not seen at all */
	if (known)
		forget_attempt(key, known);
	a.state = TCP_SYN_SENT;
	a.booked_sent = a.booked_received = a.at_ns;
	if (is_in_scope(&a.remote))
		insert_attempt(key, &a);
}

/* Whether any payload has left; a socket that cannot be asked is taken for one that has sent. */
static __always_inline int has_sent(struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	return !tcp || tcp->bytes_sent;
}

/*
 * What ICMP said of the first SYN, while connect() still had the socket: that ends nothing, but is told to nginx, who then closes
 * it. His asking clears the error, and leaves it in this queue.
 */
static __always_inline int queued_error(struct sock *sk)
{
	struct sk_buff *first = sk->sk_error_queue.next;
	struct sock_exterr_skb *said = (struct sock_exterr_skb *)first->cb;

	return sk->sk_error_queue.qlen ? BPF_CORE_READ(said, ee.ee_errno) : 0;
}

/* A segment has arrived for it: what ended it in SYN_SENT was a RST. */
static __always_inline int has_received(struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	return tcp && tcp->segs_in;
}

/*
 * Why there is no connection. Without an error: nginx has closed the socket because it waited for too long, or connect() itself
 * has failed behind SYN_SENT, for want of a free port; or its end was not seen, and nginx has taken the error since.
 */
static __always_inline enum attempt_failure failure_of(struct sock *sk, int was_unseen)
{
	int error = sk->sk_err;

	if (!error)
		error = queued_error(sk);
	if (error == ECONNREFUSED || (!error && was_unseen && has_received(sk)))
		return REFUSED;
	if (error == ETIMEDOUT || (!error && !was_unseen && sk->sk_shutdown == SHUTDOWN_MASK))
		return CONNECT_TIMEOUT;
	return UNREACHABLE;
}

/*
 * An established connection is closed at once. A RST of the peer is an error, unless nginx asks the socket for its error at this
 * very moment, which clears it. When nginx closes it, the socket is shut down before; a timeout is the kernel's.
 */
static __always_inline int is_reset_by_peer(const struct sock *sk)
{
	return sk->sk_err == ECONNRESET || (!sk->sk_err && sk->sk_shutdown != SHUTDOWN_MASK);
}

/* `from`: the state before. `was_unseen`: the event; only a RST of the peer ends an established connection without nginx. */
static __always_inline void attempt_ends(struct sock *sk, struct attempt *a, int from, int was_unseen)
{
	if (!a->established) {
		enum attempt_failure why = failure_of(sk, was_unseen);

		/* refused by its own door: nobody listens there any more */
		if (why == REFUSED || !is_own_door(sk, a))
			book_attempt_failure(a, why);
		return;
	}
	if ((a->peer_ended || (from == TCP_ESTABLISHED && (was_unseen || is_reset_by_peer(sk)))) && !has_sent(sk) &&
	    !a->half_seen)
		book_attempt_failure(a, EARLY_CLOSE);
}

/* The flow of the socket's own tuple: its SYN has made one, if we saw it leave. A closed socket has its port in `inet_sport`
 * only. */
static __always_inline struct flow *flow_of(struct sock *sk)
{
	const struct sock_common *c = &sk->__sk_common;
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u32 six[4] = {};

	if (!tcp)
		return 0;
	__u16 lport = tcp->inet_conn.icsk_inet.inet_sport;

	six[0] = c->skc_v6_daddr.in6_u.u6_addr32[0];
	six[1] = c->skc_v6_daddr.in6_u.u6_addr32[1];
	six[2] = c->skc_v6_daddr.in6_u.u6_addr32[2];
	six[3] = c->skc_v6_daddr.in6_u.u6_addr32[3];
	/* the kernel keeps the IPv4 addresses of a mapped one, too */
	if (c->skc_family == AF_INET || is_mapped(six)) {
		struct key4 key = {.netid = namespace_of(sk), .rport = c->skc_dport, .lport = lport};

		key.remote = c->skc_daddr;
		key.local = c->skc_rcv_saddr;
		return find4(&key);
	}
	struct key6 key = {.netid = namespace_of(sk), .rport = c->skc_dport, .lport = lport};
	__u32 *local = (__u32 *)key.local;

	__builtin_memcpy(key.remote, six, sizeof(key.remote));
	local[0] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[0];
	local[1] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[1];
	local[2] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[2];
	local[3] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
	return find6(&key);
}

/*
 * The connection is over, and what nginx wrote last, between two messages, was never seen to leave: it waits for no answer any
 * more. Its peer has acknowledged none of it, or it would have passed elsewhere. The kernel sends it again for a while, and when
 * it leaves at last it is no request.
 */
static __always_inline int has_request_left_over(struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct flow *f = tcp ? flow_of(sk) : 0;

	if (!f || f->kind != KIND_HTTP || !f->fresh || f->out.state != DIR_LINE || f->out.ranges ||
	    !seq_after(tcp->write_seq, f->out.next) || seq_after(tcp->snd_una, f->out.next))
		return 0;
	f->kind = KIND_NOT_HTTP;
	return 1;
}

/*
 * The kernel has given the connection up, and no packet says so: nobody has acknowledged what nginx sent (tcp_retries2,
 * TCP_USER_TIMEOUT). A reset was seen to arrive.
 */
static __always_inline void end_if_given_up(struct sock *sk)
{
	int error = sk->sk_err;
	struct flow *f = error && error != ECONNRESET ? flow_of(sk) : 0;

	if (!f || f->kind != KIND_HTTP)
		return;
	end_all(f, OUTCOME_UNANSWERED, bpf_ktime_get_ns());
	f->closed = 1;
}

/*
 * nginx closes a connection on which it had stopped sending, and read on (see fin_out). No packet says so: its FIN has left long
 * ago. Where the backend's FIN or RST ended it, packets have booked that.
 */
static __always_inline void end_if_left(struct sock *sk)
{
	struct flow *f = sk->sk_shutdown == SHUTDOWN_MASK && !has_fin(sk->__sk_common.skc_flags) && !sk->sk_err ? flow_of(sk) : 0;

	if (!f || f->kind != KIND_HTTP || !f->nginx || !f->fin_out || f->fin_in || f->in.ranges)
		return;
	end_all(f, OUTCOME_ABORTED, bpf_ktime_get_ns());
}

static __always_inline int is_nearly_closed(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSE;
}

/* Returns whether it is followed any longer: not if nginx has connected to itself. */
static __always_inline int attempt_succeeds(struct sock *sk, __u64 key, struct attempt *found)
{
	struct attempt a;

	found->ports = sk->__sk_common.skc_portpair;
	found->established = 1;
	a = *found;
	if (is_own_door(sk, &a)) {
		forget_attempt(key, &a);
		return 0;
	}
	if (!has_new)
		has_new = 1;
	if (reads_tls) {
		found->connected_ns = bpf_ktime_get_ns();
		*(volatile __u32 *)&found->owes_connect = 1;
	} else {
		book_established(&a, bpf_ktime_get_ns());
	}
	/* its SYN left where we see nothing, and so will its requests */
	if (!flow_of(sk))
		count_half_seen(found);
	return 1;
}

/* What leads from SYN_SENT to `to`, seen or not. A socket that was never connected has received no sequence number. */
static __always_inline int has_connected(struct sock *sk, int to)
{
	struct tcp_sock *tcp = to == TCP_CLOSE ? bpf_skc_to_tcp_sock(sk) : 0;

	return to == TCP_CLOSE ? tcp && tcp->rcv_nxt : to != TCP_SYN_RECV;
}

static __always_inline void attempt_goes_on(struct sock *sk, __u64 key, int to, int was_unseen)
{
	struct attempt *found = bpf_map_lookup_elem(&attempts, &key), a;
	int from;

	if (!found || found->state == to)
		return;
	from = found->state;
	found->state = to;
	if (!found->established && has_connected(sk, to)) {
		from = TCP_ESTABLISHED;
		if (!attempt_succeeds(sk, key, found))
			return;
	}
	if ((from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT) && is_nearly_closed(to) && has_request_left_over(sk)) {
		a = *found;
		book_attempt_failure(&a, UNREACHABLE);
	}
	if (to == TCP_CLOSE_WAIT || to == TCP_CLOSE)
		note_sockmap(sk, found);
	if (to == TCP_CLOSE) {
		/* before it is forgotten: the sweep may book at the same time */
		leave_tls_unread(found);
		settle_connect(found, found->connected_ns);
		book_rest(sk, found);
		a = *found;
		if (forget_attempt(key, &a))
			attempt_ends(sk, &a, from, was_unseen);
	} else if (to == TCP_CLOSE_WAIT) {
		found->peer_ended = 1;
	} else if (to == TCP_LAST_ACK) {
		/* also if its FIN was not seen to arrive */
		found->peer_ended = 1;
		if (!has_sent(sk) && !found->half_seen)
			expect_retry(found);
	}
}

/* Tests do not see what happens while another process is the current one. */
#ifdef UNSEEN_BESIDE_NGINX
static __always_inline int is_seen(void)
{
	return is_nginx_now((struct task_struct *)bpf_get_current_task_btf());
}
#else
static __always_inline int is_seen(void)
{
	return 1;
}
#endif

static __always_inline void follow(struct sock *sk, int from, int to)
{
	__u64 key = (__u64)(long)sk;

	if (!is_seen())
		return;
	/* also of a connection that is older than we are, and so of no attempt */
	if ((from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT) && to == TCP_CLOSE)
		end_if_given_up(sk);
	else if (from == TCP_FIN_WAIT2 && to == TCP_CLOSE)
		end_if_left(sk);
	plaintext_goes_on(sk, key, to);
	if (to == TCP_LISTEN)
		listening_begins(sk);
	else if (to == TCP_SYN_SENT)
		attempt_begins(sk, key);
	else
		attempt_goes_on(sk, key, to, 0);
}

static __always_inline struct followed *followed_event(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&followed_events, &zero);
}

SEC("tp_btf/inet_sock_set_state")
int upstreamtop_states(__u64 *context)
{
	struct sock *sk = (struct sock *)context[0];
	struct followed *f = followed_event();
	int to = context[2];

	if (f) {
		f->state = to;
		*(volatile __u64 *)&f->socket = (__u64)(long)sk;
	}
	follow(sk, context[1], to);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int upstreamtop_states_too(__u64 *context)
{
	struct sock *sk = (struct sock *)context[0];
	struct followed *f = followed_event();
	int to = context[2];

	if (f && f->socket == (__u64)(long)sk && f->state == to) {
		f->socket = 0;
		return 0;
	}
	follow(sk, context[1], to);
	return 0;
}

/* The last that is heard of a socket: if its end was seen, the attempt is gone. */
SEC("tp_btf/tcp_destroy_sock")
int upstreamtop_socket_ends(__u64 *context)
{
	struct sock *sk = (struct sock *)context[0];

	plaintext_over(sk, (__u64)(long)sk);
	attempt_goes_on(sk, (__u64)(long)sk, TCP_CLOSE, 1);
	return 0;
}
