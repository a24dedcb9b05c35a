/* The rows of a snapshot, and the names that must be written before them. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include "tick.h"

/* of one address, so that a line has an end: as many as a recorder takes */
#define MAX_NAMES_SAID 1000
#define PATH_SHOWN     (sizeof(((struct route_key *)0)->path) + 3)

/* ---- names ---- */

void put_address(struct json *out, const struct backend_key *key)
{
	char address[INET6_ADDRSTRLEN] = "?", text[INET6_ADDRSTRLEN + 16];

	inet_ntop(key->family == 4 ? AF_INET : AF_INET6, key->address, address, sizeof(address));
	snprintf(text, sizeof(text), key->family == 4 ? "\"%s:%u\"" : "\"[%s]:%u\"", address, key->port);
	put(out, text);
}

/* FNV-1a, of no bytes */
#define NO_NAMES_SAID 0xcbf29ce484222325

/* ,"names":[…]; nothing where they are not known. Returns a hash of it. */
static uint64_t put_names(const struct tick *t, struct json *out, uint32_t index)
{
	const char *list[MAX_NAMES_SAID];
	size_t before = out->length;
	uint64_t hash = NO_NAMES_SAID;
	struct backend_key key;
	int count;

	memcpy(&key, (const void *)&t->backends[index].key, sizeof(key));
	count = index == OTHER_BACKEND || !t->names
		    ? -1
		    : names_of(t->names, &key, t->backends[index].rank_plus_one > ANYONE + 1, list, MAX_NAMES_SAID);
	/* of an nginx that has just begun, or has read its configuration again: it may have one in a moment */
	if (!count && t->names->is_unsettled && (!t->names_said[index] || t->names_said[index] == NO_NAMES_SAID))
		count = -1;
	if (count >= 0)
		put(out, ",\"names\":[");
	for (int i = 0; i < count; i++) {
		put(out, i ? "," : "");
		put_string(out, list[i]);
	}
	if (count >= 0)
		put(out, "]");
	for (size_t i = before; i < out->length; i++)
		hash = (hash ^ (uint8_t)out->text[i]) * 0x100000001b3;
	return hash;
}

static void put_backend(struct tick *t, struct json *out, uint32_t index)
{
	put(out, "{\"type\":\"backend\",\"id\":");
	put_number(out, t->backend_wire_ids[index]);
	put(out, ",\"address\":");
	if (index == OTHER_BACKEND)
		put(out, "\"OTHER\"");
	else
		put_address(out, (const struct backend_key *)&t->backends[index].key);
	put(out, ",\"netns\":");
	put_number(out, index == OTHER_BACKEND ? t->netns : t->backends[index].key.netid);
	t->names_said[index] = put_names(t, out, index);
	put(out, "}\n");
}

/* The backend's id on the wire; its name is written when the id is new. */
uint32_t name_backend(struct tick *t, struct json *out, uint32_t index)
{
	if (t->backend_wire_ids[index])
		return t->backend_wire_ids[index];
	t->backend_wire_ids[index] = ++t->next_backend_wire_id;
	t->names_said[index] = 0;
	put_backend(t, out, index);
	return t->backend_wire_ids[index];
}

void rename_backends(struct tick *t, struct json *out, uint32_t backends)
{
	static struct json unsaid;

	t->names_changed = false;
	for (uint32_t index = 1; index < backends; index++) {
		json_clear(&unsaid);
		if (t->backend_wire_ids[index] && put_names(t, &unsaid, index) != t->names_said[index])
			put_backend(t, out, index);
	}
}

/* The slot's id on the wire; its name is written when the id is new. -1 while the program is still writing the text. */
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
	if (key.backend >= BACKEND_INDEXES || !t->backends[key.backend].ready)
		return -1;
	t->backend_of_slot[slot] = key.backend;
	uint32_t backend = name_backend(t, out, key.backend);
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
	put_number(out, backend);
	put(out, ",\"method\":");
	put_bytes(out, key.method, key.method_len);
	put(out, ",\"path\":");
	put_bytes(out, path, length);
	put(out, "}\n");
	t->wire_ids[slot] = ++t->next_wire_id;
	return t->next_wire_id - 1;
}

/* ---- rows ---- */

void begin_row(struct json *rows, int64_t id)
{
	put(rows, rows->text[rows->length - 1] == '[' ? "[" : ",[");
	put_number(rows, id);
}

void put_next(struct json *rows, uint64_t value)
{
	put(rows, ",");
	put_number(rows, value);
}

static void put_next_big(struct json *rows, uint64_t value)
{
	put(rows, ",");
	put_big(rows, value);
}

/* the columns of `now` */
#define PUT(word)     put_next(rows, now.word);
#define PUT_BIG(word) put_next_big(rows, now.word);

/* Status codes, or grpc-statuses: the kernel counts both in the same places. */
enum code_kind { HTTP_CODES, GRPC_CODES };

static bool is_of(uint32_t code, enum code_kind kind)
{
	return (code >= GRPC_CODE(0)) == (kind == GRPC_CODES);
}

/* One of [code, total, …]. */
static void put_code(struct json *rows, enum code_kind kind, uint32_t code, uint64_t total)
{
	if (rows->text[rows->length - 1] != '[')
		put(rows, ",");
	put_number(rows, kind == GRPC_CODES ? code - GRPC_CODE(0) : code);
	put(rows, ",");
	put_number(rows, total);
}

