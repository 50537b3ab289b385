#include "tests/lib/test.h"

#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "apis.h"
#include "tests/lib/tiny.h"

static struct machines
one(struct machine **m)
{
    return (struct machines){m, 1};
}

static void
bytes_arrive_in_order_however_they_are_cut(void **state)
{
    (void)state;
    int64_t events = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct pair p = pair_new(seed);
        peer_send(p.a, 0, 3000000);
        world_run(p.w, NS_PER_S);
        assert_int_equal(pair_b(&p)->received, 3000000);
        assert_true(pair_b(&p)->in_order);
        events += pair_b(&p)->events;
        world_free(p.w);
    }
    assert_true(events > 5 * 3000000 / 65536);
}

static void
nobody_listens_and_nobody_is_known(void **state)
{
    (void)state;
    struct pair p = pair_new(1);
    peer_connect(p.a, "b", 1);
    peer_connect(p.a, "nowhere", 9092);
    world_run(p.w, NS_PER_S);
    assert_int_equal(peer_of(p.a)->conns[1].why, ENV_ECONNREFUSED);
    assert_int_equal(peer_of(p.a)->conns[2].why, ENV_EHOST);
    world_free(p.w);
}

static void
a_connection_through_a_cut_times_out_or_comes_late(void **state)
{
    (void)state;
    struct pair p = pair_new(1);
    fault_id cut = fault_cut(p.w, one(&p.a), one(&p.b), false);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, 9 * NS_PER_S);
    assert_false(peer_of(p.a)->conns[1].is_closed);
    world_run(p.w, 2 * NS_PER_S);
    assert_int_equal(peer_of(p.a)->conns[1].why, ENV_ETIMEDOUT);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, 2 * NS_PER_S);
    fault_heal(p.w, cut);
    world_run(p.w, 4 * NS_PER_S);
    assert_true(peer_of(p.a)->conns[2].is_connected);
    assert_int_equal(peer_of(p.b)->accepted, 2);
    world_free(p.w);
}

static void
a_cut_stalls_and_after_healing_the_stream_goes_on(void **state)
{
    (void)state;
    struct pair p = pair_new(2);
    fault_id cut = fault_cut(p.w, one(&p.a), one(&p.b), true);
    peer_send(p.a, 0, 1000);
    world_run(p.w, 20 * NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 0);
    assert_false(pair_a(&p)->is_closed);
    fault_heal(p.w, cut);
    world_run(p.w, 3 * NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 1000);
    assert_true(pair_b(&p)->in_order);
    world_free(p.w);
}

static void
hear_fault(void *ctx, struct slice verb, struct slice what)
{
    struct writer *heard = ctx;
    writer_bytes(heard, verb);
    writer_bytes(heard, S(": "));
    writer_bytes(heard, what);
    writer_bytes(heard, S("\n"));
}

static void
what_heals_is_said_in_the_words_in_which_it_began(void **state)
{
    (void)state;
    struct pair p = pair_new(1);
    struct mem mem;
    struct machine *both[] = {p.a, p.b};
    test_mem_init(&mem);
    struct writer heard = writer_mem(&mem);
    world_observe(p.w, &(struct world_observer){.fault = hear_fault, .ctx = &heard});
    fault_id cut = fault_cut(p.w, (struct machines){both, 2}, one(&p.b), true);
    fault_slow_link(p.w, one(&p.b), one(&p.a), false, (struct slow){.loss_permille = 1});
    fault_heal(p.w, cut);
    fault_heal_all(p.w);
    assert_slice(writer_slice(&heard),
                 "cut: a b <> b\nslow: b > a\nheal: a b <> b\nheal slow: b > a\n");
    writer_release(&heard);
    mem_release(&mem);
    world_free(p.w);
}

static void
a_one_way_cut_stops_bytes_one_way_and_acknowledgements_the_other(void **state)
{
    (void)state;
    struct pair p = pair_new(3);
    (void)fault_cut(p.w, one(&p.a), one(&p.b), false);
    peer_send(p.a, 0, 1000);
    peer_send(p.b, 0, 1000);
    world_run(p.w, 5 * NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 0);
    assert_int_equal(pair_a(&p)->received, 1000);
    /* b never hears that its bytes came: it does not send more for ever, and gives up in the end. */
    peer_send(p.b, 0, 0);
    world_run(p.w, 1000 * NS_PER_S);
    assert_int_equal(pair_b(&p)->why, ENV_ETIMEDOUT);
    assert_int_equal(pair_a(&p)->why, ENV_ETIMEDOUT);
    world_free(p.w);
}

