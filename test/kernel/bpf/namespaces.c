/*
 * Asks bpf/helper/group-paths.c and namespaces.c: a line "NETID CGROUP PID" on stdin, the namespace lines on stdout, and for each
 * whether the row tells nothing any more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../../bpf/helper/helper.h"

/* The folder of cgroup2. */
int main(int argc, char **argv)
{
	struct json out = {};
	unsigned netid, pid;
	unsigned long long cgroup;

	namespaces_open(argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1);
	while (scanf("%u %llu %u", &netid, &cgroup, &pid) == 3) {
		bool is_stale = put_namespace(&out, netid, &(struct namespace_row){.cgroup = cgroup, .pid = pid});

		fwrite(out.text, 1, out.length, stdout);
		puts(is_stale ? "{\"stale\":true}" : "{\"stale\":false}");
		fflush(stdout);
		json_clear(&out);
	}
	free(out.text);
	return 0;
}
