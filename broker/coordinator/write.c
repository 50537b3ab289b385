/* Writing: records leave together, and whoever waits for them is told when they are committed. */
#include "broker/base/check.h"
#include "broker/coordinator/coordinator.h"
#include "errors.h"

void
shard_builder(struct coordinator_shard *s, struct batch_builder *b)
{
    builder_init(b, &shard_env(s)->mem, 0);
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

int16_t
shard_write(struct coordinator_shard *s, struct batch_builder *b, struct coordinator_write *w)
{
    struct env *env = shard_env(s);
    w->shard = s;
    w->timer.due = write_late;
    if (builder_is_empty(b) || builder_size_bytes(b) > 2 * COORDINATOR_BATCH_BYTES_MAX) {
        builder_release(b);
        return K_ERR_RECORD_LIST_TOO_LARGE;
    }
    struct buf *batch = builder_finish(b, env->crc32c, &env->mem);
    builder_release(b);
    list_push_back(&s->writes, &w->node);
    timer_arm(env, &w->timer,
              env_now_ns(env) +
                  config_i64(s->owner->config, s->owner->kind->write_timeout_ms) * NS_PER_MS);
    int16_t err = s->owner->store(s, batch, w);
    buf_unref(batch);
    if (!err) return 0;
    timer_cancel(env, &w->timer);
    list_remove(&w->node);
    return err;
}

static void
silent_done(struct coordinator_write *w, int16_t err)
{
    (void)err;
    MEM_DELETE(&shard_env(w->shard)->mem, w);
}

int16_t
shard_write_silently(struct coordinator_shard *s, struct batch_builder *b)
{
    struct mem *mem = &shard_env(s)->mem;
    struct coordinator_write *w = MEM_NEW(mem, struct coordinator_write);
    w->done = silent_done;
    int16_t err = shard_write(s, b, w);
    if (err) MEM_DELETE(mem, w);
    return err;
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
