/* trace/writer.c: what is written so far can be read while more is written. */
#include "sim/trace/reader.h"
#include "sim/trace/writer.h"
#include "tests/lib/test.h"

#include "broker/base/check.h"

static int64_t
records_in(struct mem *mem, const struct writer *file)
{
    struct trace_reader *r = trace_reader_new(mem, writer_slice(file));
    struct trace_record t;
    int64_t n = 0;
    assert_non_null(r);
    while (trace_next(r, &t)) assert_int_equal(t.at_ns, 10 * n++);
    assert_false(trace_is_damaged(r));
    trace_reader_free(r);
    return n;
}

static void
with_its_tail_a_trace_is_whole_at_any_moment(void **state)
{
    struct mem mem;
    (void)state;
    test_mem_init(&mem);
    struct writer file = writer_mem(&mem), so_far = writer_mem(&mem);
    struct trace_writer *t =
        trace_open(&mem, &(struct trace_options){.block_bytes = 100}, trace_put_memory, &file);
    for (int64_t i = 0; i < 60; i++) {
        so_far.n = 0;
        writer_bytes(&so_far, writer_slice(&file));
        trace_tail(t, &so_far);
        assert_int_equal(records_in(&mem, &so_far), i);
        trace_write(t, &(struct trace_record){.kind = TRACE_SAID,
                                              .at_ns = 10 * i,
                                              .machine = -1,
                                              .other = -1,
                                              .a = S("area"),
                                              .b = S("subject"),
                                              .c = S("a text")});
    }
    so_far.n = 0;
    writer_bytes(&so_far, writer_slice(&file));
    trace_tail(t, &so_far);
    trace_close(t);
    assert_int_equal(so_far.n, file.n); /* the tail is what closing puts */
    assert_memory_equal(so_far.p, file.p, file.n);
    assert_int_equal(records_in(&mem, &file), 60);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_its_tail_a_trace_is_whole_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
