/*
 * What becomes of nginx's attempts to connect. Each is booked once: as established, or as a failure with nginx's reason for it,
 * and an established one as an early close when it is over. All of this runs beside the packet programs, in any context: no
 * scratch memory, and only atomic adds.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/host/sender.h"
#include "kernel/scope/filters.h"
#include "kernel/counting/established.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/routes.h"
#include "kernel/counting/wires.h"

/* Numbers of errno: the kernel's types carry no macros. */
#define ECONNRESET   104
#define ETIMEDOUT    110
#define ECONNREFUSED 111

enum attempt_failure { REFUSED, CONNECT_TIMEOUT, UNREACHABLE, EARLY_CLOSE };

/* A worker whose attempt failed goes on with the next upstream at once: its next request is a retry. */
static __always_inline void expect_retry(const struct attempt *a)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 pid = a->pid;

	bpf_map_update_elem(&failed_connects, &pid, &now, BPF_ANY);
	last_failure_ns = now;
}

__noinline int book_attempt_failure(struct attempt *a, enum attempt_failure why)
{
	struct backend *b;
	struct wire *w;
	__u32 row;

	if (!a)
		return 0;
	row = row_of(a);
	b = backend_of(row);
	if (!b)
		return 0;
	if (why == REFUSED)
		ADD(b->refused, 1);
	else if (why == CONNECT_TIMEOUT)
		ADD(b->connect_timeout, 1);
	else if (why == UNREACHABLE)
		ADD(b->unreachable, 1);
	else
		ADD(b->early_close, 1);
	w = wire_of_attempt(a, row);
	if (w)
		ADD(w->failures, 1);
	expect_retry(a);
	return 0;
}

/* Nobody reads what is within its TLS. */
static __always_inline void leave_tls_unread(struct attempt *a)
{
	struct backend *b;

	if (!reads_tls || __sync_val_compare_and_swap(&a->speech, TLS_BEGUN, UNREAD) != TLS_BEGUN)
		return;
	count_shared(X_TLS);
	b = backend_of(row_of(a));
	if (b)
		ADD(b->opaque, 1);
}

/* Whether nginx's connections to this address are looked at. */
static __always_inline int is_in_scope(const struct backend_key *remote)
{
	return !(has_ignored && is_ignored(remote)) && (!has_only || is_selected(remote));
}

static __always_inline void attempt_of(struct attempt *a, const struct sender *who)
{
	a->at_ns = bpf_ktime_get_ns();
	a->pid = who->pid;
	a->instance = who->instance;
	a->uid = who->uid;
	a->rank = rank_of(who);
	a->state = TCP_CLOSE;
}
