#include "broker/client/producer_internal.h"

/* ---- requests in flight -------------------------------------------------------------------------- */

static int32_t *
flights_to(struct producer *p, int32_t node_id)
{
    for (int64_t i = 0; i < p->flights.n; i++)
        if (p->flights.v[i].node_id == node_id) return &p->flights.v[i].n;
    struct flight *f = VEC_ADD(&p->env->mem, &p->flights);
    f->node_id = node_id;
    return &f->n;
}

/* ---- the request --------------------------------------------------------------------------------- */

static struct k_produce_request_topic_produce_data *
topic_data(struct producer *p, struct k_produce_request *r, const struct pbatch *b, int64_t room)
{
    struct slice name = b->part->topic->name;
    for (int32_t i = 0; i < r->topic_data_n; i++)
        if (r->topic_data[i].name.p == name.p) return &r->topic_data[i];
    struct k_produce_request_topic_produce_data *d = &r->topic_data[r->topic_data_n++];
    d->name = name;
    d->topic_id = b->topic_id;
    d->partition_data =
        codec_array(&p->env->scratch, K_STRUCT_PRODUCE_REQUEST_PARTITION_PRODUCE_DATA, room);
    return d;
}

static const void *
produce_build(struct ask *a, int16_t version)
{
    struct preq *q = CONTAINER_OF(a, struct preq, ask);
    struct producer *p = q->p;
    struct k_produce_request *r = ARENA_NEW(&p->env->scratch, struct k_produce_request);
    (void)version;
    codec_default(K_MSG_PRODUCE_REQUEST, r);
    r->acks = p->params.acks;
    r->transactional_id = p->transactional_id;
    r->timeout_ms = (int32_t)MIN(p->params.ack_timeout_ms ? p->params.ack_timeout_ms
                                                          : p->params.request_timeout_ms,
                                 INT32_MAX);
    r->topic_data =
        codec_array(&p->env->scratch, K_STRUCT_PRODUCE_REQUEST_TOPIC_PRODUCE_DATA, q->batches.n);
    for (int64_t i = 0; i < q->batches.n; i++) {
        struct pbatch *b = q->batches.v[i];
        struct k_produce_request_topic_produce_data *d = topic_data(p, r, b, q->batches.n);
        struct k_produce_request_partition_produce_data *part =
            &d->partition_data[d->partition_data_n++];
        part->index = b->part->index;
        part->records = (struct k_records){.bytes = buf_slice(b->bytes), .buf = b->bytes};
    }
    return r;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static bool
delivery_timed_out(struct producer *p, const struct pbatch *b)
{
    return env_now_ns(p->env) >= b->created_ns + p->params.delivery_timeout_ms * NS_PER_MS;
}

/* An error about sequence numbers. If an earlier batch of the partition is still under way, this one only came
 * too early: it is sent again. If it is the first, the broker's numbers and ours have parted for good, and the
 * epoch must be raised. With one exception: the error may come from a leader that has been deposed and does not
 * know it yet. So a batch that an earlier attempt may have stored is never sent under new numbers; it is sent
 * again as it is, until a leader knows it or its time is over. So is one behind which others are stored already, and
 * for another reason: under new numbers it would come after them. It need not be there because they are: a log
 * that has forgotten the producer, or lost all it had, takes what comes first, whatever came before it (KIP-360). */
static void
look_at_sequence(struct producer *p, struct pbatch *b, int16_t error)
{
    bool first = b->part->batches.next == &b->node;
    bool apart = error == K_ERR_INVALID_PRODUCER_EPOCH || error == K_ERR_UNKNOWN_PRODUCER_ID ||
                 (error == K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && first);
    if (!b->has_sequence || !apart) return;
    bool may_be_new = !b->maybe_stored && !part_has_stored_behind(b->part, b);
    if (may_be_new || producer_is_transactional(p)) {
        b->part->bump = true;
        return;
    }
    client_next_peer(p->c);
    client_refresh(p->c);
}

static void
batch_refused(struct producer *p, struct pbatch *b, int16_t error, enum attempt attempt)
{
    if (attempt == ATTEMPT_UNKNOWN) b->maybe_stored = true;
    b->error = error;
    if (k_err_is_stale_metadata(error) || error == K_ERR_NETWORK_EXCEPTION) client_refresh(p->c);
    if (b->ended) {
        batch_free(p, b);
        return;
    }
    if (attempt_is_retriable(error, p->params.idempotent) && b->attempts <= p->params.retries &&
        !delivery_timed_out(p, b)) {
        look_at_sequence(p, b, error);
        b->state = BATCH_IS_READY;
        b->not_before_ns = env_now_ns(p->env) + client_backoff_ns(p->c, b->attempts);
        p->stats.retries++;
        return;
    }
    batch_end(p, b, b->maybe_stored ? SEND_UNKNOWN : SEND_FAILED, error, -1, -1);
    batch_free(p, b);
}

static void
batch_answered(struct producer *p, struct pbatch *b,
               const struct k_produce_response_partition_produce_response *r)
{
    enum attempt attempt = attempt_of(r->error_code);
    if (attempt != ATTEMPT_STORED) {
        batch_refused(p, b, r->error_code, attempt);
        return;
    }
    part_note_stored(b->part, b);
    bool twice = r->error_code == K_ERR_DUPLICATE_SEQUENCE_NUMBER;
    if (!b->ended)
        batch_end(p, b, SEND_OK, K_ERR_NONE, twice ? -1 : r->base_offset, r->log_append_time_ms);
    batch_free(p, b);
}

static const struct k_produce_response_partition_produce_response *
produced_partition(const struct k_produce_response *r, int16_t version, const struct pbatch *b)
{
    for (int32_t i = 0; i < r->responses_n; i++) {
        const struct k_produce_response_topic_produce_response *t = &r->responses[i];
        /* By the id that it was sent with: another topic may have its name by now. */
        bool is_its = version >= 13 ? uuid_eq(t->topic_id, b->topic_id)
                                    : slice_eq(t->name, b->part->topic->name);
        if (!is_its) continue;
        for (int32_t j = 0; j < t->partition_responses_n; j++)
            if (t->partition_responses[j].index == b->part->index)
                return &t->partition_responses[j];
    }
    return NULL;
}

/* KIP-951: an answer that says "not leader" may say who is. */
static void
producer_learn_leader(struct producer *p, const struct k_produce_response *r,
                      const struct pbatch *b,
                      const struct k_produce_response_partition_produce_response *one)
{
    for (int32_t i = 0; i < r->node_endpoints_n; i++)
        if (r->node_endpoints[i].node_id == one->current_leader.leader_id)
            client_learn_peer(p->c, r->node_endpoints[i].node_id, r->node_endpoints[i].host,
                              r->node_endpoints[i].port);
    client_learn_leader(p->c, b->part->topic->name, b->part->index, one->current_leader.leader_id,
                        one->current_leader.leader_epoch);
}

static void
request_take(struct preq *q, enum env_err err, const struct k_produce_response *r, struct pbatch *b)
{
    struct producer *p = q->p;
    CHECK(b->part->in_flight > 0);
    b->part->in_flight--;
    b->node_id = q->peer->id;
    b->is_by_id = q->ask.version >= 13;
    if (err) {
        /* What never left us is nowhere. */
        batch_refused(p, b, K_ERR_NETWORK_EXCEPTION,
                      q->ask.sent ? ATTEMPT_UNKNOWN : ATTEMPT_REFUSED);
        return;
    }
    static const struct k_produce_response_partition_produce_response stored = {
        .base_offset = -1, .log_append_time_ms = -1};
    static const struct k_produce_response_partition_produce_response missing = {
        .error_code = K_ERR_UNKNOWN_SERVER_ERROR};
    const struct k_produce_response_partition_produce_response *one =
        r ? produced_partition(r, q->ask.version, b) : &stored;
    if (r && one) producer_learn_leader(p, r, b, one);
    batch_answered(p, b, one ? one : &missing);
}

/* Anew also where it is early enough: a pump would have done so, and of what is due at one time the last that was armed comes last. */
static void
wake_by(struct producer *p, int64_t at_ns)
{
    if (timer_is_armed(&p->wake)) at_ns = MIN(at_ns, p->wake.node.key);
    timer_arm(p->env, &p->wake, at_ns);
}

/* Whether the end of this request lets anything else go: what lay behind its batches, what had no room among the requests in
 * flight, a flush. If nothing, most often, no pump is needed. */
static bool
answer_frees(const struct producer *p, const struct ppart *part)
{
    return !list_is_empty(&part->batches) || part->hole || part->bump || producer_is_flushing(p) ||
           producer_is_transactional(p);
}

static void
produce_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct preq *q = CONTAINER_OF(a, struct preq, ask);
    struct producer *p = q->p;
    (void)from;
    int32_t *in_flight = flights_to(p, q->peer->id);
    CHECK(*in_flight > 0);
    bool frees = (*in_flight)-- >= p->params.max_in_flight;
    for (int64_t i = 0; i < q->batches.n; i++) {
        const struct ppart *part = q->batches.v[i]->part;
        request_take(q, err, response, q->batches.v[i]);
        frees = answer_frees(p, part) || frees;
    }
    VEC_RELEASE(&p->env->mem, &q->batches);
    MEM_DELETE(&p->env->mem, q);
    if (frees) defer(p->env, &p->pump);
    else if (p->pending == 0) timer_cancel(p->env, &p->wake);
    else if (timer_is_armed(&p->wake)) wake_by(p, p->wake.node.key);
}

