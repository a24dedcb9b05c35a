/* TCP sequence numbers, which wrap: `a` is before `b` if the distance from `a` to `b` is less than 2^31. */
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

static inline int seq_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static inline int seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}
