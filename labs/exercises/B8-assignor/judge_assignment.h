/* What any right answer of a sticky assignor has: for the cases and for the runs alike. There are many right answers. */
#ifndef LABS_EXERCISES_B8_JUDGE_ASSIGNMENT_H
#define LABS_EXERCISES_B8_JUDGE_ASSIGNMENT_H

#include <stdio.h>

#include "broker/client/assign.h"

struct assignment {
    const struct assign_member *members;
    const struct assign_topic *topics;
    int32_t members_n, topics_n;
    const int32_t *owner;
};

static int32_t
load_of(const struct assignment *x, int32_t member)
{
    int32_t n = 0, at = 0;
    for (int32_t t = 0; t < x->topics_n; t++)
        for (int32_t p = 0; p < x->topics[t].partitions_n; p++) n += x->owner[at++] == member;
    return n;
}

/* Who may keep it: of those that claim it and subscribe, the one of the latest generation; -1: nobody, or two alike. */
static int32_t
rightful(const struct assignment *x, int32_t topic, int32_t partition)
{
    int32_t best = -1;
    bool is_disputed = false;
    for (int32_t i = 0; i < x->members_n; i++) {
        const struct assign_member *m = &x->members[i];
        if (!assign_owned(m, x->topics[topic].name, partition)) continue;
        if (!assign_is_subscribed(m, x->topics[topic].name)) continue;
        if (best >= 0 && m->generation < x->members[best].generation) continue;
        is_disputed = best >= 0 && m->generation == x->members[best].generation;
        best = i;
    }
    return is_disputed ? -1 : best;
}

/* Partitions that are not with whom they belong to. */
static int32_t
moves(const struct assignment *x)
{
    int32_t n = 0, at = 0;
    for (int32_t t = 0; t < x->topics_n; t++)
        for (int32_t p = 0; p < x->topics[t].partitions_n; p++, at++) {
            int32_t had = rightful(x, t, p);
            n += had >= 0 && x->owner[at] != had;
        }
    return n;
}

/* Null, or the first partition that has an owner it must not have, said in words. */
static bool
is_valid(const struct assignment *x, char *why, size_t n)
{
    int32_t at = 0;
    for (int32_t t = 0; t < x->topics_n; t++)
        for (int32_t p = 0; p < x->topics[t].partitions_n; p++, at++) {
            struct slice name = x->topics[t].name;
            int32_t owner = x->owner[at], subscribers = 0;
            for (int32_t i = 0; i < x->members_n; i++)
                subscribers += assign_is_subscribed(&x->members[i], name);
            bool is_member = owner >= 0 && owner < x->members_n;
            if (owner < 0 && !subscribers) continue;
            if (is_member && assign_is_subscribed(&x->members[owner], name)) continue;
            (void)snprintf(why, n, "%.*s-%d has %s", (int)name.n, (const char *)name.p, p,
                           owner < 0   ? "no owner, though somebody subscribes"
                           : is_member ? "an owner that does not subscribe to it"
                                       : "an owner that does not exist");
            return false;
        }
    return true;
}

static bool
is_balanced(const struct assignment *x, char *why, size_t n)
{
    int32_t at = 0;
    for (int32_t t = 0; t < x->topics_n; t++)
        for (int32_t p = 0; p < x->topics[t].partitions_n; p++, at++) {
            int32_t owner = x->owner[at], its = owner < 0 ? 0 : load_of(x, owner);
            for (int32_t i = 0; owner >= 0 && i < x->members_n; i++) {
                if (!assign_is_subscribed(&x->members[i], x->topics[t].name)) continue;
                if (load_of(x, i) + 2 > its) continue;
                (void)snprintf(why, n, "member %d has %d partitions, member %d has %d", owner, its,
                               i, load_of(x, i));
                return false;
            }
        }
    return true;
}

#endif
