/*
 * Reads nginx configurations from standard input and prints their upstreams, one per line. A zero byte separates configurations, in
 * the output too, \001 the files of one: each `include` is the next of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../bpf/helper/upstreams.h"

static char *next_file; /* NULL after the last */

static void read_file(struct configuration *c, int depth)
{
	char *file = next_file, *end = file + strcspn(file, "\001"), *copy = malloc(end - file + 1);
	struct text rest = {copy, copy + (end - file)}; /* its own memory, so that the sanitizer sees a read behind its end */
	int before = configuration_enter_file(c);
	struct statement s;

	next_file = *end ? end + 1 : NULL;
	memcpy(copy, file, end - file);
	copy[end - file] = 0;
	while (next_statement(&rest, &s)) {
		configuration_add(c, &s);
		if (s.end == ';' && !configuration_is_data(c) && !strcmp(s.words[0], "include") && next_file && depth < 8)
			read_file(c, depth + 1);
	}
	configuration_leave_file(c, before);
	free(copy);
}

static void print(const struct upstreams *found)
{
	for (int i = 0; i < found->count; i++) {
		const struct upstream *u = &found->list[i];

		printf("%s %s: %s %s", u->pass, u->target, upstream_kinds[u->kind], upstream_places[u->place]);
		for (int e = 0; e < u->servers && e < UPSTREAM_EXAMPLES; e++)
			printf("%s %s", e ? "," : " of", u->examples[e]);
		if (u->servers > UPSTREAM_EXAMPLES)
			printf(" and %d", u->servers - UPSTREAM_EXAMPLES);
		printf("\n");
	}
	if (found->left_out)
		printf("%d left out\n", found->left_out);
}

int main(void)
{
	static char text[4 << 20];
	static struct upstreams found;
	size_t length = fread(text, 1, sizeof(text) - 1, stdin);

	for (char *at = text, *next; at <= text + length; at = next) {
		struct configuration *c = configuration_open();

		next = at + strlen(at) + 1;
		next_file = at;
		memset(&found, 0, sizeof(found));
		read_file(c, 0);
		configuration_close(c, &found);
		print(&found);
		printf("%c", 0);
	}
	return 0;
}
