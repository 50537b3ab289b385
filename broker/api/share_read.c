#include "broker/api/share_read.h"

#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/record/batch.h"

struct share_batches {
    int64_t *ends, *at; /* of each: the offset after it, where it begins in the buffer */
    int32_t n;
    struct flight_hole *holes;
    int32_t holes_n;
};

/* Compaction leaves holes; nobody is to have what controls the log, nor, of a group that reads committed records,
 * what was aborted. */
static void
add_hole(struct share_batches *b, int64_t first, int64_t last)
{
    if (first <= last) b->holes[b->holes_n++] = (struct flight_hole){first, last};
}

static bool
is_aborted(const struct batch_header *h, const struct aborted_txn *v, int32_t n)
{
    if (!batch_is_transactional(h)) return false;
    for (int32_t i = 0; i < n; i++)
        if (v[i].producer_id == h->producer_id && v[i].first_offset <= h->base_offset &&
            v[i].last_offset >= h->base_offset)
            return true;
    return false;
}

static int32_t
count_batches(struct slice bytes)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0;
    int32_t n = 0;
    while (batch_next(bytes, &at, &h, &batch, &err)) n++;
    return n;
}

static void
walk_batches(const struct share_read *r, const struct share_partition *sp, struct share_batches *b)
{
    struct slice bytes = r->buf ? buf_slice(r->buf) : SLICE_EMPTY, batch;
    struct aborted_txn *aborted = NULL;
    int32_t n = count_batches(bytes), aborted_n = 0;
    struct batch_header h;
    enum batch_err err;
    int64_t at = 0, before = 0, next = r->from;
    b->ends = ARENA_ARRAY(r->arena, int64_t, n + 1);
    b->at = ARENA_ARRAY(r->arena, int64_t, n + 1);
    b->holes = ARENA_ARRAY(r->arena, struct flight_hole, 2 * n + 1);
    if (share_partition_reads_committed(sp))
        aborted_n = commitlog_aborted(&sp->partition->log, r->from, r->limit, r->arena, &aborted);
    while (batch_next(bytes, &at, &h, &batch, &err)) {
        add_hole(b, next, h.base_offset - 1);
        if (batch_is_control(&h) || is_aborted(&h, aborted, aborted_n))
            add_hole(b, MAX(h.base_offset, r->from), batch_last_offset(&h));
        next = batch_next_offset(&h);
        b->at[b->n] = before;
        b->ends[b->n++] = next;
        before = at;
    }
    /* All of it has gone. */
    if (n == 0) {
        add_hole(b, r->from, r->limit - 1);
        b->ends[b->n++] = r->limit;
    }
}

/* The batch that an offset lies in. */
static int32_t
batch_of(const struct share_batches *b, int64_t offset)
{
    LOWER_BOUND(at, b->n - 1, i, b->ends[i] <= offset);
    return at;
}

/* What is given out in one go is acknowledged in one go: in pieces of the size that the client likes. */
static int32_t
cut_ranges(const struct share_read *r, const struct share_batches *b, const struct acquired *v,
           int32_t n, struct share_range **ret)
{
    struct share_range *to = ARENA_ARRAY(r->arena, struct share_range, n + b->n);
    int32_t to_n = 0;
    for (int32_t i = 0; i < n; i++) {
        int64_t first = v[i].first;
        for (int32_t k = batch_of(b, first); r->batch_size > 0 && k < b->n; k++) {
            if (b->ends[k] > v[i].last) break;
            if (b->ends[k] - first < r->batch_size) continue;
            to[to_n++] = (struct share_range){first, b->ends[k] - 1, v[i].count};
            first = b->ends[k];
        }
        if (first <= v[i].last) to[to_n++] = (struct share_range){first, v[i].last, v[i].count};
    }
    *ret = to;
    return to_n;
}

int32_t
share_read_acquire(const struct share_read *r, struct share_partition *sp, struct share_range **ret,
                   struct slice *ret_bytes)
{
    struct share_batches b = {0};
    struct acquired *v;
    walk_batches(r, sp, &b);
    struct acquire a = {.from = r->from,
                        .to = b.ends[b.n - 1],
                        .ends = b.ends,
                        .ends_n = b.n,
                        .holes = b.holes,
                        .holes_n = b.holes_n,
                        .records_max = r->records_max,
                        .is_strict = r->is_strict,
                        .holder = r->holder};
    int32_t n = share_partition_acquire(sp, &a, r->arena, &v);
    if (n == 0) return 0;
    int32_t last = batch_of(&b, v[n - 1].last);
    int64_t begin = b.at[batch_of(&b, v[0].first)];
    int64_t end = last + 1 < b.n ? b.at[last + 1] : r->buf->n;
    *ret_bytes = slice_sub(buf_slice(r->buf), begin, end - begin);
    return cut_ranges(r, &b, v, n, ret);
}
