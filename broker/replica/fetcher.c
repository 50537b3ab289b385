#include "broker/replica/fetcher.h"

#include "broker/base/check.h"
#include "broker/env/wait.h"
#include "broker/protocol/codec.h"
#include "broker/record/batch.h"
#include "broker/replica/fetch_backoff.h"
#include "broker/replica/follower_session.h"
#include "broker/replica/missing_records.h"
#include "broker/replica/replicas.h"
#include "configs.h"
#include "apis.h"
#include "errors.h"

#define FETCH_VERSION 17 /* KIP-853: directory ids */
#define LIST_OFFSETS_VERSION 9

enum fetcher_state {
    FETCHER_IDLE,    /* nothing to fetch, backing off, or waiting for `again` */
    FETCHER_ASKING,  /* a Fetch in flight */
    FETCHER_WRITING, /* what it brought is not yet written and settled */
};

/* What the leader is to forget. */
struct forgotten {
    struct uuid topic_id;
    int32_t index;
};

struct fetcher {
    struct list node; /* among replicas.fetchers */
    struct replicas *r;
    int32_t leader_id, index; /* of num.replica.fetchers */
    enum fetcher_state state;
    struct list partitions;
    struct follower_session session;
    bool begins_anew;     /* with the next request */
    int32_t in_session_n; /* partitions that the leader knows */
    struct list to_name;  /* new, moved, not ready: all that the next request has to look at */
    VEC(struct forgotten) forgotten;
    struct channel channel;
    int32_t cuts; /* of partitions that left to be cut and will be back */
    bool has_channel, stopping;
    struct call call, offsets_call;
    int64_t offsets_of; /* the timestamp that was asked for: the leader's end, then its start */
    struct timer backoff;
    struct timer patience; /* with logs that do not settle */
    bool patience_is_over;
    struct task again;
    struct wait wait;
    int16_t refused_with;      /* by the last answer; K_ERR_NONE if it was good */
    struct slice refused_what; /* the partition, if it was one's; owned */
};

static void fetch_when_settled(struct fetcher *f);

/* ---- a leader that stays away ---- */

static bool
why_no_fetch(struct wait *wait, struct writer *w)
{
    const struct fetcher *f = CONTAINER_OF(wait, const struct fetcher, wait);
    int32_t n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) n++;
    fmt_str(w, "broker ");
    fmt_i64(w, f->leader_id);
    fmt_str(w, ", of ");
    fmt_i64(w, n);
    fmt_str(w, n == 1 ? " partition; " : " partitions; ");
    if (f->has_channel) channel_tell(&f->channel, w);
    else fmt_str(w, "where it listens is not known");
    if (f->refused_with) {
        fmt_char(w, ' ');
        fmt_slice(w, k_err_name(f->refused_with));
        if (f->refused_what.n) fmt_str(w, " for ");
        fmt_slice(w, f->refused_what);
    }
    return true;
}

static void
refused(struct fetcher *f, int16_t err, struct slice what)
{
    f->refused_with = err;
    mem_free_slice(&f->r->env->mem, f->refused_what);
    f->refused_what = mem_dup(&f->r->env->mem, what);
}

/* ---- asking ---- */

/* Ready to be fetched: not being cut, not backing off, and what came with the last fetch is written and
 * (flush.messages) synced: the fetch offset tells the leader that we have it. */
static bool
is_ready(const struct partition *p)
{
    return p->life != PARTITION_CUTTING && !p->needs_offsets &&
           p->fetch_not_before_ns <= env_now_ns(p->env) &&
           commitlog_settled_end(&p->log) == commitlog_assigned_end(&p->log);
}

/* Segment files are missing in the log, and perhaps the leader has what was in them. Nothing is cut of a copy that
 * others count on: with the leader it could be the only one. */
static bool
has_hole_to_mend(struct partition *p, struct log_hole *ret)
{
    if (!commitlog_first_hole(&p->log, ret)) return false;
    const struct image_partition *ip = partition_in_image(p);
    int32_t me = p->owner->node_id;
    return ip && !ids_has(ip->isr, me) && !ids_has(ip->elr, me);
}

