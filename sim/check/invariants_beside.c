/* What stands beside a log and follows from its batches: indexes, lists of aborted transactions, snapshots of producers. Nobody reads
 * the batches again where these files speak: a wrong one hides records, gives away those of an aborted transaction, or takes for new
 * what a producer sends again, and long after the mistake. So each is compared with the log as it comes to the disk. */
#include "broker/record/batch.h"
#include "sim/check/invariants_own.h"

#include "sim/world/fault.h"

#define DIGITS 20 /* of a file's name */
#define FILE_MAX_BYTES (16 << 20)

/* "…/orders-0/00000000000000004711.timeindex.cleaned" */
struct beside {
    struct slice path, dir, subject, kind; /* kind: ".timeindex" */
    struct slice state;                    /* ".cleaned"; empty */
    int64_t base;
};

static bool
parse_path(struct slice path, struct beside *ret)
{
    int64_t slash = path.n - 1;
    while (slash > 0 && path.p[slash] != '/') slash--;
    int64_t from = slash, dot = slash + 1 + DIGITS;
    if (slash <= 0 || dot >= path.n || path.p[dot] != '.') return false;
    while (from > 0 && path.p[from - 1] != '/') from--;
    int64_t end = dot + 1;
    while (end < path.n && path.p[end] != '.') end++;
    *ret = (struct beside){.path = path,
                           .dir = slice_sub(path, 0, slash),
                           .subject = slice_sub(path, from, slash - from),
                           .kind = slice_sub(path, dot, end - dot),
                           .state = slice_sub(path, end, path.n - end)};
    return slice_to_i64(slice_sub(path, slash + 1, DIGITS), &ret->base);
}

/* The whole file, for mem_free_slice(); null: there is none, or it is too large to look. */
static struct slice
read_file(struct invariants *v, int32_t node, struct slice path)
{
    struct machine *m = world_machine_at(v->world, node);
    int64_t n = disk_peek_size(m, path, IMAGE_CACHED);
    if (n <= 0 || n > FILE_MAX_BYTES) return SLICE_NULL;
    uint8_t *all = mem_alloc(v->mem, n + 1);
    int64_t got = disk_peek(m, path, IMAGE_CACHED, 0, all, n);
    if (got == n) return slice(all, n);
    mem_free(v->mem, all, n + 1);
    return SLICE_NULL;
}

static struct node_log *
log_of(struct invariants *v, int32_t node, const struct beside *x)
{
    struct model_node *n = model_node(&v->model, node);
    if (!v->world || !n || n->is_spoilt) return NULL;
    struct node_log *l = model_bound(&v->model, node, x->subject);
    return l && !l->hurt && !l->key->is_retired ? l : NULL;
}

/* ---- indexes ------------------------------------------------------------------------------------- */

/* The batches of one file, from its first on. */
struct walk {
    struct machine *m;
    struct writer path;
    int64_t at;
    struct batch_header h; /* the batch before `at` */
};

static struct walk
walk_begin(struct invariants *v, int32_t node, const struct beside *x)
{
    struct walk w = {.m = world_machine_at(v->world, node), .path = writer_mem(v->mem)};
    writer_bytes(&w.path, slice_sub(x->path, 0, x->dir.n + 1 + DIGITS));
    writer_bytes(&w.path, S(".log"));
    writer_bytes(&w.path, x->state);
    return w;
}

static bool
walk_next(struct walk *w)
{
    uint8_t head[BATCH_HEADER_BYTES];
    struct batch_header h;
    struct slice path = writer_slice(&w->path);
    if (disk_peek(w->m, path, IMAGE_CACHED, w->at, head, sizeof head) != sizeof head ||
        batch_parse(slice(head, sizeof head), &h) != BATCH_OK)
        return false;
    w->h = h;
    w->at += batch_size_bytes(&h);
    return true;
}

