#include "broker/log/checkpoint.h"

#include "broker/base/fmt.h"
#include "broker/log/lines.h"

/* "topic partition offset"; a topic's name has no blanks. */
static bool
parse_checkpoint_line(struct slice line, struct checkpoint_entry *ret)
{
    int64_t a = slice_find(line, ' ', 0);
    int64_t b = a < 0 ? -1 : slice_find(line, ' ', a + 1);
    int64_t partition, offset;
    if (a <= 0 || b < 0) return false;
    if (!slice_to_i64(slice_sub(line, a + 1, b - a - 1), &partition)) return false;
    if (!slice_to_i64(slice_sub(line, b + 1, line.n), &offset)) return false;
    if (partition < 0 || partition > INT32_MAX || offset < 0) return false;
    *ret = (struct checkpoint_entry){slice_sub(line, 0, a), (int32_t)partition, offset};
    return true;
}

static bool
parse_head(struct slice *text, int64_t *ret_n)
{
    struct slice line;
    int64_t version;
    if (!lines_next(text, &line) || !slice_to_i64(line, &version) || version != 0) return false;
    return lines_next(text, &line) && slice_to_i64(line, ret_n) && *ret_n >= 0;
}

static int64_t
count_valid(struct slice text)
{
    struct slice line;
    struct checkpoint_entry e;
    int64_t n = 0;
    for (; lines_next(&text, &line); n++)
        if (!parse_checkpoint_line(line, &e)) return -1;
    return n;
}

bool
checkpoint_parse(struct slice text, void (*each)(void *ctx, const struct checkpoint_entry *e),
                 void *ctx)
{
    int64_t n;
    if (text.n == 0) return true;
    if (!parse_head(&text, &n) || count_valid(text) != n) return false;
    struct slice line;
    struct checkpoint_entry e;
    while (lines_next(&text, &line) && parse_checkpoint_line(line, &e)) each(ctx, &e);
    return true;
}

void
checkpoint_print_head(struct writer *w, int64_t entries)
{
    fmt_str(w, "0\n");
    fmt_i64(w, entries);
    fmt_char(w, '\n');
}

void
checkpoint_print_entry(struct writer *w, const struct checkpoint_entry *e)
{
    fmt_slice(w, e->topic);
    fmt_char(w, ' ');
    fmt_i64(w, e->partition);
    fmt_char(w, ' ');
    fmt_i64(w, e->offset);
    fmt_char(w, '\n');
}

void
partition_metadata_print(struct writer *w, struct uuid topic_id)
{
    fmt_str(w, "version: 0\ntopic_id: ");
    fmt_uuid(w, topic_id);
}

bool
partition_metadata_parse(struct slice text, struct uuid *ret)
{
    struct slice line;
    if (!lines_next(&text, &line) || !slice_eq(slice_trim(line), S("version: 0"))) return false;
    if (!lines_next(&text, &line) || !slice_starts(line, S("topic_id: "))) return false;
    return uuid_parse(slice_trim(slice_sub(line, 10, line.n)), ret);
}
