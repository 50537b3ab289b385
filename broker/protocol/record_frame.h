/* How records of the internal topics say what they are.
 *
 *      __cluster_metadata    value = uvarint 1, uvarint type, uvarint version, body
 *      coordinators' topics  key   = int16 type, body (version 0)
 *                            value = int16 version, body; null is a tombstone */
#ifndef PROTOCOL_RECORD_FRAME_H
#define PROTOCOL_RECORD_FRAME_H

#include "broker/protocol/codec.h"

bool metadata_record_write(struct writer *w, enum k_msg msg, int16_t version, const void *record,
                           struct codec_refusal *ret_why);

/* Readers leave the reader at the body. False: malformed, or of a type or version that is not known. */
enum coordinator_type { COORDINATOR_GROUP, COORDINATOR_TRANSACTION, COORDINATOR_SHARE };

bool coordinator_key_write(struct writer *w, enum k_msg key, const void *record,
                           struct codec_refusal *ret_why);
bool coordinator_key_read(struct reader *r, enum coordinator_type of, enum k_msg *ret_key,
                          enum k_msg *ret_value);
bool coordinator_value_write(struct writer *w, enum k_msg value, int16_t version,
                             const void *record, struct codec_refusal *ret_why);
bool coordinator_value_read(struct reader *r, enum k_msg value, int16_t *ret_version);

#endif
