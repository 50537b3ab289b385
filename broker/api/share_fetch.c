/* ShareFetch and ShareAcknowledge (KIP-932): a member of a share group says what became of the records that it was
 * given, and gets others. What it says is done first, and the answer waits until that is written. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/session.h"
#include "broker/api/share_acks.h"
#include "broker/api/share_read.h"
#include "broker/api/share_session.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/share/share_config.h"
#include "errors.h"

/* As much of a partition is looked at in one go. */
#define READ_BYTES (1 << 20)
#define AGAIN_NS (50 * NS_PER_MS)

typedef struct k_share_fetch_request fetch_request;
typedef struct k_share_fetch_response fetch_response;
typedef struct k_share_fetch_response_share_fetchable_topic_response topic_response;
typedef struct k_share_fetch_response_partition_data partition_response;
typedef struct k_share_fetch_response_acquired_records acquired_response;

struct share_fetch;

struct share_fetch_part {
    struct share_waiter waiter;
    struct share_fetch *f;
    struct share_id id;
    bool is_wanted; /* of the session; else only acknowledged */
    int16_t err;
    struct buf *records; /* a reference */
    struct slice bytes;  /* of it */
    struct share_range *acquired;
    int32_t acquired_n;
};

struct share_fetch {
    struct request *r;
    const fetch_request *q;
    fetch_response response;
    struct slice group;
    struct buf *member; /* a reference */
    struct share_acks acks;
    struct share_fetch_part *parts;
    int32_t parts_n, at;
    int32_t records_left;
    int64_t bytes_left;
    struct share_reader reader;
    struct log_load load;
    int64_t read_from;
    struct timer expiry, retry;
    struct task again;
    bool ends_session, wants_none, is_reading, expired, is_gone, answered;
};

static struct share_config
fetch_config(const struct share_fetch *f)
{
    return (struct share_config){f->r->server->share_parts.params.settings, f->group};
}

/* Where share.version is finalised with 1 or more (Kafka's default), or they are switched on by name. */
bool
serves_share_groups(const struct server *s)
{
    const struct config *c = s->config;
    for (int32_t i = 0; i < config_list_n(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS); i++)
        if (slice_eq(config_list_at(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, i), S("share")))
            return true;
    return image_feature_level(s->image, S("share.version")) >= 1;
}

/* ---- the answer ---- */

static void
share_let_go(struct request *r)
{
    struct share_fetch *f = r->owner;
    for (int32_t i = 0; i < f->parts_n; i++) buf_unref(f->parts[i].records);
    buf_unref(f->member);
}

/* KIP-951: who leads instead. */
static void
fill_leader(struct share_fetch *f, const struct share_id *id, partition_response *to)
{
    const struct image_partition *ip =
        lookup_image_partition(f->r->server, id->topic, SLICE_NULL, id->partition);
    /* The schema says 0 where nothing is said, which is a broker's id: nobody is -1. */
    to->current_leader.leader_id = ip ? ip->leader : -1;
    to->current_leader.leader_epoch = ip ? ip->leader_epoch : -1;
    const struct image_endpoint *ep;
    const struct image_broker *b = ip ? lookup_living(f->r, ip->leader, &ep) : NULL;
    if (!b) return;
    for (int32_t i = 0; i < f->response.node_endpoints_n; i++)
        if (f->response.node_endpoints[i].node_id == ip->leader) return;
    struct k_share_fetch_response_node_endpoint *n =
        &f->response.node_endpoints[f->response.node_endpoints_n++];
    n->node_id = ip->leader;
    n->host = ep->host;
    n->port = ep->port;
    n->rack = b->rack;
}

static void
fill_part(struct share_fetch *f, const struct share_fetch_part *p, partition_response *to)
{
    const struct share_acks_part *ack = share_acks_of(&f->acks, p->id.topic, p->id.partition);
    to->partition_index = p->id.partition;
    to->error_code = p->err;
    to->acknowledge_error_code = ack ? ack->err : 0;
    if (p->err == K_ERR_NOT_LEADER_OR_FOLLOWER ||
        to->acknowledge_error_code == K_ERR_NOT_LEADER_OR_FOLLOWER)
        fill_leader(f, &p->id, to);
    to->records.bytes = p->acquired_n ? p->bytes : SLICE_EMPTY;
    to->records.buf = p->acquired_n ? p->records : NULL;
    to->acquired_records_n = p->acquired_n;
    to->acquired_records = ARENA_ARRAY(&f->r->arena, acquired_response, p->acquired_n);
    for (int32_t i = 0; i < p->acquired_n; i++) {
        to->acquired_records[i].first_offset = p->acquired[i].first;
        to->acquired_records[i].last_offset = p->acquired[i].last;
        to->acquired_records[i].delivery_count = p->acquired[i].count;
    }
}

