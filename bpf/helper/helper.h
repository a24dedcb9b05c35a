/* The parts of the helper. Each has its own state; main calls them one after the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <net/if.h>
#include "die.h"
#include "shared.h"
#include "names.h"
#include "upstreams.h"

#ifndef VERSION
#define VERSION "0.0.0"
#endif

struct upstreamtop_bpf; /* the skeleton: the BPF object, embedded */

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- options.c ---- */

#define MAX_FILTERS 1024

/* Where the two programs are attached. */
enum way {
	ANY_WAY,  /* to interfaces if the kernel can, else by control group */
	BY_TCX,	  /* to the interfaces of this network namespace */
	BY_GROUP, /* to a control group: sockets of all network namespaces */
};

/* Whether the requests of TLS upstreams are read. */
enum tls_reading {
	TLS_UNREAD,
	TLS_READ,   /* where the probes are not too expensive */
	TLS_FORCED, /* whatever they cost */
};

struct options {
	const char *interfaces[64];
	int interface_count;
	struct ignore_key ignore[MAX_FILTERS];
	int ignore_count;
	struct only_key only[MAX_FILTERS];
	int only_count;
	enum way way;
	const char *cgroup; /* --cgroup: a path below the root of cgroup2, or NULL */
	bool raw_routes;
	bool nginx_only;
	unsigned sample; /* rows of the request sample per tick */
	bool version;
	bool doctor;
	bool every_namespace; /* nginx is looked for in all network namespaces, not in the helper's alone */
	enum tls_reading tls;
};

void parse_options(struct options *options, int argc, char **argv);

/* ---- rights.c ---- */

/* The capabilities that recording needs and this process lacks, as words; "" when there are none. */
const char *missing_rights(void);
bool has_right(int capability);
/*
 * Drops all capabilities and, as root, the identity, and sets no_new_privs: maps, ring and links still work by their descriptors.
 */
void drop_rights(void);

/* For a process that stays root: without capabilities, for good. */
bool drop_capabilities(void);

/* Becomes this user for good, without other groups and capabilities. Returns false where that was refused: then read nothing. */
bool become_reader(uint32_t uid, uint32_t gid);

/* ---- launch.c ---- */

/* Becomes this command, without capabilities; a child of it starts the helper when it says so. */
_Noreturn void launch(char **command);

/* ---- lifeline.c: what ends the helper ---- */

/* SIGINT, SIGTERM and the death of the parent end the helper at once, until `lifeline_defer` is called. First call in main. */
void lifeline_watch(void);
/* From now on these are only noted, for an orderly end. */
void lifeline_defer(void);
/* Asks for the signal on the parent's death again: the kernel drops it on a change of identity. */
void lifeline_keep_parent(void);
/* The reason of the end, as `bye` gives it, or NULL. Never waits. */
const char *lifeline_reason(void);
/* Ends the helper if there is such a reason: for the time before anything is attached. */
void lifeline_check(void);

/* ---- links.c ---- */

struct interface {
	unsigned index;
	unsigned type; /* ARPHRD_* */
	bool up;
	char name[IF_NAMESIZE];
};

/* All interfaces of this namespace. Returns how many, -1 with errno. */
int list_interfaces(struct interface *list, int max);
bool is_readable_type(unsigned type);

#define TCX_INGRESS 46
#define TCX_EGRESS  47

struct chain_link {
	uint32_t program;
	char name[16];
};
/* Programs at one hook, in the order in which they run. Returns how many, -1 with errno. */
int query_chain(unsigned interface, int hook, struct chain_link *chain, int max);

struct links; /* what is attached */
/* `options->way` is decided. */
struct links *links_open(int ingress_program, int egress_program, const struct options *options);
/*
 * Attaches to the wanted interfaces that are up, or to the control group. Returns how many are attached now; `reason`: why one
 * could not be attached, else empty.
 */
