/*
 * tc filters that insert headers between Ethernet and TCP. push and pop: TAGS VLAN tags (for kernels without VLAN devices).
 * extend: an IPv6 extension header; the receiver's stack skips it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
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

/* Destination options (next header 60) with six bytes of padding. */
SEC("extend")
int insert_extension(struct __sk_buff *skb)
{
	__u8 options[8] = {0, 0, 1, 4}, next = 60;
	__u16 length;
	int at = ETH_HLEN;

	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, nexthdr), options, 1))
		return TC_ACT_SHOT;
	if (options[0] != 6)
		return TC_ACT_OK;
	if (bpf_skb_adjust_room(skb, sizeof(options), BPF_ADJ_ROOM_NET, 0) ||
	    bpf_skb_load_bytes(skb, at + offsetof(struct ipv6hdr, payload_len), &length, 2))
		return TC_ACT_SHOT;
	length = bpf_htons(bpf_ntohs(length) + sizeof(options));
	if (bpf_skb_store_bytes(skb, at + offsetof(struct ipv6hdr, payload_len), &length, 2, 0) ||
	    bpf_skb_store_bytes(skb, at + offsetof(struct ipv6hdr, nexthdr), &next, 1, 0) ||
	    bpf_skb_store_bytes(skb, at + sizeof(struct ipv6hdr), options, sizeof(options), 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
