/* What the quorum committed, record by record, read from the disk of the leader that committed it. So each decision of a
 * controller is judged by what had been decided before it, in the order of the log, which is what its controller knew: not by
 * what controllers note, and by nothing that came later.
 *
 * The records of one batch are one decision: they are judged one by one, and then what they leave together. */
#include "broker/base/arena.h"
#include "broker/base/fmt.h"
#include "broker/protocol/codec.h"
#include "broker/record/record.h"
#include "sim/check/invariants_own.h"
#include "sim/check/log_view.h"

#include "apis.h"
#include "messages.h"

#define METADATA S("__cluster_metadata-0")
#define NO_LEADER_CHANGE (-2)
#define RECOVERING 1 /* LeaderRecoveryState */

struct known_topic {
    struct uuid id;
    struct slice name;
};

struct ledger {
    struct log_view *view;
    int32_t node; /* whose disk it is */
    int64_t next; /* all below was read */
    VEC(struct known_topic) topics;
    VEC(struct topic_key *) elections; /* of this batch */
    VEC(int32_t) fenced;
    VEC(struct slice)
    terms; /* topics whose min.insync.replicas has changed in this batch; empty: all of the cluster */
};

union any_record {
    struct k_topic_record topic;
    struct k_remove_topic_record remove_topic;
    struct k_partition_record partition;
    struct k_partition_change_record change;
    struct k_clear_elr_record clear_elr;
    struct k_config_record config;
    struct k_register_broker_record registered;
    struct k_broker_registration_change_record broker_change;
    struct k_fence_broker_record fence;
    struct k_unfence_broker_record unfence;
    struct k_unregister_broker_record unregister;
    struct k_register_controller_record controller;
    struct k_producer_ids_record ids;
    struct k_feature_level_record feature;
};

static void
forget_terms(struct invariants *v)
{
    struct ledger *g = v->ledger;
    for (int64_t i = 0; i < g->terms.n; i++) mem_free_slice(v->mem, g->terms.v[i]);
    g->terms.n = 0;
}

void
ledger_free(struct invariants *v)
{
    struct ledger *g = v->ledger;
    if (!g) return;
    forget_terms(v);
    VEC_RELEASE(v->mem, &g->terms);
    for (int64_t i = 0; i < g->topics.n; i++) mem_free_slice(v->mem, g->topics.v[i].name);
    VEC_RELEASE(v->mem, &g->topics);
    VEC_RELEASE(v->mem, &g->elections);
    VEC_RELEASE(v->mem, &g->fenced);
    if (g->view) log_view_free(g->view);
    MEM_DELETE(v->mem, g);
}

/* ---- topics and partitions ------------------------------------------------------------------------ */

static struct topic_key *
ledger_key(struct invariants *v, struct uuid id, int32_t partition)
{
    const struct ledger *g = v->ledger;
    for (int64_t i = g->topics.n; i-- > 0;) {
        if (!uuid_eq(g->topics.v[i].id, id)) continue;
        struct writer w = writer_mem(v->mem);
        fmt_slice(&w, g->topics.v[i].name), fmt_char(&w, '-'), fmt_i64(&w, partition);
        struct topic_key *k = model_key_of(&v->model, writer_slice(&w), id);
        writer_release(&w);
        return k;
    }
    return NULL;
}

void
invariants_tell_topics(struct invariants *v, void (*hear)(void *ctx, const struct topic_told *t),
                       void *ctx)
{
    v->hear_topic = hear;
    v->hear_topic_ctx = ctx;
}

static void
tell_topic(const struct invariants *v, struct uuid id, int64_t offset, bool is_made)
{
    struct topic_told t = {invariants_topic_name(v, id), id, offset, is_made};
    if (v->hear_topic && t.name.p) v->hear_topic(v->hear_topic_ctx, &t);
}

