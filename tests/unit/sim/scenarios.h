/* Scenarios as texts, and what the loader says of them. */
#ifndef TESTS_UNIT_SIM_SCENARIOS_H
#define TESTS_UNIT_SIM_SCENARIOS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/table.h"
#include "tests/lib/test.h"

struct loaded {
    struct mem mem;
    struct arena a;
    struct source source;
    struct diags diags;
    struct scenarios all;
    struct writer printed;
};

static inline void
load_with(struct loaded *l, const char *text, const struct load_options *o)
{
    *l = (struct loaded){.source = {S("x.yaml"), slice_cstr(text)}};
    test_mem_init(&l->mem);
    arena_init(&l->a, &l->mem, 0);
    diags_init(&l->diags, &l->a);
    l->all = scenario_load(&l->a, &l->source, o, &l->diags);
    for (int32_t i = 0; i < l->all.n && !l->diags.errors; i++)
        scenario_lint(l->all.v[i], &l->diags);
    l->printed = writer_mem(&l->mem);
    diags_print(&l->diags, &l->printed);
    writer_i8(&l->printed, 0);
}

static inline void
load(struct loaded *l, const char *text)
{
    load_with(l, text, NULL);
}

static inline const char *
said(const struct loaded *l)
{
    return (const char *)l->printed.p;
}

static inline void
must_say(const char *text, const char *message)
{
    struct loaded l;
    load(&l, text);
    if (!strstr(said(&l), message)) fail_msg("expected '%s' in:\n%s", message, said(&l));
    assert_true(l.diags.errors + l.diags.warnings > 0);
    mem_release(&l.mem);
}

#define HEAD "scenario: 1\nname: t\nabout: a test\ntopics: {orders: {leader: b1}}\n"
#define P1 "clients: {p1: {produce: orders, until: 2s}}\n"

static inline void
must_not_say(const char *text, const char *message)
{
    struct loaded l;
    load(&l, text);
    if (strstr(said(&l), message)) fail_msg("did not expect '%s' in:\n%s", message, said(&l));
    mem_release(&l.mem);
}

#endif
