/* What probes cost on this machine, measured on functions of the helper's own; and a program that counts calls. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tls.h"
#include "cost.skel.h"

#define ROUNDS	       12
#define EMULATED_CALLS 100
#define STEPPED_CALLS  20

/* ---- the functions: the first instruction decides ---- */

void upstreamtop_emulated(void);
void upstreamtop_stepped(void);
#if defined(__x86_64__)
asm(".pushsection .text\n"
    "upstreamtop_emulated: push %rbp\n pop %rbp\n ret\n"
    "upstreamtop_stepped: sub $8, %rsp\n add $8, %rsp\n ret\n"
    ".popsection\n");
#else
asm(".pushsection .text\n .balign 4\n"
    "upstreamtop_emulated: nop\n ret\n"
    "upstreamtop_stepped: stp x29, x30, [sp, #-16]!\n ldp x29, x30, [sp], #16\n ret\n"
    ".popsection\n");
#endif

struct place {
	uintptr_t address;
	uint64_t offset;
};

/* The first object is the program itself. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *context)
{
	struct place *place = context;

	(void)size;
	place->offset = offset_of(info->dlpi_phdr, info->dlpi_phnum, place->address - info->dlpi_addr);
	return 1;
}

static uint64_t offset_of_function(void (*function)(void))
{
	struct place place = {.address = (uintptr_t)function};

	dl_iterate_phdr(find_offset, &place);
	return place.offset;
}

/* ---- measuring ---- */

/* ns per call: the least of some rounds, as other work on this machine only adds to it. */
static uint64_t time_of(void (*function)(void), int calls)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin = now_ns(CLOCK_MONOTONIC), took;

		for (int k = 0; k < calls; k++)
			function();
		took = now_ns(CLOCK_MONOTONIC) - begin;
		least = took < least ? took : least;
	}
	return least / calls;
}

static uint32_t more_than(uint64_t with, uint64_t without)
{
	return with > without ? with - without : 1;
}

static void measure(struct tls_cost *cost, int program)
{
	uint64_t offsets[] = {offset_of_function(upstreamtop_emulated), offset_of_function(upstreamtop_stepped)};
	uint64_t emulated = time_of(upstreamtop_emulated, EMULATED_CALLS), stepped = time_of(upstreamtop_stepped, STEPPED_CALLS);
	uint64_t entered;
	int entry, end;

	entry = attach_probe(program, "/proc/self/exe", offsets, NULL, 2, false, getpid());
	if (entry < 0) {
		snprintf(cost->why, sizeof(cost->why), "a probe cannot be set: %s", strerror(errno));
		return;
	}
	entered = time_of(upstreamtop_emulated, EMULATED_CALLS);
	cost->entry_ns = more_than(entered, emulated);
	cost->stepped_ns = more_than(time_of(upstreamtop_stepped, STEPPED_CALLS), stepped);
	end = attach_probe(program, "/proc/self/exe", offsets, NULL, 1, true, getpid());
	if (end >= 0)
		cost->return_ns = more_than(time_of(upstreamtop_emulated, EMULATED_CALLS), entered);
	else
		snprintf(cost->why, sizeof(cost->why), "a probe cannot be set at a return: %s", strerror(errno));
	close(end);
	close(entry);
}

/* ---- programs ---- */

/* Before loading: libbpf 1.1 does not know it by its section. */
static struct cost_bpf *load_programs(int counts)
{
	struct cost_bpf *bpf = cost_bpf__open();

	if (!bpf)
		return NULL;
	bpf_program__set_expected_attach_type(bpf->progs.upstreamtop_empty, (enum bpf_attach_type)UPROBE_MULTI);
	bpf_program__set_expected_attach_type(bpf->progs.upstreamtop_counting, (enum bpf_attach_type)UPROBE_MULTI);
	bpf_map__set_max_entries(bpf->maps.calls, counts);
	if (!cost_bpf__load(bpf))
		return bpf;
	cost_bpf__destroy(bpf);
	return NULL;
}

void measure_tls_cost(struct tls_cost *cost)
{
	struct cost_bpf *bpf = load_programs(1);

	memset(cost, 0, sizeof(*cost));
	if (!bpf) {
		snprintf(cost->why, sizeof(cost->why), "its programs cannot be loaded: %s", strerror(errno));
		return;
	}
	measure(cost, bpf_program__fd(bpf->progs.upstreamtop_empty));
	cost_bpf__destroy(bpf);
}

/* ---- counting ---- */

struct counting {
	struct cost_bpf *bpf;
};

struct counting *counting_open(int counts)
{
	struct counting *counting = calloc(1, sizeof(*counting));

	if (!counting)
		die(EXIT_SYSTEM, "out of memory");
	counting->bpf = load_programs(counts);
	if (counting->bpf)
		return counting;
	free(counting);
	return NULL;
}

int counting_program(const struct counting *counting)
{
	return bpf_program__fd(counting->bpf->progs.upstreamtop_counting);
}

uint64_t counted(const struct counting *counting, uint32_t index)
{
	uint64_t count = 0;

	bpf_map_lookup_elem(bpf_map__fd(counting->bpf->maps.calls), &index, &count);
	return count;
}

void counting_close(struct counting *counting)
{
	cost_bpf__destroy(counting->bpf);
	free(counting);
}
