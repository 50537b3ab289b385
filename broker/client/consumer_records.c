#include "broker/client/consumer_internal.h"

/* ---- aborted transactions ------------------------------------------------------------------------ */

/* Those that began at or before this batch are under way until their end marker (KIP-98). */
static void
aborted_begin(struct assigned *a, int64_t last_offset)
{
    for (int64_t i = 0; i < a->aborted.n;) {
        if (a->aborted.v[i].first_offset > last_offset) {
            i++;
            continue;
        }
        VEC_PUSH(&a->r->env->mem, &a->aborting, a->aborted.v[i].producer_id);
        VEC_REMOVE_AT(&a->aborted, i);
    }
}

static int64_t
aborting_at(const struct assigned *a, int64_t producer_id)
{
    for (int64_t i = 0; i < a->aborting.n; i++)
        if (a->aborting.v[i] == producer_id) return i;
    return -1;
}

/* True: nothing of this batch is for the reader. */
static bool
is_skipped(struct assigned *a, const struct batch_header *h)
{
    aborted_begin(a, batch_last_offset(h));
    int64_t at = batch_has_producer(h) ? aborting_at(a, h->producer_id) : -1;
    if (batch_is_control(h)) {
        if (at >= 0) VEC_REMOVE_AT(&a->aborting, at);
        return true;
    }
    return at >= 0 && batch_is_transactional(h);
}

/* ---- handing out --------------------------------------------------------------------------------- */

static void consume_batches(struct assigned *a);

void
assigned_drop(struct assigned *a)
{
    if (op_is_pending(&a->op)) return; /* its end drops */
    buf_unref(a->from);
    a->from = NULL;
    VEC_RELEASE(&a->r->env->mem, &a->aborted);
    VEC_RELEASE(&a->r->env->mem, &a->aborting);
}

static void
corrupt(struct assigned *a, int64_t offset, enum batch_err err)
{
    int64_t seeks = a->seeks;
    assigned_drop(a);
    assigned_backoff(a);
    CONSUMER_TELL(a, corrupt, offset, err);
    if (a->seeks == seeks) defer(a->r->env, &a->r->pump);
}

static void
pass(struct assigned *a, const struct batch_header *h)
{
    a->position = batch_next_offset(h);
    a->epoch = h->leader_epoch;
    a->was_committed = false;
}

/* False: what was fetched is void now. */
static bool
hand_out_records(struct assigned *a, struct slice payload)
{
    const struct batch_header *h = &a->header;
    struct records rs;
    int64_t room = MIN(h->records_n, payload.n / 7 + 1), seeks = a->seeks;
    struct record *v = ARENA_ARRAY(&a->r->env->scratch, struct record, room + 1);
    int32_t n = 0;
    records_begin(&rs, h, payload);
    while (n <= room && records_next(&rs, &v[n]))
        if (v[n].offset >= a->position) n++;
    if (rs.err) {
        corrupt(a, h->base_offset, rs.err);
        return false;
    }
    pass(a, h);
    struct polled p = {.topic = a->topic,
                       .topic_id = a->is_by_id ? a->topic_id : UUID_ZERO,
                       .partition = a->partition,
                       .leader_epoch = h->leader_epoch,
                       .records = v,
                       .records_n = n,
                       .high_watermark = a->high_watermark,
                       .next_offset = a->position};
    struct buf *held = buf_ref(a->from); /* whatever the owner does now */
    if (n > 0) CONSUMER_TELL(a, records, &p);
    buf_unref(held);
    return a->seeks == seeks;
}

static void
consumer_decompressed(struct op *op)
{
    struct assigned *a = CONTAINER_OF(op, struct assigned, op);
    struct buf *out = op->err ? NULL : op->buf;
    a->r->unpacking--;
    if (a->op_seeks != a->seeks) {
        assigned_drop(a);
        defer(a->r->env, &a->r->pump);
    } else if (op->err) {
        corrupt(a, a->header.base_offset, BATCH_BAD_RECORD);
    } else if (hand_out_records(a, buf_slice(out))) {
        consume_batches(a);
    }
    buf_unref(out);
}

#define DECOMPRESSED_MAX_BYTES (64LL << 20)

static void
consumer_decompress(struct assigned *a)
{
    struct seg seg = {.buf = a->from, .bytes = batch_payload(a->batch, &a->header)};
    a->op.done = consumer_decompressed;
    a->op_seeks = a->seeks;
    a->r->unpacking++;
    work_queue(a->r->env, &a->op, WORK_DECOMPRESS, batch_codec(&a->header), 0, &seg, 1,
               DECOMPRESSED_MAX_BYTES);
}

/* Batch by batch, until one must be decompressed first. */
static void
consume_batches(struct assigned *a)
{
    enum batch_err err = BATCH_OK;
    while (batch_next(a->batches, &a->at, &a->header, &a->batch, &err)) {
        const struct batch_header *h = &a->header;
        if (batch_last_offset(h) < a->position) continue;
        if (batch_crc(a->r->env->crc32c, a->batch) != h->crc) {
            err = BATCH_BAD_CRC;
            break;
        }
        if (is_skipped(a, h)) {
            pass(a, h);
        } else if (batch_codec(h) != CODEC_NONE) {
            consumer_decompress(a);
            return;
        } else if (!hand_out_records(a, batch_payload(a->batch, h))) {
            return;
        }
    }
    if (err && err != BATCH_SHORT) {
        corrupt(a, a->position, err);
        return;
    }
    assigned_drop(a);
    defer(a->r->env, &a->r->pump);
}

void
assigned_take(struct assigned *a, const struct k_fetch_response_partition_data *data,
              struct buf *from)
{
    CHECK(!a->from);
    a->failures = 0;
    a->high_watermark = data->high_watermark;
    if (data->records.bytes.n <= 0) {
        CONSUMER_TELL(a, at_end, a->position, data->high_watermark);
        return;
    }
    a->from = buf_ref(from);
    a->batches = data->records.bytes;
    a->at = 0;
    for (int32_t i = 0; a->r->params.read_committed && i < data->aborted_transactions_n; i++) {
        const struct k_fetch_response_aborted_transaction *t = &data->aborted_transactions[i];
        struct aborted aborted = {t->producer_id, t->first_offset};
        VEC_PUSH(&a->r->env->mem, &a->aborted, aborted);
    }
    consume_batches(a);
}
