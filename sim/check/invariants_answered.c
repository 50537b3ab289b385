/* What controllers answer, against what is committed. Who is told that something is done counts on it, whoever leads the quorum next: so the
 * answer waits until the last record that it stands for is committed (in Kafka the controller's deferred event queue). An
 * answer is taken apart into facts, and each record of the quorum's log writes one down when it is committed:
 *
 *      answer:  broker 3 is registered in epoch 17 │ partition 0 is led by 2, in sync are 2 and 3 │ …
 *                         ▲ must be among                        ▲
 *      log:     … │ RegisterBroker │ PartitionChange │ …            (committed)      … │ not yet │ …
 *
 * That it was true at any time before is enough: a controller that has been replaced and does not know it yet tells, with every
 * right, what it had committed. So a request that brings back what was once before is not judged. */
#include "broker/base/arena.h"
#include "broker/base/fmt.h"
#include "broker/base/map.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"

#include "apis.h"
#include "messages.h"

/* Requests without an answer; the oldest gives its place to a new one, and is not judged. */
enum { CHANGES_MAX = 256 };

struct fact {
    struct map_node node;
    struct slice text;
};

struct change_asked {
    int64_t frame;
    struct slice body; /* with its head */
};

/* Judged when the step is over in which it was told. */
struct claim {
    int32_t node;
    int16_t api;
    struct slice text;
    struct slice given; /* judged only if this is known; null: always */
};

struct answers_seen {
    struct map facts;
    struct writer text; /* of the fact that is written */
    VEC(struct change_asked) asked;
    VEC(struct claim) claims;
};

/* One answer that is being taken apart. */
struct answered {
    struct invariants *v;
    int32_t node;
    int16_t api, version;
    struct reader *asked, *told;
    struct arena *a;
};

static struct answers_seen *
answers_of(struct invariants *v)
{
    if (v->answers) return v->answers;
    struct answers_seen *s = v->answers = MEM_NEW(v->mem, struct answers_seen);
    map_init(&s->facts, v->mem, (struct siphash_key){1, 2});
    s->text = writer_mem(v->mem);
    return s;
}

static void
forget_change(struct invariants *v, int64_t at)
{
    mem_free_slice(v->mem, v->answers->asked.v[at].body);
    VEC_REMOVE_AT(&v->answers->asked, at);
}

static void
forget_claim(struct invariants *v, int64_t at)
{
    mem_free_slice(v->mem, v->answers->claims.v[at].text);
    mem_free_slice(v->mem, v->answers->claims.v[at].given);
    VEC_REMOVE_AT(&v->answers->claims, at);
}

void
answered_free(struct invariants *v)
{
    struct answers_seen *s = v->answers;
    if (!s) return;
    while (s->asked.n) forget_change(v, s->asked.n - 1);
    while (s->claims.n) forget_claim(v, s->claims.n - 1);
    MAP_EACH(&s->facts, f, struct fact, node) {
        mem_free_slice(v->mem, f->text);
        MEM_DELETE(v->mem, f);
    }
    map_release(&s->facts);
    writer_release(&s->text);
    VEC_RELEASE(v->mem, &s->asked);
    VEC_RELEASE(v->mem, &s->claims);
    MEM_DELETE(v->mem, s);
}

/* ---- facts ----------------------------------------------------------------------------------------- */

/* Each is spelled in one place, for the log and for answers. '#': a number, '$': a text. */
static void
spell(struct invariants *v, const char *what, const int64_t *numbers, const struct slice *texts)
{
    struct writer *w = &answers_of(v)->text;
    w->n = 0;
    for (const char *c = what; *c; c++) {
        if (*c == '#') fmt_i64(w, *numbers++);
        else if (*c == '$') fmt_slice(w, *texts++);
        else fmt_char(w, *c);
    }
}

#define NUMBERS(...) ((const int64_t[]){__VA_ARGS__})
#define TEXTS(...) ((const struct slice[]){__VA_ARGS__})

