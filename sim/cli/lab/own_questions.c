/* Two questions about a run of the student's own, for whoever got the exercises with an id: our versions of what is to be written are
 * there to be read, what happened in a run that nobody else has is not. Which two, the run's seed, and the moment that they ask for are
 * drawn from the id, so the same come here and where it is graded. labs/exercises/own.yaml has what can be asked. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"
#include "sim/cli/lab/fields.h"

#define OWN_QUESTIONS 2
#define EARLIEST_MS 2500
#define MOMENTS 70 /* one each 100 ms from there */

struct own_file {
    struct lab all;
    const struct tree *exercises;
};

/* ---- own.yaml, with the student's moment in it ---- */

/* $t in milliseconds, $s as it is said. */
static struct slice
with_moment(struct desk *d, struct slice text, int64_t t_ms)
{
    struct writer w = writer_mem(&d->mem);
    for (int64_t i = 0; i < text.n; i++) {
        bool is_t = text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == 't';
        bool is_s = text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == 's';
        if (is_t) fmt_i64(&w, t_ms);
        else if (is_s)
            fmt_slice(&w, arena_format(&d->a, "%lld.%lld s", (long long)(t_ms / 1000),
                                       (long long)(t_ms / 100 % 10)));
        else fmt_char(&w, (char)text.p[i]);
        i += is_t || is_s;
    }
    struct slice all = arena_dup(&d->a, writer_slice(&w));
    writer_release(&w);
    return all;
}

static void
read_own_runs(struct fields *r, const struct tree *t, void *into)
{
    struct own_file *o = into;
    o->all.runs = lab_read_runs(r, t, &o->all.runs_n);
}

static void
read_own_questions(struct fields *r, const struct tree *t, void *into)
{
    lab_read_questions(r, t, &((struct own_file *)into)->all);
}

static void
read_own_exercises(struct fields *r, const struct tree *t, void *into)
{
    if (t->kind == TREE_MAP) ((struct own_file *)into)->exercises = t;
    else diag_error(&r->diags, t->mark, "B2: [watermark, silence]", "exercises are a map");
}

static const struct field own_keys[] = {{"runs", read_own_runs, true},
                                        {"questions", read_own_questions, true},
                                        {"exercises", read_own_exercises, true}};

static struct lab_question *
find_question(const struct lab *l, struct slice id)
{
    for (int32_t i = 0; i < l->questions_n; i++)
        if (slice_eq(l->questions[i].id, id)) return &l->questions[i];
    return NULL;
}

/* Each name that an exercise asks for is that of a question, and each run is there. */
static void
look_over_own(struct fields *r, const struct own_file *o)
{
    for (int32_t i = 0; i < o->all.questions_n; i++)
        query_runs(o->all.questions[i].answer, lab_need_run, r);
    for (int32_t i = 0; o->exercises && i < o->exercises->n; i++) {
        const struct tree *names = o->exercises->pairs[i].value;
        if (names->kind != TREE_LIST || names->n < OWN_QUESTIONS)
            diag_error(&r->diags, names->mark, NULL, "an exercise has two questions or more");
        for (int32_t k = 0; names->kind == TREE_LIST && k < names->n; k++)
            if (names->items[k]->kind != TREE_TEXT ||
                !find_question(&o->all, names->items[k]->text))
                diag_error(&r->diags, names->items[k]->mark, NULL, "there is no such question");
    }
}

static bool
own_read(struct desk *d, const struct place *p, int64_t t_ms, struct own_file *ret)
{
    struct source *s = ARENA_NEW(&d->a, struct source);
    struct slice text;
    struct fields r;
    *ret = (struct own_file){.all.dir = arena_format(&d->a, "%.*s/exercises", SARG(p->labs))};
    s->path = slice_cstr(path_join(d, ret->all.dir, "own.yaml"));
    if (!file_read_all(&d->a, (const char *)s->path.p, &text)) return false;
    s->text = with_moment(d, text, t_ms);
    const struct tree *t = fields_parse(&r, d, s);
    if (!t) return false;
    r.whole = &ret->all;
    fields_map(&r, t, "own.yaml", own_keys, ARRAY_LEN(own_keys), ret);
    look_over_own(&r, ret);
    return fields_close(&r);
}

/* ---- drawing ---- */

/* Adds a question and the run that it asks. */
static void
choose_question(struct lab *l, const struct lab *from, struct slice id, struct slice seed)
{
    const struct lab_question *q = find_question(from, id);
    CHECK(q); /* own.yaml was looked over */
    l->questions[l->questions_n++] = *q;
    struct slice run = q->answer->from.p ? q->answer->from : q->answer->parts[0]->from;
    if (lab_find_run(l, run)) return;
    l->runs[l->runs_n] = *lab_find_run(from, run);
    l->runs[l->runs_n++].seeds = seed;
}

