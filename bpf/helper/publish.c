/* Makes the results of a discovery child visible to its parent. */
#include <string.h>
#include "listeners.h"

static void publish_processes(struct discovery *c, struct nginx *n)
{
	struct nginx *from = c->nginx;

	for (from->process_count = 0; from->process_count < c->count && from->process_count < MAX_PROCESSES;
	     from->process_count++) {
		const struct process *p = &c->list[from->process_count];

		c->results->processes[from->process_count] = (struct found_process){
		    p->pid, p->netid, {.instance = p->instance, .uid = uid_of(c, p->instance)}, p->program == IS_NGINX};
	}
	memcpy(n->listeners, from->listen_ports, from->listen_port_count * sizeof(*n->listeners));
	__atomic_store_n(&n->listener_count, from->listen_port_count, __ATOMIC_RELEASE);
	memcpy(n->masters, from->masters, sizeof(n->masters));
	__atomic_store_n(&n->master_count, from->master_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->process_count, from->process_count, __ATOMIC_RELEASE);
}

/*
 * Only listen ports of instances that proxy: an nginx that proxies nothing is a backend like any other. Entries are only added,
 * so that a reader sees complete ones.
 */
void publish(struct discovery *c)
{
	static struct nginx published;
	struct nginx *n = &c->results->nginx;

	for (int i = 0; i < c->nginx->listen_port_count; i++) {
		struct process *master = process_of(c, c->nginx->listen_ports[i].listen_port.master);

		if (master && master->proxies)
			add_listen_port(&published, c->nginx->listen_ports[i]);
	}
	publish_processes(c, n);
	memcpy(n->listen_ports, published.listen_ports, sizeof(n->listen_ports));
	memcpy(n->upstreams.list, c->nginx->upstreams.list, sizeof(n->upstreams.list));
	copy_names(&n->names, &c->nginx->names);
	memcpy(n->unlisted, c->nginx->unlisted, sizeof(n->unlisted));
	memcpy(n->unread, c->nginx->unread, sizeof(n->unread));
	n->unreadable = c->nginx->unreadable;
	n->unread_count = c->nginx->unread_count;
	n->unlisted_count = c->nginx->unlisted_count;
	n->upstreams.left_out = c->nginx->upstreams.left_out;
	memcpy(n->upstreams.blocks, c->nginx->upstreams.blocks, sizeof(n->upstreams.blocks));
	n->upstreams.blocks_left_out = c->nginx->upstreams.blocks_left_out;
	__atomic_store_n(&n->upstreams.block_count, c->nginx->upstreams.block_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->listen_port_count, published.listen_port_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->upstreams.count, c->nginx->upstreams.count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->connection_count, c->nginx->connection_count, __ATOMIC_RELEASE);
}
