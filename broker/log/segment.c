/* A segment: one .log file with its indexes. Its file is opened when somebody needs it and may be closed
 * whenever nobody does; its memory goes when it has left the log, nobody holds on to it, and its file
 * is closed. */
#include "broker/base/fmt.h"
#include "broker/base/search.h"
#include "broker/log/file_replace.h"
#include "broker/log/internal.h"

struct slice
log_path(const struct commitlog *log, struct slice name)
{
    struct arena *a = &log->env->scratch;
    int64_t n = log->dir.n + 1 + name.n;
    struct writer w = writer_fixed(arena_alloc(a, n + 1), n);
    writer_bytes(&w, log->dir);
    fmt_char(&w, '/');
    writer_bytes(&w, name);
    return writer_slice(&w);
}

struct slice
log_file_path(const struct commitlog *log, int64_t base_offset, struct slice suffix)
{
    uint8_t room[64];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_padded(&w, base_offset, 20);
    writer_bytes(&w, suffix);
    CHECK(!w.err);
    return log_path(log, writer_slice(&w));
}

int64_t
log_segment_at(const struct commitlog *log, int64_t offset)
{
    LOWER_BOUND(at, log->segments.n, i, log->segments.v[i]->base_offset <= offset);
    return at - 1;
}

bool
log_has_segment(const struct commitlog *log, int64_t base_offset)
{
    int64_t i = log_segment_at(log, base_offset);
    return i >= 0 && log->segments.v[i]->base_offset == base_offset;
}

struct segment *
segment_new(struct commitlog *log, int64_t base_offset)
{
    struct segment *s = MEM_NEW(&log->env->mem, struct segment);
    s->env = log->env;
    s->log = log;
    s->open_files = log->open_files;
    s->base_offset = s->end_offset = base_offset;
    s->max_timestamp = s->max_timestamp_offset = s->first_timestamp = -1;
    s->created_ns = env_now_ns(log->env);
    s->modified_ms = env_wall_ms(log->env);
    int64_t jitter = MIN(log->config->segment_jitter_ms, log->config->segment_ms);
    if (jitter > 0) s->roll_jitter_ms = env_random_below(log->env, STREAM_JITTER, jitter);
    list_init(&s->file_waits);
    list_init(&s->index_waits);
    return s;
}

void
segment_found(struct commitlog *log, int64_t base_offset, int64_t size, int64_t modified_ms)
{
    struct segment *s = segment_new(log, base_offset);
    s->exists = s->sealed = true;
    s->size = s->written = size;
    s->modified_ms = modified_ms;
    VEC_PUSH(&log->env->mem, &log->segments, s);
}

/* ---- how long it lives ---- */

static void
segment_maybe_free(struct segment *s)
{
    if (s->log || s->pins) return;
    if (s->state == SEGMENT_IS_OPEN) segment_close_file(s);
    if (s->state != SEGMENT_CLOSED || s->index_state == INDEX_LOADING) return;
    struct mem *mem = &s->env->mem;
    segment_index_release(&s->index, mem);
    VEC_RELEASE(mem, &s->recent);
    MEM_DELETE(mem, s);
}

void
segment_drop(struct segment *s)
{
    s->log = NULL;
    segment_maybe_free(s);
}

void
segment_pin(struct segment *s)
{
    s->pins++;
}

void
segment_unpin(struct segment *s)
{
    CHECK(s->pins > 0);
    if (--s->pins) return;
    if (s->close_when_idle) segment_close_file(s);
    else if (s->open_files) open_files_eased(s->open_files);
    segment_maybe_free(s);
}

/* ---- its file ---- */

struct file_job {
    struct op op;
    struct segment *segment;
};

static void
waits_ready(struct list *waits, enum env_err err)
{
    struct list mine;
    list_init(&mine);
    for (struct list *n; (n = list_pop_front(waits));) list_push_back(&mine, n);
    for (struct list *n; (n = list_pop_front(&mine));) {
        struct segment_wait *w = LIST_ENTRY(n, struct segment_wait, node);
        w->ready(w, err);
    }
}

/* With ECANCELED it was cut off meanwhile, and there is nothing to wait for. */
static void
segment_stays_closed(struct segment *s, enum env_err err)
{
    s->state = SEGMENT_CLOSED;
    segment_pin(s);
    waits_ready(&s->file_waits, err);
    segment_unpin(s);
}

static void
segment_opened(struct op *op)
{
    struct file_job *job = CONTAINER_OF(op, struct file_job, op);
    struct segment *s = job->segment;
    enum env_err err = op->err;
    int64_t size = op->value;
    MEM_DELETE(&s->env->mem, job);
    if (err && !s->log) err = ENV_ECANCELED;
    if (err) {
        s->file.slot = NULL;
        if (s->open_files) open_files_leave(s->open_files);
        segment_stays_closed(s, err);
        return;
    }
    s->state = SEGMENT_IS_OPEN;
    if (!s->exists && s->log) log_names_changed(s->log), s->named = s->log->names_changed;
    s->exists = true;
    if (s->written < 0) s->written = s->size = size;
    segment_pin(s);
    if (s->open_files) open_files_add(s->open_files, s);
    /* One that has left the log meanwhile may have got the file of whoever has its name now. */
    if (!s->log) s->close_when_idle = true;
    waits_ready(&s->file_waits, s->log ? ENV_OK : ENV_ECANCELED);
    segment_unpin(s);
}

