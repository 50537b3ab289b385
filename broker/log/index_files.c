/* The files of a segment's indexes: written at roll and close, read when somebody looks something up in
 * a closed segment. */
#include "broker/log/file_replace.h"
#include "broker/log/internal.h"

/* ---- writing ---- */

enum { SAVE_OPEN, SAVE_WRITE, SAVE_SYNC, SAVE_CLOSE, SAVE_RENAME, SAVE_STEPS };

enum { SAVE_TXNS = 2 }; /* the last of the three files */

static void
save_end(struct index_save *x)
{
    buf_unref(x->buf);
    x->buf = NULL;
    x->segment->index_is_saving = false;
    segment_unpin(x->segment);
    x->done(x, x->err);
}

static struct slice
print_index(const struct index_save *x, int32_t which, struct writer *w)
{
    const struct segment *s = x->segment;
    if (which == 0) {
        index_print_offsets(&s->index, w);
        return S(".index");
    }
    if (which == 1) {
        index_print_times(&s->index, w);
        if (s->sealed && s->has_no_timestamps && s->size > 0 && s->index.times.n == 0)
            index_print_no_times(w, segment_relative(s, s->end_offset - 1));
        return S(".timeindex");
    }
    txn_index_print(x->aborted ? x->aborted : &s->log->aborted, s->base_offset, s->end_offset, w);
    return S(".txnindex");
}

/* An offset or a time that is missing is looked up in the batches. Not so an aborted transaction: below the recovery point a
 * list that lacks one gives its records away. So the list is replaced as a whole: who is killed meanwhile has the old one. */
static bool
is_replaced_as_a_whole(const struct index_save *x)
{
    return x->at / SAVE_STEPS == SAVE_TXNS && x->suffix.n == 0;
}

/* False: not needed. */
static bool
save_open(struct index_save *x)
{
    struct segment *s = x->segment;
    struct writer w = writer_mem(&s->env->mem);
    int32_t which = x->at / SAVE_STEPS;
    uint8_t room[32];
    struct writer suffix = writer_fixed(room, sizeof room);
    writer_bytes(&suffix, print_index(x, which, &w));
    writer_bytes(&suffix, is_replaced_as_a_whole(x) ? S(".tmp") : x->suffix);
    bool wanted = which < 2 || w.n > 0;
    if (wanted) {
        buf_unref(x->buf);
        x->buf = buf_copy(&s->env->mem, writer_slice(&w));
        memset(&x->file, 0, sizeof x->file);
        file_open(s->env, &x->op, &x->file,
                  log_file_path(s->log, s->base_offset, writer_slice(&suffix)),
                  OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE | OPEN_BRIEF);
    }
    writer_release(&w);
    return wanted;
}

/* Whatever is left of a file that is cut off here is removed when the log is opened next. */
static void
save_rename(struct index_save *x)
{
    struct segment *s = x->segment;
    path_rename(s->env, &x->op, log_file_path(s->log, s->base_offset, S(".txnindex.tmp")),
                log_file_path(s->log, s->base_offset, S(".txnindex")));
}

/* These steps for each of the three files. */
static void
save_next(struct index_save *x)
{
    int32_t step = x->at % SAVE_STEPS;
    if (x->at == (SAVE_TXNS + 1) * SAVE_STEPS) {
        save_end(x);
    } else if (step == SAVE_OPEN) {
        if (!save_open(x)) save_end(x);
    } else if (step == SAVE_WRITE) {
        struct seg seg = {.buf = x->buf, .bytes = buf_slice(x->buf)};
        file_write(&x->op, &x->file, 0, &seg, 1);
    } else if (step == SAVE_SYNC) {
        file_sync(&x->op, &x->file);
    } else if (step == SAVE_CLOSE) {
        file_close(&x->op, &x->file);
    } else {
        save_rename(x);
    }
}

static void
save_op_done(struct op *op)
{
    struct index_save *x = CONTAINER_OF(op, struct index_save, op);
    if (op->err && !x->err) x->err = op->err;
    x->at++;
    if (x->at % SAVE_STEPS == SAVE_WRITE && x->buf->n == 0) x->at++;
    if (x->at % SAVE_STEPS == SAVE_RENAME && !is_replaced_as_a_whole(x)) x->at++;
    bool is_over = x->err || !x->segment->log; /* retention may take the segment meanwhile */
    if (is_over && x->file.is_open) file_close(&x->op, &x->file);
    else if (is_over) save_end(x);
    else save_next(x);
}

void
index_save(struct segment *s, struct index_save *x)
{
    CHECK(s->index_state == INDEX_IN_MEMORY);
    x->segment = s;
    s->index_is_saving = true;
    x->err = ENV_OK;
    x->at = 0;
    x->op.done = save_op_done;
    segment_pin(s);
    save_next(x);
}

/* ---- reading ---- */

#define INDEX_MAX_BYTES (64 << 20)

struct index_load {
    struct segment *segment;
    struct file_slurp offsets, times;
    struct scan scan;
    bool is_for_times; /* offsets are good */
};