/* Each entry names a batch: its last offset, and where in the file it begins. */
static void
check_offsets(struct invariants *v, const struct beside *x, const struct node_log *l,
              struct walk *w, struct slice text)
{
    struct reader r = reader(text);
    bool has_batch = walk_next(w);
    for (int32_t offset, position; reader_left(&r) >= 8;) {
        offset = reader_i32(&r), position = reader_i32(&r);
        while (has_batch && w->at - batch_size_bytes(&w->h) < position) has_batch = walk_next(w);
        int64_t begins = has_batch ? w->at - batch_size_bytes(&w->h) : -1;
        if (begins == position && batch_last_offset(&w->h) == x->base + offset) continue;
        breach(v, RULE_BESIDE_LOG, l->key, x->base + offset,
               "has an index that says offset # is the last of the batch at byte #, and it is not",
               x->base + offset, position);
        return;
    }
}

/* Each entry is a batch later than all before it, and the last of them is the latest of all: a search by time looks no further. */
static void
check_times(struct invariants *v, const struct beside *x, const struct node_log *l, struct walk *w,
            struct slice text)
{
    struct reader r = reader(text);
    int64_t latest = -1, latest_at = -1, said = -1;
    bool has_batch = true;
    while (reader_left(&r) >= 12) {
        int64_t timestamp = reader_i64(&r), offset = x->base + reader_i32(&r);
        if (timestamp < 0) continue; /* no batch has a timestamp */
        while (has_batch && latest_at < offset && (has_batch = walk_next(w)))
            if (w->h.max_timestamp > latest)
                latest = w->h.max_timestamp, latest_at = batch_last_offset(&w->h);
        said = timestamp;
        if (latest_at == offset && latest == timestamp) continue;
        breach(v, RULE_BESIDE_LOG, l->key, offset,
               "has a time index that says # is the latest time up to offset #, and it is not",
               timestamp, offset);
        return;
    }
    while (walk_next(w)) latest = MAX(latest, w->h.max_timestamp);
    if (said != latest)
        breach(v, RULE_BESIDE_LOG, l->key, x->base,
               "has a time index that ends with time #; the latest of its batches is #", said,
               latest);
}

static void
check_index(struct invariants *v, int32_t node, const struct beside *x, const struct node_log *l)
{
    struct slice text = read_file(v, node, x->path);
    struct walk w = walk_begin(v, node, x);
    /* The name of the segment may be gone by now: it is being deleted. */
    bool is_there = disk_peek_size(w.m, writer_slice(&w.path), IMAGE_CACHED) >= 0;
    if (is_there && slice_eq(x->kind, S(".index"))) check_offsets(v, x, l, &w, text);
    else if (is_there) check_times(v, x, l, &w, text);
    writer_release(&w.path);
    mem_free_slice(v->mem, text);
}

/* Synced: it is written by then. */
void
beside_synced(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct beside x;
    if (!parse_path(path, &x)) return;
    if (!slice_eq(x.kind, S(".index")) && !slice_eq(x.kind, S(".timeindex"))) return;
    struct node_log *l = log_of(v, node, &x);
    v->at_ns = at_ns;
    v->node = node;
    if (l) check_index(v, node, &x, l);
}

/* ---- producers ----------------------------------------------------------------------------------- */

#define WINDOW 5 /* so many batches of each a broker knows again (KIP-98) */

struct sent {
    int64_t last;
    int32_t delta, sequence; /* of its last record */
};

/* A producer, as the batches of a log leave it. */
struct folded {
    int64_t id, timestamp, open_from;
    int16_t epoch;
    int32_t coordinator_epoch; /* -1: it has no marker */
    int32_t n;
    struct sent sent[WINDOW]; /* of its epoch, the last one last */
};

/* As a list of aborted transactions has it. */
struct aborted {
    int64_t producer, first, marker, stable;
};

struct fold {
    struct mem *mem;
    int64_t start; /* of what is known of the log: what came before is not seen */
    VEC(struct folded) producers;
    VEC(struct aborted) aborted;
};

