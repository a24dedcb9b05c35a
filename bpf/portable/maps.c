/*
 * Hash tables whose elements do not move, arrays, queues, and the longest prefix of an address. As in the kernel, what is deleted
 * stays readable until the program that may have a pointer to it has ended.
 */
#include "errors.h"
#include <stdlib.h>
#include <string.h>
#include "maps.h"

enum { ANY, NO_EXIST, MUST_EXIST };
enum { HASH = 1, ARRAY = 2, PERCPU_ARRAY = 6, LRU_HASH = 9, LPM_TRIE = 11, QUEUE = 22 };

struct element {
	struct element *next;
	struct map *map;
	uint64_t used; /* when it was put: the oldest gives way in an LRU */
		       /* the key, and the value at the next multiple of 8 */
};

struct map {
	void *variable;
	int number;
	int type;
	size_t key_size, value_size, value_at;
	uint32_t room, count, bucket_count;
	struct element **buckets;
	struct element *unused;
	uint8_t *values; /* of an array or queue */
	uint32_t head;
	uint32_t hand; /* of an LRU: the bucket that gave an element last */
};

#define MAX_MAPS 64
static struct map *maps[MAX_MAPS];
static int map_count;

static struct element *deleted;
static uint64_t puts;

static void *or_end(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void *fresh_memory(size_t size)
{
#ifdef __wasm__
	size_t page = 65536, pages = (size + page - 1) / page, at = __builtin_wasm_memory_grow(0, pages);

	return or_end(at == (size_t)-1 ? NULL : (void *)(at * page));
#else
	return or_end(calloc(1, size));
#endif
}

static struct map *map_of(const void *variable)
{
	return *(struct map *const *)variable;
}

void map_open(void *variable, int type, size_t key_size, size_t value_size, uint32_t room)
{
	struct map *m = or_end(calloc(1, sizeof(*m)));

	*(struct map **)variable = m;
	if (key_size % 4)
		abort();
	m->variable = variable;
	m->number = map_count;
	if (map_count == MAX_MAPS)
		abort();
	maps[map_count++] = m;
	m->type = type;
	m->key_size = key_size;
	m->value_size = value_size;
	m->value_at = sizeof(struct element) + (key_size + 7) / 8 * 8;
	m->room = room;
	if (type == ARRAY || type == PERCPU_ARRAY || type == QUEUE) {
		m->values = fresh_memory(room * value_size);
		return;
	}
	m->bucket_count = 64;
	m->buckets = or_end(calloc(m->bucket_count, sizeof(*m->buckets)));
}

void *map_values(void *variable)
{
	return map_of(variable)->values;
}

static uint8_t *key_of(struct element *e)
{
	return (uint8_t *)(e + 1);
}

static uint8_t *value_of(struct element *e)
{
	return (uint8_t *)e + e->map->value_at;
}

void maps_settle(void)
{
	while (deleted) {
		struct element *e = deleted;

		deleted = e->next;
		e->next = e->map->unused;
		e->map->unused = e;
	}
}

/* ---- hash tables ---- */

/* Each word has a factor of its own, so that no product waits for the one before. The last one spreads the upper bits. */
static uint32_t hash_of(const uint8_t *key, size_t n)
{
	uint64_t hash = 0, word, factor = 0x9e3779b97f4a7c15;

	for (; n >= 8; n -= 8, key += 8) {
		memcpy(&word, key, 8);
		hash += word * factor;
		factor += 0xbf58476d1ce4e5ba;
	}
	if (n) {
		uint32_t half;

		memcpy(&half, key, 4);
		hash += half * factor;
	}
	return (hash ^ hash >> 32) * 0x94d049bb133111eb >> 32;
}

/* Keys are multiples of four bytes. The C library for WebAssembly compares byte by byte. */
static int is_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x, y;
	uint32_t v, w;

	for (; n >= 8; n -= 8, a += 8, b += 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		if (x != y)
			return 0;
	}
	if (!n)
		return 1;
	memcpy(&v, a, 4);
	memcpy(&w, b, 4);
	return v == w;
}

static struct element **place_of(const struct map *m, const void *key)
{
	struct element **at = &m->buckets[hash_of(key, m->key_size) & (m->bucket_count - 1)];

	while (*at && !is_same(key_of(*at), key, m->key_size))
		at = &(*at)->next;
	return at;
}

static void grow(struct map *m)
{
	struct element **old = m->buckets;
	uint32_t count = m->bucket_count;

	m->bucket_count *= 4;
	m->buckets = or_end(calloc(m->bucket_count, sizeof(*m->buckets)));
	for (uint32_t i = 0; i < count; i++)
		while (old[i]) {
			struct element *e = old[i], **to = &m->buckets[hash_of(key_of(e), m->key_size) & (m->bucket_count - 1)];

			old[i] = e->next;
			e->next = *to;
			*to = e;
		}
	free(old);
}

static void take_out(struct map *m, struct element **at)
{
	struct element *e = *at;

	*at = e->next;
	e->next = deleted;
	deleted = e;
	m->count--;
}

#define FEW 4096

/* In a large map any: to look for the oldest among many, once for each that is new, would take for ever in a flood of them. */
static void make_room(struct map *m)
{
	struct element **oldest = NULL;

	if (m->room > FEW) {
		while (!m->buckets[m->hand %= m->bucket_count])
			m->hand++;
		take_out(m, &m->buckets[m->hand++]);
		return;
	}
	for (uint32_t i = 0; i < m->bucket_count; i++)
		for (struct element **at = &m->buckets[i]; *at; at = &(*at)->next)
			if (!oldest || (*at)->used < (*oldest)->used)
				oldest = at;
	if (oldest)
		take_out(m, oldest);
}

