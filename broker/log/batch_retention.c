#include "broker/log/batch_retention.h"

struct batch_retention
batch_retention(const struct batch_retention_facts *f)
{
    struct batch_retention r = {.fate = BATCH_GOES_EMPTY, .drops_records = f->is_void};
    int64_t horizon_ms = batch_delete_horizon_ms(&f->h);
    if (batch_is_control(&f->h)) {
        r.drops_records = f->is_void && horizon_ms >= 0 && horizon_ms <= f->now_ms;
        r.wants_horizon = f->is_void && horizon_ms < 0;
    }
    if (batch_has_producer(&f->h) && f->is_producers_last) r.fate = BATCH_STAYS;
    else if (batch_next_offset(&f->h) == f->group_end) r.fate = BATCH_STAYS;
    else if (r.drops_records) r.fate = BATCH_GOES;
    return r;
}

bool
batch_is_producers_last(const struct batch_header *h, const struct producer *p)
{
    if (!p) return false;
    const struct producer_window *w = &p->window;
    if (w->n) return w->batch[w->n - 1].last_offset == batch_last_offset(h);
    return batch_is_control(h) && h->producer_epoch == w->epoch;
}
