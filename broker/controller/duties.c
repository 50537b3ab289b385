/* What the active controller does though nobody asks:
 *
 *     beat                 a record in an idle log, so that brokers see how far behind they are (KIP-835)
 *     preferred leaders    partitions go back to their first replica (auto.leader.rebalance.enable)
 *     unclean elections    leaderless partitions whose topic allows it get any living replica
 *
 * Sessions have a file of their own. The elections look at the partitions without preferred leader only
 * (imbalance.c), and take a part of them at a time: a batch must fit into the log, and others wait. */
#include "broker/controller/internal.h"

#include "broker/protocol/schema.h"

#define ELECTIONS_PER_BATCH 1000 /* as Kafka's MAX_ELECTIONS_PER_IMBALANCE … */
#define NEXT_BATCH_MS 10         /* … and its wait before the rest of them */

/* ---- the beat of an idle log ------------------------------------------------------------------- */

static void
beat_arm(struct controller *c)
{
    c->is_idle = true;
    if (c->options.noop_interval_ms > 0)
        timer_arm(c->env, &c->noop_timer,
                  env_now_ns(c->env) + c->options.noop_interval_ms * NS_PER_MS);
}

static void
beat_due(struct timer *t)
{
    struct controller *c = CONTAINER_OF(t, struct controller, noop_timer);
    if (c->is_idle) {
        struct k_no_op_record r;
        codec_default(K_MSG_NO_OP_RECORD, &r);
        batch_add(c, K_MSG_NO_OP_RECORD, 0, &r);
        (void)batch_propose(c);
    }
    beat_arm(c);
}

/* ---- elections --------------------------------------------------------------------------------- */

static void
elections_arm(struct controller *c, struct timer *t, int64_t ms)
{
    if (ms > 0) timer_arm(c->env, t, env_now_ns(c->env) + ns_of_ms(ms));
}

/* Adds the election that the duty is about to the batch; or nothing. */
typedef void add_election(struct controller *c, const struct image_partition *p);

/* One batch. The next one comes soon when this one was full, else when the interval has passed. */
static void
elect_some(struct controller *c, struct timer *t, int64_t interval_ms, add_election *add)
{
    struct imbalance_walk walk = {0};
    const struct image_partition *p;
    while (c->batch.n < ELECTIONS_PER_BATCH && (p = imbalance_next(c, &walk)) != NULL) add(c, p);
    bool is_full = c->batch.n >= ELECTIONS_PER_BATCH;
    bool taken = batch_propose(c);
    elections_arm(c, t, is_full && taken ? NEXT_BATCH_MS : interval_ms);
}

static void
add_preferred(struct controller *c, const struct image_partition *p)
{
    struct k_partition_change_record r;
    if (elect_preferred(c, p, &c->env->scratch, &r))
        batch_add(c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
}

static void
preferred_due(struct timer *t)
{
    struct controller *c = CONTAINER_OF(t, struct controller, preferred_timer);
    elect_some(c, t, c->options.rebalance_interval_ms, add_preferred);
}

static void
add_unclean(struct controller *c, const struct image_partition *p)
{
    struct k_partition_change_record r;
    struct change ch = change_of(c, p);
    if (p->leader != NO_LEADER || ch.election != ELECT_UNCLEAN) return;
    if (change_decide(c, &ch, &c->env->scratch, &r) && r.leader != NO_LEADER_CHANGE)
        batch_add(c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
}

static void
unclean_due(struct timer *t)
{
    struct controller *c = CONTAINER_OF(t, struct controller, unclean_timer);
    elect_some(c, t, c->options.unclean_interval_ms, add_unclean);
}

/* Who allows unclean elections while partitions have no leader wants one now, not in five minutes. The
 * elections come behind the change, in a batch of their own. */
static void
elect_after_change(struct controller *c, const struct image_delta *d)
{
    bool concerned = false;
    for (int64_t i = 0; i < d->configs.n; i++)
        concerned |=
            d->configs.v[i].type == RESOURCE_TOPIC || d->configs.v[i].type == RESOURCE_BROKER;
    if (concerned && c->imbalance.n > 0) timer_arm(c->env, &c->unclean_timer, env_now_ns(c->env));
}

/* ---- all of them ------------------------------------------------------------------------------- */

void
duties_init(struct controller *c)
{
    c->noop_timer.due = beat_due;
    c->preferred_timer.due = preferred_due;
    c->unclean_timer.due = unclean_due;
}

void
duties_begin(struct controller *c)
{
    beat_arm(c);
    elections_arm(c, &c->preferred_timer, c->options.rebalance_interval_ms);
    elections_arm(c, &c->unclean_timer, c->options.unclean_interval_ms);
}

void
duties_take(struct controller *c, const struct image_delta *d)
{
    imbalance_take(c, d);
    elect_after_change(c, d);
}

void
duties_end(struct controller *c)
{
    timer_cancel(c->env, &c->noop_timer);
    timer_cancel(c->env, &c->preferred_timer);
    timer_cancel(c->env, &c->unclean_timer);
    imbalance_end(c);
}
