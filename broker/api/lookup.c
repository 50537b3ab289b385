#include "broker/api/lookup.h"

#include "broker/controller/topic_name.h"

static const struct image_topic *
find_named_or_by_id(struct server *s, struct uuid id, struct slice name)
{
    return name.p ? image_topic(s->image, name) : image_topic_by_id(s->image, id);
}

const struct image_partition *
lookup_image_partition(struct server *s, struct uuid topic_id, struct slice topic, int32_t index)
{
    const struct image_topic *t = find_named_or_by_id(s, topic_id, topic);
    return t ? image_topic_partition(t, index) : NULL;
}

/* A request looks for the same partition at each of its steps. What was found stands while no partition has gone and
 * this one has a role: that ends before its topic goes. */
static bool
is_last_found(const struct server *s, struct uuid topic_id, int32_t index)
{
    const struct partition *p = s->found;
    if (!p || s->found_when != s->replicas->gone_n) return false;
    return p->index == index && uuid_eq(p->topic_id, topic_id) && p->role != PARTITION_NONE;
}

struct partition *
lookup_partition(struct server *s, struct uuid topic_id, struct slice topic, int32_t index,
                 int16_t *ret_err)
{
    if (!topic.p && is_last_found(s, topic_id, index)) return s->found;
    const struct image_topic *t = find_named_or_by_id(s, topic_id, topic);
    if (!t) {
        *ret_err = topic.p ? K_ERR_UNKNOWN_TOPIC_OR_PARTITION : K_ERR_UNKNOWN_TOPIC_ID;
        return NULL;
    }
    const struct image_partition *ip = image_topic_partition(t, index);
    if (!ip) {
        *ret_err = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return NULL;
    }
    struct partition *p = replicas_find(s->replicas, t->id, index);
    if (!p || p->role == PARTITION_NONE) {
        *ret_err = K_ERR_NOT_LEADER_OR_FOLLOWER;
        return NULL;
    }
    s->found = p;
    s->found_when = s->replicas->gone_n;
    return p;
}

const struct image_endpoint *
lookup_endpoint(struct request *r, int32_t broker_id)
{
    const struct image_broker *b = image_broker(r->server->image, broker_id);
    return b ? image_endpoint(b, r->listener->name) : NULL;
}

const struct image_broker *
lookup_living(struct request *r, int32_t broker_id, const struct image_endpoint **ret)
{
    const struct image_broker *b = image_broker(r->server->image, broker_id);
    *ret = b && !b->is_fenced ? image_endpoint(b, r->listener->name) : NULL;
    return *ret ? b : NULL;
}

bool
lookup_is_valid_topic(struct slice topic)
{
    struct writer ignored = writer_fixed(NULL, 0);
    return topic_name_check(topic, &ignored);
}
