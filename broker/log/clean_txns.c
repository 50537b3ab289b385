#include "broker/log/clean_txns.h"

#include "broker/record/control.h"

struct clean_txn {
    struct map_node node;
    int64_t producer_id;
    bool is_aborted, has_data; /* has_data: the pass has seen a batch of it */
    struct aborted_txn aborted;
};

_Static_assert(offsetof(struct clean_txn, node) == 0, "a node is its transaction");

/* Into the order of first offsets. By insertion: they come in the order of their ends, nearly the same. */
static void
add_by_first_offset(struct clean_txns *t, const struct aborted_txn *a)
{
    VEC_PUSH(t->mem, &t->aborted, *a);
    int64_t i = t->aborted.n - 1;
    for (; i > 0 && t->aborted.v[i - 1].first_offset > a->first_offset; i--)
        t->aborted.v[i] = t->aborted.v[i - 1];
    t->aborted.v[i] = *a;
}

void
clean_txns_init(struct clean_txns *t, struct mem *mem, struct siphash_key key,
                const struct txn_index *index)
{
    *t = (struct clean_txns){.mem = mem};
    map_init(&t->ongoing, mem, key);
    for (int64_t i = 0; i < index->v.n; i++) add_by_first_offset(t, &index->v.v[i]);
}

static void
txn_forget(struct clean_txns *t, struct clean_txn *x)
{
    map_remove(&t->ongoing, &x->node);
    MEM_DELETE(t->mem, x);
}

void
clean_txns_release(struct clean_txns *t)
{
    if (!t->mem) return;
    MAP_EACH(&t->ongoing, x, struct clean_txn, node) txn_forget(t, x);
    map_release(&t->ongoing);
    VEC_RELEASE(t->mem, &t->aborted);
    VEC_RELEASE(t->mem, &t->kept);
    *t = (struct clean_txns){0};
}

static bool
is_producers(const struct map_node *node, const void *key)
{
    const struct clean_txn *x = (const void *)node; /* its first member */
    return x->producer_id == *(const int64_t *)key;
}

static struct clean_txn *
txn_of(const struct clean_txns *t, int64_t producer_id)
{
    struct map_node *n = map_find(&t->ongoing, map_hash_i64(&t->ongoing, producer_id, 0),
                                  is_producers, &producer_id);
    return n ? CONTAINER_OF(n, struct clean_txn, node) : NULL;
}

static struct clean_txn *
txn_begin(struct clean_txns *t, int64_t producer_id)
{
    struct clean_txn *x = txn_of(t, producer_id);
    if (x) return x;
    x = MEM_NEW(t->mem, struct clean_txn);
    x->producer_id = producer_id;
    map_insert(&t->ongoing, &x->node, map_hash_i64(&t->ongoing, producer_id, 0));
    return x;
}

/* Up to this batch. One that ended before it is over: a pass need not begin where the log does. */
static void
begin_aborted_up_to(struct clean_txns *t, const struct batch_header *h)
{
    int64_t last = batch_last_offset(h);
    for (; t->next < t->aborted.n && t->aborted.v[t->next].first_offset <= last; t->next++) {
        const struct aborted_txn *a = &t->aborted.v[t->next];
        if (a->last_offset < h->base_offset) continue;
        struct clean_txn *x = txn_begin(t, a->producer_id);
        bool is_same = x->is_aborted && x->aborted.last_offset >= a->first_offset;
        if (is_same) continue;
        x->is_aborted = true;
        x->has_data = false;
        x->aborted = *a;
    }
}

bool
clean_txns_data(struct clean_txns *t, const struct batch_header *h)
{
    begin_aborted_up_to(t, h);
    if (!batch_is_transactional(h)) return false;
    struct clean_txn *x = txn_begin(t, h->producer_id);
    x->has_data = true;
    return x->is_aborted;
}

bool
clean_txns_marker(struct clean_txns *t, const struct batch_header *h, int16_t type)
{
    begin_aborted_up_to(t, h);
    if (type < 0) return true; /* emptied by an earlier cleaning */
    if (type != CONTROL_ABORT && type != CONTROL_COMMIT) return false;
    struct clean_txn *x = txn_of(t, h->producer_id);
    if (!x) return true;
    bool has_data = x->has_data;
    if (x->is_aborted && has_data) VEC_PUSH(t->mem, &t->kept, x->aborted);
    txn_forget(t, x);
    return !has_data;
}
