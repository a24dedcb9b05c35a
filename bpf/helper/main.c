/*
 * The privileged helper: finds the listen ports of nginx, loads and attaches the programs, drops every right, and then writes one
 * snapshot per second. It ends when its stdin (the lifeline) closes, on SIGINT and SIGTERM, and when its parent dies.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

#define PIPE (1 << 20)

/* Time between two reads of the ring, ms: the ring holds four seconds of 50,000 requests per second, and each wake-up costs. */
#define BUSY_MS	 10
#define QUIET_MS 50
#define IDLE_MS	 500

/* Writing the last snapshot takes milliseconds, and may wait 5 s for a slow reader. */
#define EXIT_TIMEOUT_S 15

/* ---- output: never blocks, so that the ring is always drained ---- */

static struct json out;
static size_t written;
static bool reader_gone;

static void flush_output(void)
{
	while (written < out.length) {
		ssize_t n = write(STDOUT_FILENO, out.text + written, out.length - written);

		if (n < 0 && errno == EINTR) {
			/* the terminal is stopped */
			if (lifeline_reason())
				return;
			continue;
		}
		if (n < 0) {
			reader_gone |= errno != EAGAIN;
			return;
		}
		written += n;
	}
	written = 0;
	json_clear(&out);
}

static void open_output(void)
{
	struct stat st;
	int size = PIPE;

	if (fstat(STDOUT_FILENO, &st))
		return;
	if (S_ISFIFO(st.st_mode))
		fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE);
	else if (S_ISSOCK(st.st_mode)) /* FORCE needs rights, which are not dropped yet */
		setsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	else
		return;
	fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
}

/* Waits for a slow reader of the last lines, 5 s at most. */
static void finish_output(void)
{
	for (int tries = 0; tries < 50 && written < out.length && !reader_gone; tries++) {
		struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

		poll(&p, 1, 100);
		flush_output();
	}
}

/* ---- checks ---- */

static void check_kernel(void)
{
	struct utsname name;

	uname(&name);
	if (is_older_kernel(5, 17))
		die(EXIT_SYSTEM, "needs Linux 5.17 for its BPF programs, this is %s", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		die(EXIT_SYSTEM, "/sys/kernel/btf/vmlinux: %s: the kernel must be built with CONFIG_DEBUG_INFO_BTF",
		    strerror(errno));
}

static void check_rights(void)
{
	const char *missing = missing_rights();

	if (*missing)
		die(EXIT_SYSTEM,
		    "needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (missing: %s): run with sudo, or install it with its rights: "
		    "'make install', or the Debian package",
		    missing);
}

static void check_way(struct options *o)
{
	struct way_choice choice;

	choose_way(o, &choice);
	if (*choice.missing)
		die(choice.code, "%s: %s", choice.missing, choice.remedy);
}

/* Which process nginx's is, and which socket is its, tracing programs tell. */
static void check_tracing(const struct options *o, const struct missing_hooks *missing)
{
	if (o->tls != TLS_UNREAD && *missing->states)
		die(EXIT_SYSTEM,
		    "--tls needs tracing programs, which cannot be attached here (%s): let them attach (CONFIG_BPF_EVENTS, no "
		    "sandbox that refuses them), or record without --tls",
		    missing->states);
}

static void check_interfaces(const struct options *o)
{
	for (int i = 0; i < o->interface_count; i++)
		if (!if_nametoindex(o->interfaces[i]))
			die(EXIT_USAGE, "there is no interface \"%s\": 'ip link' lists them", o->interfaces[i]);
}

/* ---- the loop ---- */

/* Ticks end at whole seconds of the wall clock: the phase is set once, then the monotonic clock counts. */
static int open_timer(void)
{
	uint64_t wall = now_ns(CLOCK_REALTIME), mono = now_ns(CLOCK_MONOTONIC);
	uint64_t first = mono + 1000000000ULL - wall % 1000000000ULL;
	struct itimerspec spec = {.it_interval = {.tv_sec = 1},
				  .it_value = {.tv_sec = first / 1000000000ULL, .tv_nsec = first % 1000000000ULL}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL))
		die(EXIT_SYSTEM, "cannot set the timer: %s", strerror(errno));
	return fd;
}

