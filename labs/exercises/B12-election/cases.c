/* Cases for leader_choose(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/controller/leader_choice.h"
#include "labs/exercises/judge.h"

__typeof__(leader_choose) student_leader_choose, reference_leader_choose;

#define IDS 8

/* "1,2,3" on the heap, exactly as long as it is. */
static struct ids
ids_of(const char *text)
{
    struct ids all = {.v = malloc(IDS * sizeof(int32_t))};
    for (const char *p = text; *p; p++)
        if (*p != ',') all.v[all.n++] = *p - '0';
    all.v = realloc(all.v, (size_t)all.n * sizeof(int32_t) + !all.n);
    return all;
}

struct drawn {
    const char *replicas, *isr, *elr, *last, *alive;
    int32_t leader;
    enum election election;
    bool elr_enabled;
};

static bool
is_alive(void *ctx, int32_t id)
{
    return strchr(ctx, '0' + (char)id) != NULL;
}

static void
say(char *text, size_t n, struct leader_choice c)
{
    if (c.leader == NO_LEADER)
        (void)snprintf(text, n, "nobody%s", c.is_unclean ? ", uncleanly" : "");
    else
        (void)snprintf(text, n, "%d%s%s", c.leader, c.is_unclean ? ", uncleanly" : "",
                       c.from_elr ? ", from the ELR" : "");
}

static void
try_one(const char *rule, struct drawn d)
{
    static const char *const elections[] = {"", "; preferred election", "; unclean election"};
    char alive[16], got[64], right[64];
    (void)snprintf(alive, sizeof alive, "%s", d.alive);
    struct leader_question q = {.replicas = ids_of(d.replicas),
                                .isr = ids_of(d.isr),
                                .elr = ids_of(d.elr),
                                .last_known_elr = ids_of(d.last),
                                .leader = d.leader,
                                .election = d.election,
                                .elr_enabled = d.elr_enabled,
                                .is_alive = is_alive,
                                .ctx = alive};
    judge_case(
        rule,
        "replicas {%s}, ISR {%s}, ELR {%s}%s, last leader known {%s}, leader %d, alive {%s}%s",
        d.replicas, d.isr, d.elr, d.elr_enabled ? "" : " (off)", d.last, d.leader, d.alive,
        elections[d.election]);
    say(right, sizeof right, reference_leader_choose(&q));
    say(got, sizeof got, student_leader_choose(&q));
    judge_text(got, right);
    free(q.replicas.v), free(q.isr.v), free(q.elr.v), free(q.last_known_elr.v);
}

static const char *
draw_ids(char *room, int32_t n, int64_t chance)
{
    int at = 0;
    for (int32_t i = 1; i <= n; i++)
        if (judge_dice(100) < chance) at += snprintf(room + at, 4, "%s%d", at ? "," : "", i);
    room[at] = 0;
    return room;
}

static void
draw_one(void)
{
    char replicas[16], isr[16], elr[16], last[16], alive[16];
    struct drawn d = {.elr_enabled = judge_dice(2),
                      .election = (enum election)judge_dice(3),
                      .leader = (int32_t)judge_dice(4)};
    if (d.leader == 0) d.leader = NO_LEADER;
    d.replicas = draw_ids(replicas, 4, 90), d.isr = draw_ids(isr, 4, 40),
    d.alive = draw_ids(alive, 4, 45);
    d.elr = d.elr_enabled ? draw_ids(elr, 4, 25) : "";
    d.last = d.elr_enabled ? draw_ids(last, 4, 20) : "";
    try_one("random", d);
}

int
main(void)
{
    try_one("isr", (struct drawn){"1,2,3", "2,3", "", "", "2,3", .leader = 1});
    try_one("isr", (struct drawn){"1,2,3", "3", "", "", "2,3", .leader = 1});
    try_one("isr", (struct drawn){"1,2,3", "3", "", "", "1,2,3", .leader = 1});
    try_one("keep", (struct drawn){"1,2,3", "1,2,3", "", "", "1,2,3", .leader = 3});
    try_one("keep", (struct drawn){"1,2,3", "2,3", "", "", "1,2,3", .leader = 3});
    try_one("order", (struct drawn){"3,1,2", "1,2,3", "", "", "1,2,3", .leader = NO_LEADER});
    try_one("order", (struct drawn){"3,2,1", "1,2", "", "", "1,2", .leader = NO_LEADER});
    try_one("preferred", (struct drawn){"1,2,3", "1,2,3", "", "", "1,2,3", .leader = 2,
                                        .election = ELECT_PREFERRED});
    try_one("preferred", (struct drawn){"1,2,3", "2,3", "", "", "1,2,3", .leader = 2,
                                        .election = ELECT_PREFERRED});
    try_one("preferred", (struct drawn){"1,2,3", "1,2,3", "", "", "2,3", .leader = 3,
                                        .election = ELECT_PREFERRED});
    try_one("alive", (struct drawn){"1,2,3", "1,2,3", "", "", "3", .leader = 1});
    try_one("alive", (struct drawn){"1,2,3", "1,2,3", "", "", "2", .leader = NO_LEADER,
                                    .election = ELECT_PREFERRED});
    try_one("alive",
            (struct drawn){"1,2,3", "1", "2,3", "", "3", .leader = 1, .elr_enabled = true});
    try_one("elr", (struct drawn){"1,2,3", "1", "2", "", "2,3", .leader = 1, .elr_enabled = true});
    try_one("elr", (struct drawn){"1,2,3", "", "3,2", "", "2,3", .leader = NO_LEADER,
                                  .elr_enabled = true});
    try_one("elr", (struct drawn){"1,2,3", "1", "2", "", "2,3", .leader = 1, .elr_enabled = false});
    try_one("last-leader",
            (struct drawn){"1,2,3", "", "", "3", "2,3", .leader = NO_LEADER, .elr_enabled = true});
    try_one("last-leader",
            (struct drawn){"1,2,3", "", "", "3", "1,2", .leader = NO_LEADER, .elr_enabled = true});
    try_one("last-leader",
            (struct drawn){"1,2,3", "1", "", "3", "2,3", .leader = NO_LEADER, .elr_enabled = true});
    try_one("last-leader",
            (struct drawn){"1,2,3", "", "2", "3", "1,3", .leader = NO_LEADER, .elr_enabled = true});
    try_one("last-leader", (struct drawn){"1,2,3", "", "", "2,3", "2,3", .leader = NO_LEADER,
                                          .elr_enabled = true});
    try_one("last-leader",
            (struct drawn){"1,2,3", "", "", "3", "2,3", .leader = NO_LEADER, .elr_enabled = false});
    try_one("nobody", (struct drawn){"1,2,3", "1", "", "", "2,3", .leader = 1});
    try_one("nobody",
            (struct drawn){"1,2,3", "1,2,3", "", "", "", .leader = 1, .election = ELECT_UNCLEAN});
    try_one("nobody",
            (struct drawn){"", "", "", "", "1", .leader = NO_LEADER, .election = ELECT_PREFERRED});
    try_one("unclean",
            (struct drawn){"1,2,3", "1", "", "", "2,3", .leader = 1, .election = ELECT_UNCLEAN});
    try_one("unclean",
            (struct drawn){"1,2,3", "3", "", "", "2,3", .leader = 1, .election = ELECT_UNCLEAN});
    try_one("unclean", (struct drawn){"1,2,3", "1", "3", "", "2,3", .leader = 1,
                                      .election = ELECT_UNCLEAN, .elr_enabled = true});
    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
