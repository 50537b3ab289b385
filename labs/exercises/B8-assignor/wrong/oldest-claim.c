/* rule: generation
 * The older claim wins. */
#include "broker/client/assign.h"

static int32_t
least_loaded(const struct assign_member *members, int32_t n, const int32_t *load,
             struct slice topic)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++)
        if (assign_is_subscribed(&members[i], topic) && (best < 0 || load[i] < load[best]))
            best = i;
    return best;
}

static int32_t
claimant(const struct assign_member *members, int32_t n, struct slice topic, int32_t partition)
{
    int32_t owner = -1, generation = -1;
    bool is_disputed = false;
    for (int32_t i = 0; i < n; i++) {
        const struct assign_member *m = &members[i];
        if (!assign_owned(m, topic, partition) || !assign_is_subscribed(m, topic)) continue;
        if (owner >= 0 && m->generation >= generation) {
            is_disputed |= m->generation == generation;
            continue;
        }
        owner = i, generation = m->generation, is_disputed = false;
    }
    return is_disputed ? -1 : owner;
}

static bool
move_one(const struct assign_member *members, int32_t members_n, const struct assign_topic *topics,
         int32_t topics_n, int32_t *owner, int32_t *load)
{
    int32_t at = 0;
    for (int32_t t = 0; t < topics_n; t++) {
        for (int32_t p = 0; p < topics[t].partitions_n; p++, at++) {
            int32_t to = least_loaded(members, members_n, load, topics[t].name), from = owner[at];
            if (from < 0 || to < 0 || load[to] + 2 > load[from]) continue;
            owner[at] = to;
            load[from]--, load[to]++;
            return true;
        }
    }
    return false;
}

void
assign_sticky(const struct assign_member *members, int32_t members_n,
              const struct assign_topic *topics, int32_t topics_n, struct arena *a,
              int32_t *ret_owner)
{
    int32_t *load = ARENA_ARRAY(a, int32_t, members_n + 1), at = 0;
    for (int32_t t = 0; t < topics_n; t++)
        for (int32_t p = 0; p < topics[t].partitions_n; p++, at++) {
            ret_owner[at] = claimant(members, members_n, topics[t].name, p);
            if (ret_owner[at] >= 0) load[ret_owner[at]]++;
        }
    at = 0;
    for (int32_t t = 0; t < topics_n; t++)
        for (int32_t p = 0; p < topics[t].partitions_n; p++, at++) {
            if (ret_owner[at] >= 0) continue;
            ret_owner[at] = least_loaded(members, members_n, load, topics[t].name);
            if (ret_owner[at] >= 0) load[ret_owner[at]]++;
        }
    while (move_one(members, members_n, topics, topics_n, ret_owner, load)) continue;
}
