/* Who judges a run, and how their words become a verdict: the checker sees the history, the oracle the
 * truth, the invariants every step. */
#include "sim/scenario/guests.h"
#include "sim/scenario/run_internal.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/groups.h"
#include "sim/check/history_file.h"
#include "sim/check/invariants.h"
#include "sim/check/oracle.h"
#include "sim/scenario/diag.h"

#define NEVER_MS \
    (INT64_MAX / NS_PER_MS / 4) /* what is longer is not waited for, and could overflow */

#define REASONS_PER_RULE 3

/* min.insync.replicas was changed while it ran; topic null: of all that say nothing. */
struct terms_change {
    struct slice topic;
    int32_t n;
};

struct witnesses {
    struct check_result checked;
    struct anomalies by_oracle;
    struct invariants *invariants;
    struct oracle *oracle;
    VEC(struct terms_change) min_isrs;
    VEC(int64_t) letters_since_ns; /* by group of the history */
    struct words excuses;          /* different ones, in the order in which they were told */
    void (*hear)(void *ctx, const struct history_op *op, bool is_complete); /* the oracle's ears */
    void *hear_ctx;
};

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

/* As the topic says, or else the cluster; INT64_MAX: nothing. */
static int64_t
number_of(const struct run *r, const struct topic *t, const char *topics, const char *clusters)
{
    int64_t v;
    if (slice_to_i64(topic_setting(t, topics), &v)) return v;
    v = cluster_config_i64(r->s, clusters);
    return v > 0 ? v : INT64_MAX;
}

/* No scenario lasts so long in its cluster's time. */
static int64_t
tombstones_ms(const struct run *r, const struct topic *t)
{
    int64_t ms;
    if (!slice_to_i64(topic_setting(t, "delete.retention.ms"), &ms))
        ms = number_of(r, t, "delete.retention.ms", "log.cleaner.delete.retention.ms");
    return ms;
}

static bool
tombstones_go(const struct run *r, const struct topic *t)
{
    return tombstones_ms(r, t) < 3600 * 1000;
}

static bool
policy_compacts(const struct settings *config)
{
    const struct topic t = {.config = *config};
    struct slice policy = topic_setting(&t, "cleanup.policy");
    for (int64_t i = 0; policy.p && i < policy.n; i++)
        if (slice_starts(slice_sub(policy, i, policy.n), S("compact"))) return true;
    return false;
}

