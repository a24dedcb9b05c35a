/*
 * A request begins: its line is complete, its route is found, and requests that were pending before it are ended where possible.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/line.h"
#include "kernel/parser/protocol.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/sequence.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sockets.h"
#include "kernel/counting/established.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/holes.h"
#include "kernel/counting/routes.h"
#include "kernel/counting/wires.h"

/* After a failed connect a worker tries the next upstream, over a new connection or an idle one. */
static __always_inline int follows_failed_connect(struct flow *f, __u64 now)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	__u32 pid = task->tgid;
	__u64 *failed = bpf_map_lookup_elem(&failed_connects, &pid);

	if (!failed || now - *failed > SECOND / 10)
		return 0;
	bpf_map_delete_elem(&failed_connects, &pid);
	return 1;
}

/* Retries are inferred, only within 100 ms after a failure. */
static __always_inline void book_retry(struct flow *f, struct slot *slot, __u64 hash, __u64 now)
{
	if (f->retry) {
		f->retry = 0;
		ADD(slot->retries, 1);
		return;
	}
	if (now - last_failure_ns > SECOND / 10)
		return;
	struct failed_line *failed = hash ? bpf_map_lookup_elem(&failed_lines, &hash) : 0;
	if (failed && failed->backend != f->backend && now - failed->at_ns <= SECOND / 10)
		bpf_map_delete_elem(&failed_lines, &hash);
	else if (!f->nginx || !follows_failed_connect(f, now))
		return;
	ADD(slot->retries, 1);
}

/*
 * A request is pending while the next one leaves. A body without a known end ends here. Where the ACK number covers bytes that
 * were not seen, the answer was among them. Returns whether the request is over now.
 */
static __always_inline int end_if_over(struct flow *f, __u32 number, enum phase phase, __u32 ack)
{
	struct exchange *x = exchange_of(f, number);
	__u32 expected = f->in.synced ? f->in.next : x->flags & NO_ACK ? ack : x->ack;
	int missed = seq_after(ack, expected);

	/* acknowledged bytes have arrived, whether they were seen or not */
	if (number == f->current && f->in.state >= DIR_HEAD && (missed || f->in.state == DIR_BODY_UNTIL_CLOSE))
		book_received(f, number, missed ? ack : f->in.next);
	if (phase == PHASE_ANSWERED && (missed || f->in.state == DIR_BODY_UNTIL_CLOSE)) {
		book_end(f, number, f->in.last_ns, 0);
		return 1;
	}
	if (phase == PHASE_OPEN && missed) {
		/* mostly of a direction that was never seen: where it was, what lay in a hole is settled already */
		book_missed(f, number);
		return 1;
	}
	return 0;
}

/* Settles what is pending, and returns whether nothing is any more. */
static __always_inline int end_before_request(struct flow *f, __u32 ack)
{
	__u32 first = f->oldest;
	int alone = 1;

	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = first + i;

		if (number == f->started)
			break;
		enum phase phase = phase_of(f, number);
		if (phase != PHASE_DONE && !end_if_over(f, number, phase, ack))
			alone = 0;
		if (alone)
			f->oldest = number + 1;
	}
	return alone;
}

/* The listen port was learned after this connection had begun. */
static __always_inline int leads_to_front_door(struct flow *f, struct scratch *s)
{
	if (f->nginx || !(leads_to_proxy(f) || (s->work.ifindex == 1 && is_listen_port(&s->packet, REMOTE_END))))
		return 0;
	f->kind = KIND_FRONT_DOOR;
	count(X_FRONT_DOOR);
	return 1;
}

/* A request begins; what was pending before it is settled. `stream`: 0 in HTTP/1. Returns whether it is booked later: enum
 * deferral. */
