/*
 * Clients of nginx on this host, wherever they are: by control group both ends of such a connection are seen, each in its own
 * network namespace and with addresses of its own. What begins it has the same sequence number at both.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sender.h"
#include "flows.h"

/* The SYN, or the first request on an older connection, leaves. It may arrive at nginx before this returns to its sender. */
static __always_inline void note_asking(const struct packet *p, const struct sender *who)
{
	struct asking a = {.family = p->family, .instance = who->instance};
	__u32 sequence = p->seq;

	a.lport = p->translated ? (p->family == 4 ? p->wire4.lport : p->wire6.lport) : p->family == 4 ? p->k4.lport : p->k6.lport;
	a.rport = bpf_htons(wire_port(p));
	if (p->family == 4)
		a.k4 = p->k4;
	else
		a.k6 = p->k6;
	bpf_map_update_elem(&askings, &sequence, &a, BPF_ANY);
	if (!(p->flags & TCP_SYN))
		last_asking_ns = bpf_ktime_get_coarse_ns();
}

/* Whether a segment with payload that arrives may have been noted: a connection begins with a SYN, older ones are few. */
static __always_inline int may_be_asked(void)
{
	return bpf_ktime_get_coarse_ns() - last_asking_ns < SECOND;
}

/* One end of it may have another port behind NAT, but not both, unless the number is the same by chance. */
static __always_inline int is_same_connection(const struct asking *a, const struct packet *p)
{
	return a->family == p->family && (bpf_ntohs(a->lport) == remote_port(p) || bpf_ntohs(a->rport) == local_port(p));
}

/* Names of namespaces are asked for by the group of who connects from them: of an nginx, if there is one. */
static __always_inline void note_namespace(struct __sk_buff *skb, const struct packet *p, const struct sender *who)
{
	struct namespace_row row = {.pid = who->pid, .is_nginx = who->instance != 0}, *known;
	__u32 key = netid_of(p);

	known = bpf_map_lookup_elem(&namespaces, &key);
	if (known && (known->is_nginx || !row.is_nginx))
		return;
	row.cgroup = bpf_skb_cgroup_id(skb);
	bpf_map_update_elem(&namespaces, &key, &row, BPF_ANY);
}