/* From the beginning, or when a step says so. */
bool
topic_may_be_compacted(const struct run *r, const struct topic *t)
{
    if (policy_compacts(&t->config)) return true;
    for (int32_t i = 0; i < r->s->steps_n; i++) {
        const struct args *a = &r->s->steps[i].args;
        if (a->alter.p && slice_eq(a->alter, t->name) && policy_compacts(&a->config)) return true;
    }
    return false;
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

/* Whoever takes it back lets segments be as large as others say. */
void
witness_segment_is(struct run *r, struct slice topic, struct slice name, struct slice value)
{
    int64_t bytes;
    bool is_meant =
        slice_eq(name, S("internal.segment.bytes")) || slice_eq(name, S("segment.bytes"));
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
                 number_of(r, &t, "flush.messages", "log.flush.interval.messages") == 1);
    if (unclean.p) witness_unclean_is(r, name, slice_eq(unclean, S("true")));
    witness_segments(r, &t);
    if (topic_may_be_rewritten(r, &t)) oracle_rewritten(r->witnesses->oracle, name);
    if (!topic_may_be_compacted(r, &t)) return;
    invariants_compacted(r->witnesses->invariants, name);
    oracle_compacted(r->witnesses->oracle, name, tombstones_go(r, &t));
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

/* ---- what the checker must know ---- */

/* How long a record may wait for its flush; 0: nobody promised. Logs are looked at as often as the scheduler
 * goes round, which by Kafka's default it never does; and after a start of the broker it waits before its first round. */
static int64_t
flushed_within_ms(const struct run *r, int64_t due)
{
    int64_t turn = cluster_config_i64(r->s, "log.flush.scheduler.interval.ms");
    int64_t first = cluster_config_i64(r->s, "log.initial.task.delay.ms");
    if (turn <= 0 || turn > NEVER_MS || first > NEVER_MS) return 0;
    return MAX(first, 0) + (due > NEVER_MS ? 2 * turn : due + turn);
}

static void
tell_flush(struct run *r, struct slice topic, bool is_ms, int64_t n)
{
    struct happening one = happening_new(HAPPENED_FLUSH_SET, world_now_ns(r->w));
    one.topic = topic;
    if (is_ms) one.flush_ms = flushed_within_ms(r, n);
    else one.flush_messages = n == INT64_MAX ? 0 : n;
    chronicle_add(&r->chronicle, &one);
    if (!is_ms && n != 1) oracle_flushes_less(r->witnesses->oracle, one.at_ns, topic);
}

void
witness_flush_is(struct run *r, struct slice topic, struct slice name, struct slice value)
{
    static const char *const settings[][2] = {{"flush.messages", "log.flush.interval.messages"},
                                              {"flush.ms", "log.flush.interval.ms"}};
    int64_t n;
    if (!slice_to_i64(value, &n) || n <= 0) n = INT64_MAX;
    for (int is_ms = 0; is_ms < 2; is_ms++) {
        if (!slice_eq(name, slice_cstr(settings[is_ms][topic.p ? 0 : 1]))) continue;
        if (topic.p) tell_flush(r, topic, is_ms, n);
        for (int32_t i = 0; !topic.p && i < r->s->topics_n; i++)
            if (!topic_setting(&r->s->topics[i], settings[is_ms][0]).p)
                tell_flush(r, r->s->topics[i].name, is_ms, n);
    }
}

static int32_t
fewest_min_isr(const struct run *r, const struct topic *t)
{
    int32_t least = (int32_t)topic_min_isr(r, t);
    bool is_own = topic_setting(t, "min.insync.replicas").p != NULL;
    for (int64_t i = 0; i < r->witnesses->min_isrs.n; i++) {
        const struct terms_change *c = &r->witnesses->min_isrs.v[i];
        if (c->topic.p ? slice_eq(c->topic, t->name) : !is_own) least = MIN(least, c->n);
    }
    return least;
}

static struct check_topic
topic_facts(const struct run *r, const struct topic *t)
{
    int64_t messages = number_of(r, t, "flush.messages", "log.flush.interval.messages");
    return (struct check_topic){
        .replicas = (int32_t)t->rf,
        .is_compacted = topic_may_be_compacted(r, t),
        .tombstones_go = tombstones_go(r, t),
        .tombstones_ms = r->clocks_set ? 0 : tombstones_ms(r, t),
        .min_isr = fewest_min_isr(r, t),
        .elr = true,
        .flush_messages = messages == INT64_MAX ? 0 : messages,
        .flush_ms = flushed_within_ms(r, number_of(r, t, "flush.ms", "log.flush.interval.ms"))};
}

int64_t
witnesses_removed(const struct run *r, struct partition_ref p)
{
    return oracle_removed_to(r->witnesses->oracle, p.topic, p.partition);
}

static void
add_removed(struct run *r, const struct topic *t, int32_t partitions, struct check_topic *f)
{
    int64_t *to = ARENA_ARRAY(r->a, int64_t, partitions + 1);
    for (int32_t i = 0; i < partitions; i++)
        to[i] = oracle_removed_to(r->witnesses->oracle, t->name, i);
    f->removed_to = to;
    f->removed_n = partitions;
}

/* Of the scenario, or made by a step. */
static const struct topic *
topic_named(struct run *r, struct slice name)
{
    for (int32_t i = 0; i < r->s->topics_n; i++)
        if (slice_eq(r->s->topics[i].name, name)) return &r->s->topics[i];
    for (int32_t i = 0; i < r->s->steps_n; i++) {
        const struct args *a = &r->s->steps[i].args;
        if (!a->create.p || !slice_eq(a->create, name)) continue;
        struct topic *t = ARENA_NEW(r->a, struct topic);
        *t = (struct topic){
            .name = name, .partitions = a->partitions, .rf = a->rf, .config = a->config};
        return t;
    }
    return NULL;
}

struct check_topic
witness_facts(struct run *r, struct slice name)
{
    const struct topic *known = topic_named(r, name);
    struct topic t = known ? *known : (struct topic){.name = name};
    int32_t partitions = 0;
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (!slice_eq(p->topic, name)) continue;
        partitions = MAX(partitions, p->partition + 1);
        if (!known) t.rf = p->replicas.n;
    }
    struct check_topic facts = topic_facts(r, &t);
    add_removed(r, &t, partitions, &facts);
    return facts;
}

