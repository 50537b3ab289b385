#include "sim/scenario/preset.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

struct filling {
    struct load *l;
    const struct tree *preset,
        *user; /* parameters: as the file has them; as the step says (NULL: nothing) */
    struct slice name;
    struct mark mark; /* of the step: what is wrong is wrong there */
    bool is_wrong;
};

struct tree *
preset_read(struct arena *a, int32_t i)
{
    struct source *source = ARENA_NEW(a, struct source);
    struct diags d;
    *source = (struct source){slice_cstr(preset_files[i].name), slice_cstr(preset_files[i].text)};
    diags_init(&d, a);
    struct trees docs = tree_parse(a, source, &d);
    CHECK(docs.n == 1 && !d.errors);
    return docs.v[0];
}

/* ---- parameters ---- */

/* NULL: nobody says. */
static const struct tree *
value_of(const struct filling *f, struct slice parameter)
{
    const struct tree *own = f->user ? tree_get(f->user, parameter) : NULL;
    const struct tree *row = f->preset ? tree_get(f->preset, parameter) : NULL;
    CHECK(row);
    return own ? own : tree_get(row, S("is"));
}

static bool
is_parameter(struct slice text)
{
    return text.n > 2 && text.p[0] == '<' && slice_find(text, '>', 0) == text.n - 1;
}

/* "coordinator(<of>)", with what <of> is. */
static struct slice
fill_text(struct filling *f, struct slice text)
{
    struct arena *a = f->l->a;
    struct writer w = writer_mem(a->mem);
    for (int64_t at = 0; at < text.n;) {
        int64_t begin = slice_find(text, '<', at), end = slice_find(text, '>', MAX(begin, 0));
        if (begin < 0 || end < 0) begin = end = text.n;
        fmt_slice(&w, slice_sub(text, at, begin - at));
        if (begin < text.n) {
            struct slice name = slice_sub(text, begin + 1, end - begin - 1);
            const struct tree *value = value_of(f, name);
            if (!value || value->kind != TREE_TEXT) {
                diag_error(f->l->d, f->mark,
                           (const char *)arena_format(a, "with: {%.*s: …}", SARG(name)).p,
                           "%.*s needs one %.*s", SARG(f->name), SARG(name));
                f->is_wrong = true;
                break;
            }
            fmt_slice(&w, value->text);
        }
        at = end + 1;
    }
    struct slice s = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* Names that its steps give are its own. */
static struct slice
own_name(const struct filling *f, struct slice name)
{
    return arena_format(f->l->a, "%.*s.%.*s", SARG(f->name), SARG(name));
}

static struct tree *fill_tree(struct filling *f, const struct tree *t);

static struct tree *
fill_map(struct filling *f, const struct tree *t)
{
    struct tree *map = tree_map(f->l->a, f->mark);
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        bool is_text = p->value->kind == TREE_TEXT;
        struct tree *value = is_text && slice_eq(p->key, S("as"))
                               ? tree_text(f->l->a, own_name(f, p->value->text), f->mark)
                               : fill_tree(f, p->value);
        if (value) tree_put(f->l->a, map, p->key, f->mark, value);
    }
    return map;
}

/* NULL: a parameter that nobody says. */
static struct tree *
fill_tree(struct filling *f, const struct tree *t)
{
    struct arena *a = f->l->a;
    if (t->kind == TREE_MAP) return fill_map(f, t);
    if (t->kind == TREE_TEXT && is_parameter(t->text)) {
        const struct tree *value = value_of(f, slice_sub(t->text, 1, t->text.n - 2));
        return value ? tree_copy(a, value) : NULL;
    }
    if (t->kind == TREE_TEXT && t->text.n > 1 && t->text.p[0] == '$')
        return tree_text(
            a, arena_format(a, "$%.*s", SARG(own_name(f, slice_sub(t->text, 1, t->text.n - 1)))),
            f->mark);
    if (t->kind == TREE_TEXT) return tree_text(a, fill_text(f, t->text), f->mark);
    struct tree *list = ARENA_NEW(a, struct tree);
    *list = (struct tree){.kind = TREE_LIST, .mark = f->mark};
    list->items = ARENA_ARRAY(a, struct tree *, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct tree *one = fill_tree(f, t->items[i]);
        if (one) list->items[list->n++] = one;
    }
    return list;
}

