#include "tests/lib/test.h"

#include "broker/base/check.h"
#include "broker/base/siphash.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_decode_steps.h"
#include "broker/protocol/codec_encode_steps.h"

struct bench {
    struct mem mem;
    struct arena arena;
    struct codec_dice dice;
    uint64_t seed, drawn;
};

static uint64_t
draw(void *ctx)
{
    struct bench *b = ctx;
    return siphash_u64x2((struct siphash_key){1, 2}, b->seed, b->drawn++);
}

static int
setup(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    test_mem_init(&b.mem);
    arena_init(&b.arena, &b.mem, 0);
    b.dice = (struct codec_dice){draw, &b, &b.arena};
    *state = &b;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    mem_release(&b->mem);
    return 0;
}

static void *
invent(struct bench *b, enum k_msg msg, int16_t version, uint64_t seed)
{
    void *m = arena_alloc(&b->arena, k_structs[k_messages[msg].root].size);
    b->seed = seed;
    b->drawn = 0;
    codec_random(msg, version, &b->dice, m);
    return m;
}

/* A copy of exactly its size, so that a sanitizer sees a read beyond it. */
static uint8_t *
exact(struct slice s)
{
    uint8_t *p = test_malloc(s.n ? (size_t)s.n : 1);
    if (s.n) memcpy(p, s.p, (size_t)s.n);
    return p;
}

/* ---- claims about every message in every version -------------------------------------------- */

static void
goes_round(struct bench *b, enum k_msg msg, int16_t version, uint64_t seed)
{
    struct writer w = writer_mem(&b->mem), again = writer_mem(&b->mem);
    void *m = invent(b, msg, version, seed),
         *back = arena_alloc(&b->arena, k_structs[k_messages[msg].root].size);
    struct codec_refusal why = {SLICE_NULL, SLICE_NULL};
    assert_true(codec_write(msg, version, m, &w, &why));
    assert_int_equal(codec_size(msg, version, m), w.n);
    assert_true(codec_decode_all(msg, version, writer_slice(&w), &b->arena, back));
    assert_true(codec_equal(msg, m, back));
    assert_true(codec_write(msg, version, back, &again, NULL));
    assert_true(slice_eq(writer_slice(&w), writer_slice(&again)));
    writer_release(&w);
    writer_release(&again);
    arena_reset(&b->arena);
}

static void
every_message_goes_round_in_every_version(void **state)
{
    for (int m = 0; m < K_MSGS_N; m++)
        for (int v = k_messages[m].lo; v <= k_messages[m].hi; v++)
            for (uint64_t seed = 0; seed < 20; seed++)
                goes_round(*state, (enum k_msg)m, (int16_t)v, seed);
}

static void
fails_at_every_length(struct bench *b, enum k_msg msg, int16_t version)
{
    struct writer w = writer_mem(&b->mem);
    void *m = invent(b, msg, version, 7),
         *back = arena_alloc(&b->arena, k_structs[k_messages[msg].root].size);
    assert_true(codec_write(msg, version, m, &w, NULL));
    for (int64_t n = 0; n < w.n; n++) {
        uint8_t *cut = exact(slice(w.p, n));
        assert_false(codec_decode_all(msg, version, slice(cut, n), &b->arena, back));
        test_free(cut);
    }
    writer_release(&w);
    arena_reset(&b->arena);
}

static void
every_message_cut_short_is_malformed(void **state)
{
    for (int m = 0; m < K_MSGS_N; m++)
        for (int v = k_messages[m].lo; v <= k_messages[m].hi; v++)
            fails_at_every_length(*state, (enum k_msg)m, (int16_t)v);
}

