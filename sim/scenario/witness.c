/* Who judges a run: the checker sees the history, the oracle the truth, the invariants every step. What they are told here, and when
 * they are asked. */
#include "sim/scenario/witness_own.h"

#include "sim/scenario/guests.h"

#include "apis.h"

static void
hear_client(void *ctx, const struct history_op *op, bool is_complete)
{
    const struct run *r = ctx;
    bool is_given = op->kind == HISTORY_POLL || op->kind == HISTORY_PROCESS;
    r->witnesses->hear(r->witnesses->hear_ctx, op, is_complete);
    if (is_complete && op->kind == HISTORY_SEND && op->outcome != HISTORY_OK)
        invariants_gave_up(r->witnesses->invariants, op->complete_ns);
    if (!is_complete || !is_given || op->reads_n == 0) return;
    int64_t last = history_reads(r->h, op)[op->reads_n - 1].offset;
    struct slice topic = history_topic_name(r->h, op->topic);
    invariants_polled(r->witnesses->invariants, op->complete_ns, topic, op->partition, last);
    if (op->read_committed)
        invariants_polled_decided(r->witnesses->invariants, op->complete_ns, topic, op->partition,
                                  last);
}

static bool
id_of_topic(void *ctx, struct slice name, struct uuid *ret)
{
    const struct run *r = ctx;
    return invariants_topic_id(r->witnesses->invariants, name, ret);
}

static int32_t
life_of_topic(void *ctx, struct slice name, struct uuid id)
{
    const struct run *r = ctx;
    return invariants_topic_life(r->witnesses->invariants, name, id);
}

/* What there is at the end, and when a topic was deleted, is known from what the quorum has committed: the administrator may never
 * hear of it, and of controllers the one that decided it may be gone before it is committed. */
static void
hear_topic(void *ctx, const struct topic_told *t)
{
    struct run *r = ctx;
    struct happening one =
        happening_new(t->is_made ? HAPPENED_MADE : HAPPENED_DELETED, world_now_ns(r->w));
    one.topic = t->name;
    one.life = invariants_topic_life(r->witnesses->invariants, t->name, t->id);
    chronicle_add(&r->chronicle, &one);
    oracle_topic_turns(r->witnesses->oracle, one.at_ns, t->name, t->id, t->offset, t->is_made);
    if (!t->is_made) truth_topic_deleted(&r->truth, t->name, t->offset);
}

/* By topic. */
static bool
meddles_with_fetches(const struct scenario *s)
{
    for (int32_t i = 0; i < s->steps_n; i++)
        if (s->steps[i].args.topic.p && s->steps[i].args.api == K_API_FETCH) return true;
    return false;
}

void
witnesses_begin(struct run *r)
{
    struct witnesses *w = ARENA_NEW(r->a, struct witnesses);
    r->witnesses = w;
    w->excuses.arena = r->a;
    anomalies_init(&r->ret->anomalies, r->a->mem);
    anomalies_init(&w->by_oracle, r->a->mem);
    w->invariants = invariants_new(r->a->mem);
    for (int32_t i = 0; i < r->s->topics_n; i++)
        invariants_topic(w->invariants, r->s->topics[i].name,
                         (int32_t)topic_min_isr(r, &r->s->topics[i]));
    if (cluster_config_i64(r->s, "producer.id.expiration.ms") < 3600 * 1000)
        invariants_producers_may_expire(w->invariants);
    if (!cluster_config_i64(r->s, "transaction.partition.verification.enable"))
        invariants_unverified(w->invariants);
    invariants_lag(w->invariants,
                   MIN(cluster_config_i64(r->s, "replica.lag.time.max.ms"), NEVER_MS) * NS_PER_MS);
    int64_t session_ms = cluster_config_i64(r->s, "group.consumer.session.timeout.ms");
    invariants_session(w->invariants, MIN(session_ms, NEVER_MS) * NS_PER_MS);
    invariants_watch(w->invariants, r->w);
    invariants_tell_topics(w->invariants, hear_topic, r);
    net_know_topics(r->w, id_of_topic, r);
    if (r->o->outside || meddles_with_fetches(r->s)) net_follow_sessions(r->w);
    if (r->s->cluster.users.n) net_follow_principals(r->w);
    invariants_combined(w->invariants, (int32_t)r->s->cluster.combined);
    w->oracle = oracle_new(r->a->mem);
    oracle_watch(w->oracle, r->w, r->h);
    r->h->life_of = life_of_topic;
    r->h->life_ctx = r;
    w->hear = r->h->listener;
    w->hear_ctx = r->h->listener_ctx;
    r->h->listener = hear_client;
    r->h->listener_ctx = r;
    oracle_topic(w->oracle, SLICE_NULL, (int32_t)cluster_config_i64(r->s, "min.insync.replicas"),
                 cluster_config_i64(r->s, "log.flush.interval.messages") == 1);
    witness_unclean_is(r, SLICE_NULL,
                       cluster_config_i64(r->s, "unclean.leader.election.enable") != 0);
    for (int32_t i = 0; i < r->s->topics_n; i++)
        witness_topic(r, r->s->topics[i].name, &r->s->topics[i].config);
}

