/* The page of a run, read back as a browser reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/unit/visualize/synthetic.h"
#include "visualize/columns.h"

/* ---- reading back ---- */

static struct slice
page_of(struct synthetic *s, struct trace_reader *r, struct writer *w)
{
    struct view_side side = {.reader = r, .why_no_bytes = S("because")};
    assert_true(visualize_view(&s->mem, &side, 1, NULL, w));
    return writer_slice(w);
}

static int64_t
place_of(struct slice all, const char *text)
{
    int64_t n = (int64_t)strlen(text);
    for (int64_t i = 0; i + n <= all.n; i++)
        if (memcmp(all.p + i, text, (size_t)n) == 0) return i;
    return -1;
}

/* The text of the element that begins with these characters. */
static struct slice
element(struct slice page, const char *begin)
{
    int64_t at = place_of(page, begin);
    assert_true(at >= 0);
    struct slice rest = slice_sub(page, at + (int64_t)strlen(begin), page.n);
    return slice_sub(rest, 0, place_of(rest, "</script>"));
}

static int
digit(uint8_t c)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = strchr(all, c);
    assert_non_null(p);
    return (int)(p - all);
}

/* As a browser does it: base64, zlib. The caller frees. */
static struct slice
unpacked(struct slice text)
{
    uint8_t *packed = malloc((size_t)text.n), *plain = malloc(1 << 20);
    int64_t n = 0;
    for (int64_t i = 0; i + 3 < text.n; i += 4) {
        int64_t v = (int64_t)digit(text.p[i]) << 18 | (int64_t)digit(text.p[i + 1]) << 12;
        if (text.p[i + 2] != '=') v |= (int64_t)digit(text.p[i + 2]) << 6;
        if (text.p[i + 3] != '=') v |= digit(text.p[i + 3]);
        packed[n++] = (uint8_t)(v >> 16);
        if (text.p[i + 2] != '=') packed[n++] = (uint8_t)(v >> 8);
        if (text.p[i + 3] != '=') packed[n++] = (uint8_t)v;
    }
    uLongf size = 1 << 20;
    assert_int_equal(uncompress(plain, &size, packed, (uLong)n), Z_OK);
    free(packed);
    return slice(plain, (int64_t)size);
}

struct read_column {
    uint8_t kind;
    int64_t n, v[64];
};

static struct read_column
column_of(struct slice data, const char *name)
{
    struct reader r = reader(data);
    struct read_column c = {0};
    while (reader_left(&r) > 0) {
        struct slice its = reader_bytes(&r, reader_u8(&r));
        c.kind = reader_u8(&r);
        c.n = reader_u32(&r);
        struct reader values = reader(reader_bytes(&r, reader_u32(&r)));
        if (!slice_eq(its, slice_cstr(name))) continue;
        assert_in_range(c.n, 0, 64);
        for (int64_t i = 0; i < c.n; i++) {
            c.v[i] = c.kind == COLUMN_BYTES ? reader_u8(&values) : reader_varlong(&values);
            if (c.kind == COLUMN_STEPS && i) c.v[i] += c.v[i - 1];
        }
        assert_false(values.err);
        assert_int_equal(reader_left(&values), 0);
        assert_false(r.err);
        return c;
    }
    fail_msg("there is no column %s", name);
    return c;
}

/* ---- tests ---- */

