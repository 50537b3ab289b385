/* Asks a lab's questions: on a terminal, from standard input line by line, or out of a file of answers. What was said before
 * the first run is the prediction and stays; what is said later is an answer beside it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/lab/lab.h"

#define LINE_BYTES 512

static bool
is_digit_at(struct slice s, int64_t i)
{
    return i >= 0 && i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* The comma of "1,200", as all that we print has it; 1,2 may be meant otherwise, and is refused. */
static bool
parts_thousands(struct slice s, int64_t i)
{
    if (s.p[i] != ',' || !is_digit_at(s, i - 1) || is_digit_at(s, i + 4)) return false;
    return is_digit_at(s, i + 1) && is_digit_at(s, i + 2) && is_digit_at(s, i + 3);
}

/* A unit of time in milliseconds; 0: it is none. */
static double
ms_of_unit(struct slice unit)
{
    static const struct {
        const char *word;
        double ms;
    } units[] = {{"ms", 1},     {"s", 1e3},        {"sec", 1e3},  {"seconds", 1e3}, {"m", 60e3},
                 {"min", 60e3}, {"minutes", 60e3}, {"h", 3600e3}, {"hours", 3600e3}};
    for (int i = 0; i < ARRAY_LEN(units); i++)
        if (slice_eq(unit, slice_cstr(units[i].word))) return units[i].ms;
    return 0;
}

/* It begins as a decimal number does: neither hexadecimal nor nan. */
static bool
begins_as_number(struct slice text)
{
    int64_t sign = text.n && (text.p[0] == '-' || text.p[0] == '+');
    bool is_point = sign < text.n && text.p[sign] == '.';
    return is_digit_at(text, sign + is_point) && !memchr(text.p, 'x', (size_t)text.n);
}

bool
number_read(struct slice text, struct slice unit, double *ret)
{
    char copy[64], *end;
    text = slice_trim(text);
    if (text.n >= (int64_t)sizeof copy || !begins_as_number(text)) return false;
    int64_t n = 0;
    for (int64_t i = 0; i < text.n; i++)
        if (!parts_thousands(text, i)) copy[n++] = (char)text.p[i];
    copy[n] = 0;
    *ret = strtod(copy, &end);
    if (end == copy) return false;
    struct slice rest = slice_trim(slice_cstr(end));
    if (!rest.n || slice_eq(rest, unit)) return true;
    double wanted = ms_of_unit(unit), said = ms_of_unit(rest);
    if (wanted <= 0 || said <= 0) return false;
    *ret *= said / wanted;
    return true;
}

/* Empty, or what is wrong with it. */
static struct slice
fault_of(struct desk *d, const struct lab_question *q, struct slice text)
{
    double number;
    if (!q->choices_n) {
        if (number_read(text, q->unit, &number)) return SLICE_EMPTY;
        return arena_format(&d->a, "\"%.*s\" is no number%s%.*s", SARG(text),
                            q->unit.n ? " of " : "", SARG(q->unit));
    }
    struct words known = {.arena = &d->a};
    for (int32_t i = 0; i < q->choices_n; i++) {
        if (slice_eq_any_case(q->choices[i].word, text)) return SLICE_EMPTY;
        words_add(&known, q->choices[i].word);
    }
    return arena_format(&d->a, "\"%.*s\": %s", SARG(text), words_advice(&known, text));
}

static void
print_question(const struct lab_question *q, int number)
{
    printf("\n%d. %.*s\n", number, SARG(q->ask));
    if (!q->choices_n) {
        printf("   (a number%s%.*s)\n", q->unit.n ? " of " : "", SARG(q->unit));
        return;
    }
    printf("   (");
    for (int32_t i = 0; i < q->choices_n; i++)
        printf("%s%.*s", i ? ", " : "", SARG(q->choices[i].word));
    puts(")");
}

