/* Three controllers and an observer in the simulated world, each nothing but a raft, a listener and
 * frames; whoever leads proposes. Faults fall from the seed: crashes, power losses, pauses, cuts of one
 * or both ways. After every event it is checked that an epoch has one leader for ever, that what was
 * committed at an offset stays, that a leader's high watermark does not fall, and that the epoch on
 * disk does not; after the last fault, that the quorum commits again. */
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
static void
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

static void
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

static void
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

static void
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

static void
peer_bytes(struct conn *c, struct slice data, struct buf *from)
{
    struct peer *p = CONTAINER_OF(c, struct peer, conn);
    frame_reader_push(&p->frames, data, from);
    serve(p);
}

static void
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

static void
accepted(struct listener *l, const struct accepted *a)
{
    struct node *n = CONTAINER_OF(l, struct node, listener);
    struct peer *p = MEM_NEW(&n->env->mem, struct peer);
    p->node = n;
    p->conn.ops = &peer_ops;
    frame_reader_init(&p->frames, &n->env->mem, &p->conn, 100 << 20);
    conn_accept(l, &p->conn, a);
}

static void
listening(struct listener *l, enum env_err err, int32_t port)
{
    (void)l, (void)port;
    assert_int_equal(err, ENV_OK);
}

/* ---- what the raft tells ---- */

static void
opened(void *owner, enum env_err err, struct slice why)
{
    struct node *n = owner;
    n->is_open = err == ENV_OK;
    snprintf(n->open_error, sizeof(n->open_error), "%.*s", (int)why.n, (const char *)why.p);
    if (err != ENV_OK) env_fatal(n->env, why);
}

static void
became_leader(void *owner, int32_t epoch)
{
    struct node *n = owner;
    assert_false(n->is_active);
    n->is_active = true;
    n->active_epoch = epoch;
    timer_arm(n->env, &n->propose, env_now_ns(n->env));
}

static void
resigned(void *owner, int32_t epoch)
{
    struct node *n = owner;
    assert_true(n->is_active);
    assert_int_equal(n->active_epoch, epoch);
    n->is_active = false;
    timer_cancel(n->env, &n->propose);
}

static void
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

static void
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

static void
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

static struct uuid
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

static void
formatted(void *owner, enum env_err err)
{
    struct node *n = owner;
    assert_int_equal(err, ENV_OK);
    raft_open(n->raft);
}

static void
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

static void
dir_made(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    assert_true(op->err == ENV_OK || op->err == ENV_EEXIST);
    n->was_there = op->err == ENV_EEXIST;
    n->op.done = dir_synced;
    dir_sync(n->env, &n->op, S("."));
}

static void
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

static void
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
static void
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

static void
on_fault(void *ctx, struct slice verb, struct slice what)
{
    struct cluster *c = ctx;
    if (c->talks)
        printf("%12.6f fault %.*s %.*s\n", (double)world_now_ns(c->world) / 1e9, (int)verb.n,
               (const char *)verb.p, (int)what.n, (const char *)what.p);
}

static void
on_event(void *ctx, const struct world_event *e)
{
    struct cluster *c = ctx;
    int32_t i = e->machine->index;
    if (c->talks) talk(e);
    if (!machine_is_up(e->machine)) return;
    struct node *n = e->machine->env.machine;
    if (n->raft) check_leader(c, i, n);
}

static void
closed(void *owner)
{
    struct node *n = owner;
    n->is_open = false;
    env_fatal(n->env, SLICE_EMPTY);
}

static void
close_raft(struct env *env, void *ctx)
{
    (void)ctx;
    struct node *n = env->machine;
    if (!n->is_open || n->is_closing) return;
    n->is_closing = true;
    raft_close(n->raft, closed);
}

static void
close_cutter(struct world *w, void *ctx)
{
    (void)w;
    machine_poke(((struct cluster *)ctx)->cutter, close_raft, NULL);
}

static void
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
static void
on_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct cluster *c = ctx;
    if (what == LIFE_FATAL && text.n > 0 && !c->may_die)
        fail_msg("seed %llu: node %d ended: %.*s", (unsigned long long)world_seed(c->world),
                 m->index + 1, (int)text.n, (const char *)text.p);
}

/* ---- running -------------------------------------------------------------------------------------- */

static struct cluster *
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

static struct cluster *
cluster_new(uint64_t seed, struct node_args args[NODES], int32_t nodes, int32_t voters,
            bool is_standalone)
{
    return cluster_new_timed(seed, args, nodes, voters, is_standalone, 600);
}

