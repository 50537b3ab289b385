/* Groups that change their protocol under their members. Clients of both protocols are played here as the real ones
 * are: what they own is what they were told, and no partition may be owned by two at any time. */
#include "broker/group/classic_member.h"
#include "broker/group/embedded.h"
#include "broker/group/migrate.h"
#include "tests/unit/group/fixture.h"

#define ORDERS ((struct uuid){{2}})
#define PARTITIONS 4

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;

/* ---- clients ---- */

struct client {
    const char *name; /* instance id, if is_static */
    bool is_static, is_consumer, is_there;
    struct slice id;
    int32_t epoch; /* or generation */
    bool owned[PARTITIONS];
    bool must_join, must_sync; /* classic ones */
    struct call *waits;        /* for the others */
    bool waits_for_sync, is_leader;
    const struct k_join_group_response *joined;
};

static struct client clients[3];

static void
nobody_shares_a_partition(void)
{
    for (int p = 0; p < PARTITIONS; p++) {
        int owners = 0;
        for (int64_t i = 0; i < ARRAY_LEN(clients); i++) owners += clients[i].owned[p];
        assert_in_range(owners, 0, 1);
    }
}

static int
owned_n(const struct client *c)
{
    int n = 0;
    for (int p = 0; p < PARTITIONS; p++) n += c->owned[p];
    return n;
}

static int
all_owned_n(void)
{
    int n = 0;
    for (int64_t i = 0; i < ARRAY_LEN(clients); i++) n += owned_n(&clients[i]);
    return n;
}

static void
lose_all(struct client *c)
{
    memset(c->owned, 0, sizeof c->owned);
}

static void
appears(struct client *c, const char *name, bool is_consumer, bool is_static)
{
    *c = (struct client){.name = name,
                         .is_consumer = is_consumer,
                         .is_static = is_static,
                         .is_there = true,
                         .must_join = true};
    c->id = is_consumer ? slice_cstr(name) : SLICE_EMPTY;
}

/* ---- of the new protocol ---- */

static const response *
say(struct client *c, int32_t epoch)
{
    struct call *call = call_new(1);
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = c->id;
    q->member_epoch = epoch;
    q->instance_id = c->is_static ? slice_cstr(c->name) : SLICE_NULL;
    if (epoch >= 0) {
        q->rebalance_timeout_ms = REBALANCE_MS;
        q->subscribed_topic_names = ARENA_NEW(&w.arena, struct slice);
        *q->subscribed_topic_names = S("orders");
        q->subscribed_topic_names_n = 1;
        q->topic_partitions =
            ARENA_NEW(&w.arena, struct k_consumer_group_heartbeat_request_topic_partitions);
        q->topic_partitions->topic_id = ORDERS;
        q->topic_partitions->partitions = ARENA_ARRAY(&w.arena, int32_t, PARTITIONS);
        for (int p = 0; p < PARTITIONS; p++)
            if (c->owned[p])
                q->topic_partitions->partitions[q->topic_partitions->partitions_n++] = p;
        q->topic_partitions_n = q->topic_partitions->partitions_n > 0;
    }
    groups_consumer_heartbeat(w.gs, q, &call->c);
    settle();
    if (w.gs->gatherings.n > 0) gather();
    commit();
    return answer(call);
}

static void
beat(struct client *c)
{
    const response *r = say(c, c->must_join ? 0 : c->epoch);
    if (r->error_code == K_ERR_FENCED_MEMBER_EPOCH || r->error_code == K_ERR_UNKNOWN_MEMBER_ID) {
        lose_all(c);
        c->must_join = true;
        return;
    }
    assert_int_equal(r->error_code, 0);
    c->must_join = false;
    c->epoch = r->member_epoch;
    if (!r->assignment) return;
    lose_all(c);
    for (int32_t i = 0; i < r->assignment->topic_partitions_n; i++)
        for (int32_t k = 0; k < r->assignment->topic_partitions[i].partitions_n; k++)
            c->owned[r->assignment->topic_partitions[i].partitions[k]] = true;
}

/* ---- of the classic one, eager ---- */

static void
send_join(struct client *c)
{
    struct who who = {.id = c->id, .instance = c->is_static ? slice_cstr(c->name) : SLICE_NULL};
    lose_all(c);
    c->must_join = false;
    c->waits_for_sync = false;
    c->waits = join(who);
}

