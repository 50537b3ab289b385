/* Writing: records leave together, and whoever waits for them is told when they are committed. */
#include "broker/base/check.h"
#include "broker/coordinator/coordinator.h"
#include "broker/record/record.h"
#include "errors.h"

void
shard_builder(struct coordinator_shard *s, struct batch_builder *b)
{
    builder_init(b, &shard_env(s)->mem, 0);
}

void
coordinator_add_record(struct batch_builder *b, struct env *env, enum k_msg key_msg,
                       const void *key, enum k_msg value_msg, const void *value)
{
    struct writer k = writer_mem(&env->mem), v = writer_mem(&env->mem);
    CHECK(coordinator_key_write(&k, key_msg, key, NULL));
    if (value) CHECK(coordinator_value_write(&v, value_msg, 0, value, NULL));
    (void)builder_add(b, env_wall_ms(env), writer_slice(&k), value ? writer_slice(&v) : SLICE_NULL,
                      NULL, 0);
    writer_release(&k);
    writer_release(&v);
}

void
coordinator_write_done(struct coordinator_write *w, int16_t err)
{
    timer_cancel(shard_env(w->shard), &w->timer);
    list_remove(&w->node);
    /* The records are committed all the same. */
    if (err == K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND) err = 0;
    w->done(w, err);
}

static void
write_late(struct timer *t)
{
    struct coordinator_write *w = CONTAINER_OF(t, struct coordinator_write, timer);
    if (w->late) w->late(w);
}

static void
watch_write(struct coordinator_shard *s, struct coordinator_write *w)
{
    struct env *env = shard_env(s);
    int64_t timeout_ms = config_i64(s->owner->config, s->owner->kind->write_timeout_ms);
    w->shard = s;
    w->timer.due = write_late;
    list_push_back(&s->writes, &w->node);
    timer_arm(env, &w->timer, env_now_ns(env) + timeout_ms * NS_PER_MS);
}

static void
unwatch_write(struct coordinator_write *w)
{
    timer_cancel(shard_env(w->shard), &w->timer);
    list_remove(&w->node);
}

/* As whoever loads the shard next will. */
static void
fold_written(struct coordinator_shard *s, const struct batch_header *h, struct buf *batch)
{
    struct records rs;
    struct record rec;
    records_begin(&rs, h, batch_payload(buf_slice(batch), h));
    while (records_next(&rs, &rec)) s->owner->kind->fold(s, h, &rec);
}

static int16_t
write_records(struct coordinator_shard *s, struct batch_builder *b, struct coordinator_write *w,
              bool fold)
{
    struct env *env = shard_env(s);
    w->shard = s;
    if (builder_is_empty(b) || builder_size_bytes(b) > 2 * COORDINATOR_BATCH_BYTES_MAX) {
        builder_release(b);
        return K_ERR_RECORD_LIST_TOO_LARGE;
    }
    struct buf *batch = builder_finish(b, env->crc32c, &env->mem);
    struct batch_header h = b->h;
    builder_release(b);
    watch_write(s, w);
    int16_t err = s->owner->store(s, batch, w);
    if (err) unwatch_write(w);
    else if (fold) fold_written(s, &h, batch);
    buf_unref(batch);
    return err;
}

int16_t
shard_write(struct coordinator_shard *s, struct batch_builder *b, struct coordinator_write *w)
{
    return write_records(s, b, w, false);
}

int16_t
shard_write_folded(struct coordinator_shard *s, struct batch_builder *b,
                   struct coordinator_write *w)
{
    return write_records(s, b, w, true);
}

bool
shard_wait_written(struct coordinator_shard *s, struct coordinator_write *w)
{
    if (list_is_empty(&s->writes)) return false;
    watch_write(s, w);
    int16_t err = s->owner->store(s, NULL, w);
    if (err) unwatch_write(w);
    return !err;
}

static void
silent_done(struct coordinator_write *w, int16_t err)
{
    (void)err;
    MEM_DELETE(&shard_env(w->shard)->mem, w);
}

static int16_t
write_alone(struct coordinator_shard *s, struct batch_builder *b, bool fold)
{
    struct mem *mem = &shard_env(s)->mem;
    struct coordinator_write *w = MEM_NEW(mem, struct coordinator_write);
    w->done = silent_done;
    int16_t err = write_records(s, b, w, fold);
    if (err) MEM_DELETE(mem, w);
    return err;
}

int16_t
shard_write_silently(struct coordinator_shard *s, struct batch_builder *b)
{
    return write_alone(s, b, false);
}

int16_t
shard_write_silently_folded(struct coordinator_shard *s, struct batch_builder *b)
{
    return write_alone(s, b, true);
}

int16_t
coordinator_store_error(int16_t err)
{
    switch (err) {
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_NOT_ENOUGH_REPLICAS:
    case K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case K_ERR_REQUEST_TIMED_OUT: return K_ERR_COORDINATOR_NOT_AVAILABLE;
    case K_ERR_NOT_LEADER_OR_FOLLOWER:
    case K_ERR_KAFKA_STORAGE_ERROR: return K_ERR_NOT_COORDINATOR;
    case K_ERR_MESSAGE_TOO_LARGE:
    case K_ERR_RECORD_LIST_TOO_LARGE: return K_ERR_UNKNOWN_SERVER_ERROR;
    default: return err;
    }
}
