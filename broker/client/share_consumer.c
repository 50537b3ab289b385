#include "broker/client/share_consumer.h"

#include "broker/base/check.h"
#include "broker/client/share_consumer_internal.h"

typedef struct k_share_fetch_request_fetch_partition asked_part;

struct share_consumer_params
share_consumer_params_default(void)
{
    return (struct share_consumer_params){.records_max = 500, .max_wait_ms = 500};
}

/* ---- partitions ----------------------------------------------------------------------------------- */

static bool
share_place_eq(struct share_place a, struct share_place b)
{
    return a.index == b.index && uuid_eq(a.topic_id, b.topic_id);
}

static struct share_part *
share_part_get(struct share_consumer *sc, struct share_place at)
{
    for (int64_t i = 0; i < sc->parts.n; i++)
        if (share_place_eq(sc->parts.v[i].at, at)) return &sc->parts.v[i];
    struct share_part *p = VEC_ADD(&sc->env->mem, &sc->parts);
    p->at = at;
    return p;
}

/* What becomes of decisions is not known, or they were not taken. */
static void
tell_decided(struct share_consumer *sc, struct share_decided *v, int64_t n, int16_t error,
             bool in_doubt)
{
    for (int64_t i = 0; i < n; i++)
        sc->params.ops->acknowledged(sc->params.owner, &v[i], error, in_doubt);
}

static void
part_end_sent(struct share_consumer *sc, struct share_part *p, int16_t error, bool in_doubt)
{
    int64_t n = p->sent.n;
    struct share_decided *v = ARENA_ARRAY(&sc->env->scratch, struct share_decided, n);
    if (n) memcpy(v, p->sent.v, (size_t)n * sizeof *v);
    p->sent.n = 0;
    tell_decided(sc, v, n, error, in_doubt);
}

/* The session is gone, and with it what was given in it. */
static void
link_reset(struct share_link *l, int16_t error, bool in_doubt)
{
    struct share_consumer *sc = l->sc;
    l->epoch = 0;
    l->left.n = 0;
    for (int64_t i = 0; i < sc->parts.n; i++) {
        struct share_part *p = &sc->parts.v[i];
        if (p->link != l) continue;
        p->link = NULL;
        p->is_said = false;
        part_end_sent(sc, p, error, in_doubt);
        for (int64_t k = 0; k < p->decided.n; k++)
            VEC_PUSH(&sc->env->mem, &p->sent, p->decided.v[k]);
        p->decided.n = 0;
        part_end_sent(sc, p, error, false);
    }
}

/* ---- fetching ------------------------------------------------------------------------------------- */

static void
say_decided(struct arena *a, const struct share_part *p, asked_part *to)
{
    int32_t n = (int32_t)p->sent.n;
    to->acknowledgement_batches =
        codec_array(a, K_STRUCT_SHARE_FETCH_REQUEST_ACKNOWLEDGEMENT_BATCH, n);
    to->acknowledgement_batches_n = n;
    for (int32_t i = 0; i < n; i++) {
        int8_t *type = ARENA_NEW(a, int8_t);
        *type = (int8_t)p->sent.v[i].decision;
        to->acknowledgement_batches[i].first_offset = p->sent.v[i].first;
        to->acknowledgement_batches[i].last_offset = p->sent.v[i].last;
        to->acknowledgement_batches[i].acknowledge_types = type;
        to->acknowledgement_batches[i].acknowledge_types_n = 1;
    }
}

static asked_part *
add_asked_part(struct share_link *l, struct k_share_fetch_request *q, struct share_place at)
{
    struct arena *a = &l->sc->env->scratch;
    int32_t i = 0;
    while (i < q->topics_n && !uuid_eq(q->topics[i].topic_id, at.topic_id)) i++;
    if (i == q->topics_n) {
        q->topics[q->topics_n++].topic_id = at.topic_id;
        q->topics[i].partitions =
            codec_array(a, K_STRUCT_SHARE_FETCH_REQUEST_FETCH_PARTITION, l->sc->parts.n);
    }
    asked_part *to = &q->topics[i].partitions[q->topics[i].partitions_n++];
    to->partition_index = at.index;
    return to;
}

