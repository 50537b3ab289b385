#include "broker/client/internal.h"

/* ---- looking ------------------------------------------------------------------------------------ */

struct topic *
client_topic(struct client *c, struct slice name)
{
    LIST_EACH(&c->topics, t, struct topic, node)
        if (slice_eq(t->name, name)) return t;
    return NULL;
}

struct topic *
client_topic_by_id(struct client *c, struct uuid id)
{
    LIST_EACH(&c->topics, t, struct topic, node)
        if (uuid_eq(t->id, id)) return t;
    return NULL;
}

struct part *
client_part(struct client *c, struct slice topic, int32_t partition)
{
    struct topic *t = client_topic(c, topic);
    return t && partition >= 0 && partition < t->parts_n ? &t->parts[partition] : NULL;
}

int32_t
client_partitions_n(struct client *c, struct slice topic)
{
    struct topic *t = client_topic(c, topic);
    return t && t->parts_n > 0 ? t->parts_n : -1;
}

struct peer *
topic_leader(struct client *c, struct topic *t, int32_t partition)
{
    if (partition < 0 || partition >= t->parts_n) return NULL;
    struct part *p = &t->parts[partition];
    if (!p->peer) p->peer = client_peer(c, p->leader);
    return p->peer;
}

int32_t
client_leader(struct client *c, struct slice topic, int32_t partition)
{
    struct topic *t = client_topic(c, topic);
    struct peer *leader = t ? topic_leader(c, t, partition) : NULL;
    return leader ? leader->id : -1;
}

struct uuid
client_topic_id(struct client *c, struct slice topic)
{
    const struct topic *t = client_topic(c, topic);
    return t ? t->id : UUID_ZERO;
}

void
client_watch(struct client *c, struct client_watcher *w)
{
    list_push_back(&c->watchers, &w->node);
}

void
client_tell_watchers(struct client *c)
{
    LIST_EACH(&c->watchers, w, struct client_watcher, node) w->changed(w);
}

/* ---- learning ----------------------------------------------------------------------------------- */

/* An older answer may come later: the leader epoch of a partition never goes back (KIP-320). */
static bool
part_learn(struct part *p, int32_t leader, int32_t leader_epoch)
{
    if (leader_epoch >= 0 && leader_epoch < p->leader_epoch) return false;
    *p = (struct part){.leader = leader, .leader_epoch = leader_epoch};
    return true;
}

bool
client_learn_leader(struct client *c, struct slice topic, int32_t partition, int32_t leader,
                    int32_t leader_epoch)
{
    struct part *p = client_part(c, topic, partition);
    if (!p || leader < 0 || leader_epoch < p->leader_epoch || !client_peer(c, leader)) return false;
    if (leader_epoch == p->leader_epoch && p->leader >= 0) return false;
    part_learn(p, leader, leader_epoch);
    client_tell_watchers(c);
    return true;
}

/* A leader of an older epoch may lack what was read under this one: it would say that a position is out of range, and
 * reading would begin anew (KIP-320, KAFKA-7395). */
void
client_see_epoch(struct client *c, struct slice topic, int32_t partition, int32_t leader_epoch)
{
    struct part *p = client_part(c, topic, partition);
    if (!p || leader_epoch <= p->leader_epoch) return;
    *p = (struct part){.leader = -1, .leader_epoch = leader_epoch};
    client_refresh(c);
}

/* Partitions of a topic of another id are others: nothing known of the old ones counts. */
static void
parts_resize(struct client *c, struct topic *t, struct uuid id, int32_t n)
{
    int64_t one = (int64_t)sizeof *t->parts;
    int32_t kept = uuid_eq(t->id, id) ? MIN(t->parts_n, n) : 0;
    t->parts = mem_resize(&c->env->mem, t->parts, t->parts_n * one, n * one);
    for (int32_t i = kept; i < n; i++)
        t->parts[i] = (struct part){.leader = -1, .leader_epoch = -1};
    t->parts_n = n;
    t->id = id;
}

static void
topic_learn(struct client *c, struct topic *t,
            const struct k_metadata_response_metadata_response_topic *r)
{
    t->error = r->error_code;
    if (r->error_code) return;
    if (!uuid_eq(t->id, r->topic_id) || r->partitions_n != t->parts_n)
        parts_resize(c, t, r->topic_id, r->partitions_n);
    for (int32_t i = 0; i < r->partitions_n; i++) {
        const struct k_metadata_response_metadata_response_partition *p = &r->partitions[i];
        if (p->partition_index >= 0 && p->partition_index < t->parts_n)
            part_learn(&t->parts[p->partition_index], p->leader_id, p->leader_epoch);
    }
}

