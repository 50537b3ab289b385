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

static struct trace_record
nth(int64_t i)
{
    static const char *const names[] = {"orders-0", "orders-1", "orders-2", "x"};
    return (struct trace_record){.kind = i % 3 ? TRACE_NOTE : TRACE_EVENT,
                                 .at_ns = 10 * i,
                                 .machine = (int32_t)(i % 5),
                                 .hash = (uint64_t)(i % 2),
                                 .n = {i, 0, -i},
                                 .a = slice_cstr(names[i % 4]),
                                 .b = slice_cstr(names[i % 2])};
}

static void
assert_same_record(const struct trace_record *a, const struct trace_record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->at_ns, b->at_ns);
    assert_int_equal(a->machine, b->machine);
    assert_int_equal(a->hash, b->hash);
    assert_memory_equal(a->n, b->n, sizeof a->n);
    assert_true(slice_eq(a->a, b->a) && slice_eq(a->b, b->b) && slice_eq(a->c, b->c));
}

/* Texts that come and go are copied: the writer's caller uses their memory again. */
static void
what_the_writer_kept_is_what_a_reader_keeps(void **state)
{
    struct mem mem;
    (void)state;
    test_mem_init(&mem);
    struct writer file = writer_mem(&mem);
    struct trace_kept *kept = trace_kept_new(&mem, 1u << TRACE_NOTE);
    struct trace_writer *w = trace_open(
        &mem, &(struct trace_options){.block_bytes = 200, .kept = kept}, trace_put_memory, &file);
    for (int64_t i = 0; i < 100; i++) {
        struct trace_record r = nth(i);
        uint8_t room[16];
        memcpy(room, r.a.p, (size_t)r.a.n);
        r.a = slice(room, r.a.n);
        trace_write(w, &r);
    }
    trace_close(w);
    struct trace_reader *a = trace_reader_of(&mem, kept),
                        *b = trace_reader_new(&mem, writer_slice(&file));
    trace_keep(b, 1u << TRACE_NOTE);
    for (int again = 0; again < 2; again++) {
        struct trace_record x, y;
        int64_t n = 0;
        for (int64_t i = 0; trace_next(a, &x); i++, n++) {
            while (i % 3 == 0) i++;
            struct trace_record put = nth(i);
            assert_true(trace_next(b, &y));
            assert_same_record(&x, &put);
            assert_same_record(&x, &y);
        }
        assert_int_equal(n, 66);
        assert_false(trace_next(b, &y) || trace_is_damaged(a));
        trace_rewind(a), trace_rewind(b);
    }
    trace_reader_free(a);
    trace_reader_free(b);
    trace_kept_free(kept);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_its_tail_a_trace_is_whole_at_any_moment),
        cmocka_unit_test(what_the_writer_kept_is_what_a_reader_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
