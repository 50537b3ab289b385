/* Groups of three nodes in the simulated world, whose coordinators crash and lose power: a committed offset that
 * was acknowledged is never forgotten, and a member that goes on sending heartbeats keeps its place. */
#include <stdio.h>

#include "sim/world/fault.h"

#include "broker/client/internal.h"
#include "broker/group/groups.h"
#include "broker/node/internal.h"
#include "broker/protocol/codec.h"
#include "sim/workload/workload.h"
#include "tests/lib/nodes.h"
#include "tests/lib/test.h"

#define GROUP_PARTITIONS 3

static struct world *world;
static struct client_params client;
static uint64_t dice;

/* ---- the cluster ---- */

static void
begin(uint64_t seed, const char *factor)
{
    struct world_options o = world_options_default();
    o.notes_on = true;
    world = world_new(seed, &o);
    dice = seed * 2654435761U + 1;
    nodes_forget();
    for (int i = 0; i < NODES; i++) {
        nodes_set(i, "broker.session.timeout.ms", "1000");
        nodes_set(i, "broker.heartbeat.interval.ms", "200");
        nodes_set(i, "replica.lag.time.max.ms", "1500");
        nodes_set(i, "replica.socket.timeout.ms", "1000");
        nodes_set(i, "min.insync.replicas", "2");
        nodes_set(i, "offsets.topic.num.partitions", "3");
        nodes_set(i, "offsets.topic.replication.factor", factor);
        nodes_set(i, "group.initial.rebalance.delay.ms", "100");
        nodes_add_voter(world, i);
    }
    client = client_params_default();
    client.bootstrap = S("b1:9092,b2:9092,b3:9092");
    client.request_timeout_ms = 1000;
    client.connect_timeout_ms = 500;
}

/* Ours, beside the world's: what is broken when. */
static int64_t
draw(int64_t n)
{
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    return (int64_t)(dice >> 33) % n;
}

/* ---- who uses the group: one request at a time ---- */

enum step { FIND, COMMIT, FETCH, JOIN, SYNC, BEAT };

struct user {
    struct slice group;
    bool is_member; /* else it only keeps offsets */
    struct env *env;
    struct client *c;
    struct ask ask;
    struct timer again;
    enum step step;
    int32_t coordinator;
    int64_t attempted, acknowledged, fetched_n;
    struct slice id;
    int32_t generation, rebalances;
};

static const void *
build_find(struct user *u, struct arena *a)
{
    struct k_find_coordinator_request *q = ARENA_NEW(a, struct k_find_coordinator_request);
    codec_default(K_MSG_FIND_COORDINATOR_REQUEST, q);
    q->coordinator_keys = &u->group;
    q->coordinator_keys_n = 1;
    return q;
}

