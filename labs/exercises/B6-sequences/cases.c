/* Cases for sequence_check(). */
#include <stdio.h>

#include "broker/log/sequence_check.h"
#include "labs/exercises/judge.h"

__typeof__(sequence_check) student_sequence_check, reference_sequence_check;

/* Batches of `each` records, the first with this sequence. */
static struct producer_window
window(int16_t epoch, int32_t first, int32_t each, int32_t n)
{
    struct producer_window w = {.producer_id = 7, .epoch = epoch, .n = n};
    for (int32_t i = 0; i < n; i++) {
        int32_t base = (int32_t)(((int64_t)first + (int64_t)i * each) & INT32_MAX);
        w.batch[i] = (struct producer_batch){.last_offset = 100 + i * each,
                                             .last_sequence =
                                                 (int32_t)(((int64_t)base + each - 1) & INT32_MAX),
                                             .offset_delta = each - 1};
    }
    return w;
}

static void
say(char *text, size_t n, enum sequence_verdict v, int32_t which)
{
    static const char *const words[] = {"append", "duplicate", "out of order", "fenced"};
    if (v < SEQUENCE_APPEND || v > SEQUENCE_FENCED)
        (void)snprintf(text, n, "%d, which is no verdict", (int)v);
    else if (v == SEQUENCE_DUPLICATE) (void)snprintf(text, n, "duplicate of batch %d", which);
    else (void)snprintf(text, n, "%s", words[v]);
}

static void
try_one(const char *rule, struct producer_window w, int16_t epoch, int32_t base, int32_t last)
{
    char known[200], got[64], right[64];
    int at = snprintf(known, sizeof known, w.epoch < 0 ? "nothing known" : "epoch %d", w.epoch);
    for (int32_t i = 0; i < w.n; i++)
        at += snprintf(
            known + at, sizeof known - (size_t)at, "%s%d..%d", i ? ", " : ", batches ",
            (int32_t)(((int64_t)w.batch[i].last_sequence - w.batch[i].offset_delta) & INT32_MAX),
            w.batch[i].last_sequence);
    int32_t which = -1, its = -1;
    judge_case(rule, "%s; now epoch %d, %d..%d", known, epoch, base, last);
    enum sequence_verdict r = reference_sequence_check(&w, epoch, base, last, &which);
    say(right, sizeof right, r, which);
    enum sequence_verdict v = student_sequence_check(&w, epoch, base, last, &its);
    say(got, sizeof got, v, its);
    judge_text(got, right);
}

static void
draw_one(void)
{
    int32_t first = judge_dice(4) ? (int32_t)judge_dice(30) : INT32_MAX - (int32_t)judge_dice(12),
            each = 1 + (int32_t)judge_dice(4);
    struct producer_window w =
        window((int16_t)(judge_dice(8) ? judge_dice(3) : -1), first, each, 0);
    w.n = w.epoch < 0 ? 0 : (int32_t)judge_dice(6);
    w = window(w.epoch, first, each, w.n);
    int64_t base = first + (judge_dice(9) - 1) * each + (judge_dice(5) == 0);
    int64_t last = base + each - 1 + (judge_dice(6) == 0);
    if (judge_dice(5) == 0) last -= base, base = 0;
    try_one("random", w, (int16_t)judge_dice(4), (int32_t)(base & INT32_MAX),
            (int32_t)(last & INT32_MAX));
}

int
main(void)
{
    try_one("next", window(0, 0, 10, 1), 0, 10, 19);
    try_one("next", window(3, 0, 10, 5), 3, 50, 50);
    try_one("duplicate", window(0, 0, 10, 1), 0, 0, 9);
    try_one("duplicate", window(0, 0, 10, 3), 0, 20, 29);
    for (int32_t i = 0; i < 5; i++) try_one("all-five", window(0, 0, 10, 5), 0, i * 10, i * 10 + 9);
    try_one("gap", window(0, 0, 10, 2), 0, 30, 39);
    try_one("gap", window(0, 100, 10, 5), 0, 90, 99);
    try_one("gap", window(0, 0, 10, 2), 0, 21, 30);
    try_one("part", window(0, 0, 10, 2), 0, 10, 14);
    try_one("part", window(0, 0, 10, 2), 0, 0, 19);
    try_one("part", window(0, 0, 10, 2), 0, 15, 19);
    try_one("fenced", window(2, 0, 10, 2), 1, 20, 29);
    try_one("fenced", window(2, 0, 10, 2), 1, 10, 19);
    try_one("fenced", window(2, 0, 10, 0), 1, 0, 9);
    try_one("new-epoch", window(2, 0, 10, 2), 3, 0, 9);
    try_one("new-epoch", window(2, 0, 10, 2), 3, 20, 29);
    try_one("new-epoch", window(2, 0, 10, 2), 3, 10, 19);
    try_one("unknown", window(-1, 0, 10, 0), 0, 0, 9);
    try_one("unknown", window(-1, 0, 10, 0), 4, 1234, 1243);
    try_one("first", window(2, 0, 10, 0), 2, 0, 9);
    try_one("first", window(2, 0, 10, 0), 2, 10, 19);
    try_one("wrap", window(0, INT32_MAX - 9, 10, 1), 0, 0, 9);
    try_one("wrap", window(0, INT32_MAX - 4, 10, 1), 0, 5, 14);
    try_one("wrap", window(0, INT32_MAX - 4, 10, 1), 0, INT32_MAX - 4, 4);
    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
