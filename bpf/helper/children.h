/*
 * Children of the helper for what may never answer: a process, a file system. A child holds nothing of the helper, is left behind
 * when its time is over, and nobody waits for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef DISCOVERY_MS /* for the whole discovery; tests make it short and long */
#define DISCOVERY_MS 2000
#endif

/* In a child: its end of the socket, and the first of the descriptors that it keeps. */
#define CHILD_END  3
#define FIRST_KEPT 4
#define MOST_KEPT  4
#define MOST_GIVEN 4 /* descriptors with an answer */

struct child {
	pid_t pid;
	int socket; /* -1 where it could not be started */
};

/* `run` gets the context in a child, which ends after it. `kept`: descriptors that it has from FIRST_KEPT on. */
struct child start_child(void (*run)(void *context), void *context, const int *kept, int kept_count);
/* Whether it ends, or says something, in time. Ends the helper with its lifeline. */
bool answers_in_time(const struct child *child, uint64_t until, bool has_lifeline);
/* The same, at this moment. */
bool has_answered(const struct child *child);
void kill_child(const struct child *child);

/* In a child: one message, and copies of these descriptors. */
void give_answer(const void *answer, size_t size, const int *descriptors, int count);
/*
 * That message; never waits. Returns false where the child has ended without it. `count`: of the descriptors that are wanted;
 * those that were not sent are -1.
 */
bool take_answer(const struct child *child, void *answer, size_t size, int *descriptors, int count);