static void
cluster_free(struct cluster *c)
{
    world_free(c->world);
    free(c);
}

static struct node *
node_of(struct cluster *c, int32_t i)
{
    return machine_is_up(c->machines[i]) ? c->machines[i]->env.machine : NULL;
}

static struct raft *
raft_at(struct cluster *c, int32_t i)
{
    assert_in_range(i, 0, NODES - 1);
    assert_true(machine_is_up(c->machines[i]));
    return ((struct node *)c->machines[i]->env.machine)->raft;
}

static int32_t
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
static bool
is_granted(void *ctx)
{
    const struct wish *w = ctx;
    for (int32_t i = 0; i < w->nodes; i++) {
        struct node *n = node_of(w->c, i);
        if (!n || n->applied < w->offset) return false;
    }
    return true;
}

static void
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

static void
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

static void
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

static void
mend(struct cluster *c)
{
    fault_heal_all(c->world);
    for (int32_t i = 0; i < NODES; i++) {
        fault_at_disk_op(c->machines[i], 0, false);
        if (c->machines[i]->state == MACHINE_PAUSED) fault_resume(c->machines[i]);
        if (c->machines[i]->state == MACHINE_DOWN) machine_start(c->machines[i]);
    }
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void
a_voter_alone_leads_at_once(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(1, args, 1, 1, false);
    must_progress(c, 1, 10, NS_PER_S);
    assert_true(world_now_ns(c->world) < NS_PER_S);
    fault_crash(c->machines[0]);
    machine_start(c->machines[0]);
    must_progress(c, 1, 10, NS_PER_S);
    assert_int_equal(active(c), 0);
    cluster_free(c);
}

static void
a_node_that_formats_itself_finds_its_voters_again(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(1, args, 1, 1, true);
    must_progress(c, 1, 10, NS_PER_S);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(raft_kraft_version(raft_at(c, 0)), 1);
        struct node *n = c->machines[0]->env.machine;
        assert_true(n->snapshot_bytes > 0);
        fault_power(c->machines[0]);
        machine_start(c->machines[0]);
        must_progress(c, 1, 10, NS_PER_S);
    }
    cluster_free(c);
}

static void
fails_to_open_with(const char *path, struct slice contents)
{
    struct node_args args[NODES];
    struct cluster *c = cluster_new(1, args, 1, 1, true);
    must_progress(c, 1, 10, NS_PER_S);
    fault_crash(c->machines[0]);
    c->may_die = true;
    disk_put(c->machines[0], slice_cstr(path), contents);
    machine_start(c->machines[0]);
    world_run(c->world, NS_PER_S);
    assert_int_equal(c->machines[0]->state, MACHINE_DOWN);
    assert_true(c->machines[0]->fatal.n > 0);
    cluster_free(c);
}

static void
bad_files_stop_a_node_with_a_reason(void **state)
{
    (void)state;
    fails_to_open_with("data/__cluster_metadata-0/quorum-state", S("{\"leaderId\":"));
    fails_to_open_with("data/__cluster_metadata-0/quorum-state", SLICE_EMPTY);
    fails_to_open_with("data/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
                       S("nonsense"));
    fails_to_open_with("data/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
                       SLICE_EMPTY);
}

static void
three_voters_elect_one_and_all_learn_what_is_committed(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(1, args, NODES, VOTERS, false);
    must_progress(c, NODES, 100, 10 * NS_PER_S);
    assert_true(active(c) >= 0);
    int32_t epoch = raft_epoch(raft_at(c, active(c)));
    world_run(c->world, 20 * NS_PER_S);
    assert_int_equal(raft_epoch(raft_at(c, active(c))), epoch);
    cluster_free(c);
}

