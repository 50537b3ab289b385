/* http.c: requests are taken as RFC 9112 has them, in pieces of any size; what is not understood is refused by name. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/check.h"
#include "sim/play/http.h"

static const char *
refused(const char *text, int *ret_status)
{
    struct http_request q;
    const char *wrong = NULL;
    *ret_status = 0;
    enum http_need need = http_parse(slice_cstr(text), &q, ret_status, &wrong);
    assert_int_equal(need, HTTP_WRONG);
    assert_non_null(wrong);
    return wrong;
}

static void
assert_status(const char *text, int status)
{
    int got;
    (void)refused(text, &got);
    assert_int_equal(got, status);
}

static const char post[] =
    "POST /t/faults?a=1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nORIGIN:\thttp://x \r\n"
    "Content-Length: 8\r\nX-Other: a: b\r\n\r\ncrash b1GET ";

static void
a_request_comes_in_pieces(void **state)
{
    (void)state;
    struct http_request q;
    const char *wrong;
    int status;
    int64_t whole = (int64_t)sizeof post - 1 - 4;
    for (int64_t n = 0; n < whole; n++)
        assert_int_equal(http_parse(slice(post, n), &q, &status, &wrong), HTTP_MORE);
    assert_int_equal(http_parse(slice(post, whole + 4), &q, &status, &wrong), HTTP_WHOLE);
    assert_slice(q.method, "POST");
    assert_slice(q.path, "/t/faults");
    assert_slice(q.query, "a=1");
    assert_slice(q.host, "127.0.0.1:1");
    assert_slice(q.origin, "http://x");
    assert_slice(q.body, "crash b1");
    assert_true(q.keeps);
    assert_int_equal(q.n_bytes, whole);
}

static void
a_connection_ends_when_the_client_says_so(void **state)
{
    (void)state;
    struct http_request q;
    const char *wrong;
    int status;
    assert_int_equal(
        http_parse(S("GET / HTTP/1.1\r\nconnection: Close\r\n\r\n"), &q, &status, &wrong),
        HTTP_WHOLE);
    assert_false(q.keeps);
    assert_int_equal(http_parse(S("GET / HTTP/1.0\r\n\r\n"), &q, &status, &wrong), HTTP_WHOLE);
    assert_false(q.keeps);
    assert_null(q.host.p);
    assert_null(q.origin.p);
}

static void
what_is_not_understood_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        "GET\r\n",
        "GET /\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET  / HTTP/1.1\r\n",
        " GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "G\x01T / HTTP/1.1\r\n",
        "GET /\x7f HTTP/1.1\r\n",
        "GET http://a/ HTTP/1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1.1\r\nHost\r\n",
        "GET / HTTP/1.1\r\n: x\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n",
        "GET / HTTP/1.1\r\n folded\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\x01\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n",
        "GET / HTTP/1.1\r\nContent-Length: +1\r\n",
        "GET / HTTP/1.1\r\nContent-Length:\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n"};
    for (int i = 0; i < (int)ARRAY_LEN(bad); i++) assert_status(bad[i], 400);
    assert_status("GET / HTTP/2.0\r\n", 505);
    assert_status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 501);
    assert_status("GET / HTTP/1.1\r\nContent-Length: 65537\r\n", 413);
    assert_status("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", 413);
}

static void
a_head_has_bounds(void **state)
{
    (void)state;
    char *text = malloc(HTTP_HEAD_MAX_BYTES + 2);
    memset(text, 'a', HTTP_HEAD_MAX_BYTES + 1);
    text[HTTP_HEAD_MAX_BYTES + 1] = 0;
    memcpy(text, "GET /", 5);
    struct http_request q;
    const char *wrong;
    int status;
    assert_int_equal(http_parse(slice(text, HTTP_HEAD_MAX_BYTES), &q, &status, &wrong), HTTP_MORE);
    assert_status(text, 431);
    char *at = text + snprintf(text, 64, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= HTTP_HEADERS_MAX; i++) at += snprintf(at, 16, "a: b\r\n");
    assert_status(text, 431);
    free(text);
}

static void
names_are_decoded(void **state)
{
    (void)state;
    struct mem mem;
    struct arena a;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    assert_slice(http_decode(&a, S("a%20b+%7B"), false), "a b+{");
    assert_slice(http_decode(&a, S("a%20b+%7b"), true), "a b {");
    static const char *const bad[] = {"%", "%2", "a%2", "%g0", "%0g", "%00"};
    for (int i = 0; i < (int)ARRAY_LEN(bad); i++)
        assert_null(http_decode(&a, slice_cstr(bad[i]), false).p);
    struct slice query = S("for=isr+full&within=5s&empty&a=b=c&for=second");
    assert_slice(http_query(&a, query, S("for")), "isr full");
    assert_slice(http_query(&a, query, S("within")), "5s");
    assert_slice(http_query(&a, query, S("empty")), "");
    assert_slice(http_query(&a, query, S("a")), "b=c");
    assert_null(http_query(&a, query, S("fo")).p);
    assert_null(http_query(&a, SLICE_EMPTY, S("for")).p);
    mem_release(&mem);
}

static void
an_answer_says_how_long_it_is_and_what_a_page_may_do(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer w = writer_mem(&mem);
    http_answer(&w, 404, "application/json", "Retry-After: 1\r\n", S("{}"), false);
    writer_i8(&w, 0);
    const char *text = (const char *)w.p;
    assert_true(strstr(text, "HTTP/1.1 404 Not Found\r\n") == text);
    assert_non_null(strstr(text, "\r\nContent-Length: 2\r\n"));
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(text, "default-src 'none'"));
    assert_non_null(strstr(text, "\r\nRetry-After: 1\r\n\r\n{}"));
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_in_pieces),
        cmocka_unit_test(a_connection_ends_when_the_client_says_so),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(a_head_has_bounds),
        cmocka_unit_test(names_are_decoded),
        cmocka_unit_test(an_answer_says_how_long_it_is_and_what_a_page_may_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
