/* Opening a log: what is on disk decides; no file but the log itself has to be there.
 *
 *     directory ─ leftovers removed ─ topic id ─ leader epochs ─ segments ─ bad tail cut ─ producers ─ synced ─ swaps named
 *
 * Below the recovery point, and everywhere after a clean shutdown, only the ends of segments are looked at.
 * Otherwise every segment that reaches above the recovery point is read through with its sums; at the first batch that is not
 * good the log ends (open_segments.c). What it will then answer from is synced first: it may have been page cache only.
 * What a cleaning left that a crash interrupted is a story of its own (found_swaps.h). */
#include "broker/log/checkpoint.h"
#include "broker/base/fmt.h"
#include "broker/log/found_names.h"
#include "broker/log/open.h"

static void
open_end(struct open_job *j)
{
    found_swaps_release(&j->swaps, &j->job.log->env->mem);
    VEC_RELEASE(&j->job.log->env->mem, &j->txns);
    VEC_RELEASE(&j->job.log->env->mem, &j->orphans);
    job_end(&j->job);
}

void
open_failed(struct open_job *j, enum env_err err, const char *what, struct slice path)
{
    log_fail(j->job.log, err, what, path);
    open_end(j);
}

/* ---- the directory ---- */

/* "00000000000000004711" and what follows. */
static bool
parse_segment_name(struct slice name, int64_t *ret_base, struct slice *ret_suffix)
{
    if (name.n < 21 || name.p[20] != '.') return false;
    for (int i = 0; i < 20; i++)
        if (name.p[i] < '0' || name.p[i] > '9') return false;
    *ret_suffix = slice_sub(name, 20, name.n);
    return slice_to_i64(slice_sub(name, 0, 20), ret_base);
}

/* Of the log's own: others have files here, too (quorum-state). */
static bool
is_leftover(struct slice name, bool numbered)
{
    if (!numbered)
        return slice_eq(name, S("leader-epoch-checkpoint.tmp")) ||
               slice_eq(name, S("partition.metadata.tmp"));
    return slice_ends(name, S(".deleted")) || slice_ends(name, S(".snapshot.tmp")) ||
           slice_ends(name, S(".txnindex.tmp"));
}

/* The list is sorted: a segment's .index comes before its .log; so first the logs, then the rest. */
static void
sort_out(struct open_job *j, const struct dir_entry *e, bool logs)
{
    struct commitlog *log = j->job.log;
    struct slice name = e->name;
    struct slice suffix;
    int64_t base;
    bool numbered = parse_segment_name(name, &base, &suffix);
    if (logs) {
        if (numbered && slice_eq(suffix, S(".log")))
            segment_found(log, base, e->size, e->modified_ms);
    } else if (numbered && found_swaps_take(&j->swaps, log, name, base, suffix, &j->remove)) {
        return;
    } else if (is_leftover(name, numbered)) {
        files_remove_add(&j->remove, log, log_path(log, name));
    } else if (numbered && slice_eq(suffix, S(".snapshot"))) {
        VEC_PUSH(&log->env->mem, &log->snapshots, base);
    } else if (numbered && slice_ends(suffix, S("index")) && !log_has_segment(log, base)) {
        if (j->orphans.n == 0 || j->orphans.v[j->orphans.n - 1] != base)
            VEC_PUSH(&log->env->mem, &j->orphans, base);
        files_remove_add(&j->remove, log, log_path(log, name));
    } else if (numbered && slice_eq(suffix, S(".txnindex"))) {
        VEC_PUSH(&log->env->mem, &j->txns, base);
    }
}

static void
read_list(struct open_job *j, struct slice entries)
{
    for (int pass = 0; pass < 2; pass++) {
        struct reader r = reader(entries);
        for (struct dir_entry e; dir_next(&r, &e);)
            if (!e.is_dir) sort_out(j, &e, pass == 0);
    }
    found_swaps_decide(&j->swaps, j->job.log, &j->remove);
}

/* ---- small files ---- */