/* ---- what may go --------------------------------------------------------------------------------- */

static bool
lingered(struct producer *p, const struct pbatch *b)
{
    return producer_is_flushing(p) ||
           env_now_ns(p->env) >= b->created_ns + p->params.linger_ms * NS_PER_MS;
}

/* A partition that does not know a producer takes whatever sequence comes first (KIP-98), and then refuses
 * the ones before it for ever. So nothing may overtake the first batch of an id or epoch, neither where
 * that was refused nor to a new leader: it goes alone until it is acknowledged, and so on all replicas. */
static bool
is_first_under_way(const struct ppart *part)
{
    return part->in_flight > 0 && (part->acked_next == 0 || part->is_new_log);
}

/* The log of a topic that was made again knows nobody. What is under way to the former one's may have to go to it, too: that is
 * waited for, or what comes behind would be there first. */
static bool
part_knows_log(struct ppart *part)
{
    struct uuid id = part->topic->known->id;
    if (uuid_eq(part->topic_id, id) || uuid_is_zero(id)) return true;
    if (part->in_flight > 0) return false;
    part->is_new_log = !uuid_is_zero(part->topic_id);
    part->topic_id = id;
    return true;
}

static int32_t
leader_epoch_of(const struct ppart *part)
{
    const struct topic *t = part->topic->known;
    return part->index < t->parts_n ? t->parts[part->index].leader_epoch : -1;
}

