/* Telling observers and the trace what happened. */
#include "broker/base/fmt.h"
#include "sim/trace/writer.h"
#include "sim/world/fault.h"
#include "sim/world/internal.h"

void
world_observe(struct world *w, const struct world_observer *o)
{
    VEC_PUSH(&w->mem, &w->observers, *o);
    w->wants_frames |= o->frame || o->frame_bytes;
    w->wants_frame_bytes |= o->frame_bytes != NULL;
    w->wants_disk |= o->disk != NULL;
}

#define TELL(w, member, ...) \
    for (int64_t i_ = 0; i_ < (w)->observers.n; i_++) \
        if ((w)->observers.v[i_].member) \
    (w)->observers.v[i_].member((w)->observers.v[i_].ctx, __VA_ARGS__)

/* ---- machines and their steps ---- */

void
watch_machine(struct mach *m)
{
    if (!m->w->trace) return;
    trace_write(m->w->trace, &(struct trace_record){.kind = TRACE_MACHINE,
                                                    .at_ns = m->w->now_ns,
                                                    .machine = m->m.index,
                                                    .a = m->m.name,
                                                    .b = m->m.host->name,
                                                    .c = m->m.kind});
}

static void
trace_event(struct mach *m, const struct event *ev, uint64_t ordinal, bool is_start)
{
    struct world *w = m->w;
    struct trace_record r = {.kind = TRACE_EVENT,
                             .at_ns = w->now_ns,
                             .machine = m->m.index,
                             .what = ev       ? (int32_t)ev->kind
                                   : is_start ? TRACE_STARTED
                                              : TRACE_POKED,
                             .hash = w->hash.h,
                             .n = {(int64_t)ordinal, ev ? (int64_t)ev->err : 0, ev ? ev->n : 0}};
    trace_write(w->trace, &r);
}

static void
trace_note(struct mach *m, const struct note *note)
{
    struct trace_record r = {.kind = TRACE_NOTE,
                             .at_ns = m->w->now_ns,
                             .machine = m->m.index,
                             .what = (int32_t)note->kind,
                             .a = note->subject,
                             .b = note->text};
    memcpy(r.n, note->v, sizeof note->v);
    trace_write(m->w->trace, &r);
}

void
watch_event(struct mach *m, const struct event *ev, uint64_t ordinal, bool is_start, bool is_poke)
{
    struct world *w = m->w;
    struct env *env = &m->m.env;
    if (w->trace) trace_event(m, ev, ordinal, is_start);
    for (int64_t i = 0; w->trace && i < env->notes.n; i++) trace_note(m, env->notes.v[i]);
    struct world_event e = {.ordinal = w->stats.events,
                            .at_ns = w->now_ns,
                            .machine = &m->m,
                            .kind = ev ? ev->kind : EV_TIMER,
                            .is_start = is_start,
                            .is_poke = is_poke,
                            .notes = env->notes.v,
                            .notes_n = (int32_t)env->notes.n};
    TELL(w, event, &e);
}

void
watch_life(struct mach *m, enum life what, struct slice text)
{
    struct world *w = m->w;
    if (w->trace)
        trace_write(w->trace, &(struct trace_record){.kind = TRACE_LIFE,
                                                     .at_ns = w->now_ns,
                                                     .machine = m->m.index,
                                                     .what = (int32_t)what,
                                                     .n = {m->m.incarnation},
                                                     .a = text});
    TELL(w, life, &m->m, what, text);
}

/* ---- frames, disks, faults ---- */

void
watch_frame(struct world *w, const struct world_frame *f, enum frame_fate fate)
{
    if (w->trace) {
        struct trace_record r = {.kind = TRACE_FRAME,
                                 .at_ns = w->now_ns,
                                 .machine = f->from->index,
                                 .other = f->to->index,
                                 .what = (int32_t)fate,
                                 .n = {f->id}};
        if (fate == FRAME_SENT) {
            const int64_t more[] = {f->id,  f->port,    (int64_t)f->conn, f->is_answer,
                                    f->api, f->version, f->correlation,   f->bytes};
            memcpy(r.n, more, sizeof more);
        }
        trace_write(w->trace, &r);
    }
    if (w->wants_frames) TELL(w, frame, f, fate);
}

void
watch_frame_bytes(struct world *w, const struct world_frame *f, struct slice bytes)
{
    if (w->trace && trace_wants_bytes(w->trace))
        trace_write(w->trace, &(struct trace_record){.kind = TRACE_FRAME_BYTES,
                                                     .at_ns = w->now_ns,
                                                     .machine = f->from->index,
                                                     .n = {f->id, bytes.n},
                                                     .a = bytes});
    TELL(w, frame_bytes, f, bytes);
}

void
watch_disk(struct world *w, const struct world_disk_op *op)
{
    /* Reads and writes are many: they are told where the bytes of messages are, too. */
    if (w->trace &&
        (op->err || op->kind == OP_SYNC || op->kind == OP_SYNC_DIR || trace_wants_bytes(w->trace)))
        trace_write(w->trace, &(struct trace_record){.kind = TRACE_DISK,
                                                     .at_ns = w->now_ns,
                                                     .machine = op->machine->index,
                                                     .what = (int32_t)op->kind,
                                                     .n = {op->ordinal, op->offset, op->n, op->err},
                                                     .a = op->path});
    TELL(w, disk, op);
}

void
watch_harm(struct machine *m)
{
    TELL(m->world, harm, m);
}

void
watch_fault(struct world *w, struct slice verb, struct slice what)
{
    if (w->trace)
        trace_write(
            w->trace,
            &(struct trace_record){
                .kind = TRACE_FAULT, .at_ns = w->now_ns, .machine = -1, .a = verb, .b = what});
    TELL(w, fault, verb, what);
}

void
watch_met(struct world *w, const struct world_frame *f, struct slice how)
{
    TELL(w, met, f, how);
}

void
fmt_machines(struct writer *w, struct machines ms)
{
    for (int32_t i = 0; i < ms.n; i++) {
        if (i) fmt_char(w, ' ');
        fmt_slice(w, ms.v[i]->name);
    }
}

/* ---- the trace ---- */

void
world_trace(struct world *w, struct trace_writer *t)
{
    w->trace = t;
    if (!t) return;
    w->wants_frame_bytes |= trace_wants_bytes(t);
    trace_write(t, &(struct trace_record){.kind = TRACE_RUN,
                                          .at_ns = w->now_ns,
                                          .machine = -1,
                                          .n = {(int64_t)w->seed, w->options.wall_ms},
                                          .a = w->options.name});
    for (int64_t i = 0; i < w->machines.n; i++) watch_machine(w->machines.v[i]);
}

bool
world_is_tracing(const struct world *w)
{
    return w->trace && trace_is_busy(w->trace);
}

void
world_say(struct world *w, struct slice area, struct slice subject, struct slice text,
          struct machine *about, const int64_t *v, int32_t n)
{
    if (!w->trace) return;
    struct trace_record r = {.kind = TRACE_SAID,
                             .at_ns = w->now_ns,
                             .machine = about ? about->index : -1,
                             .a = area,
                             .b = subject,
                             .c = text};
    if (n) memcpy(r.n, v, (size_t)MIN(n, TRACE_NUMBERS) * sizeof *v);
    trace_write(w->trace, &r);
}
