/* The programs, unchanged, compiled with what bpf_helpers.h gives them instead of the kernel. */
#define PROGRAMS
#include "kernel/upstreamtop.bpf.c"
#include "portable/globals.h"
#include "portable/machine.h"
#include "portable/maps.h"
#include "portable/sockets.h"

int fold_event(void *context, void *data, unsigned long size);

#define ITEMS(field)	(sizeof(*(field)) / sizeof(int))
#define OPEN(map)	map_open(&map, ITEMS(map.type), sizeof(*map.key), sizeof(*map.value), ITEMS(map.max_entries))
#define OPEN_QUEUE(map) map_open(&map, ITEMS(map.type), 0, sizeof(*map.value), ITEMS(map.max_entries))

static __u64 now_ns;
static struct frame empty_frame;
static const struct frame *current = &empty_frame;

void machine_set_clock(uint64_t ns)
{
	now_ns = ns;
}

uint64_t machine_clock(void)
{
	return now_ns;
}

void machine_stop(void)
{
	stopping = 1;
}

static __u64 next_random(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void open_maps(void)
{
	OPEN(translations4);
	OPEN(translations6);
	OPEN(flows4);
	OPEN(flows6);
	OPEN(more_flows4);
	OPEN(more_flows6);
	OPEN(plaintexts);
	OPEN(lines);
	OPEN(slots);
	OPEN(texts);
	OPEN(backends);
	OPEN(routes);
	OPEN(backend_ids);
	OPEN(wires);
	OPEN(wire_indexes);
	OPEN(code_blocks);
	OPEN(folded);
	OPEN(totals);
	OPEN(route_cache);
	OPEN(failed_lines);
	OPEN(failed_connects);
	OPEN(ignored);
	OPEN(only);
	OPEN(listen_ports);
	OPEN(listeners);
	OPEN(proxies);
	OPEN(nginx_processes);
	OPEN(nginx_files);
	OPEN(owners);
	OPEN(backends_by_uid);
	OPEN(older_connections);
	OPEN(askings);
	OPEN(namespaces);
	OPEN(scratches);
	OPEN(attempts);
	OPEN(unread_sockets);
	OPEN(connect_calls);
	OPEN(followed_events);
	OPEN_QUEUE(free_slots);
	OPEN_QUEUE(free_backends);
	OPEN_QUEUE(free_wires);
	OPEN_QUEUE(free_blocks);
}

void machine_ignore(void)
{
	has_ignored = 1;
}

void machine_select(void)
{
	has_only = 1;
}

void machine_open(uint64_t seed, int raw)
{
	__u64 state = seed;

	for (unsigned i = 0; i < sizeof(line_keys) / sizeof(*line_keys); i++)
		line_keys[i] = next_random(&state);
	has_attempts = 1;
	raw_routes = raw;
	open_maps();
}

/* ---- packets ---- */

static void show(struct __sk_buff *skb, const struct frame *frame, void *socket)
{
	current = frame;
	skb->len = frame->length;
	skb->protocol = frame->protocol;
	skb->ifindex = frame->interface;
	skb->data = (unsigned long)frame->bytes;
	skb->data_end = skb->data + frame->captured;
	skb->sk = socket;
}

void frame_leaves(const struct frame *frame, void *socket)
{
	struct __sk_buff skb = {};

	maps_settle();
	show(&skb, frame, socket);
	upstreamtop_egress(&skb);
}

void frame_arrives(const struct frame *frame)
{
	struct __sk_buff skb = {};

	maps_settle();
	show(&skb, frame, 0);
	upstreamtop_ingress(&skb);
}

void state_changes(struct sock *sk, int from, int to)
{
	__u64 context[3] = {(unsigned long)sk, from, to};

	upstreamtop_states(context);
}

static struct flow *flow_between(const struct ends *ends)
{
	struct key4 k4 = {
	    .remote = ends->server[0], .local = ends->client[0], .rport = ends->server_port, .lport = ends->client_port};
	struct key6 k6 = {.rport = ends->server_port, .lport = ends->client_port};

	__builtin_memcpy(k6.remote, ends->server, 16);
	__builtin_memcpy(k6.local, ends->client, 16);
	return ends->family == 4 ? find4(&k4) : find6(&k6);
}

void machine_expect_request(const struct ends *ends, uint32_t sequence)
{
	struct flow *f = flow_between(ends);

	if (!f || f->kind != KIND_HTTP || !f->out.synced)
		return;
	requests_arrived(f, sequence);
	if (f->out.state == DIR_BODY_UNTIL_CLOSE && f->out.in_hole)
		f->out.in_hole |= AT_REQUEST;
}

/* Elsewhere what comes next tells more: an interim answer, a request line, frames. */
static int is_rest_known(const struct dir *d)
{
	return d->state == DIR_BODY || (knows_status(d) && (d->status >= 200 || d->status == 101));
}

void machine_pass_rest_of_answer(const struct ends *ends, uint32_t from, uint32_t to, int is_last)
{
	struct __sk_buff skb = {};
	struct scratch *s = scratch_of(&skb);
	struct flow *f = flow_between(ends);

	if (!f || f->kind != KIND_HTTP || !f->in.synced || f->in.next != from || (!is_last && !is_rest_known(&f->in)))
		return;
	note_hole(&f->in, to);
	pass_answers(&skb, f, s, jump_ranges(&f->in, to), UNSEEN);
}

void machine_pass_rest_of_request(const struct ends *ends, uint32_t from, uint32_t to)
{
	struct flow *f = flow_between(ends);

	if (f && f->out.synced && f->out.next == from && (f->out.state == DIR_HEAD || f->out.state == DIR_BODY))
		requests_arrived(f, to);
}

static long book_waiting(struct bpf_map *map, void *key, struct flow *f, void *context)
{
	for (__u32 number = f->oldest; number != f->started && number - f->oldest < DEPTH; number++)
		if (phase_of(f, number) == PHASE_OPEN && exchange_of(f, number)->deferred)
			commit_deferred(f, number);
	return 0;
}

void machine_book_waiting(void)
{
	bpf_for_each_map_elem(&flows4, book_waiting, 0, 0);
	bpf_for_each_map_elem(&flows6, book_waiting, 0, 0);
	bpf_for_each_map_elem(&more_flows4, book_waiting, 0, 0);
	bpf_for_each_map_elem(&more_flows6, book_waiting, 0, 0);
}

void machine_count_missed(void)
{
	count_shared(L_AMBIGUOUS);
}

void machine_count_again(void)
{
	count_shared(T_SEGMENTS);
	count_shared(T_SECOND_SIGHTINGS);
}

/* ---- what the helper runs ---- */

int machine_run(enum run run, const void *sweep)
{
	struct __sk_buff skb = {};

	maps_settle();
	show(&skb, &empty_frame, 0);
	if (run == RUN_CHECK)
		return upstreamtop_check(&skb);
	if (run == RUN_SWEEP)
		sockets_sweep();
	struct sweep of = *(const struct sweep *)sweep;
	return run == RUN_SWEEP		? upstreamtop_sweep(&of)
	       : run == RUN_SWEEP_MORE4 ? upstreamtop_sweep_more4(&of)
					: upstreamtop_sweep_more6(&of);
}

/* ---- what the programs call ---- */

void *(bpf_map_lookup_elem)(void *map, const void *key)
{
	return map_find(map, key);
}

long(bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags)
{
	return map_put(map, key, value, flags);
}

long(bpf_map_delete_elem)(void *map, const void *key)
{
	return map_remove(map, key);
}

long bpf_map_push_elem(void *map, const void *value, __u64 flags)
{
	return map_push(map, value);
}

long bpf_map_pop_elem(void *map, void *value)
{
	return map_pop(map, value);
}

long bpf_for_each_map_elem(void *map, void *callback, void *context, __u64 flags)
{
	return map_each(map, (long (*)(void *, void *, void *, void *))callback, context);
}

long bpf_loop(__u32 times, void *callback, void *context, __u64 flags)
{
	__u32 i = 0;

	while (i < times && !((long (*)(__u32, void *))callback)(i, context))
		i++;
	return i;
}

__u64 bpf_ktime_get_ns(void)
{
	return now_ns;
}

__u32 bpf_get_prandom_u32(void)
{
	static __u64 state;

	return next_random(&state);
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 n)
{
	if (offset > current->captured || n > current->captured - offset)
		return -1;
	__builtin_memcpy(to, current->bytes + offset, n);
	return 0;
}

void *bpf_cast_to_kern_ctx(void *skb)
{
	static struct sk_buff kernel;

	kernel.network_header = current->network;
	return &kernel;
}

long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags)
{
	fold_event(0, data, size);
	return 0;
}

