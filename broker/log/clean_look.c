/* What there is to clean in a log (cleanable.h is the rule). Timestamps of closed segments may have to be read
 * from disk; only those of dirty segments are, and only if a lag is set that asks for them. */
#include "broker/log/internal.h"

struct look_job {
    struct log_job job;
    struct log_look *look; /* NULL: its owner has gone */
    int64_t next_base;     /* segments below have been looked at */
    struct segment *segment;
    bool has_scanned;
    struct scan scan;
};

static void
look_end(struct look_job *j, enum log_err err)
{
    struct log_look *l = j->look;
    if (j->segment) segment_unpin(j->segment);
    job_end(&j->job);
    l->err = err;
    l->done(l);
}

static bool
look_at_first_batch(struct scan *scan)
{
    if (scan->parsed == BATCH_OK) scan->segment->first_timestamp = scan->h.max_timestamp;
    return false;
}

static void
look_scanned(struct scan *scan, enum env_err err)
{
    struct look_job *j = CONTAINER_OF(scan, struct look_job, scan);
    j->job.has_waited = true;
    j->job.step(&j->job, err);
}

/* Whatever it could not find out stays unknown: it is asked again. */
static struct cleanable_segment
cleanable_segment_of(const struct segment *s)
{
    return (struct cleanable_segment){s->base_offset, s->size,
                                      s->max_timestamp >= 0 ? s->max_timestamp : s->modified_ms,
                                      s->first_timestamp};
}

static void
look_find(struct look_job *j)
{
    struct commitlog *log = j->job.log;
    struct cleanable_segment *v =
        ARENA_ARRAY(&log->env->scratch, struct cleanable_segment, log->segments.n);
    for (int64_t i = 0; i < log->segments.n; i++) v[i] = cleanable_segment_of(log->segments.v[i]);
    struct cleanable_facts f = {
        .segments = v,
        .segments_n = log->segments.n,
        .start_offset = log->start_offset,
        .end_offset = log->assigned_end,
        .cleaned_to = log->cleaned_to,
        .stable_offset = MIN(j->look->stable_offset, log->synced_end),
        .now_ms = env_wall_ms(log->env),
        .lag_min_ms = log->config->lag_min_ms,
        .lag_max_ms = log->config->lag_max_ms,
    };
    cleanable_find(&f, &j->look->found);
    j->look->found.cuts = log->cuts;
    look_end(j, LOG_OK);
}

static bool
needs_first_timestamp(const struct segment *s)
{
    return s->log->config->lag_max_ms < INT64_MAX && s->first_timestamp < 0 && s->size > 0;
}

/* False: waits. */
static bool
look_at_segment(struct look_job *j)
{
    struct segment *s = j->segment;
    const struct log_config *c = s->log->config;
    if (c->lag_min_ms > 0 && !segment_want_times(s, &j->job.wait)) return false;
    if (needs_first_timestamp(s) && !j->has_scanned) {
        j->has_scanned = true;
        j->scan = (struct scan){.log = s->log,
                                .segment = s,
                                .end = s->written,
                                .batch = look_at_first_batch,
                                .done = look_scanned};
        scan_begin(&j->scan);
        return false;
    }
    return true;
}

/* Closed ones that reach above what was cleaned. */
static bool
look_next_segment(struct look_job *j)
{
    struct commitlog *log = j->job.log;
    if (j->segment) segment_unpin(j->segment);
    j->segment = NULL;
    j->has_scanned = false;
    for (int64_t i = 0; i < log->segments.n - 1; i++) {
        struct segment *s = log->segments.v[i];
        if (s->base_offset < j->next_base) continue;
        if (log->segments.v[i + 1]->base_offset <= log->cleaned_to) continue;
        j->next_base = s->base_offset + 1;
        j->segment = s;
        segment_pin(s);
        return true;
    }
    return false;
}

static void
look_step(struct log_job *job, enum env_err err)
{
    struct look_job *j = CONTAINER_OF(job, struct look_job, job);
    struct commitlog *log = job->log;
    bool is_gone = j->segment && !j->segment->log;
    if (is_gone || log->state != COMMITLOG_OPEN) {
        look_end(j, LOG_E_BUSY);
        return;
    }
    if (err) {
        log_fail(log, err, "reading", log->dir);
        look_end(j, LOG_E_OFFLINE);
        return;
    }
    while (!j->segment || look_at_segment(j)) {
        if (look_next_segment(j)) continue;
        look_find(j);
        return;
    }
}

bool
commitlog_look_cleanable(struct commitlog *log, struct log_look *l)
{
    bool may_be = log->config->compact && !log->cleaning && !log->is_uncleanable;
    if (!may_be || log->state != COMMITLOG_OPEN) return false;
    if (log->segments.n < 2 || log->cleaned_to >= log_active(log)->base_offset) return false;
    struct look_job *j = JOB_NEW(log, look_job, look_step);
    j->look = l;
    job_soon(&j->job);
    return true;
}
