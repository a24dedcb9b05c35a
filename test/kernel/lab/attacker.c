/*
 * An attacker on the same host. Its process name is the name of the executable.
 *   processes RATE                        RATE processes per second, in one burst: each is named nginx, listens, connects to
 *                                         itself once and exits
 *   listeners ADDRESS LOW HIGH RATE HELD  listens on one port after the other; a process of another name sends a request with a
 *                                         random method and path, and gets a random status; the last HELD sockets stay open
 *   connects ADDRESS LOW HIGH RATE        connects to one port after the other, from changing source ports, without waiting
 * Prints "ready", runs until stdin closes, and prints the count.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct endpoint {
	struct sockaddr_storage address;
	socklen_t size;
};

static struct endpoint endpoint_of(const char *text, int port)
{
	struct endpoint p = {};
	struct sockaddr_in *four = (struct sockaddr_in *)&p.address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&p.address;

	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		p.size = sizeof(*four);
	} else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		p.size = sizeof(*six);
	}
	return p;
}

/* Socket calls time out after 1 s. */
static int open_socket(const struct endpoint *p)
{
	struct timeval patience = {.tv_sec = 1};
	int fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Port 0: the kernel chooses one; p then holds it. */
static int listen_at(struct endpoint *p)
{
	int fd = open_socket(p);

	if (!bind(fd, (struct sockaddr *)&p->address, p->size) && !listen(fd, 4) &&
	    !getsockname(fd, (struct sockaddr *)&p->address, &p->size))
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const struct endpoint *p)
{
	int fd = open_socket(p);

	if (!connect(fd, (struct sockaddr *)&p->address, p->size))
		return fd;
	close(fd);
	return -1;
}

static char *put_letters(char *at, char first, int n)
{
	while (n--)
		*at++ = first + random() % 26;
	return at;
}

/* Half of the requests are GET; one path in 16 is longer than the recorded maximum. */
static void send_request(int fd)
{
	char text[512], *at = text;

	at = random() % 2 ? stpcpy(at, "GET") : put_letters(at, 'A', 3 + random() % 6);
	at = stpcpy(at, " /");
	at = put_letters(at, 'a', 1 + random() % 8);
	*at++ = '/';
	at = put_letters(at, 'a', random() % 16 ? 6 : 200);
	at = stpcpy(at, " HTTP/1.1\r\nHost: a\r\n\r\n");
	send(fd, text, at - text, MSG_NOSIGNAL);
}

static void send_answer(int fd)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %ld Any\r\nContent-Length: 0\r\n\r\n", 200 + random() % 400);

	send(fd, text, n, MSG_NOSIGNAL);
}

static void answer_at(int listener)
{
	char text[1024];
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	if (recv(fd, text, sizeof(text), 0) > 0)
		send_answer(fd);
	recv(fd, text, 1, 0);
	close(fd);
}

/* Closes with a RST, so that no local port stays in TIME_WAIT. */
static void send_request_to(const struct endpoint *p)
{
	struct linger reset = {.l_onoff = 1};
	char text[1024];
	int fd = connect_to(p);

	if (fd < 0)
		return;
	send_request(fd);
	recv(fd, text, sizeof(text), 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* A process that connects to a server is taken for a proxy. */
static void proxy_once(const char *address)
{
	struct endpoint p = endpoint_of(address, 0);
	int listener = listen_at(&p), client, fd;
	char text[1024];

	if (listener < 0)
		return;
	client = connect_to(&p);
	fd = accept(listener, NULL, NULL);
	send_request(client);
	recv(fd, text, sizeof(text), 0);
	send_answer(fd);
	recv(client, text, sizeof(text), 0);
	close(client);
	close(fd);
	close(listener);
}

/* ---- time ---- */

static unsigned long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

/* Waits for the next step; false when stdin was closed. Late steps are not made up for. */
static bool wait_until_due(unsigned long step_us)
{
	static unsigned long due;
	unsigned long now = now_us();
	struct pollfd p = {.fd = 0, .events = POLLIN};

	due = due + step_us > now ? due + step_us : now;
	return poll(&p, 1, (due - now) / 1000) <= 0;
}

/* ---- attacks ---- */

static unsigned long run_processes(char **words)
{
	int rate = atoi(words[0]);
	unsigned long n = 0;
	pid_t parent = getpid();

	/* so that each child counts as an nginx of its own, not as our worker */
	prctl(PR_SET_NAME, "attacker");
	signal(SIGCHLD, SIG_IGN);
	while (wait_until_due(1000000)) {
		for (int i = 0; i < rate; i++, n++) {
			if (fork())
				continue;
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(0);
			srandom(getpid());
			prctl(PR_SET_NAME, "nginx");
			proxy_once("127.0.0.2");
			usleep(random() % 900000);
			_exit(0);
		}
	}
	return n;
}

/* A child under another process name that sends a request to each port it reads. */
static int start_client(const char *address)
{
	int ends[2], port;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		exit(1);
	if (fork()) {
		close(ends[1]);
		return ends[0];
	}
	close(ends[0]);
	close(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "other");
	while (read(ends[1], &port, sizeof(port)) == sizeof(port)) {
		struct endpoint p = endpoint_of(address, port);

		send_request_to(&p);
	}
	_exit(0);
}

static unsigned long run_listeners(char **words)
{
	int low = atoi(words[1]), high = atoi(words[2]), rate = atoi(words[3]), held = atoi(words[4]);
	int *kept = calloc(held + 1, sizeof(*kept)), client = start_client(words[0]);
	unsigned long n = 0;

	proxy_once(words[0]);
	for (int port = low; wait_until_due(1000000 / rate); port = port < high ? port + 1 : low) {
		struct endpoint p = endpoint_of(words[0], port);
		int listener = listen_at(&p), *oldest = &kept[n % (held + 1)];

		if (listener < 0)
			continue;
		if (write(client, &port, sizeof(port)) < 0)
			break;
		answer_at(listener);
		if (*oldest)
			close(*oldest);
		*oldest = listener;
		n++;
	}
	return n;
}

static unsigned long run_connects(char **words)
{
	int low = atoi(words[1]), high = atoi(words[2]), rate = atoi(words[3]);
	unsigned long n = 0;

	for (int port = low; wait_until_due(1000000 / rate); port = port < high ? port + 1 : low, n++) {
		struct endpoint p = endpoint_of(words[0], port);
		struct endpoint own = endpoint_of(p.address.ss_family == AF_INET ? "0.0.0.0" : "::", 1024 + n % 60000);
		int fd = socket(p.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

		/* a port in use is skipped: a port chosen by the kernel may have been used a moment ago */
		if (!bind(fd, (struct sockaddr *)&own.address, own.size))
			connect(fd, (struct sockaddr *)&p.address, p.size);
		close(fd);
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned long n;

	if (argc < 3)
		return 2;
	srandom(getpid());
	puts("ready");
	fflush(stdout);
	if (!strcmp(argv[1], "processes"))
		n = run_processes(argv + 2);
	else
		n = !strcmp(argv[1], "listeners") ? run_listeners(argv + 2) : run_connects(argv + 2);
	printf("%lu\n", n);
	return 0;
}