static __always_inline __u32 open_exchange(struct flow *f, struct scratch *s, struct slot *counters, __u32 slot, __u32 flags,
					   __u32 stream)
{
	__u64 now = s->work.now;
	__u32 number = f->started;
	struct exchange *x = exchange_of(f, number);
	__s32 outcome = 0;

	/*
	 * Booked before the exchange is written: its cache line comes from the CPU that saw the last answer, and an atomic add
	 * would wait for it. `deferred` is read once, because an answer may clear it at any moment.
	 */
	__u32 deferred = *(volatile __u8 *)&f->deferred;
	if (!deferred) {
		ADD(counters->requests, 1);
		add_wire_request(f);
		count(T_REQUESTS);
	}
	x->slot = slot;
	x->generation = counters->generation;
	x->at_ns = f->line_ns;
	x->lead_us = f->fresh && !number ? micros_between(f->syn_ns, f->line_ns) : 0;
	x->ack = s->work.ack;
	x->hash = s->work.hash;
	x->stream = stream;
	x->status = 0;
	x->flags = s->packet.flags & TCP_ACK ? flags : (flags & ~IS_ALONE) | NO_ACK;
	x->deferred = deferred;
	x->sent = 0;
	*(volatile __u32 *)&x->state = state_of(number, PHASE_OPEN);
	*(volatile __u32 *)&f->started = number + 1;
	if (!(deferred & DEFERRED_LISTENER))
		book_retry(f, counters, s->work.hash, now);
	if (connect_is_due(f))
		book_connect(f, now);
	if (f->fin_in) /* sent to a peer that had closed already */
		outcome = OUTCOME_CLOSED;
	else if (f->closed) /* its RST was seen, and had not reached the socket */
		outcome = OUTCOME_RESET;
	if (outcome && stream)
		book_stream_failure(f, number, outcome, now);
	else if (outcome)
		book_failure(f, number, outcome, now);
	return deferred;
}

/* A valid request line is complete. */
__noinline int begin_request(struct flow *f, struct scratch *s, __u32 slot, __u32 flags)
{
	if (!f || !s)
		return 0;
	int alone = end_before_request(f, s->work.ack);
	struct slot *counters = slot_of(slot);

	if (!counters || leads_to_front_door(f, s))
		return 0;
	if (f->overflow || (!alone && is_taken(exchange_of(f, f->started)))) {
		/* such requests are only counted until their answers have passed, which keeps the order */
		ADD(f->overflow, 1);
		count(L_PIPELINE_OVERFLOW);
		return 0;
	}
	open_exchange(f, s, counters, slot, flags | (alone ? IS_ALONE : 0), 0);
	return 0;
}

static __always_inline void count_protocol(struct backend *b, enum protocol protocol)
{
	if (protocol == PROTOCOL_TLS)
		ADD(b->tls_connects, 1);
	else if (protocol == PROTOCOL_H2)
		ADD(b->h2_connects, 1);
	else if (protocol == PROTOCOL_FASTCGI)
		ADD(b->fastcgi_connects, 1);
	else if (protocol == PROTOCOL_UWSGI)
		ADD(b->uwsgi_connects, 1);
	else if (protocol == PROTOCOL_SCGI)
		ADD(b->scgi_connects, 1);
	else if (protocol == PROTOCOL_MEMCACHED)
		ADD(b->memcached_connects, 1);
	else
		ADD(b->other_connects, 1);
}

/* From now on the bytes of the connection are counted by its socket, if it is UNREAD. Returns whether nginx has connected it. */
static __always_inline int mark_unread(__u64 socket, enum protocol protocol, enum speech speech, __u32 retry)
{
	struct attempt *a = socket ? bpf_map_lookup_elem(&attempts, &socket) : 0;

	if (!a)
		return 0;
	a->protocol = protocol;
	a->retry = retry;
	*(volatile __u32 *)&a->speech = speech;
	list_unread(socket, a);
	return 1;
}

/* --tls, and the first bytes are TLS: what is within may be read where nginx writes it. */
static __always_inline int may_be_read_later(__u64 socket, struct flow *f, enum protocol protocol)
{
	if (FROM_MEMORY || !reads_tls || protocol != PROTOCOL_TLS || !mark_unread(socket, protocol, TLS_BEGUN, f->retry))
		return 0;
	f->kind = KIND_ENCRYPTED;
	return 1;
}

/* The connection speaks what cannot be read. */
static __always_inline int leave_unread(source_t *source, struct flow *f, struct scratch *s, enum protocol protocol)
{
	if (FROM_MEMORY)
		protocol = PROTOCOL_TLS;
	int opaque = protocol == PROTOCOL_TLS || protocol == PROTOCOL_H2;
	struct backend *b;

	f->kind = KIND_NOT_HTTP;
	if (!f->fresh)
		return 0;
	__u64 socket = key_of_sender(source);
	int later = may_be_read_later(socket, f, protocol);

	if (opaque && !later)
		f->kind = KIND_OPAQUE;
	if (opaque && !later)
		count(protocol == PROTOCOL_TLS ? X_TLS : X_H2);
	remote_of_flow(s);
	/* what other processes send counts only where it goes to a backend of nginx */
	__u32 backend = f->nginx ? backend_for_request(s, f->nginx, f->uid) : known_backend(&s->work);

	f->backend = backend;
	b = backend_of(backend);
	if (!backend || !b)
		return 0;
	if (reads_tls && !FROM_MEMORY && !later)
		settle_connect_of(f, backend);
	if (opaque && !later)
		ADD(b->opaque, 1);
	/* within TLS its packets have told that already */
	if (!FROM_MEMORY)
		count_protocol(b, protocol);
	if (!later)
		mark_unread(socket, protocol, UNREAD, 0);
	return 0;
}

