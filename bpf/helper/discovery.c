/*
 * The discovery of nginx, in child processes. A process with nginx's name may belong to any user, and can block its reader by its
 * title, its configuration or its file system, so that not even SIGKILL ends the reader. A child holds nothing of the helper,
 * writes its results into shared memory, and is left behind when its time is over.
 *
 * One child finds the processes. Then there is one child per user and network namespace with instances: root's of the helper's
 * own namespace first, and the others share the rest of the time, so that no user's processes, and no container's, hide those of
 * another.
 */
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "children.h"
#include "listeners.h"

/* The least time for one user. */
#define LEAST_MS  20
#define MAX_USERS 256
/* Anyone can make network namespaces: beyond so many, those of one user share a child. */
#define NAMESPACES_OF_USER 16
/* For the titles of all processes, and for one child that reads them. */
#define TITLES_MS 400
#define TITLE_MS  100
#define MS	  1000000ULL

/* The instances of one user in one network namespace, with their workers, which may run as another user. */
struct user_group {
	uint32_t uid, gid, netid;
	struct process *list; /* in the order of their pids */
	int count;
};

struct job {
	void (*run)(struct job *job);
	uint64_t until;
	struct found *found;
	struct user_group group;
	struct results *results;
	struct reading *reading; /* NULL: it does not stay */
	bool finds_new;
	int socket; /* of a child that stays */
};

static void *map_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die(EXIT_SYSTEM, "out of memory");
	return memory;
}

/* ---- a child ---- */

static void run_job(void *job)
{
	((struct job *)job)->run(job);
}

/* Runs a job in a child, until the job is done or its time is over. Ends the helper with its lifeline. */
static void run_in_child(struct job *job, bool has_lifeline)
{
	struct child child = start_child(run_job, job, NULL, 0);
	char word;

	job->socket = -1;
	if (child.socket < 0)
		return;
	if (!answers_in_time(&child, job->until, has_lifeline))
		kill_child(&child);
	else if (job->reading && recv(child.socket, &word, 1, MSG_DONTWAIT) == 1)
		job->socket = child.socket;
	if (job->socket < 0)
		close(child.socket);
}

static void discover_processes(struct job *job)
{
	find_processes(job->found);
	__atomic_store_n(&job->found->whole, true, __ATOMIC_RELEASE);
}

static void discover_titles(struct job *job)
{
	read_titles(job->found);
}

/* For doctor. A program whose path cannot be read has its process's name. */
static void name_masters(struct discovery *c)
{
	struct nginx *n = c->nginx;

	for (int i = 0; i < c->count && n->master_count < MAX_FOUND_MASTERS; i++) {
		struct found_master *m = &n->masters[n->master_count];
		char path[PATH_MAX];
		int process;

		if (c->list[i].master != c->list[i].pid)
			continue;
		process = open_process(c->list[i].pid);
		if (process < 0)
			continue;
		if (!program_path(process, path, sizeof(path)) && read_small(path, sizeof(path), process, "comm"))
			path[strcspn(path, "\n")] = 0;
		close(process);
		m->pid = c->list[i].pid;
		m->instance = c->list[i].instance;
		m->netid = c->list[i].netid;
		snprintf(m->program, sizeof(m->program), "%.*s", (int)sizeof(m->program) - 1, path);
		n->master_count++;
	}
}

static void discover_user(struct job *job)
{
	static struct nginx nginx;
	uint64_t left = job->until - now_ns(CLOCK_MONOTONIC);
	struct discovery c = {.nginx = &nginx,
			      .results = job->results,
			      .list = job->group.list,
			      .count = job->group.count,
			      .finds_new = job->finds_new,
			      /* the rest of the time is for the warnings */
			      .until = job->until - left / 8};
	bool whole;

	nginx.connections = c.results->connections;
	whole = find_listen_ports(&c);
	name_masters(&c);
	publish(&c);
	whole = read_configs(&c, job->group.uid, job->group.gid) && whole;
	publish(&c);
	__atomic_store_n(&c.results->whole, whole, __ATOMIC_RELEASE);
	if (job->reading)
		stay_as_reader(&c, job->group.uid, CHILD_END, job->reading);
}

