/*
 * What the kernel gives to BPF programs, for a machine without one: helpers.c has the maps, the clock is the capture's, and the
 * only process is an nginx.
 */
#pragma once

#include "vmlinux.h"

#define SEC(name)
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline static __attribute__((noinline, unused))
#endif
#define __ksym
#define __weak __attribute__((weak))

/* A map's variable: its first pointer leads to the map, which `open_map` makes of the rest. */
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name

#define barrier()	 asm volatile("" ::: "memory")
#define barrier_var(var) asm volatile("" : "+r"(var))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_map_push_elem(void *map, const void *value, __u64 flags);
long bpf_map_pop_elem(void *map, void *value);
/* `callback`: long (void *map, void *key, void *value, void *context) */
long bpf_for_each_map_elem(void *map, void *callback, void *context, __u64 flags);
/* `callback`: long (__u32 index, void *context) */
long bpf_loop(__u32 times, void *callback, void *context, __u64 flags);

__u64 bpf_ktime_get_ns(void);
#define bpf_ktime_get_coarse_ns bpf_ktime_get_ns
__u32 bpf_get_prandom_u32(void);
static __always_inline __u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 n);
void *bpf_cast_to_kern_ctx(void *skb);
long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags);

struct bpf_sock *bpf_skc_lookup_tcp(void *context, struct bpf_sock_tuple *tuple, __u32 size, __u64 netns, __u64 flags);
static __always_inline struct bpf_sock *bpf_sk_fullsock(struct bpf_sock *sk)
{
	return sk;
}
static __always_inline struct tcp_sock *bpf_skc_to_tcp_sock(void *sk)
{
	return sk;
}
static __always_inline long bpf_sk_release(void *sk)
{
	return 0;
}

struct task_struct *bpf_get_current_task_btf(void);
static __always_inline __u64 bpf_get_current_pid_tgid(void)
{
	return (__u64)bpf_get_current_task_btf()->tgid << 32 | bpf_get_current_task_btf()->pid;
}
struct task_struct *bpf_task_from_pid(__s32 pid);
void bpf_task_release(struct task_struct *task);
static __always_inline __u64 bpf_skb_cgroup_id(void *skb)
{
	return 0;
}
static __always_inline __u64 bpf_get_current_ancestor_cgroup_id(int level)
{
	return 0;
}
static __always_inline __u64 bpf_get_netns_cookie(void *context)
{
	return 0;
}
static __always_inline long bpf_probe_read_kernel(void *to, __u32 n, const void *from)
{
	__builtin_memcpy(to, from, n);
	return 0;
}
static __always_inline long bpf_probe_read_user(void *to, __u32 n, const void *from)
{
	return -1;
}
static __always_inline long bpf_seq_write(struct seq_file *seq, const void *data, __u32 n)
{
	return 0;
}
