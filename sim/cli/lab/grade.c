/* gregor course grade: what several students have done, each in a folder like my-labs. */
#include <stdio.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"

enum report { REPORT_TEXT, REPORT_JSON, REPORT_JUNIT, REPORT_GRADESCOPE };

struct marking {
    struct desk *d;
    struct place p;
    enum report report;
    struct writer w;
    int64_t students, all_done, rows_n;
    bool are_ids; /* a folder's name is its student's id: seeds and cases are drawn from it */
    bool broken;  /* something of ours did not work */
};

/* ---- JUnit ---- */

static void
xml_text(struct writer *w, struct slice text)
{
    for (int64_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == '<') fmt_str(w, "&lt;");
        else if (c == '>') fmt_str(w, "&gt;");
        else if (c == '&') fmt_str(w, "&amp;");
        else if (c == '"') fmt_str(w, "&quot;");
        else if (c >= ' ' || c == '\n') fmt_char(w, (char)c);
    }
}

static void
junit_row(struct marking *k, const struct lab *l, const struct graded *r)
{
    struct writer *w = &k->w;
    fmt_str(w, "  <testcase classname=\""), xml_text(w, l->folder), fmt_str(w, "\" name=\""),
        xml_text(w, r->asked), fmt_str(w, "\">");
    if (r->grade == GRADE_WRONG || r->grade == GRADE_OPEN) {
        fmt_str(w, "<failure message=\""), xml_text(w, r->came.n ? r->came : r->why),
            fmt_str(w, "\">");
        xml_text(w, r->why), fmt_str(w, "</failure>");
    }
    if (r->grade == GRADE_SKIPPED) fmt_str(w, "<skipped/>");
    fmt_str(w, "</testcase>\n");
}

/* ---- Gradescope ---- */

/* Each row is a test of one point. What was skipped is no test. */
static void
gradescope_row(struct marking *k, const struct lab *l, const struct graded *r)
{
    struct writer *w = &k->w;
    bool ok = r->grade == GRADE_OK;
    if (r->grade == GRADE_SKIPPED) return;
    fmt_str(w, k->rows_n++ ? ",\n {\"name\":" : " {\"name\":");
    fmt_json(w, arena_format(&k->d->a, "%.*s: %.*s", SARG(l->folder), SARG(r->asked)));
    fmt_str(w, ok ? ",\"score\":1,\"max_score\":1,\"status\":\"passed\",\"output\":"
                  : ",\"score\":0,\"max_score\":1,\"status\":\"failed\",\"output\":");
    fmt_json(w, arena_format(&k->d->a, "%.*s%s%.*s", SARG(r->came), r->came.n ? "\n" : "",
                             SARG(r->why)));
    fmt_char(w, '}');
}

/* ---- one student, one lab ---- */

static bool
grade_one(struct marking *k, const struct lab *l, const struct drill *x, struct slice mine,
          struct grades *g)
{
    struct progress s;
    progress_read(k->d, mine, &s);
    if (!x) return lab_grade(k->d, &k->p, l, mine, &s, g);
    return drill_grade(k->d, &k->p, x, mine, false, g) && own_grade(k->d, &k->p, x, mine, &s, g);
}

static void
mark_lab(struct marking *k, struct slice dir, bool is_drill, struct slice student,
         int64_t *ret_labs, int64_t *ret_done)
{
    struct drill *x = is_drill ? drill_read(k->d, dir) : NULL;
    struct lab *l = is_drill ? (x ? &x->as_lab : NULL) : lab_read(k->d, dir);
    struct grades g = {0};
    struct progress s;
    if (!l) {
        k->broken = true;
        return;
    }
    struct slice mine = arena_format(&k->d->a, "%.*s/%.*s", SARG(student), SARG(l->folder));
    if (!path_exists((const char *)mine.p)) return;
    if (!grade_one(k, l, x, mine, &g)) {
        fprintf(stderr, "gregor: %.*s could not be graded\n", SARG(mine));
        k->broken = true;
        return;
    }
    progress_read(k->d, mine, &s);
    bool done = !g.wrong && !g.open;
    int64_t ok = 0;
    for (int64_t i = 0; i < g.v.n; i++) ok += g.v.v[i].grade == GRADE_OK;
    if (k->report == REPORT_JUNIT)
        for (int64_t i = 0; i < g.v.n; i++) junit_row(k, l, &g.v.v[i]);
    if (k->report == REPORT_GRADESCOPE)
        for (int64_t i = 0; i < g.v.n; i++) gradescope_row(k, l, &g.v.v[i]);
    if (k->report == REPORT_JSON) {
        struct writer one = writer_mem(&k->d->mem);
        grades_json(k->d, l, &g, &one);
        if (*ret_labs) fmt_str(&k->w, ",\n  ");
        fmt_slice(&k->w, arena_format(&k->d->a, "{\"done\":%s,\"hints\":%lld,\"check\":",
                                      done ? "true" : "false", (long long)s.hints));
        fmt_slice(&k->w, slice_trim(writer_slice(&one))), fmt_char(&k->w, '}');
        writer_release(&one);
    }
    if (k->report == REPORT_TEXT)
        printf("  %-8s %-24.*s %lld of %lld hold, %lld hints\n", done ? "done" : "not yet",
               SARG(l->folder), (long long)ok, (long long)g.v.n, (long long)s.hints);
    ++*ret_labs;
    *ret_done += done;
}