/* What a leader refused need not wait before it goes to another one (KIP-951). */
static bool
waits(struct producer *p, const struct pbatch *b)
{
    return env_now_ns(p->env) < b->not_before_ns && leader_epoch_of(b->part) <= b->leader_epoch;
}

static bool
has_unsent(const struct ppart *part)
{
    LIST_EACH(&part->batches, b, struct pbatch, node)
        if (b->state != BATCH_IS_SENT) return true;
    return false;
}

/* The batch of this partition that may be sent now, if any. With idempotence a batch that is sent again
 * waits until all before it are done, and those behind it wait for it: so the order is kept. */
static struct pbatch *
part_next(struct producer *p, struct ppart *part)
{
    if (part->bump || part->in_flight >= p->params.max_in_flight) return NULL;
    if (!part_knows_log(part)) return NULL;
    if (p->params.idempotent && is_first_under_way(part)) return NULL;
    if (has_unsent(part) && !part_is_in_txn(p, part)) return NULL;
    LIST_EACH(&part->batches, b, struct pbatch, node) {
        if (b->state == BATCH_IS_SENT) continue;
        if (b->state == BATCH_IS_OPEN && lingered(p, b)) batch_close(p, b);
        if (b->state != BATCH_IS_READY || waits(p, b)) return NULL;
        if (!p->params.idempotent) return b;
        if (b->has_sequence) return part->batches.next == &b->node ? b : NULL;
        return part->hole || !producer_id_is_there(p) ? NULL : b;
    }
    return NULL;
}

