#include "tests/lib/test.h"

#include "broker/controller/leader_choice.h"

static bool
is_alive(void *ctx, int32_t id)
{
    return ids_has(*(const struct ids *)ctx, id);
}

/* Lists end with 0. */
struct row {
    const char *says;
    int32_t replicas[4], isr[4], elr[4], last[4], alive[4];
    int32_t leader;
    enum election election;
    bool no_elr;
    int32_t wants;
    bool unclean, from_elr;
};

#define NOBODY NO_LEADER

static const struct row rows[] = {
    {"the last leader waits while another one is in sync, though down",
     {1, 2, 3},
     {1},
     {0},
     {2},
     {2, 3},
     NOBODY,
     ELECT_ANY,
     0,
     NOBODY,
     0,
     0},
    {"a leader that may lead stays",
     {1, 2, 3},
     {1, 2, 3},
     {0},
     {0},
     {1, 2, 3},
     2,
     ELECT_ANY,
     0,
     2,
     0,
     0},
    {"else the first replica of the ISR",
     {3, 1, 2},
     {1, 2, 3},
     {0},
     {0},
     {1, 2},
     3,
     ELECT_ANY,
     0,
     1,
     0,
     0},
    {"a living leader outside of the ISR goes",
     {1, 2, 3},
     {2, 3},
     {0},
     {0},
     {1, 2, 3},
     1,
     ELECT_ANY,
     0,
     2,
     0,
     0},
    {"the preferred one when asked for",
     {1, 2, 3},
     {1, 2, 3},
     {0},
     {0},
     {1, 2, 3},
     2,
     ELECT_PREFERRED,
     0,
     1,
     0,
     0},
    {"not when it is fenced",
     {1, 2, 3},
     {1, 2, 3},
     {0},
     {0},
     {2, 3},
     2,
     ELECT_PREFERRED,
     0,
     2,
     0,
     0},
    {"not when it is out of sync",
     {1, 2, 3},
     {2, 3},
     {1},
     {0},
     {1, 2, 3},
     3,
     ELECT_PREFERRED,
     0,
     3,
     0,
     0},
    {"the ISR comes before the ELR",
     {1, 2, 3},
     {3},
     {1},
     {0},
     {1, 3},
     NOBODY,
     ELECT_ANY,
     0,
     3,
     0,
     0},
    {"the ELR when nobody is in sync",
     {1, 2, 3},
     {0},
     {2, 3},
     {0},
     {3},
     NOBODY,
     ELECT_ANY,
     0,
     3,
     0,
     1},
    {"not without the feature",
     {1, 2, 3},
     {0},
     {2, 3},
     {0},
     {3},
     NOBODY,
     ELECT_ANY,
     1,
     NOBODY,
     0,
     0},
    {"nobody while the ELR is away",
     {1, 2, 3},
     {0},
     {2},
     {1},
     {1, 3},
     NOBODY,
     ELECT_ANY,
     0,
     NOBODY,
     0,
     0},
    {"the last leader when ISR and ELR are empty",
     {1, 2, 3},
     {0},
     {0},
     {2},
     {1, 2},
     NOBODY,
     ELECT_ANY,
     0,
     2,
     1,
     0},
    {"not when it is away", {1, 2, 3}, {0}, {0}, {2}, {1, 3}, NOBODY, ELECT_ANY, 0, NOBODY, 0, 0},
    {"not when it is no replica any more",
     {1, 3},
     {0},
     {0},
     {2},
     {1, 2, 3},
     NOBODY,
     ELECT_ANY,
     0,
     NOBODY,
     0,
     0},
    {"anybody alive where unclean is allowed",
     {1, 2, 3},
     {1},
     {0},
     {0},
     {3},
     1,
     ELECT_UNCLEAN,
     0,
     3,
     1,
     0},
    {"cleanly even there when it can be",
     {1, 2, 3},
     {2},
     {0},
     {0},
     {1, 2, 3},
     NOBODY,
     ELECT_UNCLEAN,
     0,
     2,
     0,
     0},
    {"nobody when nobody lives",
     {1, 2, 3},
     {1, 2, 3},
     {0},
     {0},
     {0},
     1,
     ELECT_UNCLEAN,
     0,
     NOBODY,
     0,
     0},
};

static struct ids
list(const int32_t *v)
{
    struct ids a = {(int32_t *)(uintptr_t)v, 0};
    while (a.n < 4 && v[a.n]) a.n++;
    return a;
}

static void
each_row_is_chosen_as_it_says(void **state)
{
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct ids alive = list(r->alive);
        struct leader_question q = {list(r->replicas), list(r->isr), list(r->elr),
                                    list(r->last),     r->leader,    r->election,
                                    !r->no_elr,        is_alive,     &alive};
        struct leader_choice c = leader_choose(&q);
        if (c.leader != r->wants || c.is_unclean != r->unclean || c.from_elr != r->from_elr)
            fail_msg("%s: %d, unclean %d, from the ELR %d", r->says, c.leader, c.is_unclean,
                     c.from_elr);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_is_chosen_as_it_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