static void
a_leader_that_crashes_is_replaced(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(2, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    int32_t old = active(c), epoch = raft_epoch(raft_at(c, old));
    fault_power(c->machines[old]);
    world_run(c->world, 3 * NS_PER_S);
    assert_true(active(c) >= 0 && active(c) != old);
    assert_true(raft_epoch(raft_at(c, active(c))) > epoch);
    machine_start(c->machines[old]);
    must_progress(c, NODES, 20, 5 * NS_PER_S);
    cluster_free(c);
}

static void
a_leader_that_is_cut_off_steps_down(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(3, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    int32_t old = active(c);
    struct machine *others[NODES];
    int32_t n = 0;
    for (int32_t i = 0; i < NODES; i++)
        if (i != old) others[n++] = c->machines[i];
    (void)fault_cut(c->world, (struct machines){&c->machines[old], 1}, (struct machines){others, n},
                    true);
    world_run(c->world, 2 * NS_PER_S);
    assert_false(raft_is_active(raft_at(c, old)));
    world_run(c->world, NS_PER_S);
    assert_true(active(c) >= 0 && active(c) != old);
    fault_heal_all(c->world);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    cluster_free(c);
}

/* A leader that was cut off comes back with records that nobody else has; while they are cut off its log
 * it is told to end. */
static void
a_node_that_is_cutting_its_log_closes_in_order(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    c->closes_at_cut = true;
    int32_t old = active(c);
    struct machine *others[NODES];
    int32_t n = 0;
    for (int32_t i = 0; i < NODES; i++)
        if (i != old) others[n++] = c->machines[i];
    (void)fault_cut(c->world, (struct machines){&c->machines[old], 1}, (struct machines){others, n},
                    true);
    world_run(c->world, 3 * NS_PER_S);
    fault_heal_all(c->world);
    world_run(c->world, 2 * NS_PER_S);
    assert_ptr_equal(c->cutter, c->machines[old]);
    assert_int_equal(c->cutter->state, MACHINE_DOWN);
    machine_start(c->cutter);
    must_progress(c, NODES, 20, 5 * NS_PER_S);
    cluster_free(c);
}

static void
does_not_disturb(uint64_t seed)
{
    struct node_args args[NODES];
    struct cluster *c = cluster_new(seed, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    int32_t leader = active(c), cut = (leader + 1) % VOTERS;
    int32_t epoch = raft_epoch(raft_at(c, leader));
    struct machine *others[NODES];
    int32_t n = 0;
    for (int32_t i = 0; i < NODES; i++)
        if (i != cut) others[n++] = c->machines[i];
    struct machines one = {&c->machines[cut], 1}, rest = {others, n};
    c->is_quiet = true; /* else its log alone would keep it from being elected */
    world_run(c->world, NS_PER_S);
    (void)fault_cut(c->world, one, rest, true);
    world_run(c->world, 5 * NS_PER_S + (int64_t)seed * 50 * NS_PER_MS);
    fault_heal_all(c->world);
    world_run(c->world, 2 * NS_PER_S);
    c->is_quiet = false;
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    assert_int_equal(active(c), leader);
    assert_int_equal(raft_epoch(raft_at(c, leader)), epoch);
    cluster_free(c);
}

/* A leader answers an idle fetch before whoever asks gives it up: else nobody would hear of it, and vote. */
static void
a_quiet_quorum_keeps_its_leader_when_requests_are_given_little_time(void **state)
{
    (void)state;
    struct node_args args[NODES];
    request_most_ms = 300;
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    int32_t epoch = raft_epoch(raft_at(c, active(c)));
    c->is_quiet = true;
    world_run(c->world, 60 * NS_PER_S);
    assert_int_equal(raft_epoch(raft_at(c, active(c))), epoch);
    request_most_ms = INT64_MAX;
    cluster_free(c);
}

static void
a_voter_that_was_cut_off_does_not_disturb(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) does_not_disturb(seed);
}

/* As a log is that is not ready: it takes nothing and gives nothing. */
static void
set_busy(struct env *env, void *ctx)
{
    const bool *is_busy = ctx;
    struct raft *r = ((struct node *)env->machine)->raft;
    r->log.state = *is_busy ? COMMITLOG_NEW : COMMITLOG_OPEN;
}

static void
a_log_that_is_busy_is_read_later(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, 1, 1, false);
    bool yes = true, no = false;
    must_progress(c, 1, 10, NS_PER_S);
    for (int i = 0; i < 200; i++) {
        world_run(c->world, i * NS_PER_MS / 10);
        machine_poke(c->machines[0], set_busy, &yes);
        world_run(c->world, 50 * NS_PER_MS);
        machine_poke(c->machines[0], set_busy, &no);
    }
    must_progress(c, 1, 10, NS_PER_S);
    cluster_free(c);
}

static void
a_leader_that_closes_is_followed_soon(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(6, args, NODES, VOTERS, false);
    must_progress(c, NODES, 20, 10 * NS_PER_S);
    int32_t old = active(c);
    c->may_die = true;
    machine_poke(c->machines[old], close_raft, NULL);
    world_run(c->world, 250 * NS_PER_MS);
    assert_int_equal(c->machines[old]->state, MACHINE_DOWN);
    assert_true(active(c) >= 0);
    machine_start(c->machines[old]);
    must_progress(c, NODES, 20, 5 * NS_PER_S);
    cluster_free(c);
}

static void
described(struct raft_answer *a, const void *response)
{
    const struct k_describe_quorum_response *p = response;
    struct k_describe_quorum_response_partition_data *d = &p->topics[0].partitions[0];
    int64_t *ret = a->held;
    ret[0] = d->error_code;
    ret[1] = d->current_voters_n;
    ret[2] = d->observers_n;
    for (int32_t i = 0; i < d->current_voters_n; i++) {
        ret[3] += d->current_voters[i].log_end_offset >= d->high_watermark - 10;
        /* With kraft.version 0 no voter has a directory, not even the one that answers. */
        assert_true(uuid_is_zero(d->current_voters[i].replica_directory_id));
    }
}

static void
describe(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct k_describe_quorum_request_partition_data d = {.partition_index = 0};
    struct k_describe_quorum_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_describe_quorum_request q = {.topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = described, .held = ctx};
    raft_handle_describe_quorum(n->raft, &a, &q, 2);
}

struct voter_update {
    int32_t voter_id, epoch_off;
    struct slice listener;
    int16_t least, most;
    int16_t err;
};

static void
updated(struct raft_answer *a, const void *response)
{
    const struct k_update_raft_voter_response *p = response;
    ((struct voter_update *)a->held)->err = p->error_code;
}

static void
update_voter(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct voter_update *u = ctx;
    struct k_update_raft_voter_request_listener at = {
        .name = u->listener, .host = S("elsewhere"), .port = 1};
    struct k_update_raft_voter_request q = {.current_leader_epoch =
                                                raft_epoch(n->raft) + u->epoch_off,
                                            .voter_id = u->voter_id,
                                            .voter_directory_id = {{7}},
                                            .listeners = &at,
                                            .listeners_n = 1,
                                            .k_raft_version_feature = {u->least, u->most}};
    struct raft_answer a = {.done = updated, .held = u};
    raft_handle_update_voter(n->raft, &a, &q);
}

static int16_t
update_answer(struct machine *m, struct voter_update u)
{
    machine_poke(m, update_voter, &u);
    return u.err;
}

static void
the_leader_takes_what_a_voter_says_of_itself(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(9, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    struct machine *leader = c->machines[active(c)];
    struct machine *other = c->machines[(active(c) + 1) % VOTERS];
    struct slice name = S("CONTROLLER");
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 0, 1, -1}),
                     K_ERR_NONE);
    assert_int_equal(update_answer(other, (struct voter_update){2, 0, name, 0, 1, -1}),
                     K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(update_answer(leader, (struct voter_update){2, -1, name, 0, 1, -1}),
                     K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 1, name, 0, 1, -1}),
                     K_ERR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(update_answer(leader, (struct voter_update){NODES, 0, name, 0, 1, -1}),
                     K_ERR_VOTER_NOT_FOUND);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, S("PLAIN"), 0, 1, -1}),
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 1, 1, -1}),
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 1, 0, -1}),
                     K_ERR_INVALID_REQUEST);
    cluster_free(c);
}

