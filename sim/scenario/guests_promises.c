/* What administrators outside were told is done: topics made, deleted, given more partitions, settings changed, records
 * deleted. The controller writes the first four to the metadata log before it says so (KIP-595: on a majority of disks),
 * so in the end they are found there, whatever happened since; records that are deleted do not come back. */
#include "sim/scenario/guests_own.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/check/anomaly.h"

enum { PROMISES_MAX = 20000 };

/* NULL: there are too many to judge. */
static struct promise *
promise_new(struct guests *g, struct asked *a, enum promise_kind kind, struct slice name)
{
    if (g->promises.n >= PROMISES_MAX) return NULL;
    struct promise *p = ARENA_NEW(&g->a, struct promise);
    *p = (struct promise){
        .kind = kind, .name = arena_dup(&g->a, name), .process = a->process, .next = a->promises};
    a->promises = p;
    VEC_PUSH(g->mem, &g->promises, p);
    return p;
}

static void
promise_setting(struct guests *g, struct asked *a, int8_t resource, struct slice name,
                struct slice key, struct slice value)
{
    enum { LEVELS_OF_LOGS = 8 }; /* which a broker keeps in its memory */
    struct promise *p =
        value.p && resource != LEVELS_OF_LOGS ? promise_new(g, a, PROMISED_SETTING, name) : NULL;
    if (!p) return;
    p->resource = resource;
    p->key = arena_dup(&g->a, key);
    p->value = arena_dup(&g->a, value);
}

static void
promises_are_told(struct guests *g, const struct asked *a, int8_t resource, struct slice name)
{
    for (struct promise *p = a->promises; p; p = p->next) {
        if (p->resource != resource || !slice_eq(p->name, name)) continue;
        p->is_told = true;
        p->told_ns = g->params.now(g->params.ctx);
    }
}

/* ---- topics ---- */

enum { OF_A_TOPIC = 2 };

