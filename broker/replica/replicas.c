#include "broker/replica/replicas.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/replica/fetcher.h"
#include "broker/replica/missing_records.h"
#include "configs.h"

/* log.retention.check.interval.ms and replica.high.watermark.checkpoint.interval.ms are read from the
 * configuration; the ISR is looked at twice within the lag time, as Kafka does. */

static uint64_t
partition_hash(const struct replicas *r, struct uuid topic_id, int32_t index)
{
    return map_hash_i64(&r->partitions, (int64_t)load_be64(topic_id.b) ^ index,
                        (int64_t)load_be64(topic_id.b + 8));
}

struct partition_key {
    struct uuid topic_id;
    int32_t index;
};

static bool
partition_eq(const struct map_node *n, const void *key)
{
    const struct partition_key *k = key;
    const struct partition *p = CONTAINER_OF(n, const struct partition, by_id);
    return p->index == k->index && uuid_eq(p->topic_id, k->topic_id);
}

struct partition *
replicas_find(struct replicas *r, struct uuid topic_id, int32_t index)
{
    struct partition_key k = {topic_id, index};
    struct map_node *n =
        map_find(&r->partitions, partition_hash(r, topic_id, index), partition_eq, &k);
    return n ? CONTAINER_OF(n, struct partition, by_id) : NULL;
}

struct partition *
replicas_find_by_name(struct replicas *r, struct slice topic, int32_t index)
{
    const struct image_topic *t = image_topic(r->image, topic);
    return t ? replicas_find(r, t->id, index) : NULL;
}

/* ---- topics' settings ---- */

static bool
topic_config_eq(const struct map_node *n, const void *key)
{
    return slice_eq(CONTAINER_OF(n, const struct topic_config, by_name)->topic,
                    *(const struct slice *)key);
}

static struct topic_config *
replicas_topic_config(struct replicas *r, struct slice topic)
{
    uint64_t hash = map_hash(&r->topics, topic);
    struct map_node *n = map_find(&r->topics, hash, topic_config_eq, &topic);
    if (n) return CONTAINER_OF(n, struct topic_config, by_name);
    struct topic_config *t = MEM_NEW(&r->env->mem, struct topic_config);
    t->topic = mem_dup(&r->env->mem, topic);
    topic_config_load(t, r->config, r->image);
    map_insert(&r->topics, &t->by_name, hash);
    return t;
}

static void
reload_configs(struct replicas *r)
{
    MAP_EACH(&r->topics, t, struct topic_config, by_name) topic_config_load(t, r->config, r->image);
}

/* ---- a partition's life ---- */

static struct slice
partition_dir(struct replicas *r, const struct partition *p)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_slice(&w, r->log_dir);
    fmt_char(&w, '/');
    fmt_slice(&w, p->label);
    struct slice dir = arena_dup(&r->env->scratch, writer_slice(&w));
    writer_release(&w);
    return dir;
}

static void open_log(struct partition *p);

/* Opening a log takes files and memory for a while (its tail is read, small files with it): some at a
 * time, the others wait for their turn. */
#define LOGS_OPENING_MAX 32

static void
open_some_logs(struct replicas *r)
{
    int64_t max = MIN(MAX(r->open_files.max / 2, 1), LOGS_OPENING_MAX);
    while (!r->stopping && r->opening_now < max && !list_is_empty(&r->to_open)) {
        r->opening_now++;
        open_log(LIST_ENTRY(list_pop_front(&r->to_open), struct partition, to_open));
    }
}

static void
opened_one(struct replicas *r)
{
    CHECK(r->opening > 0 && r->opening_now > 0);
    r->opening_now--;
    open_some_logs(r);
    if (--r->opening > 0) return;
    r->is_recovering = false;
    replicas_leave_checkpoints(r);
    if (r->idle) r->idle(r->idle_owner);
}

void
replicas_were_applied(struct replicas *r)
{
    replicas_put_strays_aside(r);
    if (r->opening > 0) return;
    r->is_recovering = false;
    replicas_leave_checkpoints(r);
}

static void
replicas_say(struct replicas *r, int64_t level, struct slice subject, struct slice text)
{
    NOTE(r->env, NOTE_LOG_MESSAGE, subject, text, level);
}

/* This broker has one log directory. When it fails, Kafka's broker halts, so that others lead: who stays
 * would hold on to partitions that it can neither read nor write. */
