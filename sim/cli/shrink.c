/* Delta debugging over a document. What is in a map or a list goes in halves, quarters … and one by one; then each
 * number is tried rounder or smaller. */
#include "sim/cli/shrink.h"

#include <string.h>

#include "broker/base/check.h"
#include "sim/scenario/value.h"

/* ---- where ---- */

/* Keys from the top; what they lead to has children that may go. */
struct place {
    struct slice keys[3];
    int32_t n;
};

static struct tree *
at_place(struct tree *doc, struct place p)
{
    struct tree *t = doc;
    for (int32_t i = 0; t && i < p.n; i++) t = tree_get(t, p.keys[i]);
    return t && t->kind != TREE_TEXT ? t : NULL;
}

static void
drop_child(struct tree *t, int32_t i)
{
    size_t behind = (size_t)(t->n - i - 1);
    if (t->kind == TREE_MAP) memmove(&t->pairs[i], &t->pairs[i + 1], behind * sizeof *t->pairs);
    else memmove(&t->items[i], &t->items[i + 1], behind * sizeof(struct tree *));
    t->n--;
}

static void
drop_key(struct tree *map, struct slice key)
{
    for (int32_t i = 0; i < map->n; i++)
        if (slice_eq(map->pairs[i].key, key)) {
            drop_child(map, i);
            return;
        }
}

/* ---- steps that name each other ---- */

static bool
mentions(const struct tree *t, struct slice name)
{
    bool found = t->kind == TREE_TEXT && t->text.n == name.n + 1 && t->text.p[0] == '$' &&
                 slice_eq(slice_sub(t->text, 1, name.n), name);
    for (int32_t i = 0; t->kind != TREE_TEXT && i < t->n; i++)
        found = found || mentions(t->kind == TREE_MAP ? t->pairs[i].value : t->items[i], name);
    return found;
}

/* What a step without this name would be about nothing goes with it. */
static void
drop_mentions(struct tree *steps, struct slice name)
{
    for (int32_t i = steps->n - 1; i >= 0; i--)
        if (mentions(steps->items[i], name)) drop_child(steps, i);
}

static struct tree *
without(struct arena *a, const struct tree *doc, struct place p, int32_t from, int32_t n)
{
    struct tree *copy = tree_copy(a, doc), *t = at_place(copy, p);
    bool is_timeline = p.n == 1 && slice_eq(p.keys[0], S("timeline"));
    struct slice *names = ARENA_ARRAY(a, struct slice, n + 1);
    int32_t names_n = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct tree *as = is_timeline ? tree_get(t->items[from], S("as")) : NULL;
        if (as && as->kind == TREE_TEXT) names[names_n++] = as->text;
        drop_child(t, from);
    }
    for (int32_t i = 0; i < names_n; i++) drop_mentions(t, names[i]);
    if (!t->n && p.n == 1) drop_key(copy, p.keys[0]);
    return copy;
}

int64_t
shrink_steps_n(const struct tree *doc)
{
    const struct tree *t = tree_get(doc, S("timeline"));
    return t && t->kind == TREE_LIST ? t->n : 0;
}

struct tree *
shrink_without_step(struct arena *a, const struct tree *doc, int64_t step)
{
    return without(a, doc, (struct place){{S("timeline")}, 1}, (int32_t)step, 1);
}

static bool
is_better(struct shrink *k, struct tree *candidate)
{
    if (!k->fails(k->ctx, candidate)) return false;
    k->best = candidate;
    return true;
}

/* ---- fewer ---- */

static bool
fewer(struct shrink *k, struct place p)
{
    bool found = false;
    const struct tree *t = at_place(k->best, p);
    for (int32_t piece = t ? t->n : 0; piece >= 1; piece /= 2) {
        for (int32_t i = 0; (t = at_place(k->best, p)) && i < t->n;) {
            int32_t n = MIN(piece, t->n - i);
            if (is_better(k, without(k->a, k->best, p, i, n))) found = true;
            else i += piece;
        }
    }
    return found;
}

/* Of each child of a map: its own children. */
static bool
fewer_in_each(struct shrink *k, const char *key)
{
    bool found = false;
    struct place p = {{slice_cstr(key)}, 1};
    const struct tree *t;
    for (int32_t i = 0; (t = at_place(k->best, p)) && t->kind == TREE_MAP && i < t->n; i++)
        found |= fewer(k, (struct place){{p.keys[0], t->pairs[i].key}, 2});
    return found;
}

/* What every document must say, or what is written anew at the end. */
static bool
is_kept(struct slice key)
{
    return slice_eq(key, S("scenario")) || slice_eq(key, S("name")) || slice_eq(key, S("about")) ||
           slice_eq(key, S("seed"));
}

static bool
fewer_keys(struct shrink *k)
{
    bool found = false;
    for (int32_t i = 0; i < k->best->n;) {
        if (!is_kept(k->best->pairs[i].key) &&
            is_better(k, without(k->a, k->best, (struct place){.n = 0}, i, 1)))
            found = true;
        else i++;
    }
    return found;
}

/* ---- simpler ---- */

