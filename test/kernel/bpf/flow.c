/*
 * Runs the BPF programs with BPF_PROG_TEST_RUN: `flow SEED CONNECTIONS INTERFACE INTERFACE`.
 *   1. every verdict is NEXT and no packet is changed, whatever its bytes
 *   2. random conversations in random schedules (splits, retransmits, duplicates, then loss and reordering too), compared with
 *      the truth: requests are always equal; answers are equal, or the missing ones are counted
 *   3. connections whose answers take another path for a while: each is counted as unseen, and later answers are matched
 *   4. all bytes of each request and answer are counted once: while they pass, whatever ends them, and while the sweep runs on
 *      another CPU
 *   5. packets are classified by their ports, whatever their headers, also where the flow exists
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../../bpf/shared.h"
#include "../../../bpf/kernel/parser/head.h"
#include "../../../bpf/kernel/state/flow.h"
#include "upstreamtop.skel.h"

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

static struct upstreamtop_bpf *bpf;
static unsigned interfaces[2];
static uint64_t random_state;
static const char *doing = "start";

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % n;
}

static void fail(const char *what)
{
	fprintf(stderr, "%s (%s)\n", what, doing);
	exit(1);
}

/* ---- packets ---- */

struct end {
	uint32_t seq;  /* sequence number to send next */
	uint32_t seen; /* received by the peer in order */
};

struct connection {
	bool six;
	unsigned tags;	/* VLAN tags in the packet data */
	bool extension; /* IPv6: a hop-by-hop header; IPv4: options */
	uint16_t port;
	struct end client, server;
};

