/* What is in batches: each kept once, by a hash of its bytes, so that who sends a record, who sends it again, and whoever
 * reads it, speak of the same. */
#include "sim/scenario/guests_own.h"

#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/work.h"

#define INFLATED_MAX_BYTES (64 << 20)
#define KEY_SHOWN_BYTES 40
#define NO_KEY 255
#define COVERED_AT 21 /* where what a batch's checksum covers begins */

static const struct siphash_key plain;

static uint64_t
content_of(const struct record *rec)
{
    uint64_t k = siphash(plain, rec->key), v = siphash(plain, rec->value);
    return siphash_u64x2(plain, k + (rec->key.p != NULL), v + (rec->value.p != NULL));
}

static bool
same_goods(const struct map_node *node, const void *key)
{
    (void)node, (void)key;
    return true; /* of 64 bits none are alike by chance */
}

/* False: it holds no such records. */
static bool
read_records(struct guests *g, struct goods *b, struct slice payload)
{
    struct writer keys = writer_mem(g->mem);
    struct records rs;
    struct record rec;
    bool has_keys = false, is_dense = true;
    int32_t n = b->h.records_n, i = 0;
    int32_t *deltas = arena_alloc(&g->scratch, (n + 1) * (int64_t)sizeof *deltas);
    b->contents = ARENA_ARRAY(&g->a, uint64_t, n + 1);
    for (records_begin(&rs, &b->h, payload); i < n && records_next(&rs, &rec); i++) {
        struct slice key = slice_sub(rec.key, 0, MIN(rec.key.n, KEY_SHOWN_BYTES));
        b->contents[i] = content_of(&rec);
        deltas[i] = rec.offset_delta;
        is_dense &= rec.offset_delta == i;
        has_keys |= rec.key.p != NULL;
        fmt_char(&keys, (char)(rec.key.p ? key.n : NO_KEY));
        writer_bytes(&keys, key);
    }
    if (has_keys) {
        b->keys = arena_alloc(&g->a, keys.n);
        memcpy(b->keys, keys.p, (size_t)keys.n);
    }
    if (!is_dense) {
        b->deltas = ARENA_ARRAY(&g->a, int32_t, n);
        memcpy(b->deltas, deltas, (size_t)n * sizeof *deltas);
    }
    writer_release(&keys);
    return i == n;
}

struct goods *
goods_of(struct guests *g, const struct batch_header *h, struct slice batch)
{
    uint64_t hash = siphash(plain, slice_sub(batch, COVERED_AT, batch_size_bytes(h)));
    struct map_node *known = map_find(&g->goods, hash, same_goods, NULL);
    struct slice payload = batch_payload(batch, h);
    struct work_result inflated = {0};
    /* A record takes seven bytes at least; compressed, nobody can say before. */
    if (known) return CONTAINER_OF(known, struct goods, node);
    if (batch_codec(h) != CODEC_NONE) {
        struct buf b = {.data = (uint8_t *)(uintptr_t)payload.p, .n = payload.n, .cap = payload.n};
        struct seg seg = {.buf = &b, .bytes = payload};
        if (work_run(WORK_DECOMPRESS, batch_codec(h), 0, &seg, 1, INFLATED_MAX_BYTES, &inflated))
            return NULL;
        payload = slice(inflated.p, inflated.n);
    }
    struct goods *b = NULL;
    if (h->records_n >= 0 && h->records_n <= payload.n) {
        b = ARENA_NEW(&g->a, struct goods);
        b->h = *h;
        if (read_records(g, b, payload)) map_insert(&g->goods, &b->node, hash);
        else b = NULL;
    }
    free(inflated.p);
    return b;
}

struct slice
goods_key(const struct goods *b, int32_t n)
{
    const uint8_t *at = b->keys;
    if (!at) return SLICE_NULL;
    for (int32_t i = 0; i < n; i++) at += 1 + (*at == NO_KEY ? 0 : *at);
    return *at == NO_KEY ? SLICE_NULL : slice(at + 1, *at);
}