static void
mark_student(struct marking *k, const char *folder)
{
    struct slice student = slice_cstr(folder);
    struct folders labs = place_labs(k->d, &k->p), drills = place_drills(k->d, &k->p);
    int64_t n = 0, done = 0;
    if (k->are_ids) k->p.student = path_last(student);
    if (k->report == REPORT_TEXT) printf("%s\n", folder);
    if (k->report == REPORT_JUNIT)
        fmt_str(&k->w, " <testsuite name=\""), xml_text(&k->w, student), fmt_str(&k->w, "\">\n");
    if (k->report == REPORT_JSON) {
        fmt_str(&k->w, k->students ? ",\n {\"student\":" : " {\"student\":"),
            fmt_json(&k->w, student);
        fmt_str(&k->w, ",\"labs\":[\n  ");
    }
    for (int32_t i = 0; i < labs.n; i++) mark_lab(k, labs.v[i], false, student, &n, &done);
    for (int32_t i = 0; i < drills.n; i++) mark_lab(k, drills.v[i], true, student, &n, &done);
    if (k->report == REPORT_TEXT)
        printf("  %lld of %lld begun labs are done\n\n", (long long)done, (long long)n);
    if (k->report == REPORT_JUNIT) fmt_str(&k->w, " </testsuite>\n");
    if (k->report == REPORT_JSON)
        fmt_slice(&k->w, arena_format(&k->d->a, "\n ],\"begun\":%lld,\"done\":%lld}", (long long)n,
                                      (long long)done));
    k->students++;
    k->all_done += n > 0 && done == n;
}

int
course_grade(struct desk *d, int argc, char **argv)
{
    struct marking k = {.d = d, .w = writer_mem(&d->mem)};
    int folders_n = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) k.report = REPORT_JSON;
        else if (strcmp(argv[i], "--junit") == 0) k.report = REPORT_JUNIT;
        else if (strcmp(argv[i], "--gradescope") == 0) k.report = REPORT_GRADESCOPE;
        else if (strcmp(argv[i], "--by-id") == 0) k.are_ids = true;
        else if (argv[i][0] == '-')
            return usage_error(
                "course", "grade FOLDER… [--by-id] [--json|--junit|--gradescope]: there is no %s",
                argv[i]);
        else if (!path_exists(argv[i])) return usage_error("course", "%s is not there", argv[i]);
        else folders_n++;
    }
    if (!folders_n) return usage_error("course", "grade FOLDER…: which students' folders?");
    if (k.report == REPORT_GRADESCOPE && folders_n > 1)
        return usage_error("course",
                           "grade --gradescope: it wants a file for each student, so one folder");
    if (!place_find(d, NULL, &k.p)) return EXIT_USAGE;
    if (k.report == REPORT_GRADESCOPE) fmt_str(&k.w, "{\"tests\":[\n");
    if (k.report == REPORT_JUNIT)
        fmt_str(&k.w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    if (k.report == REPORT_JSON) fmt_str(&k.w, "{\"schema\":1,\"students\":[\n");
    for (int i = 0; i < argc; i++)
        if (argv[i][0] != '-') mark_student(&k, argv[i]);
    if (k.report == REPORT_JUNIT) fmt_str(&k.w, "</testsuites>\n");
    if (k.report == REPORT_JSON) fmt_str(&k.w, "\n]}\n");
    if (k.report == REPORT_GRADESCOPE) fmt_str(&k.w, "\n]}\n");
    fwrite(k.w.p ? k.w.p : (const uint8_t *)"", 1, (size_t)k.w.n, stdout);
    writer_release(&k.w);
    return k.broken ? EXIT_USAGE : k.all_done == k.students ? EXIT_PASS : EXIT_FAIL;
}
