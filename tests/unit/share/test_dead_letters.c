/* Dead letters: which topic may take them, what stands in them, and how often they are sent. The other broker is played. */
#include "tests/lib/test.h"

#include "broker/metadata/objects.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "broker/record/record.h"
#include "broker/share/dead_letter_rule.h"
#include "broker/share/dead_letters.h"
#include "apis.h"
#include "errors.h"

#define WALL_MS 0x01a20416e84cLL
#define PRODUCE_VERSION 13

static struct {
    struct env env;
    struct arena arena;
    struct config config;
    struct image image;
    struct coordinator settings;
    struct dead_letters *dl;
    struct dead_letter_job job;
    struct conn *conn;
    struct writer sent;
    int made, done, connects;
    int32_t correlation_id;
} w;

/* ---- the rules ---- */

static void
a_topic_must_be_meant_for_dead_letters(void **state)
{
    (void)state;
    struct dead_letter_topic good = {S("dlq.a"), S("dlq."), true, true, false}, t = good;
    assert_null(dead_letter_topic_check(&t));
    t.name = S("__dlq");
    assert_non_null(dead_letter_topic_check(&t));
    t = good, t.name = S("orders");
    assert_non_null(dead_letter_topic_check(&t));
    t.prefix = SLICE_EMPTY;
    assert_null(dead_letter_topic_check(&t));
    t = good, t.takes_letters = false;
    assert_non_null(dead_letter_topic_check(&t));
    t = good, t.name = SLICE_EMPTY;
    assert_non_null(dead_letter_topic_check(&t));
    t = good, t.exists = t.takes_letters = false;
    assert_non_null(dead_letter_topic_check(&t));
    t.may_be_made = true;
    assert_null(dead_letter_topic_check(&t));
}

static void
what_passes_is_sent_again(void **state)
{
    (void)state;
    static const int16_t passing[] = {K_ERR_NOT_LEADER_OR_FOLLOWER, K_ERR_NETWORK_EXCEPTION,
                                      K_ERR_REQUEST_TIMED_OUT, K_ERR_NOT_ENOUGH_REPLICAS,
                                      K_ERR_UNKNOWN_TOPIC_ID};
    for (int64_t i = 0; i < ARRAY_LEN(passing); i++)
        assert_true(dead_letter_is_sent_again(passing[i]));
    assert_false(dead_letter_is_sent_again(K_ERR_MESSAGE_TOO_LARGE));
    assert_false(dead_letter_is_sent_again(K_ERR_INVALID_RECORD));
    assert_false(dead_letter_is_sent_again(K_ERR_TOPIC_AUTHORIZATION_FAILED));
}

/* ---- the world ---- */

static void
take_effects(void)
{
    for (int64_t i = 0; i < w.env.effects.n; i++) {
        const struct effect *e = &w.env.effects.v[i];
        w.connects += e->kind == EF_CONNECT;
        if (e->kind == EF_CONNECT) w.conn = e->conn;
        for (int32_t k = 0; e->kind == EF_SEND && k < e->segs_n; k++)
            writer_bytes(&w.sent, e->segs[k].bytes);
    }
    env_effects_clear(&w.env);
}

static void
deliver(struct event ev)
{
    ev.now_ns = MAX(ev.now_ns, w.env.now_ns);
    ev.wall_ms = WALL_MS;
    env_deliver(&w.env, &ev);
    take_effects();
    while (env_has_deferred(&w.env)) {
        env_deliver(&w.env,
                    &(struct event){.kind = EV_AGAIN, .now_ns = w.env.now_ns, .wall_ms = WALL_MS});
        take_effects();
    }
}

static void
pass_ms(int64_t ms)
{
    int64_t until = w.env.now_ns + ms * NS_PER_MS;
    while (env_next_deadline_ns(&w.env) <= until)
        deliver((struct event){.kind = EV_TIMER, .now_ns = env_next_deadline_ns(&w.env)});
    w.env.now_ns = until;
}

