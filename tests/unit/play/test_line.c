/* line.c: keys as terminals send them come to the line that one sees; Tab goes on with a word as far as it can be only one. */
#include "tests/lib/test.h"

#include <string.h>

#include "sim/play/line.h"

struct scene {
    struct mem mem;
    struct line_editor e;
    char typed[LINE_MAX_BYTES + 1];
    int lines;
    bool has_ended;
};

static void
typed(void *ctx, struct slice line)
{
    struct scene *s = ctx;
    s->lines++;
    memcpy(s->typed, line.p, (size_t)line.n);
    s->typed[line.n] = 0;
}

static void
ended(void *ctx)
{
    ((struct scene *)ctx)->has_ended = true;
}

/* Words: crash, cut, create. */
static int64_t
goes_on(void *ctx, struct slice line, void (*each)(void *of, struct slice word), void *of)
{
    static const char *const words[] = {"crash", "create", "cut", "for:"};
    (void)ctx;
    int64_t at = line.n;
    while (at > 0 && line.p[at - 1] != ' ') at--;
    struct slice word = slice_sub(line, at, line.n - at);
    for (int i = 0; i < (int)ARRAY_LEN(words); i++)
        if (slice_starts(slice_cstr(words[i]), word)) each(of, slice_cstr(words[i]));
    return word.n;
}

static const struct line_ops ops = {typed, ended, goes_on};

static void
begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    line_init(&s->e, &s->mem, &ops, s);
}

static void
end(struct scene *s)
{
    line_release(&s->e);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

/* What is in the line then. */
static void
assert_line(const char *keys, const char *line)
{
    struct scene s;
    begin(&s);
    line_take(&s.e, slice_cstr(keys));
    s.e.text[s.e.n] = 0;
    assert_string_equal(s.e.text, line);
    end(&s);
}

/* What is entered. */
static void
assert_typed(const char *keys, const char *line)
{
    struct scene s;
    begin(&s);
    line_take(&s.e, slice_cstr(keys));
    assert_string_equal(s.typed, line);
    end(&s);
}

static void
what_is_typed_is_the_line(void **state)
{
    (void)state;
    assert_typed("crash b1\r", "crash b1");
    assert_typed("crash b1\ncut b2\n", "cut b2");
    assert_typed("\r", "");
}

static void
keys_move_and_erase(void **state)
{
    (void)state;
    assert_line("abd\x1b[D"
                "c",
                "abcd");
    assert_line("bc\x1b[Ha\x1b[F"
                "d",
                "abcd");
    assert_line("bc\x01"
                "a\x05"
                "d",
                "abcd");
    assert_line("abc\x7f", "ab");
    assert_line("abc\x1b[D\x1b[3~", "ab");
    assert_line("crash b1 b2\x17", "crash b1 ");
    assert_line("abc\x1b[D\x0b", "ab");
    assert_line("abc\x1b[D\x15", "c");
    assert_line("\x7f\x1b[D\x1b[3~\x17\x15\x0b", "");
    assert_line("a\xc3\xa4\x7f", "a"); /* a character, not a byte */
    assert_line("a\xc3\xa4\x1b[D\x1b[3~", "a");
}

static void
former_lines_come_again(void **state)
{
    (void)state;
    assert_line("one\rtwo\r\x1b[A", "two");
    assert_line("one\rtwo\r\x1b[A\x1b[A", "one");
    assert_line("one\rtwo\r\x1b[A\x1b[A\x1b[A\x1b[A", "one");
    assert_line("one\rtwo\r\x1b[A\x1b[A\x1b[B", "two");
    assert_line("one\r\x1b[A\x1b[B", "");
    assert_typed("one\r\x10\r", "one");
    struct scene s;
    begin(&s);
    for (int i = 0; i < 3 * LINES_KEPT; i++) line_take(&s.e, i % 2 ? S("odd\r") : S("even\r"));
    assert_int_equal(s.e.kept.n, LINES_KEPT);
    end(&s);
}

static void
tab_goes_on(void **state)
{
    (void)state;
    assert_line("cu\t", "cut ");
    assert_line("c\t", "c");
    assert_line("cr\t", "cr");
    assert_line("cra\t", "crash ");
    assert_line("cut b1, fo\t", "cut b1, for: ");
    assert_line("x\t", "x");
    assert_line("cra b1\x01\x06\x06\x06\t", "crash  b1");
    struct scene s;
    begin(&s);
    line_take(&s.e, S("cr\t"));
    s.e.out.n = 0;
    line_take(&s.e, S("\t"));
    bool shows = false;
    for (int64_t i = 0; i + 15 <= s.e.out.n; i++)
        shows |= memcmp(s.e.out.p + i, "  crash  create", 15) == 0;
    assert_true(shows);
    end(&s);
}

static void
the_end_is_told_in_an_empty_line_only(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    line_take(&s.e, S("ab\x01\x04"));
    assert_false(s.has_ended);
    assert_int_equal(s.e.n, 1);
    line_take(&s.e, S("\x04\x04"));
    assert_true(s.has_ended);
    end(&s);
}

/* Keys that nobody knows do nothing; a line may be so long and no longer. */
static void
rubbish_does_nothing(void **state)
{
    (void)state;
    assert_line("a\x1b[15~b\x1bO", "ab");
    assert_line("a\x1b[1;5;5;5;5;5D"
                "b",
                "ba");
    assert_line("a\x02\x02\x02\x06\x06\x06\x0e\x0e", "a");
    struct scene s;
    begin(&s);
    for (int i = 0; i < LINE_MAX_BYTES + 100; i++) line_take(&s.e, S("x"));
    assert_int_equal(s.e.n, LINE_MAX_BYTES);
    line_take(&s.e, S("\r"));
    assert_int_equal(strlen(s.typed), LINE_MAX_BYTES);
    uint32_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint8_t c = (uint8_t)(seed >> 24);
        line_take(&s.e, slice(&c, 1));
        assert_true(s.e.at >= 0 && s.e.at <= s.e.n && s.e.n <= LINE_MAX_BYTES);
        s.e.out.n = 0;
    }
    end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_typed_is_the_line),
        cmocka_unit_test(keys_move_and_erase),
        cmocka_unit_test(former_lines_come_again),
        cmocka_unit_test(tab_goes_on),
        cmocka_unit_test(the_end_is_told_in_an_empty_line_only),
        cmocka_unit_test(rubbish_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
