/* How flows begin and end: SYN, SYN-ACK, FIN, RST. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"
#include "kernel/packet/sequence.h"
#include "kernel/host/listeners.h"
#include "kernel/host/listening.h"
#include "kernel/host/sender.h"
#include "kernel/host/sockets.h"
#include "kernel/scope/filters.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/routes.h"
#include "kernel/counting/wires.h"
#include "asking.h"
#include "flows.h"
#include "translation.h"
#include "holes.h"
#include "validation.h"

/* The kind depends on the sender and the destination. */
static __always_inline void set_kind(struct __sk_buff *skb, struct flow *f, struct packet *p, const struct backend_key *remote,
				     __u32 instance)
{
	f->kind = kind_of(skb, p, remote, instance);
	if (f->kind != KIND_FRONT_DOOR)
		add_port(&answer_ports, remote_port(p));
}

/* A request from this host to this host, by no nginx: it is booked when it is known that no listen port of nginx answers. */
static __always_inline void defer_requests(struct __sk_buff *skb, struct flow *f, struct packet *p, struct scratch *s)
{
	if (p->ifindex != 1 || (f->kind != KIND_HTTP && f->kind != KIND_NOT_NGINX))
		return;
	f->uid = listener_at(skb, p, REMOTE_END, &s->socket) ? s->socket.uid : NO_UID;
	f->deferred = DEFERRED_LISTENER;
}

/* A failed connect is counted only for a backend that is known, or that nginx tried. */
static __always_inline __u32 backend_tried(const struct flow *f, struct work *w)
{
	return f->nginx ? backend_for(w, f->nginx, f->uid) : known_backend(w);
}

static __always_inline void book_connect_failure(struct flow *f, struct work *w, int timeout)
{
	__u32 backend = *(volatile __u32 *)&f->backend;
	struct backend *b;

	if (f->fresh == BOOKED_BY_SOCKET)
		return;
	if (!backend) {
		backend = backend_tried(f, w);
		f->backend = backend;
	}
	b = backend ? backend_of(backend) : 0;
	if (!b)
		return;
	if (timeout)
		ADD(b->connect_timeout, 1);
	else
		ADD(b->refused, 1);
	add_wire_failure(f);
}

/* NAT leads the connection elsewhere: there, too, it counts what becomes of it. `a`: who books its connect, or 0. */
static __always_inline void note_wire(struct flow *f, struct packet *p, struct work *w, struct attempt *a)
{
	struct wire *wire;

	f->backend = backend_tried(f, w);
	f->wire = wire_for(p, f->backend, f->nginx);
	wire = a && f->wire ? wire_at(f->wire) : 0;
	if (!wire)
		return;
	a->wire_generation = wire->generation;
	a->wire = f->wire;
}

/* Ends what a flow had open when a new connection takes its tuple. */
static __always_inline void end_replaced(struct flow *f, const struct packet *p, struct work *w)
{
	if (f->fresh && !f->connected && !f->given_up && !f->closed && f->kind == KIND_HTTP && !f->started) {
		remote_of(p, &w->remote);
		book_connect_failure(f, w, 1);
	}
	end_all(f, OUTCOME_UNANSWERED, bpf_ktime_get_ns());
	delete_line(f);
}

/* A SYN leaves. Returns whether it is a flow's. */
__noinline int syn_out(struct __sk_buff *skb, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!p || !s || !skb->sk || is_raw(skb))
		return 0;
	p = &s->packet; /* the same, known to lie in a map: see find_flow */
	translate_by_socket(skb, p);
	struct flow *f = find_flow(p);
	__u64 now = bpf_ktime_get_ns();
	struct sender who = {};
	struct attempt *a = sender_of_connection(skb, &who);

	/* not the current process: it sends, if it does, what follows (first_bytes) */
	if (nginx_only && has_attempts && p->leaves && !a)
		who.instance = 0;
	if (f) {
		if (f->fresh && f->isn == p->seq && !f->closed) {
			if (BY_CGROUP || f->out.owner == p->ifindex) {
				f->syn_gap_ns = now - f->last_syn_ns;
				f->last_syn_ns = now;
			}
			return 1;
		}
		end_replaced(f, p, &s->work);
		f = replace_flow(p);
	} else {
		f = make_flow(p, rank_of(&who));
	}
	if (!f)
		return 0;
	if (remember_translation(p, rank_of(&who))) {
		delete_flow(p, f); /* each of its requests is counted as refused */
		return 0;
	}
	remote_of(p, &s->work.remote);
	/* before it is asked whether this nginx connects to itself */
	if (who.instance)
		remember_proxy(&who);
	set_kind(skb, f, p, &s->work.remote, who.instance);
	f->nginx = rank_of(&who);
	f->uid = who.uid;
	if (!who.instance)
		defer_requests(skb, f, p, s);
	f->pid = who.pid;
	f->has_local_socket = p->leaves;
	if (BY_CGROUP || reads_tls)
		FLOW_SOCKET(f) = key_of_sender(skb);
	if (BY_CGROUP) {
		note_namespace(skb, p, &who);
		note_asking(p, &who);
		/* Fast Open: the request leaves before it is known where it arrives */
		if (p->len && !who.instance && f->kind == KIND_HTTP)
			f->deferred = DEFERRED_LISTENER;
	}
	/* the socket of an attempt books the connect, the flow does not */
	f->fresh = a ? BOOKED_BY_SOCKET : SYN_SEEN;
	f->counted_connect = f->fresh == BOOKED_BY_SOCKET;
	if (p->translated && f->kind == KIND_HTTP)
		note_wire(f, p, &s->work, a);
	/* looked up with its first request, which settles its connect */
	if (reads_tls && a)
		f->backend = 0;
	f->isn = p->seq;
	f->syn_ns = now;
	f->last_syn_ns = now;
	f->out.next = p->seq + 1;
	f->out.booked = f->out.next;
	f->out.synced = 1;
	f->out.owner = p->ifindex;
	f->out.last_ns = now;
	if (f->kind == KIND_HTTP && now - last_failure_ns < SECOND / 10) {
		__u64 *failed = bpf_map_lookup_elem(&failed_connects, &who.pid);

		if (failed && now - *failed < SECOND / 10) {
			f->retry = 1;
			bpf_map_delete_elem(&failed_connects, &who.pid);
		}
	}
	return 1;
}

