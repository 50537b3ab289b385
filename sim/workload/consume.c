#include "errors.h"
#include "sim/workload/read.h"

/* Where a partition was read when what came next was gone; until it is known what is there now. */
struct gap {
    int32_t partition;
    int64_t from;
};

struct eater {
    struct consume_args *args;
    struct env *env;
    struct client *c;
    struct consumer *consumer;
    struct client_watcher watcher;
    struct reading_of of;
    struct timer look;
    struct lookup lookup;
    int64_t op; /* of the lookup */
    VEC(struct gap) gaps;
    int32_t assigned, asks; /* partitions; the one whose end is asked for next */
};

#define LOOK_EVERY_NS NS_PER_S

struct consume_args
consume_args_default(struct history *h, struct slice name, struct client_params client,
                     struct slice topic)
{
    return (struct consume_args){.history = h,
                                 .name = name,
                                 .client = client,
                                 .consumer = consumer_params_default(),
                                 .topic = topic,
                                 .partition = -1,
                                 .offset = OFFSET_EARLIEST,
                                 .at_ms = -1,
                                 .node_id = -1,
                                 .watch_end = true};
}

/* ---- what is heard ------------------------------------------------------------------------------- */

static void
on_records(void *owner, struct assigned *a, const struct polled *p)
{
    struct eater *e = owner;
    (void)a;
    e->args->read += read_note_poll(&e->of, e->env, p);
}

static void
on_truncated(void *owner, struct assigned *a, int64_t position, int32_t epoch, int64_t end_offset)
{
    struct eater *e = owner;
    e->args->truncations++;
    read_note(&e->of, HISTORY_TRUNCATION, assigned_partition(a), end_offset, epoch, K_ERR_NONE);
    read_note(&e->of, HISTORY_ASSIGN, assigned_partition(a), MIN(position, end_offset), -1,
              K_ERR_NONE);
}

static void
on_out_of_range(void *owner, struct assigned *a, int64_t position)
{
    struct eater *e = owner;
    read_note(&e->of, HISTORY_OUT_OF_RANGE, assigned_partition(a), position, -1,
              K_ERR_OFFSET_OUT_OF_RANGE);
    struct gap gap = {assigned_partition(a), position};
    VEC_PUSH(&e->env->mem, &e->gaps, gap);
}

static void
on_corrupt(void *owner, struct assigned *a, int64_t offset, enum batch_err err)
{
    struct eater *e = owner;
    read_note(&e->of, HISTORY_CORRUPT, assigned_partition(a), offset, -1, batch_err_code(err));
}

static void
on_error(void *owner, struct assigned *a, int16_t error)
{
    struct eater *e = owner;
    (void)a;
    (void)error;
    e->args->errors++;
}

/* Of a log that begins behind where it stood. */
static void
end_gap(struct eater *e, int32_t partition, int64_t to)
{
    for (int64_t i = e->gaps.n - 1; i >= 0; i--) {
        if (e->gaps.v[i].partition != partition) continue;
        e->args->skipped +=
            read_tell_gap(e->args->name, e->args->topic, partition, e->gaps.v[i].from, to,
                          READ_WAS_REMOVED, e->args->told, e->args->ctx);
        VEC_REMOVE_AT(&e->gaps, i);
    }
}

static void
on_positioned(void *owner, struct assigned *a, int64_t offset)
{
    struct eater *e = owner;
    read_note(&e->of, HISTORY_ASSIGN, assigned_partition(a), offset, -1, K_ERR_NONE);
    end_gap(e, assigned_partition(a), offset);
}

static const struct consumer_ops ops = {.records = on_records,
                                        .truncated = on_truncated,
                                        .out_of_range = on_out_of_range,
                                        .corrupt = on_corrupt,
                                        .error = on_error,
                                        .positioned = on_positioned};

/* ---- the log's end, now and then ------------------------------------------------------------------ */

static void
looked(struct lookup *l)
{
    struct eater *e = l->owner;
    struct history *h = e->args->history;
    int32_t partition = h->ops.v[e->op].partition;
    h->ops.v[e->op].leader_epoch = l->leader_epoch;
    history_complete(h, e->op, l->error ? HISTORY_INFO : HISTORY_OK, l->error, partition,
                     l->error ? -1 : l->offset);
    timer_arm(e->env, &e->look, env_now_ns(e->env) + LOOK_EVERY_NS);
}

static void
look_for_end(struct timer *t)
{
    struct eater *e = CONTAINER_OF(t, struct eater, look);
    int32_t partition = e->args->partition >= 0 ? e->args->partition : e->asks++ % e->assigned;
    struct history_op op =
        history_op_new(HISTORY_END, e->of.process, read_topic(&e->of), partition);
    op.read_committed = e->of.read_committed;
    e->op = history_invoke(e->args->history, &op);
    e->lookup.done = looked;
    e->lookup.owner = e;
    client_list_offsets(e->c, &e->lookup, e->args->topic, partition, OFFSET_LATEST,
                        e->of.read_committed, e->args->client.request_timeout_ms);
}

/* ---- beginning ------------------------------------------------------------------------------------ */

static void
assign(struct eater *e, int32_t partition)
{
    struct consume_args *a = e->args;
    struct assigned *one = consumer_assign(e->consumer, a->topic, partition, a->offset, a->node_id);
    if (a->at_ms >= 0) assigned_seek_time(one, a->at_ms);
    else if (a->offset >= 0)
        read_note(&e->of, HISTORY_ASSIGN, partition, a->offset, -1, K_ERR_NONE);
    e->assigned++;
}

static void
eater_metadata_changed(struct client_watcher *w)
{
    struct eater *e = CONTAINER_OF(w, struct eater, watcher);
    int32_t n = client_partitions_n(e->c, e->args->topic);
    if (e->assigned > 0 || n <= 0) return;
    if (e->args->partition >= 0) assign(e, e->args->partition);
    else
        for (int32_t i = 0; i < n; i++) assign(e, i);
    if (e->args->watch_end) timer_arm(e->env, &e->look, env_now_ns(e->env) + LOOK_EVERY_NS);
}

void
consume_start(struct env *env, void *consume_args)
{
    struct eater *e = env->machine = MEM_NEW(&env->mem, struct eater);
    struct consume_args *a = e->args = consume_args;
    struct consumer_params p = a->consumer;
    e->env = env;
    e->of = (struct reading_of){.history = a->history,
                                .process = history_process(a->history, a->name),
                                .topic = history_topic(a->history, a->topic),
                                .node = a->node_id,
                                .read_committed = p.read_committed};
    e->look.due = look_for_end;
    e->c = client_new(env, &a->client);
    CHECK(e->c);
    e->of.client = e->c;
    p.ops = &ops;
    p.owner = e;
    e->consumer = consumer_new(e->c, &p);
    e->watcher.changed = eater_metadata_changed;
    client_watch(e->c, &e->watcher);
    client_want_topic(e->c, a->topic);
}
