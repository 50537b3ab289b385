/* The look-ups in a run: the student's answer is taken, and compared with the reference's. */
#include "broker/log/index_lookup.h"
#include "labs/exercises/judge.h"

__typeof__(index_floor) student_index_floor, reference_index_floor;
__typeof__(index_floor_position) student_index_floor_position, reference_index_floor_position;
__typeof__(index_ceiling_position) student_index_ceiling_position, reference_index_ceiling_position;
__typeof__(index_before_time) student_index_before_time, reference_index_before_time;

/* What is no entry of the index would end the broker, not show the mistake. */
static const struct offset_entry *
told(const struct segment_index *x, const char *what, int64_t of, const struct offset_entry *yours,
     const struct offset_entry *right)
{
    if (yours == right) return yours;
    if (yours && (yours < x->offsets.v || yours >= x->offsets.v + x->offsets.n)) {
        watch_differs("of %s %lld in an index of %lld entries you give what is no entry", what,
                      (long long)of, (long long)x->offsets.n);
        return right;
    }
    watch_differs("%s %lld in an index of %lld entries: you give position %d, and it should be %d "
                  "(-1: none)",
                  what, (long long)of, (long long)x->offsets.n, yours ? yours->position : -1,
                  right ? right->position : -1);
    return yours;
}

const struct offset_entry *
index_floor(const struct segment_index *x, int32_t offset)
{
    return told(x, "the last entry at or below offset", offset, student_index_floor(x, offset),
                reference_index_floor(x, offset));
}

const struct offset_entry *
index_floor_position(const struct segment_index *x, int64_t position)
{
    return told(x, "the last entry at or before position", position,
                student_index_floor_position(x, position),
                reference_index_floor_position(x, position));
}

const struct offset_entry *
index_ceiling_position(const struct segment_index *x, int64_t position)
{
    return told(x, "the first entry at or after position", position,
                student_index_ceiling_position(x, position),
                reference_index_ceiling_position(x, position));
}

const struct time_entry *
index_before_time(const struct segment_index *x, int64_t timestamp)
{
    const struct time_entry *yours = student_index_before_time(x, timestamp),
                            *right = reference_index_before_time(x, timestamp);
    if (yours == right) return yours;
    watch_differs("the last entry before time %lld: you give that of offset %d, and it should be "
                  "that of offset %d (-1: none)",
                  (long long)timestamp, yours ? yours->offset : -1, right ? right->offset : -1);
    bool is_entry = !yours || (yours >= x->times.v && yours < x->times.v + x->times.n);
    return is_entry ? yours : right;
}
