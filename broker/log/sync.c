/* Syncing: what is written becomes durable. One sync at a time; who comes meanwhile joins the next.
 *
 * A sync covers, in this order, the indexes of segments that were closed since, the segments' bytes,
 * the leader epochs, and the names in the directory; only then the synced end advances. */
#include "broker/log/internal.h"

struct sync_job {
    struct log_job job;
    struct segment *segment; /* whose file is being opened or synced */
    struct list ops;         /* log_ops that wait for this sync */
    struct index_save index;
    struct file_replace replace;
    int64_t target, next_base;
    int64_t messages;
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
    if (!err) log->unsynced_messages -= y->messages;
    if (advanced) {
        log->synced_end = y->target;
        NOTE(log->env, NOTE_LOG_SYNCED, log->name, SLICE_NULL, log->synced_end);
    }
    job_end(&y->job);
    if (err) move_all(&ops, &log->waiting);
    else if (!list_is_empty(&log->waiting) || log->sync_again) sync_start(log);
    ops_done(&ops, err);
    if (advanced && log->ops->synced && log->state != COMMITLOG_OPENING) log->ops->synced(log);
}

static void
sync_failed(struct sync_job *y, enum env_err err, const char *what, struct slice path)
{
    struct commitlog *log = y->job.log;
    if (!log_is_offline(log)) log_fail(log, err, what, path);
    sync_end(y, LOG_E_OFFLINE);
}

/* The next segment with something to sync that has bytes below the target. */
static struct segment *
next_segment(const struct sync_job *y)
{
    const struct commitlog *log = y->job.log;
    for (int64_t i = 0; i < log->segments.n; i++) {
        struct segment *s = log->segments.v[i];
        if (s->base_offset < y->next_base || s->base_offset >= y->target) continue;
        if (s->dirty || (s->sealed && s->index_dirty && s->written == s->size)) return s;
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

/* True: nothing more to do for this segment. */
static bool
sync_segment(struct sync_job *y, struct segment *s)
{
    if (s->sealed && s->index_dirty && s->written == s->size) {
        s->index_dirty = false;
        y->index.done = sync_index_saved;
        index_save(s, &y->index);
        return false;
    }
    if (s->dirty) {
        if (!segment_want_file(s, &y->job.wait)) return false;
        s->dirty = false;
        file_sync(&y->job.op, &s->file);
        return false;
    }
    return true;
}

static void
save_epochs(struct sync_job *y)
{
    struct commitlog *log = y->job.log;
    struct writer w = writer_mem(&log->env->mem);
    epoch_cache_print(&log->epochs, &w);
    log->epochs_dirty = false;
    y->replace.done = sync_epochs_saved;
    file_replace(log->env, &y->replace, log_path(log, S("leader-epoch-checkpoint")),
                 writer_slice(&w));
    writer_release(&w);
}

static struct slice
parent_dir(struct slice dir)
{
    int64_t end = dir.n;
    while (end > 0 && dir.p[end - 1] != '/') end--;
    return end > 1 ? slice_sub(dir, 0, end - 1) : end == 1 ? S("/") : S(".");
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
    if (err || log_is_offline(log)) {
        sync_failed(y, err, "syncing", log->dir);
        return;
    }
    log_names_synced(log, y->names);
    while (y->segment || (y->segment = next_segment(y))) {
        if (y->next_base <= y->segment->base_offset) {
            segment_pin(y->segment);
            y->next_base = y->segment->base_offset + 1;
        }
        if (y->segment->log && !sync_segment(y, y->segment)) return;
        segment_unpin(y->segment);
        y->segment = NULL;
    }
    if (log->epochs_dirty) {
        save_epochs(y);
    } else if (!log_names_are_durable(log)) {
        y->names = log->names_changed;
        dir_sync(log->env, &job->op, log->dir);
    } else if (log->parent_dirty) {
        log->parent_dirty = false;
        dir_sync(log->env, &job->op, parent_dir(log->dir));
    } else if (!job->has_waited) {
        job_soon(job);
    } else {
        sync_end(y, LOG_OK);
    }
}

static void
sync_start(struct commitlog *log)
{
    struct sync_job *y = JOB_NEW(log, sync_job, sync_step);
    log->syncing = &y->job;
    log->sync_again = false;
    y->target = log->written_end;
    y->messages = log->unsynced_messages;
    list_init(&y->ops);
    move_all(&y->ops, &log->waiting);
    sync_step(&y->job, ENV_OK);
}

void
commitlog_sync(struct commitlog *log, struct log_op *op)
{
    if (op) list_push_back(&log->waiting, &op->node);
    bool must_wait = log->syncing || (log->state == COMMITLOG_TRUNCATING && log->exclusive);
    if (!must_wait) sync_start(log);
    else if (!op) log->sync_again = true;
}
