#include "broker/base/utf8.h"
#include "tests/lib/test.h"
#include "visualize/svg.h"

static void
text_is_escaped_and_broken_bytes_are_replaced(void **state)
{
    (void)state;
    char room[200];
    struct writer w = writer_fixed(room, sizeof room);
    svg_escaped(&w, S("<a href=\"x\">&'\x01\xff\xc3 \xc3\xa9\xe2\x80\xa6"));
    assert_slice(writer_slice(&w),
                 "&lt;a href=&quot;x&quot;&gt;&amp;&#39;??? \xc3\xa9\xe2\x80\xa6");
}

static void
width_grows_with_text_and_size(void **state)
{
    (void)state;
    assert_int_equal(svg_text_width(S(""), 12), 0);
    assert_true(svg_text_width(S("iii"), 12) < svg_text_width(S("MMM"), 12));
    assert_int_equal(svg_text_width(S("0000000000"), 10), 64);
    assert_true(svg_text_width(S("abc"), 20) > svg_text_width(S("abc"), 10));
}

static void
lines_break_at_blanks_and_hold_one_word_at_least(void **state)
{
    (void)state;
    struct slice text = S("one two three");
    assert_int_equal(svg_text_fit(text, 10, 1000), text.n);
    assert_int_equal(svg_text_fit(text, 10, svg_text_width(S("one two"), 10)), 7);
    assert_int_equal(svg_text_fit(text, 10, 1), 3);
    assert_int_equal(svg_text_fit(S(""), 10, 10), 0);
    assert_int_equal(svg_bold_fit(text, 10, svg_text_width(S("one two"), 10)), 3);
    assert_int_equal(svg_bold_fit(text, 10, svg_text_width(S("one two"), 10) * 9 / 8 + 1), 7);
}

/* A group's name may have no blank in it; the number of a partition is at the end. */
static void
a_long_word_loses_its_middle_and_not_its_end(void **state)
{
    (void)state;
    char room[300];
    struct writer w = writer_fixed(room, sizeof room);
    svg_text_within(&w, "x", ANCHOR_END, 5, 6, 10, 60, S("applications-orders-0"));
    assert_slice(writer_slice(&w),
                 "<text class=\"x\" x=\"5\" y=\"6\" text-anchor=\"end\"><title>applications-"
                 "orders-0</title>appli\xe2\x80\xa6"
                 "ers-0</text>\n");
    w.n = 0;
    svg_text_within(&w, "x", ANCHOR_START, 5, 6, 10, 60,
                    S("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"));
    assert_true(utf8_is_valid(writer_slice(&w)));
    assert_true(slice_find(writer_slice(&w), (char)0xa6, 0) > 0);
    w.n = 0;
    svg_text_within(&w, "x", ANCHOR_START, 5, 6, 10, 60, S("orders-0"));
    assert_slice(writer_slice(&w), "<text class=\"x\" x=\"5\" y=\"6\">orders-0</text>\n");
}

static void
boxes_do_not_overlap(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct boxes b = {.mem = &mem};
    assert_true(boxes_take(&b, (struct box){0, 0, 10, 10}));
    assert_false(boxes_take(&b, (struct box){9, 9, 5, 5}));
    assert_false(boxes_take(&b, (struct box){2, 2, 1, 1}));
    assert_true(boxes_take(&b, (struct box){10, 0, 5, 10}));
    assert_true(boxes_take(&b, (struct box){0, 10, 5, 10}));
    assert_int_equal(b.v.n, 3);
    VEC_RELEASE(&mem, &b.v);
    mem_release(&mem);
}

static void
empty_rectangles_are_not_written(void **state)
{
    (void)state;
    char room[100];
    struct writer w = writer_fixed(room, sizeof room);
    svg_rect(&w, "x", 0, 0, 0, 5);
    svg_rect(&w, "x", 0, 0, 5, -1);
    assert_int_equal(w.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_and_broken_bytes_are_replaced),
        cmocka_unit_test(width_grows_with_text_and_size),
        cmocka_unit_test(lines_break_at_blanks_and_hold_one_word_at_least),
        cmocka_unit_test(a_long_word_loses_its_middle_and_not_its_end),
        cmocka_unit_test(boxes_do_not_overlap),
        cmocka_unit_test(empty_rectangles_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
