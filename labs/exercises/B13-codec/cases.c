/* Cases for numbers of variable length, CRC-32C, and the header of a batch. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/crc32c.h"
#include "broker/base/leb128.h"
#include "broker/record/batch.h"
#include "labs/exercises/judge.h"

__typeof__(leb128_read) student_leb128_read, reference_leb128_read;
__typeof__(leb128_write) student_leb128_write, reference_leb128_write;
__typeof__(uvarint_bytes) student_uvarint_bytes, reference_uvarint_bytes;
__typeof__(varint_bytes) student_varint_bytes, reference_varint_bytes;
__typeof__(varlong_bytes) student_varlong_bytes, reference_varlong_bytes;
__typeof__(crc32c) student_crc32c, reference_crc32c;
__typeof__(batch_header_read) student_batch_header_read, reference_batch_header_read;
__typeof__(batch_header_write) student_batch_header_write, reference_batch_header_write;
__typeof__(batch_counts_fit) student_batch_counts_fit, reference_batch_counts_fit;

static void
hex(char *text, size_t size, const uint8_t *p, int64_t n)
{
    int at = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < n && at < (int)size - 8; i++)
        at += snprintf(text + at, size - (size_t)at, "%s%02x", i ? " " : "", p[i]);
}

/* On the heap, and exactly as long as it is: who reads beyond is seen. */
static uint8_t *
copy_of(const uint8_t *p, int64_t n)
{
    uint8_t *copy = malloc((size_t)n + !n);
    for (int64_t i = 0; i < n; i++) copy[i] = p[i];
    return copy;
}

/* ---- numbers of variable length ---- */

static void
read_number(const char *rule, const uint8_t *p, int64_t n, int bits)
{
    char text[80], got[64], wanted[64];
    uint64_t v = 0, right = 0;
    uint8_t *copy = copy_of(p, n);
    hex(text, sizeof text, p, n);
    judge_case(rule, "the bytes %s, a number of %d bits", text, bits);
    int takes = reference_leb128_read(p, n, bits, &right);
    (void)snprintf(wanted, sizeof wanted, takes ? "%" PRIu64 " in %d bytes" : "no number", right,
                   takes);
    takes = student_leb128_read(copy, n, bits, &v);
    (void)snprintf(got, sizeof got, takes ? "%" PRIu64 " in %d bytes" : "no number", v, takes);
    judge_text(got, wanted);
    free(copy);
}

static void
write_number(const char *rule, uint64_t v)
{
    uint8_t *yours = calloc(1, LEB128_MAX_BYTES), right[LEB128_MAX_BYTES];
    char got[64], wanted[64];
    judge_case(rule, "%" PRIu64 " is written", v);
    hex(wanted, sizeof wanted, right, reference_leb128_write(v, right));
    int n = student_leb128_write(v, yours);
    hex(got, sizeof got, yours, n < 0 || n > LEB128_MAX_BYTES ? 0 : n);
    judge_text(got, wanted);
    free(yours);
}

static void
how_long(const char *rule, int64_t v)
{
    judge_case(rule, "how many bytes has %" PRId64 ", folded, in 64 bits?", v);
    judge_is(student_varlong_bytes(v), reference_varlong_bytes(v));
    if (v < INT32_MIN || v > INT32_MAX) return;
    judge_case(rule, "how many bytes has %" PRId64 ", folded, in 32 bits?", v);
    judge_is(student_varint_bytes((int32_t)v), reference_varint_bytes((int32_t)v));
}

static uint64_t
draw_number(void)
{
    uint64_t v = (uint64_t)judge_dice(INT64_MAX) << 1 | (uint64_t)judge_dice(2);
    return v >> judge_dice(64);
}

static void
numbers(void)
{
    static const uint8_t two[] = {0x8e, 0x02}, zero[] = {0, 0x80},
                         most32[] = {255, 255, 255, 255, 15}, over32[] = {255, 255, 255, 255, 16},
                         most64[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 1},
                         over64[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2},
                         endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0},
                         padded[] = {0x81, 0x00};
    read_number("small", (uint8_t[]){0x7f}, 1, 32);
    read_number("small", zero, 2, 64);
    write_number("small", 0);
    write_number("small", 127);
    read_number("groups", two, 2, 32);
    read_number("groups", most32, 5, 32);
    read_number("groups", most64, 10, 64);
    read_number("groups", padded, 2, 64);
    write_number("groups", 128);
    write_number("groups", 270);
    write_number("groups", UINT64_MAX);
    for (int shift = 0; shift < 64; shift++) {
        write_number("whole", 1ULL << shift);
        write_number("whole", (1ULL << shift) - 1);
        judge_case("whole", "how many bytes has %u?", (1U << (shift & 31)) - (shift < 32));
        judge_is(student_uvarint_bytes((1U << (shift & 31)) - (shift < 32)),
                 reference_uvarint_bytes((1U << (shift & 31)) - (shift < 32)));
    }
    read_number("cut-off", two, 1, 32);
    read_number("cut-off", two, 0, 32);
    read_number("cut-off", most64, 9, 64);
    read_number("too-large", over32, 5, 32);
    read_number("too-large", over64, 10, 64);
    read_number("too-large", endless, 11, 64);
    read_number("too-large", endless, 11, 32);
    static const int64_t folded[] = {0,     -1,        1,         63,        64,
                                     -64,   -65,       8191,      8192,      -8192,
                                     -8193, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof folded / sizeof *folded; i++) how_long("zigzag", folded[i]);
}