int links_attach(struct links *links, char *reason, size_t size);
int links_interfaces(const struct links *links, struct interface *list, int max);
/* Readable when interfaces were added or removed: then call links_follow. -1 by control group. */
int links_descriptor(const struct links *links);
void links_follow(struct links *links);
/* Detaches, and returns when no program runs any more. */
void links_close(struct links *links);

/* ---- listeners.c ---- */

#define MAX_NGINX_LISTEN_PORTS 512 /* a socket on [::] may count twice */

struct found_listen_port {
	struct listen_port_key key;
	struct listen_port listen_port;
	uint32_t netid; /* of its network namespace: the inode number */
};

struct worker_connection {
	struct older_key key;
	struct older older;
};

/* A process of an nginx. Its numbers are those of this pid namespace. */
struct found_process {
	uint32_t pid;
	uint32_t netid;
	struct nginx_process process;
	bool is_nginx_program; /* its file is nginx's */
};

#define MAX_FOUND_MASTERS 128

struct found_master {
	uint32_t pid;
	uint32_t instance;
	uint32_t netid;
	char program[128];
	char configuration[192]; /* its file, within its own root; "" where it is not known */
};

struct nginx {
	bool found;
	bool unreadable;
	struct found_listen_port listen_ports[MAX_NGINX_LISTEN_PORTS];
	int listen_port_count;
	/* of every instance, whether or not it proxies */
	struct found_listen_port listeners[MAX_LISTENERS];
	int listener_count;
	struct worker_connection *connections;
	int connection_count;
	struct found_process *processes;
	int process_count;
	struct found_master masters[MAX_FOUND_MASTERS];
	int master_count;
	struct upstreams upstreams; /* of all configurations that were read */
	struct names names;	    /* likewise */
	struct names unfollowed;    /* of these, what nobody reads again */
	/* masters whose upstreams may be missing there, and why for the first */
	int unlisted_count;
	char unlisted[128];
	/* masters whose configuration was not read completely, and the warning for the first */
	int unread_count;
	char unread[256];
	char warning[640];
};

/* Adds a listen port, unless it is in the list. */
void add_listen_port(struct nginx *nginx, struct found_listen_port listen_port);

/* ---- discovery.c ---- */

/*
 * Finds the nginx instances of this network namespace, or of every one. Needs rights, so it runs once, before they are dropped,
 * and before anything is opened. Returns within DISCOVERY_MS, whatever the examined processes do. `has_lifeline`: ends with the
 * lifeline.
 */
void learn_nginx(struct nginx *nginx, bool every_namespace, bool has_lifeline);

/* ---- readers.c: what nginx's configurations call addresses now ---- */

/* In memory that a reader shares with the helper. Each table is whole when its number is published. */
struct reading {
	uint32_t answered; /* published: how many times it was asked, and has looked */
	uint32_t current;  /* published: which table is whole */
	uint32_t found;	   /* masters that were started again */
	bool has_failed;   /* nginx has read its configuration, and the reader could not */
	struct names tables[2];
};

/* Without room, its names stay as they are. */
bool have_room_for_reader(void);
bool is_first_reader(void);
/* A child that stays, with the socket to it. */
void follow_reader(int socket, struct reading *reading);
/* Once per turn of the loop. Returns whether names have changed. Never waits. */
bool follow_names(struct upstreamtop_bpf *bpf, struct nginx *nginx);
/* What is to be said once: the next of its kind, or NULL. */
const char *remark_on_names(void);

/* ---- load.c ---- */

uint32_t own_namespace(void);

/* Why connecting can't be followed by sockets, and why calls of connect() can't; "" where they are. */
struct missing_hooks {
	char states[512];
	char calls[512];
};
/* Loads the programs, with their filters, and attaches those of hooks.c. */
struct tls_programs;
/* `tls`: set with --tls. */
struct upstreamtop_bpf *load(const struct options *options, const struct nginx *nginx, struct missing_hooks *missing,
			     struct tls_programs *tls);

/* ---- tasks.c: processes by the kernel's own numbers ---- */

