/* How a share partition is named where coordinators are looked for. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/share/shares.h"

struct slice
share_key(struct arena *a, struct slice group, struct uuid topic, int32_t partition)
{
    struct writer w = writer_mem(a->mem);
    fmt_slice(&w, group);
    fmt_char(&w, ':');
    fmt_uuid(&w, topic);
    fmt_char(&w, ':');
    fmt_i64(&w, partition);
    struct slice key = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return key;
}

static bool
is_share_number(struct slice s)
{
    if (s.n == 0 || s.n > 9) return false;
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

/* A group's name may have colons: it is read from the end. */
bool
share_key_is_valid(struct slice key)
{
    struct uuid topic;
    int64_t second = key.n, first;
    while (second > 0 && key.p[second - 1] != ':') second--;
    if (second < 2) return false;
    first = second - 1;
    while (first > 0 && key.p[first - 1] != ':') first--;
    return first >= 2 && is_share_number(slice_sub(key, second, key.n)) &&
           uuid_parse(slice_sub(key, first, second - 1 - first), &topic);
}
