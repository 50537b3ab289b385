#include "errors.h"
#include "sim/workload/member_internal.h"
#include "sim/workload/read.h"
#include "sim/workload/value.h"
#include "sim/workload/workload.h"

struct member_args
member_args_default(struct history *h, struct slice name, struct client_params client)
{
    return (struct member_args){.history = h,
                                .name = name,
                                .client = client,
                                .consumer = consumer_params_default(),
                                .membership = membership_params_default(),
                                .commits = COMMIT_AFTER,
                                .auto_interval_ms = 5000,
                                .poll_records = 500,
                                .until_ns = TIME_NEVER,
                                .generation = -1};
}

/* ---- history and words ---------------------------------------------------------------------------- */

static struct history_op
worker_op(const struct worker *w, enum history_kind kind, const struct held *h)
{
    struct history_op op =
        history_op_new(kind, w->process, h ? h->topic : -1, h ? h->of.partition : -1);
    op.node = w->group;
    op.key = membership_generation(w->membership);
    op.acks = (int16_t)w->args->commits;
    int64_t back_ns = membership_came_back_ns(w->membership);
    if (back_ns)
        op.value = (uint64_t)(w->args->history->now(w->args->history->ctx) -
                              (env_now_ns(w->env) - back_ns));
    return op;
}

static void
note(const struct worker *w, enum history_kind kind, const struct held *h, int64_t offset,
     int16_t error)
{
    struct history_op op = worker_op(w, kind, h);
    op.offset = offset;
    op.error = error;
    if (!history_is_of_group(kind)) op.node = -1, op.key = -1, op.acks = 0;
    history_add(w->args->history, &op, HISTORY_OK, NULL, 0);
}

static void
put_partitions(struct writer *w, const struct topic_partition *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        fmt_str(w, i ? ", " : " "), fmt_slice(w, v[i].topic);
        fmt_char(w, '-'), fmt_i64(w, v[i].partition);
    }
    if (!n) fmt_str(w, " nothing");
}

void
worker_tell(const struct worker *w, const char *what, const struct topic_partition *v, int32_t n)
{
    if (!w->args->told) return;
    struct writer text = writer_mem(&w->env->mem);
    fmt_slice(&text, w->args->name), fmt_str(&text, what);
    if (v) put_partitions(&text, v, n);
    w->args->told(w->args->ctx, writer_slice(&text));
    writer_release(&text);
}

static void
tell_round(const struct worker *w, int32_t generation, const struct topic_partition *v, int32_t n)
{
    char what[200];
    struct writer text = writer_fixed(what, sizeof what - 1);
    bool has_epochs = w->args->membership.protocol != GROUP_PROTOCOL_CLASSIC;
    fmt_str(&text, has_epochs ? " has member epoch " : " is in generation ");
    fmt_i64(&text, generation);
    fmt_str(&text, has_epochs ? " in " : " of "), fmt_slice(&text, w->args->membership.group_id);
    fmt_str(&text, v ? ", with" : ", with nothing");
    what[writer_slice(&text).n] = 0;
    worker_tell(w, what, v, n);
}

/* ---- partitions ------------------------------------------------------------------------------------- */

static struct held *
find_held(struct worker *w, const struct topic_partition *p)
{
    LIST_EACH(&w->held, h, struct held, node)
        if (topic_partition_eq(&h->of, p)) return h;
    return NULL;
}

static struct held *
find_held_of(struct worker *w, const struct group_offset *o)
{
    return find_held(w, &(struct topic_partition){o->topic, o->partition, o->topic_id});
}

static void
show_owned(struct worker *w)
{
    struct member_args *a = w->args;
    a->owned_n = 0;
    LIST_EACH(&w->held, h, struct held, node) {
        for (int32_t t = 0; t < a->membership.topics_n && a->owned_n < MEMBER_OWNED_MAX; t++)
            if (slice_eq(a->membership.topics[t], h->of.topic))
                a->owned[a->owned_n++] = (struct member_owned){t, h->of.partition, h->position};
    }
}