/*
 * The bytes are no HTTP/1 request: TLS, HTTP/2 or anything else. Behind a hole they may be the middle of one, which says nothing
 * of the connection.
 */
__noinline int not_a_request(source_t *source, struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	s->work.stray = 1;
	if (f->started || has_passed_unseen(&f->out)) {
		count(L_AMBIGUOUS);
		f->out.state = DIR_BODY_UNTIL_CLOSE;
		if (!f->started)
			f->out.in_hole = BEHIND_HOLE | AT_REQUEST;
		return 0;
	}
	return leave_unread(source, f, s, protocol_of(s->chunk.bytes + FRONT, s->work.len));
}

/* Read once: the sweep may take it from the flow at any moment. */
static __always_inline __u32 backend_of_flow(struct flow *f, struct scratch *s)
{
	__u32 backend = *(volatile __u32 *)&f->backend;

	if (backend)
		return backend;
	remote_of_flow(s);
	backend = backend_for_request(s, f->nginx, f->uid);
	f->backend = backend;
	if (reads_tls && !FROM_MEMORY)
		settle_connect_of(f, backend);
	if (s->packet.translated)
		f->wire = wire_for(&s->packet, backend, f->nginx);
	return backend;
}

/*
 * Who wants a tunnel names a host (RFC 9110, 9.3.6). nginx with `proxy_method CONNECT` names a path, as always, and takes the
 * answer for one like others.
 */
static __always_inline __u32 flags_of_line(const struct line *l)
{
	__u64 w = *(const __u64 *)l->method;

	if (w == 0x44414548ULL)
		return IS_HEAD;
	return w == 0x5443454e4e4f43ULL && l->path[0] != '/' ? IS_CONNECT : 0;
}

/* The slot of the line in scratch memory, which is complete. One without a hash has one from here on, for retries. */
static __always_inline __u32 slot_of_line(struct flow *f, struct scratch *s)
{
	__u32 backend = backend_of_flow(f, s);
	s->work.rank = f->nginx;
	__u32 slot = slot_for_line(s, backend);
	__u64 keyed = s->work.hash ^ backend * 0x9e3779b97f4a7c15ULL;
	struct cached_route *cached_route = s->work.hash ? cached_route_of(keyed) : 0;
	struct slot *counters = slot_of(slot);

	/* a folded line is not cached, because each one is counted (L_PATH_FOLDED) */
	if (cached_route && counters && slot < MAX_ROUTES && !s->key.cut && !s->line.method_cut)
		cache_route(cached_route, keyed, slot, counters->cache_generation);
	if (!s->work.hash)
		s->work.hash = hash_of_line(&s->line);
	return slot;
}

/* The line in scratch memory is complete: finds its slot by its route and begins the request. */
__noinline int begin_from_line(struct flow *f, struct scratch *s)
{
	if (!f || !s)
		return 0;
	__u32 slot = slot_of_line(f, s);

	return begin_request(f, s, slot, flags_of_line(&s->line));
}

/* The chunk begins with a whole line. Returns 0 when it is no valid request line. */
static __always_inline int begin_from_chunk(struct flow *f, struct scratch *s, __u32 line_end)
{
	__u32 backend = backend_of_flow(f, s);
	s->work.hash = line_hash(&s->chunk);
	__u64 keyed = s->work.hash ^ backend * 0x9e3779b97f4a7c15ULL;
	struct cached_route *cached_route = cached_route_of(keyed);
	__u64 w = word_at(s->chunk.bytes + FRONT);
	__u32 slot = cached_route ? slot_from_cache(cached_route, keyed) : NO_SLOT;

	/* of a CONNECT the target says what it is */
	if (slot != NO_SLOT && w != 0x205443454e4e4f43ULL) {
		begin_request(f, s, slot, (w & 0xffffffffffULL) == 0x2044414548ULL ? IS_HEAD : 0);
		return 1;
	}
	line_fresh(&s->line);
	feed(s, line_end);
	if (s->line.state != LINE_END)
		return 0;
	begin_from_line(f, s);
	return 1;
}
