/* Fetch, of consumers and followers: finds what can be read of each partition, in order, within the
 * limits; with less than MinBytes waits until more is there or MaxWaitMs have passed, and looks again at what
 * changed meanwhile (fetch_session.h). Records leave as ranges of files, never through memory. */
#include "broker/api/fetch_session.h"
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/read_redirect.h"
#include "broker/api/session.h"
#include "broker/base/check.h"
#include "errors.h"

struct fetch {
    struct request *r;
    const struct k_fetch_request *q;
    struct fetch_session *s; /* NULL: it is another one's by now */
    struct k_fetch_response response;
    struct fetch_part *at;    /* being read */
    struct log_range *ranges; /* of what is answered */
    int32_t ranges_n;
    int32_t replica_id;
    int64_t replica_epoch;
    int64_t max_bytes, min_bytes; /* as the request has them, within our own limit */
    int64_t budget, bytes;
    int64_t proves; /* of a follower (still_leads.h) */
    struct log_read read;
    int32_t read_epoch; /* the leader epoch under which it was begun */
    struct timer timer;
    struct task again;
    int16_t given_up; /* the error to be answered with: its session is gone */
    bool is_full;     /* it names all its partitions, and is told of all */
    bool answer_now;  /* an error, a divergence: nothing to wait for */
    bool expired;
    bool reading;    /* a round is under way, perhaps in the middle of a read … */
    bool woken;      /* … and something came for a partition that it has passed */
    bool is_at_work; /* on the stack */
};

static bool
is_follower(const struct fetch *f)
{
    return f->replica_id >= 0;
}

static void fetch_read_on(struct fetch *f);

/* ---- the end ---- */

/* Ranges that were cut meanwhile must not be sent. */
static bool
ranges_are_whole(struct request *r)
{
    const struct fetch *f = r->owner;
    for (int32_t i = 0; i < f->ranges_n; i++)
        if (!log_range_is_valid(&f->ranges[i])) return false;
    return true;
}

static void
let_ranges_go(struct request *r)
{
    struct fetch *f = r->owner;
    for (int32_t i = 0; i < f->ranges_n; i++) log_range_release(&f->ranges[i]);
}

static void
fill_offsets(struct k_fetch_response_partition_data *answer, const struct partition *p)
{
    answer->high_watermark = p->high_watermark;
    answer->last_stable_offset = commitlog_stable_offset(&p->log, p->high_watermark);
    answer->log_start_offset = commitlog_start(&p->log);
}

/* As a fetch that finds nothing has it. */
static void
fetch_blank_answer(struct fetch *f, struct fetch_part *part)
{
    if (!part->answer) part->answer = arena_alloc(&f->r->arena, (int64_t)sizeof *part->answer);
    codec_default_struct(K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, part->answer);
    part->answer->partition_index = part->index;
    part->answer->records.bytes = SLICE_EMPTY;
    /* KIP-98: whoever reads uncommitted records is told of no aborted transactions, not of none. */
    if (f->q->isolation_level == 0 && part->partition) part->answer->aborted_transactions_n = -1;
}

static bool
is_to_be_told(const struct fetch *f, const struct fetch_part *part)
{
    const struct k_fetch_response_partition_data *a = part->answer;
    return f->is_full || a->error_code || part->range.n > 0 || a->preferred_read_replica >= 0 ||
           a->diverging_epoch.epoch >= 0 || a->diverging_epoch.end_offset >= 0 ||
           fetch_has_news(&part->told, a->high_watermark, a->log_start_offset);
}

/* The next fetch need not look at it, unless something happens: it has all that there is, and everybody knows that
 * it has. A follower outside the ISR, or of records that are not committed yet, is looked at each time: it may be let in,
 * and they may become committed, by what no partition is told of (a broker is fenced, time passes). */