static bool
rewrites(const struct settings *config, bool is_topics)
{
    const struct topic t = {.config = *config};
    struct slice type =
        topic_setting(&t, is_topics ? "message.timestamp.type" : "log.message.timestamp.type");
    struct slice codec = topic_setting(&t, "compression.type");
    return (type.p && !slice_eq(type, S("CreateTime"))) ||
           (codec.p && !slice_eq(codec, S("producer")));
}

/* From the beginning, or when a step says so: the leader writes batches anew. */
static bool
topic_may_be_rewritten(const struct run *r, const struct topic *t)
{
    if (rewrites(&t->config, true) || rewrites(&r->s->cluster.config, false)) return true;
    for (int32_t i = 0; i < r->s->steps_n; i++) {
        const struct args *a = &r->s->steps[i].args;
        if (a->alter.p && slice_eq(a->alter, t->name) && rewrites(&a->config, true)) return true;
        if ((a->of_default || a->alter_broker.n) && rewrites(&a->config, false)) return true;
    }
    return false;
}

/* By the settings with which the topic is made. */
static void
witness_segments(struct run *r, const struct topic *t)
{
    int64_t bytes;
    if (slice_to_i64(topic_setting(t, "internal.segment.bytes"), &bytes) ||
        slice_to_i64(topic_setting(t, "segment.bytes"), &bytes))
        invariants_segment(r->witnesses->invariants, t->name, bytes);
}

static void
witness_messages(struct run *r, const struct topic *t)
{
    int64_t bytes;
    if (slice_to_i64(topic_setting(t, "max.message.bytes"), &bytes))
        invariants_message_bytes(r->witnesses->invariants, t->name, bytes,
                                 topic_may_be_rewritten(r, t));
}

/* Whoever takes it back lets segments be as large as others say. */
void
witness_segment_is(struct run *r, struct slice topic, struct slice name, struct slice value)
{
    int64_t bytes;
    bool is_meant =
        slice_eq(name, S("internal.segment.bytes")) || slice_eq(name, S("segment.bytes"));
    if (topic.p && slice_eq(name, S("max.message.bytes")))
        invariants_message_bytes(r->witnesses->invariants, topic, 0, false);
    if (topic.p && is_meant)
        invariants_segment_grows(r->witnesses->invariants, topic,
                                 slice_to_i64(value, &bytes) ? bytes : INT64_MAX);
}

/* Topics of the scenario, and those that a step makes. */
void
witness_topic(struct run *r, struct slice name, const struct settings *config)
{
    const struct topic t = {.name = name, .config = *config};
    struct slice unclean = topic_setting(&t, "unclean.leader.election.enable");
    oracle_topic(r->witnesses->oracle, name, (int32_t)topic_min_isr(r, &t),
                 witness_number_of(r, &t, "flush.messages", "log.flush.interval.messages") == 1);
    if (unclean.p) witness_unclean_is(r, name, slice_eq(unclean, S("true")));
    witness_segments(r, &t);
    witness_messages(r, &t);
    if (topic_may_be_rewritten(r, &t)) oracle_rewritten(r->witnesses->oracle, name);
    if (!topic_may_be_compacted(r, &t)) return;
    invariants_compacted(r->witnesses->invariants, name);
    oracle_compacted(r->witnesses->oracle, name, witness_tombstones_go(r, &t));
}

