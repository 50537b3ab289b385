/* rule: earlier
 * A tombstone stays though its key has a later record. */
#include "broker/log/record_retention.h"

bool
record_retention(const struct record_retention_facts *f)
{
    if (f->offset > f->map_latest) return true;
    if (!f->has_key) return false;
    if (f->offset < f->key_latest && !f->is_tombstone) return false;
    return !f->is_tombstone || f->horizon_ms < 0 || f->now_ms < f->horizon_ms;
}