static void
open_step_again(struct open_job *j, enum env_err err)
{
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

static void
open_removed(struct files_remove *r, enum env_err err)
{
    open_step_again(CONTAINER_OF(r, struct open_job, remove), err);
}

static void
open_slurped(struct file_slurp *s)
{
    open_step_again(CONTAINER_OF(s, struct open_job, slurp), ENV_OK);
}

static void
open_replaced(struct file_replace *r)
{
    open_step_again(CONTAINER_OF(r, struct open_job, replace), r->err);
}

static void
open_slurp(struct open_job *j, struct slice name)
{
    j->slurp.done = open_slurped;
    file_slurp(j->job.log->env, &j->slurp, log_path(j->job.log, name), 16 << 20);
}

/* False: it belongs to another topic. */
static bool
take_metadata(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    struct uuid found;
    bool is_zero = uuid_is_zero(log->topic_id);
    if (!partition_metadata_parse(buf_slice(j->slurp.buf), &found)) return true; /* as if missing */
    if (!is_zero && !uuid_eq(found, log->topic_id)) return false;
    log->topic_id = found;
    return true;
}

static void
write_metadata(struct open_job *j)
{
    uint8_t room[64];
    struct writer w = writer_fixed(room, sizeof room);
    struct commitlog *log = j->job.log;
    partition_metadata_print(&w, log->topic_id);
    j->replace.done = open_replaced;
    file_replace(log->env, &j->replace, log_path(log, S("partition.metadata")), writer_slice(&w));
}

static void
open_metadata_read(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    bool found = !j->slurp.err;
    if (found && !take_metadata(j)) {
        buf_unref(j->slurp.buf);
        open_failed(j, ENV_EINVAL, "another topic's id in", log_path(log, S("partition.metadata")));
        return;
    }
    bool is_good = found && partition_metadata_parse(buf_slice(j->slurp.buf), &log->topic_id);
    log->was_there = is_good;
    if (found) buf_unref(j->slurp.buf);
    if (is_good || uuid_is_zero(log->topic_id)) open_step_again(j, ENV_OK);
    else write_metadata(j);
}

static void
take_epochs(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    bool good =
        !j->slurp.err && epoch_cache_parse(&log->epochs, &log->env->mem, buf_slice(j->slurp.buf));
    if (!j->slurp.err) buf_unref(j->slurp.buf);
    if (good && log->epochs.v.n) {
        j->epochs_from = log->epochs.v.v[0].start_offset;
        log->known_to = log->epochs.v.v[log->epochs.v.n - 1].start_offset;
    }
    if (good || log->segments.n == 0) return;
    j->clean = false; /* the batches have them */
    j->recovery_point = 0;
    log->epochs_dirty = true;
}

/* ---- the rest ---- */

/* Kept are those at segments' beginnings, and the newest. */
static void
drop_snapshots(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    int64_t kept = 0, newest = -1;
    for (int64_t i = 0; i < log->snapshots.n; i++)
        if (log->snapshots.v[i] <= log->assigned_end) newest = MAX(newest, log->snapshots.v[i]);
    for (int64_t i = 0; i < log->snapshots.n; i++) {
        int64_t at = log->snapshots.v[i];
        if (at == newest || (at < newest && log_has_segment(log, at)))
            log->snapshots.v[kept++] = at;
        else files_remove_add(&j->remove, log, log_file_path(log, at, S(".snapshot")));
    }
    log->snapshots.n = kept;
}

static void
open_set_ends(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *active = log_active(log);
    active->sealed = false;
    log->assigned_end = log->written_end = active->end_offset;
    log->settled_end = log->written_end;
    int64_t synced = MIN(j->recovery_point, j->swapped_from);
    log->synced_end = j->clean ? log->written_end : MIN(synced, log->written_end);
    log->start_offset = MAX(j->start_offset, log->segments.v[0]->base_offset);
    log_check_ends(log);
    log_forget_holes(log, log->assigned_end);
    if (epoch_cache_truncate_end(&log->epochs, log->assigned_end)) log->epochs_dirty = true;
    if (epoch_cache_truncate_start(&log->epochs, log->start_offset)) log->epochs_dirty = true;
}

static void
new_active(struct commitlog *log, int64_t base_offset)
{
    struct segment *s = segment_new(log, base_offset);
    s->index_state = INDEX_IN_MEMORY;
    VEC_PUSH(&log->env->mem, &log->segments, s);
}

/* The greatest offset that a file's name tells of. */
static int64_t
names_known_to(const struct open_job *j)
{
    const struct commitlog *log = j->job.log;
    int64_t known = 0;
    for (int64_t i = 0; i < j->orphans.n; i++) known = MAX(known, j->orphans.v[i]);
    for (int64_t i = 0; i < log->snapshots.n; i++) known = MAX(known, log->snapshots.v[i]);
    return known;
}

void
open_segments_done(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    if (log->segments.n == 0) new_active(log, j->start_offset);
    if (log->stopped_in_order) log->known_to = MAX(log->known_to, names_known_to(j));
    open_set_ends(j);
    drop_snapshots(j);
    if (j->remove.paths.n) log_names_changed(log);
    j->stage = OPEN_TXNS;
    j->remove.done = open_removed;
    files_remove(&j->remove, log);
}

static void
open_synced(struct log_op *op, enum log_err err)
{
    struct open_job *j = CONTAINER_OF(op, struct open_job, sync);
    if (err) open_step_again(j, ENV_EIO);
    else job_soon(&j->job); /* not from within the sync: what is done next may be the log's end */
}

/* Only now, as all that is to be saved is known: with the indexes of segments that were read through goes the list of their
 * aborted transactions, and a list that was saved too early says for ever that there were none. */
static void
open_sync(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    j->stage = OPEN_NAME;
    j->sync.done = open_synced;
    if (j->clean && log_names_are_durable(log) && !log->epochs_dirty) open_step_again(j, ENV_OK);
    else commitlog_sync(log, &j->sync);
}

static void
open_producers_done(struct producer_load *l, enum env_err err)
{
    struct open_job *j = CONTAINER_OF(l, struct open_job, producers);
    j->stage = OPEN_SYNC;
    open_step_again(j, err);
}

static void
tell_holes(const struct commitlog *log)
{
    for (int64_t i = 0; i < log->holes.n; i++) {
        struct writer w = writer_mem(&log->env->mem);
        fmt_str(&w, "segment files are missing in ");
        fmt_slice(&w, log->dir);
        fmt_str(&w, ": the records from offset ");
        fmt_i64(&w, log->holes.v[i].from);
        fmt_str(&w, " to ");
        fmt_i64(&w, log->holes.v[i].to - 1);
        fmt_str(&w, " are gone, those that follow are kept");
        NOTE(log->env, NOTE_LOG_MESSAGE, log->name, writer_slice(&w), 2);
        writer_release(&w);
    }
}

static void
open_done(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    log->synced_end = log->written_end;
    log->synced_ns = env_now_ns(log->env);
    log->state = COMMITLOG_OPEN;
    segment_close_file(log_active(log));
    char id[UUID_TEXT_BYTES];
    uuid_print(log->topic_id, id);
    NOTE(log->env, NOTE_LOG_RECOVERED, log->name, slice(id, sizeof id), log->start_offset,
         log->assigned_end, j->bytes_cut, j->clean);
    tell_holes(log);
    open_end(j);
    log->ops->ready(log, LOG_OK, SLICE_NULL);
}

/* Of segments that were not read through; for the others they come from the batches. A broken one is no
 * harm: the batches are read again. */
static void
open_txns(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    if (j->txn_is_read && !j->slurp.err) {
        int64_t base = j->txns.v[j->txn_i - 1];
        if (!txn_index_parse(&log->aborted, &log->env->mem, buf_slice(j->slurp.buf)))
            j->recovered_from = base;
        buf_unref(j->slurp.buf);
    }
    txn_index_truncate_end(&log->aborted, MIN(log->assigned_end, j->recovered_from));
    if (j->txn_i == j->txns.n || j->txns.v[j->txn_i] >= j->recovered_from) {
        j->stage = OPEN_PRODUCERS;
        open_step_again(j, ENV_OK);
        return;
    }
    j->txn_is_read = true;
    j->slurp.done = open_slurped;
    file_slurp(log->env, &j->slurp, log_file_path(log, j->txns.v[j->txn_i++], S(".txnindex")),
               64 << 20);
}

static void
open_listed(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    read_list(j, buf_slice(j->job.op.buf));
    buf_unref(j->job.op.buf);
    j->stage = OPEN_CLEAN;
    j->remove.done = open_removed;
    files_remove(&j->remove, log);
}

static void
open_found(struct open_job *j)
{
    int64_t from = found_swaps_place(&j->swaps, j->job.log, &j->remove);
    if (from < INT64_MAX) j->clean = false;
    j->swapped_from = from;
    j->stage = OPEN_METADATA;
    open_slurp(j, S("partition.metadata"));
}

static void
open_cleaned_up(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    j->stage = OPEN_FOUND;
    if (j->swaps.bases.n) dir_sync(log->env, &j->job.op, log->dir);
    else open_found(j);
}

static void
open_name(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    if (found_swaps_name_next(log, &j->job.op)) return;
    if (log_names_are_durable(log)) {
        j->stage = OPEN_DONE;
        open_step_again(j, ENV_OK);
        return;
    }
    j->stage = OPEN_NAMED;
    j->names = log->names_changed;
    dir_sync(log->env, &j->job.op, log->dir);
}

static const char *
stage_text(enum open_stage stage)
{
    switch (stage) {
    case OPEN_MKDIR: return "making";
    case OPEN_LIST: return "listing";
    case OPEN_CLEAN:
    case OPEN_FOUND: return "cleaning up";
    case OPEN_SEGMENTS: return "recovering";
    case OPEN_NAME: return "syncing";
    case OPEN_NAMED: return "swapping in";
    case OPEN_METADATA:
    case OPEN_EPOCHS:
    case OPEN_EPOCHS_READ:
    case OPEN_TXNS:
    case OPEN_PRODUCERS:
    case OPEN_SYNC:
    case OPEN_DONE: return "reading";
    }
    return "opening";
}

static void
open_step(struct log_job *job, enum env_err err)
{
    struct open_job *j = CONTAINER_OF(job, struct open_job, job);
    struct commitlog *log = job->log;
    if (log_is_offline(log)) {
        open_end(j);
        return;
    }
    if (err && !(j->stage == OPEN_MKDIR && err == ENV_EEXIST)) {
        open_failed(j, err, stage_text(j->stage), log->dir);
        return;
    }
    switch (j->stage) {
    case OPEN_MKDIR:
        if (!found_names_are_durable(j->clean)) {
            log_names_changed(log);
            log->parent_dirty = true;
        }
        if (!err) log->parent_dirty = true;
        log->is_new = !err;
        /* What the checkpoints say is of an earlier topic of this name. */
        if (log->is_new) j->start_offset = 0, log->cleaned_to = -1;
        j->stage = OPEN_LIST;
        dir_list(log->env, &job->op, log->dir);
        break;
    case OPEN_LIST: open_listed(j); break;
    case OPEN_CLEAN: open_cleaned_up(j); break;
    case OPEN_FOUND: open_found(j); break;
    case OPEN_METADATA:
        j->stage = OPEN_EPOCHS;
        open_metadata_read(j);
        break;
    case OPEN_EPOCHS:
        j->stage = OPEN_EPOCHS_READ;
        open_slurp(j, S("leader-epoch-checkpoint"));
        break;
    case OPEN_EPOCHS_READ:
        j->stage = OPEN_SEGMENTS;
        take_epochs(j);
        open_next_segment(j);
        break;
    case OPEN_SEGMENTS: open_next_segment(j); break;
    case OPEN_TXNS: open_txns(j); break;
    case OPEN_PRODUCERS:
        j->producers.done = open_producers_done;
        producers_load(log, &j->producers, j->recovered_from);
        break;
    case OPEN_SYNC: open_sync(j); break;
    case OPEN_NAME: open_name(j); break;
    case OPEN_NAMED:
        log_names_synced(log, j->names);
        open_done(j);
        break;
    case OPEN_DONE: open_done(j); break;
    }
}

void
commitlog_open(struct commitlog *log, struct env *env, const struct commitlog_params *p)
{
    CHECK(log->state == COMMITLOG_NEW && p->ops->ready);
    log->env = env;
    log->config = p->config;
    log->ops = p->ops;
    log->owner = p->owner;
    log->open_files = p->open_files;
    log->dir = mem_dup(&env->mem, p->dir);
    log->name = mem_dup(&env->mem, p->name);
    log->topic_id = p->topic_id;
    log->cleaned_to = p->cleaned_to;
    log->state = COMMITLOG_OPENING;
    list_init(&log->appended);
    list_init(&log->waiting);
    list_init(&log->jobs);
    struct open_job *j = JOB_NEW(log, open_job, open_step);
    j->clean = log->stopped_in_order = p->clean;
    j->epochs_from = INT64_MAX;
    j->recovery_point = p->recovery_point;
    j->swapped_from = INT64_MAX;
    j->start_offset = p->start_offset;
    j->expected = -1;
    j->recovered_from = INT64_MAX;
    found_swaps_init(&j->swaps);
    dir_make(env, &j->job.op, log->dir);
}