static const void *
build_commit(struct user *u, struct arena *a)
{
    struct k_offset_commit_request *q = ARENA_NEW(a, struct k_offset_commit_request);
    codec_default(K_MSG_OFFSET_COMMIT_REQUEST, q);
    q->group_id = u->group;
    q->member_id = u->id.p ? u->id : SLICE_EMPTY;
    q->generation_id_or_member_epoch = u->is_member ? u->generation : -1;
    q->topics = codec_array(a, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC, 1);
    q->topics_n = 1;
    q->topics->name = S("orders");
    q->topics->partitions =
        codec_array(a, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q->topics->partitions_n = 1;
    q->topics->partitions->committed_offset = ++u->attempted;
    q->topics->partitions->committed_metadata = SLICE_EMPTY;
    return q;
}

static const void *
build_fetch(struct user *u, struct arena *a)
{
    static int32_t zero;
    struct k_offset_fetch_request *q = ARENA_NEW(a, struct k_offset_fetch_request);
    codec_default(K_MSG_OFFSET_FETCH_REQUEST, q);
    q->groups = codec_array(a, K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_GROUP, 1);
    q->groups_n = 1;
    q->groups->group_id = u->group;
    q->groups->topics =
        codec_array(a, K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPICS, 1);
    q->groups->topics_n = 1;
    q->groups->topics->name = S("orders");
    q->groups->topics->partition_indexes = &zero;
    q->groups->topics->partition_indexes_n = 1;
    return q;
}

static const void *
build_join(struct user *u, struct arena *a)
{
    struct k_join_group_request *q = ARENA_NEW(a, struct k_join_group_request);
    codec_default(K_MSG_JOIN_GROUP_REQUEST, q);
    q->group_id = u->group;
    q->member_id = u->id.p ? u->id : SLICE_EMPTY;
    q->session_timeout_ms = 10000;
    q->rebalance_timeout_ms = 10000;
    q->protocol_type = S("consumer");
    q->protocols = codec_array(a, K_STRUCT_JOIN_GROUP_REQUEST_JOIN_GROUP_REQUEST_PROTOCOL, 1);
    q->protocols_n = 1;
    q->protocols->name = S("range");
    q->protocols->metadata = S("\0\0\0\0\0\1\0\6orders\xff\xff\xff\xff");
    return q;
}

static const void *
build_sync(struct user *u, struct arena *a)
{
    struct k_sync_group_request *q = ARENA_NEW(a, struct k_sync_group_request);
    codec_default(K_MSG_SYNC_GROUP_REQUEST, q);
    q->group_id = u->group;
    q->member_id = u->id;
    q->generation_id = u->generation;
    q->protocol_type = S("consumer");
    q->protocol_name = S("range");
    q->assignments = codec_array(a, K_STRUCT_SYNC_GROUP_REQUEST_SYNC_GROUP_REQUEST_ASSIGNMENT, 1);
    q->assignments_n = 1;
    q->assignments->member_id = u->id;
    q->assignments->assignment = S("all");
    return q;
}

static const void *
build_beat(struct user *u, struct arena *a)
{
    struct k_heartbeat_request *q = ARENA_NEW(a, struct k_heartbeat_request);
    codec_default(K_MSG_HEARTBEAT_REQUEST, q);
    q->group_id = u->group;
    q->member_id = u->id;
    q->generation_id = u->generation;
    return q;
}

static const struct {
    int16_t api_key, version;
    const void *(*build)(struct user *u, struct arena *a);
} steps[] = {
    [FIND] = {K_API_FIND_COORDINATOR, 4, build_find},
    [COMMIT] = {K_API_OFFSET_COMMIT, 9, build_commit},
    [FETCH] = {K_API_OFFSET_FETCH, 9, build_fetch},
    [JOIN] = {K_API_JOIN_GROUP, 9, build_join},
    [SYNC] = {K_API_SYNC_GROUP, 5, build_sync},
    [BEAT] = {K_API_HEARTBEAT, 4, build_beat},
};

static const void *
build(struct ask *a, int16_t version)
{
    struct user *u = CONTAINER_OF(a, struct user, ask);
    assert_int_equal(version, steps[u->step].version);
    return steps[u->step].build(u, &u->env->scratch);
}

/* The error, once what the answer says has been taken over. */
static int16_t
take(struct user *u, const void *response)
{
    const struct k_join_group_response *j = response;
    const struct k_find_coordinator_response *f = response;
    const struct k_offset_commit_response *c = response;
    const struct k_offset_fetch_response *o = response;
    const struct k_offset_fetch_response_offset_fetch_response_partitions *part;
    switch (u->step) {
    case FIND:
        u->coordinator = f->coordinators->node_id;
        if (u->coordinator >= 0)
            (void)client_learn_peer(u->c, u->coordinator, f->coordinators->host,
                                    f->coordinators->port);
        return f->coordinators->error_code;
    case COMMIT:
        if (!c->topics->partitions->error_code) u->acknowledged = u->attempted;
        return c->topics->partitions->error_code;
    case FETCH:
        if (o->groups->error_code) return o->groups->error_code;
        part = o->groups->topics->partitions;
        if (u->acknowledged) assert_true(part->committed_offset >= u->acknowledged);
        assert_true(part->committed_offset <= u->attempted);
        u->fetched_n++;
        return part->error_code;
    case JOIN:
        if (j->error_code == 0 || j->error_code == K_ERR_MEMBER_ID_REQUIRED) {
            mem_free_slice(&u->env->mem, u->id);
            u->id = mem_dup(&u->env->mem, j->member_id);
            u->generation = j->generation_id;
        }
        return j->error_code;
    case SYNC: return ((const struct k_sync_group_response *)response)->error_code;
    default: return ((const struct k_heartbeat_response *)response)->error_code;
    }
}

static bool
is_of_the_coordinator(int16_t error)
{
    return error == K_ERR_NOT_COORDINATOR || error == K_ERR_COORDINATOR_NOT_AVAILABLE ||
           error == K_ERR_COORDINATOR_LOAD_IN_PROGRESS || error == K_ERR_NETWORK_EXCEPTION;
}

/* Only what has not been stored may have been forgotten: an id, or a generation whose assignment never came. */
static enum step
after_error(struct user *u, int16_t error)
{
    if (error == K_ERR_MEMBER_ID_REQUIRED) return JOIN;
    if (is_of_the_coordinator(error)) {
        u->coordinator = -1;
        return u->is_member && u->generation <= 0 ? JOIN : u->step;
    }
    if (u->step != JOIN && u->step != SYNC)
        fail_msg("%d in step %d of generation %d", error, u->step, u->generation);
    if (error == K_ERR_UNKNOWN_MEMBER_ID) u->id = SLICE_NULL;
    return JOIN;
}

static enum step
after_success(struct user *u)
{
    if (u->step == JOIN) return SYNC;
    if (u->step == SYNC) u->rebalances++;
    if (u->step == FIND && u->is_member && u->generation <= 0) return JOIN;
    /* Whoever coordinates now is first asked what it knows. */
    static const enum step next[] = {
        [FIND] = FETCH, [FETCH] = BEAT, [BEAT] = COMMIT, [COMMIT] = FETCH, [SYNC] = BEAT};
    return next[u->step] == BEAT && !u->is_member ? COMMIT : next[u->step];
}

static void
answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct user *u = CONTAINER_OF(a, struct user, ask);
    (void)from;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : take(u, response);
    bool was_finding = u->step == FIND;
    if (was_finding && err) client_next_peer(u->c);
    enum step next = error ? after_error(u, error) : after_success(u);
    u->step = u->coordinator < 0 ? FIND : next;
    timer_arm(u->env, &u->again, env_now_ns(u->env) + (error ? 50 : 20) * NS_PER_MS);
}

