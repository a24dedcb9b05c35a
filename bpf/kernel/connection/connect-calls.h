/*
 * Calls of connect() that fail before the socket has left CLOSE: no route, not permitted. A hook sees every call before the
 * kernel looks for a route; the calling thread's SYN_SENT says that it got farther. A call of which nothing was heard until the
 * thread connects again, closes a socket, or is gone, has failed. The hooks change nothing: they return 1, which lets it pass.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/attempt.h"
#include "kernel/state/maps.h"
#include "kernel/host/sender.h"
#include "attempts.h"
#include "sockmap.h"

#define PASS 1
/* Of a thread that went on to neither: it has ended. A virtual CPU may stand still for as long as this. */
#define CALL_IS_OVER (3 * SECOND)

static __always_inline __u32 this_thread(void)
{
	return bpf_get_current_pid_tgid();
}

/* The thread goes on: its last call, if it got nowhere, has failed. */
static __always_inline void settle_call(void)
{
	__u32 thread = this_thread();
	struct attempt *found = bpf_map_lookup_elem(&connect_calls, &thread), a;

	if (!found)
		return;
	a = *found;
	if (!bpf_map_delete_elem(&connect_calls, &thread))
		book_attempt_failure(&a, UNREACHABLE);
}

/* The thread's call got as far as SYN_SENT. Returns whether it was seen, and who called. */
static __always_inline int take_call(struct attempt *a)
{
	__u32 thread = this_thread();
	struct attempt *found = bpf_map_lookup_elem(&connect_calls, &thread);

	if (!found)
		return 0;
	*a = *found;
	return !bpf_map_delete_elem(&connect_calls, &thread);
}

static __always_inline void note_call(struct attempt *a)
{
	__u32 thread = this_thread();

	if (is_in_scope(&a->remote) && bpf_map_update_elem(&connect_calls, &thread, a, BPF_ANY))
		count_shared(L_MAP_REFUSED);
}

/* Of the current process: whether it is in the control group that is recorded. */
static __always_inline int is_in_group(void)
{
	return !group_id || bpf_get_current_ancestor_cgroup_id(group_level) == group_id;
}

/* Of the current process. */
static __always_inline __u32 current_namespace(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();

	return BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
}

/* Whether it is nginx's, in a namespace that is recorded. */
static __always_inline int is_nginx_call(struct bpf_sock_addr *ctx, struct attempt *a)
{
	struct sender who = {};

	if (ctx->protocol != IPPROTO_TCP || stopping)
		return 0;
	sender_now(&who);
	if (!who.instance)
		return 0;
	settle_call();
	attempt_of(a, &who);
	return BY_CGROUP || bpf_get_netns_cookie(ctx) == netns_cookie;
}

SEC("cgroup/connect4")
int upstreamtop_connect4(struct bpf_sock_addr *ctx)
{
	struct attempt a = {};

	if (!is_nginx_call(ctx, &a))
		return PASS;
	remote_of_words(&a.remote, 0, ctx->user_ip4, 0, ctx->user_port, current_namespace());
	note_call(&a);
	return PASS;
}

SEC("cgroup/connect6")
int upstreamtop_connect6(struct bpf_sock_addr *ctx)
{
	struct attempt a = {};
	__u32 address[4];

	if (!is_nginx_call(ctx, &a))
		return PASS;
	address[0] = ctx->user_ip6[0];
	address[1] = ctx->user_ip6[1];
	address[2] = ctx->user_ip6[2];
	address[3] = ctx->user_ip6[3];
	remote_of_words(&a.remote, 1, 0, address, ctx->user_port, current_namespace());
	note_call(&a);
	return PASS;
}

/* It leaves the sockmap before its state changes. */
static __always_inline void release_from_sockmap(struct bpf_sock *view)
{
	struct sock *sk = has_context_cast ? bpf_cast_to_kern_ctx(view) : 0;
	__u64 key = (__u64)(long)sk;
	struct attempt *a = sk && is_in_sockmap(sk->sk_user_data) ? bpf_map_lookup_elem(&attempts, &key) : 0;

	if (a)
		note_sockmap(sk, a);
}

/* nginx closes the socket whose connect() failed at once, and then tries the next upstream, perhaps over an idle connection. */
SEC("cgroup/sock_release")
int upstreamtop_release(struct bpf_sock *sk)
{
	settle_call();
	release_from_sockmap(sk);
	return PASS;
}

static long sweep_call(struct bpf_map *map, __u32 *thread, struct attempt *call, struct sweep *c)
{
	__u32 key = *thread;
	struct attempt a = *call;

	if (c->now > a.at_ns + CALL_IS_OVER && !bpf_map_delete_elem(map, &key))
		book_attempt_failure(&a, UNREACHABLE);
	return 0;
}

static __always_inline void sweep_calls(struct sweep *c)
{
	bpf_for_each_map_elem(&connect_calls, sweep_call, c, 0);
}
