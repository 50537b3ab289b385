/* Cases for commit_rule() and offset_is_expired(). */
#include <stdio.h>

#include "broker/group/offset_rules.h"
#include "errors.h"
#include "labs/exercises/judge.h"

__typeof__(commit_rule) student_commit_rule, reference_commit_rule;
__typeof__(offset_is_expired) student_offset_is_expired, reference_offset_is_expired;

static const char *const states[] = {"empty", "preparing", "completing", "stable", "dead"};

static void
say(char *text, size_t n, int err)
{
    switch (err) {
    case K_ERR_NONE: (void)snprintf(text, n, "it is taken"); return;
    case K_ERR_UNKNOWN_MEMBER_ID: (void)snprintf(text, n, "UNKNOWN_MEMBER_ID"); return;
    case K_ERR_FENCED_INSTANCE_ID: (void)snprintf(text, n, "FENCED_INSTANCE_ID"); return;
    case K_ERR_ILLEGAL_GENERATION: (void)snprintf(text, n, "ILLEGAL_GENERATION"); return;
    case K_ERR_REBALANCE_IN_PROGRESS: (void)snprintf(text, n, "REBALANCE_IN_PROGRESS"); return;
    default: (void)snprintf(text, n, "error %d", err);
    }
}

static void
commit(const char *rule, struct commit_view c)
{
    char member[40], got[40], wanted[40];
    say(member, sizeof member, c.member_err);
    judge_case(
        rule, "group %s, generation %d; the commit is of generation %d, %s%s; the group says: %s",
        states[c.state], c.group_generation, c.generation,
        c.has_member_id ? "with a member id" : "without member id",
        c.has_instance_id ? " and an instance" : "", c.member_err ? member : "a member of ours");
    say(wanted, sizeof wanted, reference_commit_rule(&c));
    say(got, sizeof got, student_commit_rule(&c));
    judge_text(got, wanted);
}

static struct commit_view
by_member(enum group_state state, int32_t generation)
{
    return (struct commit_view){
        .state = state, .group_generation = 5, .generation = generation, .has_member_id = true};
}

static struct commit_view
by_stranger(enum group_state state, int32_t generation, int16_t err)
{
    struct commit_view c = by_member(state, generation);
    c.member_err = err;
    return c;
}

static struct commit_view
by_nobody(enum group_state state)
{
    return (struct commit_view){.state = state,
                                .group_generation = 5,
                                .generation = -1,
                                .member_err = K_ERR_UNKNOWN_MEMBER_ID};
}

static void
commits(void)
{
    commit("member", by_member(GROUP_STABLE, 5));
    commit("member", by_member(GROUP_PREPARING, 5));
    commit("outsider", by_nobody(GROUP_EMPTY));
    struct commit_view named = by_nobody(GROUP_EMPTY);
    named.has_member_id = true;
    commit("outsider", named);
    commit("nobody", by_nobody(GROUP_STABLE));
    commit("nobody", by_nobody(GROUP_PREPARING));
    commit("nobody", by_nobody(GROUP_COMPLETING));
    commit("stranger", by_stranger(GROUP_STABLE, 5, K_ERR_UNKNOWN_MEMBER_ID));
    commit("stranger", by_stranger(GROUP_STABLE, 5, K_ERR_FENCED_INSTANCE_ID));
    commit("stranger", by_stranger(GROUP_STABLE, 4, K_ERR_FENCED_INSTANCE_ID));
    commit("stranger", by_stranger(GROUP_EMPTY, 5, K_ERR_UNKNOWN_MEMBER_ID));
    commit("zombie", by_member(GROUP_STABLE, 4));
    commit("zombie", by_member(GROUP_STABLE, 6));
    commit("zombie", by_member(GROUP_STABLE, -1));
    commit("zombie", by_member(GROUP_PREPARING, 4));
    commit("completing", by_member(GROUP_COMPLETING, 5));
    commit("completing", by_member(GROUP_COMPLETING, 4));
}

/* ---- offsets ---- */

#define KEPT 1000

