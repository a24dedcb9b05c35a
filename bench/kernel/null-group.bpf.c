/* The smallest program for a control group. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

unsigned int seen;

SEC("cgroup_skb/ingress")
int null(struct __sk_buff *skb)
{
	if (skb->len == 0)
		seen++;
	return 1;
}

char _license[] SEC("license") = "GPL";