static void
fetcher_fill_partition(struct k_fetch_request_fetch_partition *q, struct partition *p)
{
    struct replicas *r = p->owner;
    int64_t end = commitlog_settled_end(&p->log);
    struct log_hole hole;
    if (has_hole_to_mend(p, &hole)) end = hole.from;
    p->asked_from = end;
    q->partition = p->index;
    /* KIP-320: the leader refuses a follower of another epoch. */
    q->current_leader_epoch = p->leader_epoch;
    q->fetch_offset = MAX(end, p->fetch_from);
    /* KIP-595: with the epoch of its last record the leader can tell where the logs part. */
    q->last_fetched_epoch = end > commitlog_start(&p->log) ? commitlog_epoch_at(&p->log, end - 1)
                                                           : commitlog_latest_epoch(&p->log);
    q->log_start_offset = commitlog_start(&p->log);
    q->partition_max_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_MAX_BYTES);
}

static void
name_next_time(struct fetcher *f, struct partition *p)
{
    if (!list_is_linked(&p->to_name)) list_push_back(&f->to_name, &p->to_name);
}

void
fetcher_restate(struct partition *p)
{
    if (p->fetcher) name_next_time(p->fetcher, p);
}

static void
forget(struct fetcher *f, struct partition *p)
{
    if (!p->is_in_session) return;
    p->is_in_session = false;
    f->in_session_n--;
    struct forgotten gone = {p->topic_id, p->index};
    VEC_PUSH(&f->r->env->mem, &f->forgotten, gone);
}

/* It left and came back before the leader heard of that: what an answer told meanwhile was not taken, and in the same
 * session the leader would not tell it again. */
static bool
is_to_be_forgotten(const struct fetcher *f, const struct partition *p)
{
    for (int64_t i = 0; i < f->forgotten.n; i++)
        if (f->forgotten.v[i].index == p->index && uuid_eq(f->forgotten.v[i].topic_id, p->topic_id))
            return true;
    return false;
}

static void
name_now(struct fetcher *f, struct partition *p)
{
    list_remove(&p->to_name);
    p->fetching_epoch = p->leader_epoch;
    if (p->is_in_session) return;
    p->is_in_session = true;
    f->in_session_n++;
}

/* The partitions to be named, in scratch memory. */
static struct partition **
gather_all(struct fetcher *f, int32_t *ret_n)
{
    int32_t n = 0;
    f->in_session_n = 0;
    f->forgotten.n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) n++;
    struct partition **all = ARENA_ARRAY(&f->r->env->scratch, struct partition *, n);
    *ret_n = 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching) {
        p->is_in_session = false;
        if (!is_ready(p)) continue;
        name_now(f, p);
        all[(*ret_n)++] = p;
    }
    return all;
}

/* What is not ready the leader must forget, or it would send once more what is being written. */
static struct partition **
gather_changed(struct fetcher *f, int32_t *ret_n)
{
    int32_t n = 0;
    LIST_EACH(&f->to_name, p, struct partition, to_name) n++;
    struct partition **changed = ARENA_ARRAY(&f->r->env->scratch, struct partition *, n);
    *ret_n = 0;
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (!is_ready(p)) {
            forget(f, p);
            continue;
        }
        name_now(f, p);
        changed[(*ret_n)++] = p;
    }
    return changed;
}

static void
fill_topics(struct fetcher *f, struct k_fetch_request *q, struct partition *const *named, int32_t n)
{
    struct arena *a = &f->r->env->scratch;
    int32_t topics_n = 0;
    for (int32_t i = 0; i < n; i++)
        topics_n += i == 0 || !uuid_eq(named[i - 1]->topic_id, named[i]->topic_id);
    q->topics = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, topics_n);
    for (int32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && uuid_eq(named[i]->topic_id, named[end]->topic_id);) end++;
        struct k_fetch_request_fetch_topic *t = &q->topics[q->topics_n++];
        t->topic_id = named[i]->topic_id;
        t->partitions = codec_array(a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, end - i);
        for (int32_t k = i; k < end; k++)
            fetcher_fill_partition(&t->partitions[t->partitions_n++], named[k]);
    }
}

static void
fill_forgotten(struct fetcher *f, struct k_fetch_request *q)
{
    struct arena *a = &f->r->env->scratch;
    int32_t n = (int32_t)f->forgotten.n;
    q->forgotten_topics_data = codec_array(a, K_STRUCT_FETCH_REQUEST_FORGOTTEN_TOPIC, n);
    q->forgotten_topics_data_n = n;
    for (int32_t i = 0; i < n; i++) {
        struct k_fetch_request_forgotten_topic *t = &q->forgotten_topics_data[i];
        t->topic_id = f->forgotten.v[i].topic_id;
        t->partitions = ARENA_NEW(a, int32_t);
        t->partitions[0] = f->forgotten.v[i].index;
        t->partitions_n = 1;
    }
    f->forgotten.n = 0;
}