static struct element *new_element(struct map *m)
{
	struct element *e = m->unused;

	if (e)
		m->unused = e->next;
	else
		e = or_end(malloc(m->value_at + m->value_size));
	e->map = m;
	return e;
}

static long put_hash(struct map *m, const void *key, const void *value, uint64_t flags)
{
	struct element **at = place_of(m, key), *e = *at;

	if (e && flags == NO_EXIST)
		return -KERNEL_EEXIST;
	if (!e && flags == MUST_EXIST)
		return -KERNEL_ENOENT;
	if (!e) {
		if (m->count >= m->room && m->type != LRU_HASH)
			return -KERNEL_E2BIG;
		if (m->count >= m->room)
			make_room(m);
		if (m->count >= m->bucket_count)
			grow(m);
		at = place_of(m, key);
		e = new_element(m);
		memcpy(key_of(e), key, m->key_size);
		e->next = NULL;
		*at = e;
		m->count++;
	}
	e->used = ++puts;
	memcpy(value_of(e), value, m->value_size);
	return 0;
}

/* ---- the longest prefix: a few dozen networks, asked for once in a connection ---- */

/* Key: its length in bits as a 32-bit number, then the bytes. */
static int has_prefix(const uint8_t *prefix, const uint8_t *key)
{
	uint32_t bits;

	memcpy(&bits, prefix, 4);
	return !memcmp(prefix + 4, key + 4, bits / 8) &&
	       (bits % 8 == 0 || !((prefix[4 + bits / 8] ^ key[4 + bits / 8]) & (uint8_t)(0xff00 >> bits % 8)));
}

static void *find_prefix(const struct map *m, const uint8_t *key)
{
	struct element *best = NULL;
	uint32_t longest = 0, bits;

	for (uint32_t i = 0; i < m->bucket_count; i++)
		for (struct element *e = m->buckets[i]; e; e = e->next) {
			memcpy(&bits, key_of(e), 4);
			if (has_prefix(key_of(e), key) && (!best || bits > longest)) {
				best = e;
				longest = bits;
			}
		}
	return best ? value_of(best) : NULL;
}

/* ---- any ---- */

static uint8_t *array_element(const struct map *m, const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	return index < m->room ? m->values + index * m->value_size : NULL;
}

void *map_find(void *variable, const void *key)
{
	struct map *m = map_of(variable);

	if (m->values)
		return array_element(m, key);
	if (m->type == LPM_TRIE)
		return find_prefix(m, key);
	struct element *e = *place_of(m, key);
	return e ? value_of(e) : NULL;
}

long map_copy(void *variable, const void *key, void *value)
{
	void *found = map_find(variable, key);

	if (!found)
		return -KERNEL_ENOENT;
	memcpy(value, found, map_of(variable)->value_size);
	return 0;
}

int map_number_of(const void *variable)
{
	return map_of(variable)->number;
}

void *map_number(int number)
{
	return maps[number]->variable;
}

uint32_t map_room(const void *variable)
{
	return map_of(variable)->room;
}

long map_put(void *variable, const void *key, const void *value, uint64_t flags)
{
	struct map *m = map_of(variable);
	uint8_t *element;

	if (m->type == QUEUE)
		return map_push(variable, value);
	if (!m->values)
		return put_hash(m, key, value, flags);
	element = array_element(m, key);
	if (!element)
		return -KERNEL_E2BIG;
	memcpy(element, value, m->value_size);
	return 0;
}

long map_remove(void *variable, const void *key)
{
	struct map *m = map_of(variable);
	struct element **at = place_of(m, key);

	if (!*at)
		return -KERNEL_ENOENT;
	take_out(m, at);
	return 0;
}

long map_next(void *variable, const void *key, void *next)
{
	struct map *m = map_of(variable);
	uint32_t bucket = 0;

	if (key) {
		struct element *e = *place_of(m, key);

		bucket = (hash_of(key, m->key_size) & (m->bucket_count - 1)) + 1;
		if (e && e->next) {
			memcpy(next, key_of(e->next), m->key_size);
			return 0;
		}
	}
	for (; bucket < m->bucket_count; bucket++)
		if (m->buckets[bucket]) {
			memcpy(next, key_of(m->buckets[bucket]), m->key_size);
			return 0;
		}
	return -KERNEL_ENOENT;
}

long map_push(void *variable, const void *value)
{
	struct map *m = map_of(variable);

	if (m->count >= m->room)
		return -KERNEL_E2BIG;
	memcpy(m->values + (m->head + m->count++) % m->room * m->value_size, value, m->value_size);
	return 0;
}

long map_pop(void *variable, void *value)
{
	struct map *m = map_of(variable);

	if (!m->count)
		return -KERNEL_ENOENT;
	memcpy(value, m->values + m->head * m->value_size, m->value_size);
	m->head = (m->head + 1) % m->room;
	m->count--;
	return 0;
}

/* The callback may delete the element that it gets, and puts none into this map. */
long map_each(void *variable, long (*callback)(void *map, void *key, void *value, void *context), void *context)
{
	struct map *m = map_of(variable);

	for (uint32_t i = 0; i < m->bucket_count; i++)
		for (struct element *e = m->buckets[i], *next; e; e = next) {
			next = e->next;
			if (callback(variable, key_of(e), value_of(e), context))
				return 0;
		}
	return 0;
}
