/*
 * The processes of this pid namespace, as the kernel knows them: their numbers in the initial pid namespace, and the files of
 * their programs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

static struct task_row *tasks;
static int task_count;

/* Above all pids of the kernel. */
#define NO_PROCESS 0x80000000u

static int by_pid(const void *a, const void *b)
{
	uint32_t x = ((const struct task_row *)a)->pid, y = ((const struct task_row *)b)->pid;

	return x < y ? -1 : x > y;
}

static void read_rows(int fd)
{
	size_t length = 0, room = 0;
	ssize_t n = 1;

	while (n > 0) {
		if (room - length < 4096) {
			room = room ? room * 2 : 1 << 16;
			tasks = realloc(tasks, room);
			if (!tasks)
				die(EXIT_SYSTEM, "out of memory");
		}
		n = read(fd, (char *)tasks + length, room - length);
		length += n > 0 ? n : 0;
	}
	task_count = length / sizeof(*tasks);
	qsort(tasks, task_count, sizeof(*tasks), by_pid);
}

void read_tasks(struct upstreamtop_bpf *bpf)
{
	struct bpf_link *link;
	int fd;

	if (bpf_program__fd(bpf->progs.upstreamtop_tasks) < 0)
		return;
	link = bpf_program__attach_iter(bpf->progs.upstreamtop_tasks, NULL);
	if (!link)
		return;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd >= 0) {
		read_rows(fd);
		close(fd);
	}
	bpf_link__destroy(link);
}

const struct task_row *task_of(uint32_t pid)
{
	struct task_row key = {.pid = pid};

	return task_count ? bsearch(&key, tasks, task_count, sizeof(key), by_pid) : NULL;
}

uint32_t host_pid_of(uint32_t pid)
{
	const struct task_row *task = task_of(pid);

	return task ? task->host_pid : task_count ? pid | NO_PROCESS : pid;
}

void forget_tasks(void)
{
	free(tasks);
	tasks = NULL;
	task_count = 0;
}
