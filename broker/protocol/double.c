/* Steele and White, "How to print floating-point numbers accurately" (1990), free format: with
 * exact integers, digits come out until what is left is less than half the distance to a
 * neighbour. */
#include "broker/protocol/double.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

/* Enough for 2^1074 times 10^324. */
#define WORDS 76

struct big {
    uint32_t w[WORDS]; /* low first */
};

static void
big_mul(struct big *b, uint32_t by)
{
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)b->w[i] * by;
        b->w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    CHECK(carry == 0);
}

static void
big_shift(struct big *b, int bits)
{
    for (; bits >= 16; bits -= 16) big_mul(b, 1 << 16);
    big_mul(b, 1U << bits);
}

static int
big_cmp(const struct big *a, const struct big *b)
{
    for (int i = WORDS - 1; i >= 0; i--)
        if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

static struct big
big_add(const struct big *a, const struct big *b)
{
    struct big r;
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)a->w[i] + b->w[i];
        r.w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return r;
}

static void
big_sub(struct big *a, const struct big *b)
{
    int64_t borrow = 0;
    for (int i = 0; i < WORDS; i++) {
        int64_t d = (int64_t)a->w[i] - b->w[i] - borrow;
        borrow = d < 0;
        a->w[i] = (uint32_t)d;
    }
}

/* The value is r/s; its neighbours lie 2·above/s and 2·below/s away. */
struct digits {
    struct big r, s, above, below;
    bool even; /* a tie rounds to this value */
    int point; /* the value is 0.d1d2… × 10^point */
    int n;
    char d[20];
};

static void
set_up(struct digits *g, uint64_t fraction, int exponent, bool narrow_below)
{
    *g = (struct digits){.r = {{(uint32_t)fraction, (uint32_t)(fraction >> 32)}},
                         .even = !(fraction & 1)};
    g->s.w[0] = g->above.w[0] = g->below.w[0] = 1;
    big_shift(&g->r, 1 + narrow_below);
    big_shift(&g->s, 1 + narrow_below);
    big_shift(&g->above, narrow_below);
    if (exponent < 0) {
        big_shift(&g->s, -exponent);
        return;
    }
    big_shift(&g->r, exponent);
    big_shift(&g->above, exponent);
    big_shift(&g->below, exponent);
}

static bool
reaches(const struct digits *g, const struct big *upto)
{
    struct big high = big_add(&g->r, &g->above);
    int c = big_cmp(&high, upto);
    return c > 0 || (c == 0 && g->even);
}

static void
times_ten(struct digits *g)
{
    big_mul(&g->r, 10);
    big_mul(&g->above, 10);
    big_mul(&g->below, 10);
}

static void
scale(struct digits *g)
{
    while (reaches(g, &g->s)) {
        big_mul(&g->s, 10);
        g->point++;
    }
    for (;;) {
        struct digits next = *g;
        times_ten(&next);
        if (reaches(&next, &next.s)) return;
        *g = next;
        g->point--;
    }
}

static void
generate(struct digits *g)
{
    for (;;) {
        int d = 0;
        times_ten(g);
        for (; big_cmp(&g->r, &g->s) >= 0; d++) big_sub(&g->r, &g->s);
        int c = big_cmp(&g->r, &g->below);
        bool low = c < 0 || (c == 0 && g->even), high = reaches(g, &g->s);
        struct big twice = big_add(&g->r, &g->r);
        if (high && (!low || big_cmp(&twice, &g->s) >= 0)) d++;
        CHECK(g->n < (int)sizeof g->d);
        g->d[g->n++] = (char)('0' + d);
        if (low || high) return;
    }
}

/* As Java prints: plain from 0.001 to below ten million, else with an exponent. */
static void
print_digits(struct writer *w, const struct digits *g)
{
    bool plain = g->point > -3 && g->point <= 7;
    int before = plain ? g->point : 1;
    if (before <= 0) fmt_char(w, '0');
    for (int i = 0; i < before; i++) fmt_char(w, i < g->n ? g->d[i] : '0');
    fmt_char(w, '.');
    for (int i = before; i < 0; i++) fmt_char(w, '0');
    for (int i = before < 0 ? 0 : before; i < g->n; i++) fmt_char(w, g->d[i]);
    if (g->n <= before) fmt_char(w, '0');
    if (plain) return;
    fmt_char(w, 'E');
    fmt_i64(w, g->point - 1);
}

void
fmt_double(struct writer *w, uint64_t bits)
{
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff) {
        fmt_str(w, fraction ? "\"NaN\"" : bits >> 63 ? "\"-Infinity\"" : "\"Infinity\"");
        return;
    }
    if (bits >> 63) fmt_char(w, '-');
    if (exponent == 0 && fraction == 0) {
        fmt_str(w, "0.0");
        return;
    }
    struct digits g;
    bool narrow = fraction == 0 && exponent > 1;
    if (exponent) set_up(&g, fraction | UINT64_C(1) << 52, exponent - 1075, narrow);
    else set_up(&g, fraction, -1074, false);
    scale(&g);
    generate(&g);
    print_digits(w, &g);
}
