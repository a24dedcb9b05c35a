/* A snapshot: the sweep, then what changed in the counters since the last one that was sent. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "tick.h"

static void *map_memory(const struct bpf_map *map, size_t value_size, bool writable)
{
	size_t size = value_size * bpf_map__max_entries(map), page = sysconf(_SC_PAGESIZE);
	void *p =
	    mmap(NULL, (size + page - 1) / page * page, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, bpf_map__fd(map), 0);

	if (p == MAP_FAILED)
		die(EXIT_SYSTEM, "cannot map the counters: %s", strerror(errno));
	return p;
}

static void *room_for(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die(EXIT_SYSTEM, "out of memory");
	return p;
}

struct tick *tick_open(struct upstreamtop_bpf *bpf, uint32_t netns)
{
	struct tick *t = room_for(1, sizeof(*t));

	t->bpf = bpf;
	t->netns = netns;
	t->slots = map_memory(bpf->maps.slots, sizeof(struct slot), true);
	t->backends = map_memory(bpf->maps.backends, sizeof(struct backend), true);
	t->blocks = map_memory(bpf->maps.code_blocks, sizeof(struct code_block), true);
	t->blocks_sent = room_for(MAX_BLOCKS, sizeof(*t->blocks_sent));
	t->folded_sent = room_for(MAX_SLOTS, sizeof(*t->folded_sent));
	t->sent = room_for(MAX_SLOTS, sizeof(*t->sent));
	t->backend_sent = room_for(BACKEND_INDEXES, sizeof(*t->backend_sent));
	t->wire_ids = room_for(MAX_SLOTS, sizeof(*t->wire_ids));
	t->active = room_for(MAX_SLOTS, sizeof(*t->active));
	t->retiring = room_for(MAX_SLOTS, sizeof(*t->retiring));
	t->wires = map_memory(bpf->maps.wires, sizeof(struct wire), true);
	t->wire_rows = room_for(MAX_WIRES, sizeof(*t->wire_rows));
	t->backend_of_slot = room_for(MAX_SLOTS, sizeof(*t->backend_of_slot));
	t->backend_wire_ids = room_for(BACKEND_INDEXES, sizeof(*t->backend_wire_ids));
	t->names_said = room_for(BACKEND_INDEXES, sizeof(*t->names_said));
	t->backend_active = room_for(BACKEND_INDEXES, sizeof(*t->backend_active));
	t->backend_retiring = room_for(BACKEND_INDEXES, sizeof(*t->backend_retiring));
	/* a flow is there only until its address finds room */
	t->backends[OTHER_BACKEND].ready = t->backends[OTHER_BACKEND].retiring = 1;
	t->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	return t;
}

void tick_name(struct tick *t, const struct names *names)
{
	t->names = names;
	t->names_changed = true;
}

/* ---- reading ---- */

static uint32_t limit_of(uint32_t value, uint32_t max)
{
	return value < max ? value : max;
}

static void sweep(struct tick *t)
{
	struct sweep context = {.epoch = ++t->epoch};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &context, .ctx_size_in = sizeof(context));

	int failed = bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_sweep), &run);

	if (BSS(t, flow_map_use).more4)
		failed |= bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_sweep_more4), &run);
	if (BSS(t, flow_map_use).more6)
		failed |= bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_sweep_more6), &run);
	t->swept = !failed;
}

/* What is open and silent: has something passed unseen, and is its socket still there? */
static void check_suspects(struct tick *t)
{
	uint8_t empty[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = empty, .data_size_in = sizeof(empty));

	if (BSS(t, suspects))
		bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_check), &run);
}

static void read_totals(struct tick *t)
{
	static struct totals *per_cpu;
	int cpus = libbpf_num_possible_cpus();
	uint32_t zero = 0;

	if (!per_cpu)
		per_cpu = room_for(cpus, sizeof(*per_cpu));
	if (bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.totals), &zero, per_cpu))
		return;
	memset(&t->totals, 0, sizeof(t->totals));
	for (int cpu = 0; cpu < cpus; cpu++)
		for (int i = 0; i < TOTALS; i++)
			t->totals.v[i] += per_cpu[cpu].v[i];
}

static void put_total(struct json *out, const struct tick *t, enum total total, const char *word)
{
	put(out, out->text[out->length - 1] == '{' ? "\"" : ",\"");
	put(out, word);
	put(out, "\":");
	put_number(out, t->totals.v[total]);
}

static void put_totals(struct json *out, const struct tick *t)
{
#define PUT(total, word) put_total(out, t, total, word);
	put(out, ",\"loss\":{");
	LOSS_WORDS(PUT)
	put(out, "},\"excluded\":{");
	EXCLUDED_WORDS(PUT)
	put(out, "},\"control\":{");
	CONTROL_WORDS(PUT)
	put(out, "}");
}

