/*
 * A child of the discovery that stays, as the user of its masters, without capabilities: it reads their configurations again when
 * nginx has done so. The helper asks it when it sees an nginx fork. It waits without a timer; it ends with the helper, whose end
 * of the socket closes then.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "config.h"

/* A worker that was just forked has its master's title; an old one has its own until nginx ends it, 100 ms later. */
#define SETTLE_MS 100
#define AGAIN_MS  250
/* for all configurations; a reader that a file system holds for longer is ended by the alarm */
#define READ_MS	   2000
#define PATIENCE_S 5
#define MS	   1000000ULL

/* ---- has nginx read its configuration? ---- */

enum child { GONE, WORKS, ENDS, IS_MASTER };

static bool title_of(uint32_t pid, char *title, size_t size)
{
	int process = open_process(pid);
	bool done = process >= 0 && read_small(title, size, process, "cmdline");

	if (process >= 0)
		close(process);
	return done;
}

static enum child child_state(uint32_t pid)
{
	char title[128] = "";

	if (!title_of(pid, title, sizeof(title)))
		return GONE;
	if (strstr(title, " is shutting down"))
		return ENDS;
	return strstr(title, ": worker process") || strstr(title, ": cache ") ? WORKS : IS_MASTER;
}

static int list_children(const struct reader *r, uint32_t *children)
{
	char name[64], text[MAX_CHILDREN * 8] = "", *at = text, *end;
	int count = 0;

	snprintf(name, sizeof(name), "task/%u/children", r->pid);
	if (!read_small(text, sizeof(text), r->process, name))
		return -1;
	for (; count < MAX_CHILDREN && (children[count] = strtoul(at, &end, 10)) && end != at; at = end)
		count++;
	return count;
}

static bool is_in(uint32_t pid, const uint32_t *list, int count)
{
	while (count-- > 0)
		if (list[count] == pid)
			return true;
	return false;
}

/* Of the children that it had before: how many work on. */
static int count_old_workers(const struct reader *r, const uint32_t *now, int count)
{
	int n = 0;

	for (int i = 0; i < r->child_count; i++)
		n += is_in(r->children[i], now, count) && child_state(r->children[i]) == WORKS;
	return n;
}

static int count_new(const struct reader *r, const uint32_t *now, int count, bool *has_new_master)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		if (is_in(now[i], r->children, r->child_count))
			continue;
		n++;
		/* it has another program from now on, which reads the configuration */
		*has_new_master |= child_state(now[i]) == IS_MASTER;
	}
	return n;
}

static void wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

/*
 * A master forks workers when it has read its configuration: there are more of them then, or the old ones end. It also forks one
 * for each that has died, and reads nothing. With one worker only, its death is taken for a reload.
 */
static bool has_reloaded(struct reader *r)
{
	uint32_t now[MAX_CHILDREN];
	int count = list_children(r, now), old, new;
	bool has_new_master = false, reloaded;

	/* this kernel does not tell */
	if (count < 0)
		return true;
	new = count_new(r, now, count, &has_new_master);
	old = count_old_workers(r, now, count);
	reloaded = new && (has_new_master || !old || old + new > r->child_count);
	if (new && !reloaded) {
		/* or the old ones are ending at this moment */
		wait_ms(AGAIN_MS);
		reloaded = count_old_workers(r, now, count) < old;
	}
	memcpy(r->children, now, count * sizeof(*now));
	r->child_count = count;
	return reloaded;
}

/* ---- a master that was started again ---- */

static bool is_known(const struct discovery *c, uint32_t pid)
{
	for (int i = 0; i < c->reader_count; i++)
		if (c->readers[i].pid == pid)
			return true;
	return process_of((struct discovery *)c, pid) != NULL;
}

static bool has_ended(const struct reader *r)
{
	char text[64];

	return !read_small(text, sizeof(text), r->process, "stat");
}

/*
 * The same user and the same command line within our own root: the same file. Anybody may have this title, and only decides when
 * that file is read.
 */
static bool find_again(struct reader *r, uint32_t uid, uint32_t *started)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char title[4096];
	struct stat st;
	bool found = false;

	while (proc && !found && (entry = readdir(proc))) {
		uint32_t pid = atoi(entry->d_name);

		if (!isdigit((unsigned char)*entry->d_name) || fstatat(dirfd(proc), entry->d_name, &st, 0) || st.st_uid != uid ||
		    is_known(r->discovery, pid))
			continue;
		found = title_of(pid, title, sizeof(title)) && !strcmp(title, r->title);
		if (!found)
			continue;
		/* that of an upgraded binary was its child */
		*started += !is_in(pid, r->children, r->child_count);
		close(r->process);
		r->process = open_process(pid);
		r->pid = pid;
		r->child_count = 0;
	}
	if (proc)
		closedir(proc);
	return found;
}

