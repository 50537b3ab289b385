/* The assignor `uniform`: everybody has as many partitions as everybody else, or one more. Who has partitions
 * keeps them as far as that goes: each that moves must be revoked by one member before another gets it. */
#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/group/assignor.h"

/* Partitions are numbered through, topic after topic. */
struct spreading {
    struct assign_input *in;
    int64_t *first;        /* number of each topic's partition 0 */
    int32_t *owner;        /* by number: a member's place; -1 */
    int32_t *count;        /* by member */
    int32_t *subscribed_n; /* by topic: members */
    int64_t total;
};

static const struct assign_topic *
spread_topic(const struct spreading *s, struct uuid id, int32_t *ret_at)
{
    LOWER_BOUND(at, s->in->topics_n, i, uuid_cmp(s->in->topics[i].id, id) < 0);
    *ret_at = at;
    return at < s->in->topics_n && uuid_eq(s->in->topics[at].id, id) ? &s->in->topics[at] : NULL;
}

static bool
subscribes_to(const struct assign_member *m, int32_t topic)
{
    LOWER_BOUND(at, m->topics_n, i, m->topics[i] < topic);
    return at < m->topics_n && m->topics[at] == topic;
}

static void
begin_spreading(struct spreading *s, struct assign_input *in)
{
    *s = (struct spreading){.in = in};
    s->first = ARENA_ARRAY(in->arena, int64_t, in->topics_n + 1);
    for (int32_t i = 0; i < in->topics_n; i++) {
        s->first[i] = s->total;
        s->total += in->topics[i].partitions_n;
    }
    s->first[in->topics_n] = s->total;
    s->owner = ARENA_ARRAY(in->arena, int32_t, s->total);
    for (int64_t i = 0; i < s->total; i++) s->owner[i] = -1;
    s->count = ARENA_ARRAY(in->arena, int32_t, in->members_n);
    s->subscribed_n = ARENA_ARRAY(in->arena, int32_t, in->topics_n);
    for (int32_t i = 0; i < in->members_n; i++)
        for (int32_t k = 0; k < in->members[i].topics_n; k++)
            s->subscribed_n[in->members[i].topics[k]]++;
}

static void
give(struct spreading *s, int64_t number, int32_t member)
{
    CHECK(s->owner[number] < 0);
    s->owner[number] = member;
    s->count[member]++;
}

/* The number of a partition that the member had and may keep; -1. */
static int64_t
kept_number(const struct spreading *s, const struct assign_member *m, const struct tp *tp)
{
    int32_t at;
    const struct assign_topic *t = spread_topic(s, tp->topic, &at);
    if (!t || tp->index >= t->partitions_n || !subscribes_to(m, at)) return -1;
    int64_t number = s->first[at] + tp->index;
    return s->owner[number] < 0 ? number : -1;
}

static int64_t
keepable(const struct spreading *s, const struct assign_member *m)
{
    int64_t n = 0;
    for (int64_t i = 0; i < m->had.n; i++) n += kept_number(s, m, &m->had.v[i]) >= 0;
    return n;
}

static void
keep_up_to(struct spreading *s, int32_t member, int64_t most)
{
    const struct assign_member *m = &s->in->members[member];
    for (int64_t i = 0; i < m->had.n && s->count[member] < most; i++) {
        int64_t number = kept_number(s, m, &m->had.v[i]);
        if (number >= 0) give(s, number, member);
    }
}

/* All subscribe to the same topics: each has its quota, and some have one more; they are those that have so many,
 * as far as that goes. */
static void
spread_by_quota(struct spreading *s)
{
    struct assign_input *in = s->in;
    int64_t quota = s->total / in->members_n, more = s->total % in->members_n, at = 0;
    bool *has_more = ARENA_ARRAY(in->arena, bool, in->members_n);
    for (int32_t i = 0; i < in->members_n && more > 0; i++) {
        has_more[i] = keepable(s, &in->members[i]) > quota;
        more -= has_more[i];
    }
    for (int32_t i = 0; i < in->members_n && more > 0; i++) {
        more -= !has_more[i];
        has_more[i] = true;
    }
    for (int32_t i = 0; i < in->members_n; i++) keep_up_to(s, i, quota + has_more[i]);
    for (int32_t i = 0; i < in->members_n; i++)
        while (s->count[i] < quota + has_more[i]) {
            while (s->owner[at] >= 0) at++;
            give(s, at, i);
        }
}

/* ---- when subscriptions differ ---- */

/* Of those that subscribe to the topic, the one that has least. */
static int32_t
poorest(const struct spreading *s, int32_t topic)
{
    int32_t best = -1;
    for (int32_t i = 0; i < s->in->members_n; i++)
        if ((best < 0 || s->count[i] < s->count[best]) && subscribes_to(&s->in->members[i], topic))
            best = i;
    return best;
}

/* Topics that few subscribe to first: the others can still make up for it. */
static int32_t *
topics_by_choice(const struct spreading *s)
{
    int32_t n = s->in->topics_n, at = 0;
    int32_t *order = ARENA_ARRAY(s->in->arena, int32_t, n);
    int32_t *from = ARENA_ARRAY(s->in->arena, int32_t, s->in->members_n + 2);
    for (int32_t i = 0; i < n; i++) from[s->subscribed_n[i] + 1]++;
    for (int32_t i = 1; i <= s->in->members_n + 1; i++) from[i] += from[i - 1];
    for (at = 0; at < n; at++) order[from[s->subscribed_n[at]]++] = at;
    return order;
}

static void
spread_rest(struct spreading *s)
{
    const int32_t *order = topics_by_choice(s);
    for (int32_t i = 0; i < s->in->topics_n; i++) {
        int32_t topic = order[i];
        for (int64_t k = s->first[topic]; k < s->first[topic + 1]; k++) {
            if (s->owner[k] >= 0) continue;
            int32_t member = poorest(s, topic);
            if (member >= 0) give(s, k, member);
        }
    }
}

/* Each move makes the sum of the squares of all counts smaller: it ends. */
static bool
even_out(struct spreading *s)
{
    bool moved = false;
    for (int32_t topic = 0; topic < s->in->topics_n; topic++)
        for (int64_t k = s->first[topic]; k < s->first[topic + 1]; k++) {
            int32_t from = s->owner[k], to = from < 0 ? -1 : poorest(s, topic);
            if (to < 0 || s->count[from] <= s->count[to] + 1) continue;
            s->count[from]--;
            s->owner[k] = -1;
            give(s, k, to);
            moved = true;
        }
    return moved;
}

static void
collect_spread(struct spreading *s)
{
    struct assign_input *in = s->in;
    for (int32_t i = 0; i < in->members_n; i++)
        in->members[i].ret = (struct tp_set){ARENA_ARRAY(in->arena, struct tp, s->count[i]), 0};
    for (int32_t topic = 0; topic < in->topics_n; topic++)
        for (int64_t k = s->first[topic]; k < s->first[topic + 1]; k++) {
            if (s->owner[k] < 0) continue;
            struct tp_set *ret = &in->members[s->owner[k]].ret;
            ret->v[ret->n++] = (struct tp){in->topics[topic].id, (int32_t)(k - s->first[topic]), 0};
        }
}

void
assign_uniformly(struct assign_input *in)
{
    struct spreading s;
    if (in->members_n == 0) return;
    begin_spreading(&s, in);
    if (assign_is_uniform(in)) {
        spread_by_quota(&s);
    } else {
        for (int32_t i = 0; i < in->members_n; i++) keep_up_to(&s, i, INT64_MAX);
        spread_rest(&s);
        while (even_out(&s)) {
        }
    }
    collect_spread(&s);
}