static void
batch_seal_bytes(struct producer *p, struct pbatch *b)
{
    if (p->params.idempotent && !b->has_sequence) batch_give_sequence(p, b);
    if (b->bytes) return;
    enum crc32c_impl impl = p->env->crc32c;
    b->bytes = b->compressed ? builder_finish_compressed(&b->builder, impl, &p->env->mem,
                                                         p->params.codec, buf_slice(b->compressed))
                             : builder_finish(&b->builder, impl, &p->env->mem);
}

static void
request_add(struct preq *q, struct pbatch *b)
{
    b->state = BATCH_IS_SENT;
    b->attempts++;
    b->leader_epoch = leader_epoch_of(b->part);
    b->topic_id = b->part->topic->known->id;
    b->part->in_flight++;
    q->p->stats.bytes += b->bytes->n;
    VEC_PUSH(&q->p->env->mem, &q->batches, b);
}

static struct preq *
request_new(struct producer *p, struct peer *peer)
{
    struct preq *q = MEM_NEW(&p->env->mem, struct preq);
    q->p = p;
    q->peer = peer;
    q->ask = (struct ask){.api_key = K_API_PRODUCE,
                          .version_min = 3,
                          .version_max = 13,
                          .no_answer = p->params.acks == 0,
                          .timeout_ms = p->params.request_timeout_ms,
                          .build = produce_build,
                          .done = produce_answered};
    if (producer_is_transactional(p)) {
        q->ask.version_min = p->txn_version >= 2 ? 12 : 3;
        q->ask.version_max = p->txn_version >= 2 ? 13 : 11;
    }
    return q;
}

/* One batch of each partition that this broker leads, as many as a request holds. False: there is none, or no connection
 * yet. Only what can go out leaves the queue: all else may go to another leader as soon as there is one. */
static bool
send_to(struct producer *p, struct peer *peer)
{
    struct preq *q = NULL;
    int64_t bytes = 0;
    LIST_EACH(&p->ripe, part, struct ppart, ripe) {
        if (part->to != peer) continue;
        struct pbatch *b = part_next(p, part);
        if (!b) continue;
        if (!q && !client_reaches(p->c, peer, FOR_PRODUCE)) return false;
        batch_seal_bytes(p, b);
        if (q && bytes + b->bytes->n > p->params.max_request_bytes) continue;
        if (!q) q = request_new(p, peer);
        if (uuid_is_zero(part->topic->known->id))
            q->ask.version_max = MIN(q->ask.version_max, (int16_t)12);
        bytes += b->bytes->n;
        request_add(q, b);
    }
    if (!q) return false;
    ++*flights_to(p, peer->id);
    p->stats.requests++;
    ask_send(p->c, peer, FOR_PRODUCE, &q->ask);
    return true;
}

/* Whether part_next() may find something: the first batch that is not sent is ready, or has lingered for long enough. Most
 * often a pump runs because a record has joined a batch that still lingers, and ends here. (Transactions have part_next()
 * see every partition in use, which must become part of them meanwhile.) */
static bool
is_ripe(struct producer *p, const struct ppart *part)
{
    if (producer_is_transactional(p)) return has_unsent(part);
    LIST_EACH(&part->batches, b, struct pbatch, node) {
        if (b->state == BATCH_IS_SENT) continue;
        return b->state == BATCH_IS_READY || (b->state == BATCH_IS_OPEN && lingered(p, b));
    }
    return false;
}

/* Looked up once, not for each peer. False: nothing can be sent. */
static bool
find_leaders(struct producer *p)
{
    list_init(&p->ripe);
    LIST_EACH(&p->parts, part, struct ppart, node) {
        if (list_is_empty(&part->batches)) continue;
        part->to = is_ripe(p, part) ? topic_leader(p->c, part->topic->known, part->index) : NULL;
        if (part->to) list_push_back(&p->ripe, &part->ripe);
    }
    return !list_is_empty(&p->ripe);
}

static void
send_what_may(struct producer *p)
{
    if (!find_leaders(p)) return;
    LIST_EACH(&p->c->peers, peer, struct peer, node)
        while (peer->id >= 0 && *flights_to(p, peer->id) < p->params.max_in_flight)
            if (!send_to(p, peer)) break;
}

/* ---- time ---------------------------------------------------------------------------------------- */

