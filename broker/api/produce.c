/* Produce: each partition's batch is checked, perhaps after decompression, appended, and answered when
 * its acks say so. Once every batch has its offsets (or an error) the connection's next request may
 * start; the answer waits for the acks. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/config.h"
#include "broker/record/validate.h"
#include "broker/txn/verify.h"
#include "configs.h"

/* A record never takes less than 7 bytes, and nobody needs a batch that inflates beyond this. */
#define DECOMPRESSED_BYTES_MAX (100 << 20)

struct produce;

struct part {
    struct produce *produce;
    struct uuid topic_id;
    struct slice topic;
    struct slice set; /* the batch, in the request's frame or in `patched` */
    struct buf *patched;
    struct batch_header header;
    int64_t max_timestamp; /* what the header must have */
    struct k_produce_response_partition_produce_response *answer;
    struct op work;
    struct list inflate_node; /* among those that wait for their decompression */
    struct append_waiter waiter;
    struct ready_waiter opening;
    struct txn_check check;
    uint64_t guard; /* log/verification.h */
    bool waits;
};

struct produce {
    struct request *r;
    const struct k_produce_request *q;
    struct k_produce_response response;
    struct part *parts;
    int32_t parts_n;
    int32_t checking; /* parts whose batch is not yet appended or refused */
    int32_t waiting;  /* parts whose acks have not come */
    struct timer timer;
    bool appended, timed_out;
};

static void
produce_answer(struct produce *pr)
{
    struct request *r = pr->r;
    timer_cancel(r->server->env, &pr->timer);
    r->gone = NULL;
    for (int32_t i = 0; i < pr->parts_n; i++) buf_unref(pr->parts[i].patched);
    if (pr->q->acks != 0) {
        request_answer(r, &pr->response);
        return;
    }
    /* Nobody hears of an error, so the connection says it (as Kafka does): the client then asks for
     * fresh metadata. */
    for (int32_t i = 0; i < pr->parts_n; i++)
        if (pr->parts[i].answer->error_code) {
            request_break(r);
            return;
        }
    request_finish_silently(r);
}

static void
produce_fail_part(struct part *part, int16_t err, const char *text)
{
    part->answer->error_code = err;
    part->answer->base_offset = -1;
    if (text) part->answer->error_message = slice_cstr(text);
}

/* An answer that refuses a batch tells where the log starts, if the partition is led here. As in Kafka it does
 * not with the errors below, which Kafka calls expected. */
static void
produce_tell_log_start(struct part *part, const struct partition *p)
{
    switch (part->answer->error_code) {
    case K_ERR_CORRUPT_MESSAGE:
    case K_ERR_MESSAGE_TOO_LARGE:
    case K_ERR_RECORD_LIST_TOO_LARGE:
    case K_ERR_NOT_LEADER_OR_FOLLOWER:
    case K_ERR_KAFKA_STORAGE_ERROR: return;
    default: part->answer->log_start_offset = commitlog_start(&p->log);
    }
}

static void
refuse_batch(struct part *part, const struct partition *p, enum batch_err bad)
{
    produce_fail_part(part, batch_err_code(bad), batch_err_text(bad));
    /* Kafka looks whether it is one batch, and of which format, before it looks at the log. */
    if (bad != BATCH_NOT_ONE && bad != BATCH_OLD_MAGIC) produce_tell_log_start(part, p);
}

/* KIP-467: which records it is about. */
static void
name_records(struct part *part, struct slice payload, const struct produce_rules *rules,
             enum batch_err bad)
{
    struct request *r = part->produce->r;
    if (r->version < 8 || (bad != BATCH_NO_KEY && bad != BATCH_BAD_TIMESTAMP)) return;
    int32_t *at = REQUEST_ARRAY(r, int32_t, part->header.records_n);
    int32_t n = produce_list_refused(&part->header, payload, rules, at);
    part->answer->record_errors =
        codec_array(&r->arena, K_STRUCT_PRODUCE_RESPONSE_BATCH_INDEX_AND_ERROR_MESSAGE, n);
    part->answer->record_errors_n = n;
    for (int32_t i = 0; i < n; i++) {
        part->answer->record_errors[i].batch_index = at[i];
        part->answer->record_errors[i].batch_index_error_message = slice_cstr(batch_err_text(bad));
    }
}