/* False: the input has ended. */
static bool
ask_one(struct desk *d, const struct lab_question *q, int number, struct slice before,
        struct slice *ret)
{
    char line[LINE_BYTES];
    *ret = SLICE_EMPTY;
    print_question(q, number);
    for (;;) {
        printf(before.n ? "   [%.*s] > " : "   %.*s> ", SARG(before));
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) return false;
        struct slice text = slice_trim(slice_cstr(line));
        if (!isatty(STDIN_FILENO)) printf("%.*s\n", SARG(text));
        if (!text.n) return true;
        struct slice wrong = fault_of(d, q, text);
        if (!wrong.n) {
            *ret = arena_dup(&d->a, text);
            return true;
        }
        printf("   %.*s\n", SARG(wrong));
        if (!isatty(STDIN_FILENO)) return true; /* counts as skipped */
    }
}

static int
ask_all(struct desk *d, const struct lab *l, struct progress *s, bool has_run)
{
    int kept = 0;
    puts(has_run ? "What would you say now? (Your predictions stay as they are.) An empty line "
                   "skips a question."
                 : "Before anything runs: what do you expect? A guess is worth more than none; an "
                   "empty line skips a question.");
    for (int32_t i = 0; i < l->questions_n; i++) {
        struct slice text;
        bool more =
            ask_one(d, &l->questions[i], i + 1, progress_said(s, l->questions[i].id), &text);
        if (text.n) said_put(d, s, !has_run, l->questions[i].id, text);
        if (!more) break;
    }
    for (int32_t i = 0; i < l->questions_n; i++) kept += progress_said(s, l->questions[i].id).n > 0;
    printf("\n%d of %d kept. Now: gregor lab %s %.*s\n", kept, (int)l->questions_n,
           has_run ? "check" : "run", SARG(l->id));
    return EXIT_PASS;
}

/* A map of ids to answers; an empty text skips. */
static int
take_file(struct desk *d, const struct lab *l, struct progress *s, const char *path, bool has_run,
          bool quiet)
{
    struct source *source = ARENA_NEW(&d->a, struct source);
    struct words known = {.arena = &d->a};
    struct diags diags;
    int64_t taken = 0;
    diags_init(&diags, &d->a);
    source->path = slice_cstr(path);
    if (!file_read_all(&d->a, path, &source->text)) {
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
        return EXIT_USAGE;
    }
    struct trees all = tree_parse(&d->a, source, &diags);
    const struct tree *t = all.n == 1 && all.v[0]->kind == TREE_MAP ? all.v[0] : NULL;
    struct mark top = {.source = source, .line = 1, .column = 1, .width = 1};
    if (!t && !diags.errors && slice_trim(source->text).n)
        diag_error(&diags, top, "lost: 0", "answers are a map");
    for (int32_t i = 0; i < l->questions_n; i++) words_add(&known, l->questions[i].id);
    for (int32_t i = 0; t && i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        int32_t k = 0;
        while (k < l->questions_n && !slice_eq(l->questions[k].id, p->key)) k++;
        if (k == l->questions_n) {
            diag_error(&diags, p->mark, words_advice(&known, p->key), "there is no question %.*s",
                       SARG(p->key));
        } else if (p->value->kind != TREE_TEXT) {
            diag_error(&diags, p->value->mark, NULL, "an answer is one word or number");
        } else if (p->value->text.n) {
            struct slice wrong = fault_of(d, &l->questions[k], p->value->text);
            if (wrong.n) diag_error(&diags, p->value->mark, NULL, "%.*s", SARG(wrong));
            else said_put(d, s, !has_run, p->key, p->value->text), taken++;
        }
    }
    struct writer w = writer_mem(&d->mem);
    diags_print(&diags, &w);
    fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    if (diags.errors) return EXIT_USAGE;
    if (!quiet) printf("%lld of %d answers kept\n", (long long)taken, (int)l->questions_n);
    return EXIT_PASS;
}

int
lab_predict(struct desk *d, const struct lab *l, struct slice mine, struct progress *s,
            const char *answers, bool has_run, bool quiet)
{
    int rc = answers ? take_file(d, l, s, answers, has_run, quiet) : ask_all(d, l, s, has_run);
    if (rc == EXIT_PASS && s->state < LAB_STARTED) s->state = LAB_STARTED;
    if (rc == EXIT_PASS && !progress_write(d, mine, l, s)) rc = EXIT_USAGE;
    return rc;
}