/* ---- the checksum ---- */

static void
checksum(const char *rule, const uint8_t *p, int64_t n, int64_t cut, uint32_t right)
{
    char got[16], wanted[16], text[60];
    uint8_t *a = copy_of(p, cut), *b = copy_of(p + cut, n - cut);
    hex(text, sizeof text, p, n);
    judge_case(rule, "%s%s, of %d bytes%s", text, n > 15 ? " …" : "", (int)n,
               cut ? ", in two pieces" : "");
    uint32_t crc = cut ? student_crc32c(CRC32C_PORTABLE, 0, slice(a, cut)) : 0;
    crc = student_crc32c(CRC32C_PORTABLE, crc, slice(b, n - cut));
    (void)snprintf(got, sizeof got, "%08x", crc);
    (void)snprintf(wanted, sizeof wanted, "%08x", right);
    judge_text(got, wanted);
    free(a);
    free(b);
}

static void
checksums(void)
{
    static const uint8_t digits[] = "123456789";
    uint8_t zeros[32] = {0}, ones[32];
    memset(ones, 255, sizeof ones);
    checksum("crc-known", digits, 9, 0, 0xe3069283);
    checksum("crc-known", digits, 0, 0, 0);
    checksum("crc-known", zeros, 32, 0, 0x8a9136aa);
    checksum("crc-known", ones, 32, 0, 0x62a8ab43);
    for (int64_t cut = 1; cut < 9; cut++) checksum("crc-pieces", digits, 9, cut, 0xe3069283);
}

/* ---- the header ---- */

static void
say_header(char *text, size_t size, const struct batch_header *h)
{
    (void)snprintf(text, size,
                   "base offset %" PRId64 " length %d leader epoch %d magic %d crc %08x attributes "
                   "%d last offset delta %d base timestamp %" PRId64 " max timestamp %" PRId64
                   " producer id %" PRId64 " producer epoch %d base sequence %d records %d",
                   h->base_offset, h->length, h->leader_epoch, h->magic, h->crc, h->attributes,
                   h->last_offset_delta, h->base_timestamp, h->max_timestamp, h->producer_id,
                   h->producer_epoch, h->base_sequence, h->records_n);
}

/* Only what differs is told. */
static void
judge_headers(const struct batch_header *yours, const struct batch_header *right)
{
    char got[500], wanted[500];
    say_header(got, sizeof got, yours);
    say_header(wanted, sizeof wanted, right);
    size_t at = 0, word = 0;
    while (got[at] && got[at] == wanted[at]) {
        at++;
        if (got[at] == ' ' && (got[at + 1] > '9' || got[at + 1] == ' ')) word = at + 1;
    }
    bool same = !got[at] && !wanted[at];
    if (!same)
        got[word + 60 < sizeof got ? word + 60 : word] =
            wanted[word + 60 < sizeof wanted ? word + 60 : word] = '\0';
    judge_text(got + (same ? 0 : word), wanted + (same ? 0 : word));
}

static void
read_header(const char *rule, const uint8_t *bytes, const char *what)
{
    struct batch_header yours = {0}, right = {0};
    uint8_t *copy = copy_of(bytes, BATCH_HEADER_BYTES);
    judge_case(rule, "a header is read: %s", what);
    reference_batch_header_read(bytes, &right);
    student_batch_header_read(copy, &yours);
    judge_headers(&yours, &right);
    free(copy);
}