static void
a_flapping_link_lets_everything_through_in_the_end(void **state)
{
    (void)state;
    struct pair p = pair_new(4);
    fault_id f = fault_flap(p.w, one(&p.a), one(&p.b), true, 700 * NS_PER_MS, 300 * NS_PER_MS);
    peer_send(p.a, 0, 2000000);
    world_run(p.w, 60 * NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 2000000);
    assert_true(pair_b(&p)->in_order);
    fault_heal(p.w, f);
    assert_true(net_is_open(p.w, p.a, p.b));
    world_free(p.w);
}

static void
a_slow_link_is_slow_by_latency_bandwidth_and_loss(void **state)
{
    (void)state;
    struct pair p = pair_new(5);
    struct slow slow = {.latency = {100 * NS_PER_MS, 100 * NS_PER_MS, 0, 0}};
    fault_id f = fault_slow_link(p.w, one(&p.a), one(&p.b), false, slow);
    peer_send(p.a, 0, 100);
    world_run(p.w, 99 * NS_PER_MS);
    assert_int_equal(pair_b(&p)->received, 0);
    world_run(p.w, 2 * NS_PER_MS);
    assert_int_equal(pair_b(&p)->received, 100);
    fault_heal(p.w, f);
    f = fault_slow_link(p.w, one(&p.a), one(&p.b), false,
                        (struct slow){.bandwidth_bytes_per_s = 100000});
    peer_close(p.a, 0);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, NS_PER_S);
    peer_send(p.a, 1, 150000);
    world_run(p.w, NS_PER_S);
    assert_in_range(peer_of(p.b)->conns[1].received, 1, 149999);
    world_run(p.w, NS_PER_S);
    assert_int_equal(peer_of(p.b)->conns[1].received, 150000);
    world_free(p.w);
}

static void
closing_in_order_is_the_end_of_the_stream(void **state)
{
    (void)state;
    struct pair p = pair_new(6);
    peer_send(p.a, 0, 5000);
    peer_close(p.a, 0);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 5000);
    assert_int_equal(pair_b(&p)->why, ENV_EOF);
    assert_int_equal(pair_a(&p)->why, ENV_ECANCELED);
    world_free(p.w);
}

static void
a_paused_reader_gets_nothing_and_holds_the_sender_back(void **state)
{
    (void)state;
    struct pair p = pair_new(7);
    peer_pause(p.b, 0, true);
    peer_send(p.a, 0, 3000000);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 0);
    assert_true(pair_a(&p)->c.wants_writable);
    peer_pause(p.b, 0, false);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 3000000);
    assert_false(pair_a(&p)->c.wants_writable);
    world_free(p.w);
}

static void
the_kernel_of_a_crashed_process_ends_its_connections(void **state)
{
    (void)state;
    struct pair p = pair_new(8);
    peer_send(p.b, 0, 1000);
    fault_crash(p.b);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_a(&p)->received, 1000);
    assert_int_equal(pair_a(&p)->why, ENV_EOF);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, NS_PER_S);
    assert_int_equal(peer_of(p.a)->conns[1].why, ENV_ECONNREFUSED);
    world_free(p.w);
}

static void
bytes_left_unread_by_a_crash_reset_the_connection(void **state)
{
    (void)state;
    struct pair p = pair_new(9);
    peer_pause(p.b, 0, true);
    peer_send(p.a, 0, 1000);
    world_run(p.w, NS_PER_S);
    fault_crash(p.b);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_a(&p)->why, ENV_ECONNRESET);
    world_free(p.w);
}

static void
a_host_without_power_leaves_half_open_ends(void **state)
{
    (void)state;
    struct pair p = pair_new(10);
    fault_power(p.b);
    world_run(p.w, 60 * NS_PER_S);
    assert_false(pair_a(&p)->is_closed);
    peer_send(p.a, 0, 100);
    world_run(p.w, 60 * NS_PER_S);
    assert_false(pair_a(&p)->is_closed);
    machine_start(p.b);
    world_run(p.w, 3 * NS_PER_S);
    assert_int_equal(pair_a(&p)->why, ENV_ECONNRESET);
    world_free(p.w);
}

static void
an_idle_half_open_end_is_found_by_keepalive(void **state)
{
    (void)state;
    struct pair p = pair_new(11);
    fault_half_open(p.w, p.a, p.b);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_b(&p)->why, ENV_ECONNRESET);
    assert_false(pair_a(&p)->is_closed);
    world_run(p.w, 7200 * NS_PER_S);
    assert_int_equal(pair_a(&p)->why, ENV_ECONNRESET);
    world_free(p.w);
    p = pair_new(12);
    fault_half_open(p.w, p.a, p.b);
    peer_send(p.a, 0, 10);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_a(&p)->why, ENV_ECONNRESET);
    world_free(p.w);
}

static void
a_reset_is_seen_by_both_ends(void **state)
{
    (void)state;
    struct pair p = pair_new(13);
    fault_reset(p.w, p.b, p.a);
    world_run(p.w, NS_PER_S);
    assert_int_equal(pair_a(&p)->why, ENV_ECONNRESET);
    assert_int_equal(pair_b(&p)->why, ENV_ECONNRESET);
    world_free(p.w);
}

