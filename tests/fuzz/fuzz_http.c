/* Any bytes as HTTP: a request is whole, or begun, or refused with a status and a sentence, and however it comes in pieces it
 * is the same one. */
#include "broker/base/check.h"
#include "sim/play/http.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

static bool
is_within(struct slice part, struct slice all)
{
    return !part.p || part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct arena a;
    struct http_request q, again;
    const char *wrong = NULL;
    int status = 0;
    struct slice all = slice(data, (int64_t)size);
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    enum http_need need = http_parse(all, &q, &status, &wrong);
    CHECK(need != HTTP_WRONG || (wrong && status >= 400 && *http_reason(status)));
    CHECK(need != HTTP_MORE || all.n <= HTTP_HEAD_MAX_BYTES + HTTP_BODY_MAX_BYTES);
    if (need == HTTP_WHOLE) {
        CHECK(q.n_bytes <= all.n && q.body.n <= HTTP_BODY_MAX_BYTES);
        CHECK(is_within(q.method, all) && is_within(q.path, all) && is_within(q.query, all));
        CHECK(is_within(q.host, all) && is_within(q.origin, all) && is_within(q.body, all));
        CHECK(http_parse(slice_sub(all, 0, q.n_bytes - 1), &again, &status, &wrong) == HTTP_MORE);
        CHECK(http_parse(slice_sub(all, 0, q.n_bytes), &again, &status, &wrong) == HTTP_WHOLE);
        CHECK(slice_eq(again.path, q.path) && slice_eq(again.body, q.body));
        struct slice name = http_decode(&a, q.path, false);
        CHECK(name.n <= q.path.n && (!name.p || !memchr(name.p, 0, (size_t)name.n)));
        (void)http_query(&a, q.query, S("for"));
    }
    mem_release(&mem);
    return 0;
}
