#include "broker/replica/cleaner.h"

#include "broker/base/check.h"
#include "broker/replica/cleaner_limits.h"
#include "broker/replica/replicas.h"

struct candidate {
    struct uuid topic_id;
    int32_t index;
};

struct cleaner {
    struct replicas *r;
    struct timer timer;
    struct task look_task;
    VEC(struct candidate) candidates; /* of this round of looks … */
    int64_t next;                     /* … from here on not looked at */
    struct log_look look;
    bool is_looking;
    struct candidate best; /* the dirtiest that is due so far */
    struct cleanable best_found;
    bool has_best;
    int64_t running; /* cleanings under way */
};

struct cleaning {
    struct log_clean clean;
    struct cleaner *cleaner;
};

static struct cleaner_limits
limits(const struct cleaner *c)
{
    return cleaner_limits(c->r->config, c->r->env->mem.ceiling_bytes);
}

static void look_at_next(struct cleaner *c);

/* ---- cleaning ---- */

static void
cleaning_is_over(struct log_clean *lc)
{
    struct cleaning *x = CONTAINER_OF(lc, struct cleaning, clean);
    struct cleaner *c = x->cleaner;
    bool is_done = lc->err == LOG_OK;
    MEM_DELETE(&c->r->env->mem, x);
    CHECK(c->running > 0);
    c->running--;
    if (c->r->stopping) return;
    /* What is clean is not looked at again after a restart. */
    if (is_done) replicas_checkpoint_now(c->r, NULL);
    if (is_done && !c->is_looking) defer(c->r->env, &c->look_task);
}

static struct log_clean
clean_params(const struct cleaner *c)
{
    struct cleaner_limits l = limits(c);
    return (struct log_clean){
        .done = cleaning_is_over,
        .range = c->best_found,
        .map_bytes = l.map_bytes,
        .map_load_millionths = l.map_load_millionths,
        .window_bytes = l.window_bytes,
        .payload_max = l.payload_max,
        .bytes_per_second = l.bytes_per_second,
    };
}

static void
clean_best(struct cleaner *c)
{
    struct partition *p = replicas_find(c->r, c->best.topic_id, c->best.index);
    if (!p || !partition_has_log(p)) return;
    struct cleaning *x = MEM_NEW(&c->r->env->mem, struct cleaning);
    x->cleaner = c;
    x->clean = clean_params(c);
    if (commitlog_clean(&p->log, &x->clean) == LOG_OK) {
        c->running++;
        return;
    }
    MARK(c->r->env, CLEANING_PUT_OFF);
    MEM_DELETE(&c->r->env->mem, x); /* retention is at it: later */
}

/* ---- looking ---- */

static void
wait_for_backoff(struct cleaner *c)
{
    timer_arm(c->r->env, &c->timer, env_now_ns(c->r->env) + ns_of_ms(limits(c).backoff_ms));
}

/* With another thread free it looks for the next one at once; the one that ends its cleaning looks, too. */
static void
looks_are_over(struct cleaner *c)
{
    int64_t running = c->running;
    c->is_looking = false;
    if (c->has_best) clean_best(c);
    if (c->running > running && c->running < limits(c).threads) defer(c->r->env, &c->look_task);
    else wait_for_backoff(c);
}

static void
cleaner_looked(struct log_look *l)
{
    struct cleaner *c = CONTAINER_OF(l, struct cleaner, look);
    const struct candidate *one = &c->candidates.v[c->next - 1];
    struct partition *p = replicas_find(c->r, one->topic_id, one->index);
    bool is_due =
        p && l->err == LOG_OK && cleanable_is_due(&l->found, p->config->log.cleanable_ratio_min);
    if (is_due && (!c->has_best || cleanable_is_dirtier(&l->found, &c->best_found))) {
        c->has_best = true;
        c->best = *one;
        c->best_found = l->found;
    }
    look_at_next(c);
}

static bool
begins_look(struct cleaner *c, struct partition *p)
{
    if (!p || !partition_has_log(p) || p->role == PARTITION_OFFLINE) return false;
    c->look.stable_offset = commitlog_stable_offset(&p->log, p->high_watermark);
    return commitlog_look_cleanable(&p->log, &c->look);
}

static void
look_at_next(struct cleaner *c)
{
    while (c->next < c->candidates.n && !c->r->stopping) {
        const struct candidate *one = &c->candidates.v[c->next++];
        if (begins_look(c, replicas_find(c->r, one->topic_id, one->index))) return;
    }
    if (!c->r->stopping) looks_are_over(c);
}

static void
begin_looks(struct task *t)
{
    struct cleaner *c = CONTAINER_OF(t, struct cleaner, look_task);
    if (c->is_looking || c->r->stopping || c->running >= limits(c).threads) return;
    timer_cancel(c->r->env, &c->timer);
    c->is_looking = true;
    c->has_best = false;
    c->next = c->candidates.n = 0;
    MAP_EACH(&c->r->partitions, p, struct partition, by_id) {
        struct candidate one = {p->topic_id, p->index};
        if (p->config->log.compact) VEC_PUSH(&c->r->env->mem, &c->candidates, one);
    }
    look_at_next(c);
}

static void
backoff_is_over(struct timer *t)
{
    struct cleaner *c = CONTAINER_OF(t, struct cleaner, timer);
    wait_for_backoff(c);
    begin_looks(&c->look_task);
}

struct cleaner *
cleaner_new(struct replicas *r)
{
    if (!cleaner_limits(r->config, r->env->mem.ceiling_bytes).is_on) return NULL;
    struct cleaner *c = MEM_NEW(&r->env->mem, struct cleaner);
    c->r = r;
    c->timer.due = backoff_is_over;
    c->look_task.run = begin_looks;
    c->look.done = cleaner_looked;
    wait_for_backoff(c);
    return c;
}

void
cleaner_stop(struct cleaner *c)
{
    if (!c) return;
    timer_cancel(c->r->env, &c->timer);
    defer_cancel(&c->look_task);
}
