/* The timeline. `at` steps stand for themselves; `then` and `when` begin to count when the step before
 * them in the list has fired. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"

static void arm_step(struct run *r, int32_t index);

static void
fire_at(struct world *w, void *ctx)
{
    (void)w;
    const struct step_slot *s = ctx;
    play_fire(s->r, s->index);
}

static void
fire_in(struct run *r, int32_t index, int64_t ns)
{
    world_at(r->w, world_now_ns(r->w) + ns, fire_at, &r->steps[index]);
}

static void
frame_seen(struct world *w, void *ctx)
{
    (void)w;
    const struct step_slot *s = ctx;
    if (s->r->playing) fire_in(s->r, s->index, s->r->s->steps[s->index].at_ns);
}

static void
arm_when(struct run *r, int32_t index)
{
    const struct cond *c = &r->s->steps[index].when;
    if (c->row->id != COND_SENT) {
        cond_watch(r, c, index, TIME_NEVER);
        return;
    }
    struct frame_filter f = filter_of(r, &c->args, WHICH_REQUEST);
    world_when_frame(r->w, &f, (int32_t)MAX(c->args.nth, 1), frame_seen, &r->steps[index]);
}

static void
again(struct run *r, int32_t index)
{
    const struct step *s = &r->s->steps[index];
    if (s->times && r->steps[index].fired >= s->times) return;
    fire_in(r, index, dice_between(&r->dice, s->every.min, s->every.max));
}

static void
arm_step(struct run *r, int32_t index)
{
    const struct step *s = &r->s->steps[index];
    switch (s->trigger) {
    case TRIGGER_AT: break; /* from the beginning */
    case TRIGGER_THEN: fire_in(r, index, s->at_ns); break;
    case TRIGGER_WHEN: arm_when(r, index); break;
    case TRIGGER_EVERY: again(r, index); break;
    }
}

void
play_fire(struct run *r, int32_t index)
{
    struct step_slot *slot = &r->steps[index];
    const struct step *s = &r->s->steps[index];
    if (!r->playing) return;
    act(r, s);
    slot->fired++;
    if (s->trigger == TRIGGER_EVERY) again(r, index);
    if (slot->fired > 1) return;
    play_step_fired(r, index);
    if (index + 1 < r->s->steps_n) arm_step(r, index + 1);
}

/* Expectations that count from a step by its name. */
void
play_step_fired(struct run *r, int32_t index)
{
    const struct step *s = &r->s->steps[index];
    if (!s->as.p) return;
    for (int32_t i = 0; i < r->s->eventually_n; i++) {
        const struct cond *c = &r->s->eventually[i];
        struct slice after = c->args.after;
        if (after.n < 2 || after.p[0] != '$' || !slice_eq(slice_sub(after, 1, after.n), s->as))
            continue;
        cond_watch(r, c, -1, world_now_ns(r->w) + c->args.within_ns);
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
    cond_watch(l->r, l->c, -1, world_now_ns(w) + l->c->args.within_ns);
}

void
play_begin(struct run *r)
{
    const struct scenario *s = r->s;
    r->playing = true;
    r->steps = ARENA_ARRAY(r->a, struct step_slot, s->steps_n + 1);
    for (int32_t i = 0; i < s->steps_n; i++) {
        r->steps[i] = (struct step_slot){.r = r, .index = i};
        if (s->steps[i].trigger == TRIGGER_AT)
            world_at(r->w, r->begin_ns + s->steps[i].at_ns, fire_at, &r->steps[i]);
    }
    if (s->steps_n) arm_step(r, 0);
    for (int32_t i = 0; i < s->eventually_n; i++) {
        const struct cond *c = &s->eventually[i];
        if (c->args.after.p && c->args.after_ns < 0) continue;
        struct late *l = ARENA_NEW(r->a, struct late);
        *l = (struct late){r, c};
        world_at(r->w, r->begin_ns + MAX(c->args.after_ns, 0), watch_now, l);
    }
    nemesis_begin(r);
}
