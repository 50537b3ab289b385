/* What is rebuilt from the files after opening or truncating: where the active segment ends, and what is
 * known of producers. */
#include "broker/base/fmt.h"
#include "broker/log/internal.h"

/* ---- the active segment's tail ---- */

static bool
tail_batch(struct scan *scan)
{
    struct segment *s = scan->segment;
    bool whole = scan->parsed == BATCH_OK && batch_size_bytes(&scan->h) <= scan->end - scan->at;
    if (!whole || scan->h.base_offset < s->end_offset) return false;
    index_build(s, &scan->h, scan->at);
    s->index_dirty = true;
    s->end_offset = batch_next_offset(&scan->h);
    return true;
}

static void
tail_done(struct scan *scan, enum env_err err)
{
    struct tail_load *t = CONTAINER_OF(scan, struct tail_load, scan);
    t->done(t, err);
}

static void
newest_timestamp(struct segment *s)
{
    s->max_timestamp = s->max_timestamp_offset = -1;
    if (s->index.times.n == 0) return;
    struct time_entry e = s->index.times.v[s->index.times.n - 1];
    s->max_timestamp = e.timestamp;
    s->max_timestamp_offset = s->base_offset + e.offset;
}

void
tail_load(struct commitlog *log, struct tail_load *t)
{
    struct segment *s = log_active(log);
    CHECK(s->index_state == INDEX_IN_MEMORY);
    newest_timestamp(s);
    s->bytes_since_entry = 0;
    s->end_offset = s->base_offset;
    t->scan = (struct scan){
        .log = log, .segment = s, .end = s->size, .batch = tail_batch, .done = tail_done};
    if (s->index.offsets.n) t->scan.at = s->index.offsets.v[s->index.offsets.n - 1].position;
    scan_begin(&t->scan);
}

/* ---- producers ---- */

static void try_snapshot(struct producer_load *l);
static void fold_segment(struct producer_load *l);

struct producer_state *
log_producers(struct commitlog *log)
{
    if (!log->producers)
        log->producers =
            producer_state_new(&log->env->purses[PURSE_PRODUCERS], env_map_key(log->env));
    return log->producers;
}

void
log_apply_producer(struct commitlog *log, const struct batch_header *h, struct slice batch)
{
    struct mem *mem = &log->env->mem;
    struct aborted_txn aborted;
    if (!batch_has_producer(h)) return;
    if (producer_apply(log_producers(log), h, batch, &aborted))
        txn_index_add(&log->aborted, mem, &aborted);
}

static bool
fold_batch(struct scan *scan)
{
    struct producer_load *l = CONTAINER_OF(scan, struct producer_load, scan);
    struct commitlog *log = scan->log;
    if (scan->parsed != BATCH_OK) return false;
    if (scan->h.base_offset >= l->from) log_apply_producer(log, &scan->h, scan->head);
    return true;
}

static void
fold_done(struct scan *scan, enum env_err err)
{
    struct producer_load *l = CONTAINER_OF(scan, struct producer_load, scan);
    struct commitlog *log = l->log;
    int64_t i = log_segment_at(log, scan->segment->base_offset) + 1;
    if (err || i >= log->segments.n) {
        l->done(l, err);
        return;
    }
    l->from = MAX(l->from, log->segments.v[i]->base_offset);
    fold_segment(l);
}

static void
fold_segment(struct producer_load *l)
{
    struct commitlog *log = l->log;
    int64_t i = MAX(log_segment_at(log, l->from), 0);
    struct segment *s = log->segments.v[i];
    bool nothing = l->from >= log->assigned_end;
    l->scan = (struct scan){.log = log,
                            .segment = s,
                            .end = nothing ? 0 : s->size,
                            .batch = fold_batch,
                            .done = fold_done};
    scan_begin(&l->scan);
}

static void
snapshot_read(struct file_slurp *f)
{
    struct producer_load *l = CONTAINER_OF(f, struct producer_load, slurp);
    struct commitlog *log = l->log;
    struct env *env = log->env;
    bool good = false;
    if (!f->err) {
        log->producers = producer_state_new(&env->purses[PURSE_PRODUCERS], env_map_key(env));
        good = producer_snapshot_parse(log->producers, env->crc32c, buf_slice(f->buf));
        buf_unref(f->buf);
    }
    if (!good || log->producers->map.n == 0) {
        producer_state_free(log->producers);
        log->producers = NULL;
    }
    if (good) {
        fold_segment(l);
        return;
    }
    l->from--; /* the next one below */
    try_snapshot(l);
}

