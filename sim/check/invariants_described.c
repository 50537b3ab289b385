/* What nodes tell of groups, transactions and producers (DescribeGroups, ConsumerGroupDescribe, ShareGroupDescribe,
 * StreamsGroupDescribe, ListGroups, DescribeTransactions, ListTransactions, DescribeProducers), against the logs from which they know it. Who took over, or started anew, has read it there; who led all
 * the time has changed it with each record. So whatever was read, kept or changed wrongly shows, also what no client has
 * come to feel. */
#include "broker/base/arena.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

/* From this version on ListGroups says of which kind each is (KIP-848). */
#define TYPES_TOLD 5

struct describe_asked {
    int64_t frame, at_ns;
};

/* Judged when the step is over in which it was told. */
struct description {
    struct arena a;
    int16_t api, version;
    int32_t node;
    int64_t asked_ns;
    void *answer;
};

struct descriptions {
    VEC(struct describe_asked) asked;
    VEC(struct description *) told;
};

static void
description_free(struct invariants *v, struct description *d)
{
    arena_release(&d->a);
    MEM_DELETE(v->mem, d);
}

void
descriptions_free(struct invariants *v)
{
    struct descriptions *s = v->descriptions;
    if (!s) return;
    for (int64_t i = 0; i < s->told.n; i++) description_free(v, s->told.v[i]);
    VEC_RELEASE(v->mem, &s->told);
    VEC_RELEASE(v->mem, &s->asked);
    MEM_DELETE(v->mem, s);
}

static enum k_msg
answer_of(int16_t api)
{
    switch (api) {
    case K_API_DESCRIBE_GROUPS: return K_MSG_DESCRIBE_GROUPS_RESPONSE;
    case K_API_CONSUMER_GROUP_DESCRIBE: return K_MSG_CONSUMER_GROUP_DESCRIBE_RESPONSE;
    case K_API_SHARE_GROUP_DESCRIBE: return K_MSG_SHARE_GROUP_DESCRIBE_RESPONSE;
    case K_API_STREAMS_GROUP_DESCRIBE: return K_MSG_STREAMS_GROUP_DESCRIBE_RESPONSE;
    case K_API_LIST_GROUPS: return K_MSG_LIST_GROUPS_RESPONSE;
    case K_API_DESCRIBE_TRANSACTIONS: return K_MSG_DESCRIBE_TRANSACTIONS_RESPONSE;
    case K_API_LIST_TRANSACTIONS: return K_MSG_LIST_TRANSACTIONS_RESPONSE;
    default: return K_MSG_DESCRIBE_PRODUCERS_RESPONSE;
    }
}

static bool
is_description(int16_t api)
{
    switch (api) {
    case K_API_DESCRIBE_GROUPS:
    case K_API_CONSUMER_GROUP_DESCRIBE:
    case K_API_SHARE_GROUP_DESCRIBE:
    case K_API_STREAMS_GROUP_DESCRIBE:
    case K_API_LIST_GROUPS:
    case K_API_DESCRIBE_TRANSACTIONS:
    case K_API_LIST_TRANSACTIONS:
    case K_API_DESCRIBE_PRODUCERS: return true;
    default: return false;
    }
}

static void
hear_description(struct invariants *v, const struct world_frame *f, struct slice body,
                 int64_t asked_ns)
{
    struct description *d = MEM_NEW(v->mem, struct description);
    enum k_msg msg = answer_of(f->api);
    int32_t correlation_id;
    *d = (struct description){
        .api = f->api, .version = f->version, .node = f->from->index, .asked_ns = asked_ns};
    arena_init(&d->a, v->mem, 0);
    struct reader r = reader(arena_dup(&d->a, body));
    d->answer = arena_alloc(&d->a, codec_struct_bytes(msg));
    if (response_head_read(&r, f->api, f->version, &correlation_id) &&
        codec_decode(msg, f->version, &r, &d->a, d->answer))
        VEC_PUSH(v->mem, &v->descriptions->told, d);
    else description_free(v, d);
}