static void
take_topic(struct invariants *v, const struct k_topic_record *r, int64_t offset)
{
    struct known_topic t = {r->topic_id, mem_dup(v->mem, r->name)};
    VEC_PUSH(v->mem, &v->ledger->topics, t);
    cluster_topic(v, r->topic_id, r->name, offset);
    answered_topic(v, r);
    tell_topic(v, r->topic_id, offset, true);
}

static void
take_topic_gone(struct invariants *v, struct uuid id, int64_t offset)
{
    model_forget_id(&v->model, id);
    cluster_topic_gone(v, id, offset);
    answered_topic_gone(v, id);
    tell_topic(v, id, offset, false);
}

bool
invariants_topic_id(const struct invariants *v, struct slice name, struct uuid *ret)
{
    for (int64_t i = v->ledger ? v->ledger->topics.n : 0; i-- > 0;) {
        if (!slice_eq(v->ledger->topics.v[i].name, name)) continue;
        *ret = v->ledger->topics.v[i].id;
        return true;
    }
    return false;
}

struct slice
invariants_topic_name(const struct invariants *v, struct uuid id)
{
    for (int64_t i = v->ledger ? v->ledger->topics.n : 0; i-- > 0;)
        if (uuid_eq(v->ledger->topics.v[i].id, id)) return v->ledger->topics.v[i].name;
    return SLICE_NULL;
}

int32_t
invariants_topic_life(const struct invariants *v, struct slice name, struct uuid id)
{
    int32_t life = 0;
    for (int64_t i = 0; v->ledger && i < v->ledger->topics.n; i++) {
        const struct known_topic *t = &v->ledger->topics.v[i];
        if (!slice_eq(t->name, name)) continue;
        life++;
        if (uuid_eq(t->id, id)) return life;
    }
    return 0;
}

static struct model_ids
ids_of(const int32_t *v, int32_t n)
{
    struct model_ids ids = {.n = MIN(MAX(n, 0), MODEL_IDS_MAX)};
    for (int32_t i = 0; i < ids.n; i++) ids.v[i] = v[i];
    return ids;
}

static void
decided(struct invariants *v, struct topic_key *k, const struct decision *d)
{
    if (d->leader >= 0 && (!k->now.known || d->leader_epoch != k->now.leader_epoch))
        VEC_PUSH(v->mem, &v->ledger->elections, k);
    cluster_decided(v, k, d);
    answered_decided(v, k, d);
    check_change(v, k, d);
}

/* Of those that a new partition begins with each has its own copy, and whoever counts as in sync is there. */
static void
check_new(struct invariants *v, const struct topic_key *k, const struct decision *d)
{
    if (k->now.known) return;
    for (int32_t i = 0; i < d->replicas.n; i++)
        for (int32_t j = 0; j < i; j++)
            if (d->replicas.v[i] == d->replicas.v[j])
                breach(v, RULE_ISR_ELR, k, -1, "gave broker # two of # replicas", d->replicas.v[i],
                       d->replicas.n);
    for (int32_t i = 0; i < d->isr.n; i++) {
        const struct broker_seen *b = broker_seen(v, d->isr.v[i]);
        if (b->epoch < 0 || b->fenced)
            breach(v, RULE_ISR_FENCED, k, -1, "put broker # into an ISR of #, though it is fenced",
                   d->isr.v[i], d->isr.n);
    }
}

static void
take_partition(struct invariants *v, const struct k_partition_record *r, int64_t offset)
{
    struct topic_key *k = ledger_key(v, r->topic_id, r->partition_id);
    struct decision d = {.known = true,
                         .leader = r->leader,
                         .leader_epoch = r->leader_epoch,
                         .partition_epoch = r->partition_epoch,
                         .offset = offset,
                         .replicas = ids_of(r->replicas, r->replicas_n),
                         .isr = ids_of(r->isr, r->isr_n),
                         .elr = ids_of(r->eligible_leader_replicas, r->eligible_leader_replicas_n),
                         .last = ids_of(r->last_known_elr, r->last_known_elr_n),
                         .recovers = r->leader_recovery_state == RECOVERING};
    if (k) check_new(v, k, &d), decided(v, k, &d);
}

