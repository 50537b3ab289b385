/* The records of __consumer_offsets: what is written, and what becomes of it when it is read again. */
#include "broker/base/check.h"
#include "broker/group/share_group.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/record_frame.h"
#include "errors.h"

/* The versions that Kafka 4.4 writes. An offset with its own expiry needs an old one. */
#define GROUP_VERSION 3
#define OFFSET_VERSION 4
#define OFFSET_EXPIRY_VERSION 1

typedef struct k_group_metadata_value group_value;

/* Keys and values are ours: they can always be written. */
static void
add_group_record(struct batch_builder *b, const struct group *g, struct writer *key,
                 struct writer *value)
{
    CHECK(!key->err);
    CHECK(!value || !value->err);
    (void)builder_add(b, env_wall_ms(group_env(g)), writer_slice(key),
                      value ? writer_slice(value) : SLICE_NULL, NULL, 0);
    writer_release(key);
    if (value) writer_release(value);
}

static struct writer
group_key(const struct group *g)
{
    struct writer w = writer_mem(&group_env(g)->mem);
    struct k_group_metadata_key key = {.group = g->id};
    CHECK(coordinator_key_write(&w, K_MSG_GROUP_METADATA_KEY, &key, NULL));
    return w;
}

static struct writer
offset_key(const struct group *g, struct slice topic, int32_t partition)
{
    struct writer w = writer_mem(&group_env(g)->mem);
    struct k_offset_commit_key key = {.group = g->id, .topic = topic, .partition = partition};
    CHECK(coordinator_key_write(&w, K_MSG_OFFSET_COMMIT_KEY, &key, NULL));
    return w;
}

struct slice
sync_assignment(const struct k_sync_group_request *q, struct slice member_id)
{
    for (int32_t i = 0; i < q->assignments_n; i++)
        if (slice_eq(q->assignments[i].member_id, member_id)) return q->assignments[i].assignment;
    return SLICE_EMPTY;
}

static void
fill_member(const struct group *g, const struct member *m, const struct k_sync_group_request *q,
            struct k_group_metadata_value_member_metadata *to)
{
    to->member_id = m->id;
    to->group_instance_id = m->instance_id;
    to->client_id = m->client_id;
    to->client_host = m->client_host;
    to->rebalance_timeout = m->rebalance_timeout_ms;
    to->session_timeout = m->session_timeout_ms;
    to->subscription = member_metadata(m, g->protocol);
    to->assignment = q ? sync_assignment(q, m->id) : m->assignment;
}

static bool
is_too_large(const struct group *g, const struct k_sync_group_request *q)
{
    int64_t bytes = 0;
    LIST_EACH(&g->members, m, struct member, node) {
        bytes += member_metadata(m, g->protocol).n;
        bytes += q ? sync_assignment(q, m->id).n : m->assignment.n;
    }
    return bytes > COORDINATOR_BATCH_BYTES_MAX;
}

void
record_group_value(struct batch_builder *b, const struct group *g, const group_value *v)
{
    struct writer key = group_key(g), value = writer_mem(&group_env(g)->mem);
    CHECK(coordinator_value_write(&value, K_MSG_GROUP_METADATA_VALUE, GROUP_VERSION, v, NULL));
    add_group_record(b, g, &key, &value);
}

void
record_group(struct batch_builder *b, const struct group *g, const struct k_sync_group_request *q)
{
    if (is_too_large(g, q)) return;
    struct mem *mem = &group_env(g)->mem;
    struct arena a;
    arena_init(&a, mem, 0);
    group_value v;
    codec_default(K_MSG_GROUP_METADATA_VALUE, &v);
    v.protocol_type = g->protocol_type;
    v.generation = g->generation;
    v.protocol = g->protocol;
    v.leader = g->leader;
    v.current_state_timestamp = g->state_since_ms;
    v.members = codec_array(&a, K_STRUCT_GROUP_METADATA_VALUE_MEMBER_METADATA, g->members_n);
    LIST_EACH(&g->members, m, struct member, node) fill_member(g, m, q, &v.members[v.members_n++]);
    record_group_value(b, g, &v);
    arena_release(&a);
}

void
record_group_gone(struct batch_builder *b, const struct group *g)
{
    struct writer key = group_key(g);
    add_group_record(b, g, &key, NULL);
}

void
record_offset(struct batch_builder *b, const struct group *g, struct slice topic, int32_t partition,
              const struct offset_value *o)
{
    struct k_offset_commit_value v;
    codec_default(K_MSG_OFFSET_COMMIT_VALUE, &v);
    v.offset = o->offset;
    v.leader_epoch = o->leader_epoch;
    v.metadata = o->metadata;
    v.commit_timestamp = o->commit_ms;
    v.expire_timestamp = o->expire_ms;
    v.topic_id = o->topic_id;
    struct writer key = offset_key(g, topic, partition), value = writer_mem(&group_env(g)->mem);
    CHECK(coordinator_value_write(&value, K_MSG_OFFSET_COMMIT_VALUE,
                                  o->expire_ms >= 0 ? OFFSET_EXPIRY_VERSION : OFFSET_VERSION, &v,
                                  NULL));
    add_group_record(b, g, &key, &value);
}

