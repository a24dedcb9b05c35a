/* In place of the skeleton: the programs are part of this program, and so are their variables. */
#pragma once

#include "bpf/libbpf.h"
#include "portable/globals.h"

#define BSS(t, name)  (*((void)(t), &name))
#define DATA(t, name) (*((void)(t), &name))

#define MAPS(X)                                                                                                                  \
	X(slots)                                                                                                                 \
	X(backends)                                                                                                              \
	X(code_blocks)                                                                                                           \
	X(wires)                                                                                                                 \
	X(totals)                                                                                                                \
	X(texts)                                                                                                                 \
	X(folded)                                                                                                                \
	X(routes)                                                                                                                \
	X(free_blocks)                                                                                                           \
	X(free_slots)                                                                                                            \
	X(free_backends)                                                                                                         \
	X(free_wires)                                                                                                            \
	X(backend_ids)                                                                                                           \
	X(backends_by_uid)                                                                                                       \
	X(wire_indexes)                                                                                                          \
	X(namespaces)

struct upstreamtop_bpf {
	struct {
#define MAP(name) struct bpf_map *name;
		MAPS(MAP)
#undef MAP
	} maps;
	struct {
		int upstreamtop_sweep, upstreamtop_sweep_more4, upstreamtop_sweep_more6, upstreamtop_check;
	} progs;
};
