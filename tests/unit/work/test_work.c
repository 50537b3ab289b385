#include "tests/lib/test.h"

#include <stdlib.h>

#include "broker/work/work.h"

#define CEILING (64LL << 20)

static struct seg
seg_of(struct slice s)
{
    return (struct seg){.bytes = s};
}

static enum env_err
run(enum work_kind kind, enum codec codec, struct slice s, int64_t ceiling, struct work_result *ret)
{
    struct seg seg = seg_of(s);
    return work_run(kind, codec, 0, &seg, 1, ceiling, ret);
}

/* Bytes that compress by about a half. */
static uint8_t *
sample(int64_t n, uint64_t seed)
{
    uint8_t *p = malloc((size_t)n + 1);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        p[i] = (uint8_t)("abcdefghijklmnop"[seed >> 60]);
    }
    return p;
}

static void
every_codec_goes_round_at_every_size(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 10, 32767, 32768, 32769, 65536, 65537, 1000003};
    for (int c = CODEC_NONE; c <= CODEC_ZSTD; c++)
        for (int i = 0; i < ARRAY_LEN(sizes); i++) {
            uint8_t *p = sample(sizes[i], (uint64_t)i);
            struct work_result small, back;
            struct slice s = slice(p, sizes[i]);
            assert_int_equal(run(WORK_COMPRESS, (enum codec)c, s, CEILING, &small), ENV_OK);
            s = slice(small.p, small.n);
            assert_int_equal(run(WORK_DECOMPRESS, (enum codec)c, s, CEILING, &back), ENV_OK);
            assert_int_equal(back.n, sizes[i]);
            if (back.n) assert_memory_equal(back.p, p, (size_t)back.n);
            free(p), free(small.p), free(back.p);
        }
}

static void
pieces_give_the_same_bytes_as_one_run(void **state)
{
    (void)state;
    uint8_t *p = sample(200000, 7);
    struct seg pieces[] = {seg_of(slice(p, 1)), seg_of(SLICE_EMPTY), seg_of(slice(p + 1, 99999)),
                           seg_of(slice(p + 100000, 100000))};
    for (int c = CODEC_NONE; c <= CODEC_ZSTD; c++) {
        struct work_result a, back;
        enum codec codec = (enum codec)c;
        assert_int_equal(work_run(WORK_COMPRESS, codec, 0, pieces, 4, CEILING, &a), ENV_OK);
        struct seg halves[] = {seg_of(slice(a.p, a.n / 2)),
                               seg_of(slice(a.p + a.n / 2, a.n - a.n / 2))};
        assert_int_equal(work_run(WORK_DECOMPRESS, codec, 0, halves, 2, CEILING, &back), ENV_OK);
        assert_int_equal(back.n, 200000);
        assert_memory_equal(back.p, p, 200000);
        free(a.p), free(back.p);
    }
    free(p);
}

static void
the_ceiling_is_exact(void **state)
{
    (void)state;
    uint8_t *p = sample(100000, 3);
    for (int c = CODEC_NONE; c <= CODEC_ZSTD; c++) {
        enum codec codec = (enum codec)c;
        struct work_result a, back;
        assert_int_equal(run(WORK_COMPRESS, codec, slice(p, 100000), CEILING, &a), ENV_OK);
        struct slice s = slice(a.p, a.n);
        assert_int_equal(run(WORK_DECOMPRESS, codec, s, 100000, &back), ENV_OK);
        free(back.p);
        assert_int_equal(run(WORK_DECOMPRESS, codec, s, 99999, &back), ENV_ETOOBIG);
        assert_null(back.p);
        assert_int_equal(run(WORK_COMPRESS, codec, slice(p, 100000), a.n - 1, &back), ENV_ETOOBIG);
        free(a.p);
    }
    free(p);
}

static void
input_that_ends_early_is_corrupt(void **state)
{
    (void)state;
    uint8_t *p = sample(100000, 4);
    for (int c = CODEC_GZIP; c <= CODEC_ZSTD; c++) {
        enum codec codec = (enum codec)c;
        struct work_result a, back;
        assert_int_equal(run(WORK_COMPRESS, codec, slice(p, 100000), CEILING, &a), ENV_OK);
        for (int64_t cut = 1; cut < a.n - 1; cut += 3001) {
            struct slice s = slice(a.p, a.n - cut);
            assert_int_equal(run(WORK_DECOMPRESS, codec, s, CEILING, &back), ENV_ECORRUPT);
        }
        assert_int_equal(run(WORK_DECOMPRESS, codec, SLICE_EMPTY, CEILING, &back), ENV_ECORRUPT);
        free(a.p);
    }
    free(p);
}