/* delivery.timeout.ms: over for the sends; the batch stays while something refers to it. */
static void
batch_expire(struct producer *p, struct pbatch *b)
{
    bool out = b->state == BATCH_IS_SENT;
    bool unknown = b->maybe_stored || out;
    /* What an owner sends now begins another batch: this one's time is over. */
    if (b->state == BATCH_IS_OPEN) b->state = BATCH_IS_READY;
    batch_end(p, b, unknown ? SEND_UNKNOWN : SEND_FAILED,
              b->error ? b->error : K_ERR_REQUEST_TIMED_OUT, -1, -1);
    if (!out && b->state != BATCH_IS_COMPRESSING) batch_free(p, b);
}

static void
part_look_at_time(struct producer *p, struct ppart *part, int64_t *wake_ns)
{
    int64_t now = env_now_ns(p->env);
    LIST_EACH(&part->batches, b, struct pbatch, node) {
        if (b->ended) continue;
        int64_t end = b->created_ns + p->params.delivery_timeout_ms * NS_PER_MS;
        int64_t linger = b->created_ns + p->params.linger_ms * NS_PER_MS;
        if (now >= end) {
            batch_expire(p, b);
            continue;
        }
        *wake_ns = MIN(*wake_ns, end);
        if (b->state == BATCH_IS_OPEN && linger > now) *wake_ns = MIN(*wake_ns, linger);
        if (b->state == BATCH_IS_READY && b->not_before_ns > now)
            *wake_ns = MIN(*wake_ns, b->not_before_ns);
        if (b->state != BATCH_IS_SENT && !topic_leader(p->c, part->topic->known, part->index))
            client_refresh(p->c);
    }
}

static bool
has_anything_left(const struct producer *p)
{
    LIST_EACH(&p->parts, part, const struct ppart, node)
        if (part->in_flight > 0 || !list_is_empty(&part->batches)) return true;
    return false;
}

static void
finish_flush(struct producer *p)
{
    if (!producer_is_flushing(p) || p->pending > 0) return;
    /* What is in flight, though its sends have ended, belongs to the transaction. */
    if (producer_is_transactional(p) && has_anything_left(p)) return;
    void (*flushed)(struct producer *, void *) = p->flushed;
    p->flushed = NULL;
    flushed(p, p->flush_ctx);
}

static void
want_parts(struct producer *p)
{
    LIST_EACH(&p->parts, part, struct ppart, node) {
        if (part->txn != PART_IS_WANTED) continue;
        p->wants_parts(p->txn_owner);
        return;
    }
}

/* Most records join a batch that lingers and wake nobody: nothing can go out before the timer is due. */
static bool
is_for_later(struct producer *p, const struct ppart *part, const struct pbatch *b)
{
    if (!b || lingered(p, b) || producer_is_transactional(p)) return false;
    bool is_next = b->node.prev == &part->batches ||
                   LIST_ENTRY(b->node.prev, struct pbatch, node)->state == BATCH_IS_SENT;
    return is_next && topic_leader(p->c, part->topic->known, part->index);
}

void
producer_joined(struct producer *p, const struct ppart *part)
{
    const struct pbatch *b = part_open_batch(part);
    if (!is_for_later(p, part, b)) {
        defer(p->env, &p->pump);
        return;
    }
    int64_t end_ms = MIN(p->params.linger_ms, p->params.delivery_timeout_ms);
    int64_t at = b->created_ns + end_ms * NS_PER_MS;
    wake_by(p, at);
}

void
producer_pump(struct task *t)
{
    struct producer *p = CONTAINER_OF(t, struct producer, pump);
    int64_t wake_ns = TIME_NEVER;
    producer_route_early(p, &wake_ns);
    LIST_EACH(&p->parts, part, struct ppart, node) {
        if (list_is_empty(&part->batches) && !part->hole && !part->bump) continue;
        part_look_at_time(p, part, &wake_ns);
        part_mend(p, part);
    }
    if (p->txn_must_abort) producer_abandon(p);
    send_what_may(p);
    if (producer_is_transactional(p)) want_parts(p);
    if (p->pid < 0 && p->init_not_before_ns > env_now_ns(p->env))
        wake_ns = MIN(wake_ns, p->init_not_before_ns);
    if (wake_ns < TIME_NEVER) timer_arm(p->env, &p->wake, wake_ns);
    else timer_cancel(p->env, &p->wake);
    finish_flush(p);
}
