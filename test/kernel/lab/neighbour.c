/*
 * A process named nginx: it is run under that name. The environment variable NEIGHBOUR holds words: listen=PORT, copies=N
 * (forks N times), chroot=DIR, root (takes the setuid owner as real uid), open=FILE. Prints "ready" and runs until its stdin
 * closes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static void listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	need(listen(fd, 8), "listen");
}

static void copy(int times)
{
	pid_t parent = getpid();

	for (int i = 0; i < times; i++) {
		pid_t child = fork();

		need(child, "fork");
		if (child)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
}

static void follow(const char *word)
{
	if (!strncmp(word, "listen=", 7))
		listen_on(atoi(word + 7));
	else if (!strncmp(word, "copies=", 7))
		copy(atoi(word + 7));
	else if (!strncmp(word, "chroot=", 7))
		need(chroot(word + 7) ? -1 : chdir("/"), "chroot");
	else if (!strncmp(word, "open=", 5))
		need(open(word + 5, O_RDONLY), "open");
	else if (!strcmp(word, "root"))
		need(setresuid(0, 0, 0), "setresuid");
}

int main(void)
{
	char *words = getenv("NEIGHBOUR"), *word;

	while (words && (word = strsep(&words, " ")))
		follow(word);
	puts("ready");
	fflush(stdout);
	/* stdin closes when the test ends */
	while (read(0, (char[1]){}, 1) > 0)
		;
	return 0;
}
