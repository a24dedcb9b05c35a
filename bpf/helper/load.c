/* The BPF object: configured before it is loaded; its filters are filled before anything is attached. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "helper.h"
#include "upstreamtop.skel.h"
#include "upstreamtop-cgroup.skel.h"

static char libbpf_message[512]; /* libbpf's first warning: part of the error message, never printed alone */

static int keep_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && !libbpf_message[0])
		vsnprintf(libbpf_message, sizeof(libbpf_message), format, arguments);
	libbpf_message[strcspn(libbpf_message, "\n")] = 0;
	return 0;
}

uint32_t own_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

static bool has_function(const struct btf *kernel, const char *name)
{
	return kernel && btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
}

static void configure_kernel(struct upstreamtop_bpf *bpf)
{
	struct btf *kernel = btf__load_vmlinux_btf();

	bpf->rodata->has_task_look_up = has_function(kernel, "bpf_task_from_pid");
	bpf->rodata->has_context_cast = has_function(kernel, "bpf_cast_to_kern_ctx");
	btf__free(kernel);
}

static void configure_group(struct upstreamtop_bpf *bpf, const struct options *o)
{
	char why[256];
	int group;

	if (!o->cgroup)
		return;
	group = open_group(o->cgroup, why, sizeof(why));
	if (group < 0)
		die(EXIT_USAGE, "%s: 'systemd-cgls' lists them", why);
	bpf->rodata->group_id = group_id(group);
	bpf->rodata->group_level = group_level(o->cgroup);
	keep_group(group);
}

static void configure(struct upstreamtop_bpf *bpf, const struct options *o, bool tracing)
{
	char *keys = (char *)bpf->rodata->line_keys;
	size_t half = sizeof(bpf->rodata->line_keys) / 2;

	/* getentropy gives 256 bytes at most */
	if (getentropy(keys, half) || getentropy(keys + half, half))
		die(EXIT_SYSTEM, "cannot draw random numbers: %s", strerror(errno));
	bpf->rodata->netid = own_namespace();
	bpf->rodata->every_namespace = o->way == BY_GROUP;
	bpf->rodata->netns_cookie = own_namespace_cookie();
	configure_kernel(bpf);
	configure_group(bpf, o);
	bpf->rodata->raw_routes = o->raw_routes;
	bpf->rodata->has_ignored = o->ignore_count > 0;
	bpf->rodata->has_only = o->only_count > 0;
	bpf->rodata->nginx_only = o->nginx_only;
	bpf->rodata->has_attempts = tracing;
	bpf->rodata->reads_tls = o->tls != TLS_UNREAD;
	if (!bpf->rodata->reads_tls)
		bpf_map__set_max_entries(bpf->maps.plaintexts, 1);
}

static void fill(struct bpf_map *map, const void *key, size_t key_size, const void *value, size_t value_size)
{
	if (bpf_map__update_elem(map, key, key_size, value, value_size, 0))
		die(EXIT_SYSTEM, "cannot fill the map %s: %s", bpf_map__name(map), strerror(errno));
}

/* Fills what is known of nginx's processes, in the kernel's numbers. */
static void fill_processes(struct upstreamtop_bpf *bpf, const struct nginx *nginx)
{
	uint32_t others = 0;
	uint8_t one = 1;

	for (int i = 0; i < nginx->process_count; i++) {
		const struct found_process *p = &nginx->processes[i];
		const struct task_row *task = task_of(p->pid);
		struct nginx_process process = {.instance = host_pid_of(p->process.instance), .uid = p->process.uid};
		uint32_t pid = host_pid_of(p->pid);

		if (task && p->is_nginx_program && task->file.inode)
			bpf_map__update_elem(bpf->maps.nginx_files, &task->file, sizeof(task->file), &one, sizeof(one), 0);
		if (process.uid && others == NGINX_PROCESSES_OF_OTHERS)
			continue;
		others += process.uid != 0;
		bpf_map__update_elem(bpf->maps.nginx_processes, &pid, sizeof(pid), &process, sizeof(process), 0);
	}
	bpf->bss->nginx_processes_of_others = others;
}

static void fill_filters(struct upstreamtop_bpf *bpf, const struct options *o, const struct nginx *nginx)
{
	uint8_t one = 1;

	for (int i = 0; i < o->ignore_count; i++)
		fill(bpf->maps.ignored, &o->ignore[i], sizeof(o->ignore[i]), &one, sizeof(one));
	for (int i = 0; i < o->only_count; i++)
		fill(bpf->maps.only, &o->only[i], sizeof(o->only[i]), &one, sizeof(one));
	for (int i = 0; i < nginx->listen_port_count; i++) {
		struct found_listen_port d = nginx->listen_ports[i];
		struct proxy proxy = {.uid = d.listen_port.uid, .has_listen_port = 1};

		d.listen_port.master = host_pid_of(d.listen_port.master);
		d.key.netid = d.netid;
		fill(bpf->maps.listen_ports, &d.key, sizeof(d.key), &d.listen_port, sizeof(d.listen_port));
		fill(bpf->maps.proxies, &d.listen_port.master, sizeof(d.listen_port.master), &proxy, sizeof(proxy));
	}
	for (int i = 0; i < nginx->listener_count; i++) {
		struct found_listen_port d = nginx->listeners[i];

		d.listen_port.master = host_pid_of(d.listen_port.master);
		d.key.netid = d.netid;
		fill(bpf->maps.listeners, &d.key, sizeof(d.key), &d.listen_port, sizeof(d.listen_port));
	}
	for (int i = 0; i < nginx->connection_count; i++) {
		struct older older = nginx->connections[i].older;

		older.master = host_pid_of(older.master);
		fill(bpf->maps.older_connections, &nginx->connections[i].key, sizeof(struct older_key), &older, sizeof(older));
	}
	fill_processes(bpf, nginx);
	/* removes listen ports without a listening socket, and sets the port bits of the others */
	bpf->bss->listen_ports_changed = 1;
	visit_listen_ports(bpf);
}