void
replicas_log_dir_failed(struct replicas *r, struct slice what, struct slice why)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_str(&w, "the log directory ");
    fmt_slice(&w, r->log_dir);
    fmt_str(&w, " has failed, and there is no other: ");
    fmt_slice(&w, what);
    fmt_str(&w, ": ");
    fmt_slice(&w, why);
    env_fatal(r->env, writer_slice(&w));
    writer_release(&w);
}

static void
stray_is_aside(struct op *op)
{
    struct partition *p = CONTAINER_OF(op, struct partition, aside_op);
    if (op->err != ENV_OK) {
        replicas_log_dir_failed(p->owner, p->label, slice_cstr(env_err_text(op->err)));
        return;
    }
    if (p->life == PARTITION_ASIDE) partition_live(p, PARTITION_OPENING);
    open_log(p);
}

static void
stray_renamed(struct op *op)
{
    struct partition *p = CONTAINER_OF(op, struct partition, aside_op);
    if (op->err != ENV_OK) {
        stray_is_aside(op);
        return;
    }
    op->done = stray_is_aside;
    dir_sync(p->env, op, p->owner->log_dir);
}

static void
stray_closed(struct log_op *op, enum log_err err)
{
    (void)err; /* it is offline */
    struct partition *p = CONTAINER_OF(op, struct partition, log_op);
    struct slice dir = partition_dir(p->owner, p);
    char id[UUID_TEXT_BYTES];
    uuid_print(env_random_uuid(p->env), id);
    struct writer w = writer_mem(&p->env->mem);
    fmt_slice(&w, dir);
    fmt_char(&w, '.');
    fmt_slice(&w, slice(id, UUID_TEXT_BYTES));
    fmt_str(&w, "-stray");
    commitlog_release(&p->log);
    p->aside_op.done = stray_renamed;
    path_rename(p->env, &p->aside_op, dir, writer_slice(&w));
    writer_release(&w);
}

/* The directory is of a topic of this name that was deleted while this broker was down. As Kafka does,
 * it is put aside, not removed: whoever knows better finds it under ….ID-stray. */
static void
set_aside(struct partition *p)
{
    replicas_say(p->owner, 2, p->label,
                 S("belongs to a topic that is no more: put aside as stray"));
    if (p->life == PARTITION_OPENING) partition_live(p, PARTITION_ASIDE);
    p->log_op.done = stray_closed;
    commitlog_close(&p->log, &p->log_op);
}

/* Says what the checkpoints knew and the log has no more. */
static void
look_for_missing_records(struct partition *p)
{
    struct replicas *r = p->owner;
    struct commitlog *log = &p->log;
    struct known_of_log k = {
        .was_there = log->was_there,
        .stopped_in_order = log->stopped_in_order,
        .start = commitlog_start(log),
        .end = commitlog_assigned_end(log),
        .synced = replicas_checkpointed(r, CHECKPOINT_RECOVERY_POINT, p->topic, p->index),
        .high_watermark = replicas_checkpointed(r, CHECKPOINT_HIGH_WATERMARK, p->topic, p->index),
        .files_to = log->known_to,
    };
    p->vanished_end = missing_records_end(&k);
    if (!p->vanished_end) return;
    struct writer w = writer_mem(&r->env->mem);
    fmt_str(&w, "segment files are missing in ");
    fmt_slice(&w, log->dir);
    fmt_str(&w, ": there were records up to offset ");
    fmt_i64(&w, p->vanished_end);
    fmt_str(&w, ", the log ends at ");
    fmt_i64(&w, k.end);
    fmt_str(&w, "; they are fetched again from another replica, or a leader goes on at ");
    fmt_i64(&w, p->vanished_end);
    replicas_say(r, 2, p->label, writer_slice(&w));
    writer_release(&w);
}

