/* A tc filter that drops each N-th TCP segment with payload from or to PORT (0: any port), and counts the segments seen. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef EVERY
#define EVERY 10
#endif
#ifndef PORT
#define PORT 0
#endif

unsigned int seen;

SEC("classifier")
int drop(struct __sk_buff *skb)
{
	struct iphdr ip;
	struct tcphdr tcp;
	__u32 headers;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return TC_ACT_UNSPEC;
	if (ip.protocol != 6 || bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &tcp, sizeof(tcp)))
		return TC_ACT_UNSPEC;
	headers = ip.ihl * 4 + tcp.doff * 4;
	if (bpf_ntohs(ip.tot_len) <= headers)
		return TC_ACT_UNSPEC;
	if (PORT && tcp.dest != bpf_htons(PORT) && tcp.source != bpf_htons(PORT))
		return TC_ACT_UNSPEC;
	return __sync_fetch_and_add(&seen, 1) % EVERY == EVERY - 1 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
