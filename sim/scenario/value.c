#include "sim/scenario/value.h"

#include "broker/base/check.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit times[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", NS_PER_MS},
    {"s", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"d", 86400 * NS_PER_S},
};
static const struct unit sizes[] = {
    {"", 1},          {"B", 1},         {"kB", 1000},
    {"KB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "12.5" × factor, exactly; leaves the rest in s. */
static bool
parse_number(struct slice *s, int64_t *ret_whole, int64_t *ret_millionths)
{
    int64_t i = 0, whole = 0, part = 0, scale = 100000;
    while (i < s->n && is_digit(s->p[i])) {
        if (whole > 1000000000000) return false;
        whole = whole * 10 + (s->p[i++] - '0');
    }
    if (i == 0) return false;
    if (i + 1 < s->n && s->p[i] == '.' && is_digit(s->p[i + 1])) {
        for (i++; i < s->n && is_digit(s->p[i]); i++, scale /= 10) part += (s->p[i] - '0') * scale;
    }
    *s = slice_sub(*s, i, s->n - i);
    *ret_whole = whole;
    *ret_millionths = part;
    return true;
}

static bool
with_unit(struct slice s, const struct unit *units, int64_t n, int64_t *ret)
{
    int64_t whole, part, v, fraction;
    if (!parse_number(&s, &whole, &part)) return false;
    for (int64_t i = 0; i < n; i++) {
        if (!slice_eq(s, slice_cstr(units[i].name))) continue;
        if (__builtin_mul_overflow(whole, units[i].factor, &v)) return false;
        fraction = units[i].factor / 1000000 * part + units[i].factor % 1000000 * part / 1000000;
        if (v > INT64_MAX / 4) return false;
        *ret = v + fraction;
        return true;
    }
    return false;
}

bool
value_time(struct slice s, int64_t *ret_ns)
{
    return with_unit(s, times, ARRAY_LEN(times), ret_ns);
}

bool
value_size(struct slice s, int64_t *ret_bytes)
{
    return with_unit(s, sizes, ARRAY_LEN(sizes), ret_bytes);
}

bool
value_range(struct slice s, struct range *ret)
{
    int64_t dots = -1;
    for (int64_t i = 0; i + 1 < s.n && dots < 0; i++)
        if (s.p[i] == '.' && s.p[i + 1] == '.') dots = i;
    if (dots < 0) {
        if (!value_time(s, &ret->min)) return false;
        ret->max = ret->min;
        return true;
    }
    return value_time(slice_trim(slice_sub(s, 0, dots)), &ret->min) &&
           value_time(slice_trim(slice_sub(s, dots + 2, s.n)), &ret->max) && ret->min <= ret->max;
}

bool
value_rate(struct slice s, int64_t *ret)
{
    int64_t whole, part;
    if (!parse_number(&s, &whole, &part) || whole > 1000000) return false;
    int64_t thousandths = whole * 1000 + part / 1000;
    if (slice_eq(s, S("/s"))) *ret = thousandths;
    else if (slice_eq(s, S("/m"))) *ret = thousandths / 60;
    else return false;
    return *ret > 0;
}

bool
value_partition(struct slice s, struct partition_ref *ret)
{
    int64_t dash = -1, n;
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] == '-') dash = i;
    if (dash <= 0 || dash + 1 >= s.n || !is_digit(s.p[dash + 1])) return false;
    if (!slice_to_i64(slice_sub(s, dash + 1, s.n), &n) || n > INT32_MAX) return false;
    ret->topic = slice_sub(s, 0, dash);
    ret->partition = (int32_t)n;
    return value_is_word(ret->topic);
}

bool
value_is_word(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool ok = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                  c == '_' || c == '.';
        if (!ok) return false;
    }
    return s.n > 0 && s.n < 250;
}
