/* What differs between students: the seeds of an exercise's runs, and the dice of its cases. Drawn from the student's id, so that
 * the same id has the same, here and where it is graded. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"

uint64_t
own_dice(struct slice student, struct slice about)
{
    uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */
    struct slice parts[] = {student, S("\n"), about};
    for (int i = 0; i < 3; i++)
        for (int64_t k = 0; k < parts[i].n; k++) h = (h ^ parts[i].p[k]) * 0x100000001b3ULL;
    return h ^ h >> 32;
}

/* "1..8" → "43217..43224". One seed stays as it is: it is that of a scenario in which something certain happens. */
struct slice
own_seeds(struct desk *d, struct slice student, struct slice about, struct slice range)
{
    int64_t dots = slice_find(range, '.', 0), first, last;
    bool is_range = dots > 0 && slice_to_i64(slice_sub(range, 0, dots), &first) &&
                    slice_to_i64(slice_sub(range, dots + 2, range.n), &last) && last > first;
    if (!student.n || !is_range) return range;
    int64_t from = 1000 + (int64_t)(own_dice(student, about) % 90000);
    return arena_format(&d->a, "%lld..%lld", (long long)from, (long long)(from + last - first));
}
