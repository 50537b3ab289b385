/* The __consumer_offsets of a real Kafka 4.4.0 node: what its records say is understood, and written
 * again from our state to the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "broker/protocol/record_frame.h"
#include "tests/unit/group/fixture.h"

#define ARCHIVE "tests/golden/vectors/logdir-4.4.0.tar.zst"

static struct slice
unpack(void)
{
    static uint8_t packed[1 << 20];
    FILE *in = fopen(ARCHIVE, "rb");
    assert_non_null(in);
    size_t n = fread(packed, 1, sizeof packed, in);
    (void)fclose(in);
    uint8_t *out = malloc(64 << 20);
    size_t got = ZSTD_decompress(out, 64 << 20, packed, n);
    assert_false(ZSTD_isError(got));
    return slice(out, (int64_t)got);
}

static int64_t
octal(const uint8_t *p)
{
    int64_t v = 0;
    for (int i = 0; i < 11; i++) v = v * 8 + (p[i] - '0');
    return v;
}

static struct slice
find_file(struct slice tar, const char *wanted)
{
    for (int64_t at = 0; at + 512 <= tar.n && tar.p[at];) {
        int64_t size = octal(tar.p + at + 124);
        if (strstr((const char *)tar.p + at, wanted)) return slice(tar.p + at + 512, size);
        at += 512 + (size + 511) / 512 * 512;
    }
    fail_msg("%s is not in the archive", wanted);
    return SLICE_NULL;
}

/* The record that we would have written for what has just been read; NULL group: not one of ours. */
static bool
write_again(struct slice key, struct batch_builder *b)
{
    struct reader r = reader(key);
    enum k_msg key_msg, value_msg;
    assert_true(coordinator_key_read(&r, COORDINATOR_GROUP, &key_msg, &value_msg));
    builder_init(b, &w.env.mem, 0);
    if (key_msg == K_MSG_GROUP_METADATA_KEY) {
        struct k_group_metadata_key k;
        assert_true(codec_decode(key_msg, 0, &r, &w.arena, &k));
        record_group(b, group_find(w.shard, k.group), NULL);
    } else if (key_msg == K_MSG_OFFSET_COMMIT_KEY) {
        struct k_offset_commit_key k;
        assert_true(codec_decode(key_msg, 0, &r, &w.arena, &k));
        struct group *g = group_find(w.shard, k.group);
        record_offset(b, g, k.topic, k.partition, &group_offset(g, k.topic, k.partition)->value);
    }
    return !builder_is_empty(b);
}

static int
check_record(const struct record *rec)
{
    struct batch_builder b;
    group_fold(&w.shard->base, &(struct batch_header){.producer_id = -1}, rec);
    if (!rec->value.p || !write_again(rec->key, &b)) return 0;
    struct records rs;
    struct record ours;
    struct batch_header h = b.h;
    records_begin(&rs, &h, builder_payload(&b));
    assert_true(records_next(&rs, &ours));
    assert_true(slice_eq(ours.key, rec->key));
    assert_true(slice_eq(ours.value, rec->value));
    return 1;
}

static int
check_log(struct slice log)
{
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    int checked = 0;
    for (int64_t at = 0; batch_next(log, &at, &h, &batch, &err);) {
        struct records rs;
        struct record rec;
        records_begin(&rs, &h, batch_payload(batch, &h));
        while (!batch_is_control(&h) && records_next(&rs, &rec)) checked += check_record(&rec);
    }
    return checked;
}

static void
kafkas_records_are_understood_and_written_alike(void **state)
{
    (void)state;
    struct slice tar = unpack();
    assert_int_equal(check_log(find_file(tar, "__consumer_offsets-1/00000000000000000000.log")), 9);
    assert_true(check_log(find_file(tar, "__consumer_offsets-0/00000000000000000000.log")) >= 6);
    struct group *g = group_find(w.shard, S("g-classic"));
    assert_int_equal(g->state, GROUP_EMPTY);
    assert_int_equal(g->generation, 2);
    assert_slice(g->protocol_type, "consumer");
    assert_int_equal(g->offsets.n, 3);
    assert_int_equal(group_offset(g, S("demo"), 0)->value.offset, 24);
    assert_int_equal(group_offset(g, S("demo"), 2)->value.offset, 10);
    free((void *)(uintptr_t)tar.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kafkas_records_are_understood_and_written_alike,
                                        world_start, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
