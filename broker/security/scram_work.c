#include "broker/security/scram_work.h"

#include "broker/base/check.h"

#define PARTS_MAX 4
#define RESULT_BYTES_MAX 128 /* two hashes */

int8_t
sasl_scram_number(enum sasl_mechanism m)
{
    CHECK(m == SASL_SCRAM_SHA_256 || m == SASL_SCRAM_SHA_512);
    return m == SASL_SCRAM_SHA_256 ? 1 : 2;
}

enum sasl_mechanism
sasl_scram_of_number(int8_t number)
{
    return number == 1 ? SASL_SCRAM_SHA_256 : number == 2 ? SASL_SCRAM_SHA_512 : SASL_MECHANISMS_N;
}

#define NONCE_LETTERS 26

struct slice
scram_nonce(struct env *env, struct arena *a)
{
    uint8_t *letters = arena_alloc(a, NONCE_LETTERS);
    for (int i = 0; i < NONCE_LETTERS; i++)
        letters[i] = (uint8_t) "0123456789abcdefghijklmnopqrstuvwxyz"[env_random_below(
            env, STREAM_NONCE, 36)];
    return slice(letters, NONCE_LETTERS);
}

void
scram_work(struct env *env, struct op *op, enum work_kind kind, enum sasl_mechanism m,
           const struct slice *parts, int32_t n)
{
    struct seg segs[PARTS_MAX];
    CHECK(n <= PARTS_MAX);
    for (int32_t i = 0; i < n; i++) {
        struct buf *b = buf_copy(&env->mem, parts[i]);
        segs[i] = (struct seg){.buf = b, .bytes = buf_slice(b)};
    }
    int32_t level = sasl_scram_number(m) == 1 ? 256 : 512;
    work_queue(env, op, kind, CODEC_NONE, level, segs, n, RESULT_BYTES_MAX);
    for (int32_t i = 0; i < n; i++) buf_unref(segs[i].buf);
}
