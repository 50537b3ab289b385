/* Groups: a correct history raises no alarm; altered in one place it gives exactly the anomaly that it was altered for. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/check/commits.h"

/* Two members in turn at one partition of six records, and a final read of it. Lines are altered by their number. */
static const char *const good[] = {
    /*  0 */ "0.100 0.101 p1 send orders-0 p1:1 ok @0",
    /*  1 */ "0.100 0.101 p1 send orders-0 p1:2 ok @1",
    /*  2 */ "0.100 0.101 p1 send orders-0 p1:3 ok @2",
    /*  3 */ "0.100 0.101 p1 send orders-0 p1:4 ok @3",
    /*  4 */ "0.100 0.101 p1 send orders-0 p1:5 ok @4",
    /*  5 */ "0.100 0.101 p1 send orders-0 p1:6 ok @5",
    /*  6 */ "1.000 = c1 begin - of=g",
    /*  7 */ "1.010 = c2 begin - of=g",
    /*  8 */ "1.100 = c1 own orders-0 g1 of=g",
    /*  9 */ "1.110 1.120 c1 committed orders-0 ok g1 of=g",
    /* 10 */ "1.200 = c1 process orders-0 0=p1:1 1=p1:2 2=p1:3 g1 of=g after",
    /* 11 */ "1.210 1.220 c1 commit orders-0 ok @3 g1 of=g after",
    /* 12 */ "1.300 = c1 process orders-0 3=p1:4 g1 of=g after",
    /* 13 */ "1.400 1.500 c1 commit orders-0 ok @4 g1 of=g after",
    /* 14 */ "1.600 = c1 disown orders-0 g1 of=g",
    /* 15 */ "1.700 = c2 own orders-0 g2 of=g",
    /* 16 */ "1.710 1.720 c2 committed orders-0 ok @4 g2 of=g",
    /* 17 */ "1.800 = c2 process orders-0 4=p1:5 5=p1:6 g2 of=g after",
    /* 18 */ "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after",
    /* 19 */ "1.900 = - healed -",
    /* 20 */ "9.000 = f assign orders-0 @0 final",
    /* 21 */ "9.000 = f poll orders-0 0=p1:1 1=p1:2 2=p1:3 3=p1:4 4=p1:5 5=p1:6 final",
    /* 22 */ "9.100 = f final-end orders-0 @6 final",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

static void
a_correct_history_raises_no_alarm(void **state)
{
    (void)state;
    static const struct check_facts strict = {.owned_within_ns = 1000000000};
    struct judged j;
    judge(&j, -1, NULL, &strict);
    assert_int_equal(j.r.anomalies.v.n, 0);
    done(&j);
}

static void
two_that_have_a_partition_in_one_generation_are_told(void **state)
{
    (void)state;
    gives(14, "1.600 = c2 own orders-0 g1 of=g\n1.650 = c1 disown orders-0 g1 of=g", NULL,
          RULE_TWO_OWNERS, 1, false);
    /* One after the other, too. */
    gives(15, "1.700 = c2 own orders-0 g1 of=g", NULL, RULE_TWO_OWNERS, 1, false);
    /* A zombie believes in a generation that is over. */
    gives(14, NULL, NULL, RULE_TWO_OWNERS, 0, false);
    /* Whose process has begun anew has nothing any more. */
    gives(14, "1.600 = c1 begin - of=g\n1.610 = c2 own orders-0 g1 of=g", NULL, RULE_TWO_OWNERS, 0,
          false);
}

/* Who was put out while he heard nothing may come in again under his id: with the group's epoch he is told that he has nothing. */
static void
whoever_gives_up_what_he_had_as_he_comes_to_an_epoch_is_no_second_owner(void **state)
{
    (void)state;
    gives(14, "1.550 = c2 own orders-0 g2 of=g\n1.600 = c1 disown orders-0 g2 of=g", NULL,
          RULE_TWO_OWNERS, 0, false);
    gives(14,
          "1.550 = c2 own orders-0 g2 of=g\n1.590 1.595 c1 committed orders-0 ok @4 g2 of=g\n"
          "1.600 = c1 disown orders-0 g2 of=g",
          NULL, RULE_TWO_OWNERS, 1, false);
    /* As long as it does not: it commits what it had done (Kafka's clients do, in onPartitionsRevoked). */
    static const char *const comes_back =
        "1.550 = c2 own orders-0 g2 of=g\n1.590 1.595 c1 commit orders-0 ok @4 g2 of=g after\n"
        "1.600 = c1 disown orders-0 g2 of=g";
    static const struct check_facts longer = {.session_ns = 200000000},
                                    shorter = {.session_ns = 190000000};
    gives(14, comes_back, NULL, RULE_TWO_OWNERS, 1, false);
    gives(14, comes_back, &longer, RULE_TWO_OWNERS, 1,
          false); /* heard of at 1.4 s, as it commits */
    gives(14, comes_back, &shorter, RULE_TWO_OWNERS, 1, true);
    /* Commits do not keep it in the group: it says itself that it had not heard so for a session. Not so of what it is given then. */
    static const char *const says_so =
        "1.550 = c2 own orders-0 g2 of=g\n"
        "1.590 1.595 c1 commit orders-0 ok @4 g2 of=g back=1585000000 after\n"
        "1.600 = c1 disown orders-0 g2 of=g";
    gives(14, says_so, &longer, RULE_TWO_OWNERS, 1, true);
    gives(14, "1.550 = c2 own orders-0 g2 of=g\n1.590 = c1 own orders-0 g2 of=g back=1585000000",
          &longer, RULE_TWO_OWNERS, 3, false);
    /* And what it commits then is what it had done. */
    static const enum rule owners = RULE_TWO_OWNERS;
    gives_besides(14,
                  "1.550 = c2 own orders-0 g2 of=g\n"
                  "1.560 1.565 c2 commit orders-0 ok @6 g2 of=g after\n"
                  "1.590 1.595 c1 commit orders-0 ok @4 g2 of=g back=1585000000 after\n"
                  "1.600 = c1 disown orders-0 g2 of=g",
                  &longer, RULE_OFFSET_WENT_BACK, 1, true, &owners);
    /* Also if the other gets it only then. */
    static const char *const comes_first =
        "1.590 1.595 c1 commit orders-0 ok @4 g2 of=g after\n1.597 = c2 own orders-0 g2 of=g\n"
        "1.600 = c1 disown orders-0 g2 of=g";
    gives(14, comes_first, &longer, RULE_TWO_OWNERS, 1, false);
    gives(14, comes_first, &shorter, RULE_TWO_OWNERS, 1, true);
}

/* Its records are lost: who comes then is in the first generation of another group. */
static void
a_group_that_nobody_knows_any_more_begins_anew(void **state)
{
    (void)state;
    gives(14, "1.600 = c1 disown orders-0 !25 @4 of=g\n1.610 = c2 own orders-0 g1 of=g", NULL,
          RULE_TWO_OWNERS, 0, false);
    gives(14, "1.600 = c1 disown orders-0 !22 @4 of=g\n1.610 = c2 own orders-0 g1 of=g", NULL,
          RULE_TWO_OWNERS, 1, false);
    gives(14, "1.590 = c2 own orders-0 g1 of=g\n1.600 = c1 disown orders-0 !25 @4 of=g", NULL,
          RULE_TWO_OWNERS, 1, false);
}

/* The log was cut at 3, and has other records from there on: the commit of 4 was of those before. What is done of the new ones, and not
 * committed, is done again. */
static void
a_commit_of_what_was_cut_is_none_of_what_came_after(void **state)
{
    (void)state;
    gives(17,
          "1.800 = c2 process orders-0 4=p1:5 5=p1:6 g2 of=g after\n"
          "1.801 = c2 process orders-0 3=p1:4 g2 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, false);
    gives(17,
          "1.730 = c2 truncation orders-0 @3\n1.800 = c2 process orders-0 4=p1:5 5=p1:6 g2 of=g "
          "after\n"
          "1.801 = c2 process orders-0 3=p1:4 g2 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, true);
}

/* A member that was in generation 2 is in 1 after that. */
static void
a_group_that_begins_anew_is_compared_with_nothing(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n1.840 = c2 disown orders-0 g2 of=g\n"
          "1.850 = c1 own orders-0 g2 of=g",
          NULL, RULE_TWO_OWNERS, 1, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n1.840 = c2 disown orders-0 g2 of=g\n"
          "1.845 = c2 own orders-1 g1 of=g\n1.850 = c1 own orders-0 g2 of=g",
          NULL, RULE_TWO_OWNERS, 0, false);
}

static void
two_own_though(int at, const char *instead, int32_t partition, int64_t wiped_ms, int64_t n)
{
    struct mem mem;
    test_mem_init(&mem);
    struct chronicle c = wiped_at(&mem, partition, wiped_ms);
    const struct check_facts facts = {
        .chronicle = &c, .offsets = {.replicas = 2, .min_isr = 1}, .offsets_partitions = 2};
    gives(at, instead, &facts, RULE_TWO_OWNERS, n, false);
    mem_release(&mem);
}

/* From whatever record is left. */
static void
a_group_whose_records_are_lost_counts_its_generations_again(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *beside = "1.600 = c2 own orders-0 g1 of=g\n1.650 = c1 disown orders-0 g1 of=g";
    two_own_though(14, beside, home, 1550, 0);
    two_own_though(14, beside, 1 - home, 1550, 1);
    two_own_though(14, beside, home, 1350, 1); /* it could commit after that */
    two_own_though(14, beside, home, 1610, 1); /* too late */
    const char *after = "1.700 = c2 own orders-0 g1 of=g";
    two_own_though(15, after, home, 1650, 0);
    two_own_though(15, after, home, 1750, 1);
    /* An earlier one first, and then that one. */
    const char *climbs = "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                         "1.840 = c2 disown orders-0 g2 of=g\n"
                         "1.850 = c1 own orders-0 g1 of=g\n"
                         "1.860 = c1 disown orders-0 g1 of=g\n"
                         "1.870 = c1 own orders-0 g2 of=g";
    two_own_though(18, climbs, home, 1830, 0);
    two_own_though(18, climbs, home, 1730, 1);
}

/* Who has not heard of it goes on with a number that a member of the new group comes to. */
static void
whoever_has_not_heard_that_his_group_is_lost_is_no_second_owner(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *advances = "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                           "1.850 = c1 own orders-0 g1 of=g\n"
                           "1.860 1.865 c1 committed orders-0 ok @6 g2 of=g\n"
                           "1.870 = c2 disown orders-0 g2 of=g";
    two_own_though(18, advances, home, 1830, 0);
    two_own_though(18, advances, home, 1730, 1);
}

static void
a_committed_offset_that_goes_back_is_told(void **state)
{
    (void)state;
    const char *late = "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                       "1.830 1.840 c1 commit orders-0 ok @4 g1 of=g after\n"
                       "1.850 1.860 c2 commit orders-0 ok @6 g2 of=g after";
    gives(18, late, NULL, RULE_OFFSET_WENT_BACK, 1, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
}

/* With a topic go the offsets in it, also those that were committed while it was being deleted, and nothing of what was done in it
 * is done again in the one that is made after it. */
static void
nothing_is_owed_of_a_topic_that_was_deleted(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.815 1.870 a admin orders-0 delete ok\n"
          "1.830 1.860 c2 committed orders-0 ok g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.821 1.825 a admin orders-0 delete fail\n"
          "1.830 1.860 c2 committed orders-0 ok g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
    /* Taken by one that had not heard of it yet. */
    gives(18,
          "1.802 1.806 a admin orders-0 delete ok\n"
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 1.860 c2 committed orders-0 ok g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
    gives_besides(18,
                  "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                  "1.821 1.825 a admin orders-0 delete ok\n"
                  "1.826 1.829 a admin orders-0 create ok\n"
                  "1.830 1.860 c2 committed orders-0 ok g2 of=g\n"
                  "1.870 1.880 c2 commit orders-0 ok @6 g2 of=g after\n"
                  "1.890 1.895 c2 committed orders-0 ok g2 of=g",
                  NULL, RULE_OFFSET_WENT_BACK, 1, false, (enum rule[]){RULE_PHANTOM});
}

/* An offset goes back that was committed from 1.810 to 1.820 s and sought from 1.850 to 1.860 s. */
static void
goes_back_of(const char *group, int32_t partition, int64_t wiped_ms, bool allowed)
{
    char told[256];
    snprintf(told, sizeof told,
             "1.810 1.820 c2 commit orders-0 ok @6 g2 of=%s after\n"
             "1.850 1.860 c2 committed orders-0 ok g2 of=%s",
             group, group);
    struct mem mem;
    test_mem_init(&mem);
    struct chronicle c = wiped_at(&mem, partition, wiped_ms);
    const struct check_facts facts = {
        .chronicle = &c, .offsets = {.replicas = 2, .min_isr = 1}, .offsets_partitions = 2};
    gives(18, told, &facts, RULE_OFFSET_WENT_BACK, 1, allowed);
    mem_release(&mem);
}

static void
goes_back_though(int32_t partition, int64_t wiped_ms, bool allowed)
{
    goes_back_of("g", partition, wiped_ms, allowed);
}

static void
a_commit_whose_copies_were_destroyed_may_be_gone(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    goes_back_though(home, 1830, true);
    goes_back_though(home, 1700, false); /* before it: that excuses nothing */
    goes_back_though(1 - home, 1830, false);
}

/* It is one word in the history, and lies where its own name leads. */
static void
a_group_may_have_blanks_in_its_name(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("my group"), 2);
    assert_int_not_equal(coordinator_partition(S("my%20group"), 2), home);
    goes_back_of("my%20group", home, 1830, true);
    goes_back_of("my%20group", 1 - home, 1830, false);
}

static void
a_commit_of_unknown_fate_may_come_late(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.811 c2 commit orders-0 info @5 g2 of=g after\n"
          "1.812 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @5 g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
}

static void
a_commit_that_was_retried_may_come_late_once_more(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g after retried\n"
          "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @5 g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
    gives(18,
          "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g after\n"
          "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @5 g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
    /* Who finds what came late does again what came after it. */
    gives(18,
          "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g after retried\n"
          "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.850 1.860 c1 committed orders-0 ok @5 g3 of=g\n"
          "1.870 = c1 process orders-0 5=p1:6 g3 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, true);
}

/* Who commits before he works, too, begins where he finds that the group has come to. */
static void
what_a_late_commit_takes_back_is_done_again(void **state)
{
    (void)state;
    static const enum rule besides = RULE_OFFSET_WENT_BACK;
    gives(18,
          "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g before retried\n"
          "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g before\n"
          "1.850 1.860 c1 committed orders-0 ok @5 g3 of=g\n"
          "1.870 = c1 process orders-0 5=p1:6 g3 of=g before",
          NULL, RULE_PROCESSED_TWICE, 1, true);
    gives_besides(18,
                  "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g before\n"
                  "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g before\n"
                  "1.850 1.860 c1 committed orders-0 ok @5 g3 of=g\n"
                  "1.870 = c1 process orders-0 5=p1:6 g3 of=g before",
                  NULL, RULE_PROCESSED_TWICE, 1, false, &besides);
}

static void
what_surely_failed_is_not_committed(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.811 c2 commit orders-0 fail @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @6 g2 of=g",
          NULL, RULE_FAILED_COMMIT, 1, false);
    gives(18,
          "1.810 1.811 c2 commit orders-0 fail @6 g2 of=g after\n"
          "1.812 1.820 c2 commit orders-0 info @6 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @6 g2 of=g",
          NULL, RULE_FAILED_COMMIT, 0, false);
}

static void
commits_at_the_same_time_have_no_order(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.811 1.830 c2 commit orders-0 ok @5 g2 of=g after\n"
          "1.850 1.860 c2 committed orders-0 ok @5 g2 of=g",
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
}

static void
what_is_done_again_before_it_was_committed_is_permitted(void **state)
{
    (void)state;
    /* c1 dies between working and committing. */
    gives(13,
          "1.550 = c1 begin - of=g\n1.560 = c2 own orders-0 g2 of=g\n"
          "1.570 1.580 c2 committed orders-0 ok @3 g2 of=g\n"
          "1.590 = c2 process orders-0 3=p1:4 g2 of=g after\n"
          "1.591 1.592 c2 commit orders-0 ok @4 g2 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, true);
}

static void
what_was_committed_is_not_done_again(void **state)
{
    (void)state;
    gives(17, "1.800 = c2 process orders-0 3=p1:4 4=p1:5 5=p1:6 g2 of=g after", NULL,
          RULE_PROCESSED_TWICE, 1, false);
    gives(17,
          "1.800 = c2 process orders-0 4=p1:5 5=p1:6 g2 of=g after\n"
          "1.805 = c2 process orders-0 4=p1:5 g2 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, false);
}

static void
who_commits_before_may_do_nothing_twice(void **state)
{
    (void)state;
    gives(13,
          "1.550 = c1 begin - of=g\n1.560 = c2 own orders-0 g2 of=g\n"
          "1.570 1.580 c2 committed orders-0 ok @3 g2 of=g\n"
          "1.590 = c2 process orders-0 3=p1:4 g2 of=g before\n"
          "1.591 1.592 c2 commit orders-0 ok @4 g2 of=g after",
          NULL, RULE_PROCESSED_TWICE, 1, false);
}

/* After c2 has committed offset 6, before its work. */
static void
done_again(const char *then, int32_t partition, int64_t n, bool allowed)
{
    static const enum rule besides = RULE_OFFSET_WENT_BACK;
    char told[1024];
    snprintf(told, sizeof told, "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g before\n%s", then);
    struct mem mem;
    test_mem_init(&mem);
    struct chronicle c = wiped_at(&mem, partition, 1830);
    const struct check_facts facts = {
        .chronicle = &c, .offsets = {.replicas = 2, .min_isr = 1}, .offsets_partitions = 2};
    gives_besides(18, told, &facts, RULE_PROCESSED_TWICE, n, allowed, &besides);
    mem_release(&mem);
}

#define FINDS_NOTHING "1.850 1.860 c2 committed orders-0 ok g2 of=g\n"
#define ALL_AGAIN " process orders-0 0=p1:1 1=p1:2 2=p1:3 3=p1:4 g3 of=g before"

/* What was committed up to there is owed all the same, and excused by its own causes. */
static void
a_cut_log_leaves_what_was_committed_before_the_cut(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *behind = "1.840 = c2 truncation orders-0 @6\n" FINDS_NOTHING "1.870 = c2" ALL_AGAIN;
    const char *within = "1.840 = c2 truncation orders-0 @4\n" FINDS_NOTHING "1.870 = c2" ALL_AGAIN;
    done_again(behind, home, 4, true);
    done_again(behind, 1 - home, 4, false);
    done_again(within, home, 4, true);
    done_again(within, 1 - home, 4, false);
}

/* Somebody found no commit any more before the one who works on it again did. */
static void
a_commit_that_one_found_gone_is_gone_for_all(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *later = FINDS_NOTHING "1.861 = c2 disown orders-0 g2 of=g\n"
                                      "1.862 = c1 own orders-0 g3 of=g\n"
                                      "1.863 1.864 c1 committed orders-0 ok g3 of=g\n"
                                      "1.870 = c1" ALL_AGAIN;
    done_again(later, home, 4, true);
    done_again(later, 1 - home, 4, false);
}

/* What it finds is of a log that was cut since, and takes it back further; without a commit that is gone it would not have begun
 * there. */
static void
who_finds_a_commit_of_a_former_log_begins_where_that_was_cut(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *cut = "1.850 1.860 c1 committed orders-0 ok @4 g3 of=g\n"
                      "1.865 = c1 truncation orders-0 @2\n"
                      "1.866 = c1 assign orders-0 @2\n"
                      "1.870 = c1 process orders-0 2=p1:3 3=p1:4 4=p1:5 g3 of=g before";
    done_again(cut, home, 3, true);
    done_again(cut, 1 - home, 3, false);
    const char *not_gone = "1.850 1.860 c1 committed orders-0 ok @6 g3 of=g\n"
                           "1.865 = c1 truncation orders-0 @2\n"
                           "1.870 = c1 process orders-0 2=p1:3 3=p1:4 4=p1:5 g3 of=g before";
    done_again(not_gone, home, 3, false);
}

/* Somebody else hears late of a cut that the group has behind it. */
static void
a_cut_that_is_heard_of_late_makes_no_excuse_void(void **state)
{
    (void)state;
    gives(18,
          "1.810 1.812 c2 commit orders-0 ok @5 g2 of=g before retried\n"
          "1.813 1.820 c2 commit orders-0 ok @6 g2 of=g before\n"
          "1.840 = c3 truncation orders-0 @4\n"
          "1.850 1.860 c1 committed orders-0 ok @5 g3 of=g\n"
          "1.870 = c1 process orders-0 5=p1:6 g3 of=g before",
          NULL, RULE_PROCESSED_TWICE, 1, true);
}

/* Whoever reads where nothing is any more, and whatever was removed there: commits are kept elsewhere. */
static void
a_position_that_is_refused_is_no_excuse_for_a_lost_commit(void **state)
{
    (void)state;
#define LOST "1.850 1.860 c1 committed orders-0 ok @2 g3 of=g"
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c3 out-of-range orders-0 @0\n1.835 = c3 assign orders-0 @2\n" LOST,
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c2 out-of-range orders-0 @6\n1.835 = c2 assign orders-0 @0\n" LOST,
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c2 out-of-range orders-0 @6\n1.835 = c2 assign orders-0 @9\n"
          "1.850 1.860 c2 commit orders-0 ok @2 g2 of=g after",
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
    /* It went back because of that, and no further. */
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c2 out-of-range orders-0 @6\n1.835 = c2 assign orders-0 @2\n"
          "1.840 1.845 c2 commit orders-0 ok @2 g2 of=g after\n" LOST,
          NULL, RULE_OFFSET_WENT_BACK, 0, false);
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c2 out-of-range orders-0 @6\n1.835 = c2 assign orders-0 @2\n"
          "1.840 1.845 c2 commit orders-0 ok @1 g2 of=g after",
          NULL, RULE_OFFSET_WENT_BACK, 1, false);
}

/* In two losses, the second of less. */
static void
what_is_gone_stays_gone_when_less_is_lost(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    const char *twice = FINDS_NOTHING "1.861 1.862 c2 commit orders-0 ok @1 g3 of=g before\n"
                                      "1.863 1.864 c2 committed orders-0 ok g3 of=g\n"
                                      "1.870 = c2 process orders-0 1=p1:2 g3 of=g before";
    done_again(twice, home, 1, true);
    done_again(twice, 1 - home, 1, false);
}

/* Who found the commit has no such excuse; nor who was given it before another found it gone. */
static void
a_commit_that_was_found_is_not_gone(void **state)
{
    (void)state;
    const int32_t home = coordinator_partition(S("g"), 2);
    done_again("1.840 1.845 c1 committed orders-0 ok @6 g2 of=g\n" FINDS_NOTHING
               "1.870 = c1" ALL_AGAIN,
               home, 4, false);
    done_again(FINDS_NOTHING "1.861 1.862 c2 commit orders-0 ok @4 g3 of=g before\n"
                             "1.863 1.864 c2 committed orders-0 ok @4 g3 of=g\n"
                             "1.870 = c2" ALL_AGAIN,
               home, 4, false);
}

/* What was done again for a reason is not done once more for the same. */
static void
what_was_done_again_is_done_no_third_time(void **state)
{
    (void)state;
    struct mem mem;
    struct judged j;
    int64_t n[2] = {0};
    test_mem_init(&mem);
    struct chronicle c = wiped_at(&mem, coordinator_partition(S("g"), 2), 1830);
    const struct check_facts facts = {
        .chronicle = &c, .offsets = {.replicas = 2, .min_isr = 1}, .offsets_partitions = 2};
    judge(&j, 18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g before\n" FINDS_NOTHING
          "1.870 = c2" ALL_AGAIN "\n1.880 = c2" ALL_AGAIN,
          &facts);
    for (int64_t i = 0; i < j.r.anomalies.v.n; i++)
        if (j.r.anomalies.v.v[i].rule == RULE_PROCESSED_TWICE) n[j.r.anomalies.v.v[i].allowed]++;
    assert_int_equal(n[true], 4);
    assert_int_equal(n[false], 4);
    done(&j);
    mem_release(&mem);
}

static void
another_record_at_the_offset_is_not_the_same_work(void **state)
{
    (void)state;
    gives(17, "1.800 = c2 process orders-0 3=p1:6 4=p1:5 5=p1:6 g2 of=g after", NULL,
          RULE_PROCESSED_TWICE, 0, false);
    gives(17, "1.800 = c2 process orders-0 3=p1:4 4=p1:5 5=p1:6 g2 of=g after", NULL,
          RULE_PROCESSED_TWICE, 1, false);
}

static void
what_nobody_does_is_passed_over(void **state)
{
    (void)state;
    gives(12, NULL, NULL, RULE_UNPROCESSED, 1, false);
    /* Behind what is committed, where the group has an owner in the end. */
    gives(17, "1.800 = c2 process orders-0 4=p1:5 g2 of=g after", NULL, RULE_UNPROCESSED, 1, false);
    /* Who commits before it works leaves a piece undone when it dies. */
    gives(12, "1.250 1.260 c1 commit orders-0 ok @4 g1 of=g before", NULL, RULE_UNPROCESSED, 1,
          true);
}

static void
a_partition_that_stays_without_owner_is_told(void **state)
{
    (void)state;
    static const struct check_facts strict = {.owned_within_ns = 1000000000};
    const char *gone = "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                       "1.830 = c2 disown orders-0 g2 of=g";
    gives(18, gone, &strict, RULE_UNOWNED, 1, false);
    gives(18, gone, NULL, RULE_UNOWNED, 0, false);
    /* It came too late to somebody. */
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c2 disown orders-0 g2 of=g\n4.000 = c2 own orders-0 g3 of=g",
          &strict, RULE_UNOWNED, 1, false);
    /* Nobody is left who could have it. */
    gives(18,
          "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
          "1.830 = c1 leave - of=g\n1.840 = c2 leave - of=g",
          &strict, RULE_UNOWNED, 0, false);
}

static void
unowned_though(int64_t deleted_ms, int64_t made_ms, int64_t n)
{
    struct mem mem;
    struct chronicle c;
    const char *gone = "1.810 1.820 c2 commit orders-0 ok @6 g2 of=g after\n"
                       "1.830 = c2 disown orders-0 g2 of=g";
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    struct happening deleted = happening_new(HAPPENED_DELETED, deleted_ms * 1000000);
    struct happening made = happening_new(HAPPENED_MADE, made_ms * 1000000);
    deleted.topic = made.topic = S("orders");
    chronicle_add(&c, &deleted);
    if (made_ms) chronicle_add(&c, &made);
    const struct check_facts facts = {.chronicle = &c, .owned_within_ns = 1000000000};
    static const enum rule also = RULE_PHANTOM; /* what the former topic had, read at the end */
    gives_besides(18, gone, &facts, RULE_UNOWNED, n, false, &also);
    chronicle_release(&c);
    mem_release(&mem);
}

/* Whatever the administrator was told: nobody can have what is deleted. */
static void
a_partition_that_is_deleted_has_no_owner(void **state)
{
    (void)state;
    unowned_though(1840, 0, 0);
    unowned_though(2500, 0, 0);
    unowned_though(3500, 0, 1); /* so long after the end of all faults it was there, and nobody's */
    unowned_though(1840, 3000, 1);
    unowned_though(1840, 8500, 0);
}

static void
a_copy_beside_its_original_is_told(void **state)
{
    (void)state;
    const char *others = "1.700 = c2 own orders-0 g2 of=g\n1.701 = c1 standby orders-0 g2 of=g";
    gives(15, others, NULL, RULE_STANDBY_BESIDE, 0, false);
    gives(15, "1.700 = c2 own orders-0 g2 of=g\n1.701 = c2 standby orders-0 g2 of=g", NULL,
          RULE_STANDBY_BESIDE, 1, false);
    gives(15, "1.690 = c2 standby orders-0 g1 of=g\n1.700 = c2 own orders-0 g2 of=g", NULL,
          RULE_STANDBY_BESIDE, 1, false);
    /* It has given the copy up before, or has begun anew. */
    gives(15,
          "1.690 = c2 standby orders-0 g1 of=g\n1.695 = c2 standby-over orders-0 g1 of=g\n"
          "1.700 = c2 own orders-0 g2 of=g",
          NULL, RULE_STANDBY_BESIDE, 0, false);
    gives(15,
          "1.690 = c2 standby orders-0 g1 of=g\n1.695 = c2 begin - of=g\n"
          "1.700 = c2 own orders-0 g2 of=g",
          NULL, RULE_STANDBY_BESIDE, 0, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_correct_history_raises_no_alarm),
        cmocka_unit_test(two_that_have_a_partition_in_one_generation_are_told),
        cmocka_unit_test(whoever_gives_up_what_he_had_as_he_comes_to_an_epoch_is_no_second_owner),
        cmocka_unit_test(a_group_that_nobody_knows_any_more_begins_anew),
        cmocka_unit_test(a_group_that_begins_anew_is_compared_with_nothing),
        cmocka_unit_test(a_commit_of_what_was_cut_is_none_of_what_came_after),
        cmocka_unit_test(a_group_whose_records_are_lost_counts_its_generations_again),
        cmocka_unit_test(whoever_has_not_heard_that_his_group_is_lost_is_no_second_owner),
        cmocka_unit_test(a_committed_offset_that_goes_back_is_told),
        cmocka_unit_test(nothing_is_owed_of_a_topic_that_was_deleted),
        cmocka_unit_test(a_commit_whose_copies_were_destroyed_may_be_gone),
        cmocka_unit_test(a_group_may_have_blanks_in_its_name),
        cmocka_unit_test(a_commit_of_unknown_fate_may_come_late),
        cmocka_unit_test(a_commit_that_was_retried_may_come_late_once_more),
        cmocka_unit_test(what_a_late_commit_takes_back_is_done_again),
        cmocka_unit_test(what_surely_failed_is_not_committed),
        cmocka_unit_test(commits_at_the_same_time_have_no_order),
        cmocka_unit_test(what_is_done_again_before_it_was_committed_is_permitted),
        cmocka_unit_test(what_was_committed_is_not_done_again),
        cmocka_unit_test(who_commits_before_may_do_nothing_twice),
        cmocka_unit_test(a_cut_log_leaves_what_was_committed_before_the_cut),
        cmocka_unit_test(a_commit_that_one_found_gone_is_gone_for_all),
        cmocka_unit_test(who_finds_a_commit_of_a_former_log_begins_where_that_was_cut),
        cmocka_unit_test(a_cut_that_is_heard_of_late_makes_no_excuse_void),
        cmocka_unit_test(a_position_that_is_refused_is_no_excuse_for_a_lost_commit),
        cmocka_unit_test(what_is_gone_stays_gone_when_less_is_lost),
        cmocka_unit_test(a_commit_that_was_found_is_not_gone),
        cmocka_unit_test(what_was_done_again_is_done_no_third_time),
        cmocka_unit_test(another_record_at_the_offset_is_not_the_same_work),
        cmocka_unit_test(what_nobody_does_is_passed_over),
        cmocka_unit_test(a_partition_that_stays_without_owner_is_told),
        cmocka_unit_test(a_partition_that_is_deleted_has_no_owner),
        cmocka_unit_test(a_copy_beside_its_original_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
