/* guests.c and its files: what passed the connections of clients outside is judged. A correct course of things raises no
 * alarm; altered in one place it gives exactly what it was altered for. */
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

static int64_t
now_of(void *ctx)
{
    return ((struct scene *)ctx)->now;
}

/* The one with the id of ones. */
static struct slice
topic_of(void *ctx, struct uuid id)
{
    (void)ctx;
    return id.b[0] == 1 ? TOPIC : SLICE_NULL;
}

static void
set_of(void *ctx, struct slice topic, struct slice name, struct slice value)
{
    struct scene *s = ctx;
    size_t n = strlen(s->set);
    snprintf(s->set + n, sizeof s->set - n, "%.*s %.*s=%.*s;", (int)topic.n, (const char *)topic.p,
             (int)name.n, (const char *)name.p, (int)value.n, (const char *)value.p);
}

static void
begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    arena_init(&s->a, &s->mem, 0);
    s->g = guests_new(&s->mem, &(struct guests_params){
                                   .now = now_of, .topic_name = topic_of, .set = set_of, .ctx = s});
}

static void
end(struct scene *s)
{
    check_result_release(&s->r);
    guests_free(s->g);
    arena_release(&s->a);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

/* ---- frames ---- */

static void
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
static int32_t
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

static void
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

static struct slice
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

static int32_t
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

static void
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

static void
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

static void
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

static void
reads(struct scene *s, int64_t from, const struct batch *v, int32_t n)
{
    reads_so(s, 1, from, v, n, &(struct reading){0});
}

static int32_t
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

static void
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

static void
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

static void
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

static int32_t
asks_for_end(struct scene *s, const char *id, int64_t producer, int16_t epoch, bool commits)
{
    struct k_end_txn_request q;
    codec_default(K_MSG_END_TXN_REQUEST, &q);
    q.transactional_id = slice_cstr(id);
    q.producer_id = producer, q.producer_epoch = epoch, q.committed = commits;
    return ask(s, 2, "shop", K_API_END_TXN, V_END, &q);
}

static void
ends(struct scene *s, const char *id, int64_t producer, int16_t epoch, bool commits)
{
    struct k_end_txn_response r;
    codec_default(K_MSG_END_TXN_RESPONSE, &r);
    answer(s, 2, asks_for_end(s, id, producer, epoch, commits), K_API_END_TXN, V_END, &r);
}

static void
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
static int32_t
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
static void
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
static void
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
static void
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

/* ---- records that are sent and read ---- */

static const struct batch plain_log[] = {
    {.producer = -1, .first = 0, .n = 2, .offset = 0},
    {.producer = -1, .first = 2, .n = 2, .offset = 2},
    {.producer = MAKER, .sequence = 0, .first = 4, .n = 2, .offset = 4},
    {.producer = MAKER, .sequence = 2, .first = 6, .n = 1, .offset = 6},
};
#define PLAIN_N 4

static void
send_all(struct scene *s)
{
    begin(s);
    for (int i = 0; i < PLAIN_N; i++) stores(s, "shop", &plain_log[i]);
}

static void
what_is_kept_and_read_in_order_is_well(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 3, plain_log + 1, 2); /* a seek, into the middle of a batch */
    judge(&s, plain_log, PLAIN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 7);
    assert_int_equal(s.r.read, 7);
    assert_fired(&s, "");
}

static void
bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (int32_t piece = 1; piece < 40; piece += 3) {
        struct scene s;
        begin(&s);
        s.piece = piece;
        for (int i = 0; i < PLAIN_N; i++) stores(&s, "shop", &plain_log[i]);
        reads(&s, 0, plain_log, PLAIN_N);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_int_equal(s.r.counts.acknowledged, 7);
        assert_fired(&s, "");
    }
}

static void
an_acknowledged_record_that_is_not_there_is_lost(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    judge(&s, plain_log, PLAIN_N - 1, -2);
    assert_fired(&s, "lost");
}