struct slice
segment_path(const struct segment *s)
{
    return log_file_path(s->log, s->base_offset, s->is_swap ? S(".log.swap") : S(".log"));
}

void
segment_open_now(struct segment *s)
{
    if (!s->log) {
        if (s->open_files) open_files_leave(s->open_files);
        segment_stays_closed(s, ENV_ECANCELED);
        return;
    }
    struct file_job *job = MEM_NEW(&s->env->mem, struct file_job);
    job->segment = s;
    job->op.done = segment_opened;
    memset(&s->file, 0, sizeof s->file);
    file_open(s->env, &job->op, &s->file, segment_path(s),
              OPEN_READ | OPEN_WRITE | (s->exists ? 0 : OPEN_CREATE));
}

static void
segment_open_file(struct segment *s)
{
    s->state = SEGMENT_OPENING;
    s->close_when_idle = false;
    if (!s->open_files || open_files_enter(s->open_files, s)) segment_open_now(s);
}

void
segment_was_named(struct segment *s)
{
    CHECK(s->state == SEGMENT_CLOSING);
    s->state = SEGMENT_CLOSED;
    if (!list_is_empty(&s->file_waits)) segment_open_file(s);
}

bool
segment_want_file(struct segment *s, struct segment_wait *w)
{
    if (s->state == SEGMENT_IS_OPEN) {
        s->close_when_idle = false;
        if (s->open_files) open_files_touch(s->open_files, s);
        return true;
    }
    list_push_back(&s->file_waits, &w->node);
    if (s->state == SEGMENT_CLOSED) segment_open_file(s);
    return false;
}

static void
segment_closed(struct op *op)
{
    struct file_job *job = CONTAINER_OF(op, struct file_job, op);
    struct segment *s = job->segment;
    MEM_DELETE(&s->env->mem, job);
    s->state = SEGMENT_CLOSED;
    if (s->open_files) open_files_closed(s->open_files);
    if (!list_is_empty(&s->file_waits) && s->log) segment_open_file(s);
    else segment_stays_closed(s, ENV_ECANCELED);
}

void
segment_close_file(struct segment *s)
{
    if (s->state != SEGMENT_IS_OPEN) return;
    if (s->pins) {
        s->close_when_idle = true;
        return;
    }
    struct file_job *job = MEM_NEW(&s->env->mem, struct file_job);
    job->segment = s;
    job->op.done = segment_closed;
    s->state = SEGMENT_CLOSING;
    s->close_when_idle = false;
    if (s->open_files) open_files_closing(s->open_files, s);
    file_close(&job->op, &s->file);
}

/* ---- what is appended ---- */

#define RECENT_MAX 512

static void
remember_batch_place(struct segment *s, const struct batch_header *h)
{
    if (s->recent.n == RECENT_MAX) {
        memmove(s->recent.v, s->recent.v + RECENT_MAX / 2, RECENT_MAX / 2 * sizeof *s->recent.v);
        s->recent.n -= RECENT_MAX / 2;
    }
    struct batch_place p = {h->base_offset, h->last_offset_delta, (int32_t)s->size};
    VEC_PUSH(&s->env->mem, &s->recent, p);
}

void
index_build(struct segment *s, const struct batch_header *h, int64_t position)
{
    struct mem *mem = &s->env->mem;
    int64_t last = batch_last_offset(h);
    if (h->max_timestamp > s->max_timestamp) {
        s->max_timestamp = h->max_timestamp;
        s->max_timestamp_offset = last;
    }
    if (s->bytes_since_entry > s->log->config->index_interval_bytes) {
        index_add_offset(&s->index, mem, segment_relative(s, last), (int32_t)position);
        index_add_time(&s->index, mem, s->max_timestamp,
                       segment_relative(s, s->max_timestamp_offset));
        s->bytes_since_entry = 0;
    }
    s->bytes_since_entry += batch_size_bytes(h);
}

void
segment_place(struct segment *s, const struct batch_header *h, bool recent)
{
    CHECK(h->base_offset >= s->end_offset);
    if (s->size == 0) s->first_timestamp = h->max_timestamp;
    index_build(s, h, s->size);
    s->index_dirty = true;
    if (recent) remember_batch_place(s, h);
    s->size += batch_size_bytes(h);
    s->end_offset = batch_next_offset(h);
}

void
segment_seal(struct segment *s)
{
    s->sealed = true;
    s->has_no_timestamps = s->max_timestamp < 0;
    if (s->size)
        index_add_time(&s->index, &s->env->mem, s->max_timestamp,
                       segment_relative(s, s->max_timestamp_offset));
}
