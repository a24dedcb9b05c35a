/* Files of captured packets, read piece by piece: pcap (µs and ns) and pcapng, of either byte order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND 1000000000ULL
/* The year 2200: no recording has a later time, and none before 1970. */
#define LATEST_S 7258118400ULL
#define NO_TIME	 UINT64_MAX

struct captured_packet {
	uint64_t ns; /* since 1970, or NO_TIME */
	const uint8_t *bytes;
	uint32_t captured, length;
	uint32_t link_type;
	uint32_t interface; /* in the order of the file, from 2 on: 1 is the loopback's number */
};

struct capture_file;
struct capture_file *capture_file_open(void);

/* Why the file cannot be read any further, in words; NULL as long as it can. */
const char *capture_file_fault(const struct capture_file *file);

/*
 * Takes the whole packets at the start of `bytes`; returns how many bytes that were. `is_last`: nothing comes behind them, and
 * what is left over was cut off.
 */
size_t capture_file_read(struct capture_file *file, const uint8_t *bytes, size_t n, bool is_last,
			 void (*take)(const struct captured_packet *packet));