/* ---- results ---- */

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

static void merge_blocks(struct nginx *nginx, const struct nginx *from)
{
	int count = published(&from->upstreams.block_count, MAX_LISTED_BLOCKS);

	for (int i = 0; i < count; i++) {
		struct listed_block copy = from->upstreams.blocks[i];

		copy.name[sizeof(copy.name) - 1] = 0;
		for (int e = 0; e < LISTED_SERVERS; e++)
			copy.examples[e][sizeof(copy.examples[0]) - 1] = 0;
		add_listed_block(&nginx->upstreams, &copy);
	}
	nginx->upstreams.blocks_left_out += from->upstreams.blocks_left_out;
}

/* A child that was left behind may still write: texts are cut, and words are in range. */
static void merge_upstreams(struct nginx *nginx, const struct nginx *from)
{
	int count = published(&from->upstreams.count, MAX_UPSTREAMS);

	for (int i = 0; i < count; i++) {
		struct upstream copy = from->upstreams.list[i];

		copy.pass[sizeof(copy.pass) - 1] = copy.target[sizeof(copy.target) - 1] = 0;
		for (int e = 0; e < UPSTREAM_EXAMPLES; e++)
			copy.examples[e][sizeof(copy.examples[0]) - 1] = 0;
		if (copy.kind < UPSTREAM_KINDS && copy.place < UPSTREAM_PLACES)
			add_upstream(&nginx->upstreams, &copy);
	}
	nginx->upstreams.left_out += from->upstreams.left_out;
	merge_blocks(nginx, from);
	if (from->unlisted_count > 0 && !nginx->unlisted_count)
		snprintf(nginx->unlisted, sizeof(nginx->unlisted), "%.*s", (int)sizeof(from->unlisted) - 1, from->unlisted);
	nginx->unlisted_count += from->unlisted_count;
}

/* Adds a published list to one that grows with each user. */
static void *append(void *list, int count, const void *more, int n, size_t size)
{
	char *grown = realloc(list, (count + n + 1) * size);

	if (!grown)
		die(EXIT_SYSTEM, "out of memory");
	memcpy(grown + count * size, more, n * size);
	return grown;
}

static void merge_processes(struct nginx *nginx, const struct results *results)
{
	const struct nginx *from = &results->nginx;
	int processes = published(&from->process_count, MAX_PROCESSES),
	    masters = published(&from->master_count, MAX_FOUND_MASTERS);
	int listeners = published(&from->listener_count, MAX_NGINX_LISTEN_PORTS);

	nginx->processes =
	    append(nginx->processes, nginx->process_count, results->processes, processes, sizeof(*nginx->processes));
	nginx->process_count += processes;
	for (int i = 0; i < listeners && nginx->listener_count < MAX_LISTENERS / 2; i++)
		nginx->listeners[nginx->listener_count++] = from->listeners[i];
	for (int i = 0; i < masters && nginx->master_count < MAX_FOUND_MASTERS; i++) {
		struct found_master *m = &nginx->masters[nginx->master_count++];

		*m = from->masters[i];
		m->program[sizeof(m->program) - 1] = m->configuration[sizeof(m->configuration) - 1] = 0;
	}
}

