/* Any bytes as what comes on a connection, cut where the bytes themselves say: frames, their headers and
 * their bodies. However the stream is cut, the frames are the same; no string in them is not UTF-8. */
#include "broker/base/check.h"
#include "broker/base/utf8.h"
#include "broker/protocol/frame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"
#include "tests/lib/texts.h"

#define FRAME_MAX 65536

static void
read_request(struct slice frame, struct arena *a)
{
    struct request_head head;
    struct reader r = reader(frame);
    if (request_head_read(&r, a, &head) != HEAD_OK) return;
    CHECK(utf8_is_valid(head.client_id));
    enum k_msg msg = (enum k_msg)head.api->request;
    void *m = arena_alloc(a, k_structs[k_messages[msg].root].size);
    if (m && codec_decode(msg, head.version, &r, a, m)) CHECK(texts_are_utf8(msg, head.version, m));
}

/* Sums up the frames, so that two cuts of one stream can be compared. */
static uint64_t
read_stream(struct mem *mem, struct slice s, int64_t cut, bool decode)
{
    struct frame_reader r;
    struct slice frame;
    struct buf *holder;
    struct arena a;
    uint64_t sum = 0;
    enum frame_result got = FRAME_NONE;
    arena_init(&a, mem, 64 << 20);
    frame_reader_init(&r, mem, NULL, FRAME_MAX);
    while (s.n > 0 && got != FRAME_BAD) {
        struct buf *b = buf_copy(mem, slice_sub(s, 0, cut));
        s = slice_sub(s, b->n, s.n);
        frame_reader_push(&r, buf_slice(b), b);
        buf_unref(b);
        while ((got = frame_reader_next(&r, &frame, &holder)) == FRAME_OK) {
            sum = siphash((struct siphash_key){sum, (uint64_t)frame.n}, frame);
            if (decode) read_request(frame, &a);
            arena_reset(&a);
        }
    }
    frame_reader_release(&r);
    arena_release(&a);
    return sum * 2 + (got == FRAME_BAD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    if (size < 1) return 0;
    struct slice s = slice(data + 1, (int64_t)size - 1);
    test_mem_init(&mem);
    uint64_t whole = read_stream(&mem, s, MAX(s.n, 1), true);
    CHECK(read_stream(&mem, s, 1 + data[0], false) == whole);
    mem_release(&mem);
    return 0;
}