static void
make_topic(void *owner, struct slice name)
{
    (void)owner;
    assert_slice(name, "dlq.orders");
    w.made++;
}

static void
job_done(struct dead_letter_job *j)
{
    assert_ptr_equal(j, &w.job);
    w.done++;
}

static void
set(int8_t type, const char *resource, const char *name, const char *value)
{
    config_set_value(&w.image, type, slice_cstr(resource), slice_cstr(name),
                     value ? slice_cstr(value) : SLICE_NULL);
}

static void
add_dlq(void)
{
    struct image_topic *t = topic_add(&w.image, S("dlq.orders"), (struct uuid){{7}});
    for (int32_t i = 0; i < 3; i++) topic_partition_get(&w.image, t, i)->leader = 2;
    set(RESOURCE_TOPIC, "dlq.orders", "errors.deadletterqueue.group.enable", "true");
}

static int
begin(void **state)
{
    static struct image_endpoint endpoint;
    (void)state;
    memset(&w, 0, sizeof w);
    struct env_params p = {
        .source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30, .wall_ms = WALL_MS};
    env_init(&w.env, &p);
    arena_init(&w.arena, &w.env.mem, 0);
    w.sent = writer_mem(&w.env.mem);
    config_init(&w.config, &w.env.mem, CONFIG_BROKER);
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    endpoint = (struct image_endpoint){.name = S("PLAINTEXT"), .host = S("b2"), .port = 9092};
    struct image_broker *b = brokers_get(&w.env.mem, &w.image.brokers, 2);
    b->endpoints = &endpoint;
    b->endpoints_n = 1;
    feature_set(&w.image, S("share.version"), 2);
    set(RESOURCE_GROUP, "g", "errors.deadletterqueue.topic.name", "dlq.orders");
    w.settings = (struct coordinator){.config = &w.config, .image = &w.image};
    struct dead_letters_params dp = {.env = &w.env,
                                     .settings = &w.settings,
                                     .image = &w.image,
                                     .listener = S("PLAINTEXT"),
                                     .create_topic = make_topic};
    w.dl = dead_letters_new(&dp);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    env_release(&w.env);
    return 0;
}

/* Of orders-4: 10 and 11 were rejected, 15 was given out five times. */
static void
write_letters(void)
{
    static const struct dead_run runs[] = {{10, 11, 1, true}, {15, 15, 5, false}};
    w.job = (struct dead_letter_job){.done = job_done,
                                     .group = S("g"),
                                     .topic = S("orders"),
                                     .partition = 4,
                                     .runs = runs,
                                     .runs_n = 2};
    dead_letters_write(w.dl, &w.job);
    pass_ms(0);
}

static void
accept_connection(void)
{
    assert_non_null(w.conn);
    deliver((struct event){.kind = EV_CONNECTED, .conn = w.conn});
}

/* The one request that was sent since the last. */
static const struct k_produce_request *
request(void)
{
    struct reader r = reader(arena_dup(&w.arena, writer_slice(&w.sent)));
    struct request_head head;
    struct k_produce_request *q = ARENA_NEW(&w.arena, struct k_produce_request);
    int32_t size = reader_i32(&r);
    assert_int_equal(size, reader_left(&r));
    assert_int_equal(request_head_read(&r, &w.arena, &head), HEAD_OK);
    assert_int_equal(head.api_key, K_API_PRODUCE);
    assert_int_equal(head.version, PRODUCE_VERSION);
    w.correlation_id = head.correlation_id;
    assert_true(codec_decode(K_MSG_PRODUCE_REQUEST, head.version, &r, &w.arena, q));
    w.sent.n = 0;
    return q;
}

