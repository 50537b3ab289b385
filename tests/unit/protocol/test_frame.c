#include "tests/lib/test.h"

#include "broker/base/siphash.h"
#include "broker/protocol/frame.h"

#include "apis.h"

static struct mem mem;
static struct arena arena;

static int
setup(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Frames of these sizes; byte i of frame k is k + i. */
static struct slice
stream_of(const int32_t *sizes, int n)
{
    struct writer w = writer_mem(&mem);
    for (int k = 0; k < n; k++) {
        writer_i32(&w, sizes[k]);
        for (int32_t i = 0; i < sizes[k]; i++) writer_i8(&w, (int8_t)(k + i));
    }
    return writer_slice(&w);
}

static void
expect_frame(struct slice s, int k, int32_t size)
{
    assert_int_equal(s.n, size);
    for (int32_t i = 0; i < size; i++) assert_int_equal(s.p[i], (uint8_t)(k + i));
}

/* As a body delivers: into the lent buffer when there is one, else in a chunk of its own. */
static int64_t
deliver(struct frame_reader *r, struct conn *c, struct slice rest, int64_t n)
{
    struct buf *b = c->lent;
    int64_t at = 0;
    if (b) {
        at = c->lent_at;
        n = MIN(n, b->cap - at);
        memcpy(b->data + at, rest.p, (size_t)n);
        buf_ref(b);
        c->lent_at += n;
        if (c->lent_at == b->cap) c->lent = NULL, buf_unref(b);
    } else {
        b = buf_copy(&mem, slice_sub(rest, 0, n));
    }
    frame_reader_push(r, slice(b->data + at, n), b);
    buf_unref(b);
    return n;
}

/* Cuts the stream as the dice say; sometimes leaves frames in the reader for a while. */
static void
read_all(struct slice stream, const int32_t *sizes, int n, uint64_t seed, int64_t max_cut)
{
    struct conn c = {0};
    struct frame_reader r;
    struct slice frame;
    struct buf *holder;
    int got = 0;
    uint64_t drawn = 0;
    frame_reader_init(&r, &mem, &c, 1 << 20);
    while (stream.n > 0) {
        uint64_t dice = siphash_u64x2((struct siphash_key){3, 4}, seed, drawn++);
        int64_t cut = MIN(stream.n, 1 + (int64_t)(dice % (uint64_t)max_cut));
        cut = deliver(&r, &c, stream, cut);
        stream = slice_sub(stream, cut, stream.n);
        if (r.acc == NULL && stream.n > 0 && dice >> 60 == 0) continue;
        while (frame_reader_next(&r, &frame, &holder) == FRAME_OK) {
            assert_true(got < n);
            expect_frame(frame, got, sizes[got]);
            assert_true(frame.n == 0 || (frame.p >= holder->data &&
                                         frame.p + frame.n <= holder->data + holder->cap));
            got++;
        }
    }
    assert_int_equal(got, n);
    frame_reader_release(&r);
    assert_int_equal(frame_reader_held(&r), 0);
    buf_unref(c.lent);
}

static void
frames_come_whole_wherever_the_stream_is_cut(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1, 0, 7, 300, 5, 5, 40000, 3, 200000, 12, 0, 17000, 9};
    struct slice stream = stream_of(sizes, 13);
    static const int64_t cuts[] = {1, 3, 50, 5000, 70000, 400000};
    for (int i = 0; i < ARRAY_LEN(cuts); i++)
        for (uint64_t seed = 0; seed < 20; seed++) read_all(stream, sizes, 13, seed, cuts[i]);
}

static void
frames_within_a_chunk_are_not_copied(void **state)
{
    (void)state;
    static const int32_t sizes[] = {5, 6};
    struct buf *b = buf_copy(&mem, stream_of(sizes, 2)), *holder;
    struct frame_reader r;
    struct slice frame;
    frame_reader_init(&r, &mem, NULL, 100);
    frame_reader_push(&r, buf_slice(b), b);
    assert_int_equal(frame_reader_next(&r, &frame, &holder), FRAME_OK);
    assert_ptr_equal(frame.p, b->data + 4);
    assert_ptr_equal(holder, b);
    assert_int_equal(frame_reader_next(&r, &frame, &holder), FRAME_OK);
    assert_ptr_equal(frame.p, b->data + 13);
    assert_int_equal(frame_reader_next(&r, &frame, &holder), FRAME_NONE);
    frame_reader_release(&r);
    assert_int_equal(b->refs, 1);
    buf_unref(b);
}

