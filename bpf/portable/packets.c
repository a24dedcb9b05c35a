/* Link layers, IP and TCP of a captured packet: see packets.h. Nothing is read behind what was captured. */
#include "errors.h"
#include <string.h>
#include "packets.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd

static uint16_t be16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static bool is_captured(const struct frame *f, uint32_t offset, uint32_t n)
{
	return offset <= f->captured && n <= f->captured - offset;
}

static enum network is_at(struct frame *f, uint32_t offset, uint16_t type)
{
	f->network = offset;
	f->protocol = __builtin_bswap16(type);
	return (type == TYPE_IPV4 || type == TYPE_IPV6) && is_captured(f, offset, 20) ? IS_NETWORK : NO_NETWORK;
}

static bool is_ip_version(uint8_t version)
{
	return version == 4 || version == 6;
}

/* By its version. */
static enum network at_ip(struct frame *f, uint32_t offset)
{
	if (!is_captured(f, offset, 1))
		return NO_NETWORK;
	return is_at(f, offset, f->bytes[offset] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4);
}

/* Behind a stack of labels. What is no IP there is Ethernet, in a provider's network. */
static enum network is_behind_labels(struct frame *f, uint32_t offset)
{
	for (int labels = 0; labels < 8 && is_captured(f, offset, 5); labels++, offset += 4)
		if (f->bytes[offset + 2] & 1)
			return is_ip_version(f->bytes[offset + 4] >> 4) ? at_ip(f, offset + 4) : WRAPPED_NETWORK;
	return WRAPPED_NETWORK;
}

/* Types behind which IP may be, in a form that is not read: 802.1ah, MACsec, NSH, Ethernet within Ethernet. */
static bool is_wrapper(uint16_t type)
{
	return type == 0x88e7 || type == 0x88e5 || type == 0x894f || type == 0x6558;
}

/* The number of a protocol: one byte where PPP has compressed it. */
static enum network is_in_ppp(struct frame *f, uint32_t offset)
{
	if (!is_captured(f, offset, 2))
		return NO_NETWORK;
	uint32_t size = f->bytes[offset] & 1 ? 1 : 2;
	uint8_t protocol = f->bytes[offset + size - 1];

	return (size == 1 || !f->bytes[offset]) && (protocol == 0x21 || protocol == 0x57) ? at_ip(f, offset + size) : NO_NETWORK;
}

/* Behind a header that ends at `offset` and says `type`, VLAN tags and the header of PPPoE. */
static enum network is_behind_tags(struct frame *f, uint32_t offset, uint16_t type)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0};

	for (int tags = 0; tags < 4; tags++) {
		if (type == 0x8864)
			return is_in_ppp(f, offset + 6);
		if (type == 0x8847 || type == 0x8848)
			return is_behind_labels(f, offset);
		/* a length: LLC, and perhaps SNAP with the type */
		if (type <= 1500 && is_captured(f, offset, 8) && !memcmp(f->bytes + offset, snap, sizeof(snap)))
			return is_at(f, offset + 8, be16(f->bytes + offset + 6));
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			return is_wrapper(type) ? WRAPPED_NETWORK : is_at(f, offset, type);
		if (!is_captured(f, offset, 4))
			return NO_NETWORK;
		type = be16(f->bytes + offset + 2);
		offset += 4;
	}
	return WRAPPED_NETWORK;
}

/* The same behind a header of `length` bytes that ends with the type. */
static enum network is_behind(struct frame *f, uint32_t length)
{
	return is_captured(f, 0, length) ? is_behind_tags(f, length, be16(f->bytes + length - 2)) : NO_NETWORK;
}

/* The payload of a packet that a firewall has logged: attributes of a length (in this machine's order), a type and a value. */
static enum network is_in_nflog(struct frame *f)
{
	uint32_t offset = 4;

	while (is_captured(f, offset, 4)) {
		/* the order of the machine that has captured it: little in all that is likely */
		uint32_t length = f->bytes[offset] | f->bytes[offset + 1] << 8,
			 type = f->bytes[offset + 2] | f->bytes[offset + 3] << 8;

		if (length < 4)
			return NO_NETWORK;
		if ((type & 0x7fff) == 9)
			return at_ip(f, offset + 4);
		offset += (length + 3) & ~3u;
	}
	return NO_NETWORK;
}

