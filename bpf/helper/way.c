/* Where the two programs are attached: to interfaces where the kernel can, else to a control group. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "helper.h"

bool is_older_kernel(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned a, b;

	uname(&name);
	return sscanf(name.release, "%u.%u", &a, &b) == 2 && (a < major || (a == major && b < minor));
}

#ifndef NO_TCX /* tests: a kernel without it */
#define NO_TCX false
#endif

bool has_tcx(void)
{
	struct chain_link chain[1];

	if (NO_TCX)
		return false;
	/* `lo` is interface 1 in every namespace; a kernel without tcx does not know this kind of hook */
	if (query_chain(1, TCX_EGRESS, chain, 1) >= 0 || errno == ENOSPC)
		return true;
	/* without rights the kernel does not say it */
	return errno == EPERM && !is_older_kernel(6, 6);
}

static void miss_group(struct way_choice *choice, const char *because)
{
	char what[128];
	int group = open_group(NULL, what, sizeof(what));

	if (group >= 0) {
		close(group);
		return;
	}
	snprintf(choice->missing, sizeof(choice->missing), "%s%s, which recording by control group needs", because, what);
	snprintf(choice->remedy, sizeof(choice->remedy), "%s",
		 sees_some_group() ? "record outside of the container, or with the host's cgroup namespace and its "
				     "/sys/fs/cgroup (docker run --cgroupns=host)"
				   : "'mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2'");
}

void choose_way(struct options *options, struct way_choice *choice)
{
	bool tcx = has_tcx(), asked = options->way != ANY_WAY;
	char without[128];
	struct utsname name;

	memset(choice, 0, sizeof(*choice));
	uname(&name);
	snprintf(without, sizeof(without), "Linux %.64s has no tcx, which came with 6.6", name.release);
	if (options->way == BY_TCX && !tcx) {
		snprintf(choice->missing, sizeof(choice->missing), "%s", without);
		snprintf(choice->remedy, sizeof(choice->remedy), "leave %s out, and it records by control group",
			 options->interface_count ? "--iface" : "--attach tcx");
	}
	if (!asked)
		options->way = tcx ? BY_TCX : BY_GROUP;
	options->every_namespace = options->way == BY_GROUP;
	if (asked)
		snprintf(choice->why, sizeof(choice->why), "as %s asks",
			 options->cgroup	    ? "--cgroup"
			 : options->interface_count ? "--iface"
			 : options->way == BY_GROUP ? "--attach cgroup"
						    : "--attach tcx");
	else if (tcx)
		snprintf(choice->why, sizeof(choice->why), "Linux %.64s has it", name.release);
	else
		snprintf(choice->why, sizeof(choice->why), "%s", without);
	if (options->way == BY_GROUP) {
		strncat(without, "; ", sizeof(without) - strlen(without) - 1);
		miss_group(choice, asked ? "" : without);
	}
}