static void
the_leader_describes_the_quorum_others_refuse(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    int64_t leader[4] = {0}, other[4] = {0};
    machine_poke(c->machines[active(c)], describe, leader);
    machine_poke(c->machines[(active(c) + 1) % VOTERS], describe, other);
    assert_int_equal(leader[0], K_ERR_NONE);
    assert_int_equal(leader[1], VOTERS);
    assert_int_equal(leader[2], 1);
    assert_int_equal(leader[3], VOTERS);
    assert_int_equal(other[0], K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(other[1], 0);
    cluster_free(c);
}

struct snapshot_question {
    struct slice cluster, topic;
    int32_t epoch_more; /* than the node's own */
    int16_t err, top_err;
    int32_t leader_id;
};

static void
snapshot_told(struct raft_answer *a, const void *response)
{
    const struct k_fetch_snapshot_response *p = response;
    struct snapshot_question *s = a->held;
    s->top_err = p->error_code;
    if (p->topics_n != 1) return;
    s->err = p->topics[0].partitions[0].error_code;
    s->leader_id = p->topics[0].partitions[0].current_leader.leader_id;
}

static void
ask_for_snapshot(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct snapshot_question *s = ctx;
    struct k_fetch_snapshot_request_partition_snapshot d = {
        .current_leader_epoch = raft_epoch(n->raft) + s->epoch_more};
    struct k_fetch_snapshot_request_topic_snapshot t = {
        .name = s->topic, .partitions = &d, .partitions_n = 1};
    struct k_fetch_snapshot_request q = {.cluster_id = s->cluster, .topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = snapshot_told, .held = s};
    raft_handle_fetch_snapshot(n->raft, &a, &q);
}

static struct snapshot_question
asked_for_snapshot(struct cluster *c, int32_t i, struct slice cluster, struct slice topic,
                   int32_t epoch_more)
{
    struct snapshot_question s = {cluster, topic, epoch_more, K_ERR_NONE, K_ERR_NONE, -2};
    machine_poke(c->machines[i], ask_for_snapshot, &s);
    return s;
}

static void
a_snapshot_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    int32_t leader = active(c), other = (leader + 1) % VOTERS;
    struct snapshot_question s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, 0);
    assert_int_equal(s.err, K_ERR_SNAPSHOT_NOT_FOUND);
    assert_int_equal(s.leader_id, leader + 1);
    s = asked_for_snapshot(c, other, SLICE_NULL, RAFT_TOPIC, 0);
    assert_int_equal(s.err, K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(s.leader_id, leader + 1);
    s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, -1);
    assert_int_equal(s.err, K_ERR_FENCED_LEADER_EPOCH);
    s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, 1);
    assert_int_equal(s.err, K_ERR_UNKNOWN_LEADER_EPOCH);
    s = asked_for_snapshot(c, leader, SLICE_NULL, S("orders"), 0);
    assert_int_equal(s.err, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    s = asked_for_snapshot(c, leader, S("another-cluster"), RAFT_TOPIC, 0);
    assert_int_equal(s.top_err, K_ERR_INCONSISTENT_CLUSTER_ID);
    cluster_free(c);
}

