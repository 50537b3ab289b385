/* Cases for can_read() and may_follow(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/exercises/B10-compatibility/compatible.h"
#include "labs/exercises/judge.h"

__typeof__(can_read) student_can_read, reference_can_read;
__typeof__(may_follow) student_may_follow, reference_may_follow;

/* ---- schemas ---- */

static const struct schema s_null = {.type = SCHEMA_NULL}, s_boolean = {.type = SCHEMA_BOOLEAN},
                           s_int = {.type = SCHEMA_INT}, s_long = {.type = SCHEMA_LONG},
                           s_float = {.type = SCHEMA_FLOAT}, s_double = {.type = SCHEMA_DOUBLE},
                           s_bytes = {.type = SCHEMA_BYTES}, s_string = {.type = SCHEMA_STRING};
static const struct schema *const simple[] = {&s_null,  &s_boolean, &s_int,   &s_long,
                                              &s_float, &s_double,  &s_bytes, &s_string};
#define SIMPLE_N ((int)(sizeof simple / sizeof *simple))

#define FIELDS(...) \
    .fields = (const struct schema_field[]){__VA_ARGS__}, \
    .fields_n = (int)(sizeof((struct schema_field[]){__VA_ARGS__}) / sizeof(struct schema_field))
#define RECORD(its_name, ...) \
    (&(const struct schema){.type = SCHEMA_RECORD, .name = its_name, FIELDS(__VA_ARGS__)})
#define ENUM(its_name, with_default, ...) \
    (&(const struct schema){.type = SCHEMA_ENUM, \
                            .name = its_name, \
                            .has_default = with_default, \
                            .symbols = (const char *const[]){__VA_ARGS__}, \
                            .symbols_n = \
                                (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))})
#define ARRAY(of) (&(const struct schema){.type = SCHEMA_ARRAY, .items = of})
#define UNION(...) \
    (&(const struct schema){.type = SCHEMA_UNION, \
                            .branches = (const struct schema *const[]){__VA_ARGS__}, \
                            .branches_n = (int)(sizeof((const struct schema *[]){__VA_ARGS__}) / \
                                                sizeof(struct schema *))})

static const char *const type_names[] = {"null",  "boolean", "int",   "long", "float",  "double",
                                         "bytes", "string",  "array", "enum", "record", "union"};

struct text {
    char p[230];
    int n;
};

static void
put(struct text *t, const char *word)
{
    int room = (int)sizeof t->p - t->n;
    int n = snprintf(t->p + t->n, (size_t)room, "%s", word);
    t->n += n < room ? n : room - 1;
}

static void
describe(struct text *t, const struct schema *s)
{
    put(t, s->type < SCHEMA_RECORD || s->type == SCHEMA_UNION ? type_names[s->type] : "");
    if (s->type == SCHEMA_ARRAY) put(t, " of "), describe(t, s->items);
    if (s->type == SCHEMA_ENUM || s->type == SCHEMA_RECORD)
        put(t, s->type == SCHEMA_ENUM ? " " : ""), put(t, s->name), put(t, "{");
    if (s->type == SCHEMA_UNION) put(t, "[");
    for (int i = 0; s->type == SCHEMA_ENUM && i < s->symbols_n; i++)
        put(t, i ? " " : ""), put(t, s->symbols[i]);
    for (int i = 0; s->type == SCHEMA_RECORD && i < s->fields_n; i++) {
        put(t, i ? ", " : ""), put(t, s->fields[i].name), put(t, ": ");
        describe(t, s->fields[i].type);
        put(t, s->fields[i].has_default ? " = …" : "");
    }
    for (int i = 0; s->type == SCHEMA_UNION && i < s->branches_n; i++)
        put(t, i ? ", " : ""), describe(t, s->branches[i]);
    if (s->type == SCHEMA_ENUM || s->type == SCHEMA_RECORD) put(t, "}");
    if (s->type == SCHEMA_UNION) put(t, "]");
    if (s->type == SCHEMA_ENUM && s->has_default) put(t, " with a default");
}

static void
reads(const char *rule, const struct schema *reader, const struct schema *writer)
{
    struct text r = {.n = 0}, w = {.n = 0};
    describe(&r, reader);
    describe(&w, writer);
    judge_case(rule, "expected %s, written %s", r.p, w.p);
    judge_bool(student_can_read(reader, writer), reference_can_read(reader, writer));
}

static void
both(const char *rule, const struct schema *a, const struct schema *b)
{
    reads(rule, a, b);
    reads(rule, b, a);
}

