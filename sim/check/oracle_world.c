/* The oracle at work in a world: it hears every step, fault and produce request, and what clients are told. */
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "broker/record/batch.h"
#include "broker/record/record.h"
#include "broker/work/work.h"
#include "messages.h"
#include "sim/check/disk_log.h"
#include "sim/check/log_view.h"
#include "sim/check/oracle_own.h"
#include "sim/workload/value.h"

#include <stdlib.h>

/* ---- what producers send ------------------------------------------------------------------------- */

static void
take_payload(struct oracle *o, int32_t node, const struct batch_header *h, struct slice payload)
{
    uint64_t *values = mem_alloc(o->mem, h->records_n * 8);
    struct records rs;
    struct record r;
    int32_t n = 0;
    records_begin(&rs, h, payload);
    while (n < h->records_n && records_next(&rs, &r)) {
        if (!value_of_record(&r, &values[n]) || !history_gave_value(o->history, values[n]))
            values[n] = 0; /* what clients outside write is judged by what they were told */
        n++;
    }
    if (n == h->records_n && n > 0) oracle_sent(o, node, h->crc, batch_size_bytes(h), values, n);
    mem_free(o->mem, values, h->records_n * 8);
}

static void
take_batch(struct oracle *o, int32_t node, struct slice bytes)
{
    enum { CEILING = 64 << 20 };
    struct batch_header h;
    if (batch_parse(bytes, &h) != BATCH_OK || batch_size_bytes(&h) > bytes.n || h.records_n <= 0)
        return;
    struct slice payload =
        slice_sub(bytes, BATCH_HEADER_BYTES, batch_size_bytes(&h) - BATCH_HEADER_BYTES);
    if (batch_codec(&h) == CODEC_NONE) {
        if (h.records_n <= payload.n) take_payload(o, node, &h, payload);
        return;
    }
    struct seg seg = {.bytes = payload};
    struct work_result plain;
    if (work_run(WORK_DECOMPRESS, batch_codec(&h), 0, &seg, 1, CEILING, &plain) != ENV_OK) return;
    if (h.records_n <= plain.n) take_payload(o, node, &h, slice(plain.p, plain.n));
    free(plain.p);
}

static void
take_produce(struct oracle *o, int32_t node, struct slice frame)
{
    struct reader r = reader(slice_sub(frame, 4, frame.n - 4));
    struct request_head head;
    struct arena arena;
    struct k_produce_request q;
    arena_init(&arena, o->mem, 0);
    if (request_head_read(&r, &arena, &head) == HEAD_OK &&
        codec_decode(K_MSG_PRODUCE_REQUEST, head.version, &r, &arena, &q))
        for (int32_t t = 0; t < q.topic_data_n; t++)
            for (int32_t i = 0; i < q.topic_data[t].partition_data_n; i++)
                take_batch(o, node, q.topic_data[t].partition_data[i].records.bytes);
    arena_release(&arena);
}

/* ---- what leaders make of it --------------------------------------------------------------------- */

static void
learn_batch(struct oracle *o, int32_t node, struct node_log *l, struct batch *b)
{
    struct batch_header h;
    struct slice bytes;
    if (!l->user) l->user = log_view_new(o->mem, world_machine_at(o->world, node), l->key->subject);
    log_view_begin(l->user, b->base);
    if (!log_view_next(l->user, b->last + 1, &h) || h.base_offset != b->base) return;
    if (h.leader_epoch != b->epoch || batch_last_offset(&h) != b->last) return;
    if (batch_is_control(&h) || !log_view_batch(l->user, &bytes)) return;
    take_batch(o, node, bytes);
    mem_free(o->mem, (void *)(uintptr_t)bytes.p, bytes.n);
    oracle_know_values(o, node, b, h.crc, batch_size_bytes(&h));
}

void
oracle_read_written(struct oracle *o, int32_t node, struct node_log *l, int64_t from)
{
    if (!o->world || !oracle_terms(o, l->key).is_rewritten) return;
    for (int64_t i = l->v.n - 1; i >= 0 && l->v.v[i]->base >= from; i--) {
        struct batch *b = l->v.v[i];
        if (!b->values && b->last < l->written) learn_batch(o, node, l, b);
    }
}

