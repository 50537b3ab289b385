#include "sim/cli/lab/fields.h"

#include <errno.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "sim/cli/lab/lab.h"

const struct tree *
fields_open(struct fields *r, struct desk *d, const char *path)
{
    struct source *s = ARENA_NEW(&d->a, struct source);
    s->path = arena_dup(&d->a, slice_cstr(path));
    if (file_read_all(&d->a, path, &s->text)) return fields_parse(r, d, s);
    fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    return NULL;
}

const struct tree *
fields_parse(struct fields *r, struct desk *d, struct source *s)
{
    *r = (struct fields){.d = d};
    diags_init(&r->diags, &d->a);
    struct trees all = tree_parse(&d->a, s, &r->diags);
    struct mark top = {.source = s, .line = 1, .column = 1, .width = 1};
    if (all.n != 1 && !r->diags.errors)
        diag_error(&r->diags, top, NULL, "there must be one document in it");
    if (!r->diags.errors) return all.v[0];
    (void)fields_close(r);
    return NULL;
}

bool
fields_close(struct fields *r)
{
    if (!r->diags.errors) return true;
    struct writer w = writer_mem(&r->d->mem);
    diags_print(&r->diags, &w);
    fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    return false;
}

void
fields_map(struct fields *r, const struct tree *t, const char *what, const struct field *keys,
           int n, void *into)
{
    if (t->kind != TREE_MAP) {
        diag_error(&r->diags, t->mark, NULL, "%s is a map", what);
        return;
    }
    struct words known = {.arena = &r->d->a};
    for (int k = 0; k < n; k++) {
        words_add(&known, slice_cstr(keys[k].name));
        if (keys[k].is_needed && !tree_get(t, slice_cstr(keys[k].name)))
            diag_error(&r->diags, t->mark, NULL, "%s has no %s", what, keys[k].name);
    }
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        int k = 0;
        while (k < n && !slice_eq(p->key, slice_cstr(keys[k].name))) k++;
        if (k < n) keys[k].read(r, p->value, into);
        else
            diag_error(&r->diags, p->mark, words_advice(&known, p->key), "%s has no %.*s", what,
                       SARG(p->key));
    }
}

struct slice
fields_text(struct fields *r, const struct tree *t)
{
    if (t->kind == TREE_TEXT && t->text.n) return t->text;
    diag_error(&r->diags, t->mark, NULL, "this is a text");
    return SLICE_EMPTY;
}

bool
fields_number(struct fields *r, const struct tree *t, double *ret)
{
    struct slice text = fields_text(r, t);
    if (text.n && number_read(text, SLICE_NULL, ret)) return true;
    if (text.n) diag_error(&r->diags, t->mark, NULL, "%.*s is no number", SARG(text));
    return false;
}

struct slice *
fields_list(struct fields *r, const struct tree *t, int32_t *ret_n)
{
    struct slice *v = ARENA_ARRAY(&r->d->a, struct slice, t->n + 1);
    *ret_n = 0;
    if (t->kind == TREE_LIST)
        for (int32_t i = 0; i < t->n; i++) v[(*ret_n)++] = fields_text(r, t->items[i]);
    else diag_error(&r->diags, t->mark, "[one, two]", "this is a list");
    return v;
}
