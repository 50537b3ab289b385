#include "broker/metadata/image.h"

#include "broker/metadata/objects.h"

void
image_init(struct image *im, struct mem *mem, struct siphash_key key, const struct image_ops *ops,
           void *owner)
{
    *im = (struct image){.mem = mem, .key = key, .ops = ops, .owner = owner};
    im->offset = im->features_epoch = -1;
    map_init(&im->topics_by_id, mem, key);
}

static void
drop_all(struct image *im)
{
    while (im->topics.n > 0) topic_remove(im, im->topics.v[im->topics.n - 1]);
    brokers_release(im->mem, &im->brokers);
    brokers_release(im->mem, &im->controllers);
    while (im->configs.n > 0)
        config_remove(im, im->configs.v[im->configs.n - 1]->type,
                      im->configs.v[im->configs.n - 1]->name);
    while (im->features.n > 0) feature_set(im, im->features.v[0].name, 0);
    while (im->scrams.n > 0)
        scram_remove(im, im->scrams.v[im->scrams.n - 1].user,
                     im->scrams.v[im->scrams.n - 1].mechanism);
    for (int64_t i = 0; i < im->waiting.n; i++) mem_free_slice(im->mem, im->waiting.v[i].value);
    im->waiting.n = 0;
    im->in_transaction = false;
    im->next_producer_id = 0;
    im->features_epoch = -1;
}

void
image_release(struct image *im)
{
    delta_release(im);
    drop_all(im);
    VEC_RELEASE(im->mem, &im->topics);
    VEC_RELEASE(im->mem, &im->configs);
    VEC_RELEASE(im->mem, &im->features);
    VEC_RELEASE(im->mem, &im->scrams);
    VEC_RELEASE(im->mem, &im->waiting);
    map_release(&im->topics_by_id);
}

/* ---- copies ------------------------------------------------------------------------------------ */

static void
clone_brokers(struct mem *m, const struct image_brokers *from, struct image_brokers *to)
{
    for (int64_t i = 0; i < from->n; i++) {
        struct image_broker *b = brokers_get(m, to, from->v[i]->id);
        broker_copy(m, from->v[i], b);
        b->is_changed = false;
    }
}

static void
clone_topic(const struct image_topic *from, struct image *ret)
{
    struct image_topic *t = topic_add(ret, from->name, from->id);
    for (int32_t i = 0; i < from->partitions_n; i++)
        if (from->partitions[i])
            partition_copy(ret->mem, from->partitions[i], topic_partition_get(ret, t, i));
}

static void
clone_configs(const struct image *im, struct image *ret)
{
    for (int64_t i = 0; i < im->configs.n; i++) {
        const struct image_config *c = im->configs.v[i];
        for (int64_t j = 0; j < c->values.n; j++)
            config_set_value(ret, c->type, c->name, c->values.v[j].name, c->values.v[j].value);
    }
    for (int64_t i = 0; i < im->features.n; i++)
        feature_set(ret, im->features.v[i].name, im->features.v[i].level);
    for (int64_t i = 0; i < im->scrams.n; i++) scram_set(ret, &im->scrams.v[i]);
}

void
image_clone(const struct image *im, struct image *ret)
{
    image_init(ret, im->mem, im->key, NULL, NULL);
    ret->cluster_id = im->cluster_id;
    ret->offset = im->offset;
    ret->epoch = im->epoch;
    clone_brokers(ret->mem, &im->brokers, &ret->brokers);
    clone_brokers(ret->mem, &im->controllers, &ret->controllers);
    for (int64_t i = 0; i < im->topics.n; i++) clone_topic(im->topics.v[i], ret);
    clone_configs(im, ret);
    ret->features_epoch = im->features_epoch;
    ret->next_producer_id = im->next_producer_id;
    ret->has_history = im->has_history;
    ret->in_transaction = im->in_transaction;
    for (int64_t i = 0; i < im->waiting.n; i++) {
        struct image_waiting w = {mem_dup(ret->mem, im->waiting.v[i].value),
                                  im->waiting.v[i].offset};
        VEC_PUSH(ret->mem, &ret->waiting, w);
    }
}

