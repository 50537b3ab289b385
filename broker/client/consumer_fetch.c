#include "broker/client/consumer_internal.h"

/* ---- the request --------------------------------------------------------------------------------- */

static struct k_fetch_request_fetch_topic *
topic_entry(struct fetch *f, struct k_fetch_request *r, const struct fetch_item *item)
{
    const struct assigned *a = item->a;
    for (int32_t i = 0; i < r->topics_n; i++)
        if (slice_eq(r->topics[i].topic, a->topic)) return &r->topics[i];
    struct k_fetch_request_fetch_topic *t = &r->topics[r->topics_n++];
    t->topic = a->topic;
    t->topic_id = item->topic_id;
    t->partitions =
        codec_array(&f->r->env->scratch, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, f->items.n);
    return t;
}

static void
item_write(struct fetch *f, struct k_fetch_request *r, const struct fetch_item *item,
           int16_t version)
{
    const struct assigned *a = item->a;
    struct k_fetch_request_fetch_topic *t = topic_entry(f, r, item);
    struct k_fetch_request_fetch_partition *p = &t->partitions[t->partitions_n++];
    p->partition = a->partition;
    p->fetch_offset = item->position;
    p->partition_max_bytes = f->r->params.partition_max_bytes;
    if (version >= 9) p->current_leader_epoch = item->leader_epoch;
    if (version >= 12) p->last_fetched_epoch = a->epoch;
}

