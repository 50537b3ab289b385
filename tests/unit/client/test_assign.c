/* The sticky assignors promise properties, not one answer: balance, few moves, and nothing given away that is still held. */
#include "broker/client/assign.h"
#include "tests/lib/test.h"

#define MEMBERS 7
#define TOPICS 3
#define PARTITIONS 40

struct game {
    struct mem mem;
    struct arena a;
    struct assign_member members[MEMBERS];
    struct slice subscribed[MEMBERS][TOPICS];
    struct assign_owned owned[MEMBERS][TOPICS * PARTITIONS];
    struct assign_topic topics[TOPICS];
    int32_t members_n, owner[TOPICS * PARTITIONS];
    uint64_t dice;
};

static const char *const ids[] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6"};
static const char *const names[] = {"a", "b", "c"};

static int64_t
draw(struct game *g, int64_t below)
{
    g->dice = g->dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int64_t)(g->dice >> 33) % below;
}

static void
begin(struct game *g, uint64_t seed, bool all_subscribe)
{
    *g = (struct game){.dice = seed * 7919 + 1};
    test_mem_init(&g->mem);
    arena_init(&g->a, &g->mem, 0);
    g->members_n = 1 + (int32_t)draw(g, MEMBERS);
    for (int32_t t = 0; t < TOPICS; t++)
        g->topics[t] = (struct assign_topic){slice_cstr(names[t]), (int32_t)draw(g, 9)};
    for (int32_t m = 0; m < MEMBERS; m++) {
        g->members[m] = (struct assign_member){.id = slice_cstr(ids[m]),
                                               .topics = g->subscribed[m],
                                               .owned = g->owned[m],
                                               .generation = -1};
        for (int32_t t = 0; t < TOPICS; t++)
            if (all_subscribe || draw(g, 2))
                g->subscribed[m][g->members[m].topics_n++] = g->topics[t].name;
    }
}

static int32_t
partitions_n(const struct game *g)
{
    int32_t n = 0;
    for (int32_t t = 0; t < TOPICS; t++) n += g->topics[t].partitions_n;
    return n;
}

static int32_t
load_of(const struct game *g, int32_t member)
{
    int32_t n = 0;
    for (int32_t i = 0; i < partitions_n(g); i++) n += g->owner[i] == member;
    return n;
}

/* What was given out is what they have. */
static void
take_over(struct game *g, int32_t generation)
{
    for (int32_t m = 0; m < MEMBERS; m++) g->members[m].owned_n = 0, g->members[m].generation = -1;
    for (int32_t t = 0, at = 0; t < TOPICS; t++)
        for (int32_t p = 0; p < g->topics[t].partitions_n; p++, at++) {
            struct assign_member *m = g->owner[at] >= 0 ? &g->members[g->owner[at]] : NULL;
            if (!m) continue;
            g->owned[g->owner[at]][m->owned_n++] = (struct assign_owned){g->topics[t].name, p};
            m->generation = generation;
        }
}

static void
assign_with(struct game *g, assignor *how)
{
    how(g->members, g->members_n, g->topics, TOPICS, &g->a, g->owner);
}

static void
end(struct game *g)
{
    mem_release(&g->mem);
}

/* Nobody has two more than another who subscribes to one of them. */
static void
assert_balanced(const struct game *g)
{
    for (int32_t t = 0, at = 0; t < TOPICS; t++)
        for (int32_t p = 0; p < g->topics[t].partitions_n; p++, at++) {
            bool wanted = false;
            for (int32_t m = 0; m < g->members_n; m++) {
                if (!assign_is_subscribed(&g->members[m], g->topics[t].name)) continue;
                wanted = true;
                assert_true(g->owner[at] >= 0);
                assert_true(load_of(g, m) + 2 > load_of(g, g->owner[at]));
            }
            if (!wanted) assert_int_equal(g->owner[at], -1);
        }
}

static void
loads_are_even_as_far_as_subscriptions_allow(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct game g;
        begin(&g, seed, seed % 2);
        assign_with(&g, assign_sticky);
        assert_balanced(&g);
        take_over(&g, 1);
        g.members_n = 1 + (int32_t)draw(&g, MEMBERS);
        assign_with(&g, assign_sticky);
        assert_balanced(&g);
        end(&g);
    }
}

