/* Cases for the last stable offset, and for the list of aborted transactions. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/log/stable_offset.h"
#include "labs/exercises/judge.h"

__typeof__(holds_back) student_holds_back, reference_holds_back;
__typeof__(stable_offset) student_stable_offset, reference_stable_offset;
__typeof__(aborted_overlapping) student_aborted_overlapping, reference_aborted_overlapping;

#define LIST_MAX 40

static void
stable(const char *rule, int64_t open, const struct decided_txn *v, int64_t n, int64_t start,
       int64_t hw)
{
    char text[400];
    int at = snprintf(text, sizeof text, "high watermark %lld, log from %lld on", (long long)hw,
                      (long long)start);
    if (open >= 0)
        at += snprintf(text + at, sizeof text - (size_t)at, "; one open from %lld on",
                       (long long)open);
    for (int64_t i = 0; i < n && at < 340; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "; decided: %lld, marker at %lld",
                       (long long)v[i].first_offset, (long long)v[i].marker_offset);
    /* On the heap, and exactly as long as it is: who reads beyond is seen. */
    struct decided_txn *copy = malloc((size_t)n * sizeof *v + !n);
    for (int64_t i = 0; i < n; i++) copy[i] = v[i];
    judge_case(rule, "%s", text);
    judge_is(student_stable_offset(open, copy, n, start, hw),
             reference_stable_offset(open, v, n, start, hw));
    free(copy);
}

static void
decided(int64_t marker, int64_t hw)
{
    struct decided_txn t = {.producer_id = 7, .first_offset = 10, .marker_offset = marker};
    judge_case("marker", "marker at %lld, high watermark %lld: does it hold back?",
               (long long)marker, (long long)hw);
    judge_bool(student_holds_back(&t, hw), reference_holds_back(&t, hw));
}

static void
say(char *text, size_t size, const struct aborted_txn *v, int64_t n)
{
    int at = snprintf(text, size, n == 0 ? "none" : n < 0 || n > LIST_MAX ? "too many" : "");
    for (int64_t i = 0; i < n && n <= LIST_MAX && at < (int)size - 30; i++)
        at += snprintf(text + at, size - (size_t)at, "%s%lld..%lld", i ? ", " : "",
                       (long long)v[i].first_offset, (long long)v[i].last_offset);
}

/* How many there are is asked first, as the broker does; so the room is exactly as large as it has to be. */
static void
overlap(const char *rule, const struct aborted_txn *v, int64_t n, int64_t from, int64_t to)
{
    struct aborted_txn right[LIST_MAX];
    char all[300], got[300], wanted[300];
    say(all, sizeof all, v, n);
    judge_case(rule, "aborted: %s; read from %lld, before %lld", all, (long long)from,
               (long long)to);
    int64_t n_right = reference_aborted_overlapping(v, n, from, to, right);
    struct aborted_txn *copy = malloc((size_t)n * sizeof *v + !n),
                       *ret = malloc((size_t)n_right * sizeof *v + !n_right);
    for (int64_t i = 0; i < n; i++) copy[i] = v[i];
    int64_t counted = student_aborted_overlapping(copy, n, from, to, NULL);
    if (counted != n_right) {
        (void)snprintf(got, sizeof got, "%lld", (long long)counted);
        (void)snprintf(wanted, sizeof wanted, "%lld", (long long)n_right);
    } else {
        int64_t n_got = student_aborted_overlapping(copy, n, from, to, ret);
        say(got, sizeof got, ret, n_got == n_right ? n_got : -1);
        say(wanted, sizeof wanted, right, n_right);
    }
    judge_text(got, wanted);
    free(copy);
    free(ret);
}

/* A log in which transactions of some producers begin and end, as it would come to be. */
static int64_t
draw_aborted(struct aborted_txn *v)
{
    int64_t open[4] = {-1, -1, -1, -1}, n = 0;
    for (int64_t at = 0; n < LIST_MAX / 4 && at < 200; at++) {
        int64_t p = judge_dice(4);
        if (judge_dice(3) == 0) continue;
        if (open[p] < 0) {
            open[p] = at;
            continue;
        }
        int64_t first = open[p], least = at + 1;
        open[p] = -1;
        for (int i = 0; i < 4; i++)
            if (open[i] >= 0 && open[i] < least) least = open[i];
        if (judge_dice(2)) v[n++] = (struct aborted_txn){p, first, at, least};
    }
    return n;
}

