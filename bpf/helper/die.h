/* The end of the helper when it cannot go on. */
#pragma once

enum exit_code { EXIT_DONE = 0, EXIT_BUG = 1, EXIT_USAGE = 2, EXIT_SYSTEM = 4, EXIT_INTERRUPTED = 130 };

/* Prints the message and ends the process: only before anything is attached. */
_Noreturn void die(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
