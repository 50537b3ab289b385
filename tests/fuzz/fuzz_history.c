/* Any bytes as a history: it is judged, or what is wrong is said. What was understood reads the same when it is written
 * and read again. */
#include "broker/base/check.h"
#include "sim/check/history_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

static void
count_wrong(void *ctx, const struct history_error *e)
{
    int64_t *n = ctx;
    ++*n;
    CHECK(e->line > 0 && e->column > 0 && e->width > 0 && e->what[0]);
}

static int64_t
read_it(struct mem *mem, struct history_file *f, struct slice text)
{
    int64_t wrong = 0;
    history_file_init(f, mem);
    CHECK(history_file_read(f, text, count_wrong, &wrong) == wrong);
    return wrong;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct history_file one, two;
    test_mem_init(&mem);
    if (!read_it(&mem, &one, slice(data, (int64_t)size))) {
        struct check_result r;
        struct writer a = writer_mem(&mem), b = writer_mem(&mem);
        check_history(&mem, &one.history, &one.facts, &r);
        check_result_release(&r);
        history_file_write(&one.history, &one.facts, &a);
        CHECK(!read_it(&mem, &two, writer_slice(&a)));
        history_file_write(&two.history, &two.facts, &b);
        CHECK(slice_eq(writer_slice(&a), writer_slice(&b)));
    }
    mem_release(&mem);
    return 0;
}
