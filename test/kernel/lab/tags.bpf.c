/* Two tc filters: one puts TAGS VLAN tags on a frame, the other takes them off. For kernels without VLAN devices. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef TAGS
#define TAGS 1
#endif

SEC("push")
int push_tags(struct __sk_buff *skb)
{
	for (int i = 0; i < TAGS; i++)
		if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 5 + i))
			return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("pop")
int pop_tags(struct __sk_buff *skb)
{
	for (int i = 0; i < TAGS; i++)
		if (bpf_skb_vlan_pop(skb))
			return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
