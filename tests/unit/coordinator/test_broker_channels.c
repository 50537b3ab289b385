/* Channels to brokers: whom they lead to, and when they end. */
#include "tests/lib/test.h"

#include "broker/coordinator/broker_channels.h"
#include "broker/metadata/objects.h"
#include "broker/protocol/codec.h"
#include "apis.h"

static struct {
    struct env env;
    struct image image;
    struct broker_channels channels;
    struct image_endpoint endpoint;
    struct conn *conn;
    struct call call;
    int failed;
} w;

static void
add_broker(int32_t id)
{
    struct image_broker *b = brokers_get(&w.env.mem, &w.image.brokers, id);
    b->endpoints = &w.endpoint;
    b->endpoints_n = 1;
}

static void
remove_broker(int32_t id)
{
    struct image_broker *b = brokers_find(&w.image.brokers, id);
    b->endpoints = NULL; /* not its own */
    b->endpoints_n = 0;
    assert_true(brokers_remove(&w.env.mem, &w.image.brokers, id));
}

static int
begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    env_init(&w.env, &p);
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    w.endpoint = (struct image_endpoint){.name = S("PLAINTEXT"), .host = S("b"), .port = 9092};
    broker_channels_init(&w.channels, &w.env, &w.image, S("PLAINTEXT"), NULL, S("test"));
    return 0;
}

static int
end(void **state)
{
    (void)state;
    env_release(&w.env);
    return 0;
}

static void
run_deferred(void)
{
    for (int64_t i = 0; i < w.env.effects.n; i++)
        if (w.env.effects.v[i].kind == EF_CONNECT) w.conn = w.env.effects.v[i].conn;
    env_effects_clear(&w.env);
    while (env_has_deferred(&w.env)) env_deliver(&w.env, &(struct event){.kind = EV_AGAIN});
}

static void
call_done(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    (void)call, (void)body, (void)from;
    w.failed += err == ENV_ECANCELED;
}

static void
ask(struct channel *ch)
{
    struct k_api_versions_request q;
    codec_default(K_MSG_API_VERSIONS_REQUEST, &q);
    w.call = (struct call){.done = call_done};
    assert_true(channel_call(ch, &w.call, K_API_API_VERSIONS, 0, &q, 0, NULL));
}

static void
a_broker_has_one_and_who_is_not_there_none(void **state)
{
    (void)state;
    add_broker(1), add_broker(2);
    struct channel *first = broker_channel(&w.channels, 1);
    assert_non_null(first);
    assert_ptr_equal(broker_channel(&w.channels, 1), first);
    assert_ptr_not_equal(broker_channel(&w.channels, 2), first);
    assert_null(broker_channel(&w.channels, 3));
}

/* However many come and go, there are no more than brokers, and one. */
static void
those_to_brokers_that_left_go(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int32_t id = 1; id <= 100; id++) {
        add_broker(id);
        assert_non_null(broker_channel(&w.channels, id));
        remove_broker(id);
        run_deferred();
        if (id == 2) before = w.env.mem.used_bytes;
    }
    assert_int_equal(w.env.mem.used_bytes, before);
}

static void
who_waits_for_an_answer_of_one_that_left_is_told(void **state)
{
    (void)state;
    add_broker(1);
    ask(broker_channel(&w.channels, 1));
    remove_broker(1);
    add_broker(2);
    assert_non_null(broker_channel(&w.channels, 2));
    assert_int_equal(w.failed, 0);
    run_deferred();
    env_deliver(&w.env, &(struct event){.kind = EV_CLOSED, .conn = w.conn});
    assert_int_equal(w.failed, 1);
}

static void
when_they_are_stopped_none_is_made_any_more(void **state)
{
    (void)state;
    add_broker(1), add_broker(2);
    assert_non_null(broker_channel(&w.channels, 1));
    broker_channels_stop(&w.channels);
    assert_null(broker_channel(&w.channels, 1));
    assert_null(broker_channel(&w.channels, 2));
    run_deferred();
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_broker_has_one_and_who_is_not_there_none),
        CASE(those_to_brokers_that_left_go),
        CASE(who_waits_for_an_answer_of_one_that_left_is_told),
        CASE(when_they_are_stopped_none_is_made_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
