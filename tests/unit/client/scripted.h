/* Brokers that answer as a test tells them: machines in the simulated world, with one log for each
 * partition of one topic that they all share. What the client does with odd answers is seen here; what
 * it does with brokers is seen in the scenarios. */
#ifndef TESTS_UNIT_CLIENT_SCRIPTED_H
#define TESTS_UNIT_CLIENT_SCRIPTED_H

#include <stdlib.h>

#include "tests/lib/test.h"

#include "apis.h"
#include "broker/client/admin.h"
#include "broker/client/consumer.h"
#include "broker/client/producer.h"
#include "broker/protocol/frame.h"
#include "errors.h"
#include "sim/world/fault.h"
#include "sim/world/world.h"

#define SCRIPT_NODES 2
#define SCRIPT_PARTITIONS 2
#define SCRIPT_BATCHES 64

/* Instead of an error code: */
enum { SCRIPT_NO_ANSWER = -100, SCRIPT_BREAK = -101, SCRIPT_STORE_AND_BREAK = -102 };

struct stored {
    struct batch_header h;
    int64_t base_offset;
    uint8_t bytes[4096];
    int64_t n;
};

struct script {
    struct world *w;
    struct machine *nodes[SCRIPT_NODES], *client;
    int32_t leader[SCRIPT_PARTITIONS], leader_epoch[SCRIPT_PARTITIONS];
    struct stored log[SCRIPT_PARTITIONS][SCRIPT_BATCHES];
    int32_t log_n[SCRIPT_PARTITIONS];
    int64_t end[SCRIPT_PARTITIONS];
    int16_t api_versions_max; /* 0: all */
    int16_t produce_max;
    int32_t made_again; /* the topic, so often: each has another id */
    /* What the n-th produce to a partition, from 1, is answered with; NULL: stored. */
    int16_t (*produce)(struct script *s, int32_t node, int32_t partition,
                       const struct batch_header *h, int32_t n);
    int16_t (*fetch)(struct script *s, int32_t node,
                     const struct k_fetch_request_fetch_partition *p,
                     struct k_fetch_response_partition_data *ret, int32_t n);
    /* What any other request is answered with: fills the answer; K_ERR_NONE or what to do instead. */
    int16_t (*other)(struct script *s, int32_t node, int16_t version, const void *q, void *r,
                     struct arena *a);
    int16_t asked_for; /* whose request other() has in hand */
    int16_t other_max; /* of requests that are not named above; 0: all */
    int32_t connections, produced, fetched, asked[K_APIS_N], versions[K_APIS_N];
    int32_t hint_leader;                              /* in answers that fail; 0: none */
    void (*begin)(struct script *s, struct env *env); /* the client's machine */
};

struct fake {
    struct script *script;
    struct env *env;
    struct listener listener;
    int32_t id;
};

struct fake_conn {
    struct conn conn;
    struct fake *fake;
    struct frame_reader frames;
};

static int16_t
fake_store(struct script *s, int32_t partition, struct slice batch, int64_t *ret_base)
{
    struct stored *b = &s->log[partition][s->log_n[partition]++];
    assert_true(s->log_n[partition] < SCRIPT_BATCHES && batch.n <= (int64_t)sizeof b->bytes);
    assert_int_equal(batch_check(CRC32C_PORTABLE, batch, &b->h), BATCH_OK);
    memcpy(b->bytes, batch.p, (size_t)batch.n);
    b->n = batch.n;
    *ret_base = b->base_offset = s->end[partition];
    batch_patch_offset(b->bytes, b->base_offset, s->leader_epoch[partition]);
    s->end[partition] += b->h.records_n;
    return K_ERR_NONE;
}

/* Who asks by name does not say which. */
static bool
is_former(const struct script *s, struct uuid id)
{
    return !uuid_is_zero(id) && id.b[15] != (uint8_t)(9 + s->made_again);
}

