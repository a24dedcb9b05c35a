/* The sending process: whether it is an nginx, and of which user. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"

struct sender {
	__u32 pid;
	__u32 instance; /* the master's pid of its nginx; 0 when it is no nginx */
	__u32 uid;	/* the master's */
	__u32 own_uid;
};

static __always_inline enum rank rank_of(const struct sender *s)
{
	return !s->instance ? ANYONE : s->uid ? NGINX : NGINX_OF_ROOT;
}

static __always_inline int is_nginx(struct task_struct *task)
{
	__u64 comm = 0;

	bpf_probe_read_kernel(&comm, sizeof(comm), task->comm);
	comm &= 0xffffffffffffULL;
	return comm == 0x786e69676eULL || comm == 0x6569676e61ULL; /* "nginx", "angie", with the terminating zero */
}

/*
 * The current process. It is the sender of a SYN by connect() and of a server's first write, but not of data that an arriving ACK
 * releases.
 */
static __always_inline void sender_now(struct sender *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf(), *parent;
	__u32 effective;

	s->pid = task->tgid;
	s->instance = 0;
	if (!is_nginx(task))
		return;
	parent = BPF_CORE_READ(task, real_parent);
	if (!is_nginx(parent))
		parent = task;
	s->instance = BPF_CORE_READ(parent, tgid);
	s->uid = BPF_CORE_READ(parent, real_cred, uid.val);
	s->own_uid = BPF_CORE_READ(task, real_cred, euid.val);
	/* a setuid program with nginx's name does not belong to the user who starts it */
	effective = BPF_CORE_READ(parent, real_cred, euid.val);
	if (s->uid != effective)
		s->uid = NO_UID;
}
