/* From a request line to its counters: cached route, route table, OTHER; and from an address to its backend. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/parser/bytes.h"
#include "kernel/parser/line.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"

static __always_inline __u32 other_of(__u32 backend)
{
	return MAX_ROUTES + backend;
}

/* Backends are counted per owner, so that no user who names a process nginx takes the room of the others. */
static __always_inline __u32 *backends_of_owner(__u32 uid)
{
	__u32 none = 0, *count = bpf_map_lookup_elem(&backends_by_uid, &uid);

	if (count)
		return count;
	bpf_map_update_elem(&backends_by_uid, &uid, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&backends_by_uid, &uid);
}

/* Some room is kept for nginx, because other processes may connect to anything. */
static __always_inline int has_backends(enum rank rank)
{
	__u32 of_others = backends_in_use[ANYONE] + backends_in_use[NGINX];
	__u32 room = MAX_BACKENDS - 1 - of_others - backends_in_use[NGINX_OF_ROOT];

	if (rank == NGINX_OF_ROOT)
		return 1;
	if (rank == ANYONE && backends_in_use[ANYONE] >= MAX_BACKENDS - 1 - BACKENDS_OF_NGINX)
		return 0;
	return of_others < MAX_BACKENDS - 1 - BACKENDS_OF_ROOT &&
	       (__s32)room > (rank == ANYONE ? 2 * LAST_BACKENDS : LAST_BACKENDS);
}

/* 0 without room. */
static __always_inline __u32 new_backend(void)
{
	__u32 index;

	if (next_backend < MAX_BACKENDS) {
		index = __sync_fetch_and_add(&next_backend, 1);
		if (index < MAX_BACKENDS)
			return index;
	}
	return bpf_map_pop_elem(&free_backends, &index) ? 0 : index;
}

/* The index of an address that has none; OTHER when there is no room. */
static __always_inline __u32 add_backend(const struct backend_key *remote, enum rank rank, __u32 uid)
{
	__u32 *of_owner = 0, index = 0;
	struct backend *b;

	ADD(backends_wanted[rank], 1);
	if (has_backends(rank)) {
		of_owner = rank == NGINX ? backends_of_owner(uid) : 0;
		if (rank != NGINX || (of_owner && *of_owner < BACKENDS_OF_OWNER))
			index = new_backend();
	}
	b = index ? backend_of(index) : 0;
	if (!b)
		return OTHER_BACKEND;
	if (bpf_map_update_elem(&backend_ids, remote, &index, BPF_NOEXIST)) {
		/* another CPU was first: its index is used */
		__u32 *found = bpf_map_lookup_elem(&backend_ids, remote);

		bpf_map_push_elem(&free_backends, &index, BPF_ANY);
		return found ? *found : OTHER_BACKEND;
	}
	ADD(backends_in_use[rank], 1);
	if (of_owner)
		ADD(*of_owner, 1);
	b->key = *remote;
	b->uid = uid;
	b->rank_plus_one = rank + 1;
	*(volatile __u32 *)&b->ready = 1;
	return index;
}

static __always_inline __u32 find_or_add_backend(const struct backend_key *remote, __u32 rank, __u32 uid)
{
	__u32 *found = bpf_map_lookup_elem(&backend_ids, remote);

	return found ? *found : add_backend(remote, rank < RANKS ? rank : ANYONE, uid);
}

/* The backend's index, made when it is new; OTHER when there is no room. Never 0. */
__noinline __u32 backend_for(struct work *w, int nginx, __u32 uid)
{
	if (!w)
		return OTHER_BACKEND;
	struct backend_key remote = w->remote;

	return find_or_add_backend(&remote, nginx, uid);
}

/* The same where a request is read: there is no stack to spare for a copy. */
__noinline __u32 backend_for_request(struct scratch *s, int nginx, __u32 uid)
{
	struct scratch *own = s ? as_map_memory(s) : 0;

	return own ? find_or_add_backend(&own->work.remote, nginx, uid) : OTHER_BACKEND;
}

static __always_inline __u32 known_backend(const struct work *w)
{
	struct backend_key remote = w->remote;
	__u32 *found = bpf_map_lookup_elem(&backend_ids, &remote);

	return found ? *found : 0;
}

static __always_inline int has_slots(enum rank rank)
{
	if (rank == ANYONE && slots_in_use[ANYONE] >= MAX_ROUTES - ROUTES_OF_NGINX)
		return 0;
	return rank == NGINX_OF_ROOT || slots_in_use[ANYONE] + slots_in_use[NGINX] < MAX_ROUTES - ROUTES_OF_ROOT;
}

static __always_inline __u32 new_slot(enum rank rank)
{
	__u32 slot;

	if (!has_slots(rank))
		return NO_SLOT;
	if (next_slot < MAX_ROUTES) {
		slot = __sync_fetch_and_add(&next_slot, 1);
		if (slot < MAX_ROUTES)
			return slot;
	}
	if (!bpf_map_pop_elem(&free_slots, &slot))
		return slot;
	return NO_SLOT;
}