void visit_listen_ports(struct upstreamtop_bpf *bpf)
{
	uint8_t empty[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = empty, .data_size_in = sizeof(empty));

	bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.upstreamtop_listen_ports), &run);
}

/* Both objects have the same maps, programs and variables: one skeleton describes them. */
static struct upstreamtop_bpf *open_object(enum way way)
{
	struct upstreamtop_bpf *bpf = calloc(1, sizeof(*bpf));
	int failed = !bpf || upstreamtop_bpf__create_skeleton(bpf);

	if (!failed && way == BY_GROUP)
		bpf->skeleton->data = (void *)upstreamtop_cgroup_bpf__elf_bytes(&bpf->skeleton->data_sz);
	if (failed || bpf_object__open_skeleton(bpf->skeleton, NULL))
		die(EXIT_SYSTEM, "cannot open the BPF object: %s", libbpf_message);
	return bpf;
}

/* `tracing`, `calls`: whether the programs of hooks.c are loaded too. */
static struct upstreamtop_bpf *try_load(const struct options *o, bool tracing, bool calls)
{
	struct upstreamtop_bpf *bpf = open_object(o->way);

	configure(bpf, o, tracing);
	bpf_program__set_autoload(bpf->progs.upstreamtop_exit, tracing && !bpf->rodata->has_task_look_up);
	bpf_program__set_autoload(bpf->progs.upstreamtop_states, tracing);
	bpf_program__set_autoload(bpf->progs.upstreamtop_states_too, tracing);
	bpf_program__set_autoload(bpf->progs.upstreamtop_socket_ends, tracing);
	bpf_program__set_autoload(bpf->progs.upstreamtop_connect4, calls);
	bpf_program__set_autoload(bpf->progs.upstreamtop_connect6, calls);
	bpf_program__set_autoload(bpf->progs.upstreamtop_release, calls);
	bpf_program__set_autoload(bpf->progs.upstreamtop_fork, tracing);
	bpf_program__set_autoload(bpf->progs.upstreamtop_tasks, tracing);
	if (!upstreamtop_bpf__load(bpf))
		return bpf;
	if (!tracing && !calls)
		die(EXIT_SYSTEM, "cannot load the BPF programs: %s (%s)", strerror(errno), libbpf_message);
	upstreamtop_bpf__destroy(bpf);
	return NULL;
}

/* Why, as libbpf said it first, or the last error. */
static void take_reason(char *why, size_t size)
{
	snprintf(why, size, "%s", *libbpf_message ? libbpf_message : strerror(errno));
	libbpf_message[0] = 0;
}

/* The embedded object file is loaded: this megabyte need not stay in memory. */
static void release_object(const struct bpf_object_skeleton *skeleton)
{
	uintptr_t page = sysconf(_SC_PAGESIZE), from = (uintptr_t)skeleton->data;
	uintptr_t first = (from + page - 1) / page * page, beyond = (from + skeleton->data_sz) / page * page;

	madvise((void *)first, beyond - first, MADV_DONTNEED);
}

/*
 * Before the tracing programs are attached: it takes a second, and what they follow before packets are seen is counted as
 * connections without requests.
 */
static void load_tls(const struct options *o, const struct upstreamtop_bpf *bpf, struct tls_programs *tls)
{
	if (o->tls != TLS_UNREAD && !load_plaintext(bpf, tls))
		die(EXIT_SYSTEM,
		    "cannot load the BPF programs for --tls: %s: without --tls, connections of TLS upstreams are recorded",
		    strerror(errno));
}

/*
 * A kernel or a sandbox without these hooks still records: connects are then booked from packets. Without the tracing programs
 * no call of connect() is settled, so these hooks are not attached either; a worker's instance is told by its parent, and a port
 * of an nginx that starts later by its first answer.
 */
struct upstreamtop_bpf *load(const struct options *o, const struct nginx *nginx, struct missing_hooks *missing,
			     struct tls_programs *tls)
{
	struct upstreamtop_bpf *bpf;

	libbpf_set_print(keep_message);
	memset(missing, 0, sizeof(*missing));
	bpf = try_load(o, true, true);
	if (!bpf) {
		take_reason(missing->calls, sizeof(missing->calls));
		bpf = try_load(o, true, false);
	}
	if (bpf)
		load_tls(o, bpf, tls);
	if (!bpf || !attach_states(bpf)) {
		take_reason(missing->states, sizeof(missing->states));
		missing->calls[0] = 0;
	} else if (!*missing->calls) {
		attach_calls(bpf, o->cgroup, missing->calls, sizeof(missing->calls));
	}
	if (!bpf)
		bpf = try_load(o, false, false);
	release_object(bpf->skeleton);
	read_tasks(bpf);
	fill_filters(bpf, o, nginx);
	forget_tasks();
	return bpf;
}
