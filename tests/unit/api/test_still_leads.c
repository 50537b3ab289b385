/* Whether a leader leads still, as the fetches of its followers tell. */
#include "broker/api/fetch_session.h"
#include "broker/api/server.h"
#include "broker/replica/replicas.h"
#include "tests/lib/test.h"

enum { EPOCH = 4 };

static struct env env;
static struct server server;
static struct replicas replicas;
static struct partition p;
static struct fetch_session sessions[2]; /* of b2 and b3 */
static struct fetch_part parts[2];
static struct still_leads question;
static int asked, told;
static bool was_proven;

static void
reader_hears(struct fetch_waiter *w, enum fetch_news news)
{
    (void)w;
    asked += news == FETCH_NEWS_ASKED;
}

static void
is_told(struct still_leads *c, bool is_proven)
{
    (void)c;
    told++;
    was_proven = is_proven;
}

/* b1 leads; b2 and b3 follow, both in the ISR. */
static int
begin(void **state)
{
    (void)state;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    env_init(&env, &params);
    memset(&server, 0, sizeof server);
    server.env = &env;
    leads_asked_init(&server.leads_asked);
    replicas = (struct replicas){.env = &env, .node_id = 1};
    p = (struct partition){.owner = &replicas,
                           .env = &env,
                           .role = PARTITION_LEADER,
                           .leader_epoch = EPOCH,
                           .replicas = {3, {1, 2, 3}},
                           .isr = {3, {1, 2, 3}}};
    list_init(&p.fetch_waiters);
    for (int i = 0; i < 2; i++) {
        sessions[i] = (struct fetch_session){.replica_id = i + 2};
        parts[i] = (struct fetch_part){.s = &sessions[i], .leader_epoch = EPOCH};
        parts[i].waiter = (struct fetch_waiter){.hear = reader_hears, .is_follower = true};
        list_push_back(&p.fetch_waiters, &parts[i].waiter.node);
    }
    question = (struct still_leads){.done = is_told};
    asked = told = 0;
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

static void
play(enum event_kind kind, int64_t now_ns)
{
    struct event ev = {.kind = kind, .now_ns = now_ns, .wall_ms = now_ns / NS_PER_MS};
    env_deliver(&env, &ev);
    env_effects_clear(&env);
}

static void
settle(void)
{
    while (env_has_deferred(&env)) play(EV_AGAIN, env.now_ns);
}

/* By then so many had been asked when an answer went out on its connection. */
static bool
fetches(int broker, int64_t proves)
{
    bool is_waited_for = still_leads_hears(&server, &sessions[broker - 2], proves);
    settle();
    return is_waited_for;
}

static void
who_is_alone_in_the_isr_asks_nobody(void **state)
{
    (void)state;
    p.isr = (struct isr){1, {1}};
    assert_true(still_leads(&server, &p, &question));
    assert_int_equal(asked, 0);
}

static void
all_of_the_isr_must_have_fetched_what_they_asked_for_after_the_question(void **state)
{
    (void)state;
    assert_false(still_leads(&server, &p, &question));
    assert_int_equal(asked, 2);
    assert_true(fetches(2, 0)); /* it was sent before: it is answered at once */
    assert_false(fetches(2, 1));
    assert_false(fetches(2, 1));
    assert_true(fetches(3, 0));
    assert_int_equal(told, 0);
    assert_false(fetches(3, 1));
    assert_int_equal(told, 1);
    assert_true(was_proven);
    assert_false(fetches(3, 0)); /* nobody asks any more */
}

static void
what_was_answered_before_the_question_proves_nothing(void **state)
{
    (void)state;
    struct still_leads later = {.done = is_told};
    assert_false(still_leads(&server, &p, &question));
    assert_false(still_leads(&server, &p, &later));
    assert_true(fetches(2, 1)); /* enough for the first */
    assert_true(fetches(3, 1));
    assert_int_equal(told, 1);
    assert_false(fetches(2, 2));
    assert_false(fetches(3, 2));
    assert_int_equal(told, 2);
}

static void
who_follows_in_another_epoch_proves_nothing(void **state)
{
    (void)state;
    assert_false(still_leads(&server, &p, &question));
    parts[0].leader_epoch = EPOCH - 1;
    assert_false(fetches(2, 1));
    fetch_waiter_cancel(&parts[1].waiter); /* it follows no more */
    assert_false(fetches(3, 1));
    assert_int_equal(told, 0);
    parts[0].leader_epoch = EPOCH;
    (void)fetches(2, 1);
    p.isr = (struct isr){2, {1, 2}};
    partition_tell_readers(&p, FETCH_NEWS_STANDING);
    settle();
    assert_int_equal(told, 1);
    assert_true(was_proven);
}

static void
who_is_about_to_come_into_the_isr_might_lead_too(void **state)
{
    (void)state;
    p.isr = (struct isr){2, {1, 2}};
    p.isr_wanted = (struct isr){3, {1, 2, 3}};
    p.isr_state = ISR_PENDING;
    assert_false(still_leads(&server, &p, &question));
    (void)fetches(2, 1);
    assert_int_equal(told, 0);
    (void)fetches(3, 1);
    assert_int_equal(told, 1);
}

static void
who_leads_no_more_hears_that(void **state)
{
    (void)state;
    assert_false(still_leads(&server, &p, &question));
    (void)fetches(2, 1);
    partition_tell_readers(&p, FETCH_NEWS_ROLE);
    assert_int_equal(told, 0);
    settle();
    assert_int_equal(told, 1);
    assert_false(was_proven);
    assert_false(fetches(3, 1));
}

static void
who_does_not_hear_from_all_gives_up(void **state)
{
    (void)state;
    assert_false(still_leads(&server, &p, &question));
    (void)fetches(2, 1);
    assert_true(env_next_deadline_ns(&env) <= 2 * NS_PER_S);
    play(EV_TIMER, env_next_deadline_ns(&env));
    settle();
    assert_int_equal(told, 1);
    assert_false(was_proven);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(who_is_alone_in_the_isr_asks_nobody),
        CASE(all_of_the_isr_must_have_fetched_what_they_asked_for_after_the_question),
        CASE(what_was_answered_before_the_question_proves_nothing),
        CASE(who_follows_in_another_epoch_proves_nothing),
        CASE(who_is_about_to_come_into_the_isr_might_lead_too),
        CASE(who_leads_no_more_hears_that),
        CASE(who_does_not_hear_from_all_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
