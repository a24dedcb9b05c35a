/*
 * The control group of a process that connected, as a path. The kernel's word is the group's id, which is the inode number of its
 * directory. The process tells its path at once; where it has ended, or is another one by now, the directory is searched for.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "helper.h"

/* One search: a large host has a thousand groups, each of which takes 20 µs. */
#define MAX_SEARCHED 4096
#define SEARCH_NS    20000000ULL
#define MAX_DEPTH    16

static int root = -1;
static uint64_t root_id;
static bool sees_all_pids;

void group_paths_open(int group)
{
	struct stat st;

	root = group;
	root_id = group >= 0 && !fstat(group, &st) ? st.st_ino : 0;
	sees_all_pids = !stat("/proc/self/ns/pid", &st) && st.st_ino == INITIAL_PID_NAMESPACE;
}

/* Never leaves this file system, by whatever is mounted in it or linked from it. */
static int open_below(int directory, const char *name, int flags)
{
	struct open_how how = {.flags = flags | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};

	return syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

static uint64_t id_of(const char *path)
{
	int fd = path[1] ? open_below(root, path + 1, O_PATH) : -1;
	struct stat st;
	uint64_t id = !path[1] ? root_id : fd >= 0 && !fstat(fd, &st) ? st.st_ino : 0;

	if (fd >= 0)
		close(fd);
	return id;
}

/* ---- what a process says ---- */

struct paths {
	char unified[4096]; /* of cgroup2; "" without it */
	char other[4096];   /* the longest of the other hierarchies, which hybrid hosts have */
};

static void read_paths(uint32_t pid, struct paths *paths)
{
	char name[32], line[4096 + 64];
	FILE *f;

	paths->unified[0] = paths->other[0] = 0;
	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	f = fopen(name, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *path = strstr(line, ":/");
		size_t length;

		if (!path++)
			continue;
		length = strcspn(path, "\n");
		path[length] = 0;
		if (!strncmp(line, "0::", 3))
			snprintf(paths->unified, sizeof(paths->unified), "%s", path);
		else if (length > strlen(paths->other))
			snprintf(paths->other, sizeof(paths->other), "%s", path);
	}
	fclose(f);
}

/* ---- the search ---- */

struct search {
	uint64_t id, until;
	char *path;
	size_t size;
	int left;
};

static bool search_below(struct search *s, int directory, size_t length, int depth)
{
	DIR *d = fdopendir(directory);
	struct dirent *entry;
	bool found = false;

	if (!d) {
		close(directory);
		return false;
	}
	while (!found && s->left > 0 && (entry = readdir(d))) {
		int n, below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		n = snprintf(s->path + length, s->size - length, "/%s", entry->d_name);
		if (n >= (int)(s->size - length))
			continue;
		if (entry->d_ino == s->id) {
			found = true;
			break;
		}
		if (--s->left <= 0 || depth == MAX_DEPTH || now_ns(CLOCK_MONOTONIC) > s->until)
			continue;
		below = open_below(dirfd(d), entry->d_name, O_RDONLY);
		found = below >= 0 && search_below(s, below, length + n, depth + 1);
	}
	closedir(d);
	return found;
}

/* The same group as in the kernel's row, which may be gone. */
static void search_group(uint64_t id, char *path, size_t size)
{
	struct search s = {id, now_ns(CLOCK_MONOTONIC) + SEARCH_NS, path, size, MAX_SEARCHED};
	int top = open_below(root, ".", O_RDONLY);

	if (top < 0 || !search_below(&s, top, 0, 1))
		path[0] = 0;
}

/* The root of all hierarchies says nothing. */
static void take_path(const struct paths *paths, char *path, size_t size)
{
	const char *best = paths->unified[0] && paths->unified[1] ? paths->unified : paths->other;

	snprintf(path, size, "%s", best[0] && best[1] ? best : "");
}

void group_path_of_process(uint32_t pid, char *path, size_t size)
{
	static struct paths paths;

	read_paths(pid, &paths);
	take_path(&paths, path, size);
}

void group_path(const struct namespace_row *row, char *path, size_t size)
{
	static struct paths paths;

	path[0] = paths.unified[0] = paths.other[0] = 0;
	if (sees_all_pids)
		read_paths(row->pid, &paths);
	/* another process may have its number by now */
	if (!row->cgroup || root < 0 || (paths.unified[0] && id_of(paths.unified) == row->cgroup))
		take_path(&paths, path, size);
	else if (row->cgroup != root_id)
		search_group(row->cgroup, path, size);
}

bool is_group_path(const struct namespace_row *row, const char *path)
{
	static struct paths paths;

	if (row->cgroup && row->cgroup != root_id && root >= 0)
		return id_of(path) == row->cgroup;
	paths.unified[0] = paths.other[0] = 0;
	if (sees_all_pids)
		read_paths(row->pid, &paths);
	return !strcmp(paths.unified, path) || !strcmp(paths.other, path);
}
