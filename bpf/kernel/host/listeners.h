/*
 * Listen ports of local nginx instances that proxy (front doors), by address and port. A port is learned only while its socket
 * listens, and only for an instance of the user who owns the socket: a process that only has nginx's name can exclude no requests
 * but those to itself. Once per second, ports without a listening socket are removed.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared.h"
#include "kernel/state/maps.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"
#include "descent.h"
#include "sender.h"
#include "sockets.h"

static __always_inline void listen_port_key_of(struct listen_port_key *key, const struct packet *p, int end)
{
	__builtin_memset(key, 0, sizeof(*key));
	if (p->family == 4)
		__builtin_memcpy(key->address, end == LOCAL_END ? &p->k4.local : wire_remote4(p), 4);
	else
		__builtin_memcpy(key->address, end == LOCAL_END ? p->k6.local : wire_remote6(p), 16);
	key->port = end == LOCAL_END ? local_port(p) : wire_port(p);
	key->family = p->family;
	key->netid = netid_of(p);
}

/* The listen port at that end of the connection, and its key. */
static __always_inline struct listen_port *listen_port_at(const struct packet *p, int end, struct listen_port_key *key)
{
	struct listen_port *listen_port;

	if (!has_port(&listen_port_set, end == LOCAL_END ? local_port(p) : wire_port(p)))
		return 0;
	listen_port_key_of(key, p, end);
	listen_port = bpf_map_lookup_elem(&listen_ports, key);
	if (listen_port)
		return listen_port;
	__builtin_memset(key->address, 0, sizeof(key->address));
	return bpf_map_lookup_elem(&listen_ports, key);
}

/* The nginx that began to listen at the packet's own end, whether or not it proxies. */
static __always_inline struct listen_port *known_listener_at(const struct packet *p)
{
	struct listen_port_key key;
	struct listen_port *listener;

	listen_port_key_of(&key, p, LOCAL_END);
	listener = bpf_map_lookup_elem(&listeners, &key);
	if (listener)
		return listener;
	__builtin_memset(key.address, 0, sizeof(key.address));
	return bpf_map_lookup_elem(&listeners, &key);
}

/* Whether the nginx to which it leads, in whatever namespace, proxies by now. */
static __always_inline int leads_to_proxy(const struct flow *f)
{
	__u32 instance = BY_CGROUP ? FLOW_DOOR(f) : 0;

	return instance && bpf_map_lookup_elem(&proxies, &instance);
}

/* Out of line: most packets have no port of `listen_port_set`. */
__noinline int is_listen_port_at(struct packet *p, int end)
{
	struct listen_port_key key;

	return p && listen_port_at(p, end, &key) != 0;
}

static __always_inline int is_listen_port(struct packet *p, int end)
{
	return has_port(&listen_port_set, end == LOCAL_END ? local_port(p) : wire_port(p)) && is_listen_port_at(p, end);
}

/* For an IPv4 packet whose headers are not read yet. */
__noinline int is_narrow_listen_port4(__u32 address, __u32 port)
{
	struct listen_port_key key = {.port = port, .family = 4, .netid = netid};

	__builtin_memcpy(key.address, &address, 4);
	return bpf_map_lookup_elem(&listen_ports, &key) != 0;
}

static __always_inline int is_listen_port4(__u32 address, __u16 port)
{
	return has_port(&listen_port_set, port) && (has_port(&wide_ports4, port) || is_narrow_listen_port4(address, port));
}

static __always_inline struct owner *owner_of(__u32 uid)
{
	static const struct owner nothing = {};
	struct owner *o = bpf_map_lookup_elem(&owners, &uid);

	if (o)
		return o;
	bpf_map_update_elem(&owners, &uid, &nothing, BPF_NOEXIST);
	return bpf_map_lookup_elem(&owners, &uid);
}

static __always_inline void open_port(const struct listen_port_key *key)
{
	__u8 bits = 0;

	add_port(&listen_port_set, key->port);
	for (int i = 0; i < 16; i++)
		bits |= key->address[i];
	if (bits)
		return;
	if (key->family == 4)
		add_port(&wide_ports4, key->port);
	else
		add_port(&wide_ports6, key->port);
}

/*
 * From now on it is a listen port of that nginx. Without room for it nothing is missed: the requests of each new connection to it
 * are deferred, until its first answer shows that this nginx sends it.
 */
static __always_inline void set_listen_port(const struct listen_port_key *key, const struct listen_port *listen_port,
					    struct proxy *proxy)
{
	struct owner *o = owner_of(listen_port->uid);

