#include "broker/log/commitlog.h"

#include "broker/base/fmt.h"
#include "broker/log/internal.h"
#include "broker/log/settled_end.h"

const char *
log_err_text(enum log_err err)
{
    switch (err) {
    case LOG_OK: return "no error";
    case LOG_E_DUPLICATE: return "batch was appended before";
    case LOG_E_OUT_OF_ORDER: return "sequence number out of order";
    case LOG_E_FENCED: return "producer epoch is old";
    case LOG_E_TXN_STATE: return "batch outside the producer's open transaction";
    case LOG_E_COORDINATOR_FENCED: return "marker of a transaction coordinator that was replaced";
    case LOG_E_OUT_OF_RANGE: return "offset out of range";
    case LOG_E_NOT_CONTIGUOUS: return "batch does not follow the end of the log";
    case LOG_E_CORRUPT: return "not a whole, valid batch";
    case LOG_E_TOO_LARGE: return "batch larger than a segment may be";
    case LOG_E_NO_ROOM: return "too many producers are remembered";
    case LOG_E_BUSY: return "log is busy";
    case LOG_E_CLOSED: return "log is closed";
    case LOG_E_OFFLINE: return "log is offline";
    }
    return "unknown error";
}

enum log_err
log_state_err(const struct commitlog *log)
{
    switch (log->state) {
    case COMMITLOG_OPEN: return LOG_OK;
    case COMMITLOG_OFFLINE: return LOG_E_OFFLINE;
    case COMMITLOG_CLOSING:
    case COMMITLOG_CLOSED: return LOG_E_CLOSED;
    case COMMITLOG_NEW:
    case COMMITLOG_OPENING:
    case COMMITLOG_TRUNCATING: return LOG_E_BUSY;
    }
    return LOG_E_BUSY;
}

struct log_config
log_config_default(void)
{
    return (struct log_config){
        .segment_bytes = 1 << 30,
        .segment_ms = 7LL * 24 * 3600 * 1000,
        .index_interval_bytes = 4096,
        .segment_index_bytes = 10 << 20,
        .retention_bytes = -1,
        .retention_ms = 7LL * 24 * 3600 * 1000,
        .file_delete_delay_ms = 60000,
        .flush_messages = INT64_MAX,
        .flush_ms = INT64_MAX,
        .producer_expiration_ms = 24LL * 3600 * 1000,
        .lag_max_ms = INT64_MAX,
        .delete_retention_ms = 24LL * 3600 * 1000,
        .cleanable_ratio_min = 500000,
        .delete = true,
    };
}

int64_t
commitlog_size_bytes(const struct commitlog *log)
{
    int64_t n = 0;
    for (int64_t i = 0; i < log->segments.n; i++) n += log->segments.v[i]->size;
    return n;
}

int32_t
commitlog_latest_epoch(const struct commitlog *log)
{
    return epoch_cache_latest(&log->epochs);
}

void
commitlog_begin_epoch(struct commitlog *log, int32_t epoch)
{
    if (!epoch_cache_begin(&log->epochs, &log->env->mem, epoch, log->assigned_end)) return;
    log->epochs_dirty = true;
    if (log->state == COMMITLOG_OPEN) commitlog_sync(log, NULL);
}

struct epoch_end
commitlog_epoch_end(const struct commitlog *log, int32_t epoch, int64_t end_offset)
{
    return epoch_cache_end_offset(&log->epochs, epoch, end_offset);
}

int32_t
commitlog_epoch_at(const struct commitlog *log, int64_t offset)
{
    return epoch_cache_at(&log->epochs, offset);
}

int64_t
commitlog_stable_offset(const struct commitlog *log, int64_t high_watermark)
{
    return producer_stable_offset(log->producers, commitlog_start(log), high_watermark);
}

int32_t
commitlog_aborted(const struct commitlog *log, int64_t from, int64_t to, struct arena *a,
                  struct aborted_txn **ret)
{
    return txn_index_collect(&log->aborted, from, to, a, ret);
}