static enum frame_result
result_of_size(int32_t size)
{
    struct frame_reader r;
    struct slice frame;
    struct buf *holder, *b = buf_new(&mem, 4);
    store_be32(b->data, (uint32_t)size);
    b->n = 4;
    frame_reader_init(&r, &mem, NULL, 1000);
    frame_reader_push(&r, buf_slice(b), b);
    enum frame_result got = frame_reader_next(&r, &frame, &holder);
    frame_reader_release(&r);
    buf_unref(b);
    return got;
}

static void
a_negative_or_too_large_size_is_bad(void **state)
{
    (void)state;
    assert_int_equal(result_of_size(-1), FRAME_BAD);
    assert_int_equal(result_of_size(INT32_MIN), FRAME_BAD);
    assert_int_equal(result_of_size(1001), FRAME_BAD);
    assert_int_equal(result_of_size(1000), FRAME_NONE);
    assert_int_equal(result_of_size(0), FRAME_OK);
}

static void
a_large_size_alone_takes_little_memory(void **state)
{
    (void)state;
    struct frame_reader r;
    struct slice frame;
    struct conn c = {0};
    struct buf *holder, *b = buf_copy(&mem, S("\x06\0\0\0abc"));
    frame_reader_init(&r, &mem, &c, INT32_MAX);
    frame_reader_push(&r, buf_slice(b), b);
    assert_int_equal(frame_reader_next(&r, &frame, &holder), FRAME_NONE);
    assert_true(frame_reader_held(&r) <= 1 << 16);
    frame_reader_release(&r);
    buf_unref(c.lent);
    buf_unref(b);
}

/* ---- headers -------------------------------------------------------------------------------- */

static enum head_result
read_head(struct slice s, struct request_head *ret)
{
    struct reader r = reader(s);
    return request_head_read(&r, &arena, ret);
}

static void
request_headers_are_told_apart(void **state)
{
    (void)state;
    struct request_head h;
    assert_int_equal(read_head(S("\0\3\0\1\0\0\0\7\0\2me"), &h), HEAD_OK);
    assert_int_equal(h.api_key, K_API_METADATA);
    assert_int_equal(h.correlation_id, 7);
    assert_slice(h.client_id, "me");
    assert_int_equal(read_head(S("\0\3\0\x0c\0\0\0\7\xff\xff\0"), &h), HEAD_OK);
    assert_null(h.client_id.p);
    assert_int_equal(read_head(S("\0\3\0\x0c\0\0\0\7\xff\xff\1\5\2ab"), &h), HEAD_OK);
    assert_int_equal(read_head(S("\x7f\0\0\1\0\0\0\7\0\2me"), &h), HEAD_UNKNOWN_API);
    assert_int_equal(h.correlation_id, 7);
    assert_int_equal(read_head(S("\0\4\0\1\0\0\0\7\0\2me"), &h),
                     HEAD_UNKNOWN_API); /* LeaderAndIsr */
    assert_int_equal(read_head(S("\0\0\0\2\0\0\0\7\0\2me"), &h),
                     HEAD_UNKNOWN_VERSION); /* Produce 2 */
    assert_int_equal(read_head(S("\0\x12\0\x63\0\0\0\7\0\2me\0"), &h), HEAD_UNKNOWN_VERSION);
    assert_int_equal(h.version, 99);
}

