/*
 * pcap: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html
 * pcapng: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
 * A file that is damaged is read up to its last whole packet.
 */
#include <stdlib.h>
#include <string.h>
#include "files.h"

#define MAX_INTERFACES 4096
#define MAX_RECORD     (1 << 18) /* bytes of a packet, as tcpdump and Wireshark take at most */
#define MAX_BLOCK      (16 << 20)

#define SECTION_HEADER	      0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define OBSOLETE_PACKET	      2
#define SIMPLE_PACKET	      3
#define ENHANCED_PACKET	      6
#define ORDER_MARK	      0x1a2b3c4d

struct interface {
	uint32_t link_type;
	uint32_t snap_length;
	uint8_t resolution; /* as its option has it: a power of ten, or of two */
	int64_t offset_s;
};

struct capture_file {
	enum { UNKNOWN, PCAP, PCAPNG } format;
	bool swapped;
	bool in_ns;
	uint32_t link_type;
	struct interface *interfaces;
	uint32_t interface_count, first_interface; /* numbers go on in the next section */
	uint64_t last_ns;
	const char *fault;
};

struct capture_file *capture_file_open(void)
{
	return calloc(1, sizeof(struct capture_file));
}

const char *capture_file_fault(const struct capture_file *f)
{
	return f->fault;
}

static uint16_t get16(const struct capture_file *f, const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return f->swapped ? __builtin_bswap16(value) : value;
}

static uint32_t get32(const struct capture_file *f, const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return f->swapped ? __builtin_bswap32(value) : value;
}

/* ---- pcap ---- */

static size_t read_pcap_header(struct capture_file *f, const uint8_t *at, uint32_t magic)
{
	bool same = magic == 0xa1b2c3d4 || magic == 0xa1b23c4d;

	f->format = PCAP;
	f->swapped = !same;
	f->in_ns = magic == 0xa1b23c4d || magic == 0x4d3cb2a1;
	f->link_type = get32(f, at + 20) & 0xffff;
	return 24;
}

static size_t read_pcap_packet(struct capture_file *f, const uint8_t *at, size_t n,
			       void (*take)(const struct captured_packet *packet))
{
	struct captured_packet p = {.link_type = f->link_type, .interface = 2};

	if (n < 16)
		return 0;
	p.captured = get32(f, at + 8);
	p.length = get32(f, at + 12);
	if (p.captured > MAX_RECORD) {
		f->fault = "a packet is longer than any can be";
		return 0;
	}
	if (n < 16 + p.captured)
		return 0;
	p.ns = get32(f, at) * 1000000000ULL + get32(f, at + 4) * (f->in_ns ? 1ULL : 1000ULL);
	p.bytes = at + 16;
	if (p.length < p.captured)
		p.length = p.captured;
	take(&p);
	return 16 + p.captured;
}

/* ---- pcapng ---- */

/* Units of 10^-n or 2^-n seconds, since 1970 or the interface's own beginning. */
static uint64_t ns_of(const struct interface *i, uint64_t units)
{
	uint32_t n = i->resolution & 0x7f;
	uint64_t per_second = 1, seconds = 0, ns = 0;

	if (i->resolution & 0x80 && n <= 63) {
		seconds = units >> n;
		ns = (uint64_t)((double)(units & ((1ULL << n) - 1)) * 1e9 / (double)(1ULL << n));
	} else if (n <= 19) {
		for (uint32_t k = 0; k < n; k++)
			per_second *= 10;
		seconds = units / per_second;
		ns = per_second <= SECOND ? units % per_second * (SECOND / per_second)
					  : units % per_second / (per_second / SECOND);
	}
	seconds += i->offset_s;
	return seconds < LATEST_S ? seconds * SECOND + ns : NO_TIME;
}

static void read_interface(struct capture_file *f, const uint8_t *at, size_t n)
{
	struct interface i = {.resolution = 6};
	struct interface *list;

	if (n < 8 || f->interface_count == MAX_INTERFACES) {
		f->fault = "the description of an interface cannot be read";
		return;
	}
	i.link_type = get16(f, at);
	i.snap_length = get32(f, at + 4);
	for (size_t o = 8; o + 4 <= n;) {
		uint16_t code = get16(f, at + o), length = get16(f, at + o + 2);

		if (!code || o + 4 + length > n)
			break;
		if (code == 9 && length == 1)
			i.resolution = at[o + 4];
		if (code == 14 && length == 8) {
			uint64_t low = get32(f, at + o + 4), high = get32(f, at + o + 8);

			i.offset_s = f->swapped ? low << 32 | high : high << 32 | low;
		}
		o += 4 + ((length + 3) & ~3);
	}
	list = realloc(f->interfaces, (f->interface_count + 1) * sizeof(*list));
	if (!list)
		abort();
	f->interfaces = list;
	list[f->interface_count++] = i;
}