static void
messages_are_in_columns_by_time(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice page = page_of(&s, r, &w);
    struct slice data = unpacked(element(page, "id=\"a-data\">"));
    struct read_column at = column_of(data, "m.at"), way = column_of(data, "m.way"),
                       to = column_of(data, "m.to"), flags = column_of(data, "m.flags");
    assert_int_equal(at.n, 4);
    assert_int_equal(at.v[0], 120 * MS);
    assert_int_equal(way.v[0], 1 * MS);
    assert_int_equal(to.v[0], K1);
    assert_int_equal(flags.v[0], 2 | 16); /* delivered, decides */
    assert_int_equal(at.v[2], 460 * MS);
    assert_int_equal(flags.v[2], 4); /* lost */
    struct read_column turns = column_of(data, "turn.kind");
    assert_true(turns.n > 0);
    free((void *)(uintptr_t)data.p);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
logs_are_in_rows_of_their_replica(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice page = page_of(&s, r, &w);
    struct slice data = unpacked(element(page, "id=\"a-data\">")),
                 further = unpacked(element(page, "id=\"a-further\">"));
    struct read_column actor = column_of(data, "rep.actor"), steps = column_of(data, "rep.steps"),
                       end = column_of(data, "step.end"), held = column_of(data, "rep.held"),
                       base = column_of(further, "held.base"),
                       gone = column_of(further, "held.gone");
    int64_t b1 = -1;
    for (int64_t i = 0; i < actor.n; i++)
        if (actor.v[i] == B1) b1 = i;
    assert_true(b1 >= 0 && b1 + 1 < actor.n);
    assert_int_equal(end.v[steps.v[b1 + 1] - 1], 9); /* what it has in the end */
    assert_int_equal(base.v[held.v[b1]], 0);
    assert_int_equal(gone.v[held.v[b1]], -1); /* it is there still */
    assert_int_equal(base.v[held.v[b1] + 1], 4);
    assert_int_equal(gone.v[held.v[b1] + 1], (9020 - 400) * MS); /* cut off */
    free((void *)(uintptr_t)data.p);
    free((void *)(uintptr_t)further.p);
    writer_release(&w);
    synthetic_release(&s, r);
}

/* The filter key goes by them. */
static void
what_was_sent_with_a_key_is_there(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice further = unpacked(element(page_of(&s, r, &w), "id=\"a-further\">"));
    struct read_column actor = column_of(further, "send.actor"), at = column_of(further, "send.at"),
                       took = column_of(further, "send.took"), key = column_of(further, "send.key");
    assert_int_equal(at.n, 5);
    assert_int_equal(actor.v[0], P1);
    assert_int_equal(at.v[0], 290 * MS);
    assert_int_equal(took.v[0], 13 * MS);
    assert_int_equal(took.v[3], 1000 * MS);
    assert_int_equal(key.v[3], 0);
    free((void *)(uintptr_t)further.p);
    writer_release(&w);
    synthetic_release(&s, r);
}

/* A bucket's counts are the same at every level: two for each message that arrived, one for one that was lost. */
static void
levels_count_every_message(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice data = unpacked(element(page_of(&s, r, &w), "id=\"a-data\">"));
    int64_t sum = 0;
    static const char *const names[] = {"l256.routine", "l256.control", "l256.lost"};
    for (int k = 0; k < 3; k++) {
        struct read_column c = column_of(data, names[k]);
        for (int64_t i = 0; i < c.n; i++) sum += c.v[i];
    }
    assert_int_equal(sum, 3 * 2 + 1);
    free((void *)(uintptr_t)data.p);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
what_a_run_says_cannot_become_a_part_of_the_page(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice page = page_of(&s, r, &w), words = element(page, "id=\"a-words\">");
    assert_int_equal(slice_find(words, '<', 0), -1);
    assert_true(place_of(words, "Two \\u003cbrokers> & a \\\"crash\\\".") > 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
a_page_fetches_nothing(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct slice page = page_of(&s, r, &w);
    assert_true(place_of(page, "content=\"default-src 'none'; script-src 'sha256-") > 0);
    static const char *const outside[] = {
        "http:", "https:", " src=", " href=", "@import", "url(", "eval(", "innerHTML"};
    for (int k = 0; k < (int)(sizeof outside / sizeof *outside); k++)
        assert_int_equal(place_of(page, outside[k]), -1);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
bytes_that_are_missing_are_explained(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(place_of(page_of(&s, r, &w), "\"no_bytes\":\"because\"") > 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
two_runs_are_compared(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct trace_reader *again = trace_reader_new(&s.mem, writer_slice(&s.bytes));
    struct view_side sides[2] = {{.reader = r}, {.reader = again}};
    assert_true(visualize_view(&s.mem, sides, 2, NULL, &w));
    assert_true(place_of(writer_slice(&w), "id=\"b-data\">") > 0);
    assert_true(place_of(element(writer_slice(&w), "id=\"a-difference\">"), "{\"found\":0,") == 0);
    trace_reader_free(again);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
texts_are_numbered_once(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct strings s;
    struct writer w = writer_mem(&mem);
    char room[8];
    strings_init(&s, &mem);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            int n = snprintf(room, sizeof room, "t%d", i);
            assert_int_equal(strings_number(&s, slice(room, n)), i);
        }
    assert_int_equal(strings_number(&s, SLICE_NULL), 1000);
    assert_int_equal(strings_number(&s, SLICE_EMPTY), 1000);
    strings_end(&s, &w, "texts");
    writer_release(&w);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_in_columns_by_time),
        cmocka_unit_test(logs_are_in_rows_of_their_replica),
        cmocka_unit_test(what_was_sent_with_a_key_is_there),
        cmocka_unit_test(levels_count_every_message),
        cmocka_unit_test(what_a_run_says_cannot_become_a_part_of_the_page),
        cmocka_unit_test(a_page_fetches_nothing),
        cmocka_unit_test(bytes_that_are_missing_are_explained),
        cmocka_unit_test(two_runs_are_compared),
        cmocka_unit_test(texts_are_numbered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
