#include "broker/protocol/duration.h"

#include "broker/base/ckd.h"

static const struct unit {
    char letter;
    bool is_of_day; /* stands before the T */
    int64_t ms;
} units[] = {{'d', true, 86400000}, {'h', false, 3600000}, {'m', false, 60000}, {'s', false, 1000}};

static bool
take_letter(struct slice *s, char letter)
{
    if (s->n == 0 || ascii_lower(s->p[0]) != letter) return false;
    *s = slice_sub(*s, 1, s->n);
    return true;
}

static bool
take_sign(struct slice *s)
{
    bool minus = take_letter(s, '-');
    if (!minus) (void)take_letter(s, '+');
    return minus;
}

static int64_t
digits_n(struct slice s)
{
    int64_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') n++;
    return n;
}

/* Behind the point, up to nine digits, of which three count. */
static bool
take_fraction(struct slice *s, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (!take_letter(s, '.') && !take_letter(s, ',')) return true;
    int64_t n = digits_n(*s);
    for (int64_t i = 0; i < 3; i++) *ret_ms = *ret_ms * 10 + (i < n ? s->p[i] - '0' : 0);
    *s = slice_sub(*s, n, s->n);
    return n <= 9;
}

/* One number with its unit, which comes behind those before it. Of seconds alone there are parts. */
static bool
take_amount(struct slice *s, bool in_day, const struct unit **from, int64_t *sum_ms)
{
    const struct unit *end = units + sizeof units / sizeof *units;
    int64_t v, part_ms;
    bool minus = take_sign(s);
    int64_t n = digits_n(*s);
    if (n == 0 || !slice_to_i64(slice_sub(*s, 0, n), &v)) return false;
    *s = slice_sub(*s, n, s->n);
    bool has_point = s->n > 0 && (s->p[0] == '.' || s->p[0] == ',');
    if (!take_fraction(s, &part_ms)) return false;
    for (const struct unit *u = *from; u < end; u++) {
        if (u->is_of_day != in_day || (has_point && u->letter != 's') || !take_letter(s, u->letter))
            continue;
        *from = u + 1;
        return !ckd_mul(&v, v, u->ms) && !ckd_add(&v, v, part_ms) &&
               !ckd_add(sum_ms, *sum_ms, minus ? -v : v);
    }
    return false;
}

bool
duration_parse_ms(struct slice text, int64_t *ret_ms)
{
    const struct unit *from = units;
    int64_t sum_ms = 0;
    bool minus = take_sign(&text);
    if (!take_letter(&text, 'p') || text.n == 0) return false;
    if (ascii_lower(text.p[0]) != 't' && !take_amount(&text, true, &from, &sum_ms)) return false;
    if (text.n > 0 && (!take_letter(&text, 't') || text.n == 0)) return false;
    while (text.n > 0)
        if (!take_amount(&text, false, &from, &sum_ms)) return false;
    *ret_ms = minus ? -sum_ms : sum_ms;
    return true;
}
