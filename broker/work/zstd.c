/* zstd frames, streamed: no content size in the header, as the Java client writes them. */
#include <zstd.h>

#include "broker/base/check.h"
#include "broker/work/codecs.h"

#define STEP_BYTES (64 << 10)
/* What the Java client's decoder takes; a window costs its size in memory. */
#define WINDOW_LOG_MAX 27

static enum env_err
compress_all(ZSTD_CCtx *ctx, struct in *in, struct out *out)
{
    struct slice s = in_next(in);
    for (;;) {
        ZSTD_inBuffer src = {s.p, (size_t)s.n, 0};
        s = in_next(in);
        ZSTD_EndDirective mode = s.n ? ZSTD_e_continue : ZSTD_e_end;
        size_t left;
        do {
            int64_t room;
            uint8_t *p = out_room(out, STEP_BYTES, &room);
            if (room == 0) return ENV_ETOOBIG;
            ZSTD_outBuffer dst = {p, (size_t)room, 0};
            left = ZSTD_compressStream2(ctx, &dst, &src, mode);
            if (ZSTD_isError(left)) return ENV_EINVAL;
            out->n += (int64_t)dst.pos;
        } while (mode == ZSTD_e_end ? left != 0 : src.pos < src.size);
        if (mode == ZSTD_e_end) return ENV_OK;
    }
}

enum env_err
zstd_compress(int32_t level, struct in *in, struct out *out)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    if (!ctx) return ENV_EINVAL;
    (void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
    (void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 0);
    enum env_err err = compress_all(ctx, in, out);
    (void)ZSTD_freeCCtx(ctx);
    return err;
}

static enum env_err
decompress_all(ZSTD_DCtx *ctx, struct in *in, struct out *out)
{
    size_t hint = 1;
    bool any = false;
    for (struct slice s; (s = in_next(in)).n > 0;) {
        ZSTD_inBuffer src = {s.p, (size_t)s.n, 0};
        bool more = true;
        any = true;
        while (src.pos < src.size || more) {
            int64_t room;
            uint8_t *p = out_room(out, STEP_BYTES, &room), spill;
            bool full = room == 0;
            ZSTD_outBuffer dst = {full ? &spill : p, full ? 1 : (size_t)room, 0};
            size_t before = src.pos;
            hint = ZSTD_decompressStream(ctx, &dst, &src);
            if (ZSTD_isError(hint)) return ENV_ECORRUPT;
            if (full && dst.pos) return ENV_ETOOBIG;
            if (!full) out->n += (int64_t)dst.pos;
            /* More may wait inside when the output was filled to the brim. */
            more = dst.pos == dst.size && hint != 0;
            if (!more && dst.pos == 0 && src.pos == before) break;
        }
        if (src.pos < src.size) return ENV_ECORRUPT;
    }
    return any && hint == 0 ? ENV_OK : ENV_ECORRUPT;
}

enum env_err
zstd_decompress(struct in *in, struct out *out)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    if (!ctx) return ENV_EINVAL;
    (void)ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    enum env_err err = decompress_all(ctx, in, out);
    (void)ZSTD_freeDCtx(ctx);
    return err;
}