static void
drop_partitions(struct worker *w, const struct topic_partition *v, int64_t n, int16_t error)
{
    for (int64_t i = 0; i < n; i++) {
        struct held *h = find_held(w, &v[i]);
        if (!h) continue;
        note(w, HISTORY_DISOWN, h, h->position, error);
        if (h->from) {
            assigned_set_user(h->from, NULL);
            consumer_unassign(h->from);
        }
        list_remove(&h->node);
        VEC_RELEASE(&w->env->mem, &h->queue);
        MEM_DELETE(&w->env->mem, h);
    }
    show_owned(w);
}

/* By its id; else as far as the member's client knows which of this name it is. */
static int32_t
topic_now(const struct worker *w, const struct topic_partition *p)
{
    struct uuid id = uuid_is_zero(p->topic_id) ? client_topic_id(w->client, p->topic) : p->topic_id;
    return history_topic_of(w->args->history, p->topic, id);
}

static struct held *
hold(struct worker *w, const struct topic_partition *p)
{
    struct held *h = MEM_NEW(&w->env->mem, struct held);
    h->worker = w;
    h->of = *p;
    h->topic = topic_now(w, p);
    h->position = h->polled_to = h->committed = h->refused = -1;
    h->leader_epoch = -1;
    list_push_back(&w->held, &h->node);
    return h;
}

/* Its topic was deleted, and the member goes on with another one of its name: what it had of the former it has no more. */
static void
goes_on_in(struct worker *w, struct held *h, int32_t topic)
{
    if (topic == h->topic) return;
    note(w, HISTORY_DISOWN, h, h->position, 0);
    h->topic = topic;
    h->committed = -1;
    note(w, HISTORY_OWN, h, -1, 0);
}

/* ---- calls for offsets ------------------------------------------------------------------------------ */

static void
call_begin(struct worker *w, struct offsets_call *c, enum history_kind kind)
{
    c->numbers.n = 0;
    for (int64_t i = 0; i < c->v.n; i++) {
        struct held *h = find_held_of(w, &c->v.v[i]);
        struct history_op op = worker_op(w, kind, h);
        op.offset = kind == HISTORY_COMMIT ? c->v.v[i].offset : -1;
        op.is_of_any_life = uuid_is_zero(c->v.v[i].topic_id);
        int64_t number = history_invoke(w->args->history, &op);
        VEC_PUSH(&w->env->mem, &c->numbers, number);
    }
}

static void
call_end(struct offsets_call *c, bool is_commit)
{
    struct history *h = c->worker->args->history;
    const struct group_op *op = &c->op;
    enum history_outcome outcome = !op->error   ? HISTORY_OK
                                 : op->in_doubt ? HISTORY_INFO
                                                : HISTORY_FAIL;
    for (int64_t i = 0; i < c->numbers.n; i++) {
        int64_t offset = is_commit ? c->v.v[i].offset : op->error ? -1 : op->v[i].offset;
        if (is_commit && op->in_doubt) history_note_retry(h, c->numbers.v[i]);
        history_complete(h, c->numbers.v[i], outcome, op->error,
                         h->ops.v[c->numbers.v[i]].partition, offset);
    }
}

static void
commit_done(struct group_op *op)
{
    struct offsets_call *c = CONTAINER_OF(op, struct offsets_call, op);
    struct worker *w = c->worker;
    call_end(c, true);
    for (int64_t i = 0; !op->error && i < c->v.n; i++) {
        struct held *h = find_held_of(w, &c->v.v[i]);
        if (h) h->committed = MAX(h->committed, c->v.v[i].offset);
    }
    w->args->committed += !op->error;
    if (c->then) c->then(w, !op->error);
}

