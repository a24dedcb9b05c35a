/*
 * The programs at nginx's own functions that write and read within TLS (--tls): uprobes in its program file, so that nothing else
 * that uses the same library has any. They are preempted by other workers, and interrupted by packets.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel/connection/plaintext-reading.h"

#ifdef __TARGET_ARCH_arm64
#define FIRST_OF(regs)	(((const __u64 *)(regs))[0])
#define SECOND_OF(regs) (((const __u64 *)(regs))[1])
#define THIRD_OF(regs)	(((const __u64 *)(regs))[2])
#define RESULT_OF(regs) (((const __u64 *)(regs))[0])
#else
#define FIRST_OF(regs)	((regs)->di)
#define SECOND_OF(regs) ((regs)->si)
#define THIRD_OF(regs)	((regs)->dx)
#define RESULT_OF(regs) ((regs)->ax)
#endif

#define NGX_AGAIN -2

/* How ngx_connection_t begins, since nginx's first versions. */
struct nginx_connection {
	__u64 data, read, write;
	__s32 fd;
	__u32 pad;
	__u64 recv, send, recv_chain, send_chain;
	__u64 listening; /* of a client's connection */
	__u64 sent;
};

/* What a thread reads within TLS. */
struct reading {
	__u64 socket; /* 0: nothing that is of interest */
	__u64 buffer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct reading);
} readings SEC(".maps");

/* The socket of a descriptor of this process; 0 if it is closed. */
static __always_inline __u64 socket_of(__u32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = 0;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds) || bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return (__u64)(long)BPF_CORE_READ(socket, sk);
}

/* Returns the socket of the connection; 0 for a client's. */
static __always_inline __u64 upstream_socket(__u64 address, struct nginx_connection *c)
{
	if (bpf_probe_read_user(c, sizeof(*c), (const void *)(long)address) || c->listening)
		return 0;
	return socket_of(c->fd);
}

/* ssize_t ngx_ssl_write(ngx_connection_t *c, u_char *data, size_t size) */
SEC("uprobe")
int upstreamtop_ssl_write(struct pt_regs *regs)
{
	struct nginx_connection c;
	__u64 socket = upstream_socket(FIRST_OF(regs), &c), len = THIRD_OF(regs);
	struct scratch *s;

	if (!socket || !len || len > 1 << 30)
		return 0;
	s = take_free_scratch();
	if (!s) {
		count_shared(L_AMBIGUOUS);
		return 0;
	}
	s->memory.address = SECOND_OF(regs);
	s->memory.failed = 0;
	s->memory.socket = socket;
	s->memory.owner = c.data;
	plaintext_written(&s->memory, s, c.sent, len);
	give_scratch(s);
	return 0;
}

/*
 * nginx writes a request before it reads an answer. Where it has not been seen to, its compiler has made a copy of ngx_ssl_write
 * that runs in its place, and the helper says so.
 */
static __always_inline void note_unwritten(struct pt_regs *regs, __u64 socket, __u64 owner)
{
	struct attempt *a = bpf_map_lookup_elem(&attempts, &socket);
	struct tls_use *use = &tls_uses[bpf_get_attach_cookie(regs) / 2 % MAX_TLS_PROGRAMS];
	source_t source = {.owner = owner};

	if (!a || a->speech != TLS_BEGUN || !use->probed_ns || a->at_ns < use->probed_ns || is_of_tunnel(&source))
		return;
	ADD(use->unwritten, 1);
}

/* ssize_t ngx_ssl_recv(ngx_connection_t *c, u_char *buf, size_t size) */
SEC("uprobe")
int upstreamtop_ssl_recv(struct pt_regs *regs)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct reading *known = bpf_map_lookup_elem(&readings, &thread), r = {};
	struct nginx_connection c;
	__u64 socket = upstream_socket(FIRST_OF(regs), &c);

	if (socket && bpf_map_lookup_elem(&plaintexts, &socket)) {
		r.socket = socket;
		r.buffer = SECOND_OF(regs);
	} else if (socket) {
		note_unwritten(regs, socket, c.data);
	}
	if (known)
		*known = r;
	else if (r.socket)
		bpf_map_update_elem(&readings, &thread, &r, BPF_ANY);
	return 0;
}

SEC("uprobe")
int upstreamtop_ssl_recv_done(struct pt_regs *regs)
{
	__u32 thread = bpf_get_current_pid_tgid();
	struct reading *r = bpf_map_lookup_elem(&readings, &thread);
	__u64 socket = r ? r->socket : 0;
	struct flow *f = socket ? bpf_map_lookup_elem(&plaintexts, &socket) : 0;
	long result = RESULT_OF(regs);
	struct scratch *s;

	if (!f || f->kind != KIND_HTTP || result == NGX_AGAIN || result > 1 << 30)
		return 0;
	if (result <= 0) {
		plaintext_ended(f, socket, result);
		return 0;
	}
	s = take_free_scratch();
	if (!s) {
		answer_lost(f);
		return 0;
	}
	s->memory.address = r->buffer;
	s->memory.failed = 0;
	s->memory.socket = socket;
	plaintext_read(&s->memory, s, f, result);
	give_scratch(s);
	return 0;
}