void
witness_client(struct run *r, const struct machine *m)
{
    invariants_producer(r->witnesses->invariants, m->index);
}

void
witness_unclean_is(struct run *r, struct slice topic, bool is_on)
{
    struct happening one = happening_new(HAPPENED_UNCLEAN_SET, world_now_ns(r->w));
    one.topic = topic;
    one.is_on = is_on;
    chronicle_add(&r->chronicle, &one);
    oracle_unclean_is(r->witnesses->oracle, topic, is_on);
    invariants_unclean_is(r->witnesses->invariants, topic, is_on);
}

/* Who lowers it lowers what was promised before, too: the ISR may then shrink to so few. */
void
witness_min_isr_is(struct run *r, struct slice topic, int32_t n)
{
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        const struct topic *t = &r->s->topics[i];
        bool is_meant =
            topic.p ? slice_eq(topic, t->name) : !topic_setting(t, "min.insync.replicas").p;
        if (is_meant) oracle_topic_lowers(r->witnesses->oracle, t->name, n);
    }
    struct terms_change change = {topic, n};
    VEC_PUSH(r->a->mem, &r->witnesses->min_isrs, change);
}

void
witness_at_rest(struct run *r)
{
    int64_t longest_ms = MAX(cluster_config_i64(r->s, "broker.session.timeout.ms"),
                             MAX(cluster_config_i64(r->s, "replica.lag.time.max.ms"),
                                 cluster_config_i64(r->s, "controller.quorum.fetch.timeout.ms")));
    invariants_at_rest(r->witnesses->invariants,
                       world_now_ns(r->w) + 2 * MIN(longest_ms, NEVER_MS) * NS_PER_MS);
}

void
witness_unclean_asked(struct run *r, struct partition_ref p)
{
    struct happening one = happening_new(HAPPENED_UNCLEAN_ASKED, world_now_ns(r->w));
    one.topic = p.topic;
    one.partition = p.partition;
    chronicle_add(&r->chronicle, &one);
    oracle_unclean_asked(r->witnesses->oracle, world_now_ns(r->w), p.topic, p.partition);
    invariants_unclean_asked(r->witnesses->invariants, world_now_ns(r->w), p.topic, p.partition);
}

const struct anomalies *
witnesses_so_far(const struct run *r)
{
    return invariants_anomalies(r->witnesses->invariants);
}

void
witnesses_free(struct run *r)
{
    struct witnesses *w = r->witnesses;
    invariants_free(w->invariants);
    oracle_free(w->oracle);
}

/* ---- the history, for the pictures ---- */

/* As the pictures number them; -1: nothing for them. */
static int64_t
call_said(const struct history_op *op)
{
    enum {
        SEND,
        POLL,
        OTHER,
        BEGIN,
        OWN,
        DISOWN,
        COMMIT,
        PROCESS,
        GIVEN,
        ACKNOWLEDGE,
        STANDBY,
        STANDBY_OVER
    };
    switch (op->kind) {
    case HISTORY_SEND: return SEND;
    case HISTORY_POLL: return op->reads_n ? POLL : -1;
    case HISTORY_BEGIN:
    case HISTORY_LEAVE: return BEGIN;
    case HISTORY_OWN: return OWN;
    case HISTORY_DISOWN: return DISOWN;
    case HISTORY_STANDBY: return STANDBY;
    case HISTORY_STANDBY_OVER: return STANDBY_OVER;
    case HISTORY_COMMIT: return COMMIT;
    case HISTORY_PROCESS: return op->reads_n ? PROCESS : -1;
    case HISTORY_GIVEN: return op->reads_n ? GIVEN : -1;
    case HISTORY_ACKNOWLEDGE: return ACKNOWLEDGE;
    default: return -1;
    }
}