static void
fetcher_fill_request(struct fetcher *f, struct k_fetch_request *q)
{
    struct replicas *r = f->r;
    codec_default(K_MSG_FETCH_REQUEST, q);
    q->replica_state.replica_id = r->node_id;
    q->replica_state.replica_epoch = r->broker_epoch;
    q->max_wait_ms = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_WAIT_MAX_MS);
    q->min_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_MIN_BYTES);
    q->max_bytes = (int32_t)config_i64(r->config, K_CFG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
    if (f->begins_anew) follower_session_lost(&f->session);
    f->begins_anew = false;
    q->session_id = f->session.id;
    q->session_epoch = f->session.epoch;
    int32_t n;
    struct partition **named =
        follower_session_is_full(&f->session) ? gather_all(f, &n) : gather_changed(f, &n);
    fill_topics(f, q, named, n);
    fill_forgotten(f, q);
}

/* The connection to the leader's present address. False: not known. */
static bool
connect_to_leader(struct fetcher *f)
{
    const struct image_broker *b = image_broker(f->r->image, f->leader_id);
    const struct image_endpoint *ep = b ? image_endpoint(b, f->r->listener) : NULL;
    if (!ep) return false;
    if (!f->has_channel) {
        channel_init(&f->channel, f->r->env, ep->host, ep->port, S("replica-fetcher"));
        f->channel.login = f->r->login;
        f->channel.backoff_ms = 0; /* replica.fetch.backoff.ms is enough */
        /* Not given, or -1: the kernel's own, which grows with the need. */
        if (config_is_set(f->r->config, K_CFG_REPLICA_SOCKET_RECEIVE_BUFFER_BYTES))
            f->channel.conn.buffers.receive_bytes = (int32_t)MAX(
                config_i64(f->r->config, K_CFG_REPLICA_SOCKET_RECEIVE_BUFFER_BYTES), 0);
        f->has_channel = true;
    } else if (f->channel.port != ep->port || !slice_eq(f->channel.host, ep->host)) {
        channel_set_address(&f->channel, ep->host, ep->port);
    }
    return true;
}

static int64_t
after_backoff(const struct replicas *r, int16_t err, int32_t times)
{
    int64_t max_ms = config_i64(r->config, K_CFG_REPLICA_FETCH_BACKOFF_MS);
    return env_now_ns(r->env) + fetch_backoff_ms(err, times, max_ms) * NS_PER_MS;
}

/* The leader cannot be asked: all its partitions wait. */
static void
back_off(struct fetcher *f)
{
    if (f->state != FETCHER_ASKING) f->state = FETCHER_IDLE;
    if (!timer_is_armed(&f->backoff))
        timer_arm(f->r->env, &f->backoff, after_backoff(f->r, K_ERR_NONE, 0));
}

/* This partition waits, the leader's others go on. */
static void
back_off_alone(struct partition *p, int16_t err)
{
    name_next_time(p->fetcher, p);
    p->fetch_not_before_ns = after_backoff(p->owner, err, p->fetch_refusals++);
}

/* Until the first of those that wait may be asked for again. The others need no timer: what they lack
 * (offsets, the end of a cut) goes on by itself. */
static void
wait_for_the_first(struct fetcher *f)
{
    int64_t at = TIME_NEVER;
    LIST_EACH(&f->to_name, p, struct partition, to_name)
        if (p->fetch_not_before_ns > env_now_ns(f->r->env)) at = MIN(at, p->fetch_not_before_ns);
    if (at != TIME_NEVER) timer_arm(f->r->env, &f->backoff, at);
}

/* ---- what came ---- */

static void
part_failed(struct partition *p, int16_t err)
{
    name_next_time(p->fetcher, p);
    if (err == K_ERR_OFFSET_OUT_OF_RANGE) {
        MARK(p->env, FOLLOWER_OUT_OF_RANGE);
        p->needs_offsets = true; /* fetch_when_settled() asks for them */
    } else /* Stale epochs, moved leaders: the metadata log will say more; ask again meanwhile. */
        back_off_alone(p, err);
}

/* As in Kafka the next Fetch waits for the cut: it may be answered only after replica.fetch.wait.max.ms, and
 * until this partition is in one again, acks=all and its high watermark stand still. */
