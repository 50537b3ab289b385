/* gzip through zlib. Several members in a row are one stream, as in every gzip reader; what else lies behind the
 * last one is passed over, as Java's does. */
#define ZLIB_CONST
#include <zlib.h>

#include "broker/base/check.h"
#include "broker/work/codecs.h"

/* A window of 32 KiB, with the gzip wrapper. */
#define GZIP_WINDOW (15 + 16)
#define STEP_BYTES (64 << 10)

static void
feed(z_stream *z, struct slice s)
{
    CHECK(s.n <= UINT32_MAX);
    z->next_in = s.p;
    z->avail_in = (uInt)s.n;
}

/* Lends the output's room. False when there is none. */
static bool
gzip_lend(z_stream *z, struct out *out, int64_t *ret_room)
{
    z->next_out = out_room(out, STEP_BYTES, ret_room);
    *ret_room = MIN(*ret_room, (int64_t)1 << 30);
    z->avail_out = (uInt)*ret_room;
    return *ret_room > 0;
}

enum env_err
gzip_compress(int32_t level, struct in *in, struct out *out)
{
    z_stream z = {0};
    int wanted = level == 0 ? Z_DEFAULT_COMPRESSION : level;
    if (deflateInit2(&z, wanted, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ENV_EINVAL;
    int rc = Z_OK;
    enum env_err err = ENV_OK;
    struct slice s = in_next(in);
    while (!err && rc != Z_STREAM_END) {
        if (z.avail_in == 0 && s.n) feed(&z, s), s = in_next(in);
        int64_t room;
        if (!gzip_lend(&z, out, &room)) {
            err = ENV_ETOOBIG;
            break;
        }
        rc = deflate(&z, s.n ? Z_NO_FLUSH : Z_FINISH);
        out->n += room - z.avail_out;
        if (rc == Z_STREAM_ERROR) err = ENV_EINVAL;
    }
    (void)deflateEnd(&z);
    return err;
}

/* One call of the library; at the ceiling, one byte of scratch tells whether more would come. */
static int
inflate_some(z_stream *z, struct out *out, bool *ret_too_big)
{
    int64_t room;
    uint8_t spill;
    bool full = !gzip_lend(z, out, &room);
    if (full) z->next_out = &spill, z->avail_out = 1;
    int rc = inflate(z, Z_NO_FLUSH);
    if (full) *ret_too_big = z->avail_out == 0;
    else out->n += room - z->avail_out;
    return rc;
}

/* Does another member begin here? An empty one takes 20 bytes. */
static bool
is_member_next(const z_stream *z, const struct in *in)
{
    uint8_t head[20];
    int64_t n = in_peek(in, slice(z->next_in, z->avail_in), head, sizeof head);
    return n == sizeof head && head[0] == 0x1f && head[1] == 0x8b && head[2] == Z_DEFLATED;
}

/* Inflates until the last member has ended. */
static enum env_err
inflate_all(z_stream *z, struct in *in, struct out *out)
{
    bool too_big = false, ended = false, any = false;
    for (;;) {
        if (z->avail_in == 0) feed(z, in_next(in));
        bool dry = z->avail_in == 0;
        if (ended && !is_member_next(z, in)) return ENV_OK;
        if (dry && !any) return ENV_ECORRUPT;
        if (ended && inflateReset(z) != Z_OK) return ENV_ECORRUPT;
        any = true;
        int rc = inflate_some(z, out, &too_big);
        if (too_big) return ENV_ETOOBIG;
        ended = rc == Z_STREAM_END;
        if (!ended && rc != Z_OK && (rc != Z_BUF_ERROR || dry)) return ENV_ECORRUPT;
    }
}

enum env_err
gzip_decompress(struct in *in, struct out *out)
{
    z_stream z = {0};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return ENV_EINVAL;
    enum env_err err = inflate_all(&z, in, out);
    (void)inflateEnd(&z);
    return err;
}
