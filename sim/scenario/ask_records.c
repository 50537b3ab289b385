/* The batch of a produce request, with whatever is to be wrong about it. Each record has a value of its own, as those of
 * producers do, and stands in the history as a send: what is told of it is held against what is then read. */
#include "sim/scenario/ask.h"

#include "broker/record/builder.h"
#include "errors.h"
#include "sim/workload/value.h"

#define VALUE_BYTES 16
#define RECORDS_MAX 1000

struct wanted {
    int64_t count, producer_id, producer_epoch, base_sequence, attributes, base_offset, timestamp,
        last_offset_delta;
    bool has_bad_crc, has_delta, has_timestamp, has_producer;
    struct slice key, name, again;
};

static bool
read_number(struct ask_scope *x, const struct pair *p, struct wanted *w)
{
    int64_t v;
    if (!ask_number(x, p->value, &v)) return false;
    if (slice_eq(p->key, S("count"))) w->count = v;
    else if (slice_eq(p->key, S("producer-id"))) w->producer_id = v, w->has_producer = true;
    else if (slice_eq(p->key, S("producer-epoch"))) w->producer_epoch = v;
    else if (slice_eq(p->key, S("base-sequence"))) w->base_sequence = v;
    else if (slice_eq(p->key, S("attributes"))) w->attributes = v;
    else if (slice_eq(p->key, S("base-offset"))) w->base_offset = v;
    else if (slice_eq(p->key, S("timestamp"))) w->timestamp = v, w->has_timestamp = true;
    else if (slice_eq(p->key, S("last-offset-delta")))
        w->last_offset_delta = v, w->has_delta = true;
    else if (slice_eq(p->key, S("bad-crc"))) w->has_bad_crc = v != 0;
    else return ask_mistake(x, p->mark, "a batch has no '%.*s'", SARG(p->key));
    return true;
}

static bool
read_wanted(struct ask_scope *x, const struct tree *t, struct wanted *w)
{
    *w = (struct wanted){.count = 1,
                         .producer_id = BATCH_NO_PRODUCER,
                         .producer_epoch = BATCH_NO_EPOCH,
                         .base_sequence = BATCH_NO_SEQUENCE};
    if (t->kind != TREE_MAP) return ask_mistake(x, t->mark, "records: {count: 1, …}");
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        bool is_text = p->value->kind == TREE_TEXT;
        if (is_text && slice_eq(p->key, S("key"))) w->key = p->value->text;
        else if (is_text && slice_eq(p->key, S("name"))) w->name = p->value->text;
        else if (is_text && slice_eq(p->key, S("again"))) w->again = p->value->text;
        else if (!read_number(x, p, w)) return false;
    }
    if (w->count < 1 || w->count > RECORDS_MAX)
        return ask_mistake(x, t->mark, "count: 1 to %d", RECORDS_MAX);
    return true;
}

static int64_t
invoke_send(struct ask_scope *x, int32_t process, const struct wanted *w, uint64_t *ret_value)
{
    struct history *h = x->r->h;
    struct history_op op =
        history_op_new(HISTORY_SEND, process, history_topic(h, x->topic), x->partition);
    op.is_of_any_life = true; /* it is sent by name */
    op.value = *ret_value = history_next_value(h, process);
    op.acks = -1;
    op.idempotent = w->producer_id >= 0;
    return history_invoke(h, &op);
}

static void
fill_batch(struct ask_scope *x, const struct wanted *w, struct batch_builder *b,
           struct ask_batch *ret)
{
    /* One process each: nothing is said of the order in which they come. */
    int32_t process =
        history_process(x->r->h, arena_format(x->r->a, "asked%d", (int)x->r->ask_batches.n + 1));
    int64_t now = w->has_timestamp ? w->timestamp : env_wall_ms(x->env);
    *ret = (struct ask_batch){.name = w->name, .records_n = (int32_t)w->count};
    for (int32_t i = 0; i < w->count; i++) {
        uint8_t bytes[VALUE_BYTES];
        uint64_t value;
        int64_t op = invoke_send(x, process, w, &value);
        if (i == 0) ret->first_op = op;
        value_write(value, bytes, sizeof bytes);
        builder_add(b, now, w->key, slice(bytes, sizeof bytes), NULL, 0);
    }
    b->h.producer_id = w->producer_id;
    b->h.producer_epoch = (int16_t)w->producer_epoch;
    b->h.base_sequence = (int32_t)w->base_sequence;
    b->h.base_offset = w->base_offset;
    b->h.attributes = (int16_t)(b->h.attributes | w->attributes);
}

/* What the builder would not do: the header again, with the CRC that it then has. */
static struct buf *
spoil(struct ask_scope *x, const struct wanted *w, struct buf *made)
{
    struct slice all = slice(made->data, made->n);
    struct batch_header h;
    if (batch_parse(all, &h) != BATCH_OK) return made;
    if (w->has_delta) h.last_offset_delta = (int32_t)w->last_offset_delta;
    batch_seal(x->env->crc32c, &h, batch_payload(all, &h), made->data);
    if (w->has_bad_crc) made->data[made->n - 1] ^= 1;
    return made;
}

