#include "sim/scenario/outside.h"

#include "sim/scenario/guests.h"
#include "sim/scenario/json.h"
#include "sim/scenario/run_internal.h"

/* What lasts can be ended by its name, also if nobody gave it one. */
static void
name_step(struct run *r, struct step *s)
{
    for (int32_t n = (int32_t)(s - r->typed.v) + 1; !s->as.p; n++) {
        struct slice name = arena_format(r->a, "s%d", (int)n);
        if (!bound_find(r, name)) s->as = name;
    }
    words_add(&r->typed.bound, s->as);
}

bool
run_take_step(struct run *r, struct slice text, struct diags *wrong)
{
    diags_init(wrong, r->a);
    int32_t n = steps_of_text(r->a, r->s, text, &r->typed, wrong);
    struct step *steps = &r->typed.v[r->typed.n - n];
    if (!n) return false;
    for (int32_t i = 0; i < n; i++)
        if (!steps[i].as.p) name_step(r, &steps[i]);
    r->typed_last_n = n;
    r->missed = SLICE_NULL;
    r->has_met = false;
    play_steps(r, steps, n);
    return true;
}

struct slice
run_step_missed(const struct run *r)
{
    return r->has_met ? SLICE_NULL : r->missed;
}

void
run_tell_names(const struct run *r, struct writer *w)
{
    const struct step *last = &r->typed.v[r->typed.n - r->typed_last_n];
    json_text(w, "name", last[0].as);
    json_key(w, "names");
    fmt_char(w, '[');
    for (int32_t i = 0; i < r->typed_last_n; i++) json_next(w), fmt_json(w, last[i].as);
    fmt_char(w, ']');
}

int64_t
run_time_ns(const struct run *r)
{
    return run_now(r);
}

bool
run_trace_tail(const struct run *r, struct writer *ret)
{
    if (r->trace) trace_tail(r->trace, ret);
    return r->trace != NULL;
}

void
run_guest_sent(struct run *r, int64_t conn, int32_t broker, struct slice bytes)
{
    guests_sent(r->guests, conn, broker, bytes);
}

void
run_guest_given(struct run *r, int64_t conn, struct slice bytes)
{
    guests_given(r->guests, conn, bytes);
}

void
run_guest_left(struct run *r, int64_t conn)
{
    guests_left(r->guests, conn);
}
