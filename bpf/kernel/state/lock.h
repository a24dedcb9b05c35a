/*
 * The lock of a direction. Two CPUs meet there rarely, and shortly: at interfaces all who take it run with bottom halves off (the
 * hooks do, and so does a tc program that the helper runs), so no holder is interrupted by another taker on its CPU. But a
 * virtual CPU may be taken away for many ms. By control group a holder may be interrupted: what interrupts it on its own CPU gets
 * nothing by waiting, and does not. The sweep must not take it.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "kernel/state/flow.h"

#define TRIES_AT_ONCE 100
#define TRIES	      (1 << 23) /* what one bpf_loop takes: with a look at the clock in each, 0.1 s or more */
#define PATIENCE      (SECOND / 5)

/* Tests make every 50th holder late. */
#ifdef HOLD_LATE
__u32 held = 0;

static long pass_time(__u32 i, __u64 *until)
{
	return bpf_ktime_get_ns() > *until;
}

__noinline int hold_late(void)
{
	__u64 until = bpf_ktime_get_ns() + HOLD_LATE;

	if (__sync_fetch_and_add(&held, 1) % 50 == 0)
		bpf_loop(TRIES, pass_time, &until, 0);
	return 0;
}
#else
static __always_inline void hold_late(void)
{
}
#endif

/* What a holder writes: by control group, who it is. */
static __always_inline __u32 lock_word(void)
{
	return BY_CGROUP ? bpf_get_smp_processor_id() + 1 : 1;
}

static __always_inline int try_lock(struct dir *d)
{
	__u32 word = lock_word();

	for (int i = 0; i < TRIES_AT_ONCE; i++)
		if (!__sync_val_compare_and_swap(&d->lock, 0, word)) {
			hold_late();
			return 1;
		}
	return 0;
}

struct waiting {
	struct dir *d;
	__u64 until;
	__u32 word;
	int got;
};

/* Looks before it swaps: a swap takes the line away from the holder. */
static long wait_once(__u32 i, struct waiting *w)
{
	__u32 holder = *(volatile __u32 *)&w->d->lock;

	if (BY_CGROUP && holder == w->word)
		return 1;
	if (holder || __sync_val_compare_and_swap(&w->d->lock, 0, w->word))
		return bpf_ktime_get_ns() > w->until;
	w->got = 1;
	return 1;
}

__noinline int wait_for_lock(struct dir *d)
{
	struct waiting w = {.d = d, .until = bpf_ktime_get_ns() + PATIENCE, .word = lock_word()};

	if (!d)
		return 0;
	if (bpf_loop(TRIES, wait_once, &w, 0) == TRIES)
		bpf_loop(TRIES, wait_once, &w, 0);
	return w.got;
}

/* 0 only after PATIENCE, or where the holder was interrupted on this CPU: then the segment is not read, and what follows finds a
 * hole. */
static __always_inline int lock(struct dir *d)
{
	if (try_lock(d))
		return 1;
	return wait_for_lock(d);
}

static __always_inline void unlock(struct dir *d)
{
#ifdef __TARGET_ARCH_x86
	/* stores are seen in their order there; an exchange would also wait until all of them have been */
	barrier();
	*(volatile __u32 *)&d->lock = 0;
#else
	__sync_lock_test_and_set(&d->lock, 0);
#endif
}