static void
a_client_id_that_is_not_utf8_is_mended_both_ways(void **state)
{
    (void)state;
    struct request_head h;
    assert_int_equal(read_head(S("\0\3\0\1\0\0\0\7\0\2m\xe9"), &h), HEAD_OK);
    assert_slice(h.client_id, "m\xef\xbf\xbd");
    h.client_id = S("m\xe9");
    struct k_metadata_request q;
    codec_default(K_MSG_METADATA_REQUEST, &q);
    struct writer w = writer_mem(&mem);
    assert_true(request_write(&w, &h, &q, NULL));
    assert_true(slice_starts(writer_slice(&w), S("\0\3\0\1\0\0\0\7\0\4m\xef\xbf\xbd")));
    writer_release(&w);
}

static void
a_client_id_that_is_too_long_once_it_is_mended_is_malformed(void **state)
{
    (void)state;
    struct request_head h;
    struct writer w = writer_mem(&mem);
    writer_bytes(&w, S("\0\3\0\1\0\0\0\7\x7f\xff"));
    for (int32_t i = 0; i < CODEC_STRING_MAX; i++) writer_i8(&w, -1);
    assert_int_equal(read_head(writer_slice(&w), &h), HEAD_MALFORMED);
    writer_release(&w);
}

static void
a_request_header_cut_short_is_malformed(void **state)
{
    (void)state;
    struct request_head h;
    static const char whole[] = "\0\3\0\x0c\0\0\0\7\0\2me\1\5\2ab";
    for (int64_t n = 0; n < (int64_t)sizeof whole - 1; n++)
        assert_int_equal(read_head(slice(whole, n), &h), HEAD_MALFORMED);
    assert_int_equal(read_head(slice(whole, sizeof whole - 1), &h), HEAD_OK);
}

static void
answers_to_api_versions_never_have_tags_in_their_header(void **state)
{
    (void)state;
    assert_int_equal(response_head_version(K_API_API_VERSIONS, 4), 0);
    assert_int_equal(response_head_version(K_API_METADATA, 8), 0);
    assert_int_equal(response_head_version(K_API_METADATA, 9), 1);
    assert_int_equal(request_head_version(K_API_METADATA, 8), 1);
    assert_int_equal(request_head_version(K_API_METADATA, 9), 2);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void
a_frame_counts_what_it_only_refers_to(void **state)
{
    (void)state;
    struct k_fetch_response r;
    struct frame f;
    struct file *file = arena_alloc(&arena, 64);
    codec_default(K_MSG_FETCH_RESPONSE, &r);
    r.responses =
        codec_array(&arena, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, r.responses_n = 1);
    r.responses->partitions =
        codec_array(&arena, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, r.responses->partitions_n = 1);
    r.responses->partitions->records = (struct k_records){.file = file, .offset = 7, .n = 12345};
    assert_true(frame_response(&mem, &arena, K_API_FETCH, 12, 99, &r, &f));
    int64_t own = 0;
    for (int32_t i = 0; i < f.segs_n; i++) own += f.segs[i].bytes.n;
    assert_int_equal(f.bytes, own + 12345);
    assert_int_equal((int32_t)load_be32(f.segs[0].bytes.p), f.bytes - 4);
    assert_int_equal((int32_t)load_be32(f.segs[0].bytes.p + 4), 99);
    frame_release(&f);
}

static void
a_frame_that_cannot_be_written_says_why(void **state)
{
    (void)state;
    struct k_metadata_request r;
    struct frame f;
    struct request_head h = {.api_key = K_API_METADATA, .version = 0};
    codec_default(K_MSG_METADATA_REQUEST, &r);
    r.topics_n = -1;
    assert_false(frame_request(&mem, &arena, &h, &r, &f));
    assert_slice(f.why.field, "Topics");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(frames_come_whole_wherever_the_stream_is_cut),
        T(frames_within_a_chunk_are_not_copied),
        T(a_negative_or_too_large_size_is_bad),
        T(a_large_size_alone_takes_little_memory),
        T(request_headers_are_told_apart),
        T(a_client_id_that_is_not_utf8_is_mended_both_ways),
        T(a_client_id_that_is_too_long_once_it_is_mended_is_malformed),
        T(a_request_header_cut_short_is_malformed),
        T(answers_to_api_versions_never_have_tags_in_their_header),
        T(a_frame_counts_what_it_only_refers_to),
        T(a_frame_that_cannot_be_written_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
