/* A scenario written down again, as a person lays it out: what has names or an order has a line for each. */
#include "broker/base/fmt.h"
#include "sim/scenario/scenario.h"

static bool
is_plain(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '$';
        if (!letter &&
            (i == 0 || (c != '-' && c != '_' && c != '.' && c != '/' && c != '(' && c != ')')))
            return false;
    }
    return s.n > 0;
}

static void
print_text(struct slice s, struct writer *w)
{
    if (is_plain(s)) fmt_slice(w, s);
    else fmt_json(w, s);
}

static void
print_value(const struct tree *t, struct writer *w)
{
    if (t->kind == TREE_TEXT) {
        print_text(t->text, w);
        return;
    }
    fmt_char(w, t->kind == TREE_LIST ? '[' : '{');
    for (int32_t i = 0; i < t->n; i++) {
        if (i) fmt_str(w, ", ");
        if (t->kind == TREE_MAP) print_text(t->pairs[i].key, w), fmt_str(w, ": ");
        print_value(t->kind == TREE_MAP ? t->pairs[i].value : t->items[i], w);
    }
    fmt_char(w, t->kind == TREE_LIST ? ']' : '}');
}

/* A line for each that it has. */
static void
print_block(const struct tree *t, struct writer *w)
{
    fmt_char(w, '\n');
    for (int32_t i = 0; i < t->n; i++) {
        fmt_str(w, "  ");
        if (t->kind == TREE_MAP) print_text(t->pairs[i].key, w), fmt_str(w, ": ");
        else fmt_str(w, "- ");
        print_value(t->kind == TREE_MAP ? t->pairs[i].value : t->items[i], w);
        fmt_char(w, '\n');
    }
}

void
tree_print(const struct tree *doc, struct writer *w)
{
    for (int32_t i = 0; i < doc->n; i++) {
        const struct tree *v = doc->pairs[i].value;
        if (slice_eq(doc->pairs[i].key, S("extends"))) continue; /* it is in here */
        bool is_block = v->kind != TREE_TEXT && v->n;
        if (is_block) fmt_char(w, '\n');
        print_text(doc->pairs[i].key, w);
        fmt_char(w, ':');
        if (is_block) {
            print_block(v, w);
            continue;
        }
        fmt_char(w, ' ');
        print_value(v, w);
        fmt_char(w, '\n');
    }
}

void
scenario_print(const struct scenario *s, struct writer *w)
{
    tree_print(s->document, w);
}
