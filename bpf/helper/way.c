/* Where the two programs are attached: to interfaces where the kernel can, else to a control group. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "helper.h"

bool has_tcx(void)
{
	struct chain_link chain[1];

	/* `lo` is interface 1 in every namespace; a kernel without tcx does not know this kind of hook */
	return query_chain(1, TCX_EGRESS, chain, 1) >= 0 || errno == ENOSPC;
}

void choose_way(struct options *options, char *why, size_t size)
{
	struct utsname name;

	uname(&name);
	if (options->way == BY_GROUP)
		snprintf(why, size, "%s", options->cgroup ? "--cgroup" : "--attach cgroup");
	else if (has_tcx())
		snprintf(why, size, "Linux %s has tcx", name.release);
	else
		snprintf(why, size, "Linux %s has no tcx, which came with 6.6", name.release);
	if (options->way == ANY_WAY)
		options->way = has_tcx() ? BY_TCX : BY_GROUP;
}
