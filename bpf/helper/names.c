/*
 * The names of addresses. A literal address has the names of its blocks. A host's addresses are those of the hosts file. Where it
 * is not in there, it is told by elimination: an address that no configuration has, whose port only one host has, is that host's,
 * if every target of every configuration is known.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "names.h"

void clear_names(struct names *n)
{
	n->netid = n->count = n->host_count = n->left_out = n->runtime_count = n->is_incomplete = 0;
	n->open_count = 0;
	n->length = 0;
	n->runtime[0] = 0;
}

void copy_names(struct names *to, const struct names *from)
{
	memcpy(to->hosts, from->hosts, from->host_count * sizeof(*from->hosts));
	memcpy(to->list, from->list, from->count * sizeof(*from->list));
	memcpy(to->texts, from->texts, from->length);
	memcpy(to->runtime, from->runtime, sizeof(to->runtime));
	memcpy(to->open, from->open, from->open_count * sizeof(*from->open));
	to->open_count = from->open_count;
	to->netid = from->netid;
	to->host_count = from->host_count;
	to->left_out = from->left_out;
	to->runtime_count = from->runtime_count;
	to->is_incomplete = from->is_incomplete;
	to->length = from->length;
	__atomic_store_n(&to->count, from->count, __ATOMIC_RELEASE);
}

/* ---- texts ---- */

/* Returns 0 without room. The servers of a block come one after the other, with the same name. */
static uint32_t keep_text(struct names *n, const char *text, uint32_t last)
{
	size_t size = strlen(text) + 1;
	uint32_t at = n->length ? n->length : 1;

	if (last && !strcmp(n->texts + last, text))
		return last;
	if (at + size > NAME_TEXTS)
		return 0;
	memcpy(n->texts + at, text, size);
	n->length = at + size;
	return at;
}

static uint32_t last_name(const struct names *n)
{
	return n->count ? n->list[n->count - 1].name : 0;
}

/* ---- addresses ---- */

/* As nginx reads it: four decimal numbers. What it does not take for an address, it resolves: the C library reads "127.1" too. */
static bool read_ipv4(const char *text, uint8_t *address)
{
	unsigned part[4];
	struct in_addr in;
	int end = 0;

	if (strspn(text, "0123456789.") == strlen(text) &&
	    sscanf(text, "%3u.%3u.%3u.%3u%n", &part[0], &part[1], &part[2], &part[3], &end) == 4 && !text[end] && part[0] < 256 &&
	    part[1] < 256 && part[2] < 256 && part[3] < 256) {
		for (int i = 0; i < 4; i++)
			address[i] = part[i];
		return true;
	}
	if (strspn(text, "0123456789abcdefxABCDEFX.") < strlen(text) || !inet_aton(text, &in))
		return false;
	memcpy(address, &in, 4);
	return true;
}

/* The address that a socket shows: an IPv4 address within IPv6 is IPv4, and no address is this host's own. */
static void normalise(struct backend_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, none[16];

	if (key->family == 6 && !memcmp(key->address, mapped, sizeof(mapped))) {
		memmove(key->address, key->address + 12, 4);
		memset(key->address + 4, 0, 12);
		key->family = 4;
	}
	if (memcmp(key->address, none, sizeof(none)))
		return;
	if (key->family == 4)
		memcpy(key->address, (uint8_t[]){127, 0, 0, 1}, 4);
	else
		key->address[15] = 1;
}

static bool read_address(const char *host, struct backend_key *key)
{
	memset(key->address, 0, sizeof(key->address));
	key->family = 4;
	if (!read_ipv4(host, key->address)) {
		key->family = 6;
		if (inet_pton(AF_INET6, host, key->address) != 1)
			return false;
	}
	normalise(key);
	return true;
}

static bool read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*port = value;
	return *text >= '0' && *text <= '9' && !*end && value > 0 && value < 65536;
}

