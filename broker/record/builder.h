/* Makes batches of format 2: append records until the next would not fit, then finish.
 *
 * Uncompressed: init, add …, finish. Compressed: init, add …, take builder_payload() to the
 * environment's WORK_COMPRESS, then finish_compressed with what comes back. The header's fields may be
 * set by the owner between init and finish (offset, epoch, producer, attributes); count, deltas,
 * timestamps, length and CRC are the builder's. */
#ifndef RECORD_BUILDER_H
#define RECORD_BUILDER_H

#include "broker/record/record.h"

struct batch_builder {
    struct batch_header h;
    struct writer w; /* records, uncompressed */
    int64_t limit_bytes;
};

/* limit_bytes: of the whole batch before compression; 0 for none. */
void builder_init(struct batch_builder *b, struct mem *mem, int64_t limit_bytes);
void builder_release(struct batch_builder *b);
/* Ready for the next batch; keeps limit and memory. */
void builder_clear(struct batch_builder *b);

/* False, and nothing changed, when the record would pass the limit; the first always fits. */
bool builder_add(struct batch_builder *b, int64_t timestamp, struct slice key, struct slice value,
                 const struct record_header *headers, int32_t headers_n);
static inline bool
builder_is_empty(const struct batch_builder *b)
{
    return b->h.records_n == 0;
}
/* Of the batch as it stands, uncompressed. */
int64_t builder_size_bytes(const struct batch_builder *b);
/* What one more record would add, at most. */
int64_t record_bytes_max(struct slice key, struct slice value, const struct record_header *headers,
                         int32_t headers_n);
/* The records so far; valid until the next call. */
struct slice builder_payload(const struct batch_builder *b);

/* The whole batch in a new buffer (one reference, the caller's). Sets the codec to none. */
struct buf *builder_finish(struct batch_builder *b, enum crc32c_impl impl, struct mem *mem);
struct buf *builder_finish_compressed(struct batch_builder *b, enum crc32c_impl impl,
                                      struct mem *mem, enum codec codec, struct slice compressed);

#endif