static bool
may_rest(const struct fetch *f, const struct fetch_part *part)
{
    if (!is_follower(f)) return true;
    const struct partition *p = part->partition;
    return isr_has(&p->isr, f->replica_id) && p->high_watermark >= part->offset;
}

/* What of a partition goes into the answer is from now on known to the reader. */
static void
fetch_part_told(struct fetch *f, struct fetch_part *part)
{
    const struct k_fetch_response_partition_data *a = part->answer;
    bool is_bad =
        a->error_code || a->diverging_epoch.epoch >= 0 || a->diverging_epoch.end_offset >= 0;
    part->told = is_bad ? (struct fetch_told){-1, -1}
                        : (struct fetch_told){a->high_watermark, a->log_start_offset};
    if (part->range.segment) f->ranges[f->ranges_n++] = part->range;
    /* Behind the others: who gets much must not always come first. */
    if (part->range.n > 0) fetch_part_set_state(part, FETCH_PART_CHANGED);
    part->range = (struct log_range){0};
}

/* The parts that the answer tells of, in the order in which they are in it. */
static int32_t
gather_told(struct fetch *f, struct fetch_part **told)
{
    int32_t n = 0;
    LIST_EACH(&f->s->seen, part, struct fetch_part, todo) {
        fetch_blank_answer(f, part);
        fill_offsets(part->answer, part->partition);
    }
    if (f->is_full) {
        LIST_EACH(&f->s->parts, part, struct fetch_part, node) told[n++] = part;
        return n;
    }
    LIST_EACH(&f->s->changed, part, struct fetch_part, todo)
        if (is_to_be_told(f, part)) told[n++] = part;
    LIST_EACH(&f->s->seen, part, struct fetch_part, todo)
        if (is_to_be_told(f, part)) told[n++] = part;
    return n;
}

static bool
is_same_topic(const struct fetch_part *a, const struct fetch_part *b)
{
    return uuid_eq(a->topic_id, b->topic_id) && slice_eq(a->topic, b->topic);
}

/* KIP-951: where those leaders listen that the answer names. */
static void
fetch_name_endpoint(struct fetch *f, int32_t leader, int32_t most)
{
    struct arena *a = &f->r->arena;
    struct k_fetch_response *res = &f->response;
    const struct image_endpoint *ep;
    const struct image_broker *b = lookup_living(f->r, leader, &ep);
    if (!b) return;
    for (int32_t i = 0; i < res->node_endpoints_n; i++)
        if (res->node_endpoints[i].node_id == leader) return;
    if (!res->node_endpoints)
        res->node_endpoints = codec_array(a, K_STRUCT_FETCH_RESPONSE_NODE_ENDPOINT, most);
    res->node_endpoints[res->node_endpoints_n++] = (struct k_fetch_response_node_endpoint){
        .node_id = leader,
        .host = arena_dup(a, ep->host),
        .port = ep->port,
        .rack = b->rack.p ? arena_dup(a, b->rack) : SLICE_NULL};
}

static void
fetch_fill_response(struct fetch *f, struct fetch_part *const *told, int32_t n)
{
    struct arena *a = &f->r->arena;
    int32_t topics_n = 0;
    for (int32_t i = 0; i < n; i++) topics_n += i == 0 || !is_same_topic(told[i - 1], told[i]);
    f->response.responses =
        codec_array(a, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, topics_n);
    for (int32_t i = 0, end; i < n; i = end) {
        struct k_fetch_response_fetchable_topic_response *t =
            &f->response.responses[f->response.responses_n++];
        for (end = i + 1; end < n && is_same_topic(told[i], told[end]);) end++;
        /* The session may be gone when the answer is encoded. */
        t->topic = f->s->arena ? told[i]->topic : arena_dup(a, told[i]->topic);
        t->topic_id = told[i]->topic_id;
        t->partitions = arena_alloc(a, (end - i) * (int64_t)sizeof *t->partitions);
        for (int32_t k = i; k < end; k++) {
            t->partitions[t->partitions_n++] = *told[k]->answer;
            int32_t leader = told[k]->answer->current_leader.leader_id;
            if (leader >= 0) fetch_name_endpoint(f, leader, n);
        }
    }
}

