/* Three controllers and an observer in the simulated world, each nothing but a raft, a listener and
 * frames; whoever leads proposes. After every event it is checked that an epoch has one leader for ever, that what was
 * committed at an offset stays, that a leader's high watermark does not fall, and that the epoch on
 * disk does not. */
#ifndef TESTS_RAFT_CLUSTER_H
#define TESTS_RAFT_CLUSTER_H

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/protocol/frame.h"
#include "broker/raft/quorum_state.h"
#include "broker/raft/raft.h"
#include "broker/raft/state.h"
#include "broker/record/batch.h"
#include "sim/world/fault.h"

#include "apis.h"
#include "errors.h"

#define VOTERS 3
#define NODES 4 /* the last one observes */
#define EPOCHS_MAX 4096
#define OFFSETS_MAX 65536
#define PORT 9093
#define PROPOSE_EVERY_NS (20 * NS_PER_MS)

static int64_t request_most_ms = INT64_MAX;

/* ---- what is true of the whole cluster ------------------------------------------------------------ */

struct node;

struct cluster {
    struct world *world;
    struct machine *machines[NODES];
    struct node *nodes[NODES];       /* of the present incarnation; NULL when down */
    int32_t leader_of[EPOCHS_MAX];   /* node id, 0: none yet */
    uint32_t committed[OFFSETS_MAX]; /* CRC of the batch that begins here, 0: none yet */
    int64_t committed_end;           /* the highest offset that anybody gave as committed */
    int32_t durable_epoch[NODES];
    int64_t hw[NODES], hw_epoch[NODES]; /* of a leader, in its epoch and incarnation */
    int32_t hw_incarnation[NODES];
    int64_t batches;
    bool may_die, talks;
    bool is_holding;
    bool is_quiet;      /* nobody proposes */
    int64_t timeout_ms; /* of a fetch; elections: half of it */
    int64_t disk_ops[NODES];
    struct dice dice;
    struct machine *voter; /* that sent the last vote */
    bool closes_at_cut;
    struct machine *cutter; /* whose log was cut first */
};

/* ---- a node --------------------------------------------------------------------------------------- */

struct node {
    struct cluster *cluster;
    struct env *env;
    int32_t index;
    struct raft *raft;
    struct listener listener;
    struct op op;
    struct timer propose;
    int64_t proposed;
    int64_t applied;
    bool is_open, is_active, is_standalone, was_there, is_closing;
    int64_t snapshot_bytes;
    int32_t active_epoch;
    char open_error[128];
};

/* A connection serves one request at a time. */
struct peer {
    struct node *node;
    struct conn conn;
    struct frame_reader frames;
    struct raft_answer answer;
    struct request_head head;
    bool is_busy, is_closed;
};

static void serve(struct peer *p);

/* What a node says of an epoch must be on its disk: it would forget it with the power, and whoever has
 * heard of it would wait for a leader that can never come. */
static inline void
check_told(const struct node *n, const struct request_head *head, const void *response)
{
    int32_t epoch = -1;
    if (head->api_key == K_API_FETCH) {
        const struct k_fetch_response *f = response;
        if (f->responses_n == 1) epoch = f->responses[0].partitions[0].current_leader.leader_epoch;
    } else if (head->api_key == K_API_VOTE) {
        const struct k_vote_response *v = response;
        if (v->topics_n == 1) epoch = v->topics[0].partitions[0].leader_epoch;
    }
    if (epoch > n->cluster->durable_epoch[n->index])
        fail_msg("seed %llu: node %d told of epoch %d, and has only %d on its disk",
                 (unsigned long long)world_seed(n->cluster->world), n->index + 1, epoch,
                 n->cluster->durable_epoch[n->index]);
}

static inline void
answered(struct raft_answer *a, const void *response)
{
    struct peer *p = CONTAINER_OF(a, struct peer, answer);
    struct frame f;
    check_told(p->node, &p->head, response);
    assert_true(frame_response(&p->node->env->mem, &p->node->env->scratch, p->head.api_key,
                               p->head.version, p->head.correlation_id, response, &f));
    (void)frame_send(&p->conn, &f);
    p->is_busy = false;
}