struct check_topic
witness_offsets_facts(const struct run *r)
{
    const struct topic offsets = {
        .name = GROUPS_TOPIC, .rf = cluster_config_i64(r->s, "offsets.topic.replication.factor")};
    return topic_facts(r, &offsets);
}

struct slice
witness_topic_name(const struct run *r, struct uuid id)
{
    return invariants_topic_name(r->witnesses->invariants, id);
}

void
witness_put_history(const struct run *r, const struct history *h, const struct check_facts *f)
{
    struct writer w = writer_mem(r->a->mem);
    if (r->o->put_history) {
        history_file_write(h, f, &w);
        r->o->put_history(r->o->ctx, writer_slice(&w));
    }
    writer_release(&w);
}

void
witness_letters(struct run *r, struct slice group, const struct settings *changed)
{
    int32_t at = history_group(r->h, group);
    int64_t none = 0;
    struct slice topic;
    if (!letter_topic_of(changed, &topic)) return;
    while (r->witnesses->letters_since_ns.n <= at)
        VEC_PUSH(r->a->mem, &r->witnesses->letters_since_ns, none);
    r->witnesses->letters_since_ns.v[at] = topic.n ? world_now_ns(r->w) : 0;
}

static void
ask_checker(struct run *r)
{
    struct check_facts f = {
        .topics_n = (int32_t)r->h->topics.n,
        .chronicle = &r->chronicle,
        .begin_ns = r->h->begin_ns,
        .owned_within_ns = groups_bound_ns(r->s),
        .session_ns = groups_shortest_session_ns(r->s),
        .share_deliveries_max =
            (int32_t)cluster_config_i64(r->s, "group.share.delivery.count.limit"),
        .share_lock_ns =
            cluster_config_i64(r->s, "group.share.record.lock.duration.ms") * NS_PER_MS,
        .shares_at_risk = shares_at_risk(r),
        .letters_since_ns = r->witnesses->letters_since_ns.v,
        .letters_since_n = (int32_t)r->witnesses->letters_since_ns.n,
        .clients_live = true};
    struct check_topic *topics = ARENA_ARRAY(r->a, struct check_topic, f.topics_n + 1);
    f.topics = topics;
    f.offsets = witness_offsets_facts(r);
    f.offsets_partitions = (int32_t)cluster_config_i64(r->s, "offsets.topic.num.partitions");
    for (int32_t i = 0; i < f.topics_n; i++) {
        const struct topic *t = topic_named(r, history_topic_name(r->h, i));
        if (!t) continue;
        topics[i] = topic_facts(r, t);
        /* It may have been given more partitions. */
        add_removed(r, t, MAX((int32_t)t->partitions, r->h->topics.v[i].partitions), &topics[i]);
    }
    check_history(r->a->mem, r->h, &f, &r->witnesses->checked);
    if (r->h->topics.n || !r->guests) witness_put_history(r, r->h, &f);
}

/* ---- into one list ---- */

static bool
rules_name(const struct slice *v, int32_t n, enum rule rule)
{
    for (int32_t i = 0; i < n; i++)
        if (slice_eq(v[i], slice_cstr(rule_spelling(rule)))) return true;
    return false;
}

static const struct must_fail *
must_fail_of(const struct run *r, enum rule rule)
{
    for (int32_t i = 0; i < r->s->must_fail_n; i++)
        if (slice_eq(r->s->must_fail[i].rule, slice_cstr(rule_spelling(rule))))
            return &r->s->must_fail[i];
    return NULL;
}

/* Number of the excuse, from 1: what the same excuses is told in one line of the story. The words that count are the
 * checker's; of a record that both name, the oracle's come to the same. */
