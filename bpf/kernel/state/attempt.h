/* A connection of nginx from its socket's view: from connect() until the socket is closed. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"

/*
 * What nginx has said on it. Only what it says first tells whether requests can be read. TLS_BEGUN: with --tls, until nginx
 * writes what is read in its memory.
 */
enum speech { NOTHING_SAID, HAS_SPOKEN, UNREAD, TLS_BEGUN };

struct attempt {
	__u64 at_ns; /* SYN_SENT, or connect() */
	/* `at_ns` and the bytes that are counted: no other connection that gets this memory has the same numbers */
	__u64 booked_sent;
	__u64 booked_received;
	__u64 sent; /* by its socket, retransmissions too, when the sweep looked last */
	struct backend_key remote;
	__u32 pid;
	__u32 instance; /* the nginx master's pid */
	__u32 uid;	/* the nginx master's */
	__u8 rank;
	__u8 state; /* of the socket, after the last event that was followed */
	__u8 established;
	__u8 peer_ended; /* the peer was the first to end it */
	__u32 speech;	 /* enum speech */
	__u32 protocol;	 /* enum protocol, if it is UNREAD */
	__u32 ports;	 /* both, as the socket has them, from ESTABLISHED on */
	__u32 listed;	 /* in `unread_sockets` */
	/* where NAT led its SYN, 0 if nowhere else */
	__u32 wire;
	__u32 wire_generation;
	/* --tls: its connect is booked when it is known whether a handshake belongs to it */
	__u64 connected_ns;
	__u32 owes_connect;
	__u32 retry;	 /* the last connect of its worker failed within 100 ms: see flow.retry */
	__u32 half_seen; /* counted as such */
};

/* Of the helper's network namespace, as connect hooks see it. */
SETTING __u64 netns_cookie = 0;

#ifndef MAX_ATTEMPTS
#define MAX_ATTEMPTS 262144
#endif
/* of all but root's nginx, at most */
#define ATTEMPTS_OF_OTHERS (MAX_ATTEMPTS / 4)

/* By the address of the socket, as long as it is open. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ATTEMPTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct attempt);
} attempts SEC(".maps");

/*
 * The attempts that the sweep looks at: UNREAD, or known to be silent. To walk all buckets of `attempts` takes 3 ms. Without room
 * all are walked.
 */
#define MAX_LISTED 16384
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_LISTED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} unread_sockets SEC(".maps");

/* By thread: connect() was called, and nothing is known yet of what became of it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct attempt);
} connect_calls SEC(".maps");

/* The event that the first of two programs is following on this CPU: see connects.h. */
struct followed {
	__u64 socket;
	__u64 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct followed);
} followed_events SEC(".maps");

__u32 attempts_of_others = 0; /* of those that are open */
__u32 has_listed = 0;	      /* in `unread_sockets` there are some */
__u32 has_unlisted = 0;	      /* one found no room there */
__u32 has_new = 0;	      /* some were established since the silent ones were looked for */

static __always_inline void list_unread(__u64 socket, struct attempt *a)
{
	__u32 one = 1;

	if (a->listed)
		return;
	if (bpf_map_update_elem(&unread_sockets, &socket, &one, BPF_ANY)) {
		has_unlisted = 1;
		return;
	}
	a->listed = 1;
	has_listed = 1;
}
