/* Any bytes as a message (the first three pick which, and in which version): what decodes has no string
 * that is not UTF-8, can be written again, has the size that we say, and reads back as the same. */
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"
#include "tests/lib/texts.h"

static void
write_and_read_again(enum k_msg msg, int16_t version, const void *m, struct mem *mem,
                     struct arena *a)
{
    struct writer w = writer_mem(mem), json = writer_mem(mem);
    void *back = arena_alloc(a, k_structs[k_messages[msg].root].size);
    CHECK(back);
    CHECK(texts_are_utf8(msg, version, m));
    CHECK(codec_write(msg, version, m, &w, NULL));
    CHECK(w.n == codec_size(msg, version, m));
    CHECK(codec_decode_all(msg, version, writer_slice(&w), a, back));
    CHECK(codec_equal(msg, m, back));
    codec_json(msg, version, m, &json);
    writer_release(&w);
    writer_release(&json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    enum k_msg msg = (enum k_msg)((data[0] << 8 | data[1]) % K_MSGS_N);
    const struct k_message *k = &k_messages[msg];
    int16_t version = (int16_t)(k->lo + data[2] % (k->hi - k->lo + 1));
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 256 << 20);
    void *m = arena_alloc(&a, k_structs[k->root].size);
    if (codec_decode_all(msg, version, slice(data + 3, (int64_t)size - 3), &a, m))
        write_and_read_again(msg, version, m, &mem, &a);
    mem_release(&mem);
    return 0;
}
