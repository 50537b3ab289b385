/* control_routes.c and openapi.yaml say the same: each route with its method and what its query may have. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <yaml.h>

#include "broker/base/check.h"
#include "sim/play/control_internal.h"
#include "sim/scenario/outside.h"

struct described {
    yaml_document_t doc;
    FILE *file;
};

static int
describe(void **state)
{
    static struct described d;
    yaml_parser_t p;
    d.file = fopen("sim/play/openapi.yaml", "rb");
    assert_non_null(d.file);
    assert_true(yaml_parser_initialize(&p));
    yaml_parser_set_input_file(&p, d.file);
    assert_true(yaml_parser_load(&p, &d.doc));
    yaml_parser_delete(&p);
    *state = &d;
    return 0;
}

static int
forget(void **state)
{
    struct described *d = *state;
    yaml_document_delete(&d->doc);
    return fclose(d->file);
}

static const char *
text(yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

static yaml_node_t *
get(struct described *d, yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE) return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
        if (strcmp(text(yaml_document_get_node(&d->doc, p->key)), key) == 0)
            return yaml_document_get_node(&d->doc, p->value);
    return NULL;
}

static yaml_node_t *
paths(struct described *d)
{
    return get(d, yaml_document_get_root_node(&d->doc), "paths");
}

static const struct route *
route_of(const char *method, const char *path)
{
    for (int i = 0; i < routes_n; i++)
        if (strcasecmp(routes[i].method, method) == 0 && strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

/* The names of its parameters in the query, with blanks between them. */
static void
query_of(struct described *d, yaml_node_t *operation, char *ret, size_t n)
{
    yaml_node_t *all = get(d, operation, "parameters");
    *ret = 0;
    for (yaml_node_item_t *i = all ? all->data.sequence.items.start : NULL;
         all && i < all->data.sequence.items.top; i++) {
        yaml_node_t *one = yaml_document_get_node(&d->doc, *i);
        if (strcmp(text(get(d, one, "in")), "query") != 0) continue;
        size_t used = strlen(ret);
        snprintf(ret + used, n - used, "%s%s", used ? " " : "", text(get(d, one, "name")));
    }
}

static void
each_route_is_described(void **state)
{
    struct described *d = *state;
    for (int i = 0; i < routes_n; i++) {
        char method[8] = "", query[128];
        for (int j = 0; routes[i].method[j]; j++)
            method[j] = (char)ascii_lower((uint8_t)routes[i].method[j]);
        yaml_node_t *operation = get(d, get(d, paths(d), routes[i].path), method);
        if (!operation) fail_msg("%s %s is not described", routes[i].method, routes[i].path);
        query_of(d, operation, query, sizeof query);
        assert_string_equal(query, routes[i].query);
        assert_true(*text(get(d, operation, "summary")));
        assert_non_null(get(d, get(d, operation, "responses"), "200"));
    }
}

static void
each_description_has_its_route(void **state)
{
    struct described *d = *state;
    yaml_node_t *all = paths(d);
    int found = 0;
    for (yaml_node_pair_t *p = all->data.mapping.pairs.start; p < all->data.mapping.pairs.top;
         p++) {
        const char *path = text(yaml_document_get_node(&d->doc, p->key));
        yaml_node_t *methods = yaml_document_get_node(&d->doc, p->value);
        for (yaml_node_pair_t *m = methods->data.mapping.pairs.start;
             m < methods->data.mapping.pairs.top; m++, found++) {
            const char *method = text(yaml_document_get_node(&d->doc, m->key));
            if (!route_of(method, path)) fail_msg("%s %s does not exist", method, path);
        }
    }
    assert_int_equal(found, routes_n);
}

static void
a_reference_leads_somewhere_for(struct described *d, yaml_node_t *n)
{
    char path[128];
    yaml_node_t *at = yaml_document_get_root_node(&d->doc);
    snprintf(path, sizeof path, "%s", text(n));
    assert_memory_equal(path, "#/", 2);
    for (char *rest = path + 2, *part; (part = strsep(&rest, "/"));) at = get(d, at, part);
    if (!at) fail_msg("%s leads nowhere", text(n));
}

static void
each_reference_leads_somewhere(void **state)
{
    struct described *d = *state;
    int found = 0;
    for (int i = 1; yaml_document_get_node(&d->doc, i); i++) {
        yaml_node_t *ref = get(d, yaml_document_get_node(&d->doc, i), "$ref");
        if (!ref) continue;
        a_reference_leads_somewhere_for(d, ref);
        found++;
    }
    assert_true(found > 10);
}

static void
words_are_conditions(void **state)
{
    static const char *const said[][2] = {
        {"leader of orders-0 is not b1", "{leader-of: orders-0, not: b1}"},
        {"leader of orders-0 is b2", "{leader-of: orders-0, is: b2}"},
        {"leader of orders-0", "{leader-of: orders-0}"},
        {"isr of orders-0 is full", "{isr-of: orders-0, is: all}"},
        {"isr of orders-0 is [b1, b2]", "{isr-of: orders-0, is: [b1, b2]}"},
        {"isr  of orders-0  is none", "{isr-of: orders-0, is: none}"},
        {"serving b1", "{serving: b1}"},
        {"serving [b1, b2]", "{serving: [b1, b2]}"},
        {"request EndTxn seen", "{sent: EndTxn}"},
        {"EndTxn seen", "{sent: EndTxn}"},
        {"request EndTxn", "{sent: EndTxn}"},
        {"{sent: EndTxn, nth: 2}", "{sent: EndTxn, nth: 2}"},
        {"isr", "isr"},
        {"isr of", "{isr-of: }"},
        {"a is", "{a: is}"},
        {"a b is not", "{a: b, not: }"}};
    struct mem mem;
    struct arena a;
    (void)state;
    test_mem_init(&mem);
    arena_init(&a, &mem, 0);
    for (int i = 0; i < (int)ARRAY_LEN(said); i++) {
        struct slice got = run_watch_words(&a, arena_dup(&a, slice_cstr(said[i][0])));
        assert_string_equal((const char *)arena_dup(&a, got).p, said[i][1]);
    }
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_described),
        cmocka_unit_test(each_description_has_its_route),
        cmocka_unit_test(each_reference_leads_somewhere),
        cmocka_unit_test(words_are_conditions),
    };
    return cmocka_run_group_tests(tests, describe, forget);
}
