#include "broker/work/work.h"

#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/codecs.h"

/* Honest data may well be all zeros: so the ratio only counts above this. */
#define RATIO_FREE_BYTES (16LL << 20)
#define RATIO_MAX 2000

static struct out
out_init(int64_t ceiling_bytes)
{
    return (struct out){.ceiling_bytes = ceiling_bytes};
}

uint8_t *
out_room(struct out *o, int64_t want, int64_t *ret_n)
{
    if (o->cap - o->n < want && o->cap < o->ceiling_bytes) {
        int64_t cap = MAX(o->cap * 2, o->n + want);
        cap = MIN(MAX(cap, 4096), o->ceiling_bytes);
        uint8_t *p = realloc(o->p, (size_t)cap);
        if (!p) panic(__FILE__, __LINE__, "out of memory");
        o->p = p;
        o->cap = cap;
    }
    *ret_n = o->cap - o->n;
    return o->p ? o->p + o->n : NULL;
}

bool
out_bytes(struct out *o, struct slice s)
{
    int64_t room;
    uint8_t *p = out_room(o, s.n, &room);
    if (room < s.n) return false;
    if (s.n) memcpy(p, s.p, (size_t)s.n);
    o->n += s.n;
    return true;
}

struct slice
in_next(struct in *in)
{
    while (in->at < in->segs_n) {
        struct slice s = in->segs[in->at++].bytes;
        if (s.n > 0) return s;
    }
    return SLICE_EMPTY;
}

int64_t
in_peek(const struct in *in, struct slice rest, uint8_t *ret, int64_t n)
{
    int64_t have = 0;
    for (int32_t at = in->at; have < n; at++) {
        int64_t part = MIN(rest.n, n - have);
        if (part > 0) memcpy(ret + have, rest.p, (size_t)part);
        have += part;
        if (at >= in->segs_n) break;
        rest = in->segs[at].bytes;
    }
    return have;
}

static int64_t
in_bytes(const struct in *in)
{
    int64_t n = 0;
    for (int32_t i = 0; i < in->segs_n; i++) n += in->segs[i].bytes.n;
    return n;
}

bool
in_whole(struct in *in, struct slice *ret, uint8_t **ret_tmp)
{
    *ret_tmp = NULL;
    if (in->segs_n == 1) {
        *ret = in_next(in);
        return true;
    }
    int64_t n = in_bytes(in), at = 0;
    uint8_t *p = malloc((size_t)MAX(n, 1));
    if (!p) return false;
    for (struct slice s; (s = in_next(in)).n > 0; at += s.n) memcpy(p + at, s.p, (size_t)s.n);
    *ret = slice(p, n);
    *ret_tmp = p;
    return true;
}

static enum env_err
copy(struct in *in, struct out *out)
{
    for (struct slice s; (s = in_next(in)).n > 0;)
        if (!out_bytes(out, s)) return ENV_ETOOBIG;
    return ENV_OK;
}

static enum env_err
compress(enum codec codec, int32_t level, struct in *in, struct out *out)
{
    switch (codec) {
    case CODEC_NONE: return copy(in, out);
    case CODEC_GZIP: return gzip_compress(level, in, out);
    case CODEC_SNAPPY: return xerial_compress(in, out);
    case CODEC_LZ4: return lz4_compress(level, in, out);
    case CODEC_ZSTD: return zstd_compress(level, in, out);
    }
    return ENV_EINVAL;
}

static enum env_err
work_decompress(enum codec codec, struct in *in, struct out *out)
{
    switch (codec) {
    case CODEC_NONE: return copy(in, out);
    case CODEC_GZIP: return gzip_decompress(in, out);
    case CODEC_SNAPPY: return xerial_decompress(in, out);
    case CODEC_LZ4: return lz4_decompress(in, out);
    case CODEC_ZSTD: return zstd_decompress(in, out);
    }
    return ENV_EINVAL;
}

enum crc32c_impl
work_crc32c(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("sse4.2") ? CRC32C_HARDWARE : CRC32C_PORTABLE;
#else
    return CRC32C_PORTABLE;
#endif
}

static int64_t
crc_of(struct in *in)
{
    uint32_t crc = 0;
    enum crc32c_impl impl = work_crc32c();
    for (struct slice s; (s = in_next(in)).n > 0;) crc = crc32c(impl, crc, s);
    return crc;
}

static int64_t
ratio_ceiling(int64_t ceiling_bytes, int64_t input_bytes)
{
    int64_t honest = MAX(RATIO_FREE_BYTES, MIN(input_bytes, INT64_MAX / RATIO_MAX) * RATIO_MAX);
    return MIN(ceiling_bytes, honest);
}

enum env_err
work_run(enum work_kind kind, enum codec codec, int32_t level, const struct seg *segs,
         int32_t segs_n, int64_t ceiling_bytes, struct work_result *ret)
{
    struct in in = {.segs = segs, .segs_n = segs_n};
    *ret = (struct work_result){0};
    if (kind == WORK_CRC32C) {
        ret->crc = crc_of(&in);
        return ENV_OK;
    }
    bool blows_up = kind == WORK_DECOMPRESS;
    struct out out =
        out_init(blows_up ? ratio_ceiling(ceiling_bytes, in_bytes(&in)) : ceiling_bytes);
    enum env_err err = ENV_EINVAL;
    switch (kind) {
    case WORK_COMPRESS: err = compress(codec, level, &in, &out); break;
    case WORK_DECOMPRESS: err = work_decompress(codec, &in, &out); break;
    case WORK_MATCH: err = match_names(&in, &out); break;
    case WORK_SCRAM_KEYS: err = scram_keys(level, &in, &out); break;
    case WORK_SCRAM_CHECK: err = scram_check(level, &in, &out); break;
    case WORK_SCRAM_PROVE: err = scram_prove(level, &in, &out); break;
    case WORK_CRC32C: break;
    }
    if (err) {
        free(out.p);
        return err;
    }
    ret->p = out.p;
    ret->n = out.n;
    return ENV_OK;
}