/* Where the leader listens that the answer names: the client may not know it yet. */
static void
produce_name_endpoint(struct produce *pr, int32_t leader)
{
    struct arena *a = &pr->r->arena;
    struct k_produce_response *res = &pr->response;
    const struct image_endpoint *ep;
    const struct image_broker *b = lookup_living(pr->r, leader, &ep);
    if (!b) return;
    for (int32_t i = 0; i < res->node_endpoints_n; i++)
        if (res->node_endpoints[i].node_id == leader) return;
    if (!res->node_endpoints)
        res->node_endpoints = codec_array(a, K_STRUCT_PRODUCE_RESPONSE_NODE_ENDPOINT, pr->parts_n);
    /* The others' acks may still be waited for, and the cluster be another by then. */
    res->node_endpoints[res->node_endpoints_n++] = (struct k_produce_response_node_endpoint){
        .node_id = leader,
        .host = arena_dup(a, ep->host),
        .port = ep->port,
        .rack = b->rack.p ? arena_dup(a, b->rack) : SLICE_NULL};
}

/* KIP-951: tells a client that is wrong about the leader who it is now. */
static void
produce_name_leader(struct part *part)
{
    struct request *r = part->produce->r;
    const struct image_partition *ip =
        lookup_image_partition(r->server, part->topic_id, part->topic, part->answer->index);
    if (!ip || r->version < 10) return;
    part->answer->current_leader.leader_id = ip->leader;
    part->answer->current_leader.leader_epoch = ip->leader_epoch;
    produce_name_endpoint(part->produce, ip->leader);
}

/* ---- transactions (KIP-890): before one begins in a partition its coordinator is asked ---- */

static void part_checked(struct produce *pr);
static bool check_batch_further(struct part *part, struct partition *p);

static bool
asks_coordinator(const struct request *r)
{
    return txn_asks_coordinator(
        txn_client_of_produce(r->version),
        config_bool(r->server->config, K_CFG_TRANSACTION_PARTITION_VERIFICATION_ENABLE));
}

static void
produce_fail_verification(struct part *part, int16_t err)
{
    produce_fail_part(part, err,
                      err == K_ERR_NOT_ENOUGH_REPLICAS
                          ? "the transaction coordinator could not be asked whether this partition "
                            "is part of the transaction"
                          : NULL);
}

