/* What differs between students: the seeds of an exercise's runs, the dice of its cases, the broken brokers to be caught. Drawn from the student's id, so that
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

void
own_choice(struct slice student, struct slice about, int32_t n, int32_t k, int32_t *ret)
{
    uint64_t dice = own_dice(student, about);
    /* Each is taken with the share that is still wanted of those that are left. */
    for (int32_t i = 0, taken = 0; i < n && taken < k; i++) {
        dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
        bool is_taken = !student.n || (int32_t)((dice >> 33) % (uint64_t)(n - i)) < k - taken;
        if (is_taken) ret[taken++] = i;
    }
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