/* After loading, while there are rights. */
void read_tasks(struct upstreamtop_bpf *bpf);
/* NULL for a process that has ended, and where the kernel could not be asked. */
const struct task_row *task_of(uint32_t pid);
/* Never that of another process. */
uint32_t host_pid_of(uint32_t pid);
void forget_tasks(void);

/* Once per second, without rights: removes listen ports without a listening socket, and instances that have ended. */
void visit_listen_ports(struct upstreamtop_bpf *bpf);

/* ---- groups.c: control groups (cgroup2) ---- */

/* A group by its path below the root, or the root for NULL. Returns a descriptor, -1 and `why` not. */
int open_group(const char *path, char *why, size_t size);
/* Whether any group is, where the root is not. */
bool sees_some_group(void);
/* Its id, and its depth below the root; 0 for the root. */
uint64_t group_id(int group);
/* That of --cgroup; keeps the descriptor. */
void keep_group(int group);
/* Once, when it was removed; else NULL. A program can't be attached to another without rights. */
const char *remark_on_group(void);
unsigned group_level(const char *path);

/* ---- way.c: where to attach ---- */

struct way_choice {
	char why[192];	   /* in a few words */
	char missing[320]; /* what that way lacks here; empty: nothing */
	char remedy[192];
	int code; /* exit code where something is missing */
};

/* Of the running kernel, by its version. */
bool is_older_kernel(unsigned major, unsigned minor);
/* Whether this kernel attaches to interfaces (Linux 6.6); without rights its version tells it. */
bool has_tcx(void);
/* Decides `way`, and with it where nginx is looked for. */
void choose_way(struct options *options, struct way_choice *choice);

/* ---- hooks.c: how nginx's sockets connect ---- */

/* Of this network namespace; 0 where the kernel has none. */
uint64_t own_namespace_cookie(void);
bool attach_states(struct upstreamtop_bpf *bpf);
/* To that control group. `why` not, if not. */
bool attach_calls(struct upstreamtop_bpf *bpf, const char *group, char *why, size_t size);

/* ---- json.c ---- */

struct json {
	char *text;
	size_t length;
	size_t room;
};

/* Empties it, and frees the memory if it is large. */
void json_clear(struct json *out);
void put(struct json *out, const char *text);
void put_text(struct json *out, const char *text, size_t length);
void put_number(struct json *out, int64_t value);
void put_big(struct json *out, uint64_t value); /* as a decimal string */
/* A string of bytes from a packet: control characters escaped, what is not UTF-8 as the four characters \xNN. */
void put_bytes(struct json *out, const uint8_t *bytes, size_t length);
void put_string(struct json *out, const char *text);
/* A list of texts that lie `width` bytes apart. */
void put_strings(struct json *out, const char *first, size_t width, int count);

/* ---- rows.c ---- */

void put_address(struct json *out, const struct backend_key *key);

/* The inode number of the pid namespace that has all processes: the kernel's own numbers are those of its /proc. */
#define INITIAL_PID_NAMESPACE 0xeffffffcu

/* ---- group-paths.c: the control group of a process ---- */

/* `root`: a descriptor of the root of cgroup2, -1 without one. */
void group_paths_open(int root);
/*
 * The path of the group, below the root of its hierarchy; "" where it is not known. That of cgroup2, or where this is the root,
 * the longest of the other hierarchies. Needs no rights; never waits for another process.
 */
void group_path(const struct namespace_row *row, char *path, size_t size);
/* The same for a process of this pid namespace. */
void group_path_of_process(uint32_t pid, char *path, size_t size);
/* Whether the group of the row still has that path. Without a search. */
bool is_group_path(const struct namespace_row *row, const char *path);

/* ---- namespaces.c: what network namespaces are called ---- */

/* While there are rights. */
void namespaces_open(int root_group);
/* The fields "names", "host" and "cgroup", as far as they are known. */
void put_namespace_fields(struct json *out, uint32_t netid, const char *group);
/*
 * Writes the line of a namespace, unless it was written with the same words. Once per tick and namespace is enough. Returns true
 * where the row tells nothing, or nothing any more: then forget it, so that the next connection makes another one.
 */
