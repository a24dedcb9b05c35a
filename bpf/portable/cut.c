/* See cut.h. */
#include <string.h>
#include "shared.h"
#include "machine.h"
#include "cut.h"

enum line { NO_LINE, CUT_LINE, WHOLE_LINE };

/* Whether the segment begins with METHOD target HTTP/1.x, as far as it was captured. */
static enum line request_line(const struct frame *f, const struct segment *s)
{
	const uint8_t *line = f->bytes + s->payload, *end;
	uint32_t n = f->captured > s->payload ? f->captured - s->payload : 0, method = 0;

	while (method < n && line[method] >= 'A' && line[method] <= 'Z')
		method++;
	if (n > s->length || !method || method == n || line[method] != ' ')
		return NO_LINE;
	end = memchr(line, '\r', n);
	if (!end)
		return n < s->length ? CUT_LINE : NO_LINE;
	return end - line > 13 && !memcmp(end - 9, " HTTP/1.", 8) ? WHOLE_LINE : NO_LINE;
}

bool hides_request(const struct frame *f, const struct ends *e, const struct segment *s)
{
	enum line line = request_line(f, s);

	if (line == WHOLE_LINE)
		machine_expect_request(e, s->seq);
	if (line == CUT_LINE)
		machine_count_missed();
	return line == CUT_LINE;
}

bool is_cut(const struct frame *f, const struct segment *s)
{
	return s->payload < f->captured && s->length > f->captured - s->payload;
}

/* The sequence number behind what was captured of it. */
static uint32_t end_captured(const struct frame *f, const struct segment *s)
{
	return s->seq + f->captured - s->payload;
}

void cut_has_left(const struct frame *f, const struct ends *e, const struct segment *s)
{
	machine_pass_rest_of_request(e, end_captured(f, s), s->seq + s->length);
}

void cut_arrives(const struct frame *f, const struct ends *of_server, const struct segment *s)
{
	uint8_t *bytes = (uint8_t *)f->bytes;
	bool is_last = s->flags & FLAG_FIN;

	set_flags(bytes, s, s->flags & ~FLAG_FIN);
	frame_arrives(f);
	machine_pass_rest_of_answer(of_server, end_captured(f, s), s->seq + s->length, is_last);
	if (!is_last)
		return;
	struct frame end = *f;

	set_flags(bytes, s, s->flags);
	set_sequence(bytes, s, s->seq + s->length);
	end.length = end.captured = s->payload;
	end_where_captured(&end, bytes);
	frame_arrives(&end);
}