static void
the_kernel_of_a_paused_machine_goes_on(void **state)
{
    (void)state;
    struct pair p = pair_new(14);
    fault_pause(p.b);
    peer_send(p.a, 0, 1000);
    peer_connect(p.a, "b", 9092);
    world_run(p.w, 20 * NS_PER_S);
    assert_int_equal(pair_b(&p)->received, 0);
    assert_true(peer_of(p.a)->conns[1].is_connected);
    fault_resume(p.b);
    world_run(p.w, 0);
    assert_int_equal(pair_b(&p)->received, 1000);
    assert_int_equal(peer_of(p.b)->accepted, 2);
    world_free(p.w);
}

static void
a_taken_port_is_refused_and_port_zero_finds_one(void **state)
{
    (void)state;
    struct world *w = world_new(1, NULL);
    struct machine *a =
        world_add(w, &(struct machine_params){.name = S("a"), .start = peer_start, .args = &w});
    struct machine *b = world_add(
        w,
        &(struct machine_params){.name = S("b"), .host = S("a"), .start = peer_start, .args = &w});
    machine_start(a);
    machine_start(b);
    world_run(w, NS_PER_S);
    assert_int_equal(peer_of(a)->listen_err, ENV_OK);
    assert_int_equal(peer_of(b)->listen_err, ENV_EADDRINUSE);
    world_free(w);
}

/* ---- frames ---- */

struct seen {
    int sent, delivered, dropped, held, requests, answers;
    int16_t api, version;
};

static void
see(void *ctx, const struct world_frame *f, enum frame_fate fate)
{
    struct seen *s = ctx;
    s->sent += fate == FRAME_SENT;
    s->delivered += fate == FRAME_DELIVERED;
    s->dropped += fate == FRAME_DROPPED;
    s->held += fate == FRAME_HELD;
    if (fate != FRAME_DELIVERED) return;
    *(f->is_answer ? &s->answers : &s->requests) += 1;
    s->api = f->api;
    s->version = f->version;
}

struct pong {
    struct world *w;
    struct machine *s, *c;
    struct pong_stats server;
    struct ping_args args;
    struct seen seen;
};

static void
pong_new(struct pong *p)
{
    *p = (struct pong){.w = world_new(1, NULL),
                       .args = {.server = "s", .pause_ns = 10 * NS_PER_MS, .payload_bytes = 10}};
    p->s = world_add(p->w, &(struct machine_params){
                               .name = S("s"), .start = pong_server_start, .args = &p->server});
    p->c = world_add(p->w, &(struct machine_params){
                               .name = S("c"), .start = pong_client_start, .args = &p->args});
    world_observe(p->w, &(struct world_observer){.frame = see, .ctx = &p->seen});
    machine_start(p->s);
    machine_start(p->c);
}

static void
frames_are_known_and_answers_matched_by_correlation(void **state)
{
    (void)state;
    struct pong p;
    pong_new(&p);
    world_run(p.w, NS_PER_S);
    assert_true(p.seen.requests > 30);
    assert_true(p.seen.answers >= p.seen.requests - 1);
    assert_int_equal(p.seen.api, 0);
    assert_int_equal(p.seen.version, 9);
    assert_int_equal(p.seen.dropped, 0);
    world_free(p.w);
}

static void
a_held_answer_waits_until_it_is_released(void **state)
{
    (void)state;
    struct pong p;
    pong_new(&p);
    world_run(p.w, 100 * NS_PER_MS);
    struct frame_filter f = frame_filter_any();
    f.api = 0;
    f.which = WHICH_ANSWER;
    fault_id hold = fault_hold(p.w, &f, 0, 1);
    world_run(p.w, 500 * NS_PER_MS);
    assert_int_equal(fault_held(p.w, hold), 1);
    assert_int_equal(p.seen.held, 1);
    int64_t before = p.args.stats.answers, served = p.server.answers;
    assert_int_equal(before + 1, served);
    fault_heal(p.w, hold);
    world_run(p.w, 100 * NS_PER_MS);
    assert_true(p.args.stats.answers > before);
    assert_int_equal(p.args.stats.losses, 0);
    world_free(p.w);
}

static void
a_hold_looks_at_direction_and_kind(void **state)
{
    (void)state;
    struct pong p;
    pong_new(&p);
    struct frame_filter f = frame_filter_any();
    f.api = 1;
    (void)fault_hold(p.w, &f, 0, 0);
    f = frame_filter_any();
    f.from = p.s;
    f.which = WHICH_REQUEST;
    (void)fault_hold(p.w, &f, 0, 0);
    f.from = NULL;
    f.port = 1;
    (void)fault_hold(p.w, &f, 0, 0);
    world_run(p.w, NS_PER_S);
    assert_int_equal(p.seen.held, 0);
    assert_true(p.seen.answers > 30);
    world_free(p.w);
}