/* ---- reading again ---- */

static void give_up(struct reader *r)
{
	free(r->names);
	r->names = NULL;
	if (r->process >= 0)
		close(r->process);
	if (r->root >= 0)
		close(r->root);
	r->process = r->root = -1;
}

/* What was known stays where it cannot be read now: nginx could. */
static bool read_again(struct reader *r, uint32_t uid)
{
	struct names *before = r->names;

	r->names = calloc(1, sizeof(*r->names));
	r->missed_reason = r->root < 0 ? "could not be read" : NULL;
	r->is_over_budget = false;
	r->left = *budget_of(uid);
	r->discovery->until = now_ns(CLOCK_MONOTONIC) + READ_MS * MS;
	r->discovery->nginx->upstreams.count = r->discovery->nginx->upstreams.block_count = 0;
	read_config(r);
	if (!r->names || (r->missed_reason && !r->is_partial)) {
		free(r->names);
		r->names = before;
		open_namespace(before, r->netid);
		return false;
	}
	free(before);
	r->is_partial = r->missed_reason != NULL;
	if (r->is_partial)
		open_namespace(r->names, r->netid);
	return true;
}

static void publish_names(const struct discovery *c, struct reading *reading)
{
	struct names *table = &reading->tables[!reading->current];

	clear_names(table);
	for (int i = 0; i < c->reader_count; i++)
		if (c->readers[i].names)
			merge_names(table, c->readers[i].names);
	__atomic_store_n(&reading->current, !reading->current, __ATOMIC_RELEASE);
}

/* ---- an nginx that was started later ---- */

/* A file of /proc/PID/net has a number of its own in each network namespace. */
static bool is_in_our_network(int process)
{
	struct stat its, ours;

	return !fstatat(process, "net/tcp", &its, 0) && !stat("/proc/self/net/tcp", &ours) && its.st_ino == ours.st_ino;
}

/* Root's, in our network namespace, with the file that it reads without options. */
static bool is_default_master(struct reader *r)
{
	char title[4096];
	struct identity who;

	if (!read_identity(r->process, &who) || !read_small(title, sizeof(title), r->process, "cmdline"))
		return false;
	for (int i = 0; i < 4; i++)
		if (who.uid[i])
			return false;
	r->title = strdup(title);
	return r->title && !strncmp(title, "nginx: master process", 21) && !strstr(title, " -c") && !strstr(title, " -p") &&
	       is_in_our_network(r->process);
}

/* Not one that is followed, nor the new master of one while its binary is upgraded. */
static bool is_new(const struct discovery *c, uint32_t pid)
{
	for (int i = 0; i < c->reader_count; i++)
		if (is_in(pid, c->readers[i].children, c->readers[i].child_count))
			return false;
	return pid && !is_known(c, pid);
}

/* Reads the file that every nginx without options has. */
static bool read_default(struct reader *r, const struct discovery *c)
{
	static char pid_file[sizeof(r->pid_file)]; /* as the file said the last time */

	snprintf(r->pid_file, sizeof(r->pid_file), "%s", pid_file);
	if (r->root < 0 || !r->names || (*pid_file && !is_new(c, read_pid_file(r))))
		return false;
	r->pid_file[0] = 0;
	read_config(r);
	snprintf(pid_file, sizeof(pid_file), "%s", *r->pid_file ? r->pid_file : "/run/nginx.pid");
	r->pid = r->missed_reason ? 0 : read_pid_file(r);
	if (is_new(c, r->pid))
		r->process = open_process(r->pid);
	return r->process >= 0 && is_default_master(r);
}

/*
 * Nothing of a process that is found now can be trusted but its pid in a file of root's: an nginx with another root has written
 * its own elsewhere. And whatever the process is, only that one configuration is read.
 */
