#include "broker/controller/replacement.h"

bool
may_replace(const struct replacement *r)
{
    if (r->is_same || r->was_stopping || !r->has_session) return true;
    return r->is_own && r->holds_same_dirs && !r->was_heard;
}