/* What survives a flipped byte must still be a message: it can be written again. */
static void
survives_flips(struct bench *b, enum k_msg msg, int16_t version)
{
    struct writer w = writer_mem(&b->mem);
    void *m = invent(b, msg, version, 11),
         *back = arena_alloc(&b->arena, k_structs[k_messages[msg].root].size);
    assert_true(codec_write(msg, version, m, &w, NULL));
    for (int64_t i = 0; i < w.n; i++) {
        uint8_t *bytes = exact(writer_slice(&w));
        struct writer again = writer_mem(&b->mem);
        bytes[i] ^= (uint8_t)(1 + draw(b) % 255);
        struct arena a;
        arena_init(&a, &b->mem, 1 << 20);
        if (codec_decode_all(msg, version, slice(bytes, w.n), &a, back)) {
            assert_true(codec_write(msg, version, back, &again, NULL));
            assert_int_equal(again.n, codec_size(msg, version, back));
        }
        arena_release(&a);
        writer_release(&again);
        test_free(bytes);
    }
    writer_release(&w);
    arena_reset(&b->arena);
}

static void
a_flipped_byte_never_does_harm(void **state)
{
    for (int m = 0; m < K_MSGS_N; m++) survives_flips(*state, (enum k_msg)m, k_messages[m].hi);
}

/* ---- straight code beside the interpreter --------------------------------------------------- */

/* Also of what neither can write: one of another version, in a writer that is full. */
static void
writes_the_same(enum k_msg msg, int16_t version, const void *m, int64_t room)
{
    uint8_t *one = test_malloc((size_t)room + 1), *other = test_malloc((size_t)room + 1);
    struct writer w = writer_fixed(one, room), v = writer_fixed(other, room);
    struct codec_refusal why = {SLICE_NULL, SLICE_NULL}, also = why;
    bool ok = codec_write(msg, version, m, &w, &why);
    assert_true(codec_write_interpreted(msg, version, m, &v, &also) == ok);
    if (ok) assert_true(slice_eq(writer_slice(&w), writer_slice(&v)));
    assert_true(slice_eq(why.field, also.field) && slice_eq(why.why, also.why));
    test_free(one);
    test_free(other);
}

/* The same message, or none; and the same of the input taken. */
static void
reads_the_same(struct bench *b, enum k_msg msg, int16_t version, struct slice bytes)
{
    int64_t size = k_structs[k_messages[msg].root].size;
    void *one = arena_alloc(&b->arena, size), *other = arena_alloc(&b->arena, size);
    struct reader r = reader(bytes), s = r;
    /* Neither leans on what lay there. */
    memset(one, 0x55, (size_t)size);
    memset(other, 0xaa, (size_t)size);
    bool ok = codec_decode(msg, version, &r, &b->arena, one);
    assert_true(codec_decode_interpreted(msg, version, &s, &b->arena, other) == ok);
    if (!ok) return;
    assert_int_equal(reader_left(&r), reader_left(&s));
    assert_true(codec_equal(msg, one, other));
    writes_the_same(msg, version, one, bytes.n + 100);
}

static void
goes_both_ways(struct bench *b, enum k_msg msg, int16_t version, uint64_t seed)
{
    struct writer w = writer_mem(&b->mem);
    void *m = invent(b, msg, version, seed);
    assert_true(codec_write(msg, version, m, &w, NULL));
    for (int64_t room = w.n < 40 ? 0 : w.n - 40; room <= w.n; room++)
        writes_the_same(msg, version, m, room);
    for (int64_t i = 0; i < w.n; i++) {
        uint8_t *bytes = exact(slice(w.p, w.n));
        bytes[i] ^= (uint8_t)(1 + draw(b) % 255);
        reads_the_same(b, msg, version, slice(bytes, w.n));
        test_free(bytes);
        bytes = exact(slice(w.p, i));
        reads_the_same(b, msg, version, slice(bytes, i));
        test_free(bytes);
    }
    reads_the_same(b, msg, version, writer_slice(&w));
    writer_release(&w);
}

static void
straight_code_does_what_the_interpreter_does(void **state)
{
    struct bench *b = *state;
    int n = 0;
    for (int i = 0; i < K_MSGS_N; i++)
        for (int v = k_messages[i].lo; v <= k_messages[i].hi; v++) {
            enum k_msg msg = (enum k_msg)i;
            if (!straight_decoder(msg, v)) continue;
            assert_non_null(straight_encoder(msg, v));
            n++;
            for (uint64_t seed = 0; seed < 20; seed++) goes_both_ways(b, msg, (int16_t)v, seed);
            /* What belongs to other versions is refused with the same words. */
            for (int other = k_messages[i].lo; other <= k_messages[i].hi; other++)
                for (uint64_t seed = 0; seed < 20; seed++)
                    writes_the_same(msg, (int16_t)v, invent(b, msg, (int16_t)other, seed), 1 << 16);
            arena_reset(&b->arena);
        }
    assert_true(n > 4);
}

