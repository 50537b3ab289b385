/* Any bytes as a message (the first three pick which, and in which version): what decodes has no string
 * that is not UTF-8, can be written again, has the size that we say, and reads back as the same; and
 * the straight code that some versions have takes what the interpreter takes. */
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

static void
interpreter_agrees(enum k_msg msg, int16_t version, struct slice bytes, struct mem *mem,
                   const void *m)
{
    struct reader r = reader(bytes);
    struct arena a;
    arena_init(&a, mem, 256 << 20);
    void *also = arena_alloc(&a, k_structs[k_messages[msg].root].size);
    CHECK(also);
    bool ok = codec_decode_interpreted(msg, version, &r, &a, also) && reader_left(&r) == 0;
    CHECK(ok == (m != NULL));
    CHECK(!ok || codec_equal(msg, m, also));
    arena_release(&a);
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
    struct slice bytes = slice(data + 3, (int64_t)size - 3);
    bool ok = codec_decode_all(msg, version, bytes, &a, m);
    interpreter_agrees(msg, version, bytes, &mem, ok ? m : NULL);
    if (ok) write_and_read_again(msg, version, m, &mem, &a);
    mem_release(&mem);
    return 0;
}
