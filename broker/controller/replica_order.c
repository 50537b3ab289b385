#include "broker/controller/replica_order.h"

/* In lists of the same length it is enough that each of the target's is a replica and stands there once. */
bool
replica_order_is(struct ids replicas, struct ids target)
{
    if (target.n != replicas.n) return false;
    for (int32_t i = 0; i < target.n; i++) {
        if (!ids_has(replicas, target.v[i])) return false;
        for (int32_t j = 0; j < i; j++)
            if (target.v[j] == target.v[i]) return false;
    }
    return true;
}
