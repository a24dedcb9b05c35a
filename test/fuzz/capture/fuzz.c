/*
 * A fuzzer of captures: libFuzzer, with the address and undefined behaviour sanitizers. The first byte of an input chooses what the rest
 * is: a file, byte for byte, or a schedule of packets: four connections, both directions, segments that are lost, repeated, swapped,
 * split, and ports that are used again.
 *
 * The machine has its state in variables, for one capture. It is a library of its own (machine-under-test.c), whose variables and memory
 * are put back before each input.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- putting back ---- */

#define MAX_PARTS  16
#define MAX_BLOCKS (1 << 16)

static struct part {
	uint8_t *at, *saved;
	size_t size;
} parts[MAX_PARTS];
static int part_count;

static void *blocks[MAX_BLOCKS];
static int block_count;

static void (*run_capture)(const uint8_t *bytes, size_t n, size_t piece);

/* The library's malloc and its like lead here (see `make fuzz-capture`). */
static void *keep(void *block)
{
	if (!block || block_count == MAX_BLOCKS)
		abort();
	return blocks[block_count++] = block;
}

void *fuzz_malloc(size_t n)
{
	return keep(malloc(n));
}

void *fuzz_calloc(size_t count, size_t n)
{
	return keep(calloc(count, n));
}

static int index_of(void *block)
{
	for (int i = block_count - 1; i >= 0; i--)
		if (blocks[i] == block)
			return i;
	abort();
}

void *fuzz_realloc(void *block, size_t n)
{
	int i;

	if (!block)
		return fuzz_malloc(n);
	i = index_of(block);
	return blocks[i] = realloc(block, n);
}

void fuzz_free(void *block)
{
	if (!block)
		return;
	int i = index_of(block);

	free(block);
	blocks[i] = blocks[--block_count];
}

/* The library opens no file: each input would leave one open. */
int fuzz_open(const char *path, int flags)
{
	(void)path, (void)flags;
	return -1;
}

ssize_t fuzz_pread(int file, void *to, size_t n, off_t at)
{
	(void)file, (void)to, (void)n, (void)at;
	return -1;
}

static int find_parts(struct dl_phdr_info *info, size_t size, void *name)
{
	(void)size;
	if (!strstr(info->dlpi_name, name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_W) || part_count == MAX_PARTS)
			continue;
		parts[part_count++] = (struct part){.at = (uint8_t *)info->dlpi_addr + p->p_vaddr, .size = p->p_memsz};
	}
	/* behind the part that is read-only once it is relocated */
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint8_t *end = (uint8_t *)info->dlpi_addr + ((p->p_vaddr + p->p_memsz + 4095) & ~4095ULL);

		for (int k = 0; p->p_type == PT_GNU_RELRO && k < part_count; k++)
			if (end > parts[k].at && end < parts[k].at + parts[k].size) {
				parts[k].size -= end - parts[k].at;
				parts[k].at = end;
			}
	}
	return 1;
}

__attribute__((no_sanitize("address"))) static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		*(volatile uint64_t *)(to + i) = *(const uint64_t *)(from + i);
	for (; i < n; i++)
		((volatile uint8_t *)to)[i] = from[i];
}

/* Before an input: libFuzzer reads the counters that lie among them after it. */
static void put_back(void)
{
	for (int i = 0; i < part_count; i++)
		copy(parts[i].at, parts[i].saved, parts[i].size);
}

/* Behind an input: libFuzzer runs one that leaves memory behind once more, and looks for what leaks. */
static void give_back(void)
{
	while (block_count)
		free(blocks[--block_count]);
}

/* What was freed is used again soon: fresh memory costs more than all else. 16 MB are hundreds of inputs. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=16:malloc_context_size=8";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[4096];
	(void)argc;

	snprintf(path, sizeof(path), "%s.so", (*argv)[0]);
	void *library = dlopen(path, RTLD_NOW);
	if (!library || !(run_capture = (void (*)(const uint8_t *, size_t, size_t))dlsym(library, "run_capture"))) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	dl_iterate_phdr(find_parts, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	for (int i = 0; i < part_count; i++) {
		parts[i].saved = malloc(parts[i].size);
		if (getenv("FUZZ_SAYS_SIZE"))
			fprintf(stderr, "put back: %zu bytes\n", parts[i].size);
		copy(parts[i].saved, parts[i].at, parts[i].size);
	}
	return 0;
}

/* ---- schedules ---- */

static const char *const requests[] = {
    "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /b/12345678?x=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
    "HEAD /d HTTP/1.0\r\n\r\n",
    "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "CONNECT h:1 HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\1\1\5\0\0\0\1\x82",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /p HTTP/1.1\r\n\r\n",
    "\x16\3\1\0\5hello",
    "GET /e HTTP/1.1\r\nHost: x\r\n\r\nGET /f HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /g HTTP/1.1\r\nContent-Length: 0000000000000000000000000000000000000005\r\n\r\nhello",
    "POST /h HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello",
};
static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.0 503 Busy\r\n\r\nno length",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nxyz",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "\0\0\0\4\0\0\0\0\0\0\0\1\1\5\0\0\0\1\x88",
    "garbage",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define CONNECTIONS 4

