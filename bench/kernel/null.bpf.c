/* The smallest tcx program. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

unsigned int seen;

SEC("classifier")
int null(struct __sk_buff *skb)
{
	if (skb->len == 0)
		seen++;
	return -1; /* TCX_NEXT */
}

char _license[] SEC("license") = "GPL";
