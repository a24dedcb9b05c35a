/*
 * Which instance of nginx a process belongs to: that of the process from which it was forked. A daemon, a worker, and the master
 * of a new binary (USR2) are forked by their master; after a restart there is another first master, and so another instance.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/state/maps.h"
#include "processes.h"
#include "sender.h"

__u32 nginx_processes_of_others = 0;
/* Read by the helper: a master forks when it has read its configuration. */
__u32 nginx_forks = 0;
__u32 nginx_beginnings = 0; /* of these, of a process that no nginx has forked */

static __always_inline void forget_process(__u32 pid, const struct nginx_process *process)
{
	__u32 uid = process->uid;

	if (!bpf_map_delete_elem(&nginx_processes, &pid) && uid)
		__sync_fetch_and_add(&nginx_processes_of_others, -1);
}

/* Without room its parent tells its instance. */
static __always_inline void remember_process(__u32 pid, const struct nginx_process *process)
{
	if (process->uid && nginx_processes_of_others >= NGINX_PROCESSES_OF_OTHERS)
		return;
	if (!bpf_map_update_elem(&nginx_processes, &pid, process, BPF_NOEXIST) && process->uid)
		__sync_fetch_and_add(&nginx_processes_of_others, 1);
}

/* Only where the kernel cannot look a process up by its pid. */
SEC("tp_btf/sched_process_exit")
int upstreamtop_exit(__u64 *context)
{
	struct task_struct *task = (struct task_struct *)context[0];
	__u32 pid = task->tgid;
	struct nginx_process *known = bpf_map_lookup_elem(&nginx_processes, &pid);

	/* the last of its threads */
	if (known && !BPF_CORE_READ(task, signal, live.counter))
		forget_process(pid, known);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int upstreamtop_fork(__u64 *context)
{
	struct task_struct *parent = (struct task_struct *)context[0], *child = (struct task_struct *)context[1];
	__u32 pid = child->tgid, own = parent->tgid;
	struct nginx_process *stale, process;

	if (pid == own) /* a thread */
		return 0;
	/* of a process that had this pid */
	stale = bpf_map_lookup_elem(&nginx_processes, &pid);
	if (stale)
		forget_process(pid, stale);
	if (!is_nginx_now(parent) || (!BY_CGROUP && BPF_CORE_READ(parent, nsproxy, net_ns, ns.inum) != netid))
		return 0;
	if (!bpf_map_lookup_elem(&nginx_processes, &own))
		__sync_fetch_and_add(&nginx_beginnings, 1);
	__sync_fetch_and_add(&nginx_forks, 1);
	process = instance_of(parent);
	remember_process(own, &process);
	remember_process(pid, &process);
	return 0;
}
