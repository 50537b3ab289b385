/* Who shall have which partitions. */
#include "broker/group/assignor.h"
#include "tests/lib/test.h"

#define MEMBERS_MAX 16
#define TOPICS_MAX 8

static struct mem mem;
static struct arena arena;
static struct assign_topic topics[TOPICS_MAX];
static struct assign_member members[MEMBERS_MAX];
static int32_t places[MEMBERS_MAX][TOPICS_MAX];
static struct assign_input in;

static int
begin(void **state)
{
    (void)state;
    mem_init(&mem, test_mem_source(), 1LL << 30);
    arena_init(&arena, &mem, 0);
    memset(members, 0, sizeof members);
    in = (struct assign_input){.arena = &arena, .topics = topics, .members = members};
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void
topic(int32_t partitions_n)
{
    topics[in.topics_n] =
        (struct assign_topic){.id = {{(uint8_t)(in.topics_n + 1)}}, .partitions_n = partitions_n};
    in.topics_n++;
}

/* wanted: topics by number, ended by -1. */
static void
member(const char *id, const int32_t *wanted)
{
    struct assign_member *m = &members[in.members_n];
    m->id = slice_cstr(id);
    m->topics = places[in.members_n];
    for (m->topics_n = 0; wanted[m->topics_n] >= 0; m->topics_n++)
        places[in.members_n][m->topics_n] = wanted[m->topics_n];
    in.members_n++;
}

/* Each partition once, and only to who wants it. */
static void
check_ownership(void)
{
    int64_t given = 0, there = 0;
    for (int32_t t = 0; t < in.topics_n; t++) {
        bool wanted = false;
        for (int32_t i = 0; i < in.members_n; i++)
            for (int32_t k = 0; k < members[i].topics_n; k++) wanted |= members[i].topics[k] == t;
        there += wanted ? topics[t].partitions_n : 0;
    }
    for (int32_t i = 0; i < in.members_n; i++) {
        given += members[i].ret.n;
        for (int64_t p = 0; p < members[i].ret.n; p++) {
            const struct tp *tp = &members[i].ret.v[p];
            bool wants = false;
            for (int32_t k = 0; k < members[i].topics_n; k++)
                wants |= uuid_eq(topics[members[i].topics[k]].id, tp->topic);
            assert_true(wants);
            for (int32_t other = 0; other < i; other++)
                assert_null(tp_set_find(&members[other].ret, tp->topic, tp->index));
        }
    }
    assert_int_equal(given, there);
}

static void
assign_anew(enum server_assignor a)
{
    for (int32_t i = 0; i < in.members_n; i++) members[i].had = members[i].ret;
    assign(a, &in);
    for (int32_t i = 0; i < in.members_n; i++)
        tp_set_sort(&members[i].ret, ARENA_ARRAY(&arena, struct tp, members[i].ret.n));
    check_ownership();
}

static int64_t
moved(void)
{
    int64_t n = 0;
    for (int32_t i = 0; i < in.members_n; i++)
        n += tp_set_minus(&arena, &members[i].had, &members[i].ret).n;
    return n;
}

#define ALL ((const int32_t[]){0, 1, -1})
#define ONE ((const int32_t[]){0, -1})
#define TWO ((const int32_t[]){1, -1})
#define NONE ((const int32_t[]){-1})

/* ---- uniform ---- */

static void
uniform_gives_everybody_as_many_or_one_more(void **state)
{
    (void)state;
    topic(5), topic(6);
    member("a", ALL), member("b", ALL), member("c", ALL);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[0].ret.n, 4);
    assert_int_equal(members[1].ret.n, 4);
    assert_int_equal(members[2].ret.n, 3);
}

static void
uniform_moves_no_more_than_must_move(void **state)
{
    (void)state;
    topic(6), topic(6);
    member("a", ALL), member("b", ALL), member("c", ALL);
    assign_anew(SERVER_UNIFORM);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(moved(), 0);
    member("d", ALL);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[3].ret.n, 3);
    assert_int_equal(moved(), 3);
}

static void
uniform_lets_those_keep_one_more_that_have_it(void **state)
{
    (void)state;
    topic(5);
    member("a", ONE), member("b", ONE);
    assign_anew(SERVER_UNIFORM);
    /* b has the odd one: from now on, too. */
    struct tp_set a = members[0].ret;
    members[0].ret = members[1].ret;
    members[1].ret = a;
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(moved(), 0);
}

static void
uniform_gives_up_what_nobody_wants_or_is_gone(void **state)
{
    (void)state;
    topic(4), topic(4);
    member("a", ALL), member("b", ALL);
    assign_anew(SERVER_UNIFORM);
    topics[0].partitions_n = 2;
    members[0].topics_n = members[1].topics_n = 1;
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[0].ret.n, 1);
    assert_int_equal(members[1].ret.n, 1);
}

