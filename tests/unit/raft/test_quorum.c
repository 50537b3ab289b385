/* Who leads a quorum, and what becomes of it under faults that fall from the seed: crashes, power losses, pauses, cuts of one
 * or both ways. After the last one it must commit again. */
#include "tests/unit/raft/cluster.h"

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
        cmocka_unit_test(a_vote_outlives_a_power_loss),
        cmocka_unit_test(the_promises_hold_under_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