static void
say_call(struct run *r, const struct history_op *op)
{
    int64_t kind = call_said(op);
    if (kind < 0) return;
    char text[64], subject[300];
    struct writer w = writer_fixed(text, sizeof text), s = writer_fixed(subject, sizeof subject);
    const struct history_read *reads = history_reads(r->h, op);
    int64_t first = op->kind != HISTORY_SEND && reads ? reads->offset : op->offset;
    bool is_of_group = history_is_of_group(op->kind) || history_is_of_share(op->kind);
    int64_t outcome = op->outcome == HISTORY_OK ? 0 : op->outcome == HISTORY_FAIL ? 1 : 2;
    if (op->kind == HISTORY_SEND) history_value_print(r->h, op->value, &w);
    if (is_of_group) fmt_slice(&w, slice_sub(history_group_name(r->h, op->node), 0, sizeof text));
    fmt_slice(&s, history_topic_name(r->h, op->topic));
    if (op->partition >= 0) fmt_char(&s, '-'), fmt_i64(&s, op->partition);
    int64_t v[] = {kind,
                   outcome,
                   first,
                   op->invoke_ns,
                   op->complete_ns,
                   op->error,
                   op->acks,
                   op->kind == HISTORY_ACKNOWLEDGE ? op->key - op->offset + 1
                   : op->kind == HISTORY_SEND      ? op->key
                                                   : op->reads_n};
    world_say(r->w, S("history"), writer_slice(&s), writer_slice(&w),
              world_machine(r->w, history_process_name(r->h, op->process)), v, 8);
}

/* ---- all ---- */

static bool
hear_guests(struct run *r)
{
    struct anomalies theirs;
    if (!r->guests) return false;
    anomalies_init(&theirs, r->a->mem);
    bool is_conclusive = guests_judge(r, r->guests, &theirs, &r->ret->counts);
    gather_anomalies(r, &theirs);
    anomalies_release(&theirs);
    return is_conclusive;
}

void
witnesses_speak(struct run *r)
{
    struct witnesses *w = r->witnesses;
    struct run_result *ret = r->ret;
    witness_ask_checker(r);
    struct history_counts c = w->checked.counts;
    ret->counts =
        (struct run_counts){c.produced, c.acknowledged, c.unknown, c.failed, w->checked.read};
    for (int64_t i = 0; r->trace && i < r->h->ops.n; i++) say_call(r, &r->h->ops.v[i]);
    asks_end(r, &w->checked.anomalies);
    gather_anomalies(r, &w->checked.anomalies);
    struct writer story = writer_mem(r->a->mem);
    oracle_finish(w->oracle, &w->by_oracle);
    gather_anomalies(r, &w->by_oracle);
    /* Who could not read to the end cannot say what is not there; the run has failed for that already. */
    const struct anomalies *perhaps = oracle_perhaps(w->oracle);
    if (r->is_read && !witnesses_agree(&w->checked.anomalies, &w->by_oracle, perhaps, &story)) {
        struct slice text = writer_slice(&story);
        run_fail(r, VERDICT_DISAGREE, "checker and oracle disagree: %.*s", SARG(text));
    }
    writer_release(&story);
    gather_anomalies(r, invariants_anomalies(w->invariants));
    bool is_conclusive = w->checked.is_conclusive | hear_guests(r);
    for (int i = 0; i < RULES_N; i++) judge_rule(r, (enum rule)i);
    for (int32_t i = 0; i < r->s->must_fail_n; i++) judge_must_fail(r, &r->s->must_fail[i]);
    if (!is_conclusive)
        run_fail(r, VERDICT_INCONCLUSIVE, "nothing was acknowledged: this proves nothing");
    const struct run_counts *n = &ret->counts;
    int64_t v[] = {n->produced, n->acknowledged, n->unknown, n->failed, n->read};
    world_say(r->w, S("verdict"), slice_cstr(verdict_text(ret->verdict)),
              ret->reasons.v.n        ? ret->reasons.v.v[0].text
              : r->s->must_fail_n > 0 ? S("it lost what it must, and nothing else went wrong")
                                      : S("all that must hold held"),
              NULL, v, 5);
}