static void
add_to_commit(struct worker *w, struct offsets_call *c, const struct held *h, int64_t offset)
{
    struct group_offset o = {h->of.topic, h->of.partition, offset, h->leader_epoch, h->of.topic_id};
    VEC_PUSH(&w->env->mem, &c->v, o);
}

/* What is done and not committed, of all partitions or of those that go. */
static void
gather_done(struct worker *w, struct offsets_call *c, const struct topic_partition *v, int64_t n)
{
    c->v.n = 0;
    if (w->copier) return; /* its transactions did it */
    LIST_EACH(&w->held, h, struct held, node) {
        bool meant = !v;
        for (int64_t i = 0; i < n; i++) meant = meant || find_held(w, &v[i]) == h;
        if (meant && h->position > h->committed && h->position >= 0 && h->taken == 0 &&
            h->polled_to >= 0)
            add_to_commit(w, c, h, h->position);
    }
}

static void
commit(struct worker *w, struct offsets_call *c, void (*then)(struct worker *w, bool ok))
{
    c->then = then;
    if (!c->v.n) {
        then(w, true);
        return;
    }
    c->op.done = commit_done;
    call_begin(w, c, HISTORY_COMMIT);
    membership_commit(w->membership, &c->op, c->v.v, (int32_t)c->v.n);
}

/* ---- the member's turn ------------------------------------------------------------------------------ */

void
worker_turn_at(struct worker *w, int64_t ns)
{
    timer_arm(w->env, &w->turn, env_now_ns(w->env) + ns);
}

static void
resume_if_empty(struct held *h)
{
    if (h->queue.n == 0 && h->from) assigned_resume(h->from);
}

static void
after_commit(struct worker *w, bool ok)
{
    w->is_committing = false;
    worker_turn_at(w, ok ? 0 : POLL_EVERY_NS);
}

void
worker_piece_is_done(struct worker *w)
{
    struct held *h = w->busy_with;
    struct history_op op = worker_op(w, HISTORY_PROCESS, h);
    w->busy_with = NULL;
    op.offset = h->queue.v[h->taken - 1].offset + 1;
    history_add(w->args->history, &op, HISTORY_OK, h->queue.v, h->taken);
    w->args->processed += h->taken;
    h->position = op.offset;
    memmove(h->queue.v, h->queue.v + h->taken,
            (size_t)(h->queue.n - h->taken) * sizeof *h->queue.v);
    h->queue.n -= h->taken;
    h->taken = 0;
    resume_if_empty(h);
    show_owned(w);
}

static void
worked(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, worked);
    if (w->copier) {
        worker_copy(w);
        return;
    }
    worker_piece_is_done(w);
    if (w->args->commits != COMMIT_AFTER) {
        worker_turn_at(w, 0);
        return;
    }
    w->is_committing = true;
    gather_done(w, &w->commit, NULL, 0);
    commit(w, &w->commit, after_commit);
}

static void
work(struct worker *w)
{
    worker_remember_membership(w);
    timer_arm(w->env, &w->worked, env_now_ns(w->env) + w->busy_with->taken * w->args->work_ns);
}

/* What could not be committed is not begun; it is tried again. */
static void
committed_before(struct worker *w, bool ok)
{
    struct held *h = w->busy_with;
    w->is_committing = false;
    if (ok) {
        work(w);
        return;
    }
    h->taken = 0;
    w->busy_with = NULL;
    worker_turn_at(w, POLL_EVERY_NS);
}

static void
note_poll(struct worker *w, struct held *h)
{
    int64_t from = 0;
    while (from < h->taken && h->queue.v[from].offset < h->polled_to) from++;
    if (from == h->taken) return;
    struct history_op op = history_op_new(HISTORY_POLL, w->process, h->topic, h->of.partition);
    op.offset = h->polled_to = h->queue.v[h->taken - 1].offset + 1;
    op.leader_epoch = h->leader_epoch;
    op.read_committed = w->args->consumer.read_committed;
    history_add(w->args->history, &op, HISTORY_OK, h->queue.v + from, h->taken - from);
    w->args->read += h->taken - from;
}