/* Only totals that changed since they were sent. */
static void put_codes(struct tick *t, struct json *rows, uint32_t slot, const struct slot *now, const struct sent *sent,
		      enum code_kind kind)
{
	struct folded_codes folded = {};

	put(rows, ",[");
	for (int i = 0; i < INLINE_CODES; i++)
		if (is_of(now->code[i], kind) && (uint32_t)now->codes[i] != sent->codes[i])
			put_code(rows, kind, now->code[i], now->codes[i]);
	if (now->block && now->block < MAX_BLOCKS) {
		const volatile struct code_block *b = &t->blocks[now->block];
		uint32_t *before = t->blocks_sent[now->block];

		for (int i = 0; i < BLOCK_CODES && b->code[i]; i++) {
			uint64_t total = b->count[i];

			if (!is_of(b->code[i], kind) || (uint32_t)total == before[i])
				continue;
			put_code(rows, kind, b->code[i], total);
			before[i] = total;
		}
	}
	/* rare, so by a system call: a mapped array would be resident from the beginning */
	if (now->has_folded && !bpf_map_lookup_elem(bpf_map__fd(t->bpf->maps.folded), &slot, &folded)) {
		for (int i = 0; i < CODE_CLASSES; i++)
			if (is_of(FOLDED_CODE(i), kind) && folded.count[i] != t->folded_sent[slot].count[i]) {
				put_code(rows, kind, FOLDED_CODE(i), folded.count[i]);
				t->folded_sent[slot].count[i] = folded.count[i];
			}
	}
	put(rows, "]");
}

static void remember(struct sent *sent, const struct slot *now, uint64_t sum)
{
	sent->sum = sum;
	for (int i = 0; i < INLINE_CODES; i++)
		sent->codes[i] = now->codes[i];
}

void put_row(struct tick *t, struct json *out, uint32_t slot, uint64_t mono)
{
	struct sent *sent = &t->sent[slot];
	struct slot now;
	uint64_t sum;
	int64_t id;

	read_slot(&t->slots[slot], &now);
	bool open = open_of(&now) > 0;
	sum = sum_of(&now);
	if (!open && !fold_has(slot) && sum == sent->sum)
		return;
	id = wire_id(t, out, slot);
	if (id < 0)
		return;
	struct json *rows = &t->rows;

	begin_row(rows, id);
	TRAFFIC_COLUMNS(PUT, PUT_BIG)
	put_next_big(rows, now.header_sum_us);
	put_next(rows, now.total_count);
	put_next_big(rows, now.total_sum_us);
	put_next(rows, open && now.oldest_epoch == t->epoch && mono > now.oldest_ns ? (mono - now.oldest_ns) / 1000 : 0);
	put_codes(t, rows, slot, &now, sent, HTTP_CODES);
	put(rows, ",");
	fold_put_histogram(rows, slot, HEADER_TIMES);
	put(rows, ",");
	fold_put_histogram(rows, slot, TOTAL_TIMES);
	TRAFFIC_COLUMNS_LATER(PUT, PUT_BIG)
	put_codes(t, rows, slot, &now, sent, GRPC_CODES);
	put(rows, "]");
	remember(sent, &now, sum);
	t->active[slot] = t->epoch;
	t->backend_active[t->backend_of_slot[slot]] = t->epoch;
}

void put_connection(struct tick *t, struct json *out, uint32_t index)
{
	struct backend now;

	memcpy(&now, (const void *)&t->backends[index], sizeof(now));
	if (!now.ready)
		return;
#define PLUS(word) +now.word
	uint64_t sum = 0 BACKEND_COUNTERS(PLUS, PLUS);
	/* none is open any more if the last sweep counted none */
#define CLEAR(word) now.word = 0;
	if (now.open_epoch != t->epoch) {
		BACKEND_GAUGES(CLEAR)
	}
	/* as long as one is open there is a row in each tick */
	uint64_t open = 0 BACKEND_GAUGES(PLUS);
	if (sum == t->backend_sent[index] && !fold_has(CONNECT_TIMES(index)) && !open)
		return;
	uint32_t id = name_backend(t, out, index);
	struct json *rows = &t->rows;

	begin_row(rows, id);
	CONNECTION_COLUMNS(PUT, PUT_BIG)
	put_next_big(rows, now.connect_sum_us);
	put(rows, ",");
	fold_put_histogram(rows, CONNECT_TIMES(index), TOTAL_TIMES);
	CONNECTION_COLUMNS_LATER(PUT, PUT_BIG)
	put(rows, "]");
	t->backend_sent[index] = sum;
	t->backend_active[index] = t->epoch;
}

void put_requests(struct tick *t, struct json *out, int64_t offset_ns)
{
	struct sample *samples;
	int n = fold_sample(&samples);

	for (int i = 0; i < n; i++) {
		const struct sample *s = &samples[i];
		int64_t id = t->slots[s->slot].generation == s->generation ? wire_id(t, out, s->slot) : -1;
		struct json *rows = &t->rows;

		if (id < 0)
			continue;
		begin_row(rows, id);
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
