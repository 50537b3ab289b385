/* From what passed to a history: entry by entry, each at its time. */
#include "sim/scenario/guests_own.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "errors.h"
#include "sim/net/answer.h"

/* What each process sees of each partition for each group: of more, commits are not judged. */
#define VIEWS_MAX (20 << 20)

/* ---- sends --------------------------------------------------------------------------------------------------- */

static bool
is_open(const struct guests *g, int64_t op)
{
    return op >= 0 && g->h.ops.v[op].outcome == HISTORY_OPEN;
}

static void
tell_sent(struct guests *g, struct parcel *k)
{
    struct history_op op = history_op_new(HISTORY_SEND, k->process, k->topic, k->partition);
    op.acks = k->acks;
    op.idempotent = k->lane->producer_id >= 0 && !author_of_process(g, k->process)->is_crowd;
    op.leader_epoch = k->txn ? k->txn->number : -1;
    k->first_op = g->h.ops.n;
    k->first_value = g->h.processes.v[k->process].values + 1;
    for (int32_t i = 0; i < k->n; i++) {
        op.value = history_next_value(&g->h, k->process);
        history_invoke(&g->h, &op);
    }
}

static void
tell_sent_again(struct guests *g, const struct parcel *k)
{
    for (int32_t i = 0; i < k->n; i++)
        if (is_open(g, op_in(k, i))) history_note_retry(&g->h, op_in(k, i));
}

static void
tell_outcome(struct guests *g, const struct parcel *k, enum history_outcome outcome)
{
    for (int32_t i = 0; i < k->n; i++) {
        int64_t op = op_in(k, i);
        if (!is_open(g, op)) continue;
        g->h.ops.v[op].node = k->broker;
        history_complete(&g->h, op, outcome, 0, k->partition,
                         outcome == HISTORY_OK && k->offset >= 0 ? k->offset + i : -1);
    }
}

/* ---- commits --------------------------------------------------------------------------------------------------- */

/* What it commits in a transaction a reader that does not wait for those finds sooner or later. */
static bool
commits_in_txns(const struct guests *g, int32_t group)
{
    for (int64_t i = 0; i < g->journal.n; i++) {
        const struct commit *c = g->journal.v[i].what;
        if (g->journal.v[i].kind == ENTRY_COMMIT && c->txn && c->group == group) return true;
    }
    return false;
}

/* A coordinator that is leaving may have done what it says that another is to be asked for. */
static bool
is_surely_refused(int16_t error)
{
    struct answer_error e;
    return error > 0 && error != K_ERR_NOT_COORDINATOR &&
           error != K_ERR_COORDINATOR_LOAD_IN_PROGRESS &&
           answer_error_find(K_API_OFFSET_COMMIT, k_err_name(error), &e) &&
           e.tells == TELLS_NOT_DONE;
}

static void
tell_commit(struct guests *g, struct commit *c, enum history_kind kind)
{
    struct slice group = history_group_name(&g->h, c->group);
    if (g->h.groups.n * g->places * g->h.processes.n > VIEWS_MAX) return;
    if (kind == HISTORY_COMMITTED && !c->is_stable && commits_in_txns(g, c->group)) return;
    if (names_have(g->groups_gone.v, g->groups_gone.n, group)) return;
    for (int32_t i = 0; i < c->n; i++) {
        struct history_op op = history_op_new(kind, c->process, c->v[i].topic, c->v[i].partition);
        op.node = c->group;
        op.is_of_any_life = true; /* few say by an id which topic they mean */
        op.offset = kind == HISTORY_COMMIT ? c->v[i].offset : -1;
        op.acks = kind == HISTORY_COMMIT ? COMMIT_AT_WILL : 0;
        c->v[i].op = history_invoke(&g->h, &op);
    }
}

static void
commit_ends(struct guests *g, const struct commit_part *p, enum history_outcome outcome)
{
    if (is_open(g, p->op))
        history_complete(&g->h, p->op, outcome, MAX(p->error, 0), p->partition, p->offset);
}

static void
tell_commit_told(struct guests *g, const struct commit *c)
{
    for (int32_t i = 0; i < c->n; i++) {
        const struct commit_part *p = &c->v[i];
        if (is_surely_refused(p->error)) commit_ends(g, p, HISTORY_FAIL);
        else if (!p->error && !c->txn) commit_ends(g, p, HISTORY_OK);
    }
}

static void
tell_looked(struct guests *g, const struct commit *c)
{
    for (int32_t i = 0; i < c->n; i++) commit_ends(g, &c->v[i], HISTORY_OK);
}

static void
tell_txn_end(struct guests *g, const struct txn *t, enum history_outcome outcome)
{
    for (int64_t i = 0; i < t->parcels.n; i++)
        if (outcome == HISTORY_FAIL || t->parcels.v[i]->is_told)
            tell_outcome(g, t->parcels.v[i], outcome);
    for (int64_t i = 0; i < t->commits.n; i++)
        for (int32_t k = 0; k < t->commits.v[i]->n; k++)
            if (outcome == HISTORY_FAIL || !t->commits.v[i]->v[k].error)
                commit_ends(g, &t->commits.v[i]->v[k], outcome);
}

/* ---- polls ----------------------------------------------------------------------------------------------------- */

