/* NDJSON, written to memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper.h"

/* Memory that is kept from tick to tick. The first tick on a busy host has megabytes, which the other ticks do not need. */
#define KEPT (256 << 10)

static char *grow(struct json *out, size_t more)
{
	if (out->length + more > out->room) {
		out->room = (out->length + more) * 2;
		out->text = realloc(out->text, out->room);
		if (!out->text)
			die(EXIT_SYSTEM, "out of memory");
	}
	return out->text + out->length;
}

void json_clear(struct json *out)
{
	out->length = 0;
	if (out->room <= KEPT)
		return;
	free(out->text);
	out->text = NULL;
	out->room = 0;
}

void put_text(struct json *out, const char *text, size_t length)
{
	memcpy(grow(out, length), text, length);
	out->length += length;
}

void put(struct json *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static void put_digits(struct json *out, uint64_t value)
{
	char digits[20];
	int n = sizeof(digits);

	do {
		digits[--n] = '0' + value % 10;
		value /= 10;
	} while (value);
	put_text(out, digits + n, sizeof(digits) - n);
}

void put_number(struct json *out, int64_t value)
{
	if (value < 0)
		put(out, "-");
	put_digits(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void put_big(struct json *out, uint64_t value)
{
	put(out, "\"");
	put_digits(out, value);
	put(out, "\"");
}

/*
 * The length of the UTF-8 sequence at the start of the bytes; 0 when they are no valid one: overlong forms and surrogates are not
 * valid.
 */
static size_t utf8_length(const uint8_t *b, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = b[0] < 0x80 ? 1 : b[0] >> 5 == 6 ? 2 : b[0] >> 4 == 14 ? 3 : b[0] >> 3 == 30 ? 4 : 0;
	uint32_t code;

	if (n == 0 || n > left)
		return 0;
	if (n == 1)
		return 1;
	code = b[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if (b[i] >> 6 != 2)
			return 0;
		code = code << 6 | (b[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

void put_bytes(struct json *out, const uint8_t *bytes, size_t length)
{
	char escape[8];

	put(out, "\"");
	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(bytes + i, length - i);
		uint8_t b = bytes[i];

		if (n == 0) {
			snprintf(escape, sizeof(escape), "\\\\x%02X", b);
			put(out, escape);
			i++;
			continue;
		}
		if (n == 1 && (b < 0x20 || b == 0x7f)) {
			snprintf(escape, sizeof(escape), "\\u%04X", b);
			put(out, escape);
		} else if (n == 2 && b == 0xc2 && bytes[i + 1] < 0xa0) {
			snprintf(escape, sizeof(escape), "\\u%04X", bytes[i + 1]);
			put(out, escape);
		} else {
			if (n == 1 && (b == '"' || b == '\\'))
				put(out, "\\");
			put_text(out, (const char *)bytes + i, n);
		}
		i += n;
	}
	put(out, "\"");
}

void put_string(struct json *out, const char *text)
{
	put_bytes(out, (const uint8_t *)text, strlen(text));
}

void put_strings(struct json *out, const char *first, size_t width, int count)
{
	put(out, "[");
	for (int i = 0; i < count; i++) {
		put(out, i ? "," : "");
		put_string(out, first + i * width);
	}
	put(out, "]");
}