static void
garbage_behind_the_end_is_judged_as_java_does(void **state)
{
    (void)state;
    static const enum env_err expected[] = {[CODEC_GZIP] = ENV_OK,
                                            [CODEC_SNAPPY] = ENV_ECORRUPT,
                                            [CODEC_LZ4] = ENV_OK,
                                            [CODEC_ZSTD] = ENV_ECORRUPT};
    for (int c = CODEC_GZIP; c <= CODEC_ZSTD; c++) {
        enum codec codec = (enum codec)c;
        struct work_result a, back = {0};
        assert_int_equal(run(WORK_COMPRESS, codec, S("some words"), CEILING, &a), ENV_OK);
        struct seg segs[] = {seg_of(slice(a.p, a.n)), seg_of(S("xxxxxxxx")),
                             seg_of(S("xxxxxxxxxxxxxxxxxxxxxxxx"))};
        assert_int_equal(work_run(WORK_DECOMPRESS, codec, 0, segs, 3, CEILING, &back), expected[c]);
        if (!expected[c]) assert_slice(slice(back.p, back.n), "some words");
        free(a.p), free(back.p);
    }
}

/* A header in a length's place; and what is too short to be a length is none. */
static void
xerial_streams_in_a_row_are_one(void **state)
{
    (void)state;
    struct work_result a, b, back;
    assert_int_equal(run(WORK_COMPRESS, CODEC_SNAPPY, S("one"), CEILING, &a), ENV_OK);
    assert_int_equal(run(WORK_COMPRESS, CODEC_SNAPPY, S(" two"), CEILING, &b), ENV_OK);
    struct seg segs[] = {seg_of(slice(a.p, a.n)), seg_of(slice(b.p, b.n)), seg_of(S("xyz"))};
    assert_int_equal(work_run(WORK_DECOMPRESS, CODEC_SNAPPY, 0, segs, 3, CEILING, &back), ENV_OK);
    assert_slice(slice(back.p, back.n), "one two");
    free(back.p);
    segs[1].bytes.n = 12; /* cut within the header */
    assert_int_equal(work_run(WORK_DECOMPRESS, CODEC_SNAPPY, 0, segs, 2, CEILING, &back),
                     ENV_ECORRUPT);
    free(a.p), free(b.p);
}

/* Where one member ends and the next begins is seen across pieces of any size. */
static void
gzip_members_are_found_in_single_bytes(void **state)
{
    (void)state;
    struct work_result a, b, back;
    struct seg segs[200];
    int32_t n = 0;
    assert_int_equal(run(WORK_COMPRESS, CODEC_GZIP, S("one"), CEILING, &a), ENV_OK);
    assert_int_equal(run(WORK_COMPRESS, CODEC_GZIP, SLICE_EMPTY, CEILING, &b), ENV_OK);
    for (int64_t i = 0; i < a.n; i++) segs[n++] = seg_of(slice(a.p + i, 1));
    for (int64_t i = 0; i < b.n; i++) segs[n++] = seg_of(slice(b.p + i, 1));
    for (int64_t i = 0; i < a.n; i++) segs[n++] = seg_of(slice(a.p + i, 1));
    for (int i = 0; i < 19; i++) segs[n++] = seg_of(S("\x1f"));
    assert_int_equal(work_run(WORK_DECOMPRESS, CODEC_GZIP, 0, segs, n, CEILING, &back), ENV_OK);
    assert_slice(slice(back.p, back.n), "oneone");
    free(a.p), free(b.p), free(back.p);
}

static void
gzip_members_and_zstd_frames_in_a_row_are_one_stream(void **state)
{
    (void)state;
    static const enum codec codecs[] = {CODEC_GZIP, CODEC_ZSTD};
    for (int i = 0; i < 2; i++) {
        struct work_result a, b, back;
        assert_int_equal(run(WORK_COMPRESS, codecs[i], S("one"), CEILING, &a), ENV_OK);
        assert_int_equal(run(WORK_COMPRESS, codecs[i], S("two"), CEILING, &b), ENV_OK);
        struct seg segs[] = {seg_of(slice(a.p, a.n)), seg_of(slice(b.p, b.n))};
        assert_int_equal(work_run(WORK_DECOMPRESS, codecs[i], 0, segs, 2, CEILING, &back), ENV_OK);
        assert_slice(slice(back.p, back.n), "onetwo");
        free(a.p), free(b.p), free(back.p);
    }
}

