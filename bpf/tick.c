/* A snapshot: the sweep, then what changed in the counters since the last one that was sent. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

#define PATH_SHOWN (sizeof(((struct route_key *)0)->path) + 3)

/* A route that was not used for this many ticks gives up its slot, once three quarters of the slots are in use. */
#ifndef RETIRE_AFTER
#define RETIRE_AFTER 300
#endif
#define RETIRE_FROM (MAX_ROUTES / 4 * 3)

struct tick {
	struct upstreamtop_bpf *bpf;
	uint32_t netns;
	volatile struct slot *slots; /* written only while nobody else does: when a slot is retired */
	const volatile struct backend *backends;
	struct slot *sent;	      /* per slot, as of the last snapshot */
	struct backend *backend_sent; /* per backend */
	uint32_t *wire_ids;	      /* per slot: its id on the wire plus one */
	uint32_t next_wire_id;
	uint32_t *active;   /* per slot: the epoch of its last row */
	uint32_t *retiring; /* per slot: the epoch since which nothing new comes here, 0 when in use */
	bool *backend_named;
	struct code_total {
		struct code_key key;
		uint64_t total;
	} * more;
	uint32_t more_count, more_room;
	struct totals totals;
	uint32_t epoch;
	uint64_t cpu_us;
	int statm;
	struct json rows;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

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
	t->backends = map_memory(bpf->maps.backends, sizeof(struct backend), false);
	t->sent = room_for(MAX_SLOTS, sizeof(*t->sent));
	t->backend_sent = room_for(MAX_BACKENDS, sizeof(*t->backend_sent));
	t->wire_ids = room_for(MAX_SLOTS, sizeof(*t->wire_ids));
	t->active = room_for(MAX_SLOTS, sizeof(*t->active));
	t->retiring = room_for(MAX_SLOTS, sizeof(*t->retiring));
	t->backend_named = room_for(MAX_BACKENDS, sizeof(*t->backend_named));
	t->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	return t;
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
	const __u64 *v = t->totals.v;

	if (v[F_MADE4] != v[F_GONE4])
		bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_sweep4), &run);
	if (v[F_MADE6] != v[F_GONE6])
		bpf_prog_test_run_opts(bpf_program__fd(t->bpf->progs.upstreamtop_sweep6), &run);
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