/* KIP-704: a leader that may lack what was committed says so of itself, or nobody hears of it. */
static void
check_recovery(struct invariants *v, const struct topic_key *k,
               const struct k_partition_change_record *r)
{
    const struct decision *was = &k->now;
    bool does_say =
        r->leader_recovery_state < 0 ? was->recovers : r->leader_recovery_state == RECOVERING;
    bool may_lack =
        r->leader >= 0 && !model_has(&was->isr, r->leader) && !model_has(&was->elr, r->leader);
    if (may_lack && !does_say)
        breach(v, RULE_LEADER_ELIGIBLE, k, -1,
               "made # the leader from outside ISR and ELR, and does not say that it recovers",
               r->leader, 0);
    /* KIP-966: who was eligible had what was committed before. Beside a leader who may lack it, it has another log, and would
     * be elected as if it had this one's. */
    bool keeps_elr =
        r->eligible_leader_replicas_n < 0 ? was->elr.n > 0 : r->eligible_leader_replicas_n > 0;
    if (may_lack && keeps_elr)
        breach(v, RULE_ISR_ELR, k, -1,
               "made # the leader from outside ISR and ELR, and kept an ELR", r->leader, 0);
}

/* What a record leaves out stays. */
static void
take_change(struct invariants *v, const struct k_partition_change_record *r, int64_t offset)
{
    struct topic_key *k = ledger_key(v, r->topic_id, r->partition_id);
    if (!k || !k->now.known) return;
    struct decision d = k->now;
    d.offset = offset;
    d.partition_epoch++;
    if (r->leader != NO_LEADER_CHANGE) d.leader = r->leader, d.leader_epoch++;
    if (r->replicas_n >= 0) d.replicas = ids_of(r->replicas, r->replicas_n);
    if (r->isr_n >= 0) d.isr = ids_of(r->isr, r->isr_n);
    if (r->eligible_leader_replicas_n >= 0)
        d.elr = ids_of(r->eligible_leader_replicas, r->eligible_leader_replicas_n);
    if (r->leader_recovery_state >= 0) d.recovers = r->leader_recovery_state == RECOVERING;
    if (r->last_known_elr_n >= 0) d.last = ids_of(r->last_known_elr, r->last_known_elr_n);
    check_recovery(v, k, r);
    decided(v, k, &d);
}

static void
take_clear_elr(struct invariants *v, struct slice topic, int64_t offset)
{
    for (int64_t i = 0; i < v->model.keys.n; i++) {
        struct topic_key *k = v->model.keys.v[i];
        struct decision d = k->now;
        if (k->is_retired || (topic.n && !slice_eq(topic, k->topic)) || d.elr.n + d.last.n == 0)
            continue;
        d.elr.n = d.last.n = 0;
        d.partition_epoch++;
        d.offset = offset;
        decided(v, k, &d);
    }
}

static void
take_config(struct invariants *v, const struct k_config_record *r)
{
    enum { OF_TOPIC = 2, OF_BROKER = 4 };
    answered_setting(v, r);
    bool is_of_all = r->resource_type == OF_BROKER && r->resource_name.n == 0;
    if ((r->resource_type == OF_TOPIC || is_of_all) && slice_eq(r->name, S("min.insync.replicas")))
        VEC_PUSH(v->mem, &v->ledger->terms, mem_dup(v->mem, r->resource_name));
}

/* ---- brokers -------------------------------------------------------------------------------------- */

static void
take_registered(struct invariants *v, const struct k_register_broker_record *r, int64_t offset)
{
    struct broker_change c = {.id = r->broker_id,
                              .epoch = r->broker_epoch,
                              .offset = offset,
                              .is_registered = true,
                              .is_fenced = r->fenced,
                              .is_leaving = r->in_controlled_shutdown};
    memcpy(&c.incarnation, r->incarnation_id.b, sizeof c.incarnation);
    cluster_fenced(v, c.id, c.is_fenced, offset);
    answered_registered(v, r);
    check_broker_change(v, &c);
}

