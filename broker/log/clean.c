/* Cleaning a compacted log: of each key only the last record stays.
 *
 *     dirty segments ─► map (key → last offset)
 *     clean and dirty segments, group by group ─► filter ─► .cleaned ─► .swap ─► in their place
 *
 * What becomes of a batch or a record is decided by rules of their own (batch_retention.h, record_retention.h,
 * clean_txns.h); here is what happens when. Everything goes in bounded pieces: a step looks at about 64 KiB, files are
 * read a window at a time, codecs run off the loop. Groups go from the log's beginning on, so that a tombstone
 * never goes before what it deletes.
 *
 * Meanwhile appends, reads and syncs go on. Retention waits for the end; a truncation and a close stop it after the piece
 * or the swap that is under way (log_stop_cleaning), and what it made so far is removed. A failed disk takes the log
 * offline as ever; a full one only ends the cleaning: the log itself is whole. */
#include "broker/log/clean.h"

#include "broker/base/fmt.h"
#include "broker/log/segment_groups.h"
#include "broker/record/control.h"

#define LOOKED_AT_ONCE_BYTES (64 << 10)

/* ---- shared with the passes ---- */

static void
tell_uncleanable(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    struct writer w = writer_fixed(arena_alloc(&log->env->scratch, 512), 512);
    fmt_str(&w, "cannot be compacted, and will not be tried again before the next start: ");
    fmt_str(&w, j->why);
    fmt_str(&w, ", in ");
    fmt_slice(&w, log_file_path(log, j->segment_base, S(".log")));
    fmt_str(&w, " at byte ");
    fmt_i64(&w, j->walk.position);
    NOTE(log->env, NOTE_LOG_MESSAGE, log->name, writer_slice(&w), 3);
}

bool
clean_is_broken(struct clean_job *j, const char *why)
{
    j->err = LOG_E_CORRUPT;
    j->why = why;
    j->job.log->is_uncleanable = true;
    tell_uncleanable(j);
    j->stage = CLEAN_REMOVE;
    return true;
}

void
clean_walk_ends(struct clean_job *j)
{
    j->passed_bytes += j->walk.looked_bytes;
    walk_release(&j->walk);
}

void
clean_walk(struct clean_job *j, int64_t base_offset)
{
    struct commitlog *log = j->job.log;
    clean_walk_ends(j);
    j->segment_base = base_offset;
    j->part = PART_NEXT;
    struct segment *s = log->segments.v[log_segment_at(log, base_offset)];
    CHECK(s->base_offset == base_offset && s->written == s->size);
    walk_begin(&j->walk, s, clean_next_segment(j, base_offset, INT64_MAX), j->asked.window_bytes,
               j->asked.payload_max);
}

int64_t
clean_next_segment(const struct clean_job *j, int64_t base_offset, int64_t end)
{
    const struct commitlog *log = j->job.log;
    int64_t i = log_segment_at(log, base_offset) + 1;
    return i < log->segments.n ? MIN(log->segments.v[i]->base_offset, end) : end;
}

/* log.cleaner.io.max.bytes.per.second: when it should have taken longer so far, it waits. */
static bool
goes_too_fast(struct clean_job *j)
{
    struct env *env = j->job.log->env;
    int64_t rate = j->asked.bytes_per_second, ns_per_mib;
    if (rate <= 0) return false;
    ns_per_mib = rate >> 20 ? NS_PER_S / (rate >> 20) : (NS_PER_S / rate) << 20;
    int64_t due_ns = j->began_ns + (j->rested_bytes >> 10) * (ns_per_mib >> 10);
    if (due_ns <= env_now_ns(env)) return false;
    timer_arm(env, &j->pause, due_ns);
    return true;
}

bool
clean_rests(struct clean_job *j)
{
    /* However many segments they come from: else a log of small ones would never rest, and know no limit. */
    int64_t passed = j->passed_bytes + j->walk.looked_bytes;
    if (passed - j->rested_bytes < LOOKED_AT_ONCE_BYTES) return false;
    j->rested_bytes = passed;
    if (!goes_too_fast(j)) job_soon(&j->job);
    return true;
}

