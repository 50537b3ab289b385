#include "sim/workload/value.h"

#include "broker/base/bytes.h"
#include "broker/base/fmt.h"

static uint8_t
filler(uint64_t value, int64_t i)
{
    return (uint8_t)((value ^ value >> 40) + (uint64_t)i * 31);
}

/* Eight of them, as they lie (bytes.h asserts the order): bytes are added so that none carries into the next. Each record that
 * a run writes or reads comes through here, some with thousands of bytes. */
static uint64_t
filler_word(uint64_t value, int64_t i)
{
    const uint64_t ones = 0x0101010101010101, low = 0x7f7f7f7f7f7f7f7f;
    const uint64_t steps = 0xd9ba9b7c5d3e1f00; /* 31 times 7, 6, … 0 */
    uint64_t first = ones * filler(value, i);
    return ((first & low) + (steps & low)) ^ ((first ^ steps) & ~low);
}

void
value_write(uint64_t value, uint8_t *p, int64_t n)
{
    int64_t i = VALUE_BYTES_MIN;
    store_be64(p, value);
    for (; i + 8 <= n; i += 8) {
        uint64_t word = filler_word(value, i);
        memcpy(p + i, &word, sizeof word);
    }
    for (; i < n; i++) p[i] = filler(value, i);
}

static bool
is_filler(uint64_t value, const uint8_t *p, int64_t n)
{
    int64_t i = VALUE_BYTES_MIN;
    for (uint64_t word; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, sizeof word);
        if (word != filler_word(value, i)) return false;
    }
    for (; i < n; i++)
        if (p[i] != filler(value, i)) return false;
    return true;
}

bool
value_read(struct slice s, uint64_t *ret)
{
    if (s.n < VALUE_BYTES_MIN) return false;
    uint64_t value = load_be64(s.p);
    if (!is_filler(value, s.p, s.n)) return false;
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
