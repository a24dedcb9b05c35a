/*
 * A link between two tun devices in two network namespaces. It drops, duplicates and reorders TCP segments with payload, delays
 * packets, and splits IPv6 packets longer than BYTES into two fragments.
 *   relay NETNS_A DEV_A NETNS_B DEV_B [RULE_AB [RULE_BA]]     RULE: drop=N,dup=N,swap=N (every N-th), delay=MS, split=BYTES
 * Prints "ready" and runs until stdin closes; then prints its counts to stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_PACKET 65536

struct rule {
	unsigned drop, dup, swap, delay, split; /* delay: ms per packet, one after the other */
};

struct direction {
	int from, to;
	struct rule rule;
	unsigned seen, dropped, doubled, swapped, split;
	unsigned char held[MAX_PACKET];
	ssize_t held_len;
};

static void die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_tun(const char *netns, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[256];
	int ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		die(name);
	return fd;
}

static struct rule parse_rule(const char *text)
{
	struct rule rule = { 0 };
	const char *found;

	if ((found = strstr(text, "drop=")))
		rule.drop = strtoul(found + 5, NULL, 10);
	if ((found = strstr(text, "dup=")))
		rule.dup = strtoul(found + 4, NULL, 10);
	if ((found = strstr(text, "swap=")))
		rule.swap = strtoul(found + 5, NULL, 10);
	if ((found = strstr(text, "delay=")))
		rule.delay = strtoul(found + 6, NULL, 10);
	if ((found = strstr(text, "split=")))
		rule.split = strtoul(found + 6, NULL, 10);
	return rule;
}

static int has_tcp_payload(const unsigned char *p, ssize_t len)
{
	ssize_t ip = p[0] >> 4 == 4 ? (p[0] & 15) * 4 : 40;
	int protocol = p[0] >> 4 == 4 ? p[9] : p[6];

	return protocol == 6 && len > ip + 20 && len > ip + (p[ip + 12] >> 4) * 4;
}

static void flush_held(struct direction *d)
{
	if (d->held_len > 0 && write(d->to, d->held, d->held_len) < 0 && errno != EIO)
		die("write");
	d->held_len = 0;
}

/* Sends one of two fragments: the IPv6 header, a fragment header, and bytes [from, to) of the payload. */
static void send_fragment(struct direction *d, const unsigned char *packet, unsigned from, unsigned to, unsigned more)
{
	static unsigned char half[MAX_PACKET];
	unsigned length = 8 + to - from, place = from | more; /* `from` is a multiple of 8: the M flag is bit 0 */

	memcpy(half, packet, 40);
	half[4] = length >> 8;
	half[5] = length;
	half[6] = 44;
	memcpy(half + 40, (unsigned char[]){6, 0, place >> 8, place, 0, 0, d->split >> 8, d->split}, 8);
	memcpy(half + 48, packet + 40 + from, to - from);
	if (write(d->to, half, 40 + length) < 0 && errno != EIO)
		die("write");
}

static void split(struct direction *d, const unsigned char *packet, ssize_t len)
{
	unsigned all = len - 40, middle = all / 2 & ~7;

	d->split++;
	send_fragment(d, packet, 0, middle, 1);
	send_fragment(d, packet, middle, all, 0);
}

static void pass(struct direction *d)
{
	static unsigned char packet[MAX_PACKET];
	ssize_t len = read(d->from, packet, sizeof(packet));

	if (len <= 0)
		return;
	usleep(d->rule.delay * 1000);
	if (has_tcp_payload(packet, len)) {
		unsigned n = ++d->seen;

		if (d->rule.drop && n % d->rule.drop == 0) {
			d->dropped++;
			return;
		}
		if (d->rule.swap && n % d->rule.swap == 0 && d->held_len == 0) {
			d->swapped++;
			memcpy(d->held, packet, len);
			d->held_len = len;
			return;
		}
		if (d->rule.dup && n % d->rule.dup == 0) {
			d->doubled++;
			if (write(d->to, packet, len) < 0 && errno != EIO)
				die("write");
		}
		if (d->rule.split && packet[0] >> 4 == 6 && len > d->rule.split) {
			split(d, packet, len);
			return;
		}
	}
	if (write(d->to, packet, len) < 0 && errno != EIO)
		die("write");
	flush_held(d);
}

static void report(const struct direction *d)
{
	fprintf(stderr, "{\"seen\":%u,\"dropped\":%u,\"doubled\":%u,\"swapped\":%u,\"split\":%u}", d->seen, d->dropped,
		d->doubled, d->swapped, d->split);
}

int main(int argc, char **argv)
{
	static struct direction ab, ba;

	if (argc < 5) {
		fprintf(stderr, "usage: relay NETNS_A DEV_A NETNS_B DEV_B [RULE_AB [RULE_BA]]\n");
		return 2;
	}
	ab.from = ba.to = open_tun(argv[1], argv[2]);
	ab.to = ba.from = open_tun(argv[3], argv[4]);
	if (argc > 5)
		ab.rule = parse_rule(argv[5]);
	if (argc > 6)
		ba.rule = parse_rule(argv[6]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[] = { { 0, POLLIN, 0 }, { ab.from, POLLIN, 0 }, { ba.from, POLLIN, 0 } };

		if (poll(fds, 3, 5) == 0) {
			flush_held(&ab);
			flush_held(&ba);
		}
		if (fds[0].revents)
			break;
		if (fds[1].revents & POLLIN)
			pass(&ab);
		if (fds[2].revents & POLLIN)
			pass(&ba);
	}
	fprintf(stderr, "{\"ab\":");
	report(&ab);
	fprintf(stderr, ",\"ba\":");
	report(&ba);
	fprintf(stderr, "}\n");
	return 0;
}
