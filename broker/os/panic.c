/* The end that is our own fault: a CHECK failed. Nothing is to be trusted any more, so it says what it
 * knows and leaves at once; what is synced is safe, and the next start recovers. */
#include <execinfo.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/base/check.h"

_Noreturn void
panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "gregord: internal error at %s:%d: %s\n", file, line, what);
    fputs("called from (addr2line tells the lines):\n", stderr);
    fflush(stderr);
    void *callers[32];
    backtrace_symbols_fd(callers, backtrace(callers, 32), STDERR_FILENO);
    _exit(4);
}