static void
draw_both(void)
{
    struct decided_txn d[5];
    struct aborted_txn a[LIST_MAX];
    int64_t n = judge_dice(5), marker = 0, hw = judge_dice(60), start = judge_dice(40);
    for (int64_t i = 0; i < n; i++) {
        marker += 1 + judge_dice(20);
        d[i] = (struct decided_txn){i, judge_dice(marker), marker, false};
    }
    stable("random", judge_dice(3) ? judge_dice(60) : -1, d, n, start < hw ? start : hw, hw);
    n = draw_aborted(a);
    int64_t from = judge_dice(60);
    overlap("random", a, n, from, from + judge_dice(20));
}

/* The list of years. Who walks through all of it does some hundred in the time that is given. */
static void
many(int64_t from_end)
{
    int64_t n = 100000, done = 0;
    struct aborted_txn *v = malloc((size_t)n * sizeof *v), *ret = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++) v[i] = (struct aborted_txn){7, i * 10, i * 10 + 5, i * 10 + 6};
    int64_t from = from_end ? n * 10 - 100 : 0;
    clock_t begin = clock();
    judge_case("few-looks",
               "100,000 aborted; 10,000 reads of 20 offsets at the %s of the log, in 0.2 s",
               from_end ? "end" : "beginning");
    for (; done < 10000 && clock() - begin < CLOCKS_PER_SEC / 5; done++)
        (void)student_aborted_overlapping(v, n, from, from + 20, ret);
    if (done == 10000) judge_bool(true, true);
    else judge_text("it looks at all of them", "a few looks");
    free(v);
    free(ret);
}

int
main(void)
{
    stable("none", -1, NULL, 0, 0, 90);
    stable("none", -1, NULL, 0, 90, 90);
    stable("open", 40, NULL, 0, 0, 90);
    stable("open", 0, NULL, 0, 0, 90);
    struct decided_txn two[] = {{7, 30, 80, false}, {9, 20, 90, true}};
    stable("earliest", 40, two, 2, 0, 70);
    stable("earliest", 10, two, 2, 0, 70);
    stable("earliest", -1, two, 2, 0, 70);
    for (int64_t hw = 79; hw <= 81; hw++) decided(80, hw);
    stable("marker", -1, two, 1, 0, 80);
    stable("marker", -1, two, 1, 0, 81);
    stable("marker", -1, two, 2, 0, 91);
    stable("above", 95, NULL, 0, 0, 90);
    stable("above", -1, (struct decided_txn[]){{7, 92, 95, false}}, 1, 0, 90);
    stable("start", 40, NULL, 0, 60, 90);
    stable("start", -1, two, 2, 50, 60);

    struct aborted_txn one[] = {{7, 20, 30, 31}};
    overlap("overlap", one, 1, 0, 20);
    overlap("overlap", one, 1, 0, 21);
    overlap("overlap", one, 1, 30, 40);
    overlap("overlap", one, 1, 31, 40);
    overlap("overlap", one, 1, 25, 26);
    overlap("overlap", one, 0, 0, 100);
    struct aborted_txn three[] = {{7, 20, 30, 31}, {8, 40, 50, 51}, {9, 60, 70, 71}};
    overlap("order", three, 3, 0, 100);
    overlap("order", three, 3, 35, 65);
    /* The second began first; it is decided last. */
    struct aborted_txn late[] = {{7, 20, 30, 10}, {8, 40, 50, 10}, {9, 10, 70, 71}};
    overlap("late", late, 3, 0, 15);
    overlap("late", late, 3, 22, 25);
    overlap("late", late, 3, 31, 35);
    judge_case("count", "three that overlap, and no array");
    judge_is(student_aborted_overlapping(three, 3, 0, 100, NULL), 3);
    many(0);
    many(1);
    for (int i = 0; i < 10000; i++) draw_both();
    return 0;
}
