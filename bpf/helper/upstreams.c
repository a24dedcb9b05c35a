/* Collects the *_pass directives and upstream blocks of one configuration, and resolves them when all of it has been read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "upstreams.h"

/* For one configuration. What finds no room is counted. */
#define MAX_DEPTH	    32
#define MAX_PASSES	    16384
#define MAX_UPSTREAM_BLOCKS 16384
#define MAX_SERVERS	    65536

const char *const upstream_kinds[] = {"unknown", "http",	   "h2",   "tls", "fastcgi", "uwsgi", "scgi", "memcached",
				      "stream",	 "proxy_protocol", "other"};
const char *const upstream_places[] = {"tcp", "unix", "udp", "runtime"};

enum block_kind { MAIN, PROXYING, UPSTREAM, DATA };

/* A setting that may be inherited from the block around it. */
enum setting { UNSET, OFF, ON };
struct settings {
	uint8_t tls, proxy_protocol, h2, udp; /* enum setting */
};

struct block {
	enum block_kind kind;
	bool is_stream;
	struct settings settings;
	int first_pass;
};

struct pass {
	char *directive;
	char *target;
	bool is_stream;
	struct settings settings;
};

struct upstream_block {
	char *name;
	bool is_stream;
	bool is_dynamic; /* Lua chooses the server */
	bool is_passed_to, is_passed_to_by_tcp;
	int first_server;
	int servers;
};

struct server {
	char *address;
	char *parameters;	/* "weight=2 backup" */
	bool is_resolved_later; /* at run time, and again and again */
	bool is_service;	/* DNS has its port, too */
};

struct configuration {
	struct block open[MAX_DEPTH];
	int depth;  /* the innermost open block; 0 is the file itself */
	int beyond; /* blocks within that, which are not read */
	int floor;  /* the depth at which the current file began */
	struct pass passes[MAX_PASSES];
	int pass_count, passes_left_out;
	struct upstream_block blocks[MAX_UPSTREAM_BLOCKS];
	int block_count;
	struct server servers[MAX_SERVERS];
	int server_count;
	int left_out; /* blocks and servers */
	struct names *names;
};

struct configuration *configuration_open(struct names *names)
{
	struct configuration *c = calloc(1, sizeof(*c));

	if (c)
		c->names = names;
	return c;
}

/* ---- blocks ---- */

/*
 * What connects without a target in the text: scripts, mail, certificates' responders. Any address may be theirs, or any with
 * that port.
 */
