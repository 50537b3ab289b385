/* The partitioner in a run: the student's decision is taken, and compared with the reference's. */
#include "broker/base/murmur2.h"
#include "labs/exercises/judge.h"

__typeof__(murmur2) student_murmur2, reference_murmur2;
__typeof__(partition_of_key) student_partition_of_key, reference_partition_of_key;

int32_t
murmur2(struct slice key)
{
    return student_murmur2(key);
}

int32_t
partition_of_key(struct slice key, int32_t partitions)
{
    int32_t yours = student_partition_of_key(key, partitions),
            right = reference_partition_of_key(key, partitions);
    if (yours != right)
        watch_differs("the key %.*s goes to partition %d of %d, and should go to %d",
                      (int)(key.n > 40 ? 40 : key.n), (const char *)key.p, yours, partitions,
                      right);
    /* A number that is none would end the producer, not show the mistake. */
    return yours < 0 || yours >= partitions ? right : yours;
}
