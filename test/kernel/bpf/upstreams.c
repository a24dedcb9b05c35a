/*
 * Reads nginx configurations from standard input and prints their upstreams,
 * one per line. A zero byte separates configurations, in the output too, \001
 * the files of one: each `include` is the next of them. With arguments it
 * prints names instead: the first is a hosts file, the others are addresses to
 * which nginx connects, or those with a `-` before them anybody. Where `@2` is
 * behind them, the second configuration is of the network namespace 2.
 */
#include "../../../bpf/helper/upstreams.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *next_file; /* NULL after the last */

static void read_file(struct configuration *c, int depth)
{
	char *file = next_file, *end = file + strcspn(file, "\001"), *copy = malloc(end - file + 1);
	struct text rest = {copy, copy + (end - file)}; /* its own memory, so that the sanitizer sees
							   a read behind its end */
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

static struct backend_key key_of(const char *address)
{
	struct backend_key key = {.family = *address == '[' ? 6 : 4, .port = atoi(strrchr(address, ':') + 1)};
	char host[64];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(address + (key.family == 6), key.family == 6 ? "]" : ":"),
		 address + (key.family == 6));
	key.netid = strchr(address, '@') ? atoi(strchr(address, '@') + 1) : 1;
	inet_pton(key.family == 6 ? AF_INET6 : AF_INET, host, key.address);
	return key;
}

static void print_names(const struct names *names, const char *address)
{
	struct backend_key key = key_of(address + (*address == '-'));
	const char *list[8];
	int count = names_of(names, &key, *address != '-', list, 8);

	printf("%s: %s", address, count < 0 ? "unknown" : count ? "" : "none");
	for (int i = 0; i < count; i++)
		printf("%s%s", i ? ", " : "", list[i]);
	printf("\n");
}

/* Of this configuration; of all so far where an address says of which. */
static void print_all_names(struct names *names, char **words)
{
	static struct names merged;

	resolve_hosts(names, words[0]);
	if (!words[1] || !strchr(words[1], '@'))
		clear_names(&merged);
	merge_names(&merged, names);
	sort_names(&merged);
	for (words++; *words; words++)
		print_names(&merged, *words);
	if (merged.runtime_count)
		printf("%d at run time: %s\n", merged.runtime_count, merged.runtime);
	if (merged.left_out)
		printf("%d left out\n", merged.left_out);
}

int main(int argc, char **argv)
{
	static char text[4 << 20];
	static struct upstreams found;
	static struct names names;
	int number = 0;
	size_t length = fread(text, 1, sizeof(text) - 1, stdin);

	for (char *at = text, *next; at <= text + length; at = next) {
		struct configuration *c;

		next = at + strlen(at) + 1;
		next_file = at;
		clear_names(&names);
		names.netid = argc > 2 && strchr(argv[2], '@') ? ++number : 1;
		c = configuration_open(&names);
		memset(&found, 0, sizeof(found));
		read_file(c, 0);
		configuration_close(c, &found);
		if (argc > 1)
			print_all_names(&names, argv + 1);
		else
			print(&found);
		printf("%c", 0);
	}
	return 0;
}