static void
take(struct worker *w, struct held *h)
{
    w->busy_with = h;
    h->taken = MIN(h->queue.n, w->args->poll_records);
    list_remove(&h->node); /* the others first, next time */
    list_push_back(&w->held, &h->node);
    note_poll(w, h);
    if (w->args->commits != COMMIT_BEFORE) {
        work(w);
        return;
    }
    w->is_committing = true;
    w->commit.v.n = 0;
    add_to_commit(w, &w->commit, h, h->queue.v[h->taken - 1].offset + 1);
    commit(w, &w->commit, committed_before);
}

static void
ignore(struct worker *w, bool ok)
{
    (void)w, (void)ok;
}

/* enable.auto.commit: what was handed out before is done when the owner asks for more. */
static void
commit_now_and_then(struct worker *w)
{
    int64_t now = env_now_ns(w->env);
    if (w->args->commits != COMMIT_AUTO || now < w->auto_due_ns || w->background.op.state) return;
    w->auto_due_ns = now + w->args->auto_interval_ms * NS_PER_MS;
    gather_done(w, &w->background, NULL, 0);
    commit(w, &w->background, ignore);
}

static void
leave(struct worker *w, bool ok)
{
    (void)ok;
    w->is_committing = false;
    note(w, HISTORY_LEAVE, NULL, -1, 0);
    w->going.n = 0;
    LIST_EACH(&w->held, h, struct held, node) VEC_PUSH(&w->env->mem, &w->going, h->of);
    drop_partitions(w, w->going.v, w->going.n, 0);
    worker_tell(w, " leaves", NULL, 0);
    membership_leave(w->membership);
}

void
worker_close_down(struct worker *w)
{
    w->is_closing = w->is_committing = true;
    w->commit.v.n = 0;
    if (w->args->commits != COMMIT_BEFORE) gather_done(w, &w->commit, NULL, 0);
    commit(w, &w->commit, leave);
}

static void
turn(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, turn);
    struct member_args *a = w->args;
    if (w->busy_with || w->is_committing || w->is_closing || a->done) return;
    if (!w->is_settling && (a->stop || a->history->now(a->history->ctx) >= a->until_ns)) {
        worker_close_down(w);
        return;
    }
    worker_turn_at(w, POLL_EVERY_NS);
    membership_poll(w->membership);
    if (w->is_settling || a->done) return;
    if (w->copier && !worker_may_copy(w)) return;
    commit_now_and_then(w);
    LIST_EACH(&w->held, h, struct held, node) {
        if (!h->queue.n) continue;
        timer_cancel(w->env, &w->turn);
        take(w, h);
        return;
    }
}

/* ---- what the group says ---------------------------------------------------------------------------- */

static void
given_up(struct worker *w, bool ok)
{
    (void)ok;
    drop_partitions(w, w->going.v, w->going.n, 0);
    w->is_settling = false;
    membership_rejoin(w->membership);
}

static void
on_revoked(void *owner, const struct topic_partition *v, int32_t n)
{
    struct worker *w = owner;
    w->going.n = 0;
    for (int32_t i = 0; i < n; i++) VEC_PUSH(&w->env->mem, &w->going, v[i]);
    w->is_settling = true;
    w->commit.v.n = 0;
    if (w->args->commits != COMMIT_BEFORE) gather_done(w, &w->commit, v, n);
    commit(w, &w->commit, given_up);
}

static void
on_lost(void *owner, const struct topic_partition *v, int32_t n)
{
    struct worker *w = owner;
    w->args->times_lost++;
    worker_tell(w, " learns that it has lost", v, n);
    drop_partitions(w, v, n, K_ERR_UNKNOWN_MEMBER_ID);
}

static void
worker_look_again(struct timer *t)
{
    worker_look_up(CONTAINER_OF(t, struct worker, again));
}

