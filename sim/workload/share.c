/* A member of a share group: works on the records that it is given, then says of each what became of it. Every so-many-th
 * it gives back, or rejects; there may be such that it never gets over, and says nothing of. A paused machine that goes on is a zombie: it acknowledges what others have by then. */
#include "broker/client/share_consumer.h"
#include "errors.h"
#include "sim/workload/value.h"
#include "sim/workload/workload.h"

#define POLL_AGAIN_NS (10 * NS_PER_MS)

struct share_item {
    struct uuid topic_id;
    int32_t partition;
    int64_t offset;
};

struct sharer {
    struct share_args *args;
    struct env *env;
    struct share_consumer *consumer;
    int32_t process, group;
    VEC(struct share_item) items; /* given, not decided on */
    struct timer worked, again;
    int64_t decided;
};

struct share_args
share_args_default(struct history *h, struct slice name, struct client_params client)
{
    return (struct share_args){.history = h,
                               .name = name,
                               .client = client,
                               .share = share_consumer_params_default(),
                               .until_ns = TIME_NEVER};
}

static void
sharer_note(const struct sharer *s, enum history_kind kind)
{
    struct history_op op =
        history_op_new(kind, s->process, history_topic(s->args->history, s->args->share.topic), -1);
    op.node = s->group;
    history_add(s->args->history, &op, HISTORY_OK, NULL, 0);
}

static void
sharer_poll(struct sharer *s)
{
    struct share_args *a = s->args;
    if (a->done) return;
    if (a->stop || a->history->now(a->history->ctx) >= a->until_ns)
        share_consumer_leave(s->consumer);
    else share_consumer_poll(s->consumer);
}

static void
poll_is_due(struct timer *t)
{
    sharer_poll(CONTAINER_OF(t, struct sharer, again));
}

/* ---- what it is given ----------------------------------------------------------------------------- */

static bool
is_at_every(int64_t offset, int64_t n)
{
    return n && offset % n == 0;
}

/* Whoever dies of one of them says nothing of the others either. */
static bool
dies_of(const struct sharer *s, const struct share_given *g)
{
    for (int32_t i = 0; i < g->n; i++)
        if (is_at_every(g->records[i].offset, s->args->dies_at_every)) return true;
    return false;
}

/* Which topic of this name it is. */
static int32_t
shared_topic(const struct sharer *s, struct uuid id)
{
    return history_topic_of(s->args->history, s->args->share.topic, id);
}

static void
sharer_records(void *owner, const struct share_given *g)
{
    struct sharer *s = owner;
    struct history *h = s->args->history;
    struct mem *mem = &s->env->mem;
    VEC(struct history_read) reads = {0};
    bool dies = dies_of(s, g);
    for (int32_t i = 0; i < g->n; i++) {
        struct share_item item = {g->topic_id, g->partition, g->records[i].offset};
        struct history_read r = {.offset = g->records[i].offset, .leader_epoch = g->counts[i]};
        bool fails = dies || is_at_every(item.offset, s->args->fails_at_every);
        if (!fails) VEC_PUSH(mem, &s->items, item);
        if (value_of_record(&g->records[i], &r.value)) VEC_PUSH(mem, &reads, r);
    }
    struct history_op op =
        history_op_new(HISTORY_GIVEN, s->process, shared_topic(s, g->topic_id), g->partition);
    op.node = s->group;
    op.leader_epoch = g->broker;
    /* How long ago the fetch was sent, by this machine's clock. */
    op.key = h->now(h->ctx) - (env_now_ns(s->env) - g->asked_ns);
    history_add(h, &op, HISTORY_OK, reads.v, reads.n);
    VEC_RELEASE(mem, &reads);
    s->args->given += g->n;
    s->args->last_given_ns = h->now(h->ctx);
}

static void
sharer_fetched(void *owner)
{
    struct sharer *s = owner;
    if (s->items.n == 0) timer_arm(s->env, &s->again, env_now_ns(s->env) + POLL_AGAIN_NS);
    else timer_arm(s->env, &s->worked, env_now_ns(s->env) + s->items.n * s->args->work_ns);
}

/* ---- what it decides ------------------------------------------------------------------------------ */

