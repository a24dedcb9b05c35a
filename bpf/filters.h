/* What is not nginx's upstream leg: who sends, where to, and what the user left out. */
#pragma once

struct sender {
	__u32 pid;
	__u32 instance; /* its nginx, by the master's pid; 0 when it is none */
};

static __always_inline int is_nginx(struct task_struct *task)
{
	__u64 comm = 0;

	bpf_probe_read_kernel(&comm, sizeof(comm), task->comm);
	comm &= 0xffffffffffffULL;
	return comm == 0x786e69676eULL || comm == 0x6569676e61ULL; /* "nginx", "angie", with their zero */
}

/* The current process: right where connect() or a server's first write sends, wrong for what ACKs release. */
static __always_inline void sender_now(struct sender *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf(), *parent;

	s->pid = task->tgid;
	s->instance = 0;
	if (!is_nginx(task))
		return;
	parent = BPF_CORE_READ(task, real_parent);
	s->instance = is_nginx(parent) ? BPF_CORE_READ(parent, tgid) : s->pid;
}

/* An nginx that connects to somewhere proxies: from now on its listening ports are doors. */
static __always_inline void remember_proxy(__u32 instance)
{
	__u32 homeless = 0;

	if (!bpf_map_lookup_elem(&proxying, &instance) && !bpf_map_update_elem(&proxying, &instance, &homeless, BPF_NOEXIST))
		ADD(masters_seen, 1);
}

static __always_inline void learn_door(__u32 port, __u32 instance, __u32 *housed)
{
	struct door door = {.master = instance};

	bpf_map_update_elem(&doors, &port, &door, BPF_ANY);
	add_port(&door_ports, port);
	if (!__sync_val_compare_and_swap(housed, 0, 1))
		ADD(masters_housed, 1);
}

static __always_inline int is_ignored(const struct backend_key *remote)
{
	struct ignore_key key = {.port = remote->port};

	if (bpf_map_lookup_elem(&ignored, &key))
		return 1;
	key.family = remote->family;
	__builtin_memcpy(key.address, remote->address, 16);
	return bpf_map_lookup_elem(&ignored, &key) != 0;
}

static __always_inline int is_selected(const struct backend_key *remote)
{
	struct only_key key = {.prefix = 128};

	if (remote->family == 4) {
		key.address[10] = 0xff;
		key.address[11] = 0xff;
		__builtin_memcpy(key.address + 12, remote->address, 4);
	} else {
		__builtin_memcpy(key.address, remote->address, 16);
	}
	return bpf_map_lookup_elem(&only, &key) != 0;
}

/*
 * A destination on this host goes out of `lo`, which is interface 1 in every namespace. A door is not a backend, unless the
 * sender is a worker of another nginx. `instance`: the sender's, 0 when it is no nginx.
 */
static __always_inline int is_front_door(const struct packet *p, __u32 instance)
{
	__u32 port = remote_port(p);

	if (p->ifindex != 1 || !is_door(port))
		return 0;
	struct door *door = bpf_map_lookup_elem(&doors, &port);
	return door && (!instance || door->master == instance);
}

static __always_inline enum kind kind_of(const struct packet *p, const struct backend_key *remote, __u32 instance)
{
	if (has_ignored && is_ignored(remote))
		return KIND_IGNORED;
	if (has_only && !is_selected(remote))
		return KIND_NOT_SELECTED;
	return is_front_door(p, instance) ? KIND_FRONT_DOOR : KIND_HTTP;
}

/* A request of a flow that is left out: counted once, by its reason. `next` of the flow recognises repetitions. */
__noinline int excluded(struct __sk_buff *skb, struct flow *f, struct packet *p)
{
	struct scratch *s = scratch();

	if (!f || !p || !s)
		return 0;
	count(T_EXCLUDED);
	if ((__s32)(p->seq - f->out.next) < 0)
		return 0;
	f->out.next = p->seq + p->len;
	f->out.last_ns = bpf_ktime_get_coarse_ns();
	s->work.off = p->off;
	__u32 n = p->len > 32 ? 32 : p->len;
	if (load_chunk(skb, s, n) || !may_be_request(s->chunk.bytes, n) || n < 16)
		return 0;
	count(f->kind == KIND_FRONT_DOOR ? X_FRONT_DOOR : f->kind == KIND_IGNORED ? X_IGNORED : X_NOT_SELECTED);
	return 0;
}