void
oracle_views_free(struct oracle *o)
{
    for (int64_t i = 0; i < o->model.nodes.n; i++) {
        const struct model_node *n = &o->model.nodes.v[i];
        for (int64_t k = 0; k < n->logs.n; k++)
            if (n->logs.v[k] && n->logs.v[k]->user) log_view_free(n->logs.v[k]->user);
    }
}

static void
on_frame_bytes(void *ctx, const struct world_frame *f, struct slice bytes)
{
    struct oracle *o = ctx;
    if (f->is_answer || f->api != 0 || !f->to || bytes.n < 12) return;
    if (model_node(&o->model, f->to->index)) take_produce(o, f->to->index, bytes);
}

/* ---- what happens --------------------------------------------------------------------------------- */

static void
know_all(struct oracle *o)
{
    for (int32_t i = 0; i < world_machines_n(o->world); i++)
        oracle_name(o, i, world_machine_at(o->world, i)->name);
}

static void
reread(struct oracle *o, struct machine *m, struct slice subject)
{
    struct found_log found = {0};
    struct node_log *l = oracle_log(o, m->index, subject);
    struct topic_key *k = l ? l->key : NULL;
    if (!l || k->is_retired || !l->hurt || slice_starts(subject, S("__"))) return;
    disk_log_read(o->mem, m, subject, k->is_compacted, log_gaps_below(l), &found);
    oracle_found(o, m->index, subject, found.v.v, found.v.n);
    VEC_RELEASE(o->mem, &found.v);
}

static void
on_event(void *ctx, const struct world_event *e)
{
    struct oracle *o = ctx;
    if (e->notes_n == 0 || !model_node(&o->model, e->machine->index)) return;
    for (int32_t i = 0; i < e->notes_n; i++) {
        if (e->notes[i]->kind == NOTE_LOG_RECOVERED) reread(o, e->machine, e->notes[i]->subject);
        oracle_note(o, e->at_ns, e->machine->index, e->notes[i]);
    }
}

static void
on_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct oracle *o = ctx;
    if (what == LIFE_START) know_all(o);
    if (what == LIFE_FATAL && !text.n) oracle_stopped(o, world_now_ns(o->world), m->index);
    else oracle_life(o, world_now_ns(o->world), m->index, what);
}

/* Something is done to a disk: right after it the disk itself says what is left of each log. */
struct harm_done {
    struct oracle *o;
    struct machine *m;
    bool by_power, is_wipe;
    bool is_spoilt;      /* what it had */
    struct slice astray; /* the file that a write was meant for which landed elsewhere; null */
};

/* A cleaned segment's hole comes into its log when it takes the place of others; from then on nobody can say when. */
static void
look_what_went_astray(struct harm_done *d, const struct topic_key *k)
{
    struct oracle *o = d->o;
    struct found_log found = {0};
    int64_t from;
    if (disk_log_is_file(d->astray, k->subject, S(".log"), &from)) {
        disk_log_read(o->mem, d->m, k->subject, k->is_compacted, INT64_MAX, &found);
        if (found.v.n) from = MAX(from, found.v.v[found.v.n - 1].last + 1);
        VEC_RELEASE(o->mem, &found.v);
    } else if (!disk_log_is_file(d->astray, k->subject, S(".cleaned"), &from)) {
        return;
    }
    oracle_went_astray(o, world_now_ns(o->world), d->m->index, k->subject, from);
}

static void
look_at_disk(struct world *w, void *ctx)
{
    struct harm_done *d = ctx;
    struct oracle *o = d->o;
    int64_t now_ns = world_now_ns(w);
    for (int64_t i = 0; i < o->model.keys.n && d->astray.p; i++)
        if (!o->model.keys.v[i]->is_retired) look_what_went_astray(d, o->model.keys.v[i]);
    bool is_as_it_was = d->is_wipe || (d->astray.p && !d->is_spoilt);
    for (int64_t i = 0; i < o->model.keys.n && !is_as_it_was; i++) {
        const struct topic_key *k = o->model.keys.v[i];
        const struct model_node *n = model_node(&o->model, d->m->index);
        struct found_log found = {0};
        if (!n || i >= n->logs.n || !n->logs.v[i] || k->is_retired) continue;
        if (oracle_log(o, d->m->index, k->subject) != n->logs.v[i]) continue;
        int64_t gaps_below = d->by_power ? n->logs.v[i]->synced : log_gaps_below(n->logs.v[i]);
        disk_log_read(o->mem, d->m, k->subject, k->is_compacted, gaps_below, &found);
        oracle_destroyed(o, now_ns, d->m->index, k->subject, found.v.v, found.v.n, d->by_power);
        VEC_RELEASE(o->mem, &found.v);
    }
    for (int64_t i = o->harms.n - 1; i >= 0; i--)
        if (o->harms.v[i] == d) VEC_REMOVE_AT(&o->harms, i);
    mem_free_slice(o->mem, d->astray);
    MEM_DELETE(o->mem, d);
}

