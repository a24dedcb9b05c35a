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

/* `off`: in the packet; in memory, from `address` on. */
static __always_inline long load_bytes(source_t *source, __u32 off, void *to, __u32 n)
{
#if FROM_MEMORY
	if (!source)
		return -1;
	if (!bpf_probe_read_user(to, n, (const void *)(long)(source->address + off)))
		return 0;
	source->failed = 1;
	return -1;
#else
	return bpf_skb_load_bytes(source, off, to, n);
#endif
}
