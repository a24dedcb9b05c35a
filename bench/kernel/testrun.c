/*
 * The cost of our programs per packet: BPF_PROG_TEST_RUN with crafted packets of one keepalive connection, and a null program.
 *   testrun OBJECT ROUNDS    prints one JSON object: case → ns, the mean of the fastest 90 %
 * Sequence numbers go on, so that no packet is a retransmit. Packets come in trains of one kind (requests and answers alternate).
 * The last packet of a train counts: the CPU predicts its branches. The first packet, after another kind, is the case `…_mixed`:
 * a mispredicted branch costs more than all the rest, and prediction depends on the addresses of the programs.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bpf/shared.h"
#include "h2.h"

#define REMOTE 0x0a4d0002 /* 10.77.0.2:8000 */
#define LOCAL  0x0a4d0001 /* 10.77.0.1:40000 */
#define LISTEN   8080
#define BATCH  32
#define TRAIN  8

enum { FIN = 1, SYN = 2, ACK = 16 };

struct packet {
	unsigned char bytes[2048];
	unsigned length;
};

/* The connection that packets are made for. */
static unsigned seq_out = 1000, seq_in = 5000, local_port = 40000;
/* A null program costs up to 5 % more at one place in memory than at another: some places of each are measured. */
#define NULLS 8
static int egress, ingress, null_programs[NULLS], totals_map;

static void die(const char *what)
{
	fprintf(stderr, "testrun: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put16(unsigned char *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(unsigned char *at, unsigned value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* Ethernet, IPv4, TCP without options. */
static void make(struct packet *p, int out, unsigned port, unsigned flags, const char *payload, unsigned length)
{
	unsigned char *eth = p->bytes, *ip = eth + 14, *tcp = ip + 20;

	memset(p->bytes, 0, 54);
	put16(eth + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 40 + length);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, out ? LOCAL : REMOTE);
	put32(ip + 16, out ? REMOTE : LOCAL);
	put16(tcp, out ? local_port : port);
	put16(tcp + 2, out ? port : local_port);
	put32(tcp + 4, out ? seq_out : seq_in);
	put32(tcp + 8, out ? seq_in : seq_out);
	tcp[12] = 0x50;
	tcp[13] = flags;
	memcpy(tcp + 20, payload, length);
	p->length = 54 + length;
	if (out)
		seq_out += length + (flags & SYN ? 1 : 0);
	else
		seq_in += length + (flags & SYN ? 1 : 0);
}

/* Payload of another connection: the sequence numbers stay. */
static void fill(struct packet *p, const char *payload, unsigned length)
{
	memcpy(p->bytes + 54, payload, length);
	p->length = 54 + length;
	put16(p->bytes + 16, 40 + length);
}

static unsigned run(int program, const struct packet *p, unsigned repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = p->bytes, .data_size_in = p->length, .repeat = repeat);

	if (bpf_prog_test_run_opts(program, &options))
		die("run");
	return options.duration;
}

static int by_value(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* Not the median: the clock has steps of several ns. The slowest tenth, with interrupts, is left out. */
static double mean_of_most(unsigned *values, unsigned count)
{
	double sum = 0;
	unsigned most = count * 9 / 10;

	qsort(values, count, sizeof(*values), by_value);
	for (unsigned i = 0; i < most; i++)
		sum += values[i];
	return sum / most;
}

/* Checks that every request was counted and every answer matched. */
static void check_counted(unsigned expected)
{
	int cpus = libbpf_num_possible_cpus();
	struct totals *totals = calloc(cpus, sizeof(*totals));
	unsigned zero = 0;
	unsigned long long requests = 0, answered = 0;

	if (bpf_map_lookup_elem(totals_map, &zero, totals))
		die("totals");
	for (int i = 0; i < cpus; i++) {
		requests += totals[i].v[T_REQUESTS];
		answered += totals[i].v[T_ANSWERED];
	}
	if (requests != expected || answered != expected) {
		fprintf(stderr, "testrun: %u requests made, %llu counted, %llu answered\n", expected, requests, answered);
		exit(1);
	}
}

static int load_null(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "null", "GPL", code, 2, NULL);
}

