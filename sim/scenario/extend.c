/* extends, and --set: what changes a document before it is read. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

#define EXTENDS_MAX 8

static struct tree *
find_doc(const struct trees *docs, const struct tree *but, struct slice name)
{
    for (int32_t i = 0; i < docs->n; i++) {
        const struct tree *n = tree_get(docs->v[i], S("name"));
        if (docs->v[i] != but && n && n->kind == TREE_TEXT && slice_eq(n->text, name))
            return docs->v[i];
    }
    return NULL;
}

static struct slice
sibling(struct load *l, const struct source *of, struct slice name)
{
    int64_t slash = -1;
    for (int64_t i = 0; i < of->path.n; i++)
        if (of->path.p[i] == '/') slash = i;
    struct slice dir = slice_sub(of->path, 0, slash + 1);
    return arena_format(l->a, "%.*s%.*s.yaml", SARG(dir), SARG(name));
}

static struct tree *
load_sibling(struct load *l, const struct tree *named, struct trees *ret)
{
    struct source *s = ARENA_NEW(l->a, struct source);
    s->path = sibling(l, named->mark.source, named->text);
    if (!l->options->read || !l->options->read(l->options->ctx, s->path, &s->text)) return NULL;
    *ret = tree_parse(l->a, s, l->d);
    return find_doc(ret, NULL, named->text);
}

/* What a twin must say for itself. */
static struct tree *
inheritable(struct load *l, const struct tree *base)
{
    static const char *const own[] = {"about", "catches", "name"};
    struct tree *t = tree_map(l->a, base->mark);
    for (int32_t i = 0; i < base->n; i++) {
        const struct pair *p = &base->pairs[i];
        bool skip = false;
        for (int64_t j = 0; j < ARRAY_LEN(own); j++)
            skip = skip || slice_eq(p->key, slice_cstr(own[j]));
        struct tree *v = p->value;
        if (slice_eq(p->key, S("expect")) && tree_get(v, S("must-fail"))) {
            struct tree *rest = tree_map(l->a, v->mark);
            for (int32_t j = 0; j < v->n; j++)
                if (!slice_eq(v->pairs[j].key, S("must-fail")))
                    tree_put(l->a, rest, v->pairs[j].key, v->pairs[j].mark, v->pairs[j].value);
            v = rest;
        }
        if (!skip) tree_put(l->a, t, p->key, p->mark, v);
    }
    return t;
}

struct tree *
extend(struct load *l, const struct trees *docs, struct tree *doc, int32_t depth)
{
    const struct tree *named = tree_get(doc, S("extends"));
    if (!named) return doc;
    if (named->kind != TREE_TEXT) {
        diag_error(l->d, named->mark, NULL, "extends: the name of a scenario is due here");
        return doc;
    }
    if (depth >= EXTENDS_MAX) {
        diag_error(l->d, named->mark, NULL, "scenarios extend each other in a circle");
        return doc;
    }
    struct trees others = *docs;
    struct tree *base = find_doc(docs, doc, named->text);
    if (!base) base = load_sibling(l, named, &others);
    if (!base) {
        diag_error(l->d, named->mark, "a document of this file, or NAME.yaml beside it",
                   "no scenario is called %.*s", SARG(named->text));
        return doc;
    }
    return tree_merge(l->a, inheritable(l, extend(l, &others, base, depth + 1)), doc);
}

/* ---- --set a.b.c=v ---- */

/* Configuration names have dots: the key is all of the rest. */
static bool
key_takes_rest(struct slice key)
{
    return slice_eq(key, S("config"));
}

static void
set_one(struct load *l, struct tree *doc, struct slice path, struct slice value, struct mark at)
{
    struct tree *t = doc;
    struct slice rest = path, key;
    bool all = false;
    int64_t dot0 = slice_find(path, '.', 0);
    struct slice first = slice_sub(path, 0, dot0 < 0 ? path.n : dot0);
    struct tree *clients = tree_get(doc, S("clients"));
    if (tree_get(clients, first)) t = clients;
    for (;;) {
        int64_t dot = all ? -1 : slice_find(rest, '.', 0);
        key = slice_sub(rest, 0, dot < 0 ? rest.n : dot);
        if (dot < 0) break;
        struct tree *in = tree_get(t, key);
        if (!in || in->kind != TREE_MAP) {
            in = tree_map(l->a, at);
            tree_put(l->a, t, key, at, in);
        }
        rest = slice_sub(rest, dot + 1, rest.n);
        all = key_takes_rest(key);
        t = in;
    }
    tree_put(l->a, t, key, at, tree_text(l->a, value, at));
}

void
apply_sets(struct load *l, struct tree *doc)
{
    for (int32_t i = 0; i < l->options->sets_n; i++) {
        struct slice set = l->options->sets[i];
        struct source *s = ARENA_NEW(l->a, struct source);
        s->path = S("--set");
        s->text = set;
        struct mark at = {s, 1, 1, (int32_t)set.n};
        int64_t eq = slice_find(set, '=', 0);
        if (eq <= 0) {
            diag_error(l->d, at, "like p1.acks=all", "--set needs a name, '=' and a value");
            continue;
        }
        struct slice path = slice_sub(set, 0, eq);
        if (slice_eq(path, S("extends")) || slice_eq(path, S("scenario"))) {
            diag_error(l->d, at, "change the file", "%.*s cannot be set: it says what the file is",
                       SARG(path));
            continue;
        }
        set_one(l, doc, path, slice_sub(set, eq + 1, set.n), at);
    }
}