void
image_snapshot_begin(struct image *im)
{
    for (int64_t i = 0; i < im->topics.n; i++) delta_topic_deleted(im, im->topics.v[i]);
    for (int64_t i = 0; i < im->brokers.n; i++) delta_broker_gone(im, im->brokers.v[i]);
    for (int64_t i = 0; i < im->configs.n; i++)
        delta_config(im, im->configs.v[i]->type, im->configs.v[i]->name);
    drop_all(im);
    im->delta.features_changed = true;
    im->in_snapshot = true;
}

void
image_snapshot_end(struct image *im, int64_t end_offset, int32_t epoch)
{
    im->in_snapshot = false;
    if (end_offset > 0) im->has_history = true;
    delta_forget_revived(im);
    image_batch_end(im, end_offset - 1, epoch);
}

/* ---- looking things up ------------------------------------------------------------------------- */

struct image_broker *
image_broker(const struct image *im, int32_t id)
{
    return brokers_find(&im->brokers, id);
}

struct image_broker *
image_controller(const struct image *im, int32_t id)
{
    return brokers_find(&im->controllers, id);
}

struct image_topic *
image_topic(const struct image *im, struct slice name)
{
    int64_t at = topics_place(im, name);
    if (at >= im->topics.n || !slice_eq(im->topics.v[at]->name, name)) return NULL;
    return im->topics.v[at];
}

static bool
has_id(const struct map_node *node, const void *key)
{
    const struct image_topic *t =
        (const void *)((const char *)node - offsetof(struct image_topic, by_id));
    return memcmp(t->id.b, key, 16) == 0;
}

struct image_topic *
image_topic_by_id(const struct image *im, struct uuid id)
{
    uint64_t hash = map_hash(&im->topics_by_id, slice(id.b, 16));
    struct map_node *n = map_find(&im->topics_by_id, hash, has_id, id.b);
    return n ? CONTAINER_OF(n, struct image_topic, by_id) : NULL;
}

struct image_partition *
image_topic_partition(const struct image_topic *t, int32_t index)
{
    return t && index >= 0 && index < t->partitions_n ? t->partitions[index] : NULL;
}

struct image_partition *
image_partition(const struct image *im, struct slice topic, int32_t index)
{
    return image_topic_partition(image_topic(im, topic), index);
}

const struct image_endpoint *
image_endpoint(const struct image_broker *b, struct slice listener)
{
    for (int32_t i = 0; i < b->endpoints_n; i++)
        if (slice_eq(b->endpoints[i].name, listener)) return &b->endpoints[i];
    return NULL;
}

bool
image_broker_is_active(const struct image *im, int32_t id)
{
    const struct image_broker *b = image_broker(im, id);
    return b && !b->is_fenced && !b->in_controlled_shutdown;
}

struct slice
image_config_value(const struct image *im, int8_t type, struct slice resource, struct slice name)
{
    const struct image_config *c = image_config(im, type, resource);
    for (int64_t i = 0; c && i < c->values.n; i++)
        if (slice_eq(c->values.v[i].name, name)) return c->values.v[i].value;
    return SLICE_NULL;
}

int16_t
image_feature_level(const struct image *im, struct slice name)
{
    for (int64_t i = 0; i < im->features.n; i++)
        if (slice_eq(im->features.v[i].name, name)) return im->features.v[i].level;
    return 0;
}

struct uuid
image_partition_directory(const struct image_partition *p, int32_t broker_id)
{
    for (int32_t i = 0; p->directories && i < p->replicas.n; i++)
        if (p->replicas.v[i] == broker_id) return p->directories[i];
    return UUID_ZERO;
}
