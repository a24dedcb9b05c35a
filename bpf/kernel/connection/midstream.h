/*
 * Connections that began before the programs were attached, or whose listen port was learned late, and packets that this host
 * only routes.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/h2.h"
#include "kernel/state/flow.h"
#include "kernel/state/frames.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/headers.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sender.h"
#include "kernel/host/sockets.h"
#include "kernel/counting/exchanges.h"
#include "connections.h"
#include "flows.h"
#include "translation.h"

/* Excludes a flow with deferred requests: they were for a front door. */
__noinline int exclude(struct flow *f)
{
	if (!f)
		return 0;
	f->deferred = 0;
	f->kind = KIND_FRONT_DOOR;
	count_left_out(f, X_FRONT_DOOR);
	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = f->oldest + i;

		if (number == f->started)
			break;
		struct exchange *x = exchange_of(f, number);
		if (__sync_lock_test_and_set(&x->deferred, 0)) {
			claim(x, number, PHASE_OPEN, PHASE_DONE);
			count(X_FRONT_DOOR);
		}
	}
	return 0;
}

/*
 * A segment arrives at a listen port of nginx: if a client on this host sent it, its connection is none to a backend. Where nginx
 * only listens, as far as is known, the connection's requests wait: nginx may proxy the first of them.
 */
__noinline int settle_asking(struct __sk_buff *skb, struct packet *p)
{
	struct listen_port *door, *listener;
	struct listen_port_key key;
	struct asking *a;
	struct flow *f;
	__u32 sequence;

	if (!p)
		return 0;
	sequence = p->seq;
	a = bpf_map_lookup_elem(&askings, &sequence);
	if (!a || !is_same_connection(a, p))
		return 0;
	door = listen_port_at(p, LOCAL_END, &key);
	listener = door ? door : known_listener_at(p);
	/* another nginx's worker may ask a front door: that is its upstream leg */
	if (!listener || (a->instance && a->instance != listener->master))
		return 0;
	if ((p->flags & TCP_SYN) && owner_of_socket(skb) != listener->uid) {
		/* another user's socket listens there by now */
		if (door)
			remove_listen_port(&key);
		return 0;
	}
	f = a->family == 4 ? find4(&a->k4) : find6(&a->k6);
	if (f && f->kind == KIND_HTTP) {
		if (door) {
			exclude(f);
		} else {
			f->uid = listener->uid;
			FLOW_DOOR(f) = listener->master;
			f->deferred = DEFERRED_LISTENER;
		}
	}
	bpf_map_delete_elem(&askings, &sequence);
	return 0;
}

/*
 * An answer begins to leave for a client on this host. If an nginx that proxies sends it, its local port is a listen port, and
 * its requests do not belong to the upstream leg. This is known before the client gets the first byte.
 */
__noinline int answer_out(struct __sk_buff *skb, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!p || !s)
		return 0;
	p = &s->packet; /* the same, known to lie in a map: see find_flow */
	reverse_tuple(p);
	struct flow *f = find_flow(p);
	reverse_tuple(p);
	if (!f || !(f->deferred & DEFERRED_LISTENER))
		return 0;
	struct sender who = {};
	sender_now(&who);
	struct proxy *proxy = who.instance ? bpf_map_lookup_elem(&proxies, &who.instance) : 0;
	/* data that an arriving ACK releases is sent in the context of any process */
	if (!proxy || proxy->uid != who.uid || owner_of_socket(skb) != who.own_uid)
		return 0;
	if (!listener_at(skb, p, LOCAL_END, &s->socket) || s->socket.uid != who.uid)
		return 0;
	learn_listen_port(p, &s->socket, who.instance, proxy);
	exclude(f);
	return 0;
}

static __always_inline void count_routed(struct scratch *s, const struct packet *p)
{
	struct routed *last = &s->routed;
	__u32 ports = (__u32)local_port(p) << 16 | remote_port(p);

	if (last->seq == p->seq && last->ports == ports && last->ifindex != p->ifindex) {
		count(T_SECOND_SIGHTINGS);
		return;
	}
	last->seq = p->seq;
	last->ports = ports;
	last->ifindex = p->ifindex;
	count(X_ROUTED);
	count(T_EXCLUDED);
}

/*
 * Payload without a flow that looks like a request line, or like a HEADERS frame of nginx: the connection is older than the programs, or excluded. A socket that is
 * no longer established only retransmits. Returns 1 when there is a flow for it now.
 */
__noinline int midstream_pickup(struct __sk_buff *skb, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!p || !s)
		return 0;
	p = &s->packet; /* the same, known to lie in a map: see find_flow */
	__u32 n = p->len > 32 ? 32 : p->len;
	int is_frame;

	s->work.off = p->off;
	if (load_chunk(skb, s, n)) {
		count(T_NOT_HTTP);
		return 0;
	}
	is_frame = n >= 10 && h2_is_request(s->chunk.bytes, FRONT, 0);
	if (!is_frame && !may_be_request(s->chunk.bytes, n)) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct bpf_sock *sk = skb->sk;
	if (!sk) {
		count_routed(s, p);
		return 0;
	}
	sk = bpf_sk_fullsock(sk);
	translate_by_socket(skb, p);
	if (!sk || (sk->state != BPF_TCP_ESTABLISHED && sk->state != BPF_TCP_CLOSE_WAIT) ||
	    listener_at(skb, p, LOCAL_END, &s->socket)) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct older_key key = {.lport = local_port(p)};
	remote_of(p, &key.remote);
	struct older *worker = bpf_map_lookup_elem(&older_connections, &key);
	/* not found by the discovery: the first data on an idle connection is sent in the context of its owner */
	struct sender who = {};
	if (!worker) {
		sender_of_connection(skb, &who);
	} else {
		who.instance = worker->master;
		who.uid = worker->uid;
	}
	__u32 instance = who.instance;
	/* of others it is not known whether they have several streams at once */
	if (is_frame && !instance) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct flow *f = make_flow(p, rank_of(&who));
	if (!f) {
		count(T_NOT_HTTP);
		return 0;
	}
	if (remember_translation(p, rank_of(&who))) {
		delete_flow(p, f);
		count(L_MAP_REFUSED);
		count(T_NOT_HTTP);
		return 0;
	}
	remote_of(p, &s->work.remote);
	f->nginx = rank_of(&who);
	f->uid = who.uid;
	f->has_local_socket = p->leaves;
	if (BY_CGROUP) {
		FLOW_SOCKET(f) = key_of_sender(skb);
		note_asking(p, &who);
	}
	set_kind(skb, f, p, &s->work.remote, instance);
	if (!instance)
		defer_requests(skb, f, p, s);
	else if (f->kind == KIND_HTTP)
		remember_proxy(&who);
	if (f->kind == KIND_HTTP)
		f->deferred |= DEFERRED_TUNNEL;
	f->out.next = p->seq;
	f->out.booked = p->seq;
	f->out.synced = 1;
	f->out.owner = p->ifindex;
	f->in.next = p->ack;
	f->in.synced = 1;
	if (is_frame) {
		frames_begin(&f->out, H2_FRAME);
		frames_begin(&f->in, H2_FRAME);
		f->out.frames.seen = H2_SETTLED;
		f->in.frames.seen = H2_SETTLED;
		f->in.booked = p->ack;
	}
	return 1;
}