struct lab *
own_questions(struct desk *d, const struct place *p, const struct drill *x)
{
    struct slice id = x->as_lab.id;
    struct own_file o;
    if (!p->student.n || x->kind != DRILL_FUNCTION) return NULL;
    uint64_t dice = own_dice(p->student, arena_format(&d->a, "%.*s asks", SARG(id)));
    if (!own_read(d, p, EARLIEST_MS + 100 * (int64_t)(dice % MOMENTS), &o)) return NULL;
    const struct tree *names = tree_get(o.exercises, id);
    if (!names) return NULL;
    struct lab *l = ARENA_NEW(&d->a, struct lab);
    struct slice seed = arena_format(&d->a, "%llu", (unsigned long long)(1000 + dice / 7 % 90000));
    *l = (struct lab){.id = id, .folder = x->as_lab.folder, .dir = o.all.dir};
    l->title = x->as_lab.title, l->question = x->as_lab.question;
    l->runs = ARENA_ARRAY(&d->a, struct lab_run, OWN_QUESTIONS);
    l->questions = ARENA_ARRAY(&d->a, struct lab_question, OWN_QUESTIONS);
    int32_t first = (int32_t)(dice / 11 % (uint64_t)names->n),
            second = (int32_t)((uint64_t)first + 1 + dice / 13 % (uint64_t)(names->n - 1));
    choose_question(l, &o.all, names->items[first]->text, seed);
    choose_question(l, &o.all, names->items[second % names->n]->text, seed);
    return l;
}

/* ---- grading ---- */

bool
own_grade(struct desk *d, const struct place *p, const struct drill *x, struct slice mine,
          const struct progress *s, struct grades *g)
{
    const struct lab *l = own_questions(d, p, x);
    int64_t before = g->v.n;
    if (!l) return true;
    if (!lab_grade(d, p, l, mine, s, g)) return false;
    for (int64_t i = before; i < g->v.n; i++) {
        struct graded *r = &g->v.v[i];
        if (r->grade != GRADE_SKIPPED) continue;
        r->grade = GRADE_OPEN; /* and what is right is not told to who did not look */
        g->open++;
        r->came = r->look = SLICE_EMPTY;
        r->why = arena_format(&d->a,
                              "It is about a run of your own: gregor lab run %.*s, look, then "
                              "gregor lab predict %.*s",
                              SARG(l->id), SARG(l->id));
    }
    return true;
}

/* ---- course questions: for teachers ---- */

static bool
print_questions(struct desk *d, const struct place *p, const struct drill *x, struct slice room)
{
    const struct lab *l = own_questions(d, p, x);
    struct grades g = {0};
    struct progress nothing = {0};
    if (!l) return true;
    struct slice mine = arena_format(&d->a, "%.*s/%.*s", SARG(room), SARG(l->folder));
    if (!lab_grade(d, p, l, mine, &nothing, &g)) return false;
    printf("%.*s: # seed %.*s\n", SARG(l->id), SARG(l->runs[0].seeds));
    for (int64_t i = 0; i < g.v.n; i++) {
        struct slice came = g.v.v[i].came, slack = S(", give or take");
        int64_t end = 0;
        while (end < came.n && !slice_starts(slice_sub(came, end, came.n), slack)) end++;
        printf("  %.*s: %.*s # %.*s\n", SARG(l->questions[i].id), SARG(slice_sub(came, 0, end)),
               SARG(g.v.v[i].asked));
    }
    return true;
}

int
course_questions(struct desk *d, int argc, char **argv)
{
    struct place p;
    const char *student = NULL, *only = NULL;
    char room[] = "/tmp/gregor-questions-XXXXXX";
    bool is_drill = true, ok = true;
    for (int i = 0; i < argc; i++) {
        bool is_student = strcmp(argv[i], "--student") == 0 && i + 1 < argc;
        if (is_student) student = argv[++i];
        else if (argv[i][0] == '-' || only)
            return usage_error("course", "questions --student ID [B2]");
        else only = argv[i];
    }
    if (!student) return usage_error("course", "questions --student ID: whose?");
    if (!place_find(d, NULL, &p)) return EXIT_USAGE;
    if (p.student.n) {
        fprintf(stderr, "gregor: these labs were handed out; their answers are with who did it\n");
        return EXIT_USAGE;
    }
    p.student = slice_cstr(student);
    struct slice one = only ? place_lab(d, &p, only, &is_drill) : SLICE_NULL;
    if (only && (!one.p || !is_drill)) return EXIT_USAGE;
    if (!mkdtemp(room)) {
        perror("gregor: /tmp");
        return EXIT_USAGE;
    }
    struct folders all = place_drills(d, &p);
    for (int32_t i = 0; ok && i < all.n; i++) {
        const struct drill *x = !only || slice_eq(all.v[i], one) ? drill_read(d, all.v[i]) : NULL;
        ok = !x || print_questions(d, &p, x, slice_cstr(room));
    }
    (void)folder_remove(d, room);
    return ok ? EXIT_PASS : EXIT_FAIL;
}
