/* What a batch changed, gathered while it is applied. Objects that go away leave the lists first. */
#include "broker/metadata/objects.h"

void
delta_partition(struct image *im, struct image_partition *p)
{
    if (p->is_changed) return;
    p->is_changed = true;
    VEC_PUSH(im->mem, &im->delta.partitions, p);
}

void
delta_broker(struct image *im, struct image_broker *b)
{
    if (b->is_changed) return;
    b->is_changed = true;
    VEC_PUSH(im->mem, &im->delta.brokers, b);
}

void
delta_broker_gone(struct image *im, struct image_broker *b)
{
    for (int64_t i = im->delta.brokers.n; i-- > 0;)
        if (im->delta.brokers.v[i] == b) VEC_REMOVE_AT(&im->delta.brokers, i);
    VEC_PUSH(im->mem, &im->delta.gone_brokers, b->id);
}

void
delta_topic_created(struct image *im, struct image_topic *t)
{
    t->is_created = true;
    VEC_PUSH(im->mem, &im->delta.created_topics, t);
}

static void
forget_partitions(struct image *im, const struct image_topic *t)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < im->delta.partitions.n; i++)
        if (im->delta.partitions.v[i]->topic != t)
            im->delta.partitions.v[kept++] = im->delta.partitions.v[i];
    im->delta.partitions.n = kept;
}

void
delta_topic_deleted(struct image *im, struct image_topic *t)
{
    forget_partitions(im, t);
    if (!t->is_created) {
        struct image_deleted_topic d = {t->id, mem_dup(im->mem, t->name), t->partitions_n};
        VEC_PUSH(im->mem, &im->delta.deleted_topics, d);
        return;
    }
    /* Nobody has heard of it. */
    for (int64_t i = im->delta.created_topics.n; i-- > 0;)
        if (im->delta.created_topics.v[i] == t) VEC_REMOVE_AT(&im->delta.created_topics, i);
}

void
delta_config(struct image *im, int8_t type, struct slice name)
{
    for (int64_t i = 0; i < im->delta.configs.n; i++)
        if (im->delta.configs.v[i].type == type && slice_eq(im->delta.configs.v[i].name, name))
            return;
    struct image_config_key key = {type, mem_dup(im->mem, name)};
    VEC_PUSH(im->mem, &im->delta.configs, key);
}

void
delta_forget_revived(struct image *im)
{
    struct image_delta *d = &im->delta;
    for (int64_t i = d->deleted_topics.n; i-- > 0;)
        if (image_topic_by_id(im, d->deleted_topics.v[i].id)) {
            mem_free_slice(im->mem, d->deleted_topics.v[i].name);
            VEC_REMOVE_AT(&d->deleted_topics, i);
        }
    for (int64_t i = d->gone_brokers.n; i-- > 0;)
        if (image_broker(im, d->gone_brokers.v[i])) VEC_REMOVE_AT(&d->gone_brokers, i);
}

void
delta_clear(struct image *im)
{
    struct image_delta *d = &im->delta;
    for (int64_t i = 0; i < d->partitions.n; i++) d->partitions.v[i]->is_changed = false;
    for (int64_t i = 0; i < d->brokers.n; i++) d->brokers.v[i]->is_changed = false;
    for (int64_t i = 0; i < d->created_topics.n; i++) d->created_topics.v[i]->is_created = false;
    for (int64_t i = 0; i < d->deleted_topics.n; i++)
        mem_free_slice(im->mem, d->deleted_topics.v[i].name);
    for (int64_t i = 0; i < d->configs.n; i++) mem_free_slice(im->mem, d->configs.v[i].name);
    d->created_topics.n = d->deleted_topics.n = d->partitions.n = d->brokers.n = 0;
    d->gone_brokers.n = d->configs.n = 0;
    d->features_changed = false;
}

void
delta_release(struct image *im)
{
    delta_clear(im);
    VEC_RELEASE(im->mem, &im->delta.created_topics);
    VEC_RELEASE(im->mem, &im->delta.deleted_topics);
    VEC_RELEASE(im->mem, &im->delta.partitions);
    VEC_RELEASE(im->mem, &im->delta.brokers);
    VEC_RELEASE(im->mem, &im->delta.gone_brokers);
    VEC_RELEASE(im->mem, &im->delta.configs);
}