static void
crash_it(struct world *w, void *ctx)
{
    (void)w;
    fault_crash(ctx);
}

static void
a_fault_can_wait_for_the_nth_frame_of_a_kind(void **state)
{
    (void)state;
    struct pong p;
    pong_new(&p);
    struct frame_filter f = frame_filter_any();
    f.which = WHICH_ANSWER;
    world_when_frame(p.w, &f, 5, crash_it, p.s);
    world_run(p.w, NS_PER_S);
    assert_false(machine_is_up(p.s));
    assert_int_equal(p.server.answers, 5);
    world_free(p.w);
}

/* A peer that asks for what the test wants, in Kafka's words. */
struct fetch {
    const char *topic;
    int32_t partition;
};

static void
do_fetch(struct env *env, void *ctx)
{
    const struct fetch *k = ctx;
    struct k_fetch_request_fetch_partition partition;
    struct k_fetch_request_fetch_topic topic;
    struct k_fetch_request fetch;
    codec_default(K_MSG_FETCH_REQUEST, &fetch);
    codec_default_struct(K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, &topic);
    codec_default_struct(K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, &partition);
    partition.partition = k->partition;
    topic.topic = slice_cstr(k->topic);
    topic.partitions = &partition;
    topic.partitions_n = 1;
    fetch.topics = &topic;
    fetch.topics_n = 1;
    struct request_head head = {.api_key = K_API_FETCH, .version = 12, .client_id = S("t")};
    struct frame f;
    assert_true(frame_request(&env->mem, &env->scratch, &head, &fetch, &f));
    (void)frame_send(&((struct peer *)env->machine)->conns[0].c, &f);
}

static void
a_hold_by_topic_and_partition_lets_the_others_pass(void **state)
{
    (void)state;
    struct pair p = pair_new(15);
    struct frame_filter f = frame_filter_any();
    f.topic = S("orders");
    f.partition = 1;
    fault_id hold = fault_hold(p.w, &f, 0, 0);
    machine_poke(p.a, do_fetch, &(struct fetch){"orders", 0});
    machine_poke(p.a, do_fetch, &(struct fetch){"order", 1});
    world_run(p.w, NS_PER_S);
    int64_t passed = pair_b(&p)->received;
    assert_true(passed > 50);
    assert_int_equal(fault_held(p.w, hold), 0);
    machine_poke(p.a, do_fetch, &(struct fetch){"orders", 1});
    world_run(p.w, NS_PER_S);
    assert_int_equal(fault_held(p.w, hold), 1);
    assert_int_equal(pair_b(&p)->received, passed);
    fault_heal(p.w, hold);
    world_run(p.w, NS_PER_S);
    assert_true(pair_b(&p)->received > passed);
    world_free(p.w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order_however_they_are_cut),
        cmocka_unit_test(nobody_listens_and_nobody_is_known),
        cmocka_unit_test(a_connection_through_a_cut_times_out_or_comes_late),
        cmocka_unit_test(a_cut_stalls_and_after_healing_the_stream_goes_on),
        cmocka_unit_test(what_heals_is_said_in_the_words_in_which_it_began),
        cmocka_unit_test(a_one_way_cut_stops_bytes_one_way_and_acknowledgements_the_other),
        cmocka_unit_test(a_flapping_link_lets_everything_through_in_the_end),
        cmocka_unit_test(a_slow_link_is_slow_by_latency_bandwidth_and_loss),
        cmocka_unit_test(closing_in_order_is_the_end_of_the_stream),
        cmocka_unit_test(a_paused_reader_gets_nothing_and_holds_the_sender_back),
        cmocka_unit_test(the_kernel_of_a_crashed_process_ends_its_connections),
        cmocka_unit_test(bytes_left_unread_by_a_crash_reset_the_connection),
        cmocka_unit_test(a_host_without_power_leaves_half_open_ends),
        cmocka_unit_test(an_idle_half_open_end_is_found_by_keepalive),
        cmocka_unit_test(a_reset_is_seen_by_both_ends),
        cmocka_unit_test(the_kernel_of_a_paused_machine_goes_on),
        cmocka_unit_test(a_taken_port_is_refused_and_port_zero_finds_one),
        cmocka_unit_test(frames_are_known_and_answers_matched_by_correlation),
        cmocka_unit_test(a_held_answer_waits_until_it_is_released),
        cmocka_unit_test(a_hold_looks_at_direction_and_kind),
        cmocka_unit_test(a_hold_by_topic_and_partition_lets_the_others_pass),
        cmocka_unit_test(a_fault_can_wait_for_the_nth_frame_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