/* The order matters: `requests` last, so that no answer is seen without its request. */
static void read_slot(const volatile struct slot *from, struct slot *to)
{
	for (size_t i = 0; i < offsetof(struct slot, requests) / 8; i++)
		((uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	to->requests = from->requests;
}

static uint64_t open_of(const struct slot *s)
{
	uint64_t over = s->answered + s->reset + s->closed + s->aborted + s->unanswered;

	return s->requests > over ? s->requests - over : 0;
}

static int by_slot(const void *a, const void *b)
{
	const struct code_total *x = a, *y = b;

	if (x->key.slot != y->key.slot)
		return x->key.slot < y->key.slot ? -1 : 1;
	return x->key.code < y->key.code ? -1 : 1;
}

/* Codes that found no place in their slot: rare, so key by key. */
static void read_more_codes(struct tick *t)
{
	int fd = bpf_map__fd(t->bpf->maps.more_codes);
	struct code_key key, *last = NULL;

	t->more_count = 0;
	if (!t->bpf->bss->has_more_codes)
		return;
	while (!bpf_map_get_next_key(fd, last, &key) && t->more_count < MAX_ROUTES) {
		if (t->more_count == t->more_room) {
			t->more_room = t->more_room ? t->more_room * 2 : 64;
			t->more = realloc(t->more, t->more_room * sizeof(*t->more));
			if (!t->more)
				die(EXIT_SYSTEM, "out of memory");
		}
		t->more[t->more_count].key = key;
		if (!bpf_map_lookup_elem(fd, &key, &t->more[t->more_count].total))
			t->more_count++;
		last = &key;
	}
	qsort(t->more, t->more_count, sizeof(*t->more), by_slot);
}

/* ---- names ---- */

static void name_backend(struct tick *t, struct json *out, uint32_t index)
{
	const struct backend_key *key = (const struct backend_key *)&t->backends[index].key;
	char address[INET6_ADDRSTRLEN] = "?", text[INET6_ADDRSTRLEN + 16];

	if (t->backend_named[index])
		return;
	t->backend_named[index] = true;
	inet_ntop(key->family == 4 ? AF_INET : AF_INET6, key->address, address, sizeof(address));
	snprintf(text, sizeof(text), key->family == 4 ? "%s:%u" : "[%s]:%u", address, key->port);
	put(out, "{\"type\":\"backend\",\"id\":");
	put_number(out, index);
	put(out, ",\"address\":\"");
	put(out, text);
	put(out, "\",\"netns\":");
	put_number(out, t->netns);
	put(out, "}\n");
}

/* The slot's id on the wire, named when it is new. -1 while the program is still writing its text. */
static int64_t wire_id(struct tick *t, struct json *out, uint32_t slot)
{
	struct route_key key = {.backend = slot - MAX_ROUTES, .method_len = 1, .path_len = 5};

	if (t->wire_ids[slot])
		return t->wire_ids[slot] - 1;
	memcpy(key.method, "*", 1);
	memcpy(key.path, "OTHER", 5);
	if (slot < MAX_ROUTES) {
		struct route_text text;

		if (bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text) || !text.ready)
			return -1;
		key = text.key;
	}
	if (key.backend >= MAX_BACKENDS || !t->backends[key.backend].ready)
		return -1;
	name_backend(t, out, key.backend);
	uint8_t path[PATH_SHOWN];
	size_t length = key.path_len;

	memcpy(path, key.path, sizeof(key.path));
	if (key.cut) {
		memcpy(path + length, "\xe2\x80\xa6", 3); /* … */
		length += 3;
	}
	put(out, "{\"type\":\"route\",\"id\":");
	put_number(out, t->next_wire_id);
	put(out, ",\"backend\":");
	put_number(out, key.backend);
	put(out, ",\"method\":");
	put_bytes(out, key.method, key.method_len);
	put(out, ",\"path\":");
	put_bytes(out, path, length);
	put(out, "}\n");
	t->wire_ids[slot] = ++t->next_wire_id;
	return t->next_wire_id - 1;
}

/* ---- rows ---- */

static void put_codes(struct tick *t, struct json *rows, uint32_t slot, const struct slot *now, const struct slot *sent)
{
	bool first = true;

	put(rows, ",[");
	for (int i = 0; i < INLINE_CODES; i++) {
		if (now->codes[i] == sent->codes[i])
			continue;
		if (!first)
			put(rows, ",");
		first = false;
		put_number(rows, now->code[i]);
		put(rows, ",");
		put_number(rows, now->codes[i]);
	}
	for (uint32_t i = 0; i < t->more_count; i++) {
		if (t->more[i].key.slot != slot)
			continue;
		if (!first)
			put(rows, ",");
		first = false;
		put_number(rows, t->more[i].key.code);
		put(rows, ",");
		put_number(rows, t->more[i].total);
	}
	put(rows, "]");
}

static void put_row(struct tick *t, struct json *out, uint32_t slot, uint64_t mono)
{
	struct slot now, *sent = &t->sent[slot];
	int64_t id;

	read_slot(&t->slots[slot], &now);
	bool open = open_of(&now) > 0;
	/* what the sweep writes is no change */
	struct slot compared = now;
	compared.oldest_ns = sent->oldest_ns;
	compared.oldest_epoch = sent->oldest_epoch;
	compared.generation = sent->generation;
	compared.memo_generation = sent->memo_generation;
	if (!open && !fold_has(slot) && !memcmp(&compared, sent, sizeof(compared)))
		return;
	id = wire_id(t, out, slot);
	if (id < 0)
		return;
	uint64_t columns[] = {now.requests,   now.answered, now.reset,	     now.closed,  now.aborted,
			      now.unanswered, now.interim,  now.retransmits, now.retries, now.body_reset};
	struct json *rows = &t->rows;

	put(rows, rows->length ? ",[" : "[");
	put_number(rows, id);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		put(rows, ",");
		put_number(rows, columns[i]);
	}
	put(rows, ",");
	put_big(rows, now.header_sum_us);
	put(rows, ",");
	put_number(rows, now.total_count);
	put(rows, ",");
	put_big(rows, now.total_sum_us);
	put(rows, ",");
	put_number(rows, open && now.oldest_epoch == t->epoch && mono > now.oldest_ns ? (mono - now.oldest_ns) / 1000 : 0);
	put_codes(t, rows, slot, &now, sent);
	put(rows, ",");
	fold_put_histogram(rows, slot, HEADER_TIMES);
	put(rows, ",");
	fold_put_histogram(rows, slot, TOTAL_TIMES);
	put(rows, "]");
	*sent = now;
	t->active[slot] = t->epoch;
}

