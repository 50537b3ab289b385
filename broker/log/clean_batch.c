#include "broker/log/clean_batch.h"

#include "broker/log/record_retention.h"

void
clean_batch_release(struct clean_batch *c)
{
    VEC_RELEASE(c->mem, &c->stays);
}

static bool
stays(const struct clean_batch *c, const struct record *rec)
{
    if (c->retention.drops_records) return false;
    if (batch_is_control(&c->h)) return true;
    struct record_retention_facts f = {
        .offset = rec->offset,
        .has_key = rec->key.p != NULL,
        .is_tombstone = rec->value.p == NULL,
        .map_latest = c->map->latest,
        .key_latest = rec->key.p ? offset_map_get(c->map, rec->key) : -1,
        .horizon_ms = batch_delete_horizon_ms(&c->h),
        .now_ms = c->now_ms,
    };
    return record_retention(&f);
}

static void
keep_record(struct clean_batch *c, const struct record *rec)
{
    if (c->kept_n++ == 0) c->first_timestamp = rec->timestamp;
    c->max_timestamp = MAX(c->max_timestamp, rec->timestamp);
}

static enum clean_result
without_records(const struct clean_batch *c)
{
    if (c->retention.fate != BATCH_STAYS) return CLEAN_GONE;
    return c->h.records_n == 0 ? CLEAN_AS_IT_WAS : CLEAN_EMPTY;
}

enum clean_result
clean_batch_look(struct clean_batch *c, const struct batch_header *h,
                 const struct batch_retention *retention, struct slice payload)
{
    struct records rs;
    struct record rec;
    bool has_tombstone = false;
    c->h = *h;
    c->retention = *retention;
    c->kept_n = 0;
    c->stays.n = 0;
    c->max_timestamp = BATCH_NO_TIMESTAMP;
    c->horizon_ms = batch_delete_horizon_ms(h);
    if (retention->drops_records || h->records_n == 0) return without_records(c);
    records_begin(&rs, h, payload);
    while (records_next(&rs, &rec)) {
        bool does = stays(c, &rec);
        VEC_PUSH(c->mem, &c->stays, does);
        if (!does) continue;
        keep_record(c, &rec);
        has_tombstone |= rec.value.p == NULL && !batch_is_control(h);
    }
    if (rs.err) return CLEAN_BROKEN;
    if (c->kept_n == 0) return without_records(c);
    bool wants_horizon = c->horizon_ms < 0 && (has_tombstone || retention->wants_horizon);
    if (wants_horizon)
        c->horizon_ms = c->now_ms > INT64_MAX - c->delete_retention_ms
                          ? INT64_MAX
                          : c->now_ms + c->delete_retention_ms;
    return c->kept_n == h->records_n && !wants_horizon ? CLEAN_AS_IT_WAS : CLEAN_REBUILT;
}

void
clean_batch_write(const struct clean_batch *c, struct slice payload, struct writer *w,
                  struct batch_header *ret_h)
{
    struct records rs;
    struct record rec;
    *ret_h = c->h;
    ret_h->records_n = c->kept_n;
    ret_h->base_timestamp = c->horizon_ms >= 0 ? c->horizon_ms : c->first_timestamp;
    if (c->horizon_ms >= 0) ret_h->attributes |= BATCH_DELETE_HORIZON;
    if (!batch_has_log_append_time(&c->h)) ret_h->max_timestamp = c->max_timestamp;
    records_begin(&rs, &c->h, payload);
    for (int64_t i = 0; records_next(&rs, &rec); i++)
        if (c->stays.v[i])
            record_copy(w, &rec,
                        (int64_t)((uint64_t)rec.timestamp - (uint64_t)ret_h->base_timestamp));
}

void
clean_batch_empty(const struct clean_batch *c, struct batch_header *ret_h)
{
    *ret_h = c->h;
    ret_h->records_n = 0;
    ret_h->base_timestamp = BATCH_NO_TIMESTAMP;
    ret_h->attributes &= (int16_t) ~(BATCH_CODEC_MASK | BATCH_DELETE_HORIZON);
}