/* Takes the place of up to 2,000 instructions, so that each load has other addresses. */
static void fill_some_place(void)
{
	static struct bpf_insn code[2002];
	unsigned n = random() % 2000;

	for (unsigned i = 0; i < n; i++)
		code[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 };
	code[n] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 };
	code[n + 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	if (bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "filler", "GPL", code, n + 2, NULL) < 0)
		die("filler");
}

static void load_nulls(int from, int to)
{
	for (int i = from; i < to; i++) {
		fill_some_place();
		null_programs[i] = load_null();
		if (null_programs[i] < 0)
			die("null program");
	}
}

/* Prints only the end of the verifier's log, which has the reason: the log is very long. */
static int print_end_of_log(enum libbpf_print_level level, const char *format, va_list words)
{
	static char text[1 << 20];
	int length = vsnprintf(text, sizeof(text), format, words);

	if (length >= (int)sizeof(text))
		length = sizeof(text) - 1;
	return level == LIBBPF_WARN ? fprintf(stderr, "%s", text + (length > 500 ? length - 500 : 0)) : 0;
}

/* Offset of a variable of the programs in .bss. */
static unsigned offset_of(const struct btf *btf, const char *name)
{
	const struct btf_type *section = btf__type_by_id(btf, btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC));
	const struct btf_var_secinfo *variable = btf_var_secinfos(section);

	for (unsigned i = 0; i < btf_vlen(section); i++, variable++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, variable->type)->name_off), name))
			return variable->offset;
	die(name);
	return 0;
}

/* Adds a listen port on all addresses, as the helper does for nginx. */
static void add_listen_port(struct bpf_object *object, unsigned port)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".bss");
	char *values = malloc(bpf_map__value_size(map));
	static const char *const sets[] = {"listen_port_set", "wide_ports4"};
	unsigned zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, values))
		die(".bss");
	for (unsigned i = 0; i < 2; i++) {
		struct ports *ports = (struct ports *)(values + offset_of(bpf_object__btf(object), sets[i]));

		ports->bits[port >> 6] |= 1ULL << (port & 63);
		ports->groups |= 1ULL << (port >> 10);
	}
	if (bpf_map_update_elem(bpf_map__fd(map), &zero, values, 0))
		die(".bss");
	free(values);
}

static void load(const char *path)
{
	struct bpf_object *object;

	libbpf_set_print(print_end_of_log);
	load_nulls(0, NULLS / 2);
	object = bpf_object__open_file(path, NULL);
	if (!object || bpf_object__load(object))
		die(path);
	egress = bpf_program__fd(bpf_object__find_program_by_name(object, "upstreamtop_egress"));
	ingress = bpf_program__fd(bpf_object__find_program_by_name(object, "upstreamtop_ingress"));
	load_nulls(NULLS / 2, NULLS);
	totals_map = bpf_object__find_map_fd_by_name(object, "totals");
	if (egress < 0 || ingress < 0 || totals_map < 0)
		die("programs");
	add_listen_port(object, LISTEN);
}

static const char REQUEST[] = "GET /api/orders HTTP/1.1\r\nHost: backend.example\r\nX-Request-Id: 0123456789abcdef\r\n"
			      "X-Forwarded-For: 10.1.2.3\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
static const char ANSWER[] = "HTTP/1.1 200 OK\r\nServer: app\r\nDate: Sun, 22 Nov 2026 14:02:11 GMT\r\nContent-Type: application/json\r\n"
			     "Content-Length: 1000000\r\nConnection: keep-alive\r\n\r\n";
static const char SHORT_ANSWER[] = "HTTP/1.1 200 OK\r\nServer: app\r\nDate: Sun, 22 Nov 2026 14:02:11 GMT\r\n"
				   "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";

