/* The end of the helper with a message. In its own file, so that no part depends on main.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "die.h"

void die(enum exit_code code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(code);
}
