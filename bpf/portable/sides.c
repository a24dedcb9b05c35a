/* See sides.h. */
#include <string.h>
#include "shared.h"
#include "sides.h"

#define MAX_CLIENTS 256

static struct {
	struct {
		uint32_t family, prefix;
		uint8_t address[16];
	} clients[MAX_CLIENTS];
	uint32_t client_count;
	struct ports server_ports;
	bool has_server_ports;
} chosen;

void sides_add_client(uint32_t family, uint32_t prefix, const uint8_t *address)
{
	if (chosen.client_count == MAX_CLIENTS)
		return;
	chosen.clients[chosen.client_count].family = family;
	chosen.clients[chosen.client_count].prefix = prefix;
	memcpy(chosen.clients[chosen.client_count++].address, address, family == 4 ? 4 : 16);
}

void sides_add_server_port(uint32_t port)
{
	chosen.has_server_ports = true;
	chosen.server_ports.bits[port / 64 % 1024] |= 1ULL << port % 64;
}

struct ends turned(const struct ends *e)
{
	struct ends r = {.family = e->family, .client_port = e->server_port, .server_port = e->client_port};

	memcpy(r.client, e->server, sizeof(r.client));
	memcpy(r.server, e->client, sizeof(r.server));
	return r;
}

static bool has_port(uint16_t port)
{
	port = __builtin_bswap16(port);
	return chosen.server_ports.bits[port / 64] >> port % 64 & 1;
}

static bool is_client(uint32_t family, const uint32_t *address)
{
	const uint8_t *bytes = (const uint8_t *)address;

	for (uint32_t i = 0; i < chosen.client_count; i++) {
		uint32_t bits = chosen.clients[i].prefix;

		if (chosen.clients[i].family == family && !memcmp(bytes, chosen.clients[i].address, bits / 8) &&
		    (bits % 8 == 0 || !((bytes[bits / 8] ^ chosen.clients[i].address[bits / 8]) & (uint8_t)(0xff00 >> bits % 8))))
			return true;
	}
	return false;
}

static enum side chosen_side(const struct ends *e)
{
	bool leaves =
	    (!chosen.client_count || is_client(e->family, e->client)) && (!chosen.has_server_ports || has_port(e->server_port));
	bool arrives =
	    (!chosen.client_count || is_client(e->family, e->server)) && (!chosen.has_server_ports || has_port(e->client_port));

	return leaves == arrives ? (leaves ? UNDECIDED : NOT_CHOSEN) : leaves ? LEAVES : ARRIVES;
}

/* Who begins asks; in a connection that is older than the capture, who sends a request line. */
static enum side side_by_content(const struct frame *f, const struct segment *s)
{
	const uint8_t *payload;

	if (s->flags & FLAG_SYN)
		return s->flags & FLAG_ACK ? ARRIVES : LEAVES;
	if (s->length < 8 || s->payload + 8 > f->captured)
		return UNDECIDED;
	payload = f->bytes + s->payload;
	if (!memcmp(payload, "HTTP/1.", 7))
		return ARRIVES;
	for (int i = 0; i < 8; i++) {
		if (payload[i] == ' ')
			return i ? LEAVES : UNDECIDED;
		if (payload[i] < 'A' || payload[i] > 'Z')
			return UNDECIDED;
	}
	return UNDECIDED;
}

/* A server's port is the lower one, mostly: one look-up finds the socket. */
static bool is_likely_client(const struct ends *e)
{
	return __builtin_bswap16(e->client_port) >= __builtin_bswap16(e->server_port);
}

enum side side_of(const struct frame *f, const struct ends *e, const struct ends *of_server, const struct segment *s,
		  struct socket **socket)
{
	enum side side = chosen_side(e);
	bool asks = is_likely_client(e);

	if (side == UNDECIDED && is_syn(s))
		side = LEAVES;
	*socket = side == LEAVES ? socket_of(e) : side == ARRIVES ? socket_of(of_server) : NULL;
	if (side != UNDECIDED)
		return side;
	if ((*socket = socket_of(asks ? e : of_server)))
		return asks ? LEAVES : ARRIVES;
	if ((*socket = socket_of(asks ? of_server : e)))
		return asks ? ARRIVES : LEAVES;
	return side_by_content(f, s);
}
