/* What a capture costs to read is not recorded. */
#pragma once

#include <string.h>
#include <sys/time.h>

#define RUSAGE_SELF 0
struct rusage {
	struct timeval ru_utime, ru_stime;
};

static inline int getrusage(int who, struct rusage *usage)
{
	(void)who;
	memset(usage, 0, sizeof(*usage));
	return 0;
}