static void
cut_meanwhile(struct fetcher *f, struct partition *p, int64_t offset, bool fully)
{
    f->cuts++;
    p->cut_for = f;
    p->fetch_from = 0;
    partition_cut(p, offset, fully);
}

void
fetcher_cut_is_over(struct partition *p)
{
    struct fetcher *f = p->cut_for;
    if (!f) return;
    p->cut_for = NULL;
    CHECK(f->cuts > 0);
    f->cuts--;
    if (!f->stopping) defer(p->env, &f->again);
}

static void
part_diverged(struct fetcher *f, struct partition *p,
              const struct k_fetch_response_epoch_end_offset *d)
{
    struct epoch_end at_leader = {d->epoch, d->end_offset};
    int64_t end = commitlog_assigned_end(&p->log);
    struct epoch_end local = commitlog_epoch_end(&p->log, d->epoch, end);
    MARK(p->env, LOG_DIVERGED);
    cut_meanwhile(f, p, truncation_offset(at_leader, local, end, p->high_watermark), false);
}

/* The leader's log begins in the middle of what came: then ours begins anew where that batch does. */
static bool
begin_with_batch(struct fetcher *f, struct partition *p, struct slice batches)
{
    struct batch_header h;
    int64_t start = commitlog_start(&p->log), end = commitlog_assigned_end(&p->log);
    if (batch_parse(batches, &h) != BATCH_OK ||
        !begins_within_batch(start, end, h.base_offset, batch_last_offset(&h)))
        return false;
    MARK(p->env, LOG_BEGINS_WITHIN);
    cut_meanwhile(f, p, h.base_offset, true);
    p->fetch_from = end;
    return true;
}

/* An answer to what was asked from a hole on. */
static void
take_what_is_in_hole(struct fetcher *f, struct partition *p, struct log_hole hole,
                     struct slice records)
{
    struct batch_span span;
    int64_t first = batch_peek(records, &span) == BATCH_OK ? span.base_offset : -1;
    MARK(p->env, HOLE_ASKED_FOR);
    switch (hole_step(hole.to, first)) {
    case HOLE_ASK_AGAIN: break;
    case HOLE_IS_THERE: commitlog_shrink_hole(&p->log, hole.to); break;
    case HOLE_CUT: cut_meanwhile(f, p, hole.from, hole.from <= commitlog_start(&p->log)); break;
    }
}

static void
take_part(struct fetcher *f, struct uuid topic_id, const struct k_fetch_response_partition_data *d,
          struct buf *from)
{
    struct partition *p = replicas_find(f->r, topic_id, d->partition_index);
    /* It may have left meanwhile, or follow somebody else or in another epoch: then what came is
     * not for it. */
    if (!p || p->fetcher != f || p->role != PARTITION_FOLLOWER || p->life == PARTITION_CUTTING)
        return;
    if (p->fetching_epoch != p->leader_epoch) return;
    if (d->error_code) {
        refused(f, d->error_code, p->label);
        part_failed(p, d->error_code);
        return;
    }
    p->fetch_refusals = 0;
    if (d->diverging_epoch.epoch >= 0 || d->diverging_epoch.end_offset >= 0) {
        part_diverged(f, p, &d->diverging_epoch);
        return;
    }
    struct log_hole hole;
    int64_t end = commitlog_settled_end(&p->log);
    if (p->asked_from != end) {
        /* What came does not follow our end. It was asked for because of a hole, or is of no use. */
        name_next_time(f, p);
        if (has_hole_to_mend(p, &hole) && hole.from == p->asked_from)
            take_what_is_in_hole(f, p, hole, d->records.bytes);
        return;
    }
    if (d->records.bytes.n > 0) {
        struct seg seg = {.buf = from, .bytes = d->records.bytes};
        name_next_time(f, p);
        enum log_err err = commitlog_append_fetched(&p->log, &seg, 1, p->leader_epoch);
        if (err == LOG_E_NOT_CONTIGUOUS && begin_with_batch(f, p, d->records.bytes)) return;
        if (err == LOG_OK) p->fetch_from = 0;
        if (err != LOG_OK) {
            NOTE(p->env, NOTE_LOG_MESSAGE, p->label, slice_cstr(log_err_text(err)), 2);
            back_off_alone(p, K_ERR_KAFKA_STORAGE_ERROR);
        }
    }
    partition_follow(p, d->high_watermark, d->log_start_offset);
}

