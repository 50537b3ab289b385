/* What administrators ask of share groups: where they are, that they begin elsewhere, that they or their states go. Each
 * is a question, or several, to the share coordinators, then perhaps a record; the answer comes after both. */
#include "broker/base/check.h"
#include "broker/group/member_epoch.h"
#include "broker/group/share_group.h"
#include "broker/group/share_lag.h"
#include "broker/protocol/codec.h"
#include "broker/share/client_error.h"
#include "errors.h"

/* Questions about states of one group, which are asked together. */
struct share_asking {
    struct groups *gs;
    struct coordinator_call *call;
    void *response;
    struct slice group; /* lives as long as the request */
    struct tp_set tps;
    struct persist *asked; /* one for each, then room for another one for each */
    int32_t left;
    void (*done)(struct share_asking *k);
    struct coordinator_write write;
    const void *request;
    int16_t *err; /* of the response as a whole */
};

static void
one_answered(struct persist *p)
{
    struct share_asking *k = p->asker;
    CHECK(k->left > 0);
    if (--k->left == 0) k->done(k);
}

static struct share_asking *
asking_new(struct groups *gs, struct coordinator_call *call, struct slice group, void *response,
           int16_t *err)
{
    struct share_asking *k = ARENA_NEW(call->arena, struct share_asking);
    *k = (struct share_asking){
        .gs = gs, .call = call, .group = group, .response = response, .err = err};
    return k;
}

/* tps and what is asked of each stay with the request. */
static void
ask_all(struct share_asking *k, enum persist_kind kind, int32_t state_epoch,
        const int64_t *start_offsets)
{
    k->asked = ARENA_ARRAY(k->call->arena, struct persist, 2 * k->tps.n);
    k->left = 1;
    for (int64_t i = 0; i < k->tps.n; i++) {
        k->asked[i] = (struct persist){.done = one_answered,
                                       .asker = k,
                                       .kind = kind,
                                       .group = k->group,
                                       .topic = k->tps.v[i].topic,
                                       .partition = k->tps.v[i].index,
                                       .state_epoch = state_epoch,
                                       .leader_epoch = -1,
                                       .start_offset = start_offsets ? start_offsets[i] : -1};
        k->left++;
        persister_ask(k->gs->persister, &k->asked[i]);
    }
    if (--k->left == 0) k->done(k);
}

static int16_t
first_asked_error(const struct share_asking *k)
{
    for (int64_t i = 0; i < k->tps.n; i++)
        if (k->asked[i].err) return share_client_error(k->asked[i].err);
    return 0;
}

static int16_t
asked_error_of(const struct share_asking *k, struct uuid topic, int32_t index)
{
    for (int64_t i = 0; i < k->tps.n; i++)
        if (k->tps.v[i].index == index && uuid_eq(k->tps.v[i].topic, topic))
            return share_client_error(k->asked[i].err);
    return 0;
}

static void
answer_asked(struct share_asking *k, int16_t err)
{
    if (err) *k->err = err;
    groups_answer(k->gs, k->call, k->response);
}

/* A share group of that name without members; NULL with the error. */
static struct group *
idle_share_group(struct groups *gs, struct slice id, int16_t *ret_err)
{
    struct shard *s = groups_shard_of_named(gs, id, ret_err);
    struct group *g = s ? group_find(s, id) : NULL;
    if (!s) return NULL;
    if (!g || !g->share) *ret_err = K_ERR_GROUP_ID_NOT_FOUND;
    else if (g->share->members.n > 0 || g->share->init) *ret_err = K_ERR_NON_EMPTY_GROUP;
    return *ret_err ? NULL : g;
}

static void
asked_written(struct coordinator_write *w, int16_t err)
{
    struct share_asking *k = CONTAINER_OF(w, struct share_asking, write);
    answer_asked(k, err ? coordinator_store_error(err) : 0);
}

/* b: what is to be written before the answer. */
static void
write_asked(struct share_asking *k, struct group *g, struct batch_builder *b)
{
    k->write.shard = &g->shard->base;
    k->write.done = asked_written;
    int16_t err = shard_write_folded(&g->shard->base, b, &k->write);
    if (err) answer_asked(k, coordinator_store_error(err));
}

