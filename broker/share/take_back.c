/* Records that nobody has decided on, taken back from who held them. A decision that is on its way is left alone: it
 * may already be written. */
#include "broker/base/check.h"
#include "broker/env/env.h"
#include "broker/share/flight.h"

static void
take_back(struct flight_run *r, enum delivery_state state)
{
    r->state = state;
    r->is_rejected = false;
    r->lock_ns = 0;
    r->write = FLIGHT_NOT_WRITING;
    r->is_news = true;
    flight_set_holder(r, NULL);
}

bool
flight_expire(struct flight *f, int64_t now_ns, const struct delivery_rule *rule)
{
    bool some = false;
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (r->state != DELIVERY_ACQUIRED || r->write || r->lock_ns > now_ns) continue;
        take_back(r, delivery_after(ACK_RELEASE, r->count, rule));
        some = true;
    }
    if (some) flight_tidy(f);
    return some;
}

int64_t
flight_next_lock_ns(const struct flight *f)
{
    int64_t next = TIME_NEVER;
    for (int64_t i = 0; i < f->runs.n; i++) {
        const struct flight_run *r = &f->runs.v[i];
        if (r->state == DELIVERY_ACQUIRED && !r->write) next = MIN(next, r->lock_ns);
    }
    return next;
}

bool
flight_take_from(struct flight *f, struct slice member_id, const struct delivery_rule *rule)
{
    bool some = false;
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (!flight_is_held_by(r, member_id) || r->write) continue;
        take_back(r, delivery_after(ACK_RELEASE, r->count, rule));
        some = true;
    }
    if (some) flight_tidy(f);
    return some;
}

bool
flight_drop_below(struct flight *f, int64_t log_start)
{
    bool some = false;
    if (log_start <= f->start) return false;
    if (log_start > f->end) {
        struct flight_run *r = VEC_ADD(f->mem, &f->runs);
        *r = (struct flight_run){.first = f->end, .last = log_start - 1};
        f->end = log_start;
    }
    int64_t end = flight_split(f, log_start);
    for (int64_t i = 0; i < end; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (r->state != DELIVERY_AVAILABLE) continue;
        take_back(r, DELIVERY_ARCHIVED);
        some = true;
    }
    flight_tidy(f);
    return some;
}