static void
an_error_promises_nothing_and_a_retry_is_the_same_send(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    (void)sends(&s, 0, "shop", &plain_log[2]); /* no answer comes */
    guests_left(s.g, 0);
    stores(&s, "shop", &plain_log[2]);
    is_told(&s, 0, sends(&s, 0, "shop", &plain_log[3]), K_ERR_NOT_LEADER_OR_FOLLOWER, -1);
    judge(&s, plain_log + 2, 1, -2);
    assert_int_equal(s.r.counts.produced, 3);
    assert_int_equal(s.r.counts.acknowledged, 2);
    assert_fired(&s, "");
}

static void
another_record_under_the_same_number_is_a_mistake(void **state)
{
    (void)state;
    struct scene s;
    struct batch other = plain_log[2];
    other.first += 100;
    begin(&s);
    (void)sends(&s, 0, "shop", &plain_log[2]); /* no answer comes */
    stores(&s, "shop", &plain_log[2]);
    assert_int_equal(guests_misnumbered(s.g), 0);
    stores(&s, "shop", &other);
    assert_int_equal(guests_misnumbered(s.g), other.n);
    judge(&s, plain_log + 2, 1, -2);
    assert_fired(&s, "");
}

/* Who is told that a batch is too large sends it again in two. */
static void
parts_of_a_batch_are_its_records(void **state)
{
    (void)state;
    struct scene s;
    const struct batch whole = {.producer = MAKER, .sequence = 0, .first = 0, .n = 4},
                       parts[] = {
                           {.producer = MAKER, .sequence = 0, .first = 0, .n = 2},
                           {.producer = MAKER, .sequence = 2, .first = 2, .n = 2, .offset = 2}};
    begin(&s);
    is_told(&s, 0, sends(&s, 0, "shop", &whole), K_ERR_MESSAGE_TOO_LARGE, -1);
    stores(&s, "shop", &parts[0]);
    stores(&s, "shop", &parts[1]);
    judge(&s, parts, 2, -2);
    assert_int_equal(s.r.counts.produced, 4);
    assert_int_equal(s.r.counts.acknowledged, 4);
    assert_fired(&s, "");
}

static void
a_batch_twice_in_the_log_is_a_duplicate(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[PLAIN_N + 1];
    memcpy(log, plain_log, sizeof plain_log);
    log[PLAIN_N] = plain_log[3];
    log[PLAIN_N].offset = 7;
    send_all(&s);
    judge(&s, log, PLAIN_N + 1, -2);
    assert_fired(&s, "duplicate");
}

static void
two_batches_of_a_producer_that_changed_places_are_reordered(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {
        {.producer = MAKER, .sequence = 1, .first = 1, .n = 1, .offset = 0},
        {.producer = MAKER, .sequence = 0, .first = 0, .n = 1, .offset = 1},
    };
    begin(&s);
    stores(&s, "shop", &log[1]);
    stores(&s, "shop", &log[0]);
    judge(&s, log, 2, -2);
    assert_fired(&s, "reordered");
}

/* Two programs that go by one name. */
static void
of_two_producers_nobody_is_first(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {
        {.producer = OTHER, .sequence = 0, .first = 1, .n = 1, .offset = 0},
        {.producer = MAKER, .sequence = 0, .first = 0, .n = 1, .offset = 1},
    };
    begin(&s);
    stores(&s, "shop", &log[1]);
    stores(&s, "shop", &log[0]);
    judge(&s, log, 2, -2);
    assert_fired(&s, "");
}

/* Without sequence numbers: the first is acknowledged by a leader that dies, the second has no answer and is sent again, to
 * a leader that has neither, and lies where the first was. */
