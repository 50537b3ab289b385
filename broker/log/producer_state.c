#include "broker/log/producer_state.h"

_Static_assert(offsetof(struct producer, node) == 0, "a node is its producer");

struct producer_state *
producer_state_new(struct mem *mem, struct siphash_key key)
{
    struct producer_state *s = MEM_NEW(mem, struct producer_state);
    s->mem = mem;
    map_init(&s->map, mem, key);
    list_init(&s->open);
    verifications_init(&s->verifications, mem, key);
    return s;
}

static void
producer_forget(struct producer_state *s, struct producer *p)
{
    list_remove(&p->open);
    map_remove(&s->map, &p->node);
    MEM_DELETE(s->mem, p);
}

static void
forget_all(struct producer_state *s)
{
    MAP_EACH(&s->map, p, struct producer, node) producer_forget(s, p);
    s->decided.n = 0;
}

void
producer_state_free(struct producer_state *s)
{
    if (!s) return;
    forget_all(s);
    verifications_release(&s->verifications);
    VEC_RELEASE(s->mem, &s->decided);
    map_release(&s->map);
    MEM_DELETE(s->mem, s);
}

static bool
id_is(const struct map_node *node, const void *key)
{
    const struct producer *p = (const void *)node; /* its first member */
    return p->window.producer_id == *(const int64_t *)key;
}

struct producer *
producer_find(const struct producer_state *s, int64_t producer_id)
{
    if (!s) return NULL;
    struct map_node *n =
        map_find(&s->map, map_hash_i64(&s->map, producer_id, 0), id_is, &producer_id);
    return n ? CONTAINER_OF(n, struct producer, node) : NULL;
}

static struct producer *
producer_get(struct producer_state *s, int64_t producer_id)
{
    struct producer *p = producer_find(s, producer_id);
    if (p) return p;
    p = MEM_NEW(s->mem, struct producer);
    p->window.producer_id = producer_id;
    p->window.epoch = BATCH_NO_EPOCH;
    p->coordinator_epoch = -1;
    p->txn_first_offset = -1;
    map_insert(&s->map, &p->node, map_hash_i64(&s->map, producer_id, 0));
    return p;
}

enum sequence_verdict
producer_check(const struct producer_state *s, const struct batch_header *h,
               struct producer_batch *ret_duplicate, bool *ret_txn_is_wrong)
{
    static const struct producer_window unknown = {.epoch = BATCH_NO_EPOCH};
    const struct producer *p = producer_find(s, h->producer_id);
    const struct producer_window *w = p ? &p->window : &unknown;
    int32_t which = 0;
    enum sequence_verdict v =
        sequence_check(w, h->producer_epoch, h->base_sequence, batch_last_sequence(h), &which);
    *ret_txn_is_wrong = p && p->txn_first_offset >= 0 && !batch_is_transactional(h) &&
                        h->producer_epoch == w->epoch;
    if (v == SEQUENCE_DUPLICATE) *ret_duplicate = w->batch[which];
    return v;
}

bool
producer_is_in_txn(const struct producer_state *s, int64_t producer_id, int16_t epoch)
{
    const struct producer *p = producer_find(s, producer_id);
    return p && p->txn_first_offset >= 0 && p->window.epoch == epoch;
}

enum marker_verdict
producer_check_marker(const struct producer_state *s, const struct batch_header *h,
                      const struct marker *m, int8_t txn_version)
{
    const struct producer *p = producer_find(s, h->producer_id);
    struct marker_view v = {.epoch = BATCH_NO_EPOCH, .coordinator_epoch = -1};
    if (p)
        v = (struct marker_view){p->window.epoch, p->coordinator_epoch, p->txn_first_offset >= 0};
    return marker_check(&v, h->producer_epoch, m->coordinator_epoch, txn_version);
}

enum sequence_verdict
producer_check_guard(const struct producer_state *s, const struct batch_header *h, uint64_t guard,
                     bool *ret_is_unverified)
{
    const struct verification *v = s ? verification_find(&s->verifications, h->producer_id) : NULL;
    const struct producer *p = producer_find(s, h->producer_id);
    *ret_is_unverified = !v || v->guard != guard;
    if (*ret_is_unverified) return SEQUENCE_APPEND;
    bool fits = verification_allows(v, h->base_sequence, !p || p->window.n == 0);
    return fits ? SEQUENCE_APPEND : SEQUENCE_OUT_OF_ORDER;
}

static void
window_move(struct producer_window *w, int16_t epoch)
{
    if (w->epoch == epoch) return;
    w->epoch = epoch;
    w->n = 0;
}

