/* One write in flight per log. What is appended meanwhile is gathered into the next one. */
#include "broker/log/write.h"

#define WRITE_MAX_BYTES (4 << 20)
#define WRITE_MAX_SEGS 512

struct write_job {
    struct log_job job;
    struct segment *segment;
    int64_t bytes, end_offset;
    bool is_writing, is_syncing_names;
    int32_t names; /* the directory is being synced up to this count */
};

static void
written_chunk_free(struct commitlog *log, struct chunk *c)
{
    for (int32_t i = 0; i < c->segs_n; i++) buf_unref(c->segs[i].buf);
    segment_unpin(c->segment);
    MEM_DELETE(&log->env->mem, c);
}

void
log_drop_appended(struct commitlog *log)
{
    for (struct list *n; (n = list_pop_front(&log->appended));)
        written_chunk_free(log, LIST_ENTRY(n, struct chunk, node));
}

/* At most, of what waits. */
static int32_t
segs_waiting(const struct commitlog *log)
{
    int32_t n = 0;
    LIST_EACH(&log->appended, c, struct chunk, node) {
        n += c->segs_n;
        if (n >= WRITE_MAX_SEGS) return WRITE_MAX_SEGS;
    }
    return n;
}

/* Takes chunks that lie back to back in one segment and writes them. */
static void
write_gathered(struct commitlog *log, struct write_job *w)
{
    struct seg *segs = ARENA_ARRAY(&log->env->scratch, struct seg, segs_waiting(log));
    int32_t n = 0;
    int64_t position = w->segment->written;
    struct list taken;
    list_init(&taken);
    LIST_EACH(&log->appended, c, struct chunk, node) {
        if (c->segment != w->segment || n + c->segs_n > WRITE_MAX_SEGS) break;
        if (w->bytes && w->bytes + c->bytes > WRITE_MAX_BYTES) break;
        CHECK(c->position == position + w->bytes);
        for (int32_t i = 0; i < c->segs_n; i++) segs[n++] = c->segs[i];
        w->bytes += c->bytes;
        w->end_offset = c->end_offset;
        list_remove(&c->node);
        list_push_back(&taken, &c->node);
    }
    w->is_writing = true;
    file_write(&w->job.op, &w->segment->file, position, segs, n);
    for (struct list *l; (l = list_pop_front(&taken));)
        written_chunk_free(log, LIST_ENTRY(l, struct chunk, node));
}

static void
write_end(struct write_job *w)
{
    w->job.log->writing = NULL;
    segment_unpin(w->segment);
    job_end(&w->job);
}

static void
write_done(struct commitlog *log, struct write_job *w)
{
    w->segment->written += w->bytes;
    w->segment->dirty = true;
    w->segment->modified_ms = env_wall_ms(log->env);
    CHECK(w->end_offset > log->written_end);
    CHECK(w->segment->written <= w->segment->size);
    log->written_end = w->end_offset;
    log_settle(log);
    log_check_ends(log);
    bool was_rolled = log->sync_after_roll && w->segment == log_active(log);
    NOTE(log->env, NOTE_LOG_WRITTEN, log->name, SLICE_NULL, log->written_end);
    write_end(w);
    log_write_next(log);
    if (was_rolled || log->epochs_dirty || log->settled_end < log->written_end) {
        log->sync_after_roll = false;
        commitlog_sync(log, NULL);
    }
    if (log->ops->written) log->ops->written(log);
}

/* A segment's file is made only when the names of those before it are durable: after a power loss there
 * are no holes between segments. Names that come meanwhile are not waited for. */
static bool
may_create(struct write_job *w)
{
    struct commitlog *log = w->job.log;
    if (w->segment->exists || log->segments.n == 1) return true;
    if (w->is_syncing_names) log_names_synced(log, w->names);
    else w->names = log->names_changed;
    w->is_syncing_names = true;
    return log->names_synced >= w->names;
}

static void
write_step(struct log_job *job, enum env_err err)
{
    struct write_job *w = CONTAINER_OF(job, struct write_job, job);
    struct commitlog *log = job->log;
    if (log_is_offline(log)) {
        write_end(w);
    } else if (err) {
        struct slice path = log_file_path(log, w->segment->base_offset, S(".log"));
        write_end(w);
        log_fail(log, err, "writing", path);
    } else if (w->is_writing) {
        write_done(log, w);
    } else if (!may_create(w)) {
        dir_sync(log->env, &job->op, log->dir);
    } else if (segment_want_file(w->segment, &job->wait)) {
        write_gathered(log, w);
    }
}

void
log_write_next(struct commitlog *log)
{
    if (log->writing || log_is_offline(log) || list_is_empty(&log->appended)) return;
    struct chunk *c = LIST_FIRST(&log->appended, struct chunk, node);
    struct write_job *w = JOB_NEW(log, write_job, write_step);
    log->writing = &w->job;
    w->segment = c->segment;
    segment_pin(w->segment);
    write_step(&w->job, ENV_OK);
}