static bool
is_told(struct share_fetch *f, const struct share_fetch_part *p)
{
    return p->err || p->acquired_n || share_acks_of(&f->acks, p->id.topic, p->id.partition);
}

/* Partitions of a topic need not have come together. */
static void
fill_share_topics(struct share_fetch *f)
{
    struct arena *a = &f->r->arena;
    fetch_response *res = &f->response;
    res->responses =
        codec_array(a, K_STRUCT_SHARE_FETCH_RESPONSE_SHARE_FETCHABLE_TOPIC_RESPONSE, f->parts_n);
    res->node_endpoints = codec_array(a, K_STRUCT_SHARE_FETCH_RESPONSE_NODE_ENDPOINT, f->parts_n);
    for (int32_t i = 0; i < f->parts_n; i++) {
        const struct share_fetch_part *p = &f->parts[i];
        topic_response *t = NULL;
        if (!is_told(f, p)) continue;
        for (int32_t k = 0; k < res->responses_n && !t; k++)
            if (uuid_eq(res->responses[k].topic_id, p->id.topic)) t = &res->responses[k];
        if (!t) {
            t = &res->responses[res->responses_n++];
            t->topic_id = p->id.topic;
            t->partitions =
                codec_array(a, K_STRUCT_SHARE_FETCH_RESPONSE_PARTITION_DATA, f->parts_n - i);
        }
        fill_part(f, p, &t->partitions[t->partitions_n++]);
    }
}

static void
share_fetch_answer(struct share_fetch *f)
{
    struct share_config c = fetch_config(f);
    f->answered = true;
    timer_cancel(f->r->server->env, &f->expiry);
    timer_cancel(f->r->server->env, &f->retry);
    defer_cancel(&f->again);
    for (int32_t i = 0; i < f->parts_n; i++) share_waiter_cancel(&f->parts[i].waiter);
    if (f->ends_session) {
        struct share_session *s =
            share_session_find(&f->r->server->share_sessions, f->group, buf_slice(f->member));
        if (s) share_session_end(s);
    }
    f->response.acquisition_lock_timeout_ms = (int32_t)share_lock_ms(&c);
    fill_share_topics(f);
    f->r->gone = NULL;
    f->r->let_go = share_let_go;
    request_answer(f->r, &f->response);
}

static void
share_fetch_refuse(struct request *r, int16_t err, const char *why)
{
    fetch_response res;
    codec_default(K_MSG_SHARE_FETCH_RESPONSE, &res);
    res.error_code = err;
    if (why) res.error_message = slice_cstr(why);
    request_answer(r, &res);
}

/* ---- reading ---- */

static void share_fetch_go_on(struct share_fetch *f);

static bool
has_result(const struct share_fetch *f)
{
    for (int32_t i = 0; i < f->parts_n; i++)
        if (f->parts[i].err || f->parts[i].acquired_n) return true;
    return false;
}

static void
part_hears(struct share_waiter *w, int16_t err)
{
    struct share_fetch_part *p = CONTAINER_OF(w, struct share_fetch_part, waiter);
    if (err) p->err = err;
    defer(p->f->r->server->env, &p->f->again);
}

static void
take_loaded(struct share_fetch *f, struct share_fetch_part *p)
{
    struct share_partition *sp = f->reader.sp;
    struct share_read read = {.from = f->read_from,
                              .limit = f->load.read.limit,
                              .records_max = f->records_left,
                              .batch_size = f->q->batch_size,
                              .is_strict = f->q->share_acquire_mode == 1,
                              .holder = f->member,
                              .buf = f->load.buf,
                              .arena = &f->r->arena};
    p->acquired_n = share_read_acquire(&read, sp, &p->acquired, &p->bytes);
    for (int32_t i = 0; i < p->acquired_n; i++)
        f->records_left -= (int32_t)(p->acquired[i].last - p->acquired[i].first + 1);
    f->bytes_left -= p->bytes.n;
    if (p->acquired_n) p->records = buf_ref(f->load.buf);
}

/* Something else is done to the log just now, or it begins later than it did. */
static void
retry_soon(struct share_fetch *f)
{
    struct env *env = f->r->server->env;
    timer_arm(env, &f->retry, env_now_ns(env) + AGAIN_NS);
}

static void
retry_due(struct timer *t)
{
    struct share_fetch *f = CONTAINER_OF(t, struct share_fetch, retry);
    defer(f->r->server->env, &f->again);
}

