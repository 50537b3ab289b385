/* gregor course: what authors and teachers need. `ask` puts one query to a run, as lab.yaml would. */
#include <stdio.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/lab.h"

/* ---- ask ---- */

static struct query_folders
the_folder(void *ctx, struct slice run)
{
    (void)run;
    return (struct query_folders){ctx, 1};
}

static void
print_fact(void *ctx, const struct fact *f)
{
    int64_t *left = ctx;
    if (--*left < 0) return;
    for (int32_t i = 0; i < f->n; i++) {
        printf("%s%.*s=", i ? " " : "  ", SARG(f->f[i].name));
        if (f->f[i].is_number) printf("%.10g", f->f[i].number);
        else printf("%.*s", SARG(f->f[i].text));
    }
    puts("");
}

static int
ask(struct desk *d, int argc, char **argv)
{
    if (argc != 2) return usage_error("course", "ask RUN '{notes: partition-change, take: first}'");
    struct source *s = ARENA_NEW(&d->a, struct source);
    struct slice folder = slice_cstr(argv[0]);
    struct diags diags;
    int64_t left = 20;
    diags_init(&diags, &d->a);
    *s = (struct source){.path = S("query"), .text = slice_cstr(argv[1])};
    struct trees all = tree_parse(&d->a, s, &diags);
    struct query *q = all.n == 1 ? query_read(d, all.v[0], S("it"), &diags) : NULL;
    if (diags.errors || !q) {
        struct writer w = writer_mem(&d->mem);
        diags_print(&diags, &w);
        fwrite(w.p, 1, (size_t)w.n, stderr);
        writer_release(&w);
        return EXIT_USAGE;
    }
    struct query_world w = {.d = d,
                            .folders = the_folder,
                            .mine = S("."),
                            .dir = S("."),
                            .ctx = &folder,
                            .seen = print_fact,
                            .seen_ctx = &left};
    struct value v = query_ask(&w, q);
    if (left < 0) printf("  … %lld facts more\n", (long long)-left);
    printf("%.*s\n", SARG(value_said(d, v, query_unit(q))));
    return EXIT_PASS;
}

/* ---- the command ---- */

static const struct {
    const char *verb;
    int (*run)(struct desk *d, int argc, char **argv);
} verbs[] = {{"ask", ask},
             {"docs", course_docs},
             {"drill", course_drill},
             {"guide", course_guide},
             {"history", course_history},
             {"grade", course_grade},
             {"pack", course_pack},
             {"questions", course_questions}};

int
command_course(int argc, char **argv)
{
    struct desk d;
    if (argc < 1) return usage_error("course", "what is to be done?");
    for (int i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(argv[0], verbs[i].verb) != 0) continue;
        desk_init(&d);
        int rc = verbs[i].run(&d, argc - 1, argv + 1);
        desk_release(&d);
        return rc;
    }
    return usage_error("course", "there is no gregor course %s", argv[0]);
}