/* Returns the reason of the end, as `bye` gives it. */
static const char *run(struct tick *tick, struct links *links, struct ring_buffer *ring, struct upstreamtop_bpf *bpf,
		       struct nginx *nginx)
{
	int timer = open_timer(), wait = QUIET_MS;
	const char *reason = NULL;
	uint64_t ticks;

	while (!reader_gone && !reason) {
		struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				     {.fd = timer, .events = POLLIN},
				     {.fd = links_descriptor(links), .events = POLLIN},
				     {.fd = out.length ? STDOUT_FILENO : -1, .events = POLLOUT}};
		int drained;

		if (poll(p, 4, is_tls_busy() ? BUSY_MS : wait) < 0 && errno != EINTR)
			break;
		drained = ring_buffer__consume(ring);
		wait = drained > 16 ? BUSY_MS : drained > 0 ? QUIET_MS : wait < IDLE_MS ? wait * 2 : IDLE_MS;
		reason = lifeline_reason();
		if (follow_names(bpf, nginx))
			tick_name(tick, &nginx->names);
		tls_follow(bpf);
		if (p[2].revents)
			links_follow(links);
		if (p[3].revents)
			flush_output();
		/* a slow reader misses a snapshot, but no count: totals are cumulative */
		if (p[1].revents && read(timer, &ticks, sizeof(ticks)) > 0 && !out.length) {
			tick_write(tick, &out, false);
			flush_output();
		}
	}
	close(timer);
	return reason;
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct nginx nginx;
	struct upstreamtop_bpf *bpf;
	struct ring_buffer *ring;
	struct links *links;
	struct tick *tick;
	static struct missing_hooks missing;
	static struct tls_programs programs;
	char refused[256];
	const char *reason;

	if (argc > 2 && !strcmp(argv[1], "--launch"))
		launch(argv + 2);
	lifeline_watch();
	parse_options(&options, argc, argv);
	if (options.version) {
		puts("upstreamtop-probe " VERSION);
		return EXIT_DONE;
	}
	if (options.doctor)
		return doctor(&options);
	check_interfaces(&options);
	check_kernel();
	check_rights();
	check_way(&options);
	lifeline_check();
	/*
	 * before anything is opened, because its children must hold nothing; and before attaching, because requests are
	 * classified by its result
	 */
	learn_nginx(&nginx, options.every_namespace, true);
	lifeline_check();
	tls_open(&options, &nginx);
	bpf = load(&options, &nginx, &missing, &programs);
	check_tracing(&options, &missing);
	ring = ring_buffer__new(bpf_map__fd(bpf->maps.events), fold_event, NULL, NULL);
	if (!ring)
		die(EXIT_SYSTEM, "cannot map the ring of events: %s", strerror(errno));
	fold_open(options.sample);
	tick = tick_open(bpf, own_namespace());
	/* for the paths of control groups, while it may be looked for in other processes' mounts */
	namespaces_open(open_group(NULL, refused, sizeof(refused)));
	tick_name(tick, &nginx.names);
	links =
	    links_open(bpf_program__fd(bpf->progs.upstreamtop_ingress), bpf_program__fd(bpf->progs.upstreamtop_egress), &options);
	tls_attach(&programs);
	/* loading takes time */
	lifeline_check();
	if (!links_attach(links, refused, sizeof(refused)))
		die(EXIT_SYSTEM, "%s", *refused ? refused : "no interface to attach to: 'ip link' shows which are up");
	lifeline_defer();
	open_output();
	setpriority(PRIO_PROCESS, 0, 10);
	drop_rights();
	lifeline_keep_parent();
	malloc_trim(0); /* frees what libbpf needed for loading: the kernel's types */
	/* glibc raised this threshold while loading: the growing text of a tick would leave holes of all its former sizes */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);

	put_hello(&out, &options, links, &nginx, refused, &missing);
	tick_begin(tick, &out);
	flush_output();
	reason = run(tick, links, ring, bpf, &nginx);

	/* ends the helper if any step from here on hangs */
	alarm(EXIT_TIMEOUT_S);
	bpf->bss->stopping = 1;
	tls_close();
	links_close(links);
	ring_buffer__consume(ring);
	if (!reader_gone) {
		tick_write(tick, &out, true);
		put(&out, "{\"type\":\"bye\",\"reason\":\"");
		put(&out, reason ? reason : "an error");
		put(&out, "\"}\n");
		finish_output();
	}
	return EXIT_DONE;
}
