/* A test program has no body that could save a trace: it says what failed and aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/check.h"

__attribute__((weak)) _Noreturn void
panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
    abort();
}
