/* fetcher.c over a body that the test plays itself: how long it waits after errors, and who fetches what. */
#include "tests/lib/test.h"

#include "broker/protocol/codec.h"
#include "broker/replica/fetcher.h"
#include "broker/replica/replicas.h"
#include "apis.h"
#include "configs.h"
#include "errors.h"

#define BACKOFF_MS 700
#define PARTITIONS 4
#define FETCH_VERSION 17

static struct env env;
static struct config config;
static struct image image;
static struct image_endpoint endpoint;
static struct image_broker leader;
static struct image_broker *by_id[1];
static struct replicas owner;
static struct partition p[PARTITIONS];
static struct conn *conns[8];
static int32_t conns_n;
static struct writer sent;
static int32_t leader_session; /* the id that the leader answers with */
static int32_t diverges =
    -1; /* the partition whose log parts from the leader's in the next answer */

/* Broker 1 follows four empty partitions of "orders" that broker 2 leads. */
static int
set_up(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    env.now_ns = 5 * NS_PER_S;
    config_init(&config, &env.mem, CONFIG_BROKER);
    assert_true(config_set(&config, K_CFG_REPLICA_FETCH_BACKOFF_MS, S("700"), NULL));
    endpoint = (struct image_endpoint){.name = S("PLAINTEXT"), .host = S("b2"), .port = 9092};
    leader = (struct image_broker){.id = 2, .epoch = 7, .endpoints = &endpoint, .endpoints_n = 1};
    by_id[0] = &leader;
    image = (struct image){.brokers = {by_id, 1, 1}};
    owner = (struct replicas){.env = &env,
                              .node_id = 1,
                              .image = &image,
                              .config = &config,
                              .listener = S("PLAINTEXT"),
                              .broker_epoch = 3};
    owner.log_dir = S("data");
    map_init(&owner.partitions, &env.mem, env_map_key(&env));
    map_init(&owner.checkpoints, &env.mem, env_map_key(&env));
    list_init(&owner.fetchers);
    memset(p, 0, sizeof p);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        p[i].owner = &owner;
        p[i].env = &env;
        p[i].topic = S("orders");
        p[i].index = i;
        p[i].life = PARTITION_OPEN;
        p[i].role = PARTITION_FOLLOWER;
        p[i].leader_id = 2, p[i].leader_epoch = 1;
        p[i].log.env = &env;
        /* As replicas.c has it: of topic id 0. */
        map_insert(&owner.partitions, &p[i].by_id, map_hash_i64(&owner.partitions, i, 0));
    }
    conns_n = 0;
    leader_session = 0;
    sent = writer_mem(&env.mem);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    env_effects_clear(&env);
    env_release(&env);
    return 0;
}

static void
take_effects(void)
{
    for (int64_t i = 0; i < env.effects.n; i++) {
        const struct effect *e = &env.effects.v[i];
        if (e->kind == EF_CONNECT) conns[conns_n++] = e->conn;
        for (int32_t k = 0; e->kind == EF_SEND && k < e->segs_n; k++)
            writer_bytes(&sent, e->segs[k].bytes);
    }
    env_effects_clear(&env);
}

static void
deliver(struct event ev)
{
    ev.now_ns = MAX(ev.now_ns, env.now_ns);
    env_deliver(&env, &ev);
    take_effects();
    while (env_has_deferred(&env)) {
        env_deliver(&env, &(struct event){.kind = EV_AGAIN, .now_ns = env.now_ns});
        take_effects();
    }
}

static void
pass_ms(int64_t ms)
{
    int64_t until = env.now_ns + ms * NS_PER_MS;
    while (env_next_deadline_ns(&env) <= until)
        deliver((struct event){.kind = EV_TIMER, .now_ns = env_next_deadline_ns(&env)});
    env.now_ns = until;
}

static void
join(int32_t i)
{
    fetcher_join(&p[i]);
    while (env_has_deferred(&env)) deliver((struct event){.kind = EV_AGAIN});
}

static void
connected(void)
{
    deliver((struct event){.kind = EV_CONNECTED, .conn = conns[conns_n - 1]});
}

