/* A packet passes: of a connection to a backend, in either direction, or the first that is seen of one. Both ways of attaching
 * call this. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sockets.h"
#include "kernel/scope/excluded.h"
#include "kernel/counting/exchanges.h"
#include "kernel/connection/connections.h"
#include "kernel/connection/encrypted.h"
#include "kernel/connection/flows.h"
#include "kernel/connection/holes.h"
#include "kernel/state/lock.h"
#include "kernel/connection/midstream.h"
#include "kernel/connection/segments.h"

enum beginning { NOTHING_KNOWN, TOKEN, ANSWER };

/* The first four bytes classify most payload without a flow. */
static __always_inline enum beginning beginning_of(struct __sk_buff *skb, const struct packet *p)
{
	__u8 b[4];

	if (p->len < 4)
		return TOKEN;
	if (bpf_skb_load_bytes(skb, p->off, b, 4))
		return NOTHING_KNOWN;
	if (*(__u32 *)b == 0x50545448) /* "HTTP" */
		return ANSWER;
	if (!b[0] && b[3] == H2_HEADERS) /* a frame's length, and its type */
		return TOKEN;
	if (!(classes[b[0]] & C_TOKEN))
		return NOTHING_KNOWN;
	if (b[1] == ' ')
		return TOKEN;
	return (classes[b[1]] & C_TOKEN) && (b[2] == ' ' || (classes[b[2]] & C_TOKEN)) ? TOKEN : NOTHING_KNOWN;
}

/* Payload in order in the middle of a body: the fast path, which most bytes take. */
static __always_inline int continues_body(struct dir *d, const struct packet *p)
{
	if (d->state != DIR_BODY || p->seq != d->next || p->len >= d->left || d->ranges || (p->flags & (TCP_FIN | TCP_RST)) ||
	    !try_lock(d))
		return 0;
	/* all of it once more: until now another CPU may have had the lock, and have seen a segment ahead of this one */
	if (d->state != DIR_BODY || p->seq != d->next || p->len >= d->left || d->ranges) {
		unlock(d);
		return 0;
	}
	d->next += p->len;
	d->left -= p->len;
	d->owner = p->ifindex;
	d->last_ns = bpf_ktime_get_coarse_ns();
	unlock(d);
	count(T_CONTINUATIONS);
	return 1;
}

/* A packet of a flow, to the backend. */
static __always_inline void packet_to_backend(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	if ((f->deferred & DEFERRED_LISTENER) && (leads_to_proxy(f) || is_listen_port(p, REMOTE_END)))
		exclude(f);
	if (p->len) {
		if (nginx_only && f->kind == KIND_NOT_NGINX)
			first_bytes(skb, f, p);
		if (f->kind == KIND_HTTP) {
			if (!continues_body(&f->out, p))
				segment_out(skb, f, p);
		} else if (f->kind >= KIND_FRONT_DOOR) {
			excluded(skb, f, p);
		} else if (f->kind == KIND_ENCRYPTED && reads_tls) {
			follow_encrypted(skb, f, p, 0);
		} else {
			f->out.last_ns = bpf_ktime_get_coarse_ns();
			count(f->kind == KIND_OPAQUE ? T_OPAQUE : T_NOT_HTTP);
		}
	}
	/*
	 * Not sent by the connection's socket: forged in another namespace, or the kernel's answer to a forged packet, unless its
	 * sequence number is exact. A FIN may have been before it.
	 */
	if ((p->flags & (TCP_RST | TCP_FIN)) && !(p->leaves && is_ended_by_socket(skb)) &&
	    p->seq + p->len - f->out.next > f->fin_out)
		return;
	if ((p->flags & (TCP_RST | TCP_FIN)) && (p->flags & TCP_ACK) && !f->fin_in)
		answers_arrived(skb, f, p->ack);
	if (p->flags & TCP_RST) {
		end_all(f, OUTCOME_ABORTED, bpf_ktime_get_ns());
		f->closed = 1;
	} else if (p->flags & TCP_FIN) {
		fin_out(f, has_stopped_sending(skb));
		if (f->fin_in)
			delete_flow(p, f);
	}
}

