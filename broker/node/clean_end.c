#include "broker/node/clean_end.h"

bool
clean_end_is_true(const struct clean_end *e)
{
    return e->logs_were_opened ? e->all_closed : e->was_clean;
}

int64_t
clean_end_epoch(const struct clean_end *e)
{
    return e->broker_epoch >= 0 ? e->broker_epoch : e->shown_epoch;
}

bool
clean_end_writes_marker(const struct clean_end *e)
{
    if (!clean_end_is_true(e)) return false;
    return !e->marker_is_left || clean_end_epoch(e) != e->shown_epoch;
}
