/* For whoever types: what there is (`help`), and how a word that is begun may go on. All of it comes from the tables that
 * read the words. */
#include "sim/scenario/outside.h"

#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "sim/net/answer.h"
#include "sim/scenario/preset.h"
#include "sim/scenario/run_internal.h"
#include "sim/scenario/table.h"

/* ---- help ---------------------------------------------------------------------------------------------------- */

static void
put_row(struct writer *w, const char *indent, struct slice name, struct slice about)
{
    fmt_str(w, indent);
    fmt_slice(w, name);
    for (int64_t i = name.n; i < 16; i++) fmt_char(w, ' ');
    fmt_char(w, ' ');
    fmt_slice(w, about);
    fmt_char(w, '\n');
}

static void
put_fields(struct writer *w, const char *title, const struct fields *f)
{
    if (f->n) fmt_str(w, title), fmt_char(w, '\n');
    for (int32_t i = 0; i < f->n; i++)
        put_row(w, "    ", slice_cstr(f->v[i].name), slice_cstr(f->v[i].about));
}

static struct slice
preset_says(struct arena *a, int32_t i, const char *key)
{
    const struct tree *t = preset_read(a, i), *v = tree_get(t, slice_cstr(key));
    return v && v->kind == TREE_TEXT ? v->text : SLICE_EMPTY;
}

static void
help_targets(struct arena *a, struct writer *w)
{
    (void)a;
    for (int32_t i = 0; i < targets_n; i++)
        put_row(w, "  ", slice_cstr(targets[i].name), slice_cstr(targets[i].about));
}

static void
help_presets(struct arena *a, struct writer *w)
{
    for (int32_t i = 0; i < preset_files_n; i++)
        put_row(w, "  ", slice_cstr(preset_files[i].name), preset_says(a, i, "about"));
}

static void
help_conditions(struct arena *a, struct writer *w)
{
    (void)a;
    for (int32_t i = 0; i < CONDS_N; i++)
        put_row(w, "  ", slice_cstr(conds[i].value.name), slice_cstr(conds[i].value.about));
}

static void
help_all(struct arena *a, struct writer *w)
{
    (void)a;
    fmt_str(w,
            "A line is a step: crash b1 · cut [b1, rest] · {crash: leader(orders-0), for: 3s}\n\n");
    for (int32_t i = 0; i < VERBS_N; i++)
        put_row(w, "  ", slice_cstr(verbs[i].value.name), slice_cstr(verbs[i].value.about));
    put_row(w, "  ", S("end"), S("heals everything, judges, and writes the run down"));
    fmt_str(w, "\nhelp VERB says more of one, help targets to whom it can happen, help presets "
               "what happens to\n"
               "clusters by its name, help conditions what a step may wait for. Tab goes on with a "
               "word.\n");
}

static const struct {
    const char *name;
    void (*tell)(struct arena *a, struct writer *w);
} topics[] = {
    {"targets", help_targets}, {"presets", help_presets}, {"conditions", help_conditions}};

static void
help_verb(const struct verb *v, struct writer *w)
{
    put_row(w, "", slice_cstr(v->value.name), slice_cstr(v->value.about));
    put_fields(w, "  in it:", &v->inner);
    put_fields(w, "  beside it:", &v->beside);
    fmt_str(w, "  for example:  "), fmt_str(w, v->example), fmt_char(w, '\n');
}

static void
help_preset(struct arena *a, int32_t i, struct writer *w)
{
    const struct tree *with = tree_get(preset_read(a, i), S("with"));
    put_row(w, "preset ", slice_cstr(preset_files[i].name), preset_says(a, i, "about"));
    put_row(w, "  finds: ", preset_says(a, i, "finds"), SLICE_EMPTY);
    for (int32_t k = 0; with && k < with->n; k++) {
        const struct tree *is = tree_get(with->pairs[k].value, S("is")),
                          *about = tree_get(with->pairs[k].value, S("about"));
        put_row(w, "    ", with->pairs[k].key, about ? about->text : SLICE_EMPTY);
        if (is && is->text.n) put_row(w, "        else ", is->text, SLICE_EMPTY);
    }
}

void
run_help(struct arena *a, struct slice about, struct writer *w)
{
    struct words known = {.arena = a};
    if (!about.n) {
        help_all(a, w);
        return;
    }
    for (int32_t i = 0; i < ARRAY_LEN(topics); i++) {
        words_add(&known, slice_cstr(topics[i].name));
        if (!slice_eq(about, slice_cstr(topics[i].name))) continue;
        topics[i].tell(a, w);
        return;
    }
    for (int32_t i = 0; i < VERBS_N; i++) {
        words_add(&known, slice_cstr(verbs[i].value.name));
        if (!slice_eq(about, slice_cstr(verbs[i].value.name))) continue;
        help_verb(&verbs[i], w);
        return;
    }
    for (int32_t i = 0; i < preset_files_n; i++) {
        words_add(&known, slice_cstr(preset_files[i].name));
        if (!slice_eq(about, slice_cstr(preset_files[i].name))) continue;
        help_preset(a, i, w);
        return;
    }
    fmt_str(w, "there is no help about "), fmt_slice(w, about), fmt_str(w, ": ");
    fmt_str(w, words_advice(&known, about)), fmt_char(w, '\n');
}

