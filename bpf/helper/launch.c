/*
 * upstreamtop-probe --launch PROGRAM ARGUMENT…: for a unit that grants capabilities. The program must not have them, and only
 * they start a helper that has them: so a child waits here for the program's word before this process gives all of them up and
 * becomes the program. The child then starts the helper, keeps nothing, and says how the helper ended. The other side:
 * src/record/launched.ts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "helper.h"

#define LAUNCHED "UPSTREAMTOP_LAUNCHED"
/* Descriptors of the program: the helper's stdin, stdout and stderr, how it ended, and what it is started with. */
#define FIRST_FD      3
#define MAX_ASKED     1024
#define MAX_ARGUMENTS (128 << 10)

enum { IN, OUT, ERR, END, ASK, SOCKETS };

/* Sockets, as node's own pipes to a child are. */
static struct {
	int program, helper;
} sockets[SOCKETS];

/* Above the descriptors that the program and the helper get. */
static int above(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD + SOCKETS);

	close(fd);
	return moved;
}

static void open_sockets(void)
{
	for (int i = 0; i < SOCKETS; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			die(EXIT_SYSTEM, "cannot open a socket: %s", strerror(errno));
		sockets[i].program = above(ends[0]);
		sockets[i].helper = above(ends[1]);
		if (sockets[i].program < 0 || sockets[i].helper < 0)
			die(EXIT_SYSTEM, "cannot open a socket: %s", strerror(errno));
	}
}

/*
 * What the program asks for: the number of arguments, and the arguments, each ended by a 0. Returns false if it has ended, or
 * wants no helper.
 */
static bool read_arguments(char **words)
{
	static char text[MAX_ARGUMENTS];
	size_t length = 0, begin = 0;
	int count = -1, of = 0;

	while (count < of && length < sizeof(text)) {
		ssize_t n = read(sockets[ASK].helper, text + length, sizeof(text) - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		for (length += n; begin < length && count < of; begin += strlen(text + begin) + 1) {
			if (!memchr(text + begin, 0, length - begin))
				break;
			if (count < 0)
				of = atoi(text + begin);
			else
				words[count] = text + begin;
			if (of > MAX_ASKED)
				return false;
			count++;
		}
	}
	return count == of;
}

static _Noreturn void become_helper(char **words)
{
	char *no_environment[] = {NULL};

	for (int i = IN; i <= ERR; i++)
		dup2(sockets[i].helper, i);
	execve("/proc/self/exe", words, no_environment);
	die(EXIT_SYSTEM, "cannot start the helper: %s", strerror(errno));
}

/* To systemd, if it has asked for it: the program can't send datagrams. */
static void tell_watchdog(void)
{
	static int notify = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (!length || length >= sizeof(address.sun_path))
		return;
	if (notify < 0)
		notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, path, length);
	/* an abstract one */
	if (*path == '@')
		address.sun_path[0] = 0;
	sendto(notify, "WATCHDOG=1", 10, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
	       offsetof(struct sockaddr_un, sun_path) + length);
}

/* Passes on that the program has recorded, which it says by a byte, until the helper ends. */
static void relay(pid_t helper)
{
	struct pollfd p[] = {{.fd = syscall(SYS_pidfd_open, helper, 0), .events = POLLIN},
			     {.fd = sockets[ASK].helper, .events = POLLIN}};
	char bytes[64];

	/* without one, the wait that follows is enough */
	while (p[0].fd >= 0 && (poll(p, 2, -1) >= 0 || errno == EINTR) && !p[0].revents) {
		if (!p[1].revents)
			continue;
		if (read(sockets[ASK].helper, bytes, sizeof(bytes)) > 0)
			tell_watchdog();
		else
			p[1].fd = -1;
	}
}

static _Noreturn void wait_for_helper(pid_t helper)
{
	char line[64];
	int status = 0;

	relay(helper);
	while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		snprintf(line, sizeof(line), "{\"code\":%d,\"signal\":null}", WEXITSTATUS(status));
	else
		snprintf(line, sizeof(line), "{\"code\":null,\"signal\":\"SIG%s\"}", sigabbrev_np(WTERMSIG(status)));
	_exit(write(sockets[END].helper, line, strlen(line)) < 0);
}

static _Noreturn void serve_program(void)
{
	/* a terminal sends these to all: the helper and the program decide */
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGPIPE, SIGUSR1, SIGUSR2};
	static char *words[MAX_ASKED + 2] = {"upstreamtop-probe"};
	pid_t helper;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	for (int i = 0; i < SOCKETS; i++)
		close(sockets[i].program);
	if (!read_arguments(words + 1))
		_exit(EXIT_DONE);
	helper = fork();
	if (helper == 0)
		become_helper(words);
	if (!drop_capabilities())
		_exit(EXIT_SYSTEM);
	for (int i = IN; i <= ERR; i++) {
		close(i);
		close(sockets[i].helper);
	}
	wait_for_helper(helper);
}

void launch(char **command)
{
	char own_pid[16];
	pid_t child;

	open_sockets();
	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (child < 0)
		die(EXIT_SYSTEM, "cannot fork: %s", strerror(errno));
	if (child == 0)
		serve_program();
	for (int i = 0; i < SOCKETS; i++)
		dup2(sockets[i].program, FIRST_FD + i);
	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	if (!drop_capabilities() || setenv(LAUNCHED, own_pid, 1))
		die(EXIT_SYSTEM, "cannot give up the capabilities: %s", strerror(errno));
	execvp(command[0], command);
	die(EXIT_SYSTEM, "cannot run \"%s\": %s", command[0], strerror(errno));
}
