/* The end of the helper with a message. In a file of its own, so that no part needs the file that joins all of them. */
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