/* A packet of a flow, from the backend. */
static __always_inline void packet_from_backend(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	if (p->flags & TCP_SYN) {
		int taken = (p->flags & TCP_ACK) && syn_ack_in(f, p);

		if (!p->len)
			return;
		if (!taken) {
			count(T_NOT_HTTP);
			return;
		}
		/* data in it: behind the SYN itself */
		p->seq++;
	}
	if ((f->deferred & DEFERRED_LISTENER) && (leads_to_proxy(f) || is_listen_port(p, REMOTE_END)))
		exclude(f);
	if (p->len) {
		if (f->kind == KIND_HTTP) {
			if (!continues_body(&f->in, p))
				segment_in(skb, f, p);
		} else if (f->kind == KIND_ENCRYPTED && reads_tls) {
			follow_encrypted(skb, f, p, 1);
		} else {
			count(f->kind >= KIND_FRONT_DOOR ? T_EXCLUDED : f->kind == KIND_OPAQUE ? T_OPAQUE : T_NOT_HTTP);
			if (nginx_only && f->kind == KIND_NOT_NGINX && f->deferred) {
				f->deferred = 0;
				count_left_out(f, X_NOT_NGINX);
			}
		}
	}
	if (p->flags & TCP_RST) {
		struct scratch *s = scratch_of(skb);

		if (s)
			rst_in(skb, f, p, s);
		return;
	}
	if (p->flags & TCP_FIN)
		fin_in(skb, f, p);
	else if (fin_is_due(f)) {
		f->fin_in = 1;
		end_all(f, OUTCOME_CLOSED, bpf_ktime_get_ns());
	}
	if (f->fin_in && f->fin_out)
		delete_flow(p, f);
}

static __always_inline void first_packet_to_backend(struct __sk_buff *skb, struct packet *p)
{
	if (p->flags & TCP_SYN) {
		int taken = !(p->flags & TCP_ACK) && syn_out(skb, p);

		if (!p->len)
			return;
		/* Fast Open: a request in it, behind the SYN itself */
		struct flow *f = taken && !(p->flags & (TCP_FIN | TCP_RST)) ? find_flow(p) : 0;
		if (!f) {
			count(T_NOT_HTTP);
			return;
		}
		p->seq++;
		packet_to_backend(skb, f, p);
		return;
	}
	if (!p->len)
		return;
	enum beginning beginning = beginning_of(skb, p);
	if (beginning == ANSWER && p->ifindex == 1)
		answer_out(skb, p);
	if (beginning != TOKEN) {
		count(T_NOT_HTTP);
		return;
	}
	if (!midstream_pickup(skb, p))
		return;
	struct flow *f = find_flow(p);
	if (f)
		packet_to_backend(skb, f, p);
	else
		count(T_NOT_HTTP);
}

/* Payload at the server's side of a front door, or at its client on this host. */
static __always_inline void count_listen_port(const struct packet *p)
{
	if (p->len)
		count(T_EXCLUDED);
}

/* `f`: of its tuple, or 0. */
static __always_inline void packet_leaves(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	if (f && !(p->flags & TCP_SYN))
		packet_to_backend(skb, f, p);
	else if (!f && (p->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN && is_listen_port(p, LOCAL_END))
		count_listen_port(p);
	else
		first_packet_to_backend(skb, p);
}

/* It arrives, and is of no flow. */
static __always_inline void count_arrival(struct packet *p)
{
	if (is_listen_port(p, LOCAL_END) || (p->ifindex == 1 && is_listen_port(p, REMOTE_END)))
		count_listen_port(p);
	else if (p->len)
		count(T_NOT_HTTP);
}
