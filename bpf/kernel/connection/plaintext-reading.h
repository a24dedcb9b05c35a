/*
 * What nginx writes and has read within TLS, as the request and answer machines read it: in order and whole, one connection in
 * one process, so that no lock is needed. A connection is known by its socket, and its backend by the attempt to connect.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/frames.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/host/own-doors.h"
#include "kernel/host/sender.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/ports.h"
#include "kernel/packet/sequence.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/holes.h"
#include "kernel/counting/routes.h"
#include "kernel/counting/wires.h"
#include "attempts.h"
#include "connect-calls.h"
#include "passed.h"
#include "plaintext.h"
#include "reading.h"

static const struct flow no_plaintext = {};

/* What the machine asks of a segment: where it lies in the plaintext. */
static __always_inline void packet_at(struct packet *p, __u32 seq, __u32 len, __u32 ack)
{
	__builtin_memset(p, 0, sizeof(*p));
	p->seq = seq;
	p->ack = ack;
	p->len = len;
	p->flags = TCP_ACK;
}

/* What is known of it from connecting. */
static __always_inline void take_attempt(struct flow *f, const struct attempt *a, __u32 row)
{
	f->fresh = BOOKED_BY_SOCKET;
	f->counted_connect = 1;
	f->nginx = a->rank;
	f->uid = a->uid;
	f->pid = a->pid;
	f->retry = a->retry;
	f->backend = row;
	f->wire = wire_of_attempt(a, row) ? a->wire : 0;
	f->syn_ns = a->at_ns;
}

/* A request as far as its first bytes tell: a tunnel, or the rest of a body, is none. */
static __always_inline int begins_request(source_t *source, struct scratch *s, __u32 len)
{
	__u32 n = len > 32 ? 32 : len;

	s->work.off = 0;
	if (load_chunk(source, s, n))
		return 0;
	return may_be_request(s->chunk.bytes, n);
}

static __always_inline int begins_stream(const struct scratch *s, __u32 len)
{
	return len >= 10 && h2_is_request(s->chunk.bytes, FRONT, 0);
}

static __always_inline int may_begin(source_t *source, struct scratch *s, __u32 len)
{
	return begins_request(source, s, len) || begins_stream(s, len);
}

static __always_inline int leads_to_own_door(const struct sock *sk, const struct backend_key *remote, __u32 instance)
{
	return has_port(&listen_port_set, remote->port) &&
	       is_door_of(remote, instance, BPF_CORE_READ(sk, sk_dst_cache, dev, ifindex) == LOOPBACK);
}

/*
 * nginx's connection is older than the programs that follow connections, and a request begins on it. Whose it is the process
 * tells, because it is the one that writes. Returns whether it is read.
 */
static __always_inline int is_older(source_t *source, struct scratch *s, __u32 len, struct sender *who)
{
	const struct sock *sk = (const struct sock *)(long)source->socket;
	struct backend_key remote = {};

	remote_of_socket(sk, &remote);
	if (!(every_namespace ? is_in_group() : remote.netid == netid))
		return 0;
	if (!remote.port || !is_in_scope(&remote) || !may_begin(source, s, len))
		return 0;
	sender_now(who);
	return who->instance && !leads_to_own_door(sk, &remote, who->instance);
}

static __always_inline void take_older(struct flow *f, const struct sender *who, const struct scratch *s, __u32 len)
{
	f->nginx = rank_of(who);
	f->uid = who->uid;
	f->pid = who->pid;
	f->deferred = DEFERRED_TUNNEL; /* it may be one: who answers tells */
	if (!begins_stream(s, len))
		return;
	frames_begin(&f->out, H2_FRAME);
	frames_begin(&f->in, H2_FRAME);
	f->out.frames.seen = H2_SETTLED;
	f->in.frames.seen = H2_SETTLED;
}

