/* Opening a log: its segments, one after the other. What of each is looked at: its end alone, or, above the recovery point after
 * a stop that was not in order, all of it with its sums. At the first batch that is not good (recovery_scan.h) the log ends.
 * Files that are missing leave gaps; whether the log goes on behind one is a rule of its own (missing_segments.h). */
#include "broker/log/open.h"
#include "broker/log/recovery_scan.h"

/* ---- one segment ---- */

/* One too that ends at the recovery point: it may have rolled after it was synced, and its list of aborted transactions is
 * saved only then. Nothing behind it is synced before that list is. */
static bool
needs_recovery(const struct open_job *j)
{
    const struct commitlog *log = j->job.log;
    int64_t from = MIN(j->recovery_point, j->swapped_from);
    bool is_last = j->i == log->segments.n - 1;
    return !j->clean && (is_last || log->segments.v[j->i + 1]->base_offset >= from);
}

static void
drop_segment(struct open_job *j, struct segment *s)
{
    struct commitlog *log = j->job.log;
    if (s->is_swap) files_remove_add(&j->remove, log, segment_path(s));
    files_remove_add_segment(&j->remove, log, s->base_offset);
    segment_drop(s);
}

/* Segments from j->i on go. */
static void
drop_rest(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    for (int64_t i = log->segments.n - 1; i >= j->i; i--) {
        MARK(log->env, LOG_SEGMENTS_DROPPED);
        j->bytes_cut += log->segments.v[i]->written;
        drop_segment(j, log->segments.v[i]);
    }
    log->segments.n = j->i;
}

/* One that lies within the one before: a compaction had finished but for this. */
static void
drop_one(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *s = log->segments.v[j->i];
    MARK(log->env, LOG_OUTLIVED_REMOVED);
    VEC_REMOVE_AT(&log->segments, j->i);
    drop_segment(j, s);
}

/* ---- segments that are missing ---- */

/* Compaction may have left the gap before this segment. Ours end where the next one begins, cleaned or not, one too that a crash
 * kept from its place; what Kafka has cleaned need not. Elsewhere a gap between segments is a tail that a power loss took. */
static bool
may_be_compaction(const struct open_job *j)
{
    const struct commitlog *log = j->job.log;
    bool is_clean = log->cleaned_to > 0 && log->segments.v[j->i]->base_offset <= log->cleaned_to;
    return log->config->may_have_gaps && is_clean;
}

/* One that follows the gap before it is kept or goes. */
static bool
is_gap_kept(const struct open_job *j)
{
    struct gap_facts f = {
        .stopped_in_order = j->job.log->stopped_in_order,
        .compact = may_be_compaction(j),
        .expected = j->expected,
        .recovery_point = j->recovery_point,
    };
    return gap_is_kept(&f);
}

/* A file that was emptied, while others follow it: as if it were gone. Nothing rolls an empty segment. */
static void
drop_emptied(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    while (j->i < log->segments.n - 1 && log->segments.v[j->i]->written == 0) {
        if (j->expected < 0) j->expected = log->segments.v[j->i]->base_offset;
        if (!is_gap_kept(j)) {
            j->i++;
            drop_rest(j);
            j->i--;
            return;
        }
        drop_one(j);
    }
}

/* False: the log ends here. */
static bool
go_on_behind_gap(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    int64_t base = log->segments.v[j->i]->base_offset;
    if (j->expected < 0 || base == j->expected) return true;
    if (base < j->expected || !is_gap_kept(j)) {
        drop_rest(j);
        return false;
    }
    if (log->config->compact) return true; /* nobody can tell what is missing */
    struct log_hole hole = {j->expected, base};
    VEC_PUSH(&log->env->mem, &log->holes, hole);
    j->expected = -1;
    return true;
}

/* Leader epochs are cut with the log's start; in a log that was stopped in order they begin where it does. */
static void
look_for_front_hole(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    if (!log->stopped_in_order || log->segments.n == 0 || log->config->compact) return;
    int64_t base = log->segments.v[0]->base_offset, from = base;
    from = MIN(from, j->epochs_from);
    if (j->orphans.n) from = MIN(from, j->orphans.v[0]);
    if (j->start_offset > 0) from = MIN(from, j->start_offset);
    from = MAX(from, j->start_offset);
    if (from >= base) return;
    if (log->holes.n == 0 || log->holes.v[0].to > base) {
        MARK(log->env, LOG_HOLE_FOUND);
        (void)VEC_ADD(&log->env->mem, &log->holes);
        for (int64_t i = log->holes.n - 1; i > 0; i--) log->holes.v[i] = log->holes.v[i - 1];
    }
    log->holes.v[0] = (struct log_hole){from, base};
}

/* ---- reading segments ---- */