static int64_t
excuse_number(struct run *r, const struct anomaly *a, int64_t at)
{
    const struct anomalies *by = &r->witnesses->checked.anomalies;
    struct slice why = a->witness == WITNESS_CHECKER ? a->why : SLICE_NULL;
    /* Both tell in about the same order: begin where this one would be. */
    for (int64_t i = 0; a->witness == WITNESS_ORACLE && i < by->v.n; i++) {
        const struct anomaly *b = &by->v.v[(at + i) % by->v.n];
        if (b->rule != a->rule || b->partition != a->partition || b->value != a->value ||
            !slice_eq(b->topic, a->topic))
            continue;
        why = b->why;
        break;
    }
    if (!why.n) return 0;
    struct words *all = &r->witnesses->excuses;
    for (int64_t i = 0; i < all->v.n; i++)
        if (slice_eq(all->v.v[i], why)) return i + 1;
    words_add(all, why);
    return all->v.n;
}

static void
gather_anomalies(struct run *r, const struct anomalies *from)
{
    for (int64_t i = 0; i < from->v.n; i++) {
        const struct anomaly *a = &from->v.v[i];
        anomalies_add(&r->ret->anomalies, a);
        char subject[160];
        struct writer w = writer_fixed(subject, sizeof subject);
        fmt_str(&w, rule_spelling(a->rule));
        if (a->topic.n)
            fmt_char(&w, ' '), fmt_slice(&w, a->topic), fmt_char(&w, '-'),
                fmt_i64(&w, a->partition);
        int64_t v[] = {a->at_ns, a->offset, a->allowed, (int64_t)a->witness,
                       r->trace ? excuse_number(r, a, i) : 0};
        world_say(r->w, S("anomaly"), writer_slice(&w), a->story, NULL, v, 5);
    }
}

/* Where checker and oracle speak of the same (and they must agree), the checker knows what the configuration
 * permits; the oracle alone knows that a loss was needless. */
static bool
counts_against(const struct anomaly *a)
{
    return a->witness != WITNESS_ORACLE || a->loss == LOSS_BUG;
}

bool
is_permitted_to_fire(const struct run *r, enum rule rule)
{
    return rules_name(r->s->may, r->s->may_n, rule) ||
           (must_fail_of(r, rule) && !permission_exists(rule));
}

static void
judge_rule(struct run *r, enum rule rule)
{
    const struct anomalies *all = &r->ret->anomalies;
    int64_t count = 0;
    /* What must fail must fail because the configuration permits it; where none does, any such is meant. */
    if (is_permitted_to_fire(r, rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        bool allowed = a->allowed && !rules_name(r->s->never, r->s->never_n, rule);
        if (a->rule != rule || allowed || !counts_against(a)) continue;
        if (++count <= REASONS_PER_RULE)
            run_fail(r, VERDICT_FAIL, "%s (%s): %.*s", rule_spelling(rule),
                     witness_spelling(a->witness), SARG(a->story));
    }
    if (count > REASONS_PER_RULE)
        run_fail(r, VERDICT_FAIL, "%s: %d in all", rule_spelling(rule), (int)count);
    if (count) VEC_PUSH(r->a->mem, &r->ret->fired, slice_cstr(rule_spelling(rule)));
}

/* ---- failures that must be ---- */

static bool
contains_in_order(struct slice story, const struct slice *words, int32_t n)
{
    int64_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        for (;; at++) {
            if (at + words[i].n > story.n) return false;
            if (slice_eq(slice_sub(story, at, words[i].n), words[i])) break;
        }
        at += words[i].n;
    }
    return true;
}

static bool
knows(enum witness w, enum rule rule)
{
    if (w == WITNESS_ORACLE)
        return rule == RULE_LOST || rule == RULE_DUPLICATE || rule == RULE_INCONSISTENT_OFFSET;
    return true;
}

/* The causes are the oracle's to tell; of what it does not know, whoever told it. */
static bool
tells_causes(const struct anomaly *a)
{
    return knows(WITNESS_ORACLE, a->rule) == (a->witness == WITNESS_ORACLE);
}

