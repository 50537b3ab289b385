#include "tests/lib/test.h"

#include "broker/base/arena.h"

static void
memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    for (int round = 0; round < 2; round++) {
        for (int64_t n = 1; n < 9000; n += 613) {
            uint8_t *p = arena_alloc(&a, n);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (int64_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
            memset(p, 0xff, (size_t)n);
        }
        arena_reset(&a);
    }
    arena_release(&a);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
a_ceiling_gives_null_and_keeps_what_was_there(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 1000);
    uint8_t *p = arena_alloc(&a, 900);
    assert_non_null(p);
    assert_null(arena_alloc(&a, 200));
    assert_null(arena_dup(&a, slice(p, 500)).p);
    assert_non_null(arena_alloc(&a, 80));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 900));
    mem_release(&mem);
}

static void
reset_keeps_one_block_only(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    for (int i = 0; i < 10; i++) (void)arena_alloc(&a, 3000);
    (void)arena_alloc(&a, 100000);
    arena_reset(&a);
    assert_true(mem.used_bytes > 0);
    assert_true(mem.used_bytes <= 4096 + 1024);
    arena_release(&a);
    mem_release(&mem);
}

static void
copies_end_with_a_nul_and_null_stays_null(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    struct slice s = arena_dup(&a, S("orders"));
    assert_slice(s, "orders");
    assert_int_equal(s.p[6], 0);
    assert_null(arena_dup(&a, SLICE_NULL).p);
    assert_non_null(arena_dup(&a, SLICE_EMPTY).p);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_ceiling_gives_null_and_keeps_what_was_there),
        cmocka_unit_test(reset_keeps_one_block_only),
        cmocka_unit_test(copies_end_with_a_nul_and_null_stays_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
