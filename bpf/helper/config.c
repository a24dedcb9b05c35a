/*
 * nginx's configuration: whether it proxies, and to which upstreams. Any user can have a process with
 * nginx's name and any command line. So a configuration is read only with that user's rights, within that process's root, up to a
 * budget, and only from plain files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "config.h"

#define MAX_DEPTH 8
#define MAX_FILE  (1 << 20)
/* A user may rename directories of the root during the walk: the kernel then returns EAGAIN. */
#define TRIES 4

static const struct budget root_budget = {1000000000, 32 << 20, 4096, 65536};
static const struct budget user_budget = {200000000, 4 << 20, 256, 1024};

const struct budget *budget_of(uint32_t uid)
{
	return uid ? &user_budget : &root_budget;
}

static void scan_config(struct reader *r, const char *path, int depth);

static void note_missed(struct reader *r, const char *why)
{
	if (!r->missed_reason)
		r->missed_reason = why;
}

static void exceed_budget(struct reader *r)
{
	r->is_over_budget = true;
	note_missed(r, "includes too much");
}

/* ---- files within its root ---- */

/* Absolute links, ".." and renamed directories do not lead out of the root; links of /proc are not followed. */
static int open_within(int root, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = -1;

	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	return fd;
}

/*
 * File systems whose files the kernel generates: reading one can wait, act or never end. FUSE and network file systems are not
 * among them, because configurations may be on them; one that does not answer only takes its user's part of the time.
 */
static bool is_generated(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	switch ((unsigned)fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case SECURITYFS_MAGIC:
	case SELINUX_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case BPF_FS_MAGIC:
	case EFIVARFS_MAGIC:
	case PSTOREFS_MAGIC:
	case BINFMTFS_MAGIC:
	case 0x62656570: /* configfs */
	case 0x65735543: /* fusectl */
		return true;
	default:
		return false;
	}
}

/* Checked before it is opened: opening a FIFO or a device has effects. */
static int open_plain_file(struct reader *r, const char *path, struct stat *st)
{
	char name[32];
	int place = open_within(r->root, path, O_PATH), fd = -1;

	if (place < 0) {
		note_missed(r, errno == ENOSYS ? "could not be read: this system has no openat2" : "could not be read");
		return -1;
	}
	if (fstat(place, st) || !S_ISREG(st->st_mode) || is_generated(place)) {
		note_missed(r, "is not all plain files");
	} else {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", place);
		fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			note_missed(r, "could not be read");
	}
	close(place);
	return fd;
}

/* ---- includes: glob() of the C library, as nginx uses it, with directories of that root ---- */

static struct reader *glob_reader; /* glob's functions get no argument of the caller */

static void *glob_open(const char *path)
{
	int fd = glob_reader->left.entries > 0 ? open_within(glob_reader->root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK) : -1;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !directory)
		close(fd);
	return directory;
}

static struct dirent *glob_read(void *directory)
{
	if (glob_reader->left.entries-- <= 0 || now_ns(CLOCK_MONOTONIC) > glob_reader->until) {
		glob_reader->left.entries = 0;
		exceed_budget(glob_reader);
		return NULL;
	}
	return readdir(directory);
}

static void glob_close(void *directory)
{
	closedir(directory);
}

static int glob_look(const char *path, struct stat *st, uint64_t flags)
{
	int fd, result;

	/* each path that glob tries costs as much as an entry */
	if (glob_reader->left.entries-- <= 0) {
		glob_reader->left.entries = 0;
		exceed_budget(glob_reader);
		errno = ENOENT;
		return -1;
	}
	fd = open_within(glob_reader->root, path, O_PATH | flags);
	if (fd < 0)
		return -1;
	result = fstat(fd, st);
	close(fd);
	return result;
}

static int glob_stat(const char *path, struct stat *st)
{
	return glob_look(path, st, 0);
}

static int glob_lstat(const char *path, struct stat *st)
{
	return glob_look(path, st, O_NOFOLLOW);
}

