#include "tests/lib/test.h"

#include "broker/base/address.h"

static const struct {
    const char *text, *host;
    int32_t port;
} good[] = {
    {"b1:9092", "b1", 9092},
    {"127.0.0.1:1", "127.0.0.1", 1},
    {"[::1]:9092", "::1", 9092},
    {"[::]:0", "::", 0},
    {"[fe80::1%eth0]:9092", "fe80::1%eth0", 9092},
    {"::1:9092", "::1", 9092},
    {"kafka_1.example-net.org:65535", "kafka_1.example-net.org", 65535},
    {":9092", "", 9092},
};

static const char *const bad[] = {
    "",          "b1",        "b1:",   "b1:+9092",  "b1:-1",
    "b1:65536",  "b1:1 ",     "b 1:1", "[::1:9092", "::1]:9092",
    "[]:9092",   "[::1]9092", "b1:9a", "b1/x:1",    "b1:99999999999999999999",
    "[[::1]]:1",
};

static void
every_form_of_an_address_is_read(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(good); i++) {
        struct slice host;
        int32_t port;
        assert_true(address_parse(slice_cstr(good[i].text), &host, &port));
        assert_true(slice_eq(host, slice_cstr(good[i].host)));
        assert_int_equal(port, good[i].port);
    }
}

static void
what_is_no_address_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        struct slice host;
        int32_t port;
        if (address_parse(slice_cstr(bad[i]), &host, &port)) fail_msg("%s", bad[i]);
    }
}

static void
an_address_is_printed_as_it_is_read(void **state)
{
    (void)state;
    uint8_t room[64];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_address(&w, S("::1"), 9092);
    fmt_char(&w, ' ');
    fmt_address(&w, S("b1"), 1);
    assert_true(slice_eq(writer_slice(&w), S("[::1]:9092 b1:1")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_address_is_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(an_address_is_printed_as_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
