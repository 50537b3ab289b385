#include "sim/scenario/tree.h"

#include <yaml.h>

#include "broker/base/check.h"

#define DEPTH_MAX 12
#define NODES_MAX 100000
#define KEYS_MAX 5000 /* of one map: each is compared with all others */

struct parse {
    yaml_parser_t yaml;
    yaml_event_t event;
    bool has_event, failed;
    struct arena *a;
    const struct source *source;
    struct diags *d;
    int32_t nodes;
    int64_t skipped; /* of the source: a byte order mark */
};

static struct mark
mark_between(const struct parse *p, yaml_mark_t from, yaml_mark_t to)
{
    int32_t width =
        from.line == to.line && to.column > from.column ? (int32_t)(to.column - from.column) : 1;
    return (struct mark){p->source, (int32_t)from.line + 1, (int32_t)from.column + 1, width};
}

static struct mark
event_mark(const struct parse *p)
{
    return mark_between(p, p->event.start_mark, p->event.end_mark);
}

/* What the reader cannot read has no mark, but an offset in bytes. */
static struct mark
mark_of_offset(const struct parse *p, int64_t offset)
{
    struct slice text = p->source->text;
    struct mark at = {p->source, 1, 1, 1};
    for (int64_t i = p->skipped; i < MIN(offset + p->skipped, text.n); i++) {
        if (text.p[i] == '\n') at.line++, at.column = 1;
        else if ((text.p[i] & 0xc0) != 0x80) at.column++;
    }
    return at;
}

static void
malformed(struct parse *p)
{
    struct mark at = mark_between(p, p->yaml.problem_mark, p->yaml.problem_mark);
    const char *problem = p->yaml.problem ? p->yaml.problem : "not YAML";
    const char *help = NULL;
    if (p->yaml.error == YAML_READER_ERROR) {
        at = mark_of_offset(p, (int64_t)p->yaml.problem_offset);
        help = "a scenario is text in UTF-8";
    }
    /* The scanner notices one token too late that it stood at a key. */
    if (strstr(problem, "could not find expected ':'"))
        at = mark_between(p, p->yaml.context_mark, p->yaml.context_mark);
    if (strstr(problem, "cannot start any token") || strstr(problem, "tab character"))
        help = "tabs cannot indent: use blanks";
    if (strstr(problem, "mapping values are not allowed"))
        help = "text with a colon and a blank in it stands in quotes: \"this: that\"";
    if (strstr(problem, "could not find expected ':'")) help = "a key needs a colon and a blank";
    diag_error(p->d, at, help, "this is not YAML: %s", problem);
    p->failed = true;
}

static bool
next(struct parse *p)
{
    if (p->failed) return false;
    if (p->has_event) yaml_event_delete(&p->event);
    p->has_event = yaml_parser_parse(&p->yaml, &p->event);
    if (!p->has_event) malformed(p);
    return p->has_event;
}

static void
refuse_anchor(struct parse *p, const void *anchor, const void *tag)
{
    if (anchor)
        diag_error(p->d, event_mark(p), "say it twice, or use extends",
                   "anchors are not for scenarios");
    if (tag) diag_error(p->d, event_mark(p), "leave it out", "tags are not for scenarios");
}

static struct tree *parse_value(struct parse *p, int32_t depth);

static struct tree *
new_tree(struct parse *p, enum tree_kind kind)
{
    struct tree *t = ARENA_NEW(p->a, struct tree);
    t->kind = kind;
    t->mark = event_mark(p);
    if (++p->nodes > NODES_MAX && !p->failed) {
        diag_error(p->d, t->mark, NULL, "the file has too many values: at most %d", NODES_MAX);
        p->failed = true;
    }
    return t;
}

static struct tree *
parse_text(struct parse *p)
{
    struct tree *t = new_tree(p, TREE_TEXT);
    refuse_anchor(p, p->event.data.scalar.anchor, p->event.data.scalar.tag);
    t->text =
        arena_dup(p->a, slice(p->event.data.scalar.value, (int64_t)p->event.data.scalar.length));
    return t;
}

static struct tree *
parse_list(struct parse *p, int32_t depth)
{
    struct tree *t = new_tree(p, TREE_LIST);
    refuse_anchor(p, p->event.data.sequence_start.anchor, p->event.data.sequence_start.tag);
    VEC(struct tree *) items = {0};
    while (next(p) && p->event.type != YAML_SEQUENCE_END_EVENT) {
        struct tree *item = parse_value(p, depth + 1);
        if (item) VEC_PUSH(p->a->mem, &items, item);
    }
    t->n = (int32_t)items.n;
    t->items = ARENA_ARRAY(p->a, struct tree *, items.n);
    if (items.n) memcpy(t->items, items.v, (size_t)items.n * sizeof *items.v);
    VEC_RELEASE(p->a->mem, &items);
    return t;
}

static bool
key_is_fine(struct parse *p, const struct tree *map, const struct tree *key)
{
    if (key->kind != TREE_TEXT) {
        diag_error(p->d, key->mark, NULL, "a key must be a word");
        return false;
    }
    if (slice_eq(key->text, S("<<"))) {
        diag_error(p->d, key->mark, "use extends", "merge keys are not for scenarios");
        return false;
    }
    if (map->n == KEYS_MAX) {
        diag_error(p->d, key->mark, NULL, "the map has too many keys: at most %d", KEYS_MAX);
        p->failed = true;
        return false;
    }
    for (int32_t i = 0; i < map->n; i++) {
        if (!slice_eq(map->pairs[i].key, key->text)) continue;
        diag_error(p->d, key->mark, NULL, "%.*s stands here for the second time, first in line %d",
                   SARG(key->text), map->pairs[i].mark.line);
        return false;
    }
    return true;
}

