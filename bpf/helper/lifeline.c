/*
 * What ends the helper: its stdin closes, SIGINT or SIGTERM arrives, or its parent dies. Before anything is attached, each of
 * these ends it at once; afterwards the loop ends in an orderly way.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "helper.h"

static volatile sig_atomic_t ended_by;
static volatile sig_atomic_t is_deferred;
static pid_t parent;

static void on_signal(int number)
{
	if (!is_deferred)
		_exit(EXIT_INTERRUPTED);
	ended_by = number;
}

void lifeline_watch(void)
{
	static const int ignored[] = {SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, SIGUSR1, SIGUSR2};
	/* no SA_RESTART: a write that waits for the reader is interrupted, too */
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t all;

	parent = getppid();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* the terminal sends these to the whole foreground group; only the recorder decides about them */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	/* the parent may have blocked them, and may have ignored SIGCHLD */
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	lifeline_keep_parent();
}

void lifeline_defer(void)
{
	is_deferred = 1;
}

/* SIGTERM, not SIGKILL: output that goes to a file without the parent still gets its last snapshot. */
void lifeline_keep_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* it may have died before this call */
	if (getppid() != parent)
		raise(SIGTERM);
}

/* Whether stdin is closed. Data written to it has no meaning. */
static bool stdin_is_closed(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char words[256];
	ssize_t n;

	if (poll(&p, 1, 0) < 1)
		return false;
	n = read(STDIN_FILENO, words, sizeof(words));
	return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

const char *lifeline_reason(void)
{
	if (ended_by)
		return ended_by == SIGINT ? "SIGINT" : "SIGTERM";
	return stdin_is_closed() ? "stdin closed" : NULL;
}

void lifeline_check(void)
{
	if (lifeline_reason())
		die(EXIT_INTERRUPTED, "ended before anything was attached: stdin closed");
}