	if (!o ||
	    (listen_port->uid && (o->listen_ports >= LISTEN_PORTS_OF_OWNER || others.listen_ports >= LISTEN_PORTS_OF_OTHERS)))
		return;
	if (bpf_map_update_elem(&listen_ports, key, listen_port, BPF_ANY))
		return;
	open_port(key);
	ADD(o->listen_ports, 1);
	if (listen_port->uid)
		ADD(others.listen_ports, 1);
	if (!__sync_val_compare_and_swap(&proxy->has_listen_port, 0, 1))
		ADD(o->without_port, -1);
}

/* The socket that listens at the packet's own end makes this a listen port of that nginx. */
static __always_inline void learn_listen_port(struct packet *p, const struct socket_facts *listener, __u32 instance,
					      struct proxy *proxy)
{
	struct listen_port listen_port = {.master = instance, .uid = listener->uid};
	struct listen_port_key key;

	listen_port_key_of(&key, p, LOCAL_END);
	if (listener->wide)
		__builtin_memset(key.address, 0, sizeof(key.address));
	set_listen_port(&key, &listen_port, proxy);
}

struct promotion {
	__u32 instance;
};

static long promote_listener(struct bpf_map *map, struct listen_port_key *at, struct listen_port *listener, struct promotion *c)
{
	struct listen_port_key key = *at;
	struct listen_port listen_port = *listener;
	struct proxy *proxy;

	if (listen_port.master != c->instance)
		return 0;
	proxy = bpf_map_lookup_elem(&proxies, &c->instance);
	if (proxy)
		set_listen_port(&key, &listen_port, proxy);
	return 0;
}

/* An nginx that connects to a server proxies: from now on the sockets on which it listens are listen ports. */
__noinline int add_proxy(__u32 instance, __u32 uid)
{
	struct proxy proxy = {.uid = uid};
	struct promotion promotion = {.instance = instance};
	struct owner *o = owner_of(uid);

	if (!o || (uid && (o->proxies >= PROXIES_OF_OWNER || others.proxies >= PROXIES_OF_OTHERS)))
		return 0;
	if (bpf_map_update_elem(&proxies, &instance, &proxy, BPF_NOEXIST))
		return 0;
	ADD(o->proxies, 1);
	ADD(o->without_port, 1);
	if (uid)
		ADD(others.proxies, 1);
	bpf_for_each_map_elem(&listeners, promote_listener, &promotion, 0);
	return 0;
}

static __always_inline void remember_proxy(const struct sender *who)
{
	__u32 instance = who->instance;

	if (who->uid != NO_UID && !bpf_map_lookup_elem(&proxies, &instance))
		add_proxy(instance, who->uid);
}

__u32 listen_ports_changed = 0; /* set by the helper, or when a listen port was removed: the port bits must be built anew */

/* Nobody listens there any more, or another user does. Another listen port may have the same port number. */
static __always_inline void remove_listen_port(const struct listen_port_key *key)
{
	bpf_map_delete_elem(&listen_ports, key);
	clear_port(&listen_port_set, key->port);
	clear_port(key->family == 4 ? &wide_ports4 : &wide_ports6, key->port);
	listen_ports_changed = 1;
}

/* ---- once per second ---- */

extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* The pid may belong to another process by now; its name mostly shows that. Without the look-up upstreamtop_exit keeps the books.
 */
static __always_inline int is_master_alive(__u32 instance)
{
	struct task_struct *task;
	int alive;

	if (!has_task_look_up)
		return bpf_map_lookup_elem(&nginx_processes, &instance) != 0;
	task = bpf_task_from_pid(instance);
	if (!task)
		return 0;
	alive = is_nginx(task);
	bpf_task_release(task);
	return alive;
}

static __always_inline int is_of_running_nginx(const struct listen_port *listen_port)
{
	__u32 instance = listen_port->master;
	struct proxy *proxy = bpf_map_lookup_elem(&proxies, &instance);

	return proxy ? proxy->has_processes || is_master_alive(instance) : is_master_alive(instance);
}

struct visit_context {
	struct __sk_buff *skb;
};

/*
 * Whether it still listens, and still belongs to the same user. A socket of another namespace cannot be asked: a listen port
 * there is forgotten with its nginx, or when another socket listens there, and is looked up again when somebody connects to it.
 */
