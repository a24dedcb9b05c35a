/* A process begins to listen: an nginx that is started or restarted, or gets another port by a reload, while we record. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/maps.h"
#include "listeners.h"
#include "processes.h"
#include "sender.h"
#include "sockets.h"

#define AF_INET 2

/* Where it listens; an IPv6 socket that is bound to an IPv4 address gets IPv4. Returns whether it is on all IPv6 addresses. */
static __always_inline int listen_key_of_socket(struct listen_port_key *key, const struct sock *sk)
{
	__u32 six[4];

	__builtin_memset(key, 0, sizeof(*key));
	key->port = sk->__sk_common.skc_num;
	key->family = 4;
	key->netid = sk->__sk_common.skc_net.net->ns.inum;
	if (sk->__sk_common.skc_family == AF_INET) {
		__u32 four = sk->__sk_common.skc_rcv_saddr;

		__builtin_memcpy(key->address, &four, 4);
		return 0;
	}
	six[0] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[0];
	six[1] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[1];
	six[2] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[2];
	six[3] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[3];
	if (!six[0] && !six[1] && six[2] == bpf_htonl(0xffff)) {
		__builtin_memcpy(key->address, &six[3], 4);
		return 0;
	}
	key->family = 6;
	__builtin_memcpy(key->address, six, 16);
	return !(six[0] | six[1] | six[2] | six[3]);
}

/*
 * The kernel may still refuse it, for a port that another user's socket has: so nobody but root replaces another user's entry.
 * Without room, or behind such an entry, the port is learned when an answer leaves.
 */
static __always_inline void add_listener(const struct listen_port_key *key, const struct listen_port *listener)
{
	struct listen_port *known = bpf_map_lookup_elem(&listeners, key);
	__u32 instance = listener->master;
	struct proxy *proxy;

	if (known && known->uid != listener->uid && listener->uid)
		return;
	if (!known && listener->uid && others.listeners >= LISTENERS_OF_OTHERS)
		return;
	if (bpf_map_update_elem(&listeners, key, listener, BPF_ANY))
		return;
	if (!known && listener->uid)
		ADD(others.listeners, 1);
	known = bpf_map_lookup_elem(&listen_ports, key);
	if (known && known->uid != listener->uid && listener->uid)
		return;
	proxy = bpf_map_lookup_elem(&proxies, &instance);
	if (proxy)
		set_listen_port(key, listener, proxy);
	else if (known && known->uid == listener->uid)
		/* restarted: taken to proxy as the nginx before it did */
		known->master = instance;
}

/* A program that is no nginx has the port now, of the same user: another user's socket is noticed by its owner. */
static __always_inline void forget_listener(const struct listen_port_key *key, __u32 uid)
{
	struct listen_port *known = bpf_map_lookup_elem(&listeners, key);

	if (known && known->uid == uid)
		bpf_map_delete_elem(&listeners, key);
	known = bpf_map_lookup_elem(&listen_ports, key);
	if (known && known->uid == uid)
		remove_listen_port(key);
}

/* In the process that calls listen(). */
static __always_inline void listening_begins(struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	__u16 family = sk->__sk_common.skc_family;
	struct listen_port listener = {.uid = sk->sk_uid.val};
	struct nginx_process process;
	struct listen_port_key key;
	int any6;

	if (sk->sk_protocol != IPPROTO_TCP || (family != AF_INET && family != AF_INET6) ||
	    (!BY_CGROUP && sk->__sk_common.skc_net.net->ns.inum != netid))
		return;
	any6 = listen_key_of_socket(&key, sk);
	if (!is_nginx_now(task)) {
		forget_listener(&key, listener.uid);
		return;
	}
	process = instance_of(task);
	if (process.uid != listener.uid)
		return;
	listener.master = process.instance;
	add_listener(&key, &listener);
	if (!any6 || BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only))
		return;
	key.family = 4;
	listener.dual = 1;
	add_listener(&key, &listener);
}
