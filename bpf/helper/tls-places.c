/*
 * Files that nginx starts from later: an upgrade puts another file at the same path, and an nginx may be started for the first
 * time. All of it happens without rights, and the helper waits for nothing: a place is a descriptor of a folder in our own root,
 * and on no file system of a user's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tls.h"

struct place {
	char path[192];
	int directory; /* O_PATH; -1: it was not there yet */
	bool is_usual; /* one of `usual` */
};

/* Where nginx is from a package, from its own source, and of OpenResty. */
static const char *const usual[] = {"/usr/sbin/nginx", "/usr/local/nginx/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx"};
#define USUAL (sizeof(usual) / sizeof(*usual))

static struct place places[MAX_TLS_PROGRAMS + USUAL];
static int place_count;

static void add_place(const char *path, int directory, bool is_usual)
{
	struct place *p = &places[place_count];

	for (int i = 0; i < place_count; i++)
		if (!strcmp(places[i].path, path))
			return;
	*p = (struct place){.directory = directory, .is_usual = is_usual};
	snprintf(p->path, sizeof(p->path), "%s", path);
	place_count++;
}

void keep_tls_places(const struct tls *tls)
{
	for (int i = 0; i < tls->count; i++)
		if (tls->list[i].directory >= 0)
			add_place(tls->list[i].path, tls->list[i].directory, false);
	for (size_t i = 0; i < USUAL; i++)
		add_place(usual[i], -1, true);
}

static const char *name_of(const struct place *p)
{
	return strrchr(p->path, '/') + 1;
}

/* The usual folders are root's: they are opened when there is an nginx in them. */
static int open_place(struct place *p)
{
	char folder[sizeof(p->path)];

	if (p->directory < 0) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(name_of(p) - p->path), p->path);
		p->directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return p->directory < 0 ? -1 : openat(p->directory, name_of(p), O_PATH | O_CLOEXEC);
}

void look_at_tls_places(struct tls *tls, bool started)
{
	for (int i = 0; i < place_count; i++) {
		int file = places[i].is_usual && !started ? -1 : open_place(&places[i]);

		if (file >= 0 && !add_tls_file(tls, file, places[i].path))
			close(file);
	}
}
