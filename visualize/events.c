/* What happened in a run, one by one, for a page: messages with their fates and bytes, and what machines noted. */
#include "broker/base/check.h"
#include "broker/base/search.h"
#include "sim/trace/reader.h"
#include "visualize/load.h"
#include "visualize/page.h"

/* Of all messages together: more, and a browser takes long to open the page. */
#define BYTES_MAX (48 << 20)

static struct sent *
sent_find(struct events *e, int64_t id)
{
    /* Ids ascend. */
    LOWER_BOUND(at, e->sent.n, i, e->sent.v[i].id < id);
    return at < e->sent.n && e->sent.v[at].id == id ? &e->sent.v[at] : NULL;
}

static void
event_sent(struct events *e, const struct trace_record *t)
{
    struct sent s = {.id = t->n[0],
                     .at_ns = t->at_ns,
                     .end_ns = RUN_FOREVER,
                     .from = t->machine,
                     .to = t->other,
                     .conn = t->n[2],
                     .api = (int16_t)t->n[4],
                     .version = (int16_t)t->n[5],
                     .correlation = t->n[6],
                     .bytes = t->n[7]};
    if (t->n[3]) s.flags |= MESSAGE_IS_ANSWER;
    if (message_is_control(s.api)) s.flags |= MESSAGE_IS_CONTROL;
    VEC_PUSH(e->mem, &e->sent, s);
}

static void
event_frame(struct events *e, const struct trace_record *t)
{
    if (t->what == FATE_SENT) {
        event_sent(e, t);
        return;
    }
    struct sent *s = sent_find(e, t->n[0]);
    if (!s) return;
    if (t->what == FATE_HELD || t->what == FATE_RELEASED) s->flags |= MESSAGE_WAS_HELD;
    if (t->what != FATE_DELIVERED && t->what != FATE_DROPPED) return;
    s->end_ns = t->at_ns;
    s->flags |= t->what == FATE_DELIVERED ? MESSAGE_IS_DELIVERED : MESSAGE_IS_LOST;
    if (t->at_ns - s->at_ns > MESSAGE_LATE_NS) s->flags |= MESSAGE_IS_LATE;
}

static void
event_bytes(struct events *e, const struct trace_record *t)
{
    struct sent *s = sent_find(e, t->n[0]);
    e->has_bytes = true;
    if (!s) return;
    if (e->bytes.n + t->a.n > BYTES_MAX) {
        e->bytes_are_cut = true;
        return;
    }
    s->kept_at = e->bytes.n;
    s->kept_n = t->a.n;
    s->length = t->n[1];
    writer_bytes(&e->bytes, t->a);
}

static void
event_noted(struct events *e, const struct trace_record *t)
{
    struct noted n = {.at_ns = t->at_ns,
                      .actor = t->machine,
                      .what = t->what,
                      .kind = (uint8_t)t->kind,
                      .a = strings_number(&e->strings, t->a),
                      .b = strings_number(&e->strings, t->kind == TRACE_SAID ? t->c : t->b)};
    memcpy(n.n, t->n, sizeof n.n);
    VEC_PUSH(e->mem, &e->noted, n);
}

/* What is said at the end, of calls and of the verdict, is told elsewhere. */
static bool
is_event(const struct trace_record *t)
{
    switch (t->kind) {
    case TRACE_LIFE:
    case TRACE_NOTE:
    case TRACE_DISK:
    case TRACE_FAULT: return true;
    case TRACE_SAID:
        return slice_eq(t->a, S("fault")) || slice_eq(t->a, S("told")) ||
               slice_eq(t->a, S("healed")) || slice_eq(t->a, S("trial"));
    default: return false;
    }
}

/* What waited for long and never came to an end is as good as lost. */
static void
events_end(struct events *e, const struct run *r)
{
    for (int64_t i = 0; i < e->sent.n; i++) {
        struct sent *s = &e->sent.v[i];
        if (s->end_ns == RUN_FOREVER && r->end_ns - s->at_ns >= MESSAGE_LATE_NS)
            s->flags |= MESSAGE_IS_LOST;
    }
}

