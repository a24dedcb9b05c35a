/* What doctor says about --tls: what probes cost here, and how often nginx would come to them. */
#include <poll.h>
#include "tls.h"

#define WATCH_MS 1000

/* Also true where only rights are missing. */
static bool has_probes(const struct tls *tls)
{
	return !*tls->cost.why || !is_older_kernel(6, 6);
}

static void put_known(struct json *out, const char *name, bool is_known, uint64_t value)
{
	put(out, name);
	if (is_known)
		put_number(out, value);
	else
		put(out, "null");
}

/* Calls of a second; those of a program that is not read are not known. */
static void put_program(struct json *out, const struct tls_program *p, const struct counting *counting, int number)
{
	put(out, "{");
	put_tls_program(out, p);
	put(out, ",\"workers\":");
	put_number(out, p->workers);
	put_known(out, ",\"writes\":", p->is_read, p->is_read ? counted(counting, 2 * number) : 0);
	put_known(out, ",\"reads\":", p->is_read, p->is_read ? counted(counting, 2 * number + 1) : 0);
	put(out, "}");
}

void put_tls_diagnosis(struct json *out, const struct options *options, const struct nginx *nginx)
{
	static struct tls tls;
	struct counting *counting;

	tls.reading = options->tls;
	judge_tls(&tls, nginx, false);
	counting = *tls.cost.why ? NULL : counting_open(2 * MAX_TLS_PROGRAMS);
	if (counting) {
		tls.by = (struct tls_programs){counting_program(counting), counting_program(counting), -1};
		attach_tls(&tls, false);
		poll(NULL, 0, WATCH_MS);
	}
	put(out, ",\"tls\":{\"kernel\":");
	put(out, has_probes(&tls) ? "true" : "false");
	put(out, ",\"why\":");
	put_string(out, tls.cost.why);
	put_known(out, ",\"entry_ns\":", tls.cost.entry_ns, tls.cost.entry_ns);
	put_known(out, ",\"return_ns\":", tls.cost.return_ns, tls.cost.return_ns);
	put_known(out, ",\"stepped_ns\":", tls.cost.stepped_ns, tls.cost.stepped_ns);
	put(out, ",\"programs\":[");
	for (int i = 0; i < tls.count; i++) {
		put(out, i ? "," : "");
		put_program(out, &tls.list[i], counting, i);
	}
	put(out, "]}");
	detach_tls(&tls);
	if (counting)
		counting_close(counting);
}
