/* The invariants at work in a world: one observer that hears every step. */
#include "apis.h"
#include "sim/check/disk_log.h"
#include "sim/check/invariants_own.h"

/* A disk that rots between an orderly end and here says less than it did then: the node, which has no reason to look, goes
 * on with what it had. */
static void
reread(struct invariants *v, struct machine *m, struct slice subject)
{
    struct found_log found = {0};
    struct node_log *l = model_bound(&v->model, m->index, subject);
    if (!l || !l->hurt) return;
    if (!l->by_power && model_node(&v->model, m->index)->is_spoilt) return;
    disk_log_read(v->mem, m, subject, l->key->is_compacted, log_gaps_below(l), &found);
    invariants_found(v, m->index, subject, found.v.v, found.v.n);
    VEC_RELEASE(v->mem, &found.v);
}

/* Decisions are taken from the log of the quorum, not from notes. */
static bool
is_of_decision(enum note_kind kind)
{
    switch (kind) {
    case NOTE_PARTITION_CHANGE:
    case NOTE_BROKER_REGISTERED:
    case NOTE_BROKER_FENCED:
    case NOTE_BROKER_UNFENCED:
    case NOTE_TOPIC_DELETED: return true;
    default: return false;
    }
}

static void
on_event(void *ctx, const struct world_event *e)
{
    struct invariants *v = ctx;
    if (!model_node(&v->model, e->machine->index)) return;
    for (int32_t i = 0; i < e->notes_n; i++) {
        if (e->notes[i]->kind == NOTE_LOG_RECOVERED) reread(v, e->machine, e->notes[i]->subject);
        if (!is_of_decision(e->notes[i]->kind))
            invariants_note(v, e->at_ns, e->machine->index, e->notes[i]);
    }
    wire_judge(v, e->at_ns, e->machine->index);
    offsets_judge(v, e->machine->index);
    cluster_judge(v, e->at_ns, e->machine->index);
    leaders_judge(v, e->at_ns, e->machine->index);
    standing_judge(v, e->at_ns, e->machine->index);
    answered_judge(v, e->at_ns, e->machine->index);
    ends_judge(v, e->at_ns, e->machine->index);
    descriptions_judge(v, e->machine->index);
    beats_judge(v, e->at_ns, e->machine->index);
}

static void
on_disk(void *ctx, const struct world_disk_op *op)
{
    if (op->err) return;
    if (op->kind == OP_SYNC) {
        invariants_file_synced(ctx, op->at_ns, op->machine->index, op->path);
        beside_synced(ctx, op->at_ns, op->machine->index, op->path);
    }
    if (op->kind == OP_RENAME) {
        beside_renamed(ctx, op->at_ns, op->machine->index, op->path);
        checkpoint_renamed(ctx, op->at_ns, op->machine->index, op->path);
        invariants_renamed(ctx, op->at_ns, op->machine->index, op->path);
        names_removed(ctx, op->at_ns, op->machine->index, op->path);
        names_cleaned(ctx, op->at_ns, op->machine->index, op->path);
    }
    if (op->kind == OP_OPEN) names_opened(ctx, op->at_ns, op->machine->index, op->path);
}

static bool
has_controllers(struct world *w)
{
    for (int32_t i = 0; i < world_machines_n(w); i++)
        if (model_id_of(world_machine_at(w, i)->name) >= 100) return true;
    return false;
}

/* Machines may be added after the invariants began to watch: they are looked for as they start. */
static void
know_all(struct invariants *v)
{
    bool separate = has_controllers(v->world);
    for (int32_t i = 0; i < world_machines_n(v->world); i++) {
        struct machine *m = world_machine_at(v->world, i);
        int32_t id = model_id_of(m->name);
        struct model_node *n = model_node(&v->model, i);
        if (id < 0) continue;
        bool is_voter = separate ? id >= 100 : id < 100 && (!v->combined || id <= v->combined);
        if (n) n->is_voter = is_voter;
        else model_set_node(&v->model, i, m->name, id, is_voter);
    }
}

