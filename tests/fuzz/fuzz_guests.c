/* What passed between clients outside and brokers, however it is cut, merged or made up: it is read, told and judged, and
 * nothing is left of it. The input is a row of pieces: conn 0…3 and direction in a byte, the length in two, the bytes;
 * what is behind them are the batches of a log. */
#include "broker/base/check.h"
#include "broker/base/mem.h"
#include "broker/record/batch.h"
#include "sim/check/check.h"
#include "sim/scenario/guests.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

static int64_t
later(void *ctx)
{
    return ++*(int64_t *)ctx;
}

static struct slice
some_topic(void *ctx, struct uuid id)
{
    (void)ctx;
    return id.b[0] & 1 ? S("orders") : SLICE_NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct check_result checked;
    struct check_facts facts = {0};
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int64_t now = 0, at = 0;
    struct reader r = reader(slice(data, (int64_t)size));
    test_mem_init(&mem);
    struct guests *g = guests_new(
        &mem, &(struct guests_params){.now = later, .topic_name = some_topic, .ctx = &now});
    for (uint8_t kind; (kind = reader_u8(&r)) < 16 && !r.err;) {
        struct slice bytes = reader_bytes(&r, reader_u16(&r));
        if (r.err) break;
        if (kind & 4) guests_given(g, kind & 3, bytes);
        else guests_sent(g, kind & 3, 1, bytes);
        if (kind & 8) guests_left(g, kind & 3);
    }
    (void)guests_history(g);
    guests_log_begin(g, S("orders"), 0, 0);
    struct slice log =
        r.err ? SLICE_EMPTY : slice(data + (size - (size_t)reader_left(&r)), reader_left(&r));
    while (batch_next(log, &at, &h, &batch, &err)) guests_log_batch(g, batch);
    guests_log_end(g);
    guests_committed(g, S("readers"), S("orders"), 0, 3);
    guests_kept_begin(g);
    guests_kept(g, &(struct kept_word){.kind = PROMISED_TOPIC, .name = S("made")});
    guests_kept(g, &(struct kept_word){.kind = PROMISED_PARTITIONS, .name = S("made"), .n = 3});
    guests_check(g, &facts, &checked);
    check_result_release(&checked);
    guests_free(g);
    CHECK(mem.used_bytes == 0);
    mem_release(&mem);
    return 0;
}