static void put16(uint8_t *at, unsigned v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put32(uint8_t *at, unsigned v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static void run(const uint8_t *packet, unsigned length, bool out, unsigned interface)
{
	static uint8_t after[70000];
	struct __sk_buff context = {.ifindex = interface};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = length, .data_out = after,
		    .data_size_out = sizeof(after), .ctx_in = &context, .ctx_size_in = sizeof(context));
	int program = bpf_program__fd(out ? bpf->progs.upstreamtop_egress : bpf->progs.upstreamtop_ingress);

	if (bpf_prog_test_run_opts(program, &o)) {
		if (errno == EINVAL)
			return; /* the kernel makes no skb of a packet this short */
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	if (o.retval != 0xffffffff)
		fail("the verdict is not NEXT");
	if (o.data_size_out != length || memcmp(after, packet, length))
		fail("the packet was changed");
}

/* Ethernet, VLAN tags, IP with or without extension, TCP with a timestamp option, payload. */
static void segment(const struct connection *c, bool out, uint32_t seq, uint32_t ack, unsigned flags, const char *payload,
		    unsigned n, unsigned interface)
{
	static uint8_t p[70000];
	unsigned more = c->extension ? 8 : 0, ip = 14 + 4 * c->tags, tcp = ip + (c->six ? 40 : 20) + more;

	memset(p, 0, tcp + 32);
	for (unsigned i = 0; i < c->tags; i++)
		put32(p + 12 + 4 * i, 0x81000005);
	put16(p + ip - 2, c->six ? 0x86dd : 0x0800);
	if (c->six) {
		p[ip] = 0x60;
		put16(p + ip + 4, more + 32 + n);
		p[ip + 6] = more ? 0 : 6;
		p[ip + 8 + 15] = out ? 1 : 2; /* ::1 to ::2 */
		p[ip + 24 + 15] = out ? 2 : 1;
		if (more)
			p[ip + 40] = 6;
	} else {
		p[ip] = 0x45 + more / 4;
		put16(p + ip + 2, 20 + more + 32 + n);
		p[ip + 9] = 6;
		put32(p + ip + 12, out ? 0x0a000001 : 0x0a000002);
		put32(p + ip + 16, out ? 0x0a000002 : 0x0a000001);
	}
	put16(p + tcp, out ? c->port : 80);
	put16(p + tcp + 2, out ? 80 : c->port);
	put32(p + tcp + 4, seq);
	put32(p + tcp + 8, ack);
	p[tcp + 12] = 0x80;
	p[tcp + 13] = flags;
	memcpy(p + tcp + 32, payload, n);
	run(p, tcp + 32 + n, out, interface);
}

/* ---- 1. verdicts ---- */

static void any_packet(void)
{
	uint8_t p[256];
	unsigned n = 14 + below(200);

	for (unsigned i = 0; i < n; i++)
		p[i] = below(256);
	if (below(4))
		put16(p + 12, (unsigned[]){0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806}[below(5)]);
	if (below(2)) {
		p[14] = below(2) ? 0x45 : 0x40 | below(16);
		p[23] = below(3) ? 6 : below(256);
		p[20] = (unsigned[]){0, 6, 43, 44, 60, 17}[below(6)];
	}
	run(p, n, below(2), interfaces[below(2)]);
}

static void shapes(void)
{
	struct connection c = {.port = 40001};
	const char *words[] = {
	    "", "G", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\n"};

	for (unsigned flags = 0; flags < 64; flags++)
		for (int w = 0; w < 6; w++)
			for (int out = 0; out < 2; out++) {
				c.six = !c.six;
				/* a SYN with a request in it is one (Fast Open) */
				if (w == 2 && (flags & (SYN | ACK | FIN | RST)) == SYN)
					continue;
				segment(&c, out, below(~0u), below(~0u), flags, words[w], strlen(words[w]), interfaces[0]);
			}
}

/* ---- 2. conversations ---- */

#define TRUTHS 512

static struct truth {
	char route[64]; /* method, space, path */
	unsigned requests;
	unsigned codes[600];
	uint64_t sent, received;
} truths[TRUTHS];
static unsigned truth_count, sent_requests;

static struct truth *truth_of(const char *method, const char *path)
{
	char route[64];

	snprintf(route, sizeof(route), "%s %s", method, path);
	for (unsigned i = 0; i < truth_count; i++)
		if (!strcmp(truths[i].route, route))
			return &truths[i];
	if (truth_count == TRUTHS)
		fail("too many routes");
	snprintf(truths[truth_count].route, sizeof(route), "%s", route);
	return &truths[truth_count++];
}

/* A body that looks like HTTP messages wherever it is cut. */
static unsigned body_text(char *out, unsigned n)
{
	static const char text[] = "HTTP/1.1 500 No\r\nGET /phantom HTTP/1.1\r\nContent-Length: 7\r\n\r\n0\r\n\r\nxyz";

	for (unsigned i = 0; i < n; i++)
		out[i] = text[i % (sizeof(text) - 1)];
	return n;
}

struct messages {
	char request[4096];
	unsigned request_length;
	char answer[16384];
	unsigned answer_length;
	struct truth *truth;
};

/* `known_end`: the answer has a Content-Length, so that another answer can follow in the same segment. */
static void make_exchange(struct messages *s, bool known_end)
{
	static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "PURGE", "OPTIONS"};
	static const char *const paths[] = {"/", "/a", "/api/orders", "/healthz", "/static/app.js", "/x/y/z"};
	static const unsigned codes[] = {200, 200, 204, 304, 404, 500, 503, 201};
	const char *method = methods[below(6)], *path = paths[below(6)];
	unsigned code = codes[below(8)], n = below(3) ? below(60) : below(9000), q = 0, a = 0;
	bool bodyless = code == 204 || code == 304 || !strcmp(method, "HEAD");
	struct truth *t = truth_of(method, path);

	q += sprintf(s->request, "%s %s%s HTTP/1.1\r\nHost: backend\r\n", method, path, below(2) ? "?q=/1" : "");
	while (q < 2000 && below(3))
		q += sprintf(s->request + q, "X-Filler: %.*s\r\n", below(50),
			     "..................................................");
	if (!strcmp(method, "POST") || !strcmp(method, "PUT")) {
		unsigned m = below(900);

		q += sprintf(s->request + q, "content-length:%u\r\n\r\n", m);
		q += body_text(s->request + q, m);
	} else {
		q += sprintf(s->request + q, "\r\n");
	}
	while (a < 2000 && !below(5))
		a += sprintf(s->answer + a, "HTTP/1.1 %u Early\r\nLink: x\r\n\r\n", below(2) ? 103 : 100);
	a += sprintf(s->answer + a, "HTTP/1.1 %u Said\r\nServer: twin\r\n", code);
	if (!bodyless && !known_end && below(4) == 0) {
		a += sprintf(s->answer + a, "Transfer-Encoding: chunked\r\n\r\n%x\r\n", n + 1);
		a += body_text(s->answer + a, n + 1);
		a += sprintf(s->answer + a, "\r\n0\r\n\r\n");
	} else {
		a += sprintf(s->answer + a, "Content-Length: %u\r\n\r\n", n);
		if (!bodyless)
			a += body_text(s->answer + a, n);
	}
	s->request_length = q;
	s->answer_length = a;
	s->truth = t;
	t->requests++;
	t->codes[code]++;
	t->sent += q;
	t->received += a;
	sent_requests++;
}

static void send_bytes(const struct connection *c, bool out, uint32_t base, const char *bytes, unsigned from, unsigned to,
		 unsigned interface)
{
	/* BPF_PROG_TEST_RUN takes packets of at most one page */
	for (unsigned end; from < to; from = end) {
		end = to - from > 3000 ? from + 3000 : to;
		segment(c, out, base + from, out ? c->server.seen : c->client.seen, ACK, bytes + from, end - from, interface);
	}
}

#define PIECES 2000

/* Delivers bytes in pieces, some more than once; `rough`: some late or out of order. */
static void deliver(struct connection *c, bool out, const char *bytes, unsigned n, bool rough)
{
	static unsigned cuts[PIECES];
	static bool late[PIECES];
	struct end *end = out ? &c->client : &c->server;
	unsigned count = 0, at = 0;
	uint32_t base = end->seq;

	while (at < n) {
		unsigned piece = below(4) || count > PIECES / 2 ? 100 + below(1348) : 1 + below(20);

		at = at + piece > n ? n : at + piece;
		cuts[count++] = at;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned from = i ? cuts[i - 1] : 0;

		late[i] = rough && below(6) == 0;
		if (late[i])
			continue;
		send_bytes(c, out, base, bytes, from, cuts[i], interfaces[0]);
		if (below(5) == 0) /* the same packet on a second, stacked device */
			send_bytes(c, out, base, bytes, from, cuts[i], interfaces[1]);
		if (below(9) == 0) /* retransmitted, alone or with all bytes before it */
			send_bytes(c, out, base, bytes, below(2) ? 0 : from, cuts[i], interfaces[0]);
	}
	for (unsigned i = 0; i < count; i++)
		if (late[i])
			send_bytes(c, out, base, bytes, i ? cuts[i - 1] : 0, cuts[below(2) || i + 1 == count ? i : i + 1],
			     interfaces[0]);
	end->seq += n;
	end->seen = end->seq;
}

static void connect_ends(struct connection *c)
{
	c->client.seq = below(3) ? below(~0u) : 0xffffff00; /* wraps around */
	c->server.seq = below(3) ? below(~0u) : 0xfffff000;
	segment(c, true, c->client.seq++, 0, SYN, "", 0, interfaces[0]);
	c->client.seen = c->client.seq;
	segment(c, false, c->server.seq++, c->client.seq, SYN | ACK, "", 0, interfaces[0]);
	c->server.seen = c->server.seq;
}

static void close_ends(const struct connection *c)
{
	segment(c, false, c->server.seq, c->client.seq, FIN | ACK, "", 0, interfaces[0]);
	segment(c, true, c->client.seq, c->server.seq + 1, FIN | ACK, "", 0, interfaces[0]);
}

static void converse(unsigned number, bool rough)
{
	static struct messages said[8];
	static char together[8 * 16384];
	struct connection c = {
	    .six = below(2), .port = 1024 + number % 60000, .tags = below(4) ? 0 : 1 + below(2), .extension = below(5) == 0};
	bool pipelined = !rough && below(4) == 0;

	connect_ends(&c);
	for (unsigned rounds = 1 + below(4); rounds > 0; rounds--) {
		unsigned depth = pipelined ? 1 + below(8) : 1, n = 0;

		for (unsigned i = 0; i < depth; i++) {
			make_exchange(&said[i], depth > 1);
			memcpy(together + n, said[i].request, said[i].request_length);
			n += said[i].request_length;
		}
		deliver(&c, true, together, n, false);
		n = 0;
		for (unsigned i = 0; i < depth; i++) {
			memcpy(together + n, said[i].answer, said[i].answer_length);
			n += said[i].answer_length;
		}
		deliver(&c, false, together, n, rough);
	}
	if (below(2)) {
		close_ends(&c);
	} else {
		bool out = below(2);

		segment(&c, out, out ? c.client.seq : c.server.seq, out ? c.server.seq : c.client.seq, RST | ACK, "", 0,
			interfaces[0]);
	}
}

/* Returns how many answers took another path. */
static unsigned converse_unseen(unsigned number)
{
	static struct messages s;
	struct connection c = {.six = below(2), .port = 1024 + number % 60000};
	unsigned unseen = 0;

	connect_ends(&c);
	for (unsigned phases = 2 + below(3), phase = below(2); phases > 0; phases--, phase = !phase)
		for (unsigned n = 1 + below(30); n > 0; n--) {
			make_exchange(&s, true);
			deliver(&c, true, s.request, s.request_length, false);
			if (phase || (phases == 1 && n == 1)) {
				deliver(&c, false, s.answer, s.answer_length, false);
				continue;
			}
			c.server.seq += s.answer_length;
			c.server.seen = c.server.seq;
			s.truth->received -= s.answer_length;
			unseen++;
		}
	close_ends(&c);
	return unseen;
}

/* ---- what the programs counted ---- */

static struct totals totals;

static void read_totals(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct totals *all = calloc(cpus, sizeof(*all));
	uint32_t zero = 0;

	memset(&totals, 0, sizeof(totals));
	if (!all || bpf_map_lookup_elem(bpf_map__fd(bpf->maps.totals), &zero, all))
		fail("the totals cannot be read");
	for (int i = 0; i < cpus; i++)
		for (int k = 0; k < TOTALS; k++)
			totals.v[k] += all[i].v[k];
	free(all);
}

static void reconcile(void)
{
	uint64_t classes = 0;

	read_totals();
	for (int k = T_STARTS; k < T_REQUESTS; k++)
		classes += totals.v[k];
	if (classes != totals.v[T_SEGMENTS])
		fail("the classes do not add up to the segments");
	if (totals.v[T_REQUESTS] != totals.v[T_ANSWERED] + totals.v[T_FAILED] + totals.v[T_UNSEEN])
		fail("requests are open though every connection has ended");
}

/* Compares every route with the truth, over both backends. Returns the number of missing answers. */
static unsigned compare(void)
{
	static struct truth counted[TRUTHS];
	unsigned missing = 0;

	memset(counted, 0, sizeof(counted));
	for (uint32_t slot = 0; slot < bpf->bss->next_slot; slot++) {
		struct route_text text;
		struct slot s;
		char method[24], path[128];

		if (bpf_map_lookup_elem(bpf_map__fd(bpf->maps.texts), &slot, &text) ||
		    bpf_map_lookup_elem(bpf_map__fd(bpf->maps.slots), &slot, &s))
			fail("a route cannot be read");
		snprintf(method, sizeof(method), "%.*s", text.key.method_len, (char *)text.key.method);
		snprintf(path, sizeof(path), "%.*s", text.key.path_len, (char *)text.key.path);
		struct truth *sum = &counted[truth_of(method, path) - truths];
		sum->requests += s.requests;
		sum->sent += s.sent_bytes;
		sum->received += s.received_bytes;
		for (int i = 0; i < INLINE_CODES; i++)
			if (s.code[i])
				sum->codes[s.code[i]] += s.codes[i];
	}
	for (unsigned i = 0; i < truth_count; i++) {
		if (counted[i].requests != truths[i].requests) {
			fprintf(stderr, "%s: %u counted, %u sent\n", truths[i].route, counted[i].requests, truths[i].requests);
			fail("requests differ");
		}
		if (counted[i].sent != truths[i].sent || counted[i].received != truths[i].received) {
			fprintf(stderr, "%s: %llu bytes sent and %llu received counted, %llu and %llu sent\n",
				truths[i].route, (unsigned long long)counted[i].sent, (unsigned long long)counted[i].received,
				(unsigned long long)truths[i].sent, (unsigned long long)truths[i].received);
			fail("bytes differ");
		}
		for (unsigned code = 0; code < 600; code++) {
			if (counted[i].codes[code] > truths[i].codes[code])
				fail("more answers than were sent");
			missing += truths[i].codes[code] - counted[i].codes[code];
		}
	}
	return missing;
}

/* ---- 4. bytes ---- */

static void sweep_by(const struct bpf_program *program)
{
	struct sweep context = {.epoch = 1};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context));

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		fail("a sweep does not run");
}

