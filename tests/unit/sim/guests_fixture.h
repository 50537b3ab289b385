/* Guests of a play as tests make them: frames of requests and answers, batches, and what clients do with them; and the judgement
 * of all of that. */
#ifndef TESTS_SIM_GUESTS_FIXTURE_H
#define TESTS_SIM_GUESTS_FIXTURE_H

#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/frame.h"
#include "broker/record/builder.h"
#include "broker/record/control.h"
#include "errors.h"
#include "sim/check/check.h"
#include "sim/scenario/guests.h"

enum { MAKER = 7, OTHER = 8, BROKER = 1 };
enum {
    V_PRODUCE = 9,
    V_FETCH = 12,
    V_COMMIT = 8,
    V_LOOK = 8,
    V_INIT = 4,
    V_END = 3,
    V_TXN_COMMIT = 3,
    V_SHARE = 2
};
#define TOPIC S("orders")

struct scene {
    struct mem mem;
    char set[200]; /* topic name=value, of what was asked for */
    struct arena a;
    struct guests *g;
    int64_t now;
    int32_t correlation;
    int32_t piece; /* bytes that come at once; 0: all */
    struct check_result r;
};

static inline int64_t
now_of(void *ctx)
{
    return ((struct scene *)ctx)->now;
}

/* The one with the id of ones. */
static inline struct slice
topic_of(void *ctx, struct uuid id)
{
    (void)ctx;
    return id.b[0] == 1 ? TOPIC : SLICE_NULL;
}

static inline void
set_of(void *ctx, struct slice topic, struct slice name, struct slice value)
{
    struct scene *s = ctx;
    size_t n = strlen(s->set);
    snprintf(s->set + n, sizeof s->set - n, "%.*s %.*s=%.*s;", (int)topic.n, (const char *)topic.p,
             (int)name.n, (const char *)name.p, (int)value.n, (const char *)value.p);
}

static inline void
begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    arena_init(&s->a, &s->mem, 0);
    s->g = guests_new(&s->mem, &(struct guests_params){
                                   .now = now_of, .topic_name = topic_of, .set = set_of, .ctx = s});
}