static void
a_bomb_is_refused_below_its_ceiling(void **state)
{
    (void)state;
    /* 64 MiB of zeros in a few KiB of zstd. */
    int64_t n = 64LL << 20;
    uint8_t *p = calloc(1, (size_t)n);
    struct work_result a, back;
    assert_int_equal(run(WORK_COMPRESS, CODEC_ZSTD, slice(p, n), CEILING, &a), ENV_OK);
    assert_true(a.n * 2000 < n);
    enum env_err err = run(WORK_DECOMPRESS, CODEC_ZSTD, slice(a.p, a.n), 1LL << 40, &back);
    assert_int_equal(err, ENV_ETOOBIG);
    free(p), free(a.p);
}

static void
raw_snappy_of_c_clients_is_read(void **state)
{
    (void)state;
    struct work_result back;
    /* Length 5, then a literal of five bytes. */
    struct slice raw = S("\x05\x10hello");
    assert_int_equal(run(WORK_DECOMPRESS, CODEC_SNAPPY, raw, CEILING, &back), ENV_OK);
    assert_slice(slice(back.p, back.n), "hello");
    free(back.p);
}

static void
a_snappy_length_that_lies_costs_nothing(void **state)
{
    (void)state;
    struct work_result back;
    struct slice raw = S("\xff\xff\xff\xff\x0f\x10hello");
    assert_int_equal(run(WORK_DECOMPRESS, CODEC_SNAPPY, raw, 1LL << 40, &back), ENV_ECORRUPT);
}

static void
frames_begin_as_those_of_the_java_clients(void **state)
{
    (void)state;
    struct work_result a;
    assert_int_equal(run(WORK_COMPRESS, CODEC_LZ4, S("hello"), CEILING, &a), ENV_OK);
    assert_memory_equal(a.p, "\x04\x22\x4d\x18\x60\x40\x82", 7);
    free(a.p);
    assert_int_equal(run(WORK_COMPRESS, CODEC_SNAPPY, S("hello"), CEILING, &a), ENV_OK);
    assert_memory_equal(a.p, "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\7\5", 21);
    free(a.p);
    assert_int_equal(run(WORK_COMPRESS, CODEC_ZSTD, S("hello"), CEILING, &a), ENV_OK);
    /* No single segment, no content size, no checksum, no dictionary. */
    assert_memory_equal(a.p, "\x28\xb5\x2f\xfd\x00", 5);
    free(a.p);
}

static void
the_crc_runs_over_all_pieces(void **state)
{
    (void)state;
    struct seg segs[] = {seg_of(S("1234")), seg_of(S("56789"))};
    struct work_result r;
    assert_int_equal(work_run(WORK_CRC32C, CODEC_NONE, 0, segs, 2, 0, &r), ENV_OK);
    assert_int_equal(r.crc, 0xe3069283);
}

static void
a_wrong_lz4_header_checksum_can_be_mended(void **state)
{
    (void)state;
    struct work_result a, back;
    assert_int_equal(run(WORK_COMPRESS, CODEC_LZ4, S("hello"), CEILING, &a), ENV_OK);
    a.p[6] ^= 0x55;
    struct slice s = slice(a.p, a.n);
    assert_int_equal(run(WORK_DECOMPRESS, CODEC_LZ4, s, CEILING, &back), ENV_ECORRUPT);
    work_mend_lz4_header(a.p, a.n);
    assert_int_equal(run(WORK_DECOMPRESS, CODEC_LZ4, s, CEILING, &back), ENV_OK);
    assert_slice(slice(back.p, back.n), "hello");
    free(a.p), free(back.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_goes_round_at_every_size),
        cmocka_unit_test(pieces_give_the_same_bytes_as_one_run),
        cmocka_unit_test(the_ceiling_is_exact),
        cmocka_unit_test(input_that_ends_early_is_corrupt),
        cmocka_unit_test(garbage_behind_the_end_is_judged_as_java_does),
        cmocka_unit_test(xerial_streams_in_a_row_are_one),
        cmocka_unit_test(gzip_members_are_found_in_single_bytes),
        cmocka_unit_test(gzip_members_and_zstd_frames_in_a_row_are_one_stream),
        cmocka_unit_test(a_bomb_is_refused_below_its_ceiling),
        cmocka_unit_test(raw_snappy_of_c_clients_is_read),
        cmocka_unit_test(a_snappy_length_that_lies_costs_nothing),
        cmocka_unit_test(frames_begin_as_those_of_the_java_clients),
        cmocka_unit_test(the_crc_runs_over_all_pieces),
        cmocka_unit_test(a_wrong_lz4_header_checksum_can_be_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
