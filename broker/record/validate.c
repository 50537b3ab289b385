#include "broker/record/validate.h"

#include "broker/base/ckd.h"

/* Which batches there are is decided before any of them is looked at. What is incomplete is none: a set
 * may have been cut anywhere. */
static enum batch_err
check_is_one(struct slice set, struct batch_span *ret)
{
    struct batch_span second;
    enum batch_err err = batch_peek(set, ret);
    if (err == BATCH_SHORT || (!err && ret->size_bytes > set.n)) return BATCH_NOT_ONE;
    if (err) return err;
    struct slice rest = slice(set.p + ret->size_bytes, set.n - ret->size_bytes);
    err = batch_peek(rest, &second);
    if (err == BATCH_SHORT) return BATCH_OK;
    if (err) return err;
    return second.size_bytes > rest.n ? BATCH_OK : BATCH_NOT_ONE;
}

enum batch_err
produce_check_batch(enum crc32c_impl impl, struct slice set, struct batch_header *ret)
{
    struct batch_header h;
    struct batch_span span;
    /* The leader assigns offsets; whoever sends another first one than 0 is not a producer. */
    if (set.n >= BATCH_PEEK_BYTES && (int64_t)load_be64(set.p) < 0) return BATCH_BAD_OFFSET;
    enum batch_err err = check_is_one(set, &span);
    if (err) return err;
    if (span.magic < 2) return BATCH_OLD_MAGIC;
    if (span.base_offset != 0) return BATCH_BAD_OFFSET;
    err = batch_check(impl, slice(set.p, span.size_bytes), &h);
    if (err) return err;
    if (batch_codec(&h) > CODEC_ZSTD) return BATCH_BAD_CODEC;
    if (batch_is_control(&h)) return BATCH_IS_CONTROL;
    if (h.records_n <= 0 || h.records_n != (int64_t)h.last_offset_delta + 1) return BATCH_BAD_COUNT;
    if (batch_has_producer(&h) && h.base_sequence < 0) return BATCH_BAD_SEQUENCE;
    if (batch_has_producer(&h) && h.producer_epoch < 0) return BATCH_BAD_EPOCH;
    if (batch_is_transactional(&h) && !batch_has_producer(&h)) return BATCH_BAD_SEQUENCE;
    *ret = h;
    return BATCH_OK;
}

/* message.timestamp.before.max.ms and after.max.ms (KIP-937). */
static bool
timestamp_is_allowed(int64_t timestamp, const struct produce_rules *rules)
{
    int64_t age;
    if (rules->log_append_time || timestamp == BATCH_NO_TIMESTAMP) return true;
    if (ckd_sub(&age, rules->now_ms, timestamp)) return false;
    return age <= rules->before_max_ms && -age <= rules->after_max_ms;
}

static enum batch_err
record_check(const struct batch_header *h, const struct record *rec, int32_t index,
             const struct produce_rules *rules)
{
    /* As in Kafka, for each record and not for their sum; what comes uncompressed has max.message.bytes. */
    if (rules->record_bytes_max && batch_codec(h) != CODEC_NONE &&
        rec->body_bytes > rules->record_bytes_max)
        return BATCH_BIG_RECORD;
    if (rec->offset_delta != index) return BATCH_BAD_OFFSET;
    if (rules->compacted && !rec->key.p) return BATCH_NO_KEY;
    /* Where the leader sets the time, its producers must not say that it has. Elsewhere the bit is taken for
     * "all records have the header's time", and goes. */
    if (rules->log_append_time && batch_has_log_append_time(h)) return BATCH_BAD_TIMESTAMP;
    if (!timestamp_is_allowed(rec->timestamp, rules)) return BATCH_BAD_TIMESTAMP;
    return BATCH_OK;
}

enum batch_err
produce_check_records(const struct batch_header *h, struct slice payload,
                      const struct produce_rules *rules, struct produce_result *ret)
{
    struct records rs;
    struct record rec;
    int32_t i = 0;
    int64_t max = BATCH_NO_TIMESTAMP;
    enum batch_err err = BATCH_OK;
    records_begin(&rs, h, payload);
    while (!err && records_next(&rs, &rec)) {
        err = record_check(h, &rec, i, rules);
        if (rec.timestamp > max) max = rec.timestamp;
        if (!err) i++;
    }
    if (!err) err = rs.err;
    ret->max_timestamp = rules->log_append_time ? rules->now_ms : max;
    ret->bad_record = err ? i : -1;
    return err;
}

int32_t
produce_list_refused(const struct batch_header *h, struct slice payload,
                     const struct produce_rules *rules, int32_t *ret)
{
    struct records rs;
    struct record rec;
    int32_t n = 0;
    records_begin(&rs, h, payload);
    for (int32_t i = 0; i < h->records_n && records_next(&rs, &rec); i++)
        if (record_check(h, &rec, rec.offset_delta, rules)) ret[n++] = i;
    return n;
}
