/*
 * The files of nginx's programs. Any user may run a file that looks like nginx's, from a file system that never answers: a file
 * is only read in a child, which has no rights then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "listeners.h"
#include "tls.h"

#define LARGEST_FILE	 (1LL << 30)
#define FUSE_SUPER_MAGIC 0x65735546

/* ---- which ---- */

/* No file system is asked. */
static bool identify(int file, uint64_t *device, uint64_t *inode)
{
	struct statx st;

	if (statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st))
		return false;
	*device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	*inode = st.stx_ino;
	return true;
}

static struct tls_program *program_with(struct tls *tls, uint64_t device, uint64_t inode)
{
	for (int i = 0; i < tls->count; i++)
		if (tls->list[i].device == device && tls->list[i].inode == inode)
			return &tls->list[i];
	return NULL;
}

struct tls_program *add_tls_file(struct tls *tls, int file, const char *path)
{
	struct tls_program *p = &tls->list[tls->count];
	uint64_t device, inode;

	if (!identify(file, &device, &inode) || program_with(tls, device, inode) || tls->count == MAX_TLS_PROGRAMS)
		return NULL;
	*p = (struct tls_program){.device = device, .inode = inode, .file = file, .directory = -1, .links = {-1, -1, -1}};
	snprintf(p->path, sizeof(p->path), "%.*s", (int)sizeof(p->path) - 1, path);
	tls->count++;
	return p;
}

void close_tls_file(struct tls_program *program)
{
	if (program->file >= 0)
		close(program->file);
	program->file = -1;
}

/* The path without the kernel's word for a file that was removed or replaced. */
static void read_path(int process, char *path, size_t size)
{
	static const char removed[] = " (deleted)";
	size_t length;

	if (!program_path(process, path, size))
		snprintf(path, size, "nginx");
	length = strlen(path);
	if (length > sizeof(removed) - 1 && !strcmp(path + length - (sizeof(removed) - 1), removed))
		path[length - (sizeof(removed) - 1)] = 0;
}

static bool is_master(const struct nginx *nginx, uint32_t pid)
{
	for (int i = 0; i < nginx->master_count; i++)
		if (nginx->masters[i].pid == pid)
			return true;
	return false;
}

/* That of a process; a new one only if `is_new` says that its file is nginx's. */
static struct tls_program *program_of_process(struct tls *tls, int process, bool is_new)
{
	int file = openat(process, "exe", O_PATH | O_CLOEXEC);
	struct tls_program *p = NULL;
	uint64_t device, inode;
	char path[PATH_MAX];

	if (file < 0)
		return NULL;
	if (identify(file, &device, &inode))
		p = program_with(tls, device, inode);
	if (!p && is_new) {
		read_path(process, path, sizeof(path));
		p = add_tls_file(tls, file, path);
	}
	if (!p || p->file != file)
		close(file);
	return p;
}

static void count_process(struct tls *tls, const struct nginx *nginx, const struct found_process *found, bool is_new)
{
	int process = open_process(found->pid);
	struct tls_program *p = process < 0 ? NULL : program_of_process(tls, process, is_new);

	if (p && !is_new) {
		p->processes++;
		p->workers += !is_master(nginx, found->pid);
		p->is_roots |= found->process.uid == 0;
		p->has_our_root |= has_our_root(process);
	}
	if (process >= 0)
		close(process);
}

/* Only a master's file was looked at, to tell that it is nginx's: the others are counted then. */
void find_tls_programs(struct tls *tls, const struct nginx *nginx)
{
	for (int i = 0; i < nginx->process_count; i++)
		if (nginx->processes[i].is_nginx_program)
			count_process(tls, nginx, &nginx->processes[i], true);
	for (int i = 0; i < nginx->process_count; i++)
		count_process(tls, nginx, &nginx->processes[i], false);
}

/* ---- what is in them ---- */

struct judgement {
	struct tls_functions functions;
	char why[sizeof(((struct tls_program *)0)->why)];
};

/* A user may mount a file system of his own, but in our own root only one of FUSE. */
static int open_directory(const struct tls_program *program)
{
	const char *end = strrchr(program->path, '/');
	char path[sizeof(program->path)];
	struct statfs st;
	int directory;

	if (!program->has_our_root || program->path[0] != '/' || strlen(program->path) == sizeof(program->path) - 1)
		return -1;
	snprintf(path, sizeof(path), "%.*s", (int)(end - program->path) + 1, program->path);
	directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0 && !fstatfs(directory, &st) && st.f_type != FUSE_SUPER_MAGIC)
		return directory;
	return -1;
}

static void read_file(int file, struct judgement *judgement)
{
	const char *why = NULL;
	struct stat st = {};
	const void *text;

	if (fstat(file, &st) || !S_ISREG(st.st_mode) || st.st_size > LARGEST_FILE) {
		snprintf(judgement->why, sizeof(judgement->why), "its file is larger than any program");
		return;
	}
	text = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (text == MAP_FAILED)
		snprintf(judgement->why, sizeof(judgement->why), "its file cannot be read: %s", strerror(errno));
	else
		why = find_tls_functions(text, st.st_size, &judgement->functions);
	if (why)
		snprintf(judgement->why, sizeof(judgement->why), "%s", why);
}

/* In a child. */
static void judge(void *context)
{
	struct judgement judgement = {};
	int directory = open_directory(context), file;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", FIRST_KEPT);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		snprintf(judgement.why, sizeof(judgement.why), "its file cannot be opened: %s", strerror(errno));
	drop_rights();
	if (file >= 0)
		read_file(file, &judgement);
	give_answer(&judgement, sizeof(judgement), &directory, directory >= 0);
}

struct child start_judging(struct tls_program *program)
{
	return start_child(judge, program, &program->file, 1);
}

void take_judgement(struct tls_program *program, const struct child *child, bool in_time)
{
	struct judgement judgement = {};

	if (!in_time) {
		kill_child(child);
		snprintf(program->why, sizeof(program->why), "its file could not be read in time");
	} else if (!take_answer(child, &judgement, sizeof(judgement), &program->directory, 1)) {
		snprintf(program->why, sizeof(program->why), "its file could not be read to its end");
	} else {
		program->functions = judgement.functions;
		snprintf(program->why, sizeof(program->why), "%.*s", (int)sizeof(judgement.why) - 1, judgement.why);
	}
	if (child->socket >= 0)
		close(child->socket);
}