/* What has come back to this leader meanwhile stays. */
static void
say_forgotten(struct share_link *l, struct k_share_fetch_request *q)
{
    struct arena *a = &l->sc->env->scratch;
    if (!l->left.n || l->epoch <= 0) return;
    q->forgotten_topics_data =
        codec_array(a, K_STRUCT_SHARE_FETCH_REQUEST_FORGOTTEN_TOPIC, l->left.n);
    for (int64_t k = 0; k < l->left.n; k++) {
        struct share_place at = l->left.v[k];
        int32_t i = 0;
        if (share_part_get(l->sc, at)->link == l) continue;
        while (i < q->forgotten_topics_data_n &&
               !uuid_eq(q->forgotten_topics_data[i].topic_id, at.topic_id))
            i++;
        if (i == q->forgotten_topics_data_n) {
            q->forgotten_topics_data[q->forgotten_topics_data_n++].topic_id = at.topic_id;
            q->forgotten_topics_data[i].partitions = ARENA_ARRAY(a, int32_t, l->left.n);
        }
        q->forgotten_topics_data[i].partitions[q->forgotten_topics_data[i].partitions_n++] =
            at.index;
    }
}

static const void *
say_share_fetch(struct ask *ask, int16_t version)
{
    struct share_link *l = CONTAINER_OF(ask, struct share_link, ask);
    struct share_consumer *sc = l->sc;
    struct arena *a = &sc->env->scratch;
    struct k_share_fetch_request *q = ARENA_NEW(a, struct k_share_fetch_request);
    (void)version;
    codec_default(K_MSG_SHARE_FETCH_REQUEST, q);
    q->group_id = sc->params.group_id;
    q->member_id = sc->id;
    q->share_session_epoch = l->epoch;
    q->max_wait_ms = sc->params.max_wait_ms;
    q->min_bytes = 1;
    q->max_bytes = 1 << 20;
    q->max_records = q->batch_size = sc->params.records_max;
    q->topics = codec_array(a, K_STRUCT_SHARE_FETCH_REQUEST_FETCH_TOPIC, sc->parts.n);
    for (int64_t i = 0; i < sc->parts.n; i++) {
        struct share_part *p = &sc->parts.v[i];
        if (p->link != l || (p->is_said && p->sent.n == 0)) continue;
        say_decided(a, p, add_asked_part(l, q, p->at));
        p->is_said = true;
    }
    say_forgotten(l, q);
    l->left.n = 0;
    return q;
}

static void
take_share_partition(struct share_link *l, struct uuid topic_id,
                     const struct k_share_fetch_response_partition_data *d, struct buf *from)
{
    struct share_consumer *sc = l->sc;
    struct share_part *p = share_part_get(sc, (struct share_place){topic_id, d->partition_index});
    /* Another leads it by now, who was sent what was decided: it comes back when its lock has run out. */
    if (p->link != l) {
        VEC_PUSH(&sc->env->mem, &l->left, p->at);
        return;
    }
    part_end_sent(sc, p, d->acknowledge_error_code, false);
    if (d->error_code || d->acknowledge_error_code == K_ERR_NOT_LEADER_OR_FOLLOWER) {
        client_refresh(sc->c);
        VEC_PUSH(&sc->env->mem, &l->left, p->at);
        p->link = NULL; /* named anew, to whoever leads then */
        p->is_said = false;
    } else if (d->acquired_records_n > 0) {
        share_unpack_begin(l, p->at, d, from);
    }
}

static void
share_fetched(struct ask *ask, enum env_err err, const void *response, struct buf *from)
{
    struct share_link *l = CONTAINER_OF(ask, struct share_link, ask);
    struct share_consumer *sc = l->sc;
    const struct k_share_fetch_response *r = response;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : r->error_code;
    if (error) {
        sc->failures++;
        if (err) client_refresh(sc->c);
        link_reset(l, error, err != ENV_OK && ask->sent);
    } else {
        sc->failures = 0;
        l->epoch = l->epoch == INT32_MAX ? 1 : l->epoch + 1;
        for (int32_t i = 0; i < r->responses_n; i++)
            for (int32_t k = 0; k < r->responses[i].partitions_n; k++)
                take_share_partition(l, r->responses[i].topic_id, &r->responses[i].partitions[k],
                                     from);
        /* What it says nothing of was not taken. */
        for (int64_t i = 0; i < sc->parts.n; i++)
            if (sc->parts.v[i].link == l)
                part_end_sent(sc, &sc->parts.v[i], K_ERR_UNKNOWN_SERVER_ERROR, true);
    }
    defer(sc->env, &sc->unpack);
}

