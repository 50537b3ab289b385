/* What a hunt has found, as counts and buckets: added up, written as hunt.json, read back, and told. The file is
 * JSON, of which all that we write is YAML as well: the reader of scenarios reads it. */
#include <string.h>

#include "broker/base/fmt.h"
#include "broker/env/notes.h"
#include "sim/cli/hunt.h"
#include "sim/scenario/table.h"
#include "sim/scenario/tree.h"

/* ---- counting ---- */

int
gravest_of(int a, int b)
{
    static const int order[] = {EXIT_INTERRUPTED, EXIT_NONDETERMINISTIC, EXIT_DIED, EXIT_USAGE,
                                EXIT_FAIL,        EXIT_INCONCLUSIVE};
    for (int i = 0; i < ARRAY_LEN(order); i++)
        if (a == order[i] || b == order[i]) return order[i];
    return EXIT_PASS;
}

int
tally_exit_code(const struct tally *t)
{
    int code = t->interrupted ? EXIT_INTERRUPTED : !t->runs ? EXIT_INCONCLUSIVE : EXIT_PASS;
    for (int64_t i = 0; i < t->buckets.n; i++) code = gravest_of(code, t->buckets.v[i].exit_code);
    return code;
}

struct bucket *
tally_fail(struct tally *t, struct slice key, int exit_code, int64_t count)
{
    for (int64_t i = 0; i < t->buckets.n; i++) {
        struct bucket *b = &t->buckets.v[i];
        if (b->exit_code != exit_code || !slice_eq(b->key, key)) continue;
        b->count += count;
        return b;
    }
    struct bucket new = {.key = arena_dup(t->a, key), .exit_code = exit_code, .count = count};
    VEC_PUSH(t->a->mem, &t->buckets, new);
    return &t->buckets.v[t->buckets.n - 1];
}

void
bucket_add_sight(struct tally *t, struct bucket *b, const struct sight *s)
{
    if (b->sights_n == HUNT_SIGHTS_MAX) return;
    b->sights[b->sights_n++] = (struct sight){.scenario = arena_dup(t->a, s->scenario),
                                              .again = arena_dup(t->a, s->again),
                                              .seed = s->seed};
}

void
tally_reach(struct tally *t, const struct marks *m)
{
    for (int32_t i = 0; i < marks_n(); i++) t->reached[i] += mark_is_reached(m, i);
}

void
tally_add(struct tally *sum, const struct tally *t)
{
    sum->runs += t->runs;
    sum->passed += t->passed;
    sum->twice += t->twice;
    sum->virtual_ns += t->virtual_ns;
    sum->events += t->events;
    sum->acknowledged += t->acknowledged;
    sum->wall_ns += t->wall_ns;
    sum->peak_bytes = MAX(sum->peak_bytes, t->peak_bytes);
    sum->interrupted = sum->interrupted || t->interrupted;
    for (int32_t i = 0; i < marks_n(); i++) sum->reached[i] += t->reached[i];
    for (int64_t i = 0; i < t->buckets.n; i++) {
        const struct bucket *from = &t->buckets.v[i];
        struct bucket *b = tally_fail(sum, from->key, from->exit_code, from->count);
        for (int32_t j = 0; j < from->sights_n; j++) bucket_add_sight(sum, b, &from->sights[j]);
    }
}

/* ---- as JSON ---- */

struct number {
    const char *name;
    int64_t *at;
};

#define NUMBERS_N 10
static void
numbers_of(struct tally *t, struct number ret[NUMBERS_N])
{
    struct number all[NUMBERS_N] = {
        {"shard", &t->shard},     {"shards", &t->shards},
        {"runs", &t->runs},       {"passed", &t->passed},
        {"twice", &t->twice},     {"virtual_ns", &t->virtual_ns},
        {"events", &t->events},   {"acknowledged", &t->acknowledged},
        {"wall_ns", &t->wall_ns}, {"peak_bytes", &t->peak_bytes},
    };
    memcpy(ret, all, sizeof all);
}

/* {"place log-diverged":12, …}: in so many runs; or the names of those that no run has reached. */
static void
json_reached(const struct tally *t, struct writer *w)
{
    bool any = false;
    for (int32_t i = 0; i < marks_n(); i++) {
        if (!t->reached[i]) continue;
        if (any) fmt_char(w, ',');
        fmt_json(w, mark_name(t->a, i));
        fmt_char(w, ':');
        fmt_i64(w, t->reached[i]);
        any = true;
    }
}

static void
json_never_reached(const struct tally *t, struct writer *w)
{
    bool any = false;
    for (int32_t i = 0; i < marks_n(); i++) {
        if (t->reached[i]) continue;
        if (any) fmt_char(w, ',');
        fmt_json(w, mark_name(t->a, i));
        any = true;
    }
}

