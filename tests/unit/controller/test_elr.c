#include "tests/lib/test.h"

#include "broker/base/arena.h"
#include "broker/controller/elr.h"

/* Lists end with 0. */
struct row {
    const char *says;
    int32_t isr[4], elr[4], last[4], target[4];
    int32_t leader, min_isr, unclean;
    bool off;
    int32_t wants_isr[4], wants_elr[4], wants_last[4];
};

static const struct row rows[] = {
    {"enough in sync: no ELR", {1, 2, 3}, {0}, {0}, {1, 2}, 1, 2, -1, 0, {1, 2}, {0}, {0}},
    {"who leaves below the minimum is eligible", {1, 2}, {0}, {0}, {1}, 1, 2, -1, 0, {1}, {2}, {0}},
    {"who left before it is not", {1, 2}, {0}, {0}, {2}, 1, 2, -1, 0, {2}, {1}, {0}},
    {"the ELR grows", {1}, {3}, {0}, {0}, 1, 2, -1, 0, {0}, {1, 3}, {1}},
    {"the last one may leave", {1}, {2}, {0}, {0}, 1, 2, -1, 0, {0}, {1, 2}, {1}},
    {"also with a minimum of one", {1}, {0}, {0}, {0}, 1, 1, -1, 0, {0}, {1}, {1}},
    {"who lost its tail is not eligible", {1}, {2}, {0}, {0}, 1, 2, 1, 0, {0}, {2}, {1}},
    {"nor any longer", {0}, {1, 2}, {1}, {0}, -1, 2, 1, 0, {0}, {2}, {1}},
    {"who is no replica any more is not", {1, 4}, {3, 5}, {0}, {0}, 1, 2, -1, 0, {0}, {1, 3}, {1}},
    {"the last leader stays known", {0}, {2}, {1}, {0}, -1, 2, 2, 0, {0}, {0}, {1}},
    {"who returns leaves the ELR", {1}, {2, 3}, {0}, {1, 2}, 1, 3, -1, 0, {1, 2}, {3}, {0}},
    {"back at the minimum the ELR is gone",
     {1},
     {2, 3},
     {0},
     {1, 2},
     1,
     2,
     -1,
     0,
     {1, 2},
     {0},
     {0}},
    {"a minimum above the replicas means all",
     {1, 2, 3},
     {0},
     {0},
     {1, 2, 3},
     1,
     5,
     -1,
     0,
     {1, 2, 3},
     {0},
     {0}},
    {"and then nobody is remembered",
     {1, 2},
     {3},
     {2},
     {1, 2, 3},
     1,
     5,
     -1,
     0,
     {1, 2, 3},
     {0},
     {0}},
    {"and fewer than all is too few", {1, 2, 3}, {0}, {0}, {1, 2}, 1, 5, -1, 0, {1, 2}, {3}, {0}},
    {"without ELR the last one stays", {1}, {0}, {0}, {0}, 1, 2, -1, 1, {1}, {0}, {0}},
    {"and what was eligible is not any more", {1, 2}, {3}, {3}, {1}, 1, 2, -1, 1, {1}, {0}, {0}},
};

static struct ids
list(const int32_t *v)
{
    struct ids a = {(int32_t *)(uintptr_t)v, 0};
    while (a.n < 4 && v[a.n]) a.n++;
    return a;
}

static void
each_row_becomes_what_it_says(void **state)
{
    (void)state;
    struct mem mem;
    struct arena arena;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    int32_t replicas[] = {1, 2, 3};
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct elr_question q = {{replicas, 3}, list(r->isr), list(r->elr),
                                 list(r->last), r->leader,    list(r->target),
                                 r->min_isr,    r->unclean,   !r->off};
        struct elr_change c = elr_change(&q, &arena);
        if (!ids_eq(c.isr, list(r->wants_isr))) fail_msg("%s: ISR", r->says);
        if (!ids_eq(c.elr, list(r->wants_elr))) fail_msg("%s: ELR", r->says);
        if (!ids_eq(c.last_known_elr, list(r->wants_last))) fail_msg("%s: last", r->says);
    }
    arena_release(&arena);
    mem_release(&mem);
}

/* Every shrink and restart that three replicas can go through: ISR and ELR stay apart, and there is no
 * ELR while enough are in sync. */
static void
isr_and_elr_never_overlap(void **state)
{
    (void)state;
    struct mem mem;
    struct arena arena;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    int32_t replicas[] = {1, 2, 3};
    for (int bits = 0; bits < 8 * 8 * 8 * 4; bits++) {
        int32_t lists[3][3];
        struct ids l[3];
        for (int k = 0; k < 3; k++) {
            l[k] = (struct ids){lists[k], 0};
            for (int id = 1; id <= 3; id++)
                if (bits >> (3 * k) & 1 << (id - 1)) lists[k][l[k].n++] = id;
        }
        int32_t min_isr = bits >> 9 & 3;
        struct elr_question q = {.replicas = {replicas, 3},
                                 .isr = l[0],
                                 .elr = l[1],
                                 .target_isr = l[2],
                                 .leader = 1,
                                 .min_isr = min_isr,
                                 .unclean_id = -1,
                                 .elr_enabled = true};
        struct elr_change c = elr_change(&q, &arena);
        for (int32_t i = 0; i < c.elr.n; i++) assert_false(ids_has(c.isr, c.elr.v[i]));
        if (c.isr.n >= min_isr) assert_int_equal(c.elr.n, 0);
        arena_reset(&arena);
    }
    arena_release(&arena);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_becomes_what_it_says),
        cmocka_unit_test(isr_and_elr_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
