#include "broker/share/flight.h"

#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/env/env.h"

void
flight_init(struct flight *f, struct mem *mem, int64_t start)
{
    *f = (struct flight){.mem = mem, .start = start, .end = start};
}

void
flight_release(struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++) buf_unref(f->runs.v[i].holder);
    VEC_RELEASE(f->mem, &f->runs);
}

void
flight_set_holder(struct flight_run *r, struct buf *holder)
{
    struct buf *old = r->holder;
    r->holder = buf_ref(holder);
    buf_unref(old);
}

static void
add_run(struct flight *f, int64_t first, int64_t last, enum delivery_state state, int16_t count)
{
    struct flight_run *r = VEC_ADD(f->mem, &f->runs);
    *r = (struct flight_run){
        .first = first, .last = last, .state = state, .count = count, .batch_n = last - first + 1};
    f->end = last + 1;
}

bool
flight_load(struct flight *f, int64_t start, const struct state_batch *v, int64_t n,
            int16_t count_max)
{
    CHECK(f->runs.n == 0);
    f->start = f->end = start;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = MAX(v[i].first, start);
        if (v[i].first > v[i].last || v[i].last == INT64_MAX || v[i].count < 0) return false;
        if (v[i].last < f->end && v[i].last >= start) return false;
        if (v[i].last < start) continue;
        if (first < f->end) return false;
        if (first > f->end) add_run(f, f->end, first - 1, DELIVERY_AVAILABLE, 0);
        add_run(f, first, v[i].last, v[i].state, v[i].count);
        f->runs.v[f->runs.n - 1].is_rejected =
            v[i].state == DELIVERY_ARCHIVING && v[i].count < count_max;
    }
    flight_tidy(f);
    return true;
}

/* ---- looking ---- */

static bool
may_be_given(const struct flight_run *r)
{
    return r->state == DELIVERY_AVAILABLE;
}

int64_t
flight_next(const struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++)
        if (may_be_given(&f->runs.v[i])) return f->runs.v[i].first;
    return f->end;
}

bool
flight_has_room(const struct flight *f, int64_t max)
{
    return flight_next(f) < f->end || f->end - f->start < max;
}

bool
flight_is_held_by(const struct flight_run *r, struct slice member_id)
{
    return r->state == DELIVERY_ACQUIRED && slice_eq(buf_slice(r->holder), member_id);
}

/* ---- runs ---- */

int64_t
flight_split(struct flight *f, int64_t at)
{
    CHECK(at >= f->start && at <= f->end);
    LOWER_BOUND(run, f->runs.n, i, f->runs.v[i].last < at);
    if (run == f->runs.n || f->runs.v[run].first == at) return run;
    (void)VEC_ADD(f->mem, &f->runs);
    struct flight_run *r = &f->runs.v[run];
    memmove(r + 1, r, (size_t)(f->runs.n - 1 - run) * sizeof *r);
    (void)buf_ref(r->holder);
    r[0].last = at - 1;
    r[1].first = at;
    return run + 1;
}

static bool
runs_are_alike(const struct flight_run *a, const struct flight_run *b)
{
    bool same_holder =
        a->holder == b->holder ||
        (a->holder && b->holder && slice_eq(buf_slice(a->holder), buf_slice(b->holder)));
    bool same_batch = delivery_is_done(a->state) || a->batch_n == b->batch_n;
    return a->state == b->state && a->count == b->count && same_batch && same_holder &&
           a->lock_ns == b->lock_ns && a->write == b->write && a->next == b->next &&
           a->is_news == b->is_news && a->is_rejected == b->is_rejected &&
           a->is_leaving == b->is_leaving;
}

void
flight_tidy(struct flight *f)
{
    int64_t kept = 0, i = 0;
    while (i < f->runs.n && delivery_is_done(f->runs.v[i].state) && !f->runs.v[i].is_news)
        f->start = f->runs.v[i++].last + 1;
    for (; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (kept > 0 && runs_are_alike(&f->runs.v[kept - 1], r)) {
            f->runs.v[kept - 1].last = r->last;
            buf_unref(r->holder);
        } else {
            f->runs.v[kept++] = *r;
        }
    }
    f->runs.n = kept;
}
