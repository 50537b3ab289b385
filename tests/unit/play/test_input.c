/* input.c: outside.log is read as it was written, however early it ends, and nothing in it is trusted. */
#include "tests/lib/test.h"

#include <stdlib.h>

#include "sim/play/input.h"

static const struct input all[] = {
    {.kind = INPUT_OPEN, .at_ns = 5, .id = 0, .broker = 2},
    {.kind = INPUT_BYTES, .at_ns = 5, .id = 0, .bytes = {(const uint8_t *)"abc", 3}},
    {.kind = INPUT_STEP, .at_ns = 9, .id = -1, .bytes = {(const uint8_t *)"{crash: b1}", 11}},
    {.kind = INPUT_END, .at_ns = INT64_MAX, .id = -1},
};

/* The file's bytes; the caller frees. */
static struct slice
written(void)
{
    static const int32_t ports[] = {9092, 40001};
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    input_write_head(f, 1234567890123, ports, 2);
    for (int i = 0; i < (int)ARRAY_LEN(all); i++) input_write(f, &all[i]);
    fclose(f);
    return slice(text, (int64_t)n);
}

static void
what_was_written_is_read(void **state)
{
    (void)state;
    struct slice file = written();
    struct input_reader r;
    struct input in;
    assert_true(input_open(&r, file));
    assert_int_equal(r.wall_ms, 1234567890123);
    assert_int_equal(r.ports_n, 2);
    assert_int_equal(r.ports[1], 40001);
    for (int i = 0; i < (int)ARRAY_LEN(all); i++) {
        assert_true(input_next(&r, &in));
        assert_int_equal(in.kind, all[i].kind);
        assert_int_equal(in.at_ns, all[i].at_ns);
        assert_int_equal(in.id, all[i].id);
        assert_int_equal(in.broker, all[i].broker);
        assert_int_equal(in.bytes.n, all[i].bytes.n);
        assert_true(!in.bytes.n || slice_eq(in.bytes, all[i].bytes));
    }
    assert_false(input_next(&r, &in));
    free((void *)(uintptr_t)file.p);
}

static void
a_file_that_ends_early_is_good_up_to_there(void **state)
{
    (void)state;
    struct slice file = written();
    int64_t before = 0;
    for (int64_t n = 0; n <= file.n; n++) {
        struct input_reader r;
        struct input in;
        int64_t inputs = 0;
        if (!input_open(&r, slice(file.p, n))) continue;
        while (input_next(&r, &in)) inputs++;
        assert_true(inputs >= before);
        before = inputs;
    }
    assert_int_equal(before, ARRAY_LEN(all));
    free((void *)(uintptr_t)file.p);
}

static void
other_files_are_refused_and_odd_inputs_end_the_reading(void **state)
{
    (void)state;
    struct slice file = written();
    uint8_t *copy = malloc((size_t)file.n);
    struct input_reader r;
    struct input in;
    assert_false(input_open(&r, S("gregor outside 2\n....................")));
    assert_false(input_open(&r, SLICE_EMPTY));
    for (int64_t i = 0; i < file.n; i++) { /* any byte may be any other; sanitizers look on */
        for (int x = 1; x < 256; x += 127) {
            memcpy(copy, file.p, (size_t)file.n);
            copy[i] ^= (uint8_t)x;
            int64_t last = 0, inputs = 0, opened = 0;
            if (!input_open(&r, slice(copy, file.n))) continue;
            while (input_next(&r, &in)) {
                assert_true(in.at_ns >= last && (int)in.kind < INPUT_KINDS && in.bytes.n >= 0);
                /* A connection is one that was opened, each in its turn. */
                opened += in.kind == INPUT_OPEN;
                if (in.kind < INPUT_STEP) assert_in_range(in.id, 0, opened - 1);
                last = in.at_ns;
                inputs++;
            }
            assert_true(inputs <= file.n / 25);
        }
    }
    free(copy);
    free((void *)(uintptr_t)file.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_file_that_ends_early_is_good_up_to_there),
        cmocka_unit_test(other_files_are_refused_and_odd_inputs_end_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
