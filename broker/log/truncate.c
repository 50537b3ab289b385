/* Truncating. When the place of the cut is known, the ends go back at once; then the files follow, the last
 * segment first, so that a crash at any point leaves a prefix; then everything is synced, so that what is
 * written next can never be mixed with what was cut. */
#include "broker/log/index_lookup.h"
#include "broker/log/internal.h"

enum truncate_stage {
    CUT_WAIT,   /* for the writes and syncs under way */
    CUT_FIND,   /* the first batch to go */
    CUT_REMOVE, /* later segments and snapshots */
    CUT_REMOVED,
    CUT_FILE,
    CUT_TAIL, /* the index's tail again */
    CUT_PRODUCERS,
    CUT_SYNC,
    CUT_DONE,
};

struct truncate_job {
    struct log_job job;
    struct log_op *op, sync;
    enum truncate_stage stage;
    int64_t offset, old_end;
    bool fully, is_scanned;
    struct segment *segment; /* in which the cut is; NULL: everything goes */
    int64_t position, base;  /* of the first batch that goes */
    struct scan scan;
    struct files_remove remove;
    struct tail_load tail;
    struct producer_load producers;
};

static void
cut_again(struct truncate_job *j, enum env_err err)
{
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

static void
cut_end(struct truncate_job *j, enum log_err err)
{
    struct commitlog *log = j->job.log;
    struct log_op *op = j->op;
    log->exclusive = NULL;
    log->exclusive_waits = false;
    if (log->state == COMMITLOG_TRUNCATING) log->state = COMMITLOG_OPEN;
    if (j->segment) segment_unpin(j->segment);
    job_end(&j->job);
    if (!log->syncing && (log->sync_again || !list_is_empty(&log->waiting)))
        commitlog_sync(log, NULL);
    op->done(op, err);
}

/* ---- where ---- */

static bool
cut_batch(struct scan *scan)
{
    struct truncate_job *j = CONTAINER_OF(scan, struct truncate_job, scan);
    /* Offsets that go back are damage: what it says of itself must not become the log's end. */
    bool is_sound = scan->parsed == BATCH_OK && scan->h.base_offset >= j->base;
    if (!is_sound || batch_last_offset(&scan->h) >= j->offset) {
        j->position = scan->at;
        if (is_sound) j->base = MIN(scan->h.base_offset, j->offset);
        return false;
    }
    j->base = batch_next_offset(&scan->h);
    return true;
}

static void
cut_scanned(struct scan *scan, enum env_err err)
{
    struct truncate_job *j = CONTAINER_OF(scan, struct truncate_job, scan);
    if (j->position < 0) j->position = scan->end;
    j->is_scanned = true;
    cut_again(j, err);
}

static void
cut_find(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *s = j->segment;
    if (!segment_want_file(s, &j->job.wait) || !segment_want_times(s, &j->job.wait)) return;
    const struct offset_entry *e = index_floor(&s->index, segment_relative(s, j->offset - 1));
    j->position = -1;
    j->base = s->base_offset;
    j->scan = (struct scan){.log = log,
                            .segment = s,
                            .at = e ? e->position : 0,
                            .end = s->written,
                            .batch = cut_batch,
                            .done = cut_scanned};
    scan_begin(&j->scan);
}

/* ---- the ends, in memory ---- */

static void
forget_recent(struct segment *s, int64_t position)
{
    while (s->recent.n && s->recent.v[s->recent.n - 1].position >= position) s->recent.n--;
}

/* Segments above j->segment leave the log; their files are removed, the highest first. */
static void
drop_above(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    while (log->segments.n && log_active(log) != j->segment) {
        struct segment *s = log_active(log);
        if (s->state == SEGMENT_IS_OPEN) file_break_ranges(&s->file, 0);
        s->cuts++;
        if (s->exists) files_remove_add_segment(&j->remove, log, s->base_offset);
        log->segments.n--;
        segment_drop(s);
    }
}

static void
drop_snapshots_above(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    int64_t kept = 0;
    for (int64_t i = 0; i < log->snapshots.n; i++) {
        int64_t at = log->snapshots.v[i];
        if (!j->fully && at <= j->base) log->snapshots.v[kept++] = at;
        else files_remove_add(&j->remove, log, log_file_path(log, at, S(".snapshot")));
    }
    log->snapshots.n = kept;
}

static void
cut_segment_in_memory(struct segment *s, int64_t position, int64_t base)
{
    file_break_ranges(&s->file, position);
    s->cuts++;
    s->size = s->written = position;
    s->end_offset = base;
    s->sealed = false;
    s->dirty = s->index_dirty = true;
    index_truncate(&s->index, segment_relative(s, base));
    forget_recent(s, position);
    if (position == 0) s->first_timestamp = -1;
}

static void
new_first_segment(struct commitlog *log, int64_t offset)
{
    struct segment *s = segment_new(log, offset);
    s->index_state = INDEX_IN_MEMORY;
    VEC_PUSH(&log->env->mem, &log->segments, s);
}

static void
truncate_set_ends(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    log->assigned_end = log->written_end = log->settled_end = j->base;
    log->synced_end = MIN(log->synced_end, j->base);
    log->start_offset = j->fully ? j->base : MIN(log->start_offset, j->base);
    CHECK(j->fully || j->base <= j->old_end);
    CHECK(j->base <= j->offset);
    log_check_ends(log);
    if (j->fully) log->epochs.v.n = 0;
    log_forget_holes(log, j->fully ? 0 : j->base);
    /* What is written from here on has not been cleaned. A tombstone that was taken for clean would go before the
     * values that it deletes. */
    log->cleaned_to = j->fully ? -1 : MIN(log->cleaned_to, j->base);
    (void)epoch_cache_truncate_end(&log->epochs, j->base);
    txn_index_truncate_end(&log->aborted, j->fully ? 0 : j->base);
    log->epochs_dirty = true;
    log_names_changed(log);
    NOTE(log->env, NOTE_LOG_TRUNCATE, log->name, SLICE_NULL, j->base, j->old_end,
         epoch_cache_latest(&log->epochs));
}

static void
cut_removed(struct files_remove *r, enum env_err err)
{
    cut_again(CONTAINER_OF(r, struct truncate_job, remove), err);
}

static void
cut_begin(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    drop_above(j);
    if (j->segment) cut_segment_in_memory(j->segment, j->position, j->base);
    else new_first_segment(log, j->base);
    drop_snapshots_above(j);
    truncate_set_ends(j);
    j->stage = CUT_REMOVE;
    j->remove.done = cut_removed;
    files_remove(&j->remove, log);
}

/* ---- the files ---- */

static void
cut_file(struct truncate_job *j)
{
    struct segment *s = log_active(j->job.log);
    if (!segment_want_file(s, &j->job.wait)) return;
    j->stage = CUT_FILE;
    file_truncate(&j->job.op, &s->file, s->size);
}

static void
cut_tail_loaded(struct tail_load *t, enum env_err err)
{
    cut_again(CONTAINER_OF(t, struct truncate_job, tail), err);
}

static void
cut_producers_loaded(struct producer_load *l, enum env_err err)
{
    cut_again(CONTAINER_OF(l, struct truncate_job, producers), err);
}

static void
cut_synced(struct log_op *op, enum log_err err)
{
    cut_again(CONTAINER_OF(op, struct truncate_job, sync), err ? ENV_EIO : ENV_OK);
}

/* Only leader epochs that began at the end, without a batch, may have to go. */
static void
cut_only_epochs(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    if (epoch_cache_truncate_end(&log->epochs, j->offset)) log->epochs_dirty = true;
    log->exclusive = NULL;
    j->stage = CUT_DONE;
    j->sync.done = cut_synced;
    commitlog_sync(log, &j->sync);
}

static void
cut_start(struct truncate_job *j)
{
    struct commitlog *log = j->job.log;
    if (!log_is_quiet(log)) return;
    log->exclusive_waits = false;
    j->old_end = log->assigned_end;
    if (!j->fully && j->offset >= log->assigned_end) {
        cut_only_epochs(j);
        return;
    }
    int64_t i = log_segment_at(log, j->offset);
    if (j->fully || i < 0) {
        j->fully = true;
        j->base = j->offset;
        cut_begin(j);
        return;
    }
    /* At a segment's very beginning the one before is cut at its end, and becomes the active one. */
    if (i > 0 && log->segments.v[i]->base_offset == j->offset) i--;
    j->segment = log->segments.v[i];
    segment_pin(j->segment);
    j->stage = CUT_FIND;
    cut_find(j);
}

static void
cut_step(struct log_job *job, enum env_err err)
{
    struct truncate_job *j = CONTAINER_OF(job, struct truncate_job, job);
    struct commitlog *log = job->log;
    if (err && !log_is_offline(log)) log_fail(log, err, "truncating", log->dir);
    if (log_is_offline(log)) {
        cut_end(j, LOG_E_OFFLINE);
        return;
    }
    switch (j->stage) {
    case CUT_WAIT: cut_start(j); break;
    case CUT_FIND:
        if (j->is_scanned) cut_begin(j);
        else cut_find(j);
        break;
    case CUT_REMOVE:
        j->stage = CUT_REMOVED; /* before anything is made in their place */
        dir_sync(log->env, &job->op, log->dir);
        break;
    case CUT_REMOVED: cut_file(j); break;
    case CUT_FILE:
        j->stage = CUT_TAIL;
        j->tail.done = cut_tail_loaded;
        tail_load(log, &j->tail);
        break;
    case CUT_TAIL:
        j->stage = CUT_PRODUCERS;
        j->producers.done = cut_producers_loaded;
        producers_load(log, &j->producers, log->assigned_end);
        break;
    case CUT_PRODUCERS:
        j->stage = CUT_SYNC;
        log->exclusive = NULL;
        file_sync(&job->op, &log_active(log)->file);
        break;
    case CUT_SYNC:
        j->stage = CUT_DONE;
        j->sync.done = cut_synced;
        commitlog_sync(log, &j->sync);
        break;
    case CUT_DONE: cut_end(j, LOG_OK); break;
    }
}

static void
cut_queue(struct commitlog *log, int64_t offset, bool fully, struct log_op *op)
{
    CHECK(offset >= 0);
    CHECK(log->state == COMMITLOG_OPEN || log->state == COMMITLOG_OFFLINE);
    struct truncate_job *j = JOB_NEW(log, truncate_job, cut_step);
    j->op = op;
    j->offset = offset;
    j->fully = fully;
    j->position = -1;
    if (log->state == COMMITLOG_OPEN) {
        log->state = COMMITLOG_TRUNCATING;
        log->cuts++;
        log->exclusive = &j->job;
        log->exclusive_waits = true;
        log_stop_cleaning(log);
    }
    job_soon(&j->job);
}

void
commitlog_truncate(struct commitlog *log, int64_t offset, struct log_op *op)
{
    cut_queue(log, offset, false, op);
}

void
commitlog_truncate_fully(struct commitlog *log, int64_t offset, struct log_op *op)
{
    cut_queue(log, offset, true, op);
}