/* Who asks for some groups or transactions only is told of no others. */
static bool
is_about_all(struct invariants *v, int16_t api, struct slice body)
{
    union {
        struct k_list_groups_request groups;
        struct k_list_transactions_request txns;
    } q;
    struct request_head head;
    struct reader r = reader(body);
    struct arena a;
    bool is = false;
    if (api != K_API_LIST_GROUPS && api != K_API_LIST_TRANSACTIONS) return true;
    arena_init(&a, v->mem, 0);
    if (request_head_read(&r, &a, &head) != HEAD_OK) is = false;
    else if (api == K_API_LIST_GROUPS)
        is = codec_decode(K_MSG_LIST_GROUPS_REQUEST, head.version, &r, &a, &q) &&
             q.groups.states_filter_n <= 0 && q.groups.types_filter_n <= 0;
    else
        is = codec_decode(K_MSG_LIST_TRANSACTIONS_REQUEST, head.version, &r, &a, &q) &&
             q.txns.state_filters_n <= 0 && q.txns.producer_id_filters_n <= 0 &&
             q.txns.duration_filter < 0 && q.txns.transactional_id_pattern.n == 0;
    arena_release(&a);
    return is;
}

void
descriptions_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    enum { ASKED_MAX = 100 };
    if (!f->to || bytes.n < 8 || !is_description(f->api)) return;
    if (!v->descriptions) v->descriptions = MEM_NEW(v->mem, struct descriptions);
    struct descriptions *s = v->descriptions;
    if (!f->is_answer) {
        if (!is_about_all(v, f->api, slice_sub(bytes, 4, bytes.n - 4))) return;
        struct describe_asked one = {f->id, f->at_ns};
        if (s->asked.n == ASKED_MAX) VEC_REMOVE_AT(&s->asked, 0);
        VEC_PUSH(v->mem, &s->asked, one);
        return;
    }
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    int64_t asked_ns = s->asked.v[at].at_ns;
    VEC_REMOVE_AT(&s->asked, at);
    hear_description(v, f, slice_sub(bytes, 4, bytes.n - 4), asked_ns);
}

static void
judge_producers(struct invariants *v, int32_t node, const struct k_describe_producers_response *p)
{
    for (int32_t t = 0; t < p->topics_n; t++)
        for (int32_t i = 0; i < p->topics[t].partitions_n; i++) {
            const struct k_describe_producers_response_partition_response *one =
                &p->topics[t].partitions[i];
            struct topic_key *k =
                model_find_key(&v->model, p->topics[t].name, one->partition_index);
            if (k && !one->error_code) truth_described(v, node, k, one);
        }
}

static void
judge_description(struct invariants *v, const struct description *d)
{
    const struct k_describe_transactions_response *txns = d->answer;
    const struct k_consumer_group_describe_response *groups = d->answer;
    const struct k_describe_groups_response *classic = d->answer;
    const struct k_share_group_describe_response *shares = d->answer;
    const struct k_streams_group_describe_response *streams = d->answer;
    const struct k_list_groups_response *all_groups = d->answer;
    const struct k_list_transactions_response *all_txns = d->answer;
    switch (d->api) {
    case K_API_DESCRIBE_TRANSACTIONS:
        for (int32_t i = 0; i < txns->transaction_states_n; i++)
            txn_described(v, d->node, d->asked_ns, &txns->transaction_states[i]);
        return;
    case K_API_CONSUMER_GROUP_DESCRIBE:
        for (int32_t i = 0; i < groups->groups_n; i++)
            group_described(v, d->node, d->asked_ns, &groups->groups[i]);
        return;
    case K_API_DESCRIBE_GROUPS:
        for (int32_t i = 0; i < classic->groups_n; i++)
            classic_described(v, d->node, d->asked_ns, &classic->groups[i]);
        return;
    case K_API_SHARE_GROUP_DESCRIBE:
        for (int32_t i = 0; i < shares->groups_n; i++)
            share_described(v, d->node, d->asked_ns, &shares->groups[i]);
        return;
    case K_API_STREAMS_GROUP_DESCRIBE:
        for (int32_t i = 0; i < streams->groups_n; i++)
            streams_described(v, d->node, d->asked_ns, &streams->groups[i]);
        return;
    case K_API_LIST_GROUPS:
        if (all_groups->error_code || d->version < TYPES_TOLD) return;
        members_listed(v, d->node, d->asked_ns, all_groups);
        groups_listed(v, d->node, d->asked_ns, all_groups);
        return;
    case K_API_LIST_TRANSACTIONS:
        if (!all_txns->error_code) txns_listed(v, d->node, d->asked_ns, all_txns);
        return;
    default: judge_producers(v, d->node, d->answer);
    }
}

void
descriptions_judge(struct invariants *v, int32_t node)
{
    struct descriptions *s = v->descriptions;
    for (int64_t i = 0; s && i < s->told.n; i++) {
        struct description *d = s->told.v[i];
        if (d->node != node) continue;
        VEC_REMOVE_AT(&s->told, i);
        i--;
        judge_description(v, d);
        description_free(v, d);
    }
}