static void
log_is_ready(struct partition *p, enum log_err err, struct slice why)
{
    struct replicas *r = p->owner;
    struct list ready; /* the partition itself may be dropped below */
    list_init(&ready);
    for (struct list *n; (n = list_pop_front(&p->ready_waiters)) != NULL;)
        list_push_back(&ready, n);
    if (err != LOG_OK) {
        partition_fail(p);
        replicas_log_dir_failed(r, p->label, why);
    } else {
        if (p->life == PARTITION_OPENING) partition_live(p, PARTITION_OPEN);
        int64_t hw = replicas_checkpointed(r, CHECKPOINT_HIGH_WATERMARK, p->topic, p->index);
        partition_set_high_watermark(
            p, MIN(MAX(hw, commitlog_start(&p->log)), commitlog_written_end(&p->log)));
        look_for_missing_records(p);
        replicas_forget_checkpoint(r, p->topic, p->index);
        const struct image_partition *ip = partition_in_image(p);
        if (p->life == PARTITION_DOOMED) replicas_drop(p);
        else if (ip && !r->stopping) partition_apply(p, ip);
    }
    while (!list_is_empty(&ready)) {
        struct list *n = list_pop_front(&ready);
        struct ready_waiter *w = LIST_ENTRY(n, struct ready_waiter, node);
        w->ready(w);
    }
    opened_one(r);
}

static void
no_file_tells_of_former(struct checkpoint_waiter *w)
{
    log_is_ready(CONTAINER_OF(w, struct partition, checkpointed), LOG_OK, SLICE_NULL);
}

/* What the files say is of an earlier topic of this name. Who died before they say something else would take it for this one's
 * when it comes back, and an empty log for one whose segments have gone. */
static void
await_own_checkpoint(struct partition *p)
{
    replicas_forget_checkpoint(p->owner, p->topic, p->index);
    p->checkpointed.done = no_file_tells_of_former;
    replicas_checkpoint_now(p->owner, &p->checkpointed);
}

static void
partition_log_ready(struct commitlog *log, enum log_err err, struct slice why)
{
    struct partition *p = log->owner;
    if (err && commitlog_error(log) == ENV_EINVAL) set_aside(p);
    else if (!err && log->is_new && replicas_is_checkpointed(p->owner, p->topic, p->index))
        await_own_checkpoint(p);
    else log_is_ready(p, err, why);
}

/* Written or synced: either may settle what was appended (log/settled_end.h). */
static void
partition_log_synced(struct commitlog *log)
{
    struct partition *p = log->owner;
    if (partition_is_leader(p)) partition_try_advance(p);
    else if (p->role == PARTITION_FOLLOWER) fetcher_settled(p);
}

static void
partition_log_written(struct commitlog *log)
{
    struct partition *p = log->owner;
    partition_follow_start(p);
    if (partition_is_leader(p)) partition_tell_readers(p, FETCH_NEWS_WRITTEN);
    partition_log_synced(log);
}

static void
partition_log_start_moved(struct commitlog *log)
{
    struct partition *p = log->owner;
    partition_tell_readers(p, FETCH_NEWS_STANDING);
    fetcher_restate(p);
}

static void
partition_log_failed(struct commitlog *log, enum env_err err)
{
    struct partition *p = log->owner;
    partition_fail(p);
    replicas_log_dir_failed(p->owner, p->label, slice_cstr(env_err_text(err)));
}

static const struct commitlog_ops log_ops = {.ready = partition_log_ready,
                                             .written = partition_log_written,
                                             .synced = partition_log_synced,
                                             .start_moved = partition_log_start_moved,
                                             .failed = partition_log_failed};

static void
partition_new(struct replicas *r, const struct image_partition *ip)
{
    struct mem *mem = &r->env->mem;
    struct partition *p = MEM_NEW(mem, struct partition);
    p->owner = r;
    p->env = r->env;
    p->topic = mem_dup(mem, ip->topic->name);
    p->topic_id = ip->topic->id;
    p->index = ip->index;
    p->leader_id = NO_LEADER;
    p->leader_epoch = p->partition_epoch = -1;
    list_init(&p->append_waiters);
    list_init(&p->fetch_waiters);
    list_init(&p->ready_waiters);
    list_init(&p->deletion_waiters);
    p->config = replicas_topic_config(r, p->topic);
    struct writer w = writer_mem(mem);
    fmt_slice(&w, p->topic);
    fmt_char(&w, '-');
    fmt_i64(&w, p->index);
    p->label = mem_dup(mem, writer_slice(&w));
    writer_release(&w);
    map_insert(&r->partitions, &p->by_id, partition_hash(r, p->topic_id, p->index));
    r->opening++;
    list_push_back(&r->to_open, &p->to_open);
    open_some_logs(r);
}

