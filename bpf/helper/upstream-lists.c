/* The lists that configurations are read into: each entry once, and what finds no room is counted. */
#include <string.h>
#include "upstreams.h"

static void append_once(void *list, int *count, int max, int *left_out, const void *entry, size_t size)
{
	char *end = (char *)list + *count * size;

	for (const char *at = list; at < end; at += size)
		if (!memcmp(at, entry, size))
			return;
	if (*count == max) {
		++*left_out;
		return;
	}
	memcpy(end, entry, size);
	++*count;
}

void add_upstream(struct upstreams *list, const struct upstream *upstream)
{
	append_once(list->list, &list->count, MAX_UPSTREAMS, &list->left_out, upstream, sizeof(*upstream));
}

void add_listed_block(struct upstreams *list, const struct listed_block *block)
{
	append_once(list->blocks, &list->block_count, MAX_LISTED_BLOCKS, &list->blocks_left_out, block, sizeof(*block));
}

bool is_repeated_upstream(const struct upstreams *list, int index)
{
	struct upstream copy = list->list[index];

	for (int i = 0; i < index; i++) {
		copy.master = list->list[i].master;
		if (!memcmp(&copy, &list->list[i], sizeof(copy)))
			return true;
	}
	return false;
}
