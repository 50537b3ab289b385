/* Syncing: what is written becomes durable. One sync at a time; who comes meanwhile joins the next.
 *
 * A sync covers, in this order, the indexes of segments that were closed since, the segments' bytes,
 * the leader epochs, and the names in the directory; only then the synced end advances. It covers what was
 * written when it began, and goes through these once: what comes meanwhile, however much, cannot keep it
 * from its end. */
#include "broker/log/internal.h"

enum sync_stage {
    SYNC_SEGMENT, /* the next one with something to sync */
    SYNC_INDEX,
    SYNC_BYTES,
    SYNC_EPOCHS,
    SYNC_NAMES,
    SYNC_PARENT,
    SYNC_END,
};

struct sync_job {
    struct log_job job;
    enum sync_stage stage;
    struct segment *segment; /* whose file is being opened or synced */
    struct list ops;         /* log_ops that wait for this sync */
    struct index_save index;
    struct file_replace replace;
    int64_t target, next_base;
    int32_t names; /* the directory is being synced up to this count */
};

static void
ops_done(struct list *ops, enum log_err err)
{
    for (struct list *n; (n = list_pop_front(ops));) {
        struct log_op *op = LIST_ENTRY(n, struct log_op, node);
        op->done(op, err);
    }
}

static void
move_all(struct list *to, struct list *from)
{
    for (struct list *n; (n = list_pop_front(from));) list_push_back(to, n);
}

static void sync_start(struct commitlog *log);

/* A truncation waits until the log is quiet, and syncs by itself then: who asks for one sync after another
 * does not hold it off. */
static bool
gives_way(const struct commitlog *log)
{
    return log->state == COMMITLOG_TRUNCATING && log->exclusive;
}

static bool
must_go_on(const struct commitlog *log)
{
    return !gives_way(log) && (!list_is_empty(&log->waiting) || log->sync_again);
}

static void
sync_end(struct sync_job *y, enum log_err err)
{
    struct commitlog *log = y->job.log;
    struct list ops;
    bool advanced = !err && y->target > log->synced_end;
    list_init(&ops);
    move_all(&ops, &y->ops);
    if (y->segment) segment_unpin(y->segment);
    log->syncing = NULL;
    log->synced_ns = env_now_ns(log->env);
    if (advanced) {
        log->synced_end = y->target;
        log_settle(log);
        log_check_ends(log);
        NOTE(log->env, NOTE_LOG_SYNCED, log->name, SLICE_NULL, log->synced_end);
    }
    job_end(&y->job);
    if (err) move_all(&ops, &log->waiting);
    else if (must_go_on(log)) sync_start(log);
    ops_done(&ops, err);
    if (advanced && log->ops->synced && log->state != COMMITLOG_OPENING) log->ops->synced(log);
}

static void
sync_failed(struct sync_job *y, enum env_err err, const char *what, struct slice path)
{
    struct commitlog *log = y->job.log;
    MARK(log->env, SYNC_FAILED);
    if (!log_is_offline(log)) log_fail(log, err, what, path);
    sync_end(y, LOG_E_OFFLINE);
}

static bool
has_index_to_save(const struct segment *s)
{
    return s->sealed && s->index_dirty && s->written == s->size;
}

/* The next segment with something to sync that has bytes below the target. */
static struct segment *
next_segment_to_sync(const struct sync_job *y)
{
    const struct commitlog *log = y->job.log;
    for (int64_t i = 0; i < log->segments.n; i++) {
        struct segment *s = log->segments.v[i];
        if (s->base_offset < y->next_base || s->base_offset >= y->target) continue;
        if (s->dirty || has_index_to_save(s)) return s;
    }
    return NULL;
}

static void
sync_index_saved(struct index_save *x, enum env_err err)
{
    struct sync_job *y = CONTAINER_OF(x, struct sync_job, index);
    y->job.has_waited = true;
    if (!err) log_names_changed(y->job.log);
    y->job.step(&y->job, err);
}

static void
sync_epochs_saved(struct file_replace *r)
{
    struct sync_job *y = CONTAINER_OF(r, struct sync_job, replace);
    y->job.has_waited = true;
    y->job.step(&y->job, r->err);
}

/* True: it goes on at once; false: something is under way, after which the job steps again. Each stage is
 * left before what it does is waited for. */
