/* The run in numbered sentences: what a reader gets who sees no picture, and what explains one. */
#include "broker/base/check.h"
#include "visualize/facts.h"
#include "visualize/words.h"

#define COLUMNS 100
#define TIME_COLUMNS 9 /* "-1000.123 s" is wider, and pushes its line */

/* Breaks at blanks; lines after the first begin at `indent`. */
static void
wrapped(struct writer *w, struct slice text, int64_t column, int64_t indent)
{
    for (int64_t at = 0; at < text.n;) {
        int64_t space = slice_find(text, ' ', at);
        if (space < 0) space = text.n;
        if (at && column + 1 + space - at > COLUMNS) {
            fmt_char(w, '\n');
            for (int64_t i = 0; i < indent; i++) fmt_char(w, ' ');
            column = indent;
        } else if (at) {
            fmt_char(w, ' ');
            column++;
        }
        fmt_slice(w, slice_sub(text, at, space - at));
        column += space - at;
        at = space + 1;
    }
    fmt_char(w, '\n');
}

static void
padded(struct writer *w, int64_t n, int width)
{
    for (int64_t limit = 10; width > 1; width--, limit *= 10)
        if (n < limit) {
            for (int i = 1; i < width; i++) fmt_char(w, ' ');
            break;
        }
    fmt_i64(w, n);
}

static void
actor_names(struct writer *w, const struct run *r, enum actor_kind kind, const char *noun)
{
    int64_t n = 0, at = 0;
    for (int64_t i = 0; i < r->actors.n; i++) n += r->actors.v[i].kind == kind;
    if (!n) return;
    fmt_str(w, ", ");
    words_counted(w, n, noun);
    fmt_str(w, " (");
    for (int64_t i = 0; i < r->actors.n; i++) {
        if (r->actors.v[i].kind != kind) continue;
        if (at++) fmt_char(w, ' ');
        fmt_slice(w, r->actors.v[i].name);
    }
    fmt_char(w, ')');
}

static void
heading(struct writer *w, const struct run *r)
{
    struct writer line = writer_mem(r->mem);
    fmt_slice(&line, r->name.n ? r->name : S("run"));
    fmt_str(&line, ": seed ");
    fmt_u64(&line, r->seed);
    actor_names(&line, r, ACTOR_BROKER, "broker");
    actor_names(&line, r, ACTOR_CONTROLLER, "controller");
    actor_names(&line, r, ACTOR_CLIENT, "client");
    fmt_str(&line, ", ");
    words_duration(&line, r->end_ns - r->start_ns);
    fmt_str(&line, " of cluster life");
    wrapped(w, writer_slice(&line), 0, 0);
    if (r->about.n) wrapped(w, r->about, 0, 0);
    if (r->start_ns < 0)
        fmt_str(w, "Times count from when the topics are there and the clients start.\n");
    fmt_char(w, '\n');
    writer_release(&line);
}

static void
sentence(struct writer *w, const struct fact *f, struct mem *mem)
{
    struct writer line = writer_mem(mem);
    padded(w, f->number, 3);
    fmt_str(w, "  ");
    int64_t at = w->n;
    char room[32];
    struct writer time = writer_fixed(room, sizeof room);
    words_time(&time, f->at_ns);
    for (int64_t i = time.n; i < TIME_COLUMNS; i++) fmt_char(w, ' ');
    fmt_slice(w, writer_slice(&time));
    fmt_str(w, "  ");
    int64_t indent = 5 + w->n - at;
    wrapped(w, f->text, indent, indent);
    for (int32_t i = 0; i < f->chain.n; i++) {
        line.n = 0;
        cause_words(&f->chain.v[i], &line);
        for (int64_t k = 0; k < indent; k++) fmt_char(w, ' ');
        fmt_str(w, "- ");
        wrapped(w, writer_slice(&line), indent + 2, indent + 2);
    }
    writer_release(&line);
}

bool
visualize_story(struct mem *mem, struct trace_reader *reader, const struct view_options *o,
                struct writer *ret_text)
{
    struct run r;
    struct facts f;
    run_load(&r, mem, reader, RUN_FOREVER);
    int32_t p =
        o && o->partition.p ? run_partition_named(&r, o->partition) : run_main_partition(&r);
    facts_make(&f, &r, p);
    heading(ret_text, &r);
    for (int64_t i = 0; i < f.v.n; i++) sentence(ret_text, &f.v.v[i], mem);
    bool ok = !r.is_damaged;
    facts_release(&f);
    run_release(&r);
    return ok;
}
