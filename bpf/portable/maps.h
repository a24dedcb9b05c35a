/* Maps of the programs, in this process's memory. The kernel's and the helper's ways to use them are bpf/bpf_helpers.h and
 * bpf/bpf.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map;

/* `variable`: as the programs declare it; its first pointer leads to the map from now on. Sizes in bytes, `room` in elements. */
void map_open(void *variable, int type, size_t key_size, size_t value_size, uint32_t room);

/* What was deleted may be used again: no program has a pointer to it any more. Before each packet, and each sweep. */
void maps_settle(void);

/* The memory of an array. */
void *map_values(void *variable);

/* Copies a value; returns 0, or -ENOENT. */
long map_copy(void *variable, const void *key, void *value);
/* Maps by number, as the helper knows them. */
int map_number_of(const void *variable);
void *map_number(int number);
uint32_t map_room(const void *variable);

void *map_find(void *variable, const void *key);
/* `flags`: BPF_ANY, BPF_NOEXIST or BPF_EXIST. Returns 0, or an error below 0 as the kernel has it. */
long map_put(void *variable, const void *key, const void *value, uint64_t flags);
long map_remove(void *variable, const void *key);
/* The key behind `key`, or the first for NULL. Returns -ENOENT at the end. */
long map_next(void *variable, const void *key, void *next);
long map_push(void *variable, const void *value);
long map_pop(void *variable, void *value);
long map_each(void *variable, long (*callback)(void *map, void *key, void *value, void *context), void *context);

/* Memory that is zero, and that costs nothing until it is written. */
void *fresh_memory(size_t size);
