/* A parsed packet, the scratch memory per CPU in which it is read, and the functions that count. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/chunked.h"
#include "kernel/parser/h2.h"
#include "kernel/parser/line.h"
#include "kernel/parser/proxy.h"
#include "kernel/parser/status.h"
#include "flow.h"
#include "maps.h"
#include "source.h"

struct packet {
	__u32 seq;
	__u32 ack;
	__u32 off; /* of the payload in the skb */
	__u32 len;
	__u32 ifindex;
	__u8 flags;
	__u8 family;
	__u8 leaves;	 /* seen at the egress hook */
	__u8 translated; /* NAT of this host: k4 or k6 is the socket's own tuple, wire4 or wire6 the packet's */
	union {
		struct key4 k4;
		struct key6 k6;
	};
	union {
		struct key4 wire4;
		struct key6 wire6;
	};
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
		struct tcphdr tcp;
	} copy; /* of headers that do not lie in the skb's linear part */
};

/* The rest of the segment that is being read. */
struct work {
	__u64 now;
	__u64 hash; /* of a request line: see slot_of_line */
	__u32 off;
	__u32 len;
	__u32 ack;
	__u32 ifindex;
	__u8 begun;	    /* a message began in it */
	__u8 stray;	    /* its payload belongs to no message */
	__u8 line_loaded;   /* `scratch.line` holds the line that is being read */
	__u8 frames_loaded; /* `scratch.reader.h2` holds the direction's state */
	__u8 rank;	    /* enum rank of the sender */
	__u32 chunk_steps;  /* taken in the frames of chunks */
	struct backend_key remote;
};

/* The last request that this host only routed. A bridge and the bridge's port show it twice, on the same CPU. */
struct routed {
	__u32 seq;
	__u32 ports;
	__u32 ifindex;
};

/* Facts from a socket of this host. */
struct socket_facts {
	__u32 state;
	__u32 uid;
	/* of a connection */
	__u32 rcv_nxt;
	__u32 window_end; /* the socket accepts nothing beyond it */
	__u32 sack_end;	  /* end of the farthest segment beyond a hole; rcv_nxt without one */
	__u32 snd_una;
	__u32 sent; /* write_seq: the kernel moves snd_nxt after sending, and on `lo` the answer may arrive before */
	__u32 max_window;
	__u64 received; /* bytes, in order */
	__u8 is_full;	/* all this is known: not in TIME_WAIT, and no request socket */
	__u8 wide;	/* bound to every address of the packet's family */
	__u8 six;	/* an IPv6 socket, which may also carry IPv4 */
	__u8 pad;
};

/* Per CPU. A program has one for itself. */
struct scratch {
	struct buffer chunk;
	struct line line;
	struct route_key key;
	struct work work;
	struct packet packet;
	struct routed routed;
	struct socket_facts socket;
	union {
		struct chunk_reader chunks;
		struct status_reader status;
		struct proxy_reader proxy;
		struct h2_reader h2;
	} reader; /* not on a stack: the verifier would follow each value that it may have */
	__u32 taken;
	__u32 index; /* which of this CPU's it is */
#if FROM_MEMORY
	struct memory memory;
#endif
};

/*
 * At interfaces the programs run with bottom halves off, and do not interrupt each other on a CPU. At a control group they run in
 * processes, too, and are interrupted by packets that arrive, and by other processes.
 */
#define SCRATCHES (BY_CGROUP ? 4 : 1)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* That of the program which reads this packet. */
static __always_inline struct scratch *scratch_of(struct __sk_buff *skb)
{
	__u32 index = BY_CGROUP ? skb->cb[0] : 0;

	return bpf_map_lookup_elem(&scratches, &index);
}

/* One that no program has which was interrupted on this CPU; 0 if all are taken. */
static __always_inline struct scratch *take_free_scratch(void)
{
	for (__u32 i = 0; i < SCRATCHES; i++) {
		__u32 index = i;
		struct scratch *s = bpf_map_lookup_elem(&scratches, &index);

		if (s && !__sync_val_compare_and_swap(&s->taken, 0, 1)) {
			s->index = i;
			return s;
		}
	}
	return 0;
}

/* First call for a packet; `give_scratch` is the last. Returns 0 if more programs were interrupted on this CPU than have room. */
static __always_inline struct scratch *take_scratch(struct __sk_buff *skb)
{
	struct scratch *s = BY_CGROUP ? take_free_scratch() : scratch_of(skb);

	if (BY_CGROUP && s)
		skb->cb[0] = s->index;
	return s;
}

/*
 * The same memory, known to be a map's: before Linux 6.2 keys and values are taken from maps and from the stack, and not from
 * what a function was given.
 */
static __always_inline struct scratch *as_map_memory(struct scratch *s)
{
	__u32 index = BY_CGROUP ? s->index : 0;

	return bpf_map_lookup_elem(&scratches, &index);
}

static __always_inline void give_scratch(struct scratch *s)
{
	if (BY_CGROUP)
		*(volatile __u32 *)&s->taken = 0;
}

static __always_inline struct totals *cpu_totals(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&totals, &zero);
}

/* For code that the sweep runs, too: the hooks interrupt it on its own CPU. */
static __always_inline void count_shared(enum total which)
{
	struct totals *t = cpu_totals();

	if (t)
		__sync_fetch_and_add(&t->v[which], 1);
}

/* Only for the programs at the hooks. At interfaces they do not interrupt each other. */
static __always_inline void count(enum total which)
{
	struct totals *t = cpu_totals();

	if (BY_CGROUP)
		count_shared(which);
	else if (t)
		t->v[which]++;
}

static __always_inline struct slot *slot_of(__u32 index)
{
	return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline struct backend *backend_of(__u32 index)
{
	return bpf_map_lookup_elem(&backends, &index);
}

#define ADD(field, n) __sync_fetch_and_add(&(field), (n))
