/* gregor course guide: the statements of a popular beginner's guide, each with the run that proves or refutes it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/fields.h"
#include "sim/cli/lab/lab.h"

static void
read_says(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->says = fields_text(r, t);
}
static void
read_because(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->because = fields_text(r, t);
}
static void
read_source(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->source = fields_text(r, t);
}
static void
read_claim(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->claim = fields_text(r, t);
}
static void
read_in_lab(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->in_lab = fields_text(r, t);
}

static void
read_verdict(struct fields *r, const struct tree *t, void *into)
{
    static const char *const known[] = {"holds",    "holds if",     "wrong",
                                        "outdated", "does not run", "opinion"};
    struct words words = {.arena = &r->d->a};
    struct slice text = fields_text(r, t);
    bool is_known = false;
    for (int i = 0; i < ARRAY_LEN(known); i++) {
        words_add(&words, slice_cstr(known[i]));
        is_known |= slice_eq(text, slice_cstr(known[i]));
    }
    if (!is_known)
        diag_error(&r->diags, t->mark, words_advice(&words, text), "there is no verdict %.*s",
                   SARG(text));
    ((struct statement *)into)->verdict = text;
}

static void
read_proof(struct fields *r, const struct tree *t, void *into)
{
    ((struct statement *)into)->proof = lab_read_claim(r, t);
}

static void
read_statement_runs(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = r->whole;
    int32_t n;
    (void)into;
    struct lab_run *v = lab_read_runs(r, t, &n),
                   *all = ARENA_ARRAY(&r->d->a, struct lab_run, l->runs_n + n + 1);
    for (int32_t i = 0; i < l->runs_n; i++) all[i] = l->runs[i];
    l->runs = all; /* from here on: of several runs the later ones are compared with the first */
    for (int32_t i = 0; i < n; i++) {
        if (lab_find_run(l, v[i].id))
            diag_error(&r->diags, v[i].mark, NULL, "there is a run %.*s already", SARG(v[i].id));
        all[l->runs_n++] = v[i];
    }
}

static const struct field statement_keys[] = {
    {"says", read_says, true},       {"verdict", read_verdict, true},
    {"because", read_because, true}, {"lab", read_in_lab, false},
    {"source", read_source, false},  {"runs", read_statement_runs, false},
    {"proof", read_proof, false},    {"claim", read_claim, false}};

struct guide *
guide_read(struct desk *d, const struct place *p)
{
    struct guide *g = ARENA_NEW(&d->a, struct guide);
    struct fields r;
    const struct tree *t = fields_open(&r, d, path_join(d, p->labs, "guide.yaml"));
    if (!t) return NULL;
    r.whole = &g->as_lab;
    g->as_lab.dir = p->labs;
    g->as_lab.folder = S("guide");
    g->as_lab.id = g->as_lab.title = S("guide");
    g->v = ARENA_ARRAY(&d->a, struct statement, t->n + 1);
    if (t->kind != TREE_MAP)
        diag_error(&r.diags, t->mark, NULL, "the guide is a map of statements");
    for (int32_t i = 0; t->kind == TREE_MAP && i < t->n; i++) {
        struct statement *s = &g->v[g->n++];
        s->id = t->pairs[i].key;
        fields_map(&r, t->pairs[i].value, "a statement", statement_keys, ARRAY_LEN(statement_keys),
                   s);
        if (!s->proof && !s->claim.p && !s->source.p)
            diag_error(&r.diags, t->pairs[i].mark, "proof, claim or source", "how is it known?");
    }
    return fields_close(&r) ? g : NULL;
}

void
guide_table(struct desk *d, const struct guide *g, struct writer *w)
{
    fmt_str(w, "| | the guide says | verdict | why | seen in |\n|---|---|---|---|---|\n");
    for (int32_t i = 0; i < g->n; i++) {
        const struct statement *s = &g->v[i];
        fmt_slice(w, arena_format(&d->a, "| %.*s | %.*s | **%.*s** | %.*s | ", SARG(s->id),
                                  SARG(s->says), SARG(s->verdict), SARG(s->because)));
        if (s->in_lab.p) fmt_slice(w, arena_format(&d->a, "lab %.*s; ", SARG(s->in_lab)));
        if (s->proof) fmt_str(w, "a run");
        if (s->claim.p)
            fmt_slice(w, arena_format(&d->a, "%sthe real thing (`%.*s`)", s->proof ? ", " : "",
                                      SARG(s->claim)));
        if (s->source.p)
            fmt_slice(w, arena_format(&d->a, "%s%.*s", s->proof || s->claim.p ? "; " : "",
                                      SARG(s->source)));
        fmt_str(w, " |\n");
    }
}

int
course_guide(struct desk *d, int argc, char **argv)
{
    struct place p;
    struct grades grades = {0};
    char room[] = "/tmp/gregor-guide-XXXXXX";
    int64_t passed = 0, failed = 0;
    (void)argv;
    if (argc) return usage_error("course", "guide takes no arguments");
    if (!place_find(d, NULL, &p)) return EXIT_USAGE;
    struct guide *g = guide_read(d, &p);
    if (!g) return EXIT_USAGE;
    if (!mkdtemp(room)) {
        perror("gregor: /tmp");
        return EXIT_USAGE;
    }
    bool ok = lab_grade_claims(d, &p, &g->as_lab, slice_cstr(room), g, &grades);
    for (int64_t i = 0, k = 0; i < g->n; i++) {
        const struct statement *s = &g->v[i];
        if (!s->proof) continue;
        if (k >= grades.v.n) break;
        const struct graded *row = &grades.v.v[k++];
        bool holds = row->grade == GRADE_OK;
        passed += holds, failed += !holds;
        printf("%s %-4.*s %.*s: %.*s\n", holds ? "ok  " : "FAIL", SARG(s->id), SARG(s->verdict),
               SARG(row->came));
    }
    (void)folder_remove(d, room);
    printf("%lld passed, %lld failed\n", (long long)passed, (long long)failed);
    return !ok ? EXIT_USAGE : failed ? EXIT_FAIL : EXIT_PASS;
}
