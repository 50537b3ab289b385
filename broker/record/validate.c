#include "broker/record/validate.h"

enum batch_err
produce_check_batch(enum crc32c_impl impl, struct slice set, struct batch_header *ret)
{
    struct batch_header h;
    if (set.n <= 0) return BATCH_NOT_ONE;
    enum batch_err err = batch_check(impl, set, &h);
    if (err) return err;
    if (batch_size_bytes(&h) != set.n) return BATCH_NOT_ONE;
    if (batch_codec(&h) > CODEC_ZSTD) return BATCH_BAD_CODEC;
    if (batch_is_control(&h)) return BATCH_IS_CONTROL;
    if (h.records_n <= 0 || h.records_n != (int64_t)h.last_offset_delta + 1) return BATCH_BAD_COUNT;
    if (batch_has_producer(&h) && (h.base_sequence < 0 || h.producer_epoch < 0))
        return BATCH_BAD_SEQUENCE;
    if (batch_is_transactional(&h) && !batch_has_producer(&h)) return BATCH_BAD_SEQUENCE;
    if (batch_has_log_append_time(&h)) return BATCH_BAD_TIMESTAMP;
    /* Only the cleaner sets a horizon; from a client it would falsify every timestamp. */
    if (h.attributes & BATCH_DELETE_HORIZON) return BATCH_BAD_RECORD;
    *ret = h;
    return BATCH_OK;
}

/* message.timestamp.before.max.ms and after.max.ms (KIP-937). */
static bool
timestamp_is_allowed(int64_t timestamp, const struct produce_rules *rules)
{
    if (rules->log_append_time || timestamp == BATCH_NO_TIMESTAMP) return true;
    if (timestamp < 0) return false;
    int64_t age = rules->now_ms - timestamp;
    return age <= rules->before_max_ms && -age <= rules->after_max_ms;
}

static enum batch_err
record_check(const struct record *rec, int32_t index, const struct produce_rules *rules)
{
    if (rec->offset_delta != index) return BATCH_BAD_OFFSET;
    if (rules->compacted && !rec->key.p) return BATCH_NO_KEY;
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
        err = record_check(&rec, i, rules);
        if (rec.timestamp > max) max = rec.timestamp;
        if (!err) i++;
    }
    if (!err) err = rs.err;
    ret->max_timestamp = rules->log_append_time ? rules->now_ms : max;
    ret->bad_record = err ? i : -1;
    return err;
}
