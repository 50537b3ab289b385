#include "errors.h"
#include "sim/workload/letters.h"

/* One partition from one replica. The leader's own knows the end; the others wait for it. */
struct final_part;
struct final_reading {
    struct reading_of of;
    struct final_part *part;
    struct assigned *assigned;
    bool finished;
};

struct final_part {
    struct final *f;
    struct slice topic;
    int32_t topic_index, partition;
    bool is_of_letters;
    int64_t end, stable_since_ns; /* end -1: not known yet */
    bool is_open;                 /* readers of committed records come no further, others do */
    struct lookup lookup;
    struct timer again;
    int64_t op;
    VEC(struct final_reading *) readings; /* the leader's first */
};

struct final {
    struct final_args *args;
    struct env *env;
    struct client *c;
    struct consumer *consumer;
    struct admin_op op;
    struct timer again, deadline;
    int32_t process, topics_at;
    VEC(struct final_part *) parts;
};

struct final_args
final_args_default(struct history *h, struct slice name, struct client_params client)
{
    return (struct final_args){.history = h,
                               .name = name,
                               .client = client,
                               .followers = true,
                               .stable_ms = 500,
                               .until_ns = TIME_NEVER};
}

static int32_t
topics_n(const struct final_args *a)
{
    return a->topics_n + a->letters_n;
}

/* ---- ends ---------------------------------------------------------------------------------------- */

static void
look_whether_finished(struct final_reading *r)
{
    struct final_part *p = r->part;
    struct final_args *a = p->f->args;
    int64_t stable_ns = env_now_ns(p->f->env) - p->stable_since_ns;
    if (r->finished || p->end < 0 || stable_ns < a->stable_ms * NS_PER_MS) return;
    if (p->is_open || assigned_position(r->assigned) < p->end) return;
    r->finished = true;
    read_note(&r->of, HISTORY_FINAL_END, p->partition, p->end, -1, K_ERR_NONE);
    a->finished++;
    if (a->finished < a->readings || p->f->topics_at < topics_n(a)) return;
    a->done = a->complete = true;
}

static void
part_look(struct final_part *p)
{
    for (int64_t i = 0; i < p->readings.n; i++) look_whether_finished(p->readings.v[i]);
}

static void
ask_again_soon(struct final_part *p)
{
    part_look(p);
    if (p->f->args->done) return;
    int64_t wait_ms = MAX(1, p->f->args->stable_ms / 2);
    timer_arm(p->f->env, &p->again, env_now_ns(p->f->env) + wait_ms * NS_PER_MS);
}

/* Where a transaction is open, and nobody ends it, the end that was told is none. */
static void
whole_end_known(struct lookup *l)
{
    struct final_part *p = l->owner;
    if (!l->error) p->is_open = l->offset > p->end;
    if (p->is_open) {
        p->f->args->open_topic = p->topic;
        p->f->args->open_partition = p->partition;
        p->f->args->open_from = p->end;
    }
    ask_again_soon(p);
}

static void
end_known(struct lookup *l)
{
    struct final_part *p = l->owner;
    struct history *h = p->f->args->history;
    int64_t now = env_now_ns(p->f->env);
    h->ops.v[p->op].leader_epoch = l->leader_epoch;
    history_complete(h, p->op, l->error ? HISTORY_INFO : HISTORY_OK, l->error, p->partition,
                     l->error ? -1 : l->offset);
    if (!l->error && l->offset != p->end) {
        p->end = l->offset;
        p->stable_since_ns = now;
    }
    if (l->error || !p->f->args->read_committed) {
        ask_again_soon(p);
        return;
    }
    p->lookup.done = whole_end_known;
    client_list_offsets(p->f->c, &p->lookup, p->topic, p->partition, OFFSET_LATEST, false,
                        p->f->args->client.request_timeout_ms);
}

static void
final_ask_end(struct timer *t)
{
    struct final_part *p = CONTAINER_OF(t, struct final_part, again);
    struct history_op op = history_op_new(HISTORY_END, p->f->process, p->topic_index, p->partition);
    op.is_final = true;
    op.read_committed = p->f->args->read_committed;
    p->op = history_invoke(p->f->args->history, &op);
    p->lookup.done = end_known;
    p->lookup.owner = p;
    client_list_offsets(p->f->c, &p->lookup, p->topic, p->partition, OFFSET_LATEST,
                        p->f->args->read_committed, p->f->args->client.request_timeout_ms);
}

/* ---- what is heard ------------------------------------------------------------------------------- */

static void
on_records(void *owner, struct assigned *a, const struct polled *polled)
{
    struct final *f = owner;
    struct final_reading *r = assigned_user(a);
    int64_t n = r->part->is_of_letters ? letters_note_poll(&r->of, f->env, polled)
                                       : read_note_poll(&r->of, f->env, polled);
    if (r->of.node < 0) f->args->read += n;
    look_whether_finished(r);
}

static void
on_at_end(void *owner, struct assigned *a, int64_t position, int64_t high_watermark)
{
    (void)owner;
    (void)position;
    (void)high_watermark;
    look_whether_finished(assigned_user(a));
}

static void
on_truncated(void *owner, struct assigned *a, int64_t position, int32_t epoch, int64_t end_offset)
{
    struct final_reading *r = assigned_user(a);
    (void)owner;
    read_note(&r->of, HISTORY_TRUNCATION, assigned_partition(a), end_offset, epoch, K_ERR_NONE);
    read_note(&r->of, HISTORY_ASSIGN, assigned_partition(a), MIN(position, end_offset), -1,
              K_ERR_NONE);
}

static void
on_corrupt(void *owner, struct assigned *a, int64_t offset, enum batch_err err)
{
    struct final_reading *r = assigned_user(a);
    (void)owner;
    read_note(&r->of, HISTORY_CORRUPT, assigned_partition(a), offset, -1, batch_err_code(err));
}