static void
go_on(struct timer *t)
{
    struct user *u = CONTAINER_OF(t, struct user, again);
    u->ask = (struct ask){.api_key = steps[u->step].api_key,
                          .version_min = steps[u->step].version,
                          .version_max = steps[u->step].version,
                          .timeout_ms = 1000,
                          .build = build,
                          .done = answered};
    struct peer *p = u->step == FIND ? client_any_peer(u->c) : client_peer(u->c, u->coordinator);
    ask_send(u->c, p, FOR_CONTROL, &u->ask);
}

static void
user_start(struct env *env, void *args)
{
    struct user *u = env->machine = args;
    u->env = env;
    u->c = client_new(env, &client);
    u->again.due = go_on;
    u->coordinator = -1;
    timer_arm(env, &u->again, env_now_ns(env));
}

static void
add_user(struct user *u, const char *name)
{
    struct machine_params p = {
        .name = slice_cstr(name), .kind = S("client"), .start = user_start, .args = u};
    machine_start(world_add(world, &p));
}

/* ---- claims ---- */

static bool
is_true(void *flag)
{
    return *(bool *)flag;
}

static void
create_orders(void)
{
    static const struct new_topic orders = {
        .name = {(const uint8_t *)"orders", 6}, .partitions = 1, .replicas = 3};
    struct topics_args t = {.client = client, .topics = &orders, .topics_n = 1};
    struct machine_params p = {
        .name = S("maker"), .kind = S("client"), .start = topics_start, .args = &t};
    machine_start(world_add(world, &p));
    assert_true(world_run_while_not(world, is_true, &t.done, world_now_ns(world) + 40 * NS_PER_S));
    assert_int_equal(t.error, 0);
}