/* ---- particular claims ---------------------------------------------------------------------- */

static void
defaults_are_equal_to_what_a_decoder_fills_in(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < K_MSGS_N; i++) {
        enum k_msg msg = (enum k_msg)i;
        struct writer w = writer_mem(&b->mem);
        void *m = arena_alloc(&b->arena, k_structs[k_messages[i].root].size);
        void *back = arena_alloc(&b->arena, k_structs[k_messages[i].root].size);
        memset(m, 0xa5, k_structs[k_messages[i].root].size);
        codec_default(msg, m);
        if (codec_write(msg, k_messages[i].hi, m, &w, NULL)) {
            memset(back, 0x5a, k_structs[k_messages[i].root].size);
            assert_true(codec_decode_all(msg, k_messages[i].hi, writer_slice(&w), &b->arena, back));
            assert_true(codec_equal(msg, m, back));
        }
        writer_release(&w);
    }
}

/* ---- limits --------------------------------------------------------------------------------- */

static struct slice
metadata_request_v1(uint8_t *room, int32_t count, int64_t more)
{
    memset(room, 0, (size_t)more + 4);
    store_be32(room, (uint32_t)count);
    return slice(room, more + 4);
}

static void
a_count_that_the_rest_cannot_hold_is_refused_before_memory_is_taken(void **state)
{
    struct bench *b = *state;
    struct k_metadata_request r;
    uint8_t room[64];
    int64_t before = b->arena.used_bytes;
    assert_true(codec_decode_all(K_MSG_METADATA_REQUEST, 1, metadata_request_v1(room, 4, 8),
                                 &b->arena, &r));
    assert_int_equal(r.topics_n, 4);
    before = b->arena.used_bytes;
    assert_false(codec_decode_all(K_MSG_METADATA_REQUEST, 1, metadata_request_v1(room, 5, 8),
                                  &b->arena, &r));
    assert_false(codec_decode_all(K_MSG_METADATA_REQUEST, 1,
                                  metadata_request_v1(room, INT32_MAX, 8), &b->arena, &r));
    assert_int_equal(b->arena.used_bytes, before);
}

static void
more_than_a_million_elements_are_refused(void **state)
{
    struct bench *b = *state;
    struct k_metadata_request r;
    uint8_t *room = test_malloc(2 * (CODEC_ARRAY_MAX + 1) + 4);
    struct slice most = metadata_request_v1(room, CODEC_ARRAY_MAX, 2 * CODEC_ARRAY_MAX);
    assert_true(codec_decode_all(K_MSG_METADATA_REQUEST, 1, most, &b->arena, &r));
    struct slice one_more =
        metadata_request_v1(room, CODEC_ARRAY_MAX + 1, 2 * (CODEC_ARRAY_MAX + 1));
    assert_false(codec_decode_all(K_MSG_METADATA_REQUEST, 1, one_more, &b->arena, &r));
    test_free(room);
}

static void
an_arena_that_is_full_makes_the_message_malformed(void **state)
{
    struct bench *b = *state;
    struct k_metadata_request r;
    struct arena small;
    uint8_t room[256];
    arena_init(&small, &b->mem, 64);
    assert_false(codec_decode_all(K_MSG_METADATA_REQUEST, 1, metadata_request_v1(room, 100, 200),
                                  &small, &r));
    arena_release(&small);
}

