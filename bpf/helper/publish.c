/* Makes the results of a discovery child visible to its parent. */
#include <string.h>
#include "listeners.h"

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
	memcpy(n->listen_ports, published.listen_ports, sizeof(n->listen_ports));
	memcpy(n->upstreams.list, c->nginx->upstreams.list, sizeof(n->upstreams.list));
	memcpy(n->unlisted, c->nginx->unlisted, sizeof(n->unlisted));
	memcpy(n->unread, c->nginx->unread, sizeof(n->unread));
	n->unreadable = c->nginx->unreadable;
	n->unread_count = c->nginx->unread_count;
	n->unlisted_count = c->nginx->unlisted_count;
	n->upstreams.left_out = c->nginx->upstreams.left_out;
	__atomic_store_n(&n->listen_port_count, published.listen_port_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->upstreams.count, c->nginx->upstreams.count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->connection_count, c->nginx->connection_count, __ATOMIC_RELEASE);
}
