#include "sim/world/hash.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"

#define K1 0x9e3779b97f4a7c15u
#define K2 0xc2b2ae3d27d4eb4fu

static inline uint64_t
mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * K1;
    return h ^ (h >> 32);
}

/* As they lie: bytes.h asserts the order. */
static inline uint64_t
load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

__extension__ typedef unsigned __int128 wide;

/* Sixteen bytes with one wide multiplication, of which both halves count. */
static inline uint64_t
mix_block(uint64_t h, const uint8_t *p)
{
    wide product = (wide)(load_word(p) ^ K1) * (load_word(p + 8) ^ h ^ K2);
    return h ^ (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
digest(struct slice bytes)
{
    uint64_t a = K2 ^ (uint64_t)bytes.n, b = K1;
    const uint8_t *p = bytes.p;
    int64_t n = bytes.p ? bytes.n : 0;
    bool is_long = n >= 16;
    for (; n >= 32; n -= 32, p += 32) {
        a = mix_block(a, p);
        b = mix_block(b, p + 16);
    }
    if (n >= 16) a = mix_block(a, p), n -= 16, p += 16;
    /* The last sixteen: some of them once more. */
    if (is_long) return mix(mix_block(a, p + n - 16), b);
    uint8_t rest[16] = {0};
    if (n) memcpy(rest, p, (size_t)n);
    return mix(mix_block(a, rest), b);
}

static void
hash_word(struct run_hash *h, uint64_t word)
{
    h->h = mix(h->h, word);
}

static void
hash_bytes(struct run_hash *h, struct slice bytes)
{
    hash_word(h, digest(bytes));
}

uint64_t
event_ordinal(const struct event *ev)
{
    if (ev->op) return ev->op->ordinal;
    if (ev->conn) return ev->conn->handle;
    if (ev->kind == EV_ACCEPTED) return ev->accepted.handle;
    if (ev->listener) return ev->listener->handle;
    return 0;
}

static void
hash_done(struct run_hash *h, const struct event *ev)
{
    if (ev->op->kind == OP_READ && ev->err == ENV_OK)
        hash_bytes(h, slice(ev->op->buf->data + ev->op->flags, ev->n));
    if (ev->buf) hash_bytes(h, buf_slice(ev->buf));
}

void
hash_event(struct run_hash *h, int64_t at_ns, int32_t machine, const struct event *ev)
{
    if (!h->on) return;
    hash_word(h, (uint64_t)at_ns);
    hash_word(h, (uint64_t)machine << 32 | (uint64_t)ev->kind << 16 | (uint64_t)ev->err);
    hash_word(h, event_ordinal(ev));
    hash_word(h, (uint64_t)ev->n);
    /* What comes from the network (EV_BYTES) has been counted as it was sent: here, how much of it came, and when. */
    if (ev->kind == EV_DONE) hash_done(h, ev);
}

void
hash_mark(struct run_hash *h, int64_t at_ns, int32_t machine, int64_t what)
{
    if (!h->on) return;
    hash_word(h, (uint64_t)at_ns);
    hash_word(h, (uint64_t)machine << 32 | 0xffff);
    hash_word(h, (uint64_t)what);
}

static void
hash_segs(struct run_hash *h, const struct seg *segs, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (segs[i].buf) {
            hash_bytes(h, segs[i].bytes);
            continue;
        }
        hash_word(h, segs[i].file->handle);
        hash_word(h, (uint64_t)segs[i].offset);
        hash_word(h, (uint64_t)segs[i].n);
    }
}

static void
hash_op(struct run_hash *h, const struct op *op)
{
    hash_word(h, op->ordinal << 8 | (uint64_t)op->kind);
    bool has_file = op->kind >= OP_OPEN && op->kind <= OP_TRUNCATE;
    if (has_file) hash_word(h, op->file->handle);
    if (op->kind == OP_READ || op->kind == OP_WRITE || op->kind == OP_WORK)
        hash_word(h, (uint64_t)op->offset);
    if (op->kind == OP_READ || op->kind == OP_TRUNCATE) hash_word(h, (uint64_t)op->n);
    if (op->path.p) hash_bytes(h, op->path);
    if (op->path2.p) hash_bytes(h, op->path2);
    hash_segs(h, op->segs, op->segs_n);
}

static uint64_t
effect_handle(const struct effect *e)
{
    if (e->conn) return e->conn->handle;
    if (e->listener) return e->listener->handle;
    return e->file ? e->file->handle : 0;
}

void
hash_effects(struct run_hash *h, const struct env *env)
{
    if (!h->on) return;
    for (int64_t i = 0; i < env->effects.n; i++) {
        const struct effect *e = &env->effects.v[i];
        hash_word(h, e->ordinal << 8 | (uint64_t)e->kind);
        if (e->kind == EF_OP) {
            hash_op(h, e->op);
            continue;
        }
        hash_word(h, effect_handle(e));
        hash_word(h, (uint64_t)e->n);
        if (e->path.p) hash_bytes(h, e->path);
        hash_segs(h, e->segs, e->segs_n);
    }
}
