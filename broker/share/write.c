/* What the share coordinator is told. One write at a time: so it is told in the order in which it came about. */
#include "broker/base/check.h"
#include "broker/share/flight.h"

bool
flight_has_news(const struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++)
        if (f->runs.v[i].write == FLIGHT_DECIDED || f->runs.v[i].is_news) return true;
    return false;
}

static void
add_news(struct flight_news *news, const struct flight_run *r, enum delivery_state state)
{
    struct state_batch *last = news->batches_n ? &news->batches[news->batches_n - 1] : NULL;
    if (last && last->last + 1 == r->first && last->state == state && last->count == r->count)
        last->last = r->last;
    else
        news->batches[news->batches_n++] = (struct state_batch){r->first, r->last, state, r->count};
}

void
flight_begin_write(struct flight *f, struct arena *a, struct flight_news *ret)
{
    bool at_start = true;
    *ret = (struct flight_news){.start = f->start,
                                .batches = ARENA_ARRAY(a, struct state_batch, f->runs.n)};
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        bool is_decided = r->write == FLIGHT_DECIDED;
        CHECK(r->write != FLIGHT_WRITING);
        enum delivery_state state = is_decided ? r->next : r->state;
        bool is_news = is_decided || r->is_news;
        if (is_decided) r->write = FLIGHT_WRITING;
        at_start &= delivery_is_done(state);
        /* The start says it all. */
        if (at_start) ret->start = r->last + 1;
        if (at_start) continue;
        if (delivery_is_done(state)) ret->done_n += r->last - r->first + 1;
        if (is_news && state != DELIVERY_ACQUIRED) add_news(ret, r, state);
    }
    /* is_news stays until it is written, or is given out again. */
    for (int64_t i = 0; i < f->runs.n; i++)
        if (f->runs.v[i].is_news) f->runs.v[i].write = FLIGHT_WRITING;
}

void
flight_written(struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++) {
        struct flight_run *r = &f->runs.v[i];
        if (r->write != FLIGHT_WRITING) continue;
        r->write = FLIGHT_NOT_WRITING;
        r->is_news = false;
        if (r->state != DELIVERY_ACQUIRED) continue;
        r->state = r->next;
        r->lock_ns = 0;
        flight_set_holder(r, NULL);
    }
    flight_tidy(f);
}

void
flight_not_written(struct flight *f)
{
    for (int64_t i = 0; i < f->runs.n; i++)
        if (f->runs.v[i].write == FLIGHT_WRITING) f->runs.v[i].write = FLIGHT_NOT_WRITING;
    flight_tidy(f);
}