/* What was seen or read is told, or will be next time. */
static void
fetch_let_session_go(struct fetch *f)
{
    struct fetch_session *s = f->s;
    LIST_EACH(&s->changed, part, struct fetch_part, todo) {
        CHECK(!part->range.segment); /* what is read is told */
        part->answer = NULL;
    }
    LIST_EACH(&s->seen, part, struct fetch_part, todo) {
        part->answer = NULL;
        fetch_part_set_state(part, may_rest(f, part) ? FETCH_PART_RESTS : FETCH_PART_CHANGED);
    }
    s->fetch = NULL;
    f->s = NULL;
    if (s->arena) fetch_session_leave_partitions(s);
}

static void
note_answered(struct fetch *f)
{
    if (f->r->session) f->r->session->leads_asked = f->r->server->leads_asked.n;
}

static void
fetch_answer(struct fetch *f)
{
    struct fetch_session *s = f->s;
    defer_cancel(&f->again);
    timer_cancel(f->r->server->env, &f->timer);
    struct fetch_part **told =
        arena_alloc(&f->r->arena, s->standing.parts_n * (int64_t)sizeof *told);
    int32_t n = gather_told(f, told);
    f->ranges = REQUEST_ARRAY(f->r, struct log_range, n);
    fetch_fill_response(f, told, n);
    for (int32_t i = 0; i < n; i++) fetch_part_told(f, told[i]);
    fetch_let_session_go(f);
    f->r->owner = f;
    f->r->gone = NULL;
    f->r->is_whole = ranges_are_whole;
    f->r->let_go = let_ranges_go;
    note_answered(f);
    request_answer(f->r, &f->response);
}

static void
fetch_refuse(struct fetch *f, int16_t err)
{
    f->r->gone = NULL;
    f->response.error_code = err;
    note_answered(f);
    request_answer(f->r, &f->response);
}

/* ---- waiting ---- */

/* One round at a time: a second one would begin a read on top of the one that is under way. */
void
fetch_look_again(struct fetch *f)
{
    f->woken = true;
    if (!f->reading) defer(f->r->server->env, &f->again);
}

static void
fetch_read_again(struct task *t)
{
    struct fetch *f = CONTAINER_OF(t, struct fetch, again);
    if (f->given_up) fetch_refuse(f, f->given_up);
    else fetch_read_on(f);
}

bool
fetch_is_at_work(const struct fetch *f)
{
    return f->is_at_work;
}

void
fetch_give_up(struct fetch *f, int16_t err)
{
    CHECK(!f->is_at_work);
    if (f->reading) log_read_cancel(&f->read);
    timer_cancel(f->r->server->env, &f->timer);
    LIST_EACH(&f->s->changed, part, struct fetch_part, todo) {
        log_range_release(&part->range);
        part->range = (struct log_range){0};
        part->answer = NULL;
    }
    LIST_EACH(&f->s->seen, part, struct fetch_part, todo) part->answer = NULL;
    f->s->fetch = NULL;
    f->s = NULL;
    f->given_up = err;
    defer(f->r->server->env, &f->again);
}

static void
expired(struct timer *t)
{
    struct fetch *f = CONTAINER_OF(t, struct fetch, timer);
    f->expired = true;
    fetch_look_again(f);
}

static void
fetch_client_gone(struct request *r)
{
    struct fetch *f = r->owner;
    f->expired = true;
    if (!f->given_up) fetch_look_again(f);
}

static void
wait_for_more(struct fetch *f)
{
    struct env *env = f->r->server->env;
    LIST_EACH(&f->s->changed, part, struct fetch_part, todo) {
        log_range_release(&part->range);
        part->range = (struct log_range){0};
    }
    if (f->woken) {
        defer(env, &f->again);
        return;
    }
    if (timer_is_armed(&f->timer)) return;
    f->timer.due = expired;
    timer_arm(env, &f->timer, env_now_ns(env) + (int64_t)f->q->max_wait_ms * NS_PER_MS);
}

