/* Whether a program is nginx, whatever its file is called. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "listeners.h"

/* The title of a worker that ends. Every nginx, and what was made of it, has it since its first versions. */
static const char mark[] = "worker process is shutting down";

#define LARGEST_PROGRAM (64 << 20)

static bool contains_mark(int fd)
{
	static char text[1 << 16];
	size_t kept = 0, sum = 0;
	ssize_t n;

	while (sum < LARGEST_PROGRAM && (n = read(fd, text + kept, sizeof(text) - kept)) > 0) {
		size_t length = kept + n;

		if (memmem(text, length, mark, sizeof(mark) - 1))
			return true;
		kept = length < sizeof(mark) ? length : sizeof(mark);
		memmove(text, text + length - kept, kept);
		sum += n;
	}
	return false;
}

static bool has_mark(int process)
{
	int fd = openat(process, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool found = fd >= 0 && contains_mark(fd);

	if (fd >= 0)
		close(fd);
	return found;
}

bool program_path(int process, char *path, size_t size)
{
	ssize_t n = readlinkat(process, "exe", path, size - 1);

	path[n < 0 ? 0 : n] = 0;
	return n >= 0;
}

/* The instances of a host mostly run the same file, which is read once. */
static bool has_mark_cached(int process, const struct statx *st)
{
	static struct statx last;
	static bool result;

	if (st->stx_ino != last.stx_ino || st->stx_dev_major != last.stx_dev_major || st->stx_dev_minor != last.stx_dev_minor ||
	    st->stx_mtime.tv_sec != last.stx_mtime.tv_sec) {
		last = *st;
		result = has_mark(process);
	}
	return result;
}

static bool has_name_of_nginx(const char *path)
{
	static const char *const names[] = {"nginx", "angie", "openresty"};
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	for (int i = 0; i < 3; i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

enum program program_of(int process)
{
	char path[PATH_MAX];
	struct statx st;

	if (!program_path(process, path, sizeof(path)) ||
	    statx(process, "exe", AT_STATX_DONT_SYNC, STATX_MODE | STATX_INO | STATX_MTIME, &st) ||
	    st.stx_mode & (S_ISUID | S_ISGID))
		return NOT_NGINX;
	return has_mark_cached(process, &st) ? IS_NGINX : has_name_of_nginx(path) ? NAMED_NGINX : NOT_NGINX;
}
