#include "sim/workload/value.h"
#include "sim/workload/workload.h"

struct maker {
    struct produce_args *args;
    struct env *env;
    struct producer *producer;
    struct timer tick;
    int32_t process, topic;
    int64_t interval_ns;
    uint8_t *value;
};

/* A send and its number in the history. */
struct making {
    struct send send;
    struct maker *maker;
    int64_t op;
};

struct produce_args
produce_args_default(struct history *h, struct slice name, struct client_params client,
                     struct slice topic)
{
    return (struct produce_args){.history = h,
                                 .name = name,
                                 .client = client,
                                 .producer = producer_params_default(),
                                 .topic = topic,
                                 .partition = -1,
                                 .rate_per_s = 100,
                                 .until_ns = TIME_NEVER,
                                 .value_bytes = 32,
                                 .pending_max = 1000,
                                 .silent_since_ns = -1};
}

static bool
maker_is_over(const struct maker *m)
{
    const struct produce_args *a = m->args;
    return a->stop || (a->count > 0 && a->sent >= a->count) ||
           a->history->now(a->history->ctx) >= a->until_ns;
}

static void
look_whether_done(struct maker *m)
{
    m->args->done = m->args->pending == 0 && maker_is_over(m);
}

/* It counts from the first send after the last acknowledgement; what fails does not end it. What comes after the last
 * record was due is the end of the run, with a test of its own. */
static void
look_at_silence(struct produce_args *a, bool is_acknowledged)
{
    int64_t now = MIN(a->history->now(a->history->ctx), a->until_ns);
    a->longest_silence_ns = MAX(a->longest_silence_ns, now - a->silent_since_ns);
    if (is_acknowledged) a->silent_since_ns = a->pending > 1 ? now : -1;
}

static void make_one(struct maker *m);

static void
making_ended(struct send *s)
{
    struct making *one = CONTAINER_OF(s, struct making, send);
    struct maker *m = one->maker;
    struct produce_args *a = m->args;
    enum history_outcome outcome = s->result == SEND_OK     ? HISTORY_OK
                                 : s->result == SEND_FAILED ? HISTORY_FAIL
                                                            : HISTORY_INFO;
    a->history->ops.v[one->op].node = s->node_id;
    if (outcome == HISTORY_OK) history_note_topic(a->history, one->op, s->topic_id);
    history_complete(a->history, one->op, outcome, s->error, s->partition, s->offset);
    a->acknowledged += outcome == HISTORY_OK;
    look_at_silence(a, outcome == HISTORY_OK);
    a->failed += outcome == HISTORY_FAIL;
    a->unknown += outcome == HISTORY_INFO;
    a->pending--;
    a->stats = *producer_stats(m->producer);
    MEM_DELETE(&m->env->mem, one);
    if (a->rate_per_s <= 0) make_one(m);
    look_whether_done(m);
}

static void
make_one(struct maker *m)
{
    struct produce_args *a = m->args;
    if (maker_is_over(m) || a->pending >= a->pending_max) return;
    struct making *one = MEM_NEW(&m->env->mem, struct making);
    struct history_op op = history_op_new(HISTORY_SEND, m->process, m->topic, a->partition);
    uint8_t room[VALUE_KEY_MAX];
    op.value = history_next_value(a->history, m->process);
    if (a->keys > 0) op.key = history_value_n(op.value) % a->keys;
    op.acks = a->producer.acks;
    op.idempotent = a->producer.idempotent;
    op.is_tombstone = a->tombstones > 0 && history_value_n(op.value) % a->tombstones == 0;
    value_write(op.value, m->value, a->value_bytes);
    one->maker = m;
    one->send.done = making_ended;
    struct slice value = slice(m->value, a->value_bytes);
    struct record_header id = {S(VALUE_HEADER), value};
    struct producer_record r = {.topic = a->topic,
                                .partition = a->partition,
                                .key = value_key(op.key, room),
                                .value = op.is_tombstone ? SLICE_NULL : value,
                                .headers = &id,
                                .headers_n = op.is_tombstone ? 1 : 0,
                                .timestamp = -1};
    if (!producer_send(m->producer, &one->send, &r)) { /* no room: this value is never used */
        MEM_DELETE(&m->env->mem, one);
        return;
    }
    one->op = history_invoke(a->history, &op);
    a->sent++;
    a->pending++;
    if (a->silent_since_ns < 0) a->silent_since_ns = a->history->now(a->history->ctx);
}

/* The next tick is counted from this one's due time, so that the rate holds. */
static void
tick(struct timer *t)
{
    struct maker *m = CONTAINER_OF(t, struct maker, tick);
    /* Armed before anything is sent: what a send arms for the time of the next one comes behind it. */
    if (m->interval_ns > 0) timer_arm(m->env, t, env_now_ns(m->env) + m->interval_ns);
    make_one(m);
    if (maker_is_over(m)) timer_cancel(m->env, t);
    look_whether_done(m);
}

void
produce_start(struct env *env, void *produce_args)
{
    struct maker *m = env->machine = MEM_NEW(&env->mem, struct maker);
    struct produce_args *a = m->args = produce_args;
    m->env = env;
    m->process = history_process(a->history, a->name);
    m->topic = history_topic(a->history, a->topic);
    m->value = mem_alloc(&env->mem, a->value_bytes);
    m->interval_ns = a->interval_ns    ? a->interval_ns
                   : a->rate_per_s > 0 ? NS_PER_S / a->rate_per_s
                                       : 0;
    m->tick.due = tick;
    struct client *c = client_new(env, &a->client);
    CHECK(c && a->value_bytes >= VALUE_BYTES_MIN);
    m->producer = producer_new(c, &a->producer);
    CHECK(m->producer);
    client_want_topic(c, a->topic);
    a->pending = 0;
    a->done = false;
    int64_t wait = MAX(0, a->from_ns - a->history->now(a->history->ctx));
    timer_arm(env, &m->tick, env_now_ns(env) + wait);
}