bool is_readable_link(uint32_t type)
{
	switch (type) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_BSDOS:
	case LINK_RAW:
	case LINK_LOOP:
	case LINK_COOKED:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_NFLOG:
	case LINK_COOKED_V2:
		return true;
	default:
		return false;
	}
}

enum network find_network(struct frame *f, uint32_t link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return is_behind(f, 14);
	case LINK_COOKED:
		return is_behind(f, 16);
	case LINK_COOKED_V2:
		if (!is_captured(f, 0, 20))
			return NO_NETWORK;
		/* a packet may be seen on several, as a bridge and its port */
		f->interface = 2 + be32(f->bytes + 4);
		return is_behind_tags(f, 20, be16(f->bytes));
	case LINK_NULL:
	case LINK_LOOP:
		return at_ip(f, 4);
	case LINK_NFLOG:
		return is_in_nflog(f);
	default:
		return at_ip(f, 0);
	}
}

/* ---- IP and TCP ---- */

struct transport {
	uint32_t offset;
	uint32_t end; /* of the IP packet, as it says */
	uint8_t protocol;
	bool is_fragment;
};

static bool skip_extensions(const struct frame *f, struct transport *t)
{
	for (int i = 0; i < 6; i++) {
		if (t->protocol != 0 && t->protocol != 43 && t->protocol != 44 && t->protocol != 60)
			return true;
		if (!is_captured(f, t->offset, 8))
			return false;
		t->is_fragment |= t->protocol == 44 && (be16(f->bytes + t->offset + 2) & 0xfff9);
		uint8_t next = f->bytes[t->offset];

		t->offset += t->protocol == 44 ? 8 : (f->bytes[t->offset + 1] + 1) * 8;
		t->protocol = next;
	}
	return false;
}

static bool read_ip(const struct frame *f, uint32_t at, struct ends *ends, struct transport *t)
{
	const uint8_t *ip = f->bytes + at;

	memset(ends, 0, sizeof(*ends));
	memset(t, 0, sizeof(*t));
	if (!is_captured(f, at, 20))
		return false;
	if (ip[0] >> 4 == 4) {
		uint32_t total = be16(ip + 2);

		ends->family = 4;
		memcpy(ends->client, ip + 12, 4);
		memcpy(ends->server, ip + 16, 4);
		t->offset = at + (ip[0] & 15) * 4;
		/* 0 where the device cuts segments itself: only the packet has the length */
		t->end = total ? at + total : f->length;
		t->protocol = ip[9];
		t->is_fragment = be16(ip + 6) & 0x3fff;
		return (ip[0] & 15) >= 5;
	}
	if (ip[0] >> 4 != 6 || !is_captured(f, at, 40))
		return false;
	ends->family = 6;
	memcpy(ends->client, ip + 8, 16);
	memcpy(ends->server, ip + 24, 16);
	t->offset = at + 40;
	t->end = be16(ip + 4) ? at + 40 + be16(ip + 4) : f->length;
	t->protocol = ip[6];
	return skip_extensions(f, t);
}

static void read_ports(const struct frame *f, uint32_t at, struct ends *ends)
{
	memcpy(&ends->client_port, f->bytes + at, 2);
	memcpy(&ends->server_port, f->bytes + at + 2, 2);
}

static void set16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void end_where_captured(struct frame *f, uint8_t *bytes)
{
	uint32_t left = f->captured - f->network;
	bool six = bytes[f->network] >> 4 == 6;
	uint8_t *total = bytes + f->network + (six ? 4 : 2);
	uint32_t ends = be16(total) + (six ? 40 : 0);

	if (left >= (six ? 40 : 20) && (ends > left || !be16(total)))
		set16(total, six ? left - 40 : left);
	f->length = f->captured;
}