static __always_inline int still_listens(struct __sk_buff *skb, const struct listen_port_key *key,
					 const struct listen_port *listen_port)
{
	struct bpf_sock_tuple t = {};
	struct socket_facts facts = {};
	int found;

	if (BY_CGROUP && key->netid != netid)
		return is_of_running_nginx(listen_port);
	if (key->family == 4) {
		__builtin_memcpy(&t.ipv4.daddr, key->address, 4);
		t.ipv4.dport = bpf_htons(key->port);
		found = read_socket(skb, &t, sizeof(t.ipv4), &facts);
	} else {
		__builtin_memcpy(t.ipv6.daddr, key->address, 16);
		t.ipv6.dport = bpf_htons(key->port);
		found = read_socket(skb, &t, sizeof(t.ipv6), &facts);
	}
	return found && facts.state == BPF_TCP_LISTEN && facts.uid == listen_port->uid && (!listen_port->dual || facts.six);
}

static long visit_listener(struct bpf_map *map, struct listen_port_key *at, struct listen_port *listener, struct visit_context *r)
{
	struct listen_port_key key = *at;

	if (!still_listens(r->skb, &key, listener))
		bpf_map_delete_elem(map, &key);
	else if (listener->uid)
		ADD(others.listeners, 1);
	return 0;
}

static long delete_owner(struct bpf_map *map, __u32 *uid, struct owner *o, struct visit_context *r)
{
	__u32 key = *uid;

	bpf_map_delete_elem(map, &key);
	return 0;
}

/* After an upgrade an instance lives on without its first master. */
static long visit_process(struct bpf_map *map, __u32 *pid, struct nginx_process *process, struct visit_context *r)
{
	struct task_struct *task;
	struct proxy *proxy;

	if (has_task_look_up) {
		task = bpf_task_from_pid(*pid);
		if (!task) {
			forget_process(*pid, process);
			return 0;
		}
		bpf_task_release(task);
	}
	proxy = bpf_map_lookup_elem(&proxies, &process->instance);
	if (proxy)
		proxy->has_processes = 1;
	return 0;
}

static long visit_proxy(struct bpf_map *map, __u32 *instance, struct proxy *proxy, struct visit_context *r)
{
	__u32 key = *instance;

	proxy->has_listen_port = 0;
	if (!proxy->has_processes && !is_master_alive(key))
		bpf_map_delete_elem(map, &key);
	proxy->has_processes = 0;
	return 0;
}

static long visit_listen_port(struct bpf_map *map, struct listen_port_key *at, struct listen_port *listen_port,
			      struct visit_context *r)
{
	struct listen_port_key key = *at;
	struct proxy *proxy;
	struct owner *o;

	if (!still_listens(r->skb, &key, listen_port)) {
		remove_listen_port(&key);
		return 0;
	}
	proxy = bpf_map_lookup_elem(&proxies, &listen_port->master);
	if (proxy)
		proxy->has_listen_port = 1;
	o = owner_of(listen_port->uid);
	if (o)
		ADD(o->listen_ports, 1);
	if (listen_port->uid)
		ADD(others.listen_ports, 1);
	return 0;
}

static long count_proxy(struct bpf_map *map, __u32 *instance, struct proxy *proxy, struct visit_context *r)
{
	struct owner *o = owner_of(proxy->uid);

	if (o) {
		ADD(o->proxies, 1);
		if (!proxy->has_listen_port)
			ADD(o->without_port, 1);
	}
	if (proxy->uid)
		ADD(others.proxies, 1);
	return 0;
}

/* Sets the bits of a port again: it has a listen port at another address, or got one at this moment. */
static long reopen_port(struct bpf_map *map, struct listen_port_key *key, struct listen_port *listen_port,
			struct visit_context *r)
{
	open_port(key);
	return 0;
}

/*
 * Only a tc program may look up sockets, so the helper runs this with an empty packet. The look-ups are exact, so sockets that
 * others open cost nothing. Resetting `groups` makes has_port() quick again for groups of ports without a listen port.
 */
SEC("tc")
int upstreamtop_listen_ports(struct __sk_buff *skb)
{
	struct visit_context r = {.skb = skb};

	bpf_for_each_map_elem(&owners, delete_owner, &r, 0);
	owner_of(0); /* made first: no other user can take root's place */
	others.listen_ports = others.proxies = others.listeners = 0;
	bpf_for_each_map_elem(&listeners, visit_listener, &r, 0);
	bpf_for_each_map_elem(&nginx_processes, visit_process, &r, 0);
	bpf_for_each_map_elem(&proxies, visit_proxy, &r, 0);
	bpf_for_each_map_elem(&listen_ports, visit_listen_port, &r, 0);
	bpf_for_each_map_elem(&proxies, count_proxy, &r, 0);
	if (listen_ports_changed) {
		listen_ports_changed = 0;
		listen_port_set.groups = wide_ports4.groups = wide_ports6.groups = 0;
		bpf_for_each_map_elem(&listen_ports, reopen_port, &r, 0);
	}
	return 0;
}