static void
open_log(struct partition *p)
{
    struct replicas *r = p->owner;
    struct commitlog_params params = {
        .dir = partition_dir(r, p),
        .name = p->label,
        .topic_id = p->topic_id,
        .config = &p->config->log,
        .open_files = &r->open_files,
        .ops = &log_ops,
        .owner = p,
        /* The marker speaks of logs that were open then; each of them stands in the checkpoint. */
        .clean = r->clean && replicas_is_checkpointed(r, p->topic, p->index),
        .recovery_point = replicas_checkpointed(r, CHECKPOINT_RECOVERY_POINT, p->topic, p->index),
        .start_offset = replicas_checkpointed(r, CHECKPOINT_LOG_START, p->topic, p->index),
        .cleaned_to = replicas_checkpointed(r, CHECKPOINT_CLEANED, p->topic, p->index),
    };
    commitlog_open(&p->log, r->env, &params);
}

/* A topic of the same name may have been created since: now its directory is free, and no checkpoint tells of this one. */
static void
partition_gone(struct checkpoint_waiter *w)
{
    struct partition *p = CONTAINER_OF(w, struct partition, checkpointed);
    struct replicas *r = p->owner;
    const struct image_topic *t = image_topic(r->image, p->topic);
    const struct image_partition *next = t ? image_topic_partition(t, p->index) : NULL;
    commitlog_release(&p->log);
    list_remove(&p->dropping);
    CHECK(r->deleting > 0);
    r->deleting--;
    partition_release(p);
    MEM_DELETE(&r->env->mem, p);
    r->gone_n++;
    if (next && !r->stopping) replicas_apply_partition(r, next);
}

static void
log_gone(struct log_op *op, enum log_err err)
{
    struct partition *p = CONTAINER_OF(op, struct partition, log_op);
    (void)err;
    p->checkpointed.done = partition_gone;
    replicas_checkpoint_now(p->owner, &p->checkpointed);
}

void
replicas_drop(struct partition *p)
{
    partition_live(p, PARTITION_DROPPED);
    map_remove(&p->owner->partitions, &p->by_id);
    list_push_back(&p->owner->dropping, &p->dropping);
    p->log_op.done = log_gone;
    commitlog_delete(&p->log, &p->log_op);
}

/* An earlier topic's partition of this name is still on its way out of the directory. */
static bool
is_on_its_way_out(struct replicas *r, struct slice topic, int32_t index)
{
    if (replicas_is_moving_aside(r, topic, index)) return true;
    if (r->deleting == 0) return false;
    LIST_EACH(&r->dropping, p, struct partition, dropping)
        if (p->index == index && slice_eq(p->topic, topic)) return true;
    MAP_EACH(&r->partitions, p, struct partition, by_id)
        if (p->life == PARTITION_DOOMED && p->index == index && slice_eq(p->topic, topic))
            return true;
    return false;
}

bool
replicas_need_name(struct replicas *r, struct slice topic, int32_t index)
{
    const struct image_topic *t = image_topic(r->image, topic);
    const struct image_partition *ip = t ? image_topic_partition(t, index) : NULL;
    return (ip && ids_has(ip->replicas, r->node_id)) || is_on_its_way_out(r, topic, index);
}

static void
partition_delete(struct partition *p)
{
    if (p->life == PARTITION_DOOMED) return;
    p->owner->deleting++;
    partition_retire(p);
    bool is_at_rest = p->life == PARTITION_OPEN ||
                      (p->life == PARTITION_OPENING && p->log.state == COMMITLOG_OFFLINE);
    if (is_at_rest) replicas_drop(p);
    else partition_live(p, PARTITION_DOOMED);
}

/* ---- the metadata log's word ---- */

void
replicas_apply_partition(struct replicas *r, const struct image_partition *ip)
{
    struct partition *p = replicas_find(r, ip->topic->id, ip->index);
    if (!ids_has(ip->replicas, r->node_id)) {
        if (p) partition_delete(p);
        return;
    }
    if (p) partition_apply(p, ip);
    else if (!is_on_its_way_out(r, ip->topic->name, ip->index)) partition_new(r, ip);
}

static void
apply_deleted_topic(struct replicas *r, const struct image_deleted_topic *t)
{
    for (int32_t i = 0; i < t->partitions_n; i++) {
        struct partition *p = replicas_find(r, t->id, i);
        if (p) partition_delete(p);
    }
}

