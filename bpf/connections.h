/* How flows come and go: SYN, SYN-ACK, FIN, RST, and connections that are older than us. */
#pragma once

static __always_inline struct flow *find_flow(const struct packet *p)
{
	if (!p->known)
		return 0;
	return p->family == 4 ? bpf_map_lookup_elem(&flows4, &p->k4) : bpf_map_lookup_elem(&flows6, &p->k6);
}

/* A new, empty flow in place of whatever had the tuple. */
static __always_inline struct flow *make_flow(struct packet *p, int replace)
{
	__u16 port = remote_port(p);
	long failed;

	__sync_fetch_and_or(&flow_ports[port_word(port)], 1ULL << (port & 63));
	p->known = 1;
	if (p->family == 4)
		failed = bpf_map_update_elem(&flows4, &p->k4, &empty_flow, replace ? BPF_EXIST : BPF_NOEXIST);
	else
		failed = bpf_map_update_elem(&flows6, &p->k6, &empty_flow, replace ? BPF_EXIST : BPF_NOEXIST);
	if (failed == -7 || failed == -12) /* E2BIG, ENOMEM */
		count(L_MAP_REFUSED);
	else if (!failed && !replace)
		count(p->family == 4 ? F_MADE4 : F_MADE6);
	return find_flow(p);
}

static __always_inline void delete_flow(const struct packet *p, struct flow *f)
{
	if (f->line_id)
		bpf_map_delete_elem(&lines, &f->line_id);
	if (p->family == 4) {
		if (!bpf_map_delete_elem(&flows4, &p->k4))
			count(F_GONE4);
	} else if (!bpf_map_delete_elem(&flows6, &p->k6)) {
		count(F_GONE6);
	}
}

/* A failed connect exists on its backend only: on one that is known, or that nginx tried. */
static __always_inline void book_connect_failure(struct flow *f, struct work *w, int timeout)
{
	struct backend *b;

	if (!f->backend)
		f->backend = f->nginx ? backend_for(w) : known_backend(w);
	b = f->backend ? backend_of(f->backend) : 0;
	if (!b)
		return;
	if (timeout)
		ADD(b->connect_timeout, 1);
	else
		ADD(b->refused, 1);
}

/* What a flow had open when its tuple was taken by a new connection. */
static __always_inline void end_replaced(struct flow *f, const struct packet *p, struct work *w)
{
	if (f->fresh && !f->connected && !f->given_up && !f->closed && f->kind == KIND_HTTP && !f->started) {
		remote_of(p, &w->remote);
		book_connect_failure(f, w, 1);
	}
	end_all(f, OUTCOME_UNANSWERED, bpf_ktime_get_ns());
	if (f->line_id)
		bpf_map_delete_elem(&lines, &f->line_id);
}

/* A SYN leaves. */
__noinline int syn_out(struct __sk_buff *skb, struct packet *p)
{
	struct scratch *s = scratch();

	if (!p || !s || !skb->sk)
		return 0;
	struct flow *f = find_flow(p);
	__u64 now = bpf_ktime_get_ns();
	int replace = 0;

	if (f) {
		if (f->fresh && f->isn == p->seq && !f->closed) {
			if (f->out.owner == p->ifindex) {
				f->syn_gap_ns = now - f->last_syn_ns;
				f->last_syn_ns = now;
			}
			return 0;
		}
		end_replaced(f, p, &s->work);
		replace = 1;
	}
	f = make_flow(p, replace);
	if (!f)
		return 0;
	struct sender who = {};
	sender_now(&who);
	remote_of(p, &s->work.remote);
	f->kind = kind_of(p, &s->work.remote, who.instance);
	f->nginx = who.instance != 0;
	if (who.instance)
		remember_proxy(who.instance);
	else
		f->held = p->ifindex == 1 && f->kind == KIND_HTTP;
	f->pid = who.pid;
	f->own = p->leaves;
	f->fresh = 1;
	f->isn = p->seq;
	f->syn_ns = now;
	f->last_syn_ns = now;
	f->out.next = p->seq + 1;
	f->out.synced = 1;
	f->out.owner = p->ifindex;
	f->out.last_ns = now;
	if (f->kind == KIND_HTTP && now - last_failure_ns < SECOND / 10) {
		__u64 *failed = bpf_map_lookup_elem(&failed_connects, &who.pid);

		if (failed && now - *failed < SECOND / 10) {
			f->retry = 1;
			bpf_map_delete_elem(&failed_connects, &who.pid);
		}
	}
	return 0;
}

static __always_inline void syn_ack_in(struct flow *f, const struct packet *p)
{
	if (!f->fresh || f->connected || p->ack != f->isn + 1)
		return;
	f->connected = 1;
	f->connect_us = micros_between(f->syn_ns, bpf_ktime_get_ns());
	f->in.next = p->seq + 1;
	f->in.synced = 1;
	f->in.owner = p->ifindex;
}

/* A FIN arrives; its data came first. Beyond a hole it waits for the fill. */
static __always_inline void fin_in(struct flow *f, const struct packet *p)
{
	__u32 fin = p->seq + p->len;

	if (f->fin_in)
		return;
	if (f->in.synced && (__s32)(fin - f->in.next) > 0) {
		f->in.fin = fin;
		f->in.has_fin = 1;
		return;
	}
	f->fin_in = 1;
	end_all(f, OUTCOME_CLOSED, bpf_ktime_get_ns());
}

__noinline int rst_in(struct flow *f, struct packet *p, struct work *w)
{
	if (!f || !p || !w)
		return 0;
	__u64 now = bpf_ktime_get_ns();

	if (f->fresh && !f->connected) {
		if ((p->flags & TCP_ACK) && p->ack != f->isn + 1)
			return 0;
		if (!f->given_up && f->kind == KIND_HTTP) {
			remote_of(p, &w->remote);
			book_connect_failure(f, w, 0);
			if (f->nginx) {
				bpf_map_update_elem(&failed_connects, &f->pid, &now, BPF_ANY);
				last_failure_ns = now;
			}
		}
	} else {
		__s32 distance = p->seq - f->in.next;

		/* a stray RST of an earlier connection is far off */
		if (f->in.synced && (distance > 1 << 24 || distance < -(1 << 24)))
			return 0;
		end_all(f, OUTCOME_RESET, now);
	}
	f->closed = 1;
	return 0;
}

/*
 * nginx is tired of connecting: it closes a socket in SYN_SENT, which sends nothing, and at once tries the next upstream.
 * A socket that has an error was closed for it: refused, or given up by the kernel.
 */
SEC("tp_btf/inet_sock_set_state")
int upstreamtop_gave_up(__u64 *context)
{
	struct sock *sk = (struct sock *)context[0];
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	int from = context[1], to = context[2];
	__u32 pid = task->tgid;
	__u64 now;

	if (from != TCP_SYN_SENT || to != TCP_CLOSE || sk->sk_err || !is_nginx(task))
		return 0;
	now = bpf_ktime_get_ns();
	bpf_map_update_elem(&failed_connects, &pid, &now, BPF_ANY);
	last_failure_ns = now;
	return 0;
}

/* A FIN leaves: nginx is done with the connection; others may only be done with sending. */
static __always_inline void fin_out(struct flow *f)
{
	if (f->fin_out)
		return;
	f->fin_out = 1;
	if (f->nginx)
		end_all(f, OUTCOME_ABORTED, bpf_ktime_get_ns());
}

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
	struct flow *f = make_flow(p, 0);
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
	f->kind = kind_of(p, &s->work.remote, instance);
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
