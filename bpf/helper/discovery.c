/*
 * The discovery of nginx, in children: what calls itself nginx may be anybody's, and can make whoever looks at it wait, in its
 * title, its configuration or its file system, so that not even SIGKILL ends him. A child holds nothing of ours, writes what it
 * learns into shared memory, and is left behind when its time is over. One child finds the processes; then each user's instances
 * have one, root's first, and the others share what time is left: nobody's processes hide another's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "listeners.h"

#ifndef DISCOVERY_MS /* all of it; tests make it short and long */
#define DISCOVERY_MS 2000
#endif
/* One user's least share of it. */
#define SHARE_MS     20
#define MAX_FAMILIES 256
/* A child's own memory: far more than any honest configuration takes. */
#define CHILD_MEMORY (96 << 20)
#define MS	     1000000ULL

/* The instances of one user, with their workers, which run as another. */
struct family {
	uint32_t uid, gid;
	struct process *list; /* in the order of their pids */
	int count;
};

struct job {
	void (*run)(struct job *job);
	uint64_t until;
	struct found *found;
	struct family family;
	struct learnt *learnt;
};

static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die(EXIT_SYSTEM, "out of memory");
	return memory;
}

/* ---- a child ---- */

/* Holds nothing that anybody waits for, but the pipe that tells of its end. */
static void hold_nothing(int end, pid_t parent)
{
	struct rlimit memory = {CHILD_MEMORY, CHILD_MEMORY}, core = {};
	int null = open("/dev/null", O_RDWR);

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0)
		_exit(EXIT_BUG);
	dup2(end, 3);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(4, ~0U, 0);
	if (chdir("/"))
		_exit(EXIT_BUG);
	setrlimit(RLIMIT_DATA, &memory);
	setrlimit(RLIMIT_CORE, &core);
	/* where the parent's death is not told */
	alarm(2 * DISCOVERY_MS / 1000 + 1);
}

/* Whether the other end of the pipe closes before that time. Ends the helper with its lifeline. */
static bool ends_in_time(int pipe, uint64_t until, bool has_lifeline)
{
	for (uint64_t now; (now = now_ns(CLOCK_MONOTONIC)) < until;) {
		struct pollfd p[] = {{.fd = pipe, .events = POLLIN}, {.fd = has_lifeline ? STDIN_FILENO : -1, .events = POLLIN}};

		if (poll(p, 2, (until - now) / MS + 1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			lifeline_check();
		if (p[0].revents)
			return true;
	}
	return false;
}

/* Runs a job in a child until its time is over and not longer, dead or not. Ends the helper with its lifeline. */
static void contain(struct job *job, bool has_lifeline)
{
	pid_t parent = getpid(), child;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return;
	child = fork();
	if (child == 0) {
		/* above the places that are filled with /dev/null */
		hold_nothing(fcntl(ends[1], F_DUPFD, 4), parent);
		job->run(job);
		_exit(EXIT_DONE);
	}
	close(ends[1]);
	if (child > 0 && !ends_in_time(ends[0], job->until, has_lifeline))
		/* not waited for: a child in an uninterruptible sleep dies when it can */
		kill(child, SIGKILL);
	close(ends[0]);
}

static void look_for_processes(struct job *job)
{
	find_processes(job->found);
	__atomic_store_n(&job->found->whole, true, __ATOMIC_RELEASE);
}

static void look_at_family(struct job *job)
{
	static struct nginx nginx;
	uint64_t left = job->until - now_ns(CLOCK_MONOTONIC);
	struct discovery c = {.nginx = &nginx,
			      .learnt = job->learnt,
			      .list = job->family.list,
			      .count = job->family.count,
			      /* the rest is for saying what there was no time for */
			      .until = job->until - left / 8};
	bool whole;

	nginx.connections = c.learnt->connections;
	whole = find_listen_ports(&c);
	publish(&c);
	whole = read_configs(&c, job->family.uid, job->family.gid) && whole;
	publish(&c);
	__atomic_store_n(&c.learnt->whole, whole, __ATOMIC_RELEASE);
}

/* ---- what they said ---- */

static int published(const int *count, int max)
{
	int n = __atomic_load_n(count, __ATOMIC_ACQUIRE);

	return n < 0 ? 0 : n > max ? max : n;
}

static void note_unread(struct nginx *nginx, const char *format, ...)
{
	va_list arguments;

	if (nginx->unread_count++)
		return;
	va_start(arguments, format);
	vsnprintf(nginx->unread, sizeof(nginx->unread), format, arguments);
	va_end(arguments);
}

static void merge(struct nginx *nginx, const struct learnt *learnt, const struct family *family)
{
	const struct nginx *from = &learnt->nginx;
	int listen_ports = published(&from->listen_port_count, MAX_NGINX_LISTEN_PORTS),
	    invisible = published(&from->invisible_count, 32);
	int connections = published(&from->connection_count, MAX_CONNECTIONS - nginx->connection_count);

	for (int i = 0; i < listen_ports; i++)
		add_listen_port(nginx, from->listen_ports[i]);
	for (int i = 0; i < invisible && nginx->invisible_count < 32; i++)
		snprintf(nginx->invisible[nginx->invisible_count++], sizeof(nginx->invisible[0]), "%s", from->invisible[i]);
	if (connections) {
		nginx->connections =
		    realloc(nginx->connections, (nginx->connection_count + connections) * sizeof(*nginx->connections));
		if (!nginx->connections)
			die(EXIT_SYSTEM, "out of memory");
		memcpy(nginx->connections + nginx->connection_count, learnt->connections,
		       connections * sizeof(*nginx->connections));
		nginx->connection_count += connections;
	}
	nginx->unreadable |= from->unreadable;
	if (from->unread_count > 0) {
		if (!nginx->unread_count)
			snprintf(nginx->unread, sizeof(nginx->unread), "%.*s", (int)sizeof(from->unread) - 1, from->unread);
		nginx->unread_count += from->unread_count;
	} else if (!__atomic_load_n(&learnt->whole, __ATOMIC_ACQUIRE)) {
		note_unread(nginx, "not all of the nginx of uid %u (pid %u) was read: it does not answer, or has too much",
			    family->uid, family->list->pid);
	}
}

static void say(struct nginx *nginx)
{
	static const char remedy[] = "leave out the ones it listens on with --ignore PORT";
	char others[32] = "";

	if (nginx->unread_count > 1)
		snprintf(others, sizeof(others), " (and %d more)", nginx->unread_count - 1);
	if (nginx->unreadable)
		snprintf(nginx->warning, sizeof(nginx->warning), "nginx runs here, but its ports cannot be read: %s", remedy);
	else if (nginx->unread_count)
		snprintf(nginx->warning, sizeof(nginx->warning), "%s%s: where its ports show up as backends, %s", nginx->unread,
			 others, remedy);
}

/* ---- who belongs together ---- */

static int by_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;

	return x < y ? -1 : x > y;
}

/*
 * Root's own are root's; whoever else has an nginx as parent belongs to it. Nobody gets a parent of another user but by being
 * started by it, or by a container's init that is one.
 */
static const struct process *head_of(const struct process *list, int count, const struct process *p)
{
	for (int depth = 0; depth < 16 && p->uid; depth++) {
		struct process key = {.pid = p->parent};
		const struct process *parent = bsearch(&key, list, count, sizeof(key), by_pid);

		if (!parent)
			break;
		p = parent;
	}
	return p;
}

/* Root's come first, then by the first process. Returns how many there are. */
static int find_families(struct process *list, int count, struct family *families, bool *cut)
{
	int n = 1;

	qsort(list, count, sizeof(*list), by_pid);
	families[0] = (struct family){};
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < count; i++) {
			const struct process *head = head_of(list, count, &list[i]);
			struct family *f = families;

			while (f < families + n && (f->uid != head->uid || (head->uid && f->gid != head->gid)))
				f++;
			if (f == families + MAX_FAMILIES || (pass && f->count == MAX_PROCESSES)) {
				*cut = true;
				continue;
			}
			if (f == families + n)
				families[n++] = (struct family){.uid = head->uid, .gid = head->gid};
			if (pass)
				f->list[f->count] = list[i];
			f->count++;
		}
		for (int i = 0; i < n && !pass; i++) {
			families[i].list = calloc(families[i].count + 1, sizeof(*list));
			if (!families[i].list)
				die(EXIT_SYSTEM, "out of memory");
			families[i].count = 0;
		}
	}
	return n;
}

