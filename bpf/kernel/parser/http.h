/*
 * HTTP/1 as bytes: request lines, route templates, heads. Pure: no helper, no memory but the caller's, so that the host
 * compiles, tests and fuzzes the very code that the kernel runs. Words are read eight bytes at a time, little endian only.
 *
 * A head is read chunk by chunk out of a `bytes` buffer: a chunk lies at [FRONT, FRONT + n), and the last FRONT bytes of what
 * came before it lie right-aligned in [0, FRONT), so that a line which a segment's end cut is contiguous again.
 */
#pragma once

#include "bytes.h"   /* the buffer, words, character classes */
#include "chunked.h" /* what frames a chunked body */
#include "head.h"    /* heads */
#include "line.h"    /* request lines */
#include "proxy.h"   /* what may go before the first request */
#include "status.h"  /* status lines */