static void
take_fenced(struct invariants *v, int32_t id, int64_t epoch, bool is_fenced, bool is_leaving,
            int64_t offset)
{
    struct broker_change c = {.id = id,
                              .epoch = epoch,
                              .offset = offset,
                              .is_fenced = is_fenced,
                              .is_leaving = is_leaving};
    if (is_fenced) VEC_PUSH(v->mem, &v->ledger->fenced, id);
    cluster_fenced(v, id, is_fenced, offset);
    answered_fenced(v, id, epoch, is_fenced);
    check_broker_change(v, &c);
}

static void
take_broker_change(struct invariants *v, const struct k_broker_registration_change_record *r,
                   int64_t offset)
{
    const struct broker_seen *b = broker_seen(v, r->broker_id);
    bool is_fenced = r->fenced ? r->fenced > 0 : b->fenced;
    bool is_leaving = r->in_controlled_shutdown ? r->in_controlled_shutdown > 0 : b->is_leaving;
    take_fenced(v, r->broker_id, r->broker_epoch, is_fenced, is_leaving, offset);
}

/* ---- what a batch leaves -------------------------------------------------------------------------- */

/* KIP-841, KIP-966: who is fenced leaves every ISR in the same breath, but where it would be the last of one. */
static void
check_fenced_are_out(struct invariants *v, int32_t id)
{
    if (!broker_seen(v, id)->fenced) return;
    for (int64_t i = 0; i < v->model.keys.n; i++) {
        const struct topic_key *k = v->model.keys.v[i];
        const struct decision *d = &k->now;
        if (k->is_retired || !model_has(&d->isr, id) || (d->isr.n == 1 && d->leader < 0)) continue;
        breach(v, RULE_ISR_FENCED, k, -1, "fenced broker # and left it in the ISR of #", id,
               d->isr.n);
    }
}

static void
check_leader_lives(struct invariants *v, const struct topic_key *k)
{
    const struct broker_seen *b = broker_seen(v, k->now.leader);
    if (k->now.leader < 0 || k->is_retired) return;
    if (b->epoch < 0 || b->fenced)
        breach(v, RULE_LEADER_ELIGIBLE, k, -1, "made # the leader of epoch #, though it is fenced",
               k->now.leader, k->now.leader_epoch);
    else if (b->is_leaving && model_has(&k->before.replicas, k->now.leader))
        breach(v, RULE_LEADER_ELIGIBLE, k, -1,
               "made # the leader of epoch #, though it is shutting down", k->now.leader,
               k->now.leader_epoch);
}

/* Even where anybody may lead, whoever has everything leads as long as one lives (KIP-966): the permission is for when nobody
 * does. */
static void
check_none_passed_over(struct invariants *v, const struct topic_key *k)
{
    const struct decision *was = &k->before, *now = &k->now;
    bool is_clean = model_has(&was->isr, now->leader) || model_has(&was->elr, now->leader);
    if (k->is_retired || !was->known || now->leader < 0 || is_clean) return;
    for (int32_t i = 0; i < now->replicas.n; i++) {
        int32_t id = now->replicas.v[i];
        const struct broker_seen *b = broker_seen(v, id);
        bool lives = b->epoch >= 0 && !b->fenced && !b->is_leaving;
        if (!lives || !(model_has(&was->isr, id) || model_has(&was->elr, id))) continue;
        breach(v, RULE_LEADER_ELIGIBLE, k, -1,
               "made # the leader, who may lack records, and passed over #, who lives and has all",
               now->leader, id);
        return;
    }
}

/* An election costs its partition a moment without acknowledgements. It has a cause: the leader before is fenced, stopping, or
 * out of sync; or the first of the replicas is to lead, for the balance's sake or because somebody asked. */
