/*
 * A BPF program of somebody else that has a socket in a sockmap may hand what is written there to another socket of this host,
 * and the other way round: some service meshes do. Such bytes are in no packet, and no socket counts them. What is said on the
 * connection is not seen; that it is there is counted, as `half_seen`.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"

#define IN_SOCKMAP 4 /* SK_USER_DATA_PSOCK: the kernel's types carry no macros */

static __always_inline int is_in_sockmap(const void *user_data)
{
	return ((__u64)(long)user_data & IN_SOCKMAP) != 0;
}

static __always_inline void count_half_seen(struct attempt *a)
{
	if (!__sync_lock_test_and_set(&a->half_seen, 1))
		count_shared(L_HALF_SEEN);
}

/* What is read in nginx's memory needs no packet. */
static __always_inline int is_read_in_memory(__u64 socket)
{
	return reads_tls && bpf_map_lookup_elem(&plaintexts, &socket);
}

/* When either side is about to end it: one direction, or both, has not carried a byte. A FIN may be counted already. */
static __always_inline void note_sockmap(struct sock *sk, struct attempt *a)
{
	/* not every kind of program may ask for it */
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (is_in_sockmap(sk->sk_user_data) && a->established &&
	    (!BPF_CORE_READ(tcp, bytes_sent) || BPF_CORE_READ(tcp, bytes_received) <= 1) && !is_read_in_memory((__u64)(long)sk))
		count_half_seen(a);
}
