/* The links that set probes. They live on when all rights are gone, and new ones can be made then. libbpf 1.1 lacks them. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tls.h"

#define AT_RETURN 1 /* BPF_F_UPROBE_MULTI_RETURN */

int attach_probe(int program, const char *file, const uint64_t *offsets, const uint64_t *cookies, int count, bool at_return,
		 uint32_t pid)
{
	struct {
		uint32_t program, target, hook, flags;
		uint64_t path, offsets, counters, cookies;
		uint32_t count, how, pid, pad;
		char more[64];
	} attributes = {.program = program,
			.hook = UPROBE_MULTI,
			.path = (uintptr_t)file,
			.offsets = (uintptr_t)offsets,
			.cookies = (uintptr_t)cookies,
			.count = count,
			.how = at_return ? AT_RETURN : 0,
			.pid = pid};

	return syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
}

/* ---- of a program ---- */

struct task {
	const struct tls_program *program;
	bool has_return;
	int number;
};

struct attached {
	int error;
};

/* In a child. Returns of ngx_ssl_recv first, so that no answer is seen without its end; requests last. */
static void attach(void *context)
{
	enum { FILE_KEPT = FIRST_KEPT, WRITE, RECV, RECV_DONE };
	const struct task *task = context;
	const struct tls_functions *f = &task->program->functions;
	uint64_t writes = 2 * task->number, reads = writes + 1;
	struct attached outcome = {};
	int links[TLS_LINKS], count = 0;
	char file[32];

	drop_rights();
	snprintf(file, sizeof(file), "/proc/self/fd/%d", FILE_KEPT);
	if (task->has_return)
		links[count++] = attach_probe(RECV_DONE, file, &f->receive, &reads, 1, true, 0);
	if (!count || links[count - 1] >= 0)
		links[count++] = attach_probe(RECV, file, &f->receive, &reads, 1, false, 0);
	if (links[count - 1] >= 0)
		links[count++] = attach_probe(WRITE, file, &f->write, &writes, 1, false, 0);
	if (links[count - 1] < 0)
		outcome.error = errno;
	give_answer(&outcome, sizeof(outcome), links, outcome.error ? 0 : count);
}

struct child start_attaching(struct tls_program *program, const struct tls_programs *programs, int number)
{
	struct task task = {.program = program, .has_return = programs->recv_done >= 0, .number = number};
	int kept[] = {program->file, programs->write, programs->recv, programs->recv_done};

	return start_child(attach, &task, kept, task.has_return ? 4 : 3);
}

void take_links(struct tls_program *program, const struct child *child, bool in_time)
{
	struct attached outcome = {};

	if (!in_time) {
		kill_child(child);
		snprintf(program->why, sizeof(program->why), "its probes could not be set in time");
	} else if (!take_answer(child, &outcome, sizeof(outcome), program->links, TLS_LINKS)) {
		snprintf(program->why, sizeof(program->why), "its probes could not be set");
	} else if (outcome.error) {
		snprintf(program->why, sizeof(program->why), "its probes cannot be set: %s", strerror(outcome.error));
	} else {
		program->is_read = true;
	}
	if (child->socket >= 0)
		close(child->socket);
}

void close_tls_links(struct tls_program *program)
{
	for (int i = 0; i < TLS_LINKS; i++) {
		if (program->links[i] >= 0)
			close(program->links[i]);
		program->links[i] = -1;
	}
	program->is_read = false;
}