void
replicas_apply(struct replicas *r, const struct image_delta *d)
{
    if (r->stopping) return;
    for (int64_t i = 0; i < d->deleted_topics.n; i++)
        apply_deleted_topic(r, &d->deleted_topics.v[i]);
    if (d->configs.n || d->deleted_topics.n) reload_configs(r);
    for (int64_t i = 0; i < d->partitions.n; i++) replicas_apply_partition(r, d->partitions.v[i]);
    if (d->brokers.n || d->gone_brokers.n) {
        fetchers_refresh(r);
        replicas_look_deleted(r);
    }
}

/* ---- now and then ---- */

/* An interval of 0 is as short as can be, not one after the other without end. */
static void
arm_in_ms(struct replicas *r, struct timer *t, int64_t ms)
{
    timer_arm(r->env, t, env_now_ns(r->env) + ns_of_ms(MAX(ms, 1)));
}

static void
sweep_due(struct timer *t)
{
    struct replicas *r = CONTAINER_OF(t, struct replicas, sweep_timer);
    MAP_EACH(&r->partitions, p, struct partition, by_id) partition_sweep_isr(p);
    timer_arm(r->env, t, env_now_ns(r->env) + r->lag_max_ns / 2);
}

static void
retention_due(struct timer *t)
{
    struct replicas *r = CONTAINER_OF(t, struct replicas, retention_timer);
    MAP_EACH(&r->partitions, p, struct partition, by_id)
        if (partition_has_log(p) && p->role != PARTITION_OFFLINE)
            commitlog_sweep(&p->log, p->high_watermark);
    arm_in_ms(r, t, config_i64(r->config, K_CFG_LOG_RETENTION_CHECK_INTERVAL_MS));
}

/* Kafka's log flusher: flush.ms is looked at by nobody else. By default it never comes. */
static void
flush_due(struct timer *t)
{
    struct replicas *r = CONTAINER_OF(t, struct replicas, flush_timer);
    MAP_EACH(&r->partitions, p, struct partition, by_id)
        if (partition_has_log(p)) commitlog_flush_if_due(&p->log);
    arm_in_ms(r, t, config_i64(r->config, K_CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS));
}

static void
checkpoint_due(struct timer *t)
{
    struct replicas *r = CONTAINER_OF(t, struct replicas, checkpoint_timer);
    /* Half of what the files say must not replace it. */
    if (r->checkpoints_are_read) replicas_checkpoint_now(r, NULL);
    arm_in_ms(r, t, config_i64(r->config, K_CFG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS));
}

/* Who is restarted often would never come to it: as Kafka, soon after the start, unless it is to be done more
 * often than that anyway. */
static int64_t
first_retention_ms(const struct replicas *r)
{
    return MIN(config_i64(r->config, K_CFG_LOG_INITIAL_TASK_DELAY_MS),
               config_i64(r->config, K_CFG_LOG_RETENTION_CHECK_INTERVAL_MS));
}

static void
start_timers(struct replicas *r)
{
    r->sweep_timer.due = sweep_due;
    r->retention_timer.due = retention_due;
    r->checkpoint_timer.due = checkpoint_due;
    r->flush_timer.due = flush_due;
    timer_arm(r->env, &r->sweep_timer, env_now_ns(r->env) + r->lag_max_ns / 2);
    arm_in_ms(r, &r->retention_timer, first_retention_ms(r));
    arm_in_ms(r, &r->checkpoint_timer,
              config_i64(r->config, K_CFG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS));
    if (config_i64(r->config, K_CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS) < INT64_MAX)
        arm_in_ms(r, &r->flush_timer, config_i64(r->config, K_CFG_LOG_INITIAL_TASK_DELAY_MS));
}

/* ---- beginning and end ---- */

struct replicas *
replicas_new(struct env *env, const struct replicas_params *p)
{
    struct replicas *r = MEM_NEW(&env->mem, struct replicas);
    r->env = env;
    r->node_id = p->node_id;
    r->broker_epoch = NO_BROKER_EPOCH;
    r->log_dir = mem_dup(&env->mem, p->log_dir);
    r->listener = mem_dup(&env->mem, p->listener);
    r->login = p->login;
    r->config = p->config;
    r->image = p->image;
    r->clean = p->clean;
    r->is_recovering = !p->clean;
    open_files_init(&r->open_files, env, p->open_files_max);
    map_init(&r->partitions, &env->mem, env_map_key(env));
    map_init(&r->topics, &env->mem, env_map_key(env));
    map_init(&r->checkpoints, &env->mem, env_map_key(env));
    list_init(&r->fetchers);
    list_init(&r->dropping);
    list_init(&r->to_open);
    list_init(&r->deletion_waiters);
    r->lag_max_ns = ns_of_ms(config_i64(p->config, K_CFG_REPLICA_LAG_TIME_MAX_MS));
    replicas_alter_init(r, p->raft);
    return r;
}

