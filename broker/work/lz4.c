/* lz4 frames: independent blocks of 64 KiB, no checksums, no content size. Of what is read, the first frame counts;
 * what lies behind it is passed over, and blocks that depend on each other are refused: both as Kafka's
 * Java reader has it, which has to read what is stored. */
#include <lz4frame.h>
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/codecs.h"
#include "broker/work/work.h"

#define BLOCK_BYTES (64 << 10)

static bool
lz4_add(struct out *out, size_t n, enum env_err *ret)
{
    if (LZ4F_isError(n)) *ret = ENV_ETOOBIG;
    else out->n += (int64_t)n;
    return !LZ4F_isError(n);
}

static enum env_err
lz4_compress_all(LZ4F_cctx *ctx, const LZ4F_preferences_t *prefs, struct in *in, struct out *out)
{
    enum env_err err = ENV_OK;
    int64_t room;
    uint8_t *p = out_room(out, LZ4F_HEADER_SIZE_MAX, &room);
    if (!lz4_add(out, LZ4F_compressBegin(ctx, p, (size_t)room, prefs), &err)) return err;
    for (struct slice s; (s = in_next(in)).n > 0;)
        while (s.n > 0) {
            int64_t part = MIN(s.n, BLOCK_BYTES);
            p = out_room(out, (int64_t)LZ4F_compressBound((size_t)part, prefs), &room);
            size_t n = LZ4F_compressUpdate(ctx, p, (size_t)room, s.p, (size_t)part, NULL);
            if (!lz4_add(out, n, &err)) return err;
            s.p += part, s.n -= part;
        }
    p = out_room(out, (int64_t)LZ4F_compressBound(0, prefs), &room);
    (void)lz4_add(out, LZ4F_compressEnd(ctx, p, (size_t)room, NULL), &err);
    return err;
}

enum env_err
lz4_compress(int32_t level, struct in *in, struct out *out)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
        .compressionLevel = level,
    };
    LZ4F_cctx *ctx;
    if (LZ4F_isError(LZ4F_createCompressionContext(&ctx, LZ4F_VERSION))) return ENV_EINVAL;
    /* The library wants room for the worst case: so the ceiling is applied afterwards. */
    int64_t ceiling = out->ceiling_bytes;
    out->ceiling_bytes = INT64_MAX / 2;
    enum env_err err = lz4_compress_all(ctx, &prefs, in, out);
    out->ceiling_bytes = ceiling;
    (void)LZ4F_freeCompressionContext(ctx);
    return !err && out->n > ceiling ? ENV_ETOOBIG : err;
}

static bool
has_linked_blocks(const struct in *in)
{
    enum { FLAGS_AT = 4, INDEPENDENT = 0x20 };
    uint8_t head[FLAGS_AT + 1];
    return in_peek(in, SLICE_EMPTY, head, sizeof head) == sizeof head &&
           !(head[FLAGS_AT] & INDEPENDENT);
}

static enum env_err
lz4_decompress_all(LZ4F_dctx *ctx, struct in *in, struct out *out)
{
    if (has_linked_blocks(in)) return ENV_ECORRUPT;
    struct slice s = in_next(in);
    size_t hint = 1;
    bool full = false;
    while (hint != 0) {
        int64_t room;
        uint8_t *p = out_room(out, BLOCK_BYTES, &room), spill;
        full = room == 0;
        size_t dst = full ? 1 : (size_t)room, src = (size_t)s.n;
        hint = LZ4F_decompress(ctx, full ? &spill : p, &dst, s.p, &src, NULL);
        if (LZ4F_isError(hint)) return ENV_ECORRUPT;
        if (full && dst) return ENV_ETOOBIG;
        if (!full) out->n += (int64_t)dst;
        if (src == 0 && dst == 0 && hint != 0 && s.n == 0) return ENV_ECORRUPT; /* cut off */
        s.p += src, s.n -= (int64_t)src;
        if (s.n == 0) s = in_next(in);
    }
    return ENV_OK;
}

enum env_err
lz4_decompress(struct in *in, struct out *out)
{
    LZ4F_dctx *ctx;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION))) return ENV_EINVAL;
    enum env_err err = lz4_decompress_all(ctx, in, out);
    (void)LZ4F_freeDecompressionContext(ctx);
    return err;
}

/* The checksum is one byte: trying them all is simpler than a hash of our own. */
void
work_mend_lz4_header(uint8_t *frame, int64_t n)
{
    if (n < 7) return;
    int64_t header = 7 + (frame[4] & 8 ? 8 : 0) + (frame[4] & 1 ? 4 : 0);
    if (n < header) return;
    uint8_t *checksum = frame + header - 1, old = *checksum;
    for (int c = 0; c < 256; c++) {
        LZ4F_dctx *ctx;
        LZ4F_frameInfo_t info;
        size_t used = (size_t)header;
        *checksum = (uint8_t)c;
        if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION))) break;
        bool right = !LZ4F_isError(LZ4F_getFrameInfo(ctx, &info, frame, &used));
        (void)LZ4F_freeDecompressionContext(ctx);
        if (right) return;
    }
    *checksum = old;
}