static void
on_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct invariants *v = ctx;
    if (what == LIFE_START) know_all(v);
    /* Who ends itself for a reason has died; who ends in order keeps its word. */
    if (what == LIFE_FATAL && text.n) what = LIFE_CRASH;
    invariants_life(v, world_now_ns(v->world), m->index, what);
}

/* "b1", "b1 orders-0 3" */
static struct machine *
machine_named_in(struct world *w, struct slice what)
{
    int64_t end = slice_find(what, ' ', 0);
    return world_machine(w, end < 0 ? what : slice_sub(what, 0, end));
}

static bool
is_damage(struct slice verb)
{
    static const char *const all[] = {"bit rot", "files erased", "files cut short",
                                      "misdirected write"};
    for (int64_t i = 0; i < ARRAY_LEN(all); i++)
        if (slice_eq(verb, slice_cstr(all[i]))) return true;
    return false;
}

static void
on_fault(void *ctx, struct slice verb, struct slice what)
{
    struct invariants *v = ctx;
    struct machine *m = machine_named_in(v->world, what);
    if (m && slice_eq(verb, S("wipe"))) invariants_wiped(v, world_now_ns(v->world), m->index);
    if (m && is_damage(verb)) invariants_spoilt(v, m->index);
    if (slice_starts(verb, S("clock"))) invariants_producers_may_expire(v);
    if (slice_eq(verb, S("clock drift"))) v->clocks_drift = true;
    if (m && (slice_eq(verb, S("files erased")) || slice_eq(verb, S("files cut short"))))
        invariants_robbed(v, m->index);
}

/* A fault puts an error in the place of what the node says, or of a part of it. */
static void
on_met(void *ctx, const struct world_frame *f, struct slice how)
{
    enum { KEPT_MAX = 1000 };
    struct invariants *v = ctx;
    (void)how;
    if (v->rewritten.n == KEPT_MAX) VEC_REMOVE_AT(&v->rewritten, 0);
    VEC_PUSH(v->mem, &v->rewritten, f->id);
}

bool
wire_is_rewritten(const struct invariants *v, const struct world_frame *f)
{
    for (int64_t i = v->rewritten.n; f->is_answer && i-- > 0;)
        if (v->rewritten.v[i] == f->answers) return true;
    return false;
}

static void
on_frame_bytes(void *ctx, const struct world_frame *f, struct slice bytes)
{
    votes_hear(ctx, f, bytes);
    standing_hear(ctx, f, bytes);
    wire_hear(ctx, f, bytes);
    away_hear(ctx, f, bytes);
    if (wire_is_rewritten(ctx, f)) return;
    offsets_hear(ctx, f, bytes);
    cluster_hear(ctx, f, bytes);
    leaders_hear(ctx, f, bytes);
    answered_hear(ctx, f, bytes);
    ends_hear(ctx, f, bytes);
    descriptions_hear(ctx, f, bytes);
    beats_hear(ctx, f, bytes);
}

static void
on_frame(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    if (fate != FRAME_DELIVERED) return;
    if (f->api == K_API_FETCH && !f->is_answer) isr_arrived(ctx, f->id);
    if (f->api == K_API_END_TXN && f->is_answer) producer_epoch_arrived(ctx, f->id);
}

void
invariants_combined(struct invariants *v, int32_t n)
{
    v->combined = n;
    know_all(v);
}

void
invariants_watch(struct invariants *v, struct world *w)
{
    v->world = w;
    know_all(v);
    world_observe(w, &(struct world_observer){.event = on_event,
                                              .life = on_life,
                                              .fault = on_fault,
                                              .disk = on_disk,
                                              .frame = on_frame,
                                              .frame_bytes = on_frame_bytes,
                                              .met = on_met,
                                              .ctx = v});
}
