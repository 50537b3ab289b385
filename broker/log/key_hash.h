/* What a record's key is known by while a log is cleaned (offset_map.h). Two keys of one hash would be taken for one,
 * and the earlier one's last value would be lost in silence. With 128 bits that is less likely than any failure of the
 * hardware (2^-84 among ten million keys), as long as nobody can choose keys that collide: hence SipHash, keyed
 * with a seed of the node. (Kafka's hash is MD5, for which collisions can be made.) Pure. */
#ifndef LOG_KEY_HASH_H
#define LOG_KEY_HASH_H

#include "broker/base/siphash.h"

struct siphash_wide key_hash(struct siphash_key seed, struct slice key);

#endif
