#include <stdarg.h>
#include <stdio.h>

#include "labs/exercises/judge.h"
#include "sim/cli/cli.h"

bool
watch_is_in_machine(void)
{
    return job_is_in_machine();
}

void
watch_differs(const char *format, ...)
{
    static bool told;
    char text[512];
    va_list ap;
    if (told) return;
    told = true;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    job_remark(slice_cstr(text));
}
