#include "tests/lib/test.h"

#include "broker/env/buf.h"

static void
the_last_reference_frees(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct buf *b = buf_copy(&mem, S("bytes"));
    assert_slice(buf_slice(b), "bytes");
    assert_ptr_equal(buf_ref(b), b);
    buf_unref(b);
    assert_true(mem.used_bytes > 0);
    buf_unref(b);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
null_is_harmless(void **state)
{
    (void)state;
    assert_null(buf_ref(NULL));
    buf_unref(NULL);
}

static void
an_empty_buffer_is_a_buffer(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct buf *b = buf_copy(&mem, SLICE_NULL);
    assert_int_equal(b->n, 0);
    assert_non_null(buf_slice(b).p);
    buf_unref(b);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(null_is_harmless),
        cmocka_unit_test(an_empty_buffer_is_a_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