static __always_inline struct flow *insert_plaintext(__u64 socket, enum rank rank)
{
	int other = rank != NGINX_OF_ROOT;

	if ((other && plaintexts_of_others >= PLAINTEXTS_OF_OTHERS) ||
	    bpf_map_update_elem(&plaintexts, &socket, &no_plaintext, BPF_NOEXIST)) {
		count_shared(L_MAP_REFUSED);
		return 0;
	}
	if (other)
		ADD(plaintexts_of_others, 1);
	return bpf_map_lookup_elem(&plaintexts, &socket);
}

/* A connection on which nothing was read yet. 0 where nothing is to be read, or without room. */
static __always_inline struct flow *begin_plaintext(source_t *source, struct scratch *s, struct attempt *a, __u64 sent, __u32 len)
{
	struct sender who = {};
	__u64 socket = source->socket;
	struct flow *f;

	if (!a && !is_older(source, s, len, &who))
		return 0;
	/* what went before was written while its probes were being set: the rest of a body tells nothing */
	if (a && sent && !may_begin(source, s, len))
		return 0;
	f = insert_plaintext(socket, a ? a->rank : rank_of(&who));
	if (!f)
		return 0;
	f->has_local_socket = 1;
	f->out.synced = f->in.synced = 1;
	if (a)
		take_attempt(f, a, row_of(a));
	else
		take_older(f, &who, s, len);
	return f;
}

/* Its first bytes have shown what is within its TLS; the handshake is over. */
static __always_inline void settle_attempt(struct attempt *a, __u64 socket, int is_read)
{
	if (is_read) {
		*(volatile __u32 *)&a->speech = HAS_SPOKEN;
		bpf_map_delete_elem(&unread_sockets, &socket);
		a->listed = 0;
	}
	settle_connect(a, bpf_ktime_get_ns());
}

static __always_inline int has_nothing_open(struct flow *f)
{
	return !f->started || phase_of(f, f->started - 1) == PHASE_DONE;
}

/* Whatever the last request was missing passed by: a file that the kernel encrypts. */
static __always_inline void expect_request(struct dir *d)
{
	d->in_hole = 0;
	if (d->state == DIR_FRAMES) {
		d->frames.step = H2_FRAME;
		d->frames.head = 0;
	} else {
		d->state = DIR_LINE;
		d->line_length = 0;
	}
}

/*
 * Where the bytes lie in the plaintext that nginx has written. nginx counts them anew for each request on a connection that it
 * keeps (`sent`); what it could not write it offers once more, from the same count on, also where the answer came meanwhile. An
 * old nginx never counts anew.
 */
static __always_inline __u32 position_of(struct flow *f, __u64 sent)
{
	__u32 position = (__u32)(FLOW_BASE(f) + sent);

	int is_first = !f->out.last_ns;

	if (position == f->out.next || f->out.state == DIR_TUNNEL || !(is_first || (!sent && has_nothing_open(f))))
		return position;
	if (!is_first)
		expect_request(&f->out);
	FLOW_BASE(f) = f->out.next - sent;
	return f->out.next;
}

static __always_inline void add_tls_requests(struct flow *f, __u32 n)
{
	struct backend *b = n ? backend_of(*(volatile __u32 *)&f->backend) : 0;

	if (b)
		ADD(b->tls_requests, n);
}

/* Bytes from `s->work.off` on are new. */
__noinline int read_written(source_t *source, struct scratch *s, struct flow *f)
{
	if (!source || !s || !f)
		return 0;
	struct dir *d = &f->out;
	__u32 end = s->packet.seq + s->packet.len, before = f->started;

	d->last_ns = s->work.now;
	read_requests(source, f, s);
	if (s->work.len && f->kind == KIND_HTTP)
		pass_requests(f, end);
	if (d->state == DIR_LINE && f->kind == KIND_HTTP)
		add_sent(f, end);
	else if (d->in_hole)
		d->booked = end;
	move_next(d, end);
	add_tls_requests(f, f->started - before);
	return 0;
}

