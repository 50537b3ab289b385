/* Makes a lab's runs, each with gregor run in a process of its own: what a student could type. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/lab/lab.h"

#define ARGS_MAX 64

const char *
runs_folder(struct desk *d, struct slice mine, const struct lab_run *r)
{
    return (const char *)arena_format(&d->a, "%.*s/runs/%.*s", SARG(mine), SARG(r->id)).p;
}

int
spawn(const char *program, const char *const *args, int out)
{
    char *argv[ARGS_MAX + 2];
    int n = 0, status;
    /* execv() does not change them, and says so to nobody. */
    memcpy(&argv[n++], &program, sizeof program);
    for (; args[n - 1] && n <= ARGS_MAX; n++) memcpy(&argv[n], &args[n - 1], sizeof args[0]);
    argv[n] = NULL;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return -1;
    if (pid == 0) {
        if (out >= 0) dup2(out, STDOUT_FILENO);
        execv(program, argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_DIED;
}

/* The program with wrong rules lies beside this one. */
static const char *
program_for(struct desk *d, const struct place *p, const struct lab_run *r)
{
    if (!r->bug.n) return (const char *)p->self.p;
    const char *with_bugs = path_join(d, path_parent(p->self), "mutants/gregor");
    if (path_exists(with_bugs)) return with_bugs;
    fprintf(stderr,
            "gregor: this run has a wrong rule, %.*s, and this program has right ones only. Make "
            "the other one first:\n\n    make mutants\n",
            SARG(r->bug));
    return NULL;
}

static void
print_command(const char *program, const char *const *args)
{
    printf("$ %s", program);
    for (int i = 0; args[i]; i++) printf(" %s", args[i]);
    puts("");
}

int
runs_make(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
          const struct lab_run *r, bool quiet)
{
    const char *args[ARGS_MAX], *out = runs_folder(d, mine, r);
    const char *program = program_for(d, p, r);
    int n = 0, null = -1;
    if (!program) return EXIT_USAGE;
    args[n++] = "run";
    args[n++] =
        path_join(d, r->is_students ? mine : l->dir, (const char *)arena_dup(&d->a, r->scenario).p);
    if (r->seeds.n) args[n++] = "--seed", args[n++] = (const char *)arena_dup(&d->a, r->seeds).p;
    for (int32_t i = 0; i < r->sets_n && n < ARGS_MAX - 8; i++)
        args[n++] = "--set", args[n++] = (const char *)arena_dup(&d->a, r->sets[i]).p;
    if (r->bug.n) args[n++] = "--bug", args[n++] = (const char *)arena_dup(&d->a, r->bug).p;
    if (r->only.n) args[n++] = "--only", args[n++] = (const char *)arena_dup(&d->a, r->only).p;
    if (slice_find(r->seeds, '.', 0) > 0) args[n++] = "--jobs", args[n++] = "2";
    args[n++] = "--out", args[n++] = out;
    args[n] = NULL;
    if (!folder_remove(d, out)) {
        fprintf(stderr, "gregor: %s: %s\n", out, strerror(errno));
        return EXIT_USAGE;
    }
    if (!quiet) print_command(program, args);
    if (quiet) null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int rc = spawn(program, args, null);
    if (null >= 0) close(null);
    if (!quiet) puts("");
    /* What a run came to is for the questions; only one that could not be made at all is a failure here. */
    if (rc == EXIT_USAGE || rc < 0 || rc == 127) return EXIT_USAGE;
    return rc == EXIT_INTERRUPTED ? rc : EXIT_PASS;
}
