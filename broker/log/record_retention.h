/* Does a record stay when its log is cleaned? The last one of each key does; and a tombstone until its batch's
 * delete horizon, so that whoever reads on within delete.retention.ms learns that the key was deleted.
 * The horizon counts from the first cleaning that saw the tombstone, not from any file's age (KIP-534,
 * KAFKA-8522): before it every earlier value of the key is gone. Pure. */
#ifndef LOG_RECORD_RETENTION_H
#define LOG_RECORD_RETENTION_H

#include "broker/base/slice.h"

struct record_retention_facts {
    int64_t offset;
    bool has_key, is_tombstone;
    int64_t map_latest; /* beyond it the map knows nothing */
    int64_t key_latest; /* the last offset of its key in the map; -1: none */
    int64_t horizon_ms; /* of its batch; -1: not set */
    int64_t now_ms;
};

bool record_retention(const struct record_retention_facts *f);

#endif