/* How sessions of stream {} and mail {} begin, where a request has "HTTP". */
#define SIGNATURE_STREAM 0x4d525453 /* "STRM" */
#define SIGNATURE_MAIL	 0x4c49414d

/* A tunnel's bytes: what looks like a request among them is its client's, and none of nginx. */
static __always_inline int is_of_tunnel(const source_t *source)
{
	__u32 signature = 0;

	return !bpf_probe_read_user(&signature, sizeof(signature), (const void *)(long)source->owner) &&
	       (signature == SIGNATURE_STREAM || signature == SIGNATURE_MAIL);
}

/* `sent`: how many bytes of its request nginx had written before. */
static __always_inline void plaintext_written(source_t *source, struct scratch *s, __u64 sent, __u32 len)
{
	__u64 socket = source->socket;
	struct flow *f = bpf_map_lookup_elem(&plaintexts, &socket);
	struct attempt *a = f ? 0 : attempt_of_sender(source);

	if (!f && is_of_tunnel(source)) {
		if (a) {
			leave_tls_unread(a);
			settle_connect(a, bpf_ktime_get_ns());
		}
		return;
	}
	if (!f)
		f = begin_plaintext(source, s, a, sent, len);
	if (!f || f->kind != KIND_HTTP || stopping)
		return;
	__u32 position = position_of(f, sent), skip = 0;

	if (seq_after(position, f->out.next))
		pass_requests(f, position); /* a file that the kernel encrypts */
	skip = f->out.next - position;
	if (skip >= len)
		return;
	packet_at(&s->packet, position, len, f->in.next);
	work_begin(&s->work, &s->packet, skip);
	source->read_up_to = f->in.next;
	read_written(source, s, f);
	if (a)
		settle_attempt(a, socket, f->kind == KIND_HTTP);
}

/*
 * What nginx has read could not be: what it was is not known, and nginx goes on. The exchange is settled at once, because as long
 * as it is open the next request would be taken for what nginx offers again.
 */
__noinline int answer_lost(struct flow *f)
{
	if (!f)
		return 0;
	__u32 number = f->current;

	count_shared(L_AMBIGUOUS);
	if (f->in.state == DIR_FRAMES) {
		lose_answers(f, &f->in.frames);
		return 0;
	}
	if (f->in.state == DIR_TUNNEL || !has_begun(f, number))
		return 0;
	if (phase_of(f, number) == PHASE_OPEN)
		book_unseen(f, number);
	else
		book_end(f, number, bpf_ktime_get_ns(), 0);
	next_answer(f);
	f->in.in_hole = BEHIND_HOLE;
	return 0;
}

__noinline int plaintext_read(source_t *source, struct scratch *s, struct flow *f, __u32 len)
{
	if (!source || !s || !f)
		return 0;
	struct dir *d = &f->in;
	__u64 before = d->last_ns;

	skip_ended_answers(f);
	packet_at(&s->packet, d->next, len, f->out.next);
	work_begin(&s->work, &s->packet, 0);
	d->last_ns = s->work.now;
	read_answers(source, f, s, before);
	f->peer_ack = f->out.next;
	move_next(d, s->packet.seq + len);
	if (source->failed)
		answer_lost(f);
	return 0;
}

/* nginx has read what there was: 0, or an error that is none of "not yet". */
static __always_inline void plaintext_ended(struct flow *f, __u64 socket, long result)
{
	const struct sock *sk = (const struct sock *)(long)socket;
	int state = BPF_CORE_READ(sk, __sk_common.skc_state);

	/* nginx takes a RST for an end like any other */
	if (f->closed || (state == TCP_CLOSE && !f->fin_in))
		end_all(f, OUTCOME_RESET, bpf_ktime_get_ns());
	else if (!result || f->fin_in || state == TCP_CLOSE_WAIT)
		end_all(f, OUTCOME_CLOSED, bpf_ktime_get_ns());
}
