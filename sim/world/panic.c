/* The simulator's end of a failed CHECK: whoever runs a world may save trace and report first. */
#include "sim/world/panic.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/check.h"

static void (*hook)(const char *file, int line, const char *what);

void
panic_set_hook(void (*fn)(const char *file, int line, const char *what))
{
    hook = fn;
}

_Noreturn void
panic(const char *file, int line, const char *what)
{
    void (*fn)(const char *, int, const char *) = hook;
    hook = NULL; /* a failure within the hook must not come back here */
    fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
    if (fn) fn(file, line, what);
    exit(4);
}