/* "2.400s acknowledged …, 2.484s crash of b1, …" */
static struct slice
on_one_line(struct run *r, struct slice story)
{
    struct writer w = writer_mem(r->a->mem);
    for (int64_t i = 0; i < story.n; i++) {
        if (story.p[i] == '\n') fmt_str(&w, ", ");
        else fmt_char(&w, (char)story.p[i]);
    }
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* "p1:17"; of what is no record, where it was seen. */
static struct slice
subject_of(struct run *r, const struct anomaly *a)
{
    struct slice rule = slice_cstr(rule_spelling(a->rule));
    if (a->name.n) return a->name;
    if (!a->topic.n) return rule;
    if (a->offset < 0)
        return arena_format(r->a, "%.*s in %.*s-%d", SARG(rule), SARG(a->topic), a->partition);
    return arena_format(r->a, "%.*s in %.*s-%d at offset %lld", SARG(rule), SARG(a->topic),
                        a->partition, (long long)a->offset);
}

static struct slice
causes_of(struct run *r, const struct must_fail *m)
{
    struct slice all = SLICE_EMPTY;
    for (int32_t i = 0; i < m->explains_n; i++)
        all = arena_format(r->a, "%.*s%s%.*s", SARG(all), i ? " … " : "", SARG(m->explains[i]));
    return all;
}

static void
confirm(struct run *r, const struct must_fail *m, const struct anomaly *first,
        const struct anomaly *last, const struct anomaly *cause, int64_t count)
{
    struct slice which =
        !first->name.n ? SLICE_EMPTY
        : count == 1   ? arena_format(r->a, " (%.*s)", SARG(first->name))
                       : arena_format(r->a, " (%.*s to %.*s)", SARG(first->name), SARG(last->name));
    struct slice because =
        cause && cause != first
            ? arena_format(r->a, "\n  because: %.*s", SARG(on_one_line(r, cause->story)))
            : SLICE_EMPTY;
    struct line l = {run_now(r),
                     arena_format(r->a, "%.*s: %d records%.*s; %.*s%.*s", SARG(m->rule), (int)count,
                                  SARG(which), SARG(first->story), SARG(because))};
    VEC_PUSH(r->a->mem, &r->ret->confirmed.v, l);
}

static void
judge_must_fail(struct run *r, const struct must_fail *m)
{
    const struct anomalies *all = &r->ret->anomalies;
    enum rule rule;
    int64_t counts[3] = {0}, by_trial = 0;
    const struct anomaly *first = NULL, *last = NULL, *cause = NULL, *unexplained = NULL;
    if (!rule_find(m->rule, &rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        if (a->rule != rule || a->is_of_guest) continue;
        counts[a->witness]++;
        if (a->witness != WITNESS_ORACLE) first = first ? first : a, last = a;
        if (!tells_causes(a)) continue;
        /* What the last test itself broke (it may cut off a leader that has an acks=1 record alone) is neither
         * what the scenario shows nor a failure. */
        if (r->trial_ns && a->cause_ns >= r->trial_ns) {
            by_trial++;
            continue;
        }
        if (!cause) cause = a;
        if (!unexplained && !contains_in_order(a->story, m->explains, m->explains_n))
            unexplained = a;
    }
    int64_t count = MAX(counts[WITNESS_CHECKER], counts[WITNESS_INVARIANT]);
    bool oracle_too = !knows(WITNESS_ORACLE, rule) || counts[WITNESS_ORACLE] == count;
    if (count - by_trial < m->min || (m->max && count - by_trial > m->max)) {
        run_fail(r, VERDICT_FAIL, "must-fail did not fail: %.*s was seen %d times, not %d%s",
                 SARG(m->rule), (int)(count - by_trial),
                 (int)(count - by_trial < m->min ? m->min : m->max),
                 count - by_trial < m->min ? " or more" : " or less");
    } else if (!oracle_too && r->is_read) {
        run_fail(r, VERDICT_DISAGREE, "%.*s: the checker names %d, the oracle %d", SARG(m->rule),
                 (int)count, (int)counts[WITNESS_ORACLE]);
    } else if (unexplained) {
        run_fail(r, VERDICT_FAIL,
                 "the story of %.*s does not name the causes that were expected, \"%.*s\": %.*s",
                 SARG(subject_of(r, unexplained)), SARG(causes_of(r, m)),
                 SARG(on_one_line(r, unexplained->story)));
    } else if (first) {
        confirm(r, m, first, last, cause, count);
    }
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
    ask_checker(r);
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
