/*
 * The maximum stack of each program, as older kernels count it: every frame on the path is rounded up to 32 bytes (the limit is
 * 512), frames of callbacks included. `stack OBJECT` prints one JSON object: program → bytes. It loads OBJECT, because libbpf
 * then appends the subprograms to each program.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>

#define INSNS 65536

static const struct bpf_insn *code;
static int count, starts[INSNS]; /* whether a function begins at this instruction */

/* Calls and callbacks both have a target relative to their own instruction. */
static int target(int at)
{
	const struct bpf_insn *i = &code[at];
	int call = i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL;
	int callback = i->code == (BPF_LD | BPF_IMM | BPF_DW) && i->src_reg == BPF_PSEUDO_FUNC;

	return call || callback ? at + 1 + i->imm : -1;
}

static int end_of(int start)
{
	int end = start + 1;

	while (end < count && !starts[end])
		end++;
	return end;
}

/*
 * Size of a function's frame: the lowest byte below the frame pointer that it accesses, directly or by a pointer that it
 * computes.
 */
static int frame(int start)
{
	int size = 0, copy = -1;

	for (int at = start; at < end_of(start); at++) {
		const struct bpf_insn *i = &code[at];
		int class = BPF_CLASS(i->code), below = 0;

		if ((class == BPF_LDX && i->src_reg == 10) || ((class == BPF_STX || class == BPF_ST) && i->dst_reg == 10))
			below = -i->off;
		else if (i->code == (BPF_ALU64 | BPF_MOV | BPF_X) && i->src_reg == 10)
			copy = i->dst_reg;
		else if (i->code == (BPF_ALU64 | BPF_ADD | BPF_K) && i->dst_reg == copy)
			below = -i->imm;
		if (below > size)
			size = below;
	}
	return size;
}

static int deepest(int start)
{
	int below = 0, own = frame(start);

	for (int at = start; at < end_of(start); at++) {
		int callee = target(at), depth = callee < 0 ? 0 : deepest(callee);

		if (depth > below)
			below = depth;
	}
	return below + ((own ? own : 1) + 31) / 32 * 32;
}

int main(int argc, char **argv)
{
	struct bpf_object *object = argc > 1 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *program;
	const char *before = "{";

	if (!object || bpf_object__load(object))
		return 1;
	bpf_object__for_each_program(program, object)
	{
		code = bpf_program__insns(program);
		count = bpf_program__insn_cnt(program);
		if (count > INSNS)
			return 1;
		for (int at = 0; at < count; at++)
			starts[at] = 0;
		for (int at = 0; at < count; at++)
			if (target(at) >= 0)
				starts[target(at)] = 1;
		printf("%s\"%s\":%d", before, bpf_program__name(program), deepest(0));
		before = ",";
	}
	printf("}\n");
	bpf_object__close(object);
	return 0;
}