/* K_ERR_NONE, or what to do instead of answering. */
static int16_t
fake_produce(struct fake *f, const struct k_produce_request *q, struct k_produce_response *r,
             struct arena *a)
{
    struct script *s = f->script;
    int16_t act = K_ERR_NONE;
    r->responses_n = q->topic_data_n;
    r->responses =
        codec_array(a, K_STRUCT_PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE, q->topic_data_n);
    for (int32_t i = 0; i < q->topic_data_n; i++) {
        int32_t n = q->topic_data[i].partition_data_n;
        r->responses[i].name = q->topic_data[i].name;
        r->responses[i].topic_id = q->topic_data[i].topic_id;
        r->responses[i].partition_responses_n = n;
        r->responses[i].partition_responses =
            codec_array(a, K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, n);
        for (int32_t j = 0; j < n; j++) {
            const struct k_produce_request_partition_produce_data *p =
                &q->topic_data[i].partition_data[j];
            struct k_produce_response_partition_produce_response *to =
                &r->responses[i].partition_responses[j];
            struct batch_header h;
            assert_int_equal(batch_parse(p->records.bytes, &h), BATCH_OK);
            int16_t e = is_former(s, q->topic_data[i].topic_id) ? K_ERR_UNKNOWN_TOPIC_ID
                      : s->produce ? s->produce(s, f->id, p->index, &h, ++s->produced)
                                   : K_ERR_NONE;
            to->index = p->index;
            to->base_offset = -1;
            if (e == K_ERR_NONE || e == SCRIPT_STORE_AND_BREAK ||
                e == K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND)
                fake_store(s, p->index, p->records.bytes, &to->base_offset);
            if (e <= SCRIPT_NO_ANSWER) act = e;
            else to->error_code = e;
            if (e && s->hint_leader) {
                to->current_leader.leader_id = s->leader[p->index] = s->hint_leader;
                to->current_leader.leader_epoch = ++s->leader_epoch[p->index];
            }
        }
    }
    return q->acks == 0 ? SCRIPT_NO_ANSWER : act;
}

static void
fake_fetch(struct fake *f, const struct k_fetch_request *q, struct k_fetch_response *r,
           struct arena *a)
{
    struct script *s = f->script;
    r->responses_n = q->topics_n;
    r->responses = codec_array(a, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        int32_t n = q->topics[i].partitions_n;
        r->responses[i].topic = q->topics[i].topic;
        r->responses[i].topic_id = q->topics[i].topic_id;
        r->responses[i].partitions_n = n;
        r->responses[i].partitions = codec_array(a, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, n);
        for (int32_t j = 0; j < n; j++) {
            const struct k_fetch_request_fetch_partition *p = &q->topics[i].partitions[j];
            struct k_fetch_response_partition_data *to = &r->responses[i].partitions[j];
            to->partition_index = p->partition;
            to->high_watermark = to->last_stable_offset = s->end[p->partition];
            to->records.bytes = SLICE_EMPTY;
            to->error_code = is_former(s, q->topics[i].topic_id) ? K_ERR_UNKNOWN_TOPIC_ID
                           : s->fetch ? s->fetch(s, f->id, p, to, ++s->fetched)
                                      : K_ERR_NONE;
            if (to->error_code || to->diverging_epoch.epoch >= 0 || to->records.bytes.n > 0)
                continue;
            for (int32_t k = 0; k < s->log_n[p->partition]; k++) {
                struct stored *b = &s->log[p->partition][k];
                if (b->base_offset + b->h.records_n <= p->fetch_offset) continue;
                to->records.bytes = slice(b->bytes, b->n);
                break;
            }
        }
    }
}

