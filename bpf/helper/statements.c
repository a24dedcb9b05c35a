/* Splits a configuration into statements: quotes, escapes, comments, and blocks of Lua, which have a syntax of their own. */
#include <string.h>
#include <strings.h>
#include "statements.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_line(struct text *t)
{
	while (t->at < t->end && *t->at != '\n')
		t->at++;
}

static void skip_blanks(struct text *t)
{
	while (t->at < t->end && (is_blank(*t->at) || *t->at == '#')) {
		if (*t->at == '#')
			skip_line(t);
		else
			t->at++;
	}
}

static char unescaped(char c)
{
	return c == 't' ? '\t' : c == 'r' ? '\r' : c == 'n' ? '\n' : c;
}

/*
 * One word, from its first character. A quote counts only there; "{" after "$" belongs to a variable. `after` is the character
 * behind it, which the word's final zero may overwrite. Returns NULL if the text ends within it.
 */
static char *read_word(struct text *t, char *after)
{
	char *word = t->at, *to = t->at, quote = *t->at == '"' || *t->at == '\'' ? *t->at++ : 0;
	bool is_variable = false;

	for (; t->at < t->end; t->at++) {
		char c = *t->at;

		if (quote ? c == quote : is_blank(c) || c == ';' || (c == '{' && !is_variable))
			break;
		is_variable = c == '$';
		if (c == '\\' && t->at + 1 < t->end) {
			c = *++t->at;
			if (!strchr("\"'\\trn", c) || !c)
				*to++ = '\\';
			else
				c = unescaped(c);
		}
		*to++ = c;
	}
	if (t->at < t->end && quote)
		t->at++;
	if (t->at == t->end)
		return NULL;
	*after = *t->at;
	*to = 0;
	return word;
}

/* ---- Lua ---- */

/* The level of the long bracket that begins here: 0 for "[[", 1 for "[=[", -1 where there is none. */
static int long_bracket(const struct text *t)
{
	const char *at = t->at + 1;

	if (t->at >= t->end || *t->at != '[')
		return -1;
	while (at < t->end && *at == '=')
		at++;
	return at < t->end && *at == '[' ? at - t->at - 1 : -1;
}

static void skip_long_bracket(struct text *t, int level)
{
	for (t->at += level + 2; t->at < t->end; t->at++) {
		if (*t->at != ']' || t->end - t->at < level + 2 || t->at[level + 1] != ']')
			continue;
		if ((int)strspn(t->at + 1, "=") == level) {
			t->at += level + 2;
			return;
		}
	}
}

static void skip_lua_string(struct text *t)
{
	char quote = *t->at++;

	while (t->at < t->end && *t->at != quote && *t->at != '\n')
		t->at += *t->at == '\\' && t->at + 1 < t->end ? 2 : 1;
	if (t->at < t->end)
		t->at++;
}

static void skip_lua_comment(struct text *t)
{
	int level;

	t->at += 2;
	level = long_bracket(t);
	if (level >= 0)
		skip_long_bracket(t, level);
	else
		skip_line(t);
}

/* From behind the "{" of a *_by_lua_block to behind its "}". */
static void skip_lua(struct text *t)
{
	for (int open = 1, level; t->at < t->end && open > 0;) {
		if (*t->at == '"' || *t->at == '\'')
			skip_lua_string(t);
		else if (*t->at == '-' && t->at + 1 < t->end && t->at[1] == '-')
			skip_lua_comment(t);
		else if ((level = long_bracket(t)) >= 0)
			skip_long_bracket(t, level);
		else {
			open += *t->at == '{' ? 1 : *t->at == '}' ? -1 : 0;
			t->at++;
		}
	}
}

static bool is_lua(const char *name)
{
	static const char end[] = "_by_lua_block";
	size_t length = strlen(name);

	return length >= sizeof(end) - 1 && !strcmp(name + length - (sizeof(end) - 1), end);
}

bool next_statement(struct text *t, struct statement *s)
{
	s->count = 0;
	for (skip_blanks(t); t->at < t->end; skip_blanks(t)) {
		char after = *t->at, *word;

		if (after != ';' && after != '{' && (after != '}' || s->count)) {
			word = read_word(t, &after);
			if (!word)
				return false;
			if (s->count < MAX_WORDS)
				s->words[s->count++] = word;
			/* the word's final zero may be where `after` was */
			if (after != ';' && after != '{') {
				t->at += is_blank(after);
				continue;
			}
		}
		t->at++;
		s->end = after;
		if (!s->count && after != '}')
			continue;
		if (after == '{' && is_lua(s->words[0])) {
			skip_lua(t);
			s->end = ';';
		}
		return true;
	}
	return false;
}
