/* What goes at the front: segments past retention.ms or retention.bytes, or below the log start. Only whole
 * segments, and nothing that the high watermark has not passed (KAFKA-5634). When all of them go, the active
 * one is closed first and another one made. Their files are renamed first and removed by a later sweep, as
 * Kafka does. */
#include "broker/log/internal.h"

/* ---- removing segments ---- */

/* One after the other, each durably before the next: a power loss leaves no holes. */
struct retire_job {
    struct log_job job;
    struct log_job *then;
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

static void unlink_retired(struct commitlog *log);

static void
retire_end(struct retire_job *j)
{
    struct commitlog *log = j->job.log;
    VEC_RELEASE(&log->env->mem, &j->bases);
    log->retiring = false;
    if (log->state == COMMITLOG_OPEN) unlink_retired(log); /* whose delay is 0 */
    if (j->then) job_soon(j->then);
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
    /* Not by the wall clock: one that was set back would keep the files until it has caught up. */
    struct retired r = {base, env_now_ns(log->env)};
    VEC_PUSH(&log->env->mem, &log->retired, r);
    j->i++;
    j->at = 0;
    dir_sync(log->env, &job->op, log->dir);
}

struct retire_job *
retire_new(struct commitlog *log, struct log_job *then)
{
    struct retire_job *j = JOB_NEW(log, retire_job, retire_step);
    j->then = then;
    return j;
}

void
retire_add(struct retire_job *j, int64_t base_offset)
{
    VEC_PUSH(&j->job.log->env->mem, &j->bases, base_offset);
}

void
retire_begin(struct retire_job *j)
{
    j->job.log->retiring = true;
    job_soon(&j->job);
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
    retire_add(j, s->base_offset);
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
    int64_t kept = 0, now = env_now_ns(log->env);
    for (int64_t i = 0; i < log->retired.n; i++) {
        struct retired r = log->retired.v[i];
        if ((now - r.since_ns) / NS_PER_MS < log->config->file_delete_delay_ms) {
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
    bool is_syncing_names;
    int32_t names; /* the directory is being synced up to this count */
};

/* Kafka's rule: as long as at least retention.bytes are left without it. With 0 everything goes. */
static bool
is_too_much(const struct commitlog *log, const struct segment *s)
{
    int64_t most = log->config->retention_bytes;
    return most >= 0 && commitlog_size_bytes(log) - most >= s->size;
}

/* Kafka's rule: a segment is as old as its greatest timestamp, or, if no record in it has one, as the last
 * writing to its file. */
static bool
is_too_old(const struct segment *s)
{
    int64_t ms = s->log->config->retention_ms;
    int64_t newest = s->max_timestamp >= 0 ? s->max_timestamp : s->modified_ms;
    return ms >= 0 && env_wall_ms(s->env) - newest > ms;
}

static bool
is_visible(const struct sweep_job *j, const struct segment *s)
{
    return s->end_offset <= j->high_watermark && s->written == s->size;
}

/* The segment in front. Its greatest timestamp is known. */
static bool
is_to_go(const struct sweep_job *j, const struct segment *s)
{
    const struct commitlog *log = j->job.log;
    bool is_last = log->segments.n == 1;
    if (!is_visible(j, s) || (is_last && s->size == 0)) return false;
    if (!is_last && log->segments.v[1]->base_offset <= log->start_offset) return true;
    return log->config->delete &&(is_too_much(log, s) || is_too_old(s));
}

/* The one that is first then tells where the log begins and ends: before the one in front of it goes, its file
 * has been made, and its name is durable. This name only: others come and go, and under load there is
 * always one that is not durable yet. False: waits. */
static bool
has_successor(struct sweep_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *next = log->segments.v[1];
    if (segment_name_is_durable(log, next)) return true;
    /* Nor is it made before the names of those before it are durable (write.c). */
    if (!next->exists && log->names_synced >= log->segments.v[0]->named)
        return segment_want_file(next, &j->job.wait);
    j->is_syncing_names = true;
    j->names = log->names_changed;
    dir_sync(log->env, &j->job.op, log->dir);
    return false;
}

/* True: another one may have to go. */
static bool
retire_one(struct sweep_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *first = log->segments.v[0];
    if (log->config->retention_ms >= 0 && !segment_want_times(first, &j->job.wait)) return false;
    if (!is_to_go(j, first)) return false;
    if (log->segments.n == 1) log_roll(log, log->assigned_end);
    if (!has_successor(j)) return false;
    if (!j->retire) j->retire = retire_new(log, NULL);
    MARK(log->env, RETENTION_REMOVES);
    retire_first(log, j->retire);
    return true;
}

static void
sweep_step(struct log_job *job, enum env_err err)
{
    struct sweep_job *j = CONTAINER_OF(job, struct sweep_job, job);
    struct commitlog *log = job->log;
    if (j->is_syncing_names && err) log_fail(log, err, "syncing", log->dir);
    else if (j->is_syncing_names) log_names_synced(log, j->names);
    j->is_syncing_names = false;
    if (log->state == COMMITLOG_OPEN && !err) {
        while (retire_one(j)) continue;
        if (op_is_pending(&job->op) || list_is_linked(&job->wait.node)) return;
        unlink_retired(log);
    }
    if (j->retire) retire_begin(j->retire);
    log->sweeping = false;
    job_end(job);
}

void
commitlog_sweep(struct commitlog *log, int64_t high_watermark)
{
    if (log->state != COMMITLOG_OPEN || log->sweeping || log->retiring) return;
    producer_expire(log->producers, env_wall_ms(log->env) - log->config->producer_expiration_ms);
    /* As in Kafka: a segment that is being cleaned is not taken away, nor one put in its place. */
    if (log->cleaning) return;
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
    log_check_ends(log);
    if (epoch_cache_truncate_start(&log->epochs, offset)) log->epochs_dirty = true;
    NOTE(log->env, NOTE_LOG_START, log->name, SLICE_NULL, offset);
    if (log->ops && log->ops->start_moved) log->ops->start_moved(log);
    return true;
}