static void
json_bucket(const struct bucket *b, struct writer *w)
{
    fmt_str(w, "{\"key\":");
    fmt_json(w, b->key);
    fmt_str(w, ",\"exit\":");
    fmt_i64(w, b->exit_code);
    fmt_str(w, ",\"count\":");
    fmt_i64(w, b->count);
    fmt_str(w, ",\"first\":[");
    for (int32_t i = 0; i < b->sights_n; i++) {
        fmt_str(w, i ? ",{\"scenario\":" : "{\"scenario\":");
        fmt_json(w, b->sights[i].scenario);
        fmt_str(w, ",\"seed\":");
        fmt_u64(w, b->sights[i].seed);
        fmt_str(w, ",\"again\":");
        fmt_json(w, b->sights[i].again);
        fmt_char(w, '}');
    }
    fmt_str(w, "]}");
}

void
tally_json(const struct tally *t, struct writer *w)
{
    struct tally copy = *t;
    struct number numbers[NUMBERS_N];
    numbers_of(&copy, numbers);
    fmt_str(w, "{\"schema\":2,\"scenarios\":");
    fmt_json(w, t->scenarios);
    fmt_str(w, ",\"from\":");
    fmt_u64(w, t->from);
    fmt_str(w, ",\"to\":");
    fmt_u64(w, t->to);
    for (int i = 0; i < NUMBERS_N; i++) {
        fmt_char(w, ',');
        fmt_json(w, slice_cstr(numbers[i].name));
        fmt_char(w, ':');
        fmt_i64(w, *numbers[i].at);
    }
    fmt_str(w, t->ended ? ",\"ended\":true" : ",\"ended\":false");
    fmt_str(w, t->interrupted ? ",\"interrupted\":true" : ",\"interrupted\":false");
    fmt_str(w, ",\"exit\":");
    fmt_i64(w, tally_exit_code(t));
    fmt_str(w, ",\n\"buckets\":[");
    for (int64_t i = 0; i < t->buckets.n; i++) {
        fmt_str(w, i ? ",\n" : "\n");
        json_bucket(&t->buckets.v[i], w);
    }
    fmt_str(w, "],\n\"reached\":{");
    json_reached(t, w);
    fmt_str(w, "},\n\"never_reached\":[");
    json_never_reached(t, w);
    fmt_str(w, "]}\n");
}

/* ---- read back ---- */

static bool
tally_read_i64(const struct tree *map, const char *key, int64_t *ret)
{
    const struct tree *t = tree_get(map, slice_cstr(key));
    return t && t->kind == TREE_TEXT && slice_to_i64(t->text, ret) && *ret >= 0;
}

static bool
tally_read_text(const struct tree *map, const char *key, struct slice *ret)
{
    const struct tree *t = tree_get(map, slice_cstr(key));
    if (!t || t->kind != TREE_TEXT) return false;
    *ret = t->text;
    return true;
}

static bool
tally_read_flag(const struct tree *map, const char *key, bool *ret)
{
    struct slice s;
    if (!tally_read_text(map, key, &s)) return false;
    *ret = slice_eq(s, S("true"));
    return *ret || slice_eq(s, S("false"));
}

static const struct tree *
tally_read_list(const struct tree *map, const char *key)
{
    const struct tree *t = tree_get(map, slice_cstr(key));
    return t && t->kind == TREE_LIST ? t : NULL;
}

static bool
tally_read_bucket(struct tally *t, const struct tree *one)
{
    int64_t exit_code, count, seed;
    struct slice key;
    const struct tree *first;
    if (one->kind != TREE_MAP || !tally_read_text(one, "key", &key) || !key.n ||
        !tally_read_i64(one, "exit", &exit_code) || exit_code > EXIT_NONDETERMINISTIC ||
        !exit_code || !tally_read_i64(one, "count", &count) ||
        !(first = tally_read_list(one, "first")))
        return false;
    struct bucket *b = tally_fail(t, key, (int)exit_code, count);
    for (int32_t i = 0; i < first->n; i++) {
        struct sight s;
        if (first->items[i]->kind != TREE_MAP ||
            !tally_read_text(first->items[i], "scenario", &s.scenario) ||
            !tally_read_text(first->items[i], "again", &s.again) ||
            !tally_read_i64(first->items[i], "seed", &seed))
            return false;
        s.seed = (uint64_t)seed;
        bucket_add_sight(t, b, &s);
    }
    return true;
}

/* Marks that this program does not know are of another one's. */
static bool
tally_read_reached(struct tally *t, const struct tree *map)
{
    for (int32_t i = 0; i < marks_n(); i++) {
        struct slice name = mark_name(t->a, i);
        if (tree_get(map, name) && !tally_read_i64(map, (const char *)name.p, &t->reached[i]))
            return false;
    }
    return true;
}

