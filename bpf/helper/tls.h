/*
 * Reading within TLS (--tls): nginx calls its own ngx_ssl_write and ngx_ssl_recv with plaintext, and probes on these two
 * functions read it. Only nginx's own file gets a probe, never the TLS library. The rest of the helper knows main's part alone,
 * below.
 */
#pragma once

#include "helper.h"
#include "children.h"
#include "tls-file.h"

/* ---- tls-links.c: probes ---- */

#define UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, since Linux 6.6 */

/*
 * Probes at these offsets of a file, in every process that maps it; with `pid`, in that one alone. Returns a descriptor, -1 with
 * errno. Needs no rights but those with which the program was loaded.
 */
int attach_probe(int program, const char *file, const uint64_t *offsets, const uint64_t *cookies, int count, bool at_return,
		 uint32_t pid);

/* ---- tls-cost.c: what probes cost ---- */

/* With an empty program, ns per call; 0: not known. */
struct tls_cost {
	uint32_t entry_ns;   /* where the kernel emulates the instruction */
	uint32_t stepped_ns; /* where it does not */
	uint32_t return_ns;  /* what one at the return adds to one at the entry */
	char why[192];	     /* empty, or why probes cannot be set here */
};

/* Needs rights. Takes a tenth of a second, most of which the kernel waits for when probes are removed. */
void measure_tls_cost(struct tls_cost *cost);

struct counting; /* a program that counts calls */
/* `counts`: how many the cookies of its links tell apart. NULL where it cannot be loaded. */
struct counting *counting_open(int counts);
int counting_program(const struct counting *counting);
uint64_t counted(const struct counting *counting, uint32_t cookie);
void counting_close(struct counting *counting);

/* ---- tls-programs.c: the files of nginx's programs ---- */

#define TLS_LINKS 3

/*
 * Two mounts of overlayfs, of two containers, have a file of the same image as two files; but the probes are set in the one below
 * them, which is told by its handle.
 */
struct file_identity {
	uint64_t device, inode;
	uint32_t handle_size; /* 0 on other file systems, and before Linux 6.6 */
	uint8_t handle[64];
};

struct tls_program {
	struct file_identity file_identity;
	char path[192]; /* as its process sees it */
	int file;	/* O_PATH; -1 when it is not needed any more */
	int processes;	/* that were found to run it */
	int workers;	/* of these */
	bool is_roots;	/* root has started one of them */
	bool has_our_root;
	int directory; /* O_PATH, where a later file may take its place; -1: nobody knows, or it may not answer */
	struct tls_functions functions;
	bool is_read; /* its probes are attached */
	bool is_said_blind;
	char why[224]; /* empty, or why it is not read */
	int links[TLS_LINKS];
};

struct tls {
	enum tls_reading reading;
	struct tls_cost cost;
	struct tls_programs by;
	struct tls_program list[MAX_TLS_PROGRAMS];
	int count;
};

/* Each file that an nginx runs, once. Reads none of them. */
void find_tls_programs(struct tls *tls, const struct nginx *nginx);
/* A new entry, which has the descriptor then; or NULL, if the list has the file already, or no room. */
struct tls_program *add_tls_file(struct tls *tls, int file, const char *path);
void close_tls_file(struct tls_program *program);

/* A child that reads the file and looks for the functions: nobody knows how long that takes. */
#define JUDGE_MS 1000 /* time for it; a busy host may take most of it */
struct child start_judging(struct tls_program *program);
void take_judgement(struct tls_program *program, const struct child *child, bool in_time);

/* ---- tls-links.c ---- */

/*
 * A child that sets the probes of a program, because the kernel reads the file then. A descriptor of -1 in `programs` is left
 * out. The links' cookies are 2 · `number` at ngx_ssl_write, and one more at ngx_ssl_recv.
 */
#define ATTACH_MS 2000 /* the kernel waits for all processes that have the file */
struct child start_attaching(struct tls_program *program, const struct tls_programs *programs, int number);
void take_links(struct tls_program *program, const struct child *child, bool in_time);
void close_tls_links(struct tls_program *program);

/* ---- tls-judge.c: all programs that are found, one after the other ---- */

static inline uint64_t in_ms(int ms)
{
	return now_ns(CLOCK_MONOTONIC) + ms * 1000000ULL;
}

/* Finds nginx's programs, and judges them and this kernel. `tls->reading` is set. Waits for children, some seconds at most. */
void judge_tls(struct tls *tls, const struct nginx *nginx, bool has_lifeline);
/* Whether probes on a program cost too much: `why` says it then. */
void judge_tls_cost(const struct tls *tls, struct tls_program *program);
/* Sets the probes of those that can be read. `tls->by` is set. Waits for children. */
void attach_tls(struct tls *tls, bool has_lifeline);
void detach_tls(struct tls *tls);
/* The members of a program's object, without its braces. */
void put_tls_program(struct json *out, const struct tls_program *program);

/* ---- tls-places.c: where a later program may be ---- */

/* While there are rights. */
void keep_tls_places(const struct tls *tls);
/* Adds the files that are there now. `started`: an nginx was, by no nginx. */
void look_at_tls_places(struct tls *tls, bool started);

/* ---- tls-follow.c: programs that nginx starts from later ---- */

void begin_to_follow(const struct tls *tls);
/* What the kernel has counted so far. Never waits. */
void follow_tls(struct tls *tls, uint32_t forks, uint32_t beginnings);
bool is_following_tls(const struct tls *tls);
const char *remark_on_followed_tls(const struct tls *tls);