static void
all_read(struct fetch *f)
{
    f->reading = f->is_at_work = false;
    bool is_asked = is_follower(f) && still_leads_hears(f->r->server, f->s, f->proves);
    bool enough = f->bytes >= f->min_bytes || f->answer_now || f->expired || is_asked ||
                  f->q->max_wait_ms <= 0 || f->s->standing.parts_n == 0;
    if (enough) fetch_answer(f);
    else wait_for_more(f);
}

/* ---- one partition ---- */

/* Found by its id once, then again only when a partition has gone. */
static struct partition *
find_partition(struct fetch *f, struct fetch_part *part, int16_t *ret_err)
{
    struct server *s = f->r->server;
    bool is_known = part->partition && part->gone_then == s->replicas->gone_n &&
                    part->partition->role != PARTITION_NONE;
    if (is_known) return part->partition;
    fetch_waiter_cancel(&part->waiter);
    part->partition = lookup_partition(s, part->topic_id, f->s->has_ids ? SLICE_NULL : part->topic,
                                       part->index, ret_err);
    part->gone_then = s->replicas->gone_n;
    return part->partition;
}

static void
fetch_fail_part(struct fetch *f, struct fetch_part *part, int16_t err)
{
    part->answer->error_code = err;
    part->answer->high_watermark = -1;
    f->answer_now = true;
    if (err != K_ERR_NOT_LEADER_OR_FOLLOWER && err != K_ERR_FENCED_LEADER_EPOCH) return;
    if (f->r->version < 16) return; /* KIP-951 */
    const struct image_partition *ip = lookup_image_partition(
        f->r->server, part->topic_id, f->s->has_ids ? SLICE_NULL : part->topic, part->index);
    if (!ip) return;
    part->answer->current_leader.leader_id = ip->leader;
    part->answer->current_leader.leader_epoch = ip->leader_epoch;
}

/* Who may be served: followers and old consumers by the leader only, consumers from version 11 on by
 * any replica (KIP-392). */
static int16_t
fetch_check_role(struct fetch *f, struct partition *p, const struct fetch_part *part)
{
    int16_t err = partition_check_leader(p, part->leader_epoch);
    if (err == K_ERR_FENCED_LEADER_EPOCH) MARK(p->env, EPOCH_FENCED);
    if (err == K_ERR_UNKNOWN_LEADER_EPOCH) MARK(p->env, EPOCH_UNKNOWN);
    if (err == K_ERR_NOT_LEADER_OR_FOLLOWER && p->role == PARTITION_FOLLOWER && !is_follower(f) &&
        f->r->version >= 11)
        return 0;
    if (!err && is_follower(f) && !partition_has_replica(p, f->replica_id))
        /* KAFKA-13102: our metadata may be behind the follower's. */
        return part->leader_epoch >= 0 ? K_ERR_UNKNOWN_LEADER_EPOCH : K_ERR_NOT_LEADER_OR_FOLLOWER;
    return err;
}

/* KIP-595: the last fetched epoch tells whether the reader's log is still a prefix of ours. */
static bool
check_divergence(struct fetch *f, struct fetch_part *part, struct partition *p)
{
    if (part->last_epoch < 0) return false;
    /* Before our first record nothing can be compared: OFFSET_OUT_OF_RANGE says so, and begins anew. */
    if (part->offset < commitlog_start(&p->log)) return false;
    struct epoch_end end =
        commitlog_epoch_end(&p->log, part->last_epoch, commitlog_assigned_end(&p->log));
    if (end.epoch < 0) {
        fetch_fail_part(f, part, K_ERR_OFFSET_OUT_OF_RANGE);
        return true;
    }
    if (!fetch_diverges(end, part->last_epoch, part->offset)) return false;
    MARK(p->env, READER_DIVERGED);
    part->answer->diverging_epoch.epoch = end.epoch;
    part->answer->diverging_epoch.end_offset = end.end_offset;
    fill_offsets(part->answer, p);
    f->answer_now = true;
    return true;
}

