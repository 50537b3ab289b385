#include "broker/api/named_parts.h"

void
named_parts_init(struct named_parts *n, struct arena *a, struct siphash_key key)
{
    *n = (struct named_parts){.a = a};
    map_init(&n->topics, a->mem, key);
    map_init(&n->parts, a->mem, key);
}

void
named_parts_release(struct named_parts *n)
{
    map_release(&n->topics);
    map_release(&n->parts);
}

static bool
is_named_topic(const struct map_node *node, const void *key)
{
    return slice_eq(CONTAINER_OF(node, const struct named_topic, node)->name,
                    *(const struct slice *)key);
}

static struct named_topic *
named_topic_find(const struct named_parts *n, struct slice name)
{
    struct map_node *found =
        map_find(&n->topics, map_hash(&n->topics, name), is_named_topic, &name);
    return found ? CONTAINER_OF(found, struct named_topic, node) : NULL;
}

struct sought_part {
    const struct named_topic *topic;
    int32_t index;
};

static bool
is_named_part(const struct map_node *node, const void *key)
{
    const struct named_part *p = CONTAINER_OF(node, const struct named_part, node);
    const struct sought_part *s = key;
    return p->topic == s->topic && p->index == s->index;
}

static uint64_t
hash_of_part(const struct named_parts *n, const struct named_topic *t, int32_t index)
{
    return map_hash_i64(&n->parts, (int64_t)t->node.hash, index);
}

static struct named_part *
part_of_topic(const struct named_parts *n, const struct named_topic *t, int32_t index)
{
    struct sought_part s = {t, index};
    struct map_node *found = map_find(&n->parts, hash_of_part(n, t, index), is_named_part, &s);
    return found ? CONTAINER_OF(found, struct named_part, node) : NULL;
}

struct named_part *
named_parts_find(const struct named_parts *n, struct slice topic, int32_t index)
{
    const struct named_topic *t = named_topic_find(n, topic);
    return t ? part_of_topic(n, t, index) : NULL;
}

struct named_part *
named_parts_add(struct named_parts *n, struct slice topic, int32_t index)
{
    struct named_topic *t = named_topic_find(n, topic);
    if (!t) {
        t = ARENA_NEW(n->a, struct named_topic);
        t->name = topic;
        map_insert(&n->topics, &t->node, map_hash(&n->topics, topic));
    }
    struct named_part *p = part_of_topic(n, t, index);
    if (!p) {
        p = ARENA_NEW(n->a, struct named_part);
        p->topic = t;
        p->index = index;
        t->parts_n++;
        map_insert(&n->parts, &p->node, hash_of_part(n, t, index));
    }
    p->times++;
    return p;
}