struct bpf_sock *bpf_skc_lookup_tcp(void *context, struct bpf_sock_tuple *tuple, __u32 size, __u64 netns, __u64 flags)
{
	struct ends ends = {.family = size == sizeof(tuple->ipv4) ? 4 : 6};

	if (ends.family == 4) {
		ends.server[0] = tuple->ipv4.saddr;
		ends.client[0] = tuple->ipv4.daddr;
		ends.server_port = tuple->ipv4.sport;
		ends.client_port = tuple->ipv4.dport;
	} else {
		__builtin_memcpy(ends.server, tuple->ipv6.saddr, 16);
		__builtin_memcpy(ends.client, tuple->ipv6.daddr, 16);
		ends.server_port = tuple->ipv6.sport;
		ends.client_port = tuple->ipv6.dport;
	}
	struct socket *s = socket_of(&ends);
	return s ? &sock_of(s)->view : 0;
}

/* Every connection is nginx's: one worker, and its master. */
struct task_struct *bpf_get_current_task_btf(void)
{
	static struct cred root;
	static struct task_struct master = {.pid = 1, .tgid = 1, .comm = "nginx", .real_cred = &root};
	static struct task_struct worker = {.pid = 2, .tgid = 2, .comm = "nginx", .real_parent = &master, .real_cred = &root};

	return &worker;
}

struct task_struct *bpf_task_from_pid(__s32 pid)
{
	return 0;
}

void bpf_task_release(struct task_struct *task)
{
}
