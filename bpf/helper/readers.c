/*
 * The helper's side of its readers (reader.c): asks them when an nginx has forked, and puts together what they have read. A
 * reader that does not answer changes nothing.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"

/* One per user with an nginx, root first: each has 0.4 MB of its own. */
#define MAX_READERS 64
/* then it does not answer any more: its own alarm is earlier */
#define PATIENCE_NS 10000000000ULL

#define STARTING_NS 2000000000ULL

struct child_reader {
	int socket; /* -1 when it has ended */
	struct reading *reading;
	uint32_t asked, taken;
	uint32_t forks; /* what it was asked for */
	uint64_t asked_at;
};

static struct child_reader readers[MAX_READERS];
static int reader_count;
static uint32_t forks_settled; /* every reader has answered for these */
static uint64_t stranger_since;
static bool has_failed, has_stranger, said_failed, said_stranger;

bool have_room_for_reader(void)
{
	return reader_count < MAX_READERS;
}

bool is_first_reader(void)
{
	return reader_count == 0;
}

void follow_reader(int socket, struct reading *reading)
{
	readers[reader_count++] = (struct child_reader){.socket = socket, .reading = reading};
}

/* ---- asking ---- */

static uint32_t answers_of(const struct child_reader *r)
{
	return __atomic_load_n(&r->reading->answered, __ATOMIC_ACQUIRE);
}

static bool is_busy(const struct child_reader *r)
{
	return r->socket >= 0 && answers_of(r) != r->asked;
}

static bool is_late(const struct child_reader *r)
{
	return is_busy(r) && now_ns(CLOCK_MONOTONIC) - r->asked_at > PATIENCE_NS;
}

/* One question at a time: any process may be named nginx, and fork without end. */
static void ask(struct child_reader *r, uint32_t forks)
{
	if (r->socket < 0 || r->forks == forks || is_busy(r))
		return;
	r->forks = forks;
	r->asked_at = now_ns(CLOCK_MONOTONIC);
	if (send(r->socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) {
		r->asked++;
		return;
	}
	close(r->socket);
	r->socket = -1;
}

static bool take_answer(struct child_reader *r)
{
	uint32_t answers = answers_of(r);
	bool is_new = answers != r->taken;

	r->taken = answers;
	return is_new;
}

static bool is_any_silent(void)
{
	for (int i = 0; i < reader_count; i++)
		if (readers[i].socket < 0 || is_late(&readers[i]))
			return true;
	return false;
}

/* ---- putting together ---- */

static void merge_readers(struct nginx *nginx)
{
	clear_names(&nginx->names);
	merge_names(&nginx->names, &nginx->unfollowed);
	for (int i = 0; i < reader_count; i++) {
		const struct reading *reading = readers[i].reading;

		merge_names(&nginx->names, &reading->tables[__atomic_load_n(&reading->current, __ATOMIC_ACQUIRE) & 1]);
	}
	nginx->names.is_incomplete |= is_any_silent() || has_stranger;
	sort_names(&nginx->names);
}

/* Masters that nobody has found among those that were there before. */
static bool is_there_a_stranger(uint32_t beginnings)
{
	uint32_t found = 0;

	for (int i = 0; i < reader_count; i++)
		found += readers[i].reading->found;
	return beginnings > found;
}

static bool has_any_failed(void)
{
	for (int i = 0; i < reader_count; i++)
		if (readers[i].reading->has_failed)
			return true;
	return is_any_silent();
}

bool follow_names(struct upstreamtop_bpf *bpf, struct nginx *nginx)
{
	uint32_t forks = bpf->bss->nginx_forks;
	bool changed = false, is_settled = forks != forks_settled, had_failed = has_failed, had_stranger = has_stranger;
	bool was_unsettled = nginx->names.is_unsettled;

	for (int i = 0; i < reader_count; i++) {
		changed |= take_answer(&readers[i]);
		ask(&readers[i], forks);
		is_settled &= !is_busy(&readers[i]);
	}
	if (is_settled) {
		forks_settled = forks;
		has_stranger = is_there_a_stranger(bpf->bss->nginx_beginnings);
		stranger_since = has_stranger ? now_ns(CLOCK_MONOTONIC) : 0;
	}
	has_failed = has_any_failed();
	changed |= had_failed != has_failed || had_stranger != has_stranger;
	if (changed)
		merge_readers(nginx);
	nginx->names.is_unsettled = forks != forks_settled;
	return changed || (was_unsettled && !nginx->names.is_unsettled);
}

const char *remark_on_names(void)
{
	if (has_failed && !said_failed) {
		said_failed = true;
		return "the configuration of an nginx could not be read after it was reloaded: its backends keep the names that "
		       "they had. A recorder that is started again reads it";
	}
	/* a daemon forks before its pid is in its file */
	if (has_stranger && !said_stranger && now_ns(CLOCK_MONOTONIC) - stranger_since > STARTING_NS) {
		said_stranger = true;
		return "an nginx was started whose configuration was not read: its backends have no names. A recorder that is "
		       "started again reads it";
	}
	return NULL;
}
