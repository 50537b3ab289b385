/* RE14: every broker is believed that it ended cleanly. RE34: a clean end counts only if it is that of the last
 * registration; a broker that was stopped while it registered has forgotten it. */
#include "broker/controller/clean_restart.h"
#include "tests/mutants/switches.h"

bool restart_is_clean__right(const struct image_broker *was, int64_t previous_broker_epoch);

bool
restart_is_clean(const struct image_broker *was, int64_t previous_broker_epoch)
{
    if (is_on(RE14)) return true;
    if (is_on(RE34)) return was && previous_broker_epoch == was->epoch;
    return restart_is_clean__right(was, previous_broker_epoch);
}