bool put_namespace(struct json *out, uint32_t netid, const struct namespace_row *row);

/* ---- tls.c: reading within TLS ---- */

/* The programs for it, by their descriptors. */
struct tls_programs {
	int write;     /* at the entry of ngx_ssl_write */
	int recv;      /* at the entry of ngx_ssl_recv */
	int recv_done; /* when ngx_ssl_recv returns */
};

/*
 * With --tls, before anything is opened: finds the files of nginx's programs, and measures what probes cost. Ends the helper
 * where nothing can be read.
 */
void tls_open(const struct options *options, const struct nginx *nginx);
/* Sets the probes, while there are rights. Ends the helper where none can be set. */
void tls_attach(const struct tls_programs *programs);
/* In each turn of the loop: nginx may start from another file. Never waits. */
void tls_follow(const struct upstreamtop_bpf *bpf);
/* Whether something is going on that the next turn should not wait for. */
bool is_tls_busy(void);
/* What is to be said once: the next of its kind, or NULL. */
const char *remark_on_tls(void);
/* Removes the probes, and returns when no program runs any more. */
void tls_close(void);
/* The member "tls" of hello; nothing without --tls. */
void put_tls(struct json *out);
/* Whether no nginx was there yet. */
bool awaits_tls(void);
/* The same of doctor, where calls are counted for a second. */
void put_tls_diagnosis(struct json *out, const struct options *options, const struct nginx *nginx);

/* ---- plaintext.c ---- */

/* Loads them: they share maps and globals with `bpf`, which is loaded. Returns whether this kernel can. */
bool load_plaintext(const struct upstreamtop_bpf *bpf, struct tls_programs *programs);

/* ---- hello.c ---- */

/* The port numbers of the listen ports, each once. */
void put_listen_ports(struct json *out, const struct nginx *nginx);

/* `refused`: an interface that could not be attached to, and why; `missing` as `load` says it. */
void put_hello(struct json *out, const struct options *options, const struct links *links, const struct nginx *nginx,
	       const char *refused, const struct missing_hooks *missing);

/* ---- fold.c: events become histograms and a sample ---- */

#define HEADER_TIMES	  0
#define TOTAL_TIMES	  1
/* connect times come after the slots */
#define CONNECT_TIMES(backend) (MAX_SLOTS + (backend))
#define SERIES		       (MAX_SLOTS + BACKEND_INDEXES)

struct sample {
	uint64_t at_ns;
	uint32_t slot;
	uint32_t generation;
	int32_t outcome;
	int64_t header_us;
	int64_t total_us;
	uint32_t number;
};

void fold_open(unsigned sample_limit);
/* Takes one event off the ring. */
int fold_event(void *context, void *data, size_t size);
/* Sorts the cells of the tick, so that they can be read slot by slot. */
void fold_finish(void);
/* Writes [sampled, min, max, bucket, count, …] of a series, [] when it had none. Series in ascending order only. */
void fold_put_histogram(struct json *out, uint32_t series, int kind);
bool fold_has(uint32_t series);
/* The bounded sample, in order of time. Returns how many. */
int fold_sample(struct sample **samples);
void fold_clear(void);

/* ---- tick.c: a snapshot ---- */

struct tick;
struct tick *tick_open(struct upstreamtop_bpf *bpf, uint32_t netns);
/* What backends are called. Before the first snapshot, and whenever it has changed: they are named anew with the next one. */
void tick_name(struct tick *tick, const struct names *names);
/* The first snapshot: all zero. */
void tick_begin(struct tick *tick, struct json *out);
/* Sweeps and writes the backend, route and snapshot lines of this moment. */
void tick_write(struct tick *tick, struct json *out, bool final);

/* ---- doctor.c ---- */

int doctor(struct options *options);
