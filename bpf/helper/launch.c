/*
 * upstreamtop-probe --launch PROGRAM ARGUMENT…: for a unit that grants capabilities. The program must not have them, and only
 * they start a helper that has them: so a child waits here for the program's word before this process gives all of them up and
 * becomes the program. The child then starts the helper, keeps nothing, and says how the helper ended. The other side:
 * src/record/launched.ts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* The arguments, each ended by a 0. Returns how many; 0 if the program has ended, or wants no helper. */
static int read_arguments(char **words)
{
	static char text[MAX_ARGUMENTS];
	size_t length = 0;
	int count = 0;
	ssize_t n;

	while (length < sizeof(text) &&
	       ((n = read(sockets[ASK].helper, text + length, sizeof(text) - length)) > 0 || (n < 0 && errno == EINTR)))
		length += n > 0 ? n : 0;
	if (!length || text[length - 1])
		return 0;
	for (char *word = text; word < text + length && count < MAX_ASKED; word += strlen(word) + 1)
		words[count++] = word;
	return count;
}

static _Noreturn void become_helper(char **words)
{
	char *no_environment[] = {NULL};

	for (int i = IN; i <= ERR; i++)
		dup2(sockets[i].helper, i);
	execve("/proc/self/exe", words, no_environment);
	die(EXIT_SYSTEM, "cannot start the helper: %s", strerror(errno));
}

static _Noreturn void wait_for_helper(pid_t helper)
{
	char line[64];
	int status = 0;

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
	if (!drop_capabilities() || setenv(LAUNCHED, "1", 1))
		die(EXIT_SYSTEM, "cannot give up the capabilities: %s", strerror(errno));
	execvp(command[0], command);
	die(EXIT_SYSTEM, "cannot run \"%s\": %s", command[0], strerror(errno));
}
