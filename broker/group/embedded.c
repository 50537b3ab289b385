#include "broker/group/embedded.h"

#include "broker/base/check.h"

typedef struct k_consumer_protocol_assignment assignment;
typedef struct k_consumer_protocol_assignment_topic_partition assigned_topic;

/* ---- versions ----------------------------------------------------------------------------------- */

/* Of those that are known here, the one that the blob is read and answered in; -1: it has none. */
static int16_t
version_of(enum k_msg msg, struct reader *r)
{
    int16_t version = reader_i16(r);
    if (r->err || version < 0) return -1;
    while (version > 0 && !codec_has_version(msg, version)) version--;
    return version;
}

static bool
read_blob(enum k_msg msg, struct slice blob, struct arena *a, void *ret)
{
    struct reader r = reader(blob);
    int16_t version = version_of(msg, &r);
    return version >= 0 && codec_decode(msg, version, &r, a, ret);
}

/* ---- subscriptions ------------------------------------------------------------------------------ */

bool
subscription_read(struct slice blob, struct arena *a, subscription *ret)
{
    return read_blob(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, blob, a, ret);
}

static void
add_topic(struct tp_set *s, const struct image *im, struct slice name, const int32_t *v, int32_t n)
{
    const struct image_topic *t = image_topic(im, name);
    for (int32_t i = 0; t && i < n; i++)
        if (v[i] >= 0) s->v[s->n++] = (struct tp){t->id, v[i], 0};
}

struct tp_set
subscription_owned(const subscription *s, const struct image *im, struct arena *a)
{
    int64_t n = 0;
    for (int32_t i = 0; i < s->owned_partitions_n; i++) n += s->owned_partitions[i].partitions_n;
    struct tp_set ret = {ARENA_ARRAY(a, struct tp, n), 0};
    for (int32_t i = 0; i < s->owned_partitions_n; i++)
        add_topic(&ret, im, s->owned_partitions[i].topic, s->owned_partitions[i].partitions,
                  s->owned_partitions[i].partitions_n);
    tp_set_sort(&ret, ARENA_ARRAY(a, struct tp, n));
    return ret;
}

/* ---- assignments -------------------------------------------------------------------------------- */

bool
assignment_read(struct slice blob, const struct image *im, struct arena *a, struct tp_set *ret)
{
    assignment v;
    int64_t n = 0;
    *ret = (struct tp_set){NULL, 0};
    if (blob.n == 0) return true;
    if (!read_blob(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, blob, a, &v)) return false;
    for (int32_t i = 0; i < v.assigned_partitions_n; i++)
        n += v.assigned_partitions[i].partitions_n;
    ret->v = ARENA_ARRAY(a, struct tp, n);
    for (int32_t i = 0; i < v.assigned_partitions_n; i++)
        add_topic(ret, im, v.assigned_partitions[i].topic, v.assigned_partitions[i].partitions,
                  v.assigned_partitions[i].partitions_n);
    tp_set_sort(ret, ARENA_ARRAY(a, struct tp, n));
    return true;
}

struct slice
assignment_write(const struct tp_set *s, const struct image *im, struct slice subscription_blob,
                 struct arena *a)
{
    struct reader r = reader(subscription_blob);
    int16_t version = MAX(version_of(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, &r), 0);
    assignment v;
    assigned_topic *to = NULL;
    codec_default(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, &v);
    v.assigned_partitions = ARENA_ARRAY(a, assigned_topic, s->n);
    int32_t *indexes = ARENA_ARRAY(a, int32_t, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        indexes[i] = s->v[i].index;
        if (i == 0 || !uuid_eq(s->v[i - 1].topic, s->v[i].topic)) {
            const struct image_topic *t = image_topic_by_id(im, s->v[i].topic);
            to = t ? &v.assigned_partitions[v.assigned_partitions_n++] : NULL;
            if (to) *to = (assigned_topic){.topic = t->name, .partitions = &indexes[i]};
        }
        if (to) to->partitions_n++;
    }
    struct writer w = writer_mem(a->mem);
    writer_i16(&w, version);
    CHECK(codec_write(K_MSG_CONSUMER_PROTOCOL_ASSIGNMENT, version, &v, &w, NULL));
    struct slice ret = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return ret;
}
