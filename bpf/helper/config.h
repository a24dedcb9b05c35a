/* Internal to the discovery: one master's configuration, which config.c reads, and reader.c reads again. */
#pragma once

#include <limits.h>
#include "listeners.h"

#define MAX_MASTERS 256
/* nginx's workers, and its cache manager and loader: those of another master in one child list are not followed one by one */
#define MAX_CHILDREN 512

/* The limits for one master's configuration. Large hosters have thousands of files, and their nginx is root's. */
struct budget {
	uint64_t ns;
	long bytes;
	int files;
	int entries; /* entries of the directories in include patterns */
};

/* One master's configuration. */
struct reader {
	struct discovery *discovery;
	struct process *master;
	int process;	  /* a descriptor of /proc/PID, so that it is the same process throughout */
	int root;	  /* its root directory */
	bool shares_root; /* its root is the helper's */
	uint32_t netid;	  /* its network namespace */
	char *title;
	char prefix[PATH_MAX];
	struct configuration *configuration; /* what has been read of it */
	struct names *names;		     /* NULL without memory */
	struct budget left;
	uint64_t until;
	const char *missed_reason; /* why it was not read completely */
	bool is_over_budget;	   /* its budget is used up */
	char pid_file[256];	   /* as the configuration says, "" where it does not */
	/* ---- for reader.c ---- */
	bool has_failed; /* the last time */
	bool is_partial; /* its names are those of a part of it */
	uint32_t pid;
	int alive; /* a pidfd, where its root must be given up with it; else -1 */
	uint32_t children[MAX_CHILDREN];
	int child_count;
};

const struct budget *budget_of(uint32_t uid);
/* Reads it; `missed_reason` says what went wrong. */
void read_config(struct reader *r);
/* The pid that nginx has written into its file; 0 where there is none. */
uint32_t read_pid_file(struct reader *r);