static void
write_header(const char *rule, const struct batch_header *h, const char *what)
{
    uint8_t right[BATCH_HEADER_BYTES], *yours = malloc(BATCH_HEADER_BYTES);
    char got[40], wanted[40];
    memset(yours, 0xaa, BATCH_HEADER_BYTES);
    reference_batch_header_write(h, right);
    judge_case(rule, "a header is written: %s", what);
    student_batch_header_write(h, yours);
    int at = 0;
    while (at < BATCH_HEADER_BYTES && yours[at] == right[at]) at++;
    (void)snprintf(wanted, sizeof wanted, "all 61 bytes");
    (void)snprintf(got, sizeof got, "all 61 bytes");
    if (at < BATCH_HEADER_BYTES) {
        (void)snprintf(got, sizeof got, "%02x at byte %d", yours[at], at);
        (void)snprintf(wanted, sizeof wanted, "%02x there", right[at]);
    }
    judge_text(got, wanted);
    free(yours);
}

static void
count(const char *rule, int32_t records, int32_t delta, int16_t attributes, int32_t payload)
{
    struct batch_header h = {.length = BATCH_HEADER_BYTES - BATCH_SPAN_BYTES + payload,
                             .attributes = attributes,
                             .last_offset_delta = delta,
                             .records_n = records};
    judge_case(rule, "%d records, last offset delta %d, %d bytes of records, %s", records, delta,
               payload, attributes & BATCH_CODEC_MASK ? "compressed" : "not compressed");
    judge_bool(student_batch_counts_fit(&h), reference_batch_counts_fit(&h));
}

static void
headers(void)
{
    uint8_t bytes[BATCH_HEADER_BYTES];
    for (int i = 0; i < BATCH_HEADER_BYTES; i++) bytes[i] = (uint8_t)(i + 1);
    read_header("fields", bytes, "its bytes are 1, 2, 3 …");
    for (int i = 0; i < BATCH_HEADER_BYTES; i++) bytes[i] = (uint8_t)(255 - i);
    read_header("fields", bytes, "its bytes are 255, 254, 253 …, so all numbers are negative");
    memset(bytes, 255, sizeof bytes);
    read_header("fields", bytes, "all bits are set: each number is -1, but for the checksum");
    struct batch_header h = {.base_offset = 1LL << 40,
                             .length = 200,
                             .leader_epoch = 7,
                             .magic = 2,
                             .crc = 0xfedcba98,
                             .attributes = BATCH_TRANSACTIONAL,
                             .last_offset_delta = 2,
                             .base_timestamp = 1700000000000,
                             .max_timestamp = 1700000000002,
                             .producer_id = 4001,
                             .producer_epoch = 1,
                             .base_sequence = 12,
                             .records_n = 3};
    write_header("order", &h, "a batch of three records");
    h.producer_id = h.producer_epoch = h.base_sequence = h.leader_epoch = -1;
    write_header("order", &h, "without a producer id");
    count("counts", 3, 2, 0, 100);
    count("counts", 0, 2, 0, 0);
    count("counts", 1, 9, 0, 100);
    count("counts", 4, 2, 0, 100);
    count("counts", -1, 2, 0, 100);
    count("counts", 0, -1, 0, 100);
    count("counts", INT32_MAX, INT32_MAX, 1, 100);
    count("fits", INT32_MAX, INT32_MAX, 0, 100);
    count("fits", 613566757, INT32_MAX, 0,
          100); /* seven times that has its upper bits beyond 2^32 */
    count("fits", 2, 1, 0, 14);
    count("fits", 2, 1, 0, 13);
    count("fits", 1, 0, 0, 6);
    count("fits", 900, 899, 2, 100);
}

static void
draw_all(void)
{
    uint8_t bytes[BATCH_HEADER_BYTES], number[12];
    for (int i = 0; i < BATCH_HEADER_BYTES; i++) bytes[i] = (uint8_t)judge_dice(256);
    int64_t n = judge_dice(12);
    for (int i = 0; i < 12; i++)
        number[i] = (uint8_t)(judge_dice(256) | (judge_dice(3) ? 0x80 : 0));
    read_number("random", number, n, judge_dice(2) ? 32 : 64);
    write_number("random", draw_number());
    how_long("random", (int64_t)draw_number());
    n = judge_dice(BATCH_HEADER_BYTES);
    checksum("random", bytes, n, judge_dice(n + 1),
             reference_crc32c(CRC32C_PORTABLE, 0, slice(bytes, n)));
    read_header("random", bytes, "drawn at random");
    struct batch_header h;
    reference_batch_header_read(bytes, &h);
    write_header("random", &h, "drawn at random");
    count("random", (int32_t)judge_dice(20) - 2, (int32_t)judge_dice(20) - 2,
          (int16_t)judge_dice(3), (int32_t)judge_dice(100));
}

int
main(void)
{
    numbers();
    checksums();
    headers();
    for (int i = 0; i < 3000; i++) draw_all();
    return 0;
}