static struct folded *
folded(const struct fold *f, int64_t id)
{
    for (int64_t i = 0; i < f->producers.n; i++)
        if (f->producers.v[i].id == id) return &f->producers.v[i];
    return NULL;
}

static void
fold_marker(struct fold *f, struct folded *p, const struct batch *b)
{
    int64_t first = p->open_from, stable = b->base + 1;
    p->coordinator_epoch = b->coordinator_epoch;
    p->open_from = -1;
    if (first < 0 || b->is_commit) return;
    for (int64_t i = 0; i < f->producers.n; i++)
        if (f->producers.v[i].open_from >= 0) stable = MIN(stable, f->producers.v[i].open_from);
    struct aborted one = {p->id, first, b->base, stable};
    VEC_PUSH(f->mem, &f->aborted, one);
}

static void
fold_data(struct folded *p, const struct batch *b)
{
    int32_t delta = (int32_t)(b->last - b->base);
    if (b->is_transactional && p->open_from < 0) p->open_from = b->base;
    if (b->sequence < 0) return;
    if (p->n == WINDOW) memmove(p->sent, p->sent + 1, sizeof p->sent - sizeof *p->sent), p->n--;
    p->sent[p->n++] =
        (struct sent){b->last, delta, (int32_t)(((int64_t)b->sequence + delta) & INT32_MAX)};
}

static void
fold_in(struct fold *f, const struct batch *b)
{
    struct folded *p = folded(f, b->producer);
    if (b->producer < 0) return;
    if (!p) {
        struct folded new = {.id = b->producer, .epoch = -1, .open_from = -1};
        new.coordinator_epoch = -1;
        VEC_PUSH(f->mem, &f->producers, new);
        p = &f->producers.v[f->producers.n - 1];
    }
    if (p->epoch != b->producer_epoch) p->n = 0;
    p->epoch = b->producer_epoch;
    p->timestamp = b->max_timestamp;
    if (b->is_control) fold_marker(f, p, b);
    else fold_data(p, b);
}

/* False: it is not known what lies there. */
static bool
fold_to(struct fold *f, struct invariants *v, int32_t node, struct node_log *l, int64_t end)
{
    f->mem = v->mem;
    f->start = l->v.n ? l->v.v[0]->base : end;
    if (end > log_end(l) || !truth_looks(v, node, l, end)) return false;
    for (int64_t i = 0; i < l->v.n && l->v.v[i]->base < end; i++) {
        if (!l->v.v[i]->is_looked_at) return false;
        fold_in(f, l->v.v[i]);
    }
    return true;
}

static void
fold_release(struct fold *f)
{
    VEC_RELEASE(f->mem, &f->producers);
    VEC_RELEASE(f->mem, &f->aborted);
}

/* An entry of a snapshot; its batches come in two places. */
struct entry {
    struct folded p;
    bool is_met; /* the log has this producer */
};

struct snapshot {
    struct mem *mem;
    VEC(struct entry) v;
};

static struct entry *
entry_of(const struct snapshot *s, int64_t id)
{
    for (int64_t i = 0; i < s->v.n; i++)
        if (s->v.v[i].p.id == id) return &s->v.v[i];
    return NULL;
}

static void
parse_entry(struct snapshot *s, struct reader *r)
{
    struct entry e = {.p = {.id = reader_i64(r)}};
    struct sent b = {0};
    e.p.epoch = reader_i16(r);
    b.sequence = reader_i32(r);
    b.last = reader_i64(r);
    b.delta = reader_i32(r);
    e.p.timestamp = reader_i64(r);
    e.p.coordinator_epoch = reader_i32(r);
    e.p.open_from = reader_i64(r);
    if (b.sequence >= 0) e.p.sent[e.p.n++] = b;
    if (!r->err) VEC_PUSH(s->mem, &s->v, e);
}