static int16_t
read_error(enum log_err err)
{
    switch (err) {
    case LOG_E_OUT_OF_RANGE: return K_ERR_OFFSET_OUT_OF_RANGE;
    case LOG_E_CLOSED: return K_ERR_NOT_LEADER_OR_FOLLOWER;
    case LOG_E_CORRUPT: return K_ERR_CORRUPT_MESSAGE;
    default: return K_ERR_KAFKA_STORAGE_ERROR;
    }
}

/* KIP-98: for readers of committed records, the transactions of which what they read must be left out. They are
 * looked up for each answer anew: a transaction may be decided while the request waits (KAFKA-5376). */
static void
fill_aborted(struct fetch *f, struct fetch_part *part, const struct partition *p)
{
    struct arena *a = &f->r->arena;
    struct aborted_txn *found = NULL;
    int64_t end = log_range_end_offset(&part->range);
    int32_t n = commitlog_aborted(&p->log, part->offset, end, a, &found);
    part->answer->aborted_transactions =
        codec_array(a, K_STRUCT_FETCH_RESPONSE_ABORTED_TRANSACTION, n);
    part->answer->aborted_transactions_n = n;
    if (n > 0) MARK(p->env, ABORTED_TOLD);
    for (int32_t i = 0; i < n; i++) {
        part->answer->aborted_transactions[i].producer_id = found[i].producer_id;
        part->answer->aborted_transactions[i].first_offset = found[i].first_offset;
    }
}

static void
fetch_take_range(struct fetch *f, struct fetch_part *part, struct partition *p)
{
    const struct log_read *rd = &f->read;
    /* A cut elsewhere in the segment ended the read: what it asked for is there, or will be. */
    bool in_range =
        rd->offset >= commitlog_start(&p->log) && rd->offset <= commitlog_written_end(&p->log);
    bool again = rd->err == LOG_E_BUSY || (rd->err == LOG_E_OUT_OF_RANGE && in_range);
    if (rd->err != LOG_OK && !again) {
        fetch_fail_part(f, part, read_error(rd->err));
        return;
    }
    fill_offsets(part->answer, p);
    if (rd->range.n == 0) return;
    part->range = rd->range;
    part->answer->records.file = rd->range.file;
    part->answer->records.offset = rd->range.offset;
    part->answer->records.n = rd->range.n;
    f->bytes += rd->range.n;
    f->budget -= rd->range.n;
    if (f->q->isolation_level == 1) fill_aborted(f, part, p);
}

static void
fetch_next_part(struct fetch *f)
{
    struct list *next = f->at->todo.next;
    f->at = next == &f->s->changed ? NULL : LIST_ENTRY(next, struct fetch_part, todo);
}

/* Nothing to be read: it is looked at again when there is. */
static void
fetch_part_seen(struct fetch *f, struct fetch_part *part)
{
    fetch_next_part(f);
    fetch_part_set_state(part, FETCH_PART_SEEN);
}

static void
was_read(struct log_read *rd)
{
    struct fetch *f = CONTAINER_OF(rd, struct fetch, read);
    struct fetch_part *part = f->at;
    int16_t err = 0;
    struct partition *p = find_partition(f, part, &err);
    /* Another epoch, perhaps another role: what was read, or found to be cut off, is no answer to what
     * was asked then; above all it is no OFFSET_OUT_OF_RANGE, which makes consumers start over. */
    if (p && p->leader_epoch != f->read_epoch) err = K_ERR_NOT_LEADER_OR_FOLLOWER;
    if (err) {
        log_range_release(&rd->range);
        fetch_fail_part(f, part, err);
    } else {
        fetch_take_range(f, part, p);
    }
    fetch_next_part(f);
    fetch_read_on(f);
}

