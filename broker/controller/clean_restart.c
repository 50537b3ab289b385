#include "broker/controller/clean_restart.h"

bool
restart_is_clean(const struct image_broker *was, int64_t previous_broker_epoch)
{
    if (!was || previous_broker_epoch == NO_BROKER_EPOCH) return false;
    return previous_broker_epoch == was->epoch || previous_broker_epoch == was->served_epoch;
}