/* ---- DeleteGroups ---- */

static void
states_deleted(struct share_asking *k)
{
    int16_t err = first_asked_error(k);
    struct group *g = err ? NULL : idle_share_group(k->gs, k->group, &err);
    if (err) {
        answer_asked(k, err);
        return;
    }
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_share_gone_group(&b, g);
    write_asked(k, g, &b);
}

void
share_group_delete(struct groups *gs, struct slice id, struct coordinator_call *call,
                   void *response, int16_t *err)
{
    struct share_asking *k = asking_new(gs, call, id, response, err);
    struct group *g = idle_share_group(gs, id, err);
    if (!g) {
        answer_asked(k, *err);
        return;
    }
    struct tp_set all = tp_set_or(call->arena, &g->share->initializing, &g->share->initialized);
    k->tps = all;
    k->done = states_deleted;
    ask_all(k, PERSIST_DELETE, -1, NULL);
}

/* ---- DeleteShareGroupOffsets ---- */

typedef struct k_delete_share_group_offsets_request delete_request;
typedef struct k_delete_share_group_offsets_response delete_response;
typedef struct k_delete_share_group_offsets_response_delete_share_group_offsets_response_topic
    deleted_topic;

static void
offsets_deleted(struct share_asking *k)
{
    const delete_request *q = k->request;
    delete_response *res = k->response;
    int16_t err = 0;
    struct group *g = idle_share_group(k->gs, k->group, &err);
    struct tp_set gone = {ARENA_ARRAY(k->call->arena, struct tp, k->tps.n), 0};
    for (int64_t i = 0; i < k->tps.n; i++) {
        int16_t one = share_client_error(k->asked[i].err);
        if (!one) gone.v[gone.n++] = k->tps.v[i];
        for (int32_t t = 0; one && t < q->topics_n; t++)
            if (uuid_eq(res->responses[t].topic_id, k->tps.v[i].topic))
                res->responses[t].error_code = one;
    }
    if (err || gone.n == 0) {
        answer_asked(k, err);
        return;
    }
    struct arena *a = k->call->arena;
    struct tp_set initializing = tp_set_minus(a, &g->share->initializing, &gone);
    struct tp_set initialized = tp_set_minus(a, &g->share->initialized, &gone);
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_share_states(&b, g, &initializing, &initialized);
    record_share_epoch(&b, g, epoch_after(g->share->epoch), g->share->metadata_hash);
    write_asked(k, g, &b);
}