static void
begin_reading(struct worker *w, struct held *h, const struct group_offset *o)
{
    goes_on_in(w, h, topic_now(w, &h->of));
    h->committed = o->offset;
    h->position = o->offset;
    if (o->offset >= 0) h->polled_to = o->offset;
    int64_t from = o->offset >= 0       ? o->offset
                 : w->args->from_latest ? OFFSET_LATEST
                                        : OFFSET_EARLIEST;
    h->from = consumer_assign(w->consumer, h->of.topic, h->of.partition, from, -1);
    assigned_of_topic(h->from, h->of.topic_id);
    if (o->offset >= 0) assigned_seek_epoch(h->from, o->offset, o->leader_epoch);
    assigned_set_user(h->from, h);
    if (o->offset >= 0) note(w, HISTORY_ASSIGN, h, o->offset, 0);
    show_owned(w);
}

static void
looked_up(struct group_op *op)
{
    struct offsets_call *c = CONTAINER_OF(op, struct offsets_call, op);
    struct worker *w = c->worker;
    call_end(c, false);
    for (int64_t i = 0; !op->error && i < c->v.n; i++) {
        struct held *h = find_held_of(w, &op->v[i]);
        if (h && !h->from) begin_reading(w, h, &op->v[i]);
    }
    worker_look_up(w); /* what has come since; or again */
}

/* Of those that have no beginning yet. */
void
worker_look_up(struct worker *w)
{
    struct offsets_call *c = &w->look;
    if (c->op.state) return;
    if (c->op.error && !timer_is_armed(&w->again)) {
        c->op.error = 0;
        timer_arm(w->env, &w->again, env_now_ns(w->env) + POLL_EVERY_NS);
        return;
    }
    w->coming.n = c->v.n = 0;
    LIST_EACH(&w->held, h, struct held, node) {
        struct group_offset o = {h->of.topic, h->of.partition, -1, -1, h->of.topic_id};
        if (h->from) continue;
        VEC_PUSH(&w->env->mem, &w->coming, h->of);
        VEC_PUSH(&w->env->mem, &c->v, o);
    }
    if (!c->v.n) return;
    c->op.done = looked_up;
    call_begin(w, c, HISTORY_COMMITTED);
    membership_committed(w->membership, &c->op, w->coming.v, (int32_t)w->coming.n);
}

static void
on_assigned(void *owner, int32_t generation, const struct topic_partition *owned, int32_t owned_n,
            const struct topic_partition *added, int32_t added_n)
{
    struct worker *w = owner;
    w->args->rounds++;
    w->args->generation = generation;
    for (int32_t i = 0; i < added_n; i++) hold(w, &added[i]);
    tell_round(w, generation, owned, owned_n);
    for (int32_t i = 0; i < owned_n; i++) {
        struct held *h = find_held(w, &owned[i]);
        if (h) note(w, HISTORY_OWN, h, -1, 0);
    }
    show_owned(w);
    worker_look_up(w);
}

static void
on_refused(void *owner, int16_t error)
{
    struct worker *w = owner;
    w->args->error = error;
    w->args->done = true;
    w->going.n = 0;
    LIST_EACH(&w->held, h, struct held, node) VEC_PUSH(&w->env->mem, &w->going, h->of);
    worker_tell(w,
                error == K_ERR_FENCED_INSTANCE_ID ? " is fenced: another one has its place"
                                                  : " is refused by its group",
                NULL, 0);
    note(w, HISTORY_LEAVE, NULL, -1, error);
    if (!w->busy_with) drop_partitions(w, w->going.v, w->going.n, error);
}

static void
note_copy(const struct worker *w, enum history_kind kind, const struct topic_partition *p)
{
    struct held h = {.topic = topic_now(w, p), .of = *p};
    note(w, kind, &h, -1, 0);
}

