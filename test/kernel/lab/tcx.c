/*
 * Attaches another tcx program, or counts the programs of a hook.
 *   tcx list DEV                 prints how many programs are attached: "INGRESS EGRESS"
 *   tcx attach DEV HOOK OBJECT   attaches the program of OBJECT (last), prints "ready", runs until stdin closes, prints its
 *   `seen`
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_INGRESS 46
#define TCX_EGRESS  47

static int die(const char *what)
{
	fprintf(stderr, "tcx: %s: %s\n", what, strerror(errno));
	return 1;
}

static int count(int ifindex, int hook)
{
	/* bpf_attr.query: target_ifindex, attach_type, query_flags, attach_flags, prog_ids, prog_cnt */
	struct {
		__u32 target, type, flags, attach_flags;
		__u64 ids;
		__u32 cnt, pad[15];
	} query = { .target = ifindex, .type = hook };

	/* an empty hook gives ENOENT */
	if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof(query)) && errno != ENOENT)
		return -1;
	return query.cnt;
}

static int attach(int ifindex, int hook, const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program = object ? bpf_object__next_program(object, NULL) : NULL;
	struct bpf_map *map;
	unsigned int seen = 0, key = 0;
	char end;

	if (!program)
		return die(path);
	bpf_program__set_type(program, BPF_PROG_TYPE_SCHED_CLS);
	if (bpf_object__load(object))
		return die("load");
	if (bpf_link_create(bpf_program__fd(program), ifindex, hook, NULL) < 0)
		return die("attach");
	puts("ready");
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	map = bpf_object__find_map_by_name(object, ".bss");
	if (!map || bpf_map_lookup_elem(bpf_map__fd(map), &key, &seen))
		return die("read");
	printf("%u\n", seen);
	return 0;
}

int main(int argc, char **argv)
{
	int ifindex = argc > 2 ? if_nametoindex(argv[2]) : 0;

	if (!ifindex)
		return die("interface");
	if (argc == 5 && !strcmp(argv[1], "attach"))
		return attach(ifindex, strcmp(argv[3], "ingress") ? TCX_EGRESS : TCX_INGRESS, argv[4]);
	printf("%d %d\n", count(ifindex, TCX_INGRESS), count(ifindex, TCX_EGRESS));
	return 0;
}
