/*
 * Connections of nginx that cannot be read: their bytes, and how many are open. No packet is looked at, because the socket counts
 * what it sends and receives. The sweep books that once per second, and the rest is booked when the connection is closed.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/parser/protocol.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "attempts.h"
#include "sockmap.h"

/* Without a word of nginx for so long it is no HTTP. */
#define SAYS_NOTHING_FOR SECOND

/* A handshake that the peer takes part in takes no longer. */
#define HANDSHAKE_TIMEOUT (5 * SECOND)

/* What a socket has counted. */
struct socket_counts {
	__u64 sent;
	__u64 received; /* a FIN is counted like a byte */
	int has_fin;
};

/* Sweep and end may book at the same time: what one has taken the other does not. */
static __always_inline __u64 take_bytes(__u64 *booked, __u64 to)
{
	for (int i = 0; i < 3; i++) {
		__u64 from = *(volatile __u64 *)booked;

		if (to <= from)
			return 0;
		if (__sync_val_compare_and_swap(booked, from, to) == from)
			return to - from;
	}
	return 0;
}

__noinline int book_bytes(struct attempt *a, __u64 sent, __u64 received)
{
	struct backend *b;

	if (!a)
		return 0;
	sent = take_bytes(&a->booked_sent, a->at_ns + sent);
	received = take_bytes(&a->booked_received, a->at_ns + received);
	if (!sent && !received)
		return 0;
	b = backend_of(row_of(a));
	if (!b)
		return 0;
	ADD(b->sent_bytes, sent);
	ADD(b->received_bytes, received);
	return 0;
}

static __always_inline void book_counts(struct attempt *a, const struct socket_counts *p)
{
	book_bytes(a, p->sent, p->received - (p->received && p->has_fin));
}

/* SOCK_DONE: a FIN has arrived. */
static __always_inline int has_fin(__u64 flags)
{
	return flags >> SOCK_DONE & 1;
}

/* Whether the socket's bytes belong to no request and to no answer: what nginx said first is none, or it has said nothing. */
static __always_inline int is_unread(const struct attempt *a, __u64 sent)
{
	return *(volatile __u32 *)&a->speech == UNREAD || !sent;
}

/* The connection is over, and its socket counts no more. */
static __always_inline void book_rest(struct sock *sk, struct attempt *a)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct socket_counts p;

	if (!tcp || !is_unread(a, tcp->bytes_sent))
		return;
	p.sent = tcp->bytes_sent - tcp->bytes_retrans;
	p.received = tcp->bytes_received;
	p.has_fin = has_fin(sk->__sk_common.skc_flags);
	book_counts(a, &p);
}

/* ---- once per second ---- */

