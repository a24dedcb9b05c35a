/* The state of a TCP connection: its two directions, and the exchanges on it. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif
#include "kernel/parser/bytes.h"
#include "kernel/parser/h2.h"
#include "kernel/parser/head.h"

/*
 * Where the programs are attached: to interfaces of one network namespace (tcx), or to a control group, where they see the
 * sockets of all namespaces. An object is compiled for each.
 */
#ifndef BY_CGROUP
#define BY_CGROUP 0
#endif

#define NEXT -1 /* TCX_NEXT: other programs and classic filters still run. The BTF of Linux 6.1 lacks it. */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define SECOND 1000000000ULL
#define DEPTH  8 /* pipelined requests of a flow */
#define RANGES 3 /* segments beyond a hole, merged */

struct key4 {
	__u32 remote;
	__u32 local;
	__u16 rport;
	__u16 lport;
	__u32 netid;
};

struct key6 {
	__u8 remote[16];
	__u8 local[16];
	__u16 rport;
	__u16 lport;
	__u32 netid;
};

/* Padding would be part of the key, and nothing zeroes it. */
_Static_assert(sizeof(struct key4) == 16 && sizeof(struct key6) == 40, "keys without padding");

enum kind {
	KIND_HTTP,	/* or not known yet */
	KIND_NOT_HTTP,	/* kept, so that later bytes of it are not taken for a request */
	KIND_OPAQUE,	/* TLS, h2 */
	KIND_ENCRYPTED, /* TLS, and requests within it are read elsewhere (--tls) */
	KIND_FRONT_DOOR,
	KIND_IGNORED,
	KIND_NOT_SELECTED,
	KIND_NOT_NGINX, /* of --nginx-only */
};

enum dir_state {
	DIR_LINE,	      /* a message begins next; answers: or its status line has begun, if `line_length` says so */
	DIR_PROXY,	      /* requests only: a PROXY protocol header goes before the first one */
	DIR_PART,	      /* requests only: the end of a segment cut the first line; its struct line is in `lines` */
	DIR_HEAD,	      /* from this state on, a message has begun and is not over */
	DIR_BODY,	      /* `left` bytes to go, of the body or of a chunk's data */
	DIR_CHUNKED,	      /* between the data of two chunks, or in the trailers */
	DIR_BODY_UNTIL_CLOSE, /* a body whose end is not known */
	DIR_TUNNEL,
	DIR_FRAMES, /* HTTP/2: `frames` has its state */
};

struct span {
	__u32 lo;
	__u32 hi;
};

/* How a direction is blind behind a hole. */
#define BEHIND_HOLE 1 /* where a message begins is not known, and bytes are nobody's until one does */
#define AT_REQUEST  2 /* that may be a request, whatever is pending */

/*
 * One direction of a flow. The programs take `lock`: two CPUs rarely see the same direction at once. The first 64 bytes hold what
 * every segment needs.
 */
struct dir {
	__u32 lock;
	__u32 next;  /* sequence number of the first byte not seen */
	__u32 owner; /* interface that brought the last new data */
	__u8 state;
	__u8 synced; /* `next` is known */
	__u8 ranges;
	__u8 line_length; /* bytes of `carry` that belong to the current line */
	union {
		__u64 left; /* DIR_BODY; DIR_CHUNKED: the size that is being read; DIR_PROXY */
		__u64 tail; /* DIR_BODY_UNTIL_CLOSE: the last eight bytes of a chunked body whose chunks are not known */
	};
	__u64 last_ns; /* of the last new payload */
	struct head head;
	__u16 status;
	__u8 stray;   /* unsolicited data, already counted */
	__u8 in_hole; /* behind a hole */
	__u8 has_fin; /* a FIN beyond a hole */
	__u8 step;    /* within what is read byte by byte: a status line, a PROXY header; a chunked body, 0 for others */
	__u32 fin;
	__u32 booked; /* the bytes before this sequence number are counted, or belong to no message */
	struct span span[RANGES];
	struct span jumped; /* the last hole: what comes of it later is not read */
	union {
		__u8 carry[FRONT];
		struct h2 frames; /* DIR_FRAMES */
	};
};

/* Why a request is not booked at once. */
enum deferral {
	DEFERRED_LISTENER = 1, /* a listen port of nginx may answer */
	DEFERRED_TUNNEL = 2,   /* the connection is older than we are, and may be a tunnel */
};

enum phase { PHASE_NONE, PHASE_OPEN, PHASE_ANSWERED, PHASE_DONE };

/* Where the SYN was seen, who books the connecting: this flow, or the socket (connects.h). */
enum fresh { NOT_FRESH, SYN_SEEN, BOOKED_BY_SOCKET };