static void sweep_now(void)
{
	sweep_by(bpf->progs.upstreamtop_sweep);
	sweep_by(bpf->progs.upstreamtop_sweep_more4);
	sweep_by(bpf->progs.upstreamtop_sweep_more6);
}

static volatile bool is_sweeping;

static void *sweep_on(void *unused)
{
	/* small maps only: the fewer entries it walks, the more often it meets a flow */
	while (is_sweeping)
		sweep_by(bpf->progs.upstreamtop_sweep);
	return unused;
}

/* The sweep can run between any two instructions of the programs that see a message end. */
static void converse_while_swept(unsigned connections)
{
	pthread_t sweeper;

	is_sweeping = true;
	if (pthread_create(&sweeper, NULL, sweep_on, NULL))
		fail("no thread");
	for (unsigned i = 0; i < connections; i++)
		converse(i, false);
	is_sweeping = false;
	pthread_join(sweeper, NULL);
}

static struct slot slot_of_path(const char *path)
{
	struct route_text text;
	struct slot s;

	for (uint32_t slot = 0; slot < bpf->bss->next_slot; slot++)
		if (!bpf_map_lookup_elem(bpf_map__fd(bpf->maps.texts), &slot, &text) && text.key.path_len == strlen(path) &&
		    !memcmp(text.key.path, path, text.key.path_len) &&
		    !bpf_map_lookup_elem(bpf_map__fd(bpf->maps.slots), &slot, &s))
			return s;
	fail("a route is missing");
	return s;
}

