/*
 * The HTTP/1 parser: request lines, route templates, heads. Pure: it calls no BPF helper and uses only the caller's memory, so
 * that the host compiles, tests and fuzzes the same code that the kernel runs. Words are read eight bytes at a time, little
 * endian only.
 *
 * A head is read chunk by chunk from a `struct buffer`: a chunk is at [FRONT, FRONT + n), and the last FRONT bytes before it are
 * right-aligned in [0, FRONT), so that a line which the end of a segment cut is contiguous again.
 */
#pragma once

#include "bytes.h"   /* the buffer, words, character classes */
#include "chunked.h" /* what frames a chunked body */
#include "head.h"    /* heads */
#include "line.h"    /* request lines */
#include "proxy.h"   /* what may go before the first request */
#include "status.h"  /* status lines */