static void
check_cause(struct invariants *v, const struct topic_key *k)
{
    const struct decision *now = &k->now;
    int32_t before = k->before.leader;
    if (k->is_retired || !k->before.known || before < 0 || now->leader < 0 || before == now->leader)
        return;
    const struct broker_seen *b = broker_seen(v, before);
    bool is_preferred = now->replicas.n > 0 && now->replicas.v[0] == now->leader;
    bool could_go_on = b->epoch >= 0 && !b->fenced && !b->is_leaving &&
                       model_has(&now->isr, before) && model_has(&now->replicas, before);
    if (could_go_on && !is_preferred)
        breach(v, RULE_DEPOSED, k, -1, "made # the leader in place of #, which could have gone on",
               now->leader, before);
}

/* KIP-966: who is in an ELR was in sync when min.insync.replicas was what it was then. Under another minimum that says nothing, and
 * the lists are emptied with the change. */
static void
check_terms(struct invariants *v, struct slice topic)
{
    for (int64_t i = 0; i < v->model.keys.n; i++) {
        const struct topic_key *k = v->model.keys.v[i];
        if (!k->is_retired && (!topic.n || slice_eq(topic, k->topic)) && k->now.elr.n > 0)
            breach(v, RULE_ISR_ELR, k, -1,
                   "changed min.insync.replicas, and kept an ELR of # that began with #",
                   k->now.elr.n, k->now.elr.v[0]);
    }
}

static void
check_batch(struct invariants *v)
{
    struct ledger *g = v->ledger;
    for (int64_t i = 0; i < g->fenced.n; i++) check_fenced_are_out(v, g->fenced.v[i]);
    for (int64_t i = 0; i < g->elections.n; i++) {
        check_leader_lives(v, g->elections.v[i]);
        check_none_passed_over(v, g->elections.v[i]);
        check_cause(v, g->elections.v[i]);
    }
    for (int64_t i = 0; i < g->terms.n; i++) check_terms(v, g->terms.v[i]);
    g->fenced.n = g->elections.n = 0;
    forget_terms(v);
}

/* ---- records -------------------------------------------------------------------------------------- */

static const enum k_msg messages[] = {
    [K_REC_TOPIC_RECORD] = K_MSG_TOPIC_RECORD,
    [K_REC_REMOVE_TOPIC_RECORD] = K_MSG_REMOVE_TOPIC_RECORD,
    [K_REC_PARTITION_RECORD] = K_MSG_PARTITION_RECORD,
    [K_REC_PARTITION_CHANGE_RECORD] = K_MSG_PARTITION_CHANGE_RECORD,
    [K_REC_CLEAR_ELR_RECORD] = K_MSG_CLEAR_ELR_RECORD,
    [K_REC_CONFIG_RECORD] = K_MSG_CONFIG_RECORD,
    [K_REC_REGISTER_BROKER_RECORD] = K_MSG_REGISTER_BROKER_RECORD,
    [K_REC_BROKER_REGISTRATION_CHANGE_RECORD] = K_MSG_BROKER_REGISTRATION_CHANGE_RECORD,
    [K_REC_FENCE_BROKER_RECORD] = K_MSG_FENCE_BROKER_RECORD,
    [K_REC_UNFENCE_BROKER_RECORD] = K_MSG_UNFENCE_BROKER_RECORD,
    [K_REC_UNREGISTER_BROKER_RECORD] = K_MSG_UNREGISTER_BROKER_RECORD,
    [K_REC_REGISTER_CONTROLLER_RECORD] = K_MSG_REGISTER_CONTROLLER_RECORD,
    [K_REC_PRODUCER_IDS_RECORD] = K_MSG_PRODUCER_IDS_RECORD,
    [K_REC_FEATURE_LEVEL_RECORD] = K_MSG_FEATURE_LEVEL_RECORD,
};

static bool
is_judged(uint32_t kind)
{
    return kind < ARRAY_LEN(messages) && messages[kind] != 0;
}

