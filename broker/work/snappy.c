/* snappy as Kafka's clients write it: a header of 16 bytes, then blocks, each with its length in four
 * bytes before it. C clients leave the framing away: raw snappy is read, too. As with Java's reader, such
 * streams may follow each other, and fewer than four bytes behind the last block are passed over. */
#include <snappy-c.h>

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/work/codecs.h"

#include <stdlib.h>

#define BLOCK_BYTES (32 << 10)
#define MAGIC S("\x82SNAPPY\0")
#define HEADER_BYTES 16

static enum env_err
block_compress(struct slice block, struct out *out)
{
    size_t n = snappy_max_compressed_length((size_t)block.n);
    uint8_t tmp[BLOCK_BYTES + BLOCK_BYTES / 4 + 64];
    CHECK(n <= sizeof tmp);
    if (snappy_compress((const char *)block.p, (size_t)block.n, (char *)tmp, &n) != SNAPPY_OK)
        return ENV_EINVAL;
    uint8_t length[4];
    store_be32(length, (uint32_t)n);
    bool fits = out_bytes(out, slice(length, 4)) && out_bytes(out, slice(tmp, (int64_t)n));
    return fits ? ENV_OK : ENV_ETOOBIG;
}

enum env_err
xerial_compress(struct in *in, struct out *out)
{
    static const uint8_t versions[8] = {0, 0, 0, 1, 0, 0, 0, 1};
    if (!out_bytes(out, MAGIC) || !out_bytes(out, slice(versions, 8))) return ENV_ETOOBIG;
    uint8_t block[BLOCK_BYTES];
    int64_t n = 0;
    enum env_err err = ENV_OK;
    for (struct slice s; !err && (s = in_next(in)).n > 0;)
        while (!err && s.n > 0) {
            int64_t part = MIN(s.n, BLOCK_BYTES - n);
            memcpy(block + n, s.p, (size_t)part);
            n += part, s.p += part, s.n -= part;
            if (n < BLOCK_BYTES) continue;
            err = block_compress(slice(block, n), out);
            n = 0;
        }
    if (!err && n) err = block_compress(slice(block, n), out);
    return err;
}

static enum env_err
block_decompress(struct slice block, struct out *out)
{
    size_t n;
    if (snappy_uncompressed_length((const char *)block.p, (size_t)block.n, &n) != SNAPPY_OK)
        return ENV_ECORRUPT;
    /* A literal or a copy of 64 bytes takes at least three: more is a lie in the length. */
    if (n > (size_t)block.n * 32 + 64) return ENV_ECORRUPT;
    int64_t room;
    uint8_t *p = out_room(out, (int64_t)n, &room);
    if (room < (int64_t)n) return ENV_ETOOBIG;
    if (n == 0) return block.n == 1 ? ENV_OK : ENV_ECORRUPT;
    if (snappy_uncompress((const char *)block.p, (size_t)block.n, (char *)p, &n) != SNAPPY_OK)
        return ENV_ECORRUPT;
    out->n += (int64_t)n;
    return ENV_OK;
}

/* Another stream begins: its header stands in a length's place. */
static bool
skip_header(struct slice whole, struct reader *r)
{
    struct slice rest = slice_sub(whole, whole.n - reader_left(r), HEADER_BYTES);
    if (!slice_starts(rest, MAGIC)) return false;
    reader_skip(r, HEADER_BYTES);
    return !r->err;
}

static enum env_err
blocks_decompress(struct slice whole, struct out *out)
{
    struct reader r = reader(whole);
    while (reader_left(&r) >= 4) {
        if (skip_header(whole, &r)) continue;
        struct slice block = reader_bytes(&r, reader_i32(&r));
        if (r.err) return ENV_ECORRUPT;
        enum env_err err = block_decompress(block, out);
        if (err) return err;
    }
    return ENV_OK;
}

enum env_err
xerial_decompress(struct in *in, struct out *out)
{
    struct slice whole;
    uint8_t *tmp;
    if (!in_whole(in, &whole, &tmp)) return ENV_ETOOBIG;
    bool framed = whole.n >= HEADER_BYTES && slice_starts(whole, MAGIC);
    enum env_err err = framed ? blocks_decompress(whole, out) : block_decompress(whole, out);
    free(tmp);
    return err;
}
