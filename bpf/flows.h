/*
 * Where flows are kept. A sweep walks all places of a map, filled or not, and nothing else runs on that CPU meanwhile: a
 * quarter of a million of them took 0.8 ms. So there are small maps, and large ones for what finds no room there.
 */
#pragma once

#define ENOENT 2
#define E2BIG  7
#define ENOMEM 12

static const struct flow empty_flow = {};

static __always_inline struct flow *find_flow(const struct packet *p)
{
	struct flow *f;

	if (!has_port(&flow_ports, remote_port(p)))
		return 0;
	f = p->family == 4 ? bpf_map_lookup_elem(&flows4, &p->k4) : bpf_map_lookup_elem(&flows6, &p->k6);
	if (f || !more_flows)
		return f;
	return p->family == 4 ? bpf_map_lookup_elem(&more_flows4, &p->k4) : bpf_map_lookup_elem(&more_flows6, &p->k6);
}

/* Counted before it is there, so that nobody misses it. */
static __always_inline long put_more(const struct packet *p)
{
	long failed;

	ADD(more_flows, 1);
	if (p->family == 4)
		failed = bpf_map_update_elem(&more_flows4, &p->k4, &empty_flow, BPF_NOEXIST);
	else
		failed = bpf_map_update_elem(&more_flows6, &p->k6, &empty_flow, BPF_NOEXIST);
	if (failed)
		ADD(more_flows, -1);
	return failed;
}

/* A new, empty flow for a tuple that has none. */
static __always_inline struct flow *make_flow(const struct packet *p)
{
	long failed;

	add_port(&flow_ports, remote_port(p));
	if (p->family == 4)
		failed = bpf_map_update_elem(&flows4, &p->k4, &empty_flow, BPF_NOEXIST);
	else
		failed = bpf_map_update_elem(&flows6, &p->k6, &empty_flow, BPF_NOEXIST);
	if (failed == -E2BIG)
		failed = put_more(p);
	if (failed == -E2BIG || failed == -ENOMEM)
		count(L_MAP_REFUSED);
	return find_flow(p);
}

/* A new, empty flow in place of the one that had the tuple. */
static __always_inline struct flow *replace_flow(const struct packet *p)
{
	long failed;

	if (p->family == 4)
		failed = bpf_map_update_elem(&flows4, &p->k4, &empty_flow, BPF_EXIST);
	else
		failed = bpf_map_update_elem(&flows6, &p->k6, &empty_flow, BPF_EXIST);
	if (failed == -ENOENT)
		failed = p->family == 4 ? bpf_map_update_elem(&more_flows4, &p->k4, &empty_flow, BPF_EXIST)
					: bpf_map_update_elem(&more_flows6, &p->k6, &empty_flow, BPF_EXIST);
	if (failed == -ENOMEM)
		count(L_MAP_REFUSED);
	return find_flow(p);
}

static __always_inline void forget_line(const struct flow *f)
{
	if (f->line_id)
		bpf_map_delete_elem(&lines, &f->line_id);
}

static __always_inline void delete_flow(const struct packet *p, struct flow *f)
{
	forget_line(f);
	if (!(p->family == 4 ? bpf_map_delete_elem(&flows4, &p->k4) : bpf_map_delete_elem(&flows6, &p->k6)) || !more_flows)
		return;
	if (!(p->family == 4 ? bpf_map_delete_elem(&more_flows4, &p->k4) : bpf_map_delete_elem(&more_flows6, &p->k6)))
		ADD(more_flows, -1);
}