static struct slice
id_text(struct uuid id, uint8_t room[64])
{
    struct writer w = writer_fixed(room, 64);
    fmt_uuid(&w, id);
    return writer_slice(&w);
}

static void
spell_registered(struct invariants *v, int32_t id, int64_t epoch, struct uuid incarnation)
{
    uint8_t room[64];
    spell(v, "broker # is registered in epoch #, its incarnation is $", NUMBERS(id, epoch),
          TEXTS(id_text(incarnation, room)));
}

static void
spell_serving(struct invariants *v, int32_t id, int64_t epoch)
{
    spell(v, "broker # of epoch # is not fenced", NUMBERS(id, epoch), NULL);
}

static void
spell_left(struct invariants *v, int32_t id, int64_t epoch)
{
    spell(v, "broker # of epoch # is fenced", NUMBERS(id, epoch), NULL);
}

static void
spell_controller(struct invariants *v, int32_t id, struct uuid incarnation)
{
    uint8_t room[64];
    spell(v, "controller # is registered, its incarnation is $", NUMBERS(id),
          TEXTS(id_text(incarnation, room)));
}

static void
spell_ids(struct invariants *v, int64_t end)
{
    spell(v, "all producer ids below # are given", NUMBERS(end), NULL);
}

static void
spell_topic(struct invariants *v, struct slice name, struct uuid id)
{
    uint8_t room[64];
    spell(v, "topic $ is there, its id is $", NULL, TEXTS(name, id_text(id, room)));
}

static void
spell_gone(struct invariants *v, struct uuid id)
{
    uint8_t room[64];
    spell(v, "the topic with the id $ is gone", NULL, TEXTS(id_text(id, room)));
}

static void
spell_partition(struct invariants *v, struct uuid id, int32_t index)
{
    uint8_t room[64];
    spell(v, "the topic with the id $ has partition #", NUMBERS(index), TEXTS(id_text(id, room)));
}

static void
spell_partition_of(struct invariants *v, struct slice name, int32_t index)
{
    spell(v, "a topic $ has partition #", NUMBERS(index), TEXTS(name));
}

static void
spell_replica(struct invariants *v, struct slice name, int32_t index, int32_t id)
{
    spell(v, "partition # of a topic $ has replica #", NUMBERS(index, id), TEXTS(name));
}

static void
spell_state(struct invariants *v, struct uuid id, int32_t index, const struct decision *d)
{
    uint8_t room[64];
    spell(v,
          "partition #, of the topic with the id $, is led by # in epoch #, its own epoch is #, in "
          "sync are",
          NUMBERS(index, d->leader, d->leader_epoch, d->partition_epoch), TEXTS(id_text(id, room)));
    struct writer *w = &v->answers->text;
    for (int32_t i = 0; i < d->isr.n; i++) fmt_char(w, ' '), fmt_i64(w, d->isr.v[i]);
}

static void
spell_setting(struct invariants *v, int8_t type, struct slice resource, struct slice name,
              struct slice value)
{
    spell(v, "of resource $ (type #) $ is $", NUMBERS(type), TEXTS(resource, name, value));
}

static void
spell_feature(struct invariants *v, struct slice name, int16_t level)
{
    spell(v, "feature $ is at level #", NUMBERS(level), TEXTS(name));
}

static bool
is_fact(const struct map_node *node, const void *key)
{
    return slice_eq(CONTAINER_OF(node, struct fact, node)->text, *(const struct slice *)key);
}

static bool
has_fact(const struct answers_seen *s, struct slice text)
{
    return map_find(&s->facts, map_hash(&s->facts, text), is_fact, &text) != NULL;
}

/* What is spelled is committed. */
static void
write_down(struct invariants *v)
{
    struct answers_seen *s = v->answers;
    struct slice text = writer_slice(&s->text);
    if (has_fact(s, text)) return;
    struct fact *f = MEM_NEW(v->mem, struct fact);
    f->text = mem_dup(v->mem, text);
    map_insert(&s->facts, &f->node, map_hash(&s->facts, text));
}

/* ---- what is committed ----------------------------------------------------------------------------- */