static void
what_is_sent_again_may_take_the_place_of_what_was_lost(void **state)
{
    (void)state;
    struct scene s;
    const struct batch kept = {.producer = -1, .first = 0, .n = 1, .offset = 0},
                       first = {.producer = -1, .first = 1, .n = 1, .offset = 1},
                       second = {.producer = -1, .first = 2, .n = 1, .offset = 1},
                       log[] = {kept, second};
    begin(&s);
    stores(&s, "shop", &kept);
    stores(&s, "shop", &first);
    (void)sends(&s, 0, "shop", &second); /* no answer comes */
    stores(&s, "shop", &second);
    judge(&s, log, 2, -2);
    int64_t lost = 0;
    for (int64_t i = 0; i < s.r.anomalies.v.n; i++) lost += s.r.anomalies.v.v[i].rule == RULE_LOST;
    assert_int_equal(lost, 1); /* the first, and not the second as well */
    assert_fired(&s, "lost");
}

/* Somebody has read it before the next is sent, and its sender was never told where it is. */
static void
what_is_read_before_the_next_is_sent_is_known(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {{.producer = -1, .first = 0, .n = 1, .offset = 0},
                                {.producer = -1, .first = 1, .n = 1, .offset = 1}};
    begin(&s);
    for (int i = 0; i < 2; i++) {
        (void)sends(&s, 0, "shop", &log[i]); /* no answer comes */
        reads(&s, i, &log[i], 1);
    }
    judge(&s, log, 2, -2);
    assert_fired(&s, "");
}

static void
a_record_that_nobody_sent_is_a_phantom(void **state)
{
    (void)state;
    struct scene s;
    const struct batch strange = {.producer = -1, .first = 99, .n = 1, .offset = 7};
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 7, &strange, 1);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "phantom");
}

static void
a_batch_left_out_of_an_answer_is_a_skip(void **state)
{
    (void)state;
    struct scene s;
    const struct batch gap[] = {plain_log[0], plain_log[2]};
    send_all(&s);
    reads(&s, 0, gap, 2);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "poll-skip");
}

static void
batches_given_out_of_order_take_a_reader_back(void **state)
{
    (void)state;
    struct scene s;
    const struct batch turned[] = {plain_log[1], plain_log[0]};
    send_all(&s);
    reads(&s, 0, turned, 2);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "nonmonotonic-poll poll-skip");
}

static void
another_record_at_an_offset_is_inconsistent(void **state)
{
    (void)state;
    struct scene s;
    struct batch elsewhere = plain_log[3];
    elsewhere.offset = 4;
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 4, &elsewhere, 1);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "inconsistent-offset");
}

/* Given out too early: nobody had acknowledged it, and it is gone. */
static void
what_was_read_and_is_gone_is_read_lost(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    for (int i = 0; i < PLAIN_N - 1; i++) stores(&s, "shop", &plain_log[i]);
    (void)sends(&s, 0, "shop", &plain_log[3]);
    reads(&s, 0, plain_log, PLAIN_N);
    judge(&s, plain_log, PLAIN_N - 1, -2);
    assert_fired(&s, "read-lost");
}

static void
damaged_bytes_are_corrupt(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads_so(&s, 1, 0, plain_log, 2, &(struct reading){.spoils = true});
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "corrupt");
}

/* In a session a request names only what has changed; from where a partition is read the session knows. */
static void
sessions_know_from_where_they_read(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads_so(&s, 1, 0, plain_log, 1, &(struct reading){.new_session = 5});
    reads_so(&s, 1, 2, plain_log + 1, 1, &(struct reading){.session = 5, .session_epoch = 1});
    /* Nothing is named, and yet it goes on from 2: the second half is no new beginning. */
    reads_so(&s, 3, 99, plain_log + 1, 1,
             &(struct reading){.session = 5, .session_epoch = 2, .names_nothing = true});
    reads_so(&s, 3, 4, plain_log + 3, 1, &(struct reading){.session = 5, .session_epoch = 3});
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "poll-skip");
}

/* ---- transactions ---- */

/* MAKER's first transaction is committed, its second aborted; between them is a record of somebody else. */
static const struct batch txn_log[] = {
    {.producer = MAKER, .sequence = 0, .first = 0, .n = 2, .in_txn = true, .offset = 0},
    {.producer = -1, .first = 50, .n = 1, .offset = 2},
    {.producer = MAKER, .sequence = 2, .first = 2, .n = 1, .in_txn = true, .offset = 3},
    {.producer = MAKER, .marker = 'c', .offset = 4},
    {.producer = MAKER, .sequence = 3, .first = 3, .n = 1, .in_txn = true, .offset = 5},
    {.producer = MAKER, .marker = 'a', .offset = 6},
};
#define TXN_N 6
static const struct k_fetch_response_aborted_transaction second_is_aborted = {MAKER, 5};

