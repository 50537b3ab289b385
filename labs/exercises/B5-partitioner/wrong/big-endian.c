/* rule: words
 * Words are read with the first byte highest. */
#include "broker/base/murmur2.h"

int32_t
murmur2(struct slice key)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)key.n;
    int64_t i = 0;
    for (; key.n - i >= 4; i += 4) {
        uint32_t k;
        k = (uint32_t)key.p[i] << 24 | (uint32_t)key.p[i + 1] << 16 | (uint32_t)key.p[i + 2] << 8 |
            key.p[i + 3];
        k *= m, k ^= k >> 24, k *= m;
        h *= m, h ^= k;
    }
    int64_t left = key.n - i;
    if (left >= 3) h ^= (uint32_t)key.p[i + 2] << 16;
    if (left >= 2) h ^= (uint32_t)key.p[i + 1] << 8;
    if (left >= 1) h ^= key.p[i], h *= m;
    h ^= h >> 13, h *= m, h ^= h >> 15;
    return (int32_t)h;
}

int32_t
partition_of_key(struct slice key, int32_t partitions)
{
    return (murmur2(key) & INT32_MAX) % partitions;
}