void
replicas_open(struct replicas *r, void (*done)(void *owner, enum env_err err), void *owner)
{
    start_timers(r);
    r->cleaner = cleaner_new(r);
    replicas_remove_leftovers(r);
    replicas_load_checkpoints(r, done, owner);
}

struct closing {
    struct checkpoint_waiter checkpointed;
    struct replicas *r;
    int64_t left;
    bool all_clean;
    void (*done)(void *owner, bool all_clean);
    void *owner;
};

static void
checkpointed_at_end(struct checkpoint_waiter *w)
{
    struct closing *c = CONTAINER_OF(w, struct closing, checkpointed);
    c->done(c->owner, c->all_clean);
}

static void
all_closed(struct closing *c)
{
    c->checkpointed.done = checkpointed_at_end;
    replicas_checkpoint_now(c->r, &c->checkpointed);
}

struct closing_log {
    struct log_op op;
    struct ready_waiter opened;
    struct cut_waiter cut;
    struct closing *c;
    struct partition *p;
};

static void
partition_log_closed(struct log_op *op, enum log_err err)
{
    struct closing_log *cl = CONTAINER_OF(op, struct closing_log, op);
    struct closing *c = cl->c;
    if (err) c->all_clean = false;
    MEM_DELETE(&c->r->env->mem, cl);
    CHECK(c->left > 0);
    if (--c->left == 0) all_closed(c);
}

static void
closing_cut_is_over(struct cut_waiter *w)
{
    struct closing_log *cl = CONTAINER_OF(w, struct closing_log, cut);
    commitlog_close(&cl->p->log, &cl->op);
}

static void
close_when_uncut(struct closing_log *cl)
{
    struct partition *p = cl->p;
    if (p->life == PARTITION_CUTTING) p->cut_waiter = &cl->cut;
    else commitlog_close(&p->log, &cl->op);
}

static void
log_was_opened(struct ready_waiter *w)
{
    struct closing_log *cl = CONTAINER_OF(w, struct closing_log, opened);
    if (partition_has_log(cl->p)) close_when_uncut(cl);
    else partition_log_closed(&cl->op, LOG_E_OFFLINE);
}

/* Nothing of the log is lost if the end does not wait for its opening, but then the end is not clean: a topic
 * that was being made would cost the broker its place in every ELR. */
static void
close_log(struct closing *c, struct partition *p)
{
    struct closing_log *cl = MEM_NEW(&c->r->env->mem, struct closing_log);
    cl->c = c;
    cl->p = p;
    cl->op.done = partition_log_closed;
    cl->cut.done = closing_cut_is_over;
    cl->opened.ready = log_was_opened;
    c->left++;
    if (partition_has_log(p)) close_when_uncut(cl);
    else list_push_back(&p->ready_waiters, &cl->opened.node);
}

void
replicas_close(struct replicas *r, void (*done)(void *owner, bool all_clean), void *owner)
{
    r->stopping = true;
    timer_cancel(r->env, &r->sweep_timer);
    timer_cancel(r->env, &r->retention_timer);
    timer_cancel(r->env, &r->checkpoint_timer);
    timer_cancel(r->env, &r->flush_timer);
    cleaner_stop(r->cleaner);
    replicas_alter_stop(r);
    MAP_EACH(&r->partitions, p, struct partition, by_id)
        if (p->role != PARTITION_OFFLINE) partition_retire(p);
    fetchers_stop(r);
    struct closing *c = MEM_NEW(&r->env->mem, struct closing);
    *c = (struct closing){.r = r, .left = 1, .all_clean = true, .done = done, .owner = owner};
    MAP_EACH(&r->partitions, p, struct partition, by_id) {
        if (p->life == PARTITION_DOOMED) continue;
        bool is_touched = !list_is_linked(&p->to_open);
        if (partition_has_log(p) || (is_touched && !r->is_recovering)) close_log(c, p);
        else if (r->is_recovering) c->all_clean = false;
    }
    CHECK(c->left > 0);
    if (--c->left == 0) all_closed(c);
}