static bool
recover_batch(struct scan *scan)
{
    struct open_job *j = CONTAINER_OF(scan, struct open_job, scan);
    struct commitlog *log = j->job.log;
    struct recovery_facts f = {
        .parsed = scan->parsed,
        .h = scan->h,
        .bytes_left = scan->end - scan->at,
        .crc_is_right = scan->crc_is_right,
        .expected_offset = j->expected,
        /* Where nothing was ever compacted, a batch further on than the one before says is one whose offset rotted: no
         * checksum covers it. */
        .gaps_are_allowed = log->config->compact || may_be_compaction(j) || is_gap_kept(j),
    };
    if (!recovery_keeps(&f)) return false;
    segment_place(scan->segment, &scan->h, false);
    /* The list may be older than the batch: an epoch that got no records stood there when it was written down. It may be
     * newer than the log's start that was written down, too: then it was cut where the start was to be. */
    if (epoch_cache_take_batch(&log->epochs, &log->env->mem, scan->h.leader_epoch,
                               scan->h.base_offset, batch_last_offset(&scan->h)))
        log->epochs_dirty = true;
    j->expected = batch_next_offset(&scan->h);
    return true;
}

static void
segment_recovered(struct scan *scan, enum env_err err)
{
    struct open_job *j = CONTAINER_OF(scan, struct open_job, scan);
    struct segment *s = scan->segment;
    if (err) {
        open_failed(j, err, "reading", segment_path(s));
        return;
    }
    s->written = s->size;
    s->dirty = true;
    segment_seal(s);
    j->i++;
    if (s->size == j->file_size) {
        open_next_segment(j);
        return;
    }
    MARK(scan->log->env, LOG_TAIL_CUT);
    j->bytes_cut += j->file_size - s->size;
    drop_rest(j);
    file_truncate(&j->job.op, &s->file, s->size);
}

static void
recover_segment(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    struct segment *s = log->segments.v[j->i];
    if (j->expected < 0 || log->config->may_have_gaps)
        j->expected = MAX(s->base_offset, j->expected);
    s->index.offsets.n = s->index.times.n = 0;
    s->index_state = INDEX_IN_MEMORY;
    s->max_timestamp = s->max_timestamp_offset = -1;
    s->bytes_since_entry = 0;
    s->end_offset = s->base_offset;
    j->file_size = s->written;
    j->recovered_from = MIN(j->recovered_from, s->base_offset);
    s->size = 0;
    j->scan = (struct scan){.log = log,
                            .segment = s,
                            .end = j->file_size,
                            .with_crc = true,
                            .batch = recover_batch,
                            .done = segment_recovered};
    scan_begin(&j->scan);
}

static void
tail_loaded(struct tail_load *t, enum env_err err)
{
    struct open_job *j = CONTAINER_OF(t, struct open_job, tail);
    struct segment *s = t->scan.segment;
    if (err) {
        open_failed(j, err, "reading", segment_path(s));
    } else if (t->scan.at != s->size) {
        j->clean = false; /* not as it was left */
        j->recovery_point = MIN(j->recovery_point, s->base_offset);
        recover_segment(j);
    } else {
        s->first_timestamp = s->index.times.n ? s->index.times.v[0].timestamp : s->max_timestamp;
        j->i++;
        open_next_segment(j);
    }
}

static void
found_end(struct end_look *e, enum env_err err)
{
    struct open_job *j = CONTAINER_OF(e, struct open_job, end);
    struct commitlog *log = j->job.log;
    struct segment *s = log->segments.v[j->i];
    if (err) {
        open_failed(j, err, "reading", segment_path(s));
        return;
    }
    if (e->end >= 0) s->end_offset = e->end;
    j->expected = e->end;
    j->i++;
    open_next_segment(j);
}

/* What was read through is synced before the next one is: so its file can be closed. A log has more
 * segments than a node may have open files. */
static bool
has_synced_one_before(struct open_job *j)
{
    struct segment *s = j->i > 0 ? j->job.log->segments.v[j->i - 1] : NULL;
    if (!s || !s->dirty || s->state != SEGMENT_IS_OPEN) return true;
    s->dirty = false;
    file_sync(&j->job.op, &s->file);
    return false;
}

void
open_next_segment(struct open_job *j)
{
    struct commitlog *log = j->job.log;
    if (j->i < log->segments.n && !has_synced_one_before(j)) return;
    for (; j->i < log->segments.n; j->i++) {
        while (j->expected > log->segments.v[j->i]->base_offset && j->i < log->segments.n - 1)
            drop_one(j);
        drop_emptied(j);
        if (!go_on_behind_gap(j)) break;
        struct segment *s = log->segments.v[j->i];
        if (needs_recovery(j)) {
            if (s->written < 0 && !segment_want_file(s, &j->job.wait)) return;
            recover_segment(j);
            return;
        }
        if (j->i == log->segments.n - 1) {
            if (!segment_want_times(s, &j->job.wait)) return;
            j->tail.done = tail_loaded;
            tail_load(log, &j->tail);
            return;
        }
        s->end_offset = log->segments.v[j->i + 1]->base_offset;
        if (log->config->compact) continue; /* there a gap tells nothing */
        j->end.done = found_end;
        segment_find_end(s, &j->end);
        return;
    }
    if (log->segments.n && log_active(log)->end_offset < j->start_offset) {
        j->i = 0; /* the log ended below where it should start */
        drop_rest(j);
    }
    look_for_front_hole(j);
    open_segments_done(j);
}