/* ---- how a word may go on ------------------------------------------------------------------------------------- */

/* Of a line up to where it is typed: the word that is begun, what it stands behind, and of which key it is a value. */
struct cursor {
    struct slice all, word, first; /* first: the step's verb, as far as it stands there */
    struct slice key;              /* empty: it is a key itself */
    bool is_inner;                 /* in braces within the step */
};

static bool
is_of_word(uint8_t c)
{
    return c > ' ' && !strchr("{}[],:", c);
}

static int64_t
skip_back(struct slice s, int64_t end)
{
    while (end > 0 && s.p[end - 1] == ' ') end--;
    return end;
}

/* The word that ends here, blanks behind it left out. */
static struct slice
word_before(struct slice s, int64_t end)
{
    end = skip_back(s, end);
    int64_t at = end;
    while (at > 0 && is_of_word(s.p[at - 1])) at--;
    return slice_sub(s, at, end - at);
}

/* Where the list begins that is not closed yet; -1: there is none. */
static int64_t
open_list(struct slice s, int64_t end)
{
    int64_t at = -1;
    for (int64_t i = 0; i < end; i++) {
        if (s.p[i] == '[') at = i;
        if (s.p[i] == ']') at = -1;
    }
    return at;
}

static struct cursor
cursor_of(struct slice line)
{
    struct cursor c = {.all = line};
    int64_t at = line.n, begin = 0;
    while (at > 0 && is_of_word(line.p[at - 1])) at--;
    c.word = slice_sub(line, at, line.n - at);
    while (begin < line.n && (line.p[begin] == ' ' || line.p[begin] == '{')) begin++;
    int64_t stop = begin, list = open_list(line, at), mark = skip_back(line, at) - 1;
    while (stop < line.n && is_of_word(line.p[stop])) stop++;
    c.first = slice_sub(line, begin, stop - begin);
    for (int64_t i = stop; i < at; i++)
        c.is_inner = line.p[i] == '{' || (c.is_inner && line.p[i] != '}');
    if (list >= 0) {
        int64_t colon = skip_back(line, list) - 1;
        c.key = colon >= 0 && line.p[colon] == ':' ? word_before(line, colon) : c.first;
    } else if (mark >= 0 && line.p[mark] == ':') {
        c.key = word_before(line, mark);
    } else if (mark >= 0 && mark < stop) {
        c.key = c.first; /* crash le */
    }
    return c;
}

static const struct verb *
verb_named(struct slice name)
{
    for (int32_t i = 0; i < VERBS_N; i++)
        if (slice_eq(name, slice_cstr(verbs[i].value.name))) return &verbs[i];
    return NULL;
}

static void
add_machines(const struct run *r, struct words *w)
{
    static const char *const roles[] = {"all",        "brokers",       "controllers", "clients",
                                        "controller", "quorum-leader", "busiest",     "rest"};
    for (int32_t i = 0; i < world_machines_n(r->w); i++)
        words_add(w, world_machine_at(r->w, i)->name);
    for (int64_t i = 0; i < ARRAY_LEN(roles); i++) words_add(w, slice_cstr(roles[i]));
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (slice_starts(p->topic, S("__"))) continue;
        words_add(w, arena_format(w->arena, "leader(%.*s)", SARG(p->name)));
        words_add(w, arena_format(w->arena, "followers(%.*s)", SARG(p->name)));
    }
    for (int64_t i = 0; i < run_groups_known(r); i++)
        words_add(w, arena_format(w->arena, "coordinator(%.*s)", SARG(run_group_known(r, i))));
}

static void
add_topics(const struct run *r, bool with_partition, struct words *w)
{
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (slice_starts(p->topic, S("__"))) continue;
        if (with_partition) words_add(w, p->name);
        else if (p->partition == 0) words_add(w, p->topic);
    }
}

/* A value follows. */
static void
add_fields(const struct fields *f, struct words *w)
{
    for (int32_t i = 0; i < f->n; i++) words_add(w, arena_format(w->arena, "%s:", f->v[i].name));
}

