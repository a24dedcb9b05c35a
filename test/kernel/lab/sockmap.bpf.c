/*
 * Somebody else's programs at a control group, as a service mesh has them: what a socket of the group writes goes straight to the
 * socket of its peer, if that is in the group, too. With PASS everything takes its usual way.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct ends {
	__u32 local, remote;
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4096);
	__type(key, struct ends);
	__type(value, __u64);
} sockets SEC(".maps");

SEC("sockops")
int established(struct bpf_sock_ops *ops)
{
	struct ends ends = {ops->local_port, bpf_ntohl(ops->remote_port)};

	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		bpf_sock_hash_update(ops, &sockets, &ends, BPF_NOEXIST);
	return 1;
}

SEC("sk_msg")
int redirect(struct sk_msg_md *message)
{
	struct ends peer = {bpf_ntohl(message->remote_port), message->local_port};

#ifndef PASS
	bpf_msg_redirect_hash(message, &sockets, &peer, BPF_F_INGRESS);
#endif
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