static void scan_include(struct reader *r, const char *pattern, int depth)
{
	glob_t found = {.gl_opendir = glob_open,
			.gl_readdir = glob_read,
			.gl_closedir = glob_close,
			.gl_stat = glob_stat,
			.gl_lstat = glob_lstat};
	char full[PATH_MAX];

	if (snprintf(full, sizeof(full), "%s%s%s", *pattern == '/' ? "" : r->prefix, *pattern == '/' ? "" : "/", pattern) >=
	    (int)sizeof(full))
		return;
	/* nginx opens a name without wildcards as it is, and fails where it does not exist */
	if (!strpbrk(full, "*?[")) {
		scan_config(r, full, depth + 1);
		return;
	}
	glob_reader = r;
	if (!glob(full, GLOB_ALTDIRFUNC, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			scan_config(r, found.gl_pathv[i], depth + 1);
	globfree(&found);
}

/* ---- statements ---- */

/* Published at once: the rest may take all the time. */
static void note_proxy(struct reader *r)
{
	if (r->master->proxies)
		return;
	r->master->proxies = true;
	note_instance_proxies(r->discovery, r->master);
	publish(r->discovery);
}

static void scan_statement(struct reader *r, const struct statement *s, int depth)
{
	configuration_add(r->configuration, s);
	if (s->end != ';' || s->count < 2 || configuration_is_data(r->configuration))
		return;
	if (!strcmp(s->words[0], "include"))
		scan_include(r, s->words[1], depth);
	else if (is_pass_directive(s->words[0]))
		note_proxy(r);
	else if (!strcmp(s->words[0], "pid"))
		snprintf(r->pid_file, sizeof(r->pid_file), "%s", s->words[1]);
}

/* Reads a whole file, as far as the budget allows; it ends at the end of the data, whatever st_size is. */
static char *read_text(struct reader *r, int fd, const struct stat *st, int *length)
{
	char *text = st->st_size > MAX_FILE || st->st_size > r->left.bytes ? NULL : malloc(st->st_size + 1);
	ssize_t n = 1;

	for (*length = 0; text && n > 0 && *length < st->st_size;) {
		n = read(fd, text + *length, st->st_size - *length);
		if (n > 0)
			*length += n;
	}
	if (!text || n < 0)
		note_missed(r, text ? "could not be read" : "is too large");
	if (text) {
		r->left.bytes -= *length;
		text[*length] = 0;
	}
	return text;
}

static void scan_config(struct reader *r, const char *path, int depth)
{
	struct statement statement;
	struct text rest;
	struct stat st;
	int fd, n, before;
	char *text;

	if (depth > MAX_DEPTH || r->left.files-- <= 0 || now_ns(CLOCK_MONOTONIC) > r->until) {
		exceed_budget(r);
		return;
	}
	fd = open_plain_file(r, path, &st);
	if (fd < 0)
		return;
	text = read_text(r, fd, &st, &n);
	close(fd);
	if (!text)
		return;
	rest = (struct text){text, text + n};
	before = configuration_enter_file(r->configuration);
	while (next_statement(&rest, &statement))
		scan_statement(r, &statement, depth);
	configuration_leave_file(r->configuration, before);
	free(text);
}

/* ---- which process, which file ---- */

/* The value of an option in a command line: "-c FILE" or "-cFILE"; "" without the option. */
static void option_value(const char *line, char letter, char *value, size_t size)
{
	char mark[4] = {' ', '-', letter, 0};
	const char *at = strstr(line, mark);

	value[0] = 0;
	if (!at)
		return;
	at += 3;
	while (*at == ' ')
		at++;
	snprintf(value, size, "%.*s", (int)strcspn(at, " "), at);
}

static bool is_same(const uint32_t ids[4], uint32_t id)
{
	for (int i = 0; i < 4; i++)
		if (ids[i] != id)
			return false;
	return true;
}

static uint32_t namespace_of(int process)
{
	struct stat st;

	return fstatat(process, "ns/net", &st, 0) ? 0 : st.st_ino;
}

static int open_root(int process)
{
	return openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * The part that needs rights. A helper with capabilities, but not as root, does not enter a root directory here that its user
 * could not enter.
 */
static void prepare(struct reader *r, uint32_t uid)
{
	char path[32], title[4096] = "";
	struct identity who;

	snprintf(path, sizeof(path), "/proc/%u", r->master->pid);
	r->process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->root = -1;
	r->netid = namespace_of(r->process);
	if (!read_identity(r->process, &who) || !read_small(title, sizeof(title), r->process, "cmdline"))
		note_missed(r, "could not be read: it has ended");
	else if (!is_same(who.uid, uid) || !is_same(who.gid, who.gid[0]) || who.gid[0] != r->master->gid)
		note_missed(r, "was not read: it runs with more rights than its user's");
	/*
	 * The caller of a program chooses its title: a setuid program of root that anybody may start (su, sudo) must not make
	 * root's child read a file.
	 */
	else if (!(r->master->program = program_of(r->process)))
		note_missed(r, "was not read: its program is not nginx's");
	else if (geteuid() == 0)
		r->root = open_root(r->process);
	r->shares_root = !r->missed_reason && has_our_root(r->process);
	r->title = strdup(title);
}

/* The file that its title names; includes are relative to its folder. */
static bool find_config(struct reader *r, char file[PATH_MAX])
{
	char prefix[PATH_MAX], relative[PATH_MAX];

	option_value(r->title, 'c', relative, sizeof(relative));
	option_value(r->title, 'p', prefix, sizeof(prefix));
	if (!*relative)
		snprintf(relative, sizeof(relative), "%s", *prefix ? "conf/nginx.conf" : "/etc/nginx/nginx.conf");
	if (!*prefix)
		strcpy(prefix, "/usr/share/nginx");
	while (*prefix && prefix[strlen(prefix) - 1] == '/')
		prefix[strlen(prefix) - 1] = 0;
	if (snprintf(file, PATH_MAX, "%s%s%s", *relative == '/' ? "" : prefix, *relative == '/' ? "" : "/", relative) >= PATH_MAX)
		return false;
	snprintf(r->prefix, sizeof(r->prefix), "%s", file);
	*strrchr(r->prefix, '/') = 0;
	return true;
}

/* For doctor. */
static void note_configuration(const struct reader *r, const char *file)
{
	struct nginx *n = r->discovery->nginx;

	for (int i = 0; i < n->master_count; i++)
		if (n->masters[i].pid == r->master->pid && strlen(file) < sizeof(n->masters[i].configuration))
			strcpy(n->masters[i].configuration, file);
}

/* The hosts that nginx has resolved without DNS, as its C library does. */
static void read_hosts(struct reader *r)
{
	struct stat st;
	char *text;
	int n, fd;

	/* without the file, nothing is missing of the configuration */
	if (!has_static_hosts(r->names) || (fd = open_within(r->root, "/etc/hosts", O_PATH)) < 0)
		return;
	close(fd);
	fd = open_plain_file(r, "/etc/hosts", &st);
	text = fd < 0 ? NULL : read_text(r, fd, &st, &n);
	if (fd >= 0)
		close(fd);
	if (text)
		resolve_hosts(r->names, text);
	free(text);
}

void read_config(struct reader *r)
{
	char file[PATH_MAX];

	if (r->missed_reason || !r->title || !r->names)
		return;
	if (r->root < 0)
		r->root = open_root(r->process);
	if (r->root < 0 && r->shares_root)
		r->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->root < 0 || !find_config(r, file)) {
		note_missed(r, "could not be read");
		return;
	}
	r->until = now_ns(CLOCK_MONOTONIC) + r->left.ns;
	if (r->until > r->discovery->until)
		r->until = r->discovery->until;
	clear_names(r->names);
	r->names->netid = r->netid;
	r->configuration = configuration_open(r->names);
	if (!r->configuration) {
		note_missed(r, "could not be read: out of memory");
		return;
	}
	note_configuration(r, file);
	scan_config(r, file, 0);
	r->discovery->nginx->upstreams.master = r->master->pid;
	configuration_close(r->configuration, &r->discovery->nginx->upstreams);
	read_hosts(r);
}

/*
 * Keeps why upstreams may be missing in the list, and a warning where a listen port may be missing or the budget was used up.
 */
static void note_unread(struct reader *r)
{
	struct nginx *n = r->discovery->nginx;
	char ports[96] = "";

	if (r->missed_reason && !n->unlisted_count++)
		snprintf(n->unlisted, sizeof(n->unlisted), "the configuration of nginx %u %s", r->master->pid, r->missed_reason);
	for (int i = 0; i < n->listen_port_count; i++)
		if (n->listen_ports[i].listen_port.master == r->master->instance && strlen(ports) < sizeof(ports) - 8)
			sprintf(ports + strlen(ports), "%s%u", *ports ? "," : "", n->listen_ports[i].key.port);
	if (!r->missed_reason || !*ports || (r->master->proxies && !r->is_over_budget) || n->unread_count++)
		return;
	snprintf(n->unread, sizeof(n->unread), "the configuration of nginx %u, which listens on %s, %s", r->master->pid, ports,
		 r->missed_reason);
}

uint32_t read_pid_file(struct reader *r)
{
	struct stat st;
	/* where the packages of distributions have it */
	int n = 0, fd = open_plain_file(r, *r->pid_file ? r->pid_file : "/run/nginx.pid", &st);
	char *text = fd < 0 ? NULL : read_text(r, fd, &st, &n);
	uint32_t pid = text ? strtoul(text, NULL, 10) : 0;

	if (fd >= 0)
		close(fd);
	free(text);
	return pid;
}

bool read_configs(struct discovery *c, uint32_t uid, uint32_t gid)
{
	static struct reader readers[MAX_MASTERS];
	int count = 0;
	bool allowed, whole = true;

	for (int i = 0; i < c->count && !is_late(c); i++) {
		if (c->list[i].master != c->list[i].pid)
			continue;
		if (count == MAX_MASTERS) {
			whole = false;
			break;
		}
		readers[count] = (struct reader){.discovery = c,
						 .master = &c->list[i],
						 .pid = c->list[i].pid,
						 .names = calloc(1, sizeof(struct names)),
						 .left = *budget_of(uid)};
		prepare(&readers[count++], uid);
	}
	allowed = become_reader(uid, gid);
	/* the kernel drops it on a change of identity */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++) {
		if (allowed)
			read_config(&readers[i]);
		else
			note_missed(&readers[i], "could not be read: we may not become its user");
		note_unread(&readers[i]);
		if (readers[i].names && readers[i].missed_reason)
			open_namespace(readers[i].names, readers[i].netid);
		if (readers[i].names)
			merge_names(&c->nginx->names, readers[i].names);
	}
	c->readers = readers;
	c->reader_count = allowed ? count : 0;
	return whole && !is_late(c);
}