void
events_load(struct events *e, struct mem *mem, struct trace_reader *reader, const struct run *r)
{
    struct trace_record t;
    *e = (struct events){.mem = mem, .bytes = writer_mem(mem)};
    strings_init(&e->strings, mem);
    trace_rewind(reader);
    while (trace_next(reader, &t)) {
        t.at_ns += r->start_ns;
        bool knows = t.machine >= 0 && t.machine < r->actors.n;
        if (t.kind == TRACE_FRAME && knows && t.other >= 0 && t.other < r->actors.n)
            event_frame(e, &t);
        else if (t.kind == TRACE_FRAME_BYTES) event_bytes(e, &t);
        else if (is_event(&t)) event_noted(e, &t);
    }
    events_end(e, r);
}

void
events_release(struct events *e)
{
    VEC_RELEASE(e->mem, &e->sent);
    VEC_RELEASE(e->mem, &e->noted);
    writer_release(&e->bytes);
    strings_release(&e->strings);
}

/* ---- columns ---- */

#define COLUMN(kind, of, name, value) \
    do { \
        struct column c_ = column_new(e->mem, kind); \
        for (int64_t i = 0; i < e->of.n; i++) { \
            const __typeof__(*e->of.v) *v = &e->of.v[i]; \
            column_put(&c_, value); \
        } \
        column_end(&c_, data, name); \
    } while (0)

/* How long it was on its way; -1: it never came to an end. */
static int64_t
way_ns(const struct sent *s)
{
    return s->end_ns == RUN_FOREVER ? -1 : s->end_ns - s->at_ns;
}

void
events_columns(const struct events *e, struct writer *data)
{
    COLUMN(COLUMN_STEPS, sent, "m.at", v->at_ns);
    COLUMN(COLUMN_NUMBERS, sent, "m.way", way_ns(v));
    COLUMN(COLUMN_NUMBERS, sent, "m.from", v->from);
    COLUMN(COLUMN_NUMBERS, sent, "m.to", v->to);
    COLUMN(COLUMN_NUMBERS, sent, "m.api", v->api);
    COLUMN(COLUMN_BYTES, sent, "m.flags", v->flags);
}

void
events_further_columns(struct events *e, struct writer *data)
{
    static const char *const numbers[] = {"e.n0", "e.n1", "e.n2", "e.n3", "e.n4", "e.n5"};
    COLUMN(COLUMN_NUMBERS, sent, "m.version", v->version);
    COLUMN(COLUMN_NUMBERS, sent, "m.conn", v->conn);
    COLUMN(COLUMN_NUMBERS, sent, "m.correlation", v->correlation);
    COLUMN(COLUMN_NUMBERS, sent, "m.bytes", v->bytes);
    COLUMN(COLUMN_STEPS, sent, "m.kept_at", v->kept_at);
    COLUMN(COLUMN_NUMBERS, sent, "m.kept_n", v->kept_n);
    COLUMN(COLUMN_NUMBERS, sent, "m.length", v->length);
    COLUMN(COLUMN_STEPS, noted, "e.at", v->at_ns);
    COLUMN(COLUMN_NUMBERS, noted, "e.actor", v->actor);
    COLUMN(COLUMN_BYTES, noted, "e.kind", v->kind);
    COLUMN(COLUMN_NUMBERS, noted, "e.what", v->what);
    COLUMN(COLUMN_NUMBERS, noted, "e.a", v->a);
    COLUMN(COLUMN_NUMBERS, noted, "e.b", v->b);
    for (int k = 0; k < ARRAY_LEN(numbers); k++) COLUMN(COLUMN_NUMBERS, noted, numbers[k], v->n[k]);
    strings_end(&e->strings, data, "texts");
}
