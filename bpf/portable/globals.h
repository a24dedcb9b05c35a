/* Variables of the programs that the helper reads. machine.c includes this, too, so that both have the same types. */
#pragma once

#ifndef PROGRAMS
#include <linux/types.h>

struct flow_map_use {
	__u32 more4;
	__u32 more6;
	__u32 full4;
	__u32 full6;
};
#endif
extern struct flow_map_use flow_map_use;
extern __u32 suspects;
extern __u32 next_slot;
extern __u32 slots_in_use[];
extern __u32 next_backend;
extern __u32 backends_in_use[];
extern __u32 backends_wanted[];
extern __u32 next_wire;
extern __u32 wires_in_use;
