#include "broker/controller/topic_name.h"

#include "broker/base/fmt.h"

static bool
is_legal(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool
has_illegal(struct slice name)
{
    for (int64_t i = 0; i < name.n; i++)
        if (!is_legal(name.p[i])) return true;
    return false;
}

bool
topic_name_check(struct slice name, struct writer *why)
{
    bool dots = slice_eq(name, S(".")) || slice_eq(name, S(".."));
    bool is_long = name.n > TOPIC_NAME_MAX_BYTES;
    if (name.n > 0 && !dots && !is_long && !has_illegal(name)) return true;
    fmt_str(why, "Topic name is invalid: ");
    if (name.n == 0) {
        fmt_str(why, "the empty string is not allowed");
    } else if (dots) {
        fmt_char(why, '\''), fmt_slice(why, name), fmt_str(why, "' is not allowed");
    } else if (is_long) {
        fmt_str(why, "the length of '"), fmt_slice(why, name);
        fmt_str(why, "' is longer than the max allowed length 249");
    } else {
        fmt_char(why, '\''), fmt_slice(why, name);
        fmt_str(why, "' contains one or more characters other than ASCII alphanumerics, "
                     "'.', '_' and '-'");
    }
    return false;
}

bool
topic_name_can_collide(struct slice name)
{
    return slice_find(name, '.', 0) >= 0 || slice_find(name, '_', 0) >= 0;
}

static uint8_t
unified(uint8_t c)
{
    return c == '.' ? '_' : c;
}

bool
topic_names_collide(struct slice a, struct slice b)
{
    if (a.n != b.n) return false;
    for (int64_t i = 0; i < a.n; i++)
        if (unified(a.p[i]) != unified(b.p[i])) return false;
    return true;
}

bool
topic_name_is_internal(struct slice name)
{
    return slice_eq(name, S("__consumer_offsets")) || slice_eq(name, S("__transaction_state")) ||
           slice_eq(name, S("__share_group_state"));
}