static void
follows(const char *rule, const struct schema *next, const struct schema *const *before, int n,
        enum compatibility mode, bool transitive)
{
    static const char *const modes[] = {"NONE", "BACKWARD", "FORWARD", "FULL"};
    struct text t = {.n = 0}, last = {.n = 0};
    describe(&t, next);
    if (n) describe(&last, before[n - 1]);
    judge_case(rule, "%s%s: %s follows %s%s", modes[mode], transitive ? " TRANSITIVE" : "", t.p,
               n ? last.p : "nothing", n > 1 ? ", and others before that" : "");
    judge_bool(student_may_follow(next, before, n, mode, transitive),
               reference_may_follow(next, before, n, mode, transitive));
}

/* ---- the rules one by one ---- */

static void
simple_types(void)
{
    for (int i = 0; i < SIMPLE_N; i++)
        for (int k = 0; k < SIMPLE_N; k++) {
            bool is_number = simple[i]->type >= SCHEMA_INT && simple[k]->type >= SCHEMA_INT;
            reads(i != k && is_number ? "wider" : "simple", simple[i], simple[k]);
        }
    both("array", ARRAY(&s_int), ARRAY(&s_long));
    both("array", ARRAY(&s_int), &s_int);
    both("array", ARRAY(ARRAY(&s_string)), ARRAY(ARRAY(&s_boolean)));
}

static void
records(void)
{
    const struct schema *user = RECORD("User", {"id", &s_int, false}, {"name", &s_string, false});
    both("field-added", user,
         RECORD("User", {"id", &s_int, false}, {"name", &s_string, false}, {"age", &s_int, true}));
    both("field-added", user,
         RECORD("User", {"id", &s_int, false}, {"name", &s_string, false}, {"age", &s_int, false}));
    reads("field-removed", RECORD("User", {"id", &s_int, false}), user);
    reads("field-removed", RECORD("User", {"name", &s_string, false}), user);
    both("field-changed", user, RECORD("User", {"id", &s_int, false}, {"nick", &s_string, false}));
    both("field-changed", user, RECORD("User", {"id", &s_int, false}, {"nick", &s_string, true}));
    both("field-changed", user, RECORD("User", {"id", &s_long, false}, {"name", &s_string, false}));
    both("field-changed", user, RECORD("User", {"id", &s_int, false}, {"name", &s_int, true}));
    both("field-changed", RECORD("Order", {"user", user, false}),
         RECORD("Order", {"user", RECORD("User", {"id", &s_boolean, false}), false}));
    both("order", user, RECORD("User", {"name", &s_string, false}, {"id", &s_int, false}));
    both("name", user, RECORD("Person", {"id", &s_int, false}, {"name", &s_string, false}));
    both("name", ENUM("Colour", false, "RED"), ENUM("Color", false, "RED"));
    both("name", ENUM("Colour", true, "RED"), ENUM("Color", true, "RED"));
}

static void
enums_and_unions(void)
{
    const struct schema *two = ENUM("Colour", false, "RED", "BLUE");
    both("symbols", two, ENUM("Colour", false, "BLUE", "RED"));
    both("symbols", two, ENUM("Colour", false, "RED", "BLUE", "GREEN"));
    both("symbols", two, ENUM("Colour", true, "RED"));
    both("symbols", two, ENUM("Colour", false, "GREEN", "YELLOW"));
    const struct schema *maybe = UNION(&s_null, &s_int);
    reads("union-reader", maybe, &s_int);
    reads("union-reader", maybe, &s_null);
    reads("union-reader", maybe, &s_string);
    reads("union-reader", UNION(&s_string, &s_long), &s_int);
    reads("union-writer", &s_int, maybe);
    reads("union-writer", &s_long, UNION(&s_int, &s_long));
    reads("union-writer", maybe, UNION(&s_int, &s_null));
    reads("union-writer", maybe, UNION(&s_null, &s_int, &s_string));
    reads("union-writer", UNION(&s_null, &s_int, &s_string), maybe);
    reads("union-writer", UNION(&s_null, &s_double), maybe);
}

/* ---- the table ---- */

static void
row(const struct schema *old, const struct schema *next)
{
    for (int mode = COMPATIBLE_BACKWARD; mode <= COMPATIBLE_FULL; mode++)
        follows("table", next, &old, 1, (enum compatibility)mode, false);
}

#define ONE(type, with_default) RECORD("User", {"id", &s_int, false}, {"x", type, with_default})