static struct share_link *
share_link_get(struct share_consumer *sc, struct peer *peer)
{
    LIST_EACH(&sc->links, it, struct share_link, node)
        if (it->peer == peer) return it;
    struct share_link *l = MEM_NEW(&sc->env->mem, struct share_link);
    l->sc = sc;
    l->peer = peer;
    list_push_back(&sc->links, &l->node);
    return l;
}

/* Each assigned partition is in the session with its leader. A link that is asking is left alone. */
static void
find_links(struct share_consumer *sc)
{
    struct topic *t = client_topic(sc->c, sc->params.topic);
    for (int64_t i = 0; t && i < sc->parts.n; i++) {
        struct share_part *p = &sc->parts.v[i];
        if (p->link || !p->is_assigned) continue;
        /* Of a topic that has this name no more, or has not yet been heard of, no leader is known. */
        bool is_known = uuid_eq(p->at.topic_id, t->id) && p->at.index < t->parts_n;
        struct peer *leader = is_known ? topic_leader(sc->c, t, p->at.index) : NULL;
        if (!leader) client_refresh(sc->c);
        else p->link = share_link_get(sc, leader);
    }
}

static bool
link_has_parts(const struct share_link *l)
{
    for (int64_t i = 0; i < l->sc->parts.n; i++)
        if (l->sc->parts.v[i].link == l) return true;
    return false;
}

static bool
any_is_asking(const struct share_consumer *sc)
{
    LIST_EACH(&sc->links, l, struct share_link, node)
        if (l->ask.pending) return true;
    return false;
}

static void
link_ask(struct share_link *l)
{
    struct share_consumer *sc = l->sc;
    for (int64_t i = 0; i < sc->parts.n; i++) {
        struct share_part *p = &sc->parts.v[i];
        if (p->link != l) continue;
        for (int64_t k = 0; k < p->decided.n; k++)
            VEC_PUSH(&sc->env->mem, &p->sent, p->decided.v[k]);
        p->decided.n = 0;
    }
    l->asked_ns = env_now_ns(sc->env);
    l->ask = (struct ask){.api_key = K_API_SHARE_FETCH,
                          .version_min = 1,
                          .version_max = 2,
                          .timeout_ms = sc->c->params.request_timeout_ms,
                          .build = say_share_fetch,
                          .done = share_fetched};
    ask_send(sc->c, l->peer, FOR_FETCH, &l->ask);
}

static void
fetch_now(struct share_consumer *sc)
{
    find_links(sc);
    LIST_EACH(&sc->links, l, struct share_link, node)
        if (!l->ask.pending && link_has_parts(l)) link_ask(l);
    if (!any_is_asking(sc) && !timer_is_armed(&sc->fetch_again))
        timer_arm(sc->env, &sc->fetch_again,
                  env_now_ns(sc->env) + client_backoff_ns(sc->c, sc->failures + 1));
}

static void
fetch_is_due(struct timer *t)
{
    struct share_consumer *sc = CONTAINER_OF(t, struct share_consumer, fetch_again);
    if (sc->wants && !any_is_asking(sc)) fetch_now(sc);
}

void
share_maybe_fetched(struct share_consumer *sc)
{
    if (!sc->wants || !list_is_empty(&sc->pieces) || (any_is_asking(sc) && !sc->has_given)) return;
    sc->wants = sc->has_given = false;
    sc->params.ops->fetched(sc->params.owner);
}

void
share_consumer_poll(struct share_consumer *sc)
{
    if (sc->is_out || sc->is_leaving) return;
    sc->wants = true;
    fetch_now(sc);
    if (!list_is_empty(&sc->pieces)) defer(sc->env, &sc->unpack);
}

void
share_consumer_acknowledge(struct share_consumer *sc, const struct share_decided *d)
{
    struct share_part *p = share_part_get(sc, (struct share_place){d->topic_id, d->partition});
    if (p->link) VEC_PUSH(&sc->env->mem, &p->decided, *d);
    else sc->params.ops->acknowledged(sc->params.owner, d, K_ERR_INVALID_RECORD_STATE, false);
}

/* ---- membership ----------------------------------------------------------------------------------- */

static void share_find(struct share_consumer *sc);

