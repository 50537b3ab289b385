/* What the members of a consumer group subscribe to, and what follows from it: whether the group must be
 * assigned anew, and how. */
#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/base/sort.h"
#include "broker/group/consumer.h"

/* ---- members ---- */

static int
consumer_view_order(const void *a, const void *b, const void *ctx)
{
    const struct consumer_view *x = a, *y = b;
    (void)ctx;
    return slice_cmp(x->id, y->id);
}

void
consumer_views_sort(struct consumer_view *v, int32_t n, struct consumer_view *spare)
{
    merge_sort(v, n, (int64_t)sizeof *v, consumer_view_order, NULL, spare);
}

struct consumer_view *
consumer_views_without(const struct group *g, struct arena *a, struct consumer_member *const *v,
                       int32_t n, int32_t *ret_n)
{
    const struct map *members = &g->consumer->members;
    struct consumer_view *ret = ARENA_ARRAY(a, struct consumer_view, members->n);
    int32_t left = 0;
    MAP_EACH(members, m, struct consumer_member, by_id) {
        bool is_gone = false;
        for (int32_t i = 0; i < n; i++) is_gone |= v[i] == m;
        if (!is_gone) ret[left++] = (struct consumer_view){m->id, &m->spec, &m->target};
    }
    consumer_views_sort(ret, left, ARENA_ARRAY(a, struct consumer_view, left));
    *ret_n = left;
    return ret;
}

struct consumer_view *
consumer_views(const struct group *g, struct arena *a, struct slice id, const consumer_spec *spec,
               const struct tp_set *target, struct slice without, int32_t *ret_n)
{
    const struct map *members = &g->consumer->members;
    struct consumer_view *v = ARENA_ARRAY(a, struct consumer_view, members->n + 1);
    int32_t n = 0;
    MAP_EACH(members, m, struct consumer_member, by_id) {
        if (slice_eq(m->id, without) || (spec && slice_eq(m->id, id))) continue;
        v[n++] = (struct consumer_view){m->id, &m->spec, &m->target};
    }
    if (spec) v[n++] = (struct consumer_view){id, spec, target};
    consumer_views_sort(v, n, ARENA_ARRAY(a, struct consumer_view, n));
    *ret_n = n;
    return v;
}

enum server_assignor
consumer_preferred_assignor(const struct group *g, const struct consumer_view *v, int32_t n)
{
    int32_t votes[SERVER_ASSIGNORS_N] = {0}, best = -1;
    for (int32_t i = 0; i < n; i++) {
        int a = v[i].spec->server_assignor.p ? server_assignor_of(v[i].spec->server_assignor) : -1;
        if (a >= 0) votes[a]++;
    }
    for (int32_t a = 0; a < SERVER_ASSIGNORS_N; a++)
        if (votes[a] > 0 && (best < 0 || votes[a] > votes[best])) best = a;
    return best >= 0 ? (enum server_assignor)best : groups_default_assignor(g->shard->owner);
}

/* ---- topics ---- */

static int
uuid_order(const void *a, const void *b, const void *ctx)
{
    const struct uuid *x = a, *y = b;
    (void)ctx;
    return uuid_cmp(*x, *y);
}

static int64_t
sort_ids(struct uuid *v, int64_t n, struct uuid *spare)
{
    return merge_sort_unique(v, n, (int64_t)sizeof *v, uuid_order, NULL, spare);
}

static const struct resolved_regex *
regex_of(const struct group *g, const consumer_spec *spec)
{
    struct slice text = spec->subscribed_topic_regex;
    return text.n > 0 ? consumer_regex(g, text) : NULL;
}

struct uuid *
consumer_topic_ids(const struct group *g, struct arena *a, const consumer_spec *spec,
                   int64_t *ret_n)
{
    const struct image *im = g->shard->owner->base.image;
    const struct resolved_regex *r = regex_of(g, spec);
    int64_t most = spec->subscribed_topic_names_n + (r ? r->topics_n : 0), n = 0;
    struct uuid *v = ARENA_ARRAY(a, struct uuid, most);
    for (int64_t i = 0; i < most; i++) {
        int32_t named = spec->subscribed_topic_names_n;
        struct slice name = i < named ? spec->subscribed_topic_names[i] : r->topics[i - named];
        const struct image_topic *t = image_topic(im, name);
        if (t) v[n++] = t->id;
    }
    *ret_n = sort_ids(v, n, ARENA_ARRAY(a, struct uuid, n));
    return v;
}

/* All that somebody subscribes to. Many members say the same: who subscribes to just what the one before does
 * adds nothing. */