static void
uniform_believes_only_one_of_two_owners(void **state)
{
    (void)state;
    topic(4);
    member("a", ONE), member("b", ONE);
    assign_anew(SERVER_UNIFORM);
    members[1].ret = members[0].ret;
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[0].ret.n, 2);
}

static void
uniform_evens_out_as_far_as_subscriptions_allow(void **state)
{
    (void)state;
    topic(4), topic(6);
    member("a", ALL), member("b", TWO), member("c", NONE);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[0].ret.n, 5);
    assert_int_equal(members[1].ret.n, 5);
    assert_int_equal(members[2].ret.n, 0);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(moved(), 0);
}

static void
uniform_without_topics_or_members_is_nothing(void **state)
{
    (void)state;
    assign_anew(SERVER_UNIFORM);
    member("a", NONE);
    assign_anew(SERVER_UNIFORM);
    assert_int_equal(members[0].ret.n, 0);
}

/* ---- range ---- */

static void
range_gives_runs_that_meet_in_one_member(void **state)
{
    (void)state;
    topic(5), topic(5);
    member("a", ALL), member("b", ALL);
    assign_anew(SERVER_RANGE);
    assert_int_equal(members[0].ret.n, 6);
    for (int32_t i = 0; i < 3; i++) {
        assert_non_null(tp_set_find(&members[0].ret, topics[0].id, i));
        assert_non_null(tp_set_find(&members[0].ret, topics[1].id, i));
    }
}

static void
range_serves_static_members_first(void **state)
{
    (void)state;
    topic(3);
    member("a", ONE), member("b", ONE), member("c", ONE);
    members[2].instance_id = S("i1");
    assign_anew(SERVER_RANGE);
    assert_non_null(tp_set_find(&members[2].ret, topics[0].id, 0));
    assert_non_null(tp_set_find(&members[0].ret, topics[0].id, 1));
    assert_non_null(tp_set_find(&members[1].ret, topics[0].id, 2));
}

static void
range_counts_only_those_that_subscribe(void **state)
{
    (void)state;
    topic(4), topic(4);
    member("a", ALL), member("b", TWO);
    assign_anew(SERVER_RANGE);
    assert_int_equal(members[0].ret.n, 6);
    assert_int_equal(members[1].ret.n, 2);
}

static uint64_t
draw(uint64_t *dice)
{
    *dice = *dice * 6364136223846793005ull + 1442695040888963407ull;
    return *dice >> 33;
}

/* Whatever subscriptions are: each partition once, as even as can be. */
static void
any_subscriptions_are_served_by_both(void **state)
{
    (void)state;
    uint64_t dice = 4711;
    for (int round = 0; round < 300; round++) {
        memset(members, 0, sizeof members);
        in.topics_n = in.members_n = 0;
        static char ids[MEMBERS_MAX][2];
        for (int t = 0; t < 4; t++) topic((int32_t)(draw(&dice) % 7));
        for (int i = 0; i < 6; i++) {
            int32_t wanted[TOPICS_MAX + 1], n = 0;
            for (int32_t t = 0; t < 4; t++)
                if (draw(&dice) % 3) wanted[n++] = t;
            wanted[n] = -1;
            ids[i][0] = (char)('a' + i);
            member(ids[i], wanted);
        }
        assign_anew(SERVER_RANGE);
        assign_anew(SERVER_UNIFORM);
        assign_anew(SERVER_UNIFORM);
        assert_int_equal(moved(), 0);
    }
}

static void
assignors_have_kafkas_names(void **state)
{
    (void)state;
    assert_int_equal(server_assignor_of(S("uniform")), SERVER_UNIFORM);
    assert_int_equal(server_assignor_of(S("range")), SERVER_RANGE);
    assert_int_equal(server_assignor_of(S("sticky")), -1);
    assert_int_equal(server_assignor_of(SLICE_EMPTY), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(uniform_gives_everybody_as_many_or_one_more),
        CASE(uniform_moves_no_more_than_must_move),
        CASE(uniform_lets_those_keep_one_more_that_have_it),
        CASE(uniform_gives_up_what_nobody_wants_or_is_gone),
        CASE(uniform_believes_only_one_of_two_owners),
        CASE(uniform_evens_out_as_far_as_subscriptions_allow),
        CASE(uniform_without_topics_or_members_is_nothing),
        CASE(range_gives_runs_that_meet_in_one_member),
        CASE(range_serves_static_members_first),
        CASE(range_counts_only_those_that_subscribe),
        CASE(any_subscriptions_are_served_by_both),
        CASE(assignors_have_kafkas_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