static void
fake_offsets(struct fake *f, const struct k_list_offsets_request *q,
             struct k_list_offsets_response *r, struct arena *a)
{
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_TOPIC_RESPONSE, 1);
    r->topics->name = q->topics->name;
    r->topics->partitions_n = 1;
    r->topics->partitions =
        codec_array(a, K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_PARTITION_RESPONSE, 1);
    r->topics->partitions->partition_index = q->topics->partitions->partition_index;
    int32_t index = q->topics->partitions->partition_index;
    int64_t at_ms = q->topics->partitions->timestamp;
    int64_t *offset = &r->topics->partitions->offset;
    *offset = at_ms == OFFSET_LATEST ? f->script->end[index] : at_ms == OFFSET_EARLIEST ? 0 : -1;
    /* The first batch that is young enough. */
    for (int32_t i = f->script->log_n[index] - 1; at_ms >= 0 && i >= 0; i--)
        if (f->script->log[index][i].h.max_timestamp >= at_ms)
            *offset = f->script->log[index][i].base_offset;
}

static void
fake_metadata(struct fake *f, struct k_metadata_response *r, struct arena *a)
{
    static const char *const hosts[] = {"s1", "s2"};
    r->brokers_n = SCRIPT_NODES;
    r->brokers = codec_array(a, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_BROKER, SCRIPT_NODES);
    for (int32_t i = 0; i < SCRIPT_NODES; i++) {
        r->brokers[i].node_id = i + 1;
        r->brokers[i].host = slice_cstr(hosts[i]);
        r->brokers[i].port = 9092;
    }
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_TOPIC, 1);
    r->topics->name = S("t");
    r->topics->topic_id.b[15] = (uint8_t)(9 + f->script->made_again);
    r->topics->partitions_n = SCRIPT_PARTITIONS;
    r->topics->partitions =
        codec_array(a, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_PARTITION, SCRIPT_PARTITIONS);
    for (int32_t i = 0; i < SCRIPT_PARTITIONS; i++) {
        r->topics->partitions[i].partition_index = i;
        r->topics->partitions[i].leader_id = f->script->leader[i];
        r->topics->partitions[i].leader_epoch = f->script->leader_epoch[i];
    }
}

static void
fake_versions(struct fake *f, struct k_api_versions_response *r, struct arena *a)
{
    r->api_keys = codec_array(a, K_STRUCT_API_VERSIONS_RESPONSE_API_VERSION, K_APIS_N);
    for (int16_t i = 0; i < K_APIS_N; i++) {
        const struct k_api *api = k_api_of(i);
        if (!api) continue;
        struct k_api_versions_response_api_version *v = &r->api_keys[r->api_keys_n++];
        *v = (struct k_api_versions_response_api_version){i, api->min, api->max_stable};
        if (i == K_API_API_VERSIONS && f->script->api_versions_max)
            v->max_version = f->script->api_versions_max;
        if (i == K_API_PRODUCE && f->script->produce_max) v->max_version = f->script->produce_max;
        if (f->script->other_max && i >= K_API_CREATE_TOPICS)
            v->max_version = MIN(v->max_version, f->script->other_max);
    }
}

static void
fake_frame(struct fake_conn *c, struct slice bytes)
{
    struct fake *f = c->fake;
    struct script *s = f->script;
    struct arena *a = &f->env->scratch;
    struct reader rd = reader(bytes);
    struct request_head head;
    int16_t act = K_ERR_NONE;
    enum head_result result = request_head_read(&rd, a, &head);
    assert_true(result == HEAD_OK);
    void *q = arena_alloc(a, k_structs[k_messages[head.api->request].root].size);
    void *r = arena_alloc(a, k_structs[k_messages[head.api->response].root].size);
    assert_true(codec_decode((enum k_msg)head.api->request, head.version, &rd, a, q));
    codec_default((enum k_msg)head.api->response, r);
    s->asked[head.api_key]++;
    s->asked_for = head.api_key;
    s->versions[head.api_key] = head.version;
    int16_t version = head.version;
    if (head.api_key == K_API_API_VERSIONS) {
        fake_versions(f, r, a);
        if (s->api_versions_max && version > s->api_versions_max) {
            ((struct k_api_versions_response *)r)->error_code = K_ERR_UNSUPPORTED_VERSION;
            version = 0;
        }
    } else if (head.api_key == K_API_METADATA) fake_metadata(f, r, a);
    else if (head.api_key == K_API_INIT_PRODUCER_ID)
        ((struct k_init_producer_id_response *)r)->producer_id = 7;
    else if (head.api_key == K_API_PRODUCE) act = fake_produce(f, q, r, a);
    else if (head.api_key == K_API_FETCH) fake_fetch(f, q, r, a);
    else if (head.api_key == K_API_LIST_OFFSETS) fake_offsets(f, q, r, a);
    else if (s->other) act = s->other(s, f->id, version, q, r, a);
    if (act == SCRIPT_NO_ANSWER) return;
    if (act == SCRIPT_BREAK || act == SCRIPT_STORE_AND_BREAK) {
        conn_close(&c->conn);
        return;
    }
    struct frame frame;
    assert_true(
        frame_response(&f->env->mem, a, head.api_key, version, head.correlation_id, r, &frame));
    frame_send(&c->conn, &frame);
}

