/* The executors of the environment's work: compression, checksums, matching of names, hashing of passwords. They are pure functions of
 * immutable input, safe on any thread, and shared by both bodies; only they know the codec libraries.
 *
 * What they write is what Kafka's Java clients write: gzip; snappy in the xerial framing, blocks of
 * 32 KiB; lz4 frames of independent 64 KiB blocks; zstd frames without content size. What they read is
 * what any client writes: also raw snappy, and several gzip members or zstd frames in a row. */
#ifndef WORK_WORK_H
#define WORK_WORK_H

#include "broker/env/env.h"

struct work_result {
    uint8_t *p; /* from malloc; the caller frees it */
    int64_t n;
    int64_t crc; /* of WORK_CRC32C: what becomes op->value */
};

/* Does what an OP_WORK asks, as work_queue() describes it. Only the segments' bytes are looked at.
 * ENV_ECORRUPT: input that the codec refuses, or that goes on behind its end. ENV_ETOOBIG: more than
 * ceiling_bytes, or blown up beyond what honest data can be (over 16 MiB and 2,000 times the input).
 * On failure *ret is empty. */
enum env_err work_run(enum work_kind kind, enum codec codec, int32_t level, const struct seg *segs,
                      int32_t segs_n, int64_t ceiling_bytes, struct work_result *ret);

/* What this processor can do. */
enum crc32c_impl work_crc32c(void);

/* Format 0 (magic 0) lz4 frames have a wrong header checksum (KAFKA-3160): repairs the input. */
void work_mend_lz4_header(uint8_t *frame, int64_t n);

#endif