/* Those before its last one. */
static bool
read_earlier(const struct snapshot *s, struct reader *r)
{
    struct entry *e = entry_of(s, reader_i64(r));
    int32_t n = reader_i32(r);
    if (!e || e->p.n != 1 || n < 1 || n >= WINDOW) return false;
    e->p.sent[n] = e->p.sent[0];
    e->p.n = n + 1;
    for (int32_t i = 0; i < n; i++) {
        struct sent *b = &e->p.sent[i];
        b->sequence = reader_i32(r);
        b->last = reader_i64(r);
        b->delta = reader_i32(r);
        (void)reader_i64(r); /* when; of the last one only the producer's time is kept */
    }
    return !r->err;
}

static bool
parse_snapshot(struct snapshot *s, struct slice text)
{
    enum { VERSION_AND_CHECKSUM = 6 };
    struct reader r = reader(text);
    reader_skip(&r, VERSION_AND_CHECKSUM);
    int32_t n = reader_i32(&r);
    for (int32_t i = 0; i < n && !r.err; i++) parse_entry(s, &r);
    int32_t with = !r.err && reader_left(&r) ? reader_i32(&r) : 0;
    for (int32_t i = 0; i < with; i++)
        if (!read_earlier(s, &r)) return false;
    return !r.err && reader_left(&r) == 0;
}

static bool
is_same_batch(const struct sent *a, const struct sent *b)
{
    return a->last == b->last && a->delta == b->delta && a->sequence == b->sequence;
}

/* What the producer sent before the log's start of now may be in the snapshot alone. */
static bool
has_same_batches(const struct fold *f, const struct folded *is, const struct folded *said)
{
    if (said->n < is->n || (f->start == 0 && said->n > is->n)) return false;
    for (int32_t i = 1; i <= is->n; i++)
        if (!is_same_batch(&is->sent[is->n - i], &said->sent[said->n - i])) return false;
    return true;
}

/* NULL: nothing. '#' is the producer, and then where the log was at that time. */
static const char *
what_differs(const struct fold *f, const struct folded *is, const struct folded *said,
             bool may_expire)
{
    bool is_open_since_before = said->open_from >= 0 && said->open_from < f->start;
    if (said->epoch != is->epoch)
        return "wrote a snapshot with another epoch of producer # than its log has below #";
    if (said->open_from != is->open_from && !is_open_since_before)
        return "wrote a snapshot with another open transaction of producer # than its log has "
               "below #";
    if (may_expire) return NULL; /* it may have been forgotten meanwhile */
    if (said->timestamp != is->timestamp)
        return "wrote a snapshot with another time of producer # than its log has below #";
    if (is->coordinator_epoch >= 0 && said->coordinator_epoch != is->coordinator_epoch)
        return "wrote a snapshot with another coordinator of producer # than its log has below #";
    if (!has_same_batches(f, is, said))
        return "wrote a snapshot with other batches of producer # than its log has below #";
    return NULL;
}

static void
compare_snapshot(struct invariants *v, const struct beside *x, const struct node_log *l,
                 const struct fold *f, const struct snapshot *s)
{
    for (int64_t i = 0; i < f->producers.n; i++) {
        const struct folded *p = &f->producers.v[i];
        const char *what = "wrote a snapshot without producer #, which its log has below #";
        struct entry *e = entry_of(s, p->id);
        if (e) what = what_differs(f, p, &e->p, v->producers_may_expire);
        else if (v->producers_may_expire && p->open_from < 0) what = NULL;
        if (e) e->is_met = true;
        if (!what) continue;
        breach(v, RULE_BESIDE_LOG, l->key, x->base, what, p->id, x->base);
        return;
    }
    for (int64_t i = 0; i < s->v.n && f->start == 0; i++) {
        if (s->v.v[i].is_met) continue;
        breach(v, RULE_BESIDE_LOG, l->key, x->base,
               "wrote a snapshot with producer #, which its log has not below #", s->v.v[i].p.id,
               x->base);
        return;
    }
}