static void
fetch_start_listening(struct fetch_part *part, struct partition *p)
{
    if (!list_is_linked(&part->waiter.node)) list_push_back(&p->fetch_waiters, &part->waiter.node);
}

/* The consumer is sent to a replica that is nearer to it, at once and without records. */
static bool
fetch_redirect(struct fetch *f, struct fetch_part *part, const struct partition *p)
{
    int32_t to = read_redirect(f->r->server, p, f->q->rack_id, part->offset);
    if (to < 0) return false;
    fill_offsets(part->answer, p);
    part->answer->preferred_read_replica = to;
    f->answer_now = true;
    return true;
}

/* f->at goes on to the next partition. False: the log will call was_read(). */
static bool
fetch_look_at_part(struct fetch *f, struct fetch_part *part)
{
    int16_t err = 0;
    struct partition *p = find_partition(f, part, &err);
    fetch_blank_answer(f, part);
    if (p) err = fetch_check_role(f, p, part);
    if (err) {
        fetch_fail_part(f, part, err);
        fetch_next_part(f);
        return true;
    }
    /* Before looking: what comes while another partition is read must not be missed. */
    fetch_start_listening(part, p);
    if (check_divergence(f, part, p)) {
        fetch_next_part(f);
        return true;
    }
    /* The log ends where appending has come to: a follower may have written what this leader's disk is still writing. */
    if (part->offset < commitlog_start(&p->log) || part->offset > commitlog_assigned_end(&p->log)) {
        fetch_fail_part(f, part, K_ERR_OFFSET_OUT_OF_RANGE);
        part->answer->log_start_offset = commitlog_start(&p->log);
        fetch_next_part(f);
        return true;
    }
    /* What it asks for is what it has written (replica/isr_decision.c): before the read, so that the
     * answer has the watermark that this fetch brought about. */
    if (part->is_position)
        partition_fetched_by(p, f->replica_id, f->replica_epoch, part->offset, part->log_start);
    part->is_position = false;
    if (!is_follower(f) && fetch_redirect(f, part, p)) {
        fetch_next_part(f);
        return true;
    }
    int64_t limit = partition_read_limit(p, is_follower(f), f->q->isolation_level == 1);
    int64_t max = MIN((int64_t)part->max_bytes, f->budget);
    bool min_one = f->bytes == 0;
    if (part->offset >= limit) {
        fetch_part_seen(f, part);
        return true;
    }
    if (max <= 0 && !min_one) {
        fill_offsets(part->answer, p);
        fetch_next_part(f);
        return true;
    }
    f->read = (struct log_read){.done = was_read,
                                .offset = part->offset,
                                .limit = limit,
                                .max_bytes = MAX(max, 0),
                                .min_one = min_one,
                                .yields = !is_follower(f)};
    f->read_epoch = p->leader_epoch;
    if (!commitlog_read(&p->log, &f->read)) return false;
    fetch_take_range(f, part, p);
    fetch_next_part(f);
    return true;
}

static void
fetch_begin_round(struct fetch *f)
{
    f->reading = true;
    f->woken = f->answer_now = false;
    f->bytes = 0;
    f->budget = f->max_bytes;
    f->at = LIST_FIRST(&f->s->changed, struct fetch_part, todo);
}

static void
fetch_read_on(struct fetch *f)
{
    if (!f->reading) fetch_begin_round(f);
    f->is_at_work = true;
    while (f->at) {
        if (fetch_look_at_part(f, f->at)) continue;
        f->is_at_work = false;
        return;
    }
    all_read(f);
}

/* ---- the beginning ---- */

static int32_t
count_parts(const struct k_fetch_request *q)
{
    int32_t n = 0;
    for (int32_t i = 0; i < q->topics_n; i++) n += q->topics[i].partitions_n;
    return n;
}

