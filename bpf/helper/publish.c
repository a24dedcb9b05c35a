/* What a child of the census knows so far, made visible to its parent. */
#include <string.h>
#include "doors.h"

/* Doors of those that proxy: an nginx that proxies nothing is a backend like any other. They are only added, so that a reader
 * sees whole ones. */
void publish(struct census *c)
{
	static struct nginx told;
	struct nginx *n = &c->learnt->nginx;

	for (int i = 0; i < c->nginx->door_count; i++) {
		struct process *master = process_of(c, c->nginx->doors[i].door.master);

		if (master && master->proxies)
			add_front_door(&told, c->nginx->doors[i]);
	}
	memcpy(n->doors, told.doors, sizeof(n->doors));
	memcpy(n->invisible, c->nginx->invisible, sizeof(n->invisible));
	memcpy(n->unread, c->nginx->unread, sizeof(n->unread));
	n->unreadable = c->nginx->unreadable;
	n->unread_count = c->nginx->unread_count;
	__atomic_store_n(&n->door_count, told.door_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->invisible_count, c->nginx->invisible_count, __ATOMIC_RELEASE);
	__atomic_store_n(&n->connection_count, c->nginx->connection_count, __ATOMIC_RELEASE);
}