/* As the leader of a classic group: each in turn. */
static void
send_sync(struct client *c)
{
    struct k_sync_group_request_sync_group_request_assignment v[4];
    const struct k_join_group_response *j = c->joined;
    for (int32_t i = 0; i < j->members_n; i++) {
        struct tp tps[PARTITIONS];
        struct tp_set s = {tps, 0};
        for (int p = 0; p < PARTITIONS; p++)
            if (p % j->members_n == i) tps[s.n++] = (struct tp){ORDERS, p, 0};
        v[i].member_id = j->members[i].member_id;
        v[i].assignment = assignment_write(&s, &w.image, SUBSCRIPTION, &w.arena);
    }
    c->must_sync = false;
    c->waits_for_sync = true;
    c->waits = sync(c->id, c->epoch, v, j->members_n);
}

static void
take_joined(struct client *c, const struct k_join_group_response *r)
{
    c->must_join = r->error_code != 0;
    if (r->error_code == K_ERR_UNKNOWN_MEMBER_ID) c->id = SLICE_EMPTY;
    if (r->error_code == K_ERR_MEMBER_ID_REQUIRED) c->id = arena_dup(&w.arena, r->member_id);
    if (r->error_code) return;
    c->id = arena_dup(&w.arena, r->member_id);
    c->epoch = r->generation_id;
    c->joined = r;
    c->must_sync = true;
}

static void
take_synced(struct client *c, const struct k_sync_group_response *r)
{
    struct tp_set tps;
    c->must_join = r->error_code != 0;
    if (r->error_code) return;
    assert_true(assignment_read(r->assignment, &w.image, &w.arena, &tps));
    for (int64_t i = 0; i < tps.n; i++) c->owned[tps.v[i].index] = true;
}

static void
live(struct client *c)
{
    if (c->waits) {
        commit();
        if (is_waiting(c->waits)) return;
        const void *r = answer(c->waits);
        c->waits = NULL;
        if (c->waits_for_sync) take_synced(c, r);
        else take_joined(c, r);
    } else if (c->must_join) {
        send_join(c);
    } else if (c->must_sync) {
        send_sync(c);
    } else {
        int16_t err = heartbeat(c->id, c->epoch);
        c->must_join = err != 0;
        if (err == K_ERR_UNKNOWN_MEMBER_ID) c->id = SLICE_EMPTY;
        if (err && err != K_ERR_REBALANCE_IN_PROGRESS) lose_all(c);
    }
}

/* ---- all of them ---- */

static void
step(struct client *c)
{
    if (!c->is_there) return;
    if (c->is_consumer) beat(c);
    else live(c);
    nobody_shares_a_partition();
}

static void
go_on(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        for (int64_t k = 0; k < ARRAY_LEN(clients); k++) step(&clients[k]);
        pass_ms(300);
    }
}

static void
goes(struct client *c)
{
    lose_all(c);
    c->is_there = false;
    if (c->is_consumer) (void)say(c, EPOCH_LEAVE);
    else (void)leave_call(c->id);
    commit();
}

static struct group *
the_group(void)
{
    return group_find(w.shard, S("g"));
}

/* Two classic consumers that have two partitions each. */
static void
begin_classic(void)
{
    memset(clients, 0, sizeof clients);
    appears(&clients[0], "a", false, false);
    appears(&clients[1], "b", false, false);
    go_on(20);
    assert_int_equal(owned_n(&clients[0]), 2);
    assert_int_equal(owned_n(&clients[1]), 2);
    assert_null(the_group()->consumer);
}

/* ---- what holds ---- */

static void
a_classic_group_is_upgraded_by_its_first_consumer(void **state)
{
    (void)state;
    begin_classic();
    int32_t generation = clients[0].epoch;
    appears(&clients[2], "c", true, false);
    step(&clients[2]);
    assert_non_null(the_group()->consumer);
    assert_int_equal(the_group()->consumer->members.n, 3);
    assert_int_equal(clients[2].epoch, generation + 1);
    assert_int_equal(owned_n(&clients[2]), 0); /* both still have theirs */
    assert_int_equal(owned_n(&clients[0]) + owned_n(&clients[1]), PARTITIONS);
    go_on(20);
    assert_int_equal(all_owned_n(), PARTITIONS);
    for (int i = 0; i < 3; i++) assert_in_range(owned_n(&clients[i]), 1, 2);
}

/* A consumer comes to the two, and goes again. */
static void
downgrade(void)
{
    begin_classic();
    appears(&clients[2], "c", true, false);
    go_on(20);
    goes(&clients[2]);
    assert_null(the_group()->consumer);
}

static void
it_is_downgraded_when_the_last_consumer_goes(void **state)
{
    (void)state;
    downgrade();
    assert_int_equal(the_group()->members_n, 2);
    go_on(30);
    assert_int_equal(owned_n(&clients[0]), 2);
    assert_int_equal(owned_n(&clients[1]), 2);
    assert_state("Stable");
}

