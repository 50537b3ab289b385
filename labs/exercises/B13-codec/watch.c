/* Numbers, checksums and headers in a run: the student's answers are taken, and compared with the reference's. */
#include <inttypes.h>
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

/* The simulator writes its trace with the same numbers. It shall be able to show the mistake; so ours is taken, and the
 * student's compared. */
int
leb128_read(const uint8_t *p, int64_t n, int bits, uint64_t *ret)
{
    uint64_t v = 0;
    int takes = reference_leb128_read(p, n, bits, ret);
    if (!watch_is_in_machine()) return takes;
    int yours = student_leb128_read(p, n, bits, &v);
    if (yours != takes || (takes && v != *ret))
        watch_differs("a number of %d bits, of which %" PRId64
                      " bytes are there, is read as %" PRIu64 " in %d bytes, and should be %" PRIu64
                      " in %d (0 bytes: none)",
                      bits, n, v, yours, takes ? *ret : 0, takes);
    return takes;
}

int
leb128_write(uint64_t v, uint8_t ret[LEB128_MAX_BYTES])
{
    uint8_t its[LEB128_MAX_BYTES] = {0};
    int takes = reference_leb128_write(v, ret);
    if (!watch_is_in_machine()) return takes;
    int yours = student_leb128_write(v, its);
    if (yours != takes || memcmp(ret, its, (size_t)takes) != 0)
        watch_differs("%" PRIu64
                      " is written in %d bytes, of which the first is %02x, and should be in %d, "
                      "the first %02x",
                      v, yours, its[0], takes, ret[0]);
    return takes;
}

static int
told_bytes(const char *what, int64_t v, int yours, int right)
{
    if (yours != right && watch_is_in_machine())
        watch_differs("%" PRId64 ", %s, is said to have %d bytes, and has %d", v, what, yours,
                      right);
    return right;
}

int
uvarint_bytes(uint32_t v)
{
    return told_bytes("as it is", v, student_uvarint_bytes(v), reference_uvarint_bytes(v));
}

int
varint_bytes(int32_t v)
{
    return told_bytes("folded", v, student_varint_bytes(v), reference_varint_bytes(v));
}

int
varlong_bytes(int64_t v)
{
    return told_bytes("folded", v, student_varlong_bytes(v), reference_varlong_bytes(v));
}

uint32_t
crc32c(enum crc32c_impl impl, uint32_t crc, struct slice bytes)
{
    uint32_t yours = student_crc32c(impl, crc, bytes), right = reference_crc32c(impl, crc, bytes);
    if (yours != right)
        watch_differs("the checksum of %" PRId64
                      " bytes, behind others with %08x, is %08x, and should "
                      "be %08x",
                      bytes.n, crc, yours, right);
    return yours;
}

static bool
is_same(const struct batch_header *a, const struct batch_header *b)
{
    uint8_t x[BATCH_HEADER_BYTES], y[BATCH_HEADER_BYTES];
    reference_batch_header_write(a, x);
    reference_batch_header_write(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

void
batch_header_read(const uint8_t bytes[BATCH_HEADER_BYTES], struct batch_header *ret)
{
    struct batch_header right;
    *ret = (struct batch_header){0};
    student_batch_header_read(bytes, ret);
    reference_batch_header_read(bytes, &right);
    if (!is_same(ret, &right))
        watch_differs("a header of offset %" PRId64
                      " with %d records is read as one of offset %" PRId64
                      " with %d, or another field differs",
                      right.base_offset, right.records_n, ret->base_offset, ret->records_n);
    ret->length = right.length; /* memory is gone through by it */
}

void
batch_header_write(const struct batch_header *h, uint8_t ret[BATCH_HEADER_BYTES])
{
    uint8_t right[BATCH_HEADER_BYTES];
    student_batch_header_write(h, ret);
    reference_batch_header_write(h, right);
    for (int i = 0; i < BATCH_HEADER_BYTES; i++)
        if (ret[i] != right[i]) {
            watch_differs("the header of a batch at offset %" PRId64
                          " has %02x at byte %d, and should "
                          "have %02x",
                          h->base_offset, ret[i], i, right[i]);
            break;
        }
}

bool
batch_counts_fit(const struct batch_header *h)
{
    bool yours = student_batch_counts_fit(h), right = reference_batch_counts_fit(h);
    if (yours != right)
        watch_differs("%d records, last offset delta %d, in a batch of %" PRId64 " bytes are %s",
                      h->records_n, h->last_offset_delta, batch_size_bytes(h),
                      yours ? "believed, and cannot be" : "not believed, and may well be");
    return yours;
}
