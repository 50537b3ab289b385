/* Keys at a terminal, whatever they are: the line stays within its room, what is shown of it is drawn from it, and a line
 * that is typed is one. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/play/line.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

struct seen {
    int64_t lines, ends;
};

static void
typed(void *ctx, struct slice line)
{
    struct seen *s = ctx;
    CHECK(line.n >= 0 && line.n < LINE_MAX_BYTES);
    for (int64_t i = 0; i < line.n; i++) CHECK(line.p[i] != '\n' && line.p[i] != '\r');
    s->lines++;
}

static void
ended(void *ctx)
{
    ((struct seen *)ctx)->ends++;
}

/* The words that a word may be: none, one, or several with a common beginning. */
static int64_t
goes_on(void *ctx, struct slice line, void (*each)(void *of, struct slice word), void *of)
{
    static const char *const words[] = {"crash", "cut", "clock", "heal"};
    int64_t at = line.n;
    (void)ctx;
    while (at > 0 && line.p[at - 1] != ' ') at--;
    struct slice part = slice_sub(line, at, line.n);
    for (int i = 0; i < 4; i++)
        if (slice_starts(slice_cstr(words[i]), part)) each(of, slice_cstr(words[i]));
    return part.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct line_ops ops = {typed, ended, goes_on};
    struct mem mem;
    struct seen seen = {0};
    struct line_editor e;
    test_mem_init(&mem);
    line_init(&e, &mem, &ops, &seen);
    /* In pieces, each as long as its first byte says. */
    for (size_t at = 0, n; at < size; at += n) {
        n = MIN((size_t)(data[at] % 9 + 1), size - at);
        line_take(&e, slice(data + at, (int64_t)n));
        CHECK(e.n >= 0 && e.n <= LINE_MAX_BYTES && e.at >= 0 && e.at <= e.n);
        CHECK(e.kept.n <= LINES_KEPT && e.shown >= 0 && e.shown <= e.kept.n);
        e.out.n = 0;
    }
    line_hide(&e);
    line_show(&e);
    line_release(&e);
    CHECK(mem.used_bytes == 0);
    mem_release(&mem);
    return 0;
}
