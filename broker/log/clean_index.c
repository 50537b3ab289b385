/* The first pass of a cleaning: which is the last offset of each key in what is dirty. It ends when all of that is in
 * the map, or when the map is full; then the round goes up to there. */
#include "broker/log/clean.h"

/* False: the map is full. */
static bool
index_records(struct clean_job *j, enum batch_err *ret_err)
{
    const struct batch_walk *w = &j->walk;
    struct records rs;
    struct record rec;
    records_begin(&rs, &w->h, w->payload);
    while (records_next(&rs, &rec)) {
        if (!rec.key.p || rec.offset < j->asked.range.first_dirty) continue;
        if (!offset_map_put(&j->map, rec.key, rec.offset)) return false;
    }
    *ret_err = rs.err;
    return true;
}

/* The map is made: the second pass goes over the whole log. */
static bool
index_is_made(struct clean_job *j)
{
    struct commitlog *log = j->job.log;
    struct env *env = log->env;
    j->round_end = MIN(j->map.latest + 1, j->asked.range.first_uncleanable);
    if (j->round_end <= j->asked.range.first_dirty)
        return clean_is_broken(
            j, "log.cleaner.dedupe.buffer.size has no room for the keys of a batch");
    clean_walk_ends(j);
    clean_txns_release(&j->txns);
    clean_txns_init(&j->txns, &env->mem, env_map_key(env), &log->aborted);
    j->stage = CLEAN_GROUP;
    return true;
}

/* A gap at a segment's end is no reason to look there again. */
static bool
index_next_segment(struct clean_job *j)
{
    int64_t end = j->asked.range.first_uncleanable;
    int64_t next = clean_next_segment(j, j->segment_base, end);
    j->map.latest = MAX(j->map.latest, next - 1);
    if (next >= end) return index_is_made(j);
    clean_walk(j, next);
    return true;
}

static bool
index_batch(struct clean_job *j, enum env_err err)
{
    struct batch_walk *w = &j->walk;
    enum batch_err why = BATCH_OK;
    enum walk walk = walk_payload(w, &j->job, err);
    if (walk == WALK_WAITS) return false;
    if (walk == WALK_BROKEN) return clean_is_broken(j, w->why);
    j->part = PART_NEXT;
    if (batch_is_control(&w->h)) {
        (void)clean_txns_marker(&j->txns, &w->h, clean_control_type(w));
    } else if (!index_records(j, &why)) {
        MARK(j->job.log->env, CLEANER_MAP_FULL);
        return index_is_made(j);
    }
    if (why) return clean_is_broken(j, batch_err_text(why));
    j->map.latest = MAX(j->map.latest, batch_last_offset(&w->h));
    return !clean_rests(j);
}

bool
clean_index(struct clean_job *j, enum env_err err)
{
    struct batch_walk *w = &j->walk;
    if (j->part == PART_RECORDS) return index_batch(j, err);
    enum walk walk = walk_next(w, &j->job);
    switch (walk) {
    case WALK_WAITS: return false;
    case WALK_BROKEN: return clean_is_broken(j, w->why);
    case WALK_END: return index_next_segment(j);
    case WALK_BATCH: break;
    }
    if (batch_last_offset(&w->h) < j->asked.range.first_dirty) return !clean_rests(j);
    bool is_void = !batch_is_control(&w->h) && clean_txns_data(&j->txns, &w->h);
    if (!is_void) {
        j->part = PART_RECORDS;
        return index_batch(j, ENV_OK);
    }
    j->map.latest = MAX(j->map.latest, batch_last_offset(&w->h));
    return !clean_rests(j);
}