static void
first_transaction(struct scene *s)
{
    begin(s);
    inits(s, "copy", MAKER, 0);
    for (int i = 0; i < 3; i++) stores(s, "shop", &txn_log[i]);
}

static void
both_transactions(struct scene *s)
{
    first_transaction(s);
    ends(s, "copy", MAKER, 0, true);
    stores(s, "shop", &txn_log[4]);
    ends(s, "copy", MAKER, 0, false);
}

static void
committed_is_there_and_aborted_is_not(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    reads_so(&s, 1, 0, txn_log, TXN_N,
             &(struct reading){.committed = true, .aborted = &second_is_aborted, .aborted_n = 1});
    reads(&s, 0, txn_log, TXN_N); /* uncommitted records, too */
    judge(&s, txn_log, TXN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 4);
    assert_int_equal(s.r.counts.failed, 1);
    assert_fired(&s, "");
}

static void
a_committed_transaction_without_marker_is_unseen(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    judge(&s, txn_log, 3, -2);
    assert_fired(&s, "unseen");
}

static void
a_committed_transaction_of_which_a_part_is_missing_is_torn(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[] = {txn_log[0], txn_log[1], txn_log[3]};
    both_transactions(&s);
    judge(&s, log, 3, -2);
    assert_fired(&s, "unseen torn");
}

/* Nobody was told how it ended: all of it, or nothing. */
static void
a_transaction_of_unknown_end_is_there_as_a_whole_or_not(void **state)
{
    (void)state;
    struct batch half[] = {txn_log[0], txn_log[1], txn_log[3]};
    for (int i = 0; i < 3; i++) {
        struct scene s;
        first_transaction(&s);
        (void)asks_for_end(&s, "copy", MAKER, 0, true);
        inits(&s, "copy", MAKER, 1);
        judge(&s, i == 2 ? half : txn_log, i == 0 ? 3 : i == 1 ? 4 : 3, -2);
        assert_fired(&s, i == 2 ? "torn" : "");
    }
}

static void
a_transaction_that_the_next_life_ends_is_aborted(void **state)
{
    (void)state;
    struct scene s;
    first_transaction(&s);
    inits(&s, "copy", MAKER, 1);
    judge(&s, txn_log, 4, -2); /* with a marker that commits it */
    assert_fired(&s, "failed-read");
}

static void
an_aborted_transaction_that_is_given_out_is_told(void **state)
{
    (void)state;
    struct scene s;
    both_transactions(&s);
    reads_so(&s, 1, 0, txn_log, TXN_N, &(struct reading){.committed = true});
    judge(&s, txn_log, TXN_N, -2);
    assert_fired(&s, "failed-read");
}

static void
a_commit_marker_for_an_abort_is_told(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[TXN_N];
    memcpy(log, txn_log, sizeof txn_log);
    log[5].marker = 'c';
    both_transactions(&s);
    judge(&s, log, TXN_N, -2);
    assert_fired(&s, "failed-read");
}

static void
records_of_an_open_transaction_are_for_nobody_who_reads_committed_ones(void **state)
{
    (void)state;
    struct scene s;
    first_transaction(&s);
    reads_so(&s, 1, 0, txn_log, 3, &(struct reading){.committed = true});
    ends(&s, "copy", MAKER, 0, true);
    judge(&s, txn_log, 4, -2);
    assert_fired(&s, "read-uncommitted");
}

/* ---- groups ---- */