static void
it_is_downgraded_when_the_last_consumer_is_silent(void **state)
{
    (void)state;
    begin_classic();
    appears(&clients[2], "c", true, false);
    go_on(20);
    clients[2].is_there = false;
    lose_all(&clients[2]);
    go_on(200); /* a minute */
    assert_null(the_group()->consumer);
    assert_int_equal(all_owned_n(), PARTITIONS);
}

static void
a_group_is_rolled_over_and_back(void **state)
{
    (void)state;
    begin_classic();
    for (int i = 0; i < 2; i++) {
        goes(&clients[i]);
        appears(&clients[i], i ? "b2" : "a2", true, false);
        go_on(20);
        assert_int_equal(all_owned_n(), PARTITIONS);
    }
    assert_non_null(the_group()->consumer);
    MAP_EACH(&the_group()->consumer->members, m, struct consumer_member, by_id)
        assert_null(m->spec.classic_member_metadata);
    for (int i = 0; i < 2; i++) {
        goes(&clients[i]);
        appears(&clients[i], i ? "b3" : "a3", false, false);
        go_on(20);
        assert_int_equal(all_owned_n(), PARTITIONS);
    }
    assert_null(the_group()->consumer);
}

static void
the_next_coordinator_knows_it_all(void **state)
{
    (void)state;
    begin_classic();
    appears(&clients[2], "c", true, false);
    go_on(3);
    lose_leadership();
    for (int i = 0; i < 2; i++) clients[i].waits = NULL;
    take_over();
    assert_int_equal(the_group()->consumer->members.n, 3);
    go_on(30);
    assert_int_equal(all_owned_n(), PARTITIONS);
    goes(&clients[2]);
    lose_leadership();
    for (int i = 0; i < 2; i++) {
        clients[i].waits = NULL;
        clients[i].must_join = true;
        lose_all(&clients[i]);
    }
    take_over();
    assert_null(the_group()->consumer);
    assert_int_equal(the_group()->members_n, 2);
    go_on(30);
    assert_int_equal(all_owned_n(), PARTITIONS);
}

/* What the last consumer had is somebody's again, although who began to see to that is gone. */
static void
the_next_coordinator_finishes_a_downgrade(void **state)
{
    (void)state;
    downgrade();
    lose_leadership();
    for (int i = 0; i < 2; i++) clients[i].waits = NULL;
    take_over();
    go_on(30);
    assert_int_equal(all_owned_n(), PARTITIONS);
}

static void
a_policy_forbids_it(void **state)
{
    (void)state;
    begin_classic();
    struct client *c = &clients[2];
    appears(c, "c", true, false);
    static const char *const never_up[] = {"disabled", "downgrade", "DISABLED"};
    for (int64_t i = 0; i < ARRAY_LEN(never_up); i++) {
        assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_MIGRATION_POLICY,
                               slice_cstr(never_up[i]), NULL));
        assert_int_equal(say(c, 0)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
        assert_null(the_group()->consumer);
    }
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_MIGRATION_POLICY, S("upgrade"), NULL));
    go_on(20);
    goes(c);
    assert_non_null(the_group()->consumer);
    go_on(20);
    assert_int_equal(all_owned_n(), PARTITIONS);
}

