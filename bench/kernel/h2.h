/* Packets of HTTP/2 as nginx and gRPC's servers write them: Huffman's code, no dynamic table. */
#pragma once

#include <string.h>

#define PREFACE                                                                                                                  \
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"                                                                                       \
	"\0\0\x12\4\0\0\0\0\0"                                                                                                   \
	"\0\1\0\0\0\0\0\2\0\0\0\0\0\4\x7f\xff\xff\xff"                                                                           \
	"\0\0\4\x8\0\0\0\0\0\x7f\xff\0\0"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"

#define AUTHORITY    "\x41\x8b\x8c\x64\xea\x5a\xa4\x5c\xbe\x47\x4d\x74\x17"
#define DATE	     "\x61\x96\xdd\x6d\x5f\x4a\x08\x4a\x69\x3f\x75\x04\x01\x38\xa0\x5a\xb8\x01\x5c\x08\x54\xc5\xa3\x7f"
#define GRPC_TYPE    "\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64"
#define CONTENT_TYPE "\0\x89\x21\xea\x49\x6a\x4a\xc9\xf5\x59\x7f"
#define USER_AGENT   "\0\x87\xb5\x05\xb1\x61\xcc\x5a\x93"
#define GRPC_STATUS  "\x40\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f"

/* GET /api/orders, with the fields of testrun.c's request in HTTP/1 */
#define H2_GET                                                                                                                   \
	"\x82\x86\x44\x88\x60\x75\x99\x83\xd9\x21\x6c\x47" AUTHORITY                                                             \
	"\0\x89\xf2\xb5\x85\xed\x69\x50\x95\x8d\x27\x8c\x00\x44\xcb\x4d\xb8\xeb\xcf\x8e\x32\x48\x59\x7f"                         \
	"\0\x8b\xf2\xb4\xa7\xb3\xc0\xec\x90\xb2\x2d\x29\xec\x86\x08\x17\x0a\xe2\x5d\x9f" USER_AGENT                              \
	"\x88\x25\xb6\x50\xc3\xcb\xb6\xb8\x3f\0\x84\x19\x08\x5a\xd3\x83\xf9\x63\xe7"
#define H2_ANSWER "\x88" DATE "\x5f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x74\x41\xea\x0f\x0d\x01\x32"

#define GRPC_REST                                                                                                                \
	AUTHORITY CONTENT_TYPE GRPC_TYPE                                                                                         \
	    "\0\x02te\x86\x4d\x83\x35\x05\xb1\x1f" USER_AGENT "\x8d\x9a\xca\xc8\xb5\x47\x90\xab\x74\x43\x01\x5d\xf5\xc1"
#define GRPC_REQUEST "\x83\x86\x44\x8d\x61\x13\x9e\xb5\xef\x0e\xc4\xb1\x88\xa9\xbc\x3b\x13" GRPC_REST
#define GRPC_HEAD                                                                                                                \
	"\x88" DATE "\x5f" GRPC_TYPE                                                                                             \
	"\x40\x8e\x9a\xca\xc8\xb0\xc8\x42\xd6\x95\x8b\x51\x0f\x21\xaa\x9b\x90\x34\x85\xa9\x26\x4f\xaf\xa9\x0b\x2d\x03\x49\x7e\xa6"  \
	"\xf6\x6a\xff"
#define GRPC_TRAILERS GRPC_STATUS "\x01\x30\x40\x89\x9a\xca\xc8\xb5\x25\x42\x07\x31\x7f\x02OK"
#define GRPC_ONLY     "\x88\x5f" GRPC_TYPE GRPC_STATUS "\x01\x35"

enum { H2_DATA, H2_HEADERS };
enum { H2_END_STREAM = 1, H2_END_HEADERS = 4 };

/* Appends a frame, and returns the length of all. */
static inline unsigned h2_frame(unsigned char *to, unsigned at, unsigned type, unsigned flags, unsigned stream, const char *payload,
				unsigned length)
{
	const unsigned char head[9] = {0, length >> 8, length, type, flags, stream >> 24, stream >> 16, stream >> 8, stream};

	memcpy(to + at, head, 9);
	memcpy(to + at + 9, payload, length);
	return at + 9 + length;
}
#define FRAME(to, at, type, flags, stream, text) h2_frame(to, at, type, flags, stream, text, sizeof(text) - 1)
