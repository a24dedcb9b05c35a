/*
 * Sets empty programs at functions of a file, at entry and return, as tools do that read TLS at the library's own functions:
 *   uprobes OBJECT FILE OFFSET…    prints "ready", runs until stdin closes
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPROBE_MULTI 48
#define AT_RETURN    1
#define MOST	     16

static int die(const char *what)
{
	fprintf(stderr, "uprobes: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* bpf_attr.link_create, for headers that are older than uprobe_multi */
static int attach(int program, const char *file, const unsigned long long *offsets, unsigned count, unsigned flags)
{
	struct {
		__u32 program, target, type, flags;
		__u64 path, offsets, counters, cookies;
		__u32 count, multi_flags, pid, pad;
	} link = {
	    .program = program,
	    .type = UPROBE_MULTI,
	    .path = (unsigned long)file,
	    .offsets = (unsigned long)offsets,
	    .count = count,
	    .multi_flags = flags,
	};

	return syscall(__NR_bpf, BPF_LINK_CREATE, &link, sizeof(link));
}

static int program_of(struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

int main(int argc, char **argv)
{
	struct bpf_object *object = argc > 3 && argc < 3 + MOST ? bpf_object__open_file(argv[1], NULL) : NULL;
	unsigned long long offsets[MOST];
	struct bpf_program *program;
	char end;

	if (!object)
		return die("object");
	for (int i = 3; i < argc; i++)
		offsets[i - 3] = strtoull(argv[i], NULL, 0);
	bpf_object__for_each_program(program, object) bpf_program__set_expected_attach_type(program, UPROBE_MULTI);
	if (bpf_object__load(object))
		return die("load");
	if (attach(program_of(object, "returned"), argv[2], offsets, argc - 3, AT_RETURN) < 0 ||
	    attach(program_of(object, "entered"), argv[2], offsets, argc - 3, 0) < 0)
		return die("attach");
	puts("ready");
	fflush(stdout);
	while (read(0, &end, 1) > 0)
		;
	return 0;
}