void
answered_registered(struct invariants *v, const struct k_register_broker_record *r)
{
    spell_registered(v, r->broker_id, r->broker_epoch, r->incarnation_id), write_down(v);
    if (!r->fenced) spell_serving(v, r->broker_id, r->broker_epoch), write_down(v);
}

void
answered_fenced(struct invariants *v, int32_t id, int64_t epoch, bool is_fenced)
{
    if (is_fenced) spell_left(v, id, epoch);
    else spell_serving(v, id, epoch);
    write_down(v);
}

void
answered_controller(struct invariants *v, const struct k_register_controller_record *r)
{
    spell_controller(v, r->controller_id, r->incarnation_id), write_down(v);
}

void
answered_ids(struct invariants *v, const struct k_producer_ids_record *r)
{
    spell_ids(v, r->next_producer_id), write_down(v);
}

void
answered_topic(struct invariants *v, const struct k_topic_record *r)
{
    spell_topic(v, r->name, r->topic_id), write_down(v);
}

void
answered_topic_gone(struct invariants *v, struct uuid id)
{
    spell_gone(v, id), write_down(v);
}

void
answered_decided(struct invariants *v, const struct topic_key *k, const struct decision *d)
{
    spell_partition(v, k->id, k->partition), write_down(v);
    spell_partition_of(v, k->topic, k->partition), write_down(v);
    for (int32_t i = 0; i < d->replicas.n; i++)
        spell_replica(v, k->topic, k->partition, d->replicas.v[i]), write_down(v);
    spell_state(v, k->id, k->partition, d), write_down(v);
}

void
answered_setting(struct invariants *v, const struct k_config_record *r)
{
    spell_setting(v, r->resource_type, r->resource_name, r->name, r->value), write_down(v);
}

void
answered_feature(struct invariants *v, const struct k_feature_level_record *r)
{
    spell_feature(v, r->name, r->feature_level), write_down(v);
}

/* ---- what is told ---------------------------------------------------------------------------------- */

/* The answer says what is spelled. */
static void
claim_it(const struct answered *w)
{
    struct answers_seen *s = w->v->answers;
    struct claim one = {w->node, w->api, mem_dup(w->v->mem, writer_slice(&s->text)), SLICE_NULL};
    VEC_PUSH(w->v->mem, &s->claims, one);
}

static bool
read_both(const struct answered *w, enum k_msg request, void *q, enum k_msg response, void *p)
{
    return codec_decode(request, w->version, w->asked, w->a, q) &&
           codec_decode(response, w->version, w->told, w->a, p);
}

static void
take_registration(const struct answered *w)
{
    struct k_broker_registration_request q;
    struct k_broker_registration_response p;
    if (!read_both(w, K_MSG_BROKER_REGISTRATION_REQUEST, &q, K_MSG_BROKER_REGISTRATION_RESPONSE,
                   &p) ||
        p.error_code)
        return;
    spell_registered(w->v, q.broker_id, p.broker_epoch, q.incarnation_id), claim_it(w);
}

/* Who may stop was fenced, if it has served at all. */
static void
take_heartbeat(const struct answered *w)
{
    struct k_broker_heartbeat_request q;
    struct k_broker_heartbeat_response p;
    if (!read_both(w, K_MSG_BROKER_HEARTBEAT_REQUEST, &q, K_MSG_BROKER_HEARTBEAT_RESPONSE, &p) ||
        p.error_code)
        return;
    if (!p.is_fenced) spell_serving(w->v, q.broker_id, q.broker_epoch), claim_it(w);
    if (!p.should_shut_down) return;
    struct answers_seen *s = answers_of(w->v);
    spell_left(w->v, q.broker_id, q.broker_epoch), claim_it(w);
    spell_serving(w->v, q.broker_id, q.broker_epoch);
    s->claims.v[s->claims.n - 1].given = mem_dup(w->v->mem, writer_slice(&s->text));
}