static void
share_loaded(struct log_load *l)
{
    struct share_fetch *f = CONTAINER_OF(l, struct share_fetch, load);
    struct share_fetch_part *p = &f->parts[f->at++];
    f->is_reading = false;
    if (!f->reader.sp) p->err = K_ERR_NOT_LEADER_OR_FOLLOWER;
    else if (l->read.err == LOG_E_CORRUPT) p->err = K_ERR_CORRUPT_MESSAGE;
    else if (l->read.err == LOG_OK && !f->is_gone) take_loaded(f, p);
    else if (l->read.err) retry_soon(f);
    buf_unref(l->buf);
    share_reader_end(&f->reader);
    share_fetch_go_on(f);
}

/* True: share_loaded() will go on. */
static bool
begin_share_read(struct share_fetch *f, struct share_fetch_part *p)
{
    int16_t err;
    struct share_partition *sp = share_partition_get(&f->r->server->share_parts, &p->id, &err);
    if (!sp) {
        p->err = err;
        return false;
    }
    /* Before looking: what comes meanwhile must not be missed. */
    if (!list_is_linked(&p->waiter.node)) share_partition_wait(sp, &p->waiter);
    f->read_from = share_partition_next(sp);
    if (f->read_from < 0) return false;
    share_partition_begin_read(sp, &f->reader);
    f->is_reading = true;
    f->load = (struct log_load){.done = share_loaded,
                                .read = {.offset = f->read_from,
                                         .limit = share_partition_limit(sp),
                                         .max_bytes = MIN(f->bytes_left, READ_BYTES),
                                         .min_one = true}};
    commitlog_load(&sp->partition->log, &f->load);
    return true;
}

static bool
may_read(const struct share_fetch *f, const struct share_fetch_part *p)
{
    return p->is_wanted && !p->err && !p->acquired_n && f->records_left > 0 && f->bytes_left > 0 &&
           !f->wants_none && !f->is_gone;
}

static void
share_fetch_go_on(struct share_fetch *f)
{
    if (f->is_reading || f->answered) return;
    for (; f->at < f->parts_n; f->at++)
        if (may_read(f, &f->parts[f->at]) && begin_share_read(f, &f->parts[f->at])) return;
    bool is_enough = has_result(f) || f->expired || f->wants_none || f->is_gone;
    if (f->acks.left == 0 && is_enough) share_fetch_answer(f);
}

static void
share_look_again(struct task *t)
{
    struct share_fetch *f = CONTAINER_OF(t, struct share_fetch, again);
    if (!f->is_reading) f->at = 0;
    share_fetch_go_on(f);
}

static void
share_fetch_expired(struct timer *t)
{
    struct share_fetch *f = CONTAINER_OF(t, struct share_fetch, expiry);
    f->expired = true;
    defer(f->r->server->env, &f->again);
}

static void
share_fetch_gone(struct request *r)
{
    struct share_fetch *f = r->owner;
    f->is_gone = true;
    defer(r->server->env, &f->again);
}

static void
fetch_acked(struct share_acks *acks)
{
    struct share_fetch *f = CONTAINER_OF(acks, struct share_fetch, acks);
    defer(f->r->server->env, &f->again);
}

/* ---- the beginning ---- */

static struct ack_batch *
ack_batches_of(struct arena *a, const struct k_share_fetch_request_acknowledgement_batch *v,
               int32_t n)
{
    struct ack_batch *ret = ARENA_ARRAY(a, struct ack_batch, n);
    for (int32_t i = 0; i < n; i++)
        ret[i] = (struct ack_batch){v[i].first_offset, v[i].last_offset, v[i].acknowledge_types,
                                    v[i].acknowledge_types_n};
    return ret;
}

static int32_t
count_named(const fetch_request *q)
{
    int32_t n = 0;
    for (int32_t i = 0; i < q->topics_n; i++) n += q->topics[i].partitions_n;
    return n;
}

static void
gather_acks(struct share_fetch *f)
{
    const fetch_request *q = f->q;
    struct arena *a = &f->r->arena;
    f->acks.done = fetch_acked;
    share_acks_init(&f->acks, f->r, count_named(q));
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++) {
            int32_t n = q->topics[i].partitions[k].acknowledgement_batches_n;
            if (n <= 0) continue;
            struct share_acks_part *p = share_acks_add(&f->acks, &q->topics[i].topic_id,
                                                       q->topics[i].partitions[k].partition_index);
            p->batches = ack_batches_of(a, q->topics[i].partitions[k].acknowledgement_batches, n);
            p->batches_n = n;
        }
    share_acks_gathered(&f->acks);
}

static void
add_part(struct share_fetch *f, struct uuid topic, int32_t partition, bool is_wanted)
{
    struct share_fetch_part *p = &f->parts[f->parts_n++];
    p->f = f;
    p->waiter.hear = part_hears;
    p->id = (struct share_id){f->group, topic, partition};
    p->is_wanted = is_wanted;
}