static void
try_snapshot(struct producer_load *l)
{
    struct commitlog *log = l->log;
    int64_t best = -1;
    for (int64_t i = 0; i < log->snapshots.n; i++) {
        int64_t at = log->snapshots.v[i];
        if (at <= l->from && at > best && at >= log->segments.v[0]->base_offset) best = at;
    }
    if (best < 0) {
        l->from = log->segments.v[0]->base_offset;
        fold_segment(l);
        return;
    }
    l->from = best;
    l->slurp.done = snapshot_read;
    file_slurp(log->env, &l->slurp, log_file_path(log, best, S(".snapshot")), 64 << 20);
}

void
producers_load(struct commitlog *log, struct producer_load *l, int64_t from)
{
    producer_state_free(log->producers);
    log->producers = NULL;
    l->log = log;
    l->from = MIN(from, log->assigned_end);
    try_snapshot(l);
}

/* ---- snapshots ---- */

struct snapshot_job {
    struct log_job job;
    struct file_replace replace;
    int64_t offset;
};

static void
snapshot_step(struct log_job *job, enum env_err err)
{
    (void)job, (void)err;
}

/* One that could not be written is no harm: the state is in the log. */
static void
snapshot_saved(struct file_replace *r)
{
    struct snapshot_job *j = CONTAINER_OF(r, struct snapshot_job, replace);
    struct commitlog *log = j->job.log;
    if (!r->err) VEC_PUSH(&log->env->mem, &log->snapshots, j->offset);
    log->snapshots_saving--;
    job_end(&j->job);
}

static bool
has_snapshot(const struct commitlog *log, int64_t offset)
{
    for (int64_t i = 0; i < log->snapshots.n; i++)
        if (log->snapshots.v[i] == offset) return true;
    return false;
}

void
log_save_snapshot(struct commitlog *log)
{
    if (has_snapshot(log, log->assigned_end)) return;
    struct snapshot_job *j = JOB_NEW(log, snapshot_job, snapshot_step);
    struct writer w = writer_mem(&log->env->mem);
    producer_snapshot_print(log->producers, log->env->crc32c, &w);
    j->offset = log->assigned_end;
    j->replace.done = snapshot_saved;
    log->snapshots_saving++;
    file_replace(log->env, &j->replace, log_file_path(log, j->offset, S(".snapshot")),
                 writer_slice(&w));
    writer_release(&w);
}

/* ---- removing files ---- */

static void
remove_next(struct files_remove *r)
{
    if (r->at < r->paths.n) path_unlink(r->log->env, &r->op, r->paths.v[r->at]);
}

static void
remove_end(struct files_remove *r, enum env_err err)
{
    struct mem *mem = &r->log->env->mem;
    for (int64_t i = 0; i < r->paths.n; i++) mem_free_slice(mem, r->paths.v[i]);
    VEC_RELEASE(mem, &r->paths);
    r->done(r, err);
}

static void
remove_done(struct op *op)
{
    struct files_remove *r = CONTAINER_OF(op, struct files_remove, op);
    if (op->err && op->err != ENV_ENOENT) {
        remove_end(r, op->err);
        return;
    }
    r->at++;
    remove_next(r);
    if (r->at == r->paths.n) remove_end(r, ENV_OK);
}

void
files_remove_add(struct files_remove *r, struct commitlog *log, struct slice path)
{
    struct slice copy = mem_dup(&log->env->mem, path);
    VEC_PUSH(&log->env->mem, &r->paths, copy);
}

void
files_remove_add_segment(struct files_remove *r, struct commitlog *log, int64_t base_offset)
{
    files_remove_add(r, log, log_file_path(log, base_offset, S(".log")));
    files_remove_add(r, log, log_file_path(log, base_offset, S(".index")));
    files_remove_add(r, log, log_file_path(log, base_offset, S(".timeindex")));
    files_remove_add(r, log, log_file_path(log, base_offset, S(".txnindex")));
}

void
files_remove(struct files_remove *r, struct commitlog *log)
{
    r->log = log;
    r->at = 0;
    r->op.done = remove_done;
    if (r->paths.n) remove_next(r);
    else remove_end(r, ENV_OK);
}