static void
nothing_moves_when_nothing_changes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct game g;
        int32_t before[TOPICS * PARTITIONS];
        begin(&g, seed, seed % 2);
        assign_with(&g, assign_sticky);
        take_over(&g, 1);
        memcpy(before, g.owner, sizeof before);
        assign_with(&g, assign_sticky);
        assert_memory_equal(before, g.owner, (size_t)partitions_n(&g) * sizeof *before);
        end(&g);
    }
}

/* One more of n members: what it gets is all that moves. */
static void
a_new_member_costs_no_more_moves_than_it_gets(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct game g;
        int32_t before[TOPICS * PARTITIONS], moves = 0;
        begin(&g, seed, true);
        g.members_n = 3;
        assign_with(&g, assign_sticky);
        take_over(&g, 1);
        memcpy(before, g.owner, sizeof before);
        g.members_n = 4;
        assign_with(&g, assign_sticky);
        for (int32_t i = 0; i < partitions_n(&g); i++) moves += g.owner[i] != before[i];
        assert_int_equal(moves, load_of(&g, 3));
        end(&g);
    }
}

static void
an_older_claim_and_two_of_one_generation_count_for_nothing(void **state)
{
    (void)state;
    struct game g;
    begin(&g, 1, true);
    g.members_n = 2;
    g.topics[0].partitions_n = 2;
    g.topics[1].partitions_n = g.topics[2].partitions_n = 0;
    for (int m = 0; m < 2; m++) {
        g.owned[m][0] = (struct assign_owned){g.topics[0].name, 1};
        g.members[m].owned_n = 1;
    }
    g.members[0].generation = 4, g.members[1].generation = 5;
    assign_with(&g, assign_sticky);
    assert_int_equal(g.owner[1], 1);
    assert_int_equal(g.owner[0], 0);
    g.members[0].generation = 5;
    assign_with(&g, assign_sticky);
    assert_true(g.owner[0] != g.owner[1]);
    end(&g);
}

static void
two_of_one_generation_stay_in_dispute_when_an_older_one_claims_too(void **state)
{
    (void)state;
    struct game g;
    begin(&g, 1, true);
    g.members_n = 3;
    g.topics[0].partitions_n = 3;
    g.topics[1].partitions_n = g.topics[2].partitions_n = 0;
    for (int m = 0; m < 3; m++) {
        g.owned[m][0] = (struct assign_owned){g.topics[0].name, 2};
        g.members[m].owned_n = 1;
        g.members[m].generation = m < 2 ? 5 : 4;
    }
    assign_with(&g, assign_sticky);
    assert_int_equal(g.owner[2], 2); /* given out last, to who has nothing yet */
    end(&g);
}

static void
what_moves_cooperatively_is_nobodys_for_a_round(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct game g;
        begin(&g, seed, seed % 2);
        g.members_n = 3;
        assign_with(&g, assign_cooperative_sticky);
        take_over(&g, 1);
        g.members_n = 5;
        assign_with(&g, assign_cooperative_sticky);
        for (int32_t t = 0, at = 0; t < TOPICS; t++)
            for (int32_t p = 0; p < g.topics[t].partitions_n; p++, at++)
                for (int32_t m = 0; m < g.members_n; m++)
                    if (assign_owned(&g.members[m], g.topics[t].name, p))
                        assert_true(g.owner[at] == m || g.owner[at] == -1);
        take_over(&g, 2); /* all have let go */
        assign_with(&g, assign_cooperative_sticky);
        assert_balanced(&g);
        end(&g);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_are_even_as_far_as_subscriptions_allow),
        cmocka_unit_test(nothing_moves_when_nothing_changes),
        cmocka_unit_test(a_new_member_costs_no_more_moves_than_it_gets),
        cmocka_unit_test(an_older_claim_and_two_of_one_generation_count_for_nothing),
        cmocka_unit_test(two_of_one_generation_stay_in_dispute_when_an_older_one_claims_too),
        cmocka_unit_test(what_moves_cooperatively_is_nobodys_for_a_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