/* ---- retiring: routes that nobody asks for any more make room, and no count is lost ---- */

/* New requests of the route open a new slot from now on; what is open here may still end. */
static void begin_retiring(struct tick *t, uint32_t slot)
{
	struct route_text text;

	if (bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text) || !text.ready)
		return;
	if (bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.routes), &text.key))
		return;
	t->slots[slot].memo_generation++;
	t->retiring[slot] = t->epoch;
}

static void free_codes(struct tick *t, uint32_t slot)
{
	for (uint32_t i = 0; i < t->more_count; i++)
		if (t->more[i].key.slot == slot)
			bpf_map_delete_elem(bpf_map__fd(t->bpf->maps.more_codes), &t->more[i].key);
}

/* A full tick has passed since, nothing is open, and everything was sent: the slot is as good as new. */
static void finish_retiring(struct tick *t, uint32_t slot)
{
	struct route_text text = {};
	uint32_t generation = t->slots[slot].generation, memo = t->slots[slot].memo_generation;

	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.texts), &slot, &text, 0);
	free_codes(t, slot);
	memset((void *)&t->slots[slot], 0, sizeof(struct slot));
	t->slots[slot].generation = generation + 1;
	t->slots[slot].memo_generation = memo;
	memset(&t->sent[slot], 0, sizeof(t->sent[slot]));
	t->sent[slot].generation = generation + 1;
	t->sent[slot].memo_generation = memo;
	t->wire_ids[slot] = 0;
	t->retiring[slot] = 0;
	bpf_map_update_elem(bpf_map__fd(t->bpf->maps.free_slots), NULL, &slot, 0);
}

static void retire(struct tick *t, uint32_t slots)
{
	if (slots < RETIRE_FROM)
		return;
	for (uint32_t slot = 0; slot < slots; slot++) {
		struct slot now;
		bool idle;

		if (!t->wire_ids[slot] || t->epoch - t->active[slot] < RETIRE_AFTER)
			continue;
		read_slot(&t->slots[slot], &now);
		idle = now.requests == t->sent[slot].requests && open_of(&now) == 0 && now.total_count == now.answered;
		if (!idle)
			continue;
		if (!t->retiring[slot])
			begin_retiring(t, slot);
		else if (t->epoch - t->retiring[slot] > 1)
			finish_retiring(t, slot);
	}
}

static void put_connection(struct tick *t, struct json *out, uint32_t index)
{
	struct backend now, *sent = &t->backend_sent[index];

	memcpy(&now, (const void *)&t->backends[index], sizeof(now));
	if (!now.ready)
		return;
	bool changed = now.connects != sent->connects || now.refused != sent->refused ||
		       now.connect_timeout != sent->connect_timeout || now.retransmits != sent->retransmits ||
		       now.opaque != sent->opaque;
	if (!changed && !fold_has(CONNECT_TIMES(index)))
		return;
	name_backend(t, out, index);
	uint64_t columns[] = {index, now.connects, now.refused, now.connect_timeout, now.retransmits, now.opaque};
	struct json *rows = &t->rows;

	put(rows, rows->length ? ",[" : "[");
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		if (i)
			put(rows, ",");
		put_number(rows, columns[i]);
	}
	put(rows, ",");
	put_big(rows, now.connect_sum_us);
	put(rows, ",");
	fold_put_histogram(rows, CONNECT_TIMES(index), TOTAL_TIMES);
	put(rows, "]");
	*sent = now;
}