static inline void
dispatch(struct peer *p, struct reader *r)
{
    struct arena *a = &p->node->env->scratch;
    struct raft *raft = p->node->raft;
    union {
        struct k_vote_request vote;
        struct k_begin_quorum_epoch_request begin;
        struct k_end_quorum_epoch_request end;
        struct k_fetch_request fetch;
    } q;
    assert_true(codec_decode(p->head.api->request, p->head.version, r, a, &q));
    p->is_busy = true;
    p->answer.done = answered;
    switch (p->head.api_key) {
    case K_API_VOTE: raft_handle_vote(raft, &p->answer, &q.vote); break;
    case K_API_BEGIN_QUORUM_EPOCH:
        raft_handle_begin_quorum_epoch(raft, &p->answer, &q.begin);
        break;
    case K_API_END_QUORUM_EPOCH: raft_handle_end_quorum_epoch(raft, &p->answer, &q.end); break;
    case K_API_FETCH: raft_handle_fetch(raft, &p->answer, &q.fetch, p->head.version); break;
    default: fail();
    }
}

static inline void
serve(struct peer *p)
{
    struct slice frame;
    struct buf *buf;
    while (!p->is_busy && !p->is_closed &&
           frame_reader_next(&p->frames, &frame, &buf) == FRAME_OK) {
        struct reader r = reader(frame);
        assert_int_equal(request_head_read(&r, &p->node->env->scratch, &p->head), HEAD_OK);
        dispatch(p, &r);
    }
}

static inline void
peer_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct peer *p = CONTAINER_OF(c, struct peer, conn);
    frame_reader_push(&p->frames, data, from);
    serve(p);
}

static inline void
peer_closed(struct conn *c, enum env_err why)
{
    (void)why;
    struct peer *p = CONTAINER_OF(c, struct peer, conn);
    p->is_closed = true;
    raft_answer_cancel(&p->answer);
    frame_reader_release(&p->frames);
    MEM_DELETE(&p->node->env->mem, p);
}

static const struct conn_ops peer_ops = {.bytes = peer_bytes, .closed = peer_closed};

static inline void
accepted(struct listener *l, const struct accepted *a)
{
    struct node *n = CONTAINER_OF(l, struct node, listener);
    struct peer *p = MEM_NEW(&n->env->mem, struct peer);
    p->node = n;
    p->conn.ops = &peer_ops;
    frame_reader_init(&p->frames, &n->env->mem, &p->conn, 100 << 20);
    conn_accept(l, &p->conn, a);
}

static inline void
listening(struct listener *l, enum env_err err, int32_t port)
{
    (void)l, (void)port;
    assert_int_equal(err, ENV_OK);
}

/* ---- what the raft tells ---- */

static inline void
opened(void *owner, enum env_err err, struct slice why)
{
    struct node *n = owner;
    n->is_open = err == ENV_OK;
    snprintf(n->open_error, sizeof(n->open_error), "%.*s", (int)why.n, (const char *)why.p);
    if (err != ENV_OK) env_fatal(n->env, why);
}

static inline void
became_leader(void *owner, int32_t epoch)
{
    struct node *n = owner;
    assert_false(n->is_active);
    n->is_active = true;
    n->active_epoch = epoch;
    timer_arm(n->env, &n->propose, env_now_ns(n->env));
}

static inline void
resigned(void *owner, int32_t epoch)
{
    struct node *n = owner;
    assert_true(n->is_active);
    assert_int_equal(n->active_epoch, epoch);
    n->is_active = false;
    timer_cancel(n->env, &n->propose);
}

static inline void
committed(void *owner, const struct raft_batch *b)
{
    struct node *n = owner;
    struct cluster *c = n->cluster;
    struct batch_header h;
    assert_int_equal(batch_check(n->env->crc32c, b->bytes, &h), BATCH_OK);
    assert_int_equal(b->base_offset, n->applied);
    assert_true(b->last_offset < OFFSETS_MAX);
    n->applied = b->last_offset + 1;
    uint32_t mark = h.crc ^ (uint32_t)h.leader_epoch ^ 0x80000000u;
    if (c->committed[b->base_offset] == 0) c->committed[b->base_offset] = mark, c->batches++;
    if (c->committed[b->base_offset] != mark)
        fail_msg("seed %llu: node %d: another batch is committed at %lld",
                 (unsigned long long)world_seed(c->world), n->index + 1, (long long)b->base_offset);
    c->committed_end = MAX(c->committed_end, n->applied);
}

static inline void
snapshot(void *owner, struct slice batches, int64_t end_offset, int32_t epoch)
{
    struct node *n = owner;
    assert_int_equal(end_offset, 0);
    assert_int_equal(epoch, 0);
    n->snapshot_bytes = batches.n;
}

static const struct raft_ops ops = {.opened = opened,
                                    .became_leader = became_leader,
                                    .resigned = resigned,
                                    .snapshot = snapshot,
                                    .committed = committed};

