/* See sightings.h. Tables of the last few thousand: what was seen longer ago than they remember comes as something new. */
#include <string.h>
#include "maps.h"
#include "sightings.h"

#define LRU_HASH 9 /* BPF_MAP_TYPE_LRU_HASH */
#ifndef PLACES
#define PLACES 4096 /* of each table, a power of two; the fuzzer, which clears them before each input, makes it small */
#endif
#define MS	       1000000ULL
#define ALIKE_FOR      MS	  /* no sender repeats a segment so soon */
#define SAME_FOR       (100 * MS) /* the same packet, as far as its IP header tells; queues of this host lie between sightings */
#define BEGINNING_FOR  (1000 * MS)
#define MAX_TRANSLATED 65536

static uint64_t hash_of(uint64_t hash, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, at, n);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/* ---- the same packet ---- */

static struct sighting {
	uint64_t hash, ns;
	uint16_t id;
	uint8_t hops;
} sightings[PLACES];

bool is_seen_again(const struct frame *f, const struct ends *ends, const struct segment *s, uint64_t ns)
{
	const uint8_t *ip = f->bytes + f->network;
	uint32_t end = s->payload < f->captured ? s->payload : f->captured;
	uint64_t hash = hash_of(s->length, ends, sizeof(*ends));
	struct sighting now = {.ns = ns}, *place;

	hash = hash_of(hash, f->bytes + s->tcp, end > s->tcp ? end - s->tcp : 0);
	now.hash = hash;
	now.hops = ends->family == 4 ? ip[8] : ip[7];
	if (ends->family == 4)
		memcpy(&now.id, ip + 4, sizeof(now.id));
	place = &sightings[hash % PLACES];
	if (place->hash == hash) {
		uint64_t since = ns - place->ns;

		if (since < ALIKE_FOR || (since < SAME_FOR && ((now.id && now.id == place->id) || now.hops != place->hops)))
			return true;
	}
	*place = now;
	return false;
}

/* ---- the same connection ---- */

static struct beginning {
	uint64_t hash, ns;
	struct ends ends;
} beginnings[PLACES];

static struct {
	int (*type)[LRU_HASH];
} translations;
static bool has_translations;

#define OPTION_END	  0
#define OPTION_NONE	  1
#define OPTION_TIMESTAMPS 8

/* Its value and what it echoes, eight bytes; NULL if there is none. Numbers alone would not do: some senders count from a
 * constant. */
static const uint8_t *timestamps_of(const struct frame *f, const struct segment *s)
{
	uint32_t at = s->tcp + 20, end = s->payload < f->captured ? s->payload : f->captured;

	while (at + 10 <= end && f->bytes[at] != OPTION_END) {
		if (f->bytes[at] == OPTION_NONE) {
			at++;
			continue;
		}
		if (f->bytes[at] == OPTION_TIMESTAMPS && f->bytes[at + 1] == 10)
			return f->bytes + at + 2;
		if (f->bytes[at + 1] < 2)
			return NULL;
		at += f->bytes[at + 1];
	}
	return NULL;
}

bool is_translated(const struct frame *f, const struct ends *ends, const struct segment *s, uint64_t ns)
{
	const uint8_t *timestamps = timestamps_of(f, s);
	uint32_t numbers[] = {s->seq, s->ack, s->length, s->flags};
	struct beginning *place;
	uint8_t yes = 1;
	uint64_t hash;

	if (!timestamps)
		return false;
	hash = hash_of(hash_of(1, numbers, sizeof(numbers)), timestamps, 8);
	place = &beginnings[hash % PLACES];
	if (place->hash != hash || ns - place->ns >= BEGINNING_FOR) {
		*place = (struct beginning){.hash = hash, .ns = ns, .ends = *ends};
		return false;
	}
	if (!memcmp(&place->ends, ends, sizeof(*ends)))
		return false;
	if (!has_translations)
		map_open(&translations, LRU_HASH, sizeof(*ends), sizeof(yes), MAX_TRANSLATED);
	has_translations = true;
	maps_settle();
	map_put(&translations, ends, &yes, 0);
	return true;
}

bool is_translation(const struct ends *ends)
{
	return has_translations && map_find(&translations, ends);
}

void forget_translation(const struct ends *ends)
{
	if (has_translations)
		map_remove(&translations, ends);
}

/* ---- an answer from elsewhere ---- */

static struct expected {
	struct ends ends;
	uint32_t answer; /* its ACK number */
} expected[PLACES];

static struct {
	int (*type)[LRU_HASH];
} redirections;
static bool has_redirections;

static struct expected *expected_by(const struct ends *ends, uint32_t answer)
{
	return &expected[hash_of(answer ^ (uint64_t)ends->client_port << 32, ends->client, sizeof(ends->client)) % PLACES];
}

void expect_answer(const struct ends *ends, uint32_t seq)
{
	*expected_by(ends, seq + 1) = (struct expected){.ends = *ends, .answer = seq + 1};
	if (has_redirections)
		map_remove(&redirections, ends);
}

static bool is_of_client(const struct ends *a, const struct ends *b)
{
	return a->family == b->family && a->client_port == b->client_port && !memcmp(a->client, b->client, sizeof(a->client));
}

const struct ends *redirected(const struct ends *ends, const struct segment *s)
{
	const struct expected *e;

	if ((s->flags & (FLAG_SYN | FLAG_ACK)) != (FLAG_SYN | FLAG_ACK))
		return has_redirections ? map_find(&redirections, ends) : NULL;
	e = expected_by(ends, s->ack);
	if (e->answer != s->ack || !is_of_client(&e->ends, ends) || !memcmp(&e->ends, ends, sizeof(*ends)))
		return NULL;
	if (!has_redirections)
		map_open(&redirections, LRU_HASH, sizeof(*ends), sizeof(*ends), MAX_TRANSLATED);
	has_redirections = true;
	maps_settle();
	map_put(&redirections, ends, &e->ends, 0);
	return map_find(&redirections, ends);
}