static void merge(struct nginx *nginx, const struct results *results, const struct user_group *group)
{
	const struct nginx *from = &results->nginx;
	int listen_ports = published(&from->listen_port_count, MAX_NGINX_LISTEN_PORTS);
	int connections = published(&from->connection_count, MAX_CONNECTIONS - nginx->connection_count);

	for (int i = 0; i < listen_ports; i++)
		add_listen_port(nginx, from->listen_ports[i]);
	merge_upstreams(nginx, from);
	merge_names(&nginx->names, &from->names);
	nginx->names.is_incomplete |= !__atomic_load_n(&results->whole, __ATOMIC_ACQUIRE);
	nginx->connections =
	    append(nginx->connections, nginx->connection_count, results->connections, connections, sizeof(*nginx->connections));
	nginx->connection_count += connections;
	merge_processes(nginx, results);
	nginx->unreadable |= from->unreadable;
	if (from->unread_count > 0) {
		if (!nginx->unread_count)
			snprintf(nginx->unread, sizeof(nginx->unread), "%.*s", (int)sizeof(from->unread) - 1, from->unread);
		nginx->unread_count += from->unread_count;
	} else if (!__atomic_load_n(&results->whole, __ATOMIC_ACQUIRE)) {
		note_unread(nginx, "not all of the nginx of uid %u (pid %u) was read: it does not answer, or has too much",
			    group->uid, group->list->pid);
	}
}

static void write_warning(struct nginx *nginx)
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

/* ---- processes by user ---- */

static int by_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;

	return x < y ? -1 : x > y;
}

/*
 * A process of root belongs to root. Any other process with an nginx as parent belongs to that parent: a parent of another user
 * means that it started the process, or that it is the init process of a container.
 */
static const struct process *top_process_of(const struct process *list, int count, const struct process *p)
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

/* The group of a process, which is a new one at the end where there is none yet; NULL without room for it. */
static struct user_group *group_of(struct user_group *groups, int *n, const struct process *top)
{
	struct user_group *last = NULL;
	int namespaces = 0;

	for (struct user_group *f = groups; f < groups + *n; f++) {
		if (f->uid != top->uid || (top->uid && f->gid != top->gid))
			continue;
		if (f->netid == top->netid)
			return f;
		last = f;
		namespaces++;
	}
	if (top->uid && namespaces >= NAMESPACES_OF_USER)
		return last;
	if (*n == MAX_USERS)
		return NULL;
	groups[*n] = (struct user_group){.uid = top->uid, .gid = top->gid, .netid = top->netid};
	return &groups[(*n)++];
}

/* Root's group of this namespace comes first, the others in the order of their first process. Returns how many there are. */
static int group_by_user(struct process *list, int count, struct user_group *groups, bool *cut)
{
	int n = 1;

	qsort(list, count, sizeof(*list), by_pid);
	groups[0] = (struct user_group){.netid = own_namespace()};
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < count; i++) {
			struct user_group *f = group_of(groups, &n, top_process_of(list, count, &list[i]));

			if (!f || (pass && f->count == MAX_PROCESSES)) {
				*cut = true;
				continue;
			}
			if (pass)
				f->list[f->count] = list[i];
			f->count++;
		}
		for (int i = 0; i < n && !pass; i++) {
			groups[i].list = calloc(groups[i].count + 1, sizeof(*list));
			if (!groups[i].list)
				die(EXIT_SYSTEM, "out of memory");
			groups[i].count = 0;
		}
	}
	return n;
}

/* A copy, because a child that was left behind may still write into the shared list. */
static struct process *copy_of(const struct process *list, int count)
{
	struct process *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		die(EXIT_SYSTEM, "out of memory");
	memcpy(copy, list, count * sizeof(*copy));
	return copy;
}

/* A process that blocks the reader of its title costs a child and its time, and is passed over. */
static void search_titles(struct found *found, uint64_t until, bool has_lifeline)
{
	struct job job = {.run = discover_titles, .found = found};
	uint64_t now = now_ns(CLOCK_MONOTONIC), end = now + TITLES_MS * MS < until ? now + TITLES_MS * MS : until;
	int count = published(&found->other_count, MAX_FOUND), next;

	while ((next = published(&found->next_other, MAX_FOUND)) < count && (now = now_ns(CLOCK_MONOTONIC)) < end) {
		job.until = now + TITLE_MS * MS < end ? now + TITLE_MS * MS : end;
		run_in_child(&job, has_lifeline);
		if (published(&found->next_other, MAX_FOUND) > next)
			continue;
		__atomic_store_n(&found->next_other, next + 1, __ATOMIC_RELEASE);
		found->titles_cut = true;
	}
	found->titles_cut |= next < count;
}