/* The key of a complete line. The bytes behind the path are zeroed, padding too. */
static __always_inline void key_from(struct route_key *key, const struct line *l, __u32 backend)
{
	__u32 length = l->out;

	key->backend = backend;
	key->method_len = l->method_len;
	key->cut = length > PATH_MAX;
	if (key->cut)
		length = PATH_MAX - 1;
	key->path_len = length;
	key->pad = 0;
	__builtin_memcpy(key->method, l->method, sizeof(key->method));
	for (__u32 i = 0; i < PATH_MAX / 8; i++) {
		__u64 w = *(const __u64 *)(l->path + i * 8);
		__u32 left = length > i * 8 ? length - i * 8 : 0;

		if (left < 8)
			w &= (1ULL << (left & 7) * 8) - 1;
		*(__u64 *)(key->path + i * 8) = w;
	}
}

/* The slot of the route in s->key, made when it is new; OTHER when there is no room. */
static __always_inline __u32 route_slot(struct scratch *s)
{
	struct scratch *own = as_map_memory(s);
	__u32 rank = s->work.rank, *found, slot;
	struct route_key *key;
	struct slot *counters;

	if (!own)
		return NO_SLOT;
	key = &own->key;
	found = bpf_map_lookup_elem(&routes, key);
	if (found)
		return *found;
	slot = new_slot(rank);
	if (slot == NO_SLOT)
		return NO_SLOT;
	if (bpf_map_update_elem(&routes, key, &slot, BPF_NOEXIST)) {
		bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
		found = bpf_map_lookup_elem(&routes, key);
		return found ? *found : NO_SLOT;
	}
	counters = slot_of(slot);
	if (counters && rank < RANKS) {
		counters->rank_plus_one = rank + 1;
		ADD(slots_in_use[rank], 1);
	}
	struct route_text *text = bpf_map_lookup_elem(&texts, &slot);
	if (text) {
		text->key = *key;
		*(volatile __u32 *)&text->ready = 1;
	}
	return slot;
}

/* The slot of the complete line in scratch memory. Backend OTHER takes no room from the routes of others. */
__noinline __u32 slot_for_line(struct scratch *s, __u32 backend)
{
	if (!s)
		return 0;
	key_from(&s->key, &s->line, backend);
	__u32 slot = backend == OTHER_BACKEND ? NO_SLOT : route_slot(s);

	if (s->key.cut || s->line.method_cut || slot == NO_SLOT)
		count(L_PATH_FOLDED);
	return slot == NO_SLOT ? other_of(backend) : slot;
}

static __always_inline struct cached_route *cached_route_of(__u64 hash)
{
	__u32 index = hash & (CACHED_ROUTES - 1);

	return bpf_map_lookup_elem(&route_cache, &index);
}

/*
 * By control group a packet may be read while an interrupted program writes the same entry. What belongs to two routes proves
 * itself for neither.
 */
static __always_inline __u64 proof_of(__u64 hash, __u32 slot, __u32 generation)
{
	return BY_CGROUP ? hash ^ ((__u64)slot << 32 | generation) * 0x9e3779b97f4a7c15ULL : hash;
}

/* The slot of a line that was read before, or NO_SLOT. Each field is read once. */
static __always_inline __u32 slot_from_cache(const struct cached_route *c, __u64 hash)
{
	__u32 slot = *(volatile __u32 *)&c->slot, generation = *(volatile __u32 *)&c->generation;
	struct slot *counters;

	if (*(volatile __u64 *)&c->proof != proof_of(hash, slot, generation))
		return NO_SLOT;
	counters = slot_of(slot);
	return counters && counters->cache_generation == generation ? slot : NO_SLOT;
}

static __always_inline void cache_route(struct cached_route *c, __u64 hash, __u32 slot, __u32 generation)
{
	*(volatile __u64 *)&c->proof = proof_of(hash, slot, generation);
	*(volatile __u32 *)&c->slot = slot;
	*(volatile __u32 *)&c->generation = generation;
}

struct feed_context {
	struct scratch *s;
	__u32 used;
};

static long feed_byte(__u32 i, struct feed_context *c)
{
	line_byte(&c->s->line, c->s->chunk.bytes[(FRONT + i) & BYTES_MASK]);
	c->used = i + 1;
	return c->s->line.state >= LINE_END;
}

/* Feeds n bytes of the chunk to the line in scratch memory. Returns how many it took. */
__noinline __u32 feed(struct scratch *s, __u32 n)
{
	if (!s)
		return 0;
	struct feed_context c = {.s = s};

	bpf_loop(n, feed_byte, &c, 0);
	return c.used;
}

static __always_inline void line_fresh(struct line *l)
{
	__builtin_memset(l, 0, sizeof(*l));
	l->raw = raw_routes;
}