static void
on_positioned(void *owner, struct assigned *a, int64_t offset)
{
    struct final_reading *r = assigned_user(a);
    (void)owner;
    read_note(&r->of, HISTORY_ASSIGN, assigned_partition(a), offset, -1, K_ERR_NONE);
    look_whether_finished(r);
}

static const struct consumer_ops ops = {.records = on_records,
                                        .at_end = on_at_end,
                                        .truncated = on_truncated,
                                        .corrupt = on_corrupt,
                                        .positioned = on_positioned};

/* ---- what there is to read ------------------------------------------------------------------------ */

/* Each replica's reading is a process of its own in the history: its polls have their own order. */
static void
reading_add(struct final_part *p, int32_t node)
{
    struct final *f = p->f;
    struct mem *mem = &f->env->mem;
    struct writer w = writer_mem(mem);
    struct final_reading *r = MEM_NEW(mem, struct final_reading);
    fmt_slice(&w, f->args->name);
    if (node >= 0) {
        fmt_char(&w, '@');
        fmt_i64(&w, node);
    }
    r->of = (struct reading_of){.history = f->args->history,
                                .process = history_process(f->args->history, writer_slice(&w)),
                                .topic = history_topic(f->args->history, p->topic),
                                .client = f->c,
                                .node = node,
                                .is_final = true,
                                .read_committed = f->args->read_committed};
    writer_release(&w);
    r->part = p;
    r->assigned = consumer_assign(f->consumer, p->topic, p->partition, OFFSET_EARLIEST, node);
    assigned_set_user(r->assigned, r);
    VEC_PUSH(mem, &p->readings, r);
    f->args->readings++;
}

static void
part_add(struct final *f, struct slice topic, struct uuid id, bool is_of_letters,
         const struct k_metadata_response_metadata_response_partition *of)
{
    struct final_part *p = MEM_NEW(&f->env->mem, struct final_part);
    p->f = f;
    p->topic = topic;
    p->topic_index = history_topic_of(f->args->history, topic, id);
    p->partition = of->partition_index;
    p->is_of_letters = is_of_letters;
    p->end = -1;
    p->again.due = final_ask_end;
    VEC_PUSH(&f->env->mem, &f->parts, p);
    f->args->partitions++;
    reading_add(p, -1);
    for (int32_t i = 0; f->args->followers && !is_of_letters && i < of->replica_nodes_n; i++)
        if (of->replica_nodes[i] != of->leader_id) reading_add(p, of->replica_nodes[i]);
    timer_arm(f->env, &p->again, env_now_ns(f->env));
}

/* The next one to be read. */
static struct slice
topic_at(const struct final *f, bool *ret_is_of_letters)
{
    const struct final_args *a = f->args;
    *ret_is_of_letters = f->topics_at >= a->topics_n;
    return *ret_is_of_letters ? a->letters[f->topics_at - a->topics_n] : a->topics[f->topics_at];
}

static bool
is_readable(const struct k_metadata_response *r)
{
    if (r->topics_n != 1 || r->topics->error_code || r->topics->partitions_n == 0) return false;
    for (int32_t i = 0; i < r->topics->partitions_n; i++)
        if (r->topics->partitions[i].leader_id < 0) return false;
    return true;
}

static void
described(struct admin_op *op)
{
    struct final *f = op->owner;
    const struct k_metadata_response *r = op->response;
    if (f->args->done) return;
    if (op->error || !is_readable(r)) {
        timer_arm(f->env, &f->again, env_now_ns(f->env) + 50 * NS_PER_MS);
        return;
    }
    bool is_of_letters;
    struct slice topic = topic_at(f, &is_of_letters);
    f->topics_at++;
    for (int32_t i = 0; i < r->topics->partitions_n; i++)
        part_add(f, topic, r->topics->topic_id, is_of_letters, &r->topics->partitions[i]);
    if (f->topics_at < topics_n(f->args)) timer_arm(f->env, &f->again, env_now_ns(f->env));
}

static void
final_describe(struct timer *t)
{
    struct final *f = CONTAINER_OF(t, struct final, again);
    f->op.done = described;
    f->op.owner = f;
    f->op.timeout_ms = f->args->client.request_timeout_ms;
    bool is_of_letters;
    admin_metadata(f->c, &f->op, topic_at(f, &is_of_letters));
}

static void
give_up(struct timer *t)
{
    struct final *f = CONTAINER_OF(t, struct final, deadline);
    f->args->done = true;
}

void
final_start(struct env *env, void *final_args)
{
    struct final *f = env->machine = MEM_NEW(&env->mem, struct final);
    struct final_args *a = f->args = final_args;
    struct consumer_params p = consumer_params_default();
    f->env = env;
    f->process = history_process(a->history, a->name);
    f->c = client_new(env, &a->client);
    CHECK(f->c);
    p.ops = &ops;
    p.owner = f;
    p.read_committed = a->read_committed;
    p.max_wait_ms = (int32_t)MAX(1, MIN(500, a->stable_ms));
    p.request_timeout_ms = a->client.request_timeout_ms;
    f->consumer = consumer_new(f->c, &p);
    f->again.due = final_describe;
    f->deadline.due = give_up;
    a->done = a->complete = topics_n(a) == 0;
    a->partitions = a->readings = a->finished = 0;
    a->read = 0;
    if (topics_n(a) == 0) return;
    if (a->until_ns < TIME_NEVER)
        timer_arm(env, &f->deadline,
                  env_now_ns(env) + MAX(0, a->until_ns - a->history->now(a->history->ctx)));
    timer_arm(env, &f->again, env_now_ns(env));
}