static void
txn_checked(struct txn_check *c, int16_t err)
{
    struct part *part = CONTAINER_OF(c, struct part, check);
    struct server *s = part->produce->r->server;
    int16_t gone = 0;
    struct partition *p =
        lookup_partition(s, part->topic_id, part->topic, part->answer->index, &gone);
    bool is_done = true;
    if (err) {
        produce_fail_verification(part, txn_produce_error(err, c->client));
    } else if (p) {
        is_done = check_batch_further(part, p);
    } else {
        produce_fail_part(part, gone, NULL);
        if (gone == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
    }
    if (is_done) part_checked(part->produce);
}

/* As check_part(). */
static bool
check_transaction(struct part *part, struct partition *p)
{
    struct request *r = part->produce->r;
    enum txn_client client = txn_client_of_produce(r->version);
    if (!part->produce->q->transactional_id.p) {
        produce_fail_part(part, K_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                          "a transactional batch in a request without transactional id");
        return true;
    }
    if (!partition_is_leader(p) || !asks_coordinator(r)) return check_batch_further(part, p);
    enum log_err err =
        commitlog_verify_txn(&p->log, &part->header, client == TXN_CLIENT_ADDS, &part->guard);
    if (err) {
        produce_fail_verification(part, err == LOG_E_FENCED ? K_ERR_INVALID_PRODUCER_EPOCH
                                                            : K_ERR_POLICY_VIOLATION);
        return true;
    }
    if (part->guard == 0) return check_batch_further(part, p);
    part->check = (struct txn_check){.done = txn_checked,
                                     .transactional_id = part->produce->q->transactional_id,
                                     .partition = p->index,
                                     .producer_id = part->header.producer_id,
                                     .producer_epoch = part->header.producer_epoch,
                                     .client = client};
    /* The partition may be deleted meanwhile. */
    part->check.topic = arena_dup(&r->arena, p->topic);
    txn_verify(r->server->txn_verifier, &part->check);
    return false;
}

/* A request comes from one producer, which its transactional id stands for. */
static bool
has_two_producers(const struct produce *pr)
{
    const struct part *first = NULL;
    struct batch_header a = {0}, b;
    for (int32_t i = 0; i < pr->parts_n && pr->q->transactional_id.p; i++) {
        if (batch_parse(pr->parts[i].set, &b) != BATCH_OK || !batch_is_transactional(&b)) continue;
        if (first && (a.producer_id != b.producer_id || a.producer_epoch != b.producer_epoch))
            return true;
        if (!first) a = b;
        first = &pr->parts[i];
    }
    return false;
}

static void
part_acked(struct append_waiter *w, int16_t err)
{
    struct part *part = CONTAINER_OF(w, struct part, waiter);
    struct produce *pr = part->produce;
    part->waits = false;
    if (err) {
        if (err == K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND)
            MARK(pr->r->server->env, TOO_FEW_AFTER_APPEND);
        produce_fail_part(part, err, NULL);
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
    }
    CHECK(pr->waiting > 0);
    pr->waiting--;
    if (pr->appended && pr->waiting == 0) produce_answer(pr);
}

static void
timed_out(struct timer *t)
{
    struct produce *pr = CONTAINER_OF(t, struct produce, timer);
    for (int32_t i = 0; i < pr->parts_n; i++) {
        struct part *part = &pr->parts[i];
        if (!part->waits) continue;
        append_waiter_cancel(&part->waiter);
        part->waits = false;
        CHECK(pr->waiting > 0);
        pr->waiting--;
        MARK(pr->r->server->env, PRODUCE_TIMED_OUT);
        produce_fail_part(part, K_ERR_REQUEST_TIMED_OUT, NULL);
    }
    if (pr->appended && pr->waiting == 0) produce_answer(pr);
}

/* Nobody waits for the answer. */
static void
produce_client_gone(struct request *r)
{
    struct produce *pr = r->owner;
    timer_arm(r->server->env, &pr->timer, env_now_ns(r->server->env));
}

/* Every batch has its offsets or its error. */
static void
all_appended(struct produce *pr)
{
    pr->appended = true;
    if (pr->waiting == 0) {
        produce_answer(pr);
        return;
    }
    struct env *env = pr->r->server->env;
    pr->timer.due = timed_out;
    pr->r->owner = pr;
    pr->r->gone = produce_client_gone;
    timer_arm(env, &pr->timer, env_now_ns(env) + (int64_t)pr->q->timeout_ms * NS_PER_MS);
    request_let_next(pr->r);
}

static void
part_checked(struct produce *pr)
{
    CHECK(pr->checking > 0);
    if (--pr->checking == 0) all_appended(pr);
}

static void
produce_append(struct part *part)
{
    struct produce *pr = part->produce;
    struct request *r = pr->r;
    int16_t err = 0;
    struct partition *p =
        lookup_partition(r->server, part->topic_id, part->topic, part->answer->index, &err);
    struct seg seg = {.buf = part->patched ? part->patched : r->frame, .bytes = part->set};
    struct log_append a = {.segs = &seg,
                           .segs_n = 1,
                           .origin = APPEND_CLIENT,
                           .guard = part->guard,
                           .unverified = !asks_coordinator(r),
                           .append_time_ms = -1};
    if (p) err = partition_append(p, &a, pr->q->acks);
    if (err) {
        if (err == K_ERR_NOT_ENOUGH_REPLICAS) MARK(r->server->env, TOO_FEW_REPLICAS);
        if (err == K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER) MARK(r->server->env, SEQUENCE_REFUSED);
        if (err == K_ERR_INVALID_PRODUCER_EPOCH) MARK(r->server->env, PRODUCER_FENCED);
        produce_fail_part(part, err, NULL);
        if (p) produce_tell_log_start(part, p);
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
        return;
    }
    part->answer->base_offset = a.base_offset;
    part->answer->log_append_time_ms = a.append_time_ms;
    part->answer->log_start_offset = commitlog_start(&p->log);
    if (pr->q->acks == 0) return;
    part->waiter.done = part_acked;
    part->waiter.required = a.last_offset + 1;
    part->waiter.all = pr->q->acks == -1;
    part->waits = true;
    pr->waiting++;
    partition_wait(p, &part->waiter);
}

/* Kafka sets a header's max timestamp right instead of refusing the batch. */
static void
patch_timestamp(struct part *part, int64_t max_timestamp)
{
    struct env *env = part->produce->r->server->env;
    part->patched = buf_copy(&env->mem, part->set);
    part->set = buf_slice(part->patched);
    batch_patch_timestamp(env->crc32c, part->patched->data,
                          slice(part->set.p + BATCH_HEADER_BYTES, part->set.n - BATCH_HEADER_BYTES),
                          false, max_timestamp);
}

/* A batch of the topic's own codec (compression.type) with the client's records. */
static void
rebuild_with_codec(struct part *part, enum codec codec, struct slice payload)
{
    struct env *env = part->produce->r->server->env;
    struct batch_header h = part->header;
    h.attributes = (int16_t)((h.attributes & BATCH_TRANSACTIONAL) | (int32_t)codec);
    h.max_timestamp = part->max_timestamp;
    struct buf *b = buf_new(&env->mem, BATCH_HEADER_BYTES + payload.n);
    batch_seal(env->crc32c, &h, payload, b->data);
    memcpy(b->data + BATCH_HEADER_BYTES, payload.p, (size_t)payload.n);
    b->n = b->cap;
    part->patched = b;
    part->set = buf_slice(b);
}

static void
append_rebuilt(struct part *part, struct partition *p)
{
    if (part->set.n > p->config->max_message_bytes)
        produce_fail_part(part, K_ERR_MESSAGE_TOO_LARGE, NULL);
    else produce_append(part);
}

static void
batch_recompressed(struct op *op)
{
    struct part *part = CONTAINER_OF(op, struct part, work);
    int16_t err = 0;
    struct partition *p = lookup_partition(part->produce->r->server, part->topic_id, part->topic,
                                           part->answer->index, &err);
    if (op->err == ENV_OK && p) {
        rebuild_with_codec(part, op->codec, buf_slice(op->buf));
        append_rebuilt(part, p);
    } else {
        produce_fail_part(part, p ? K_ERR_UNKNOWN_SERVER_ERROR : err, NULL);
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
    }
    buf_unref(op->buf);
    op->buf = NULL;
    part_checked(part->produce);
}

/* True: the topic leaves the codec to its producers, or has this batch's. */
static bool
has_right_codec(const struct part *part, const struct partition *p)
{
    return p->config->compression == COMPRESSION_PRODUCER ||
           p->config->compression == (int32_t)batch_codec(&part->header);
}

/* As check_records(). */
static bool
change_codec(struct part *part, struct partition *p, struct slice payload, struct buf *holder)
{
    enum codec codec = (enum codec)p->config->compression;
    if (codec == CODEC_NONE) {
        rebuild_with_codec(part, codec, payload);
        append_rebuilt(part, p);
        return true;
    }
    struct seg seg = {.buf = holder, .bytes = payload};
    part->work.done = batch_recompressed;
    work_queue(p->env, &part->work, WORK_COMPRESS, codec, p->config->compression_level, &seg, 1,
               DECOMPRESSED_BYTES_MAX);
    return false;
}

/* The payload lies in `holder`. True: appended or refused; false: it is being compressed. */
static bool
check_records(struct part *part, struct slice payload, struct buf *holder)
{
    struct server *s = part->produce->r->server;
    int16_t err = 0;
    struct partition *p =
        lookup_partition(s, part->topic_id, part->topic, part->answer->index, &err);
    if (!p) {
        produce_fail_part(part, err, NULL);
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
        return true;
    }
    struct produce_rules rules = {.now_ms = env_wall_ms(s->env),
                                  .before_max_ms = p->config->timestamp_before_max_ms,
                                  .after_max_ms = p->config->timestamp_after_max_ms,
                                  .record_bytes_max = p->config->max_decompressed_record_bytes,
                                  .log_append_time = p->config->log.log_append_time,
                                  .compacted = p->config->log.compact};
    struct produce_result result;
    enum batch_err bad = produce_check_records(&part->header, payload, &rules, &result);
    if (bad) {
        refuse_batch(part, p, bad);
        name_records(part, payload, &rules, bad);
        return true;
    }
    part->max_timestamp = rules.log_append_time ? part->header.max_timestamp : result.max_timestamp;
    if (!has_right_codec(part, p)) return change_codec(part, p, payload, holder);
    if (!rules.log_append_time && (result.max_timestamp != part->header.max_timestamp ||
                                   batch_has_log_append_time(&part->header)))
        patch_timestamp(part, result.max_timestamp);
    produce_append(part);
    return true;
}

static void batch_inflated(struct op *op);

/* So many at a time: each may grow to the ceiling before it is looked at. */
static void
inflate_next(struct server *s)
{
    while (s->inflating < INFLATING_MAX) {
        struct list *n = list_pop_front(&s->to_inflate);
        if (!n) return;
        struct part *part = LIST_ENTRY(n, struct part, inflate_node);
        struct slice payload = batch_payload(part->set, &part->header);
        struct seg seg = {.buf = part->produce->r->frame, .bytes = payload};
        int64_t ceiling = MIN(DECOMPRESSED_BYTES_MAX, s->env->mem.ceiling_bytes / INFLATED_PART);
        part->work.done = batch_inflated;
        s->inflating++;
        work_queue(s->env, &part->work, WORK_DECOMPRESS, batch_codec(&part->header), 0, &seg, 1,
                   ceiling);
    }
}

static void
batch_inflated(struct op *op)
{
    struct part *part = CONTAINER_OF(op, struct part, work);
    struct server *s = part->produce->r->server;
    CHECK(s->inflating > 0);
    s->inflating--;
    inflate_next(s);
    struct buf *records = op->buf; /* the op may be queued again */
    op->buf = NULL;
    bool is_done = true;
    if (op->err == ENV_OK) is_done = check_records(part, buf_slice(records), records);
    else produce_fail_part(part, K_ERR_CORRUPT_MESSAGE, env_err_text(op->err));
    buf_unref(records);
    if (is_done) part_checked(part->produce);
}

static bool check_part(struct part *part);

static void
log_is_open(struct ready_waiter *w)
{
    struct part *part = CONTAINER_OF(w, struct part, opening);
    if (check_part(part)) part_checked(part->produce);
}

/* A client may be faster than the leader's disk: the first produce after a topic's creation waits for
 * the log instead of being sent away. */
static bool
wait_for_log(struct part *part)
{
    struct request *r = part->produce->r;
    const struct image_partition *ip =
        lookup_image_partition(r->server, part->topic_id, part->topic, part->answer->index);
    struct partition *p = ip ? replicas_find(r->server->replicas, ip->topic->id, ip->index) : NULL;
    if (!p || !partition_will_lead(p)) return false;
    part->opening.ready = log_is_open;
    list_push_back(&p->ready_waiters, &part->opening.node);
    return true;
}

/* True: the part is appended or refused; false: it is being (de)compressed, or waits for its log. */
static bool
check_part(struct part *part)
{
    struct request *r = part->produce->r;
    struct env *env = r->server->env;
    int16_t err = 0;
    if (wait_for_log(part)) return false;
    struct partition *p =
        lookup_partition(r->server, part->topic_id, part->topic, part->answer->index, &err);
    if (!p) {
        produce_fail_part(part, err, NULL);
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER) produce_name_leader(part);
        return true;
    }
    enum batch_err bad = produce_check_batch(env->crc32c, part->set, &part->header);
    if (bad) {
        refuse_batch(part, p, bad);
        return true;
    }
    part->set = slice(part->set.p, batch_size_bytes(&part->header));
    return batch_is_transactional(&part->header) ? check_transaction(part, p)
                                                 : check_batch_further(part, p);
}

