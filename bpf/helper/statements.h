/* The text of an nginx configuration as statements, split as nginx splits it (ngx_conf_read_token). No I/O. */
#pragma once

#include <stdbool.h>

#define MAX_WORDS 32

struct text {
	char *at;
	char *end;
};

struct statement {
	char *words[MAX_WORDS]; /* without quotes and escapes, within the text; further words are left out */
	int count;		/* 0 only with '}' */
	char end;		/* ';', '{' where a block begins, '}' where one ends */
};

/* The next statement; changes the text. Returns false at its end, or where the rest is not a whole statement. */
bool next_statement(struct text *text, struct statement *statement);
