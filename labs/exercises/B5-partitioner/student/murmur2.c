#include "broker/base/murmur2.h"

int32_t
murmur2(struct slice key)
{
    /* Yours. As it stands every key has the same hash. */
    (void)key;
    return 0;
}

int32_t
partition_of_key(struct slice key, int32_t partitions)
{
    /* Yours. As it stands one partition gets it all. */
    (void)key, (void)partitions;
    return 0;
}
