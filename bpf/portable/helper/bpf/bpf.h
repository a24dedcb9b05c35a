/* What the helper asks libbpf for, of maps and programs in this process's memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "portable/machine.h"
#include "portable/maps.h"

enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };

#define bpf_map_lookup_elem(fd, key, value)	   map_copy(map_number(fd), key, value)
#define bpf_map_update_elem(fd, key, value, flags) map_put(map_number(fd), key, value, flags)
#define bpf_map_delete_elem(fd, key)		   map_remove(map_number(fd), key)
#define bpf_map_get_next_key(fd, key, next)	   map_next(map_number(fd), key, next)

struct bpf_test_run_opts {
	const void *ctx_in;
	size_t ctx_size_in;
	const void *data_in;
	size_t data_size_in;
};
#define LIBBPF_OPTS(type, name, ...) struct type name = {__VA_ARGS__}

static inline int bpf_prog_test_run_opts(int program, struct bpf_test_run_opts *options)
{
	return machine_run(program, options->ctx_in);
}