static struct process *search(struct nginx *nginx, uint32_t netid, uint64_t until, bool has_lifeline, int *count, bool *cut,
			      bool *titles_cut)
{
	struct found *found = map_shared(sizeof(*found));
	struct job job = {.run = discover_processes, .found = found, .until = until};
	struct process *list;

	found->netid = netid;
	run_in_child(&job, has_lifeline);
	search_titles(found, until, has_lifeline);
	*count = published(&found->count, MAX_FOUND);
	*cut = found->cut || !__atomic_load_n(&found->whole, __ATOMIC_ACQUIRE);
	*titles_cut = found->titles_cut;
	nginx->unreadable = found->unreadable;
	nginx->found = *count || found->unreadable;
	list = copy_of(found->list, *count);
	munmap(found, sizeof(*found));
	return list;
}

/* `stays`: the child reads the configurations again while the helper runs. */
static void learn_user(struct nginx *nginx, const struct user_group *group, uint64_t until, bool stays)
{
	struct results *results = map_shared(sizeof(*results));
	struct reading *reading = stays && have_room_for_reader() ? map_shared(sizeof(*reading)) : NULL;
	struct job job = {.run = discover_user,
			  .group = *group,
			  .until = until,
			  .results = results,
			  .reading = reading,
			  .finds_new = group->uid == 0 && is_first_reader()};

	run_in_child(&job, stays);
	merge(nginx, results, group);
	if (job.socket >= 0)
		follow_reader(job.socket, reading);
	else
		merge_names(&nginx->unfollowed, &results->nginx.names);
	if (reading && job.socket < 0)
		munmap(reading, sizeof(*reading));
	munmap(results, sizeof(*results));
}

/* Three fifths of the time for root while others wait, equal parts of the rest for each other user. */
static uint64_t time_for_user(uint64_t left, int waiting, bool root)
{
	uint64_t part = root && waiting > 1 ? left * 3 / 5 : left / waiting;

	return part > LEAST_MS * MS ? part : left < LEAST_MS * MS ? left : LEAST_MS * MS;
}

void learn_nginx(struct nginx *nginx, bool every_namespace, bool has_lifeline)
{
	static struct user_group groups[MAX_USERS];
	uint64_t now = now_ns(CLOCK_MONOTONIC), end = now + DISCOVERY_MS * MS;
	struct process *list;
	int count, n;
	bool cut, titles_cut;

	memset(nginx, 0, sizeof(*nginx));
	/* nobody waits for the children, whenever they end */
	signal(SIGCHLD, SIG_IGN);
	list = search(nginx, every_namespace ? 0 : own_namespace(), now + DISCOVERY_MS * MS / 2, has_lifeline, &count, &cut,
		      &titles_cut);
	n = group_by_user(list, count, groups, &cut);
	for (int i = 0; i < n; i++) {
		now = now_ns(CLOCK_MONOTONIC);
		/* root's child stays even if there is no nginx yet */
		if ((groups[i].count || (i == 0 && has_lifeline)) && now < end)
			learn_user(nginx, &groups[i], now + time_for_user(end - now, n - i, i == 0), has_lifeline);
		else
			cut |= groups[i].count > 0;
		free(groups[i].list);
	}
	free(list);
	if (cut)
		note_unread(nginx, "there are more processes named nginx than were looked at");
	if (titles_cut)
		note_unread(nginx, "not all processes were asked for their titles: an nginx under another name may be missing");
	write_warning(nginx);
	nginx->names.is_incomplete |= nginx->unreadable || cut || titles_cut;
	nginx->unfollowed.is_incomplete = nginx->names.is_incomplete;
	sort_names(&nginx->names);
}
