#include "broker/share/share_partition.h"

#include "broker/base/check.h"
#include "broker/share/client_error.h"
#include "broker/share/share_config.h"
#include "errors.h"

/* What the broker itself took back is written then, when it could not be at once. */
#define WRITE_AGAIN_NS NS_PER_S

static void share_partition_go_on(struct share_partition *sp);

static struct env *
sp_env(const struct share_partition *sp)
{
    return sp->owner->params.env;
}

static struct mem *
sp_mem(const struct share_partition *sp)
{
    return &sp_env(sp)->purses[PURSE_FETCH_SESSIONS];
}

static struct share_config
config_of(const struct share_partition *sp)
{
    return (struct share_config){sp->owner->params.settings, sp->id.group};
}

static struct delivery_rule
rule_of(const struct share_partition *sp)
{
    struct share_config c = config_of(sp);
    return (struct delivery_rule){
        .count_max = share_deliveries_max(&c),
        .has_dead_letters = dead_letters_are_wanted(sp->owner->params.dead_letters, sp->id.group)};
}

/* ---- those who wait ---- */

void
share_waiter_cancel(struct share_waiter *w)
{
    list_remove(&w->node);
}

static void
tell_share_waiters(struct share_partition *sp, int16_t err)
{
    struct list now;
    list_init(&now);
    for (struct list *n; (n = list_pop_front(&sp->waiters)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;) {
        struct share_waiter *w = LIST_ENTRY(n, struct share_waiter, node);
        w->hear(w, err);
    }
}

static void
tell_acks(struct list *acks, int16_t err)
{
    for (struct list *n; (n = list_pop_front(acks)) != NULL;) {
        struct share_ack *a = LIST_ENTRY(n, struct share_ack, node);
        a->done(a, err);
    }
}

static void
tell_later(struct task *t)
{
    tell_share_waiters(CONTAINER_OF(t, struct share_partition, tell), 0);
}

static void
log_has_news(struct fetch_waiter *w, enum fetch_news news)
{
    struct share_partition *sp = CONTAINER_OF(w, struct share_partition, log_waiter);
    (void)news;
    defer(sp_env(sp), &sp->tell);
}

void
share_partition_wait(struct share_partition *sp, struct share_waiter *w)
{
    list_push_back(&sp->waiters, &w->node);
}

/* ---- the end ---- */

static void
share_partition_drop(struct share_partition *sp, int16_t err)
{
    struct env *env = sp_env(sp);
    struct mem *mem = sp_mem(sp);
    map_remove(&sp->owner->by_id, &sp->by_id);
    persist_cancel(&sp->reading);
    persist_cancel(&sp->writing);
    dead_letters_cancel(&sp->letters);
    log_lookup_cancel(&sp->lookup);
    timer_cancel(env, &sp->lock_timer);
    timer_cancel(env, &sp->write_timer);
    defer_cancel(&sp->tell);
    fetch_waiter_cancel(&sp->log_waiter);
    if (sp->reader) sp->reader->sp = NULL;
    tell_acks(&sp->decided, err);
    tell_acks(&sp->deciding, err);
    tell_share_waiters(sp, err);
    flight_release(&sp->flight);
    arena_release(&sp->write_arena);
    arena_release(&sp->letters_arena);
    mem_free_slice(mem, sp->id.group);
    MEM_DELETE(mem, sp);
}

/* ---- time ---- */

static void
arm_lock(struct share_partition *sp)
{
    struct env *env = sp_env(sp);
    int64_t next_ns = flight_next_lock_ns(&sp->flight);
    if (next_ns == TIME_NEVER) timer_cancel(env, &sp->lock_timer);
    else timer_arm(env, &sp->lock_timer, next_ns);
}

static void
lock_due(struct timer *t)
{
    struct share_partition *sp = CONTAINER_OF(t, struct share_partition, lock_timer);
    struct delivery_rule rule = rule_of(sp);
    if (flight_expire(&sp->flight, env_now_ns(sp_env(sp)), &rule)) defer(sp_env(sp), &sp->tell);
    share_partition_go_on(sp);
}

static void
write_due(struct timer *t)
{
    share_partition_go_on(CONTAINER_OF(t, struct share_partition, write_timer));
}

/* ---- writing ---- */

static void
share_written(struct persist *p)
{
    struct share_partition *sp = CONTAINER_OF(p, struct share_partition, writing);
    struct env *env = sp_env(sp);
    int16_t err = p->err;
    sp->is_writing = false;
    /* Somebody else leads, or the group has begun anew: what is known here is worth nothing. */
    if (share_error_is_final(err)) {
        share_partition_drop(sp, share_client_error(err));
        return;
    }
    bool is_written = err == 0;
    if (is_written) flight_written(&sp->flight);
    else flight_not_written(&sp->flight);
    if (is_written) sp->start_is_news = false;
    tell_acks(&sp->decided, share_client_error(err));
    defer(env, &sp->tell);
    if (err) timer_arm(env, &sp->write_timer, env_now_ns(env) + WRITE_AGAIN_NS);
    share_partition_go_on(sp);
}

static void
begin_write(struct share_partition *sp)
{
    struct flight_news news;
    arena_reset(&sp->write_arena);
    flight_begin_write(&sp->flight, &sp->write_arena, &news);
    for (struct list *n; (n = list_pop_front(&sp->deciding)) != NULL;)
        list_push_back(&sp->decided, n);
    sp->is_writing = true;
    sp->writing = (struct persist){.done = share_written,
                                   .kind = PERSIST_WRITE,
                                   .group = sp->id.group,
                                   .topic = sp->id.topic,
                                   .partition = sp->id.partition,
                                   .state_epoch = sp->state_epoch,
                                   .leader_epoch = sp->leader_epoch,
                                   .done_n = (int32_t)MIN(news.done_n, INT32_MAX),
                                   .start_offset = news.start,
                                   .batches = news.batches,
                                   .batches_n = news.batches_n};
    persister_ask(sp->owner->params.persister, &sp->writing);
}

/* ---- dead letters ---- */

/* Whether they were written or not: what has a place in line for ever would hold up the start offset. */
static void
letters_written(struct dead_letter_job *j)
{
    struct share_partition *sp = CONTAINER_OF(j, struct share_partition, letters);
    sp->has_letters = false;
    flight_end_dead(&sp->flight);
    share_partition_go_on(sp);
}

static void
maybe_write_letters(struct share_partition *sp)
{
    const struct image_topic *t = image_topic_by_id(sp->owner->params.image, sp->id.topic);
    struct dead_run *runs;
    if (sp->has_letters || !t) return;
    arena_reset(&sp->letters_arena);
    int32_t n = flight_begin_dead(&sp->flight, &sp->letters_arena, &runs);
    if (n == 0) return;
    sp->has_letters = true;
    sp->letters = (struct dead_letter_job){.done = letters_written,
                                           .group = sp->id.group,
                                           .topic = arena_dup(&sp->letters_arena, t->name),
                                           .partition = sp->id.partition,
                                           .log = &sp->partition->log,
                                           .limit = sp->partition->high_watermark,
                                           .runs = runs,
                                           .runs_n = n};
    dead_letters_write(sp->owner->params.dead_letters, &sp->letters);
}

/* After a change: what is to be written is, and the next lock is watched. */
static void
share_partition_go_on(struct share_partition *sp)
{
    bool waits = timer_is_armed(&sp->write_timer) && list_is_empty(&sp->deciding);
    bool has_news = sp->start_is_news || flight_has_news(&sp->flight);
    if (!sp->is_writing && has_news && !waits) begin_write(sp);
    maybe_write_letters(sp);
    arm_lock(sp);
}

/* ---- reading its state ---- */

static void
share_begin(struct share_partition *sp, int64_t start)
{
    flight_init(&sp->flight, sp_mem(sp), start);
    sp->start_is_news = true;
    sp->state = SHARE_READY;
    defer(sp_env(sp), &sp->tell);
    share_partition_go_on(sp);
}

static void
share_looked_up(struct log_lookup *l)
{
    struct share_partition *sp = CONTAINER_OF(l, struct share_partition, lookup);
    if (l->err) share_partition_drop(sp, K_ERR_NOT_LEADER_OR_FOLLOWER);
    else share_begin(sp, l->offset >= 0 ? l->offset : sp->partition->high_watermark);
}

/* The group has not been here: share.auto.offset.reset. */
static void
share_find_start(struct share_partition *sp)
{
    struct share_config c = config_of(sp);
    struct partition *p = sp->partition;
    int64_t back_ms;
    switch (share_reset_of(&c, &back_ms)) {
    case SHARE_RESET_EARLIEST: share_begin(sp, commitlog_start(&p->log)); break;
    case SHARE_RESET_LATEST: share_begin(sp, p->high_watermark); break;
    case SHARE_RESET_BY_DURATION:
        sp->lookup = (struct log_lookup){.done = share_looked_up,
                                         .timestamp = MAX(env_wall_ms(sp_env(sp)) - back_ms, 0),
                                         .limit = p->high_watermark};
        commitlog_lookup(&p->log, &sp->lookup);
        break;
    }
}

static void
share_was_read(struct persist *p)
{
    struct share_partition *sp = CONTAINER_OF(p, struct share_partition, reading);
    if (p->err) {
        share_partition_drop(sp, share_client_error(p->err));
        return;
    }
    sp->state_epoch = p->state_epoch;
    if (p->start_offset < 0) {
        share_find_start(sp);
        return;
    }
    struct share_config c = config_of(sp);
    if (!flight_load(&sp->flight, p->start_offset, p->batches, p->batches_n,
                     share_deliveries_max(&c))) {
        share_partition_drop(sp, K_ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    sp->state = SHARE_READY;
    defer(sp_env(sp), &sp->tell);
    maybe_write_letters(sp);
}

/* ---- finding it ---- */

static bool
sp_has_id(const struct map_node *n, const void *key)
{
    return share_id_eq(&CONTAINER_OF(n, const struct share_partition, by_id)->id, key);
}

struct share_partition *
share_partition_find(struct share_parts *sps, const struct share_id *id)
{
    struct map_node *n = map_find(&sps->by_id, share_id_hash(&sps->by_id, id), sp_has_id, id);
    return n ? CONTAINER_OF(n, struct share_partition, by_id) : NULL;
}

static struct partition *
led_partition(struct share_parts *sps, const struct share_id *id, int16_t *ret_err)
{
    const struct image_topic *t = image_topic_by_id(sps->params.image, id->topic);
    *ret_err = t ? K_ERR_UNKNOWN_TOPIC_OR_PARTITION : K_ERR_UNKNOWN_TOPIC_ID;
    if (!t || !image_topic_partition(t, id->partition)) return NULL;
    struct partition *p = replicas_find(sps->params.replicas, id->topic, id->partition);
    *ret_err = p && partition_is_leader(p) ? 0 : K_ERR_NOT_LEADER_OR_FOLLOWER;
    return *ret_err ? NULL : p;
}

int16_t
share_partition_leads(struct share_parts *sps, const struct share_id *id)
{
    int16_t err;
    (void)led_partition(sps, id, &err);
    return err;
}

static struct share_partition *
share_partition_new(struct share_parts *sps, const struct share_id *id, struct partition *p)
{
    struct mem *mem = &sps->params.env->purses[PURSE_FETCH_SESSIONS];
    struct share_partition *sp = MEM_NEW(mem, struct share_partition);
    sp->owner = sps;
    sp->id = *id;
    sp->id.group = mem_dup(mem, id->group);
    sp->partition = p;
    sp->leader_epoch = p->leader_epoch;
    sp->lock_timer.due = lock_due;
    sp->write_timer.due = write_due;
    sp->tell.run = tell_later;
    sp->log_waiter.hear = log_has_news;
    flight_init(&sp->flight, mem, 0);
    arena_init(&sp->write_arena, mem, 0);
    arena_init(&sp->letters_arena, mem, 0);
    list_init(&sp->deciding);
    list_init(&sp->decided);
    list_init(&sp->waiters);
    list_push_back(&p->fetch_waiters, &sp->log_waiter.node);
    map_insert(&sps->by_id, &sp->by_id, share_id_hash(&sps->by_id, id));
    sp->reading = (struct persist){.done = share_was_read,
                                   .kind = PERSIST_READ,
                                   .group = sp->id.group,
                                   .topic = id->topic,
                                   .partition = id->partition,
                                   .leader_epoch = sp->leader_epoch};
    persister_ask(sps->params.persister, &sp->reading);
    return sp;
}

struct share_partition *
share_partition_get(struct share_parts *sps, const struct share_id *id, int16_t *ret_err)
{
    struct partition *p = led_partition(sps, id, ret_err);
    if (!p) return NULL;
    struct share_partition *sp = share_partition_find(sps, id);
    return sp ? sp : share_partition_new(sps, id, p);
}

/* ---- giving out ---- */

bool
share_partition_reads_committed(const struct share_partition *sp)
{
    struct share_config c = config_of(sp);
    return share_reads_committed(&c);
}

int64_t
share_partition_limit(const struct share_partition *sp)
{
    return partition_read_limit(sp->partition, false, share_partition_reads_committed(sp));
}

int64_t
share_partition_next(struct share_partition *sp)
{
    struct share_config c = config_of(sp);
    if (sp->state != SHARE_READY || sp->reader) return -1;
    if (flight_drop_below(&sp->flight, commitlog_start(&sp->partition->log)))
        share_partition_go_on(sp);
    int64_t next = flight_next(&sp->flight);
    bool may =
        flight_has_room(&sp->flight, share_in_flight_max(&c)) && next < share_partition_limit(sp);
    return may ? next : -1;
}

void
share_partition_begin_read(struct share_partition *sp, struct share_reader *r)
{
    CHECK(!sp->reader);
    sp->reader = r;
    r->sp = sp;
}

void
share_reader_end(struct share_reader *r)
{
    struct share_partition *sp = r->sp;
    r->sp = NULL;
    if (!sp) return;
    sp->reader = NULL;
    defer(sp_env(sp), &sp->tell);
}

int32_t
share_partition_acquire(struct share_partition *sp, struct acquire *a, struct arena *arena,
                        struct acquired **ret)
{
    struct share_config c = config_of(sp);
    a->in_flight_max = share_in_flight_max(&c);
    a->count_max = share_deliveries_max(&c);
    a->lock_ns = env_now_ns(sp_env(sp)) + share_lock_ms(&c) * NS_PER_MS;
    int32_t n = flight_acquire(&sp->flight, a, arena, ret);
    share_partition_go_on(sp);
    return n;
}

/* ---- acknowledging ---- */

bool
share_partition_acknowledge(struct share_partition *sp, const struct ack_batch *v, int32_t n,
                            struct slice member_id, struct share_ack *w, int16_t *ret_err)
{
    struct share_config c = config_of(sp);
    struct delivery_rule rule = rule_of(sp);
    int64_t lock_ns = env_now_ns(sp_env(sp)) + share_lock_ms(&c) * NS_PER_MS;
    bool decided = false;
    *ret_err = sp->state == SHARE_READY
                 ? flight_acknowledge(&sp->flight, v, n, member_id, &rule, lock_ns, &decided)
                 : K_ERR_INVALID_RECORD_STATE;
    if (*ret_err) return false;
    if (decided) list_push_back(&sp->deciding, &w->node);
    share_partition_go_on(sp);
    return decided;
}

void
share_parts_take_from(struct share_parts *sps, struct slice group, struct slice member_id)
{
    MAP_EACH(&sps->by_id, sp, struct share_partition, by_id) {
        if (!slice_eq(sp->id.group, group)) continue;
        struct delivery_rule rule = rule_of(sp);
        if (!flight_take_from(&sp->flight, member_id, &rule)) continue;
        defer(sp_env(sp), &sp->tell);
        share_partition_go_on(sp);
    }
}

/* ---- all of them ---- */

void
share_parts_init(struct share_parts *sps, const struct share_parts_params *p)
{
    sps->params = *p;
    map_init(&sps->by_id, &p->env->purses[PURSE_FETCH_SESSIONS], env_map_key(p->env));
}

void
share_parts_role_changed(struct share_parts *sps, struct partition *p)
{
    MAP_EACH(&sps->by_id, sp, struct share_partition, by_id) {
        if (sp->partition != p) continue;
        if (!partition_is_leader(p) || p->leader_epoch != sp->leader_epoch)
            share_partition_drop(sp, K_ERR_NOT_LEADER_OR_FOLLOWER);
    }
}

/* What it is about is written, or given out again by whoever begins it anew. */
void
share_parts_leave_group(struct share_parts *sps, struct slice group)
{
    MAP_EACH(&sps->by_id, sp, struct share_partition, by_id) {
        bool is_busy =
            sp->is_writing || sp->has_letters || sp->reader || !list_is_empty(&sp->waiters);
        if (slice_eq(sp->id.group, group) && !is_busy)
            share_partition_drop(sp, K_ERR_NOT_LEADER_OR_FOLLOWER);
    }
}

void
share_parts_stop(struct share_parts *sps)
{
    MAP_EACH(&sps->by_id, sp, struct share_partition, by_id)
        share_partition_drop(sp, K_ERR_NOT_LEADER_OR_FOLLOWER);
}