static void
expire(const char *rule, struct offset_view o, int64_t now)
{
    char until[40] = "";
    if (o.expire_ms >= 0)
        (void)snprintf(until, sizeof until, ", said to expire at %lld", (long long)o.expire_ms);
    judge_case(rule, "group %s since %lld%s%s%s; %s%scommitted at %lld%s; kept for %d; now %lld",
               o.has_epochs ? "with epochs" : states[o.state], (long long)o.state_since_ms,
               o.has_protocol_type ? "" : ", never had members",
               o.is_of_consumers ? ", of consumers" : "",
               o.is_subscribed ? ", somebody subscribes" : ", nobody subscribes",
               o.has_value ? "" : "no value yet, ", o.has_more ? "another value comes, " : "",
               (long long)o.commit_ms, until, KEPT, (long long)now);
    judge_bool(student_offset_is_expired(&o, KEPT, now),
               reference_offset_is_expired(&o, KEPT, now));
}

/* Committed at 100, in a group that is in its state since 5000. */
static struct offset_view
offset(enum group_state state)
{
    return (struct offset_view){.has_value = true,
                                .state = state,
                                .has_protocol_type = true,
                                .is_of_consumers = true,
                                .commit_ms = 100,
                                .expire_ms = -1,
                                .state_since_ms = 5000};
}

static void
offsets(void)
{
    struct offset_view o = offset(GROUP_EMPTY);
    o.has_value = false;
    expire("fresh", o, 9000);
    o.has_value = true, o.has_more = true;
    expire("fresh", o, 9000);
    o.expire_ms = 200;
    expire("fresh", o, 9000);
    o = offset(GROUP_STABLE);
    o.is_subscribed = true;
    expire("in-use", o, 9000);
    o.expire_ms = 200;
    expire("in-use", o, 9000);
    expire("in-use", offset(GROUP_PREPARING), 9000);
    expire("in-use", offset(GROUP_COMPLETING), 9000);
    o = offset(GROUP_STABLE), o.is_of_consumers = false;
    expire("in-use", o, 9000);
    o = offset(GROUP_EMPTY), o.has_epochs = true, o.is_subscribed = true;
    expire("in-use", o, 9000);
    expire("unsubscribed", offset(GROUP_STABLE), 1099);
    expire("unsubscribed", offset(GROUP_STABLE), 1100);
    o = offset(GROUP_EMPTY), o.has_epochs = true, o.state_since_ms = -1;
    expire("unsubscribed", o, 1100);
    expire("left", offset(GROUP_EMPTY), 5999);
    expire("left", offset(GROUP_EMPTY), 6000);
    o = offset(GROUP_EMPTY), o.has_protocol_type = false;
    expire("left", o, 1099);
    expire("left", o, 1100);
    o = offset(GROUP_EMPTY), o.state_since_ms = -1;
    expire("left", o, 1100);
    o = offset(GROUP_EMPTY), o.expire_ms = 300;
    expire("said", o, 299);
    expire("said", o, 300);
    o.expire_ms = 8000;
    expire("said", o, 7999);
    expire("said", o, 8000);
}

static void
draw_both(void)
{
    static const int16_t errs[] = {0, K_ERR_UNKNOWN_MEMBER_ID, K_ERR_FENCED_INSTANCE_ID};
    commit("random", (struct commit_view){.state = (enum group_state)judge_dice(4),
                                          .group_generation = (int32_t)judge_dice(3),
                                          .generation = (int32_t)judge_dice(4) - 1,
                                          .has_member_id = judge_dice(2),
                                          .has_instance_id = judge_dice(2),
                                          .member_err = errs[judge_dice(3)]});
    expire("random",
           (struct offset_view){.has_value = judge_dice(8) > 0,
                                .has_more = judge_dice(6) == 0,
                                .state = (enum group_state)judge_dice(4),
                                .has_protocol_type = judge_dice(4) > 0,
                                .is_of_consumers = judge_dice(4) > 0,
                                .has_epochs = judge_dice(4) == 0,
                                .is_subscribed = judge_dice(3) == 0,
                                .commit_ms = judge_dice(3000),
                                .expire_ms = judge_dice(4) ? -1 : judge_dice(5000),
                                .state_since_ms = judge_dice(5) ? judge_dice(4000) : -1},
           3000 + judge_dice(2000));
}

int
main(void)
{
    commits();
    offsets();
    for (int i = 0; i < 10000; i++) draw_both();
    return 0;
}