static const void *
say_share_beat(struct ask *ask, int16_t version)
{
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, beat);
    struct k_share_group_heartbeat_request *q =
        ARENA_NEW(&sc->env->scratch, struct k_share_group_heartbeat_request);
    (void)version;
    codec_default(K_MSG_SHARE_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = sc->params.group_id;
    q->member_id = sc->id;
    q->member_epoch = sc->is_leaving ? -1 : sc->epoch;
    if (sc->epoch != 0 || sc->is_leaving) return q;
    q->subscribed_topic_names = &sc->params.topic;
    q->subscribed_topic_names_n = 1;
    return q;
}

static void
take_share_assignment(struct share_consumer *sc,
                      const struct k_share_group_heartbeat_response_assignment *as)
{
    for (int64_t i = 0; i < sc->parts.n; i++) sc->parts.v[i].is_assigned = false;
    for (int32_t i = 0; i < as->topic_partitions_n; i++)
        for (int32_t k = 0; k < as->topic_partitions[i].partitions_n; k++) {
            struct share_place at = {as->topic_partitions[i].topic_id,
                                     as->topic_partitions[i].partitions[k]};
            share_part_get(sc, at)->is_assigned = true;
        }
    if (sc->wants && !any_is_asking(sc)) fetch_now(sc);
}

static void
beat_in(struct share_consumer *sc, int64_t ns)
{
    timer_arm(sc->env, &sc->beat_due, env_now_ns(sc->env) + ns);
}

/* ---- the group's start offsets ---- */

#define LOOK_NS NS_PER_S

static const void *
say_look(struct ask *ask, int16_t version)
{
    typedef struct k_describe_share_group_offsets_request request;
    typedef struct k_describe_share_group_offsets_request_describe_share_group_offsets_request_group
        group;
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, look);
    request *q = ARENA_NEW(&sc->env->scratch, request);
    (void)version;
    codec_default(K_MSG_DESCRIBE_SHARE_GROUP_OFFSETS_REQUEST, q);
    q->groups = ARENA_NEW(&sc->env->scratch, group);
    q->groups->group_id = sc->params.group_id;
    q->groups->topics_n = -1; /* all */
    q->groups_n = 1;
    return q;
}

static void
look_answered(struct ask *ask, enum env_err err, const void *response, struct buf *from)
{
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, look);
    const struct k_describe_share_group_offsets_response *r = response;
    (void)from;
    if (err || r->groups_n != 1 || r->groups->error_code) return;
    for (int32_t i = 0; i < r->groups->topics_n; i++) {
        const struct
            k_describe_share_group_offsets_response_describe_share_group_offsets_response_topic *t =
                &r->groups->topics[i];
        if (!slice_eq(t->topic_name, sc->params.topic)) continue;
        for (int32_t k = 0; k < t->partitions_n; k++)
            if (!t->partitions[k].error_code && t->partitions[k].start_offset >= 0)
                sc->params.ops->start_offset(sc->params.owner, t->topic_id,
                                             t->partitions[k].partition_index,
                                             t->partitions[k].start_offset, sc->looked_ns);
    }
}

static void
maybe_look(struct share_consumer *sc)
{
    int64_t now_ns = env_now_ns(sc->env);
    if (!sc->params.ops->start_offset || sc->look.pending || now_ns < sc->looked_ns + LOOK_NS)
        return;
    sc->looked_ns = now_ns;
    sc->look = (struct ask){.api_key = K_API_DESCRIBE_SHARE_GROUP_OFFSETS,
                            .version_max = 1,
                            .timeout_ms = sc->c->params.request_timeout_ms,
                            .build = say_look,
                            .done = look_answered};
    ask_send(sc->c, sc->coordinator, FOR_GROUP, &sc->look);
}

static void
share_left(struct share_consumer *sc)
{
    if (sc->is_out) return;
    sc->is_out = true;
    timer_cancel(sc->env, &sc->beat_due);
    sc->params.ops->left(sc->params.owner);
}