static inline void
propose_due(struct timer *t)
{
    struct node *n = CONTAINER_OF(t, struct node, propose);
    char text[64];
    int len = snprintf(text, sizeof(text), "%d-%d-%lld", n->index,
                       n->cluster->machines[n->index]->incarnation, (long long)n->proposed++);
    struct slice values[2] = {slice(text, len), S("the second of a batch")};
    int64_t last;
    if (!n->cluster->is_quiet &&
        raft_propose(n->raft, n->active_epoch, values, 2, &last) == RAFT_OK)
        assert_true(last >= n->applied);
    timer_arm(n->env, t, env_now_ns(n->env) + PROPOSE_EVERY_NS);
}

/* ---- its beginning ---- */

static const char *const names[NODES] = {"k1", "k2", "k3", "b9"};

static inline struct uuid
directory_id(int32_t index)
{
    return (struct uuid){{(uint8_t)(index + 1), 7}};
}

struct node_args {
    struct cluster *cluster;
    int32_t index;
    int16_t voters_n;
    bool is_standalone; /* kraft.version 1: formats itself when it first starts */
};

static inline void
formatted(void *owner, enum env_err err)
{
    struct node *n = owner;
    assert_int_equal(err, ENV_OK);
    raft_open(n->raft);
}

static inline void
dir_synced(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    assert_int_equal(op->err, ENV_OK);
    if (!n->is_standalone || n->was_there) {
        raft_open(n->raft);
        return;
    }
    struct raft_voter self = {.id = n->index + 1,
                              .directory_id = directory_id(n->index),
                              .listener = S("CONTROLLER"),
                              .host = slice_cstr(names[n->index]),
                              .port = PORT};
    struct slice values[2] = {S("\1first"), S("\1second")};
    raft_format_standalone(n->env, S("data"), &self, values, 2, formatted, n);
}

static inline void
dir_made(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    assert_true(op->err == ENV_OK || op->err == ENV_EEXIST);
    n->was_there = op->err == ENV_EEXIST;
    n->op.done = dir_synced;
    dir_sync(n->env, &n->op, S("."));
}

static inline void
start(struct env *env, void *args)
{
    const struct node_args *a = args;
    struct node *n = MEM_NEW(&env->mem, struct node);
    n->cluster = a->cluster;
    n->env = env;
    n->index = a->index;
    n->is_standalone = a->is_standalone;
    n->propose.due = propose_due;
    env->machine = n;
    a->cluster->nodes[a->index] = n;
    struct raft_voter voters[VOTERS];
    for (int32_t i = 0; i < a->voters_n; i++)
        voters[i] = (struct raft_voter){
            .id = i + 1, .listener = S("CONTROLLER"), .host = slice_cstr(names[i]), .port = PORT};
    struct raft_config cfg = {.node_id = a->index + 1,
                              .directory_id = directory_id(a->index),
                              .cluster_id = S("cluster"),
                              .log_dir = S("data"),
                              .is_controller = a->index < a->voters_n,
                              .voters = voters,
                              .voters_n = a->is_standalone ? 0 : a->voters_n,
                              .election_timeout_ms = a->cluster->timeout_ms / 2,
                              .election_backoff_max_ms = a->cluster->timeout_ms / 2,
                              .fetch_timeout_ms = a->cluster->timeout_ms,
                              .request_timeout_ms = MIN(a->cluster->timeout_ms, request_most_ms),
                              .retry_backoff_ms = a->cluster->timeout_ms / 20};
    n->raft = raft_new(env, &cfg, &ops, n);
    n->listener.listening = listening;
    n->listener.accepted = accepted;
    net_listen(env, &n->listener, SLICE_EMPTY, PORT);
    n->op.done = dir_made;
    dir_make(env, &n->op, S("data"));
}

/* ---- what must hold ------------------------------------------------------------------------------- */

static inline void
check_leader(struct cluster *c, int32_t i, const struct node *n)
{
    if (raft_state(n->raft) != RAFT_LEADER) return;
    int32_t epoch = raft_epoch(n->raft);
    assert_in_range(epoch, 1, EPOCHS_MAX - 1);
    if (c->leader_of[epoch] != 0 && c->leader_of[epoch] != i + 1)
        fail_msg("seed %llu: %d and %d both lead epoch %d",
                 (unsigned long long)world_seed(c->world), c->leader_of[epoch], i + 1, epoch);
    c->leader_of[epoch] = i + 1;
    int32_t incarnation = c->machines[i]->incarnation;
    int64_t hw = raft_high_watermark(n->raft);
    bool is_same = c->hw_epoch[i] == epoch && c->hw_incarnation[i] == incarnation;
    if (is_same) assert_true(hw >= c->hw[i]);
    c->hw[i] = hw;
    c->hw_epoch[i] = epoch;
    c->hw_incarnation[i] = incarnation;
}

