/* What became of copies: which batches a log lost, when, and to whom: a fault, its leader, or the broker's own doing.
 * What faults leave is read from the disk right after them, not from what brokers note. */
#include "broker/base/search.h"
#include "sim/check/oracle_own.h"

void
oracle_took_away(struct oracle *o, int32_t node, enum blow_kind kind, const struct topic_key *k,
                 int64_t from, int64_t to)
{
    struct blow b = {.at_ns = o->now_ns,
                     .node = node,
                     .kind = kind,
                     .key = k ? k->index : -1,
                     .from = from,
                     .to = to};
    VEC_PUSH(o->mem, &o->blows, b);
}

/* What was spoilt before, a fault has taken, and not who cuts it off; and so what recovery cuts behind it, for a log goes
 * no further than its first batch that is not whole. */
static void
are_taken(struct oracle *o, int32_t node, enum blow_kind kind, const struct node_log *l,
          const batch_vec *v)
{
    struct taking t = {.at_ns = o->now_ns, .node = node, .key = l->key->index, .kind = kind};
    struct taking spoilt = t;
    bool is_own_doing = kind == BLOW_TRUNCATE || kind == BLOW_RECOVERY;
    spoilt.kind = BLOW_DAMAGE_CUT;
    bool is_behind = false;
    for (int64_t i = 0; i < v->n; i++) {
        bool is_spoilt = is_behind || (is_own_doing && oracle_is_damaged(o, node, v->v[i]));
        is_behind = is_spoilt && kind == BLOW_RECOVERY;
        if (is_spoilt) VEC_PUSH(o->mem, &spoilt.v, v->v[i]);
        else VEC_PUSH(o->mem, &t.v, v->v[i]);
    }
    if (t.v.n) VEC_PUSH(o->mem, &o->takings, t);
    if (spoilt.v.n) VEC_PUSH(o->mem, &o->takings, spoilt);
}

/* Keeps which batches those are that a log is about to lose: from this offset on. */
void
oracle_take_from(struct oracle *o, int32_t node, enum blow_kind kind, const struct node_log *l,
                 int64_t from)
{
    batch_vec lost = {0};
    int64_t i = l->v.n;
    while (i > 0 && l->v.v[i - 1]->last >= from) i--;
    for (; i < l->v.n; i++) VEC_PUSH(o->mem, &lost, l->v.v[i]);
    are_taken(o, node, kind, l, &lost);
    VEC_RELEASE(o->mem, &lost);
}

void
oracle_take_all_logs(struct oracle *o, int32_t node, enum blow_kind kind)
{
    const struct model_node *n = model_node(&o->model, node);
    for (int64_t i = 0; i < n->logs.n; i++) {
        const struct node_log *l = n->logs.v[i];
        if (l)
            oracle_take_from(o, node, kind, l, kind == BLOW_POWER ? MAX(l->start, l->synced) : 0);
    }
}

/* The same batch, though the epoch of its leader may have rotted: no checksum covers that. */
static bool
is_same_batch(const struct found *f, const struct batch *b)
{
    return f->base == b->base && f->last == b->last && f->crc == b->crc;
}

/* The log is what was found; what it had and has no more was taken. Not so what a compacted log lacks before its end: that a
 * cleaning took, long ago perhaps, and what stands for it is there, or will be taken by whoever takes it. */
static void
becomes(struct oracle *o, int32_t node, struct node_log *l, const struct found *f, int64_t n,
        enum blow_kind kind)
{
    batch_vec had = {0}, lost = {0};
    bool conflict;
    int64_t at = 0;
    for (int64_t i = 0; i < l->v.n; i++) VEC_PUSH(o->mem, &had, l->v.v[i]);
    l->v.n = 0;
    for (int64_t i = 0; i < n; i++) {
        for (; at < had.n && had.v[at]->last < f[i].base; at++)
            if (l->key->is_compacted) VEC_PUSH(o->mem, &l->v, had.v[at]);
        bool is_same = at < had.n && is_same_batch(&f[i], had.v[at]);
        int32_t epoch = is_same ? had.v[at]->epoch : f[i].epoch;
        (void)model_append(&o->model, l, f[i].base, f[i].last, epoch, f[i].crc, &conflict);
        while (at < had.n && had.v[at]->base <= f[i].last) at++;
    }
    for (int64_t i = 0; i < had.n; i++)
        if (log_at(l, had.v[i]->base) != had.v[i]) VEC_PUSH(o->mem, &lost, had.v[i]);
    are_taken(o, node, kind, l, &lost);
    VEC_RELEASE(o->mem, &had);
    VEC_RELEASE(o->mem, &lost);
}