static void
index_load_end(struct index_load *l, enum env_err err)
{
    struct segment *s = l->segment;
    struct list waits;
    list_init(&waits);
    s->index_state = err ? INDEX_ON_DISK : INDEX_IN_MEMORY;
    for (struct list *n; (n = list_pop_front(&s->index_waits));) list_push_back(&waits, n);
    buf_unref(l->offsets.buf);
    buf_unref(l->times.buf);
    MEM_DELETE(&s->env->mem, l);
    for (struct list *n; (n = list_pop_front(&waits));) {
        struct segment_wait *w = LIST_ENTRY(n, struct segment_wait, node);
        w->ready(w, err);
    }
    segment_unpin(s);
}

static bool
rebuild_batch(struct scan *scan)
{
    if (scan->parsed != BATCH_OK || batch_size_bytes(&scan->h) > scan->end - scan->at) return false;
    if (scan->segment->log) index_build(scan->segment, &scan->h, scan->at);
    return true;
}

/* Only now is there something to save: a sync that comes while an index is being made anew passes it by. */
static void
rebuild_done(struct scan *scan, enum env_err err)
{
    struct index_load *l = CONTAINER_OF(scan, struct index_load, scan);
    struct segment *s = l->segment;
    struct commitlog *log = s->log;
    bool is_for_times = l->is_for_times;
    if (!err && log) {
        s->times = TIMES_KNOWN;
        if (s->sealed) segment_seal(s);
        s->index_dirty = true;
    }
    index_load_end(l, err);
    /* Written at once: who looks next need not look at each batch. */
    if (!err && log && is_for_times && log->state == COMMITLOG_OPEN) commitlog_sync(log, NULL);
}

static void
index_rebuild(struct index_load *l)
{
    struct segment *s = l->segment;
    MARK(s->env, INDEX_REBUILT);
    s->index.offsets.n = s->index.times.n = 0;
    s->bytes_since_entry = 0;
    s->max_timestamp = s->max_timestamp_offset = -1;
    l->scan = (struct scan){.log = s->log,
                            .segment = s,
                            .end = s->written,
                            .batch = rebuild_batch,
                            .done = rebuild_done};
    scan_begin(&l->scan);
}

/* A sealed segment's greatest timestamp is its last entry. None means that no record has one, if that is known
 * from a look at them; else the file may have lost them, and lookups would pass the segment by. */
static void
take_times(struct segment *s)
{
    s->has_no_timestamps |= s->index.has_no_times && s->index.times.n == 0;
    bool may_be_empty = s->written == 0 || s->has_no_timestamps;
    s->times = s->index.times.n || may_be_empty ? TIMES_KNOWN : TIMES_UNKNOWN;
    s->max_timestamp = s->max_timestamp_offset = -1;
    if (s->index.times.n == 0) return;
    struct time_entry e = s->index.times.v[s->index.times.n - 1];
    s->max_timestamp = e.timestamp;
    s->max_timestamp_offset = s->base_offset + e.offset;
}

static void
times_read(struct file_slurp *f)
{
    struct index_load *l = CONTAINER_OF(f, struct index_load, times);
    struct segment *s = l->segment;
    bool both = !l->offsets.err && !l->times.err;
    if (!s->log) {
        index_load_end(l, ENV_ECANCELED);
    } else if (both && index_parse(&s->index, &s->env->mem, buf_slice(l->offsets.buf),
                                   buf_slice(l->times.buf), s->written)) {
        take_times(s);
        index_load_end(l, ENV_OK);
    } else {
        index_rebuild(l);
    }
}

static void
offsets_read(struct file_slurp *f)
{
    struct index_load *l = CONTAINER_OF(f, struct index_load, offsets);
    struct segment *s = l->segment;
    if (!s->log) {
        index_load_end(l, ENV_ECANCELED);
        return;
    }
    l->times.done = times_read;
    file_slurp(s->env, &l->times, log_file_path(s->log, s->base_offset, S(".timeindex")),
               INDEX_MAX_BYTES);
}

static struct index_load *
load_new(struct segment *s)
{
    s->index_state = INDEX_LOADING;
    struct index_load *l = MEM_NEW(&s->env->mem, struct index_load);
    l->segment = s;
    segment_pin(s);
    return l;
}

bool
segment_want_times(struct segment *s, struct segment_wait *w)
{
    if (!segment_want_index(s, w)) return false;
    if (s->times == TIMES_KNOWN) return true;
    list_push_back(&s->index_waits, &w->node);
    struct index_load *l = load_new(s);
    l->is_for_times = true;
    index_rebuild(l);
    return false;
}

bool
segment_want_index(struct segment *s, struct segment_wait *w)
{
    if (s->index_state == INDEX_IN_MEMORY) return true;
    list_push_back(&s->index_waits, &w->node);
    if (s->index_state == INDEX_LOADING) return false;
    struct index_load *l = load_new(s);
    l->offsets.done = offsets_read;
    file_slurp(s->env, &l->offsets, log_file_path(s->log, s->base_offset, S(".index")),
               INDEX_MAX_BYTES);
    return false;
}

void
segment_drop_index(struct segment *s)
{
    if (s->index_state != INDEX_IN_MEMORY || s->index_dirty || !s->sealed || s->pins) return;
    segment_index_release(&s->index, &s->env->mem);
    s->index_state = INDEX_ON_DISK;
}