static bool
is_of_session(int16_t err)
{
    return err == K_ERR_NONE || err == K_ERR_FETCH_SESSION_ID_NOT_FOUND ||
           err == K_ERR_INVALID_FETCH_SESSION_EPOCH || err == K_ERR_FETCH_SESSION_TOPIC_ID_ERROR;
}

static void
fetcher_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct fetcher *f = CONTAINER_OF(call, struct fetcher, call);
    if (f->stopping) return;
    f->state = FETCHER_IDLE;
    struct k_fetch_response res;
    struct arena *a = &f->r->env->scratch;
    if (f->refused_with) refused(f, K_ERR_NONE, SLICE_EMPTY);
    bool was_full = follower_session_is_full(&f->session);
    if (err != ENV_OK || !call_decode(call, body, a, &res)) {
        if (err == ENV_OK) refused(f, K_ERR_NONE, SLICE_EMPTY);
        follower_session_lost(&f->session);
        back_off(f);
        return;
    }
    if (!follower_session_answered(&f->session, res.error_code, res.session_id)) {
        /* A session that is gone or out of step: at once anew, with all partitions. */
        if (!was_full && is_of_session(res.error_code)) {
            MARK(f->r->env, FETCH_SESSION_LOST);
            fetch_when_settled(f);
            return;
        }
        refused(f, res.error_code, SLICE_EMPTY);
        back_off(f);
        return;
    }
    f->state = FETCHER_WRITING;
    for (int32_t i = 0; i < res.responses_n; i++)
        for (int32_t k = 0; k < res.responses[i].partitions_n; k++)
            take_part(f, res.responses[i].topic_id, &res.responses[i].partitions[k], from);
    if (f->refused_with == K_ERR_NONE) wait_end(&f->wait);
    fetch_when_settled(f);
}

/* ---- out of range: where does the leader's log end and begin? ---- */

enum { ASK_LATEST = -1, ASK_EARLIEST = -2 };

static void ask_offsets(struct partition *p, int64_t of);

/* As in Kafka: who has more than the leader (which can only be after an unclean election) cuts what is
 * too much; whose end lies before the leader's first record begins anew there. */
static void
take_offset(struct fetcher *f, struct partition *p, int64_t offset)
{
    int64_t end = commitlog_assigned_end(&p->log);
    if (f->offsets_of == ASK_LATEST && offset >= end) {
        ask_offsets(p, ASK_EARLIEST);
        return;
    }
    p->needs_offsets = false;
    struct log_hole hole;
    if (f->offsets_of == ASK_LATEST) cut_meanwhile(f, p, offset, false);
    else if (offset > end) cut_meanwhile(f, p, offset, true);
    else if (commitlog_first_hole(&p->log, &hole) && offset > hole.from)
        commitlog_shrink_hole(&p->log, MIN(offset, hole.to)); /* it has deleted some of them */
    else back_off_alone(p, K_ERR_OFFSET_OUT_OF_RANGE);
}

static void
take_offsets(struct fetcher *f, const struct k_list_offsets_response *res)
{
    for (int32_t i = 0; i < res->topics_n; i++) {
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++) {
            const struct k_list_offsets_response_list_offsets_partition_response *d =
                &res->topics[i].partitions[k];
            struct partition *p =
                replicas_find_by_name(f->r, res->topics[i].name, d->partition_index);
            if (!p || p->fetcher != f || !p->needs_offsets) continue;
            if (!d->error_code && d->offset >= 0 && p->fetching_epoch == p->leader_epoch) {
                take_offset(f, p, d->offset);
                continue;
            }
            p->needs_offsets = false;
            back_off_alone(p, d->error_code);
        }
    }
}

/* One partition at a time; the others come in turn. */
static void
ask_next_offsets(struct fetcher *f)
{
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (!p->needs_offsets || p->life == PARTITION_CUTTING) continue;
        ask_offsets(p, ASK_LATEST);
        return;
    }
}

static void
offsets_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    (void)from;
    struct fetcher *f = CONTAINER_OF(call, struct fetcher, offsets_call);
    if (f->stopping) return;
    struct k_list_offsets_response res;
    if (err != ENV_OK || !call_decode(call, body, &f->r->env->scratch, &res)) {
        back_off(f); /* and then asked again */
        return;
    }
    take_offsets(f, &res);
    fetch_when_settled(f);
}