struct reader {
	const uint8_t *at;
	size_t left;
};

static unsigned next(struct reader *r)
{
	if (!r->left)
		return 0;
	r->left--;
	return *r->at++;
}

static uint8_t file[1 << 16];
static size_t length;
static uint64_t clock_us;

static void put32le(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, 4);
}

static void put16be(uint8_t *at, unsigned v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put32be(uint8_t *at, uint32_t v)
{
	put16be(at, v >> 16);
	put16be(at + 2, v);
}

/* `cut`: so many bytes less were captured. */
static void packet(unsigned connection, int from_client, uint32_t seq, uint32_t ack, unsigned flags, const void *payload, size_t n,
		   unsigned cut)
{
	size_t whole = 40 + n, kept = cut < n ? whole - cut : whole;
	uint8_t *p = file + length + 16;

	if (length + 16 + whole > sizeof(file))
		return;
	put32le(file + length, clock_us / 1000000);
	put32le(file + length + 4, clock_us % 1000000);
	put32le(file + length + 8, kept);
	put32le(file + length + 12, whole);
	memset(p, 0, 40);
	p[0] = 0x45;
	put16be(p + 2, whole);
	p[9] = 6;
	put32be(p + 12, from_client ? 0x0a000001 : 0x0a000002);
	put32be(p + 16, from_client ? 0x0a000002 : 0x0a000001);
	put16be(p + 20, from_client ? 40000 + connection / 2 : 80);
	put16be(p + 22, from_client ? 80 : 40000 + connection / 2);
	put32be(p + 24, seq);
	put32be(p + 28, ack);
	p[32] = 0x50;
	p[33] = flags;
	put16be(p + 34, 65535);
	memcpy(p + 40, payload, n);
	length += 16 + kept;
	clock_us += 100;
}

static void run_schedule(struct reader *r)
{
	static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101};
	uint32_t seq[CONNECTIONS][2];

	memcpy(file, header, sizeof(header));
	length = sizeof(header);
	clock_us = 1000000;
	for (int i = 0; i < CONNECTIONS; i++)
		seq[i][0] = 0xffffff00u + i * 77, seq[i][1] = 5000u * i;
	while (r->left) {
		unsigned op = next(r), c = op & 3, from_client = op >> 2 & 1, what = op >> 3 & 15;
		uint32_t *own = &seq[c][!from_client], other = seq[c][from_client];
		unsigned choice, flags = 16;

		if (what < 8) {
			choice = next(r);
			const char *text = from_client ? requests[choice % COUNT(requests)] : answers[choice % COUNT(answers)];
			size_t n = strlen(text) ? strlen(text) : 19, from = 0, to = n;
			unsigned how = next(r);

			if (how & 1) /* a part of it, or all in two */
				to = 1 + next(r) % n;
			packet(c, from_client, *own, other, flags, text, to, how & 2 ? next(r) % 64 : 0);
			if (how & 4) /* once more */
				packet(c, from_client, *own, other, flags, text, to, 0);
			if (!(how & 8) && to < n) { /* the rest, perhaps without what is between */
				from = how & 16 ? to + next(r) % (n - to) : to;
				packet(c, from_client, *own + from, other, flags, text + from, n - from, 0);
				to = n;
			}
			if (!(how & 32)) /* else it was never sent, and comes again with other bytes */
				*own += to;
			if (how & 64) /* what follows is lost */
				*own += next(r);
		} else if (what == 8) {
			packet(c, from_client, *own, 0, 2, "", 0, 0);
			*own += 1;
		} else if (what == 9) {
			packet(c, from_client, *own, other, 18, "", 0, 0);
			*own += 1;
		} else if (what == 10) {
			packet(c, from_client, *own, other, 17, "", 0, 0);
			*own += 1;
		} else if (what == 11) {
			packet(c, from_client, *own, other, 20, "", 0, 0);
		} else if (what == 12) {
			packet(c, from_client, *own, other, 16, "", 0, 0);
		} else if (what == 13) {
			clock_us += (uint64_t)next(r) * next(r) * 1000;
		} else if (what == 14) { /* bytes of the input */
			size_t n = next(r) % 64;

			n = n < r->left ? n : r->left;
			packet(c, from_client, *own, other, 16, r->at, n, 0);
			r->at += n;
			r->left -= n;
			*own += n;
		} else {
			*own = next(r) << 24 | next(r) << 8;
		}
	}
	run_capture(file, length, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct reader r = {.at = bytes, .left = n};
	unsigned mode = next(&r);

	if (n > 4096)
		return 0;
	put_back();
	if (mode & 1)
		run_schedule(&r);
	else if (r.left)
		run_capture(r.at, r.left, 1 + mode);
	give_back();
	return 0;
}
