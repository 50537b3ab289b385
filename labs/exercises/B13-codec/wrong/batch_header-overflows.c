/* rule: fits
 * The product does not fit into 32 bits. */
#include "broker/record/batch_header.h"

#include "broker/base/check.h"
#include "broker/record/batch.h"

void
batch_header_read(const uint8_t bytes[BATCH_HEADER_BYTES], struct batch_header *ret)
{
    struct reader r = reader(slice(bytes, BATCH_HEADER_BYTES));
    struct batch_header h;
    h.base_offset = reader_i64(&r);
    h.length = reader_i32(&r);
    h.leader_epoch = reader_i32(&r);
    h.magic = reader_i8(&r);
    h.crc = reader_u32(&r);
    h.attributes = reader_i16(&r);
    h.last_offset_delta = reader_i32(&r);
    h.base_timestamp = reader_i64(&r);
    h.max_timestamp = reader_i64(&r);
    h.producer_id = reader_i64(&r);
    h.producer_epoch = reader_i16(&r);
    h.base_sequence = reader_i32(&r);
    h.records_n = reader_i32(&r);
    *ret = h;
}

void
batch_header_write(const struct batch_header *h, uint8_t ret[BATCH_HEADER_BYTES])
{
    struct writer w = writer_fixed(ret, BATCH_HEADER_BYTES);
    writer_i64(&w, h->base_offset);
    writer_i32(&w, h->length);
    writer_i32(&w, h->leader_epoch);
    writer_i8(&w, h->magic);
    writer_i32(&w, (int32_t)h->crc);
    writer_i16(&w, h->attributes);
    writer_i32(&w, h->last_offset_delta);
    writer_i64(&w, h->base_timestamp);
    writer_i64(&w, h->max_timestamp);
    writer_i64(&w, h->producer_id);
    writer_i16(&w, h->producer_epoch);
    writer_i32(&w, h->base_sequence);
    writer_i32(&w, h->records_n);
    CHECK(!w.err && w.n == BATCH_HEADER_BYTES);
}

bool
batch_counts_fit(const struct batch_header *h)
{
    if (h->records_n < 0 || h->last_offset_delta < 0) return false;
    if (h->records_n > (int64_t)h->last_offset_delta + 1) return false;
    if (batch_codec(h) != CODEC_NONE) return true;
    return (int32_t)((uint32_t)h->records_n * 7U) <= batch_size_bytes(h) - BATCH_HEADER_BYTES;
}