static struct tree *
parse_map(struct parse *p, int32_t depth)
{
    struct tree *t = new_tree(p, TREE_MAP);
    refuse_anchor(p, p->event.data.mapping_start.anchor, p->event.data.mapping_start.tag);
    while (next(p) && p->event.type != YAML_MAPPING_END_EVENT) {
        struct tree *key = parse_value(p, depth + 1);
        if (!key || !next(p)) break;
        struct tree *value = parse_value(p, depth + 1);
        if (!value) continue;
        if (key_is_fine(p, t, key)) tree_put(p->a, t, key->text, key->mark, value);
    }
    return t;
}

/* Of the event at hand. NULL: nothing useful. */
static struct tree *
parse_value(struct parse *p, int32_t depth)
{
    if (depth > DEPTH_MAX) {
        diag_error(p->d, event_mark(p), NULL, "nested too deeply: at most %d", DEPTH_MAX);
        p->failed = true;
        return NULL;
    }
    switch (p->event.type) {
    case YAML_SCALAR_EVENT: return parse_text(p);
    case YAML_SEQUENCE_START_EVENT: return parse_list(p, depth);
    case YAML_MAPPING_START_EVENT: return parse_map(p, depth);
    case YAML_ALIAS_EVENT:
        diag_error(p->d, event_mark(p), "say it twice, or use extends",
                   "aliases are not for scenarios");
        return tree_text(p->a, SLICE_EMPTY, event_mark(p));
    default: return NULL;
    }
}

struct trees
tree_parse(struct arena *a, const struct source *s, struct diags *d)
{
    struct parse p = {.a = a, .source = s, .d = d};
    VEC(struct tree *) docs = {0};
    CHECK(yaml_parser_initialize(&p.yaml));
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    if (slice_starts(s->text, S("\xef\xbb\xbf"))) p.skipped = 3;
    yaml_parser_set_input_string(&p.yaml, s->text.p + p.skipped, (size_t)(s->text.n - p.skipped));
    while (next(&p) && p.event.type != YAML_STREAM_END_EVENT) {
        if (p.event.type != YAML_DOCUMENT_START_EVENT || !next(&p)) continue;
        struct tree *doc = parse_value(&p, 0);
        if (doc && !p.failed) VEC_PUSH(a->mem, &docs, doc);
    }
    if (p.has_event) yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    struct trees r = {ARENA_ARRAY(a, struct tree *, docs.n + 1), (int32_t)docs.n};
    if (docs.n) memcpy(r.v, docs.v, (size_t)docs.n * sizeof *docs.v);
    VEC_RELEASE(a->mem, &docs);
    return r;
}

struct tree *
tree_get(const struct tree *map, struct slice key)
{
    if (!map || map->kind != TREE_MAP) return NULL;
    for (int32_t i = 0; i < map->n; i++)
        if (slice_eq(map->pairs[i].key, key)) return map->pairs[i].value;
    return NULL;
}

void
tree_put(struct arena *a, struct tree *map, struct slice key, struct mark at, struct tree *value)
{
    for (int32_t i = 0; i < map->n; i++) {
        if (!slice_eq(map->pairs[i].key, key)) continue;
        map->pairs[i].value = value;
        map->pairs[i].mark = at;
        return;
    }
    if ((map->n & (map->n - 1)) == 0) { /* grows at powers of two */
        struct pair *more = ARENA_ARRAY(a, struct pair, map->n ? map->n * 2 : 1);
        if (map->n) memcpy(more, map->pairs, (size_t)map->n * sizeof *more);
        map->pairs = more;
    }
    map->pairs[map->n++] = (struct pair){key, at, value};
}

struct tree *
tree_text(struct arena *a, struct slice text, struct mark at)
{
    struct tree *t = ARENA_NEW(a, struct tree);
    *t = (struct tree){.kind = TREE_TEXT, .mark = at, .text = arena_dup(a, text)};
    return t;
}

struct tree *
tree_map(struct arena *a, struct mark at)
{
    struct tree *t = ARENA_NEW(a, struct tree);
    *t = (struct tree){.kind = TREE_MAP, .mark = at};
    return t;
}

struct tree *
tree_merge(struct arena *a, const struct tree *base, const struct tree *over)
{
    struct tree *t = ARENA_NEW(a, struct tree);
    *t = *over;
    if (base->kind != TREE_MAP || over->kind != TREE_MAP) return t;
    t->pairs = NULL;
    t->n = 0;
    for (int32_t i = 0; i < base->n; i++)
        tree_put(a, t, base->pairs[i].key, base->pairs[i].mark, base->pairs[i].value);
    for (int32_t i = 0; i < over->n; i++) {
        const struct pair *p = &over->pairs[i];
        const struct tree *below = tree_get(base, p->key);
        tree_put(a, t, p->key, p->mark, below ? tree_merge(a, below, p->value) : p->value);
    }
    return t;
}

struct tree *
tree_copy(struct arena *a, const struct tree *t)
{
    struct tree *c = ARENA_NEW(a, struct tree);
    *c = *t;
    if (t->kind == TREE_MAP) {
        c->pairs = NULL;
        c->n = 0;
        for (int32_t i = 0; i < t->n; i++)
            tree_put(a, c, t->pairs[i].key, t->pairs[i].mark, tree_copy(a, t->pairs[i].value));
    } else if (t->kind == TREE_LIST) {
        c->items = ARENA_ARRAY(a, struct tree *, t->n + 1);
        for (int32_t i = 0; i < t->n; i++) c->items[i] = tree_copy(a, t->items[i]);
    }
    return c;
}