int16_t
clean_control_type(const struct batch_walk *w)
{
    struct records rs;
    struct record rec;
    int16_t type;
    records_begin(&rs, &w->h, w->payload);
    return records_next(&rs, &rec) && control_key_parse(rec.key, &type) ? type : -1;
}

/* ---- giving up ---- */

/* What a codec gave to nobody. */
static void
drop_work_result(struct clean_job *j)
{
    bool is_work = j->walk.is_inflating || j->part == PART_COMPRESS;
    if (is_work && !op_is_pending(&j->job.op)) buf_unref(j->job.op.buf);
    j->walk.is_inflating = false;
    j->part = PART_NEXT;
}

static void
clean_gives_up(struct clean_job *j, const char *why)
{
    MARK(j->job.log->env, CLEANING_GIVEN_UP);
    j->err = LOG_E_BUSY;
    j->why = why;
    j->stage = CLEAN_REMOVE;
    drop_work_result(j);
}

/* ---- the groups ---- */

/* An index's size when it is not in memory: it has at most an entry for each index.interval.bytes. */
static struct group_segment
group_segment_of(const struct commitlog *log, int64_t i)
{
    const struct segment *s = log->segments.v[i];
    int64_t entries = s->size / MAX(log->config->index_interval_bytes, BATCH_HEADER_BYTES) + 1;
    return (struct group_segment){s->base_offset, log->segments.v[i + 1]->base_offset, s->size,
                                  entries * OFFSET_ENTRY_BYTES, entries * TIME_ENTRY_BYTES};
}

static bool
clean_group(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    int64_t from = log_segment_at(log, j->group_end), n = 0;
    if (j->is_to_stop) {
        clean_gives_up(j, "the log is being cut or closed");
        return true;
    }
    if (j->group_end >= j->round_end) {
        log->cleaned_to = j->round_end;
        j->stage = CLEAN_END;
        return true;
    }
    struct group_segment *v =
        ARENA_ARRAY(&log->env->scratch, struct group_segment, log->segments.n - from);
    for (int64_t i = from; i < log->segments.n - 1; i++) {
        if (log->segments.v[i]->base_offset >= j->round_end) break;
        v[n++] = group_segment_of(log, i);
    }
    n = segment_group_end(v, n, 0, log->config->segment_bytes, log->config->segment_index_bytes);
    j->group_base = v[0].base_offset;
    j->group_end = v[n - 1].end_offset;
    j->made = segment_new(log, j->group_base);
    j->made->index_state = INDEX_IN_MEMORY;
    j->file_bytes = 0;
    j->has_files = true;
    j->stage = CLEAN_OPEN;
    j->file = (struct file){0};
    file_open(log->env, &j->job.op, &j->file, log_file_path(log, j->group_base, S(".log.cleaned")),
              OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE);
    return false;
}

