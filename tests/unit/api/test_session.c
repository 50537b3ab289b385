/* A session and its connection, whose body is this file: what is sent lies among the effects of the step. */
#include "tests/lib/test.h"

#include "broker/api/session.h"
#include "broker/base/check.h"
#include "broker/metadata/image.h"
#include "broker/protocol/config.h"

static struct env env;
static struct config config;
static struct image image;
static struct server server;
static struct server_listener listener;
static bool is_there; /* what the answer points to */

static int
set_up(void **state)
{
    (void)state;
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    env_init(&env, &p);
    config_init(&config, &env.mem, CONFIG_BROKER);
    image_init(&image, &env.mem, env.seed, NULL, NULL);
    server_init(&server, &env);
    server.config = &config;
    server.image = &image;
    server.frame_bytes_max = 1 << 20;
    listener = (struct server_listener){.server = &server,
                                        .kind = LISTENER_BROKER,
                                        .connections_max = -1,
                                        .creations_max = -1,
                                        .listener.env = &env};
    struct accepted a = {
        .handle = 1, .peer = S("127.0.0.1:4711"), .principal = S("User:ANONYMOUS")};
    session_accept(&listener, &a);
    env_effects_clear(&env);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

static struct session *
the_session(void)
{
    CHECK(!list_is_empty(&server.sessions));
    return LIST_ENTRY(server.sessions.next, struct session, node);
}

static bool
answer_is_whole(struct request *r)
{
    (void)r;
    return is_there;
}

/* As if a frame had come, and its handler had begun. */
static struct request *
request_under_way(void)
{
    struct session *s = the_session();
    struct request *r = MEM_NEW(&env.mem, struct request);
    arena_init(&r->arena, &env.mem, 0);
    r->server = &server;
    r->session = s;
    r->api_key = K_API_FETCH;
    r->version = 12;
    r->started = true;
    r->is_whole = answer_is_whole;
    list_push_back(&s->requests, &r->node);
    s->requests_n++;
    return r;
}

static int
effects_of_kind(enum effect_kind kind)
{
    int n = 0;
    for (int64_t i = 0; i < env.effects.n; i++) n += env.effects.v[i].kind == kind;
    return n;
}

static void
an_answer_goes_out(void **state)
{
    (void)state;
    is_there = true;
    request_answer_raw(request_under_way(), S("body"));
    assert_int_equal(effects_of_kind(EF_SEND), 1);
    assert_int_equal(effects_of_kind(EF_CLOSE), 0);
}

/* A body may send at once what is queued. So what a truncation has taken away meanwhile is not queued at all. */
static void
of_an_answer_that_is_not_whole_nothing_is_queued(void **state)
{
    (void)state;
    is_there = false;
    request_answer_raw(request_under_way(), S("body"));
    assert_int_equal(effects_of_kind(EF_SEND), 0);
    assert_int_equal(effects_of_kind(EF_CLOSE), 1);
    assert_int_equal(the_session()->requests_n, 0);
}

/* The second is whole when it is given, and not any more when the first has gone out. */
static void
an_answer_is_looked_at_when_its_turn_comes(void **state)
{
    (void)state;
    struct request *first = request_under_way();
    struct request *second = request_under_way();
    is_there = true;
    request_answer_raw(second, S("second"));
    assert_int_equal(effects_of_kind(EF_SEND), 0);
    first->is_whole = NULL;
    is_there = false;
    request_answer_raw(first, S("first"));
    assert_int_equal(effects_of_kind(EF_SEND), 1);
    assert_int_equal(effects_of_kind(EF_CLOSE), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_goes_out),
        CASE(of_an_answer_that_is_not_whole_nothing_is_queued),
        CASE(an_answer_is_looked_at_when_its_turn_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
