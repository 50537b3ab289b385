/* Closing in order, and deleting. */
#include "broker/base/fmt.h"
#include "broker/log/internal.h"

enum close_stage {
    CLOSE_WAIT,
    CLOSE_SYNCED,
    CLOSE_INDEX,
    CLOSE_SNAPSHOT,
    CLOSE_DIR,
    DELETE_RENAME,
    DELETE_LIST,
    DELETE_FILES,
    DELETE_DIR,
    DELETE_PARENT,
};

struct close_job {
    struct log_job job;
    struct log_op *op, sync;
    enum close_stage stage;
    bool delete;
    struct index_save index;
    struct files_remove remove;
    struct slice path; /* renamed directory */
};

static void
close_again(struct close_job *j, enum env_err err)
{
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

static void
close_end(struct close_job *j, enum log_err err)
{
    struct commitlog *log = j->job.log;
    struct log_op *op = j->op;
    log->exclusive = NULL;
    log->exclusive_waits = false;
    while (log->segments.n) segment_drop(log->segments.v[--log->segments.n]);
    mem_free_slice(&log->env->mem, j->path);
    log->state = COMMITLOG_CLOSED;
    job_end(&j->job);
    op->done(op, err);
}

/* Nothing else is under way; writes are done. */
static bool
is_alone(const struct close_job *j)
{
    const struct commitlog *log = j->job.log;
    return log->jobs.next == &j->job.node && j->job.node.next == &log->jobs &&
           list_is_empty(&log->appended);
}

static void
close_synced(struct log_op *op, enum log_err err)
{
    close_again(CONTAINER_OF(op, struct close_job, sync), err ? ENV_EIO : ENV_OK);
}

static void
close_index_saved(struct index_save *x, enum env_err err)
{
    close_again(CONTAINER_OF(x, struct close_job, index), err);
}

static void
close_index(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *s = log_active(log);
    j->stage = CLOSE_INDEX;
    if (!s->exists || !s->index_dirty || s->index_state != INDEX_IN_MEMORY) {
        close_again(j, ENV_OK);
        return;
    }
    segment_seal(s);
    s->index_dirty = false;
    log_names_changed(log);
    j->index.done = close_index_saved;
    index_save(s, &j->index);
}

static void
close_snapshot(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    j->stage = CLOSE_SNAPSHOT;
    if (log->assigned_end > log->start_offset) log_save_snapshot(log);
    if (!is_alone(j)) log->exclusive_waits = true;
    else close_again(j, ENV_OK);
}

static void
close_dir(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    if (!is_alone(j)) return;
    log->exclusive_waits = false;
    j->stage = CLOSE_DIR;
    if (!log_names_are_durable(log)) dir_sync(log->env, &j->job.op, log->dir);
    else close_again(j, ENV_OK);
}

/* ---- deleting ---- */

/* DIR.0123…ef-delete: what begins so is deleted when a broker starts. */
static struct slice
deleted_path(struct commitlog *log)
{
    struct uuid u = env_random_uuid(log->env);
    struct writer w = writer_mem(&log->env->mem);
    fmt_slice(&w, log->dir);
    fmt_char(&w, '.');
    for (int i = 0; i < 16; i++) {
        fmt_char(&w, "0123456789abcdef"[u.b[i] >> 4]);
        fmt_char(&w, "0123456789abcdef"[u.b[i] & 15]);
    }
    fmt_str(&w, "-delete");
    struct slice path = mem_dup(&log->env->mem, writer_slice(&w));
    writer_release(&w);
    return path;
}

static void
delete_removed(struct files_remove *r, enum env_err err)
{
    close_again(CONTAINER_OF(r, struct close_job, remove), err);
}

static void
delete_files(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    struct reader r = reader(buf_slice(j->job.op.buf));
    for (struct dir_entry e; dir_next(&r, &e);) {
        struct writer w = writer_mem(&log->env->mem);
        fmt_slice(&w, j->path);
        fmt_char(&w, '/');
        fmt_slice(&w, e.name);
        files_remove_add(&j->remove, log, writer_slice(&w));
        writer_release(&w);
    }
    buf_unref(j->job.op.buf);
    j->stage = DELETE_FILES;
    j->remove.done = delete_removed;
    files_remove(&j->remove, log);
}

static void
delete_step(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    struct op *op = &j->job.op;
    switch (j->stage) {
    case DELETE_RENAME:
        j->stage = DELETE_LIST;
        dir_list(log->env, op, j->path);
        break;
    case DELETE_LIST: delete_files(j); break;
    case DELETE_FILES:
        j->stage = DELETE_DIR;
        dir_remove(log->env, op, j->path);
        break;
    case DELETE_DIR:
        j->stage = DELETE_PARENT;
        dir_sync(log->env, op, path_parent(j->path));
        break;
    default: close_end(j, LOG_OK);
    }
}

/* ---- both ---- */

static void
close_start(struct close_job *j)
{
    struct commitlog *log = j->job.log;
    if (!is_alone(j)) return;
    log->exclusive_waits = false;
    if (log_is_offline(log)) {
        close_end(j, LOG_E_OFFLINE);
    } else if (j->delete) {
        j->stage = DELETE_RENAME;
        j->path = deleted_path(log);
        path_rename(log->env, &j->job.op, log->dir, j->path);
    } else {
        j->stage = CLOSE_SYNCED;
        j->sync.done = close_synced;
        commitlog_sync(log, &j->sync);
    }
}

static void
close_step(struct log_job *job, enum env_err err)
{
    struct close_job *j = CONTAINER_OF(job, struct close_job, job);
    struct commitlog *log = job->log;
    if (err && !log_is_offline(log)) log_fail(log, err, "closing", log->dir);
    if (log_is_offline(log) && j->stage != CLOSE_WAIT) {
        if (is_alone(j)) close_end(j, LOG_E_OFFLINE);
        else log->exclusive_waits = true;
        return;
    }
    switch (j->stage) {
    case CLOSE_WAIT: close_start(j); break;
    case CLOSE_SYNCED: close_index(j); break;
    case CLOSE_INDEX: close_snapshot(j); break;
    case CLOSE_SNAPSHOT: close_dir(j); break;
    case CLOSE_DIR: close_end(j, LOG_OK); break;
    case DELETE_RENAME:
    case DELETE_LIST:
    case DELETE_FILES:
    case DELETE_DIR:
    case DELETE_PARENT: delete_step(j); break;
    }
}

static void
close_queue(struct commitlog *log, struct log_op *op, bool delete)
{
    CHECK(log->state == COMMITLOG_OPEN || log->state == COMMITLOG_OFFLINE);
    CHECK(!log->exclusive);
    struct close_job *j = JOB_NEW(log, close_job, close_step);
    j->op = op;
    j->delete = delete;
    if (log->state == COMMITLOG_OPEN) log->state = COMMITLOG_CLOSING;
    log->exclusive = &j->job;
    log->exclusive_waits = true;
    log_stop_cleaning(log);
    job_soon(&j->job);
}

void
commitlog_close(struct commitlog *log, struct log_op *op)
{
    close_queue(log, op, false);
}

void
commitlog_delete(struct commitlog *log, struct log_op *op)
{
    close_queue(log, op, true);
}
