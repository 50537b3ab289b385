/* sessions.c, topics.c: a request in a fetch session is about all of the session, by name or by id. */
#include "tests/lib/test.h"

#include "apis.h"
#include "broker/protocol/frame.h"
#include "sim/net/internal.h"

#define VERSION_BY_NAME 12
#define VERSION_BY_ID 13

struct scene {
    struct mem mem;
    struct arena a;
    struct asked_session *s;
    struct world *w;
};

static const struct uuid orders_id = {.b = {1, 2, 3}}, others_id = {.b = {9}};

static bool
id_of(void *ctx, struct slice name, struct uuid *ret)
{
    (void)ctx;
    *ret = orders_id;
    return slice_eq(name, S("orders"));
}

static void
begin(struct scene *s)
{
    test_mem_init(&s->mem);
    arena_init(&s->a, &s->mem, 0);
    s->s = asked_session_new(&s->mem);
    s->w = world_new(1, NULL);
    net_know_topics(s->w, id_of, NULL);
}

static void
end(struct scene *s)
{
    world_free(s->w);
    asked_session_free(s->s);
    arena_release(&s->a);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

/* With its size. partition -1: it names nothing; forgets: instead of asking for it. */
static struct slice
request(struct scene *s, int16_t version, int32_t epoch, const char *topic, int32_t partition,
        bool forgets)
{
    struct k_fetch_request q;
    codec_default(K_MSG_FETCH_REQUEST, &q);
    struct k_fetch_request_fetch_topic *t =
        codec_array(&s->a, K_STRUCT_FETCH_REQUEST_FETCH_TOPIC, 1);
    struct k_fetch_request_forgotten_topic *f =
        codec_array(&s->a, K_STRUCT_FETCH_REQUEST_FORGOTTEN_TOPIC, 1);
    t->partitions = codec_array(&s->a, K_STRUCT_FETCH_REQUEST_FETCH_PARTITION, 1);
    t->partitions_n = 1;
    t->partitions->partition = partition;
    f->partitions = &partition, f->partitions_n = 1;
    if (version < VERSION_BY_ID) t->topic = f->topic = slice_cstr(topic);
    else t->topic_id = f->topic_id = topic[1] == 'r' ? orders_id : others_id;
    q.session_epoch = epoch;
    q.session_id = epoch > 0 ? 77 : 0;
    q.topics = t, q.topics_n = partition >= 0 && !forgets;
    q.forgotten_topics_data = f, q.forgotten_topics_data_n = forgets;
    struct request_head head = {.api_key = K_API_FETCH, .version = version, .client_id = S("app")};
    struct writer w = writer_mem(&s->mem), all = writer_mem(&s->mem);
    assert_true(request_write(&w, &head, &q, NULL));
    writer_i32(&all, (int32_t)w.n);
    writer_bytes(&all, writer_slice(&w));
    struct slice bytes = arena_dup(&s->a, writer_slice(&all));
    writer_release(&w);
    writer_release(&all);
    return bytes;
}

static bool
is_about_orders(struct scene *s, struct slice frame, int32_t partition)
{
    struct world_frame f = {.api = K_API_FETCH};
    struct frame_filter filter = frame_filter_any();
    filter.topic = S("orders");
    filter.partition = partition;
    asked_session_follow(s->s, frame);
    return frame_names(s->w, &f, asked_session_whole(s->s, &s->a, frame), &filter);
}

static void
a_session_goes_on_with_what_it_began_with(void **state)
{
    (void)state;
    for (int16_t v = VERSION_BY_NAME; v <= VERSION_BY_ID; v++) {
        struct scene s;
        begin(&s);
        assert_true(is_about_orders(&s, request(&s, v, 0, "orders", 3, false), 3));
        assert_true(is_about_orders(&s, request(&s, v, 1, "orders", -1, false), 3));
        assert_true(is_about_orders(&s, request(&s, v, 2, "others", 0, false), 3));
        assert_false(is_about_orders(&s, request(&s, v, 3, "orders", -1, false), 4));
        assert_true(is_about_orders(&s, request(&s, v, 4, "others", 0, true), -1));
        assert_false(is_about_orders(&s, request(&s, v, 5, "orders", 3, true), 3));
        assert_false(is_about_orders(&s, request(&s, v, 6, "orders", -1, false), -1));
        end(&s);
    }
}

static void
a_new_session_forgets_the_former_one(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_ID, 0, "orders", 0, false), 0));
    assert_false(is_about_orders(&s, request(&s, VERSION_BY_ID, 0, "others", 0, false), 0));
    assert_false(is_about_orders(&s, request(&s, VERSION_BY_ID, 1, "others", -1, false), 0));
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_ID, -1, "orders", 0, false), 0));
    end(&s);
}

/* The session is left with its connection, and gone on with on another one to the same broker. */
static void
a_session_may_go_on_on_another_connection(void **state)
{
    (void)state;
    struct scene s;
    struct sessions_left *left;
    const struct host *here, *there;
    begin(&s);
    left = &s.w->net.sessions_left;
    here = world_host_add(s.w, S("here")), there = world_host_add(s.w, S("there"));
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_ID, 0, "orders", 3, false), 3));
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_ID, 1, "orders", -1, false), 3));
    asked_session_leave(s.s, left, here);
    struct slice goes_on = request(&s, VERSION_BY_ID, 2, "orders", -1, false),
                 begins = request(&s, VERSION_BY_ID, 0, "others", 1, false);
    s.s = asked_session_find(left, there, &s.mem, goes_on);
    assert_false(is_about_orders(&s, goes_on, 3));
    asked_session_free(s.s);
    s.s = asked_session_find(left, here, &s.mem, begins);
    assert_false(is_about_orders(&s, begins, 3));
    asked_session_leave(s.s, left, here); /* nobody can name it */
    s.s = asked_session_find(left, here, &s.mem, goes_on);
    assert_true(is_about_orders(&s, goes_on, 3));
    assert_int_equal(left->n, 0);
    end(&s);
}

static void
sessions_that_are_left_are_forgotten_in_time(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct sessions_left *left = &s.w->net.sessions_left;
    const struct host *here = world_host_add(s.w, S("here"));
    for (int i = 0; i < 1200; i++) {
        struct asked_session *one = asked_session_new(&s.mem);
        asked_session_follow(one, request(&s, VERSION_BY_ID, 1, "orders", 3, false));
        asked_session_leave(one, left, here);
    }
    assert_int_equal(left->n, 1000);
    while (left->n) {
        asked_session_free(asked_session_find(left, here, &s.mem,
                                              request(&s, VERSION_BY_ID, 1, "orders", -1, false)));
    }
    end(&s);
}

static void
what_is_no_fetch_stays_as_it_is(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct slice garbage = slice("\0\0\0\4\0\1\xff\xff", 8);
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_NAME, 0, "orders", 0, false), 0));
    asked_session_follow(s.s, garbage);
    assert_ptr_equal(asked_session_whole(s.s, &s.a, garbage).p, garbage.p);
    assert_true(is_about_orders(&s, request(&s, VERSION_BY_NAME, 1, "orders", -1, false), 0));
    end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_goes_on_with_what_it_began_with),
        cmocka_unit_test(a_new_session_forgets_the_former_one),
        cmocka_unit_test(a_session_may_go_on_on_another_connection),
        cmocka_unit_test(sessions_that_are_left_are_forgotten_in_time),
        cmocka_unit_test(what_is_no_fetch_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
