/* Cases for the look-ups in a sparse index. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/log/index_lookup.h"
#include "labs/exercises/judge.h"

__typeof__(index_floor) student_index_floor, reference_index_floor;
__typeof__(index_floor_position) student_index_floor_position, reference_index_floor_position;
__typeof__(index_ceiling_position) student_index_ceiling_position, reference_index_ceiling_position;
__typeof__(index_before_time) student_index_before_time, reference_index_before_time;

/* On the heap, and exactly as long as it is: who reads beyond is seen. Every tenth offset, every hundredth position. */
static struct segment_index
index_of(int64_t n)
{
    struct segment_index x = {0};
    x.offsets.n = x.times.n = n;
    x.offsets.v = malloc((size_t)n * sizeof *x.offsets.v + !n);
    x.times.v = malloc((size_t)n * sizeof *x.times.v + !n);
    for (int64_t i = 0; i < n; i++) {
        x.offsets.v[i] = (struct offset_entry){(int32_t)(i * 10 + 9), (int32_t)(i * 100 + 100)};
        x.times.v[i] = (struct time_entry){i * 1000 + 1000, (int32_t)(i * 10 + 9)};
    }
    return x;
}

static void
index_free(struct segment_index *x)
{
    free(x->offsets.v);
    free(x->times.v);
}

enum look { FLOOR, FLOOR_POSITION, CEILING_POSITION, BEFORE_TIME };
static const char *const questions[] = {"offset", "floor of position", "ceiling of position",
                                        "time"};

static const void *
look(const struct segment_index *x, enum look which, int64_t of, bool students)
{
    switch (which) {
    case FLOOR: return (students ? student_index_floor : reference_index_floor)(x, (int32_t)of);
    case FLOOR_POSITION:
        return (students ? student_index_floor_position : reference_index_floor_position)(x, of);
    case CEILING_POSITION:
        return (students ? student_index_ceiling_position : reference_index_ceiling_position)(x,
                                                                                              of);
    case BEFORE_TIME: break;
    }
    return (students ? student_index_before_time : reference_index_before_time)(x, of);
}

/* "entry 3 (offset 39, position 400)" */
static void
say(char *text, size_t n, const struct segment_index *x, enum look which, const void *entry)
{
    for (int64_t i = 0; i < x->offsets.n; i++) {
        if (which == BEFORE_TIME && entry == &x->times.v[i])
            (void)snprintf(text, n, "entry %lld (time %lld)", (long long)i,
                           (long long)x->times.v[i].timestamp);
        else if (which != BEFORE_TIME && entry == &x->offsets.v[i])
            (void)snprintf(text, n, "entry %lld (offset %d, position %d)", (long long)i,
                           x->offsets.v[i].offset, x->offsets.v[i].position);
        else continue;
        return;
    }
    (void)snprintf(text, n, entry ? "something outside of the index" : "none");
}

static void
try_one(const char *rule, int64_t n, enum look which, int64_t of)
{
    struct segment_index x = index_of(n);
    char got[96], wanted[96];
    judge_case(rule, "%lld entries; %s %lld", (long long)n, questions[which], (long long)of);
    say(wanted, sizeof wanted, &x, which, look(&x, which, of, false));
    say(got, sizeof got, &x, which, look(&x, which, of, true));
    judge_text(got, wanted);
    index_free(&x);
}

/* A walk from the beginning does some twenty in the time that is given; twenty comparisons each take a hundredth of it. */
static void
try_many(enum look which)
{
    struct segment_index x = index_of(1 << 18);
    clock_t begin = clock();
    int done = 0;
    judge_case("few-looks", "262,144 entries; 20,000 look-ups by %s in 0.2 s", questions[which]);
    for (; done < 20000 && clock() - begin < CLOCKS_PER_SEC / 5; done++)
        (void)look(&x, which, (which == FLOOR ? 10 : 100) * judge_dice(1 << 18), true);
    if (done == 20000) judge_bool(true, true);
    else judge_text("it walks through the whole index", "a few looks");
    index_free(&x);
}

int
main(void)
{
    try_one("exact", 3, FLOOR, 9);
    try_one("exact", 3, FLOOR, 19);
    try_one("exact", 3, FLOOR, 29);
    try_one("exact", 1, FLOOR, 9);
    try_one("between", 3, FLOOR, 10);
    try_one("between", 3, FLOOR, 28);
    try_one("between", 4, FLOOR, 24);
    try_one("before", 3, FLOOR, 8);
    try_one("before", 3, FLOOR, 0);
    try_one("before", 1, FLOOR, -1);
    try_one("behind", 3, FLOOR, 30);
    try_one("behind", 1, FLOOR, INT32_MAX);
    for (int which = FLOOR; which <= BEFORE_TIME; which++)
        try_one("empty", 0, (enum look)which, 100);
    for (int64_t at = 99; at <= 302; at++) try_one("floor-position", 3, FLOOR_POSITION, at);
    try_one("floor-position", 3, FLOOR_POSITION, (1LL << 32) + 50);
    try_one("floor-position", 3, FLOOR_POSITION, -1);
    for (int64_t at = 99; at <= 302; at++) try_one("ceiling-position", 3, CEILING_POSITION, at);
    try_one("ceiling-position", 3, CEILING_POSITION, (1LL << 32) + 50);
    try_one("ceiling-position", 3, CEILING_POSITION, 0);
    for (int64_t at = 999; at <= 1001; at++) try_one("time", 3, BEFORE_TIME, at);
    for (int64_t at = 2999; at <= 3001; at++) try_one("time", 3, BEFORE_TIME, at);
    try_one("time", 3, BEFORE_TIME, -1);
    try_one("time", 3, BEFORE_TIME, INT64_MAX);
    for (int which = FLOOR; which <= BEFORE_TIME; which++) try_many((enum look)which);
    for (int i = 0; i < 10000; i++) {
        int64_t n = judge_dice(12);
        enum look which = (enum look)judge_dice(4);
        try_one("random", n, which,
                judge_dice((which == BEFORE_TIME ? 1000
                            : which == FLOOR     ? 10
                                                 : 100) *
                           (n + 2)));
    }
    return 0;
}