/* A list of our own: a child that is left behind may still write into its. */
static struct process *copy_of(const struct process *list, int count)
{
	struct process *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		die(EXIT_SYSTEM, "out of memory");
	memcpy(copy, list, count * sizeof(*copy));
	return copy;
}

static struct process *search(struct nginx *nginx, uint64_t until, bool has_lifeline, int *count, bool *cut)
{
	struct found *found = share(sizeof(*found));
	struct job job = {.run = look_for_processes, .found = found, .until = until};
	struct process *list;

	contain(&job, has_lifeline);
	*count = published(&found->count, MAX_FOUND);
	*cut = found->cut || !__atomic_load_n(&found->whole, __ATOMIC_ACQUIRE);
	nginx->unreadable = found->unreadable;
	nginx->found = *count || found->unreadable;
	list = copy_of(found->list, *count);
	munmap(found, sizeof(*found));
	return list;
}

static void ask(struct nginx *nginx, const struct family *family, uint64_t until, bool has_lifeline)
{
	struct learnt *learnt = share(sizeof(*learnt));
	struct job job = {.run = look_at_family, .family = *family, .until = until, .learnt = learnt};

	contain(&job, has_lifeline);
	merge(nginx, learnt, family);
	munmap(learnt, sizeof(*learnt));
}

/* Root's have the most of what is left, everybody else an equal part of the rest. */
static uint64_t share_of(uint64_t left, int waiting, bool root)
{
	uint64_t part = root && waiting > 1 ? left * 3 / 5 : left / waiting;

	return part > SHARE_MS * MS ? part : left < SHARE_MS * MS ? left : SHARE_MS * MS;
}

void learn_nginx(struct nginx *nginx, bool has_lifeline)
{
	static struct family families[MAX_FAMILIES];
	uint64_t now = now_ns(CLOCK_MONOTONIC), end = now + DISCOVERY_MS * MS;
	struct process *list;
	int count, n;
	bool cut;

	memset(nginx, 0, sizeof(*nginx));
	/* children are nobody's to wait for, whenever they end */
	signal(SIGCHLD, SIG_IGN);
	list = search(nginx, now + DISCOVERY_MS * MS / 2, has_lifeline, &count, &cut);
	n = find_families(list, count, families, &cut);
	for (int i = 0; i < n; i++) {
		now = now_ns(CLOCK_MONOTONIC);
		if (families[i].count && now < end)
			ask(nginx, &families[i], now + share_of(end - now, n - i, i == 0), has_lifeline);
		else
			cut |= families[i].count > 0;
		free(families[i].list);
	}
	free(list);
	if (cut)
		note_unread(nginx, "there are more processes named nginx than were looked at");
	say(nginx);
}
