/* progress.yaml: how far a student is with a lab, what they predicted, and what they said after the run. */
#include <errno.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/lab.h"

static const char *const state_words[] = {"new", "started", "run", "done"};

const char *
lab_state_text(enum lab_state s)
{
    return state_words[s];
}

static void
read_said(struct desk *d, const struct tree *t, struct progress *p, bool is_prediction)
{
    for (int32_t i = 0; t && t->kind == TREE_MAP && i < t->n; i++)
        if (t->pairs[i].value->kind == TREE_TEXT)
            said_put(d, p, is_prediction, t->pairs[i].key, t->pairs[i].value->text);
}

void
progress_read(struct desk *d, struct slice mine, struct progress *ret)
{
    struct source *s = ARENA_NEW(&d->a, struct source);
    struct diags diags;
    struct writer w = writer_mem(&d->mem);
    *ret = (struct progress){0};
    diags_init(&diags, &d->a);
    s->path = arena_format(&d->a, "%.*s/progress.yaml", SARG(mine));
    if (!file_read_all(&d->a, (const char *)s->path.p, &s->text)) return;
    struct trees all = tree_parse(&d->a, s, &diags);
    if (diags.errors || all.n != 1 || all.v[0]->kind != TREE_MAP) {
        diags_print(&diags, &w);
        fwrite(w.p, 1, (size_t)w.n, stderr);
        fprintf(stderr, "gregor: %.*s is damaged; the lab counts as started only\n", SARG(s->path));
        writer_release(&w);
        ret->state = LAB_STARTED;
        return;
    }
    const struct tree *state = tree_get(all.v[0], S("state")),
                      *hints = tree_get(all.v[0], S("hints"));
    for (int i = 0; state && i < ARRAY_LEN(state_words); i++)
        if (slice_eq(state->text, slice_cstr(state_words[i]))) ret->state = (enum lab_state)i;
    if (hints && hints->kind == TREE_TEXT) (void)slice_to_i64(hints->text, &ret->hints);
    read_said(d, tree_get(all.v[0], S("predicted")), ret, true);
    read_said(d, tree_get(all.v[0], S("answered")), ret, false);
}

bool
progress_write(struct desk *d, struct slice mine, const struct lab *l, const struct progress *p)
{
    struct writer w = writer_mem(&d->mem);
    const char *path = path_join(d, mine, "progress.yaml");
    fmt_str(&w, "# gregor lab keeps here how far you are. Your answers go into answers.yaml, or: "
                "gregor lab predict\n");
    fmt_slice(&w, arena_format(&d->a, "lab: %.*s\nstate: %s\nhints: %lld\n", SARG(l->id),
                               state_words[p->state], (long long)p->hints));
    for (int pass = 0; pass < 2; pass++) {
        int64_t n = pass ? p->answered.n : p->predicted.n;
        const struct said *v = pass ? p->answered.v : p->predicted.v;
        if (n) fmt_str(&w, pass ? "answered:\n" : "predicted:\n");
        for (int64_t i = 0; i < n; i++) {
            fmt_slice(&w, arena_format(&d->a, "  %.*s: ", SARG(v[i].id)));
            fmt_json(&w, v[i].text);
            fmt_char(&w, '\n');
        }
    }
    bool ok =
        make_dir((const char *)arena_dup(&d->a, mine).p) && file_write_all(path, writer_slice(&w));
    if (!ok) fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    writer_release(&w);
    return ok;
}

void
said_put(struct desk *d, struct progress *p, bool is_prediction, struct slice id, struct slice text)
{
    struct said one = {arena_dup(&d->a, id), arena_dup(&d->a, text)};
    struct said *v = is_prediction ? p->predicted.v : p->answered.v;
    int64_t n = is_prediction ? p->predicted.n : p->answered.n;
    for (int64_t i = 0; i < n; i++) {
        if (!slice_eq(v[i].id, id)) continue;
        v[i].text = one.text;
        return;
    }
    if (is_prediction) VEC_PUSH(&d->mem, &p->predicted, one);
    else VEC_PUSH(&d->mem, &p->answered, one);
}

struct slice
progress_said(const struct progress *p, struct slice id)
{
    for (int64_t i = 0; i < p->answered.n; i++)
        if (slice_eq(p->answered.v[i].id, id)) return p->answered.v[i].text;
    for (int64_t i = 0; i < p->predicted.n; i++)
        if (slice_eq(p->predicted.v[i].id, id)) return p->predicted.v[i].text;
    return SLICE_NULL;
}