/* The n-th text of the document, and the key that it belongs to; NULL: there are fewer. */
static struct tree *
nth_text(struct tree *t, struct slice key, int32_t *n, struct slice *ret_key)
{
    struct tree *found = NULL;
    if (t->kind == TREE_TEXT) {
        *ret_key = key;
        return (*n)-- == 0 ? t : NULL;
    }
    for (int32_t i = 0; i < t->n && !found; i++)
        found = t->kind == TREE_MAP ? nth_text(t->pairs[i].value, t->pairs[i].key, n, ret_key)
                                    : nth_text(t->items[i], key, n, ret_key);
    return found;
}

static bool
put_nth(struct shrink *k, int32_t n, struct slice text)
{
    struct slice key;
    struct tree *copy = tree_copy(k->a, k->best);
    nth_text(copy, SLICE_EMPTY, &n, &key)->text = text;
    return is_better(k, copy);
}

static struct slice
time_text(struct arena *a, int64_t ns)
{
    if (ns % NS_PER_S == 0) return arena_format(a, "%llds", (long long)(ns / NS_PER_S));
    if (ns % NS_PER_MS == 0) return arena_format(a, "%lldms", (long long)(ns / NS_PER_MS));
    if (ns % 1000 == 0) return arena_format(a, "%lldus", (long long)(ns / 1000));
    return arena_format(a, "%lldns", (long long)ns);
}

/* The roundest time near this one that will do. */
static bool
rounder(struct shrink *k, int32_t n, int64_t ns)
{
    static const int64_t grains[] = {NS_PER_S,       500 * NS_PER_MS, 100 * NS_PER_MS,
                                     10 * NS_PER_MS, NS_PER_MS,       1000};
    for (int64_t i = 0; i < ARRAY_LEN(grains); i++) {
        int64_t g = grains[i], near = MAX((ns + g / 2) / g, 1) * g;
        if (ns % g == 0) return false;
        if (put_nth(k, n, time_text(k->a, near))) return true;
    }
    return false;
}

static const int64_t steps[] = {1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000};

/* The smallest of a few that will do, in this unit. */
static bool
smaller(struct shrink *k, int32_t n, int64_t now, const char *unit)
{
    for (int64_t i = 0; i < ARRAY_LEN(steps) && steps[i] < now; i++)
        if (put_nth(k, n, arena_format(k->a, "%lld%s", (long long)steps[i], unit))) return true;
    return false;
}

static bool
is_one_of(struct slice key, const char *const *words, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(key, slice_cstr(words[i]))) return true;
    return false;
}

static bool
simpler(struct shrink *k, int32_t n, struct slice key, struct slice text)
{
    static const char *const counts[] = {"brokers", "controllers", "combined", "partitions",
                                         "rf",      "members",     "keys",     "value-bytes"};
    static const char *const lengths[] = {"run", "until", "at"};
    int64_t v, slash = slice_find(text, '/', 0);
    if (is_one_of(key, counts, ARRAY_LEN(counts)))
        return slice_to_i64(text, &v) && smaller(k, n, v, "");
    if (slice_eq(key, S("rate")))
        return slash > 0 && slice_to_i64(slice_sub(text, 0, slash), &v) && smaller(k, n, v, "/s");
    if (!value_time(text, &v)) return false;
    if (is_one_of(key, lengths, ARRAY_LEN(lengths)) &&
        smaller(k, n, (v + NS_PER_S - 1) / NS_PER_S, "s"))
        return true;
    return rounder(k, n, v);
}

static bool
simpler_values(struct shrink *k)
{
    bool found = false;
    for (int32_t i = 0;; i++) {
        struct slice key = SLICE_EMPTY;
        int32_t n = i;
        const struct tree *t = nth_text(k->best, SLICE_EMPTY, &n, &key);
        if (!t) return found;
        if (!is_kept(key)) found |= simpler(k, i, key, t->text);
    }
}

bool
shrink_round(struct shrink *k)
{
    bool found = fewer_in_each(k, "expect"); /* or no client could go that they name */
    found |= fewer(k, (struct place){{S("timeline")}, 1});
    found |= fewer(k, (struct place){{S("random"), S("faults")}, 2});
    found |= fewer_keys(k);
    found |= fewer(k, (struct place){{S("clients")}, 1});
    found |= fewer(k, (struct place){{S("topics")}, 1});
    found |= fewer_in_each(k, "clients");
    found |= fewer_in_each(k, "topics");
    found |= fewer(k, (struct place){{S("cluster")}, 1});
    found |= fewer_in_each(k, "cluster");
    return found | simpler_values(k);
}

/* ---- random faults become steps ---- */

bool
shrink_put_steps(struct arena *a, struct tree *doc, const struct slice *steps_text, int64_t n)
{
    struct tree *old = tree_get(doc, S("timeline"));
    struct tree *list = ARENA_NEW(a, struct tree);
    *list = (struct tree){.kind = TREE_LIST, .mark = doc->mark};
    list->items = ARENA_ARRAY(a, struct tree *, (old ? old->n : 0) + n + 1);
    for (int32_t i = 0; old && old->kind == TREE_LIST && i < old->n; i++)
        list->items[list->n++] = old->items[i];
    for (int64_t i = 0; i < n; i++) {
        struct source *source = ARENA_NEW(a, struct source);
        struct diags d;
        diags_init(&d, a);
        *source = (struct source){S("random"), steps_text[i]};
        struct trees t = tree_parse(a, source, &d);
        if (d.errors || t.n != 1) return false;
        list->items[list->n++] = t.v[0];
    }
    drop_key(doc, S("random"));
    tree_put(a, doc, S("timeline"), doc->mark, list);
    return true;
}