static void
what_is_committed_is_found(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    finds(&s, "readers", -1);
    commit_is_told(&s, commits(&s, "readers", 4), 0);
    finds(&s, "readers", 4);
    commit_is_told(&s, commits(&s, "readers", 2), 0); /* who goes back does so by himself */
    finds(&s, "readers", 2);
    commit_is_told(&s, commits(&s, "readers", 6), K_ERR_ILLEGAL_GENERATION);
    finds(&s, "readers", 2);
    (void)commits(&s, "readers", 7); /* no answer: perhaps, and perhaps later */
    finds(&s, "readers", 2);
    finds(&s, "readers", 7);
    judge(&s, plain_log, PLAIN_N, 7);
    assert_fired(&s, "");
}

/* Of two commits under way at the same time either may be the last. */
static void
commits_at_the_same_time_have_no_order(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    int32_t one = commits(&s, "readers", 3), two = commits(&s, "readers", 5);
    commit_is_told(&s, one, 0);
    commit_is_told(&s, two, 0);
    finds(&s, "readers", 3);
    judge(&s, plain_log, PLAIN_N, 3);
    assert_fired(&s, "");
}

static void
a_commit_that_goes_back_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s;
        send_all(&s);
        commit_is_told(&s, commits(&s, "readers", 2), 0);
        commit_is_told(&s, commits(&s, "readers", 4), 0);
        if (i == 0) finds(&s, "readers", 2);
        if (i == 1) finds(&s, "readers", -1);
        judge(&s, plain_log, PLAIN_N, i == 2 ? 2 : 4);
        assert_fired(&s, "offset-went-back");
    }
}

static void
a_refused_commit_that_is_found_is_told(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    commit_is_told(&s, commits(&s, "readers", 2), 0);
    commit_is_told(&s, commits(&s, "readers", 4), K_ERR_UNKNOWN_MEMBER_ID);
    finds(&s, "readers", 4);
    judge(&s, plain_log, PLAIN_N, 4);
    assert_fired(&s, "failed-commit");
}

static void
offsets_of_a_transaction_go_with_it(void **state)
{
    (void)state;
    static const struct {
        bool commits;
        int64_t found;
        const char *fired;
    } cases[] = {
        {true, 3, ""}, {true, 1, "offset-went-back"}, {false, 1, ""}, {false, 3, "failed-commit"}};
    for (int i = 0; i < 4; i++) {
        struct scene s;
        begin(&s);
        commit_is_told(&s, commits(&s, "readers", 1), 0);
        inits(&s, "copy", MAKER, 0);
        stores(&s, "shop", &txn_log[0]);
        commits_in_txn(&s, MAKER, 3);
        finds(&s, "readers", 1);
        ends(&s, "copy", MAKER, 0, cases[i].commits);
        finds(&s, "readers", cases[i].found);
        const struct batch log[] = {
            txn_log[0], {.producer = MAKER, .marker = cases[i].commits ? 'c' : 'a', .offset = 2}};
        judge(&s, log, 2, cases[i].found);
        assert_fired(&s, cases[i].fired);
    }
}

/* ---- share groups ---- */

static void
what_share_groups_are_given_in_order_is_well(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 2, 0, 3, 1, 0);
    is_handed(&s, 4, shares(&s, 4, "two", 0, 0, 0, 0), plain_log + 1, 2, 4, 5, 1, 0);
    /* What is accepted and what comes next are one answer. */
    is_handed(&s, 3, shares(&s, 3, "one", 1, ACCEPT, 0, 2), plain_log + 3, 1, 6, 6, 1, 0);
    is_handed(&s, 3, shares(&s, 3, "one", 2, RELEASE, 3, 3), NULL, 0, -1, -1, 0, 0);
    is_handed(&s, 4, shares(&s, 4, "two", 1, ACCEPT, 4, 5), plain_log + 1, 1, 3, 3, 2, 0);
    guests_left(s.g, 3);
    is_handed(&s, 4, shares(&s, 4, "two", 2, REJECT, 3, 3), plain_log + 3, 1, 6, 6, 2, 0);
    is_handed(&s, 4, shares(&s, 4, "two", -1, ACCEPT, 6, 6), NULL, 0, -1, -1, 0, 0);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "");
}