static void
clean_indexes_saved(struct index_save *x, enum env_err err)
{
    struct clean_job *j = CONTAINER_OF(x, struct clean_job, index);
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

/* The file is written and closed: its indexes follow. */
static bool
clean_indexes(struct clean_job *j)
{
    struct segment *s = j->made;
    s->end_offset = j->group_end;
    s->size = s->written = j->file_bytes;
    segment_seal(s);
    for (int64_t i = 0; i < j->txns.kept.n; i++)
        txn_index_add(&j->kept, &j->job.log->env->mem, &j->txns.kept.v[i]);
    j->txns.kept.n = 0;
    j->stage = CLEAN_INDEXES;
    j->index.done = clean_indexes_saved;
    j->index.suffix = S(".cleaned");
    j->index.aborted = &j->kept;
    index_save(s, &j->index);
    return false;
}

/* ---- the end ---- */

static void
clean_removed(struct files_remove *r, enum env_err err)
{
    struct clean_job *j = CONTAINER_OF(r, struct clean_job, remove);
    (void)err; /* they are removed when the log is opened next */
    j->has_files = false;
    j->job.has_waited = true;
    j->job.step(&j->job, ENV_OK);
}

static bool
clean_remove(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    static const char *const suffixes[] = {".log.cleaned", ".index.cleaned", ".timeindex.cleaned",
                                           ".txnindex.cleaned"};
    walk_release(&j->walk);
    if (j->file.is_open) {
        file_close(&j->job.op, &j->file);
        return false;
    }
    if (!j->has_files || log_is_offline(log)) {
        j->stage = CLEAN_END;
        return true;
    }
    for (int i = 0; i < ARRAY_LEN(suffixes); i++)
        files_remove_add(&j->remove, log,
                         log_file_path(log, j->group_base, slice_cstr(suffixes[i])));
    j->remove.done = clean_removed;
    files_remove(&j->remove, log);
    return false;
}

static void
clean_report(struct clean_job *j, struct log_clean *c)
{
    struct commitlog *log = j->job.log;
    c->err = log_is_offline(log) ? LOG_E_OFFLINE : j->err;
    c->why = slice_cstr(j->why ? j->why : "");
    c->round_end = j->round_end;
    c->bytes_before = j->bytes_before;
    c->bytes_after = j->bytes_after;
    c->records_before = j->records_before;
    c->records_after = j->records_after;
}

static void
clean_job_end(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    struct mem *mem = &log->env->mem;
    struct log_clean *c = j->clean;
    clean_report(j, c);
    if (!j->err && !log_is_offline(log))
        NOTE(log->env, NOTE_LOG_CLEANED, log->name, SLICE_NULL, j->asked.range.first_dirty,
             j->round_end, j->bytes_before, j->bytes_after, j->records_before, j->records_after);
    timer_cancel(log->env, &j->pause);
    walk_release(&j->walk);
    if (j->made) segment_drop(j->made);
    if (j->unnamed) segment_was_named(j->unnamed); /* the log is offline: nobody waits for ever */
    offset_map_release(&j->map);
    clean_txns_release(&j->txns);
    clean_batch_release(&j->filter);
    buf_unref(j->out);
    writer_release(&j->records);
    VEC_RELEASE(mem, &j->kept.v);
    log->cleaning = NULL;
    log->cleaning_waits = false;
    job_end(&j->job);
    c->done(c);
}

/* ---- the steps ---- */

static bool
clean_opened(struct clean_job *j)
{
    clean_walk(j, j->group_base);
    j->stage = CLEAN_FILTER;
    return true;
}

/* True: it goes on at once; false: it waits, or has ended. */
static bool
clean_go_on(struct clean_job *j, enum env_err err)
{
    struct log_job *job = &j->job;
    switch (j->stage) {
    case CLEAN_CLEAR:
        if (offset_map_clear_some(&j->map)) j->stage = CLEAN_INDEX;
        job_soon(job);
        return false;
    case CLEAN_INDEX: return clean_index(j, err);
    case CLEAN_GROUP: return clean_group(j);
    case CLEAN_OPEN: return clean_opened(j);
    case CLEAN_FILTER: return clean_filter(j, err);
    case CLEAN_WRITTEN:
        j->stage = CLEAN_SYNC;
        file_sync(&job->op, &j->file);
        return false;
    case CLEAN_SYNC:
        j->stage = CLEAN_CLOSE;
        file_close(&job->op, &j->file);
        return false;
    case CLEAN_CLOSE: return clean_indexes(j);
    case CLEAN_INDEXES:
        j->stage = CLEAN_SWAP;
        j->swap = SWAP_NAME;
        j->swap_at = 0;
        return true;
    case CLEAN_SWAP: return clean_swap(j);
    case CLEAN_REMOVE: return clean_remove(j);
    case CLEAN_END: clean_job_end(j); return false;
    }
    UNREACHABLE();
}

/* Of a codec: for the passes to judge. */
static bool
is_of_work(const struct clean_job *j, enum env_err err)
{
    bool is_pass = j->stage == CLEAN_INDEX || j->stage == CLEAN_FILTER;
    return is_pass && (err == ENV_ECORRUPT || err == ENV_ETOOBIG);
}

/* No place for a copy: the log itself is not harmed. */
static bool
is_only_full(const struct clean_job *j, enum env_err err)
{
    return err == ENV_ENOSPC && !clean_is_swapping(j);
}

/* The aborted index of a segment that has none. */
static bool
is_no_harm(const struct clean_job *j, enum env_err err)
{
    return err == ENV_ENOENT && clean_is_swapping(j) && j->swap == SWAP_INDEXES;
}

static void
clean_step(struct log_job *job, enum env_err err)
{
    struct clean_job *j = CONTAINER_OF(job, struct clean_job, job);
    struct commitlog *log = job->log;
    if (is_no_harm(j, err)) err = ENV_OK;
    if (is_only_full(j, err)) clean_gives_up(j, env_err_text(err));
    else if (err && !is_of_work(j, err)) log_fail(log, err, "compacting", log->dir);
    bool is_at_work = j->stage < CLEAN_REMOVE;
    if (log_is_offline(log) && is_at_work) clean_gives_up(j, "the disk failed");
    else if (j->is_to_stop && is_at_work && !clean_is_swapping(j))
        clean_gives_up(j, "the log is being cut or closed");
    while (clean_go_on(j, err)) continue;
}

static void
clean_pause_is_over(struct timer *t)
{
    job_soon(&CONTAINER_OF(t, struct clean_job, pause)->job);
}

void
log_cleaning_goes_on(struct commitlog *log)
{
    log->cleaning_waits = false;
    job_soon(&log->cleaning->job);
}

void
log_stop_cleaning(struct commitlog *log)
{
    struct clean_job *j = log->cleaning;
    if (!j || j->is_to_stop) return;
    j->is_to_stop = true;
    if (!timer_is_armed(&j->pause)) return;
    timer_cancel(log->env, &j->pause);
    job_soon(&j->job);
}

/* ---- the beginning ---- */

static enum log_err
check_clean(const struct commitlog *log)
{
    enum log_err err = log_state_err(log);
    if (err) return err;
    return log->cleaning || log->sweeping || log->retiring ? LOG_E_BUSY : LOG_OK;
}

/* From the first of the dirty segments on, one of which may have been cleaned in part. */
static int64_t
first_segment_to_index(const struct commitlog *log, int64_t first_dirty)
{
    return log->segments.v[MAX(log_segment_at(log, first_dirty), 0)]->base_offset;
}

enum log_err
commitlog_clean(struct commitlog *log, struct log_clean *c)
{
    enum log_err err = check_clean(log);
    if (err) return err;
    if (c->range.cuts != log->cuts) return LOG_E_BUSY;
    struct env *env = log->env;
    CHECK(c->range.first_uncleanable <= log_active(log)->base_offset);
    CHECK(c->range.first_dirty < c->range.first_uncleanable);
    struct clean_job *j = JOB_NEW(log, clean_job, clean_step);
    log->cleaning = j;
    j->clean = c;
    j->asked = *c;
    j->now_ms = env_wall_ms(env);
    j->began_ns = env_now_ns(env);
    j->pause.due = clean_pause_is_over;
    int64_t keys = c->range.first_uncleanable - c->range.first_dirty;
    offset_map_init(&j->map, &env->mem, env_map_key(env),
                    offset_map_slots(keys, c->map_bytes, c->map_load_millionths),
                    c->map_load_millionths);
    j->filter = (struct clean_batch){.mem = &env->mem,
                                     .map = &j->map,
                                     .now_ms = j->now_ms,
                                     .delete_retention_ms = log->config->delete_retention_ms};
    j->records = writer_mem(&env->mem);
    j->group_end = log->segments.v[0]->base_offset;
    clean_txns_init(&j->txns, &env->mem, env_map_key(env), &log->aborted);
    clean_walk(j, first_segment_to_index(log, c->range.first_dirty));
    job_soon(&j->job);
    return LOG_OK;
}
