#include "broker/log/segment_index.h"

void
segment_index_release(struct segment_index *x, struct mem *mem)
{
    VEC_RELEASE(mem, &x->offsets);
    VEC_RELEASE(mem, &x->times);
}

void
index_add_offset(struct segment_index *x, struct mem *mem, int32_t offset, int32_t position)
{
    if (x->offsets.n && x->offsets.v[x->offsets.n - 1].offset >= offset) return;
    struct offset_entry e = {offset, position};
    VEC_PUSH(mem, &x->offsets, e);
}

void
index_add_time(struct segment_index *x, struct mem *mem, int64_t timestamp, int32_t offset)
{
    if (timestamp < 0) return;
    if (x->times.n && x->times.v[x->times.n - 1].timestamp >= timestamp) return;
    struct time_entry e = {timestamp, offset};
    VEC_PUSH(mem, &x->times, e);
}

void
index_truncate(struct segment_index *x, int32_t offset)
{
    while (x->offsets.n && x->offsets.v[x->offsets.n - 1].offset >= offset) x->offsets.n--;
    while (x->times.n && x->times.v[x->times.n - 1].offset >= offset) x->times.n--;
}

void
index_print_offsets(const struct segment_index *x, struct writer *w)
{
    for (int64_t i = 0; i < x->offsets.n; i++) {
        writer_i32(w, x->offsets.v[i].offset);
        writer_i32(w, x->offsets.v[i].position);
    }
}

void
index_print_times(const struct segment_index *x, struct writer *w)
{
    for (int64_t i = 0; i < x->times.n; i++) {
        writer_i64(w, x->times.v[i].timestamp);
        writer_i32(w, x->times.v[i].offset);
    }
}

void
index_print_no_times(struct writer *w, int32_t last_offset)
{
    writer_i64(w, -1);
    writer_i32(w, last_offset);
}

static bool
parse_offsets(struct segment_index *x, struct mem *mem, struct slice text, int64_t log_bytes)
{
    struct reader r = reader(text);
    int32_t last_offset = -1, last_position = -1;
    while (reader_left(&r) >= OFFSET_ENTRY_BYTES) {
        struct offset_entry e = {.offset = reader_i32(&r)};
        e.position = reader_i32(&r);
        if (e.offset == 0 && e.position == 0) break;
        if (e.offset <= last_offset || e.position <= last_position || e.position >= log_bytes)
            return false;
        last_offset = e.offset, last_position = e.position;
        VEC_PUSH(mem, &x->offsets, e);
    }
    return text.n % OFFSET_ENTRY_BYTES == 0;
}

static bool
parse_time_index(struct segment_index *x, struct mem *mem, struct slice text)
{
    struct reader r = reader(text);
    int64_t last_timestamp = -1;
    int32_t last_offset = -1;
    while (reader_left(&r) >= TIME_ENTRY_BYTES) {
        struct time_entry e = {.timestamp = reader_i64(&r)};
        e.offset = reader_i32(&r);
        if (e.timestamp == 0 && e.offset == 0 && x->times.n) break;
        if (e.timestamp == 0 && e.offset == 0) continue; /* preallocated, or a batch of 1970 */
        if (e.timestamp == -1 && x->times.n == 0 && !x->has_no_times) {
            x->has_no_times = true;
            continue;
        }
        if (e.timestamp <= last_timestamp || e.offset < last_offset) return false;
        last_timestamp = e.timestamp, last_offset = e.offset;
        VEC_PUSH(mem, &x->times, e);
    }
    return text.n % TIME_ENTRY_BYTES == 0;
}

bool
index_parse(struct segment_index *x, struct mem *mem, struct slice offsets, struct slice times,
            int64_t log_bytes)
{
    x->offsets.n = x->times.n = 0;
    x->has_no_times = false;
    if (parse_offsets(x, mem, offsets, log_bytes) && parse_time_index(x, mem, times)) return true;
    x->offsets.n = x->times.n = 0;
    x->has_no_times = false;
    return false;
}