static void
what_was_accepted_and_is_given_out_again_is_told(void **state)
{
    (void)state;
    /* Not so: that it was refused, that its answer never came, that it was asked for before that was known. */
    for (int i = 0; i < 4; i++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, 1, 0);
        int32_t accepts = shares(&s, 3, "one", 1,
                                 i == 0   ? ACCEPT
                                 : i == 1 ? REJECT
                                          : ACCEPT,
                                 0, 0),
                before = i == 3 ? shares(&s, 4, "two", 0, 0, 0, 0) : 0;
        is_handed(&s, 3, accepts, NULL, 0, -1, -1, 0, i == 2 ? K_ERR_INVALID_RECORD_STATE : 0);
        is_handed(&s, 4, before ? before : shares(&s, 4, "two", 0, 0, 0, 0), plain_log, 1, 0, 0, 2,
                  0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, i < 2 ? "given-again" : "");
    }
}

static void
what_one_holds_is_for_nobody_else(void **state)
{
    (void)state;
    /* Then: it has gone, it has ended its session, its lock has run out, it said so. */
    for (int i = 0; i < 5; i++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, 1, 0);
        if (i == 1) guests_left(s.g, 3);
        if (i == 2) (void)shares(&s, 3, "one", GONE, 0, 0, 0);
        if (i == 3) s.now += 31 * NS_PER_S;
        if (i == 4) (void)shares(&s, 3, "one", 1, RELEASE, 0, 1);
        is_handed(&s, 4, shares(&s, 4, "two", 0, 0, 0, 0), plain_log, 1, 1, 1, 2, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, i == 0 ? "held-by-two" : "");
    }
}

static void
what_is_given_out_too_often_is_told(void **state)
{
    (void)state;
    for (int16_t count = 5; count <= 6; count++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, count, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, count > 5 ? "given-too-often" : "");
    }
}

/* ---- administrators ---- */

static void
settings_of_topics_are_heard(void **state)
{
    (void)state;
    struct scene s;
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic t;
    struct k_create_topics_request_creatable_topic_config c = {S("min.insync.replicas"), S("1")};
    send_all(&s);
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    memset(&t, 0, sizeof t);
    q.topics = &t, q.topics_n = 1;
    t.name = TOPIC, t.configs = &c, t.configs_n = 1;
    (void)ask(&s, 4, "admin", K_API_CREATE_TOPICS, 5, &q);
    q.validate_only = true;
    (void)ask(&s, 4, "admin", K_API_CREATE_TOPICS, 5, &q);
    assert_string_equal(s.set, "orders min.insync.replicas=1;");
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "");
}

/* Asks for the topic with a setting, and is told so; error: or why not. */
static void
creates(struct scene *s, int16_t error)
{
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic t;
    struct k_create_topics_request_creatable_topic_config c = {S("retention.ms"), S("7")};
    struct k_create_topics_response r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_CREATE_TOPICS_RESPONSE, &r);
    memset(&t, 0, sizeof t);
    q.topics = &t, q.topics_n = 1;
    t.name = S("made"), t.num_partitions = 3, t.configs = &c, t.configs_n = 1;
    struct k_create_topics_response_creatable_topic_result *told =
        codec_array(&s->a, K_STRUCT_CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT, 1);
    told->name = S("made"), told->error_code = error;
    r.topics = told, r.topics_n = 1;
    answer(s, 4, ask(s, 4, "admin", K_API_CREATE_TOPICS, 5, &q), K_API_CREATE_TOPICS, 5, &r);
}

static void
deletes(struct scene *s)
{
    struct k_delete_topics_request q;
    struct k_delete_topics_response r;
    struct k_delete_topics_response_deletable_topic_result told = {.name = S("made")};
    struct slice name = S("made");
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_DELETE_TOPICS_RESPONSE, &r);
    q.topic_names = &name, q.topic_names_n = 1;
    r.responses = &told, r.responses_n = 1;
    answer(s, 4, ask(s, 4, "admin", K_API_DELETE_TOPICS, 5, &q), K_API_DELETE_TOPICS, 5, &r);
}

