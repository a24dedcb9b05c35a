/* What a child of the discovery knows so far, made visible to its parent. */
#include <string.h>
#include "listeners.h"

/* Doors of those that proxy: an nginx that proxies nothing is a backend like any other. They are only added, so that a reader
 * sees whole ones. */
void publish(struct discovery *c)
{
	static struct nginx told;
	struct nginx *n = &c->learnt->nginx;

	for (int i = 0; i < c->nginx->listen_port_count; i++) {
		struct process *master = process_of(c, c->nginx->listen_ports[i].listen_port.master);

		if (master && master->proxies)
			add_listen_port(&told, c->nginx->listen_ports[i]);
	}
	memcpy(n->listen_ports, told.listen_ports, sizeof(n->listen_ports));
	memcpy(n->invisible, c->nginx->invisible, sizeof(n->invisible));
	memcpy(n->unread, c->nginx->unread, sizeof(n->unread));
	n->unreadable = c->nginx->unreadable;
	n->unread_count = c->nginx->unread_count;
	__atomic_store_n(&n->listen_port_count, told.listen_port_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->invisible_count, c->nginx->invisible_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->connection_count, c->nginx->connection_count, __ATOMIC_RELEASE);
}