static bool
names_partition(const struct topic_partition *v, int64_t n, const struct topic_partition *p)
{
    for (int64_t i = 0; i < n; i++)
        if (topic_partition_eq(&v[i], p)) return true;
    return false;
}

static void
show_copies(struct worker *w)
{
    struct member_args *a = w->args;
    a->copies_n = 0;
    for (int64_t i = 0; i < w->copies.n; i++)
        for (int32_t t = 0; t < a->membership.topics_n && a->copies_n < MEMBER_OWNED_MAX; t++)
            if (slice_eq(a->membership.topics[t], w->copies.v[i].topic))
                a->copies[a->copies_n++] = (struct member_owned){t, w->copies.v[i].partition, -1};
}

static void
on_copies(void *owner, const struct topic_partition *v, int32_t n)
{
    struct worker *w = owner;
    for (int64_t i = w->copies.n - 1; i >= 0; i--) {
        if (names_partition(v, n, &w->copies.v[i])) continue;
        note_copy(w, HISTORY_STANDBY_OVER, &w->copies.v[i]);
        VEC_REMOVE_AT(&w->copies, i);
    }
    for (int32_t i = 0; i < n; i++) {
        if (names_partition(w->copies.v, w->copies.n, &v[i])) continue;
        note_copy(w, HISTORY_STANDBY, &v[i]);
        VEC_PUSH(&w->env->mem, &w->copies, v[i]);
    }
    show_copies(w);
    worker_tell(w, n ? " keeps copies of" : " keeps no copies any more", n ? v : NULL, n);
}

static void
on_said(void *owner, struct slice words)
{
    const struct worker *w = owner;
    char what[300];
    struct writer text = writer_fixed(what, sizeof what - 1);
    fmt_str(&text, " is told of its application: ");
    fmt_slice(&text, slice_sub(words, 0, MIN(words.n, 200)));
    what[writer_slice(&text).n] = 0;
    worker_tell(w, what, NULL, 0);
}

static void
on_wants_poll(void *owner)
{
    struct worker *w = owner;
    if (!w->busy_with && !w->is_committing) worker_turn_at(w, 0);
}

static void
on_left(void *owner)
{
    struct worker *w = owner;
    w->args->done = true;
}

static const struct membership_ops group_ops = {.revoked = on_revoked,
                                                .lost = on_lost,
                                                .assigned = on_assigned,
                                                .refused = on_refused,
                                                .wants_poll = on_wants_poll,
                                                .left = on_left,
                                                .copies = on_copies,
                                                .said = on_said};

/* ---- what the brokers say --------------------------------------------------------------------------- */

static void
worker_on_records(void *owner, struct assigned *a, const struct polled *p)
{
    struct worker *w = owner;
    struct held *h = assigned_user(a);
    if (!h) return;
    /* By name it was looked up; what was read then says by its id which of that name it is. */
    if (uuid_is_zero(h->of.topic_id) && !uuid_is_zero(p->topic_id))
        goes_on_in(w, h, history_topic_of(w->args->history, p->topic, p->topic_id));
    h->leader_epoch = p->leader_epoch;
    for (int32_t i = 0; i < p->records_n; i++) {
        struct history_read r = {p->records[i].offset, 0, p->leader_epoch};
        if (value_of_record(&p->records[i], &r.value)) VEC_PUSH(&w->env->mem, &h->queue, r);
        else note(w, HISTORY_CORRUPT, h, r.offset, K_ERR_CORRUPT_MESSAGE);
    }
    if (h->queue.n) assigned_pause(a);
    if (!w->busy_with && !w->is_committing) worker_turn_at(w, 0);
}

/* Markers, and what was aborted or compacted away, are passed over; the last of them is behind us, too. */
static void
worker_on_at_end(void *owner, struct assigned *a, int64_t position, int64_t high_watermark)
{
    struct held *h = assigned_user(a);
    (void)high_watermark;
    if (!h || h->queue.n || h->position < 0 || position <= h->position) return;
    h->position = h->polled_to = position;
    show_owned(owner);
}