void
record_offset_gone(struct batch_builder *b, const struct group *g, struct slice topic,
                   int32_t partition)
{
    struct writer key = offset_key(g, topic, partition);
    add_group_record(b, g, &key, NULL);
}

/* ---- reading ---- */

static void
fold_offset(struct shard *s, const struct batch_header *h, const struct k_offset_commit_key *key,
            const struct k_offset_commit_value *v)
{
    struct group *g = group_find(s, key->group);
    if (!v) {
        for (int64_t i = 0; g && i < g->offsets.n; i++) {
            const struct offset *o = g->offsets.v[i];
            if (o->partition != key->partition || !slice_eq(o->topic, key->topic)) continue;
            group_remove_offset(g, i);
            break;
        }
        return;
    }
    if (!g) g = group_new(s, key->group);
    struct offset *o = group_offset_get(g, key->topic, key->partition);
    struct offset_value value = {.offset = v->offset,
                                 .leader_epoch = v->leader_epoch,
                                 .metadata = v->metadata,
                                 .commit_ms = v->commit_timestamp,
                                 .expire_ms = v->expire_timestamp,
                                 .topic_id = v->topic_id};
    if (batch_is_transactional(h)) {
        pending_fold(s, g, h->producer_id, o, &value);
        return;
    }
    o->created = o->appended = o->committed = ++s->owner->writes_n;
    offset_set(g, o, &value);
}

static void
fold_member(struct group *g, const struct k_group_metadata_value_member_metadata *from)
{
    struct member *m = group_add_member(g, from->member_id, from->group_instance_id,
                                        from->client_id, from->client_host);
    m->session_timeout_ms = from->session_timeout;
    m->rebalance_timeout_ms =
        from->rebalance_timeout >= 0 ? from->rebalance_timeout : from->session_timeout;
    struct k_join_group_request_join_group_request_protocol p = {g->protocol, from->subscription};
    member_set_protocols(m, &p, 1);
    member_set_assignment(m, from->assignment);
}

/* A group is what its last record says. */
static void
fold_group(struct shard *s, struct slice id, const group_value *v)
{
    struct group *g = group_find(s, id);
    if ((!v && !g) || (v && g && g->consumer) || (g && (g->share || g->streams))) return;
    if (!g) g = group_new(s, id);
    /* While it is read nobody waits in it; who does, sees it change its protocol, and joins the other group. */
    group_forget_write(g);
    timer_cancel(group_env(g), &g->join_timer);
    timer_cancel(group_env(g), &g->sync_timer);
    LIST_EACH(&g->pending, p, struct pending_member, node) group_remove_pending(p);
    LIST_EACH(&g->members, m, struct member, node)
        group_remove_member(m, K_ERR_REBALANCE_IN_PROGRESS);
    g->state = GROUP_EMPTY;
    if (!v) {
        /* Offsets that are not deleted keep it as a group that only stores them. */
        group_set_text(g, &g->protocol_type, SLICE_NULL);
        g->generation = 0;
        if (g->offsets.n == 0 && !g->consumer) group_free(g);
        return;
    }
    group_set_text(g, &g->protocol_type, v->protocol_type.n ? v->protocol_type : SLICE_NULL);
    group_set_text(g, &g->protocol, v->protocol);
    g->generation = v->generation;
    for (int32_t i = 0; i < v->members_n; i++) fold_member(g, &v->members[i]);
    group_set_text(g, &g->leader, v->leader);
    g->state = v->members_n ? GROUP_STABLE : GROUP_EMPTY;
    g->state_since_ms = v->current_state_timestamp;
}

static bool
read_value(struct shard *s, enum k_msg msg, struct slice bytes, void *ret)
{
    struct reader r = reader(bytes);
    int16_t version;
    return coordinator_value_read(&r, msg, &version) &&
           codec_decode(msg, version, &r, &s->owner->base.env->scratch, ret);
}

/* Types that are not known here are left to those who know them; null values are deletions. */
void
group_fold(struct coordinator_shard *base, const struct batch_header *h, const struct record *rec)
{
    struct shard *s = shard_of(base);
    struct arena *scratch = &shard_env(base)->scratch;
    struct slice key = rec->key, value = rec->value;
    struct reader r = reader(key);
    enum k_msg key_msg, value_msg;
    if (!key.p || !coordinator_key_read(&r, COORDINATOR_GROUP, &key_msg, &value_msg)) return;
    if (key_msg == K_MSG_GROUP_METADATA_KEY) {
        struct k_group_metadata_key k;
        group_value v;
        if (!codec_decode(key_msg, 0, &r, scratch, &k)) return;
        if (value.p && !read_value(s, value_msg, value, &v)) return;
        fold_group(s, k.group, value.p ? &v : NULL);
    } else if (key_msg == K_MSG_OFFSET_COMMIT_KEY) {
        struct k_offset_commit_key k;
        struct k_offset_commit_value v;
        if (!codec_decode(key_msg, 0, &r, scratch, &k)) return;
        if (value.p && !read_value(s, value_msg, value, &v)) return;
        fold_offset(s, h, &k, value.p ? &v : NULL);
    } else {
        (void)(consumer_fold(s, key_msg, value_msg, &r, value) ||
               share_group_fold(s, key_msg, value_msg, &r, value) ||
               streams_fold(s, key_msg, value_msg, &r, value));
    }
}