/* Another one comes first each time, or who has much would always come first. */
static void
gather_parts(struct share_fetch *f, const struct share_session *s)
{
    int64_t n = s ? s->parts.n : 0;
    f->parts = ARENA_ARRAY(&f->r->arena, struct share_fetch_part, n + f->acks.parts_n);
    for (int64_t i = 0; i < n; i++) {
        const struct share_session_part *p = &s->parts.v[(i + f->q->share_session_epoch) % n];
        add_part(f, p->topic, p->partition, true);
    }
    for (int32_t i = 0; i < f->acks.parts_n; i++) {
        bool is_there = false;
        for (int64_t k = 0; k < n && !is_there; k++)
            is_there = f->parts[k].id.partition == f->acks.parts[i].partition &&
                       uuid_eq(f->parts[k].id.topic, f->acks.parts[i].topic);
        if (!is_there) add_part(f, f->acks.parts[i].topic, f->acks.parts[i].partition, false);
    }
}

/* KIP-1222: who renews does not fetch with the same request. */
static const char *
check_share_fetch(const fetch_request *q)
{
    bool asks =
        q->max_wait_ms != 0 || q->min_bytes != 0 || q->max_bytes != 0 || q->max_records != 0;
    if (q->group_id.n == 0) return "the group id must not be empty";
    if (q->member_id.n == 0) return "the member id must not be empty";
    if (q->share_acquire_mode < 0 || q->share_acquire_mode > 1) return "no such acquire mode";
    if (q->is_renew_ack && asks)
        return "a request that renews must not ask for records: wait, bytes and records are to be "
               "0";
    return NULL;
}

static int16_t
take_session(struct share_fetch *f, struct share_session **ret)
{
    struct share_sessions *all = &f->r->server->share_sessions;
    const fetch_request *q = f->q;
    struct share_session *s = share_session_find(all, q->group_id, q->member_id);
    int16_t err = share_session_check(s ? s->epoch : -1, q->share_session_epoch);
    bool begins = q->share_session_epoch == SHARE_SESSION_BEGINS;
    if (!err && begins && f->acks.parts_n > 0) err = K_ERR_INVALID_REQUEST;
    if (err) return err;
    f->ends_session = q->share_session_epoch == SHARE_SESSION_ENDS;
    if (begins) {
        s = share_session_new(all, q->group_id, q->member_id,
                              f->r->session ? &f->r->session->shares : NULL);
        if (!s) return K_ERR_SHARE_SESSION_LIMIT_REACHED;
    }
    *ret = s;
    if (f->ends_session) return 0;
    if (!share_session_take(s, q)) return K_ERR_SHARE_SESSION_LIMIT_REACHED;
    if (!begins) s->epoch = share_session_next_epoch(s->epoch);
    return 0;
}

void
handle_share_fetch(struct server *server, struct request *r)
{
    const fetch_request *q = r->message;
    const char *why = check_share_fetch(q);
    int16_t err = serves_share_groups(server) ? 0 : K_ERR_UNSUPPORTED_VERSION;
    if (err || why) {
        share_fetch_refuse(r, err ? err : K_ERR_INVALID_REQUEST, err ? NULL : why);
        return;
    }
    struct share_fetch *f = REQUEST_NEW(r, struct share_fetch);
    struct share_session *s = NULL;
    *f = (struct share_fetch){.r = r, .q = q, .group = q->group_id};
    f->again.run = share_look_again;
    f->expiry.due = share_fetch_expired;
    f->retry.due = retry_due;
    gather_acks(f);
    err = take_session(f, &s);
    if (err) {
        share_fetch_refuse(r, err, NULL);
        return;
    }
    codec_default(K_MSG_SHARE_FETCH_RESPONSE, &f->response);
    f->member = buf_ref(s->member);
    f->records_left = q->max_records;
    f->bytes_left = MIN((int64_t)q->max_bytes, config_i64(server->config, K_CFG_FETCH_MAX_BYTES));
    f->wants_none = f->ends_session || q->is_renew_ack || q->max_records <= 0;
    f->expired = q->max_wait_ms <= 0;
    r->owner = f;
    r->gone = share_fetch_gone;
    gather_parts(f, f->ends_session ? NULL : s);
    struct share_config c = fetch_config(f);
    share_acks_begin(&f->acks, &server->share_parts, f->group, buf_slice(f->member),
                     q->is_renew_ack && share_may_renew(&c));
    if (!f->expired)
        timer_arm(server->env, &f->expiry,
                  env_now_ns(server->env) + (int64_t)q->max_wait_ms * NS_PER_MS);
    share_fetch_go_on(f);
}
