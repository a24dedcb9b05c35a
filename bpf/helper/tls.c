/* --tls as the recorder has it: refused, or set up, followed, and said. */
#include <stdio.h>
#include <sys/utsname.h>
#include "tls.h"
#include "upstreamtop.skel.h"

static const char without[] = "without --tls, connections of TLS upstreams are recorded";

static struct tls tls;
static struct tls_use *uses; /* by the programs' numbers */

static void refuse_kernel(void)
{
	struct utsname name;

	if (!*tls.cost.why)
		return;
	uname(&name);
	if (is_older_kernel(6, 6))
		die(EXIT_SYSTEM, "--tls needs Linux 6.6 for its probes (uprobe_multi), this is %s: %s", name.release, without);
	die(EXIT_SYSTEM, "--tls: %s: it needs CONFIG_UPROBES and CONFIG_BPF_EVENTS, and no sandbox that refuses it; %s",
	    tls.cost.why, without);
}

/* Root's: any user may start an nginx that cannot be read, and must not keep us from recording root's when it starts. */
static bool is_nothing_readable(void)
{
	bool is_any_roots = false;

	for (int i = 0; i < tls.count; i++) {
		if (!*tls.list[i].why)
			return false;
		is_any_roots |= tls.list[i].is_roots;
	}
	return is_any_roots;
}

/* Where nginx runs, and none of it can be read. */
static void refuse_programs(void)
{
	char text[2048] = "";
	size_t length = 0;

	if (!is_nothing_readable())
		return;
	for (int i = 0; i < tls.count && i < 3; i++) {
		const struct tls_program *p = &tls.list[i];

		length +=
		    snprintf(text + length, sizeof(text) - length, "%s\"%s\" is not read: %s", i ? ". " : "", p->path, p->why);
	}
	die(EXIT_SYSTEM, "--tls: no nginx here can be read within TLS. %s. %c%s", text, without[0] - 'a' + 'A', without + 1);
}

void tls_open(const struct options *options, const struct nginx *nginx)
{
	tls.reading = options->tls;
	if (tls.reading == TLS_UNREAD)
		return;
	if (nginx->unreadable)
		die(EXIT_SYSTEM,
		    "--tls: nginx runs here, but its program cannot be examined: this needs CAP_SYS_PTRACE, too: run "
		    "with sudo, or install it with its rights: 'make install', or the Debian package");
	judge_tls(&tls, nginx, true);
	refuse_kernel();
	refuse_programs();
}

void tls_attach(const struct tls_programs *programs)
{
	if (tls.reading == TLS_UNREAD)
		return;
	tls.by = *programs;
	attach_tls(&tls, true);
	refuse_programs();
	begin_to_follow(&tls);
}

void tls_close(void)
{
	detach_tls(&tls);
}

bool awaits_tls(void)
{
	return tls.reading != TLS_UNREAD && !tls.count;
}

static bool is_any_stepped(void)
{
	for (int i = 0; i < tls.count; i++)
		if (tls.list[i].is_read && tls.list[i].functions.probe == PROBE_STEPPED)
			return true;
	return false;
}

void put_tls(struct json *out)
{
	if (tls.reading == TLS_UNREAD)
		return;
	put(out, ",\"tls\":{\"forced\":");
	put(out, tls.reading == TLS_FORCED ? "true" : "false");
	put(out, ",\"entry_ns\":");
	put_number(out, is_any_stepped() ? tls.cost.stepped_ns : tls.cost.entry_ns);
	put(out, ",\"return_ns\":");
	put_number(out, tls.cost.return_ns);
	put(out, ",\"programs\":[");
	for (int i = 0; i < tls.count; i++) {
		put(out, i ? ",{" : "{");
		put_tls_program(out, &tls.list[i]);
		put(out, "}");
	}
	put(out, "]}");
}

void tls_follow(const struct upstreamtop_bpf *bpf)
{
	if (tls.reading == TLS_UNREAD)
		return;
	follow_tls(&tls, bpf->bss->nginx_forks, bpf->bss->nginx_beginnings);
	uses = bpf->bss->tls_uses;
	for (int i = 0; i < tls.count; i++)
		if (tls.list[i].is_read && !uses[i].probed_ns)
			uses[i].probed_ns = now_ns(CLOCK_MONOTONIC);
}

bool is_tls_busy(void)
{
	return is_following_tls(&tls);
}

/* What the file did not tell: the functions are called, but not for all that is written. */
static const char *remark_on_blind_program(void)
{
	static char text[sizeof(tls.list->path) + 256];

	for (int i = 0; uses && i < tls.count; i++) {
		struct tls_program *p = &tls.list[i];

		if (!uses[i].unwritten || p->is_said_blind)
			continue;
		p->is_said_blind = true;
		snprintf(text, sizeof(text),
			 "%s is not read within TLS, or not all of it: it reads answers to requests that no ngx_ssl_write has "
			 "written, so its compiler has made a copy of that",
			 p->path);
		return text;
	}
	return NULL;
}

const char *remark_on_tls(void)
{
	const char *remark = remark_on_followed_tls(&tls);

	return remark ? remark : remark_on_blind_program();
}