static void
ask_offsets(struct partition *p, int64_t of)
{
    struct fetcher *f = p->fetcher;
    p->needs_offsets = true;
    if (call_is_pending(&f->offsets_call)) return;
    struct arena *a = &f->r->env->scratch;
    struct k_list_offsets_request q;
    codec_default(K_MSG_LIST_OFFSETS_REQUEST, &q);
    q.replica_id = f->r->node_id;
    q.topics_n = 1;
    q.topics = codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC, 1);
    q.topics[0].name = p->topic;
    q.topics[0].partitions_n = 1;
    q.topics[0].partitions =
        codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION, 1);
    q.topics[0].partitions[0].partition_index = p->index;
    q.topics[0].partitions[0].current_leader_epoch = p->leader_epoch;
    q.topics[0].partitions[0].timestamp = of;
    f->offsets_of = of;
    p->fetching_epoch = p->leader_epoch;
    f->offsets_call.done = offsets_answered;
    if (!channel_call(&f->channel, &f->offsets_call, K_API_LIST_OFFSETS, LIST_OFFSETS_VERSION, &q,
                      config_i64(f->r->config, K_CFG_REPLICA_SOCKET_TIMEOUT_MS), NULL))
        UNREACHABLE();
}

/* ---- the round ---- */

static void
fetcher_ask(struct fetcher *f)
{
    struct k_fetch_request q;
    wait_begin(&f->wait);
    if (!connect_to_leader(f)) {
        back_off(f);
        return;
    }
    fetcher_fill_request(f, &q);
    f->state = FETCHER_ASKING;
    f->call.done = fetcher_answered;
    if (!channel_call(&f->channel, &f->call, K_API_FETCH, FETCH_VERSION, &q,
                      config_i64(f->r->config, K_CFG_REPLICA_SOCKET_TIMEOUT_MS), NULL))
        UNREACHABLE();
}

static bool
all_settled(struct fetcher *f)
{
    LIST_EACH(&f->to_name, p, struct partition, to_name)
        if (p->life != PARTITION_CUTTING &&
            commitlog_settled_end(&p->log) != commitlog_assigned_end(&p->log))
            return false;
    return true;
}

static bool
any_ready(struct fetcher *f)
{
    bool all_are_new = f->begins_anew || follower_session_is_full(&f->session);
    int32_t known = all_are_new ? 0 : f->in_session_n;
    LIST_EACH(&f->to_name, p, struct partition, to_name) {
        if (is_ready(p)) return true;
        known -= p->is_in_session && !all_are_new;
    }
    if (known > 0 || !all_are_new) return known > 0;
    LIST_EACH(&f->partitions, p, struct partition, fetching)
        if (is_ready(p)) return true;
    return false;
}

/* One slow log must not hold up the leader's others. */
static bool
is_patient(struct fetcher *f)
{
    if (f->patience_is_over) return false;
    if (!timer_is_armed(&f->patience)) {
        int64_t ms = config_i64(f->r->config, K_CFG_REPLICA_FETCH_WAIT_MAX_MS);
        timer_arm(f->r->env, &f->patience, env_now_ns(f->r->env) + ms * NS_PER_MS);
    }
    return true;
}

static void
fetch_when_settled(struct fetcher *f)
{
    if (f->stopping || f->state == FETCHER_ASKING || list_is_empty(&f->partitions)) return;
    if (f->has_channel && !call_is_pending(&f->offsets_call)) ask_next_offsets(f);
    if ((f->cuts > 0 || !all_settled(f)) && is_patient(f)) {
        f->state = FETCHER_WRITING;
        return;
    }
    f->patience_is_over = false;
    timer_cancel(f->r->env, &f->patience);
    f->state = FETCHER_IDLE;
    if (any_ready(f)) fetcher_ask(f);
    else wait_for_the_first(f);
}

/* ---- the end ---- */

static void
fetcher_stop(struct fetcher *f)
{
    struct env *env = f->r->env;
    f->stopping = true;
    timer_cancel(env, &f->backoff);
    timer_cancel(env, &f->patience);
    wait_cancel(&f->wait);
    defer_cancel(&f->again);
}

static void
fetcher_free(struct fetcher *f)
{
    struct mem *mem = &f->r->env->mem;
    VEC_RELEASE(mem, &f->forgotten);
    mem_free_slice(mem, f->refused_what);
    MEM_DELETE(mem, f);
}