#define IS_HEAD	   1
#define IS_CONNECT 2
#define IS_ALONE   4 /* nothing was pending when it left: its answer begins at `ack` */
#define NO_ACK	   8 /* it left in a SYN */
#define IS_H2	   16
#define IS_GRPC	   32
/* In the bits above: grpc-status + 1, once its block has arrived. 0: none. */
#define GRPC_SHIFT  6
#define GRPC_UNSEEN 1023 /* its end lay in a hole */

enum suspicion { UNSUSPECTED, SILENT, PERHAPS_GONE };

/*
 * A request and its answer. An answer, a FIN, a RST and the sweep may end it at the same time: each claims `state` (number << 2 |
 * phase).
 */
struct exchange {
	__u32 state;
	__u32 slot;
	__u64 at_ns;   /* first byte of its line */
	__u64 hash;    /* of its line, without the backend; 0 when the line was cut */
	__u32 lead_us; /* from the SYN to the first byte, on a new connection */
	__u32 ack;
	union {
		__u32 header_us;
		__u32 stream; /* HTTP/2, until it is answered */
	};
	__u32 generation;
	__u16 status;
	__u16 flags;
	__u32 deferred; /* not booked yet: it may be for a front door, or none: enum deferral */
	__u64 sent;	/* bytes of it that were seen while it was deferred */
	__u64 spare;	/* of the flow, which has no other room: see FLOW_SOCKET */
};

/* By control group, and with --tls: the address of the flow's socket, which may be another's by now. */
#define FLOW_SOCKET(f) ((f)->ring[0].spare)
/* By control group: the instance of the nginx that listens where a client of this host leads, and did not proxy then; or 0. */
#define FLOW_DOOR(f) ((f)->ring[1].spare)

/* Within TLS: how many bytes of plaintext nginx had written before the request whose bytes it counts now. */
#define FLOW_BASE(f) ((f)->ring[2].spare)

/* Its answers are in a direction that is not seen: counted once, however many requests it carries. */
#define FLOW_HALF_SEEN(f) ((f)->ring[3].spare)

/*
 * Requests leave on one CPU and answers arrive on another. A cache line that both write costs each of them more than the look-up
 * of the flow. So each side has cache lines of its own, and they meet in an exchange: its state tells the side from the backend
 * that a request has begun, and the side to the backend that an answer is over.
 */
struct flow {
	/* read by both sides, rarely written */
	__u8 kind;
	__u8 nginx; /* enum rank of the process that has the socket */
	__u8 fresh; /* its SYN was seen: enum fresh */
	__u8 connected;
	__u8 given_up; /* its connect timeout was booked */
	__u8 fin_in;
	__u8 fin_out;
	__u8 closed; /* the sweep removes it */
	__u8 retry;  /* the last connect of its worker failed within 100 ms */
	__u8 counted_connect;
	__u8 deferred;	       /* its requests are not booked until it is known who answers them */
	__u8 has_local_socket; /* its socket is in this namespace */
	__u32 isn;
	__u32 backend;
	__u32 pid;
	union {
		__u32 overflow; /* requests beyond DEPTH: only counted until their answers have passed */
		__u32 left_out; /* KIND_NOT_NGINX: requests, while they are deferred */
	};
	__u32 connect_us;
	__u64 syn_ns;
	__u64 last_syn_ns;
	__u64 syn_gap_ns;

	struct exchange ring[DEPTH];

	/* the side to the backend */
	struct dir out;
	__u64 line_ns; /* when the request line that is being read began */
	__u64 line_id; /* its key in `lines` */
	__u32 started; /* number of the next exchange */
	__u32 oldest;  /* all before it are over; updated when the next request leaves */
	__u8 suspect;  /* open or behind a hole, and silent: the check asks its socket (enum suspicion) */
	__u8 asked;    /* how often, since something passed */
	__u16 wire;    /* index of the address that its packets carry, 0 where that is the backend's */
	__u32 uid;     /* of the nginx master; while requests are deferred, of the owner of the destination's socket */

	/* the side from the backend */
	struct dir in;
	__u32 current;	/* number of the exchange whose answer comes next; moves lazily */
	__u32 peer_ack; /* of the backend's last segment that was read */
};

/* In an element of a hash map, a flow begins 8 bytes into a cache line (IPv4). The element takes a kilobyte at most (IPv6). */
_Static_assert(__builtin_offsetof(struct flow, ring) % 64 == 56, "an exchange is a cache line");
_Static_assert(__builtin_offsetof(struct flow, out) % 64 == 56 && __builtin_offsetof(struct flow, in) % 64 == 56,
	       "a side begins with a cache line");
_Static_assert(sizeof(struct exchange) == 64 && sizeof(struct flow) + sizeof(struct key6) + 56 <= 1024,
	       "an element takes 1 KiB at most");
