/* What a share coordinator keeps, when leaders' words come in any order; and settings of share groups. */
#include <stdio.h>

#include "broker/protocol/record_frame.h"
#include "broker/share/client_error.h"
#include "broker/share/epochs.h"
#include "broker/share/persist_again.h"
#include "broker/share/prevails.h"
#include "broker/share/share_config.h"
#include "broker/share/shares.h"
#include "broker/share/state_batches.h"
#include "errors.h"
#include "messages.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct state_batches s;

static int
begin(void **state)
{
    (void)state;
    mem_init(&mem, test_mem_source(), 1LL << 30);
    s = (struct state_batches){0};
    return 0;
}

static int
end(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

static void
put(int64_t first, int64_t last, enum delivery_state state, int16_t count)
{
    struct state_batch b = {first, last, state, count};
    state_batches_put(&s, &mem, &b);
}

static const char *
kept(void)
{
    static char text[300];
    char *p = text;
    *p = 0;
    for (int64_t i = 0; i < s.v.n; i++)
        p += snprintf(p, sizeof text - (size_t)(p - text), "%s%d-%d %d/%d", i ? " " : "",
                      (int)s.v.v[i].first, (int)s.v.v[i].last, s.v.v[i].state, s.v.v[i].count);
    return text;
}

static void
neighbours_become_one(void **state)
{
    (void)state;
    put(5, 9, DELIVERY_ACKNOWLEDGED, 1);
    put(0, 4, DELIVERY_ACKNOWLEDGED, 1);
    put(10, 12, DELIVERY_ACKNOWLEDGED, 1);
    assert_string_equal(kept(), "0-12 2/1");
    put(20, 21, DELIVERY_AVAILABLE, 1);
    assert_string_equal(kept(), "0-12 2/1 20-21 0/1");
}

static void
a_later_delivery_holds(void **state)
{
    (void)state;
    put(0, 9, DELIVERY_AVAILABLE, 1);
    put(3, 5, DELIVERY_ACKNOWLEDGED, 2);
    assert_string_equal(kept(), "0-2 0/1 3-5 2/2 6-9 0/1");
    put(0, 9, DELIVERY_AVAILABLE, 3);
    assert_string_equal(kept(), "0-9 0/3");
}

static void
what_is_done_with_stays_so_whatever_comes_late(void **state)
{
    (void)state;
    put(3, 5, DELIVERY_ACKNOWLEDGED, 2);
    put(0, 9, DELIVERY_AVAILABLE, 1);
    assert_string_equal(kept(), "0-2 0/1 3-5 2/2 6-9 0/1");
    put(0, 9, DELIVERY_AVAILABLE, 2);
    assert_string_equal(kept(), "0-2 0/2 3-5 2/2 6-9 0/2");
}

static void
what_is_over_several_is_put_where_it_holds(void **state)
{
    (void)state;
    put(2, 3, DELIVERY_ARCHIVED, 1);
    put(6, 7, DELIVERY_ARCHIVED, 9);
    put(0, 10, DELIVERY_ACKNOWLEDGED, 2);
    assert_string_equal(kept(), "0-5 2/2 6-7 4/9 8-10 2/2");
}

static void
below_the_start_nothing_is_kept(void **state)
{
    (void)state;
    put(0, 4, DELIVERY_ACKNOWLEDGED, 1);
    put(6, 9, DELIVERY_AVAILABLE, 1);
    state_batches_cut(&s, 7);
    assert_string_equal(kept(), "7-9 0/1");
    state_batches_cut(&s, 10);
    assert_string_equal(kept(), "");
}

/* Against a plain array of what holds for each offset. */
static void
any_order_comes_to_the_same(void **state)
{
    (void)state;
    static const enum delivery_state states[] = {DELIVERY_AVAILABLE, DELIVERY_ACKNOWLEDGED,
                                                 DELIVERY_ARCHIVED};
    struct state_batch model[40] = {0};
    bool has[40] = {0};
    uint32_t dice = 1;
    for (int i = 0; i < 2000; i++) {
        dice = dice * 1664525 + 1013904223;
        int64_t first = (dice >> 8) % 40, last = first + (dice >> 16) % (uint32_t)(40 - first);
        struct state_batch b = {first, last, states[(dice >> 24) % 3],
                                (int16_t)(1 + (dice >> 27) % 4)};
        state_batches_put(&s, &mem, &b);
        for (int64_t k = first; k <= last; k++) {
            if (!has[k] || state_batch_prevails(&b, &model[k])) model[k] = b;
            has[k] = true;
        }
        int64_t at = 0;
        for (int64_t k = 0; k < s.v.n; k++) {
            assert_true(s.v.v[k].first >= at && s.v.v[k].last >= s.v.v[k].first);
            for (; at < s.v.v[k].first; at++) assert_false(has[at]);
            for (; at <= s.v.v[k].last; at++) {
                assert_true(has[at]);
                assert_int_equal(model[at].state, s.v.v[k].state);
                assert_int_equal(model[at].count, s.v.v[k].count);
            }
        }
        if (i % 50 == 49) {
            state_batches_cut(&s, 40);
            memset(has, 0, sizeof has);
        }
    }
}

/* ---- the other rules ---- */

static void
an_older_epoch_is_fenced(void **state)
{
    (void)state;
    assert_int_equal(share_epochs_check(3, 7, 3, 7), 0);
    assert_int_equal(share_epochs_check(3, 7, 4, 8), 0);
    assert_int_equal(share_epochs_check(3, 7, 3, 6), K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(share_epochs_check(3, 7, 2, 7), K_ERR_FENCED_STATE_EPOCH);
    assert_int_equal(share_epochs_check(3, 7, -1, -1), 0);
}

static void
only_not_now_is_asked_again(void **state)
{
    (void)state;
    assert_true(persist_is_asked_again(K_ERR_NOT_COORDINATOR));
    assert_true(persist_is_asked_again(K_ERR_COORDINATOR_LOAD_IN_PROGRESS));
    assert_false(persist_is_asked_again(K_ERR_FENCED_LEADER_EPOCH));
    assert_false(persist_is_asked_again(0));
}

static void
a_client_is_told_what_it_can_act_on(void **state)
{
    (void)state;
    assert_int_equal(share_client_error(0), 0);
    assert_int_equal(share_client_error(K_ERR_FENCED_LEADER_EPOCH), K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(share_client_error(K_ERR_NOT_COORDINATOR), K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(share_client_error(K_ERR_INVALID_REQUEST), K_ERR_UNKNOWN_SERVER_ERROR);
    assert_true(share_error_is_final(K_ERR_FENCED_STATE_EPOCH));
    assert_false(share_error_is_final(K_ERR_COORDINATOR_NOT_AVAILABLE));
}

static void
a_share_partition_has_a_name(void **state)
{
    (void)state;
    struct arena a;
    struct uuid topic = {{1, 2, 3}};
    arena_init(&a, &mem, 0);
    struct slice key = share_key(&a, S("a:b"), topic, 12);
    assert_slice(key, "a:b:AQIDAAAAAAAAAAAAAAAAAA:12");
    assert_true(share_key_is_valid(key));
    assert_false(share_key_is_valid(S("a:AQIDAAAAAAAAAAAAAAAAAA:")));
    assert_false(share_key_is_valid(S("a:AQIDAAAAAAAAAAAAAAAAAA:x")));
    assert_false(share_key_is_valid(S("a:AQIDAAAA:1")));
    assert_false(share_key_is_valid(S(":AQIDAAAAAAAAAAAAAAAAAA:1")));
    assert_false(share_key_is_valid(S("")));
    arena_release(&a);
}

/* As the metadata log sets it. */
static void
set_group(struct image *im, struct slice name, struct slice value)
{
    struct arena a;
    struct writer w = writer_mem(&mem);
    struct k_config_record rec = {
        .resource_type = RESOURCE_GROUP, .resource_name = S("g"), .name = name, .value = value};
    arena_init(&a, &mem, 0);
    assert_true(metadata_record_write(&w, K_MSG_CONFIG_RECORD, 0, &rec, NULL));
    assert_null(image_apply(im, writer_slice(&w), im->offset + 1, 1, &a));
    writer_release(&w);
    arena_release(&a);
}

static void
a_groups_setting_goes_before_the_brokers(void **state)
{
    (void)state;
    struct config c;
    struct image im;
    int64_t ms;
    config_init(&c, &mem, CONFIG_BROKER);
    image_init(&im, &mem, (struct siphash_key){1, 2}, NULL, NULL);
    struct coordinator any = {.config = &c, .image = &im};
    struct share_config sc = {&any, S("g")};
    assert_true(config_set(&c, K_CFG_GROUP_SHARE_RECORD_LOCK_DURATION_MS, S("20000"), NULL));
    assert_true(config_set(&c, K_CFG_GROUP_SHARE_DELIVERY_COUNT_LIMIT, S("3"), NULL));
    assert_true(config_set(&c, K_CFG_GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, S("500"), NULL));
    assert_int_equal(share_lock_ms(&sc), 20000);
    assert_int_equal(share_deliveries_max(&sc), 3);
    assert_int_equal(share_in_flight_max(&sc), 500);
    assert_int_equal(share_reset_of(&sc, &ms), SHARE_RESET_LATEST);
    assert_false(share_reads_committed(&sc));
    assert_true(share_may_renew(&sc));
    set_group(&im, S("share.renew.acknowledge.enable"), S("false"));
    set_group(&im, S("share.delivery.count.limit"), S("4"));
    set_group(&im, S("share.partition.max.record.locks"), S("600"));
    assert_false(share_may_renew(&sc));
    assert_int_equal(share_deliveries_max(&sc), 4);
    assert_int_equal(share_in_flight_max(&sc), 600);
    set_group(&im, S("share.record.lock.duration.ms"), S("15000"));
    set_group(&im, S("share.auto.offset.reset"), S("by_duration:PT2S"));
    set_group(&im, S("share.isolation.level"), S("read_committed"));
    assert_int_equal(share_lock_ms(&sc), 15000);
    assert_int_equal(share_reset_of(&sc, &ms), SHARE_RESET_BY_DURATION);
    assert_int_equal(ms, 2000);
    assert_true(share_reads_committed(&sc));
    set_group(&im, S("share.auto.offset.reset"), S("earliest"));
    assert_int_equal(share_reset_of(&sc, &ms), SHARE_RESET_EARLIEST);
    image_release(&im);
    config_release(&c);
}

static void
durations_are_read_as_java_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {
        {"PT1H", 3600000},
        {"P1D", 86400000},
        {"P1DT2M", 86520000},
        {"PT1.5S", 1500},
        {"pt90m", 5400000},
        {"P", -1},
        {"PT", -1},
        {"1H", -1},
        {"PT1", -1},
        {"P1H", -1},
        {"PT1M1H", -1},
        {"PT1.5M", -1},
        {"PT99999999999S", -1},
        {"P-1D", -1},
        {"PT1H1H", -1},
    };
    for (int64_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -1;
        bool good = share_duration_parse(slice_cstr(cases[i].text), &ms);
        assert_int_equal(good ? ms : -1, cases[i].ms);
    }
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(neighbours_become_one),
        CASE(a_later_delivery_holds),
        CASE(what_is_done_with_stays_so_whatever_comes_late),
        CASE(what_is_over_several_is_put_where_it_holds),
        CASE(below_the_start_nothing_is_kept),
        CASE(any_order_comes_to_the_same),
        CASE(an_older_epoch_is_fenced),
        CASE(only_not_now_is_asked_again),
        CASE(a_client_is_told_what_it_can_act_on),
        CASE(a_share_partition_has_a_name),
        CASE(a_groups_setting_goes_before_the_brokers),
        CASE(durations_are_read_as_java_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