static void
answer(int16_t err)
{
    struct k_produce_response res;
    struct k_produce_response_topic_produce_response *t =
        codec_array(&w.arena, K_STRUCT_PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE, 1);
    struct frame f;
    codec_default(K_MSG_PRODUCE_RESPONSE, &res);
    res.responses = t;
    res.responses_n = 1;
    t->topic_id = (struct uuid){{7}};
    t->partition_responses =
        codec_array(&w.arena, K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, 1);
    t->partition_responses_n = 1;
    t->partition_responses->error_code = err;
    assert_true(frame_response(&w.env.mem, &w.env.scratch, K_API_PRODUCE, PRODUCE_VERSION,
                               w.correlation_id, &res, &f));
    struct buf *buf = buf_copy(&w.env.mem, f.segs[0].bytes);
    deliver((struct event){.kind = EV_BYTES, .conn = w.conn, .data = buf_slice(buf), .buf = buf});
    frame_release(&f);
}

/* ---- what is sent ---- */

static struct slice
header(const struct record *rec, const char *name)
{
    struct record_header h;
    for (int64_t at = 0; record_header_next(rec, &at, &h);)
        if (slice_eq(h.key, slice_cstr(name))) return h.value;
    return SLICE_NULL;
}

static void
a_letter_says_which_record_it_was_and_why(void **state)
{
    (void)state;
    struct batch_header h;
    struct records rs;
    struct record rec;
    add_dlq();
    write_letters();
    accept_connection();
    const struct k_produce_request *q = request();
    assert_int_equal(q->acks, -1);
    assert_int_equal(q->topic_data_n, 1);
    assert_int_equal(q->topic_data->topic_id.b[0], 7);
    /* As many partitions as it has: 4 mod 3. */
    assert_int_equal(q->topic_data->partition_data->index, 1);
    struct slice bytes = q->topic_data->partition_data->records.bytes;
    assert_int_equal(batch_check(w.env.crc32c, bytes, &h), BATCH_OK);
    assert_int_equal(h.records_n, 3);
    records_begin(&rs, &h, batch_payload(bytes, &h));
    assert_true(records_next(&rs, &rec));
    assert_int_equal(rec.timestamp, WALL_MS);
    assert_null(rec.key.p);
    assert_null(rec.value.p);
    assert_int_equal(rec.headers_n, 6);
    assert_slice(header(&rec, "__dlq.errors.topic"), "orders");
    assert_slice(header(&rec, "__dlq.errors.partition"), "4");
    assert_slice(header(&rec, "__dlq.errors.offset"), "10");
    assert_slice(header(&rec, "__dlq.errors.group"), "g");
    assert_slice(header(&rec, "__dlq.errors.delivery.count"), "1");
    assert_slice(header(&rec, "__dlq.errors.message"), "Offset rejected by client.");
    assert_true(records_next(&rs, &rec));
    assert_true(records_next(&rs, &rec));
    assert_slice(header(&rec, "__dlq.errors.offset"), "15");
    assert_slice(header(&rec, "__dlq.errors.delivery.count"), "5");
    assert_slice(header(&rec, "__dlq.errors.message"),
                 "Offset delivery count exceeded the threshold.");
    assert_int_equal(w.done, 0);
    answer(0);
    assert_int_equal(w.done, 1);
}

static void
what_does_not_fit_into_a_batch_goes_with_the_next(void **state)
{
    (void)state;
    add_dlq();
    set(RESOURCE_TOPIC, "dlq.orders", "max.message.bytes", "450");
    write_letters();
    accept_connection();
    for (int32_t n = 0, batches = 1;; batches++) {
        struct batch_header h;
        struct slice bytes = request()->topic_data->partition_data->records.bytes;
        assert_int_equal(batch_check(w.env.crc32c, bytes, &h), BATCH_OK);
        assert_true(bytes.n <= 450);
        n += h.records_n;
        answer(0);
        if (!w.done) continue;
        assert_int_equal(n, 3);
        assert_int_equal(batches, 2);
        return;
    }
}

