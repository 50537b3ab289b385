/* A cleaned segment takes the place of those that it was made of. What a crash leaves at each moment:
 *
 *     .cleaned files, some of them .swap       the old segments hold: what is not complete is removed
 *     .log.swap, durable                       the new one holds: it is put in place at the next start, and the
 *                                              old ones that lie within it are removed
 *     .log                                     done
 *
 * So that the last is true, the others are gone, durably, before the .swap loses its name, here and in the next start
 * (found_swaps.h): two segments with the same offsets in them would be a log that goes back.
 * In memory the new one is in its place before any file is: who still reads an old one keeps the file that he has; who
 * comes then waits for the new one's name. */
#include "broker/log/clean.h"

static const char *const suffixes[] = {".index", ".timeindex", ".txnindex", ".log"};
enum { SWAP_TXNINDEX = 2, SWAP_LOG_FILE = 3 };

static struct slice
swap_path(const struct clean_job *j, int32_t which, const char *state)
{
    uint8_t room[32];
    struct writer w = writer_fixed(room, sizeof room);
    writer_bytes(&w, slice_cstr(suffixes[which]));
    writer_bytes(&w, slice_cstr(state));
    CHECK(!w.err);
    return log_file_path(j->job.log, j->group_base, writer_slice(&w));
}

/* The log is last: it says that the rest is there. */
static bool
swap_name(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    if (j->swap_at == SWAP_TXNINDEX && j->kept.v.n == 0) j->swap_at++;
    if (j->swap_at > SWAP_LOG_FILE) {
        j->swap = SWAP_NAMED;
        log_names_changed(log);
        j->names = log->names_changed;
        dir_sync(log->env, &j->job.op, log->dir);
        return false;
    }
    int32_t which = j->swap_at++;
    path_rename(log->env, &j->job.op, swap_path(j, which, ".cleaned"),
                swap_path(j, which, ".swap"));
    return false;
}

/* Of the aborted transactions with markers in the group, only those that the new segment knows of. */
static void
swap_aborted(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    struct txn_index old = log->aborted;
    struct mem *mem = &log->env->mem;
    log->aborted = (struct txn_index){0};
    int64_t i = 0;
    for (; i < old.v.n && old.v.v[i].last_offset < j->group_base; i++)
        txn_index_add(&log->aborted, mem, &old.v.v[i]);
    for (int64_t k = 0; k < j->kept.v.n; k++) txn_index_add(&log->aborted, mem, &j->kept.v.v[k]);
    for (; i < old.v.n; i++)
        if (old.v.v[i].last_offset >= j->group_end) txn_index_add(&log->aborted, mem, &old.v.v[i]);
    VEC_RELEASE(mem, &old.v);
}

static void
forget_snapshot(struct commitlog *log, int64_t offset)
{
    for (int64_t i = 0; i < log->snapshots.n; i++)
        if (log->snapshots.v[i] == offset) {
            VEC_REMOVE_AT(&log->snapshots, i);
            return;
        }
}

/* An index that is being written goes to the name that the new one will have. */
static bool
some_index_is_saving(const struct clean_job *j)
{
    const struct commitlog *log = j->job.log;
    for (int64_t i = log_segment_at(log, j->group_base); i < log->segments.n; i++) {
        if (log->segments.v[i]->base_offset >= j->group_end) break;
        if (log->segments.v[i]->index_is_saving) return true;
    }
    return false;
}

static void
put_in_place(struct clean_job *j, struct retire_job *retire)
{
    struct commitlog *log = j->job.log;
    struct segment *made = j->made;
    int64_t at = log_segment_at(log, j->group_base);
    CHECK(log->segments.v[at]->base_offset == j->group_base);
    while (log->segments.v[at]->base_offset < j->group_end) {
        struct segment *s = log->segments.v[at];
        made->modified_ms = s->modified_ms;
        if (s->base_offset != j->group_base) {
            retire_add(retire, s->base_offset);
            forget_snapshot(log, s->base_offset);
        }
        VEC_REMOVE_AT(&log->segments, at);
        s->is_replaced = true;
        segment_drop(s);
    }
    VEC_PUSH(&log->env->mem, &log->segments, made);
    for (int64_t i = log->segments.n - 1; i > at; i--) log->segments.v[i] = log->segments.v[i - 1];
    log->segments.v[at] = made;
    made->exists = true;
    made->named = log->names_changed;
    made->index_dirty = made->dirty = false;
    made->state = SEGMENT_CLOSING; /* until it has its name */
    j->unnamed = made;
    j->made = NULL;
}

static bool
swap_in(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    if (some_index_is_saving(j)) {
        log->cleaning_waits = true;
        return false;
    }
    j->has_files = false;
    struct retire_job *retire = retire_new(log, &j->job);
    put_in_place(j, retire);
    swap_aborted(j);
    j->kept.v.n = 0;
    j->swap = SWAP_RETIRE;
    retire_begin(retire);
    return false;
}

static bool
swap_index(struct clean_job *j, bool has_txns)
{
    struct commitlog *log = j->job.log;
    if (j->swap_at == SWAP_LOG_FILE) {
        j->swap = SWAP_INDEXED;
        log_names_changed(log);
        j->names = log->names_changed;
        dir_sync(log->env, &j->job.op, log->dir);
        return false;
    }
    int32_t which = j->swap_at++;
    if (which == SWAP_TXNINDEX && !has_txns)
        path_unlink(log->env, &j->job.op, swap_path(j, which, ""));
    else path_rename(log->env, &j->job.op, swap_path(j, which, ".swap"), swap_path(j, which, ""));
    return false;
}

static bool
has_aborted(const struct clean_job *j)
{
    const struct txn_index *x = &j->job.log->aborted;
    for (int64_t i = 0; i < x->v.n; i++)
        if (x->v.v[i].last_offset >= j->group_base && x->v.v[i].last_offset < j->group_end)
            return true;
    return false;
}

static bool
swap_is_over(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    log_names_synced(log, j->names);
    segment_was_named(j->unnamed);
    j->unnamed = NULL;
    j->stage = CLEAN_GROUP;
    return true;
}

bool
clean_swap(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    switch (j->swap) {
    case SWAP_NAME: return swap_name(j);
    case SWAP_NAMED:
        log_names_synced(log, j->names);
        j->swap = SWAP_IN;
        return true;
    case SWAP_IN: return swap_in(j);
    case SWAP_RETIRE:
        j->swap = SWAP_INDEXES;
        j->swap_at = 0;
        return true;
    case SWAP_INDEXES: return swap_index(j, has_aborted(j));
    case SWAP_INDEXED:
        log_names_synced(log, j->names);
        j->swap = SWAP_LOG;
        path_rename(log->env, &j->job.op, swap_path(j, SWAP_LOG_FILE, ".swap"),
                    swap_path(j, SWAP_LOG_FILE, ""));
        return false;
    case SWAP_LOG:
        j->swap = SWAP_END;
        log_names_changed(log);
        j->names = log->names_changed;
        dir_sync(log->env, &j->job.op, log->dir);
        return false;
    case SWAP_END: return swap_is_over(j);
    }
    UNREACHABLE();
}