static struct ask_batch *
batch_named(struct ask_scope *x, struct slice name)
{
    for (int64_t i = 0; i < x->r->ask_batches.n; i++)
        if (slice_eq(x->r->ask_batches.v[i]->name, name)) return x->r->ask_batches.v[i];
    return NULL;
}

/* The same bytes; or the same records, as an application sends them that was started anew and is another producer. */
static struct ask_batch *
batch_again(struct ask_scope *x, const struct wanted *w)
{
    const struct ask_batch *first = batch_named(x, w->again);
    struct batch_header h;
    if (!first) return NULL;
    struct ask_batch *one = ARENA_NEW(x->r->a, struct ask_batch);
    *one = *first;
    if (!w->has_producer || batch_parse(first->bytes, &h) != BATCH_OK) return one;
    /* No numbers help against a record that another producer sends, too. */
    for (int32_t i = 0; i < first->records_n; i++)
        x->r->h->ops.v[first->first_op + i].idempotent = false;
    h.producer_id = w->producer_id;
    h.producer_epoch = (int16_t)w->producer_epoch;
    h.base_sequence = (int32_t)w->base_sequence;
    struct slice all = first->bytes;
    uint8_t *bytes = arena_alloc(x->r->a, (size_t)all.n);
    memcpy(bytes, all.p, (size_t)all.n);
    batch_seal(x->env->crc32c, &h, batch_payload(all, &h), bytes);
    one->bytes = slice(bytes, all.n);
    return one;
}

static struct ask_batch *
batch_new(struct ask_scope *x, const struct wanted *w)
{
    struct batch_builder b;
    struct ask_batch *one = ARENA_NEW(x->r->a, struct ask_batch);
    builder_init(&b, &x->env->mem, 0);
    fill_batch(x, w, &b, one);
    struct buf *made = spoil(x, w, builder_finish(&b, x->env->crc32c, &x->env->mem));
    builder_release(&b);
    one->bytes = arena_dup(x->r->a, slice(made->data, made->n));
    buf_unref(made);
    VEC_PUSH(x->r->a->mem, &x->r->ask_batches, one);
    return one;
}

bool
ask_records(struct ask_scope *x, const struct tree *t, struct k_records *ret)
{
    struct wanted w;
    *ret = (struct k_records){0};
    if (t->kind == TREE_TEXT && slice_eq(t->text, S("null"))) return true;
    if (!read_wanted(x, t, &w)) return false;
    if (!x->r) return true;
    if (!x->topic.n) return ask_mistake(x, t->mark, "records go to a topic by its name");
    struct ask_batch *one = w.again.p ? batch_again(x, &w) : batch_new(x, &w);
    if (!one) return ask_mistake(x, t->mark, "no batch is called %.*s", SARG(w.again));
    one->topic = arena_dup(x->r->a, x->topic);
    one->partition = x->partition;
    one->before = x->batch;
    x->batch = one;
    ret->bytes = x->batch->bytes;
    return true;
}

static const struct k_produce_response_partition_produce_response *
answer_to_batch(const struct ask_batch *b, const struct k_produce_response *answer)
{
    for (int32_t t = 0; answer && t < answer->responses_n; t++)
        for (int32_t i = 0; i < answer->responses[t].partition_responses_n; i++)
            if (slice_eq(answer->responses[t].name, b->topic) &&
                answer->responses[t].partition_responses[i].index == b->partition)
                return &answer->responses[t].partition_responses[i];
    return NULL;
}

static void
asked_batch_answered(struct run *r, const struct ask_batch *b,
                     const struct k_produce_response *answer)
{
    const struct k_produce_response_partition_produce_response *mine = answer_to_batch(b, answer);
    int16_t error = mine ? mine->error_code : K_ERR_NETWORK_EXCEPTION;
    int64_t offset = mine ? mine->base_offset : -1;
    bool is_unknown = error == K_ERR_NETWORK_EXCEPTION || error == K_ERR_REQUEST_TIMED_OUT ||
                      error == K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND ||
                      error == K_ERR_NOT_LEADER_OR_FOLLOWER || error == K_ERR_KAFKA_STORAGE_ERROR ||
                      error == K_ERR_UNKNOWN_SERVER_ERROR;
    for (int32_t i = 0; i < b->records_n; i++) {
        const struct history_op *op = &r->h->ops.v[b->first_op + i];
        if (op->outcome != HISTORY_OPEN) continue; /* of a batch that was sent again */
        history_complete(r->h, b->first_op + i,
                         !error       ? HISTORY_OK
                         : is_unknown ? HISTORY_INFO
                                      : HISTORY_FAIL,
                         error, op->partition, error ? -1 : offset + i);
    }
}

void
ask_records_answered(struct run *r, const struct ask_batch *b,
                     const struct k_produce_response *answer)
{
    for (; b; b = b->before) asked_batch_answered(r, b, answer);
}

int64_t
ask_records_count(struct slice bytes)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0, n = 0;
    while (batch_next(bytes, &at, &h, &batch, &err)) n += h.records_n;
    return n;
}
