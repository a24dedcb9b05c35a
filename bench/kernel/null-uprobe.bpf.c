/* Programs that do nothing at a function's entry and return: what the probes of others cost at least. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("kprobe")
int entered(void *context)
{
	(void)context;
	return 0;
}

SEC("kprobe")
int returned(void *context)
{
	(void)context;
	return 0;
}

char _license[] SEC("license") = "GPL";
