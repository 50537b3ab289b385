/* Whose a record is, that somebody was given or that a log has: by sequence number, or by where it lies and what it holds. */
#include "sim/scenario/guests_own.h"

#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/base/search.h"

/* A record that nobody has sent, known by what it holds. */
#define STRANGER (0xffffffULL << 40)

static uint64_t
value_in(const struct parcel *k, int64_t n)
{
    if (k->within) return value_in(k->within, k->at + n);
    return history_value(k->process, k->first_value + n);
}

int64_t
op_in(const struct parcel *k, int64_t n)
{
    return k->within ? op_in(k->within, k->at + n) : k->first_op + n;
}

/* The history has come to it: what is not yet sent nobody can have read. */
static bool
was_told_sent(const struct parcel *k)
{
    return k->within ? was_told_sent(k->within) : k->first_value > 0;
}

static bool
has_sequence(const struct parcel *k, int16_t epoch, int32_t sequence)
{
    const struct batch_header *h = &k->goods->h;
    return h->producer_epoch == epoch && sequence >= h->base_sequence &&
           sequence - h->base_sequence < k->n;
}

/* Readers go through a log as it was written: mostly it is the next. */
static const struct parcel *
parcel_of_sequence(struct lane *l, int16_t epoch, int32_t sequence)
{
    for (int64_t i = 0; i < l->parcels.n; i++) {
        int64_t at = (l->at + i) % l->parcels.n;
        if (!has_sequence(l->parcels.v[at], epoch, sequence)) continue;
        l->at = at;
        return l->parcels.v[at];
    }
    return NULL;
}

