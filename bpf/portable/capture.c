/*
 * A capture, from its bytes to the helper's lines. The clock is the packets': once per second of it the counters are swept and
 * written, as the helper does it. The caller gives bytes and takes lines.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "helper/helper.h"
#include "helper/tick.h"
#include "kernel/packet/sequence.h"
#include "portable/cut.h"
#include "portable/files.h"
#include "portable/machine.h"
#include "portable/packets.h"
#include "portable/sides.h"
#include "portable/sightings.h"
#include "portable/sockets.h"
#include "portable/waiting.h"

/* A pause this long ends what waits; the rest of it is one tick. */
#ifndef LONGEST_PAUSE /* the fuzzer makes it short */
#define LONGEST_PAUSE (600 * SECOND)
#endif
/*
 * Ticks of seconds without a packet: as many in any capture, and so many more for each packet. Else a few packets whose clocks
 * jump forward again and again would take hours to read. Beyond them a pause is one tick.
 */
#define SILENT_TICKS		3600
#define SILENT_TICKS_PER_PACKET 2
/* What is captured too early waits so long for what comes first: clocks of two hosts and queues of a device differ by less. */
#define PATIENCE (SECOND / 20)
/* Where nothing ever comes of it, packets are missing in the capture, and not in another order: only a few are tried then. */
#define VAIN_WAITS  64
#define TRIED_EVERY 256
/* No recording has a tick of more than a year. */
#define LONGEST_TICK (365 * 86400 * SECOND)

#define EXPORT __attribute__((used, visibility("default")))

/* What the caller shows beside the recording. */
static struct {
	uint64_t packets, bytes, segments, cut, other_links, undecided, not_chosen, backwards, first_ns, last_ns, missed, wrapped,
	    unasked, bare, translated, skipped_s, undated, early, late;
} seen;

static struct upstreamtop_bpf programs;
static struct capture_file *file;
static struct tick *tick;
static struct json out;
static uint64_t next_tick, clock_ns;
static uint8_t *input;
static size_t input_room, input_length;
static uint32_t vain_waits; /* one after another */

/* For the helper's code: see clock_gettime in the makefile. */
int capture_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	t->tv_sec = clock_ns / SECOND;
	t->tv_nsec = clock_ns % SECOND;
	return 0;
}

#define VARIABLE(name) extern struct bpf_map name;
MAPS(VARIABLE)
extern struct bpf_map ignored, only;

/* ---- options ---- */

EXPORT void capture_open(uint64_t seed, uint32_t sample, int raw_routes)
{
#define ADDRESS(name) programs.maps.name = &name;
	machine_open(seed, raw_routes);
	MAPS(ADDRESS)
	programs.progs.upstreamtop_sweep = RUN_SWEEP;
	programs.progs.upstreamtop_sweep_more4 = RUN_SWEEP_MORE4;
	programs.progs.upstreamtop_sweep_more6 = RUN_SWEEP_MORE6;
	programs.progs.upstreamtop_check = RUN_CHECK;
	fold_open(sample);
	file = capture_file_open();
	tick = tick_open(&programs, 0);
}

/* The address is in the input. */
EXPORT void capture_client(uint32_t family, uint32_t prefix)
{
	sides_add_client(family, prefix, input);
}

EXPORT void capture_server_port(uint32_t port)
{
	sides_add_server_port(port);
}

/* As --only and --ignore: a network of backends, an address and port, or (family 0) a port. The address is in the input. */
EXPORT void capture_only(uint32_t family, uint32_t prefix)
{
	struct only_key key = {.prefix = family == 4 ? 96 + prefix : prefix};
	uint8_t yes = 1;

	if (family == 4)
		key.address[10] = key.address[11] = 0xff;
	memcpy(key.address + (family == 4 ? 12 : 0), input, family == 4 ? 4 : 16);
	map_put(&only, &key, &yes, BPF_ANY);
	machine_select();
}

EXPORT void capture_ignore(uint32_t family, uint32_t port)
{
	struct ignore_key key = {.port = port, .family = family};
	uint8_t yes = 1;

	if (family)
		memcpy(key.address, input, family == 4 ? 4 : 16);
	map_put(&ignored, &key, &yes, BPF_ANY);
	machine_ignore();
}

/* ---- the clock ---- */

