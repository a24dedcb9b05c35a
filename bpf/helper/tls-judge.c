/* Judging nginx's programs, and setting their probes, all of them one after the other: when the helper starts. */
#include <stdio.h>
#include <unistd.h>
#include "tls.h"

#define ALL_MS 3000 /* for all files */

/* A single step is another trap. On some processors that is not much. */
static bool is_cheap(const struct tls *tls, enum probe probe)
{
	const struct tls_cost *cost = &tls->cost;

	return probe == PROBE_EMULATED || (cost->stepped_ns && cost->stepped_ns < cost->entry_ns * 3 / 2);
}

void judge_tls_cost(const struct tls *tls, struct tls_program *p)
{
	char figures[64] = "";

	if (*p->why || tls->reading == TLS_FORCED || is_cheap(tls, p->functions.probe))
		return;
	if (tls->cost.stepped_ns)
		snprintf(figures, sizeof(figures), ": %u ns a call instead of %u", tls->cost.stepped_ns, tls->cost.entry_ns);
	snprintf(p->why, sizeof(p->why),
		 "its functions begin with an instruction that the kernel single-steps under a probe%s; --tls=force takes that",
		 figures);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void judge_tls(struct tls *tls, const struct nginx *nginx, bool has_lifeline)
{
	uint64_t end = in_ms(ALL_MS);

	find_tls_programs(tls, nginx);
	/* before anything is opened: a child that stays behind must hold nothing */
	for (int i = 0; i < tls->count; i++) {
		struct child child = start_judging(&tls->list[i]);

		take_judgement(&tls->list[i], &child, answers_in_time(&child, earlier(in_ms(JUDGE_MS), end), has_lifeline));
	}
	measure_tls_cost(&tls->cost);
	for (int i = 0; i < tls->count; i++)
		judge_tls_cost(tls, &tls->list[i]);
}

void attach_tls(struct tls *tls, bool has_lifeline)
{
	uint64_t end = in_ms(ALL_MS);

	for (int i = 0; i < tls->count; i++) {
		struct tls_program *p = &tls->list[i];
		struct child child;

		if (!*p->why) {
			child = start_attaching(p, &tls->by, i);
			take_links(p, &child, answers_in_time(&child, earlier(in_ms(ATTACH_MS), end), has_lifeline));
		}
		close_tls_file(p);
	}
}

void detach_tls(struct tls *tls)
{
	for (int i = 0; i < tls->count; i++)
		close_tls_links(&tls->list[i]);
}

void put_tls_program(struct json *out, const struct tls_program *p)
{
	static const char *const words[] = {"null", "\"emulated\"", "\"stepped\""};

	put(out, "\"path\":");
	put_string(out, p->path);
	put(out, ",\"processes\":");
	put_number(out, p->processes);
	put(out, p->is_read ? ",\"read\":true,\"probe\":" : ",\"read\":false,\"probe\":");
	put(out, words[p->functions.probe]);
	put(out, ",\"why\":");
	put_string(out, p->why);
}