/* Its fetches come one after the other: one that is still under way lost its connection, or its sender. */
static int16_t
take_over_session(struct fetch *f, struct fetch_session *s)
{
    bool request_has_ids = f->r->version >= 13;
    int16_t err = fetch_session_check(s ? s->epoch : -1, s && s->has_ids, f->q->session_epoch,
                                      request_has_ids);
    if (!err && s->fetch && fetch_is_at_work(s->fetch)) err = K_ERR_INVALID_FETCH_SESSION_EPOCH;
    if (err) return err;
    if (s->fetch) fetch_give_up(s->fetch, K_ERR_INVALID_FETCH_SESSION_EPOCH);
    if (!fetch_session_take(s, f->q)) {
        fetch_session_end(s);
        return K_ERR_FETCH_SESSION_ID_NOT_FOUND;
    }
    f->s = s;
    return 0;
}

/* The next one is an old one's, or none. */
static void
begin_session(struct fetch *f, struct fetch_session *old)
{
    struct fetch_sessions *all = &f->r->server->fetch_sessions;
    bool has_ids = f->r->version >= 13;
    if (old && !(old->fetch && fetch_is_at_work(old->fetch))) fetch_session_end(old);
    f->is_full = true;
    if (fetch_kind_of(f->q->session_epoch) == FETCH_BEGINS)
        f->s = fetch_session_new(all, f->replica_id, has_ids, count_parts(f->q));
    if (f->s && !fetch_session_take(f->s, f->q)) {
        fetch_session_end(f->s);
        f->s = NULL;
    }
    if (f->s) return;
    f->s = fetch_session_for_one(all, &f->r->arena, f->replica_id, has_ids);
    (void)fetch_session_take(f->s, f->q);
}

static int16_t
find_session(struct fetch *f)
{
    struct fetch_sessions *all = &f->r->server->fetch_sessions;
    const struct k_fetch_request *q = f->q;
    struct fetch_session *s = q->session_id ? fetch_session_find(all, q->session_id) : NULL;
    if (fetch_kind_of(q->session_epoch) == FETCH_GOES_ON) {
        int16_t err = take_over_session(f, s);
        if (err) return err;
        if (f->s->standing.parts_n == 0) { /* nothing left: it ends, as in Kafka */
            fetch_session_end(f->s);
            f->s = fetch_session_for_one(all, &f->r->arena, f->replica_id, f->r->version >= 13);
        }
    } else {
        begin_session(f, s);
    }
    f->s->fetch = f;
    f->s->epoch = fetch_session_next_epoch(MAX(q->session_epoch, 0));
    fetch_session_touch(f->s);
    f->response.session_id = f->s->id;
    return 0;
}

void
handle_fetch(struct server *s, struct request *r)
{
    struct fetch *f = REQUEST_NEW(r, struct fetch);
    f->r = r;
    f->q = r->message;
    r->owner = f;
    f->again.run = fetch_read_again;
    f->replica_id = r->version >= 15 ? f->q->replica_state.replica_id : f->q->replica_id;
    f->replica_epoch = r->version >= 15 ? f->q->replica_state.replica_epoch : -1;
    f->proves = r->session ? r->session->leads_asked : 0;
    codec_default(K_MSG_FETCH_RESPONSE, &f->response);
    if (is_follower(f) && image_broker(s->image, f->replica_id)) request_is_of_follower(r);
    /* Enough is what fits, and nobody need wait for more. */
    f->max_bytes = MIN((int64_t)f->q->max_bytes, config_i64(s->config, K_CFG_FETCH_MAX_BYTES));
    f->min_bytes = MIN((int64_t)f->q->min_bytes, f->max_bytes);
    int16_t err = find_session(f);
    if (err) {
        fetch_refuse(f, err);
        return;
    }
    r->gone = fetch_client_gone;
    fetch_read_on(f);
}