static void begin_at(uint64_t ns)
{
	clock_ns = ns;
	machine_set_clock(ns);
	/* a recording's times are µs: the first tick has one at least */
	next_tick = ((ns + 1000) / SECOND + 1) * SECOND;
	tick_begin(tick, &out);
}

static void tick_at(uint64_t ns, bool is_final)
{
	clock_ns = ns;
	machine_set_clock(ns);
	tick_write(tick, &out, is_final);
}

static bool may_tick_in_silence(void)
{
	static uint64_t ticks;

	return ticks < SILENT_TICKS + SILENT_TICKS_PER_PACKET * seen.packets && ++ticks;
}

/* `is_present`: the clock goes on by itself, and nothing is made up for. */
static void go_to(uint64_t ns, bool is_present)
{
	uint64_t pause_ends = clock_ns + LONGEST_PAUSE;
	bool is_silent = false; /* the first tick is that of the last packet */

	for (; next_tick <= ns && next_tick <= pause_ends; next_tick += SECOND) {
		if (is_silent && !is_present && !may_tick_in_silence())
			break;
		tick_at(next_tick, false);
		is_silent = true;
	}
	if (next_tick <= ns) {
		seen.skipped_s += (ns - next_tick) / SECOND;
		for (uint64_t last = next_tick - SECOND; ns - last > LONGEST_TICK + SECOND;)
			tick_at(last += LONGEST_TICK, false);
		next_tick = ns / SECOND * SECOND;
		tick_at(next_tick, false);
		next_tick += SECOND;
	}
	clock_ns = ns;
	machine_set_clock(ns);
}

/* ---- packets ---- */

/* Half of all packets: of interest to sockets alone. */
static bool is_pure_ack(const struct segment *s)
{
	return !s->length && !(s->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST));
}

/* Of a connection that is followed where it was seen first, before NAT or behind it. */
static bool is_of_translation(const struct ends *e, const struct ends *of_server, const struct segment *s)
{
	if (is_syn(s))
		forget_translation(e);
	return is_translation(e) || is_translation(of_server);
}

/* Where the SYN is missing, a connection is told by a segment like this one: see side_of. */
static bool may_begin(const struct frame *f, const struct socket *socket, const struct segment *s)
{
	if (!socket || is_syn(s))
		return true;
	return s->length && s->payload < f->captured && f->bytes[s->payload] >= 'A' && f->bytes[s->payload] <= 'Z';
}

/* Whether something of its connection comes before it, if it is in the capture. */
static bool must_wait(const struct socket *socket, enum side side, const struct ends *e, const struct segment *s)
{
	if (side == NOT_CHOSEN || is_syn(s))
		return false;
	if (socket)
		return is_early(socket, s, side == LEAVES);
	return (s->flags & FLAG_SYN) || waiting_of(e, 0) < waiting_count();
}

/* Returns false, and does nothing, if it must wait: `can_wait`. */
static bool deliver(const struct frame *f, const struct ends *e, const struct segment *s, bool can_wait)
{
	struct ends of_server = turned(e);
	struct socket *socket;
	enum side side = side_of(f, e, &of_server, s, &socket);

	if (can_wait && must_wait(socket, side, e, s))
		return false;
	switch (side) {
	case LEAVES:
		/* an ACK alone makes no connection */
		if (!socket && is_pure_ack(s))
			break;
		if (may_begin(f, socket, s) && is_translated(f, e, s, clock_ns)) {
			seen.translated++;
			break;
		}
		if (is_syn(s))
			expect_answer(e, s->seq);
		seen.late += socket && is_behind_ack(socket, s);
		socket = socket_sends(socket, e, s);
		if (is_pure_ack(s))
			break;
		if (seen.cut)
			seen.missed += hides_request(f, e, s);
		frame_leaves(f, sock_of(socket));
		if (is_cut(f, s))
			cut_has_left(f, e, s);
		socket_has_sent(socket);
		break;
	case ARRIVES:
		if (is_cut(f, s))
			cut_arrives(f, &of_server, s);
		else if (!is_pure_ack(s))
			frame_arrives(f);
		seen.unasked += !socket && s->length;
		if (socket)
			socket_receives(socket, s);
		break;
	case UNDECIDED:
		seen.undecided += !is_pure_ack(s);
		break;
	case NOT_CHOSEN:
		seen.not_chosen++;
	}
	return true;
}