/* Cuts the port off. Returns the host, without the brackets of IPv6; NULL where it is none. */
static char *split_server(char *text, uint16_t *port, bool *is_ipv6)
{
	char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

	*is_ipv6 = *text == '[';
	if (*is_ipv6) {
		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return NULL;
		colon = bracket[1] ? bracket + 1 : NULL;
		*bracket = 0;
		text++;
	}
	if (colon && !read_port(colon + 1, port))
		return NULL;
	if (colon)
		*colon = 0;
	return *text && *port ? text : NULL;
}

static void add_address(struct names *n, const struct backend_key *key, uint32_t name)
{
	if (n->count < MAX_NAMES)
		n->list[n->count++] = (struct named_address){*key, name};
	else
		n->left_out++;
}

static void add_named_address(struct names *n, const struct backend_key *key, const char *name)
{
	uint32_t kept = *name ? keep_text(n, name, last_name(n)) : 0;

	if (*name && !kept)
		n->left_out++;
	else
		add_address(n, key, kept);
}

/* ---- hosts ---- */

static void add_host(struct names *n, const char *host, const char *name, const struct named_host *new)
{
	struct named_host *h = &n->hosts[n->host_count];

	for (int i = 0; i < n->host_count; i++) {
		struct named_host *same = &n->hosts[i];

		if (same->netid != new->netid || same->port != new->port || strcasecmp(n->texts + same->host, host) ||
		    strcasecmp(n->texts + same->name, name))
			continue;
		/* nginx has resolved it for one of its directives: the others have it from there */
		same->is_static |= new->is_static;
		same->is_known &= new->is_known;
		return;
	}
	if (n->host_count == MAX_HOSTS) {
		n->left_out++;
		return;
	}
	*h = *new;
	h->host = keep_text(n, host, 0);
	h->name = h->host ? keep_text(n, name, h->host) : 0;
	if (h->name)
		n->host_count++;
	else
		n->left_out++;
}

void add_server_name(struct names *n, const char *server, uint16_t port, const char *name, bool is_static)
{
	struct backend_key key = {.netid = n->netid};
	char text[512], *host;
	bool is_ipv6;

	if (snprintf(text, sizeof(text), "%s", server) >= (int)sizeof(text))
		return;
	host = split_server(text, &port, &is_ipv6);
	if (!host)
		return;
	key.port = port;
	if (read_address(host, &key))
		add_named_address(n, &key, name);
	else if (!is_ipv6)
		add_host(n, host, *name ? name : host,
			 &(struct named_host){.netid = n->netid, .port = port, .is_static = is_static});
}

void add_nameless_port(struct names *n, uint16_t port)
{
	add_host(n, "", "", &(struct named_host){.netid = n->netid, .port = port});
}

static bool is_open(const struct names *n, uint32_t netid)
{
	if (n->is_incomplete || n->left_out)
		return true;
	for (int i = 0; i < n->open_count; i++)
		if (n->open[i] == netid)
			return true;
	return false;
}

void open_namespace(struct names *n, uint32_t netid)
{
	if (is_open(n, netid))
		return;
	if (n->open_count < MAX_OPEN)
		n->open[n->open_count++] = netid;
	else
		n->is_incomplete = true;
}

void add_runtime_name(struct names *n, const char *what)
{
	open_namespace(n, n->netid);
	if (!n->runtime_count++)
		snprintf(n->runtime, sizeof(n->runtime), "%s", what);
}

/* ---- the hosts file ---- */

bool has_static_hosts(const struct names *n)
{
	for (int i = 0; i < n->host_count; i++)
		if (n->hosts[i].is_static)
			return true;
	return false;
}

static int by_host(const void *a, const void *b, void *texts)
{
	const struct named_host *x = a, *y = b;

	return strcasecmp((char *)texts + x->host, (char *)texts + y->host);
}

