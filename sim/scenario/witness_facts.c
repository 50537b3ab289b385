/* What the checker must know of a run besides its history: what was promised of each topic, by its settings and those of the
 * cluster, as they are and as they are changed. */
#include "sim/scenario/witness_own.h"

#include "broker/group/groups.h"
#include "sim/check/history_file.h"

int64_t
witness_number_of(const struct run *r, const struct topic *t, const char *topics,
                  const char *clusters)
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
        ms = witness_number_of(r, t, "delete.retention.ms", "log.cleaner.delete.retention.ms");
    return ms;
}

bool
witness_tombstones_go(const struct run *r, const struct topic *t)
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
    int64_t messages = witness_number_of(r, t, "flush.messages", "log.flush.interval.messages");
    return (struct check_topic){
        .replicas = (int32_t)t->rf,
        .is_compacted = topic_may_be_compacted(r, t),
        .tombstones_go = witness_tombstones_go(r, t),
        .tombstones_ms = r->clocks_set ? 0 : tombstones_ms(r, t),
        .min_isr = fewest_min_isr(r, t),
        .elr = true,
        .flush_messages = messages == INT64_MAX ? 0 : messages,
        .flush_ms =
            flushed_within_ms(r, witness_number_of(r, t, "flush.ms", "log.flush.interval.ms"))};
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

void
witness_share_reset(struct run *r, struct slice group, const struct settings *changed, bool is_done)
{
    int32_t at = history_group(r->h, group);
    int64_t none = 0;
    for (int32_t i = 0; i < changed->n; i++) {
        if (!slice_eq(changed->v[i].name, S("share.auto.offset.reset"))) continue;
        bool is_earliest = slice_eq(changed->v[i].value, S("earliest"));
        while (r->witnesses->earliest_since_ns.n <= at)
            VEC_PUSH(r->a->mem, &r->witnesses->earliest_since_ns, none);
        if (!is_earliest) r->witnesses->earliest_since_ns.v[at] = 0;
        else if (is_done) r->witnesses->earliest_since_ns.v[at] = world_now_ns(r->w);
    }
}

void
witness_ask_checker(struct run *r)
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
        .earliest_since_ns = r->witnesses->earliest_since_ns.v,
        .earliest_since_n = (int32_t)r->witnesses->earliest_since_ns.n,
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
