/* What a share consumer is given, unpacked: records in the order of their offsets; and decisions on offsets at which
 * there is no record (KIP-932: gaps). */
#include "broker/base/check.h"
#include "broker/client/share_consumer_internal.h"

#define UNPACKED_MAX_BYTES (64LL << 20)

static void
piece_free(struct share_piece *p)
{
    struct mem *mem = &p->sc->env->mem;
    list_remove(&p->node);
    VEC_RELEASE(mem, &p->given);
    buf_unref(p->from);
    MEM_DELETE(mem, p);
}

/* The run that an offset was given with; NULL: with none. */
static const struct share_decided *
run_of(const struct share_piece *p, int64_t offset)
{
    for (int64_t i = 0; i < p->given.n; i++)
        if (offset >= p->given.v[i].first && offset <= p->given.v[i].last) return &p->given.v[i];
    return NULL;
}

/* All that was given below `to` and not come to. */
static void
decide_gaps(struct share_piece *p, int64_t to)
{
    for (int64_t i = 0; i < p->given.n; i++) {
        struct share_decided d = p->given.v[i];
        d.first = MAX(d.first, p->next);
        d.last = MIN(d.last, to - 1);
        d.decision = SHARE_DECIDE_GAP;
        d.user = NULL;
        if (d.first <= d.last) share_consumer_acknowledge(p->sc, &d);
    }
    p->next = MAX(p->next, to);
}

static void
give_records(struct share_piece *p, struct slice payload)
{
    struct arena *a = &p->sc->env->scratch;
    int64_t room = MIN(p->header.records_n, payload.n / 7 + 1);
    struct record *v = ARENA_ARRAY(a, struct record, room + 1);
    int16_t *counts = ARENA_ARRAY(a, int16_t, room + 1);
    struct share_given g = {.topic_id = p->place.topic_id,
                            .partition = p->place.index,
                            .asked_ns = p->asked_ns,
                            .broker = p->broker,
                            .records = v,
                            .counts = counts};
    struct records rs;
    records_begin(&rs, &p->header, payload);
    while (g.n <= room && records_next(&rs, &v[g.n])) {
        const struct share_decided *run = run_of(p, v[g.n].offset);
        if (!run) continue;
        counts[g.n] = (int16_t)(intptr_t)run->user;
        decide_gaps(p, v[g.n].offset);
        p->next = v[g.n].offset + 1;
        g.n++;
    }
    if (g.n == 0) return;
    p->sc->has_given = true;
    p->sc->params.ops->records(p->sc->params.owner, &g);
}

static void
share_decompressed(struct op *op)
{
    struct share_piece *p = CONTAINER_OF(op, struct share_piece, op);
    struct buf *out = op->err ? NULL : op->buf;
    if (out) give_records(p, buf_slice(out));
    buf_unref(out);
    defer(p->sc->env, &p->sc->unpack);
}

/* True: goes on by itself. */
static bool
unpack_piece(struct share_piece *p)
{
    enum batch_err err = BATCH_OK;
    while (batch_next(p->batches, &p->at, &p->header, &p->batch, &err)) {
        if (batch_check(p->sc->env->crc32c, p->batch, &p->header) || batch_is_control(&p->header))
            continue;
        if (batch_codec(&p->header) == CODEC_NONE) {
            give_records(p, batch_payload(p->batch, &p->header));
            continue;
        }
        struct seg seg = {.buf = p->from, .bytes = batch_payload(p->batch, &p->header)};
        p->op.done = share_decompressed;
        work_queue(p->sc->env, &p->op, WORK_DECOMPRESS, batch_codec(&p->header), 0, &seg, 1,
                   UNPACKED_MAX_BYTES);
        return true;
    }
    decide_gaps(p, INT64_MAX);
    return false;
}

/* Nobody waits for a leader that has nothing, while another one had: its records go out, and what comes later waits for the
 * next poll. */
void
share_unpack(struct task *t)
{
    struct share_consumer *sc = CONTAINER_OF(t, struct share_consumer, unpack);
    if (!sc->wants) return;
    LIST_EACH(&sc->pieces, p, struct share_piece, node) {
        if (op_is_pending(&p->op) || unpack_piece(p)) return;
        piece_free(p);
    }
    share_maybe_fetched(sc);
}

void
share_unpack_begin(struct share_link *l, struct share_place place,
                   const struct k_share_fetch_response_partition_data *d, struct buf *from)
{
    struct share_consumer *sc = l->sc;
    struct share_piece *p = MEM_NEW(&sc->env->mem, struct share_piece);
    p->sc = sc;
    p->place = place;
    p->asked_ns = l->asked_ns;
    p->broker = l->peer->id;
    p->from = buf_ref(from);
    p->batches = d->records.bytes;
    for (int32_t i = 0; i < d->acquired_records_n; i++) {
        struct share_decided run = {.topic_id = place.topic_id,
                                    .partition = place.index,
                                    .first = d->acquired_records[i].first_offset,
                                    .last = d->acquired_records[i].last_offset,
                                    .user =
                                        (void *)(intptr_t)d->acquired_records[i].delivery_count};
        VEC_PUSH(&sc->env->mem, &p->given, run);
    }
    list_push_back(&sc->pieces, &p->node);
    defer(sc->env, &sc->unpack);
}