struct vote_question {
    int32_t voter_id, epoch_more, last_epoch_more; /* than the node's own epoch */
    int32_t replica_id;
    int16_t err;
};

static void
vote_told(struct raft_answer *a, const void *response)
{
    const struct k_vote_response *p = response;
    struct vote_question *v = a->held;
    v->err = p->topics_n == 1 ? p->topics[0].partitions[0].error_code : p->error_code;
}

static void
ask_for_vote(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct vote_question *v = ctx;
    int32_t epoch = raft_epoch(n->raft);
    struct k_vote_request_partition_data d = {.replica_epoch = epoch + v->epoch_more,
                                              .replica_id = v->replica_id,
                                              .last_offset_epoch = epoch + v->last_epoch_more};
    struct k_vote_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_vote_request q = {.voter_id = v->voter_id, .topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = vote_told, .held = v};
    raft_handle_vote(n->raft, &a, &q);
}

static int16_t
vote_error(struct cluster *c, int32_t voter_id, int32_t epoch_more, int32_t last_epoch_more,
           int32_t replica_id)
{
    struct vote_question v = {voter_id, epoch_more, last_epoch_more, replica_id, K_ERR_NONE};
    machine_poke(c->machines[0], ask_for_vote, &v);
    return v.err;
}

/* What cannot be, then what is past, then what is not for us: in the order in which Kafka says it. */
static void
a_request_for_votes_is_refused_with_the_first_reason(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    assert_int_equal(vote_error(c, 9, -1, 0, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 1, 0, 0, 2),
                     K_ERR_INVALID_REQUEST); /* an epoch of its own log */
    assert_int_equal(vote_error(c, 9, -1, -2, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, -1, -1, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, 0, -1, -1), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, 0, -1, 2), K_ERR_INVALID_VOTER_KEY);
    assert_int_equal(vote_error(c, 1, 0, -1, 2), K_ERR_NONE);
    cluster_free(c);
}

/* ---- a voter that loses power as it says yes ---- */

static void
wake(struct world *w, void *ctx)
{
    (void)w;
    struct machine *m = ctx;
    if (m->state == MACHINE_DOWN) machine_start(m);
}

static void watch_votes(struct cluster *c);

static void
release(struct world *w, void *ctx)
{
    fault_heal_all(w);
    ((struct cluster *)ctx)->is_holding = false;
}

/* The new leader cannot say so for a while: two who stand in one epoch go on standing. */
static void
hold_begin(struct cluster *c)
{
    struct frame_filter f = frame_filter_any();
    f.api = K_API_BEGIN_QUORUM_EPOCH;
    f.which = WHICH_REQUEST;
    if (c->is_holding) return;
    c->is_holding = true;
    (void)fault_hold(c->world, &f, 0, 0);
    world_at(c->world, world_now_ns(c->world) + dice_between(&c->dice, 5, 30) * NS_PER_MS, release,
             c);
}