static const struct kept_word ledger[] = {
    {.kind = PROMISED_TOPIC, .name = {(const uint8_t *)"made", 4}},
    {.kind = PROMISED_SETTING,
     .resource = 2,
     .name = {(const uint8_t *)"made", 4},
     .key = {(const uint8_t *)"retention.ms", 12},
     .value = {(const uint8_t *)"7", 1}},
    {.kind = PROMISED_PARTITIONS, .name = {(const uint8_t *)"made", 4}, .n = 3},
    {.kind = PROMISED_REMOVAL, .name = {(const uint8_t *)"made", 4}},
};

static void
what_administrators_were_told_is_in_the_ledger(void **state)
{
    (void)state;
    /* What is missing of it: nothing, or one; and then, that nobody was told. */
    for (int missing = -1; missing < 5; missing++) {
        struct scene s;
        send_all(&s);
        creates(&s, missing == 4 ? K_ERR_NOT_CONTROLLER : 0);
        if (missing != 4) deletes(&s);
        judge(&s, plain_log, PLAIN_N, -2);
        guests_kept_begin(s.g);
        for (int i = 0; i < 4; i++)
            if (i != missing && missing != 4) guests_kept(s.g, &ledger[i]);
        check_result_release(&s.r);
        guests_check(s.g, &(struct check_facts){0}, &s.r);
        assert_fired(&s, missing >= 0 && missing < 4 ? "undone" : "");
    }
}

/* Made, deleted and made again: twice in the ledger. */
static void
each_time_that_a_topic_was_made_counts(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        struct scene s;
        send_all(&s);
        creates(&s, 0), deletes(&s), creates(&s, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        guests_kept_begin(s.g);
        for (int i = 0; i < 4; i++) guests_kept(s.g, &ledger[i]);
        if (n == 2) guests_kept(s.g, &ledger[0]);
        check_result_release(&s.r);
        guests_check(s.g, &(struct check_facts){0}, &s.r);
        assert_fired(&s, n == 2 ? "" : "undone");
    }
}

static void
records_that_were_deleted_do_not_come_back(void **state)
{
    (void)state;
    for (int64_t begins = 0; begins <= 4; begins += 4) {
        struct scene s;
        const int64_t low = 4;
        struct k_delete_records_request q;
        struct k_delete_records_response r;
        struct k_delete_records_request_delete_records_partition p = {.offset = low};
        struct k_delete_records_request_delete_records_topic t = {
            .name = TOPIC, .partitions = &p, .partitions_n = 1};
        struct k_delete_records_response_delete_records_partition_result rp = {.low_watermark =
                                                                                   low};
        struct k_delete_records_response_delete_records_topic_result rt = {
            .name = TOPIC, .partitions = &rp, .partitions_n = 1};
        struct chronicle happened;
        struct happening placed = happening_new(HAPPENED_PLACED, 0);
        int64_t removed = low;
        struct check_topic topic = {.removed_to = &removed, .removed_n = 1};
        struct check_facts f = {.topics = &topic, .topics_n = 1, .chronicle = &happened};
        send_all(&s);
        chronicle_init(&happened, &s.mem);
        placed.topic = TOPIC, placed.partition = 0, placed.leader = BROKER;
        placed.in_sync = (struct chronicle_ids){1, {BROKER}};
        chronicle_add(&happened, &placed);
        codec_default(K_MSG_DELETE_RECORDS_REQUEST, &q);
        codec_default(K_MSG_DELETE_RECORDS_RESPONSE, &r);
        q.topics = &t, q.topics_n = 1;
        r.topics = &rt, r.topics_n = 1;
        answer(&s, 4, ask(&s, 4, "admin", K_API_DELETE_RECORDS, 2, &q), K_API_DELETE_RECORDS, 2,
               &r);
        (void)guests_history(s.g);
        guests_log_begin(s.g, TOPIC, 0, begins);
        for (int32_t i = 0; i < PLAIN_N; i++) guests_log_batch(s.g, batch_bytes(&s, &plain_log[i]));
        guests_log_end(s.g);
        guests_check(s.g, &f, &s.r);
        chronicle_release(&happened);
        assert_fired(&s, begins == 0 ? "undeleted" : "");
    }
}

