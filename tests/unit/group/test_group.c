#include "tests/unit/group/fixture.h"

typedef struct k_sync_group_request_sync_group_request_assignment given;

/* One member, generation 1, stable. */
static struct slice
lone_member(void)
{
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    const struct k_join_group_response *r = joined(j);
    assert_int_equal(r->error_code, 0);
    given g = {r->member_id, S("all")};
    struct call *s = sync(id, r->generation_id, &g, 1);
    commit();
    assert_int_equal(synced(s)->error_code, 0);
    return id;
}

/* Two members, both in generation 2, not yet synced; the first leads. */
static void
two_members(struct slice *ret_a, struct slice *ret_b)
{
    *ret_a = lone_member();
    *ret_b = new_id();
    struct call *b = join((struct who){.id = *ret_b});
    assert_true(is_waiting(b));
    assert_int_equal(heartbeat(*ret_a, 1), K_ERR_REBALANCE_IN_PROGRESS);
    struct call *a = join((struct who){.id = *ret_a});
    assert_int_equal(joined(a)->members_n, 2);
    assert_int_equal(joined(b)->members_n, 0);
    assert_true(slice_eq(joined(b)->leader, *ret_a));
    assert_int_equal(joined(b)->generation_id, 2);
}

static void
a_member_is_first_given_an_id(void **state)
{
    (void)state;
    struct slice id = new_id();
    assert_true(slice_starts(id, S("app-")));
    assert_int_equal(id.n, 4 + 36);
    assert_state("Empty");
    /* Up to version 3 it joins at once. */
    struct call *old = join((struct who){.id = SLICE_EMPTY, .version = 3});
    assert_true(is_waiting(old));
    assert_state("PreparingRebalance");
}

static void
an_id_that_is_not_used_is_forgotten(void **state)
{
    (void)state;
    struct slice id = new_id();
    pass_ms(SESSION_MS + 1);
    assert_int_equal(joined(join((struct who){.id = id}))->error_code, K_ERR_UNKNOWN_MEMBER_ID);
}

static void
a_lone_member_leads_and_is_assigned(void **state)
{
    (void)state;
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    const struct k_join_group_response *r = joined(j);
    assert_int_equal(r->generation_id, 1);
    assert_true(slice_eq(r->leader, id));
    assert_int_equal(r->members_n, 1);
    assert_slice(r->protocol_name, "range");
    assert_state("CompletingRebalance");
    given g = {id, S("all")};
    struct call *s = sync(id, 1, &g, 1);
    /* Nobody has an assignment that a crash could take back. */
    assert_true(is_waiting(s));
    commit();
    assert_slice(synced(s)->assignment, "all");
    assert_state("Stable");
    assert_int_equal(heartbeat(id, 1), 0);
    assert_int_equal(heartbeat(id, 0), K_ERR_ILLEGAL_GENERATION);
    assert_int_equal(heartbeat(S("nobody"), 1), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
the_initial_delay_gathers_members(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_INITIAL_REBALANCE_DELAY_MS, S("3000"), NULL));
    struct call *a = join((struct who){.version = 3});
    pass_ms(2000);
    struct call *b = join((struct who){.version = 3});
    pass_ms(2000);
    /* The second came during the delay, so there is another. */
    assert_true(is_waiting(a));
    pass_ms(2000);
    assert_int_equal(joined(a)->members_n, 2);
    assert_int_equal(joined(b)->generation_id, 1);
}

static void
two_members_are_assigned_by_their_leader(void **state)
{
    (void)state;
    struct slice a, b;
    two_members(&a, &b);
    given g[] = {{a, S("left")}, {b, S("right")}};
    struct call *sb = sync(b, 2, NULL, 0);
    assert_true(is_waiting(sb));
    struct call *sa = sync(a, 2, g, 2);
    commit();
    assert_slice(synced(sa)->assignment, "left");
    assert_slice(synced(sb)->assignment, "right");
    assert_int_equal(describe()->members_n, 2);
}

