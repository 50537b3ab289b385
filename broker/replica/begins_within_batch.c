#include "broker/replica/truncation.h"

bool
begins_within_batch(int64_t log_start, int64_t log_end, int64_t batch_first, int64_t batch_last)
{
    /* KAFKA-6975: DeleteRecords may leave the leader's log start anywhere in a batch. A follower that begins anew
     * there is given that batch whole, as it lies on the leader's disk: an empty log may begin before the offset
     * that was asked for. One that has records may not: then the batch overlaps with them. */
    return log_start == log_end && batch_first < log_end && batch_last >= log_end;
}
