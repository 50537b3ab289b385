/* How much happened where, in buckets of time. A run of a million messages cannot be drawn one by one, so a page draws
 * as many buckets as fit; they are counted here, once, for each width of a bucket that a page may want. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/env/trace.h"
#include "visualize/page.h"

enum { COUNT_ROUTINE, COUNT_CONTROL, COUNT_LOST, COUNT_NOTED, COUNTS_N };

#define FINEST_MOST 65536
#define COARSEST 256
#define STEP 4 /* from one level to the next coarser one */
/* So many events in a bucket of the finest level, on average: fewer are drawn one by one. */
#define FINEST_EVENTS 8

struct grid {
    struct mem *mem;
    int64_t start_ns, length_ns, buckets, actors;
    int32_t *counts; /* by bucket, actor, kind */
};

static int64_t
grid_bytes(const struct grid *g)
{
    return g->buckets * g->actors * COUNTS_N * (int64_t)sizeof *g->counts;
}

static void
grid_count(struct grid *g, int64_t at_ns, int32_t actor, int kind)
{
    if (actor < 0) return;
    int64_t bucket = (at_ns - g->start_ns) / MAX(1, g->length_ns / g->buckets);
    bucket = MAX(0, MIN(bucket, g->buckets - 1));
    g->counts[(bucket * g->actors + actor) * COUNTS_N + kind]++;
}

/* A message is counted where it begins and where it ends. */
static void
grid_fill(struct grid *g, const struct events *e)
{
    for (int64_t i = 0; i < e->sent.n; i++) {
        const struct sent *s = &e->sent.v[i];
        int kind = s->flags & MESSAGE_IS_LOST    ? COUNT_LOST
                 : s->flags & MESSAGE_IS_CONTROL ? COUNT_CONTROL
                                                 : COUNT_ROUTINE;
        grid_count(g, s->at_ns, s->from, kind);
        if (s->flags & MESSAGE_IS_DELIVERED) grid_count(g, s->end_ns, s->to, kind);
    }
    for (int64_t i = 0; i < e->noted.n; i++)
        if (e->noted.v[i].kind == TRACE_NOTE)
            grid_count(g, e->noted.v[i].at_ns, e->noted.v[i].actor, COUNT_NOTED);
}

/* One row for each bucket and machine in which anything happened. */
static void
level_columns(const struct grid *g, struct writer *data)
{
    char room[24];
    static const char *const names[] = {".bucket",  ".actor", ".routine",
                                        ".control", ".lost",  ".noted"};
    struct column c[ARRAY_LEN(names)];
    for (int k = 0; k < ARRAY_LEN(names); k++)
        c[k] = column_new(g->mem, k == 0 ? COLUMN_STEPS : COLUMN_NUMBERS);
    for (int64_t i = 0; i < g->buckets * g->actors; i++) {
        const int32_t *n = g->counts + i * COUNTS_N;
        if (!n[0] && !n[1] && !n[2] && !n[3]) continue;
        column_put(&c[0], i / g->actors);
        column_put(&c[1], i % g->actors);
        for (int k = 0; k < COUNTS_N; k++) column_put(&c[2 + k], n[k]);
    }
    for (int k = 0; k < ARRAY_LEN(names); k++) {
        struct writer w = writer_fixed(room, sizeof room);
        fmt_char(&w, 'l');
        fmt_i64(&w, g->buckets);
        fmt_str(&w, names[k]);
        fmt_char(&w, '\0');
        column_end(&c[k], data, room);
    }
}

static void
grid_coarsen(struct grid *g)
{
    int64_t row = g->actors * COUNTS_N;
    for (int64_t to = 0; to < g->buckets / STEP; to++)
        for (int64_t k = 0; k < row; k++) {
            int32_t sum = 0;
            for (int i = 0; i < STEP; i++) sum += g->counts[(to * STEP + i) * row + k];
            g->counts[to * row + k] = sum;
        }
    g->buckets /= STEP;
}

void
levels_columns(const struct events *e, const struct run *r, struct writer *data)
{
    struct grid g = {.mem = e->mem,
                     .start_ns = r->start_ns,
                     .length_ns = MAX(1, r->end_ns - r->start_ns),
                     .buckets = COARSEST,
                     .actors = MAX(1, r->actors.n)};
    while (g.buckets < FINEST_MOST && g.buckets * FINEST_EVENTS < e->sent.n + e->noted.n)
        g.buckets *= STEP;
    int64_t bytes = grid_bytes(&g);
    g.counts = mem_alloc(g.mem, bytes);
    grid_fill(&g, e);
    for (;;) {
        level_columns(&g, data);
        if (g.buckets == COARSEST) break;
        grid_coarsen(&g);
    }
    mem_free(g.mem, g.counts, bytes);
}
