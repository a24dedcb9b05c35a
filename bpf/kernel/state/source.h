/* Where the bytes of a message are read: in a packet, or in the memory of nginx, which has them before TLS and behind it. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* An object of its own reads what nginx writes and reads within TLS: see hooks/plaintext.h. */
#ifndef FROM_MEMORY
#define FROM_MEMORY 0
#endif

#if FROM_MEMORY
struct memory {
	__u64 address;
	__u64 socket;
	__u64 owner;	  /* in nginx: the request or session that has the connection */
	__u32 read_up_to; /* by nginx, in the plaintext of answers */
	__u32 failed;	  /* something could not be loaded: its page is not in memory */
};
typedef struct memory source_t;
#else
typedef struct __sk_buff source_t;
#endif

/* Tests let one of so many loads fail. */
#ifndef FAIL_LOADS
#define FAIL_LOADS 0
#endif

static __always_inline int load_fails(void)
{
	return FAIL_LOADS && bpf_get_prandom_u32() % (FAIL_LOADS + !FAIL_LOADS) == 0;
}

/* `off`: in the packet; in memory, from `address` on. */
static __always_inline long load_bytes(source_t *source, __u32 off, void *to, __u32 n)
{
#if FROM_MEMORY
	if (!source)
		return -1;
	if (!load_fails() && !bpf_probe_read_user(to, n, (const void *)(long)(source->address + off)))
		return 0;
	source->failed = 1;
	return -1;
#else
	return bpf_skb_load_bytes(source, off, to, n);
#endif
}