static inline void
end(struct scene *s)
{
    check_result_release(&s->r);
    guests_free(s->g);
    arena_release(&s->a);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

/* ---- frames ---- */

static inline void
pass(struct scene *s, int64_t conn, bool is_answer, const struct writer *body)
{
    struct writer w = writer_mem(&s->mem);
    writer_i32(&w, (int32_t)body->n);
    writer_bytes(&w, writer_slice(body));
    int64_t piece = s->piece ? s->piece : w.n;
    for (int64_t at = 0; at < w.n; at += piece) {
        struct slice part = slice_sub(writer_slice(&w), at, piece);
        if (is_answer) guests_given(s->g, conn, part);
        else guests_sent(s->g, conn, BROKER, part);
    }
    writer_release(&w);
    s->now += NS_PER_MS;
}

/* Its correlation id. */
static inline int32_t
ask(struct scene *s, int64_t conn, const char *client, int16_t api, int16_t version, const void *q)
{
    struct writer w = writer_mem(&s->mem);
    struct request_head h = {.api_key = api,
                             .version = version,
                             .correlation_id = ++s->correlation,
                             .client_id = slice_cstr(client)};
    assert_true(request_write(&w, &h, q, NULL));
    pass(s, conn, false, &w);
    writer_release(&w);
    return s->correlation;
}

static inline void
answer(struct scene *s, int64_t conn, int32_t correlation, int16_t api, int16_t version,
       const void *p)
{
    struct writer w = writer_mem(&s->mem);
    assert_true(response_write(&w, api, version, correlation, p, NULL));
    pass(s, conn, true, &w);
    writer_release(&w);
}

/* ---- batches ---- */

/* n records "v<first>" …; producer -1: without sequence numbers. */
struct batch {
    int64_t producer;
    int16_t epoch;
    int32_t sequence, first, n;
    bool in_txn;
    int64_t offset; /* in the log */
    int marker;     /* 'c', 'a': a control batch; 0 */
};

static inline struct slice
batch_bytes(struct scene *s, const struct batch *b)
{
    struct batch_builder w;
    struct buf *buf;
    if (b->marker) {
        buf =
            end_txn_batch(CRC32C_PORTABLE, &s->mem, b->marker == 'c', 1, b->producer, b->epoch, 0);
    } else {
        builder_init(&w, &s->mem, 0);
        w.h.producer_id = b->producer;
        w.h.producer_epoch = b->producer < 0 ? -1 : b->epoch;
        w.h.base_sequence = b->producer < 0 ? -1 : b->sequence;
        if (b->in_txn) w.h.attributes |= BATCH_TRANSACTIONAL;
        for (int32_t i = 0; i < b->n; i++) {
            char text[32];
            snprintf(text, sizeof text, "v%d", (int)(b->first + i));
            builder_add(&w, 1, S("k"), slice_cstr(text), NULL, 0);
        }
        buf = builder_finish(&w, CRC32C_PORTABLE, &s->mem);
        builder_release(&w);
    }
    struct slice bytes = arena_dup(&s->a, buf_slice(buf));
    buf_unref(buf);
    batch_patch_offset((uint8_t *)(uintptr_t)bytes.p, b->offset, 0);
    return bytes;
}

/* ---- what clients do ---- */

static inline int32_t
sends(struct scene *s, int64_t conn, const char *client, const struct batch *b)
{
    struct batch sent = *b;
    struct k_produce_request q;
    struct k_produce_request_topic_produce_data t;
    struct k_produce_request_partition_produce_data p;
    codec_default(K_MSG_PRODUCE_REQUEST, &q);
    sent.offset = 0;
    memset(&t, 0, sizeof t), memset(&p, 0, sizeof p);
    q.acks = -1;
    q.topic_data = &t, q.topic_data_n = 1;
    t.name = TOPIC;
    t.partition_data = &p, t.partition_data_n = 1;
    p.records.bytes = batch_bytes(s, &sent);
    return ask(s, conn, client, K_API_PRODUCE, V_PRODUCE, &q);
}

static inline void
is_told(struct scene *s, int64_t conn, int32_t correlation, int16_t error, int64_t offset)
{
    struct k_produce_response q;
    struct k_produce_response_topic_produce_response t;
    codec_default(K_MSG_PRODUCE_RESPONSE, &q);
    memset(&t, 0, sizeof t);
    struct k_produce_response_partition_produce_response *p =
        codec_array(&s->a, K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, 1);
    q.responses = &t, q.responses_n = 1;
    t.name = TOPIC;
    t.partition_responses = p, t.partition_responses_n = 1;
    p->error_code = error;
    p->base_offset = offset;
    answer(s, conn, correlation, K_API_PRODUCE, V_PRODUCE, &q);
}

static inline void
stores(struct scene *s, const char *client, const struct batch *b)
{
    is_told(s, 0, sends(s, 0, client, b), 0, b->offset);
}

struct reading {
    bool committed;
    int32_t session, session_epoch, new_session;
    bool names_nothing; /* a request in a session, which names only what has changed */
    const struct k_fetch_response_aborted_transaction *aborted;
    int32_t aborted_n;
    bool spoils; /* a byte of the last batch */
};

static inline void
reads_so(struct scene *s, int64_t conn, int64_t from, const struct batch *v, int32_t n,
         const struct reading *how)
{
    struct k_fetch_request q;
    struct k_fetch_request_fetch_topic t;
    codec_default(K_MSG_FETCH_REQUEST, &q);
    memset(&t, 0, sizeof t);
    struct k_fetch_request_fetch_partition *p =
        codec_array(&s->a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, 1);
    p->fetch_offset = from;
    t.topic = TOPIC, t.partitions = p, t.partitions_n = 1;
    q.isolation_level = how->committed;
    q.session_id = how->session;
    q.session_epoch = how->session || how->new_session ? how->session_epoch : -1;
    q.topics = &t, q.topics_n = !how->names_nothing;
    int32_t number = ask(s, conn, "reader-app", K_API_FETCH, V_FETCH, &q);

    struct writer all = writer_mem(&s->mem);
    for (int32_t i = 0; i < n; i++) writer_bytes(&all, batch_bytes(s, &v[i]));
    if (how->spoils) all.p[all.n - 1] ^= 1;
    struct k_fetch_response r;
    struct k_fetch_response_fetchable_topic_response rt;
    codec_default(K_MSG_FETCH_RESPONSE, &r);
    memset(&rt, 0, sizeof rt);
    struct k_fetch_response_partition_data *rp =
        codec_array(&s->a, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, 1);
    r.session_id = how->session ? how->session : how->new_session;
    r.responses = &rt, r.responses_n = 1;
    rt.topic = TOPIC, rt.partitions = rp, rt.partitions_n = 1;
    rp->records.bytes = writer_slice(&all);
    rp->aborted_transactions =
        (struct k_fetch_response_aborted_transaction *)(uintptr_t)how->aborted;
    rp->aborted_transactions_n = how->aborted_n;
    answer(s, conn, number, K_API_FETCH, V_FETCH, &r);
    writer_release(&all);
}

static inline void
reads(struct scene *s, int64_t from, const struct batch *v, int32_t n)
{
    reads_so(s, 1, from, v, n, &(struct reading){0});
}

static inline int32_t
commits(struct scene *s, const char *group, int64_t offset)
{
    struct k_offset_commit_request q;
    struct k_offset_commit_request_offset_commit_request_topic t;
    codec_default(K_MSG_OFFSET_COMMIT_REQUEST, &q);
    memset(&t, 0, sizeof t);
    struct k_offset_commit_request_offset_commit_request_partition *p =
        codec_array(&s->a, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q.group_id = slice_cstr(group);
    q.topics = &t, q.topics_n = 1;
    t.name = TOPIC, t.partitions = p, t.partitions_n = 1;
    p->committed_offset = offset;
    return ask(s, 1, "reader-app", K_API_OFFSET_COMMIT, V_COMMIT, &q);
}

static inline void
commit_is_told(struct scene *s, int32_t number, int16_t error)
{
    struct k_offset_commit_response q;
    struct k_offset_commit_response_offset_commit_response_topic t;
    codec_default(K_MSG_OFFSET_COMMIT_RESPONSE, &q);
    memset(&t, 0, sizeof t);
    struct k_offset_commit_response_offset_commit_response_partition p = {.error_code = error};
    q.topics = &t, q.topics_n = 1;
    t.name = TOPIC, t.partitions = &p, t.partitions_n = 1;
    answer(s, 1, number, K_API_OFFSET_COMMIT, V_COMMIT, &q);
}

static inline void
finds(struct scene *s, const char *group, int64_t offset)
{
    struct k_offset_fetch_request q;
    struct k_offset_fetch_request_offset_fetch_request_group qg;
    codec_default(K_MSG_OFFSET_FETCH_REQUEST, &q);
    memset(&qg, 0, sizeof qg);
    q.groups = &qg, q.groups_n = 1;
    q.require_stable = true;
    qg.group_id = slice_cstr(group);
    qg.topics_n = -1; /* all */
    int32_t number = ask(s, 1, "reader-app", K_API_OFFSET_FETCH, V_LOOK, &q);

    struct k_offset_fetch_response r;
    struct k_offset_fetch_response_offset_fetch_response_group g;
    struct k_offset_fetch_response_offset_fetch_response_topics t;
    codec_default(K_MSG_OFFSET_FETCH_RESPONSE, &r);
    memset(&g, 0, sizeof g), memset(&t, 0, sizeof t);
    struct k_offset_fetch_response_offset_fetch_response_partitions *p =
        codec_array(&s->a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS, 1);
    r.groups = &g, r.groups_n = 1;
    g.group_id = slice_cstr(group), g.topics = &t, g.topics_n = 1;
    t.name = TOPIC, t.partitions = p, t.partitions_n = 1;
    p->committed_offset = offset;
    answer(s, 1, number, K_API_OFFSET_FETCH, V_LOOK, &r);
}

static inline void
inits(struct scene *s, const char *id, int64_t producer, int16_t epoch)
{
    struct k_init_producer_id_request q;
    struct k_init_producer_id_response r;
    codec_default(K_MSG_INIT_PRODUCER_ID_REQUEST, &q);
    codec_default(K_MSG_INIT_PRODUCER_ID_RESPONSE, &r);
    q.transactional_id = slice_cstr(id);
    q.transaction_timeout_ms = 60000;
    r.producer_id = producer;
    r.producer_epoch = epoch;
    answer(s, 2, ask(s, 2, "shop", K_API_INIT_PRODUCER_ID, V_INIT, &q), K_API_INIT_PRODUCER_ID,
           V_INIT, &r);
}

static inline int32_t
asks_for_end(struct scene *s, const char *id, int64_t producer, int16_t epoch, bool commits)
{
    struct k_end_txn_request q;
    codec_default(K_MSG_END_TXN_REQUEST, &q);
    q.transactional_id = slice_cstr(id);
    q.producer_id = producer, q.producer_epoch = epoch, q.committed = commits;
    return ask(s, 2, "shop", K_API_END_TXN, V_END, &q);
}

static inline void
ends(struct scene *s, const char *id, int64_t producer, int16_t epoch, bool commits)
{
    struct k_end_txn_response r;
    codec_default(K_MSG_END_TXN_RESPONSE, &r);
    answer(s, 2, asks_for_end(s, id, producer, epoch, commits), K_API_END_TXN, V_END, &r);
}

static inline void
commits_in_txn(struct scene *s, int64_t producer, int64_t offset)
{
    struct k_txn_offset_commit_request q;
    struct k_txn_offset_commit_request_txn_offset_commit_request_topic t;
    codec_default(K_MSG_TXN_OFFSET_COMMIT_REQUEST, &q);
    memset(&t, 0, sizeof t);
    struct k_txn_offset_commit_request_txn_offset_commit_request_partition *p = codec_array(
        &s->a, K_STRUCT_TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q.transactional_id = S("copy"), q.group_id = S("readers"), q.producer_id = producer;
    q.topics = &t, q.topics_n = 1;
    t.name = TOPIC, t.partitions = p, t.partitions_n = 1;
    p->committed_offset = offset;
    int32_t number = ask(s, 2, "shop", K_API_TXN_OFFSET_COMMIT, V_TXN_COMMIT, &q);

    struct k_txn_offset_commit_response r;
    struct k_txn_offset_commit_response_txn_offset_commit_response_topic rt;
    codec_default(K_MSG_TXN_OFFSET_COMMIT_RESPONSE, &r);
    memset(&rt, 0, sizeof rt);
    struct k_txn_offset_commit_response_txn_offset_commit_response_partition rp = {0};
    r.topics = &rt, r.topics_n = 1;
    rt.name = TOPIC, rt.partitions = &rp, rt.partitions_n = 1;
    answer(s, 2, number, K_API_TXN_OFFSET_COMMIT, V_TXN_COMMIT, &r);
}

/* ---- members of share groups ---- */

enum { ACCEPT = 1, RELEASE = 2, REJECT = 3, GONE = -1 };

/* Asks for records, and says what became of those from first to last. Its correlation id. */
static inline int32_t
shares(struct scene *s, int64_t conn, const char *member, int32_t epoch, int8_t type, int64_t first,
       int64_t last)
{
    struct k_share_fetch_request q;
    struct k_share_fetch_request_fetch_topic t;
    struct k_share_fetch_request_fetch_partition p;
    struct k_share_fetch_request_acknowledgement_batch b = {first, last, &type, 1};
    codec_default(K_MSG_SHARE_FETCH_REQUEST, &q);
    memset(&t, 0, sizeof t), memset(&p, 0, sizeof p);
    q.group_id = S("workers"), q.member_id = slice_cstr(member);
    q.share_session_epoch = epoch;
    q.topics = &t, q.topics_n = 1;
    t.topic_id.b[0] = 1;
    t.partitions = &p, t.partitions_n = 1;
    p.acknowledgement_batches = &b, p.acknowledgement_batches_n = type != 0;
    return ask(s, conn, "workers-app", K_API_SHARE_FETCH, V_SHARE, &q);
}

/* Gets batches of which those from first to last are for it, for the how many-th time; first -1: none. */
static inline void
is_handed(struct scene *s, int64_t conn, int32_t number, const struct batch *v, int32_t n,
          int64_t first, int64_t last, int16_t count, int16_t ack_error)
{
    struct writer all = writer_mem(&s->mem);
    struct k_share_fetch_response r;
    struct k_share_fetch_response_share_fetchable_topic_response t;
    struct k_share_fetch_response_acquired_records acquired = {first, last, count};
    struct k_share_fetch_response_partition_data *p =
        codec_array(&s->a, K_STRUCT_SHARE_FETCH_RESPONSE_PARTITION_DATA, 1);
    for (int32_t i = 0; i < n; i++) writer_bytes(&all, batch_bytes(s, &v[i]));
    codec_default(K_MSG_SHARE_FETCH_RESPONSE, &r);
    memset(&t, 0, sizeof t);
    r.acquisition_lock_timeout_ms = 30000;
    r.responses = &t, r.responses_n = 1;
    t.topic_id.b[0] = 1;
    t.partitions = p, t.partitions_n = 1;
    p->records.bytes = writer_slice(&all);
    p->acknowledge_error_code = ack_error;
    p->acquired_records = &acquired, p->acquired_records_n = first >= 0;
    answer(s, conn, number, K_API_SHARE_FETCH, V_SHARE, &r);
    writer_release(&all);
}

/* ---- judging ---- */

/* The log in the end; what is committed for "readers": -1, nothing; -2, nobody looks. */
static inline void
judge(struct scene *s, const struct batch *log, int32_t n, int64_t committed)
{
    static const struct check_facts nothing_happened = {.share_lock_ns = 30 * NS_PER_S,
                                                        .share_deliveries_max = 5};
    (void)guests_history(s->g);
    guests_log_begin(s->g, TOPIC, 0, 0);
    for (int32_t i = 0; i < n; i++) guests_log_batch(s->g, batch_bytes(s, &log[i]));
    guests_log_end(s->g);
    if (committed >= -1) guests_committed(s->g, S("readers"), TOPIC, 0, committed);
    guests_check(s->g, &nothing_happened, &s->r);
}

/* Exactly these rules, each once or more, with spaces between them. */
static inline void
assert_fired(struct scene *s, const char *rules)
{
    char fired[256] = "";
    struct writer w = writer_fixed(fired, sizeof fired - 1);
    for (int i = 0; i < RULES_N; i++) {
        bool any = false;
        for (int64_t k = 0; k < s->r.anomalies.v.n; k++)
            any |= s->r.anomalies.v.v[k].rule == (enum rule)i;
        if (!any) continue;
        if (w.n) fmt_char(&w, ' ');
        fmt_str(&w, rule_spelling((enum rule)i));
    }
    assert_string_equal(fired, rules);
    end(s);
}

/* ---- a course that most begin with ---- */

static const struct batch plain_log[] = {
    {.producer = -1, .first = 0, .n = 2, .offset = 0},
    {.producer = -1, .first = 2, .n = 2, .offset = 2},
    {.producer = MAKER, .sequence = 0, .first = 4, .n = 2, .offset = 4},
    {.producer = MAKER, .sequence = 2, .first = 6, .n = 1, .offset = 6},
};
#define PLAIN_N 4

static inline void
send_all(struct scene *s)
{
    begin(s);
    for (int i = 0; i < PLAIN_N; i++) stores(s, "shop", &plain_log[i]);
}

#endif