static void
table(void)
{
    const struct schema *without = RECORD("User", {"id", &s_int, false});
    row(without, ONE(&s_string, true));
    row(without, ONE(&s_string, false));
    row(ONE(&s_string, true), without);
    row(ONE(&s_string, false), without);
    row(ONE(&s_int, false), RECORD("User", {"id", &s_int, false}, {"y", &s_int, false}));
    row(ONE(&s_int, false), ONE(&s_long, false));
    row(ONE(&s_long, false), ONE(&s_int, false));
    row(ONE(&s_string, false), ONE(&s_bytes, false));
    row(ONE(ENUM("E", false, "A"), false), ONE(ENUM("E", false, "A", "B"), false));
    row(ONE(ENUM("E", false, "A", "B"), false), ONE(ENUM("E", false, "A"), false));
    row(ONE(&s_int, false), ONE(UNION(&s_null, &s_int), false));
    row(ONE(&s_int, false), RECORD("Person", {"id", &s_int, false}, {"x", &s_int, false}));
}

static void
versions(void)
{
    /* The first had no x, the second has one with a default, the third one without. */
    const struct schema *before[] = {RECORD("User", {"id", &s_int, false}), ONE(&s_int, true)};
    const struct schema *third = ONE(&s_int, false);
    for (int mode = COMPATIBLE_BACKWARD; mode <= COMPATIBLE_FULL; mode++)
        for (int transitive = 0; transitive < 2; transitive++) {
            follows("transitive", third, before, 2, (enum compatibility)mode, transitive);
            follows("transitive", third, NULL, 0, (enum compatibility)mode, transitive);
        }
    const struct schema *other = RECORD("Person", {"id", &s_string, false});
    follows("none", other, before, 2, COMPATIBLE_NONE, false);
    follows("none", other, before, 2, COMPATIBLE_NONE, true);
}

/* ---- drawn at random ---- */

/* What is drawn stays until the end: there is little of it. */
static const struct schema *
draw(int depth)
{
    static const char *const names[] = {"A", "B"}, *const words[] = {"x", "y", "z"};
    struct schema *s = calloc(1, sizeof *s);
    int64_t what = judge_dice(depth > 0 ? 12 : 8);
    if (what < 8) {
        free(s);
        return simple[what];
    }
    s->type = (enum schema_type)what;
    s->name = names[judge_dice(4) == 0];
    s->has_default = judge_dice(4) == 0;
    int n = 1 + (int)judge_dice(3), at = 0;
    if (what == SCHEMA_ARRAY) s->items = draw(depth - 1);
    if (what == SCHEMA_ENUM) {
        const char **v = calloc((size_t)n, sizeof *v);
        int64_t first = judge_dice(3);
        for (int i = 0; i < n; i++) v[i] = words[(first + i) % 3];
        s->symbols = v, s->symbols_n = n;
    }
    if (what == SCHEMA_RECORD) {
        struct schema_field *v = calloc(3, sizeof *v);
        for (int i = 0; i < 3; i++)
            if (judge_dice(3))
                v[at++] = (struct schema_field){words[i], draw(depth - 1), judge_dice(2)};
        s->fields = v, s->fields_n = at;
    }
    if (what == SCHEMA_UNION) { /* no unions in unions */
        const struct schema **v = calloc((size_t)n, sizeof *v);
        for (int i = 0; i < n; i++) do
                v[i] = draw(depth - 1);
            while (v[i]->type == SCHEMA_UNION);
        s->branches = v, s->branches_n = n;
    }
    return s;
}

/* The same with something changed here and there. */
static const struct schema *
change(const struct schema *old)
{
    if (judge_dice(8) == 0) return draw(1);
    struct schema *s = calloc(1, sizeof *s);
    *s = *old;
    if (s->type == SCHEMA_ARRAY) s->items = change(s->items);
    if (s->type == SCHEMA_RECORD && s->fields_n) {
        struct schema_field *v = calloc((size_t)s->fields_n, sizeof *v);
        int at = 0;
        for (int i = 0; i < s->fields_n; i++)
            if (judge_dice(5))
                v[at++] = (struct schema_field){s->fields[i].name, change(s->fields[i].type),
                                                judge_dice(2)};
        s->fields = v, s->fields_n = at;
    }
    return s;
}

static void
draw_pair(void)
{
    const struct schema *old = draw(3), *next = change(old), *third = change(next);
    const struct schema *before[] = {old, next};
    both("random", old, next);
    follows("random", third, before, (int)judge_dice(3), (enum compatibility)judge_dice(4),
            judge_dice(2));
}

int
main(void)
{
    simple_types();
    records();
    enums_and_unions();
    table();
    versions();
    for (int i = 0; i < 5000; i++) draw_pair();
    return 0;
}
