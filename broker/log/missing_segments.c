#include "broker/log/missing_segments.h"

bool
gap_is_kept(const struct gap_facts *f)
{
    if (f->compact || f->stopped_in_order) return true;
    /* A power loss takes only what was not synced: a gap that begins above the recovery point may be its
     * work, and a replica that goes on behind such a gap would never get the records that its leader has. */
    return f->expected < f->recovery_point;
}