static void
share_beat_answered(struct ask *ask, enum env_err err, const void *response, struct buf *from)
{
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, beat);
    const struct k_share_group_heartbeat_response *r = response;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : r->error_code;
    (void)from;
    if (sc->is_leaving) {
        share_left(sc);
        return;
    }
    switch (error) {
    case K_ERR_NONE:
        sc->epoch = r->member_epoch;
        if (r->heartbeat_interval_ms > 0) sc->interval_ms = r->heartbeat_interval_ms;
        if (r->assignment) take_share_assignment(sc, r->assignment);
        maybe_look(sc);
        beat_in(sc, sc->interval_ms * NS_PER_MS);
        break;
    case K_ERR_UNKNOWN_MEMBER_ID:
    case K_ERR_FENCED_MEMBER_EPOCH:
    case K_ERR_GROUP_ID_NOT_FOUND:
        sc->epoch = 0; /* joins anew */
        beat_in(sc, 0);
        break;
    case K_ERR_UNSUPPORTED_VERSION:
    case K_ERR_INVALID_REQUEST:
    case K_ERR_GROUP_MAX_SIZE_REACHED:
        sc->is_out = true;
        sc->params.ops->refused(sc->params.owner, error);
        break;
    default:
        sc->coordinator = NULL;
        beat_in(sc, client_backoff_ns(sc->c, 1));
        break;
    }
}

static void
share_beat_due(struct timer *t)
{
    struct share_consumer *sc = CONTAINER_OF(t, struct share_consumer, beat_due);
    if (!client_topic(sc->c, sc->params.topic) ||
        uuid_is_zero(client_topic(sc->c, sc->params.topic)->id)) {
        client_want_topic(sc->c, sc->params.topic);
        beat_in(sc, client_backoff_ns(sc->c, 1));
        return;
    }
    if (!sc->coordinator) share_find(sc);
    if (!sc->coordinator || sc->beat.pending) return;
    sc->beat = (struct ask){.api_key = K_API_SHARE_GROUP_HEARTBEAT,
                            .version_min = 1,
                            .version_max = 1,
                            .timeout_ms = sc->c->params.request_timeout_ms,
                            .build = say_share_beat,
                            .done = share_beat_answered};
    ask_send(sc->c, sc->coordinator, FOR_GROUP, &sc->beat);
}

static const void *
say_share_find(struct ask *ask, int16_t version)
{
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, find);
    return client_find_build(sc->c, 0, &sc->params.group_id, version);
}

static void
share_found(struct ask *ask, enum env_err err, const void *response, struct buf *from)
{
    struct share_consumer *sc = CONTAINER_OF(ask, struct share_consumer, find);
    struct peer *peer = client_found_peer(sc->c, ask, err, response);
    (void)from;
    if (peer) sc->coordinator = peer;
    beat_in(sc, sc->coordinator ? 0 : client_backoff_ns(sc->c, 1));
}

static void
share_find(struct share_consumer *sc)
{
    if (sc->find.pending) return;
    sc->find = (struct ask){.api_key = K_API_FIND_COORDINATOR,
                            .version_min = 4,
                            .version_max = 6,
                            .timeout_ms = sc->c->params.request_timeout_ms,
                            .build = say_share_find,
                            .done = share_found};
    ask_send(sc->c, client_any_peer(sc->c), FOR_CONTROL, &sc->find);
}

void
share_consumer_leave(struct share_consumer *sc)
{
    if (sc->is_out || sc->is_leaving) return;
    sc->is_leaving = true;
    sc->wants = false;
    beat_in(sc, 0);
}

static void
share_topics_changed(struct client_watcher *w)
{
    struct share_consumer *sc = CONTAINER_OF(w, struct share_consumer, watcher);
    if (sc->wants && !any_is_asking(sc)) fetch_now(sc);
}

struct share_consumer *
share_consumer_new(struct client *c, const struct share_consumer_params *p)
{
    struct share_consumer *sc = MEM_NEW(&c->env->mem, struct share_consumer);
    char text[UUID_TEXT_BYTES];
    sc->c = c;
    sc->env = c->env;
    sc->params = *p;
    uuid_print(env_random_uuid_of(c->env, STREAM_MEMBER_ID), text);
    sc->id = mem_dup(&c->env->mem, slice(text, sizeof text));
    sc->interval_ms = 5000;
    sc->beat_due.due = share_beat_due;
    sc->fetch_again.due = fetch_is_due;
    sc->unpack.run = share_unpack;
    sc->watcher.changed = share_topics_changed;
    list_init(&sc->links);
    list_init(&sc->pieces);
    client_want_topic(c, p->topic);
    client_watch(c, &sc->watcher);
    beat_in(sc, 0);
    return sc;
}