/* ---- the step ---- */

static bool
is_of_step(struct slice key)
{
    return field_find(&step_fields, key) != NULL;
}

static struct tree *
find_preset(struct load *l, const struct tree *name)
{
    struct words words = {.arena = l->a};
    for (int32_t i = 0; i < preset_files_n; i++) {
        struct slice one = slice_cstr(preset_files[i].name);
        if (name->kind == TREE_TEXT && slice_eq(one, name->text)) return preset_read(l->a, i);
        words_add(&words, one);
    }
    struct slice wrong = name->kind == TREE_TEXT ? name->text : SLICE_EMPTY;
    diag_error(l->d, name->mark, words_advice(&words, wrong), "no preset is called '%.*s'",
               SARG(wrong));
    return NULL;
}

static bool
keys_are_known(struct load *l, const struct tree *step, const struct filling *f)
{
    bool ok = true;
    for (int32_t i = 0; i < step->n; i++) {
        struct slice key = step->pairs[i].key;
        if (is_of_step(key) || slice_eq(key, S("preset")) || slice_eq(key, S("with"))) continue;
        diag_error(l->d, step->pairs[i].mark, "with: {…}", "a step with a preset has no key '%.*s'",
                   SARG(key));
        ok = false;
    }
    if (f->user && f->user->kind != TREE_MAP) return want_map(l, f->user, "with");
    for (int32_t i = 0; f->user && i < f->user->n; i++) {
        struct words words = {.arena = l->a};
        if (f->preset && tree_get(f->preset, f->user->pairs[i].key)) continue;
        for (int32_t k = 0; f->preset && k < f->preset->n; k++)
            words_add(&words, f->preset->pairs[k].key);
        diag_error(l->d, f->user->pairs[i].mark, words_advice(&words, f->user->pairs[i].key),
                   "%.*s has no '%.*s'", SARG(f->name), SARG(f->user->pairs[i].key));
        ok = false;
    }
    return ok;
}

struct trees
preset_expand(struct load *l, struct tree *step)
{
    struct trees ret = {ARENA_ARRAY(l->a, struct tree *, 1), 1};
    ret.v[0] = step;
    const struct tree *name = step->kind == TREE_MAP ? tree_get(step, S("preset")) : NULL;
    if (!name) return ret;
    ret.n = 0;
    const struct tree *doc = find_preset(l, name);
    if (!doc) return ret;
    struct filling f = {.l = l,
                        .preset = tree_get(doc, S("with")),
                        .user = tree_get(step, S("with")),
                        .name = name->text,
                        .mark = step->mark};
    const struct tree *steps = tree_get(doc, S("steps"));
    if (!keys_are_known(l, step, &f)) return ret;
    if (steps->n > 1 && tree_get(step, S("every"))) {
        diag_error(l->d, step->mark, "a step for each time", "every: %.*s has several steps",
                   SARG(f.name));
        return ret;
    }
    ret.v = ARENA_ARRAY(l->a, struct tree *, steps->n);
    for (int32_t i = 0; i < steps->n && !f.is_wrong; i++)
        ret.v[ret.n++] = fill_tree(&f, steps->items[i]);
    for (int32_t i = 0; i < step->n && !f.is_wrong; i++)
        if (is_of_step(step->pairs[i].key))
            tree_put(l->a, ret.v[0], step->pairs[i].key, step->pairs[i].mark, step->pairs[i].value);
    if (f.is_wrong) ret.n = 0;
    return ret;
}
