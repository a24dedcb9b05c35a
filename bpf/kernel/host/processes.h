/*
 * Which processes are nginx: by the names of its kinds, by the file of the program, or by the title that nginx gives itself.
 * Anybody may forge a name or a title, for his own process only: a file is learned by the helper alone, who has looked into it.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/state/maps.h"

/* nginx, angie, tengine, openresty, freenginx, nginx-debug, as words with the terminating zero */
static __always_inline int has_name_of_nginx(struct task_struct *task)
{
	__u64 name[2] = {}, first, second;

	bpf_probe_read_kernel(name, sizeof(name), task->comm);
	first = name[0];
	second = name[1];
	if ((first & 0xffffffffffff) == 0x786e69676e || (first & 0xffffffffffff) == 0x6569676e61)
		return 1;
	return first == 0x656e69676e6574 || (first == 0x747365726e65706f && (second & 0xffff) == 'y') ||
	       (first == 0x6e69676e65657266 && (second & 0xffff) == 'x') ||
	       (first == 0x65642d786e69676e && (second & 0xffffffff) == 0x677562);
}

/* Returns 0 for a kernel thread, and for a process that has ended. */
static __always_inline int read_program_file(struct task_struct *task, struct program_file *file)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	if (!inode)
		return 0;
	file->inode = BPF_CORE_READ(inode, i_ino);
	file->device = BPF_CORE_READ(inode, i_sb, s_dev);
	file->pad = 0;
	return 1;
}

/* Any process. The title is not read: only the current process can read its memory here. */
static __always_inline int is_nginx(struct task_struct *task)
{
	struct program_file file;

	return has_name_of_nginx(task) || (read_program_file(task, &file) && bpf_map_lookup_elem(&nginx_files, &file) != 0);
}

/* "nginx: ", "angie: ": master and workers. Whoever starts a setuid program chooses its title. */
static __always_inline int has_title_of_nginx(struct task_struct *task)
{
	__u64 title = 0, at = BPF_CORE_READ(task, mm, arg_start);

	if (!at || bpf_probe_read_user(&title, sizeof(title), (void *)at))
		return 0;
	title &= 0xffffffffffffff;
	return (title == 0x203a786e69676e || title == 0x203a6569676e61) &&
	       BPF_CORE_READ(task, real_cred, uid.val) == BPF_CORE_READ(task, real_cred, euid.val);
}

/* The current process. */
static __always_inline int is_nginx_now(struct task_struct *task)
{
	return is_nginx(task) || has_title_of_nginx(task);
}

/* ---- for the helper, once: it knows processes by the numbers of its own pid namespace ---- */

SEC("iter/task")
int upstreamtop_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct task_struct *reader = (struct task_struct *)bpf_get_current_task_btf();
	__u32 level = BPF_CORE_READ(reader, thread_pid, level);
	struct task_row row = {};
	struct pid *pid;

	if (!task || task->pid != task->tgid)
		return 0;
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid || level > BPF_CORE_READ(pid, level))
		return 0;
	bpf_probe_read_kernel(&row.pid, sizeof(row.pid), &pid->numbers[level].nr);
	row.host_pid = task->tgid;
	read_program_file(task, &row.file);
	bpf_seq_write(context->meta->seq, &row, sizeof(row));
	return 0;
}
