/* How far a sweep goes: the run without its fault tells how many disk operations each node has. It runs in a
 * process of its own: what it takes is gone with it. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/cli.h"

#define NAME_MAX_BYTES 32

static void
tell_disk_ops(struct arena *a, const struct scenario *s, const struct run_options *o, FILE *f)
{
    struct run_result r;
    job_run_guarded(a, s, o, &r);
    for (int64_t i = 0; i < r.disk_ops.n; i++)
        fprintf(f, "%.*s %lld\n", SARG(r.disk_ops.v[i].name), (long long)r.disk_ops.v[i].n);
    fflush(f);
}

static struct node_ops *
read_back(struct arena *a, FILE *f, int32_t most, int32_t *ret_n)
{
    struct node_ops *v = ARENA_ARRAY(a, struct node_ops, most);
    char name[NAME_MAX_BYTES + 1];
    long long n;
    rewind(f);
    while (*ret_n < most && fscanf(f, "%32s %lld", name, &n) == 2)
        v[(*ret_n)++] = (struct node_ops){arena_dup(a, slice_cstr(name)), n};
    return v;
}

struct node_ops *
sweep_measure(struct arena *a, const struct scenario *s, const struct run_options *o,
              int32_t *ret_n)
{
    FILE *f = tmpfile();
    struct node_ops *v = NULL;
    *ret_n = 0;
    if (!f) return NULL;
    fflush(NULL); /* or the child would write it once more */
    pid_t pid = fork();
    if (pid == 0) {
        tell_disk_ops(a, s, o, f);
        _exit(0);
    }
    int status = -1;
    if (pid > 0) waitpid(pid, &status, 0);
    if (pid > 0 && status == 0)
        v = read_back(a, f, (int32_t)(s->cluster.brokers + s->cluster.controllers), ret_n);
    fclose(f);
    return v;
}