/* Those from which somebody has connected, and our own. */
static void put_namespaces(struct tick *t, struct json *out)
{
	int map = bpf_map__fd(t->bpf->maps.namespaces);
	struct namespace_row row = {};
	uint32_t netid, next;
	int over = bpf_map_get_next_key(map, NULL, &next);

	if (bpf_map_lookup_elem(map, &t->netns, &row))
		put_namespace(out, t->netns, &(struct namespace_row){});
	for (int i = 0; i < MAX_NAMESPACES && !over; i++) {
		netid = next;
		over = bpf_map_get_next_key(map, &netid, &next);
		if (!bpf_map_lookup_elem(map, &netid, &row) && put_namespace(out, netid, &row))
			bpf_map_delete_elem(map, &netid);
	}
}

static uint64_t cpu_now_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000ULL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static uint64_t resident_bytes(const struct tick *t)
{
	char text[128] = "";
	unsigned long size, resident = 0;

	if (pread(t->statm, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%lu %lu", &size, &resident);
	return (uint64_t)resident * sysconf(_SC_PAGESIZE);
}

struct clocks {
	uint64_t wall, mono, boot;
};

/*
 * Reads the three clocks within 50 µs, if possible: if the helper is preempted between two reads, their distances look like a
 * clock step or a suspend.
 */
static struct clocks read_clocks(void)
{
	struct clocks best = {};
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 5 && least > 50000; i++) {
		struct clocks c;

		c.mono = now_ns(CLOCK_MONOTONIC);
		c.wall = now_ns(CLOCK_REALTIME);
		c.boot = now_ns(CLOCK_BOOTTIME);
		uint64_t duration = now_ns(CLOCK_MONOTONIC) - c.mono;
		if (duration < least) {
			least = duration;
			best = c;
		}
	}
	return best;
}

static void put_head(struct json *out, struct tick *t, const struct clocks *now, bool final)
{
	uint64_t cpu = cpu_now_us();

	put(out, "{\"type\":\"snapshot\",\"wall_us\":");
	put_number(out, now->wall / 1000);
	put(out, ",\"mono_ns\":");
	put_big(out, now->mono);
	put(out, ",\"boot_ns\":");
	put_big(out, now->boot);
	if (final)
		put(out, ",\"final\":true");
	put(out, ",\"cpu_us\":");
	put_number(out, cpu - t->cpu_us);
	put(out, ",\"rss_bytes\":");
	put_number(out, resident_bytes(t));
	t->cpu_us = cpu;
}

/*
 * The first snapshot is all zero. A snapshot of the first milliseconds would not be atomic, and requests that it found open or
 * half counted would be missing from the sums for ever: all of them belong to the first tick.
 */
void tick_begin(struct tick *t, struct json *out)
{
	struct clocks now = read_clocks();

	put_head(out, t, &now, false);
	put(out, ",\"wires\":[],\"traffic\":[],\"connections\":[],\"requests\":[]");
	put_totals(out, t);
	put(out, "}\n");
}

static const char *next_remark(void)
{
	const char *remark = remark_on_names();

	remark = remark ? remark : remark_on_tls();
	return remark ? remark : remark_on_group();
}

static void put_remarks(struct json *out)
{
	for (const char *remark; (remark = next_remark());) {
		put(out, "{\"type\":\"remark\",\"text\":");
		put_string(out, remark);
		put(out, "}\n");
	}
}

void tick_write(struct tick *t, struct json *out, bool final)
{
	static struct json gone;
	struct json *rows = &t->rows;
	uint32_t slots, backends;

	BSS(t, suspects) = 0;
	sweep(t);
	check_suspects(t);
	visit_listen_ports(t->bpf);
	struct clocks now = read_clocks();

	fold_finish();
	put_namespaces(t, out);
	slots = limit_of(BSS(t, next_slot), MAX_ROUTES);
	backends = limit_of(DATA(t, next_backend), MAX_BACKENDS);
	/* Rows are collected separately, because the names that they need are written first. */
	if (t->names_changed)
		rename_backends(t, out, backends);
	put_remarks(out);
	put(rows, ",\"wires\":[");
	put_wires(t, out);
	put(rows, "],\"traffic\":[");
	for (uint32_t slot = 0; slot < slots; slot++)
		put_row(t, out, slot, now.mono);
	for (uint32_t backend = 1; backend < backends; backend++)
		put_row(t, out, MAX_ROUTES + backend, now.mono);
	put_row(t, out, MAX_ROUTES + OTHER_BACKEND, now.mono);
	put(rows, "],\"connections\":[");
	retire(t, slots, &gone);
	for (uint32_t backend = 1; backend < backends; backend++)
		put_connection(t, out, backend);
	put_connection(t, out, OTHER_BACKEND);
	put(rows, "],\"requests\":[");
	put_requests(t, out, (int64_t)now.wall - (int64_t)now.mono);
	put(rows, "]");
	retire_wires(t, &gone);
	retire_backends(t, slots, backends, &gone);

	put_head(out, t, &now, final);
	put_text(out, rows->text, rows->length);
	/* control totals after the rows: a request that was added in between appears as open, never as missing */
	read_totals(t);
	put_totals(out, t);
	put(out, "}\n");
	if (gone.length)
		put_text(out, gone.text, gone.length);
	json_clear(rows);
	json_clear(&gone);
	fold_clear();
}