static struct uuid *
all_topic_ids(const struct group *g, struct arena *a, const struct consumer_view *v, int32_t n,
              int64_t *ret_n)
{
    struct uuid *all = NULL, *last = NULL;
    int64_t all_n = 0, last_n = -1;
    for (int32_t i = 0; i < n; i++) {
        int64_t own_n;
        struct uuid *own = consumer_topic_ids(g, a, v[i].spec, &own_n);
        if (own_n == last_n && (own_n == 0 || memcmp(own, last, (size_t)own_n * sizeof *own) == 0))
            continue;
        struct uuid *sum = ARENA_ARRAY(a, struct uuid, all_n + own_n);
        if (all_n) memcpy(sum, all, (size_t)all_n * sizeof *all);
        if (own_n) memcpy(sum + all_n, own, (size_t)own_n * sizeof *own);
        all_n = sort_ids(sum, all_n + own_n, ARENA_ARRAY(a, struct uuid, all_n + own_n));
        all = sum;
        last = own;
        last_n = own_n;
    }
    *ret_n = all_n;
    return all;
}

/* ---- what an assignment rests on ---- */

static void
hash_partition(struct writer *w, const struct image *im, const struct image_partition *p)
{
    writer_i32(w, p->index);
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct image_broker *b = image_broker(im, p->replicas.v[i]);
        if (!b || !b->rack.p) continue;
        writer_i32(w, (int32_t)b->rack.n);
        writer_bytes(w, b->rack);
    }
}

/* The value is compared with what we wrote ourselves. Kafka's differs for the same topics: when a coordinator of
 * the other kind takes over, the group is assigned anew once. */
int64_t
consumer_metadata_hash(const struct group *g, struct arena *a, const struct consumer_view *v,
                       int32_t n)
{
    static const struct siphash_key key = {0x6b61666b612d3834, 0x38206d6574616461};
    const struct image *im = g->shard->owner->base.image;
    int64_t topics_n;
    struct uuid *ids = all_topic_ids(g, a, v, n, &topics_n);
    struct writer w = writer_mem(&group_env(g)->mem);
    for (int64_t i = 0; i < topics_n; i++) {
        const struct image_topic *t = image_topic_by_id(im, ids[i]);
        writer_bytes(&w, slice(ids[i].b, sizeof ids[i].b));
        writer_i32(&w, t->partitions_n);
        for (int32_t k = 0; k < t->partitions_n; k++)
            if (t->partitions[k]) hash_partition(&w, im, t->partitions[k]);
    }
    int64_t hash = topics_n ? (int64_t)siphash(key, writer_slice(&w)) : 0;
    writer_release(&w);
    return hash;
}

/* ---- assigning ---- */

static int32_t
place_of_topic(const struct uuid *v, int64_t n, struct uuid id)
{
    LOWER_BOUND(at, n, i, uuid_cmp(v[i], id) < 0);
    return (int32_t)at;
}

static void
fill_member_input(const struct group *g, struct arena *a, const struct consumer_view *v,
                  const struct uuid *ids, int64_t ids_n, struct assign_member *to)
{
    int64_t n;
    const struct uuid *own = consumer_topic_ids(g, a, v->spec, &n);
    int32_t *places = ARENA_ARRAY(a, int32_t, n);
    for (int64_t i = 0; i < n; i++) places[i] = place_of_topic(ids, ids_n, own[i]);
    to->id = v->id;
    to->instance_id = v->spec->instance_id;
    to->topics = places;
    to->topics_n = (int32_t)n;
    to->had = *v->target;
}

struct tp_set *
consumer_make_targets(const struct group *g, struct arena *a, const struct consumer_view *v,
                      int32_t n)
{
    const struct image *im = g->shard->owner->base.image;
    struct assign_input in = {.arena = a, .members_n = n};
    int64_t ids_n;
    const struct uuid *ids = all_topic_ids(g, a, v, n, &ids_n);
    struct assign_topic *topics = ARENA_ARRAY(a, struct assign_topic, ids_n);
    for (int64_t i = 0; i < ids_n; i++)
        topics[i] = (struct assign_topic){ids[i], image_topic_by_id(im, ids[i])->partitions_n};
    in.topics = topics;
    in.topics_n = (int32_t)ids_n;
    in.members = ARENA_ARRAY(a, struct assign_member, n);
    for (int32_t i = 0; i < n; i++) fill_member_input(g, a, &v[i], ids, ids_n, &in.members[i]);
    assign(consumer_preferred_assignor(g, v, n), &in);
    struct tp_set *ret = ARENA_ARRAY(a, struct tp_set, n);
    for (int32_t i = 0; i < n; i++) {
        ret[i] = in.members[i].ret;
        tp_set_sort(&ret[i], ARENA_ARRAY(a, struct tp, ret[i].n));
    }
    return ret;
}
