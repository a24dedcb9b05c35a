/* Facts from this namespace's sockets: owner, sequence numbers, window. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/scratch.h"
#include "kernel/state/source.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/sequence.h"

#define AF_INET6    10
#define SOCK_STREAM 1
#define SOCK_RAW    3

#define REMOTE_END 0
#define LOCAL_END  1

static __always_inline void read_sequences(const struct tcp_sock *tcp, struct socket_facts *facts)
{
	__u32 n = tcp->rx_opt.num_sacks;

	facts->rcv_nxt = tcp->rcv_nxt;
	facts->window_end = tcp->rcv_wup + tcp->rcv_wnd;
	facts->snd_una = tcp->snd_una;
	facts->sent = tcp->write_seq;
	facts->max_window = tcp->max_window;
	facts->received = tcp->bytes_received;
	facts->sack_end = facts->rcv_nxt;
	for (__u32 i = 0; i < 4; i++)
		if (i < n && seq_after(tcp->selective_acks[i].end_seq, facts->sack_end))
			facts->sack_end = tcp->selective_acks[i].end_seq;
}

/* Looks up the socket of the tuple, reads its facts and releases it. Returns 0 when there is none. */
static __always_inline int read_socket(struct __sk_buff *skb, struct bpf_sock_tuple *t, __u32 size, struct socket_facts *facts)
{
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, t, size, BPF_F_CURRENT_NETNS, 0);
	struct tcp_sock *tcp;

	if (!sk)
		return 0;
	facts->state = sk->state;
	facts->six = sk->family == AF_INET6;
	facts->uid = NO_UID;
	facts->is_full = 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp) {
		struct sock *s = (struct sock *)tcp;

		facts->is_full = 1;
		facts->uid = s->sk_uid.val;
		if (facts->state != BPF_TCP_LISTEN)
			read_sequences(tcp, facts);
		if (size == sizeof(t->ipv4))
			facts->wide = !s->__sk_common.skc_rcv_saddr;
		else
			facts->wide = !(s->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0] |
					s->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[1] |
					s->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[2] |
					s->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3]);
	}
	bpf_sk_release(sk);
	return 1;
}

/* Reads the facts of the socket of this namespace that listens on that end of the connection. Returns 0 when there is none. */
__noinline int listener_at(struct __sk_buff *skb, struct packet *p, int end, struct socket_facts *facts)
{
	struct bpf_sock_tuple t = {};
	int found;

	if (!p || !facts)
		return 0;
	/* source port 0: no established socket matches, a listening one does */
	if (p->family == 4) {
		t.ipv4.saddr = end == LOCAL_END ? p->k4.remote : p->k4.local;
		t.ipv4.daddr = end == LOCAL_END ? p->k4.local : *wire_remote4(p);
		t.ipv4.dport = end == LOCAL_END ? p->k4.lport : bpf_htons(wire_port(p));
		found = read_socket(skb, &t, sizeof(t.ipv4), facts);
	} else {
		__builtin_memcpy(t.ipv6.saddr, end == LOCAL_END ? p->k6.remote : p->k6.local, 16);
		__builtin_memcpy(t.ipv6.daddr, end == LOCAL_END ? p->k6.local : wire_remote6(p), 16);
		t.ipv6.dport = end == LOCAL_END ? p->k6.lport : bpf_htons(wire_port(p));
		found = read_socket(skb, &t, sizeof(t.ipv6), facts);
	}
	return found && facts->state == BPF_TCP_LISTEN;
}

/* The full TCP socket with which the packet comes, or 0. */
static __always_inline struct tcp_sock *tcp_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	return sk ? bpf_skc_to_tcp_sock(sk) : 0;
}

#define SEND_SHUTDOWN 2

/* Whether the socket that sends it goes on to read: `stream {}` with proxy_half_close, whose client has sent all. */
static __always_inline int has_stopped_sending(struct __sk_buff *skb)
{
	struct tcp_sock *tcp = tcp_of(skb);

	return tcp && ((struct sock *)tcp)->sk_shutdown == SEND_SHUTDOWN;
}

/* Whether it knows the numbers of its peer. */
static __always_inline int is_connected(const struct socket_facts *facts)
{
	return facts->state != BPF_TCP_LISTEN && facts->state != BPF_TCP_SYN_SENT;
}

/* At a control group the packet comes with its socket. */
static __always_inline int read_own_socket(struct __sk_buff *skb, struct socket_facts *facts)
{
	struct tcp_sock *tcp = tcp_of(skb);

	if (!tcp)
		return 0;
	facts->state = ((struct sock *)tcp)->__sk_common.skc_state;
	facts->uid = ((struct sock *)tcp)->sk_uid.val;
	facts->is_full = 1;
	read_sequences(tcp, facts);
	return is_connected(facts);
}

/*
 * Reads the facts of this namespace's socket of the connection. Returns 0 for a socket in another namespace, and for one that has
 * not taken its SYN-ACK yet: while connect() holds its lock, segments that we saw still wait for it.
 */