static void
fetcher_is_stopped(struct channel *ch)
{
    fetcher_free(CONTAINER_OF(ch, struct fetcher, channel));
}

/* Its leader is no part of the cluster any more, and nobody follows it or will be back here. */
static bool
is_done_with(const struct fetcher *f)
{
    return !image_broker(f->r->image, f->leader_id) && list_is_empty(&f->partitions) &&
           f->cuts == 0;
}

static void
fetcher_end(struct fetcher *f)
{
    fetcher_stop(f);
    list_remove(&f->node);
    if (f->has_channel) channel_stop(&f->channel, fetcher_is_stopped);
    else fetcher_free(f);
}

static void
again_now(struct task *t)
{
    struct fetcher *f = CONTAINER_OF(t, struct fetcher, again);
    if (is_done_with(f)) {
        fetcher_end(f);
        return;
    }
    if (f->state != FETCHER_ASKING && !timer_is_armed(&f->backoff)) fetch_when_settled(f);
}

static void
patience_over(struct timer *t)
{
    struct fetcher *f = CONTAINER_OF(t, struct fetcher, patience);
    f->patience_is_over = true;
    fetch_when_settled(f);
}

static void
backoff_over(struct timer *t)
{
    fetch_when_settled(CONTAINER_OF(t, struct fetcher, backoff));
}

void
fetcher_settled(struct partition *p)
{
    /* Also one that has given up waiting for it: if no other partition was ready, it waits for nothing else. */
    if (p->fetcher && p->fetcher->state != FETCHER_ASKING) defer(p->env, &p->fetcher->again);
}

/* ---- who is with whom ---- */

/* num.replica.fetchers share the partitions of a leader, by a hash of their names. */
static int32_t
share_of(const struct partition *p)
{
    uint32_t h = 0;
    for (int64_t i = 0; i < p->topic.n; i++) h = 31 * h + p->topic.p[i];
    h = 31 * h + (uint32_t)p->index;
    uint32_t n = (uint32_t)config_i64(p->owner->config, K_CFG_NUM_REPLICA_FETCHERS);
    return (int32_t)(h % n);
}

static struct fetcher *
fetcher_of(struct replicas *r, int32_t leader_id, int32_t index)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node)
        if (f->leader_id == leader_id && f->index == index) return f;
    struct fetcher *f = MEM_NEW(&r->env->mem, struct fetcher);
    f->r = r;
    f->leader_id = leader_id;
    f->index = index;
    list_init(&f->partitions);
    list_init(&f->to_name);
    f->patience.due = patience_over;
    f->again.run = again_now;
    f->backoff.due = backoff_over;
    wait_init(&f->wait, r->env, "an answer of a leader", why_no_fetch);
    list_push_back(&r->fetchers, &f->node);
    return f;
}

void
fetcher_join(struct partition *p)
{
    if (p->fetcher || p->owner->stopping || p->leader_id == NO_LEADER) return;
    if (p->leader_id == p->owner->node_id) return;
    struct fetcher *f = fetcher_of(p->owner, p->leader_id, share_of(p));
    p->fetcher = f;
    p->fetch_not_before_ns = 0;
    p->fetch_refusals = 0;
    p->fetching_epoch = -1;
    list_push_back(&f->partitions, &p->fetching);
    name_next_time(f, p);
    if (is_to_be_forgotten(f, p)) f->begins_anew = true;
    timer_cancel(p->env, &f->backoff); /* it need not wait for what others wait for */
    defer(p->env, &f->again);
}

void
fetcher_leave(struct partition *p)
{
    /* The others may have been waiting for this one's write. */
    if (p->fetcher && !p->fetcher->stopping) defer(p->env, &p->fetcher->again);
    list_remove(&p->fetching);
    list_remove(&p->to_name);
    if (p->fetcher) forget(p->fetcher, p);
    if (p->fetcher && list_is_empty(&p->fetcher->partitions)) wait_cancel(&p->fetcher->wait);
    p->fetcher = NULL;
    p->needs_offsets = false;
}

void
fetchers_refresh(struct replicas *r)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node) {
        if (f->stopping) continue;
        if (f->has_channel) (void)connect_to_leader(f);
        if (is_done_with(f)) defer(r->env, &f->again);
    }
}

void
fetchers_stop(struct replicas *r)
{
    LIST_EACH(&r->fetchers, f, struct fetcher, node) {
        fetcher_stop(f);
        if (f->has_channel) channel_stop(&f->channel, NULL);
    }
}
