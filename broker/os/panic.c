/* The end that is our own fault: a CHECK failed. Nothing is to be trusted any more, so it says what it
 * knows and leaves at once; what is synced is safe, and the next start recovers. */
#include <stdio.h>
#include <unistd.h>

#include "broker/base/check.h"

_Noreturn void
panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "gregord: internal error at %s:%d: %s\n", file, line, what);
    fflush(stderr);
    _exit(4);
}