static void
on_harm(void *ctx, struct machine *m)
{
    struct oracle *o = ctx;
    know_all(o);
    for (int32_t i = 0; i < world_machines_n(o->world); i++) {
        struct machine *other = world_machine_at(o->world, i);
        if (other->host != m->host || !model_node(&o->model, i)) continue;
        struct harm_done *d = MEM_NEW(o->mem, struct harm_done);
        *d = (struct harm_done){.o = o, .m = other};
        VEC_PUSH(o->mem, &o->harms, d);
        world_at(o->world, world_now_ns(o->world), look_at_disk, d);
    }
}

static bool
is_about(const struct machine *m, struct slice what)
{
    return slice_starts(what, m->name) && (what.n == m->name.n || what.p[m->name.n] == ' ');
}

static bool
spoils(struct slice verb)
{
    static const char *const all[] = {"power", "bit rot", "files erased", "files cut short"};
    for (int64_t i = 0; i < ARRAY_LEN(all); i++)
        if (slice_eq(verb, slice_cstr(all[i]))) return true;
    return false;
}

/* "b1 data/orders-0/00000000000000000000.log" */
static struct slice
behind_name(const struct machine *m, struct slice what)
{
    return slice_sub(what, MIN(m->name.n + 1, what.n), MAX(what.n - m->name.n - 1, 0));
}

/* "cut" with "b1 > b2" begins what "heal" with the same words ends. */
static void
hear_trouble(struct oracle *o, struct slice verb, struct slice what)
{
    static const char *const begin[] = {"cut",  "flap",  "slow",  "hold",   "pause",
                                        "lose", "delay", "break", "repeat", "answer"};
    static const char *const end[] = {"heal", "heal slow", "release", "resume"};
    int64_t now_ns = world_now_ns(o->world), to_ns = now_ns;
    for (int64_t i = 0; i < ARRAY_LEN(end); i++) {
        if (!slice_eq(verb, slice_cstr(end[i]))) continue;
        oracle_trouble(o, now_ns, now_ns, what);
        return;
    }
    for (int64_t i = 0; i < ARRAY_LEN(begin); i++)
        if (slice_eq(verb, slice_cstr(begin[i]))) to_ns = INT64_MAX;
    oracle_trouble(o, now_ns, to_ns, to_ns == INT64_MAX ? what : verb);
}

static void
on_fault(void *ctx, struct slice verb, struct slice what)
{
    struct oracle *o = ctx;
    struct machine *m = slice_eq(verb, S("wipe")) ? world_machine(o->world, what) : NULL;
    for (int64_t i = 0; i < o->harms.n; i++) {
        if (!is_about(o->harms.v[i]->m, what)) continue;
        struct harm_done *d = o->harms.v[i];
        bool is_astray = slice_eq(verb, S(FAULT_ASTRAY));
        d->by_power |= slice_eq(verb, S("power"));
        d->is_wipe |= slice_eq(verb, S("wipe"));
        d->is_spoilt |= spoils(verb);
        if (is_astray && !d->astray.p) d->astray = mem_dup(o->mem, behind_name(d->m, what));
    }
    hear_trouble(o, verb, what);
    if (m) oracle_wiped(o, world_now_ns(o->world), m->index);
}

static void
on_told(void *ctx, const struct history_op *op, bool is_complete)
{
    struct oracle *o = ctx;
    if (is_complete) oracle_told(o, o->history, op);
}

void
oracle_watch(struct oracle *o, struct world *w, struct history *h)
{
    o->world = w;
    o->history = h;
    h->listener = on_told;
    h->listener_ctx = o;
    know_all(o);
    world_observe(w, &(struct world_observer){.event = on_event,
                                              .life = on_life,
                                              .fault = on_fault,
                                              .harm = on_harm,
                                              .frame_bytes = on_frame_bytes,
                                              .ctx = o});
}
