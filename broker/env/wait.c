#include "broker/env/wait.h"

#define PATIENCE_NS (5 * NS_PER_S)
#define PAUSE_MAX_NS (600 * NS_PER_S)
#define ASK_AGAIN_NS NS_PER_S

static void
arm_in(struct wait *w, int64_t ns)
{
    timer_arm(w->env, &w->timer, env_now_ns(w->env) + ns);
}

static void
fmt_whole_seconds(struct writer *w, int64_t ns)
{
    fmt_i64(w, ns / NS_PER_S);
    fmt_str(w, " s");
}

/* False: there is nothing to tell now. */
static bool
wait_tell(struct wait *w)
{
    struct writer text = writer_mem(&w->env->mem);
    int64_t waited_ns = env_now_ns(w->env) - w->since_ns;
    fmt_str(&text, "waits for ");
    fmt_str(&text, w->what);
    if (waited_ns >= NS_PER_S) {
        fmt_str(&text, " (");
        fmt_whole_seconds(&text, waited_ns);
        fmt_char(&text, ')');
    }
    if (w->why) fmt_str(&text, ": ");
    bool has_reason = !w->why || w->why(w, &text);
    if (has_reason) NOTE(w->env, NOTE_LOG_MESSAGE, SLICE_NULL, writer_slice(&text), 2);
    writer_release(&text);
    return has_reason;
}

static void
wait_due(struct timer *t)
{
    struct wait *w = CONTAINER_OF(t, struct wait, timer);
    if (!wait_tell(w)) {
        arm_in(w, ASK_AGAIN_NS);
        return;
    }
    w->was_told = true;
    w->pause_ns = MIN(w->pause_ns * 2, PAUSE_MAX_NS);
    arm_in(w, w->pause_ns);
}

void
wait_init(struct wait *w, struct env *env, const char *what,
          bool (*why)(struct wait *w, struct writer *ret))
{
    *w = (struct wait){.env = env, .what = what, .why = why};
    w->timer.due = wait_due;
}

static void
wait_begin_after(struct wait *w, int64_t first_after_ns)
{
    if (w->is_on) return;
    w->is_on = true;
    w->was_told = false;
    w->since_ns = env_now_ns(w->env);
    w->pause_ns = PATIENCE_NS;
    arm_in(w, first_after_ns);
}

void
wait_begin(struct wait *w)
{
    wait_begin_after(w, PATIENCE_NS);
}

void
wait_begin_told(struct wait *w)
{
    wait_begin_after(w, 0);
}

void
wait_cancel(struct wait *w)
{
    if (!w->is_on) return;
    w->is_on = false;
    timer_cancel(w->env, &w->timer);
}

void
wait_end(struct wait *w)
{
    if (!w->is_on) return;
    wait_cancel(w);
    if (!w->was_told || !w->env->notes_on) return;
    struct writer text = writer_mem(&w->env->mem);
    fmt_str(&text, "has ");
    fmt_str(&text, w->what);
    fmt_str(&text, ", after ");
    fmt_whole_seconds(&text, env_now_ns(w->env) - w->since_ns);
    NOTE(w->env, NOTE_LOG_MESSAGE, SLICE_NULL, writer_slice(&text), 1);
    writer_release(&text);
}