static bool find_default(struct discovery *c, struct reading *reading)
{
	static struct process unknown;
	struct reader *r = &c->readers[c->reader_count];

	if (!c->finds_new || c->reader_count == MAX_MASTERS)
		return false;
	*r = (struct reader){.discovery = c,
			     .master = &unknown,
			     .process = -1,
			     .root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
			     .shares_root = true,
			     .netid = own_namespace(),
			     .title = "",
			     .alive = -1,
			     .names = calloc(1, sizeof(struct names)),
			     .left = *budget_of(0)};
	c->until = now_ns(CLOCK_MONOTONIC) + READ_MS * MS;
	if (!read_default(r, c)) {
		give_up(r);
		return false;
	}
	/* those that it replaces */
	for (int i = 0; i < c->reader_count; i++)
		if (c->readers[i].shares_root && c->readers[i].names && has_ended(&c->readers[i]))
			give_up(&c->readers[i]);
	r->child_count = list_children(r, r->children);
	r->child_count = r->child_count < 0 ? 0 : r->child_count;
	c->reader_count++;
	reading->found++;
	return true;
}

static bool has_any_failed(const struct discovery *c)
{
	for (int i = 0; i < c->reader_count; i++)
		if (c->readers[i].has_failed)
			return true;
	return false;
}

static void look(struct discovery *c, uint32_t uid, struct reading *reading)
{
	bool changed = false;

	for (int i = 0; i < c->reader_count; i++) {
		struct reader *r = &c->readers[i];
		bool again = false;

		if (!r->names || r->process < 0)
			continue;
		if (has_ended(r))
			again = r->shares_root && find_again(r, uid, &reading->found);
		if (has_ended(r) || (!has_reloaded(r) && !again))
			continue;
		r->has_failed = !read_again(r, uid);
		changed = true;
	}
	changed |= find_default(c, reading);
	reading->has_failed = has_any_failed(c);
	if (changed)
		publish_names(c, reading);
}

/* ---- staying ---- */

/* A root that is not ours belongs to a container: its mounts can be removed when it has ended, also while we run. */
static void give_up_root(struct reader *r)
{
	close(r->root);
	close(r->alive);
	r->root = r->alive = -1;
}

static int open_alive(const struct reader *r)
{
	return r->root < 0 || r->shares_root ? -1 : syscall(SYS_pidfd_open, r->pid, 0);
}

static void begin(struct discovery *c, struct reading *reading)
{
	for (int i = 0; i < c->reader_count; i++) {
		struct reader *r = &c->readers[i];
		int count = list_children(r, r->children);

		r->child_count = count < 0 ? 0 : count;
		r->alive = open_alive(r);
		r->is_partial = r->missed_reason != NULL;
		if (r->alive < 0 && !r->shares_root && r->root >= 0)
			give_up_root(r);
	}
	publish_names(c, reading);
}

static bool has_read_any(const struct discovery *c)
{
	for (int i = 0; i < c->reader_count; i++)
		if (c->readers[i].names && c->readers[i].root >= 0 && !c->readers[i].missed_reason)
			return true;
	return false;
}

/* Returns how many times it was asked; 0 when the helper has ended. */
static int wait_for_helper(struct discovery *c, int socket)
{
	static struct pollfd fds[MAX_MASTERS + 1];
	char words[64];
	ssize_t n;

	for (;;) {
		fds[0] = (struct pollfd){.fd = socket, .events = POLLIN};
		for (int i = 0; i < c->reader_count; i++)
			fds[i + 1] = (struct pollfd){.fd = c->readers[i].alive, .events = POLLIN};
		if (poll(fds, c->reader_count + 1, -1) < 0 && errno != EINTR)
			return 0;
		for (int i = 0; i < c->reader_count; i++)
			if (fds[i + 1].revents)
				give_up_root(&c->readers[i]);
		if (!fds[0].revents)
			continue;
		n = recv(socket, words, sizeof(words), 0);
		return n > 0 ? n : 0;
	}
}

void stay_as_reader(struct discovery *c, uint32_t uid, int socket, struct reading *reading)
{
	int asked;

	if ((!has_read_any(c) && !c->finds_new) || !drop_capabilities() || prctl(PR_SET_DUMPABLE, 0))
		return;
	alarm(0);
	setpriority(PRIO_PROCESS, 0, 10);
	begin(c, reading);
	if (send(socket, "", 1, MSG_NOSIGNAL) != 1)
		return;
	while ((asked = wait_for_helper(c, socket))) {
		alarm(PATIENCE_S);
		wait_ms(SETTLE_MS);
		look(c, uid, reading);
		alarm(0);
		__atomic_store_n(&reading->answered, reading->answered + asked, __ATOMIC_RELEASE);
	}
}