/* Where a process would go on to read by itself. */
struct stand {
    int32_t process, topic, partition;
    int64_t next;
};

struct telling_polls {
    VEC(struct stand) stands;
    VEC(struct history_read) reads;
};

static struct stand *
stand_of(struct guests *g, struct telling_polls *t, const struct poll *p)
{
    for (int64_t i = 0; i < t->stands.n; i++) {
        struct stand *s = &t->stands.v[i];
        if (s->process == p->process && s->topic == p->topic && s->partition == p->partition)
            return s;
    }
    struct stand new = {p->process, p->topic, p->partition, -1};
    VEC_PUSH(g->mem, &t->stands, new);
    return &t->stands.v[t->stands.n - 1];
}

/* It went elsewhere by its own will, like a seek. */
static void
tell_position(struct guests *g, struct telling_polls *t, const struct poll *p)
{
    struct stand *s = stand_of(g, t, p);
    if (s->next == p->offset && p->offset >= 0) return;
    struct history_op op = history_op_new(HISTORY_ASSIGN, p->process, p->topic, p->partition);
    op.offset = p->offset;
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
}

static void
see_early(struct guests *g, const struct poll *p, const struct parcel *k,
          const struct history_read *r)
{
    struct txn *t = k ? k->txn : NULL;
    /* Of one that was aborted the checker says so. */
    if (!t || !p->read_committed || t->was_told || t->is_aborted) return;
    if (t->commit_asked_ns >= 0 && t->commit_asked_ns <= g->told_ns) return;
    struct early one = {p->process, p->topic, p->partition, r->offset, g->told_ns, r->value};
    t->was_told = true;
    VEC_PUSH(g->mem, &g->early, one);
}

static void
tell_poll(struct guests *g, struct telling_polls *t, const struct poll *p)
{
    struct history_op op = history_op_new(HISTORY_POLL, p->process, p->topic, p->partition);
    op.read_committed = p->read_committed;
    t->reads.n = 0;
    tell_position(g, t, p);
    struct stand *s = stand_of(g, t, p);
    for (int32_t i = 0; i < p->n; i++) {
        const struct got *got = &p->v[i];
        for (int32_t k = 0; k < got->goods->h.records_n; k++) {
            int64_t offset = got->base + goods_delta(got->goods, k);
            const struct parcel *of;
            if (offset < p->offset) continue; /* the client leaves it out */
            s->next = offset + 1;
            struct history_read r = {
                offset, value_of(g, got->goods, k, p->topic, p->partition, offset, &of),
                got->epoch};
            if (!r.value) continue;
            see_early(g, p, of, &r);
            VEC_PUSH(g->mem, &t->reads, r);
        }
    }
    g->clients.v[author_of_process(g, p->process)->client].read += t->reads.n;
    if (t->reads.n) history_add(&g->h, &op, HISTORY_OK, t->reads.v, t->reads.n);
}

static void
tell_corrupt(struct guests *g, const struct poll *p)
{
    struct history_op op = history_op_new(HISTORY_CORRUPT, p->process, p->topic, p->partition);
    const struct got *last = p->n ? &p->v[p->n - 1] : NULL;
    op.offset = last ? last->base + last->goods->h.last_offset_delta + 1 : p->offset;
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

struct history *
guests_history(struct guests *g)
{
    struct telling_polls polls = {0};
    place_all(g);
    for (int64_t i = 0; i < g->journal.n; i++) {
        const struct entry *e = &g->journal.v[i];
        g->told_ns = e->at_ns;
        switch (e->kind) {
        case ENTRY_SENT: tell_sent(g, e->what); break;
        case ENTRY_SENT_AGAIN: tell_sent_again(g, e->what); break;
        case ENTRY_ACKNOWLEDGED:
            if (!((struct parcel *)e->what)->txn) tell_outcome(g, e->what, HISTORY_OK);
            break;
        case ENTRY_COMMITTED: tell_txn_end(g, e->what, HISTORY_OK); break;
        case ENTRY_ABORTED: tell_txn_end(g, e->what, HISTORY_FAIL); break;
        case ENTRY_POLLED: tell_poll(g, &polls, e->what); break;
        case ENTRY_CORRUPT: tell_corrupt(g, e->what); break;
        case ENTRY_COMMIT: tell_commit(g, e->what, HISTORY_COMMIT); break;
        case ENTRY_COMMIT_TOLD: tell_commit_told(g, e->what); break;
        case ENTRY_LOOK: tell_commit(g, e->what, HISTORY_COMMITTED); break;
        case ENTRY_LOOK_TOLD: tell_looked(g, e->what); break;
        case ENTRY_HANDED: tell_handed(g, e->what); break;
        case ENTRY_DECIDED: tell_decided(g, e->what); break;
        case ENTRY_DECIDED_HEARD: tell_decided_heard(g, e->what); break;
        case ENTRY_LET_GO: tell_let_go(g, e->what); break;
        case ENTRY_CUTTING: tell_cutting(g, e->what); break;
        case ENTRY_CUT: tell_cut(g, e->what); break;
        }
    }
    VEC_RELEASE(g->mem, &polls.stands);
    VEC_RELEASE(g->mem, &polls.reads);
    g->told_ns = g->params.now(g->params.ctx);
    return &g->h;
}
