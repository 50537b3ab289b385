/* Commands of gregor as a test runs them: in a folder of their own, on a tiny scenario, with what they print in a file. The
 * rule by which the high watermark moves is replaced by one that can be told to go wrong. */
#ifndef TESTS_UNIT_SIM_FIXTURE_H
#define TESTS_UNIT_SIM_FIXTURE_H

#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/replica/hw_advance.h"
#include "sim/cli/cli.h"
#include "sim/world/pool.h"

/* ---- in place of sim/cli/main.c and sim/cli/bugs.c ---- */

int
usage_error(const char *command, const char *format, ...)
{
    (void)command;
    (void)format;
    return EXIT_USAGE;
}

int
unknown_option(const char *command, const char *const *known, int n, const char *wrong)
{
    (void)known;
    (void)n;
    return usage_error(command, "%s", wrong);
}

/* signal: it dies; check: a CHECK fails; drift: the watermark comes late; early: the watermark runs ahead. */
static const char *const bugs[] = {"signal", "check", "drift", "early"};
static const char *bug = "";
static int64_t calls;

const char *
bug_name(int i)
{
    return i < ARRAY_LEN(bugs) ? bugs[i] : NULL;
}

bool
bug_on(const char *id)
{
    bool known = !id;
    for (int i = 0; i < ARRAY_LEN(bugs) && !known; i++) known = strcmp(bugs[i], id) == 0;
    if (!known) return false;
    bug = id ? id : "";
    calls = 0;
    return true;
}

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    int64_t end = INT64_MAX;
    calls++;
    if (strcmp(bug, "signal") == 0 && calls == 10) abort();
    CHECK(strcmp(bug, "check") != 0 || calls != 10);
    if (strcmp(bug, "drift") == 0 && calls < 20) return high_watermark;
    if (strcmp(bug, "early") == 0 && n > 1) return MAX(high_watermark, replicas[0].log_end);
    for (int32_t i = 0; i < n && !under_min_isr; i++)
        if (replicas[i].in_maximal_isr || replicas[i].joining) end = MIN(end, replicas[i].log_end);
    return end == INT64_MAX ? high_watermark : MAX(high_watermark, end);
}

/* ---- a folder to work in ---- */

static const char scenario_text[] =
    "scenario: 1\nname: tiny\nabout: a test\nseed: 7\n"
    "cluster: {brokers: 3, controllers: 1}\n"
    "topics: {orders: {rf: 3}}\n"
    "clients: {p1: {produce: orders, rate: 100/s, until: 1s}, c1: {consume: orders}}\n";

static char root[64];

static int
make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/test-command-XXXXXX");
    if (!mkdtemp(root) || chdir(root) < 0) return -1;
    return file_write_all("tiny.yaml", slice_cstr(scenario_text)) ? 0 : -1;
}

static int
remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return chdir("/") < 0 || system(command) ? -1 : 0;
}

/* What a command prints goes to the file `printed`. */
static int
run_command(int (*command)(int, char **), const char *const *argv)
{
    int argc = 0, kept = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO);
    int to = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0666),
        null = open("/dev/null", O_WRONLY);
    while (argv[argc]) argc++;
    fflush(NULL);
    dup2(to, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    int rc = command(argc, (char **)(uintptr_t)argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close(kept), close(errors), close(to), close(null);
    return rc;
}

static char text[1 << 20];

/* The file as a text, until the next one is read; "" if there is none. */
static const char *
read_back(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return "";
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static void
must_have(const char *path, const char *what)
{
    const char *all = read_back(path);
    if (!strstr(all, what)) fail_msg("expected '%s' in %s:\n%s", what, path, all);
}

#endif
