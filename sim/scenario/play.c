/* The timeline. `at` steps stand for themselves; `then` and `when` begin to count when the step before
 * them in the list has fired. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"

static void arm_step(struct step_slot *slot);

static void
fire_at(struct world *w, void *ctx)
{
    (void)w;
    play_fire(ctx);
}

static void
fire_in(struct step_slot *slot, int64_t ns)
{
    struct world *w = slot->r->w;
    world_at(w, world_now_ns(w) + ns, fire_at, slot);
}

static void
frame_seen(struct world *w, void *ctx)
{
    struct step_slot *s = ctx;
    (void)w;
    if (s->r->playing) fire_in(s, s->step->at_ns);
}

static void
arm_when(struct step_slot *slot)
{
    const struct cond *c = &slot->step->when;
    if (c->row->id != COND_SENT) {
        cond_watch(slot->r, c, slot, TIME_NEVER);
        return;
    }
    struct frame_filter f = filter_of(slot->r, &c->args, WHICH_REQUEST);
    world_when_frame(slot->r->w, &f, (int32_t)MAX(c->args.nth, 1), frame_seen, slot);
}

static void
again(struct step_slot *slot)
{
    const struct step *s = slot->step;
    if (s->times && slot->fired >= s->times) return;
    fire_in(slot, dice_between(&slot->r->dice, s->every.min, s->every.max));
}

static void
arm_step(struct step_slot *slot)
{
    switch (slot->step->trigger) {
    case TRIGGER_AT: break; /* from the beginning */
    case TRIGGER_THEN: fire_in(slot, slot->step->at_ns); break;
    case TRIGGER_WHEN: arm_when(slot); break;
    case TRIGGER_EVERY: again(slot); break;
    }
}

static void step_fired(struct run *r, const struct step *s);

void
play_fire(struct step_slot *slot)
{
    struct run *r = slot->r;
    if (!r->playing) return;
    r->firing = slot;
    act(r, slot->step);
    r->firing = NULL;
    slot->fired++;
    if (slot->step->trigger == TRIGGER_EVERY) again(slot);
    if (slot->fired > 1) return;
    step_fired(r, slot->step);
    if (slot->next) arm_step(slot->next);
}

static struct step_slot *
slots_of(struct run *r, const struct step *steps, int32_t n)
{
    struct step_slot *v = ARENA_ARRAY(r->a, struct step_slot, n + 1);
    for (int32_t i = 0; i < n; i++)
        v[i] = (struct step_slot){.r = r, .step = &steps[i], .next = i + 1 < n ? &v[i + 1] : NULL};
    return v;
}

/* Between two events: what is due now is done now. */
void
play_steps(struct run *r, const struct step *steps, int32_t n)
{
    struct step_slot *v = slots_of(r, steps, n);
    if (steps[0].trigger == TRIGGER_THEN && steps[0].at_ns == 0) play_fire(&v[0]);
    else arm_step(&v[0]);
}

/* Expectations that count from a step by its name. */
static void
step_fired(struct run *r, const struct step *s)
{
    if (!s->as.p) return;
    for (int32_t i = 0; i < r->s->eventually_n; i++) {
        const struct cond *c = &r->s->eventually[i];
        struct slice after = c->args.after;
        if (after.n < 2 || after.p[0] != '$' || !slice_eq(slice_sub(after, 1, after.n), s->as))
            continue;
        cond_watch(r, c, NULL, world_now_ns(r->w) + c->args.within_ns);
    }
}

struct late {
    struct run *r;
    const struct cond *c;
};

static void
watch_now(struct world *w, void *ctx)
{
    const struct late *l = ctx;
    cond_watch(l->r, l->c, NULL, world_now_ns(w) + l->c->args.within_ns);
}

void
play_begin(struct run *r)
{
    const struct scenario *s = r->s;
    r->playing = true;
    r->steps = slots_of(r, s->steps, s->steps_n);
    for (int32_t i = 0; i < s->steps_n; i++)
        if (s->steps[i].trigger == TRIGGER_AT)
            world_at(r->w, r->begin_ns + s->steps[i].at_ns, fire_at, &r->steps[i]);
    if (s->steps_n) arm_step(&r->steps[0]);
    for (int32_t i = 0; i < s->eventually_n; i++) {
        const struct cond *c = &s->eventually[i];
        if (c->args.after.p && c->args.after_ns < 0) continue;
        struct late *l = ARENA_NEW(r->a, struct late);
        *l = (struct late){r, c};
        world_at(r->w, r->begin_ns + MAX(c->args.after_ns, 0), watch_now, l);
    }
    nemesis_begin(r);
}