void
groups_delete_share_offsets(struct groups *gs, const delete_request *q,
                            struct coordinator_call *call)
{
    struct arena *a = call->arena;
    delete_response *res = ARENA_NEW(a, delete_response);
    codec_default(K_MSG_DELETE_SHARE_GROUP_OFFSETS_RESPONSE, res);
    struct share_asking *k = asking_new(gs, call, q->group_id, res, &res->error_code);
    struct group *g = idle_share_group(gs, q->group_id, &res->error_code);
    if (!g) {
        answer_asked(k, res->error_code);
        return;
    }
    struct tp_set all = tp_set_or(a, &g->share->initializing, &g->share->initialized);
    k->request = q;
    k->done = offsets_deleted;
    k->tps.v = ARENA_ARRAY(a, struct tp, all.n);
    res->responses = codec_array(
        a, K_STRUCT_DELETE_SHARE_GROUP_OFFSETS_RESPONSE_DELETE_SHARE_GROUP_OFFSETS_RESPONSE_TOPIC,
        q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct image_topic *t = image_topic(gs->base.image, q->topics[i].topic_name);
        deleted_topic *to = &res->responses[res->responses_n++];
        to->topic_name = q->topics[i].topic_name;
        if (!t || !tp_set_has_topic(&all, t->id)) {
            to->error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        to->topic_id = t->id;
        for (int64_t n = 0; n < all.n; n++)
            if (uuid_eq(all.v[n].topic, t->id) &&
                !tp_set_find(&k->tps, all.v[n].topic, all.v[n].index))
                k->tps.v[k->tps.n++] = all.v[n];
    }
    tp_set_sort(&k->tps, ARENA_ARRAY(a, struct tp, k->tps.n));
    ask_all(k, PERSIST_DELETE, -1, NULL);
}

/* ---- AlterShareGroupOffsets ---- */

typedef struct k_alter_share_group_offsets_request alter_request;
typedef struct k_alter_share_group_offsets_response alter_response;
typedef struct k_alter_share_group_offsets_response_alter_share_group_offsets_response_topic
    altered_topic;

static void
offsets_altered(struct share_asking *k)
{
    alter_response *res = k->response;
    int16_t err = 0;
    struct arena *a = k->call->arena;
    struct group *g = idle_share_group(k->gs, k->group, &err);
    struct tp_set begun = {ARENA_ARRAY(a, struct tp, k->tps.n), 0};
    for (int64_t i = 0; i < k->tps.n; i++)
        if (!k->asked[i].err) begun.v[begun.n++] = k->tps.v[i];
    for (int32_t i = 0; i < res->responses_n; i++)
        for (int32_t n = 0; n < res->responses[i].partitions_n; n++) {
            int16_t *to = &res->responses[i].partitions[n].error_code;
            if (!*to)
                *to = asked_error_of(k, res->responses[i].topic_id,
                                     res->responses[i].partitions[n].partition_index);
        }
    if (err || begun.n == 0) {
        answer_asked(k, err);
        return;
    }
    struct tp_set initializing = tp_set_minus(a, &g->share->initializing, &begun);
    struct tp_set initialized = tp_set_or(a, &g->share->initialized, &begun);
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_share_states(&b, g, &initializing, &initialized);
    write_asked(k, g, &b);
}

/* Each partition that there is. */
static void
take_altered(struct share_asking *k, const alter_request *q, int64_t *offsets)
{
    struct arena *a = k->call->arena;
    alter_response *res = k->response;
    res->responses = codec_array(
        a, K_STRUCT_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_TOPIC,
        q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct image_topic *t = image_topic(k->gs->base.image, q->topics[i].topic_name);
        altered_topic *to = &res->responses[res->responses_n++];
        int32_t n = q->topics[i].partitions_n;
        to->topic_name = q->topics[i].topic_name;
        if (t) to->topic_id = t->id;
        to->partitions_n = n;
        to->partitions = codec_array(
            a,
            K_STRUCT_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_ALTER_SHARE_GROUP_OFFSETS_RESPONSE_PARTITION,
            n);
        for (int32_t p = 0; p < n; p++) {
            int32_t index = q->topics[i].partitions[p].partition_index;
            int64_t offset = q->topics[i].partitions[p].start_offset;
            to->partitions[p].partition_index = index;
            if (!t || !image_topic_partition(t, index))
                to->partitions[p].error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
            else if (offset < 0) to->partitions[p].error_code = K_ERR_INVALID_REQUEST;
            if (to->partitions[p].error_code) continue;
            offsets[k->tps.n] = offset;
            k->tps.v[k->tps.n++] = (struct tp){t->id, index, 0};
        }
    }
}

/* Of what is named twice the later holds; sets are sorted, and their offsets with them. */
static void
sort_altered(struct share_asking *k, int64_t *offsets)
{
    struct arena *a = k->call->arena;
    struct tp_set sorted = {ARENA_ARRAY(a, struct tp, k->tps.n), k->tps.n};
    int64_t *by_place = ARENA_ARRAY(a, int64_t, k->tps.n);
    if (k->tps.n) memcpy(sorted.v, k->tps.v, (size_t)k->tps.n * sizeof *sorted.v);
    tp_set_sort(&sorted, ARENA_ARRAY(a, struct tp, k->tps.n));
    for (int64_t i = 0; i < k->tps.n; i++) {
        const struct tp *at = tp_set_find(&sorted, k->tps.v[i].topic, k->tps.v[i].index);
        by_place[at - sorted.v] = offsets[i];
    }
    k->tps = sorted;
    if (sorted.n) memcpy(offsets, by_place, (size_t)sorted.n * sizeof *offsets);
}

/* Whose offsets are altered before it has had a member begins with that. */
static struct group *
alterable_group(struct groups *gs, struct slice id, bool begin, int16_t *ret_err)
{
    struct shard *s = groups_shard_of_named(gs, id, ret_err);
    struct group *g = s ? group_find(s, id) : NULL;
    if (!s) return NULL;
    if (g && !group_is_blank(g)) return idle_share_group(gs, id, ret_err);
    if (!env_has_room(gs->base.env, PURSE_GROUPS)) *ret_err = K_ERR_COORDINATOR_NOT_AVAILABLE;
    if (*ret_err || !begin) return NULL;
    if (!g) g = group_new(s, id);
    share_group_begin(g);
    return g;
}

/* The group's next epoch is the state's: leaders that still know the old one are fenced by it. */
void
groups_alter_share_offsets(struct groups *gs, const alter_request *q, struct coordinator_call *call)
{
    struct arena *a = call->arena;
    alter_response *res = ARENA_NEW(a, alter_response);
    codec_default(K_MSG_ALTER_SHARE_GROUP_OFFSETS_RESPONSE, res);
    struct share_asking *k = asking_new(gs, call, q->group_id, res, &res->error_code);
    struct group *g = alterable_group(gs, q->group_id, false, &res->error_code);
    struct batch_builder b;
    int64_t n = 0;
    if (res->error_code) {
        answer_asked(k, res->error_code);
        return;
    }
    for (int32_t i = 0; i < q->topics_n; i++) n += q->topics[i].partitions_n;
    int64_t *offsets = ARENA_ARRAY(a, int64_t, n);
    k->tps.v = ARENA_ARRAY(a, struct tp, n);
    take_altered(k, q, offsets);
    sort_altered(k, offsets);
    k->done = offsets_altered;
    if (k->tps.n == 0) {
        answer_asked(k, 0);
        return;
    }
    if (!g) g = alterable_group(gs, q->group_id, true, &res->error_code);
    struct tp_set initializing = tp_set_or(a, &g->share->initializing, &k->tps);
    shard_builder(&g->shard->base, &b);
    record_share_epoch(&b, g, epoch_after(g->share->epoch), g->share->metadata_hash);
    record_share_states(&b, g, &initializing, &g->share->initialized);
    int16_t err = shard_write_silently_folded(&g->shard->base, &b);
    if (err) {
        share_group_forget_blank(g);
        answer_asked(k, coordinator_store_error(err));
        return;
    }
    ask_all(k, PERSIST_INITIALIZE, g->share->epoch, offsets);
}

/* ---- DescribeShareGroupOffsets, one group ---- */

typedef struct k_describe_share_group_offsets_response_describe_share_group_offsets_response_group
    described_group;
typedef struct k_describe_share_group_offsets_response_describe_share_group_offsets_response_topic
    described_topic;
typedef struct
    k_describe_share_group_offsets_response_describe_share_group_offsets_response_partition
        described_partition;

static const struct persist *
asked_of(const struct share_asking *k, struct uuid topic, int32_t index)
{
    const struct tp *tp = tp_set_find(&k->tps, topic, index);
    return tp ? &k->asked[tp - k->tps.v] : NULL;
}

static void
describe_answered(struct share_asking *k)
{
    described_group *res = k->response;
    for (int32_t i = 0; i < res->topics_n; i++)
        for (int32_t p = 0; p < res->topics[i].partitions_n; p++) {
            described_partition *to = &res->topics[i].partitions[p];
            const struct persist *from = asked_of(k, res->topics[i].topic_id, to->partition_index);
            if (!from) continue;
            to->error_code = share_client_error(from->err);
            if (to->error_code) continue;
            to->start_offset = from->start_offset;
            to->leader_epoch = from->leader_epoch;
            const struct persist *end = &k->asked[k->tps.n + (from - k->asked)];
            to->lag =
                share_lag(end->err ? -1 : end->start_offset, from->start_offset, from->done_n);
        }
    answer_asked(k, 0);
}

/* Where the logs end, of those that the group has begun with: their leaders know. */
static void
summaries_answered(struct share_asking *k)
{
    k->done = describe_answered;
    k->left = 1;
    for (int64_t i = 0; i < k->tps.n; i++) {
        struct persist *end = &k->asked[k->tps.n + i];
        end->err = K_ERR_UNKNOWN_SERVER_ERROR;
        if (k->asked[i].err || k->asked[i].start_offset < 0) continue;
        *end = (struct persist){.done = one_answered,
                                .asker = k,
                                .kind = PERSIST_LOG_END,
                                .group = k->group,
                                .topic = k->tps.v[i].topic,
                                .partition = k->tps.v[i].index};
        k->left++;
        persister_ask(k->gs->persister, end);
    }
    if (--k->left == 0) k->done(k);
}

/* topics_n < 0: all that it has. A group that is none, and a topic, have no offsets; that is no error. */
static void
name_described(
    struct share_asking *k, const struct group *g,
    const struct k_describe_share_group_offsets_request_describe_share_group_offsets_request_group
        *q,
    described_group *res)
{
    const struct image *im = k->gs->base.image;
    struct arena *a = k->call->arena;
    const struct tp_set none = {0}, *all = g && g->share ? &g->share->initialized : &none;
    int64_t n = all->n;
    for (int32_t i = 0; i < q->topics_n; i++) n += q->topics[i].partitions_n;
    k->tps.v = ARENA_ARRAY(a, struct tp, n);
    res->topics = codec_array(
        a,
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_TOPIC,
        q->topics_n >= 0 ? q->topics_n : all->n);
    for (int64_t i = 0; q->topics_n < 0 && i < all->n; i++) {
        const struct image_topic *t = image_topic_by_id(im, all->v[i].topic);
        described_topic *to = res->topics_n ? &res->topics[res->topics_n - 1] : NULL;
        if (!t) continue;
        if (!to || !uuid_eq(to->topic_id, t->id)) {
            to = &res->topics[res->topics_n++];
            to->topic_id = t->id;
            to->topic_name = arena_dup(a, t->name);
            to->partitions = codec_array(
                a,
                K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_PARTITION,
                all->n - i);
        }
        to->partitions[to->partitions_n++].partition_index = all->v[i].index;
        k->tps.v[k->tps.n++] = all->v[i];
    }
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct image_topic *t = image_topic(im, q->topics[i].topic_name);
        described_topic *to = &res->topics[res->topics_n++];
        to->topic_name = q->topics[i].topic_name;
        if (t) to->topic_id = t->id;
        to->partitions_n = q->topics[i].partitions_n;
        to->partitions = codec_array(
            a,
            K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_PARTITION,
            to->partitions_n);
        for (int32_t p = 0; p < to->partitions_n; p++) {
            int32_t index = q->topics[i].partitions[p];
            to->partitions[p].partition_index = index;
            to->partitions[p].start_offset = -1;
            if (!t || !g || !g->share) continue;
            if (image_topic_partition(t, index))
                k->tps.v[k->tps.n++] = (struct tp){t->id, index, 0};
            else to->partitions[p].error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
    }
    tp_set_sort(&k->tps, ARENA_ARRAY(a, struct tp, k->tps.n));
}

void
groups_describe_share_offsets(
    struct groups *gs,
    const struct k_describe_share_group_offsets_request_describe_share_group_offsets_request_group
        *q,
    struct coordinator_call *call)
{
    described_group *res = ARENA_NEW(call->arena, described_group);
    codec_default_struct(
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_GROUP,
        res);
    res->group_id = q->group_id;
    struct share_asking *k = asking_new(gs, call, q->group_id, res, &res->error_code);
    struct shard *s = groups_shard_of_named(gs, q->group_id, &res->error_code);
    struct group *g = s ? group_find(s, q->group_id) : NULL;
    if (!s) {
        answer_asked(k, res->error_code);
        return;
    }
    name_described(k, g, q, res);
    k->done = summaries_answered;
    ask_all(k, PERSIST_SUMMARY, -1, NULL);
}
