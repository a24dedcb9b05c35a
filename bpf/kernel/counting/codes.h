/* Status codes of a slot: eight within it, 32 more in a block while there are blocks, all others by class. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"

static __always_inline struct code_block *new_block(struct slot *s)
{
	__u32 index = 0;

	if (next_block < MAX_BLOCKS)
		index = __sync_fetch_and_add(&next_block, 1);
	if ((!index || index >= MAX_BLOCKS) && bpf_map_pop_elem(&free_blocks, &index))
		return 0;
	if (__sync_val_compare_and_swap(&s->block, 0, index))
		bpf_map_push_elem(&free_blocks, &index, BPF_ANY);
	index = s->block;
	return bpf_map_lookup_elem(&code_blocks, &index);
}

static __always_inline int is_folded_code(__u32 code)
{
	/* 0 would be a place that is free */
	return !code || (code < GRPC_CODE(0) ? code % 100 == 90 : code == FOLDED_CODE(GRPC_CLASS));
}

/* Returns whether there was room: a backend may send any number of different codes, on any number of routes. */
static __always_inline int count_in_block(struct slot *s, __u32 code)
{
	__u32 index = s->block;
	struct code_block *b = index ? bpf_map_lookup_elem(&code_blocks, &index) : new_block(s);

	if (!b)
		return 0;
	for (int i = 0; i < BLOCK_CODES; i++) {
		__u32 found = b->code[i];

		if (!found) {
			found = __sync_val_compare_and_swap(&b->code[i], 0, code);
			if (!found)
				found = code;
		}
		if (found == code) {
			ADD(b->count[i], 1);
			return 1;
		}
	}
	return 0;
}

/* A code without a place in the slot itself. The total of its class is exact in any case. */
__noinline int count_rare_code(struct slot *s, __u32 slot, __u32 code)
{
	if (!s || (!is_folded_code(code) && count_in_block(s, code)))
		return 0;
	struct folded_codes *f = bpf_map_lookup_elem(&folded, &slot);
	__u32 class = code < GRPC_CODE(0) ? code / 100 : GRPC_CLASS;

	barrier_var(class); /* it is what the verifier must see the bound of */
	if (!f || class >= CODE_CLASSES)
		return 0;
	ADD(f->count[class], 1);
	s->has_folded = 1;
	return 0;
}

static __always_inline void count_code(struct slot *s, __u32 slot, __u32 code)
{
	for (int i = 0; i < INLINE_CODES; i++) {
		__u32 found = s->code[i];

		if (!found) {
			if (is_folded_code(code))
				break;
			found = __sync_val_compare_and_swap(&s->code[i], 0, code);
			if (!found)
				found = code;
		}
		if (found == code) {
			ADD(s->codes[i], 1);
			return;
		}
	}
	count_rare_code(s, slot, code);
}
