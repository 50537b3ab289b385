/* Cases for record_retention(). */
#include "broker/base/check.h"
#include "broker/log/record_retention.h"
#include "labs/exercises/judge.h"

__typeof__(record_retention) student_record_retention, reference_record_retention;

static void
try_one(const char *rule, struct record_retention_facts f)
{
    judge_case(rule,
               "offset %lld%s%s; the map reaches to %lld, the key's last offset is %lld; horizon "
               "%lld, now %lld: does it stay?",
               (long long)f.offset, f.has_key ? "" : ", no key",
               f.is_tombstone ? ", tombstone" : "", (long long)f.map_latest,
               (long long)f.key_latest, (long long)f.horizon_ms, (long long)f.now_ms);
    judge_bool(student_record_retention(&f), reference_record_retention(&f));
}

static void
draw_one(void)
{
    struct record_retention_facts f = {.offset = judge_dice(20),
                                       .has_key = judge_dice(5) > 0,
                                       .is_tombstone = judge_dice(2),
                                       .map_latest = judge_dice(20),
                                       .key_latest = judge_dice(20) - 1,
                                       .horizon_ms = judge_dice(3) ? judge_dice(20) : -1,
                                       .now_ms = judge_dice(20)};
    try_one("random", f);
}

/* By rule: what is known of a record, of which the student's function says whether it stays. */
static const struct {
    const char *rule;
    struct record_retention_facts facts;
} cases[] = {
    {"latest", {.offset = 7, .has_key = true, .map_latest = 9, .key_latest = 7, .horizon_ms = -1}},
    {"latest", {.offset = 9, .has_key = true, .map_latest = 9, .key_latest = 9, .horizon_ms = -1}},
    {"earlier", {.offset = 3, .has_key = true, .map_latest = 9, .key_latest = 7, .horizon_ms = -1}},
    {"earlier", {.offset = 0, .has_key = true, .map_latest = 9, .key_latest = 1, .horizon_ms = -1}},
    {"earlier",
     {.offset = 3,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = -1}},
    {"beyond", {.offset = 10, .has_key = true, .map_latest = 9, .key_latest = 7, .horizon_ms = -1}},
    {"beyond", {.offset = 10, .map_latest = 9, .key_latest = -1, .horizon_ms = -1}},
    {"beyond",
     {.offset = 10,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = -1,
      .horizon_ms = 5,
      .now_ms = 50}},
    {"no-key", {.offset = 4, .map_latest = 9, .key_latest = -1, .horizon_ms = -1}},
    {"tombstone",
     {.offset = 7,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = 100,
      .now_ms = 99}},
    {"tombstone",
     {.offset = 7,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = 100,
      .now_ms = 100}},
    {"tombstone",
     {.offset = 7,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = 100,
      .now_ms = 101}},
    {"no-horizon",
     {.offset = 7,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = -1,
      .now_ms = 1000}},
    {"no-horizon",
     {.offset = 7,
      .has_key = true,
      .is_tombstone = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = 0,
      .now_ms = 1000}},
    {"horizon-only",
     {.offset = 7,
      .has_key = true,
      .map_latest = 9,
      .key_latest = 7,
      .horizon_ms = 100,
      .now_ms = 1000}},
};

int
main(void)
{
    for (int i = 0; i < ARRAY_LEN(cases); i++) try_one(cases[i].rule, cases[i].facts);
    for (int i = 0; i < 10000; i++) draw_one();
    return 0;
}