static void
take_controller_registration(const struct answered *w)
{
    struct k_controller_registration_request q;
    struct k_controller_registration_response p;
    if (read_both(w, K_MSG_CONTROLLER_REGISTRATION_REQUEST, &q,
                  K_MSG_CONTROLLER_REGISTRATION_RESPONSE, &p) &&
        !p.error_code)
        spell_controller(w->v, q.controller_id, q.incarnation_id), claim_it(w);
}

static void
take_ids(const struct answered *w)
{
    struct k_allocate_producer_ids_response p;
    if (codec_decode(K_MSG_ALLOCATE_PRODUCER_IDS_RESPONSE, w->version, w->told, w->a, &p) &&
        !p.error_code)
        spell_ids(w->v, p.producer_id_start + p.producer_id_len), claim_it(w);
}

/* Before version 7 the answer does not say which topic of the name it is. */
static void
take_creations(const struct answered *w)
{
    struct k_create_topics_request q;
    struct k_create_topics_response p;
    if (!read_both(w, K_MSG_CREATE_TOPICS_REQUEST, &q, K_MSG_CREATE_TOPICS_RESPONSE, &p) ||
        q.validate_only)
        return;
    for (int32_t i = 0; i < p.topics_n; i++) {
        const struct k_create_topics_response_creatable_topic_result *t = &p.topics[i];
        if (t->error_code || uuid_is_zero(t->topic_id)) continue;
        spell_topic(w->v, t->name, t->topic_id), claim_it(w);
        if (t->num_partitions > 0)
            spell_partition(w->v, t->topic_id, t->num_partitions - 1), claim_it(w);
    }
}

static void
take_deletions(const struct answered *w)
{
    struct k_delete_topics_response p;
    if (!codec_decode(K_MSG_DELETE_TOPICS_RESPONSE, w->version, w->told, w->a, &p)) return;
    for (int32_t i = 0; i < p.responses_n; i++)
        if (!p.responses[i].error_code && !uuid_is_zero(p.responses[i].topic_id))
            spell_gone(w->v, p.responses[i].topic_id), claim_it(w);
}

static void
take_more_partitions(const struct answered *w)
{
    struct k_create_partitions_request q;
    struct k_create_partitions_response p;
    if (!read_both(w, K_MSG_CREATE_PARTITIONS_REQUEST, &q, K_MSG_CREATE_PARTITIONS_RESPONSE, &p) ||
        q.validate_only)
        return;
    for (int32_t i = 0; i < p.results_n; i++)
        for (int32_t k = 0; k < q.topics_n; k++)
            if (!p.results[i].error_code && slice_eq(q.topics[k].name, p.results[i].name))
                spell_partition_of(w->v, q.topics[k].name, q.topics[k].count - 1), claim_it(w);
}

static void
take_isrs(const struct answered *w)
{
    struct k_alter_partition_response p;
    if (!codec_decode(K_MSG_ALTER_PARTITION_RESPONSE, w->version, w->told, w->a, &p) ||
        p.error_code)
        return;
    for (int32_t t = 0; t < p.topics_n; t++)
        for (int32_t i = 0; i < p.topics[t].partitions_n; i++) {
            const struct k_alter_partition_response_partition_data *d = &p.topics[t].partitions[i];
            struct decision is = {.leader = d->leader_id,
                                  .leader_epoch = d->leader_epoch,
                                  .partition_epoch = d->partition_epoch};
            if (d->error_code || d->isr_n > MODEL_IDS_MAX) continue;
            for (int32_t k = 0; k < d->isr_n; k++) is.isr.v[is.isr.n++] = d->isr[k];
            spell_state(w->v, p.topics[t].topic_id, d->partition_index, &is), claim_it(w);
        }
}

typedef struct k_alter_partition_reassignments_request reassignments;

static void
take_reassigned(const struct answered *w, const reassignments *q, struct slice topic, int32_t index)
{
    for (int32_t t = 0; t < q->topics_n; t++)
        for (int32_t i = 0; i < q->topics[t].partitions_n; i++) {
            const struct k_alter_partition_reassignments_request_reassignable_partition *d =
                &q->topics[t].partitions[i];
            if (!slice_eq(q->topics[t].name, topic) || d->partition_index != index ||
                d->replicas_n > MODEL_IDS_MAX)
                continue;
            for (int32_t k = 0; k < d->replicas_n; k++)
                spell_replica(w->v, topic, index, d->replicas[k]), claim_it(w);
        }
}