static void expect_bytes(const char *path, uint64_t sent, uint64_t received)
{
	struct slot s = slot_of_path(path);

	if (s.sent_bytes == sent && s.received_bytes == received)
		return;
	fprintf(stderr, "%s: %llu bytes sent and %llu received are counted, not %llu and %llu\n", path,
		(unsigned long long)s.sent_bytes, (unsigned long long)s.received_bytes, (unsigned long long)sent,
		(unsigned long long)received);
	fail("bytes differ");
}

/* A new connection whose segments the caller sends. */
static struct connection fresh(void)
{
	static unsigned port = 50000;
	struct connection c = {.port = port++};

	connect_ends(&c);
	return c;
}

static unsigned send_text(struct connection *c, bool out, const char *bytes)
{
	struct end *end = out ? &c->client : &c->server;
	unsigned n = strlen(bytes);

	send_bytes(c, out, end->seq, bytes, 0, n, interfaces[0]);
	end->seq += n;
	end->seen = end->seq;
	return n;
}

static unsigned send_request(struct connection *c, const char *bytes)
{
	return send_text(c, true, bytes);
}

static unsigned send_answer(struct connection *c, const char *bytes)
{
	return send_text(c, false, bytes);
}

static unsigned long_body(struct connection *c, bool out)
{
	char body[1001];

	memset(body, 'x', 1000);
	body[1000] = 0;
	return send_text(c, out, body);
}

