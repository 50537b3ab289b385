/* Between work.c and the codecs: a list of input pieces, a growing output with a ceiling, and a pair of
 * functions for each codec. */
#ifndef WORK_CODECS_H
#define WORK_CODECS_H

#include "broker/env/env.h"

struct in {
    const struct seg *segs;
    int32_t segs_n, at;
};

/* The next piece that is not empty; an empty one at the end. */
struct slice in_next(struct in *in);
/* Up to n bytes of what comes next, without taking them: the rest of the present piece, and the pieces behind it.
 * How many there are. */
int64_t in_peek(const struct in *in, struct slice rest, uint8_t *ret, int64_t n);
/* Everything in one run, for codecs that cannot take pieces. *ret_tmp (NULL or malloc'ed) is freed by
 * the caller. */
bool in_whole(struct in *in, struct slice *ret, uint8_t **ret_tmp);

struct out {
    uint8_t *p;
    int64_t n, cap, ceiling_bytes;
};

/* Room for about `want` more bytes at the returned address; *ret_n says how many there really are: 0
 * when the ceiling is reached. The caller adds to o->n what it used. */
uint8_t *out_room(struct out *o, int64_t want, int64_t *ret_n);
/* False when they do not fit. */
bool out_bytes(struct out *o, struct slice s);

enum env_err gzip_compress(int32_t level, struct in *in, struct out *out);
enum env_err gzip_decompress(struct in *in, struct out *out);
enum env_err xerial_compress(struct in *in, struct out *out);
enum env_err xerial_decompress(struct in *in, struct out *out);
enum env_err lz4_compress(int32_t level, struct in *in, struct out *out);
enum env_err lz4_decompress(struct in *in, struct out *out);
enum env_err zstd_compress(int32_t level, struct in *in, struct out *out);
enum env_err zstd_decompress(struct in *in, struct out *out);
enum env_err match_names(struct in *in, struct out *out);
enum env_err scram_keys(int32_t level, const struct in *in, struct out *out);
enum env_err scram_check(int32_t level, const struct in *in, struct out *out);
enum env_err scram_prove(int32_t level, const struct in *in, struct out *out);

#endif
