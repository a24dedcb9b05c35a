/* The sending process: whether it is an nginx, and of which user. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/state/maps.h"
#include "processes.h"
#include "sockets.h"

struct sender {
	__u32 pid;
	__u32 instance; /* the first master's pid of its nginx; 0 when it is no nginx */
	__u32 uid;	/* the first master's */
	__u32 own_uid;
};

static __always_inline enum rank rank_of(const struct sender *s)
{
	return !s->instance ? ANYONE : s->uid ? NGINX : NGINX_OF_ROOT;
}

/* A setuid program with nginx's name does not belong to the user who starts it. */
static __always_inline __u32 owner_of_process(struct task_struct *task)
{
	__u32 uid = BPF_CORE_READ(task, real_cred, uid.val);

	return uid == BPF_CORE_READ(task, real_cred, euid.val) ? uid : NO_UID;
}

/*
 * The instance of a process that is nginx. By descent where it is known; otherwise a process whose parent is nginx, too, is taken
 * for its worker.
 */
static __always_inline struct nginx_process instance_of(struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, tgid);
	struct nginx_process *known = bpf_map_lookup_elem(&nginx_processes, &pid);
	struct task_struct *parent;

	if (known)
		return *known;
	parent = BPF_CORE_READ(task, real_parent);
	if (!is_nginx(parent))
		parent = task;
	pid = BPF_CORE_READ(parent, tgid);
	known = bpf_map_lookup_elem(&nginx_processes, &pid);
	if (known)
		return *known;
	return (struct nginx_process){.instance = pid, .uid = owner_of_process(parent)};
}

/*
 * The current process. It is the sender of a SYN by connect() and of a server's first write, but not of data that an arriving ACK
 * releases.
 */
static __always_inline void sender_now(struct sender *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct nginx_process nginx;

	s->pid = task->tgid;
	s->instance = 0;
	if (!is_nginx_now(task))
		return;
	nginx = instance_of(task);
	s->instance = nginx.instance;
	s->uid = nginx.uid;
	s->own_uid = BPF_CORE_READ(task, real_cred, euid.val);
}

/*
 * Whose connection it is that sends: as its attempt says, else the current process. A SYN that waits for the neighbour's address
 * leaves in the context of any process. Returns the attempt, if there is one.
 */
static __always_inline struct attempt *sender_of_connection(source_t *source, struct sender *s)
{
	struct attempt *a = attempt_of_sender(source);

	if (!a) {
		sender_now(s);
		return 0;
	}
	s->pid = a->pid;
	s->instance = a->instance;
	s->uid = a->uid;
	return a;
}
