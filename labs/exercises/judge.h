/* For cases.c and watch.c of an exercise.
 *
 * cases.c tries the student's function case by case, each for a rule of exercise.yaml:
 *
 *     judge_case("monotone", "old watermark %lld, all ends at %lld", …);    before the call
 *     judge_is(student_f(…), 7);                                            after it
 *
 * watch.c stands between the broker and the student's function in a run, and says where the reference would have decided
 * otherwise. */
#ifndef LABS_EXERCISES_JUDGE_H
#define LABS_EXERCISES_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* What is tried next, for which rule. If it crashes or does not end, this is what is told. */
void judge_case(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
void judge_is(int64_t got, int64_t wanted);
void judge_bool(bool got, bool wanted);
/* Said in words. */
void judge_text(const char *got, const char *wanted);

/* Chance: always the same, or a student's own. Within [0, n). */
int64_t judge_dice(int64_t n);

/* The first call of a process is remarked in the run, the others are not. */
void watch_differs(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For what the simulator calls for itself, too: whether a broker, a controller or a client does something now. */
bool watch_is_in_machine(void);

#endif