static void
take_reassignments(const struct answered *w)
{
    reassignments q;
    struct k_alter_partition_reassignments_response p;
    if (!read_both(w, K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &q,
                   K_MSG_ALTER_PARTITION_REASSIGNMENTS_RESPONSE, &p) ||
        p.error_code)
        return;
    for (int32_t t = 0; t < p.responses_n; t++)
        for (int32_t i = 0; i < p.responses[t].partitions_n; i++)
            if (!p.responses[t].partitions[i].error_code)
                take_reassigned(w, &q, p.responses[t].name,
                                p.responses[t].partitions[i].partition_index);
}

/* A value that is nothing changes nothing where there is none. */
static void
claim_setting(const struct answered *w, int8_t type, struct slice resource, struct slice name,
              struct slice value)
{
    if (value.n) spell_setting(w->v, type, resource, name, value), claim_it(w);
}

static void
take_settings(const struct answered *w)
{
    struct k_alter_configs_request q;
    struct k_alter_configs_response p;
    if (!read_both(w, K_MSG_ALTER_CONFIGS_REQUEST, &q, K_MSG_ALTER_CONFIGS_RESPONSE, &p) ||
        q.validate_only || p.responses_n != q.resources_n)
        return;
    for (int32_t i = 0; i < q.resources_n; i++)
        for (int32_t k = 0; !p.responses[i].error_code && k < q.resources[i].configs_n; k++)
            claim_setting(w, q.resources[i].resource_type, q.resources[i].resource_name,
                          q.resources[i].configs[k].name, q.resources[i].configs[k].value);
}

static void
take_increments(const struct answered *w)
{
    enum { SETS = 0 };
    struct k_incremental_alter_configs_request q;
    struct k_incremental_alter_configs_response p;
    if (!read_both(w, K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &q,
                   K_MSG_INCREMENTAL_ALTER_CONFIGS_RESPONSE, &p) ||
        q.validate_only || p.responses_n != q.resources_n)
        return;
    for (int32_t i = 0; i < q.resources_n; i++)
        for (int32_t k = 0; !p.responses[i].error_code && k < q.resources[i].configs_n; k++)
            if (q.resources[i].configs[k].config_operation == SETS)
                claim_setting(w, q.resources[i].resource_type, q.resources[i].resource_name,
                              q.resources[i].configs[k].name, q.resources[i].configs[k].value);
}

static void
take_features(const struct answered *w)
{
    struct k_update_features_request q;
    struct k_update_features_response p;
    if (!read_both(w, K_MSG_UPDATE_FEATURES_REQUEST, &q, K_MSG_UPDATE_FEATURES_RESPONSE, &p) ||
        q.validate_only || p.error_code)
        return;
    for (int32_t i = 0; i < p.results_n; i++)
        if (p.results[i].error_code) return;
    for (int32_t i = 0; i < q.feature_updates_n; i++)
        if (q.feature_updates[i].max_version_level > 0)
            spell_feature(w->v, q.feature_updates[i].feature,
                          q.feature_updates[i].max_version_level),
                claim_it(w);
}

typedef void taker(const struct answered *w);

/* NULL: it is no request for a change, or one of which it is not told here what it changes. */
static taker *
taker_of(int16_t api)
{
    switch (api) {
    case K_API_BROKER_REGISTRATION: return take_registration;
    case K_API_BROKER_HEARTBEAT: return take_heartbeat;
    case K_API_CONTROLLER_REGISTRATION: return take_controller_registration;
    case K_API_ALLOCATE_PRODUCER_IDS: return take_ids;
    case K_API_CREATE_TOPICS: return take_creations;
    case K_API_DELETE_TOPICS: return take_deletions;
    case K_API_CREATE_PARTITIONS: return take_more_partitions;
    case K_API_ALTER_PARTITION: return take_isrs;
    case K_API_ALTER_PARTITION_REASSIGNMENTS: return take_reassignments;
    case K_API_ALTER_CONFIGS: return take_settings;
    case K_API_INCREMENTAL_ALTER_CONFIGS: return take_increments;
    case K_API_UPDATE_FEATURES: return take_features;
    default: return NULL;
    }
}

