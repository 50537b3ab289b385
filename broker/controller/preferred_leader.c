#include "broker/controller/preferred_leader.h"

bool
preferred_leader_is_missing(struct ids replicas, int32_t leader)
{
    return replicas.n > 0 && replicas.v[0] != leader;
}