static void
null_where_it_may_not_be_is_malformed(void **state)
{
    struct bench *b = *state;
    struct k_find_coordinator_request f;
    struct k_init_producer_id_request i;
    assert_false(codec_decode_all(K_MSG_FIND_COORDINATOR_REQUEST, 0, S("\xff\xff"), &b->arena, &f));
    assert_true(
        codec_decode_all(K_MSG_INIT_PRODUCER_ID_REQUEST, 0, S("\xff\xff\0\0\0\1"), &b->arena, &i));
    assert_null(i.transactional_id.p);
    assert_int_equal(i.transaction_timeout_ms, 1);
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* An AllocateProducerIds request is 12 bytes, then its tags. */
#define FIXED "\0\0\0\1\0\0\0\0\0\0\0\2"

static bool
decodes(struct bench *b, struct slice s, struct k_allocate_producer_ids_request *ret)
{
    return codec_decode_all(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, 0, s, &b->arena, ret);
}

static void
unknown_tags_are_kept_and_written_again(void **state)
{
    struct bench *b = *state;
    struct k_allocate_producer_ids_request r;
    struct slice s = S(FIXED "\2\5\1x\7\2yz");
    struct writer w = writer_mem(&b->mem);
    assert_true(decodes(b, s, &r));
    assert_int_equal(r.unknown_tags.n, 2);
    assert_true(codec_write(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, 0, &r, &w, NULL));
    assert_true(slice_eq(writer_slice(&w), s));
    writer_release(&w);
}

static void
unknown_tags_around_a_known_one_keep_their_order(void **state)
{
    struct bench *b = *state;
    struct k_api_versions_response r;
    /* error 0, no api keys, throttle 0; tags 1 (epoch), 3 (zk ready) are known, 7 is not … */
    struct slice s = S("\0\0\1\0\0\0\0\4\1\x08\0\0\0\0\0\0\0\x09\3\1\1\7\1a\x09\1b");
    struct writer w = writer_mem(&b->mem);
    assert_true(codec_decode_all(K_MSG_API_VERSIONS_RESPONSE, 3, s, &b->arena, &r));
    assert_int_equal(r.finalized_features_epoch, 9);
    assert_int_equal(r.unknown_tags.n, 2);
    assert_true(codec_write(K_MSG_API_VERSIONS_RESPONSE, 3, &r, &w, NULL));
    assert_true(slice_eq(writer_slice(&w), s));
    writer_release(&w);
}

static void
tags_must_ascend_and_fit(void **state)
{
    struct k_allocate_producer_ids_request r;
    assert_true(decodes(*state, S(FIXED "\0"), &r));
    assert_false(decodes(*state, S(FIXED "\2\5\1x\5\1y"), &r));
    assert_false(decodes(*state, S(FIXED "\2\5\1x\4\1y"), &r));
    assert_false(decodes(*state, S(FIXED "\1\5\2x"), &r));
    assert_false(decodes(*state, S(FIXED "\2\5\1x"), &r));
    assert_false(decodes(*state, S(FIXED "\xff\xff\xff\xff\x0f"), &r));
}

static void
a_tagged_field_must_be_consumed_exactly(void **state)
{
    struct bench *b = *state;
    struct k_api_versions_response r;
    assert_true(codec_decode_all(K_MSG_API_VERSIONS_RESPONSE, 3,
                                 S("\0\0\1\0\0\0\0\1\1\x08\0\0\0\0\0\0\0\x09"), &b->arena, &r));
    assert_false(codec_decode_all(K_MSG_API_VERSIONS_RESPONSE, 3,
                                  S("\0\0\1\0\0\0\0\1\1\x09\0\0\0\0\0\0\0\x09\0"), &b->arena, &r));
    assert_false(codec_decode_all(K_MSG_API_VERSIONS_RESPONSE, 3,
                                  S("\0\0\1\0\0\0\0\1\1\x07\0\0\0\0\0\0\0"), &b->arena, &r));
}

/* ---- text ----------------------------------------------------------------------------------- */

static void
a_string_that_is_not_utf8_is_read_and_written_as_java_does(void **state)
{
    struct bench *b = *state;
    struct k_find_coordinator_request r;
    struct writer w = writer_mem(&b->mem);
    /* key type 0, coordinator keys: "caf\xe9", and half a surrogate pair */
    struct slice s = S("\0\3\5caf\xe9\4\xed\xa0\x80\0");
    assert_true(codec_decode_all(K_MSG_FIND_COORDINATOR_REQUEST, 4, s, &b->arena, &r));
    assert_slice(r.coordinator_keys[0], "caf\xef\xbf\xbd");
    assert_slice(r.coordinator_keys[1], "\xef\xbf\xbd");
    r.coordinator_keys[0] = S("caf\xe9"); /* also when it comes from elsewhere */
    r.coordinator_keys[1] = S("\xed\xa0\x80");
    assert_true(codec_write(K_MSG_FIND_COORDINATOR_REQUEST, 4, &r, &w, NULL));
    assert_slice(writer_slice(&w), "\0\3\7caf\xef\xbf\xbd\4\xef\xbf\xbd\0");
    assert_int_equal(codec_size(K_MSG_FIND_COORDINATOR_REQUEST, 4, &r), w.n);
    writer_release(&w);
}

static void
a_string_that_is_utf8_is_a_slice_of_the_input(void **state)
{
    struct bench *b = *state;
    struct k_find_coordinator_request r;
    struct slice s = S("\0\2\6caf\xc3\xa9\0");
    assert_true(codec_decode_all(K_MSG_FIND_COORDINATOR_REQUEST, 4, s, &b->arena, &r));
    assert_ptr_equal(r.coordinator_keys[0].p, s.p + 3);
}

static void
a_string_that_is_too_long_once_it_is_mended_is_malformed(void **state)
{
    struct bench *b = *state;
    struct k_find_coordinator_request r;
    static uint8_t bytes[2 + CODEC_STRING_MAX + 1];
    for (int64_t n = CODEC_STRING_MAX / 3; n <= CODEC_STRING_MAX / 3 + 1; n++) {
        store_be16(bytes, (uint16_t)n);
        memset(bytes + 2, 0xff, (size_t)n);
        bool fits =
            codec_decode_all(K_MSG_FIND_COORDINATOR_REQUEST, 0, slice(bytes, 2 + n), &b->arena, &r);
        assert_int_equal(fits, n <= CODEC_STRING_MAX / 3);
    }
}

/* ---- what cannot be written ----------------------------------------------------------------- */

static void
a_field_that_must_not_be_dropped_is_refused_with_its_name(void **state)
{
    struct bench *b = *state;
    struct k_fetch_request r;
    struct codec_refusal why;
    struct writer w = writer_mem(&b->mem);
    codec_default(K_MSG_FETCH_REQUEST, &r);
    r.replica_state.replica_id = 3; /* 15+ */
    assert_false(codec_write(K_MSG_FETCH_REQUEST, 12, &r, &w, &why));
    assert_slice(why.field, "ReplicaState");
    assert_slice(why.why, "is not in this version");
    w.n = 0;
    assert_true(codec_write(K_MSG_FETCH_REQUEST, 15, &r, &w, &why));
    r.replica_state.replica_id = -1;
    r.rack_id = S("dropped silently"); /* 11+, ignorable */
    assert_true(codec_write(K_MSG_FETCH_REQUEST, 4, &r, &w, &why));
    writer_release(&w);
}

static void
null_that_cannot_be_written_is_refused(void **state)
{
    struct bench *b = *state;
    struct k_metadata_request r;
    struct codec_refusal why;
    struct writer w = writer_mem(&b->mem);
    codec_default(K_MSG_METADATA_REQUEST, &r);
    r.topics_n = -1;
    assert_true(codec_write(K_MSG_METADATA_REQUEST, 1, &r, &w, NULL));
    assert_false(codec_write(K_MSG_METADATA_REQUEST, 0, &r, &w, &why));
    assert_slice(why.field, "Topics");
    writer_release(&w);
}

static void
a_string_that_is_too_long_is_refused(void **state)
{
    struct bench *b = *state;
    struct k_find_coordinator_request r;
    struct codec_refusal why;
    struct writer w = writer_mem(&b->mem);
    uint8_t *text = arena_alloc(&b->arena, CODEC_STRING_MAX + 1);
    codec_default(K_MSG_FIND_COORDINATOR_REQUEST, &r);
    r.key = slice(text, CODEC_STRING_MAX);
    assert_true(codec_write(K_MSG_FIND_COORDINATOR_REQUEST, 3, &r, &w, &why));
    r.key.n++;
    assert_false(codec_write(K_MSG_FIND_COORDINATOR_REQUEST, 3, &r, &w, &why));
    assert_slice(why.field, "Key");
    writer_release(&w);
}

static void
a_fixed_writer_that_is_full_is_a_refusal(void **state)
{
    (void)state;
    struct k_heartbeat_request r;
    struct codec_refusal why;
    uint8_t room[4];
    struct writer w = writer_fixed(room, sizeof room);
    codec_default(K_MSG_HEARTBEAT_REQUEST, &r);
    assert_false(codec_write(K_MSG_HEARTBEAT_REQUEST, 0, &r, &w, &why));
    assert_slice(why.field, "HeartbeatRequest");
}

/* ---- segments ------------------------------------------------------------------------------- */

static struct k_fetch_response
fetch_response_of(struct bench *b, const struct k_records *records, int32_t n)
{
    struct k_fetch_response r;
    codec_default(K_MSG_FETCH_RESPONSE, &r);
    r.responses =
        codec_array(&b->arena, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, r.responses_n = 1);
    struct k_fetch_response_fetchable_topic_response *t = r.responses;
    t->partitions =
        codec_array(&b->arena, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, t->partitions_n = n);
    for (int32_t i = 0; i < n; i++) t->partitions[i].records = records[i];
    return r;
}

static void
records_in_files_and_large_buffers_are_referred_to(void **state)
{
    struct bench *b = *state;
    struct file *file = (struct file *)(void *)arena_alloc(&b->arena, 64);
    struct buf *big = buf_new(&b->mem, 4096);
    big->n = 4096;
    const struct k_records records[] = {
        {.file = file, .offset = 100, .n = 5000},
        {.buf = big, .bytes = slice(big->data + 10, 2000)},
        {.buf = big, .bytes = slice(big->data, 10)},
        {.file = file, .n = 0},
    };
    struct k_fetch_response r = fetch_response_of(b, records, 4);
    struct encoder e;
    struct buf *own;
    int32_t n;
    encoder_init(&e, &b->mem);
    assert_true(codec_encode(K_MSG_FETCH_RESPONSE, 12, &r, &e));
    int64_t bytes = encoder_bytes(&e);
    assert_int_equal(bytes, codec_size(K_MSG_FETCH_RESPONSE, 12, &r));
    struct seg *segs = encoder_finish(&e, &b->arena, &own, &n);
    assert_int_equal(n, 5);
    assert_ptr_equal(segs[1].file, file);
    assert_int_equal(segs[1].offset, 100);
    assert_int_equal(segs[1].n, 5000);
    assert_ptr_equal(segs[3].buf, big);
    assert_int_equal(segs[3].bytes.n, 2000);
    assert_int_equal(segs[0].bytes.n + segs[2].bytes.n + segs[4].bytes.n + 7000, bytes);
    assert_int_equal(big->refs, 1);
    buf_unref(own);
    buf_unref(big);
}

static void
records_in_a_file_cannot_go_into_a_writer(void **state)
{
    struct bench *b = *state;
    const struct k_records in_file = {.file = (struct file *)(void *)arena_alloc(&b->arena, 64),
                                      .n = 9};
    struct k_fetch_response r = fetch_response_of(b, &in_file, 1);
    struct writer w = writer_mem(&b->mem);
    struct codec_refusal why;
    assert_false(codec_write(K_MSG_FETCH_RESPONSE, 12, &r, &w, &why));
    assert_slice(why.why, "is in a file");
    writer_release(&w);
}

/* ---- json and equality ---------------------------------------------------------------------- */

static void
json_names_fields_as_kafka_does(void **state)
{
    struct bench *b = *state;
    struct k_alter_client_quotas_request r;
    struct writer w = writer_mem(&b->mem);
    codec_default(K_MSG_ALTER_CLIENT_QUOTAS_REQUEST, &r);
    r.entries =
        codec_array(&b->arena, K_STRUCT_ALTER_CLIENT_QUOTAS_REQUEST_ENTRY_DATA, r.entries_n = 1);
    r.entries->ops =
        codec_array(&b->arena, K_STRUCT_ALTER_CLIENT_QUOTAS_REQUEST_OP_DATA, r.entries->ops_n = 1);
    r.entries->ops->key = S("rate\n");
    r.entries->ops->value = 0x3fb999999999999a; /* 0.1 */
    codec_json(K_MSG_ALTER_CLIENT_QUOTAS_REQUEST, 0, &r, &w);
    assert_slice(writer_slice(&w),
                 "{\"entries\":[{\"entity\":[],\"ops\":[{\"key\":\"rate\\n\",\"value\":0.1,"
                 "\"remove\":false}]}],\"validateOnly\":false}");
    writer_release(&w);
}

/* Its default is the empty list, so that null is something to say. */
static void
json_says_null_where_a_tagged_field_is(void **state)
{
    struct bench *b = *state;
    struct k_consumer_group_current_member_assignment_value v;
    struct writer w = writer_mem(&b->mem);
    codec_default(K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &v);
    v.assigned_partitions_n = 1;
    v.assigned_partitions = codec_array(
        &b->arena, K_STRUCT_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE_TOPIC_PARTITIONS, 1);
    v.assigned_partitions->assignment_epochs_n = -1;
    codec_json(K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, 0, &v, &w);
    assert_slice(writer_slice(&w),
                 "{\"memberEpoch\":0,\"previousMemberEpoch\":0,\"state\":0,\"assignedPartitions\":["
                 "{\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":[],"
                 "\"assignmentEpochs\":null}],\"partitionsPendingRevocation\":[]}");
    writer_release(&w);
}

static void
messages_that_differ_anywhere_are_not_equal(void **state)
{
    struct bench *b = *state;
    int differ = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        void *x = invent(b, K_MSG_FETCH_RESPONSE, 16, seed),
             *y = invent(b, K_MSG_FETCH_RESPONSE, 16, seed);
        struct k_fetch_response *other = invent(b, K_MSG_FETCH_RESPONSE, 16, seed);
        assert_true(codec_equal(K_MSG_FETCH_RESPONSE, x, y));
        if (other->responses_n <= 0 || other->responses[0].partitions_n <= 0) continue;
        other->responses[0].partitions[0].high_watermark ^= 1;
        assert_false(codec_equal(K_MSG_FETCH_RESPONSE, x, other));
        differ++;
    }
    assert_true(differ > 5);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_message_goes_round_in_every_version),
        T(every_message_cut_short_is_malformed),
        T(a_flipped_byte_never_does_harm),
        T(straight_code_does_what_the_interpreter_does),
        T(defaults_are_equal_to_what_a_decoder_fills_in),
        T(a_count_that_the_rest_cannot_hold_is_refused_before_memory_is_taken),
        T(more_than_a_million_elements_are_refused),
        T(an_arena_that_is_full_makes_the_message_malformed),
        T(null_where_it_may_not_be_is_malformed),
        T(unknown_tags_are_kept_and_written_again),
        T(unknown_tags_around_a_known_one_keep_their_order),
        T(tags_must_ascend_and_fit),
        T(a_tagged_field_must_be_consumed_exactly),
        T(a_string_that_is_not_utf8_is_read_and_written_as_java_does),
        T(a_string_that_is_utf8_is_a_slice_of_the_input),
        T(a_string_that_is_too_long_once_it_is_mended_is_malformed),
        T(a_field_that_must_not_be_dropped_is_refused_with_its_name),
        T(null_that_cannot_be_written_is_refused),
        T(a_string_that_is_too_long_is_refused),
        T(a_fixed_writer_that_is_full_is_a_refusal),
        T(records_in_files_and_large_buffers_are_referred_to),
        T(records_in_a_file_cannot_go_into_a_writer),
        T(json_names_fields_as_kafka_does),
        T(json_says_null_where_a_tagged_field_is),
        T(messages_that_differ_anywhere_are_not_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
