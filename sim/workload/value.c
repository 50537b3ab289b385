#include "sim/workload/value.h"

#include "broker/base/bytes.h"
#include "broker/base/fmt.h"

static uint8_t
filler(uint64_t value, int64_t i)
{
    return (uint8_t)((value ^ value >> 40) + (uint64_t)i * 31);
}

void
value_write(uint64_t value, uint8_t *p, int64_t n)
{
    store_be64(p, value);
    for (int64_t i = VALUE_BYTES_MIN; i < n; i++) p[i] = filler(value, i);
}

bool
value_read(struct slice s, uint64_t *ret)
{
    if (s.n < VALUE_BYTES_MIN) return false;
    uint64_t value = load_be64(s.p);
    for (int64_t i = VALUE_BYTES_MIN; i < s.n; i++)
        if (s.p[i] != filler(value, i)) return false;
    *ret = value;
    return value != 0;
}

bool
record_is_letter(const struct record *r)
{
    struct record_header h;
    int64_t at = 0;
    return record_header_next(r, &at, &h) && slice_eq(h.key, S("__dlq.errors.topic"));
}

bool
value_of_record(const struct record *r, uint64_t *ret)
{
    struct record_header h;
    int64_t at = 0;
    if (record_is_letter(r)) return false;
    if (r->value.p) return value_read(r->value, ret);
    return record_header_next(r, &at, &h) && value_read(h.value, ret);
}

struct slice
value_key(int64_t number, uint8_t room[VALUE_KEY_MAX])
{
    struct writer w = writer_fixed(room, VALUE_KEY_MAX);
    if (number < 0) return SLICE_NULL;
    fmt_char(&w, 'k');
    fmt_i64(&w, number);
    return writer_slice(&w);
}