/* Until the disk was looked at, all that was not known to be synced counted as gone. */
static void
take_back(struct oracle *o, int32_t node, struct node_log *l)
{
    for (int64_t i = o->takings.n - 1; i >= 0; i--) {
        struct taking *t = &o->takings.v[i];
        if (t->at_ns != o->now_ns || t->node != node || t->key != l->key->index ||
            t->kind != BLOW_POWER)
            continue;
        for (int64_t k = 0; k < t->v.n; k++) VEC_PUSH(o->mem, &l->v, t->v.v[k]);
        t->v.n = 0;
        return;
    }
}

static bool
is_found(const struct found *f, int64_t n, const struct batch *b)
{
    LOWER_BOUND(at, n, i, f[i].base < b->base);
    return at < n && is_same_batch(&f[at], b);
}

/* A log that is read on although a part of it is spoilt or gone. What is behind a spoilt place may be cut, or not. */
static void
is_spoilt(struct oracle *o, int32_t node, const struct node_log *l, const struct found *f,
          int64_t n)
{
    struct taking t = {.at_ns = o->now_ns, .node = node, .key = l->key->index, .kind = BLOW_DAMAGE};
    for (int64_t i = 0; i < l->v.n; i++)
        if (l->v.v[i]->last >= l->start && !is_found(f, n, l->v.v[i]))
            VEC_PUSH(o->mem, &t.v, l->v.v[i]);
    if (t.v.n == 0) return;
    oracle_took_away(o, node, BLOW_DAMAGE, l->key, t.v.v[0]->base, t.v.v[t.v.n - 1]->last + 1);
    VEC_PUSH(o->mem, &o->takings, t);
}

void
oracle_destroyed(struct oracle *o, int64_t at_ns, int32_t node, struct slice subject,
                 const struct found *f, int64_t n, bool by_power)
{
    struct node_log *l = oracle_log(o, node, subject);
    o->now_ns = at_ns;
    if (!l) return;
    if (!by_power) {
        is_spoilt(o, node, l, f, n);
        return;
    }
    take_back(o, node, l);
    becomes(o, node, l, f, n, BLOW_POWER);
}

void
oracle_found(struct oracle *o, int32_t node, struct slice subject, const struct found *f, int64_t n)
{
    struct node_log *l = oracle_log(o, node, subject);
    if (l) becomes(o, node, l, f, n, BLOW_RECOVERY);
}

/* ---- writes that landed elsewhere ---- */

void
oracle_went_astray(struct oracle *o, int64_t at_ns, int32_t node, struct slice subject,
                   int64_t from)
{
    struct node_log *l = oracle_log(o, node, subject);
    o->now_ns = at_ns;
    if (!l) return;
    struct topic_key *k = l->key;
    struct hole hole = {node, k->index, from};
    VEC_PUSH(o->mem, &o->holes, hole);
    oracle_took_away(o, node, BLOW_DAMAGE, k, from, INT64_MAX);
    oracle_take_from(o, node, BLOW_DAMAGE, l, from);
}

void
oracle_copied(struct oracle *o, int32_t node, struct batch *b)
{
    for (int64_t i = 0; i < o->holes.n; i++) {
        const struct hole *h = &o->holes.v[i];
        if (h->node != node || h->key != b->key->index || b->base < h->from) continue;
        struct taking t = {.at_ns = o->now_ns, .node = node, .key = h->key, .kind = BLOW_DAMAGE};
        VEC_PUSH(o->mem, &t.v, b);
        VEC_PUSH(o->mem, &o->takings, t);
        return;
    }
}

void
oracle_cut_at(struct oracle *o, int32_t node, int32_t key, int64_t end)
{
    for (int64_t i = o->holes.n - 1; i >= 0; i--) {
        const struct hole *h = &o->holes.v[i];
        if (h->node == node && (key < 0 || h->key == key) && h->from >= end)
            VEC_REMOVE_AT(&o->holes, i);
    }
}
