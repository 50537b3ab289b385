/* Copies for dead letters: records that are taken out of a log one by one, also out of compressed batches. */
#include "tests/unit/log/fixture.h"

#include "broker/share/letter_source.h"

static struct {
    struct fixture f;
    struct disk disk;
    struct letter_source source;
    int heard;
} w;

static void
hear(struct letter_source *s)
{
    assert_ptr_equal(s, &w.source);
    w.heard++;
}

/* Three records "v0" … of so many bytes. */
static void
append(enum codec codec, int number, int64_t value_bytes)
{
    struct env *env = &w.f.body.env;
    struct batch_builder b;
    static uint8_t value[20000];
    builder_init(&b, &env->mem, 0);
    for (int i = 0; i < 3; i++) {
        memset(value, '.', sizeof value);
        value[0] = 'v', value[1] = (uint8_t)('0' + 3 * number + i);
        builder_add(&b, 1700000000000, S("k"), slice(value, value_bytes), NULL, 0);
    }
    struct buf *buf;
    if (codec) {
        struct work_result res;
        struct seg seg = {.bytes = builder_payload(&b)};
        assert_int_equal(work_run(WORK_COMPRESS, codec, 0, &seg, 1, 1 << 20, &res), ENV_OK);
        buf = builder_finish_compressed(&b, CRC32C_PORTABLE, &env->mem, codec, slice(res.p, res.n));
        free(res.p);
    } else {
        buf = builder_finish(&b, CRC32C_PORTABLE, &env->mem);
    }
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    struct log_append a = {.segs = &seg, .segs_n = 1, .origin = APPEND_CLIENT, .unverified = true};
    assert_int_equal(commitlog_append(&w.f.log, &a), LOG_OK);
    buf_unref(buf);
    builder_release(&b);
    body_run(&w.f.body);
}

static int
begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    fixture_open(&w.f, &w.disk, true, 0);
    append(CODEC_NONE, 0, 2);
    append(CODEC_GZIP, 1, 2);
    append(CODEC_ZSTD, 2, 20000);
    letter_source_init(&w.source, &w.f.body.env, &w.f.log, 9, 30000, hear);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    assert_true(letter_source_release(&w.source));
    fixture_close(&w.f);
    return 0;
}

static enum letter_found
find(int64_t offset, struct record *ret)
{
    enum letter_found found;
    while ((found = letter_source_find(&w.source, offset, ret)) == LETTER_WAITS) {
        int before = w.heard;
        body_run(&w.f.body);
        assert_int_equal(w.heard, before + 1);
    }
    return found;
}

static void
records_are_found_by_their_offsets(void **state)
{
    (void)state;
    static const int offsets[] = {1, 2, 3, 5};
    for (int64_t i = 0; i < ARRAY_LEN(offsets); i++) {
        struct record r;
        assert_int_equal(find(offsets[i], &r), LETTER_FOUND);
        assert_int_equal(r.offset, offsets[i]);
        assert_slice(r.key, "k");
        assert_int_equal(r.value.p[1], '0' + offsets[i]);
    }
    /* One read, and one batch to be unpacked. */
    assert_int_equal(w.heard, 2);
}

/* What is in it might not fit into the dead-letter topic, and be much more than it looks. */
static void
a_batch_that_comes_to_too_much_is_not_looked_into(void **state)
{
    (void)state;
    struct record r;
    assert_int_equal(find(4, &r), LETTER_FOUND);
    assert_int_equal(find(7, &r), LETTER_ABSENT);
    assert_int_equal(find(8, &r), LETTER_ABSENT);
}

static void
what_is_not_there_is_absent(void **state)
{
    (void)state;
    struct record r;
    assert_int_equal(find(9, &r), LETTER_ABSENT);
    assert_int_equal(find(12, &r), LETTER_ABSENT);
}

static void
it_can_end_while_it_waits(void **state)
{
    (void)state;
    struct record r;
    assert_int_equal(letter_source_find(&w.source, 4, &r), LETTER_WAITS);
    assert_true(letter_source_release(&w.source));
    body_run(&w.f.body);
    assert_int_equal(w.heard, 0);
    /* A batch that is being unpacked is still looked at: it hears of its end. */
    letter_source_init(&w.source, &w.f.body.env, &w.f.log, 9, 30000, hear);
    assert_int_equal(letter_source_find(&w.source, 4, &r), LETTER_WAITS);
    while (w.heard == 0) assert_true(body_step(&w.f.body) || body_wait(&w.f.body));
    assert_int_equal(letter_source_find(&w.source, 4, &r), LETTER_WAITS);
    assert_false(letter_source_release(&w.source));
    body_run(&w.f.body);
    assert_int_equal(w.heard, 2);
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(records_are_found_by_their_offsets),
        CASE(a_batch_that_comes_to_too_much_is_not_looked_into),
        CASE(what_is_not_there_is_absent),
        CASE(it_can_end_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
