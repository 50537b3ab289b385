/* Any bytes as an answer to Fetch, read as the client reads it: decoded, and its batches walked to the
 * last header. (What the records are then worth is the batch fuzzer's.) */
#include <stdlib.h>

#include "broker/base/check.h"
#include "broker/protocol/frame.h"
#include "broker/record/batch.h"
#include "broker/record/record.h"
#include "broker/work/work.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

#include "apis.h"

static void
walk(const struct batch_header *h, struct slice payload)
{
    struct records rs;
    struct record rec;
    struct record_header rh;
    records_begin(&rs, h, payload);
    for (int64_t last = -1; records_next(&rs, &rec); last = rec.offset) {
        CHECK(rec.offset > last || last == -1 || rec.offset >= h->base_offset);
        for (int64_t at = 0; record_header_next(&rec, &at, &rh);) CHECK(rh.key.n >= 0);
    }
}

static void
consume(struct slice batches)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t at = 0;
    while (batch_next(batches, &at, &h, &batch, &err)) {
        struct seg seg = {.bytes = batch_payload(batch, &h)};
        struct work_result plain;
        if (batch_codec(&h) > CODEC_ZSTD) continue;
        if (work_run(WORK_DECOMPRESS, batch_codec(&h), 0, &seg, 1, 1 << 20, &plain)) continue;
        walk(&h, slice(plain.p ? plain.p : (const uint8_t *)"", plain.n));
        free(plain.p);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const struct k_api *api = k_api_of(K_API_FETCH);
    int16_t version = (int16_t)(api->min + data[0] % (api->max - api->min + 1));
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 64 << 20);
    struct reader rd = reader(slice(data + 1, (int64_t)size - 1));
    struct k_fetch_response res;
    int32_t id;
    if (response_head_read(&rd, K_API_FETCH, version, &id) &&
        codec_decode(K_MSG_FETCH_RESPONSE, version, &rd, &a, &res))
        for (int32_t i = 0; i < res.responses_n; i++)
            for (int32_t k = 0; k < res.responses[i].partitions_n; k++)
                consume(res.responses[i].partitions[k].records.bytes);
    mem_release(&mem);
    return 0;
}
