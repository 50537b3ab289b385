#include "tests/lib/test.h"

#include <stdlib.h>

#include "broker/base/mem.h"

/* A source that counts what it has given out. */
struct counter {
    int64_t pages, bytes;
};

static void *
counted_take(void *ctx, size_t n)
{
    struct counter *c = ctx;
    c->pages++;
    c->bytes += (int64_t)n;
    uint8_t *p = malloc(n);
    assert_non_null(p);
    memset(p, 0xee, n); /* dirty on purpose */
    return p;
}

static void
counted_give(void *ctx, void *p, size_t n)
{
    struct counter *c = ctx;
    c->pages--;
    c->bytes -= (int64_t)n;
    free(p);
}

static void
every_size_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct mem mem;
    struct counter c = {0};
    mem_init(&mem, (struct mem_source){counted_take, counted_give, &c, NULL}, 1 << 30);
    uint8_t *p[600];
    int64_t n[600];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 600; i++) {
            n[i] = i < 400 ? i : i * 37;
            p[i] = mem_alloc(&mem, n[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            for (int64_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], 0);
            memset(p[i], i & 0xff, (size_t)n[i]);
        }
        for (int i = 0; i < 600; i++) {
            for (int64_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], i & 0xff);
            mem_free(&mem, p[i], n[i]);
        }
        assert_int_equal(mem.used_bytes, 0);
    }
    mem_release(&mem);
    assert_int_equal(c.pages, 0);
    assert_int_equal(c.bytes, 0);
}

static void
releasing_gives_back_what_was_never_freed(void **state)
{
    (void)state;
    struct mem mem;
    struct counter c = {0};
    mem_init(&mem, (struct mem_source){counted_take, counted_give, &c, NULL}, 1 << 30);
    for (int i = 0; i < 1000; i++) (void)mem_alloc(&mem, i * 11);
    assert_true(c.pages > 0);
    mem_release(&mem);
    assert_int_equal(c.bytes, 0);
}

static void *
counted_resize(void *ctx, void *p, size_t old_n, size_t new_n)
{
    struct counter *c = ctx;
    c->bytes += (int64_t)new_n - (int64_t)old_n;
    return realloc(p, new_n);
}

static void
what_is_large_is_resized_by_its_source(void **state)
{
    (void)state;
    struct mem mem;
    struct counter c = {0};
    mem_init(&mem, (struct mem_source){counted_take, counted_give, &c, counted_resize}, 1 << 30);
    uint8_t *other = mem_alloc(&mem, 50000), *p = mem_alloc(&mem, 20000);
    memset(p, 7, 20000);
    int64_t n = 20000;
    for (; n < 900000; n += n / 3) {
        p = mem_resize(&mem, p, n, n + n / 3);
        assert_int_equal(p[0] + p[19999], 14);
        for (int64_t i = n; i < n + n / 3; i++) assert_int_equal(p[i], 0);
    }
    mem_free(&mem, p, n);
    mem_free(&mem, other, 50000);
    assert_int_equal(mem.used_bytes, 0);
    assert_int_equal(c.bytes, 0);
    mem_release(&mem);
}

static void
resizing_keeps_the_prefix_and_zeroes_the_rest(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    static const int64_t sizes[] = {1, 16, 17, 100, 33, 130, 8192, 8193, 100000, 9000, 10};
    uint8_t *p = NULL;
    int64_t old = 0;
    for (int i = 0; i < ARRAY_LEN(sizes); i++) {
        int64_t n = sizes[i];
        p = mem_resize(&mem, p, old, n);
        for (int64_t k = 0; k < n; k++) assert_int_equal(p[k], k < old ? 0x5a : 0);
        memset(p, 0x5a, (size_t)n);
        old = n;
    }
    mem_free(&mem, p, old);
    assert_int_equal(mem.used_bytes, 0);
    assert_true(mem.peak_bytes >= 109000);
    mem_release(&mem);
}

static jmp_buf out;

/* Takes the place of the test library's panic(). */
_Noreturn void
panic(const char *file, int line, const char *what)
{
    (void)file, (void)line, (void)what;
    longjmp(out, 1);
}

static void
the_ceiling_is_fatal_to_the_machine(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, test_mem_source(), 100000);
    (void)mem_alloc(&mem, 60000);
    if (setjmp(out) == 0) {
        (void)mem_alloc(&mem, 60000);
        fail_msg("the ceiling was passed");
    }
    mem_release(&mem);
}

static void
freeing_with_another_size_is_caught(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    void *p = mem_alloc(&mem, 20000);
    if (setjmp(out) == 0) {
        mem_free(&mem, p, 20001);
        fail_msg("the wrong size went unnoticed");
    }
    mem_release(&mem);
}

static void
copies_end_with_a_nul_and_null_stays_null(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct slice s = mem_dup(&mem, S("orders"));
    assert_slice(s, "orders");
    assert_int_equal(s.p[6], 0);
    mem_free_slice(&mem, s);
    assert_null(mem_dup(&mem, SLICE_NULL).p);
    mem_free_slice(&mem, SLICE_NULL);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

static void
a_vector_grows_and_keeps_its_order(void **state)
{
    (void)state;
    struct mem mem;
    VEC(int) v = {0};
    test_mem_init(&mem);
    for (int i = 0; i < 1000; i++) VEC_PUSH(&mem, &v, i);
    *VEC_ADD(&mem, &v) += 5;
    assert_int_equal(v.n, 1001);
    assert_int_equal(v.v[1000], 5);
    VEC_REMOVE_AT(&v, 10);
    assert_int_equal(v.v[9], 9);
    assert_int_equal(v.v[10], 11);
    assert_int_equal(v.n, 1000);
    VEC_RELEASE(&mem, &v);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_zeroed_aligned_and_apart),
        cmocka_unit_test(releasing_gives_back_what_was_never_freed),
        cmocka_unit_test(what_is_large_is_resized_by_its_source),
        cmocka_unit_test(resizing_keeps_the_prefix_and_zeroes_the_rest),
        cmocka_unit_test(the_ceiling_is_fatal_to_the_machine),
        cmocka_unit_test(freeing_with_another_size_is_caught),
        cmocka_unit_test(copies_end_with_a_nul_and_null_stays_null),
        cmocka_unit_test(a_vector_grows_and_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
