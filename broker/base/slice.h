/* A slice is a borrowed run of bytes or text; it never owns. p == NULL means null (Kafka tells null
 * and empty apart), so an empty slice has p != NULL and n == 0. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *p;
    int64_t n;
};

#define SLICE_NULL ((struct slice){NULL, 0})
#define SLICE_EMPTY ((struct slice){(const uint8_t *)"", 0})
/* Of a string literal. */
#define S(lit) ((struct slice){(const uint8_t *)("" lit), (int64_t)sizeof(lit) - 1})

static inline struct slice
slice(const void *p, int64_t n)
{
    return (struct slice){p, n};
}

static inline struct slice
slice_cstr(const char *s)
{
    return (struct slice){(const uint8_t *)s, s ? (int64_t)strlen(s) : 0};
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.p == NULL) == (b.p == NULL) &&
           (a.n == 0 || memcmp(a.p, b.p, (size_t)a.n) == 0);
}

static inline uint8_t
ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* The same but for A-Z and a-z. Null is the same as empty. */
bool slice_eq_any_case(struct slice a, struct slice b);
/* By bytes, then by length; null sorts before empty. */
int slice_cmp(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* First position of c at or after from, or -1. */
int64_t slice_find(struct slice s, uint8_t c, int64_t from);
/* s[from, from + n), clipped to s. */
static inline struct slice
slice_sub(struct slice s, int64_t from, int64_t n)
{
    from = from < 0 ? 0 : from > s.n ? s.n : from;
    n = n < 0 ? 0 : n > s.n - from ? s.n - from : n;
    return slice(s.p ? s.p + from : NULL, n);
}
struct slice slice_trim(struct slice s);
/* The directory that a path stands in: "data" of "data/logs", "/" of "/logs", "." of "logs". Slashes
 * at the end do not count. */
struct slice path_parent(struct slice path);
/* Decimal with an optional sign, nothing else, no overflow. */
bool slice_to_i64(struct slice s, int64_t *ret);

#endif