static void
take_record(struct invariants *v, uint32_t kind, const union any_record *r, int64_t offset)
{
    switch (kind) {
    case K_REC_TOPIC_RECORD: take_topic(v, &r->topic, offset); return;
    case K_REC_REMOVE_TOPIC_RECORD: take_topic_gone(v, r->remove_topic.topic_id, offset); return;
    case K_REC_PARTITION_RECORD: take_partition(v, &r->partition, offset); return;
    case K_REC_PARTITION_CHANGE_RECORD: take_change(v, &r->change, offset); return;
    case K_REC_CONFIG_RECORD: take_config(v, &r->config); return;
    case K_REC_CLEAR_ELR_RECORD: take_clear_elr(v, r->clear_elr.topic_name, offset); return;
    case K_REC_REGISTER_BROKER_RECORD: take_registered(v, &r->registered, offset); return;
    case K_REC_BROKER_REGISTRATION_CHANGE_RECORD:
        take_broker_change(v, &r->broker_change, offset);
        return;
    case K_REC_FENCE_BROKER_RECORD:
        take_fenced(v, r->fence.id, r->fence.epoch, true, false, offset);
        return;
    case K_REC_UNFENCE_BROKER_RECORD:
        take_fenced(v, r->unfence.id, r->unfence.epoch, false, false, offset);
        return;
    case K_REC_UNREGISTER_BROKER_RECORD:
        take_fenced(v, r->unregister.broker_id, r->unregister.broker_epoch, true, false, offset);
        return;
    case K_REC_REGISTER_CONTROLLER_RECORD: answered_controller(v, &r->controller); return;
    case K_REC_PRODUCER_IDS_RECORD: answered_ids(v, &r->ids); return;
    case K_REC_FEATURE_LEVEL_RECORD: answered_feature(v, &r->feature); return;
    default: return;
    }
}

/* KIP-631: frame version 1, kind, version of the kind, message. (Transactions, KIP-868, hold what a quorum begins with: kinds that
 * are not judged.) */
static void
read_record(struct invariants *v, struct arena *scratch, struct slice value, int64_t offset)
{
    struct reader r = reader(value);
    bool is_known = reader_uvarint(&r) == 1;
    uint32_t kind = reader_uvarint(&r), version = reader_uvarint(&r);
    union any_record any;
    if (r.err || !is_known || !is_judged(kind) || version > 127) return;
    struct slice body = slice(r.p, reader_left(&r));
    if (codec_has_version(messages[kind], (int16_t)version) &&
        codec_decode_all(messages[kind], (int16_t)version, body, scratch, &any))
        take_record(v, kind, &any, offset);
}

static void
read_batch(struct invariants *v, const struct batch_header *h)
{
    struct slice all;
    struct records rs;
    struct record r;
    struct arena scratch;
    if (h->attributes & BATCH_CONTROL || !log_view_batch(v->ledger->view, &all)) return;
    arena_init(&scratch, v->mem, 0);
    records_begin(&rs, h, batch_payload(all, h));
    while (records_next(&rs, &r))
        if (r.offset >= v->ledger->next) read_record(v, &scratch, r.value, r.offset);
    check_batch(v);
    arena_release(&scratch);
    mem_free(v->mem, (void *)(uintptr_t)all.p, all.n);
}

void
ledger_read(struct invariants *v, int32_t node, int64_t end)
{
    struct ledger *g = v->ledger;
    struct batch_header h;
    if (!v->world) return;
    if (!g) g = v->ledger = MEM_NEW(v->mem, struct ledger);
    if (!g->view || g->node != node) {
        if (g->view) log_view_free(g->view);
        g->view = log_view_new(v->mem, world_machine_at(v->world, node), METADATA);
        g->node = node;
    }
    if (log_view_end(g->view) != g->next) log_view_begin(g->view, g->next);
    while (log_view_next(g->view, end, &h)) {
        if (h.base_offset > g->next) cluster_unsure(v); /* a snapshot has what comes before */
        read_batch(v, &h);
        g->next = batch_next_offset(&h);
    }
}

int64_t
ledger_end(struct invariants *v)
{
    const struct topic_key *k = v->ledger ? model_find_subject(&v->model, METADATA) : NULL;
    return k && v->ledger->next == k->ghost ? k->ghost : -1;
}
