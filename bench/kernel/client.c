/*
 * Clients of one nginx on keepalive connections: `client ADDRESS PORT PATH CONNECTIONS`. Each line on stdin is a load; its result
 * is one JSON object on stdout, latencies in µs.
 *   RATE MILLISECONDS   open load: RATE requests per second, however slow the answers are. Reports the p99 of each 50 ms, too
 *   0 MILLISECONDS      closed load: every connection sends its next request when it gets an answer
 * Under an open load latency counts from the time a request was due, so that waiting for a free connection is included.
 * Under an open load the CPUs are kept awake: the hypervisor wakes a halted virtual CPU late, which made the p99 of an idle nginx
 * 5 to 30 ms here; awake it is 0.1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define WINDOW (SECOND / 20)
/* under a closed load; latencies of further requests are not recorded */
#define MOST_PER_MILLISECOND 200

struct connection {
	int fd;
	long long due;	    /* due time of the request under way; 0 if free */
	unsigned length;    /* of `answer`: its head, and what came with it */
	unsigned long left; /* bytes of the body to come */
	char answer[4096];
};

static int epoll, count, free_count;
static struct connection *connections, **idle;
static char request[512];
static unsigned done;
static volatile int over;

/* per request of this load, up to `room` */
static unsigned *micros, *window_of;
static unsigned room;
static long long begin;

static void die(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/*
 * Keeps a CPU awake at the lowest priority (SCHED_IDLE). It yields, because even this class gets 3 of 1024 parts of the CPU, in
 * one piece up to the next tick: nginx was stopped for 4 ms about once per second.
 */
static void *stay_awake(void *cpu)
{
	struct sched_param none = {};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((long)cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || sched_setscheduler(0, SCHED_IDLE, &none))
		die("a thread of SCHED_IDLE");
	while (!over)
		sched_yield();
	return NULL;
}

static void open_connection(struct connection *c, const struct sockaddr_in *to)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)to, sizeof(*to)))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll_ctl");
	idle[free_count++] = c;
}

static void send_request(long long due)
{
	struct connection *c = idle[--free_count];
	ssize_t length = strlen(request);

	c->due = due;
	c->length = 0;
	if (write(c->fd, request, length) != length)
		die("write");
}

/* Whether the answer is complete, as far as its head tells; then its body is counted. It must have a Content-Length. */
static int is_whole(struct connection *c)
{
	unsigned long whole;
	char *end, *length;

	c->answer[c->length] = 0;
	end = strstr(c->answer, "\r\n\r\n");
	length = strcasestr(c->answer, "\r\nContent-Length:");
	if (!end)
		return 0;
	if (!length || length > end) {
		errno = EPROTO;
		die("an answer without Content-Length");
	}
	whole = end + 4 - c->answer + strtoul(length + 17, NULL, 10);
	c->left = whole > c->length ? whole - c->length : 0;
	return !c->left;
}

static int rest_is_whole(struct connection *c)
{
	static char rest[1 << 16];
	ssize_t n = read(c->fd, rest, c->left < sizeof(rest) ? c->left : sizeof(rest));

	if (n <= 0)
		die("read");
	c->left -= n;
	return !c->left;
}

static int head_is_whole(struct connection *c)
{
	ssize_t n = read(c->fd, c->answer + c->length, sizeof(c->answer) - 1 - c->length);

	if (n <= 0)
		die("read");
	c->length += n;
	return is_whole(c);
}

static void receive(struct connection *c)
{
	if (!(c->left ? rest_is_whole(c) : head_is_whole(c)))
		return;
	if (done < room) {
		window_of[done] = (c->due - begin) / WINDOW;
		micros[done] = (now() - c->due) / 1000;
	}
	done++;
	idle[free_count++] = c;
}

static void receive_within(long long wait)
{
	struct timespec timeout = {.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
	struct epoll_event events[64];
	int n = epoll_pwait2(epoll, events, 64, &timeout, NULL);

	for (int i = 0; i < n; i++)
		receive(events[i].data.ptr);
}

static int by_value(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

static void start(unsigned requests)
{
	room = requests;
	micros = calloc(room, sizeof(*micros));
	window_of = calloc(room, sizeof(*window_of));
	if (!micros || !window_of)
		die("calloc");
	done = 0;
	begin = now();
}

static void finish(void)
{
	free(micros);
	free(window_of);
}

static void closed(long long milliseconds)
{
	start(milliseconds * MOST_PER_MILLISECOND);
	while (now() < begin + milliseconds * SECOND / 1000) {
		while (free_count)
			send_request(now());
		receive_within(SECOND);
	}
	while (free_count < count)
		receive_within(SECOND);
	double seconds = (now() - begin) / 1e9;
	unsigned n = done < room ? done : room;
	qsort(micros, n, sizeof(*micros), by_value);
	printf("{\"requests\":%u,\"seconds\":%.6f,\"p99\":%u}\n", done, seconds, micros[n * 99 / 100]);
	finish();
}

/* Must run before `micros` is sorted. */
static void print_windows(unsigned total, unsigned windows)
{
	unsigned *some = calloc(total, sizeof(*some));

	for (unsigned w = 0; w < windows; w++) {
		unsigned n = 0;

		for (unsigned i = 0; i < total; i++)
			if (window_of[i] == w)
				some[n++] = micros[i];
		qsort(some, n, sizeof(*some), by_value);
		printf("%s%u", w ? "," : "", some[n * 99 / 100]);
	}
	free(some);
}

static void open_load(long long rate, long long milliseconds)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned total = rate * milliseconds / 1000, asked = 0;
	pthread_t threads[cpus];

	over = 0;
	for (long cpu = 0; cpu < cpus; cpu++)
		if (pthread_create(&threads[cpu], NULL, stay_awake, (void *)cpu))
			die("pthread_create");
	start(total);
	while (done < total) {
		long long due = begin + asked * SECOND / rate, wait = asked < total && free_count ? due - now() : SECOND;

		if (wait <= 0) {
			send_request(due);
			asked++;
			continue;
		}
		receive_within(wait);
	}
	double seconds = (now() - begin) / 1e9;
	over = 1;
	for (long cpu = 0; cpu < cpus; cpu++)
		pthread_join(threads[cpu], NULL);
	printf("{\"windows\":[");
	print_windows(total, milliseconds * (SECOND / 1000) / WINDOW);
	qsort(micros, total, sizeof(*micros), by_value);
	printf("],\"perSecond\":%.0f,\"p50\":%u,\"p99\":%u,\"p999\":%u}\n", total / seconds, micros[total / 2],
	       micros[total * 99 / 100], micros[total * 999 / 1000]);
	finish();
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	long long rate, milliseconds;
	char line[64];

	if (argc < 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons(atoi(argv[2]));
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[3]);
	count = atoi(argv[4]);
	connections = calloc(count, sizeof(*connections));
	idle = calloc(count, sizeof(*idle));
	epoll = epoll_create1(0);
	for (int i = 0; i < count; i++)
		open_connection(&connections[i], &to);
	/* the default timer slack of 50 µs is as long as an answer takes */
	prctl(PR_SET_TIMERSLACK, 1000);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%lld %lld", &rate, &milliseconds) == 2) {
		if (rate)
			open_load(rate, milliseconds);
		else
			closed(milliseconds);
	}
	return 0;
}