/* The first of the sorted hosts that is not before this one: a hosts file may have a hundred thousand lines. */
static int first_host(const struct names *n, const char *host)
{
	int low = 0, high = n->host_count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (strcasecmp(n->texts + n->hosts[middle].host, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void name_host(struct names *n, const char *host, const struct backend_key *address)
{
	for (int i = first_host(n, host); i < n->host_count && !strcasecmp(n->texts + n->hosts[i].host, host); i++) {
		struct named_host *h = &n->hosts[i];
		struct backend_key key = *address;

		if (!h->is_static)
			continue;
		key.netid = h->netid;
		key.port = h->port;
		h->is_known = true;
		add_address(n, &key, h->name);
	}
}

void resolve_hosts(struct names *n, char *text)
{
	char *lines, *words;

	qsort_r(n->hosts, n->host_count, sizeof(*n->hosts), by_host, n->texts);
	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		struct backend_key address = {};
		char *word;

		line[strcspn(line, "#")] = 0;
		word = strtok_r(line, " \t\r", &words);
		if (!word || !read_address(word, &address))
			continue;
		while ((word = strtok_r(NULL, " \t\r", &words)))
			name_host(n, word, &address);
	}
}

/* ---- several configurations ---- */

static int limit(int value, int max)
{
	return value < 0 ? 0 : value < max ? value : max;
}

/* A text of another table, which may have been damaged: "" where it is none. */
static const char *text_at(const struct names *n, uint32_t at)
{
	return at && at < NAME_TEXTS && memchr(n->texts + at, 0, NAME_TEXTS - at) ? n->texts + at : "";
}

void merge_names(struct names *n, const struct names *from)
{
	for (int i = 0, count = limit(from->count, MAX_NAMES); i < count; i++) {
		struct named_address a = from->list[i];

		add_named_address(n, &a.key, text_at(from, a.name));
	}
	for (int i = 0, count = limit(from->host_count, MAX_HOSTS); i < count; i++) {
		struct named_host h = from->hosts[i];

		add_host(n, text_at(from, h.host), text_at(from, h.name), &h);
	}
	n->left_out += limit(from->left_out, MAX_NAMES);
	if (from->runtime_count > 0 && !n->runtime_count)
		snprintf(n->runtime, sizeof(n->runtime), "%.*s", (int)sizeof(from->runtime) - 1, from->runtime);
	n->runtime_count += limit(from->runtime_count, MAX_NAMES);
	for (int i = 0, count = limit(from->open_count, MAX_OPEN); i < count; i++)
		open_namespace(n, from->open[i]);
	n->is_incomplete |= from->is_incomplete;
}

/* ---- look-up ---- */

static int by_key(const struct backend_key *x, const struct backend_key *y)
{
	return memcmp(x, y, sizeof(*x));
}

static int by_key_and_name(const void *a, const void *b, void *texts)
{
	const struct named_address *x = a, *y = b;
	int order = by_key(&x->key, &y->key);

	return order ? order : strcmp(x->name ? (char *)texts + x->name : "", y->name ? (char *)texts + y->name : "");
}

void sort_names(struct names *n)
{
	qsort_r(n->list, n->count, sizeof(*n->list), by_key_and_name, n->texts);
}

static int first_address(const struct names *n, const struct backend_key *key)
{
	int low = 0, high = n->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (by_key(&n->list[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the only host with this port. -1 where there are several, or where it may be none of them. */
static int eliminate(const struct names *n, const struct backend_key *key, bool by_nginx, const char **list, int max)
{
	bool any = is_open(n, key->netid);
	const char *host = NULL;
	int count = 0;

	for (int i = 0; i < n->host_count; i++) {
		const struct named_host *h = &n->hosts[i];

		if (h->netid != key->netid || h->port != key->port || h->is_known)
			continue;
		if (any || !by_nginx || !n->texts[h->name] || (host && strcasecmp(host, n->texts + h->host)))
			return -1;
		host = n->texts + h->host;
		if (count < max)
			list[count++] = n->texts + h->name;
	}
	qsort(list, count, sizeof(*list), by_text);
	return any ? -1 : count;
}

int names_of(const struct names *n, const struct backend_key *key, bool by_nginx, const char **list, int max)
{
	int first = first_address(n, key), count = 0;

	if (first == n->count || by_key(&n->list[first].key, key))
		return eliminate(n, key, by_nginx, list, max);
	for (int i = first; i < n->count && !by_key(&n->list[i].key, key) && count < max; i++) {
		const char *name = n->texts + n->list[i].name;

		if (n->list[i].name && (!count || strcmp(list[count - 1], name)))
			list[count++] = name;
	}
	return count;
}