static void
closed(void)
{
    deliver((struct event){.kind = EV_CLOSED, .conn = conns[conns_n - 1], .err = ENV_ECONNREFUSED});
}

/* Of the last Fetch that was sent. */
static int32_t session_id, session_epoch;
static bool forgotten[PARTITIONS];

/* The Fetch requests that were sent since; which partitions the last one names. */
static int32_t
fetches(bool ret_named[PARTITIONS])
{
    int32_t n = 0;
    struct reader r = reader(writer_slice(&sent));
    while (reader_left(&r) > 0) {
        struct reader body = reader(reader_bytes(&r, reader_i32(&r)));
        struct request_head head;
        struct k_fetch_request q;
        assert_int_equal(request_head_read(&body, &env.scratch, &head), HEAD_OK);
        assert_int_equal(head.api_key, K_API_FETCH);
        assert_true(codec_decode(K_MSG_FETCH_REQUEST, head.version, &body, &env.scratch, &q));
        memset(ret_named, 0, PARTITIONS * sizeof *ret_named);
        memset(forgotten, 0, sizeof forgotten);
        session_id = q.session_id;
        session_epoch = q.session_epoch;
        for (int32_t i = 0; i < q.forgotten_topics_data_n; i++)
            forgotten[q.forgotten_topics_data[i].partitions[0]] = true;
        for (int32_t i = 0; i < q.topics_n; i++)
            for (int32_t k = 0; k < q.topics[i].partitions_n; k++)
                ret_named[q.topics[i].partitions[k].partition] = true;
        n++;
    }
    sent.n = 0;
    return n;
}

static void
answer(int32_t n, const struct k_fetch_response *res)
{
    struct frame f;
    assert_true(frame_response(&env.mem, &env.scratch, K_API_FETCH, FETCH_VERSION, n, res, &f));
    struct writer w = writer_mem(&env.mem);
    for (int32_t i = 0; i < f.segs_n; i++) writer_bytes(&w, f.segs[i].bytes);
    struct buf *buf = buf_copy(&env.mem, writer_slice(&w));
    writer_release(&w);
    frame_release(&f);
    deliver((struct event){
        .kind = EV_BYTES, .conn = conns[conns_n - 1], .data = buf_slice(buf), .buf = buf});
}

/* The leader answers the n-th request in a session: nothing is new, or an error. */
static void
answers_in_session(int32_t n, int32_t id, int16_t error)
{
    struct k_fetch_response res;
    codec_default(K_MSG_FETCH_RESPONSE, &res);
    res.session_id = id;
    res.error_code = error;
    answer(n, &res);
}

/* The leader answers the n-th request: for each partition its error. */

static void
answers(int32_t n, const int16_t errors[PARTITIONS])
{
    struct k_fetch_response res;
    codec_default(K_MSG_FETCH_RESPONSE, &res);
    res.session_id = leader_session;
    res.responses_n = 1;
    res.responses = codec_array(&env.scratch, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, 1);
    res.responses[0].partitions_n = PARTITIONS;
    res.responses[0].partitions =
        codec_array(&env.scratch, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        res.responses[0].partitions[i].partition_index = i;
        res.responses[0].partitions[i].error_code = errors[i];
        res.responses[0].partitions[i].records.bytes = SLICE_EMPTY;
        if (i == diverges) res.responses[0].partitions[i].diverging_epoch.epoch = 0;
        if (i == diverges) res.responses[0].partitions[i].diverging_epoch.end_offset = 0;
    }
    answer(n, &res);
}

static int32_t
count(const bool named[PARTITIONS])
{
    int32_t n = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) n += named[i];
    return n;
}

static void
an_unreachable_leader_is_tried_again_after_the_backoff(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0);
    assert_int_equal(conns_n, 1);
    closed();
    pass_ms(BACKOFF_MS - 1);
    assert_int_equal(conns_n, 1);
    pass_ms(1);
    assert_int_equal(conns_n, 2);
    closed();
    pass_ms(BACKOFF_MS); /* and always after the same */
    assert_int_equal(conns_n, 3);
    connected();
    assert_int_equal(fetches(named), 1);
}