static void
vote_sent(struct world *w, void *ctx)
{
    struct cluster *c = ctx;
    struct machine *m = c->voter;
    watch_votes(c);
    if (!m || m->state != MACHINE_UP || !dice_permille(&c->dice, 500)) return;
    hold_begin(c);
    if (dice_permille(&c->dice, 500)) fault_power(m);
    else fault_crash(m);
    world_at(w, world_now_ns(w) + dice_between(&c->dice, 0, 4) * NS_PER_MS, wake, m);
}

/* A granted vote, not a pre-vote: the voter's epoch has no leader, and it has voted. */
static bool
is_vote(void *ctx, const struct world_frame *f, struct slice bytes)
{
    (void)bytes;
    struct cluster *c = ctx;
    c->voter = f->from;
    struct node *n = node_of(c, f->from->index);
    return n && raft_state(n->raft) == RAFT_UNATTACHED;
}

static void
watch_votes(struct cluster *c)
{
    struct frame_filter f = frame_filter_any();
    f.api = K_API_VOTE;
    f.which = WHICH_ANSWER;
    f.also = is_vote;
    f.ctx = c;
    world_when_frame(c->world, &f, 1, vote_sent, c);
}

/* With such times several stand at once, and whoever forgets its vote soon gives it away again. */
static void
a_vote_outlives_a_power_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct node_args args[NODES];
        struct cluster *c = cluster_new_timed(seed, args, NODES, VOTERS, false, 20);
        c->dice = world_dice(c->world, S("nemesis"), S("votes"));
        watch_votes(c);
        for (int32_t i = 0; i < 20; i++) {
            world_run(c->world, dice_between(&c->dice, 20, 60) * NS_PER_MS);
            int32_t leader = active(c);
            if (leader < 0) continue;
            fault_crash(c->machines[leader]);
            machine_start(c->machines[leader]);
        }
        cluster_free(c);
    }
}

static void
one_seed(uint64_t seed)
{
    struct node_args args[NODES];
    struct cluster *c = cluster_new(seed, args, NODES, VOTERS, false);
    struct dice d = world_dice(c->world, S("nemesis"), S("quorum"));
    world_run(c->world, NS_PER_S);
    for (int32_t i = 0; i < 25; i++) {
        random_fault(c, &d);
        world_run(c->world, dice_between(&d, 1, 500) * NS_PER_MS);
    }
    mend(c);
    world_run(c->world, 2 * NS_PER_S);
    mend(c); /* who was paused while it closed has closed by now */
    must_progress(c, NODES, 20, 15 * NS_PER_S);
    cluster_free(c);
}

static void
the_promises_hold_under_faults(void **state)
{
    (void)state;
    const char *from = getenv("SEED"), *count = getenv("SEEDS");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1;
    uint64_t n = count ? strtoull(count, NULL, 10) : 200;
    for (uint64_t seed = first; seed < first + n; seed++) one_seed(seed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_voter_alone_leads_at_once),
        cmocka_unit_test(a_node_that_formats_itself_finds_its_voters_again),
        cmocka_unit_test(bad_files_stop_a_node_with_a_reason),
        cmocka_unit_test(three_voters_elect_one_and_all_learn_what_is_committed),
        cmocka_unit_test(a_leader_that_crashes_is_replaced),
        cmocka_unit_test(a_leader_that_is_cut_off_steps_down),
        cmocka_unit_test(a_node_that_is_cutting_its_log_closes_in_order),
        cmocka_unit_test(a_quiet_quorum_keeps_its_leader_when_requests_are_given_little_time),
        cmocka_unit_test(a_voter_that_was_cut_off_does_not_disturb),
        cmocka_unit_test(a_log_that_is_busy_is_read_later),
        cmocka_unit_test(a_leader_that_closes_is_followed_soon),
        cmocka_unit_test(the_leader_describes_the_quorum_others_refuse),
        cmocka_unit_test(the_leader_takes_what_a_voter_says_of_itself),
        cmocka_unit_test(a_snapshot_is_refused_with_the_reason),
        cmocka_unit_test(a_request_for_votes_is_refused_with_the_first_reason),
        cmocka_unit_test(a_vote_outlives_a_power_loss),
        cmocka_unit_test(the_promises_hold_under_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
