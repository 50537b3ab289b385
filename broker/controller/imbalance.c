/* Which partitions are not led by their preferred replica, leaderless ones among them. Kept up to date from
 * what each batch changed, so that the periodic elections (duties.c) look at these only and an idle
 * partition costs nothing. In the order in which they lost their leader, or in the image's order after
 * activation: the same on every run. */
#include "broker/controller/internal.h"

#include "broker/controller/preferred_leader.h"

struct imbalanced {
    struct map_node by_id;
    struct uuid topic_id;
    int32_t index;
};

struct imbalance_key {
    struct uuid topic_id;
    int32_t index;
};

static uint64_t
imbalance_hash(const struct controller *c, struct imbalance_key k)
{
    return map_hash_i64(&c->imbalance, (int64_t)load_be64(k.topic_id.b) ^ k.index,
                        (int64_t)load_be64(k.topic_id.b + 8));
}

static bool
imbalance_eq(const struct map_node *n, const void *key)
{
    const struct imbalance_key *k = key;
    const struct imbalanced *i = CONTAINER_OF(n, const struct imbalanced, by_id);
    return i->index == k->index && uuid_eq(i->topic_id, k->topic_id);
}

static struct imbalanced *
imbalance_find(const struct controller *c, struct imbalance_key k)
{
    struct map_node *n = map_find(&c->imbalance, imbalance_hash(c, k), imbalance_eq, &k);
    return n ? CONTAINER_OF(n, struct imbalanced, by_id) : NULL;
}

static void
imbalance_remove(struct controller *c, struct imbalance_key k)
{
    struct imbalanced *i = imbalance_find(c, k);
    if (!i) return;
    map_remove(&c->imbalance, &i->by_id);
    MEM_DELETE(&c->env->mem, i);
}

static void
imbalance_see(struct controller *c, const struct image_partition *p)
{
    struct imbalance_key k = {p->topic->id, p->index};
    if (!preferred_leader_is_missing(p->replicas, p->leader)) {
        imbalance_remove(c, k);
        return;
    }
    if (imbalance_find(c, k)) return;
    struct imbalanced *i = MEM_NEW(&c->env->mem, struct imbalanced);
    i->topic_id = k.topic_id;
    i->index = k.index;
    map_insert(&c->imbalance, &i->by_id, imbalance_hash(c, k));
}

void
imbalance_begin(struct controller *c)
{
    map_init(&c->imbalance, &c->env->mem, env_map_key(c->env));
    for (int64_t i = 0; i < c->image.topics.n; i++) {
        const struct image_topic *t = c->image.topics.v[i];
        for (int32_t j = 0; j < t->partitions_n; j++)
            if (t->partitions[j]) imbalance_see(c, t->partitions[j]);
    }
}

void
imbalance_end(struct controller *c)
{
    MAP_EACH(&c->imbalance, it, struct imbalanced, by_id) {
        map_remove(&c->imbalance, &it->by_id);
        MEM_DELETE(&c->env->mem, it);
    }
    map_release(&c->imbalance);
}

void
imbalance_take(struct controller *c, const struct image_delta *d)
{
    for (int64_t i = 0; i < d->deleted_topics.n; i++)
        for (int32_t j = 0; c->imbalance.n > 0 && j < d->deleted_topics.v[i].partitions_n; j++)
            imbalance_remove(c, (struct imbalance_key){d->deleted_topics.v[i].id, j});
    for (int64_t i = 0; i < d->partitions.n; i++) imbalance_see(c, d->partitions.v[i]);
}

const struct image_partition *
imbalance_next(const struct controller *c, struct imbalance_walk *walk)
{
    struct list *at = walk->at ? walk->at->next : c->imbalance.order.next;
    if (at == &c->imbalance.order) return NULL;
    walk->at = at;
    const struct imbalanced *i = CONTAINER_OF(at, const struct imbalanced, by_id.order);
    const struct image_partition *p =
        image_topic_partition(image_topic_by_id(&c->image, i->topic_id), i->index);
    CHECK(p != NULL);
    return p;
}