static void
a_member_that_does_not_rejoin_is_dropped(void **state)
{
    (void)state;
    struct slice a = lone_member();
    struct call *b = join((struct who){.id = new_id()});
    pass_ms(REBALANCE_MS + 1);
    assert_int_equal(joined(b)->error_code, 0);
    assert_int_equal(joined(b)->members_n, 1);
    assert_int_equal(heartbeat(a, 2), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
a_missed_session_begins_a_rebalance(void **state)
{
    (void)state;
    struct slice a, b;
    two_members(&a, &b);
    given g[] = {{a, S("left")}, {b, S("right")}};
    sync(b, 2, NULL, 0);
    sync(a, 2, g, 2);
    commit();
    pass_ms(SESSION_MS - 1);
    assert_int_equal(heartbeat(a, 2), 0);
    pass_ms(2);
    assert_state("PreparingRebalance");
    assert_int_equal(describe()->members_n, 1);
}

static void
a_member_that_does_not_sync_is_dropped(void **state)
{
    (void)state;
    struct slice a, b;
    two_members(&a, &b);
    given g[] = {{a, S("left")}, {b, S("right")}};
    struct call *s = sync(a, 2, g, 2);
    commit();
    assert_int_equal(synced(s)->error_code, 0);
    for (int i = 0; i < 4; i++) {
        pass_ms(REBALANCE_MS / 4);
        int16_t ea = heartbeat(a, 2);
        (void)heartbeat(b, 2);
        if (i < 3) assert_int_equal(ea, 0);
    }
    assert_state("PreparingRebalance");
    assert_int_equal(heartbeat(b, 2), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
an_assignment_that_cannot_be_stored_is_not_given(void **state)
{
    (void)state;
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    assert_int_equal(joined(j)->error_code, 0);
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    given g = {id, S("all")};
    assert_int_equal(synced(sync(id, 1, &g, 1))->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_state("PreparingRebalance");
    w.refuses = 0;
    assert_int_equal(joined(join((struct who){.id = id}))->generation_id, 2);
}

static void
an_assignment_that_comes_late_does_not_count(void **state)
{
    (void)state;
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    assert_int_equal(joined(j)->error_code, 0);
    finish_writes(0);
    given g = {id, S("all")};
    struct call *s = sync(id, 1, &g, 1);
    pass_ms(5001);
    assert_int_equal(synced(s)->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    commit();
    assert_state("PreparingRebalance");
}

static void
the_preferred_common_protocol_is_taken(void **state)
{
    (void)state;
    struct call *a =
        join((struct who){.version = 3, .protocol = S("range"), .second = S("sticky")});
    struct call *b =
        join((struct who){.version = 3, .protocol = S("sticky"), .second = S("range")});
    struct call *c = join((struct who){.version = 3, .protocol = S("sticky")});
    struct call *d = join((struct who){.version = 3, .protocol = S("other")});
    gather(); /* for those who came after the first */
    gather();
    assert_slice(joined(a)->protocol_name, "sticky");
    assert_slice(joined(b)->protocol_name, "sticky");
    assert_int_equal(joined(c)->error_code, 0);
    assert_int_equal(joined(d)->error_code, K_ERR_INCONSISTENT_GROUP_PROTOCOL);
}

/* Also where group.initial.rebalance.delay.ms is 0. */
static void
who_comes_together_is_one_generation(void **state)
{
    (void)state;
    struct slice ids[3] = {new_id(), new_id(), new_id()};
    struct call *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = join((struct who){.id = ids[i]});
        pass_ms(i == 0 ? GROUP_GATHER_FIRST_MS - 1 : GROUP_GATHER_MS - 1);
        assert_true(is_waiting(c[0]));
    }
    gather();
    for (int i = 0; i < 3; i++) assert_int_equal(joined(c[i])->generation_id, 1);
    assert_int_equal(joined(c[0])->members_n, 3);
}

static void
session_time_outs_have_limits(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_MIN_SESSION_TIMEOUT_MS, S("10001"), NULL));
    assert_int_equal(joined(join((struct who){.version = 3}))->error_code,
                     K_ERR_INVALID_SESSION_TIMEOUT);
}

/* The instance "i", which has everything. */
static struct slice
lone_static_member(void)
{
    struct call *j = join((struct who){.instance = S("i")});
    gather();
    struct slice id = joined(j)->member_id;
    given g = {id, S("all")};
    struct call *s = sync(id, 1, &g, 1);
    commit();
    assert_int_equal(synced(s)->error_code, 0);
    return id;
}

static void
a_static_member_returns_without_a_rebalance(void **state)
{
    (void)state;
    struct slice id = lone_static_member();
    assert_true(slice_starts(id, S("i-")));
    struct call *again = join((struct who){.instance = S("i")});
    assert_true(is_waiting(again));
    commit();
    const struct k_join_group_response *r = joined(again);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->generation_id, 1);
    assert_true(r->skip_assignment);
    assert_false(slice_eq(r->member_id, id));
    assert_state("Stable");
    /* The former process must not go on. */
    assert_int_equal(joined(join((struct who){.id = id, .instance = S("i")}))->error_code,
                     K_ERR_FENCED_INSTANCE_ID);
    assert_slice(synced(sync(r->member_id, 1, NULL, 0))->assignment, "all");
}

/* A coordinator that never heard of the new id would fence it for ever. */
static void
a_static_member_hears_of_its_new_id_when_that_is_stored(void **state)
{
    (void)state;
    struct slice id = lone_static_member();
    struct call *late = join((struct who){.instance = S("i")});
    pass_ms(5001);
    assert_int_equal(joined(late)->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_slice(joined(late)->member_id, "");
    struct call *lost = join((struct who){.instance = S("i")});
    buf_unref(w.log.v[--w.log.n]); /* this write is nowhere */
    lose_leadership();
    assert_int_equal(joined(lost)->error_code, K_ERR_NOT_COORDINATOR);
    take_over();
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(joined(join((struct who){.instance = S("i")}))->error_code,
                     K_ERR_COORDINATOR_NOT_AVAILABLE);
    w.refuses = 0;
    assert_state("Stable");
    assert_false(slice_eq(describe()->members[0].member_id, id));
    pass_ms(SESSION_MS + 1);
    assert_state("Empty");
}

/* The log takes no new id: the former process has lost nothing. */
static void
a_static_member_that_cannot_be_stored_is_who_it_was(void **state)
{
    (void)state;
    struct slice id = lone_static_member();
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    struct call *again = join((struct who){.instance = S("i"), .second = S("roundrobin")});
    assert_int_equal(joined(again)->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    w.refuses = 0;
    assert_state("Stable");
    assert_int_equal(describe()->members_n, 1);
    assert_true(slice_eq(describe()->members[0].member_id, id));
    assert_slice(describe()->members[0].member_assignment, "all");
    assert_int_equal(heartbeat(id, 1), 0);
    /* It says what it said: who has another protocol alone does not fit. And it leads. */
    assert_int_equal(
        joined(join((struct who){.version = 3, .protocol = S("roundrobin")}))->error_code,
        K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_true(slice_eq(joined(join((struct who){.id = id, .instance = S("i")}))->leader, id));
}

/* Somebody else joins before the new id is stored: the one who is back has joined, too. */
static void
a_returned_static_member_takes_part_in_a_rebalance(void **state)
{
    (void)state;
    (void)lone_static_member();
    struct call *back = join((struct who){.instance = S("i")});
    assert_true(is_waiting(back));
    struct call *other = join((struct who){.instance = S("other")});
    assert_int_equal(joined(back)->generation_id, 2);
    assert_int_equal(joined(other)->generation_id, 2);
    assert_false(joined(back)->skip_assignment);
    commit();
    assert_int_equal(back->count, 1);
    assert_state("CompletingRebalance");
}

static void
a_group_has_a_largest_size(void **state)
{
    (void)state;
    struct slice a, b;
    two_members(&a, &b);
    (void)sync(a, 2, NULL, 0);
    commit();
    assert_state("Stable");
    assert_true(config_set(&w.config, K_CFG_GROUP_MAX_SIZE, S("2"), NULL));
    const struct k_join_group_response *r = joined(join((struct who){.version = 3}));
    assert_int_equal(r->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
    assert_slice(r->member_id, "");
    /* The next coordinator allows fewer: the first to come again stays, and the other is not waited for. */
    lose_leadership();
    assert_true(config_set(&w.config, K_CFG_GROUP_MAX_SIZE, S("1"), NULL));
    take_over();
    assert_state("PreparingRebalance");
    struct call *first = join((struct who){.id = b});
    assert_true(is_waiting(first));
    assert_int_equal(joined(join((struct who){.id = a}))->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(joined(first)->members_n, 1);
    assert_int_equal(describe()->members_n, 1);
}

static void
who_is_refused_is_told_of_no_protocol(void **state)
{
    (void)state;
    struct call *since_7 = join((struct who){.version = 7}), *v6 = join((struct who){.version = 6});
    assert_null(joined(since_7)->protocol_name.p);
    assert_slice(joined(v6)->protocol_name, "");
}

/* As long as members gather they may go on with what they have. */
static void
an_assignment_is_described_until_there_is_another(void **state)
{
    (void)state;
    struct slice a = lone_member();
    struct call *b = join((struct who){.id = new_id()});
    assert_true(is_waiting(b));
    assert_state("PreparingRebalance");
    assert_true(slice_eq(describe()->members[0].member_id, a));
    assert_slice(describe()->members[0].member_assignment, "all");
    assert_slice(describe()->members[0].member_metadata, "");
}

static void
a_group_needs_a_name(void **state)
{
    (void)state;
    struct call *c = call_new(9);
    struct k_join_group_request q;
    codec_default(K_MSG_JOIN_GROUP_REQUEST, &q);
    q.group_id = SLICE_EMPTY;
    q.session_timeout_ms = SESSION_MS;
    lose_leadership();
    groups_join(w.gs, &q, &c->c);
    assert_int_equal(joined(c)->error_code, K_ERR_INVALID_GROUP_ID);
}

static void
the_last_to_leave_empties_the_group(void **state)
{
    (void)state;
    struct slice a, b;
    two_members(&a, &b);
    assert_int_equal(leave(S("nobody")), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave(a), 0);
    assert_state("PreparingRebalance");
    struct call *last = leave_call(b);
    assert_state("Empty");
    assert_int_equal(last->count, 0);
    commit();
    assert_int_equal(left(last), 0);
    lose_leadership();
    take_over();
    assert_state("Empty");
}

static void
who_leaves_last_hears_when_the_log_cannot_have_it(void **state)
{
    (void)state;
    struct slice a = lone_member();
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(left(leave_call(a)), K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_state("Empty");
}

static void
who_leaves_last_hears_when_that_takes_too_long(void **state)
{
    (void)state;
    struct call *last = leave_call(lone_member());
    pass_ms(4999);
    assert_int_equal(last->count, 0);
    pass_ms(1);
    assert_int_equal(left(last), K_ERR_COORDINATOR_NOT_AVAILABLE);
    commit();
    assert_int_equal(last->count, 1);
}

static void
who_leaves_last_hears_that_the_leadership_is_gone(void **state)
{
    (void)state;
    struct call *last = leave_call(lone_member());
    lose_leadership();
    assert_int_equal(left(last), K_ERR_NOT_COORDINATOR);
}

static void
who_waits_hears_that_the_leadership_is_gone(void **state)
{
    (void)state;
    struct slice a = lone_member();
    struct call *b = join((struct who){.id = new_id()});
    struct call *o = commit_offset(a, 1, 5);
    lose_leadership();
    assert_int_equal(joined(b)->error_code, K_ERR_NOT_COORDINATOR);
    assert_int_equal(commit_error(o), K_ERR_NOT_COORDINATOR);
    assert_int_equal(heartbeat(a, 1), K_ERR_NOT_COORDINATOR);
}

static void
the_next_coordinator_knows_members_and_offsets(void **state)
{
    (void)state;
    struct slice a = lone_member();
    struct call *o = commit_offset(a, 1, 42);
    commit();
    assert_int_equal(commit_error(o), 0);
    lose_leadership();
    take_over();
    assert_state("Stable");
    assert_int_equal(heartbeat(a, 1), 0);
    assert_int_equal(fetch_offset(), 42);
    assert_slice(synced(sync(a, 1, NULL, 0))->assignment, "all");
    pass_ms(SESSION_MS + 1);
    assert_state("Empty");
}

static void
a_client_with_a_long_name_gets_a_shorter_id(void **state)
{
    (void)state;
    static char name[CODEC_STRING_MAX];
    memset(name, 'x', sizeof name);
    struct call *c = join((struct who){.version = 3, .instance = slice(name, sizeof name)});
    gather();
    assert_int_equal(joined(c)->member_id.n, CODEC_STRING_MAX);
    struct call *s = sync(joined(c)->member_id, 1, NULL, 0);
    commit();
    assert_int_equal(synced(s)->error_code, 0);
}

static void
an_assignment_without_measure_is_refused(void **state)
{
    (void)state;
    struct slice id = new_id();
    struct call *j = join((struct who){.id = id});
    gather();
    assert_int_equal(joined(j)->error_code, 0);
    int64_t n = COORDINATOR_BATCH_BYTES_MAX + 1;
    given g = {id, slice(arena_alloc(&w.arena, n), n)};
    assert_int_equal(synced(sync(id, 1, &g, 1))->error_code, K_ERR_UNKNOWN_SERVER_ERROR);
    assert_state("PreparingRebalance");
}

static void
a_group_begins_in_the_log_as_kafka_writes_it(void **state)
{
    (void)state;
    (void)new_id();
    struct batch_header h;
    struct slice batch = buf_slice(w.log.v[0]);
    assert_int_equal(batch_check(w.env.crc32c, batch, &h), BATCH_OK);
    struct records rs;
    struct record rec;
    records_begin(&rs, &h, batch_payload(batch, &h));
    assert_true(records_next(&rs, &rec));
    assert_slice(rec.key, "\0\2\0\1g");
    assert_slice(rec.value, "\0\3\0\0\0\0\0\0\xff\xff\xff\xff\0\0\x01\xa2\x04\x16\xe8\x4c\0\0\0\0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_is_first_given_an_id),
        TEST(an_id_that_is_not_used_is_forgotten),
        TEST(a_lone_member_leads_and_is_assigned),
        TEST(the_initial_delay_gathers_members),
        TEST(two_members_are_assigned_by_their_leader),
        TEST(a_member_that_does_not_rejoin_is_dropped),
        TEST(a_missed_session_begins_a_rebalance),
        TEST(a_member_that_does_not_sync_is_dropped),
        TEST(an_assignment_that_cannot_be_stored_is_not_given),
        TEST(an_assignment_that_comes_late_does_not_count),
        TEST(the_preferred_common_protocol_is_taken),
        TEST(who_comes_together_is_one_generation),
        TEST(session_time_outs_have_limits),
        TEST(a_static_member_returns_without_a_rebalance),
        TEST(a_static_member_hears_of_its_new_id_when_that_is_stored),
        TEST(a_static_member_that_cannot_be_stored_is_who_it_was),
        TEST(a_returned_static_member_takes_part_in_a_rebalance),
        TEST(a_group_has_a_largest_size),
        TEST(who_is_refused_is_told_of_no_protocol),
        TEST(an_assignment_is_described_until_there_is_another),
        TEST(a_group_needs_a_name),
        TEST(the_last_to_leave_empties_the_group),
        TEST(who_leaves_last_hears_when_the_log_cannot_have_it),
        TEST(who_leaves_last_hears_when_that_takes_too_long),
        TEST(who_leaves_last_hears_that_the_leadership_is_gone),
        TEST(who_waits_hears_that_the_leadership_is_gone),
        TEST(the_next_coordinator_knows_members_and_offsets),
        TEST(a_client_with_a_long_name_gets_a_shorter_id),
        TEST(an_assignment_without_measure_is_refused),
        TEST(a_group_begins_in_the_log_as_kafka_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