static void
take_creation(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_create_topics_request q;
    if (!codec_decode(K_MSG_CREATE_TOPICS_REQUEST, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; !q.validate_only && i < q.topics_n; i++) {
        const struct k_create_topics_request_creatable_topic *t = &q.topics[i];
        struct promise *p = promise_new(g, a, PROMISED_TOPIC, t->name);
        if (p) p->resource = OF_A_TOPIC;
        for (int32_t k = 0; k < t->configs_n; k++)
            promise_setting(g, a, OF_A_TOPIC, t->name, t->configs[k].name, t->configs[k].value);
        p = t->num_partitions > 0 ? promise_new(g, a, PROMISED_PARTITIONS, t->name) : NULL;
        if (p) p->resource = OF_A_TOPIC, p->n = t->num_partitions;
    }
}

static void
take_created(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_create_topics_response q;
    if (!codec_decode(K_MSG_CREATE_TOPICS_RESPONSE, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.topics_n; i++)
        if (!q.topics[i].error_code) promises_are_told(g, a, OF_A_TOPIC, q.topics[i].name);
}

static void
take_removal(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_delete_topics_request q;
    struct uuid none = {0};
    if (!codec_decode(K_MSG_DELETE_TOPICS_REQUEST, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.topic_names_n + q.topics_n; i++) {
        int32_t at = i - q.topic_names_n;
        struct slice name = at < 0 ? guests_topic(g, q.topic_names[i], none)
                                   : guests_topic(g, q.topics[at].name, q.topics[at].topic_id);
        struct promise *p = name.n ? promise_new(g, a, PROMISED_REMOVAL, name) : NULL;
        if (p) p->resource = OF_A_TOPIC;
    }
}

static void
take_removed(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_delete_topics_response q;
    if (!codec_decode(K_MSG_DELETE_TOPICS_RESPONSE, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.responses_n; i++)
        if (!q.responses[i].error_code && q.responses[i].name.n)
            promises_are_told(g, a, OF_A_TOPIC, q.responses[i].name);
}

static void
take_more_partitions(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_create_partitions_request q;
    if (!codec_decode(K_MSG_CREATE_PARTITIONS_REQUEST, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; !q.validate_only && i < q.topics_n; i++) {
        struct promise *p = promise_new(g, a, PROMISED_PARTITIONS, q.topics[i].name);
        if (p) p->resource = OF_A_TOPIC, p->n = q.topics[i].count;
    }
}

static void
take_has_more(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_create_partitions_response q;
    if (!codec_decode(K_MSG_CREATE_PARTITIONS_RESPONSE, a->version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.results_n; i++)
        if (!q.results[i].error_code) promises_are_told(g, a, OF_A_TOPIC, q.results[i].name);
}

/* ---- settings ---- */

static void
take_settings(struct guests *g, struct asked *a, struct reader *r)
{
    enum { SET = 0 };
    struct k_incremental_alter_configs_request q;
    if (!codec_decode(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, a->version, r, &g->scratch, &q))
        return;
    for (int32_t i = 0; !q.validate_only && i < q.resources_n; i++)
        for (int32_t k = 0; k < q.resources[i].configs_n; k++)
            if (q.resources[i].configs[k].config_operation == SET)
                promise_setting(g, a, q.resources[i].resource_type, q.resources[i].resource_name,
                                q.resources[i].configs[k].name, q.resources[i].configs[k].value);
}

static void
take_set(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_incremental_alter_configs_response q;
    if (!codec_decode(K_MSG_INCREMENTAL_ALTER_CONFIGS_RESPONSE, a->version, r, &g->scratch, &q))
        return;
    for (int32_t i = 0; i < q.responses_n; i++)
        if (!q.responses[i].error_code)
            promises_are_told(g, a, q.responses[i].resource_type, q.responses[i].resource_name);
}

/* ---- records ---- */

static void
take_deletion(struct guests *g, struct asked *a, struct reader *r)
{
    struct k_delete_records_request q;
    if (!codec_decode(K_MSG_DELETE_RECORDS_REQUEST, a->version, r, &g->scratch, &q)) return;
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            int32_t index = q.topics[t].partitions[i].partition_index;
            int32_t place = guests_place(g, q.topics[t].name, index);
            if (place < 0) continue;
            struct cutting *c = ARENA_NEW(&g->a, struct cutting);
            *c = (struct cutting){.next = a->cuttings,
                                  .process = a->process,
                                  .topic = place,
                                  .partition = index,
                                  .offset = q.topics[t].partitions[i].offset,
                                  .op = -1};
            a->cuttings = c;
            guests_note(g, ENTRY_CUTTING, c);
        }
}

static void
take_deleted(struct guests *g, const struct visit *v, struct asked *a, struct reader *r)
{
    struct k_delete_records_response q;
    if (!codec_decode(K_MSG_DELETE_RECORDS_RESPONSE, a->version, r, &g->scratch, &q)) return;
    for (int32_t t = 0; t < q.topics_n; t++)
        for (int32_t i = 0; i < q.topics[t].partitions_n; i++) {
            const struct k_delete_records_response_delete_records_partition_result *p =
                &q.topics[t].partitions[i];
            for (struct cutting *c = a->cuttings; c && !p->error_code; c = c->next) {
                if (c->partition != p->partition_index ||
                    !slice_eq(history_topic_name(&g->h, c->topic), q.topics[t].name))
                    continue;
                c->broker = v->broker;
                c->low = p->low_watermark;
                guests_note(g, ENTRY_CUT, c);
            }
        }
}

void
tell_cutting(struct guests *g, struct cutting *c)
{
    struct history_op op = history_op_new(HISTORY_ADMIN, c->process, c->topic, c->partition);
    op.key = ADMIN_DELETE_RECORDS;
    op.offset = c->offset;
    c->op = history_invoke(&g->h, &op);
}

void
tell_cut(struct guests *g, const struct cutting *c)
{
    if (c->op < 0 || g->h.ops.v[c->op].outcome != HISTORY_OPEN) return;
    g->h.ops.v[c->op].node = c->broker;
    history_complete(&g->h, c->op, HISTORY_OK, 0, c->partition, c->low);
}

/* ---- what comes and goes ---- */

void
take_wish(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    static void (*const takes[K_APIS_N])(struct guests *, struct asked *, struct reader *) = {
        [K_API_CREATE_TOPICS] = take_creation,
        [K_API_DELETE_TOPICS] = take_removal,
        [K_API_CREATE_PARTITIONS] = take_more_partitions,
        [K_API_INCREMENTAL_ALTER_CONFIGS] = take_settings,
        [K_API_DELETE_RECORDS] = take_deletion,
    };
    if (head->api_key < 0 || head->api_key >= K_APIS_N || !takes[head->api_key]) return;
    takes[head->api_key](g, guests_ask(g, v, head), r);
}

void
take_granted(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    switch (a->api) {
    case K_API_CREATE_TOPICS: take_created(g, a, r); break;
    case K_API_DELETE_TOPICS: take_removed(g, a, r); break;
    case K_API_CREATE_PARTITIONS: take_has_more(g, a, r); break;
    case K_API_INCREMENTAL_ALTER_CONFIGS: take_set(g, a, r); break;
    case K_API_DELETE_RECORDS: take_deleted(g, v, a, r); break;
    default: break;
    }
}

/* ---- the end ---- */

static bool
keeps(const struct promise *p, const struct kept_word *k)
{
    return p->kind == k->kind && !p->is_kept && slice_eq(p->name, k->name) && p->n <= k->n &&
           (k->kind != PROMISED_SETTING ||
            (p->resource == k->resource && slice_eq(p->key, k->key) &&
             slice_eq(p->value, k->value)));
}

void
guests_kept_begin(struct guests *g)
{
    g->promises_are_looked_for = true;
}

void
guests_kept(struct guests *g, const struct kept_word *k)
{
    /* A topic is made, or deleted, once for each time that somebody was told so. */
    bool is_of_one = k->kind == PROMISED_TOPIC || k->kind == PROMISED_REMOVAL;
    for (int64_t i = 0; i < g->promises.n; i++) {
        struct promise *p = g->promises.v[i];
        if (!p->is_told || !keeps(p, k)) continue;
        p->is_kept = true;
        if (is_of_one) return;
    }
}

static void
tell_promise(const struct promise *p, struct writer *w)
{
    switch (p->kind) {
    case PROMISED_TOPIC: fmt_str(w, "topic "), fmt_slice(w, p->name), fmt_str(w, " is made"); break;
    case PROMISED_REMOVAL:
        fmt_str(w, "topic "), fmt_slice(w, p->name), fmt_str(w, " is deleted");
        break;
    case PROMISED_PARTITIONS:
        fmt_slice(w, p->name), fmt_str(w, " has "), fmt_i64(w, p->n), fmt_str(w, " partitions");
        break;
    case PROMISED_SETTING:
        fmt_slice(w, p->key), fmt_str(w, " of "), fmt_slice(w, p->name), fmt_str(w, " is ");
        fmt_slice(w, p->value);
        break;
    }
}

void
check_promises(struct guests *g, struct anomalies *ret)
{
    for (int64_t i = 0; g->promises_are_looked_for && i < g->promises.n; i++) {
        const struct promise *p = g->promises.v[i];
        struct writer w = writer_mem(g->mem);
        if (!p->is_told || p->is_kept) continue;
        fmt_slice(&w, history_process_name(&g->h, p->process));
        fmt_str(&w, " was told at "), fmt_seconds(&w, p->told_ns - g->h.begin_ns);
        fmt_str(&w, " that "), tell_promise(p, &w);
        fmt_str(&w, "; the controller's log knows nothing of it");
        struct anomaly a = {.rule = RULE_UNDONE,
                            .witness = WITNESS_CHECKER,
                            .topic = SLICE_NULL,
                            .partition = -1,
                            .offset = -1,
                            .at_ns = p->told_ns,
                            .story = writer_slice(&w)};
        anomalies_add(ret, &a);
        writer_release(&w);
    }
}