/* Every replica of every partition of the groups' topic. */
static bool
all_in_sync(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < NODES; i++) {
        struct node *n = machine_is_up(nodes[i]) ? nodes[i]->env.machine : NULL;
        if (!n || !n->replicas) return false;
        for (int32_t k = 0; k < GROUP_PARTITIONS; k++) {
            struct partition *p = replicas_find_by_name(n->replicas, GROUPS_TOPIC, k);
            if (!p || p->isr.n < NODES) return false;
        }
    }
    return true;
}

/* One node at a time goes, in one way or another, and comes back. A host that loses power loses what was not
 * synced: what is acknowledged is then safe only with the others, once they have it. */
static void
trouble(int64_t for_ns)
{
    /* What is acknowledged too early is then often somewhere alone. */
    struct machines all = {nodes, NODES};
    fault_slow_link(world, all, all, true,
                    (struct slow){.latency = {10 * NS_PER_MS, 30 * NS_PER_MS, 0, 0}});
    int64_t end = world_now_ns(world) + for_ns;
    while (world_now_ns(world) < end) {
        struct machine *m = nodes[draw(NODES)];
        int64_t kind = draw(3);
        if (kind == 1)
            assert_true(
                world_run_while_not(world, all_in_sync, NULL, world_now_ns(world) + 20 * NS_PER_S));
        if (kind == 0) fault_crash(m);
        else if (kind == 1) fault_power(m);
        else fault_pause(m);
        world_run(world, (100 + draw(2500)) * NS_PER_MS);
        if (kind == 2) fault_resume(m);
        else machine_start(m);
        world_run(world, (300 + draw(2000)) * NS_PER_MS);
    }
}

static void
run(uint64_t seed)
{
    struct user keeper = {.group = S("keeper")}, other = {.group = S("another")};
    struct user member = {.group = S("members"), .is_member = true};
    struct user second = {.group = S("more members"), .is_member = true};
    begin(seed, "3");
    create_orders();
    add_user(&keeper, "keeper");
    add_user(&other, "other");
    add_user(&member, "member");
    add_user(&second, "second");
    /* The topic of the groups comes to be, and all have begun. */
    world_run(world, 10 * NS_PER_S);
    assert_true(member.acknowledged > 0 && second.acknowledged > 0);
    trouble(60 * NS_PER_S);
    int64_t before[] = {keeper.fetched_n, other.fetched_n, member.fetched_n, second.fetched_n};
    world_run(world, 10 * NS_PER_S);
    assert_true(keeper.fetched_n > before[0] + 20 && other.fetched_n > before[1] + 20);
    assert_true(member.fetched_n > before[2] + 20 && second.fetched_n > before[3] + 20);
    world_free(world);
}

static void
what_a_coordinator_acknowledged_outlives_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) run(seed);
}

static char told[200];

static void
see(void *ctx, const struct world_event *e)
{
    (void)ctx;
    for (int32_t i = 0; i < e->notes_n; i++)
        if (e->notes[i]->kind == NOTE_LOG_MESSAGE && slice_eq(e->notes[i]->subject, GROUPS_TOPIC))
            (void)snprintf(told, sizeof told, "%.*s", (int)e->notes[i]->text.n,
                           (const char *)e->notes[i]->text.p);
}

/* A common mistake with fewer brokers than three: nobody finds a coordinator, and the log must say why. */
static void
the_log_tells_why_there_are_no_groups(void **state)
{
    (void)state;
    static const struct world_observer observer = {.event = see};
    struct user keeper = {.group = S("keeper")};
    begin(1, "5");
    world_observe(world, &observer);
    add_user(&keeper, "keeper");
    world_run(world, 10 * NS_PER_S);
    assert_int_equal(keeper.step, FIND);
    assert_non_null(strstr(told, "5"));
    assert_non_null(strstr(told, "3 broker"));
    assert_non_null(strstr(told, "offsets.topic.replication.factor"));
    world_free(world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_coordinator_acknowledged_outlives_it),
        cmocka_unit_test(the_log_tells_why_there_are_no_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
