#include "broker/share/letter_source.h"

#include "broker/base/check.h"

/* Most records that nobody wants stand alone: as in Kafka, no more is read for one. */
#define WINDOW_BYTES (1 << 20)

void
letter_source_init(struct letter_source *s, struct env *env, struct commitlog *log, int64_t limit,
                   int64_t inflated_max, void (*go_on)(struct letter_source *))
{
    *s = (struct letter_source){.env = env,
                                .log = log,
                                .limit = limit,
                                .inflated_max = inflated_max,
                                .go_on = go_on,
                                .loaded_at = -1};
}

static void
drop_buf(struct buf **b)
{
    buf_unref(*b);
    *b = NULL;
}

bool
letter_source_release(struct letter_source *s)
{
    s->is_released = true;
    if (s->is_loading) log_load_cancel(&s->load);
    s->is_loading = false;
    if (op_is_pending(&s->inflating)) return false;
    drop_buf(&s->window);
    drop_buf(&s->inflated);
    return true;
}

/* ---- one batch ---- */

static void
begin_records(struct letter_source *s, struct slice payload)
{
    records_begin(&s->records, &s->h, payload);
    s->has_record = records_next(&s->records, &s->record);
}

static void
letter_inflated(struct op *op)
{
    struct letter_source *s = CONTAINER_OF(op, struct letter_source, inflating);
    s->inflated = op->err ? NULL : op->buf;
    if (s->inflated) begin_records(s, buf_slice(s->inflated));
    s->go_on(s);
}

/* True: it waits. */
static bool
open_batch(struct letter_source *s)
{
    drop_buf(&s->inflated);
    s->has_batch = true;
    s->has_record = false;
    if (batch_is_control(&s->h)) return false;
    if (batch_codec(&s->h) == CODEC_NONE) {
        begin_records(s, batch_payload(s->batch, &s->h));
        return false;
    }
    struct seg seg = {.buf = s->window, .bytes = batch_payload(s->batch, &s->h)};
    s->inflating.done = letter_inflated;
    work_queue(s->env, &s->inflating, WORK_DECOMPRESS, batch_codec(&s->h), 0, &seg, 1,
               s->inflated_max);
    return true;
}

static enum letter_found
find_in_batch(struct letter_source *s, int64_t offset, struct record *ret)
{
    while (s->has_record && s->record.offset < offset)
        s->has_record = records_next(&s->records, &s->record);
    if (!s->has_record || s->record.offset != offset) return LETTER_ABSENT;
    *ret = s->record;
    return LETTER_FOUND;
}

/* ---- the log ---- */

static void
letter_loaded(struct log_load *l)
{
    struct letter_source *s = CONTAINER_OF(l, struct letter_source, load);
    s->is_loading = false;
    s->window = l->buf;
    s->window_at = 0;
    s->go_on(s);
}

static void
load_window(struct letter_source *s, int64_t offset)
{
    drop_buf(&s->window);
    drop_buf(&s->inflated);
    s->has_batch = s->has_record = false;
    s->loaded_at = offset;
    s->is_loading = true;
    s->load = (struct log_load){
        .done = letter_loaded,
        .read = {.offset = offset, .limit = s->limit, .max_bytes = WINDOW_BYTES, .min_one = true}};
    commitlog_load(s->log, &s->load);
}

/* The next batch of the window that ends at or above it. */
static bool
next_in_window(struct letter_source *s, int64_t offset)
{
    enum batch_err err;
    s->has_batch = false;
    while (s->window && batch_next(buf_slice(s->window), &s->window_at, &s->h, &s->batch, &err))
        if (batch_last_offset(&s->h) >= offset) return true;
    return false;
}

enum letter_found
letter_source_find(struct letter_source *s, int64_t offset, struct record *ret)
{
    CHECK(!s->is_released && !s->is_loading && !op_is_pending(&s->inflating));
    if (!s->has_batch || batch_last_offset(&s->h) < offset) {
        bool is_there = next_in_window(s, offset);
        if (!is_there && s->loaded_at == offset) return LETTER_ABSENT;
        if (!is_there) load_window(s, offset);
        if (!is_there || open_batch(s)) return LETTER_WAITS;
    }
    return find_in_batch(s, offset, ret);
}