static void
a_partition_with_an_error_waits_the_others_go_on(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0), join(1);
    connected();
    assert_int_equal(fetches(named), 1);
    answers(0, (int16_t[]){K_ERR_KAFKA_STORAGE_ERROR, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_false(named[0]);
    assert_true(named[1]);
    pass_ms(BACKOFF_MS - 1);
    answers(1, (int16_t[]){0, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_false(named[0]);
    pass_ms(1);
    answers(2, (int16_t[]){0, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
    assert_true(named[1]);
}

/* A new topic, or a new leader: the followers may hear of it first. */
static void
a_leader_that_has_not_heard_yet_is_asked_again_soon(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0), join(1);
    connected();
    assert_int_equal(fetches(named), 1);
    answers(0, (int16_t[]){K_ERR_UNKNOWN_TOPIC_ID, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_false(named[0]);
    pass_ms(BACKOFF_MS / 10);
    answers(1, (int16_t[]){0, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
    answers(2, (int16_t[]){0, 0, 0, 0});
    /* What was refused before and answered since is forgotten. */
    (void)fetches(named);
    answers(3, (int16_t[]){K_ERR_UNKNOWN_LEADER_EPOCH, 0, 0, 0});
    pass_ms(25);
    (void)fetches(named);
    answers(4, (int16_t[]){0, 0, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
}

static void
who_never_hears_is_asked_as_seldom_as_one_with_a_fault(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    int32_t n = 0;
    join(0);
    connected();
    assert_int_equal(fetches(named), 1);
    for (int64_t at = 0; at < 10 * BACKOFF_MS; at++) {
        if (at == 0 || fetches(named)) answers(n++, (int16_t[]){K_ERR_UNKNOWN_TOPIC_ID, 0, 0, 0});
        pass_ms(1);
    }
    /* 25, 50, 100, 200, 400, and then always the whole. */
    assert_int_equal(n, 1 + 5 + (10 * BACKOFF_MS - 775) / BACKOFF_MS);
}

/* Else it would come back in the middle of a long poll for the others. */
static void
the_next_fetch_waits_for_a_cut(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0), join(1);
    connected();
    assert_int_equal(fetches(named), 1);
    /* The checkpoint that comes first is never written in this test, so the cut does not begin. */
    p[0].log.state = COMMITLOG_OPEN;
    diverges = 0;
    answers(0, (int16_t[PARTITIONS]){0});
    diverges = -1;
    assert_int_equal(p[0].life, PARTITION_CUTTING);
    assert_int_equal(fetches(named), 0);
    p[0].life = PARTITION_OPEN;
    fetcher_cut_is_over(&p[0]);
    join(0);
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
    assert_true(named[1]);
}

static void
when_all_wait_the_first_is_asked_for_in_time(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0), join(1);
    connected();
    (void)fetches(named);
    answers(0, (int16_t[]){K_ERR_KAFKA_STORAGE_ERROR, 0, 0, 0});
    pass_ms(300);
    (void)fetches(named);
    answers(1, (int16_t[]){0, K_ERR_KAFKA_STORAGE_ERROR, 0, 0});
    pass_ms(BACKOFF_MS - 301);
    assert_int_equal(fetches(named), 0);
    pass_ms(1);
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
    assert_false(named[1]);
}

static void
who_joins_does_not_wait(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0);
    closed();
    join(1);
    pass_ms(0);
    assert_int_equal(conns_n, 2);
    connected();
    assert_int_equal(fetches(named), 1);
    assert_true(named[1]);
}

static void
a_new_epoch_ends_the_wait(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    join(0);
    connected();
    (void)fetches(named);
    answers(0, (int16_t[]){K_ERR_FENCED_LEADER_EPOCH, 0, 0, 0});
    assert_int_equal(fetches(named), 0);
    fetcher_leave(&p[0]);
    p[0].leader_epoch = 2;
    join(0);
    assert_int_equal(fetches(named), 1);
}

static void
several_fetchers_share_a_leader(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    assert_true(config_set(&config, K_CFG_NUM_REPLICA_FETCHERS, S("2"), NULL));
    for (int32_t i = 0; i < PARTITIONS; i++) join(i);
    assert_int_equal(conns_n, 2);
    int32_t count[2];
    bool seen[PARTITIONS] = {0};
    for (int32_t k = 0; k < 2; k++) {
        deliver((struct event){.kind = EV_CONNECTED, .conn = conns[k]});
        assert_int_equal(fetches(named), 1);
        count[k] = 0;
        for (int32_t i = 0; i < PARTITIONS; i++) {
            count[k] += named[i];
            assert_false(named[i] && seen[i]);
            seen[i] |= named[i];
        }
    }
    /* The first request of a fetcher goes out when its first partition joins. */
    assert_true(count[0] >= 1 && count[1] >= 1);
    assert_ptr_not_equal(p[0].fetcher, p[1].fetcher);
    assert_ptr_equal(p[0].fetcher, p[2].fetcher);
}

/* ---- sessions (KIP-227) ---- */

/* All four in a session of id 9; the next fetch, the n-th, is under way in it. */
static int32_t
begin_session(bool named[PARTITIONS])
{
    leader_session = 9;
    for (int32_t i = 0; i < PARTITIONS; i++) join(i);
    connected();
    int32_t n = fetches(named);
    assert_int_equal(session_epoch, 0);
    answers(n - 1, (int16_t[PARTITIONS]){0});
    assert_int_equal(fetches(named), 1);
    if (count(named)) { /* those that joined after the first request */
        assert_int_equal(session_epoch, 1);
        answers(n++, (int16_t[PARTITIONS]){0});
        assert_int_equal(fetches(named), 1);
    }
    assert_int_equal(session_id, 9);
    assert_int_equal(count(named), 0);
    return n;
}

/* With its connection, whether a fetch is under way or not; one of a broker that is only down stays. */
static void
of_a_leader_that_has_left_the_cluster_nothing_is_kept(void **state)
{
    (void)state;
    join(0);
    deliver((struct event){.kind = EV_CONNECTED, .conn = conns[0]});
    fetcher_leave(&p[0]);
    fetchers_refresh(&owner);
    deliver((struct event){.kind = EV_AGAIN});
    assert_false(list_is_empty(&owner.fetchers));
    image.brokers.n = 0;
    fetchers_refresh(&owner);
    deliver((struct event){.kind = EV_AGAIN});
    assert_true(list_is_empty(&owner.fetchers));
    int64_t held = env.mem.used_bytes;
    deliver((struct event){.kind = EV_CLOSED, .conn = conns[0], .err = ENV_EOF});
    assert_true(env.mem.used_bytes < held);
    /* It comes again: by another connection. */
    image.brokers.n = 1;
    join(0);
    assert_int_equal(conns_n, 2);
}

/* The metadata may tell first that the broker has gone, and then of its partitions. */
static void
a_fetcher_goes_with_its_last_partition(void **state)
{
    (void)state;
    join(0), join(1);
    image.brokers.n = 0;
    fetchers_refresh(&owner);
    fetcher_leave(&p[0]);
    deliver((struct event){.kind = EV_AGAIN});
    assert_false(list_is_empty(&owner.fetchers));
    fetcher_leave(&p[1]);
    deliver((struct event){.kind = EV_AGAIN});
    assert_true(list_is_empty(&owner.fetchers));
    deliver((struct event){.kind = EV_CLOSED, .conn = conns[0], .err = ENV_EOF});
}

static void
in_a_session_only_what_changed_is_named(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    int32_t n = begin_session(named), epoch = session_epoch;
    p[2].log.settled_end = p[2].log.assigned_end = p[2].log.written_end = 5;
    p[2].log.start_offset = 5;
    fetcher_restate(&p[2]);
    answers_in_session(n, 9, 0);
    assert_int_equal(fetches(named), 1);
    assert_int_equal(session_epoch, epoch + 1);
    assert_int_equal(count(named), 1);
    assert_true(named[2]);
    answers_in_session(n + 1, 9, 0);
    assert_int_equal(fetches(named), 1);
    assert_int_equal(count(named), 0);
}

static void
in_a_session_what_is_not_ready_or_left_is_forgotten(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    int32_t n = begin_session(named);
    fetcher_leave(&p[3]);
    answers(n, (int16_t[]){0, K_ERR_KAFKA_STORAGE_ERROR, 0, 0});
    assert_int_equal(fetches(named), 1);
    assert_true(forgotten[1] && forgotten[3]);
    assert_int_equal(count(forgotten), 2);
    pass_ms(BACKOFF_MS);
    answers_in_session(n + 1, 9, 0);
    assert_int_equal(fetches(named), 1);
    assert_true(named[1]);
    assert_int_equal(count(named), 1);
    assert_int_equal(count(forgotten), 0);
}

static void
a_session_that_is_gone_begins_anew_at_once(void **state)
{
    (void)state;
    static const int16_t errors[] = {K_ERR_FETCH_SESSION_ID_NOT_FOUND,
                                     K_ERR_INVALID_FETCH_SESSION_EPOCH,
                                     K_ERR_FETCH_SESSION_TOPIC_ID_ERROR};
    bool named[PARTITIONS];
    int32_t n = begin_session(named);
    for (int32_t i = 0; i < 3; i++) {
        answers_in_session(n++, 0, errors[i]);
        assert_int_equal(fetches(named), 1);
        assert_int_equal(session_epoch, 0);
        assert_int_equal(count(named), PARTITIONS);
        answers(n++, (int16_t[PARTITIONS]){0});
        assert_int_equal(fetches(named), 1);
        assert_int_equal(count(named), 0);
    }
}

/* Whether the leader took in what it was sent is not known. */
static void
after_a_lost_connection_the_session_begins_anew(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    (void)begin_session(named);
    closed();
    pass_ms(BACKOFF_MS);
    connected();
    assert_int_equal(fetches(named), 1);
    assert_int_equal(session_id, 9);
    assert_int_equal(session_epoch, 0);
    assert_int_equal(count(named), PARTITIONS);
}

/* What the answer said of it meanwhile was not taken; in the same session it would not be told again. */
static void
who_left_and_came_back_is_told_all_again(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    int32_t n = begin_session(named);
    fetcher_leave(&p[0]);
    p[0].leader_epoch = 2;
    join(0);
    answers_in_session(n, 9, 0);
    assert_int_equal(fetches(named), 1);
    assert_int_equal(session_epoch, 0);
    assert_int_equal(count(named), PARTITIONS);
}

static void
one_slow_log_does_not_hold_up_the_others(void **state)
{
    (void)state;
    bool named[PARTITIONS];
    int32_t n = begin_session(named);
    p[0].log.assigned_end = 5; /* appended; its write hangs */
    fetcher_restate(&p[0]);
    answers_in_session(n, 9, 0);
    assert_int_equal(fetches(named), 0);
    pass_ms(499); /* replica.fetch.wait.max.ms */
    assert_int_equal(fetches(named), 0);
    pass_ms(1);
    assert_int_equal(fetches(named), 1);
    assert_true(forgotten[0]);
    p[0].log.settled_end = p[0].log.written_end = 5;
    answers_in_session(n + 1, 9, 0);
    assert_int_equal(fetches(named), 1);
    assert_true(named[0]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_unreachable_leader_is_tried_again_after_the_backoff),
        CASE(a_partition_with_an_error_waits_the_others_go_on),
        CASE(a_leader_that_has_not_heard_yet_is_asked_again_soon),
        CASE(who_never_hears_is_asked_as_seldom_as_one_with_a_fault),
        CASE(the_next_fetch_waits_for_a_cut),
        CASE(when_all_wait_the_first_is_asked_for_in_time),
        CASE(who_joins_does_not_wait),
        CASE(a_new_epoch_ends_the_wait),
        CASE(several_fetchers_share_a_leader),
        CASE(of_a_leader_that_has_left_the_cluster_nothing_is_kept),
        CASE(a_fetcher_goes_with_its_last_partition),
        CASE(in_a_session_only_what_changed_is_named),
        CASE(in_a_session_what_is_not_ready_or_left_is_forgotten),
        CASE(a_session_that_is_gone_begins_anew_at_once),
        CASE(after_a_lost_connection_the_session_begins_anew),
        CASE(who_left_and_came_back_is_told_all_again),
        CASE(one_slow_log_does_not_hold_up_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