static void
window_add(struct producer_window *w, const struct batch_header *h)
{
    if (w->n == PRODUCER_BATCHES) {
        memmove(w->batch, w->batch + 1, sizeof w->batch - sizeof *w->batch);
        w->n--;
    }
    w->batch[w->n++] = (struct producer_batch){
        .last_offset = batch_last_offset(h),
        .timestamp = h->max_timestamp,
        .last_sequence = batch_last_sequence(h),
        .offset_delta = h->last_offset_delta,
    };
}

static bool
apply_marker(struct producer_state *s, const struct batch_header *h, struct slice batch,
             struct aborted_txn *ret_aborted)
{
    struct marker m;
    if (!marker_parse(h, batch, &m)) return false;
    struct producer *p = producer_get(s, h->producer_id);
    window_move(&p->window, h->producer_epoch);
    p->coordinator_epoch = m.coordinator_epoch;
    p->last_timestamp = h->max_timestamp;
    verification_marked(&s->verifications, h->producer_id, h->producer_epoch);
    if (p->txn_first_offset < 0) return false;
    struct decided_txn d = {h->producer_id, p->txn_first_offset, h->base_offset, !m.commit};
    VEC_PUSH(s->mem, &s->decided, d);
    p->txn_first_offset = -1;
    list_remove(&p->open);
    struct producer *next = LIST_FIRST(&s->open, struct producer, open);
    *ret_aborted = (struct aborted_txn){d.producer_id, d.first_offset, d.marker_offset,
                                        next ? next->txn_first_offset : d.marker_offset + 1};
    return d.aborted;
}

bool
producer_apply(struct producer_state *s, const struct batch_header *h, struct slice head,
               struct aborted_txn *ret_aborted)
{
    if (!batch_has_producer(h)) return false;
    if (batch_is_control(h)) return apply_marker(s, h, head, ret_aborted);
    struct producer *p = producer_get(s, h->producer_id);
    window_move(&p->window, h->producer_epoch);
    if (h->base_sequence >= 0) window_add(&p->window, h);
    p->last_timestamp = h->max_timestamp;
    if (!batch_is_transactional(h) || p->txn_first_offset >= 0) return false;
    p->txn_first_offset = h->base_offset;
    list_push_back(&s->open, &p->open);
    verification_end(&s->verifications, h->producer_id);
    return false;
}

int64_t
producer_stable_offset(struct producer_state *s, int64_t log_start, int64_t high_watermark)
{
    if (!s) return high_watermark;
    int64_t kept = 0;
    for (int64_t i = 0; i < s->decided.n; i++)
        if (holds_back(&s->decided.v[i], high_watermark)) s->decided.v[kept++] = s->decided.v[i];
    s->decided.n = kept;
    struct producer *p = LIST_FIRST(&s->open, struct producer, open);
    return stable_offset(p ? p->txn_first_offset : -1, s->decided.v, kept, log_start,
                         high_watermark);
}

void
producer_expire(struct producer_state *s, int64_t before_ms)
{
    if (!s) return;
    MAP_EACH(&s->map, p, struct producer, node)
        if (p->txn_first_offset < 0 && p->last_timestamp < before_ms) producer_forget(s, p);
    verifications_expire(&s->verifications, before_ms);
}

/* ---- snapshots ---- */

enum { SNAPSHOT_VERSION = 1, SNAPSHOT_ENTRY_BYTES = 46 };

static void
print_entry(const struct producer *p, struct writer *w)
{
    static const struct producer_batch none = {
        .last_offset = -1, .timestamp = -1, .last_sequence = -1};
    const struct producer_batch *b = p->window.n ? &p->window.batch[p->window.n - 1] : &none;
    writer_i64(w, p->window.producer_id);
    writer_i16(w, p->window.epoch);
    writer_i32(w, b->last_sequence);
    writer_i64(w, b->last_offset);
    writer_i32(w, b->offset_delta);
    writer_i64(w, p->last_timestamp);
    writer_i32(w, p->coordinator_epoch);
    writer_i64(w, p->txn_first_offset);
}

/* Kafka ends here, and so forgets on each start all but the last batch of each producer: the four before
 * it, sent again, would be taken for new ones under a raised epoch. What follows the entries tells of
 * them; Kafka reads a snapshot without looking behind its entries, and its checksum covers the rest. */
static void
print_earlier(const struct producer *p, struct writer *w)
{
    writer_i64(w, p->window.producer_id);
    writer_i32(w, p->window.n - 1);
    for (int32_t i = 0; i < p->window.n - 1; i++) {
        const struct producer_batch *b = &p->window.batch[i];
        writer_i32(w, b->last_sequence);
        writer_i64(w, b->last_offset);
        writer_i32(w, b->offset_delta);
        writer_i64(w, b->timestamp);
    }
}

static void
print_all_earlier(struct producer *const *v, int64_t n, struct writer *w)
{
    int32_t with = 0;
    for (int64_t i = 0; i < n; i++) with += v[i]->window.n > 1;
    if (!with) return;
    writer_i32(w, with);
    for (int64_t i = 0; i < n; i++)
        if (v[i]->window.n > 1) print_earlier(v[i], w);
}