static void put_requests(struct tick *t, struct json *out, int64_t offset_ns)
{
	struct sample *samples;
	int n = fold_sample(&samples);

	for (int i = 0; i < n; i++) {
		const struct sample *s = &samples[i];
		int64_t id = t->slots[s->slot].generation == s->generation ? wire_id(t, out, s->slot) : -1;
		struct json *rows = &t->rows;

		if (id < 0)
			continue;
		put(rows, rows->length ? ",[" : "[");
		put_number(rows, id);
		put(rows, ",");
		put_number(rows, ((int64_t)s->at_ns + offset_ns) / 1000);
		put(rows, ",");
		put_number(rows, s->outcome);
		put(rows, ",");
		put_number(rows, s->header_us);
		put(rows, ",");
		put_number(rows, s->total_us);
		put(rows, "]");
	}
}

static void put_fields(struct json *out, const struct tick *t, const char *const *names, int first, int count)
{
	for (int i = 0; i < count; i++) {
		put(out, i ? ",\"" : "\"");
		put(out, names[i]);
		put(out, "\":");
		put_number(out, t->totals.v[first + i]);
	}
}

static void put_totals(struct json *out, const struct tick *t)
{
	static const char *const control[] = {
	    "starts",	 "continuations", "retransmits", "second_sightings", "not_http", "partial",  "ambiguous",
	    "fragments", "opaque",	  "excluded",	 "segments",	     "requests", "answered", "failed"};
	static const char *const loss[] = {"ring_dropped", "map_refused", "unmatched_responses", "ambiguous",	     "evicted",
					   "fragments",	   "half_seen",	  "path_folded",	 "pipeline_overflow"};
	static const char *const left_out[] = {"front_door", "ignored", "not_selected", "routed", "tls", "h2"};

	put(out, ",\"loss\":{");
	put_fields(out, t, loss, L_RING_DROPPED, 9);
	put(out, "},\"excluded\":{");
	put_fields(out, t, left_out, X_FRONT_DOOR, 6);
	put(out, "},\"control\":{");
	put_fields(out, t, control, T_STARTS, 14);
	put(out, "}");
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

/* Rows are collected apart, because the names that they need go out first. */
static void move_rows(struct tick *t, struct json *into, const char *name)
{
	put(into, ",\"");
	put(into, name);
	put(into, "\":[");
	put_text(into, t->rows.text, t->rows.length);
	put(into, "]");
	t->rows.length = 0;
}

void tick_write(struct tick *t, struct json *out, bool final)
{
	static struct json snapshot;
	uint32_t slots, backends;

	read_totals(t);
	sweep(t);
	uint64_t wall = now_ns(CLOCK_REALTIME), mono = now_ns(CLOCK_MONOTONIC), cpu = cpu_now_us();

	read_more_codes(t);
	fold_finish();
	slots = limit_of(t->bpf->bss->next_slot, MAX_ROUTES);
	backends = limit_of(t->bpf->data->next_backend, MAX_BACKENDS);
	snapshot.length = 0;
	put(&snapshot, "{\"type\":\"snapshot\",\"wall_us\":");
	put_number(&snapshot, wall / 1000);
	put(&snapshot, ",\"mono_ns\":");
	put_big(&snapshot, mono);
	put(&snapshot, ",\"boot_ns\":");
	put_big(&snapshot, now_ns(CLOCK_BOOTTIME));
	if (final)
		put(&snapshot, ",\"final\":true");
	put(&snapshot, ",\"cpu_us\":");
	put_number(&snapshot, cpu - t->cpu_us);
	put(&snapshot, ",\"rss_bytes\":");
	put_number(&snapshot, resident_bytes(t));
	t->cpu_us = cpu;
	for (uint32_t slot = 0; slot < slots; slot++)
		put_row(t, out, slot, mono);
	for (uint32_t backend = 1; backend < backends; backend++)
		put_row(t, out, MAX_ROUTES + backend, mono);
	move_rows(t, &snapshot, "traffic");
	retire(t, slots);
	for (uint32_t backend = 1; backend < backends; backend++)
		put_connection(t, out, backend);
	move_rows(t, &snapshot, "connections");
	put_requests(t, out, (int64_t)wall - (int64_t)mono);
	move_rows(t, &snapshot, "requests");
	/* control totals after the rows: what was added in between shows there as open, never as missing */
	read_totals(t);
	put_totals(&snapshot, t);
	put(&snapshot, "}\n");
	put_text(out, snapshot.text, snapshot.length);
	fold_clear();
}