/* As check_part(), which has looked at the header. */
static bool
check_batch_further(struct part *part, struct partition *p)
{
    struct request *r = part->produce->r;
    if (batch_codec(&part->header) == CODEC_ZSTD && r->version < 7) {
        /* KIP-110: who cannot say so cannot mean it. */
        produce_fail_part(part, K_ERR_UNSUPPORTED_COMPRESSION_TYPE,
                          "zstd needs version 7 of Produce");
        return true;
    }
    if (part->set.n > p->config->max_message_bytes) {
        produce_fail_part(part, K_ERR_MESSAGE_TOO_LARGE, NULL);
        return true;
    }
    struct slice payload = batch_payload(part->set, &part->header);
    if (batch_codec(&part->header) == CODEC_NONE) return check_records(part, payload, r->frame);
    list_push_back(&r->server->to_inflate, &part->inflate_node);
    inflate_next(r->server);
    return false;
}

static void
produce_make_parts(struct produce *pr)
{
    const struct k_produce_request *q = pr->q;
    struct request *r = pr->r;
    struct arena *a = &r->arena;
    codec_default(K_MSG_PRODUCE_RESPONSE, &pr->response);
    for (int32_t i = 0; i < q->topic_data_n; i++) pr->parts_n += q->topic_data[i].partition_data_n;
    pr->parts = REQUEST_ARRAY(r, struct part, pr->parts_n);
    pr->response.responses_n = q->topic_data_n;
    pr->response.responses =
        codec_array(a, K_STRUCT_PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE, q->topic_data_n);
    int32_t n = 0;
    for (int32_t i = 0; i < q->topic_data_n; i++) {
        const struct k_produce_request_topic_produce_data *t = &q->topic_data[i];
        struct k_produce_response_topic_produce_response *answer = &pr->response.responses[i];
        answer->name = t->name;
        answer->topic_id = t->topic_id;
        answer->partition_responses_n = t->partition_data_n;
        answer->partition_responses = codec_array(
            a, K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, t->partition_data_n);
        for (int32_t k = 0; k < t->partition_data_n; k++) {
            answer->partition_responses[k].index = t->partition_data[k].index;
            pr->parts[n++] = (struct part){.produce = pr,
                                           .topic_id = t->topic_id,
                                           .topic = r->version < 13 ? t->name : SLICE_NULL,
                                           .set = t->partition_data[k].records.bytes,
                                           .answer = &answer->partition_responses[k]};
        }
    }
}

void
handle_produce(struct server *s, struct request *r)
{
    (void)s;
    struct produce *pr = REQUEST_NEW(r, struct produce);
    pr->r = r;
    pr->q = r->message;
    produce_make_parts(pr);
    int16_t err = 0;
    if (pr->q->acks < -1 || pr->q->acks > 1) err = K_ERR_INVALID_REQUIRED_ACKS;
    else if (has_two_producers(pr)) err = K_ERR_INVALID_PRODUCER_ID_MAPPING;
    pr->checking = pr->parts_n + 1;
    for (int32_t i = 0; i < pr->parts_n; i++) {
        if (err) produce_fail_part(&pr->parts[i], err, NULL);
        if (err || check_part(&pr->parts[i])) pr->checking--;
    }
    part_checked(pr);
}