/* Insertion sort into the order of ids: snapshots are rare, and mostly sorted. */
static void
sort_by_id(struct producer **v, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        struct producer *p = v[i];
        int64_t j = i;
        for (; j > 0 && v[j - 1]->window.producer_id > p->window.producer_id; j--) v[j] = v[j - 1];
        v[j] = p;
    }
}

void
producer_snapshot_print(const struct producer_state *s, enum crc32c_impl impl, struct writer *w)
{
    int64_t at = w->n, n = s ? s->map.n : 0, i = 0;
    writer_i16(w, SNAPSHOT_VERSION);
    writer_i32(w, 0);
    writer_i32(w, (int32_t)n);
    if (n) {
        struct producer **v = mem_alloc(s->mem, n * (int64_t)sizeof *v);
        MAP_EACH(&s->map, p, struct producer, node) v[i++] = p;
        sort_by_id(v, n);
        for (i = 0; i < n; i++) print_entry(v[i], w);
        print_all_earlier(v, n, w);
        mem_free(s->mem, v, n * (int64_t)sizeof *v);
    }
    if (!w->err)
        writer_patch_i32(w, at + 2, (int32_t)crc32c(impl, 0, slice(w->p + at + 6, w->n - at - 6)));
}

static bool
parse_producer_entry(struct producer_state *s, struct reader *r)
{
    int64_t id = reader_i64(r);
    int16_t epoch = reader_i16(r);
    struct producer_batch b = {.last_sequence = reader_i32(r)};
    b.last_offset = reader_i64(r);
    b.offset_delta = reader_i32(r);
    b.timestamp = reader_i64(r);
    int32_t coordinator_epoch = reader_i32(r);
    int64_t txn_first = reader_i64(r);
    if (r->err || id < 0 || epoch < 0 || b.offset_delta < 0 || producer_find(s, id)) return false;
    struct producer *p = producer_get(s, id);
    p->window.epoch = epoch;
    if (b.last_sequence >= 0) p->window.batch[p->window.n++] = b;
    p->last_timestamp = b.timestamp;
    p->coordinator_epoch = coordinator_epoch;
    p->txn_first_offset = txn_first;
    return true;
}

static bool
parse_earlier(struct producer_state *s, struct reader *r)
{
    struct producer *p = producer_find(s, reader_i64(r));
    int32_t n = reader_i32(r);
    if (r->err || !p || p->window.n != 1 || n < 1 || n >= PRODUCER_BATCHES) return false;
    struct producer_window *w = &p->window;
    w->batch[n] = w->batch[0];
    for (int32_t i = 0; i < n; i++) {
        struct producer_batch b = {.last_sequence = reader_i32(r)};
        b.last_offset = reader_i64(r);
        b.offset_delta = reader_i32(r);
        b.timestamp = reader_i64(r);
        if (r->err || b.last_sequence < 0 || b.offset_delta < 0) return false;
        w->batch[i] = b;
    }
    w->n = n + 1;
    return true;
}

/* The list of open transactions is ordered by first offset. */
static void
open_add(struct producer_state *s, struct producer *p)
{
    LIST_EACH(&s->open, q, struct producer, open) {
        if (q->txn_first_offset < p->txn_first_offset) continue;
        list_insert_before(&q->open, &p->open);
        return;
    }
    list_push_back(&s->open, &p->open);
}

static bool
parse_entries(struct producer_state *s, enum crc32c_impl impl, struct slice text)
{
    struct reader r = reader(text);
    int16_t version = reader_i16(&r);
    uint32_t crc = reader_u32(&r);
    if (r.err || version != SNAPSHOT_VERSION) return false;
    if (crc != crc32c(impl, 0, slice(r.p, reader_left(&r)))) return false;
    int32_t n = reader_i32(&r);
    if (r.err || n < 0 || reader_left(&r) < (int64_t)n * SNAPSHOT_ENTRY_BYTES) return false;
    for (int32_t i = 0; i < n; i++)
        if (!parse_producer_entry(s, &r)) return false;
    int32_t with = reader_left(&r) ? reader_i32(&r) : 0;
    for (int32_t i = 0; i < with; i++)
        if (!parse_earlier(s, &r)) return false;
    return !r.err && with >= 0 && reader_left(&r) == 0;
}

bool
producer_snapshot_parse(struct producer_state *s, enum crc32c_impl impl, struct slice text)
{
    if (!parse_entries(s, impl, text)) {
        forget_all(s);
        return false;
    }
    MAP_EACH(&s->map, p, struct producer, node)
        if (p->txn_first_offset >= 0) open_add(s, p);
    return true;
}
