/* Records that nobody wanted. Their dead letters are written when it is written that they are to have them: a leader that dies
 * before leaves that to the next, and one that dies after is followed by one that writes them once more. */
#include "broker/share/flight.h"

static bool
may_leave(const struct flight_run *r)
{
    return r->state == DELIVERY_ARCHIVING && !r->is_news && !r->write && !r->is_leaving;
}

int32_t
flight_begin_dead(struct flight *f, struct arena *a, struct dead_run **ret)
{
    int32_t n = 0;
    for (int64_t i = 0; i < f->runs.n; i++) n += may_leave(&f->runs.v[i]);
    *ret = ARENA_ARRAY(a, struct dead_run, n);
    n = 0;
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (!may_leave(r)) continue;
        (*ret)[n++] = (struct dead_run){r->first, r->last, r->count, r->is_rejected};
        r->is_leaving = true;
    }
    return n;
}

void
flight_end_dead(struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (!r->is_leaving) continue;
        r->state = DELIVERY_ARCHIVED;
        r->is_leaving = r->is_rejected = false;
        r->is_news = true;
    }
    flight_tidy(f);
}