static enum share_decision
decision_of(struct sharer *s)
{
    const struct share_args *a = s->args;
    s->decided++;
    if (a->reject_every && s->decided % a->reject_every == 0) return SHARE_DECIDE_REJECT;
    if (a->release_every && s->decided % a->release_every == 0) return SHARE_DECIDE_RELEASE;
    return SHARE_DECIDE_ACCEPT;
}

static void
sharer_decide(struct sharer *s, struct share_decided d)
{
    struct history_op op =
        history_op_new(HISTORY_ACKNOWLEDGE, s->process, shared_topic(s, d.topic_id), d.partition);
    op.node = s->group;
    op.offset = d.first;
    op.key = d.last;
    op.acks = (int16_t)d.decision;
    d.user = (void *)(intptr_t)(history_invoke(s->args->history, &op) + 1);
    share_consumer_acknowledge(s->consumer, &d);
}

/* Neighbours with the same fate go together. */
static void
sharer_worked(struct timer *t)
{
    struct sharer *s = CONTAINER_OF(t, struct sharer, worked);
    struct share_decided d = {0};
    int64_t n = s->items.n;
    for (int64_t i = 0; i < n; i++) {
        const struct share_item *item = &s->items.v[i];
        enum share_decision decision = decision_of(s);
        bool goes_on = i > 0 && d.partition == item->partition && d.decision == decision &&
                       d.last + 1 == item->offset && uuid_eq(d.topic_id, item->topic_id);
        if (goes_on) {
            d.last++;
            continue;
        }
        if (i > 0) sharer_decide(s, d);
        d = (struct share_decided){item->topic_id, item->partition, item->offset,
                                   item->offset,   decision,        NULL};
    }
    s->items.n = 0;
    if (n > 0) sharer_decide(s, d);
    sharer_poll(s);
}

static void
sharer_acknowledged(void *owner, const struct share_decided *d, int16_t error, bool in_doubt)
{
    struct sharer *s = owner;
    enum history_outcome outcome = !error ? HISTORY_OK : in_doubt ? HISTORY_INFO : HISTORY_FAIL;
    /* What a coordinator has not answered in time may be written yet. */
    if (error == K_ERR_COORDINATOR_NOT_AVAILABLE || error == K_ERR_NOT_LEADER_OR_FOLLOWER ||
        error == K_ERR_UNKNOWN_SERVER_ERROR)
        outcome = HISTORY_INFO;
    if (!d->user) return; /* a gap */
    if (!error) s->args->acknowledged += d->last - d->first + 1;
    history_complete(s->args->history, (int64_t)(intptr_t)d->user - 1, outcome, error, d->partition,
                     d->first);
}

static void
sharer_refused(void *owner, int16_t error)
{
    struct sharer *s = owner;
    s->args->error = error;
    s->args->done = true;
}

static void
sharer_start_offset(void *owner, struct uuid topic_id, int32_t partition, int64_t offset,
                    int64_t asked_ns)
{
    struct sharer *s = owner;
    struct history *h = s->args->history;
    struct history_op op =
        history_op_new(HISTORY_START, s->process, shared_topic(s, topic_id), partition);
    op.node = s->group;
    op.offset = offset;
    op.key = h->now(h->ctx) - (env_now_ns(s->env) - asked_ns);
    history_add(h, &op, HISTORY_OK, NULL, 0);
}

static void
sharer_left(void *owner)
{
    struct sharer *s = owner;
    sharer_note(s, HISTORY_LEAVE);
    s->args->done = true;
}

static const struct share_consumer_ops sharer_ops = {.records = sharer_records,
                                                     .acknowledged = sharer_acknowledged,
                                                     .fetched = sharer_fetched,
                                                     .refused = sharer_refused,
                                                     .left = sharer_left,
                                                     .start_offset = sharer_start_offset};

void
share_start(struct env *env, void *share_args)
{
    struct share_args *a = share_args;
    struct sharer *s = MEM_NEW(&env->mem, struct sharer);
    s->args = a;
    s->env = env;
    s->process = history_process(a->history, a->name);
    s->group = history_group(a->history, a->share.group_id);
    s->worked.due = sharer_worked;
    s->again.due = poll_is_due;
    sharer_note(s, HISTORY_BEGIN);
    a->done = false;
    struct share_consumer_params p = a->share;
    p.ops = &sharer_ops;
    p.owner = s;
    s->consumer = share_consumer_new(client_new(env, &a->client), &p);
    sharer_poll(s);
}
