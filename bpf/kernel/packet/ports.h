/* Sets of ports as bit maps. Most packets are excluded by their ports alone. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"

/* The verifier of Linux 6.12 does not know that a byte swap leaves 16 bits; clang does, and would drop the masks. */
static __always_inline int has_port(const struct ports *set, __u32 port)
{
	asm volatile("" : "+r"(port));
	return (set->groups >> ((port >> 10) & 63) & 1) && (set->bits[(port >> 6) & 1023] >> (port & 63) & 1);
}

/* Written once per port: every packet on every CPU reads these cache lines. */
static __always_inline void add_port(struct ports *set, __u32 port)
{
	if (has_port(set, port))
		return;
	asm volatile("" : "+r"(port));
	__sync_fetch_and_or(&set->bits[(port >> 6) & 1023], 1ULL << (port & 63));
	__sync_fetch_and_or(&set->groups, 1ULL << ((port >> 10) & 63));
}

static __always_inline void clear_port(struct ports *set, __u32 port)
{
	asm volatile("" : "+r"(port));
	__sync_fetch_and_and(&set->bits[(port >> 6) & 1023], ~(1ULL << (port & 63)));
}
