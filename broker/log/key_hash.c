#include "broker/log/key_hash.h"

struct siphash_wide
key_hash(struct siphash_key seed, struct slice key)
{
    return siphash_wide(seed, key);
}
