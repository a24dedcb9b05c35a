/* nginx's own functions for TLS in the file of its program, and what a probe on them is like. Without I/O. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel does with the instruction under a probe: it emulates it, or lets the processor run a copy of it as a single
 * step, which costs another trap: many times as much in a virtual machine.
 */
enum probe { PROBE_UNKNOWN, PROBE_EMULATED, PROBE_STEPPED };

/* Offsets in the file at which the probes are set. */
struct tls_functions {
	uint64_t write;	  /* of ngx_ssl_write */
	uint64_t receive; /* of ngx_ssl_recv */
	enum probe probe; /* of the worse of the two */
};

/*
 * Looks for them in an ELF file in memory, of which nothing is trusted. Returns NULL, or why it has none, as the end of
 * "… is not read: ".
 */
const char *find_tls_functions(const uint8_t *file, size_t size, struct tls_functions *functions);
/* The offset in a file, for an address that its program headers put there; 0 where none does. `headers` are ElfW(Phdr). */
uint64_t offset_of(const void *headers, int count, uint64_t address);
/* Of the instruction at the start of a function, at `*skipped` bytes behind which the probe is set. */
enum probe probe_of(const uint8_t *code, size_t length, size_t *skipped);
