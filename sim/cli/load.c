/* A scenario's file, as the commands take it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/scenario/diag.h"

bool
load_scenarios(struct arena *a, const struct load_request *q, struct scenarios *ret,
               int64_t *warnings)
{
    struct source *source = ARENA_NEW(a, struct source);
    struct load_options lo = {.sets = q->sets, .sets_n = q->sets_n, .read = read_sibling, .ctx = a};
    struct diags diags;
    diags_init(&diags, a);
    source->path = slice_cstr(q->path);
    if (!file_read_all(a, q->path, &source->text)) {
        if (q->say != SAY_NOTHING) fprintf(stderr, "gregor: %s: %s\n", q->path, strerror(errno));
        return false;
    }
    *ret = scenario_load(a, source, &lo, &diags);
    for (int32_t i = 0; q->say == SAY_LINT && i < ret->n && !diags.errors; i++)
        scenario_lint(ret->v[i], &diags);
    bool is_said = q->say >= SAY_ALL || (q->say == SAY_MISTAKES && diags.errors);
    struct writer w = writer_mem(a->mem);
    diags_print(&diags, &w);
    if (is_said && w.n) fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    if (warnings) *warnings += diags.warnings;
    return !diags.errors;
}
