#include "labs/exercises/judge.h"

#include "broker/base/check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASE_BYTES 512

static char rule_now[64], case_now[CASE_BYTES];

/* A file's first line is always the case that is tried: it survives a crash. */
static void
write_down(void)
{
    static int fd = -1;
    char line[CASE_BYTES + 80];
    const char *path = getenv("GREGOR_NOW");
    if (fd < 0 && path) fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int n = snprintf(line, sizeof line, "%s: %s\n", rule_now, case_now);
    if (fd >= 0 && n > 0) (void)!pwrite(fd, line, (size_t)n, 0);
}

void
judge_case(const char *rule, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)snprintf(rule_now, sizeof rule_now, "%s", rule);
    (void)vsnprintf(case_now, sizeof case_now, format, ap);
    va_end(ap);
    write_down();
}

void
judge_text(const char *got, const char *wanted)
{
    if (strcmp(got, wanted) == 0) printf("ok\t%s\n", rule_now);
    else printf("bad\t%s\t%s\t%s\t%s\n", rule_now, case_now, got, wanted);
    fflush(stdout);
}

void
judge_is(int64_t got, int64_t wanted)
{
    char g[32], w[32];
    (void)snprintf(g, sizeof g, "%" PRId64, got);
    (void)snprintf(w, sizeof w, "%" PRId64, wanted);
    judge_text(g, w);
}

void
judge_bool(bool got, bool wanted)
{
    judge_text(got ? "yes" : "no", wanted ? "yes" : "no");
}

int64_t
judge_dice(int64_t n)
{
    static uint64_t state;
    const char *own = state ? NULL : getenv("GREGOR_DICE"); /* of the student's own */
    if (!state) state = 42 + (own ? strtoull(own, NULL, 10) : 0);
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return (int64_t)((z ^ z >> 31) % (uint64_t)n);
}

/* A CHECK of the broker's own functions that the student's calls. */
void
panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "CHECK failed: %s (%s:%d)\n", what, file, line);
    _exit(98);
}
