/* Giving records out to a member. What came back goes out again before what was never given out, because it has
 * lower offsets. */
#include "broker/base/check.h"
#include "broker/share/flight.h"
#include "broker/share/given_together.h"

/* Up to where records of it are given out: a client is given whole batches, as it gets them whole, unless it wants
 * no more than it said (KIP-1206). */
static int64_t
batch_end(const struct acquire *a, int64_t at)
{
    for (int32_t i = 0; i < a->ends_n; i++)
        if (a->ends[i] > at) return a->ends[i];
    return a->to;
}

/* What was read may be given out from now on, as far as there may be so much under way. */
static void
take_in(struct flight *f, const struct acquire *a)
{
    int64_t to = MIN(a->to, f->start + a->in_flight_max);
    if (to <= f->end) return;
    struct flight_run *r = VEC_ADD(f->mem, &f->runs);
    *r = (struct flight_run){.first = f->end, .last = to - 1};
    f->end = to;
}

/* Nobody can be given these: they are not there, or of transactions that were aborted. */
static void
drop_holes(struct flight *f, const struct acquire *a)
{
    for (int32_t i = 0; i < a->holes_n; i++) {
        int64_t first = MAX(a->holes[i].first, f->start);
        int64_t last = MIN(a->holes[i].last, f->end - 1);
        if (first > last) continue;
        int64_t k = flight_split(f, first);
        (void)flight_split(f, last + 1);
        for (; k < f->runs.n && f->runs.v[k].first <= last; k++) {
            struct flight_run *r = &f->runs.v[k];
            if (r->state != DELIVERY_AVAILABLE) continue;
            r->state = DELIVERY_ARCHIVED;
            r->write = FLIGHT_NOT_WRITING;
            r->is_news = true;
        }
    }
}

struct giving {
    struct flight *f;
    const struct acquire *a;
    int64_t left;     /* records that may still be given out */
    int64_t stop;     /* no record at or above it */
    int64_t together; /* so many more of those that were delivered often, or GIVEN_WITHOUT_LIMIT */
    struct acquired *v;
    int32_t n;
};

/* How far a piece that begins at `from` may reach. */
static int64_t
piece_end(struct giving *g, int64_t from, int64_t to)
{
    to = MIN(to, g->stop);
    if (g->left == 0) return to; /* the rest of the batch with the last of them */
    if (to - from < g->left) {
        g->left -= to - from;
        return to;
    }
    int64_t last = from + g->left - 1;
    g->stop = g->a->is_strict ? last + 1 : batch_end(g->a, last);
    g->left = 0;
    return MIN(to, g->stop);
}

static void
give(struct giving *g, struct flight_run *r)
{
    const struct acquire *a = g->a;
    r->state = DELIVERY_ACQUIRED;
    if (r->count == 0) r->batch_n = r->last - r->first + 1;
    if (r->count < INT16_MAX) r->count++;
    r->lock_ns = a->lock_ns;
    /* A leader that does not know of this gives it out again, which is all that can come of it. */
    r->write = FLIGHT_NOT_WRITING;
    r->is_news = false;
    flight_set_holder(r, a->holder);
    g->v[g->n++] = (struct acquired){r->first, r->last, r->count};
}

/* What was delivered often goes out apart from what was not, and what is delivered for the last time alone. */
static bool
may_go_along(struct giving *g, const struct flight_run *r)
{
    int64_t most = given_together(r->count, g->a->count_max, r->batch_n);
    if (g->n == 0) g->together = most;
    else if ((most < GIVEN_WITHOUT_LIMIT) != (g->together < GIVEN_WITHOUT_LIMIT)) return false;
    return g->together > 0 && (g->n == 0 || most > 1);
}

/* Given out were at most as many runs as there are, and one that was cut. */
static void
give_all(struct giving *g, int64_t from)
{
    struct flight *f = g->f;
    for (int64_t i = flight_split(f, from); i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (r->first >= g->stop) return;
        if (r->state != DELIVERY_AVAILABLE) continue;
        if (!may_go_along(g, r)) return;
        int64_t end = piece_end(g, r->first, r->last + 1);
        if (g->together < end - r->first) end = r->first + g->together;
        if (g->together < GIVEN_WITHOUT_LIMIT) g->together -= end - r->first;
        if (end <= r->last) (void)flight_split(f, end);
        give(g, &f->runs.v[i]);
    }
}

/* What was taken in and not given out is left to the next one, who reads it. */
static void
leave_rest(struct flight *f, int64_t old_end)
{
    while (f->runs.n > 0 && f->end > old_end) {
        struct flight_run *r = &f->runs.v[f->runs.n - 1];
        if (r->state != DELIVERY_AVAILABLE || r->is_news) return;
        if (r->first < old_end) r->last = old_end - 1;
        f->end = MAX(r->first, old_end);
        if (r->first >= old_end) f->runs.n--;
    }
}

int32_t
flight_acquire(struct flight *f, const struct acquire *a, struct arena *arena,
               struct acquired **ret)
{
    struct giving g = {.f = f, .a = a, .left = a->records_max, .stop = a->to};
    int64_t old_end = f->end;
    *ret = NULL;
    if (a->records_max <= 0) return 0;
    take_in(f, a);
    drop_holes(f, a);
    int64_t from = MAX(a->from, f->start);
    g.v = ARENA_ARRAY(arena, struct acquired, f->runs.n + 2);
    if (from < MIN(f->end, a->to)) give_all(&g, from);
    leave_rest(f, old_end);
    flight_tidy(f);
    *ret = g.v;
    return g.n;
}
