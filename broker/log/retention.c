/* What goes at the front: segments past retention.ms or retention.bytes, or below the log start. Only whole
 * segments, never the active one, and nothing that the high watermark has not passed (KAFKA-5634). Their
 * files are renamed first and removed by a later sweep, as Kafka does. */
#include "broker/log/internal.h"

/* ---- removing segments ---- */

/* One after the other, each durably before the next: a power loss leaves no holes. */
struct retire_job {
    struct log_job job;
    VEC(int64_t) bases;
    int64_t i;
    int32_t at;
};

static struct slice
suffix_at(int32_t i)
{
    switch (i) {
    case 0: return S(".log");
    case 1: return S(".index");
    case 2: return S(".timeindex");
    case 3: return S(".txnindex");
    case 4: return S(".snapshot");
    default: return SLICE_NULL;
    }
}

static struct slice
with_deleted(struct commitlog *log, int64_t base_offset, struct slice suffix)
{
    uint8_t room[32];
    struct writer w = writer_fixed(room, sizeof room);
    writer_bytes(&w, suffix);
    writer_bytes(&w, S(".deleted"));
    CHECK(!w.err);
    return log_file_path(log, base_offset, writer_slice(&w));
}

static void
retire_end(struct retire_job *j)
{
    struct commitlog *log = j->job.log;
    VEC_RELEASE(&log->env->mem, &j->bases);
    log->retiring = false;
    job_end(&j->job);
}

static void
retire_step(struct log_job *job, enum env_err err)
{
    struct retire_job *j = CONTAINER_OF(job, struct retire_job, job);
    struct commitlog *log = job->log;
    if (err && err != ENV_ENOENT) log_fail(log, err, "renaming", log->dir);
    if (log_is_offline(log) || j->i == j->bases.n) {
        retire_end(j);
        return;
    }
    int64_t base = j->bases.v[j->i];
    struct slice suffix = suffix_at(j->at);
    if (suffix.p) {
        j->at++;
        path_rename(log->env, &job->op, log_file_path(log, base, suffix),
                    with_deleted(log, base, suffix));
        return;
    }
    struct retired r = {base, env_wall_ms(log->env)};
    VEC_PUSH(&log->env->mem, &log->retired, r);
    j->i++;
    j->at = 0;
    dir_sync(log->env, &job->op, log->dir);
}

static void
forget_snapshots_below(struct commitlog *log, int64_t offset)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < log->snapshots.n; i++)
        if (log->snapshots.v[i] >= offset) log->snapshots.v[kept++] = log->snapshots.v[i];
    log->snapshots.n = kept;
}

static void
retire_first(struct commitlog *log, struct retire_job *j)
{
    struct segment *s = log->segments.v[0];
    VEC_PUSH(&log->env->mem, &j->bases, s->base_offset);
    VEC_REMOVE_AT(&log->segments, 0);
    segment_drop(s);
    int64_t first = log->segments.v[0]->base_offset;
    forget_snapshots_below(log, first);
    txn_index_truncate_start(&log->aborted, first);
    (void)commitlog_advance_start(log, first);
}

/* ---- removing files for good ---- */

struct unlink_job {
    struct log_job job;
    struct files_remove remove;
};

static void
unlink_step(struct log_job *job, enum env_err err)
{
    (void)job, (void)err;
}

static void
unlinked(struct files_remove *r, enum env_err err)
{
    struct unlink_job *j = CONTAINER_OF(r, struct unlink_job, remove);
    (void)err; /* they will be found when the log is opened next */
    job_end(&j->job);
}

static void
unlink_retired(struct commitlog *log)
{
    struct unlink_job *j = NULL;
    int64_t kept = 0, now = env_wall_ms(log->env);
    for (int64_t i = 0; i < log->retired.n; i++) {
        struct retired r = log->retired.v[i];
        if (now - r.since_ms < log->config->file_delete_delay_ms) {
            log->retired.v[kept++] = r;
            continue;
        }
        if (!j) j = JOB_NEW(log, unlink_job, unlink_step);
        for (int32_t k = 0; suffix_at(k).p; k++)
            files_remove_add(&j->remove, log, with_deleted(log, r.base_offset, suffix_at(k)));
    }
    log->retired.n = kept;
    if (!j) return;
    j->remove.done = unlinked;
    files_remove(&j->remove, log);
}