static bool
sync_segment(struct sync_job *y)
{
    struct commitlog *log = y->job.log;
    if (y->segment) segment_unpin(y->segment);
    y->segment = next_segment_to_sync(y);
    y->stage = y->segment ? SYNC_INDEX : SYNC_EPOCHS;
    if (!y->segment) return true;
    CHECK(y->segment->log == log);
    segment_pin(y->segment);
    y->next_base = y->segment->base_offset + 1;
    return true;
}

static bool
sync_index(struct sync_job *y)
{
    y->stage = SYNC_BYTES;
    if (!has_index_to_save(y->segment)) return true;
    y->segment->index_dirty = false;
    y->index.done = sync_index_saved;
    index_save(y->segment, &y->index);
    return false;
}

static bool
sync_bytes(struct sync_job *y)
{
    struct segment *s = y->segment;
    bool is_gone = !s->log;
    if (!is_gone && s->dirty && !segment_want_file(s, &y->job.wait)) return false;
    y->stage = SYNC_SEGMENT;
    if (is_gone || !s->dirty) return true;
    s->dirty = false;
    file_sync(&y->job.op, &s->file);
    return false;
}

static bool
sync_epochs(struct sync_job *y)
{
    struct commitlog *log = y->job.log;
    y->stage = SYNC_NAMES;
    if (!log->epochs_dirty) return true;
    struct writer w = writer_mem(&log->env->mem);
    epoch_cache_print(&log->epochs, &w);
    log->epochs_dirty = false;
    y->replace.done = sync_epochs_saved;
    file_replace(log->env, &y->replace, log_path(log, S("leader-epoch-checkpoint")),
                 writer_slice(&w));
    writer_release(&w);
    return false;
}

static bool
sync_job_names(struct sync_job *y)
{
    struct commitlog *log = y->job.log;
    y->stage = SYNC_PARENT;
    if (log_names_are_durable(log)) return true;
    y->names = log->names_changed;
    dir_sync(log->env, &y->job.op, log->dir);
    return false;
}

static bool
sync_parent(struct sync_job *y)
{
    struct commitlog *log = y->job.log;
    y->stage = SYNC_END;
    if (!log->parent_dirty) return true;
    log->parent_dirty = false;
    dir_sync(log->env, &y->job.op, path_parent(log->dir));
    return false;
}

/* False: waits, or has ended. */
static bool
sync_go_on(struct sync_job *y)
{
    switch (y->stage) {
    case SYNC_SEGMENT: return sync_segment(y);
    case SYNC_INDEX: return sync_index(y);
    case SYNC_BYTES: return sync_bytes(y);
    case SYNC_EPOCHS: return sync_epochs(y);
    case SYNC_NAMES: return sync_job_names(y);
    case SYNC_PARENT: return sync_parent(y);
    case SYNC_END:
        if (y->job.has_waited) sync_end(y, LOG_OK);
        else job_soon(&y->job);
        return false;
    }
    UNREACHABLE();
}

static void
sync_step(struct log_job *job, enum env_err err)
{
    struct sync_job *y = CONTAINER_OF(job, struct sync_job, job);
    struct commitlog *log = job->log;
    if (log_is_offline(log) && !job->has_waited) {
        job_soon(job);
        return;
    }
    bool is_gone = y->segment && !y->segment->log; /* retention took it while its file was opened */
    if (err == ENV_ECANCELED && is_gone) err = ENV_OK;
    if (err || log_is_offline(log)) {
        sync_failed(y, err, "syncing", log->dir);
        return;
    }
    log_names_synced(log, y->names);
    while (sync_go_on(y)) continue;
}

static void
sync_start(struct commitlog *log)
{
    struct sync_job *y = JOB_NEW(log, sync_job, sync_step);
    log->syncing = &y->job;
    log->sync_again = false;
    y->target = log->written_end;
    list_init(&y->ops);
    move_all(&y->ops, &log->waiting);
    NOTE(log->env, NOTE_LOG_SYNC, log->name, SLICE_NULL, y->target);
    sync_step(&y->job, ENV_OK);
}

void
commitlog_sync(struct commitlog *log, struct log_op *op)
{
    if (op) list_push_back(&log->waiting, &op->node);
    bool must_wait = log->syncing || gives_way(log);
    if (!must_wait) sync_start(log);
    else if (!op) log->sync_again = true;
}

void
commitlog_flush_if_due(struct commitlog *log)
{
    if (log->state != COMMITLOG_OPEN || log->syncing || log->synced_end == log->written_end) return;
    int64_t passed_ms = (env_now_ns(log->env) - log->synced_ns) / NS_PER_MS;
    if (passed_ms >= log->config->flush_ms) commitlog_sync(log, NULL);
}
