/* nginx's configuration, with the rights of whoever runs that nginx: does it proxy, and to where we cannot see? */
#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>
#include "doors.h"

#define MAX_FILES 512
#define MAX_FILE  (1 << 20)

static void scan_config(struct census *c, struct process *master, const char *path, const char *root, const char *prefix,
			int depth);

static void note_invisible(struct nginx *n, const char *directive, const char *value)
{
	if (n->invisible_count == 32)
		return;
	snprintf(n->invisible[n->invisible_count], sizeof(n->invisible[0]), "%s %s", directive, value);
	for (int i = 0; i < n->invisible_count; i++)
		if (!strcmp(n->invisible[i], n->invisible[n->invisible_count]))
			return;
	n->invisible_count++;
}

static void scan_include(struct census *c, struct process *master, const char *pattern, const char *root, const char *prefix,
			 int depth)
{
	char full[PATH_MAX];
	glob_t found;

	if (snprintf(full, sizeof(full), "%s%s%s%s", root, *pattern == '/' ? "" : prefix, *pattern == '/' ? "" : "/", pattern) >=
	    (int)sizeof(full))
		return;
	if (glob(full, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		scan_config(c, master, found.gl_pathv[i] + strlen(root), root, prefix, depth + 1);
	globfree(&found);
}

/* One statement: its first two words. */
static void scan_statement(struct census *c, struct process *master, char *text, const char *root, const char *prefix, int depth)
{
	char *rest = text, *word = strsep(&rest, " \t\r\n"), *value;

	while (word && !*word)
		word = strsep(&rest, " \t\r\n");
	value = word ? strsep(&rest, " \t\r\n") : NULL;
	while (value && !*value)
		value = strsep(&rest, " \t\r\n");
	if (!word || !value)
		return;
	if (*value == '"' || *value == '\'') {
		value++;
		value[strcspn(value, "\"'")] = 0;
	}
	if (!strcmp(word, "include")) {
		scan_include(c, master, value, root, prefix, depth);
	} else if (!strcmp(word, "proxy_pass")) {
		master->proxies = true;
		if (!strncmp(value, "https:", 6) || !strncmp(value, "http://unix:", 12))
			note_invisible(c->nginx, word, value);
	} else if (!strcmp(word, "server") && !strncmp(value, "unix:", 5)) {
		note_invisible(c->nginx, word, value);
	} else if (!strcmp(word, "grpc_pass")) {
		note_invisible(c->nginx, word, value);
	}
}

static void scan_config(struct census *c, struct process *master, const char *path, const char *root, const char *prefix,
			int depth)
{
	char full[PATH_MAX], *text, *start;
	struct stat st;
	int fd, n;

	if (depth > 8 || c->files++ > MAX_FILES || snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE || !(text = calloc(1, st.st_size + 1))) {
		close(fd);
		return;
	}
	n = read(fd, text, st.st_size);
	close(fd);
	if (depth == 0)
		master->has_config = n > 0;
	/* comments become blanks; then a statement ends at ; { or } */
	for (int i = 0; i < n; i++)
		if (text[i] == '#' && (i == 0 || isspace((unsigned char)text[i - 1]) || strchr(";{}", text[i - 1])))
			while (i < n && text[i] != '\n')
				text[i++] = ' ';
	start = text;
	for (int i = 0; i < n; i++) {
		if (text[i] != ';' && text[i] != '{' && text[i] != '}')
			continue;
		text[i] = 0;
		scan_statement(c, master, start, root, prefix, depth);
		start = text + i + 1;
	}
	free(text);
}

/* The value of an option in a command line: "-c FILE" or "-cFILE"; "" when it has none. */
static void option_value(const char *line, char letter, char *value, size_t size)
{
	char mark[4] = {' ', '-', letter, 0};
	const char *at = strstr(line, mark);

	value[0] = 0;
	if (!at)
		return;
	at += 3;
	while (*at == ' ')
		at++;
	snprintf(value, size, "%.*s", (int)strcspn(at, " "), at);
}

void read_config(struct census *c, struct process *master)
{
	char line[4096], file[PATH_MAX], prefix[PATH_MAX], root[64], directory[PATH_MAX], status[64];
	struct stat owner;
	int own_uid = geteuid(), own_gid = getegid();

	if (!read_small(line, sizeof(line), "/proc/%u/cmdline", master->pid))
		return;
	option_value(line, 'c', file, sizeof(file));
	option_value(line, 'p', prefix, sizeof(prefix));
	snprintf(root, sizeof(root), "/proc/%u/root", master->pid);
	snprintf(status, sizeof(status), "/proc/%u", master->pid);
	if (!*file)
		snprintf(file, sizeof(file), "%s", *prefix ? "conf/nginx.conf" : "/etc/nginx/nginx.conf");
	if (*file != '/') {
		char relative[PATH_MAX];

		snprintf(relative, sizeof(relative), "%s", file);
		if (snprintf(file, sizeof(file), "%s/%s", *prefix ? prefix : "/usr/share/nginx", relative) >= (int)sizeof(file))
			return;
	}
	snprintf(directory, sizeof(directory), "%s", file);
	*strrchr(directory, '/') = 0;
	/* a process that merely calls itself nginx must not make us read what its user may not */
	if (stat(status, &owner))
		return;
	setfsgid(owner.st_gid);
	setfsuid(owner.st_uid);
	scan_config(c, master, file, root, directory, 0);
	setfsuid(own_uid);
	setfsgid(own_gid);
}