/* As its events tell, which cost nothing; after the last of them the socket itself. */
static __always_inline int has_fin_now(const struct attempt *a, struct sock *sk)
{
	__u8 state = *(volatile __u8 *)&a->state;

	if (stopping)
		return has_fin(BPF_CORE_READ(sk, __sk_common.skc_flags));
	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/*
 * The order matters, because the socket goes on meanwhile. It counts a retransmission as such before it counts its bytes as sent,
 * and a FIN as a byte before it tells of it. Bytes that have arrived while nothing was sent are no answer. Each word of a socket
 * is a cache line that is not in the cache: of a connection that sends nothing the third is not read. Returns whether it is
 * unread.
 */
static __always_inline int read_counts(struct attempt *a, struct tcp_sock *tcp, struct socket_counts *p)
{
	__u64 sent;

	p->received = BPF_CORE_READ(tcp, bytes_received);
	sent = BPF_CORE_READ(tcp, bytes_sent);
	p->has_fin = has_fin_now(a, (struct sock *)tcp);
	p->sent = 0;
	if (!is_unread(a, sent))
		return 0;
	if (sent != a->sent) {
		p->sent = sent - BPF_CORE_READ(tcp, bytes_retrans);
		a->sent = sent;
	}
	return 1;
}

/* After the programs were detached its end is not heard of, and another socket may have its memory. */
static __always_inline int is_its_socket(const struct attempt *a, struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state != TCP_CLOSE && state != TCP_LISTEN && BPF_CORE_READ(sk, __sk_common.skc_portpair) == a->ports;
}

static __always_inline void count_open(struct backend *b, enum protocol protocol, __u32 epoch)
{
	if (b->open_epoch != epoch) {
#define CLEAR(word) b->word = 0;
		BACKEND_GAUGES(CLEAR)
		b->open_epoch = epoch;
	}
	if (protocol == PROTOCOL_TLS)
		b->tls_open++;
	else if (protocol == PROTOCOL_H2)
		b->h2_open++;
	else if (protocol == PROTOCOL_FASTCGI)
		b->fastcgi_open++;
	else if (protocol == PROTOCOL_UWSGI)
		b->uwsgi_open++;
	else if (protocol == PROTOCOL_SCGI)
		b->scgi_open++;
	else if (protocol == PROTOCOL_MEMCACHED)
		b->memcached_open++;
	else
		b->other_open++;
}

__noinline int book_open(struct attempt *a, __u32 epoch)
{
	struct backend *b;

	if (!a)
		return 0;
	b = backend_of(row_of(a));
	if (b)
		count_open(b, a->speech >= UNREAD ? a->protocol : PROTOCOL_OTHER, epoch);
	return 0;
}

/* nginx has not closed it. */
static __always_inline int is_open(const struct attempt *a)
{
	return a->state == TCP_ESTABLISHED || a->state == TCP_CLOSE_WAIT;
}

/*
 * Its handshake goes on as long as its peer says nothing, however long that is; and it is over at some time after that, or nobody
 * reads what is within.
 */
static __always_inline int may_be_in_handshake(const struct attempt *a, struct tcp_sock *tcp, __u64 now)
{
	return now <= a->at_ns + HANDSHAKE_TIMEOUT || !BPF_CORE_READ(tcp, bytes_received);
}

static __always_inline void sweep_unread(__u64 socket, struct attempt *a, const struct sweep *c)
{
	struct tcp_sock *tcp = (struct tcp_sock *)(long)socket;
	struct socket_counts p;

	if (!a->established || *(volatile __u32 *)&a->speech == HAS_SPOKEN)
		return;
	if (stopping && !is_its_socket(a, (struct sock *)tcp))
		return;
	if (reads_tls && a->speech == TLS_BEGUN) {
		if (!stopping && may_be_in_handshake(a, tcp, c->now)) {
			if (is_open(a))
				book_open(a, c->epoch);
			return;
		}
		leave_tls_unread(a);
	}
	if (!read_counts(a, tcp, &p)) {
		/* unless it is found to be unread at this moment */
		__sync_val_compare_and_swap(&a->speech, NOTHING_SAID, HAS_SPOKEN);
		return;
	}
	if (!a->sent && !a->half_seen && is_in_sockmap(BPF_CORE_READ((struct sock *)tcp, sk_user_data)) &&
	    !is_read_in_memory(socket))
		count_half_seen(a);
	/* silent, and perhaps only for the moment before it begins */
	if (a->speech != UNREAD && !p.received && c->now <= a->at_ns + SAYS_NOTHING_FOR) {
		has_new = 1;
		return;
	}
	list_unread(socket, a);
	settle_connect(a, a->connected_ns);
	book_counts(a, &p);
	if (is_open(a))
		book_open(a, c->epoch);
}

static long sweep_attempt(struct bpf_map *map, __u64 *key, struct attempt *a, struct sweep *c)
{
	sweep_unread(*key, a, c);
	return 0;
}

static long sweep_listed(struct bpf_map *map, __u64 *key, __u32 *one, struct sweep *c)
{
	__u64 socket = *key;
	struct attempt *a = bpf_map_lookup_elem(&attempts, &socket);

	if (!a) {
		bpf_map_delete_elem(map, &socket);
		return 0;
	}
	has_listed = 1;
	sweep_unread(socket, a, c);
	return 0;
}

/*
 * All are walked where some are not listed, and at times to find those on which nginx says nothing: their bytes can wait. The
 * last sweep finds all.
 */
#define FIND_SILENT_EVERY 8 /* sweeps */

static __always_inline void sweep_attempts(struct sweep *c)
{
	if (has_unlisted || (has_new && (stopping || c->epoch % FIND_SILENT_EVERY == 0))) {
		has_new = has_unlisted = 0;
		bpf_for_each_map_elem(&attempts, sweep_attempt, c, 0);
		/* no common call for both: the verifier of Linux 6.1 takes one map for each call */
		asm volatile("");
	} else if (has_listed) {
		has_listed = 0;
		bpf_for_each_map_elem(&unread_sockets, sweep_listed, c, 0);
	}
}
