/* Whose connection is it? Older than us, behind a door that was learned late, or merely routed. */
#pragma once

/* Does a socket of this namespace listen on that end of the connection? */
__noinline int listens(struct __sk_buff *skb, struct packet *p, int local)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *sk;

	if (!p)
		return 0;
	/* source port 0: no established socket matches, a listening one does */
	if (p->family == 4) {
		t.ipv4.saddr = local ? p->k4.remote : p->k4.local;
		t.ipv4.daddr = local ? p->k4.local : p->k4.remote;
		t.ipv4.dport = local ? p->k4.lport : p->k4.rport;
		sk = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		__builtin_memcpy(t.ipv6.saddr, local ? p->k6.remote : p->k6.local, 16);
		__builtin_memcpy(t.ipv6.daddr, local ? p->k6.local : p->k6.remote, 16);
		t.ipv6.dport = local ? p->k6.lport : p->k6.rport;
		sk = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return 0;
	int found = sk->state == BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return found;
}

/* What it held was asked at a front door. */
__noinline int leave_out(struct flow *f)
{
	if (!f)
		return 0;
	f->held = 0;
	f->kind = KIND_FRONT_DOOR;
	for (__u32 i = 0; i < DEPTH; i++) {
		__u32 number = f->oldest + i;

		if (number == f->started)
			break;
		struct exchange *x = exchange_of(f, number);
		if (__sync_val_compare_and_swap(&x->held, 1, 0)) {
			claim(x, number, PHASE_OPEN, PHASE_DONE);
			count(X_FRONT_DOOR);
		}
	}
	return 0;
}

/*
 * An answer begins to leave towards a client on this host. If an nginx sends it that connects to somewhere itself, its port is a
 * door, and what was asked there is none of the upstream leg. That is known before the client sees a byte of the answer.
 */
__noinline int answer_out(struct packet *p)
{
	if (!p)
		return 0;
	turn(p);
	struct flow *f = find_flow(p);
	__u32 port = remote_port(p);
	turn(p);
	if (!f || !f->held)
		return 0;
	struct sender who = {};
	sender_now(&who);
	__u32 *housed = who.instance ? bpf_map_lookup_elem(&proxying, &who.instance) : 0;
	if (housed) {
		learn_door(port, who.instance, housed);
		leave_out(f);
	}
	return 0;
}

static __always_inline void count_routed(struct scratch *s, const struct packet *p)
{
	struct routed *last = &s->routed;
	__u32 ports = (__u32)local_port(p) << 16 | remote_port(p);

	if (last->seq == p->seq && last->ports == ports && last->ifindex != p->ifindex) {
		count(T_SECOND_SIGHTINGS);
		return;
	}
	last->seq = p->seq;
	last->ports = ports;
	last->ifindex = p->ifindex;
	count(X_ROUTED);
	count(T_EXCLUDED);
}

/*
 * Payload that no flow knows looks like a request line: a connection that is older than us, or one that is left out.
 * A socket that is not established any more sends repetitions only. Returns 1 when there is a flow for it now.
 */
__noinline int stranger(struct __sk_buff *skb, struct packet *p)
{
	struct scratch *s = scratch();

	if (!p || !s)
		return 0;
	__u32 n = p->len > 32 ? 32 : p->len;

	s->work.off = p->off;
	if (load_chunk(skb, s, n) || !may_be_request(s->chunk.bytes, n)) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct bpf_sock *sk = skb->sk;
	if (!sk) {
		count_routed(s, p);
		return 0;
	}
	sk = bpf_sk_fullsock(sk);
	if (!sk || (sk->state != BPF_TCP_ESTABLISHED && sk->state != BPF_TCP_CLOSE_WAIT) || listens(skb, p, 1)) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct flow *f = make_flow(p);
	if (!f) {
		count(T_NOT_HTTP);
		return 0;
	}
	struct older_key key = {.lport = local_port(p), .rport = remote_port(p)};
	struct older *worker = bpf_map_lookup_elem(&older_connections, &key);
	/* not in the census: what an idle connection sends first, its owner sends itself */
	struct sender who = {};
	if (!worker)
		sender_now(&who);
	__u32 instance = worker ? worker->master : who.instance;
	remote_of(p, &s->work.remote);
	f->nginx = instance != 0;
	f->own = p->leaves;
	set_kind(f, p, &s->work.remote, instance);
	f->held = p->ifindex == 1 && f->kind == KIND_HTTP && !instance;
	if (f->kind == KIND_HTTP && instance)
		remember_proxy(instance);
	f->out.next = p->seq;
	f->out.synced = 1;
	f->out.owner = p->ifindex;
	f->in.next = p->ack;
	f->in.synced = 1;
	return 1;
}