/* ---- rubbish ---- */

static void
rubbish_is_no_frame_and_ends_nothing(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    guests_sent(s.g, 5, 1, slice("\xff\xff\xff\xff garbage", 12));
    guests_sent(s.g, 6, 1, slice("\0\0\0\x0c\0\0\0\x09\0\0\0\x01\xff\xffxx", 16));
    guests_given(s.g, 6, slice("\0\0\0\4\0\0\0\1", 8));
    guests_given(s.g, 9, S("to nobody"));
    guests_left(s.g, 9);
    guests_sent(s.g, 7, 1, slice("\6\0\0\0only the beginning", 22));
    judge(&s, plain_log, PLAIN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 7);
    assert_fired(&s, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_and_read_in_order_is_well),
        cmocka_unit_test(bytes_may_come_in_any_pieces),
        cmocka_unit_test(an_acknowledged_record_that_is_not_there_is_lost),
        cmocka_unit_test(an_error_promises_nothing_and_a_retry_is_the_same_send),
        cmocka_unit_test(another_record_under_the_same_number_is_a_mistake),
        cmocka_unit_test(parts_of_a_batch_are_its_records),
        cmocka_unit_test(a_batch_twice_in_the_log_is_a_duplicate),
        cmocka_unit_test(two_batches_of_a_producer_that_changed_places_are_reordered),
        cmocka_unit_test(of_two_producers_nobody_is_first),
        cmocka_unit_test(what_is_sent_again_may_take_the_place_of_what_was_lost),
        cmocka_unit_test(what_is_read_before_the_next_is_sent_is_known),
        cmocka_unit_test(a_record_that_nobody_sent_is_a_phantom),
        cmocka_unit_test(a_batch_left_out_of_an_answer_is_a_skip),
        cmocka_unit_test(batches_given_out_of_order_take_a_reader_back),
        cmocka_unit_test(another_record_at_an_offset_is_inconsistent),
        cmocka_unit_test(what_was_read_and_is_gone_is_read_lost),
        cmocka_unit_test(damaged_bytes_are_corrupt),
        cmocka_unit_test(sessions_know_from_where_they_read),
        cmocka_unit_test(committed_is_there_and_aborted_is_not),
        cmocka_unit_test(a_committed_transaction_without_marker_is_unseen),
        cmocka_unit_test(a_committed_transaction_of_which_a_part_is_missing_is_torn),
        cmocka_unit_test(a_transaction_of_unknown_end_is_there_as_a_whole_or_not),
        cmocka_unit_test(a_transaction_that_the_next_life_ends_is_aborted),
        cmocka_unit_test(an_aborted_transaction_that_is_given_out_is_told),
        cmocka_unit_test(a_commit_marker_for_an_abort_is_told),
        cmocka_unit_test(records_of_an_open_transaction_are_for_nobody_who_reads_committed_ones),
        cmocka_unit_test(what_is_committed_is_found),
        cmocka_unit_test(commits_at_the_same_time_have_no_order),
        cmocka_unit_test(a_commit_that_goes_back_is_told),
        cmocka_unit_test(a_refused_commit_that_is_found_is_told),
        cmocka_unit_test(offsets_of_a_transaction_go_with_it),
        cmocka_unit_test(what_share_groups_are_given_in_order_is_well),
        cmocka_unit_test(what_was_accepted_and_is_given_out_again_is_told),
        cmocka_unit_test(what_one_holds_is_for_nobody_else),
        cmocka_unit_test(what_is_given_out_too_often_is_told),
        cmocka_unit_test(settings_of_topics_are_heard),
        cmocka_unit_test(what_administrators_were_told_is_in_the_ledger),
        cmocka_unit_test(each_time_that_a_topic_was_made_counts),
        cmocka_unit_test(records_that_were_deleted_do_not_come_back),
        cmocka_unit_test(rubbish_is_no_frame_and_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