static void
fake_bytes(struct conn *conn, struct slice data, struct buf *from)
{
    struct fake_conn *c = CONTAINER_OF(conn, struct fake_conn, conn);
    struct slice frame;
    struct buf *holder;
    frame_reader_push(&c->frames, data, from);
    while (conn->state == CONN_OPEN && frame_reader_next(&c->frames, &frame, &holder) == FRAME_OK)
        fake_frame(c, frame);
}

static void
fake_nothing(struct conn *conn)
{
    (void)conn;
}

static void
fake_closed(struct conn *conn, enum env_err why)
{
    (void)conn;
    (void)why;
}

static const struct conn_ops fake_conn_ops = {
    .connected = fake_nothing, .bytes = fake_bytes, .closed = fake_closed};

static void
fake_accepted(struct listener *l, const struct accepted *accepted)
{
    struct fake *f = CONTAINER_OF(l, struct fake, listener);
    struct fake_conn *c = MEM_NEW(&f->env->mem, struct fake_conn);
    c->fake = f;
    f->script->connections++;
    c->conn.ops = &fake_conn_ops;
    frame_reader_init(&c->frames, &f->env->mem, &c->conn, 1 << 20);
    conn_accept(l, &c->conn, accepted);
}

static void
fake_listening(struct listener *l, enum env_err err, int32_t port)
{
    (void)l;
    (void)port;
    assert_int_equal(err, ENV_OK);
}

static void
fake_start(struct env *env, void *args)
{
    struct fake *f = env->machine = MEM_NEW(&env->mem, struct fake);
    f->script = args;
    f->env = env;
    f->id = slice_eq(env->hostname, S("s1")) ? 1 : 2;
    f->listener.listening = fake_listening;
    f->listener.accepted = fake_accepted;
    net_listen(env, &f->listener, S(""), 9092);
}

static void
client_start(struct env *env, void *args)
{
    struct script *s = args;
    s->begin(s, env);
}

static inline void
script_init(struct script *s, void (*begin)(struct script *s, struct env *env))
{
    memset(s, 0, sizeof *s);
    s->w = world_new(1, NULL);
    s->begin = begin;
    for (int i = 0; i < SCRIPT_PARTITIONS; i++) s->leader[i] = 1, s->leader_epoch[i] = 3;
    for (int i = 0; i < SCRIPT_NODES; i++) {
        struct machine_params p = {
            .name = i ? S("s2") : S("s1"), .kind = S("broker"), .start = fake_start, .args = s};
        machine_start(s->nodes[i] = world_add(s->w, &p));
    }
    world_run(s->w, 10 * NS_PER_MS);
    struct machine_params p = {
        .name = S("c"), .kind = S("client"), .start = client_start, .args = s};
    s->client = world_add(s->w, &p);
}

static inline void
script_run(struct script *s, int64_t ms)
{
    if (!machine_is_up(s->client)) machine_start(s->client);
    world_run(s->w, ms * NS_PER_MS);
}

static inline void
script_release(struct script *s)
{
    world_free(s->w);
}

#endif