/* TALK=1 SEED=18 SEEDS=1: what happened. */
static inline void
talk(const struct world_event *e)
{
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        printf("%12.6f %s %s %.*s", (double)e->at_ns / 1e9, names[e->machine->index],
               note_spelling(n->kind), (int)n->text.n, (const char *)n->text.p);
        for (int32_t j = 0; j < n->n; j++) printf(" %lld", (long long)n->v[j]);
        printf("\n");
    }
}

static inline void
on_fault(void *ctx, struct slice verb, struct slice what)
{
    struct cluster *c = ctx;
    if (c->talks)
        printf("%12.6f fault %.*s %.*s\n", (double)world_now_ns(c->world) / 1e9, (int)verb.n,
               (const char *)verb.p, (int)what.n, (const char *)what.p);
}

static inline void
on_event(void *ctx, const struct world_event *e)
{
    struct cluster *c = ctx;
    int32_t i = e->machine->index;
    if (c->talks) talk(e);
    if (!machine_is_up(e->machine)) return;
    struct node *n = e->machine->env.machine;
    if (n->raft) check_leader(c, i, n);
}

static inline void
closed(void *owner)
{
    struct node *n = owner;
    n->is_open = false;
    env_fatal(n->env, SLICE_EMPTY);
}

static inline void
close_raft(struct env *env, void *ctx)
{
    (void)ctx;
    struct node *n = env->machine;
    if (!n->is_open || n->is_closing) return;
    n->is_closing = true;
    raft_close(n->raft, closed);
}

static inline void
close_cutter(struct world *w, void *ctx)
{
    (void)w;
    machine_poke(((struct cluster *)ctx)->cutter, close_raft, NULL);
}

static inline void
on_disk(void *ctx, const struct world_disk_op *op)
{
    struct cluster *c = ctx;
    uint8_t text[512];
    c->disk_ops[op->machine->index] = op->ordinal;
    if (op->kind == OP_TRUNCATE && c->closes_at_cut && !c->cutter) {
        c->cutter = op->machine;
        world_at(c->world, op->at_ns, close_cutter, c);
    }
    if (op->kind != OP_SYNC_DIR || op->err != ENV_OK) return;
    int64_t n = disk_peek(op->machine, S("data/__cluster_metadata-0/quorum-state"), IMAGE_DURABLE,
                          0, text, sizeof(text));
    struct election e;
    if (n <= 0 || !quorum_state_parse(slice(text, n), &e)) return;
    int32_t i = op->machine->index;
    if (e.epoch < c->durable_epoch[i])
        fail_msg("seed %llu: the epoch of node %d fell from %d to %d",
                 (unsigned long long)world_seed(c->world), i + 1, c->durable_epoch[i], e.epoch);
    c->durable_epoch[i] = e.epoch;
}

/* No fault here is one that a node may give up for: without a reason it was closed in order. */
static inline void
on_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct cluster *c = ctx;
    if (what == LIFE_FATAL && text.n > 0 && !c->may_die)
        fail_msg("seed %llu: node %d ended: %.*s", (unsigned long long)world_seed(c->world),
                 m->index + 1, (int)text.n, (const char *)text.p);
}

/* ---- running -------------------------------------------------------------------------------------- */

static inline struct cluster *
cluster_new_timed(uint64_t seed, struct node_args args[NODES], int32_t nodes, int32_t voters,
                  bool is_standalone, int64_t timeout_ms)
{
    struct cluster *c = calloc(1, sizeof(*c));
    c->timeout_ms = timeout_ms;
    c->talks = getenv("TALK") != NULL;
    struct world_options options = world_options_default();
    options.notes_on = c->talks;
    c->world = world_new(seed, &options);
    struct world_observer o = {
        .event = on_event, .disk = on_disk, .life = on_life, .fault = on_fault, .ctx = c};
    world_observe(c->world, &o);
    for (int32_t i = 0; i < nodes; i++) {
        args[i] = (struct node_args){c, i, (int16_t)voters, is_standalone};
        struct machine_params p = {.name = slice_cstr(names[i]),
                                   .kind = i < voters ? S("controller") : S("broker"),
                                   .start = start,
                                   .args = &args[i]};
        c->machines[i] = world_add(c->world, &p);
        machine_start(c->machines[i]);
    }
    return c;
}