void
log_settle(struct commitlog *log)
{
    log->settled_end = settled_end(log->settled_end, log->written_end, log->synced_end,
                                   log->config->flush_messages);
}

/* Whatever was found on disk when the log was opened: open_set_ends() brings it into this order. */
void
log_check_ends(const struct commitlog *log)
{
    CHECK(log->start_offset <= log->written_end);
    CHECK(log->synced_end <= log->written_end);
    CHECK(log->settled_end <= log->written_end);
    CHECK(log->written_end <= log->assigned_end);
}

/* ---- holes ---- */

void
log_forget_holes(struct commitlog *log, int64_t end)
{
    while (log->holes.n && log->holes.v[log->holes.n - 1].from >= end) log->holes.n--;
}

bool
commitlog_first_hole(struct commitlog *log, struct log_hole *ret)
{
    while (log->holes.n && log->holes.v[0].to < log->start_offset) VEC_REMOVE_AT(&log->holes, 0);
    if (log->holes.n == 0) return false;
    *ret = log->holes.v[0];
    return true;
}

void
commitlog_shrink_hole(struct commitlog *log, int64_t from)
{
    CHECK(log->holes.n && from >= log->holes.v[0].from);
    log->holes.v[0].from = from;
    if (from >= log->holes.v[0].to) VEC_REMOVE_AT(&log->holes, 0);
}

/* ---- failure ---- */

void
log_fail(struct commitlog *log, enum env_err err, const char *what, struct slice path)
{
    if (log_is_offline(log)) return;
    err = err ? err : ENV_EIO;
    struct writer w = writer_fixed(arena_alloc(&log->env->scratch, 512), 512);
    fmt_str(&w, what);
    fmt_char(&w, ' ');
    fmt_slice(&w, path);
    fmt_str(&w, ": ");
    fmt_str(&w, env_err_text(err));
    bool was_opening = log->state == COMMITLOG_OPENING;
    log->state = COMMITLOG_OFFLINE;
    log->error = err;
    NOTE(log->env, NOTE_LOG_OFFLINE, log->name, writer_slice(&w), err);
    log_drop_appended(log);
    if (was_opening) log->ops->ready(log, LOG_E_OFFLINE, writer_slice(&w));
    else if (log->ops->failed) log->ops->failed(log, err);
}

/* ---- ranges ---- */

void
log_range_release(struct log_range *r)
{
    struct segment *s = r->segment;
    if (s && --s->ranges == 0 && s->open_files) s->open_files->with_ranges--;
    if (s) segment_unpin(s);
    *r = (struct log_range){0};
}

bool
log_range_is_valid(const struct log_range *r)
{
    return !r->segment || r->segment->cuts == r->cuts;
}

/* ---- the end ---- */

bool
log_is_quiet(const struct commitlog *log)
{
    return !log->writing && !log->syncing && !log->snapshots_saving && !log->cleaning &&
           list_is_empty(&log->appended);
}

void
log_check_idle(struct commitlog *log)
{
    if (log->exclusive_waits) job_soon(log->exclusive);
    if (log->cleaning_waits) log_cleaning_goes_on(log);
}

void
commitlog_release(struct commitlog *log)
{
    if (!log->env) return;
    struct mem *mem = &log->env->mem;
    CHECK(log->state == COMMITLOG_CLOSED);
    CHECK(list_is_empty(&log->jobs));
    CHECK(log->segments.n == 0);
    VEC_RELEASE(mem, &log->segments);
    VEC_RELEASE(mem, &log->snapshots);
    VEC_RELEASE(mem, &log->retired);
    VEC_RELEASE(mem, &log->holes);
    VEC_RELEASE(mem, &log->aborted.v);
    epoch_cache_release(&log->epochs, mem);
    producer_state_free(log->producers);
    mem_free_slice(mem, log->dir);
    mem_free_slice(mem, log->name);
    memset(log, 0, sizeof *log);
}
