/* A connection of nginx from its socket's view: from connect() until the socket is closed. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"

struct attempt {
	__u64 at_ns; /* SYN_SENT, or connect() */
	struct backend_key remote;
	__u32 pid;
	__u32 instance; /* the nginx master's pid */
	__u32 uid;	/* the nginx master's */
	__u8 rank;
	__u8 state; /* of the socket, after the last event that was followed */
	__u8 established;
	__u8 peer_ended; /* the peer was the first to end it */
	/* where NAT led its SYN, 0 if nowhere else */
	__u32 wire;
	__u32 wire_generation;
};

/* Of the helper's network namespace, as connect hooks see it. */
const volatile __u64 netns_cookie = 0;

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