static const void *
fetch_build(struct ask *ask, int16_t version)
{
    struct fetch *f = CONTAINER_OF(ask, struct fetch, ask);
    struct arena *scratch = &f->r->env->scratch;
    struct k_fetch_request *r = ARENA_NEW(scratch, struct k_fetch_request);
    codec_default(K_MSG_FETCH_REQUEST, r);
    if (version < 15) r->replica_id = -1;
    r->max_wait_ms = f->r->params.max_wait_ms;
    r->min_bytes = f->r->params.min_bytes;
    r->max_bytes = f->r->params.max_bytes;
    r->isolation_level = f->r->params.read_committed;
    r->session_epoch = -1;
    if (version >= 11 && f->r->params.rack.p) r->rack_id = f->r->params.rack;
    r->topics = codec_array(scratch, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, f->items.n);
    for (int64_t i = 0; i < f->items.n; i++) item_write(f, r, &f->items.v[i], version);
    return r;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static const struct k_fetch_response_partition_data *
fetched_partition(struct fetch *f, const struct k_fetch_response *r, const struct fetch_item *item)
{
    const struct assigned *a = item->a;
    for (int32_t i = 0; i < r->responses_n; i++) {
        const struct k_fetch_response_fetchable_topic_response *t = &r->responses[i];
        /* By the id that was asked for: another topic may have its name by now. */
        bool is_its = f->ask.version >= 13 ? uuid_eq(t->topic_id, item->topic_id)
                                           : slice_eq(t->topic, a->topic);
        if (!is_its) continue;
        for (int32_t j = 0; j < t->partitions_n; j++)
            if (t->partitions[j].partition_index == a->partition) return &t->partitions[j];
    }
    return NULL;
}

/* KIP-951 */
static void
consumer_learn_leader(struct fetch *f, const struct k_fetch_response *r, const struct assigned *a,
                      const struct k_fetch_response_partition_data *p)
{
    for (int32_t i = 0; i < r->node_endpoints_n; i++)
        if (r->node_endpoints[i].node_id == p->current_leader.leader_id)
            client_learn_peer(f->r->c, r->node_endpoints[i].node_id, r->node_endpoints[i].host,
                              r->node_endpoints[i].port);
    client_learn_leader(f->r->c, a->topic, a->partition, p->current_leader.leader_id,
                        p->current_leader.leader_epoch);
}

/* ---- the replica in our rack (KIP-392) ----------------------------------------------------------- */

/* The leader knows who is near, and in sync. Who is near does not know when it has fallen behind: so the leader is asked
 * again after a while, and whenever something is wrong. */
static void
send_to_near(struct assigned *a, int32_t id)
{
    int64_t while_ns = a->r->c->params.metadata_max_age_ms * NS_PER_MS;
    a->near_id = id;
    a->near_until_ns = env_now_ns(a->r->env) + while_ns;
}

static int32_t
replica_to_ask(struct assigned *a)
{
    if (a->node_id >= 0) return a->node_id;
    if (a->near_id >= 0 && env_now_ns(a->r->env) >= a->near_until_ns) a->near_id = -1;
    if (a->near_id >= 0 && !client_peer(a->r->c, a->near_id)) a->near_id = -1;
    return a->near_id >= 0 ? a->near_id : client_leader(a->r->c, a->topic, a->partition);
}

static void
failed(struct assigned *a, int16_t error)
{
    a->near_id = -1;
    assigned_backoff(a);
    if (k_err_is_stale_metadata(error) || error == K_ERR_NETWORK_EXCEPTION) client_refresh(a->r->c);
    CONSUMER_TELL(a, error, error);
}

/* The first record of the replica that we read from lies behind where we stand: it has removed what was before. */
static void
replica_start_known(struct lookup *l)
{
    struct assigned *a = CONTAINER_OF(l, struct assigned, lookup);
    defer(a->r->env, &a->r->pump);
    if (a->gone || a->lookup_seeks != a->seeks || l->error || l->offset <= a->position) return;
    assigned_move(a, l->offset);
    CONSUMER_TELL(a, positioned, l->offset);
}

static void
ask_where_replica_starts(struct assigned *a)
{
    if (a->lookup.state) return;
    a->lookup.done = replica_start_known;
    a->lookup_seeks = a->seeks;
    client_list_offsets_of(a->r->c, &a->lookup, a->topic, a->partition, a->node_id, OFFSET_EARLIEST,
                           false, a->r->params.request_timeout_ms);
}

/* auto.offset.reset */
static void
begin_by_policy(struct assigned *a)
{
    if (a->r->params.reset == RESET_NONE) {
        assigned_move(a, -1);
        return;
    }
    assigned_look(a, a->r->params.reset == RESET_EARLIEST ? OFFSET_EARLIEST : OFFSET_LATEST);
}

/* A follower may not have come so far yet: of its end only what the leader says counts. */
static void
out_of_range(struct assigned *a, int64_t position, int32_t asked)
{
    int64_t seeks = a->seeks;
    bool of_follower = a->node_id >= 0 || a->near_id == asked;
    if (of_follower && client_leader(a->r->c, a->topic, a->partition) != asked) {
        failed(a, K_ERR_OFFSET_OUT_OF_RANGE);
        if (a->node_id >= 0) ask_where_replica_starts(a);
        return;
    }
    CONSUMER_TELL(a, out_of_range, position);
    if (a->seeks != seeks || a->gone) return;
    begin_by_policy(a);
}

/* KIP-320: our last record's epoch ended earlier in this log than where we stand. */
static void
diverged(struct assigned *a, int32_t epoch, int64_t end_offset)
{
    int64_t seeks = a->seeks, position = a->position;
    CONSUMER_TELL(a, truncated, position, epoch, end_offset);
    if (a->seeks != seeks || a->gone) return;
    a->epoch = epoch;
    assigned_move(a, MIN(position, MAX(end_offset, 0)));
}

static void
item_take(struct fetch *f, const struct fetch_item *item, enum env_err err,
          const struct k_fetch_response *r, struct buf *from)
{
    struct assigned *a = item->a;
    a->fetching = false;
    if (a->gone || a->seeks != item->seeks) return;
    const struct k_fetch_response_partition_data *p =
        err || r->error_code ? NULL : fetched_partition(f, r, item);
    a->is_by_id = f->ask.version >= 13;
    if (!p) {
        failed(a, err             ? K_ERR_NETWORK_EXCEPTION
                  : r->error_code ? r->error_code
                                  : K_ERR_UNKNOWN_SERVER_ERROR);
    } else if (p->error_code == K_ERR_OFFSET_OUT_OF_RANGE) {
        out_of_range(a, item->position, f->peer->id);
    } else if (p->error_code) {
        failed(a, p->error_code);
        consumer_learn_leader(f, r, a, p);
    } else if (p->diverging_epoch.epoch >= 0 && p->diverging_epoch.end_offset >= 0) {
        diverged(a, p->diverging_epoch.epoch, p->diverging_epoch.end_offset);
    } else if (p->preferred_read_replica >= 0 && a->node_id < 0) {
        send_to_near(a, p->preferred_read_replica);
    } else {
        assigned_take(a, p, from);
    }
}

static void
fetch_answered(struct ask *ask, enum env_err err, const void *response, struct buf *from)
{
    struct fetch *f = CONTAINER_OF(ask, struct fetch, ask);
    for (int64_t i = 0; i < f->items.n; i++) item_take(f, &f->items.v[i], err, response, from);
    f->items.n = 0;
    defer(f->r->env, &f->r->pump);
}

/* ---- what may be asked for ----------------------------------------------------------------------- */

static bool
fetch_holds(const struct fetch *f, const struct assigned *a)
{
    for (int64_t i = 0; i < f->items.n; i++) {
        const struct assigned *b = f->items.v[i].a;
        if (b->partition == a->partition && slice_eq(b->topic, a->topic)) return true;
    }
    return false;
}

/* A partition that is assigned twice, once to its leader whoever that is and once to a broker that has come
 * to lead it, stands in two requests: in one it would be answered only once. And on two connections: behind one that waits
 * for records the other would wait, too, though there are some for it. */
static struct fetch *
fetch_of(struct consumer *r, struct peer *peer, const struct assigned *a)
{
    enum purpose purpose = FOR_FETCH;
    LIST_EACH(&r->fetches, f, struct fetch, node) {
        if (f->peer != peer) continue;
        if (!fetch_holds(f, a)) return f;
        purpose = FOR_FETCH_BESIDE;
    }
    struct fetch *f = MEM_NEW(&r->env->mem, struct fetch);
    f->r = r;
    f->peer = peer;
    f->purpose = purpose;
    list_push_back(&r->fetches, &f->node);
    return f;
}

/* Another leader than the one that it failed at need not be waited for. */
static bool
has_new_leader(const struct assigned *a)
{
    const struct part *part = client_part(a->r->c, a->topic, a->partition);
    return a->node_id < 0 && part && part->leader >= 0 && part->leader_epoch > a->failed_epoch;
}

static bool
is_fetchable(struct assigned *a, int64_t *wake_ns)
{
    if (a->gone || a->paused || a->fetching || a->from || a->position < 0) return false;
    if (a->resume_ns <= env_now_ns(a->r->env) || has_new_leader(a)) return true;
    *wake_ns = MIN(*wake_ns, a->resume_ns);
    return false;
}

/* The topic was deleted and another one has its name: the position is none of its, nor is the epoch of the last record. Kafka's
 * client finds that out where the epochs say so (OffsetsForLeaderEpoch), or its position is out of range, and begins anew by its policy;
 * else it goes on in the middle. Here it always begins anew. True: so it is. */
static bool
begins_in_another_topic(struct assigned *a)
{
    struct uuid id = client_topic_id(a->r->c, a->topic);
    bool is_another = !uuid_is_zero(a->topic_id) && !uuid_is_zero(id) && !uuid_eq(a->topic_id, id);
    int64_t seeks = a->seeks, position = a->position;
    if (is_another) CONSUMER_TELL(a, out_of_range, position);
    a->topic_id = id;
    if (!is_another) return false;
    a->epoch = -1;
    if (a->seeks != seeks || a->gone) return true;
    begin_by_policy(a);
    return true;
}

/* What was committed by name may have been of a topic that was deleted, and the one that has its name now may never come to such an epoch.
 * Kafka's client waits for it all the same; here nobody waits for longer than brokers that are cut off go on unheard of: all have
 * been asked by then, again and again. True: so it is, and it begins by its policy. */
#define EPOCH_UNKNOWN_NS (10 * NS_PER_S)

static bool
gives_up_epoch(struct assigned *a)
{
    struct part *part = client_part(a->r->c, a->topic, a->partition);
    int64_t now = env_now_ns(a->r->env), seeks = a->seeks, position = a->position;
    bool waits = a->was_committed && a->node_id < 0 && part && part->leader < 0 &&
                 part->leader_epoch == a->epoch; /* client_see_epoch() */
    if (!waits) a->waits_since_ns = 0;
    else if (!a->waits_since_ns) a->waits_since_ns = now;
    if (!waits || now - a->waits_since_ns < EPOCH_UNKNOWN_NS) return false;
    *part = (struct part){.leader = -1, .leader_epoch = -1};
    a->epoch = -1;
    CONSUMER_TELL(a, out_of_range, position);
    if (a->seeks == seeks && !a->gone) begin_by_policy(a);
    client_refresh(a->r->c);
    return true;
}

static void
fetch_add(struct assigned *a)
{
    struct consumer *r = a->r;
    if (assigned_is_of_another(a)) return;
    if (!a->is_of_one_topic && begins_in_another_topic(a)) return;
    if (gives_up_epoch(a)) return;
    struct peer *peer = client_peer(r->c, replica_to_ask(a));
    const struct part *part = client_part(r->c, a->topic, a->partition);
    if (!peer || !part) {
        client_refresh(r->c);
        return;
    }
    if (a->node_id < 0 && part->leader_epoch < a->epoch) {
        client_see_epoch(r->c, a->topic, a->partition, a->epoch);
        return;
    }
    struct fetch *f = fetch_of(r, peer, a);
    if (f->ask.pending || !client_reaches(r->c, peer, f->purpose)) return;
    struct fetch_item item = {a, a->position, a->seeks, part->leader_epoch, a->topic_id};
    VEC_PUSH(&r->env->mem, &f->items, item);
}

static int16_t
version_max(struct fetch *f)
{
    for (int64_t i = 0; i < f->items.n; i++)
        if (uuid_is_zero(f->items.v[i].topic_id)) return 12;
    return 17;
}

static void
fetch_send(struct fetch *f)
{
    for (int64_t i = 0; i < f->items.n; i++) f->items.v[i].a->fetching = true;
    f->ask = (struct ask){.api_key = K_API_FETCH,
                          .version_min = 4,
                          .version_max = version_max(f),
                          .timeout_ms = f->r->params.request_timeout_ms + f->r->params.max_wait_ms,
                          .build = fetch_build,
                          .done = fetch_answered};
    ask_send(f->r->c, f->peer, f->purpose, &f->ask);
}

void
consumer_fetch(struct consumer *r, int64_t *wake_ns)
{
    /* A partition whose batch is being unpacked would be left out of the next fetch, and that one may be held for
     * fetch.max.wait.ms, for it asks only those that have nothing: in a moment all can be asked together. */
    if (r->unpacking > 0) return;
    LIST_EACH(&r->assigned, a, struct assigned, node)
        if (is_fetchable(a, wake_ns)) fetch_add(a);
    LIST_EACH(&r->fetches, f, struct fetch, node)
        if (!f->ask.pending && f->items.n > 0) fetch_send(f);
}
