/* A history as JSON, a line for each operation: what a checker in any language reads. labs/exercises/B15-checker/README.md has the
 * format. */
#include <errno.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/check/history_file.h"
#include "sim/cli/lab/drill.h"

static void
say_mistake(void *ctx, const struct history_error *e)
{
    fprintf(stderr, "%s:%lld: %s\n", (const char *)ctx, (long long)e->line, e->what);
}

static void
json_key(struct writer *w, const char *name)
{
    if (w->n && w->p[w->n - 1] != '{') fmt_char(w, ',');
    fmt_json(w, slice_cstr(name));
    fmt_char(w, ':');
}

static void
json_word(struct desk *d, struct writer *w, const char *name, struct slice text)
{
    (void)d;
    json_key(w, name);
    fmt_json(w, text);
}

/* Seconds, with nine digits behind the point. */
static void
json_time(struct desk *d, struct writer *w, const char *name, int64_t ns)
{
    json_key(w, name);
    if (ns < 0) fmt_str(w, "null");
    else
        fmt_slice(w, arena_format(&d->a, "%lld.%09lld", (long long)(ns / 1000000000),
                                  (long long)(ns % 1000000000)));
}

static struct slice
value_text(struct desk *d, const struct history *h, uint64_t value)
{
    struct writer w = writer_mem(&d->mem);
    history_value_print(h, value, &w);
    struct slice text = arena_dup(&d->a, writer_slice(&w));
    writer_release(&w);
    return text;
}

static void
json_of_reads(struct desk *d, struct writer *w, const struct history *h,
              const struct history_op *op)
{
    const struct history_read *r = history_reads(h, op);
    json_key(w, "records");
    fmt_char(w, '[');
    for (int32_t i = 0; i < op->reads_n; i++) {
        if (i) fmt_char(w, ',');
        fmt_slice(w, arena_format(&d->a, "{\"offset\":%lld,\"value\":", (long long)r[i].offset));
        fmt_json(w, value_text(d, h, r[i].value));
        fmt_char(w, '}');
    }
    fmt_char(w, ']');
}

static void
json_op(struct desk *d, struct writer *w, const struct history *h, const struct history_op *op)
{
    fmt_char(w, '{');
    json_time(d, w, "at", op->invoke_ns);
    json_time(d, w, "ended", op->complete_ns);
    json_word(d, w, "what", slice_cstr(history_kind_name(op->kind)));
    if (op->process >= 0) json_word(d, w, "process", history_process_name(h, op->process));
    if (op->topic >= 0) json_word(d, w, "topic", history_topic_name(h, op->topic));
    if (op->partition >= 0) json_key(w, "partition"), fmt_i64(w, op->partition);
    if (op->value) json_word(d, w, "value", value_text(d, h, op->value));
    if (history_has_outcome(op->kind))
        json_word(d, w, "outcome",
                  op->outcome == HISTORY_OPEN ? S("info")
                                              : slice_cstr(history_outcome_name(op->outcome)));
    if (op->offset >= 0) json_key(w, "offset"), fmt_i64(w, op->offset);
    if (op->reads_n) json_of_reads(d, w, h, op);
    if (op->is_final) json_key(w, "final"), fmt_str(w, "true");
    fmt_str(w, "}\n");
}

bool
history_json(struct desk *d, const char *path, struct writer *w)
{
    struct history_file *f = ARENA_NEW(&d->a, struct history_file);
    struct slice text;
    if (!file_read_all(&d->a, path, &text)) {
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
        return false;
    }
    history_file_init(f, &d->mem);
    void *where = NULL;
    memcpy(&where, &path, sizeof path); /* only read */
    bool ok = history_file_read(f, text, say_mistake, where) == 0;
    for (int64_t i = 0; ok && i < f->history.ops.n; i++)
        json_op(d, w, &f->history, &f->history.ops.v[i]);
    history_file_release(f);
    return ok;
}

int
course_history(struct desk *d, int argc, char **argv)
{
    if (argc != 1) return usage_error("course", "history FILE, or the folder of a run");
    struct writer w = writer_mem(&d->mem);
    const char *in_run = path_join(d, slice_cstr(argv[0]), "history.txt");
    bool ok = history_json(d, path_exists(in_run) ? in_run : argv[0], &w);
    if (ok) fwrite(w.p, 1, (size_t)w.n, stdout);
    writer_release(&w);
    return ok ? EXIT_PASS : EXIT_USAGE;
}
