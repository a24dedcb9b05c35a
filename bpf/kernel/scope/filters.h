/* Which flows are excluded: connections to local listen ports of nginx, --ignore, --only and --nginx-only. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/host/listeners.h"
#include "kernel/host/sockets.h"

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
 * A destination on this host goes out of `lo`, which is interface 1 in every namespace. A listen port is not a backend, unless
 * the sender is a worker of another nginx. `instance`: the sender's, 0 when it is no nginx. The socket that listens there must
 * still belong to the same user.
 */
static __always_inline int is_front_door(struct __sk_buff *skb, struct packet *p, __u32 instance)
{
	struct scratch *s = scratch_of(skb);
	struct listen_port_key key;
	struct listen_port *listen_port = p->ifindex == 1 && s ? listen_port_at(p, REMOTE_END, &key) : 0;

	if (!listen_port)
		return 0;
	if (!listener_at(skb, p, REMOTE_END, &s->socket) || s->socket.uid != listen_port->uid) {
		remove_listen_port(&key);
		return 0;
	}
	return !instance || listen_port->master == instance;
}

static __always_inline enum kind kind_of(struct __sk_buff *skb, struct packet *p, const struct backend_key *remote,
					 __u32 instance)
{
	struct backend_key wire = *remote;

	if (p->translated)
		wire_of(p, &wire);
	/* what was connected to, or what packets carry */
	if (has_ignored && (is_ignored(remote) || (p->translated && is_ignored(&wire))))
		return KIND_IGNORED;
	if (has_only && !is_selected(remote) && !(p->translated && is_selected(&wire)))
		return KIND_NOT_SELECTED;
	if (is_front_door(skb, p, instance))
		return KIND_FRONT_DOOR;
	return nginx_only && !instance ? KIND_NOT_NGINX : KIND_HTTP;
}