enum { NOTHING, ACK_IN, ACK_OUT, UNKNOWN_IN, UNKNOWN_OUT, OTHER_FLOW_IN, OTHER_FLOW_OUT, LISTEN_IN, LISTEN_OUT, BODY_IN, ASKED, ANSWERED,
	H2_ASKED, GRPC_ASKED, GRPC_ASKED_NEW, H2_ANSWERED, GRPC_ANSWERED, GRPC_ANSWERED_ONLY, CASES };
static const char *const names[CASES] = {
	"null", "ack_ingress", "ack_egress", "not_http_ingress", "not_http_egress", "beside_ingress", "beside_egress", "door_ingress", "door_egress", "body_ingress", "request", "answer",
	"h2_request", "grpc_request", "grpc_request_new", "h2_answer", "grpc_answer", "grpc_trailers_only",
};
static unsigned *ns[CASES], *mixed[CASES];

/* Runs the n-th train of a case. */
static void train(int which, unsigned n, int program, const struct packet *p)
{
	mixed[which][n] = run(program, p, 1);
	for (int i = 0; i < TRAIN; i++)
		ns[which][n] = run(program, p, 1);
}

/* The same for HTTP/2 on a connection of its own: a GET, and gRPC with a known path, and with one that has to be decoded. */
static void exchange_frames(unsigned n, unsigned k, unsigned *stream)
{
	static struct packet p;
	unsigned char bytes[1024];
	char path[64], fresh[256];
	unsigned length, rest = sizeof(GRPC_REST) - 1, head;

	length = FRAME(bytes, 0, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, *stream, H2_GET);
	make(&p, 1, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[H2_ASKED][n] = run(egress, &p, 1);
	length = FRAME(bytes, 0, H2_HEADERS, H2_END_HEADERS, *stream, H2_ANSWER);
	length = FRAME(bytes, length, H2_DATA, H2_END_STREAM, *stream, "ok");
	make(&p, 0, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[H2_ANSWERED][n] = run(ingress, &p, 1);
	*stream += 2;

	length = FRAME(bytes, 0, H2_HEADERS, H2_END_HEADERS, *stream, GRPC_REQUEST);
	length = FRAME(bytes, length, H2_DATA, H2_END_STREAM, *stream, "\0\0\0\0\012 0123456789");
	make(&p, 1, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[GRPC_ASKED][n] = run(egress, &p, 1);
	length = FRAME(bytes, 0, H2_HEADERS, H2_END_HEADERS, *stream, GRPC_HEAD);
	length = FRAME(bytes, length, H2_DATA, 0, *stream, "\0\0\0\0\012 0123456789");
	length = FRAME(bytes, length, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, *stream, GRPC_TRAILERS);
	make(&p, 0, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[GRPC_ANSWERED][n] = run(ingress, &p, 1);
	*stream += 2;

	/* a query makes the bytes of the path new, and leaves its route */
	snprintf(path, sizeof(path), "/shop.Cart/Get?%08x", *stream);
	head = snprintf(fresh, sizeof(fresh), "\x83\x86\x44%c%s", (char)strlen(path), path);
	memcpy(fresh + head, GRPC_REST, rest);
	length = h2_frame(bytes, 0, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, *stream, fresh, head + rest);
	make(&p, 1, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[GRPC_ASKED_NEW][n] = run(egress, &p, 1);
	length = FRAME(bytes, 0, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, *stream, GRPC_ONLY);
	make(&p, 0, 8000, ACK, (char *)bytes, length);
	(k ? ns : mixed)[GRPC_ANSWERED_ONLY][n] = run(ingress, &p, 1);
	*stream += 2;
}

/* A connection's SYN and its answer. */
static void connect_flow(void)
{
	static struct packet p;

	make(&p, 1, 8000, SYN, "", 0);
	run(egress, &p, 1);
	make(&p, 0, 8000, SYN | ACK, "", 0);
	run(ingress, &p, 1);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 400;
	static struct packet p;
	char body[1400];

	if (argc < 2)
		return 2;
	srandom(getpid());
	load(argv[1]);
	memset(body, 'x', sizeof(body));
	for (int c = 0; c < CASES; c++) {
		ns[c] = calloc(rounds * BATCH, sizeof(unsigned));
		mixed[c] = calloc(rounds * BATCH, sizeof(unsigned));
	}
	connect_flow();
	for (unsigned r = 0, n = 0; r < rounds; r++) {
		for (unsigned i = 0; i < BATCH; i++, n++) {
			make(&p, 0, 8000, ACK, "", 0);
			train(NOTHING, n, null_programs[n % NULLS], &p);
			train(ACK_IN, n, ingress, &p);
			make(&p, 1, 8000, ACK, "", 0);
			train(ACK_OUT, n, egress, &p);
			make(&p, 0, 9999, ACK, "", 0);
			fill(&p, body, 500);
			train(UNKNOWN_IN, n, ingress, &p);
			/* the same from a port with flows, but not for this packet */
			put16(p.bytes + 34, 8000);
			put16(p.bytes + 36, 40001);
			train(OTHER_FLOW_IN, n, ingress, &p);
			make(&p, 1, 9999, ACK, "", 0);
			fill(&p, body, 500);
			memcpy(p.bytes + 54, "\x17\x03\x03", 3);
			train(UNKNOWN_OUT, n, egress, &p);
			put16(p.bytes + 34, 40001);
			put16(p.bytes + 36, 8000);
			train(OTHER_FLOW_OUT, n, egress, &p);
			/* the server's side of a front door: a client's request and its answer */
			make(&p, 0, 40002, ACK, "", 0);
			fill(&p, REQUEST, sizeof(REQUEST) - 1);
			put16(p.bytes + 36, LISTEN);
			train(LISTEN_IN, n, ingress, &p);
			make(&p, 1, 40002, ACK, "", 0);
			fill(&p, SHORT_ANSWER, sizeof(SHORT_ANSWER) - 1);
			put16(p.bytes + 34, LISTEN);
			train(LISTEN_OUT, n, egress, &p);
			for (int k = 0; k < TRAIN; k++) {
				make(&p, 1, 8000, ACK, REQUEST, sizeof(REQUEST) - 1);
				(k ? ns : mixed)[ASKED][n] = run(egress, &p, 1);
				make(&p, 0, 8000, ACK, SHORT_ANSWER, sizeof(SHORT_ANSWER) - 1);
				(k ? ns : mixed)[ANSWERED][n] = run(ingress, &p, 1);
			}
		}
		/* a long answer: its body's segments are measured, and its end lets the next request follow in order */
		make(&p, 1, 8000, ACK, REQUEST, sizeof(REQUEST) - 1);
		run(egress, &p, 1);
		make(&p, 0, 8000, ACK, ANSWER, sizeof(ANSWER) - 1);
		run(ingress, &p, 1);
		for (unsigned left = 1000000, i = 0; left > 0; i++) {
			unsigned length = left < sizeof(body) ? left : sizeof(body), cost;

			make(&p, 0, 8000, ACK, body, length);
			cost = run(ingress, &p, 1);
			if (i < BATCH)
				ns[BODY_IN][r * BATCH + i] = cost;
			left -= length;
		}
	}
	local_port = 40003;
	connect_flow();
	make(&p, 1, 8000, ACK, PREFACE, sizeof(PREFACE) - 1);
	run(egress, &p, 1);
	make(&p, 0, 8000, ACK, SETTINGS, sizeof(SETTINGS) - 1);
	run(ingress, &p, 1);
	for (unsigned n = 0, stream = 1; n < rounds * BATCH; n++)
		for (unsigned k = 0; k < TRAIN; k++)
			exchange_frames(n, k, &stream);
	check_counted(rounds * (BATCH * TRAIN * 4 + 1));
	for (int c = 0; c < CASES; c++)
		printf("%s\"%s\":%.1f", c ? "," : "{", names[c], mean_of_most(ns[c], rounds * BATCH));
	for (int c = 0; c < CASES; c++)
		if (c != BODY_IN) /* it follows its own answer, and is rare */
			printf(",\"%s_mixed\":%.1f", names[c], mean_of_most(mixed[c], rounds * BATCH));
	printf("}\n");
	return 0;
}
