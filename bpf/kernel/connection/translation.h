/*
 * NAT on this host (DNAT, REDIRECT, a ClusterIP, masquerade): packets carry other addresses than their socket. A flow is known by
 * the socket's own tuple: what nginx connected to is the backend, and the socket can be looked up by it. Answers that stay on
 * this host come from the socket's tuple again, others from the tuple of the wire; both find the flow.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"
#include "flows.h"

/* From here on the packet counts under its socket's own tuple. */
static __always_inline void translate4(struct packet *p, const struct key4 *own)
{
	p->wire4 = p->k4;
	p->k4 = *own;
	p->translated = 1;
}

static __always_inline void translate6(struct packet *p, const struct key6 *own)
{
	p->wire6 = p->k6;
	p->k6 = *own;
	p->translated = 1;
}

/* A packet of a connection whose SYN, or first request, showed that it is translated. */
__noinline int translate(struct packet *p)
{
	if (!p)
		return 0;
	if (p->family == 4) {
		struct key4 *own = bpf_map_lookup_elem(&translations4, &p->k4);

		if (own)
			translate4(p, own);
	} else {
		struct key6 *own = bpf_map_lookup_elem(&translations6, &p->k6);

		if (own)
			translate6(p, own);
	}
	return 0;
}

static __always_inline void translate_if_known(struct packet *p)
{
	if (!BY_CGROUP && has_port(&translated_ports, remote_port(p)))
		translate(p);
}

/* A closed socket may still send a RST. It has its port in `inet_sport` only. */
static __always_inline __u16 own_port_of(struct bpf_sock *sk)
{
	__u16 port = bpf_htons(sk->src_port);
	struct tcp_sock *tcp = port ? 0 : bpf_skc_to_tcp_sock(sk);

	return tcp ? tcp->inet_conn.icsk_inet.inet_sport : port;
}

/* Compares the packet with the socket that sends it. */
static __always_inline void translate4_by_socket(struct bpf_sock *sk, struct packet *p, __u16 lport)
{
	struct key4 own = {.netid = netid_of(p), .rport = sk->dst_port, .lport = lport};

	own.remote = sk->dst_ip4;
	own.local = sk->src_ip4;
	if (own.rport &&
	    (own.remote != p->k4.remote || own.rport != p->k4.rport || own.local != p->k4.local || own.lport != p->k4.lport))
		translate4(p, &own);
}

static __always_inline void translate6_by_socket(struct bpf_sock *sk, struct packet *p, __u16 lport)
{
	struct key6 own = {.netid = netid_of(p), .rport = sk->dst_port, .lport = lport};
	__u32 *remote = (__u32 *)own.remote, *local = (__u32 *)own.local;
	const __u32 *wire_remote = (const __u32 *)p->k6.remote, *wire_local = (const __u32 *)p->k6.local;
	int differs = own.rport != p->k6.rport || own.lport != p->k6.lport;

	remote[0] = sk->dst_ip6[0];
	remote[1] = sk->dst_ip6[1];
	remote[2] = sk->dst_ip6[2];
	remote[3] = sk->dst_ip6[3];
	local[0] = sk->src_ip6[0];
	local[1] = sk->src_ip6[1];
	local[2] = sk->src_ip6[2];
	local[3] = sk->src_ip6[3];
	for (int i = 0; i < 4; i++)
		differs |= remote[i] != wire_remote[i] || local[i] != wire_local[i];
	if (own.rport && differs)
		translate6(p, &own);
}

/* A connection begins, or its first request is met. */
__noinline int translate_by_socket(struct __sk_buff *skb, struct packet *p)
{
	struct bpf_sock *sk = skb->sk;

	if (!p || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	if (p->family == 4)
		translate4_by_socket(sk, p, own_port_of(sk));
	else
		translate6_by_socket(sk, p, own_port_of(sk));
	return 0;
}

/* A tuple that is not translated now may have been, for a connection before. */
static __always_inline void delete_translation(const struct packet *p)
{
	long failed;

	if (!has_port(&translated_ports, remote_port(p)))
		return;
	if (p->family == 4)
		failed = bpf_map_delete_elem(&translations4, &p->k4);
	else
		failed = bpf_map_delete_elem(&translations6, &p->k6);
	if (!failed)
		ADD(translation_count, -1);
}

/* Anybody may connect through NAT: others find room while there is much, so that nginx finds some. */
static __always_inline int has_translation_room(enum rank rank)
{
	__u32 room = rank == ANYONE ? TRANSLATIONS_OF_ANYONE : rank == NGINX ? TRANSLATIONS_OF_OTHERS : MAX_TRANSLATIONS;

	return translation_count < room;
}

/* A tuple that is used again is replaced: it needs no room. */
static __always_inline long insert_translation(const struct packet *p, enum rank rank)
{
	long failed;

	if (p->family == 4)
		failed = bpf_map_update_elem(&translations4, &p->wire4, &p->k4, BPF_EXIST);
	else
		failed = bpf_map_update_elem(&translations6, &p->wire6, &p->k6, BPF_EXIST);
	if (!failed)
		return 0;
	if (!has_translation_room(rank))
		return -E2BIG;
	if (p->family == 4)
		failed = bpf_map_update_elem(&translations4, &p->wire4, &p->k4, BPF_NOEXIST);
	else
		failed = bpf_map_update_elem(&translations6, &p->wire6, &p->k6, BPF_NOEXIST);
	if (!failed)
		ADD(translation_count, 1);
	return failed;
}

/*
 * So that what follows finds the flow, which exists: the sweep deletes translations without one. An answer may come from either
 * side's port. Returns 1 without room: the flow is then of no use, because its answers would not find it.
 */
__noinline int keep_translation(struct packet *p, enum rank rank)
{
	__u16 port;

	if (!p)
		return 0;
	if (!p->translated) {
		delete_translation(p);
		return 0;
	}
	port = wire_port(p);
	add_port(&translated_ports, port);
	add_port(&flow_ports, port);
	add_port(&answer_ports, port);
	add_port(&answer_ports, remote_port(p));
	return insert_translation(p, rank) != 0;
}

static __always_inline int remember_translation(struct packet *p, enum rank rank)
{
	if (!BY_CGROUP)
		return keep_translation(p, rank);
	/* each packet comes with its socket */
	add_port(&answer_ports, wire_port(p));
	return 0;
}

/* ---- once per second ---- */

static long delete_translation4(struct bpf_map *map, struct key4 *wire, struct key4 *own, void *none)
{
	struct key4 key = *wire;

	if (!find4(own) && !bpf_map_delete_elem(map, &key))
		ADD(translation_count, -1);
	return 0;
}

static long delete_translation6(struct bpf_map *map, struct key6 *wire, struct key6 *own, void *none)
{
	struct key6 key = *wire;

	if (!find6(own) && !bpf_map_delete_elem(map, &key))
		ADD(translation_count, -1);
	return 0;
}

/* Those whose flow is gone. A host without NAT does not walk the maps. */
static __always_inline void delete_translations(void)
{
	if (!translation_count)
		return;
	bpf_for_each_map_elem(&translations4, delete_translation4, 0, 0);
	bpf_for_each_map_elem(&translations6, delete_translation6, 0, 0);
}
