#include "broker/base/siphash.h"

static inline uint64_t
rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static inline void
round_once(struct siphash_begun *s)
{
    s->v0 += s->v1, s->v1 = rotl(s->v1, 13), s->v1 ^= s->v0, s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3, s->v3 = rotl(s->v3, 16), s->v3 ^= s->v2;
    s->v0 += s->v3, s->v3 = rotl(s->v3, 21), s->v3 ^= s->v0;
    s->v2 += s->v1, s->v1 = rotl(s->v1, 17), s->v1 ^= s->v2, s->v2 = rotl(s->v2, 32);
}

static inline struct siphash_begun
siphash_start(struct siphash_key key)
{
    return (struct siphash_begun){key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
                                  key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
}

static inline void
absorb(struct siphash_begun *s, uint64_t m)
{
    s->v3 ^= m;
    round_once(s);
    s->v0 ^= m;
}

static inline uint64_t
siphash_finish(struct siphash_begun *s)
{
    s->v2 ^= 0xff;
    round_once(s), round_once(s), round_once(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they lie");

static inline uint64_t
load_le64(const uint8_t *p)
{
    uint64_t m;
    memcpy(&m, p, sizeof m);
    return m;
}

/* Fewer than eight. */
static inline uint64_t
load_rest(const uint8_t *p, int64_t n)
{
    uint64_t m = 0;
    for (int64_t i = n - 1; i >= 0; i--) m = m << 8 | p[i];
    return m;
}

static inline void
absorb_all(struct siphash_begun *s, struct slice b)
{
    int64_t i = 0;
    for (; b.n - i >= 8; i += 8) absorb(s, load_le64(b.p + i));
    absorb(s, load_rest(b.p + i, b.n - i) | (uint64_t)b.n << 56);
}

uint64_t
siphash(struct siphash_key key, struct slice b)
{
    struct siphash_begun s = siphash_start(key);
    absorb_all(&s, b);
    return siphash_finish(&s);
}

struct siphash_wide
siphash_wide(struct siphash_key key, struct slice b)
{
    struct siphash_begun s = siphash_start(key);
    struct siphash_wide h;
    s.v1 ^= 0xee;
    absorb_all(&s, b);
    s.v2 ^= 0xee;
    round_once(&s), round_once(&s), round_once(&s);
    h.lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    round_once(&s), round_once(&s), round_once(&s);
    h.hi = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return h;
}

struct siphash_begun
siphash_begin_u64(struct siphash_key key, uint64_t a)
{
    struct siphash_begun s = siphash_start(key);
    absorb(&s, a);
    return s;
}

uint64_t
siphash_end_u64(const struct siphash_begun *begun, uint64_t b)
{
    struct siphash_begun s = *begun;
    absorb(&s, b);
    absorb(&s, (uint64_t)16 << 56);
    return siphash_finish(&s);
}

uint64_t
siphash_u64x2(struct siphash_key key, uint64_t a, uint64_t b)
{
    struct siphash_begun begun = siphash_begin_u64(key, a);
    return siphash_end_u64(&begun, b);
}