static void
check_snapshot(struct invariants *v, int32_t node, const struct beside *x, struct node_log *l,
               struct slice text)
{
    struct snapshot s = {.mem = v->mem};
    struct fold f = {.mem = v->mem};
    if (fold_to(&f, v, node, l, x->base) && parse_snapshot(&s, text))
        compare_snapshot(v, x, l, &f, &s);
    fold_release(&f);
    VEC_RELEASE(v->mem, &s.v);
}

/* ---- aborted transactions ------------------------------------------------------------------------ */

/* Where the batches of this file end. */
static int64_t
segment_end(struct invariants *v, int32_t node, const struct beside *x)
{
    struct walk w = walk_begin(v, node, x);
    int64_t end = x->base;
    while (walk_next(&w)) end = batch_next_offset(&w.h);
    writer_release(&w.path);
    return end;
}

static struct aborted
read_aborted(struct reader *r)
{
    (void)reader_i16(r); /* version */
    struct aborted one = {.producer = reader_i64(r)};
    one.first = reader_i64(r);
    one.marker = reader_i64(r);
    one.stable = reader_i64(r);
    return one;
}

static bool
is_same_aborted(const struct fold *f, const struct aborted *is, const struct aborted *said)
{
    if (is->producer != said->producer || is->marker != said->marker) return false;
    if (is->first != said->first && said->first >= f->start) return false;
    return is->stable == said->stable || said->stable < f->start;
}

/* Both are in the order of their markers. */
static void
compare_aborted(struct invariants *v, const struct beside *x, const struct node_log *l,
                const struct fold *f, struct slice text)
{
    struct reader r = reader(text);
    int64_t at = 0;
    while (at < f->aborted.n && f->aborted.v[at].marker < x->base) at++;
    while (reader_left(&r) > 0 && !r.err) {
        struct aborted said = read_aborted(&r);
        const struct aborted *is = at < f->aborted.n ? &f->aborted.v[at] : NULL;
        bool is_met = is && is->marker <= said.marker;
        if (is_met ? is_same_aborted(f, is, &said) : said.first < f->start) {
            at += is_met;
            continue;
        }
        breach(v, RULE_BESIDE_LOG, l->key, said.marker,
               "lists a transaction of producer # as aborted at offset #; its log has another",
               said.producer, said.marker);
        return;
    }
    if (at < f->aborted.n)
        breach(v, RULE_BESIDE_LOG, l->key, f->aborted.v[at].marker,
               "lists no transaction of producer # as aborted at offset #; its log has one",
               f->aborted.v[at].producer, f->aborted.v[at].marker);
}

static void
check_aborted(struct invariants *v, int32_t node, const struct beside *x, struct node_log *l,
              struct slice text)
{
    struct fold f = {.mem = v->mem};
    if (fold_to(&f, v, node, l, segment_end(v, node, x))) compare_aborted(v, x, l, &f, text);
    fold_release(&f);
}

/* Lists and snapshots are replaced as a whole. path: the name that it had. A compacted log has no longer what they tell of. */
void
beside_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct beside x;
    if (!slice_ends(path, S(".tmp"))) return;
    if (!parse_path(slice_sub(path, 0, path.n - S(".tmp").n), &x) || x.state.n) return;
    bool is_snapshot = slice_eq(x.kind, S(".snapshot"));
    if (!is_snapshot && !slice_eq(x.kind, S(".txnindex"))) return;
    struct node_log *l = log_of(v, node, &x);
    if (!l || l->key->is_compacted) return;
    struct slice text = read_file(v, node, x.path);
    v->at_ns = at_ns;
    v->node = node;
    if (is_snapshot) check_snapshot(v, node, &x, l, text);
    else check_aborted(v, node, &x, l, text);
    mem_free_slice(v->mem, text);
}