/* Meanwhile its connection may have turned out to be one that is seen elsewhere, too. */
static bool deliver_waiting(const struct waiting *w, bool can_wait)
{
	struct ends other_way = turned(&w->ends);

	if (!is_of_translation(&w->ends, &other_way, &w->segment))
		return deliver(&w->frame, &w->ends, &w->segment, can_wait);
	seen.translated++;
	return true;
}

/* What waited for a segment of this connection, which was delivered. `ns`: when that was. */
static void deliver_followers(struct ends e, uint64_t ns)
{
	struct ends other_way = turned(&e), *client = &e;
	struct socket *socket = NULL;

	for (unsigned i = waiting_of(&e, 0); i < waiting_count();) {
		const struct waiting *w = waiting_at(i);

		if (!socket && !(socket = socket_of(client = &e)))
			socket = socket_of(client = &other_way);
		machine_set_clock(w->ns > ns ? w->ns : ns);
		if ((socket && is_early(socket, &w->segment, is_same_ends(&w->ends, client))) || !deliver_waiting(w, true)) {
			i = waiting_of(&e, i + 1);
			continue;
		}
		waiting_take(i);
		seen.early++;
		vain_waits = 0;
		socket = NULL;
		i = waiting_of(&e, 0);
	}
	machine_set_clock(clock_ns);
}

/* Of the same connection: whether `b` acknowledges some of `a`, or its bytes are behind those of `a`. */
static bool comes_first(const struct waiting *a, const struct waiting *b)
{
	if (is_same_ends(&a->ends, &b->ends))
		return seq_before(a->segment.seq, b->segment.seq);
	return (b->segment.flags & FLAG_ACK) && seq_before(a->segment.seq, b->segment.ack);
}

/* Who waits for something that is not in the queue either: this one, or what it waits for. Two passes find it, mostly. */
static unsigned first_of(unsigned first)
{
	const struct ends e = waiting_at(first)->ends;

	for (unsigned pass = 0, was = first; pass < 4; pass++, was = first) {
		for (unsigned i = waiting_of(&e, 0); i < waiting_count(); i = waiting_of(&e, i + 1))
			if (comes_first(waiting_at(i), waiting_at(first)))
				first = i;
		if (first == was)
			break;
	}
	return first;
}

/* What it waits for is not in the capture. */
static void deliver_in_vain(unsigned i)
{
	struct waiting w = waiting_take(first_of(i));
	uint64_t early = seen.early;
	uint32_t vain = vain_waits + 1;

	machine_set_clock(w.ns);
	deliver_waiting(&w, false);
	deliver_followers(w.ends, w.ns);
	/* they have waited for nothing, too */
	seen.early = early;
	vain_waits = vain;
}

/* What was captured before that, and has waited long enough. */
static void deliver_overdue(uint64_t before)
{
	while (waiting_count() && waiting_at(0)->ns < before)
		deliver_in_vain(0);
}

/* Another connection begins with these ends: what waits of the last one waits no longer. */
static void deliver_last_of(const struct ends *e, uint32_t isn)
{
	for (unsigned i = waiting_of(e, 0); i < waiting_count();) {
		const struct waiting *w = waiting_at(i);

		if (is_of_new_connection(&w->segment, isn, is_same_ends(&w->ends, e))) {
			i = waiting_of(e, i + 1);
			continue;
		}
		deliver_in_vain(i);
		i = waiting_of(e, 0);
	}
	machine_set_clock(clock_ns);
}

static void take_segment(const struct frame *f, const struct ends *e, const struct segment *s)
{
	struct ends of_server = turned(e), of_client;
	const struct ends *began = redirected(&of_server, s);

	seen.segments++;
	if (began && socket_of(began)) {
		of_server = *began;
		of_client = turned(began);
		e = &of_client;
		set_source(f, (uint8_t *)f->bytes, began, s);
	}
	if (is_of_translation(e, &of_server, s)) {
		seen.translated++;
		return;
	}
	if (!is_pure_ack(s) && is_seen_again(f, e, s, clock_ns)) {
		if (s->length)
			machine_count_again();
		return;
	}
	seen.bare += s->length && s->payload >= f->captured;
	if (waiting_count() && is_syn(s))
		deliver_last_of(e, s->seq);
	if (waiting_is_full())
		deliver_overdue(waiting_at(0)->ns + 1);
	if (!deliver(f, e, s, vain_waits < VAIN_WAITS || seen.segments % TRIED_EVERY == 0))
		waiting_add(f, e, s, clock_ns);
	else if (waiting_count())
		deliver_followers(*e, clock_ns);
}