static void reset(const struct connection *c)
{
	segment(c, false, c->server.seq, c->client.seq, RST | ACK, "", 0, interfaces[0]);
}

static void open_messages(void)
{
	struct connection c = fresh();
	unsigned sent = send_request(&c, "GET /bytes/download HTTP/1.1\r\n\r\n");
	unsigned received = send_answer(&c, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");

	expect_bytes("/bytes/download", sent, 0);
	received += long_body(&c, false);
	sweep_now();
	expect_bytes("/bytes/download", sent, received);
	received += long_body(&c, false);
	received += long_body(&c, false);
	sweep_now();
	sweep_now();
	expect_bytes("/bytes/download", sent, received);
	received += long_body(&c, false);
	reset(&c);
	expect_bytes("/bytes/download", sent, received);

	c = fresh();
	sent = send_request(&c, "POST /bytes/upload HTTP/1.1\r\nContent-Length: 3000\r\n\r\n");
	sent += long_body(&c, true);
	sweep_now();
	expect_bytes("/bytes/upload", sent, 0);
	/* answered early: later bytes still belong to the request */
	received = send_answer(&c, "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
	sent += long_body(&c, true);
	sent += long_body(&c, true);
	expect_bytes("/bytes/upload", sent, received);
	sent += send_request(&c, "POST /bytes/upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	sent += send_request(&c, "2\r\nhi\r\n");
	sent += send_request(&c, "2\r\nho\r\n0\r\n\r\n");
	expect_bytes("/bytes/upload", sent, received);
	sent += send_request(&c, "POST /bytes/upload HTTP/1.1\r\nContent-Length: 3000\r\n\r\n");
	sent += long_body(&c, true);
	close_ends(&c);
	expect_bytes("/bytes/upload", sent, received);
}

static void ends_of_answers(void)
{
	struct connection c = fresh();
	unsigned sent = send_request(&c, "GET /bytes/closed HTTP/1.1\r\n\r\n"), received = send_answer(&c, "HTTP/1");

	close_ends(&c);
	expect_bytes("/bytes/closed", sent, received);
	c = fresh();
	sent += send_request(&c, "GET /bytes/closed HTTP/1.1\r\n\r\n");
	received += send_answer(&c, "HTTP/1.0 200 OK\r\n\r\n");
	received += long_body(&c, false);
	close_ends(&c);
	expect_bytes("/bytes/closed", sent, received);

	c = fresh();
	sent = send_request(&c, "GET /bytes/trailers HTTP/1.1\r\n\r\n");
	received = send_answer(&c, "HTTP/1.1 103 Early\r\n\r\n");
	expect_bytes("/bytes/trailers", sent, received);
	received += send_answer(&c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	received += send_answer(&c, "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n");
	/* the next request ends the answer */
	sent += send_request(&c, "GET /bytes/trailers HTTP/1.1\r\n\r\n");
	expect_bytes("/bytes/trailers", sent, received);
	received += send_answer(&c, "HTTP/1.1 204 None\r\n\r\n");
	/* an answer without a request */
	send_answer(&c, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	sent += send_request(&c, "GET /bytes/trailers HTTP/1.1\r\n\r\n");
	received += send_answer(&c, "HTTP/1.1 204 None\r\n\r\n");
	close_ends(&c);
	expect_bytes("/bytes/trailers", sent, received);

	/* a segment of the body takes another path; bytes follow it here, or not */
	for (int follows = 0; follows < 2; follows++) {
		const char *path = follows ? "/bytes/hole" : "/bytes/tail";
		char request[64];

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", path);
		c = fresh();
		sent = send_request(&c, request);
		received = send_answer(&c, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
		received += long_body(&c, false);
		c.server.seq += follows ? 1000 : 2000;
		received += follows ? 1000 : 2000;
		if (follows)
			received += long_body(&c, false);
		c.server.seen = c.server.seq;
		sent += send_request(&c, request);
		expect_bytes(path, sent, received);
		received += send_answer(&c, "HTTP/1.1 204 None\r\n\r\n");
		close_ends(&c);
		expect_bytes(path, sent, received);
	}
}

#define PARTS 40

/* Every other part of a body, together with the other process: neither goes on before both have given theirs. */
static void give_parts(const struct connection *c, unsigned which, volatile unsigned *given)
{
	cpu_set_t cpu;
	char body[1000];

	memset(body, 'x', sizeof(body));
	CPU_ZERO(&cpu);
	CPU_SET(which, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	for (unsigned k = 0; k < PARTS; k++) {
		segment(c, false, c->server.seq + (2 * k + which) * 1000, c->client.seq, ACK, body, 1000, interfaces[0]);
		__sync_fetch_and_add(given, 1);
		while (*given < 2 * (k + 1))
			sched_yield();
	}
}

/* Two CPUs in one direction of a flow: whoever waits for the other loses nothing. */
static void two_cpus(void)
{
	unsigned *given = mmap(NULL, sizeof(*given), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t ambiguous, holes, sent = 0, received = 0;
	char head[64];

	read_totals();
	ambiguous = totals.v[T_AMBIGUOUS];
	holes = totals.v[L_HOLES];
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", 2 * PARTS * 1000);
	for (int i = 0; i < 10; i++) {
		struct connection c = fresh();
		pid_t other;

		sent += send_request(&c, "GET /bytes/both HTTP/1.1\r\n\r\n");
		received += send_answer(&c, head) + 2 * PARTS * 1000;
		*given = 0;
		other = fork();
		give_parts(&c, !other, given);
		if (!other)
			_exit(0);
		waitpid(other, NULL, 0);
		c.server.seq += 2 * PARTS * 1000;
		c.server.seen = c.server.seq;
		close_ends(&c);
	}
	expect_bytes("/bytes/both", sent, received);
	read_totals();
	if (slot_of_path("/bytes/both").total_count != 10 || slot_of_path("/bytes/both").body_reset)
		fail("an end was lost while two CPUs met");
	if (totals.v[T_AMBIGUOUS] != ambiguous || totals.v[L_HOLES] != holes) {
		fprintf(stderr, "%llu segments, %llu holes\n", (unsigned long long)(totals.v[T_AMBIGUOUS] - ambiguous),
			(unsigned long long)(totals.v[L_HOLES] - holes));
		fail("a segment was lost while two CPUs met");
	}
}

static void tunnels(void)
{
	struct connection c = fresh();
	unsigned sent = send_request(&c, "GET /bytes/tunnel HTTP/1.1\r\nUpgrade: x\r\n\r\n");
	unsigned received = send_answer(&c, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n");

	sent += long_body(&c, true);
	received += long_body(&c, false);
	sweep_now();
	expect_bytes("/bytes/tunnel", sent, received);
	sent += long_body(&c, true);
	received += long_body(&c, false);
	close_ends(&c);
	expect_bytes("/bytes/tunnel", sent, received);
}

/* As if n bytes of the body had passed. */
static void skip_bytes(struct connection *c, uint32_t n)
{
	const struct bpf_map *maps[] = {bpf->maps.flows4, bpf->maps.more_flows4};
	struct key4 key, *last;
	struct flow f;

	for (int i = 0; i < 2; i++)
		for (last = NULL; !bpf_map_get_next_key(bpf_map__fd(maps[i]), last, &key); last = &key) {
			if (key.lport != htons(c->port) || bpf_map_lookup_elem(bpf_map__fd(maps[i]), &key, &f))
				continue;
			f.in.next += n;
			f.in.left -= n;
			bpf_map_update_elem(bpf_map__fd(maps[i]), &key, &f, BPF_EXIST);
			c->server.seq += n;
			c->server.seen = c->server.seq;
			return;
		}
	fail("a flow is missing");
}

/* Sequence numbers wrap around during a long answer, but not between two sweeps. */
static void long_answer(void)
{
	struct connection c = fresh();
	unsigned sent;
	uint64_t received;

	sent = send_request(&c, "GET /bytes/long HTTP/1.1\r\n\r\n");
	received = send_answer(&c, "HTTP/1.1 200 OK\r\nContent-Length: 8000001000\r\n\r\n");
	for (int i = 0; i < 4; i++) {
		skip_bytes(&c, 2000000000);
		received += 2000000000;
		sweep_now();
		expect_bytes("/bytes/long", sent, received);
	}
	received += long_body(&c, false);
	expect_bytes("/bytes/long", sent, received);
	if (slot_of_path("/bytes/long").total_count != 1)
		fail("the end of a long answer was not seen");
	close_ends(&c);
	expect_bytes("/bytes/long", sent, received);
}

/* ---- 5. ports ---- */

#define LISTEN	 8080
#define SERVER	 80 /* the server port in `segment` */
#define LOOPBACK 1

static void expect_class(const struct connection *c, bool out, unsigned interface, enum total expected)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	uint64_t segments, counted_before;

	read_totals();
	segments = totals.v[T_SEGMENTS];
	counted_before = totals.v[expected];
	segment(c, out, 1000, 1000, ACK, request, sizeof(request) - 1, interface);
	read_totals();
	if (totals.v[T_SEGMENTS] != segments + 1 || totals.v[expected] != counted_before + 1)
		fail("classified otherwise by its ports");
}

/* Adds a listen port at our addresses in `segment`, or at the others; or removes it. */
static void set_listen_port(unsigned port, bool is_ours, bool is_one)
{
	uint8_t addresses[2][16] = {{10, 0, 0, is_ours ? 1 : 2}, {[15] = is_ours ? 1 : 2}};
	struct listen_port listen_port = {};

	for (int six = 0; six < 2; six++) {
		struct listen_port_key key = {.port = port, .family = six ? 6 : 4};

		memcpy(key.address, addresses[six], 16);
		if (is_one)
			bpf_map_update_elem(bpf_map__fd(bpf->maps.listen_ports), &key, &listen_port, 0);
		else
			bpf_map_delete_elem(bpf_map__fd(bpf->maps.listen_ports), &key);
	}
	bpf->bss->listen_port_set.groups |= 1ULL << (port >> 10);
	bpf->bss->listen_port_set.bits[port >> 6] |= 1ULL << (port & 63);
}

static void classified_by_ports(void)
{
	const struct connection shapes[] = {{}, {.extension = true}, {.tags = 1}, {.six = true}, {.six = true, .extension = true}};

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct connection listen_port = shapes[i], client = shapes[i];

		listen_port.port = LISTEN;
		client.port = 39999;
		expect_class(&client, false, interfaces[0], T_NOT_HTTP);
		expect_class(&client, false, LOOPBACK, T_NOT_HTTP);
		/* a listen port at another address does not match */
		set_listen_port(LISTEN, false, true);
		expect_class(&listen_port, false, interfaces[0], T_NOT_HTTP);
		set_listen_port(LISTEN, true, true);
		expect_class(&listen_port, false, interfaces[0], T_EXCLUDED);
		expect_class(&listen_port, true, interfaces[0], T_EXCLUDED);
		set_listen_port(LISTEN, true, false);
		set_listen_port(LISTEN, false, false);
		expect_class(&listen_port, false, interfaces[0], T_NOT_HTTP);
		set_listen_port(SERVER, true, true);
		expect_class(&client, false, LOOPBACK, T_NOT_HTTP);
		set_listen_port(SERVER, false, true);
		expect_class(&client, false, interfaces[0], T_NOT_HTTP);
		expect_class(&client, false, LOOPBACK, T_EXCLUDED);
		set_listen_port(SERVER, true, false);
		set_listen_port(SERVER, false, false);
	}
}

/* ---- flow maps ---- */

static unsigned entries(const struct bpf_map *map)
{
	uint8_t key[40], *last = NULL; /* struct key6, the longer of the two */
	unsigned n = 0;

	for (; !bpf_map_get_next_key(bpf_map__fd(map), last, key); last = key)
		n++;
	return n;
}

/* Returns the number of flows in the large maps, which must equal the programs' count. */
static unsigned kept_in_large(void)
{
	unsigned more4 = entries(bpf->maps.more_flows4), more6 = entries(bpf->maps.more_flows6);

	if (bpf->bss->flow_map_use.more4 != more4 || bpf->bss->flow_map_use.more6 != more6) {
		fprintf(stderr, "%u and %u flows in the large maps, counted as %u and %u\n", more4, more6,
			bpf->bss->flow_map_use.more4, bpf->bss->flow_map_use.more6);
		fail("flows are miscounted");
	}
	return more4 + more6;
}

static unsigned kept_in_small(void)
{
	return entries(bpf->maps.flows4) + entries(bpf->maps.flows6);
}

static unsigned kept(void)
{
	return kept_in_small() + kept_in_large();
}

/* Flows that were reset a second ago are removed. */
static void sweep(void)
{
	usleep(1500000);
	sweep_now();
}

int main(int argc, char **argv)
{
	unsigned connections = argc > 2 ? atoi(argv[2]) : 500, missing;
	uint64_t ambiguous;

	if (argc < 5)
		return 2;
	random_state = strtoull(argv[1], NULL, 10) * 2 + 1;
	interfaces[0] = if_nametoindex(argv[3]);
	interfaces[1] = if_nametoindex(argv[4]);
	bpf = upstreamtop_bpf__open();
	for (size_t i = 0; bpf && i < sizeof(bpf->rodata->line_keys) / 8; i++)
		bpf->rodata->line_keys[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
	if (!bpf || upstreamtop_bpf__load(bpf))
		fail("the programs do not load");
	/* the process that closes a connection must be named nginx */
	prctl(PR_SET_NAME, "nginx");

	doing = "ports to which there was no flow yet";
	classified_by_ports();
	doing = "any packets";
	shapes();
	for (unsigned i = 0; i < connections * 10; i++)
		any_packet();
	read_totals();
	if (totals.v[T_REQUESTS])
		fail("noise was counted as a request");
	unsigned noise = kept(); /* SYNs without an answer */

	doing = "in order, with repetitions";
	for (unsigned i = 0; i < connections; i++)
		converse(i, false);
	reconcile();
	missing = compare();
	ambiguous = totals.v[L_AMBIGUOUS] + totals.v[L_HALF_SEEN] + totals.v[L_UNMATCHED_RESPONSES];
	if (missing || ambiguous) {
		fprintf(stderr, "%u answers missing, %llu ambiguous\n", missing, (unsigned long long)ambiguous);
		fail("answers differ");
	}

	doing = "in order, while the sweep runs";
	converse_while_swept(connections);
	reconcile();
	missing = compare();
	if (missing || totals.v[L_AMBIGUOUS] + totals.v[L_HALF_SEEN] + totals.v[L_UNMATCHED_RESPONSES])
		fail("answers differ");

	doing = "with loss and in another order";
	for (unsigned i = 0; i < connections; i++)
		converse(i, true);
	reconcile();
	missing = compare();
	ambiguous = totals.v[L_AMBIGUOUS] + totals.v[T_UNSEEN];
	if (totals.v[L_HOLES])
		fail("a hole that was filled is none");
	if (missing > ambiguous) {
		fprintf(stderr, "%u answers missing, %llu ambiguous\n", missing, (unsigned long long)ambiguous);
		fail("answers differ");
	}
	doing = "with answers on another path";
	uint64_t unseen = totals.v[T_UNSEEN];
	unsigned elsewhere = 0;
	for (unsigned i = 0; i < connections; i++)
		elsewhere += converse_unseen(i);
	reconcile();
	unseen = totals.v[T_UNSEEN] - unseen;
	if (compare() - missing != elsewhere || unseen != elsewhere || !totals.v[L_HOLES]) {
		fprintf(stderr, "%u answers on another path, %u missing, %llu unseen\n", elsewhere, compare() - missing,
			(unsigned long long)unseen);
		fail("answers differ");
	}
	doing = "bytes";
	open_messages();
	ends_of_answers();
	tunnels();
	long_answer();
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		two_cpus();
	doing = "ports to which there were flows";
	classified_by_ports();
	doing = "sweep";
	unsigned in_small = kept_in_small(), in_large = kept_in_large();
	sweep();
	if (kept() > noise)
		fail("ended flows are still in the maps");
	printf("%u requests, %u answers missing, %llu ambiguous, %llu retransmits, %llu second sightings, %llu ahead, %u flows in "
	       "small maps, %u in large ones\n",
	       sent_requests, missing, (unsigned long long)ambiguous, (unsigned long long)totals.v[T_RETRANSMITS],
	       (unsigned long long)totals.v[T_SECOND_SIGHTINGS], (unsigned long long)totals.v[T_PARTIAL], in_small, in_large);
	upstreamtop_bpf__destroy(bpf);
	return 0;
}