/* Errors about a SYN end a connect: as the kernel's icmp_err_convert and icmpv6_err_convert have them. */
static int error_of(const uint8_t *icmp, bool six)
{
	static const int of_code[] = {KERNEL_ENETUNREACH, KERNEL_EHOSTUNREACH, KERNEL_ENOPROTOOPT, KERNEL_ECONNREFUSED, 0};

	if (six)
		return icmp[0] != 1 ? 0 : icmp[1] == 4 ? KERNEL_ECONNREFUSED : icmp[1] == 1 ? KERNEL_EACCES : KERNEL_EHOSTUNREACH;
	return icmp[0] != 3 ? 0 : icmp[1] < 5 ? of_code[icmp[1]] : KERNEL_EHOSTUNREACH;
}

static enum content read_icmp(const struct frame *f, uint32_t at, bool six, struct ends *ends, struct segment *segment,
			      int *error)
{
	struct transport quoted;

	if (!is_captured(f, at, 8))
		return IS_OTHER;
	*error = error_of(f->bytes + at, six);
	if (!*error || !read_ip(f, at + 8, ends, &quoted) || quoted.protocol != 6 || !is_captured(f, quoted.offset, 8))
		return IS_OTHER;
	read_ports(f, quoted.offset, ends);
	segment->seq = be32(f->bytes + quoted.offset + 4);
	return IS_ICMP_ERROR;
}

/* A tunnel: IP in IP, GRE, ESP, AH, Ethernet in IP, L2TP, MPLS in IP; and over UDP VXLAN (also its old port), Geneve, GTP, IPsec,
 * WireGuard, GRE, MPLS, L2TP, Teredo, AYIYA. */
static bool is_tunnel(const struct frame *f, const struct transport *t)
{
	static const uint8_t protocols[] = {4, 41, 47, 50, 51, 97, 115, 137};
	static const uint16_t ports[] = {4789, 4790, 8472, 6081, 2152, 4500, 51820, 4754, 6635, 1701, 3544, 5072};

	for (size_t i = 0; i < sizeof(protocols); i++)
		if (t->protocol == protocols[i])
			return true;
	if (t->protocol != 17 || t->is_fragment || !is_captured(f, t->offset, 4))
		return false;
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
		if (be16(f->bytes + t->offset + 2) == ports[i])
			return true;
	return false;
}

enum content read_segment(const struct frame *f, struct ends *ends, struct segment *segment, int *error)
{
	struct transport t;

	if (!read_ip(f, f->network, ends, &t))
		return IS_OTHER;
	if (t.protocol == 1 || t.protocol == 58)
		return t.is_fragment ? IS_OTHER : read_icmp(f, t.offset, t.protocol == 58, ends, segment, error);
	if (t.protocol != 6)
		return is_tunnel(f, &t) ? IS_WRAPPED : IS_OTHER;
	if (t.is_fragment)
		return IS_FRAGMENT;
	if (!is_captured(f, t.offset, 20))
		return IS_OTHER;
	const uint8_t *tcp = f->bytes + t.offset;
	uint32_t payload = t.offset + (tcp[12] >> 4) * 4;

	read_ports(f, t.offset, ends);
	segment->tcp = t.offset;
	segment->seq = be32(tcp + 4);
	segment->ack = be32(tcp + 8);
	segment->flags = tcp[13];
	segment->payload = payload;
	segment->length = t.end > payload ? t.end - payload : 0;
	return IS_SEGMENT;
}

void set_flags(uint8_t *bytes, const struct segment *s, uint8_t flags)
{
	bytes[s->tcp + 13] = flags;
}

void set_sequence(uint8_t *bytes, const struct segment *s, uint32_t seq)
{
	set16(bytes + s->tcp + 4, seq >> 16);
	set16(bytes + s->tcp + 6, seq);
}

void set_source(const struct frame *f, uint8_t *bytes, const struct ends *ends, const struct segment *s)
{
	bool six = ends->family == 6;

	memcpy(bytes + f->network + (six ? 8 : 12), ends->server, six ? 16 : 4);
	memcpy(bytes + s->tcp, &ends->server_port, 2);
}