__noinline int connection_of(struct __sk_buff *skb, struct packet *p, struct socket_facts *facts)
{
	struct bpf_sock_tuple t = {};
	int found;

	if (!p || !facts)
		return 0;
	if (BY_CGROUP)
		return read_own_socket(skb, facts);
	if (p->family == 4) {
		t.ipv4.saddr = p->k4.remote;
		t.ipv4.daddr = p->k4.local;
		t.ipv4.sport = p->k4.rport;
		t.ipv4.dport = p->k4.lport;
		found = read_socket(skb, &t, sizeof(t.ipv4), facts);
	} else {
		__builtin_memcpy(t.ipv6.saddr, p->k6.remote, 16);
		__builtin_memcpy(t.ipv6.daddr, p->k6.local, 16);
		t.ipv6.sport = p->k6.rport;
		t.ipv6.dport = p->k6.lport;
		found = read_socket(skb, &t, sizeof(t.ipv6), facts);
	}
	return found && facts->is_full && is_connected(facts);
}

/* Whether a TCP socket sends it. In another namespace a user may be root, and may send anything through a raw socket. */
static __always_inline int is_sent_by_tcp(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	return sk && sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP;
}

/* Whether a raw socket or a packet socket sends it: such a packet begins or ends no connection. */
static __always_inline int is_raw(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	return sk && sk->type == SOCK_RAW;
}

/* The TCP socket that sends it, in whatever namespace that is. */
__noinline int sender_of(struct __sk_buff *skb, struct socket_facts *facts)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tcp;

	if (!sk || !facts || !is_sent_by_tcp(skb))
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	read_sequences(tcp, facts);
	return 1;
}

/* An IPv6 socket may speak IPv4: ::ffff:a.b.c.d. */
static __always_inline int is_mapped(const __u32 *v6)
{
	return !v6[0] && !v6[1] && v6[2] == bpf_htonl(0xffff);
}

static __always_inline void remote_of_words(struct backend_key *key, int six, __u32 v4, const __u32 *v6, __u16 port,
					    __u32 of_namespace)
{
	if (six && is_mapped(v6)) {
		six = 0;
		v4 = v6[3];
	}
	if (six)
		__builtin_memcpy(key->address, v6, 16);
	else
		__builtin_memcpy(key->address, &v4, 4);
	key->family = six ? 6 : 4;
	key->port = bpf_ntohs(port);
	key->netid = of_namespace;
}

#if FROM_MEMORY
/* What the socket is connected to. */
static __always_inline void remote_of_socket(const struct sock *sk, struct backend_key *key)
{
	__u32 six[4];

	BPF_CORE_READ_INTO(&six, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
	__builtin_memset(key, 0, sizeof(*key));
	remote_of_words(key, BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6, BPF_CORE_READ(sk, __sk_common.skc_daddr), six,
			BPF_CORE_READ(sk, __sk_common.skc_dport), BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
}

static __always_inline __u32 read_up_to(source_t *source, __u32 unknown)
{
	return source ? source->read_up_to : unknown;
}

static __always_inline __u64 key_of_sender(source_t *source)
{
	return source ? source->socket : 0;
}

static __always_inline void remote_of_flow(struct scratch *s)
{
	remote_of_socket((const struct sock *)(long)s->memory.socket, &s->work.remote);
}
#else
static __always_inline void remote_of_flow(struct scratch *s)
{
	remote_of(&s->packet, &s->work.remote);
}

/* How far the process has read that sends; `unknown` where its socket is not known. */
__noinline __u32 read_up_to(struct __sk_buff *skb, __u32 unknown)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tcp;

	if (!sk || !is_sent_by_tcp(skb))
		return unknown;
	tcp = bpf_skc_to_tcp_sock(sk);
	return tcp ? tcp->copied_seq : unknown;
}

/* The key in `attempts` of the sending socket; 0 if it is none of TCP. */
static __always_inline __u64 key_of_sender(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? (__u64)(long)bpf_skc_to_tcp_sock(sk) : 0;
}
#endif

/* The attempt of nginx to connect that the sending socket is, if connects.h follows it. */
static __always_inline struct attempt *attempt_of_sender(source_t *source)
{
	__u64 key = key_of_sender(source);

	return key ? bpf_map_lookup_elem(&attempts, &key) : 0;
}

/* Whether the connection's own socket ends it. A socket in SYN_SENT does not: it answers an invalid SYN-ACK, and goes on. */
static __always_inline int is_ended_by_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->state != BPF_TCP_SYN_SENT && is_sent_by_tcp(skb);
}

/* The owner of the socket that sends it, or by control group gets it; NO_UID when the skb has none. */
static __always_inline __u32 owner_of_socket(struct __sk_buff *skb)
{
	struct tcp_sock *tcp = tcp_of(skb);

	return tcp ? ((struct sock *)tcp)->sk_uid.val : NO_UID;
}
