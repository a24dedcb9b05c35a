/* Programs that nginx starts from later: they are judged and get their probes, without rights, between two turns of the loop. */
#include <stdio.h>
#include "tls.h"

/* A master that starts has its file then, but may still be one that replaces it. */
#define SETTLE_MS 100

static struct {
	uint32_t forks, beginnings; /* that were seen */
	uint64_t look_at;	    /* 0: nothing to look for */
	bool started;
	int next; /* the first program that is not judged yet, or not attached */
	bool is_judged;
	struct child child; /* at work on it, or none */
	uint64_t until;
	int said; /* programs about which nothing is to be said any more */
} later = {.child = {.socket = -1}};

void begin_to_follow(const struct tls *tls)
{
	keep_tls_places(tls);
	later.next = later.said = tls->count;
	/* since nginx's processes were looked for, seconds may have passed */
	later.look_at = in_ms(0);
	later.started = !tls->count;
}

bool is_following_tls(const struct tls *tls)
{
	return later.look_at || later.next < tls->count;
}

static void notice(uint32_t forks, uint32_t beginnings)
{
	if (forks == later.forks && beginnings == later.beginnings)
		return;
	later.started |= beginnings != later.beginnings;
	later.forks = forks;
	later.beginnings = beginnings;
	if (!later.look_at)
		later.look_at = in_ms(SETTLE_MS);
}

/* Two children, one after the other: the second sets the probes, if the first says that it can be done. */
static void begin_next(const struct tls *tls, struct tls_program *p)
{
	later.child = later.is_judged ? start_attaching(p, &tls->by, later.next) : start_judging(p);
	later.until = in_ms(later.is_judged ? ATTACH_MS : JUDGE_MS);
}

static void finish_next(const struct tls *tls, struct tls_program *p, bool in_time)
{
	if (later.is_judged)
		take_links(p, &later.child, in_time);
	else
		take_judgement(p, &later.child, in_time);
	later.child.socket = -1;
	judge_tls_cost(tls, p);
	if (!later.is_judged && !*p->why) {
		later.is_judged = true;
		return;
	}
	close_tls_file(p);
	later.is_judged = false;
	later.next++;
}

static void go_on(struct tls *tls)
{
	struct tls_program *p = &tls->list[later.next];
	bool answered;

	if (later.child.socket < 0)
		begin_next(tls, p);
	answered = later.child.socket >= 0 && has_answered(&later.child);
	if (answered || later.child.socket < 0 || now_ns(CLOCK_MONOTONIC) > later.until)
		finish_next(tls, p, answered);
}

void follow_tls(struct tls *tls, uint32_t forks, uint32_t beginnings)
{
	notice(forks, beginnings);
	if (later.look_at && now_ns(CLOCK_MONOTONIC) > later.look_at) {
		look_at_tls_places(tls, later.started);
		later.look_at = 0;
		later.started = false;
	}
	if (later.next < tls->count)
		go_on(tls);
}

const char *remark_on_followed_tls(const struct tls *tls)
{
	static char text[sizeof(tls->list->path) + sizeof(tls->list->why) + 64];
	const struct tls_program *p = &tls->list[later.said];

	if (later.said == later.next)
		return NULL;
	later.said++;
	if (p->is_read)
		snprintf(text, sizeof(text), "%s is read within TLS from now on", p->path);
	else
		snprintf(text, sizeof(text), "%s is not read within TLS: %s", p->path, p->why);
	return text;
}