static void
client_learn_metadata(struct client *c, const struct k_metadata_response *r)
{
    LIST_EACH(&c->peers, p, struct peer, node) p->listed = p->id < 0;
    for (int32_t i = 0; i < r->brokers_n; i++)
        client_learn_peer(c, r->brokers[i].node_id, r->brokers[i].host, r->brokers[i].port);
    for (int32_t i = 0; i < r->topics_n; i++) {
        struct topic *t = client_topic(c, r->topics[i].name);
        if (t) topic_learn(c, t, &r->topics[i]);
    }
}

/* ---- asking ------------------------------------------------------------------------------------- */

int64_t
client_backoff_ns(struct client *c, int32_t attempts)
{
    int64_t ms = c->params.retry_backoff_ms;
    for (int32_t i = 1; i < attempts && ms < c->params.retry_backoff_max_ms; i++) ms *= 2;
    int64_t ns =
        MIN(ms, MAX(c->params.retry_backoff_max_ms, c->params.retry_backoff_ms)) * NS_PER_MS;
    return ns <= 0 ? 0 : ns - ns / 5 + env_random_below(c->env, STREAM_JITTER, 2 * (ns / 5) + 1);
}

static const void *
metadata_build(struct ask *a, int16_t version)
{
    struct client *c = CONTAINER_OF(a, struct client, metadata);
    struct arena *scratch = &c->env->scratch;
    struct k_metadata_request *r = ARENA_NEW(scratch, struct k_metadata_request);
    (void)version;
    codec_default(K_MSG_METADATA_REQUEST, r);
    int32_t n = 0;
    LIST_EACH(&c->topics, t, struct topic, node) n++;
    r->topics = codec_array(scratch, K_STRUCT_METADATA_REQUEST_METADATA_REQUEST_TOPIC, n);
    LIST_EACH(&c->topics, t, struct topic, node) r->topics[r->topics_n++].name = t->name;
    r->allow_auto_topic_creation = c->params.allow_auto_topic_creation;
    c->again = false;
    return r;
}

static void
ask_metadata(struct timer *t)
{
    struct client *c = CONTAINER_OF(t, struct client, refresh);
    if (c->metadata.pending) return;
    /* Who told us wrong would tell it again: a broker that is cut off from the controllers goes on to believe
     * that it leads. (Kafka's client asks one at random.) */
    if (c->is_doubtful && c->current == c->told_by) client_next_peer(c);
    c->is_doubtful = false;
    c->asked = client_any_peer(c);
    ask_send(c, c->asked, FOR_CONTROL, &c->metadata);
}

static void
schedule(struct client *c, int64_t at_ns)
{
    if (!timer_is_armed(&c->refresh) || c->refresh.node.key > at_ns)
        timer_arm(c->env, &c->refresh, at_ns);
}

static bool
topics_are_known(struct client *c)
{
    LIST_EACH(&c->topics, t, struct topic, node)
        if (t->error || t->parts_n == 0) return false;
    return true;
}

static void
metadata_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct client *c = CONTAINER_OF(a, struct client, metadata);
    const struct k_metadata_response *r = response;
    (void)from;
    int64_t now = env_now_ns(c->env);
    if (err || r->error_code || r->brokers_n == 0) {
        c->failures++;
        c->is_doubtful = false;
        client_next_peer(c);
        timer_arm(c->env, &c->refresh, now + client_backoff_ns(c, c->failures));
        return;
    }
    client_learn_metadata(c, r);
    c->told_by = c->asked;
    c->answered_ns = now;
    c->failures = topics_are_known(c) ? 0 : c->failures + 1;
    bool soon = c->again || c->failures > 0;
    int64_t wait =
        soon ? client_backoff_ns(c, c->failures) : c->params.metadata_max_age_ms * NS_PER_MS;
    timer_arm(c->env, &c->refresh, now + wait);
    client_tell_watchers(c);
}

void
client_refresh(struct client *c)
{
    c->is_doubtful = c->answered_ns >= 0;
    if (c->metadata.pending) {
        c->again = true;
        return;
    }
    int64_t now = env_now_ns(c->env);
    int64_t soonest =
        c->answered_ns < 0 ? now : c->answered_ns + c->params.retry_backoff_ms * NS_PER_MS;
    if (c->failures == 0 || c->answered_ns < 0) schedule(c, MAX(now, soonest));
}

void
client_want_topic(struct client *c, struct slice topic)
{
    if (client_topic(c, topic)) return;
    struct topic *t = MEM_NEW(&c->env->mem, struct topic);
    t->name = mem_dup(&c->env->mem, topic);
    list_push_back(&c->topics, &t->node);
    if (c->metadata.pending) c->again = true;
    else schedule(c, env_now_ns(c->env));
}

void
client_metadata_init(struct client *c)
{
    list_init(&c->topics);
    list_init(&c->watchers);
    c->answered_ns = -1;
    c->refresh.due = ask_metadata;
    c->metadata = (struct ask){.api_key = K_API_METADATA,
                               .version_max = 13,
                               .timeout_ms = c->params.request_timeout_ms,
                               .build = metadata_build,
                               .done = metadata_answered};
}