static void note_other_targets(struct configuration *c, const struct statement *s)
{
	const char *word = s->words[0];

	if ((strstr(word, "_by_lua") && strncmp(word, "balancer", 8)) || !strncmp(word, "js_", 3) || !strncmp(word, "perl", 4) ||
	    !strcmp(word, "auth_http") || !strcmp(word, "otel_exporter") ||
	    (!strcmp(word, "api") && s->count > 1 && !strcmp(s->words[1], "write=on")))
		add_runtime_name(c->names, word);
	else if ((!strcmp(word, "ssl_stapling") || !strcmp(word, "ssl_ocsp")) && s->count > 1 && strcmp(s->words[1], "off"))
		add_nameless_port(c->names, 80);
	else if (!strcmp(word, "resolver"))
		add_nameless_port(c->names, 53);
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

static void open_block(struct configuration *c, const struct statement *s)
{
	static const char *const data[] = {"map", "geo", "types", "split_clients", "charset_map", "match", NULL};
	const struct block *around = &c->open[c->depth];
	struct block block = {around->kind, around->is_stream, {}, c->pass_count};
	const char *name = s->words[0];

	if (c->beyond || c->depth + 1 == MAX_DEPTH) {
		c->beyond++;
		return;
	}
	if (around->kind == DATA || is_one_of(name, data))
		block.kind = DATA;
	else if (!strcmp(name, "stream"))
		block = (struct block){PROXYING, true, {}, c->pass_count};
	else if (!strcmp(name, "http"))
		block = (struct block){PROXYING, false, {}, c->pass_count};
	else if (!strcmp(name, "upstream") && s->count > 1 && c->block_count < MAX_UPSTREAM_BLOCKS) {
		block.kind = UPSTREAM;
		c->blocks[c->block_count++] = (struct upstream_block){
		    .name = strdup(s->words[1]), .is_stream = around->is_stream, .first_server = c->server_count};
	} else if (!strcmp(name, "upstream"))
		c->left_out++;
	note_other_targets(c, s);
	c->open[++c->depth] = block;
}

static void inherit(uint8_t *setting, uint8_t around)
{
	if (*setting == UNSET)
		*setting = around;
}

/* A setting applies to all of its block, so that only the end of the block has it for certain. */
static void close_block(struct configuration *c)
{
	const struct block *block = &c->open[c->depth];

	for (int i = block->first_pass; i < c->pass_count; i++) {
		inherit(&c->passes[i].settings.tls, block->settings.tls);
		inherit(&c->passes[i].settings.proxy_protocol, block->settings.proxy_protocol);
		inherit(&c->passes[i].settings.h2, block->settings.h2);
		inherit(&c->passes[i].settings.udp, block->settings.udp);
	}
	if (c->depth)
		c->depth--;
}

bool configuration_is_data(const struct configuration *c)
{
	return c->beyond || c->open[c->depth].kind == DATA;
}

int configuration_enter_file(struct configuration *c)
{
	int before = c->floor;

	c->floor = c->depth;
	return before;
}

void configuration_leave_file(struct configuration *c, int before)
{
	c->beyond = 0;
	while (c->depth > c->floor)
		close_block(c);
	c->floor = before;
}

/* ---- statements ---- */

bool is_pass_directive(const char *word)
{
	size_t length = strlen(word), wanted = strlen("_pass");

	return length > wanted && !strcmp(word + length - wanted, "_pass");
}

static void add_pass(struct configuration *c, const char *directive, const char *target)
{
	struct pass pass = {.is_stream = c->open[c->depth].is_stream};

	if (c->pass_count < MAX_PASSES) {
		pass.directive = strdup(directive);
		pass.target = strdup(target);
	}
	if (!pass.directive || !pass.target) {
		free(pass.directive);
		c->passes_left_out++;
		return;
	}
	c->passes[c->pass_count++] = pass;
}

/* Those that an operator asks about; timeouts and limits are none of them. */
static char *parameters_of(const struct statement *s)
{
	static const char *const words[] = {"weight=", "backup", "down", "resolve", "service=", "drain"};
	char text[96] = "";

	for (int i = 2; i < s->count; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
			if (!strncmp(s->words[i], words[k], strlen(words[k])) &&
			    strlen(text) + strlen(s->words[i]) + 2 < sizeof(text))
				sprintf(text + strlen(text), " %s", s->words[i]);
	return strdup(text);
}

static void add_to_upstream_block(struct configuration *c, const struct statement *s)
{
	struct upstream_block *block = &c->blocks[c->block_count - 1];
	struct server server = {};

	if (!strncmp(s->words[0], "balancer_by_lua", 15))
		block->is_dynamic = true;
	if (strcmp(s->words[0], "server") || s->count < 2)
		return;
	if (c->server_count < MAX_SERVERS)
		server.address = strdup(s->words[1]);
	if (!server.address) {
		c->left_out++;
		return;
	}
	for (int i = 2; i < s->count; i++) {
		server.is_resolved_later |= !strcmp(s->words[i], "resolve");
		server.is_service |= !strncmp(s->words[i], "service=", 8);
	}
	server.parameters = parameters_of(s);
	c->servers[c->server_count++] = server;
	block->servers++;
}

/* `listen 53 udp`: a server that listens on TCP as well passes on both. */
static void note_listen(struct settings *settings, const struct statement *s)
{
	bool is_udp = false;

	for (int i = 2; i < s->count; i++)
		is_udp |= !strcmp(s->words[i], "udp");
	if (!is_udp)
		settings->udp = OFF;
	else if (settings->udp == UNSET)
		settings->udp = ON;
}

static void note_setting(struct block *block, const struct statement *s)
{
	const char *name = s->words[0];
	uint8_t value = strcasecmp(s->words[1], "on") ? OFF : ON;

	if (!strcmp(name, "proxy_http_version"))
		block->settings.h2 = strncmp(s->words[1], "2", 1) ? OFF : ON;
	if (!block->is_stream)
		return;
	if (!strcmp(name, "proxy_ssl"))
		block->settings.tls = value;
	else if (!strcmp(name, "proxy_protocol"))
		block->settings.proxy_protocol = value;
	else if (!strcmp(name, "listen"))
		note_listen(&block->settings, s);
}

void configuration_add(struct configuration *c, const struct statement *s)
{
	if (s->end == '}') {
		if (c->beyond)
			c->beyond--;
		else if (c->depth > c->floor)
			close_block(c);
		return;
	}
	if (s->end == '{') {
		open_block(c, s);
		return;
	}
	if (configuration_is_data(c))
		return;
	note_other_targets(c, s);
	if (c->open[c->depth].kind == UPSTREAM) {
		add_to_upstream_block(c, s);
	} else if (s->count > 1) {
		note_setting(&c->open[c->depth], s);
		if (is_pass_directive(s->words[0]))
			add_pass(c, s->words[0], s->words[1]);
	}
}

/* ---- targets ---- */

/* "https://app:81/a/b": its scheme, where it has one, and its host; the URI is cut off. */
struct target {
	char *scheme; /* NULL without one */
	char *host;   /* "unix:/path", "name", "name:port", "$variable" */
};

static bool is_unix(const char *host)
{
	return !strncasecmp(host, "unix:", 5);
}

static struct target read_target(char *text)
{
	char *mark = strstr(text, "://");
	struct target target = {NULL, text};

	if (mark && mark < text + strcspn(text, "/?")) {
		*mark = 0;
		target.scheme = text;
		target.host = mark + 3;
	}
	if (is_unix(target.host))
		target.host[5 + strcspn(target.host + 5, ":")] = 0;
	else
		target.host[strcspn(target.host, "/?")] = 0;
	return target;
}

static enum upstream_kind kind_of(const struct pass *pass, const char *scheme)
{
	static const struct {
		const char *directive;
		enum upstream_kind kind;
	} kinds[] = {{"grpc_pass", UPSTREAM_H2},   {"fastcgi_pass", UPSTREAM_FASTCGI},	   {"uwsgi_pass", UPSTREAM_UWSGI},
		     {"scgi_pass", UPSTREAM_SCGI}, {"memcached_pass", UPSTREAM_MEMCACHED}, {"proxy_pass", UPSTREAM_UNKNOWN}};
	size_t i = 0;

	if (pass->is_stream)
		return pass->settings.tls == ON		     ? UPSTREAM_TLS
		       : pass->settings.proxy_protocol == ON ? UPSTREAM_PROXY_PROTOCOL
							     : UPSTREAM_STREAM;
	if (scheme && (!strcasecmp(scheme, "https") || !strcasecmp(scheme, "grpcs") || !strcasecmp(scheme, "suwsgi")))
		return UPSTREAM_TLS;
	if (scheme && !strcasecmp(scheme, "http"))
		return pass->settings.h2 == ON ? UPSTREAM_H2 : UPSTREAM_HTTP;
	while (i < sizeof(kinds) / sizeof(*kinds) && strcmp(pass->directive, kinds[i].directive))
		i++;
	if (i == sizeof(kinds) / sizeof(*kinds))
		return UPSTREAM_OTHER;
	/* "grpc_pass $target" may have any scheme */
	return !scheme && *pass->target == '$' && (kinds[i].kind == UPSTREAM_H2 || kinds[i].kind == UPSTREAM_UWSGI)
		   ? UPSTREAM_UNKNOWN
		   : kinds[i].kind;
}

static enum upstream_place place_of(const struct pass *pass, const char *server)
{
	if (is_unix(server))
		return UPSTREAM_UNIX;
	if (strchr(server, '$'))
		return UPSTREAM_RUNTIME;
	return pass->is_stream && pass->settings.udp == ON ? UPSTREAM_UDP : UPSTREAM_TCP;
}

/* ---- names ---- */

/* The port that a directive has without one in its target; 0 where nginx wants one. */
static uint16_t port_of(const struct pass *pass, enum upstream_kind kind)
{
	if (pass->is_stream || (strcmp(pass->directive, "proxy_pass") && strcmp(pass->directive, "grpc_pass")))
		return 0;
	return kind == UPSTREAM_TLS ? 443 : 80;
}

/* A variable in its scheme may change its port. */
static bool has_variable_port(const struct pass *pass, const struct target *target)
{
	return target->scheme && strchr(target->scheme, '$') && port_of(pass, UPSTREAM_HTTP) && !strrchr(target->host, ':');
}

/* A directive with a variable anywhere is resolved with each request, by nginx's own resolver, which reads no hosts file. */
static void name_target(struct configuration *c, const struct pass *pass, const struct target *target, bool has_variable)
{
	enum upstream_place place = place_of(pass, target->host);
	char what[sizeof(c->names->runtime)];

	if (place == UPSTREAM_TCP && !has_variable_port(pass, target)) {
		add_server_name(c->names, target->host, port_of(pass, kind_of(pass, target->scheme)), "", !has_variable);
	} else if (place == UPSTREAM_TCP || place == UPSTREAM_RUNTIME) {
		snprintf(what, sizeof(what), "%s %s%s%s", pass->directive, target->scheme ? target->scheme : "",
			 target->scheme ? "://" : "", target->host);
		add_runtime_name(c->names, what);
	}
}

static void name_block(struct configuration *c, const struct upstream_block *block)
{
	char what[sizeof(c->names->runtime)];
	bool is_runtime = block->is_dynamic || !block->servers;

	if (block->is_passed_to && !block->is_passed_to_by_tcp)
		return;
	for (int i = 0; i < block->servers && !block->is_dynamic; i++) {
		const struct server *server = &c->servers[block->first_server + i];

		is_runtime |= server->is_service;
		if (!is_unix(server->address) && !server->is_service)
			add_server_name(c->names, server->address, block->is_stream ? 0 : 80, block->name,
					!server->is_resolved_later);
	}
	snprintf(what, sizeof(what), "upstream %s", block->name);
	if (is_runtime)
		add_runtime_name(c->names, what);
}

/* ---- what the directives lead to ---- */

static int by_name(const void *a, const void *b)
{
	const struct upstream_block *x = a, *y = b;

	return x->is_stream != y->is_stream ? x->is_stream - y->is_stream : strcasecmp(x->name, y->name);
}

/* What a directive names, with the place of `server`, which is one of the block's, or the target itself. */
static void add_server(struct upstream *entries, const struct pass *pass, const char *server, bool is_of_block, bool is_dynamic)
{
	enum upstream_place place = is_dynamic ? UPSTREAM_RUNTIME : place_of(pass, server);
	struct upstream *entry = &entries[place];

	entry->place = place;
	/* any value but zero means that there is such an entry */
	*entry->pass = *pass->directive;
	if (is_of_block && !is_dynamic && entry->servers++ < UPSTREAM_EXAMPLES)
		snprintf(entry->examples[entry->servers - 1], sizeof(entry->examples[0]), "%s", server);
}

static void resolve(struct configuration *c, struct pass *pass, struct upstreams *list, int first)
{
	struct upstream entries[UPSTREAM_PLACES] = {}, name = {};
	bool has_variable = strchr(pass->target, '$');
	struct target target = read_target(pass->target);
	struct upstream_block key = {.name = target.host, .is_stream = pass->is_stream}, *block;

	name.kind = kind_of(pass, target.scheme);
	snprintf(name.pass, sizeof(name.pass), "%s", pass->directive);
	snprintf(name.target, sizeof(name.target), "%s%s%s", target.scheme ? target.scheme : "", target.scheme ? "://" : "",
		 target.host);
	block = bsearch(&key, c->blocks, c->block_count, sizeof(key), by_name);
	if (!block)
		name_target(c, pass, &target, has_variable);
	else if (place_of(pass, "") == UPSTREAM_TCP)
		block->is_passed_to_by_tcp = true;
	if (block)
		block->is_passed_to = true;
	for (int i = first; i < list->count; i++)
		if (list->list[i].kind == name.kind && !strcmp(list->list[i].pass, name.pass) &&
		    !strcmp(list->list[i].target, name.target))
			return;
	if (!block)
		add_server(entries, pass, target.host, false, false);
	else if (block->is_dynamic || !block->servers)
		add_server(entries, pass, target.host, false, true);
	else
		for (int i = 0; i < block->servers; i++)
			add_server(entries, pass, c->servers[block->first_server + i].address, true, false);
	for (int i = 0; i < UPSTREAM_PLACES; i++) {
		if (!*entries[i].pass)
			continue;
		entries[i].master = list->master;
		entries[i].kind = name.kind;
		memcpy(entries[i].pass, name.pass, sizeof(name.pass));
		memcpy(entries[i].target, name.target, sizeof(name.target));
		add_upstream(list, &entries[i]);
	}
}

/* ---- the end ---- */

static void list_block(const struct configuration *c, const struct upstream_block *block, struct upstreams *list)
{
	struct listed_block listed = {.servers = block->servers};

	snprintf(listed.name, sizeof(listed.name), "%s", block->name);
	for (int i = 0; i < block->servers && i < LISTED_SERVERS; i++) {
		const struct server *server = &c->servers[block->first_server + i];

		snprintf(listed.examples[i], sizeof(listed.examples[i]), "%s%s", server->address,
			 server->parameters ? server->parameters : "");
	}
	add_listed_block(list, &listed);
}

/* A block without memory for its name has no name that a directive could have. */
static void sort_blocks(struct configuration *c)
{
	int kept = 0;

	for (int i = 0; i < c->block_count; i++)
		if (c->blocks[i].name)
			c->blocks[kept++] = c->blocks[i];
	c->block_count = kept;
	qsort(c->blocks, kept, sizeof(*c->blocks), by_name);
}

void configuration_close(struct configuration *c, struct upstreams *list)
{
	int first = list->count;

	c->floor = 0;
	configuration_leave_file(c, 0);
	close_block(c);
	sort_blocks(c);
	for (int i = 0; i < c->pass_count; i++) {
		resolve(c, &c->passes[i], list, first);
		free(c->passes[i].directive);
		free(c->passes[i].target);
	}
	for (int i = 0; i < c->block_count; i++) {
		name_block(c, &c->blocks[i]);
		list_block(c, &c->blocks[i], list);
	}
	list->left_out += c->passes_left_out;
	c->names->left_out += c->passes_left_out + c->left_out;
	for (int i = 0; i < c->block_count; i++)
		free(c->blocks[i].name);
	for (int i = 0; i < c->server_count; i++) {
		free(c->servers[i].address);
		free(c->servers[i].parameters);
	}
	free(c);
}
