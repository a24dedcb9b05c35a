/* What is counted of excluded flows: their requests, by reason. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/chunks.h"
#include "kernel/packet/sequence.h"

static __always_inline enum total reason_of(enum kind kind)
{
	return kind == KIND_FRONT_DOOR	   ? X_FRONT_DOOR
	       : kind == KIND_IGNORED	   ? X_IGNORED
	       : kind == KIND_NOT_SELECTED ? X_NOT_SELECTED
					   : X_NOT_NGINX;
}

/* Counts a request of an excluded flow once, by its reason. `next` of the flow shows retransmissions. */
__noinline int excluded(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch_of(skb);

	if (!f || !p || !s)
		return 0;
	count(T_EXCLUDED);
	if (seq_before(p->seq, f->out.next))
		return 0;
	f->out.next = p->seq + p->len;
	f->out.last_ns = bpf_ktime_get_coarse_ns();
	s->work.off = p->off;
	__u32 n = p->len > 32 ? 32 : p->len;
	if (load_chunk(skb, s, n) || !may_be_request(s->chunk.bytes, n) || n < 16)
		return 0;
	if (nginx_only && f->kind == KIND_NOT_NGINX && f->deferred)
		ADD(f->left_out, 1);
	else
		count(reason_of(f->kind));
	return 0;
}
