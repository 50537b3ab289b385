/* What is to be remembered for ever stands in every node's memory: beyond a part of this controller's own
 * (env/limits.h) nothing is added to the metadata. Kafka knows POLICY_VIOLATION for what its operators do not
 * want to be made; clients do not try it again. */
#include "broker/controller/internal.h"

#include "errors.h"

struct verdict
check_room(const struct request *q, int64_t more_partitions)
{
    const struct controller *c = q->c;
    int64_t max = c->env->mem.ceiling_bytes / PARTITIONS_PART / PARTITION_BYTES;
    if (!env_has_room(c->env, PURSE_METADATA))
        return (struct verdict){
            K_ERR_POLICY_VIOLATION,
            S("The metadata of the cluster takes as much memory as the controller "
              "may use for it (--memory): delete something first.")};
    if (more_partitions && c->image.partitions_n + c->batch.n + more_partitions > max)
        return (struct verdict){K_ERR_POLICY_VIOLATION,
                                S("The cluster has as many partitions as the controller's memory "
                                  "(--memory) allows.")};
    return FINE;
}
