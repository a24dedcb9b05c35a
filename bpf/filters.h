/* What is not nginx's upstream leg: who sends, where to, and what the user left out. */
#pragma once

static __always_inline int is_door(__u16 port)
{
	return has_doors && (door_ports[port >> 6] >> (port & 63) & 1);
}

struct sender {
	__u32 pid;
	__u32 parent;
	__u8 nginx;
	__u8 pad[3];
};

/* The current process: right at a SYN, which leaves in the context of connect(); wrong for data. */
static __always_inline void sender_now(struct sender *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	__u64 comm = 0;

	bpf_probe_read_kernel(&comm, sizeof(comm), task->comm);
	comm &= 0xffffffffffffULL;
	s->pid = task->tgid;
	s->parent = BPF_CORE_READ(task, real_parent, tgid);
	s->nginx = comm == 0x786e69676eULL || comm == 0x6569676e61ULL; /* "nginx", "angie", with their zero */
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
 * sender is a worker of another nginx: `instance` is the sender's master, 0 when the sender is no nginx, `itself` its own pid.
 */
static __always_inline int is_front_door(const struct packet *p, __u32 instance, __u32 itself)
{
	__u32 port = remote_port(p);

	if (p->ifindex != 1 || !is_door(port))
		return 0;
	struct door *door = bpf_map_lookup_elem(&doors, &port);
	if (!door)
		return 0;
	return !instance || door->master == instance || door->master == itself;
}

static __always_inline enum kind kind_of(const struct packet *p, const struct backend_key *remote, __u32 instance,
					 __u32 itself)
{
	if (has_ignored && is_ignored(remote))
		return KIND_IGNORED;
	if (has_only && !is_selected(remote))
		return KIND_NOT_SELECTED;
	if (has_doors && is_front_door(p, instance, itself))
		return KIND_FRONT_DOOR;
	return KIND_HTTP;
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
