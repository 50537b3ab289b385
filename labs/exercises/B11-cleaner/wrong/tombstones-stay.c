/* rule: tombstone
 * Tombstones stay for ever. */
#include "broker/log/record_retention.h"

bool
record_retention(const struct record_retention_facts *f)
{
    if (f->offset > f->map_latest) return true;
    if (!f->has_key) return false;
    if (f->offset < f->key_latest) return false;
    return true;
}