static inline struct cluster *
cluster_new(uint64_t seed, struct node_args args[NODES], int32_t nodes, int32_t voters,
            bool is_standalone)
{
    return cluster_new_timed(seed, args, nodes, voters, is_standalone, 600);
}

static inline void
cluster_free(struct cluster *c)
{
    world_free(c->world);
    free(c);
}

static inline struct node *
node_of(struct cluster *c, int32_t i)
{
    return machine_is_up(c->machines[i]) ? c->machines[i]->env.machine : NULL;
}

static inline struct raft *
raft_at(struct cluster *c, int32_t i)
{
    assert_in_range(i, 0, NODES - 1);
    assert_true(machine_is_up(c->machines[i]));
    return ((struct node *)c->machines[i]->env.machine)->raft;
}

static inline int32_t
active(struct cluster *c)
{
    for (int32_t i = 0; i < VOTERS; i++) {
        struct node *n = c->machines[i] ? node_of(c, i) : NULL;
        if (n && raft_is_active(n->raft)) return i;
    }
    return -1;
}

struct wish {
    struct cluster *c;
    int32_t nodes;
    int64_t offset;
};

/* Everybody has applied up to the offset. */
static inline bool
is_granted(void *ctx)
{
    const struct wish *w = ctx;
    for (int32_t i = 0; i < w->nodes; i++) {
        struct node *n = node_of(w->c, i);
        if (!n || n->applied < w->offset) return false;
    }
    return true;
}

static inline void
must_progress(struct cluster *c, int32_t nodes, int64_t records, int64_t within_ns)
{
    struct wish w = {c, nodes, c->committed_end + records};
    if (world_run_while_not(c->world, is_granted, &w, world_now_ns(c->world) + within_ns)) return;
    for (int32_t i = 0; i < nodes; i++) {
        struct node *n = node_of(c, i);
        if (n)
            print_error("%s: %s epoch %d leader %d applied %lld hw %lld end %lld %s\n", names[i],
                        raft_state_name(raft_state(n->raft)), raft_epoch(n->raft),
                        raft_leader_id(n->raft), (long long)n->applied,
                        (long long)raft_high_watermark(n->raft),
                        (long long)raft_end_offset(n->raft), n->open_error);
        else
            print_error("%s: down: %.*s\n", names[i], (int)c->machines[i]->fatal.n,
                        (const char *)c->machines[i]->fatal.p);
    }
    fail_msg("seed %llu: not everybody has reached offset %lld",
             (unsigned long long)world_seed(c->world), (long long)w.offset);
}

static inline void
random_cut(struct cluster *c, struct dice *d)
{
    struct machine *a = c->machines[dice_below(d, NODES)], *b = c->machines[dice_below(d, NODES)];
    struct machine *others[NODES];
    int32_t n = 0;
    bool from_all = dice_permille(d, 500);
    for (int32_t i = 0; i < NODES; i++)
        if (c->machines[i] != a && (from_all || c->machines[i] == b)) others[n++] = c->machines[i];
    if (n == 0) return;
    struct machines one = {&a, 1}, rest = {others, n};
    bool both = dice_permille(d, 500);
    if (dice_permille(d, 500)) (void)fault_cut(c->world, one, rest, both);
    else (void)fault_cut(c->world, rest, one, both);
}

static inline void
random_fault(struct cluster *c, struct dice *d)
{
    struct machine *m = c->machines[dice_below(d, NODES)];
    switch (dice_below(d, 10)) {
    case 6: fault_at_disk_op(m, c->disk_ops[m->index] + dice_between(d, 1, 20), true); break;
    case 0: fault_crash(m); break;
    case 1: fault_power(m); break;
    case 2:
        if (m->state == MACHINE_UP) fault_pause(m);
        break;
    case 3: random_cut(c, d); break;
    case 4: fault_heal_all(c->world); break;
    case 5:
        if (m->state == MACHINE_PAUSED) fault_resume(m);
        break;
    case 7:
        if (m->state == MACHINE_UP) machine_poke(m, close_raft, NULL);
        break;
    default:
        if (m->state == MACHINE_DOWN) machine_start(m);
        break;
    }
}

static inline void
mend(struct cluster *c)
{
    fault_heal_all(c->world);
    for (int32_t i = 0; i < NODES; i++) {
        fault_at_disk_op(c->machines[i], 0, false);
        if (c->machines[i]->state == MACHINE_PAUSED) fault_resume(c->machines[i]);
        if (c->machines[i]->state == MACHINE_DOWN) machine_start(c->machines[i]);
    }
}

#endif
