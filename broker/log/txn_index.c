#include "broker/log/txn_index.h"

void
txn_index_add(struct txn_index *x, struct mem *mem, const struct aborted_txn *t)
{
    if (x->v.n && x->v.v[x->v.n - 1].last_offset >= t->last_offset) return;
    VEC_PUSH(mem, &x->v, *t);
}

void
txn_index_truncate_end(struct txn_index *x, int64_t offset)
{
    while (x->v.n && x->v.v[x->v.n - 1].last_offset >= offset) x->v.n--;
}

void
txn_index_truncate_start(struct txn_index *x, int64_t offset)
{
    int64_t gone = 0;
    while (gone < x->v.n && x->v.v[gone].last_offset < offset) gone++;
    x->v.n -= gone;
    if (gone) memmove(x->v.v, x->v.v + gone, (size_t)x->v.n * sizeof *x->v.v);
}

int32_t
txn_index_collect(const struct txn_index *x, int64_t from, int64_t to, struct arena *a,
                  struct aborted_txn **ret)
{
    int64_t n = aborted_overlapping(x->v.v, x->v.n, from, to, NULL);
    *ret = n ? ARENA_ARRAY(a, struct aborted_txn, n) : NULL;
    if (n) (void)aborted_overlapping(x->v.v, x->v.n, from, to, *ret);
    return (int32_t)n;
}

void
txn_index_print(const struct txn_index *x, int64_t from, int64_t to, struct writer *w)
{
    for (int64_t i = 0; i < x->v.n; i++) {
        const struct aborted_txn *t = &x->v.v[i];
        if (t->last_offset < from || t->last_offset >= to) continue;
        writer_i16(w, 0);
        writer_i64(w, t->producer_id);
        writer_i64(w, t->first_offset);
        writer_i64(w, t->last_offset);
        writer_i64(w, t->stable_offset);
    }
}

bool
txn_index_parse(struct txn_index *x, struct mem *mem, struct slice text)
{
    struct reader r = reader(text);
    while (reader_left(&r) >= TXN_ENTRY_BYTES) {
        int16_t version = reader_i16(&r);
        struct aborted_txn t = {.producer_id = reader_i64(&r)};
        t.first_offset = reader_i64(&r);
        t.last_offset = reader_i64(&r);
        t.stable_offset = reader_i64(&r);
        if (version != 0 || t.first_offset < 0 || t.last_offset < t.first_offset) return false;
        txn_index_add(x, mem, &t);
    }
    return reader_left(&r) == 0;
}
