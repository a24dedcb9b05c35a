/* The object whose programs read what nginx writes and reads within TLS: it shares maps and globals with the one that reads
 * packets. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper.h"
#include "upstreamtop.skel.h"
#include "upstreamtop-tls.skel.h"

#define BPF_TRACE_UPROBE_MULTI 48 /* Debian 12's headers lack it */

/* Constants are its own, and memory that belongs to who runs on a CPU: packets interrupt these programs. */
static bool is_shared(const struct upstreamtop_tls_bpf *tls, const struct bpf_map *map)
{
	if (bpf_map__is_internal(map))
		return map == tls->maps.bss || map == tls->maps.data;
	return map != tls->maps.scratches && map != tls->maps.route_cache && map != tls->maps.readings;
}

static int share_maps(struct upstreamtop_tls_bpf *tls, const struct upstreamtop_bpf *bpf)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, tls->obj)
	{
		const struct bpf_map *other = map == tls->maps.bss ? bpf->maps.bss
					      : map == tls->maps.data
						  ? bpf->maps.data
						  : bpf_object__find_map_by_name(bpf->obj, bpf_map__name(map));

		if (is_shared(tls, map) && bpf_map__reuse_fd(map, bpf_map__fd(other)))
			return -1;
	}
	return 0;
}

static void choose_programs(struct upstreamtop_tls_bpf *tls)
{
	struct bpf_program *chosen[] = {tls->progs.upstreamtop_ssl_write, tls->progs.upstreamtop_ssl_recv,
					tls->progs.upstreamtop_ssl_recv_done};
	struct bpf_program *program;

	bpf_object__for_each_program(program, tls->obj) bpf_program__set_autoload(program, false);
	for (int i = 0; i < 3; i++) {
		bpf_program__set_autoload(chosen[i], true);
		bpf_program__set_expected_attach_type(chosen[i], BPF_TRACE_UPROBE_MULTI);
	}
}

bool load_plaintext(const struct upstreamtop_bpf *bpf, struct tls_programs *programs)
{
	struct upstreamtop_tls_bpf *tls = upstreamtop_tls_bpf__open();

	if (!tls)
		return false;
	/* the same variables at the same places: the build compares them */
	memcpy(tls->rodata, bpf->rodata, sizeof(*tls->rodata));
	choose_programs(tls);
	if (share_maps(tls, bpf) || upstreamtop_tls_bpf__load(tls)) {
		upstreamtop_tls_bpf__destroy(tls);
		return false;
	}
	programs->write = bpf_program__fd(tls->progs.upstreamtop_ssl_write);
	programs->recv = bpf_program__fd(tls->progs.upstreamtop_ssl_recv);
	programs->recv_done = bpf_program__fd(tls->progs.upstreamtop_ssl_recv_done);
	return true;
}