static void
add_choices(const struct field *f, struct words *w)
{
    for (const char *at = f->choices; at && *at;) {
        const char *end = strchr(at, '|');
        int64_t n = end ? end - at : (int64_t)strlen(at);
        words_add(w, slice(at, n));
        at += n + (end != NULL);
    }
}

static void
add_apis(struct words *w)
{
    struct slice name;
    struct answer_error e;
    for (int16_t i = 0; i < 128; i++)
        if (k_api_of(i) && answer_error_at(i, 0, &name, &e)) words_add(w, k_api_name(i));
}

/* Those of the request that the line names. */
static void
add_errors(struct slice line, struct words *w)
{
    struct slice name;
    struct answer_error e;
    int64_t rpc = -1;
    for (int64_t i = 0; i + 4 < line.n; i++)
        if (slice_eq(slice_sub(line, i, 4), S("rpc:"))) rpc = i + 4;
    while (rpc >= 0 && rpc < line.n && line.p[rpc] == ' ') rpc++;
    int64_t end = rpc;
    while (rpc >= 0 && end < line.n && is_of_word(line.p[end])) end++;
    for (int16_t i = 0; rpc >= 0 && i < 128; i++)
        if (k_api_of(i) && slice_eq(k_api_name(i), slice_sub(line, rpc, end - rpc)))
            for (int32_t n = 0; answer_error_at(i, n, &name, &e); n++) words_add(w, name);
}

static const struct field *
field_named(const struct verb *v, struct slice name)
{
    const struct fields all[] = {v->inner, v->beside, {&v->value, 1}, step_fields};
    for (int k = 0; k < (int)ARRAY_LEN(all); k++)
        for (int32_t i = 0; i < all[k].n; i++)
            if (slice_eq(name, slice_cstr(all[k].v[i].name))) return &all[k].v[i];
    return NULL;
}

static void
add_values(const struct run *r, const struct field *f, struct slice line, struct words *w)
{
    bool ends =
        slice_eq(slice_cstr(f->name), S("heal")) || slice_eq(slice_cstr(f->name), S("release"));
    if (ends) {
        words_add(w, S("all"));
        run_add_lasting(r, w);
        return;
    }
    switch (f->kind) {
    case VALUE_TARGET:
    case VALUE_SIDES:
    case VALUE_BROKERS: add_machines(r, w); break;
    case VALUE_PARTITION: add_topics(r, true, w); break;
    case VALUE_API: add_apis(w); break;
    case VALUE_CHOICE: add_choices(f, w); break;
    case VALUE_BOOL:
    case VALUE_TRISTATE: words_add(w, S("true")), words_add(w, S("false")); break;
    default: break;
    }
    if (slice_eq(slice_cstr(f->name), S("topic"))) add_topics(r, false, w);
    if (slice_eq(slice_cstr(f->name), S("error"))) add_errors(line, w);
    if (slice_eq(slice_cstr(f->name), S("preset")))
        for (int32_t i = 0; i < preset_files_n; i++) words_add(w, slice_cstr(preset_files[i].name));
}

static void
add_verbs(struct words *w)
{
    for (int32_t i = 0; i < VERBS_N; i++) words_add(w, slice_cstr(verbs[i].value.name));
}

/* All that may stand here. */
static void
add_what_fits(const struct run *r, const struct cursor *c, struct words *w)
{
    const struct verb *v = verb_named(c->first);
    const struct field *f = v && c->key.n ? field_named(v, c->key) : NULL;
    if (!c->first.n || c->first.p == c->word.p) {
        add_verbs(w);
        words_add(w, S("help")), words_add(w, S("end"));
    } else if (slice_eq(c->first, S("help"))) {
        add_verbs(w);
        for (int64_t i = 0; i < ARRAY_LEN(topics); i++) words_add(w, slice_cstr(topics[i].name));
        for (int32_t i = 0; i < preset_files_n; i++) words_add(w, slice_cstr(preset_files[i].name));
    } else if (f) {
        add_values(r, f, c->all, w);
    } else if (v && !c->key.n) {
        add_fields(c->is_inner ? &v->inner : &v->beside, w);
        if (!c->is_inner) words_add(w, S("as:"));
    }
}

struct slice
run_complete(struct run *r, struct slice line, struct words *ret)
{
    struct words all = {.arena = ret->arena};
    struct cursor c = cursor_of(line);
    add_what_fits(r, &c, &all);
    for (int64_t i = 0; i < all.v.n; i++) {
        bool is_there = false;
        if (!slice_starts(all.v.v[i], c.word)) continue;
        for (int64_t k = 0; k < ret->v.n; k++) is_there |= slice_eq(ret->v.v[k], all.v.v[i]);
        if (!is_there) words_add(ret, all.v.v[i]);
    }
    VEC_RELEASE(all.arena->mem, &all.v);
    return c.word;
}