/* What was fetched and not worked on is void from here on. */
static void
worker_on_truncated(void *owner, struct assigned *a, int64_t position, int32_t epoch,
                    int64_t end_offset)
{
    struct worker *w = owner;
    struct held *h = assigned_user(a);
    (void)epoch;
    if (!h) return;
    note(w, HISTORY_TRUNCATION, h, end_offset, 0);
    note(w, HISTORY_ASSIGN, h, MIN(position, end_offset), 0);
    while (h->queue.n > h->taken && h->queue.v[h->queue.n - 1].offset >= end_offset) h->queue.n--;
    h->polled_to = MIN(h->polled_to, MAX(end_offset, 0));
}

static void
on_out_of_range(void *owner, struct assigned *a, int64_t position)
{
    struct held *h = assigned_user(a);
    if (!h) return;
    note(owner, HISTORY_OUT_OF_RANGE, h, position, K_ERR_OFFSET_OUT_OF_RANGE);
    h->refused = position;
}

static void
worker_on_corrupt(void *owner, struct assigned *a, int64_t offset, enum batch_err err)
{
    struct held *h = assigned_user(a);
    if (h) note(owner, HISTORY_CORRUPT, h, offset, batch_err_code(err));
}

static void
worker_on_positioned(void *owner, struct assigned *a, int64_t offset)
{
    struct member_args *m = ((struct worker *)owner)->args;
    struct held *h = assigned_user(a);
    if (!h) return;
    goes_on_in(owner, h, topic_now(owner, &h->of));
    note(owner, HISTORY_ASSIGN, h, offset, 0);
    h->position = h->polled_to = offset;
    if (h->refused >= 0)
        m->skipped += read_tell_gap(m->name, h->of.topic, h->of.partition, h->refused, offset,
                                    m->from_latest ? "they were removed, and it goes on at the end"
                                                   : READ_WAS_REMOVED,
                                    m->told, m->ctx);
    h->refused = -1;
    show_owned(owner);
}

static const struct consumer_ops read_ops = {.records = worker_on_records,
                                             .at_end = worker_on_at_end,
                                             .truncated = worker_on_truncated,
                                             .out_of_range = on_out_of_range,
                                             .corrupt = worker_on_corrupt,
                                             .positioned = worker_on_positioned};

/* ---- beginning -------------------------------------------------------------------------------------- */

void
member_start(struct env *env, void *member_args)
{
    struct worker *w = env->machine = MEM_NEW(&env->mem, struct worker);
    struct member_args *a = w->args = member_args;
    struct consumer_params cp = a->consumer;
    struct membership_params mp = a->membership;
    w->env = env;
    w->process = history_process(a->history, a->name);
    w->group = history_group(a->history, mp.group_id);
    list_init(&w->held);
    w->commit.worker = w->look.worker = w->background.worker = w;
    w->turn.due = turn;
    w->worked.due = worked;
    w->again.due = worker_look_again;
    w->client = client_new(env, &a->client);
    CHECK(w->client && a->poll_records > 0);
    cp.ops = &read_ops;
    cp.owner = w;
    cp.reset = a->from_latest ? RESET_LATEST : RESET_EARLIEST;
    w->consumer = consumer_new(w->client, &cp);
    mp.ops = &group_ops;
    mp.owner = w;
    w->membership = membership_new(w->client, &mp);
    w->generation = -1;
    if (a->commits == COMMIT_IN_TXN) w->copier = copier_new(env, w->client, a, w->process, w);
    w->auto_due_ns = env_now_ns(env) + a->auto_interval_ms * NS_PER_MS;
    a->done = false;
    a->owned_n = a->copies_n = 0;
    a->generation = -1;
    note(w, HISTORY_BEGIN, NULL, -1, 0);
    worker_turn_at(w, 0);
}