/* ---- which ---- */

struct sweep_job {
    struct log_job job;
    int64_t high_watermark;
    struct retire_job *retire;
};

static int64_t
excess_bytes(const struct commitlog *log)
{
    if (log->config->retention_bytes < 0) return 0;
    return commitlog_size_bytes(log) - log->config->retention_bytes;
}

/* Its greatest timestamp comes from the time index. */
static bool
is_too_old(const struct segment *s)
{
    int64_t ms = s->log->config->retention_ms;
    return ms >= 0 && s->max_timestamp >= 0 && env_wall_ms(s->env) - s->max_timestamp > ms;
}

static bool
may_go(const struct commitlog *log, int64_t high_watermark)
{
    if (log->segments.n < 2) return false;
    const struct segment *s = log->segments.v[0];
    int64_t next = log->segments.v[1]->base_offset;
    /* The one that then is first tells where the log ends: its name must be durable. */
    if (!log->segments.v[1]->exists || !log_names_are_durable(log)) return false;
    if (next > high_watermark || next > log->written_end || s->written != s->size) return false;
    if (next <= log->start_offset) return true;
    if (!log->config->delete) return false;
    return excess_bytes(log) >= s->size || is_too_old(s);
}

/* An old log that nothing is written to any more: its active segment is closed, so that it can go. */
static void
maybe_roll_old(struct commitlog *log, int64_t high_watermark)
{
    struct segment *s = log_active(log);
    if (s->size == 0 || s->written != s->size || log->assigned_end > high_watermark) return;
    if (log->config->delete &&is_too_old(s)) log_roll(log, log->assigned_end);
}

static void
sweep_step(struct log_job *job, enum env_err err)
{
    struct sweep_job *j = CONTAINER_OF(job, struct sweep_job, job);
    struct commitlog *log = job->log;
    bool usable = log->state == COMMITLOG_OPEN && !err;
    if (usable) maybe_roll_old(log, j->high_watermark);
    if (usable && j->high_watermark >= log->assigned_end && log->segments.n > 1 &&
        !log_active(log)->exists && !segment_want_file(log_active(log), &job->wait))
        return;
    while (usable) {
        struct segment *first = log->segments.v[0];
        bool needs_index = log->segments.n > 1 && log->config->retention_ms >= 0;
        if (needs_index && !segment_want_index(first, &job->wait)) return;
        if (!may_go(log, j->high_watermark)) break;
        if (!j->retire) j->retire = JOB_NEW(log, retire_job, retire_step);
        retire_first(log, j->retire);
    }
    if (usable) unlink_retired(log);
    if (usable && !log_names_are_durable(log)) commitlog_sync(log, NULL);
    if (j->retire) {
        log->retiring = true;
        job_soon(&j->retire->job);
    }
    log->sweeping = false;
    job_end(job);
}

void
commitlog_sweep(struct commitlog *log, int64_t high_watermark)
{
    if (log->state != COMMITLOG_OPEN || log->sweeping || log->retiring) return;
    producer_expire(log->producers, env_wall_ms(log->env) - log->config->producer_expiration_ms);
    struct sweep_job *j = JOB_NEW(log, sweep_job, sweep_step);
    j->high_watermark = high_watermark;
    log->sweeping = true;
    sweep_step(&j->job, ENV_OK);
}

bool
commitlog_advance_start(struct commitlog *log, int64_t offset)
{
    if (offset > log->written_end) return false;
    if (offset <= log->start_offset) return true;
    log->start_offset = offset;
    if (epoch_cache_truncate_start(&log->epochs, offset)) log->epochs_dirty = true;
    NOTE(log->env, NOTE_LOG_START, log->name, SLICE_NULL, offset);
    return true;
}