static void take_of(struct capture_file *f, uint32_t number, uint64_t units, const uint8_t *bytes, uint32_t captured,
		    uint32_t length, bool has_time, void (*take)(const struct captured_packet *packet))
{
	uint32_t index = f->first_interface + number;

	if (index >= f->interface_count || index < number) {
		f->fault = "a packet is of an interface that is not described";
		return;
	}
	const struct interface *i = &f->interfaces[index];
	struct captured_packet p = {.bytes = bytes,
				    .captured = captured,
				    .length = length < captured ? captured : length,
				    .link_type = i->link_type,
				    .interface = 2 + index,
				    .ns = has_time ? ns_of(i, units) : f->last_ns};

	f->last_ns = p.ns;
	take(&p);
}

static void read_block(struct capture_file *f, uint32_t type, const uint8_t *at, size_t n,
		       void (*take)(const struct captured_packet *packet))
{
	if (type == INTERFACE_DESCRIPTION) {
		read_interface(f, at, n);
	} else if (type == ENHANCED_PACKET && n >= 20 && get32(f, at + 12) <= n - 20) {
		take_of(f, get32(f, at), (uint64_t)get32(f, at + 4) << 32 | get32(f, at + 8), at + 20, get32(f, at + 12),
			get32(f, at + 16), true, take);
	} else if (type == OBSOLETE_PACKET && n >= 20 && get32(f, at + 12) <= n - 20) {
		take_of(f, get16(f, at), (uint64_t)get32(f, at + 4) << 32 | get32(f, at + 8), at + 20, get32(f, at + 12),
			get32(f, at + 16), true, take);
	} else if (type == SIMPLE_PACKET && n >= 4) {
		uint32_t length = get32(f, at), captured = n - 4, most = 0;

		if (f->first_interface < f->interface_count)
			most = f->interfaces[f->first_interface].snap_length;
		if (captured > length)
			captured = length;
		if (most && captured > most)
			captured = most;
		take_of(f, 0, 0, at + 4, captured, length, false, take);
	} else if (type == ENHANCED_PACKET || type == OBSOLETE_PACKET || type == SIMPLE_PACKET) {
		f->fault = "a packet is longer than its block";
	}
}

static size_t read_pcapng(struct capture_file *f, const uint8_t *at, size_t n, void (*take)(const struct captured_packet *packet))
{
	uint32_t type, length;

	if (n < 12)
		return 0;
	memcpy(&type, at, 4);
	if (type == SECTION_HEADER) {
		uint32_t order;

		memcpy(&order, at + 8, 4);
		f->swapped = order != ORDER_MARK;
		if (f->swapped && __builtin_bswap32(order) != ORDER_MARK) {
			f->fault = "a section has no byte order";
			return 0;
		}
		f->first_interface = f->interface_count;
	}
	type = get32(f, at);
	length = get32(f, at + 4);
	if (length < 12 || length % 4 || length > MAX_BLOCK) {
		f->fault = "a block has no valid length";
		return 0;
	}
	if (n < length)
		return 0;
	if (get32(f, at + length - 4) != length) {
		f->fault = "a block ends with another length than it begins with";
		return 0;
	}
	read_block(f, type, at + 8, length - 12, take);
	return f->fault ? 0 : length;
}

/* ---- either ---- */

static size_t read_header(struct capture_file *f, const uint8_t *at, size_t n)
{
	uint32_t magic;

	if (n < 24)
		return 0;
	memcpy(&magic, at, 4);
	if (magic == SECTION_HEADER) {
		f->format = PCAPNG;
		return 0;
	}
	if (magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d || magic == 0x4d3cb2a1)
		return read_pcap_header(f, at, magic);
	f->fault = "it is no capture: neither pcap nor pcapng";
	return 0;
}

size_t capture_file_read(struct capture_file *f, const uint8_t *bytes, size_t n, bool is_last,
			 void (*take)(const struct captured_packet *packet))
{
	size_t done = 0, more;

	if (f->format == UNKNOWN && !f->fault) {
		done = read_header(f, bytes, n);
		if (f->format == UNKNOWN && is_last && !f->fault)
			f->fault = n ? "it is too short for a capture" : "it is empty";
	}
	while (!f->fault && f->format != UNKNOWN) {
		more = f->format == PCAP ? read_pcap_packet(f, bytes + done, n - done, take)
					 : read_pcapng(f, bytes + done, n - done, take);
		if (!more)
			break;
		done += more;
	}
	if (is_last && !f->fault && done < n)
		f->fault = "it ends within a packet";
	return done;
}
