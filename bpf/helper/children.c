/* Starting a child that holds nothing, and waiting for its word. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "helper.h"
#include "children.h"

/* The memory of a child: far more than any honest configuration takes. */
#define CHILD_MEMORY (96 << 20)
#define MS	     1000000ULL

/* To the numbers from `first` on. Above all of them before, so that none is replaced that is needed next. */
static void move_descriptors(int *list, int count, int first)
{
	for (int i = 0; i < count; i++)
		list[i] = fcntl(list[i], F_DUPFD, first + count);
	for (int i = 0; i < count; i++)
		dup2(list[i], first + i);
}

/* Closes everything that another process may wait for, except the socket that shows the child's end. */
static void isolate_child(int end, pid_t parent, const int *kept, int kept_count)
{
	struct rlimit memory = {CHILD_MEMORY, CHILD_MEMORY}, core = {};
	int list[1 + MOST_KEPT] = {end};

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < kept_count; i++)
		list[1 + i] = kept[i];
	move_descriptors(list, 1 + kept_count, CHILD_END);
	close_range(FIRST_KEPT + kept_count, ~0U, 0);
	for (int fd = 0; fd < CHILD_END; fd++)
		close(fd);
	for (int fd = 0; fd < CHILD_END; fd++)
		if (open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_BUG);
	if (getppid() != parent || chdir("/"))
		_exit(EXIT_BUG);
	setrlimit(RLIMIT_DATA, &memory);
	setrlimit(RLIMIT_CORE, &core);
	/* for the case that the signal on the parent's death does not come */
	alarm(2 * DISCOVERY_MS / 1000 + 1);
}

struct child start_child(void (*run)(void *context), void *context, const int *kept, int kept_count)
{
	struct child child = {.socket = -1};
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return child;
	child.pid = fork();
	if (child.pid == 0) {
		isolate_child(ends[1], parent, kept, kept_count);
		run(context);
		_exit(EXIT_DONE);
	}
	close(ends[1]);
	if (child.pid > 0)
		child.socket = ends[0];
	else
		close(ends[0]);
	return child;
}

bool answers_in_time(const struct child *child, uint64_t until, bool has_lifeline)
{
	for (uint64_t now; (now = now_ns(CLOCK_MONOTONIC)) < until;) {
		struct pollfd p[] = {{.fd = child->socket, .events = POLLIN},
				     {.fd = has_lifeline ? STDIN_FILENO : -1, .events = POLLIN}};

		if (poll(p, 2, (until - now) / MS + 1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			lifeline_check();
		if (p[0].revents)
			return true;
	}
	return false;
}

bool has_answered(const struct child *child)
{
	struct pollfd p = {.fd = child->socket, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Not waited for: a child in uninterruptible sleep dies when it can. */
void kill_child(const struct child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

/* ---- its answer ---- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(MOST_GIVEN * sizeof(int))];
};

void give_answer(const void *answer, size_t size, const int *descriptors, int count)
{
	union control control = {};
	struct iovec data = {(void *)answer, size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){
		    .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
	}
	sendmsg(CHILD_END, &message, MSG_NOSIGNAL);
}

bool take_answer(const struct child *child, void *answer, size_t size, int *descriptors, int count)
{
	union control control = {};
	struct iovec data = {answer, size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(child->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	for (int i = 0; i < count; i++)
		descriptors[i] = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		size_t sent = header->cmsg_len - CMSG_LEN(0);

		memcpy(descriptors, CMSG_DATA(header), sent < count * sizeof(int) ? sent : count * sizeof(int));
	}
	return n == (ssize_t)size;
}
