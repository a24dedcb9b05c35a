/*
 * Two programs for `--tls`, which read nothing: what a probe costs on this machine is measured with one that is empty, and how
 * often nginx calls its TLS functions with one that counts.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the helper sets it */
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

SEC("uprobe")
int upstreamtop_empty(void *context)
{
	return 0;
}

/* Which function it is, and of which program, the link says. */
SEC("uprobe")
int upstreamtop_counting(void *context)
{
	__u32 index = bpf_get_attach_cookie(context);
	__u64 *count = bpf_map_lookup_elem(&calls, &index);

	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
