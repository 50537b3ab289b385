#include "broker/log/open_files.h"

#include "broker/base/check.h"
#include "broker/log/internal.h"

#define LOOKED_AT_MAX 8 /* at each opening, use or release of a file */
#define STUCK_NS NS_PER_S

static void
to_the_end(struct open_files *t, struct segment *s)
{
    list_remove(&s->by_use);
    list_push_back(&t->lru, &s->by_use);
}

static void
segment_let_files_go(struct segment *s)
{
    segment_drop_index(s);
    VEC_RELEASE(&s->env->mem, &s->recent);
    segment_close_file(s);
}

static bool
open_files_over_max(const struct open_files *t)
{
    bool is_starving = !list_is_empty(&t->env->starved) && t->closing_n == 0;
    return is_starving || t->n - t->closing_n + t->wanting_n > t->max;
}

/* Busy ones and those that are to be synced come around again. `used` is not to be closed: not here, and not by a sync
 * that begins here, uses files itself, and comes to close some in its turn. */
static void
close_some(struct open_files *t, struct segment *used)
{
    if (used) used->pins++;
    for (int i = 0; i < LOOKED_AT_MAX && open_files_over_max(t) && !list_is_empty(&t->lru); i++) {
        struct segment *s = LIST_ENTRY(t->lru.next, struct segment, by_use);
        bool is_busy = s->pins || s->written != s->size;
        to_the_end(t, s);
        if (is_busy) continue;
        if (!s->dirty) segment_let_files_go(s);
        else if (s->log && s->log->state == COMMITLOG_OPEN) commitlog_sync(s->log, NULL);
    }
    if (used) used->pins--;
}

static void
open_first_wanted(struct open_files *t)
{
    struct segment *s = LIST_ENTRY(list_pop_front(&t->wanting), struct segment, by_use);
    t->wanting_n--;
    t->n++;
    timer_cancel(t->env, &t->stuck_timer);
    if (t->wanting_n) timer_arm(t->env, &t->stuck_timer, env_now_ns(t->env) + STUCK_NS);
    segment_open_now(s);
}

static void
stuck_due(struct timer *timer)
{
    open_first_wanted(CONTAINER_OF(timer, struct open_files, stuck_timer));
}

static void
ease_run(struct task *task)
{
    close_some(CONTAINER_OF(task, struct open_files, ease_task), NULL);
}

void
open_files_init(struct open_files *t, struct env *env, int64_t max)
{
    *t = (struct open_files){.env = env, .max = max};
    list_init(&t->lru);
    list_init(&t->wanting);
    t->stuck_timer.due = stuck_due;
    t->ease_task.run = ease_run;
    env->starving = &t->ease_task;
}

bool
open_files_enter(struct open_files *t, struct segment *s)
{
    if (t->n < t->max) {
        t->n++;
        return true;
    }
    if (t->wanting_n == 0) timer_arm(t->env, &t->stuck_timer, env_now_ns(t->env) + STUCK_NS);
    list_push_back(&t->wanting, &s->by_use);
    t->wanting_n++;
    open_files_eased(t);
    return false;
}

void
open_files_add(struct open_files *t, struct segment *s)
{
    list_push_back(&t->lru, &s->by_use);
    close_some(t, s);
}

void
open_files_touch(struct open_files *t, struct segment *s)
{
    to_the_end(t, s);
    close_some(t, s);
}

/* In a step of its own: whoever lets go of a segment is in the middle of something. */
void
open_files_eased(struct open_files *t)
{
    if (open_files_over_max(t)) defer(t->env, &t->ease_task);
}

void
open_files_closing(struct open_files *t, struct segment *s)
{
    list_remove(&s->by_use);
    t->closing_n++;
}

void
open_files_closed(struct open_files *t)
{
    CHECK(t->closing_n > 0);
    t->closing_n--;
    open_files_leave(t);
}

void
open_files_leave(struct open_files *t)
{
    CHECK(t->n > 0);
    t->n--;
    if (t->wanting_n && t->n < t->max) open_first_wanted(t);
}

bool
open_files_has_range_room(const struct open_files *t, const struct segment *s)
{
    return s->ranges || t->with_ranges < MAX(t->max / 2, 1);
}
