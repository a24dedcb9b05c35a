#pragma once

#include "bpf.h"

struct bpf_map; /* the variable of a map: see portable/maps.h */

#define bpf_map__fd(map)	  map_number_of(map)
#define bpf_map__max_entries(map) map_room(map)
#define bpf_program__fd(program)  (program)

static inline int libbpf_num_possible_cpus(void)
{
	return 1;
}