static void
take_apart(struct answered *w)
{
    struct request_head head;
    int32_t correlation_id;
    if (request_head_read(w->asked, w->a, &head) != HEAD_OK) return;
    w->api = head.api_key, w->version = head.version;
    taker *take = taker_of(w->api);
    if (take && response_head_read(w->told, w->api, w->version, &correlation_id)) take(w);
}

/* A broker passes on what a client has asked for (KIP-590). */
static void
open_envelope(struct answered *w)
{
    struct request_head head;
    struct k_envelope_request q;
    struct k_envelope_response p;
    int32_t correlation_id;
    if (request_head_read(w->asked, w->a, &head) != HEAD_OK) return;
    w->version = head.version;
    if (!response_head_read(w->told, K_API_ENVELOPE, w->version, &correlation_id) ||
        !read_both(w, K_MSG_ENVELOPE_REQUEST, &q, K_MSG_ENVELOPE_RESPONSE, &p) || p.error_code)
        return;
    struct reader asked = reader(q.request_data), told = reader(p.response_data);
    w->asked = &asked, w->told = &told;
    take_apart(w);
}

static void
hear_changed(struct invariants *v, const struct world_frame *f, struct slice body)
{
    struct answers_seen *s = answers_of(v);
    int64_t at = s->asked.n - 1;
    while (at >= 0 && s->asked.v[at].frame != f->answers) at--;
    if (at < 0) return;
    struct reader asked = reader(s->asked.v[at].body), told = reader(body);
    struct arena a;
    arena_init(&a, v->mem, 0);
    struct answered w = {v, f->from->index, f->api, f->version, &asked, &told, &a};
    if (f->api == K_API_ENVELOPE) open_envelope(&w);
    else take_apart(&w);
    arena_release(&a);
    forget_change(v, at);
}

void
answered_hear(struct invariants *v, const struct world_frame *f, struct slice bytes)
{
    if (f->api != K_API_ENVELOPE && !taker_of(f->api)) return;
    if (!f->to || bytes.n < 8) return;
    struct slice body = slice_sub(bytes, 4, bytes.n - 4);
    if (f->is_answer) {
        hear_changed(v, f, body);
        return;
    }
    struct answers_seen *s = answers_of(v);
    struct change_asked one = {f->id, mem_dup(v->mem, body)};
    if (s->asked.n == CHANGES_MAX) forget_change(v, 0);
    VEC_PUSH(v->mem, &s->asked, one);
}

/* ---- the one against the other --------------------------------------------------------------------- */

static void
judge_claim(struct invariants *v, const struct claim *c)
{
    const struct answers_seen *s = v->answers;
    if (has_fact(s, c->text) || (c->given.p && !has_fact(s, c->given))) return;
    struct writer w = writer_mem(v->mem);
    fmt_str(&w, "answered "), fmt_slice(&w, k_api_name(c->api));
    fmt_str(&w, "; not committed is: "), fmt_slice(&w, c->text), fmt_char(&w, '\0');
    breach(v, RULE_ANSWERED_EARLY, NULL, -1, (const char *)writer_slice(&w).p, 0, 0);
    writer_release(&w);
}

void
answered_judge(struct invariants *v, int64_t at_ns, int32_t node)
{
    struct answers_seen *s = v->answers;
    if (!s || !s->claims.n) return;
    v->at_ns = at_ns;
    v->node = node;
    for (int64_t i = 0; i < s->claims.n; i++) {
        if (s->claims.v[i].node != node) continue;
        if (!cluster_is_unsure(v) && ledger_end(v) >= 0) judge_claim(v, &s->claims.v[i]);
        forget_claim(v, i--);
    }
}