static void
five_times_and_no_more(void **state)
{
    (void)state;
    add_dlq();
    write_letters();
    accept_connection();
    for (int i = 0; i < 4; i++) {
        (void)request();
        answer(K_ERR_NOT_LEADER_OR_FOLLOWER);
        pass_ms((1000 << i) - 1);
        assert_int_equal(w.sent.n, 0);
        pass_ms(1);
    }
    (void)request();
    answer(K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(w.done, 1);
}

static void
what_cannot_be_written_is_given_up_at_once(void **state)
{
    (void)state;
    add_dlq();
    write_letters();
    accept_connection();
    (void)request();
    answer(K_ERR_MESSAGE_TOO_LARGE);
    assert_int_equal(w.done, 1);
}

static void
nobody_hears_of_a_job_that_was_cancelled(void **state)
{
    (void)state;
    add_dlq();
    write_letters();
    accept_connection();
    (void)request();
    dead_letters_cancel(&w.job);
    answer(0);
    assert_int_equal(w.done, 0);
}

/* While a node stops no batch can be sent: all are given up in one step, however many there are. */
static void
many_batches_that_cannot_be_sent_are_given_up_one_after_the_other(void **state)
{
    (void)state;
    static const struct dead_run runs[] = {{0, 199999, 1, true}};
    add_dlq();
    set(RESOURCE_TOPIC, "dlq.orders", "max.message.bytes", "300");
    dead_letters_stop(w.dl);
    w.job = (struct dead_letter_job){.done = job_done,
                                     .group = S("g"),
                                     .topic = S("orders"),
                                     .partition = 4,
                                     .runs = runs,
                                     .runs_n = 1};
    dead_letters_write(w.dl, &w.job);
    pass_ms(0);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.sent.n, 0);
}

/* ---- settings ---- */

static void
a_topic_that_is_not_there_is_made_where_that_is_allowed(void **state)
{
    (void)state;
    write_letters();
    assert_int_equal(w.done, 1);
    assert_int_equal(w.made, 0);
    set(RESOURCE_BROKER, "", "errors.deadletterqueue.auto.create.topics.enable", "true");
    write_letters();
    assert_int_equal(w.done, 1);
    assert_int_equal(w.made, 1);
    add_dlq();
    pass_ms(1000);
    assert_int_equal(w.connects, 1);
}

static void
no_other_topic_is_written_into(void **state)
{
    (void)state;
    add_dlq();
    set(RESOURCE_TOPIC, "dlq.orders", "errors.deadletterqueue.group.enable", "false");
    write_letters();
    assert_int_equal(w.done, 1);
    set(RESOURCE_TOPIC, "dlq.orders", "errors.deadletterqueue.group.enable", "true");
    assert_true(
        config_set(&w.config, K_CFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME_PREFIX, S("dead."), NULL));
    write_letters();
    assert_int_equal(w.done, 2);
    assert_int_equal(w.connects, 0);
}

static void
letters_are_wanted_when_a_group_names_a_topic(void **state)
{
    (void)state;
    assert_true(dead_letters_are_wanted(w.dl, S("g")));
    assert_false(dead_letters_are_wanted(w.dl, S("h")));
    feature_set(&w.image, S("share.version"), 1);
    assert_false(dead_letters_are_wanted(w.dl, S("g")));
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_topic_must_be_meant_for_dead_letters),
        CASE(what_passes_is_sent_again),
        CASE(a_letter_says_which_record_it_was_and_why),
        CASE(what_does_not_fit_into_a_batch_goes_with_the_next),
        CASE(five_times_and_no_more),
        CASE(what_cannot_be_written_is_given_up_at_once),
        CASE(nobody_hears_of_a_job_that_was_cancelled),
        CASE(many_batches_that_cannot_be_sent_are_given_up_one_after_the_other),
        CASE(a_topic_that_is_not_there_is_made_where_that_is_allowed),
        CASE(no_other_topic_is_written_into),
        CASE(letters_are_wanted_when_a_group_names_a_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