static void take(const struct captured_packet *p)
{
	struct frame f = {.bytes = p->bytes, .captured = p->captured, .length = p->length, .interface = p->interface};
	struct segment segment = {};
	struct ends ends;
	struct socket *socket;
	uint64_t ns = p->ns;
	int error = 0;

	seen.packets++;
	if (!is_readable_link(p->link_type)) {
		seen.other_links++;
		return;
	}
	if (ns == NO_TIME) {
		seen.undated++;
		ns = clock_ns;
	}
	if (!seen.first_ns) {
		seen.first_ns = ns ? ns : 1;
		begin_at(ns);
	}
	/* several interfaces are not always in order */
	if (ns < clock_ns) {
		seen.backwards++;
		ns = clock_ns;
	}
	if (waiting_count())
		deliver_overdue(ns < next_tick ? ns - PATIENCE : UINT64_MAX);
	go_to(ns, false);
	seen.last_ns = ns;
	enum network network = find_network(&f, p->link_type);

	seen.wrapped += network == WRAPPED_NETWORK;
	if (network != IS_NETWORK)
		return;
	enum content content = read_segment(&f, &ends, &segment, &error);

	if (f.captured < f.length) {
		seen.cut++;
		end_where_captured(&f, (uint8_t *)p->bytes);
	}
	switch (content) {
	case IS_SEGMENT:
		take_segment(&f, &ends, &segment);
		break;
	case IS_FRAGMENT:
		frame_arrives(&f);
		break;
	case IS_ICMP_ERROR:
		socket = socket_of(&ends);
		if (socket)
			socket_fails(socket, error);
		break;
	case IS_WRAPPED:
		seen.wrapped++;
		break;
	case IS_OTHER:
		break;
	}
}

/* ---- the caller's side ---- */

/* Room for so many bytes more; the caller writes them there. */
EXPORT uint8_t *capture_input(size_t n)
{
	if (input_length + n > input_room) {
		input_room = (input_length + n) * 2;
		input = realloc(input, input_room);
		if (!input)
			abort();
	}
	return input + input_length;
}

/* Reads what was written. Returns 0, or 1 where the file cannot be read any further: see capture_fault. */
EXPORT int capture_read(size_t n, int is_last)
{
	size_t done;

	input_length += n;
	seen.bytes += n;
	done = capture_file_read(file, input, input_length, is_last, take);
	memmove(input, input + done, input_length - done);
	input_length -= done;
	return capture_file_fault(file) != NULL;
}

EXPORT const char *capture_fault(void)
{
	return capture_file_fault(file);
}

/* No packet has come until then. */
EXPORT void capture_go_on(uint64_t ns)
{
	if (!seen.first_ns || ns <= clock_ns)
		return;
	deliver_overdue(UINT64_MAX);
	go_to(ns, true);
}

/* No packet comes any more: what waits is counted, and said by what the caller shows. */
EXPORT void capture_settle(void)
{
	deliver_overdue(UINT64_MAX);
}

/* The last tick. */
EXPORT void capture_end(void)
{
	if (!seen.first_ns)
		return;
	capture_settle();
	machine_book_waiting();
	machine_stop();
	tick_at(next_tick, true);
	put(&out, "{\"type\":\"bye\",\"reason\":\"the end of the capture\"}\n");
}

EXPORT const char *capture_output(void)
{
	return out.text;
}
EXPORT size_t capture_output_length(void)
{
	return out.length;
}
EXPORT void capture_output_taken(void)
{
	json_clear(&out);
}
EXPORT const void *capture_seen(void)
{
	return &seen;
}

/* ---- what only a helper in the kernel's neighbourhood can tell ---- */

void visit_listen_ports(struct upstreamtop_bpf *bpf)
{
	(void)bpf;
}
const char *remark_on_names(void)
{
	return NULL;
}
const char *remark_on_tls(void)
{
	return NULL;
}
const char *remark_on_group(void)
{
	return NULL;
}
bool put_namespace(struct json *to, uint32_t netid, const struct namespace_row *row)
{
	(void)to, (void)netid, (void)row;
	return true;
}
int names_of(const struct names *names, const struct backend_key *key, bool by_nginx, const char **list, int max)
{
	(void)names, (void)key, (void)by_nginx, (void)list, (void)max;
	return -1;
}
