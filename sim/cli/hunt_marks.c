/* Marks: kinds of notes, then kinds of random faults, then rare places. What a hunt never reaches it has not tested. */
#include "broker/base/check.h"
#include "broker/env/marks.h"
#include "broker/env/notes.h"
#include "sim/cli/hunt.h"
#include "sim/scenario/table.h"

int32_t
marks_n(void)
{
    return NOTE_KINDS_N + nemesis_faults_n + MARKS_N;
}

struct slice
mark_name(struct arena *a, int32_t mark)
{
    if (mark < NOTE_KINDS_N) return arena_format(a, "note %s", note_spelling((enum note_kind)mark));
    mark -= NOTE_KINDS_N;
    if (mark < nemesis_faults_n) return arena_format(a, "fault %s", nemesis_faults[mark].name);
    return arena_format(a, "place %s", mark_spelling((enum mark_kind)(mark - nemesis_faults_n)));
}

bool
mark_is_reached(const struct marks *m, int32_t mark)
{
    return m->bits[mark / 64] >> mark % 64 & 1;
}

static void
reach(struct marks *m, int32_t first, const uint64_t *bits, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (bits[i / 64] >> i % 64 & 1) m->bits[(first + i) / 64] |= 1ULL << (first + i) % 64;
}

void
marks_of_run(const struct run_result *r, struct marks *ret)
{
    CHECK(marks_n() <= HUNT_MARKS_MAX);
    *ret = (struct marks){0};
    reach(ret, 0, &r->notes_seen, NOTE_KINDS_N);
    reach(ret, NOTE_KINDS_N, &r->faults_drawn, nemesis_faults_n);
    reach(ret, NOTE_KINDS_N + nemesis_faults_n, r->marks_reached, MARKS_N);
}
