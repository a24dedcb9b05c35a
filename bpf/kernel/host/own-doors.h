/* nginx's own listen ports, where nginx itself connects. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/maps.h"

#define LOOPBACK 1 /* interface, in every namespace */

/*
 * Whether the address is a front door of this instance. One on every address means the addresses of this host only: a far backend
 * may have the same port.
 */
static __always_inline int is_door_of(const struct backend_key *remote, __u32 instance, int by_loopback)
{
	struct listen_port_key key = {.port = remote->port, .family = remote->family, .netid = remote->netid};
	struct listen_port *found;

	__builtin_memcpy(key.address, remote->address, sizeof(key.address));
	found = bpf_map_lookup_elem(&listen_ports, &key);
	if (!found && by_loopback) {
		__builtin_memset(key.address, 0, sizeof(key.address));
		found = bpf_map_lookup_elem(&listen_ports, &key);
	}
	return found && found->master == instance;
}