static int
by_offset(const void *a, const void *b)
{
    const struct parcel *x = *(struct parcel *const *)a, *y = *(struct parcel *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The one with this record here. Two may have been acknowledged at one place, the second by the next leader, whose log
 * does not have the first; the later one is looked at first. NULL: none. */
static const struct parcel *
parcel_at(const struct lane *l, int64_t offset, uint64_t content)
{
    LOWER_BOUND(from, l->placed.n, i, l->placed.v[i]->offset <= offset);
    while (from-- > 0) {
        const struct parcel *k = l->placed.v[from];
        if (k->offset + l->longest <= offset) break;
        if (offset < k->offset + k->n && k->goods->contents[offset - k->offset] == content &&
            was_told_sent(k))
            return k;
    }
    return NULL;
}

/* A record of a batch; its value is known once the history has come to it. */
struct sent_one {
    const struct parcel *k; /* NULL: none */
    int32_t at;
};

/* Records of one content, sent to one partition without sequence numbers. */
struct alike {
    struct map_node node;
    const struct lane *lane;
    uint64_t content;
    VEC(struct sent_one) unplaced; /* those whose offset was not told, as they were sent */
    VEC(int64_t) offsets;          /* at which these were found, as many as were */
    struct sent_one placed;        /* one whose offset was */
};

static bool
same_content(const struct map_node *node, const void *key)
{
    const struct alike *a = CONTAINER_OF(node, struct alike, node), *b = key;
    return a->content == b->content && a->lane == b->lane;
}

static void
gather_alike(struct guests *g, const struct lane *l, const struct parcel *k)
{
    for (int32_t i = 0; i < k->n; i++) {
        struct alike key = {.lane = l, .content = k->goods->contents[i]};
        struct map_node *known = map_find(&g->contents, key.content, same_content, &key);
        struct alike *a = known ? CONTAINER_OF(known, struct alike, node) : NULL;
        if (!a) {
            a = ARENA_NEW(&g->a, struct alike);
            *a = key;
            map_insert(&g->contents, &a->node, key.content);
        }
        struct sent_one one = {k, i};
        if (k->offset >= 0) a->placed = one;
        else VEC_PUSH(g->mem, &a->unplaced, one);
    }
}

static void
gather_all_alike(struct guests *g)
{
    g->has_contents = true;
    MAP_EACH(&g->lanes, l, struct lane, node)
        for (int64_t i = 0; l->producer_id < 0 && i < l->parcels.n; i++)
            gather_alike(g, l, l->parcels.v[i]);
}

static uint64_t
value_sent(const struct sent_one *one)
{
    return one->k && was_told_sent(one->k) ? value_in(one->k, one->at) : 0;
}

/* Of several alike: the one that was found here before, else one that was found nowhere yet. */
static uint64_t
one_of_alike(struct guests *g, const struct lane *l, uint64_t content, int64_t offset)
{
    struct alike key = {.lane = l, .content = content};
    if (!g->has_contents) gather_all_alike(g);
    struct map_node *known = map_find(&g->contents, content, same_content, &key);
    if (!known) return 0;
    struct alike *a = CONTAINER_OF(known, struct alike, node);
    for (int64_t i = a->offsets.n; i-- > 0;)
        if (a->offsets.v[i] == offset) return value_sent(&a->unplaced.v[i]);
    if (a->offsets.n < a->unplaced.n && was_told_sent(a->unplaced.v[a->offsets.n].k)) {
        VEC_PUSH(g->mem, &a->offsets, offset);
        return value_sent(&a->unplaced.v[a->offsets.n - 1]);
    }
    uint64_t placed = value_sent(&a->placed);
    return placed || !a->unplaced.n ? placed : value_sent(&a->unplaced.v[0]);
}

/* 0: it cannot be known whose it is. */
static uint64_t
stranger(const struct guests *g, int32_t topic, uint64_t content)
{
    struct slice name = history_topic_name(&g->h, topic);
    if (names_have(g->unsure.v, g->unsure.n, name)) return 0;
    return STRANGER | content >> 24;
}

/* The value of a record, known by its batch, and by where it lies. */
uint64_t
value_of(struct guests *g, const struct goods *b, int32_t n, int32_t topic, int32_t partition,
         int64_t offset, const struct parcel **ret_parcel)
{
    bool has_producer = batch_has_producer(&b->h);
    struct lane *l = lane_there(g, has_producer ? b->h.producer_id : PLAIN_SENDS, topic, partition);
    uint64_t content = b->contents[n];
    *ret_parcel = NULL;
    if (!l) return stranger(g, topic, content);
    int32_t sequence = sequence_add(MAX(b->h.base_sequence, 0), goods_delta(b, n));
    const struct parcel *k = has_producer ? parcel_of_sequence(l, b->h.producer_epoch, sequence)
                                          : parcel_at(l, offset, content);
    int64_t at = !k ? 0 : has_producer ? sequence - k->goods->h.base_sequence : offset - k->offset;
    if (k && k->goods->contents[at] == content) {
        *ret_parcel = k;
        return value_in(k, at);
    }
    uint64_t value = has_producer ? 0 : one_of_alike(g, l, content, offset);
    return value ? value : stranger(g, topic, content);
}

void
alike_release(struct guests *g)
{
    MAP_EACH(&g->contents, a, struct alike, node) {
        VEC_RELEASE(g->mem, &a->unplaced);
        VEC_RELEASE(g->mem, &a->offsets);
    }
}

const struct parcel *
parcel_of_value(const struct guests *g, uint64_t value, int32_t *ret_n)
{
    const struct author *a = author_of_process(g, history_value_process(value));
    int64_t n = history_value_n(value);
    for (int64_t i = 0; a && i < a->parcels.n; i++) {
        const struct parcel *k = a->parcels.v[i];
        if (k->within || n < k->first_value || n >= k->first_value + k->n) continue;
        *ret_n = (int32_t)(n - k->first_value);
        return k;
    }
    return NULL;
}

void
place_all(struct guests *g)
{
    MAP_EACH(&g->lanes, l, struct lane, node) {
        for (int64_t i = 0; l->producer_id < 0 && i < l->parcels.n; i++)
            if (l->parcels.v[i]->offset >= 0) {
                VEC_PUSH(g->mem, &l->placed, l->parcels.v[i]);
                l->longest = MAX(l->longest, l->parcels.v[i]->n);
            }
        if (l->placed.n)
            qsort(l->placed.v, (size_t)l->placed.n, sizeof(struct parcel *), by_offset);
    }
}
