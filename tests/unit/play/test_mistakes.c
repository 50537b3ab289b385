#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/bytes.h"
#include "broker/base/fmt.h"
#include "sim/scenario/scenario.h"

/* The page that tells which fault finds which mistake: each step in it is one. */

struct page {
    struct mem mem;
    struct arena a;
    char *text;
    const struct scenario *scenario;
};

static const char plain[] = "scenario: 1\nname: t\nabout: a test\ncluster: {brokers: 3}\n";

static void
page_open(struct page *p)
{
    struct source *source;
    struct diags d;
    FILE *f = fopen("sim/play/MISTAKES.md", "r");
    assert_non_null(f);
    p->text = calloc(1, 1 << 16);
    assert_true(fread(p->text, 1, (1 << 16) - 1, f) > 1000);
    fclose(f);
    test_mem_init(&p->mem);
    arena_init(&p->a, &p->mem, 0);
    source = ARENA_NEW(&p->a, struct source);
    *source = (struct source){S("plain"), slice_cstr(plain)};
    diags_init(&d, &p->a);
    struct scenarios all = scenario_load(&p->a, source, &(struct load_options){0}, &d);
    assert_int_equal(all.n, 1);
    p->scenario = all.v[0];
}

/* "crash b1" as {crash: b1}: what a typed line becomes. */
static struct slice
as_step(struct page *p, struct slice words)
{
    int64_t space = slice_find(words, ' ', 0);
    if (words.p[0] == '{' || space < 0) return words;
    return arena_format(&p->a, "{%.*s: %.*s}", (int)space, (const char *)words.p,
                        (int)(words.n - space - 1), (const char *)words.p + space + 1);
}

static bool
is_step(struct slice words)
{
    static const char *const verbs[] = {"preset ", "answer ", "break ", "delay ",
                                        "repeat ", "crash ",  "slow ",  "lose "};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_starts(words, slice_cstr(verbs[i]))) return true;
    return false;
}

/* What stands in backquotes and begins with a verb. */
static int
check_line(struct page *p, struct slice line)
{
    int n = 0;
    for (int64_t from = 0;;) {
        int64_t begin = slice_find(line, '`', from);
        int64_t end = begin < 0 ? -1 : slice_find(line, '`', begin + 1);
        if (end < 0) return n;
        struct slice words = slice_sub(line, begin + 1, end - begin - 1);
        from = end + 1;
        if (!is_step(words) || slice_eq(words, S("preset NAME"))) continue;
        struct earlier earlier = {0};
        struct diags d;
        struct writer w = writer_mem(&p->mem);
        diags_init(&d, &p->a);
        int32_t steps = steps_of_text(&p->a, p->scenario, as_step(p, words), &earlier, &d);
        diags_print(&d, &w);
        if (!steps)
            fail_msg("%.*s: %.*s", (int)words.n, (const char *)words.p, (int)w.n,
                     (const char *)w.p);
        writer_release(&w);
        n++;
    }
}

static void
every_step_of_the_page_is_one(void **state)
{
    (void)state;
    struct page p;
    int steps = 0, rows = 0;
    page_open(&p);
    struct slice all = slice_cstr(p.text);
    for (int64_t at = 0, end; at < all.n; at = end + 1) {
        end = slice_find(all, '\n', at);
        if (end < 0) end = all.n;
        struct slice line = slice_sub(all, at, end - at);
        int n = slice_starts(line, S("| ")) ? check_line(&p, line) : 0;
        steps += n;
        rows += n > 0;
    }
    assert_true(rows >= 20 && steps >= rows);
    free(p.text);
    mem_release(&p.mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_the_page_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
