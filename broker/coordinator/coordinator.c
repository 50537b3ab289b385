#include "broker/coordinator/coordinator.h"

#include "broker/base/check.h"
#include "broker/base/java_hash.h"
#include "errors.h"

struct mem *
coordinator_mem(struct coordinator *c)
{
    return &c->env->purses[c->kind->purse];
}

int32_t
coordinator_partition(struct slice id, int32_t n)
{
    return java_abs(java_string_hash(id)) % n;
}

struct coordinator_shard *
coordinator_shard_at(struct coordinator *c, int32_t index)
{
    while (c->shards.n <= index) {
        struct coordinator_shard *s = c->kind->shard_new(c);
        s->owner = c;
        s->index = (int32_t)c->shards.n;
        s->leader_epoch = -1;
        list_init(&s->writes);
        VEC_PUSH(&c->env->mem, &c->shards, s);
    }
    return c->shards.v[index];
}

struct coordinator_shard *
coordinator_shard_of(struct coordinator *c, struct slice id, int16_t *ret_err)
{
    const struct image_topic *t = image_topic(c->image, c->topic);
    *ret_err = K_ERR_NOT_COORDINATOR;
    if (!t || t->partitions_n == 0 || c->stopped) return NULL;
    int32_t index = coordinator_partition(id, t->partitions_n);
    struct coordinator_shard *s = index < c->shards.n ? c->shards.v[index] : NULL;
    if (!s || s->state == SHARD_NONE || s->state == SHARD_FAILED) return NULL;
    *ret_err = s->state == SHARD_LOADING ? K_ERR_COORDINATOR_LOAD_IN_PROGRESS : 0;
    return *ret_err ? NULL : s;
}

/* ---- answers ---- */

static void
give_answers(struct task *t)
{
    struct coordinator *c = CONTAINER_OF(t, struct coordinator, answer_task);
    for (struct list *n; (n = list_pop_front(&c->answers)) != NULL;) {
        struct coordinator_call *call = LIST_ENTRY(n, struct coordinator_call, node);
        call->done(call, call->response);
    }
}

void
coordinator_answer(struct coordinator *c, struct coordinator_call *call, void *response)
{
    CHECK(!list_is_linked(&call->node));
    call->response = response;
    list_push_back(&c->answers, &call->node);
    defer(c->env, &c->answer_task);
}

/* ---- duties ---- */

static void
arm_duty(struct coordinator_timer *t)
{
    struct coordinator *c = t->owner;
    int64_t interval_ns = ns_of_ms(config_i64(c->config, t->duty->interval_ms));
    timer_arm(c->env, &t->timer, env_now_ns(c->env) + interval_ns);
}

static void
duty_due(struct timer *timer)
{
    struct coordinator_timer *t = CONTAINER_OF(timer, struct coordinator_timer, timer);
    struct coordinator *c = t->owner;
    for (int64_t i = 0; i < c->shards.n; i++)
        if (c->shards.v[i]->state == SHARD_ACTIVE) t->duty->run(c->shards.v[i]);
    arm_duty(t);
}

/* ---- beginning and end ---- */

static void
partition_written(struct append_waiter *w, int16_t err)
{
    coordinator_write_done(CONTAINER_OF(w, struct coordinator_write, waiter), err);
}

static int16_t
store_in_partition(struct coordinator_shard *s, struct buf *batch, struct coordinator_write *w)
{
    if (batch) {
        struct seg seg = {.buf = batch, .bytes = buf_slice(batch)};
        struct log_append a = {.segs = &seg,
                               .segs_n = 1,
                               .origin = APPEND_COORDINATOR,
                               .guard = w->guard,
                               .unverified = w->unverified,
                               .append_time_ms = -1};
        int16_t err = partition_append(s->partition, &a, -1);
        if (err) return err;
        s->written_end = a.last_offset + 1;
    }
    w->waiter.done = partition_written;
    w->waiter.required = s->written_end;
    w->waiter.all = true;
    partition_wait(s->partition, &w->waiter);
    return 0;
}

void
coordinator_init(struct coordinator *c, const struct coordinator_kind *kind, struct env *env,
                 const struct config *config, const struct image *image)
{
    c->kind = kind;
    c->topic = slice_cstr(kind->topic);
    c->env = env;
    c->config = config;
    c->image = image;
    c->store = store_in_partition;
    c->answer_task.run = give_answers;
    list_init(&c->answers);
    for (int i = 0; i < COORDINATOR_DUTIES_MAX; i++) {
        if (!kind->duties[i].run) continue;
        c->timers[i] =
            (struct coordinator_timer){.timer.due = duty_due, .owner = c, .duty = &kind->duties[i]};
        arm_duty(&c->timers[i]);
    }
}

void
coordinator_stop(struct coordinator *c)
{
    c->stopped = true;
    for (int i = 0; i < COORDINATOR_DUTIES_MAX; i++) timer_cancel(c->env, &c->timers[i].timer);
}
