/* Any bytes as compressed input (the first byte picks the codec), and what comes out compressed again:
 * it must come back the same, and never pass its ceiling. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/work/work.h"
#include "tests/fuzz/fuzz.h"

#define CEILING (1 << 20)

static enum env_err
run(enum work_kind kind, enum codec codec, struct slice s, struct work_result *ret)
{
    /* In two pieces, as bytes come from a network. */
    struct seg segs[2] = {{.bytes = slice(s.p, s.n / 2)}};
    segs[1].bytes = slice(s.p + s.n / 2, s.n - s.n / 2);
    return work_run(kind, codec, 0, segs, 2, CEILING, ret);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct work_result plain, small, again;
    if (size < 1) return 0;
    enum codec codec = (enum codec)(1 + data[0] % 4);
    if (run(WORK_DECOMPRESS, codec, slice(data + 1, (int64_t)size - 1), &plain)) return 0;
    CHECK(plain.n <= CEILING);
    struct slice s = slice(plain.p ? plain.p : data, plain.n);
    if (!run(WORK_COMPRESS, codec, s, &small)) {
        CHECK(run(WORK_DECOMPRESS, codec, slice(small.p, small.n), &again) == ENV_OK);
        CHECK(slice_eq(s, slice(again.p ? again.p : data, again.n)));
        free(again.p);
        free(small.p);
    }
    free(plain.p);
    return 0;
}
