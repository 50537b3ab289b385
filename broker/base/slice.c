#include "broker/base/slice.h"

#include "broker/base/check.h"
#include "broker/base/ckd.h"

bool
slice_eq_any_case(struct slice a, struct slice b)
{
    for (int64_t i = 0; a.n == b.n && i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) return false;
    return a.n == b.n;
}

int
slice_cmp(struct slice a, struct slice b)
{
    if ((a.p == NULL) != (b.p == NULL)) return a.p == NULL ? -1 : 1;
    int64_t n = MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, (size_t)n) : 0;
    if (c) return c < 0 ? -1 : 1;
    return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice(s.p ? s.p : (const uint8_t *)"", prefix.n), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && s.p && slice_eq(slice(s.p + (s.n - suffix.n), suffix.n), suffix);
}

int64_t
slice_find(struct slice s, uint8_t c, int64_t from)
{
    for (int64_t i = from; i < s.n; i++)
        if (s.p[i] == c) return i;
    return -1;
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

struct slice
slice_trim(struct slice s)
{
    while (s.n && is_space(s.p[0])) s.p++, s.n--;
    while (s.n && is_space(s.p[s.n - 1])) s.n--;
    return s;
}

struct slice
path_parent(struct slice path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/') path.n--;
    int64_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return n == 0 ? S(".") : slice_sub(path, 0, n == 1 ? 1 : n - 1);
}

bool
slice_to_i64(struct slice s, int64_t *ret)
{
    bool neg = s.n && s.p[0] == '-';
    int64_t i = s.n && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0, v = 0;
    if (i >= s.n) return false;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        int64_t d = s.p[i] - '0';
        if (ckd_mul(&v, v, (int64_t)10) || ckd_add(&v, v, neg ? -d : d)) return false;
    }
    *ret = v;
    return true;
}
