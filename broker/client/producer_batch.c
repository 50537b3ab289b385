#include "broker/client/producer_internal.h"

struct ppart *
part_of(struct producer *p, struct ptopic *t, int32_t index)
{
    while (t->parts.n <= index) VEC_PUSH(&p->env->mem, &t->parts, NULL);
    if (t->parts.v[index]) return t->parts.v[index];
    struct ppart *part = t->parts.v[index] = MEM_NEW(&p->env->mem, struct ppart);
    part->topic = t;
    part->index = index;
    part->pid = BATCH_NO_PRODUCER;
    list_init(&part->batches);
    list_push_back(&p->parts, &part->node);
    return part;
}

static struct pbatch *
batch_open(struct producer *p, struct ppart *part)
{
    struct pbatch *b = MEM_NEW(&p->env->mem, struct pbatch);
    b->p = p;
    b->part = part;
    b->created_ns = env_now_ns(p->env);
    builder_init(&b->builder, &p->env->mem, p->params.batch_bytes);
    list_init(&b->sends);
    list_push_back(&part->batches, &b->node);
    p->stats.batches++;
    return b;
}

struct pbatch *
part_open_batch(const struct ppart *part)
{
    if (list_is_empty(&part->batches)) return NULL;
    struct pbatch *last = LIST_ENTRY(part->batches.prev, struct pbatch, node);
    return last->state == BATCH_IS_OPEN ? last : NULL;
}

void
part_append(struct producer *p, struct ppart *part, struct send *s, const struct early *r)
{
    struct pbatch *b = part_open_batch(part);
    if (b && !builder_add(&b->builder, r->timestamp, r->key, r->value, r->headers, r->headers_n)) {
        batch_close(p, b);
        b = NULL;
    }
    if (!b) {
        b = batch_open(p, part);
        bool ok =
            builder_add(&b->builder, r->timestamp, r->key, r->value, r->headers, r->headers_n);
        CHECK(ok);
    }
    b->created_ns = MIN(b->created_ns, r->created_ns);
    s->at = b->builder.h.records_n - 1;
    s->node = (struct list){0};
    list_push_back(&b->sends, &s->node);
    b->charged_bytes += r->charged_bytes;
    if (builder_size_bytes(&b->builder) >= p->params.batch_bytes) batch_close(p, b);
}

/* ---- closing ------------------------------------------------------------------------------------ */

/* Output that does not fit its ceiling, or failed, goes out as it is. */
static void
pbatch_compressed(struct op *op)
{
    struct pbatch *b = CONTAINER_OF(op, struct pbatch, op);
    struct producer *p = b->p;
    if (!op->err) b->compressed = op->buf;
    b->state = BATCH_IS_READY;
    if (b->ended) batch_free(p, b);
    defer(p->env, &p->pump);
}

void
batch_close(struct producer *p, struct pbatch *b)
{
    CHECK(b->state == BATCH_IS_OPEN);
    if (p->params.codec == CODEC_NONE) {
        b->state = BATCH_IS_READY;
        return;
    }
    struct buf *payload = buf_copy(&p->env->mem, builder_payload(&b->builder));
    struct seg seg = {.buf = payload, .bytes = buf_slice(payload)};
    b->state = BATCH_IS_COMPRESSING;
    b->op.done = pbatch_compressed;
    work_queue(p->env, &b->op, WORK_COMPRESS, p->params.codec, p->params.codec_level, &seg, 1,
               2 * payload->n + 4096);
    buf_unref(payload);
}

/* ---- ends --------------------------------------------------------------------------------------- */

void
send_end(struct producer *p, struct send *s, enum send_result result, int16_t error,
         int64_t charged)
{
    CHECK(p->pending > 0);
    p->pending--;
    p->charged_bytes -= charged;
    s->result = result;
    s->error = error;
    s->done(s);
}

void
batch_end(struct producer *p, struct pbatch *b, enum send_result result, int16_t error,
          int64_t base_offset, int64_t append_time)
{
    if (result != SEND_OK && producer_is_transactional(p)) p->txn_must_abort = true;
    b->ended = true;
    if (b->has_sequence && result != SEND_OK) b->part->hole = true;
    int64_t charged = b->charged_bytes;
    struct list *n;
    while ((n = list_pop_front(&b->sends))) {
        struct send *s = LIST_ENTRY(n, struct send, node);
        if (result == SEND_OK && base_offset >= 0) s->offset = base_offset + s->at;
        if (append_time >= 0) s->timestamp = append_time;
        if (b->attempts > 0) s->node_id = b->node_id;
        if (b->is_by_id) s->topic_id = b->topic_id;
        send_end(p, s, result, error, charged);
        charged = 0;
    }
}

void
batch_free(struct producer *p, struct pbatch *b)
{
    CHECK(b->ended && !op_is_pending(&b->op));
    list_remove(&b->node);
    builder_release(&b->builder);
    buf_unref(b->compressed);
    buf_unref(b->bytes);
    MEM_DELETE(&p->env->mem, b);
}
