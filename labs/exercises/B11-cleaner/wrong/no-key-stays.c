/* rule: no-key
 * Records without a key stay. */
#include "broker/log/record_retention.h"

bool
record_retention(const struct record_retention_facts *f)
{
    if (f->offset > f->map_latest) return true;
    if (!f->has_key) return true;
    if (f->offset < f->key_latest) return false;
    return !f->is_tombstone || f->horizon_ms < 0 || f->now_ms < f->horizon_ms;
}