static void
a_group_that_is_not_of_consumers_stays_classic(void **state)
{
    (void)state;
    begin_classic();
    group_set_text(the_group(), &the_group()->protocol_type, S("connect"));
    appears(&clients[2], "c", true, false);
    assert_int_equal(say(&clients[2], 0)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    group_set_text(the_group(), &the_group()->protocol_type, S("consumer"));
    member_set_assignment(LIST_FIRST(&the_group()->members, struct member, node), S("\0\0\x7f"));
    assert_int_equal(say(&clients[2], 0)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    assert_null(the_group()->consumer);
}

static void
an_instance_changes_its_protocol_and_keeps_its_place(void **state)
{
    (void)state;
    memset(clients, 0, sizeof clients);
    appears(&clients[0], "a", false, true);
    appears(&clients[1], "b", false, true);
    go_on(20);
    lose_all(&clients[0]); /* its process ends, and another begins */
    appears(&clients[0], "a", true, true);
    clients[0].id = S("new");
    go_on(20);
    assert_int_equal(the_group()->consumer->members.n, 2);
    assert_int_equal(owned_n(&clients[0]), 2);
    assert_int_equal(owned_n(&clients[1]), 2);
    lose_all(&clients[0]);
    appears(&clients[0], "a", false, true);
    go_on(30);
    assert_null(the_group()->consumer);
    assert_int_equal(the_group()->members_n, 2);
    assert_int_equal(owned_n(&clients[0]), 2);
    assert_int_equal(owned_n(&clients[1]), 2);
}

static void
a_classic_member_commits_in_its_generation(void **state)
{
    (void)state;
    begin_classic();
    appears(&clients[2], "c", true, false);
    go_on(20);
    struct client *a = &clients[0];
    /* As with the new protocol (KIP-1251): also in an older one, if the partition has been its own since. */
    int32_t own = 0, others = 0;
    for (int p = 0; p < PARTITIONS; p++) *(a->owned[p] ? &own : &others) = p;
    const struct {
        int32_t ahead, partition;
        int16_t err;
    } rows[] = {{0, own, 0},
                {1, own, K_ERR_ILLEGAL_GENERATION},
                {-1, others, K_ERR_ILLEGAL_GENERATION},
                {0, 3, 0}};
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        w.at_partition = rows[i].partition;
        struct call *c = commit_offset(a->id, a->epoch + rows[i].ahead, 10);
        settle();
        commit();
        assert_int_equal(commit_error(c), rows[i].err);
    }
    goes(&clients[2]);
    assert_int_equal(fetch_offset(), 10);
}

static void
a_classic_member_that_does_not_join_again_is_out(void **state)
{
    (void)state;
    begin_classic();
    appears(&clients[2], "c", true, false);
    step(&clients[2]);
    struct client *a = &clients[0];
    for (int i = 0; i < 40 && the_group()->consumer->members.n == 3; i++) {
        int16_t err = heartbeat(a->id, a->epoch); /* and nothing else */
        assert_int_equal(err, K_ERR_REBALANCE_IN_PROGRESS);
        step(&clients[1]);
        step(&clients[2]);
        pass_ms(1000);
        commit();
    }
    assert_int_equal(the_group()->consumer->members.n, 2);
}

static void
an_administrator_removes_members_of_both_kinds(void **state)
{
    (void)state;
    memset(clients, 0, sizeof clients);
    appears(&clients[0], "a", false, true);
    appears(&clients[2], "c", true, true);
    go_on(20);
    struct call *c = call_new(5);
    struct k_leave_group_request_member_identity who[3] = {
        {.group_instance_id = S("a"), .reason = S("an administrator")},
        {.group_instance_id = S("nobody")},
        {.group_instance_id = S("c")}};
    struct k_leave_group_request q = {.group_id = S("g"), .members = who, .members_n = 3};
    groups_leave(w.gs, &q, &c->c);
    settle();
    commit();
    const struct k_leave_group_response *r = answer(c);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->members_n, 3);
    assert_int_equal(r->members[0].error_code, 0);
    assert_int_equal(r->members[1].error_code, K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(r->members[2].error_code, 0);
    assert_int_equal(the_group()->consumer->members.n, 0);
}

/* Any order of steps, comings and goings, and changes of the coordinator. */
static void
whatever_happens_no_partition_has_two_owners(void **state)
{
    (void)state;
    uint64_t x = 1;
    memset(clients, 0, sizeof clients);
    for (int i = 0; i < 4000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint32_t dice = (uint32_t)(x >> 33);
        struct client *c = &clients[dice % 3];
        dice /= 3;
        if (!c->is_there) {
            if (dice % 4 == 0)
                appears(c,
                        (c - clients) == 0   ? "x"
                        : (c - clients) == 1 ? "y"
                                             : "z",
                        dice / 4 % 2, false);
        } else if (dice % 40 == 0 && !c->waits) {
            goes(c);
        } else {
            step(c);
        }
        if (dice % 7 == 0) pass_ms(200);
        nobody_shares_a_partition();
    }
    for (int i = 0; i < 3; i++)
        if (!clients[i].is_there) appears(&clients[i], "last", false, false);
    go_on(60);
    assert_int_equal(all_owned_n(), PARTITIONS);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_classic_group_is_upgraded_by_its_first_consumer),
        CASE(it_is_downgraded_when_the_last_consumer_goes),
        CASE(it_is_downgraded_when_the_last_consumer_is_silent),
        CASE(a_group_is_rolled_over_and_back),
        CASE(the_next_coordinator_knows_it_all),
        CASE(the_next_coordinator_finishes_a_downgrade),
        CASE(a_policy_forbids_it),
        CASE(a_group_that_is_not_of_consumers_stays_classic),
        CASE(an_instance_changes_its_protocol_and_keeps_its_place),
        CASE(a_classic_member_commits_in_its_generation),
        CASE(a_classic_member_that_does_not_join_again_is_out),
        CASE(an_administrator_removes_members_of_both_kinds),
        CASE(whatever_happens_no_partition_has_two_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
