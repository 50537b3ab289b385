#include "sim/workload/workload.h"

#include "errors.h"

int64_t
workload_now(void *world)
{
    return world_now_ns(world);
}

struct topics {
    struct topics_args *args;
    struct env *env;
    struct client *c;
    struct admin_op op;
    struct timer again;
    int32_t at;
    int64_t deadline_ns;
};

static int64_t
timeout_ms(const struct topics *t)
{
    return t->args->timeout_ms ? t->args->timeout_ms : 60000;
}

static void
give_up(struct topics *t, int16_t error)
{
    t->args->error = error;
    t->args->failed_at = t->at;
    t->args->done = true;
}

static void create_next(struct topics *t);

static bool
all_have_leaders(const struct k_metadata_response *r)
{
    const struct k_metadata_response_metadata_response_topic *topic = r->topics;
    if (r->topics_n != 1 || topic->error_code || topic->partitions_n == 0) return false;
    for (int32_t i = 0; i < topic->partitions_n; i++)
        if (topic->partitions[i].error_code || topic->partitions[i].leader_id < 0) return false;
    return true;
}

static void
described(struct admin_op *op)
{
    struct topics *t = op->owner;
    if (!op->error && all_have_leaders(op->response)) {
        t->at++;
        create_next(t);
    } else if (env_now_ns(t->env) >= t->deadline_ns) {
        give_up(t, op->error ? op->error : K_ERR_LEADER_NOT_AVAILABLE);
    } else {
        timer_arm(t->env, &t->again, env_now_ns(t->env) + 20 * NS_PER_MS);
    }
}

static void
topics_describe(struct timer *timer)
{
    struct topics *t = CONTAINER_OF(timer, struct topics, again);
    t->op.done = described;
    admin_metadata(t->c, &t->op, t->args->topics[t->at].name);
}

static void topics_create(struct topics *t);

static void
create_again(struct timer *timer)
{
    topics_create(CONTAINER_OF(timer, struct topics, again));
}

static void
created(struct admin_op *op)
{
    struct topics *t = op->owner;
    /* Brokers may still be on their way up. */
    if (op->error == K_ERR_INVALID_REPLICATION_FACTOR && env_now_ns(t->env) < t->deadline_ns) {
        t->again.due = create_again;
        timer_arm(t->env, &t->again, env_now_ns(t->env) + 100 * NS_PER_MS);
        return;
    }
    if (op->error && op->error != K_ERR_TOPIC_ALREADY_EXISTS) {
        give_up(t, op->error);
        return;
    }
    t->deadline_ns = env_now_ns(t->env) + timeout_ms(t) * NS_PER_MS;
    t->again.due = topics_describe;
    timer_arm(t->env, &t->again, env_now_ns(t->env));
}

static void
topics_create(struct topics *t)
{
    t->op.done = created;
    t->op.owner = t;
    t->op.timeout_ms = timeout_ms(t);
    admin_create_topic(t->c, &t->op, &t->args->topics[t->at]);
}

static void
create_next(struct topics *t)
{
    if (t->at == t->args->topics_n) {
        t->args->done = true;
        return;
    }
    t->deadline_ns = env_now_ns(t->env) + timeout_ms(t) * NS_PER_MS;
    topics_create(t);
}

void
topics_start(struct env *env, void *topics_args)
{
    struct topics *t = env->machine = MEM_NEW(&env->mem, struct topics);
    t->args = topics_args;
    t->env = env;
    t->again.due = topics_describe;
    t->c = client_new(env, &t->args->client);
    CHECK(t->c);
    t->args->done = false;
    t->args->error = K_ERR_NONE;
    create_next(t);
}