/*
 * Its SYN may have left in the context of another process, and of an attempt there was no room for. The first bytes leave in that
 * of their sender.
 */
__noinline int first_bytes(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);
	struct sender who = {};

	if (!f || !p || !s || !p->leaves || f->fresh != SYN_SEEN || p->seq != f->isn + 1 || f->out.next != p->seq)
		return 0;
	sender_now(&who);
	if (!who.instance)
		return 0;
	remember_proxy(&who);
	remote_of(p, &s->work.remote);
	set_kind(skb, f, p, &s->work.remote, who.instance);
	f->nginx = rank_of(&who);
	f->uid = who.uid;
	f->pid = who.pid;
	f->deferred = 0;
	return 0;
}

/* It acknowledges the SYN, and perhaps data in it. Returns whether it is the connection's. */
static __always_inline int syn_ack_in(struct flow *f, const struct packet *p)
{
	if (!f->fresh || f->connected || !is_syn_acknowledged(f, p))
		return f->connected && !seq_after(p->seq + 1 + p->len, f->in.next);
	f->connected = 1;
	/* Fast Open: its SYN has arrived, and not at an nginx of this host */
	if (BY_CGROUP && p->ifindex != 1 && f->deferred && !FLOW_DOOR(f))
		commit_deferred(f, 0);
	f->connect_us = micros_between(f->syn_ns, bpf_ktime_get_ns());
	f->in.next = p->seq + 1;
	f->in.synced = 1;
	f->in.owner = p->ifindex;
	return 1;
}

/* A FIN arrives; its data was read before. Beyond a hole it waits until the hole is filled. An old FIN is ignored. */
__noinline int fin_in(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	if (!f || !p)
		return 0;
	__u32 fin = p->seq + p->len;

	if (f->fin_in)
		return 0;
	/* of an excluded flow nothing is read, and so nothing is missing */
	if (f->kind < KIND_FRONT_DOOR && f->in.synced && fin != f->in.next) {
		struct scratch *s = scratch_of(skb);
		int known;

		if (!s || !seq_after(fin, f->in.next))
			return 0;
		known = connection_of(skb, p, &s->socket);
		if (!is_in_window(skb, &f->in, p, 1, known))
			return 0;
		if (known)
			answers_arrived(skb, f, seq_after(s->socket.rcv_nxt, fin) ? fin : s->socket.rcv_nxt);
		if (fin != f->in.next) {
			f->in.fin = fin;
			f->in.has_fin = 1;
			return 0;
		}
	}
	f->fin_in = 1;
	end_all(f, OUTCOME_CLOSED, bpf_ktime_get_ns());
	return 0;
}

/* A FIN that arrived behind missing bytes is due once those bytes have arrived, or once it has been acknowledged. */
static __always_inline int fin_is_due(const struct flow *f)
{
	return f->in.has_fin && !f->fin_in && f->in.next - f->in.fin <= 1;
}

static __always_inline void book_refused(struct flow *f, const struct packet *p, struct work *w, __u64 now)
{
	if (f->given_up || f->kind != KIND_HTTP || f->fresh == BOOKED_BY_SOCKET)
		return;
	remote_of(p, &w->remote);
	book_connect_failure(f, w, 0);
	if (f->nginx) {
		__u32 pid = f->pid;

		bpf_map_update_elem(&failed_connects, &pid, &now, BPF_ANY);
		last_failure_ns = now;
	}
}

__noinline int rst_in(struct __sk_buff *skb, struct flow *f, struct packet *p, struct scratch *s)
{
	if (!f || !p || !s || f->closed)
		return 0;
	int known = connection_of(skb, p, &s->socket);
	__u64 now = bpf_ktime_get_ns();

	if (f->fresh && !f->connected && !known) {
		if (!is_syn_acknowledged(f, p))
			return 0;
		/* what left in the SYN was an attempt */
		if (f->started)
			end_all(f, OUTCOME_RESET, now);
		else
			book_refused(f, p, &s->work, now);
	} else {
		if (!is_reset(known, &s->socket, &f->in, p))
			return 0;
		if (known && !f->fin_in)
			answers_arrived(skb, f, s->socket.rcv_nxt);
		end_all(f, OUTCOME_RESET, now);
	}
	f->closed = 1;
	return 0;
}

/* A FIN leaves: nginx has closed the connection, unless it goes on to read; other clients may only have stopped sending. */
static __always_inline void fin_out(struct flow *f, int is_half_closed)
{
	if (f->fin_out)
		return;
	f->fin_out = 1;
	if (f->nginx && !is_half_closed)
		end_all(f, OUTCOME_ABORTED, bpf_ktime_get_ns());
	else
		book_passed(f);
}