static bool
tally_read_all(struct tally *t, const struct tree *map)
{
    struct number numbers[NUMBERS_N];
    int64_t schema, from, to;
    const struct tree *buckets, *reached;
    numbers_of(t, numbers);
    if (!tally_read_i64(map, "schema", &schema) || schema != 2) return false;
    for (int i = 0; i < NUMBERS_N; i++)
        if (!tally_read_i64(map, numbers[i].name, numbers[i].at)) return false;
    if (!tally_read_text(map, "scenarios", &t->scenarios) || !tally_read_i64(map, "from", &from) ||
        !tally_read_i64(map, "to", &to) || !tally_read_flag(map, "ended", &t->ended) ||
        !tally_read_flag(map, "interrupted", &t->interrupted) || t->shards > HUNT_SHARDS_MAX ||
        t->shard > t->shards)
        return false;
    t->from = (uint64_t)from, t->to = (uint64_t)to;
    reached = tree_get(map, S("reached"));
    if (!(buckets = tally_read_list(map, "buckets")) || !reached || reached->kind != TREE_MAP)
        return false;
    for (int32_t i = 0; i < buckets->n; i++)
        if (!tally_read_bucket(t, buckets->items[i])) return false;
    return tally_read_reached(t, reached);
}

bool
tally_read(struct tally *t, struct arena *a, const char *path, struct slice text)
{
    struct source *source = ARENA_NEW(a, struct source);
    struct diags d;
    *source = (struct source){slice_cstr(path), text};
    *t = (struct tally){.a = a};
    diags_init(&d, a);
    struct trees all = tree_parse(a, source, &d);
    if (!d.errors && all.n == 1 && all.v[0]->kind == TREE_MAP && tally_read_all(t, all.v[0]))
        return true;
    fprintf(stderr, "gregor: %s is no report of a hunt (gregor hunt --out DIR writes one)\n", path);
    return false;
}

/* ---- for people ---- */

/* The rarest that were reached, and those that never were. */
#define RAREST_N 8

static void
human_rarest(const struct tally *t, FILE *f)
{
    int64_t at_least = 1;
    int32_t shown = 0;
    fputs("rarest:", f);
    while (shown < RAREST_N) {
        int64_t least = INT64_MAX;
        for (int32_t i = 0; i < marks_n(); i++)
            if (t->reached[i] >= at_least) least = MIN(least, t->reached[i]);
        if (least == INT64_MAX) break;
        for (int32_t i = 0; i < marks_n() && shown < RAREST_N; i++) {
            if (t->reached[i] != least) continue;
            fprintf(f, "%s %.*s (%lld)", shown++ ? "," : "", SARG(mark_name(t->a, i)),
                    (long long)least);
        }
        at_least = least + 1;
    }
    fputc('\n', f);
}

static void
human_marks(const struct tally *t, FILE *f)
{
    int32_t reached = 0;
    for (int32_t i = 0; i < marks_n(); i++) reached += t->reached[i] > 0;
    fprintf(f, "reached %d of %d marks", (int)reached, (int)marks_n());
    const char *before = "; never: ";
    for (int32_t i = 0; i < marks_n(); i++) {
        if (t->reached[i]) continue;
        fprintf(f, "%s%.*s", before, SARG(mark_name(t->a, i)));
        before = ", ";
    }
    fputc('\n', f);
    if (reached) human_rarest(t, f);
}

void
tally_human(const struct tally *t, FILE *f)
{
    double wall_s = (double)t->wall_ns / 1e9;
    for (int64_t i = 0; i < t->buckets.n; i++) {
        const struct bucket *b = &t->buckets.v[i];
        fprintf(f, "%lld × %.*s (exit %d)\n", (long long)b->count, SARG(b->key), b->exit_code);
        for (int32_t j = 0; j < b->sights_n; j++)
            fprintf(f, "      %.*s\n", SARG(b->sights[j].again));
    }
    fprintf(f, "%lld run%s in %.1f s (%.1f a second), %lld passed, %lld not, in %lld bucket%s",
            (long long)t->runs, t->runs == 1 ? "" : "s", wall_s,
            wall_s > 0 ? (double)t->runs / wall_s : 0.0, (long long)t->passed,
            (long long)(t->runs - t->passed), (long long)t->buckets.n,
            t->buckets.n == 1 ? "" : "s");
    fprintf(f, "; %lld made twice; %.1f minutes of cluster life, %lld records acknowledged\n",
            (long long)t->twice, (double)t->virtual_ns / 6e10, (long long)t->acknowledged);
    human_marks(t, f);
}
