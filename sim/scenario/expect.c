/* Random faults, expectations, switches. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "sim/check/anomaly.h"

#define RANDOM_UNTIL_NS (10 * NS_PER_S) /* without producers, and if it is not said */

/* ---- random ---- */

static void
decode_weights(struct load *l, const struct tree *t, struct nemesis *ret)
{
    if (!want_map(l, t, "faults")) return;
    struct words words = {.arena = l->a};
    for (int32_t i = 0; i < nemesis_faults_n; i++)
        words_add(&words, slice_cstr(nemesis_faults[i].name));
    ret->v = ARENA_ARRAY(l->a, struct nemesis_weight, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        struct nemesis_weight *w = &ret->v[ret->n++];
        *w = (struct nemesis_weight){.fault = p->key, .mark = p->mark};
        bool known = false;
        for (int64_t j = 0; j < words.v.n; j++) known = known || slice_eq(words.v.v[j], p->key);
        if (!known)
            diag_error(l->d, p->mark, words_advice(&words, p->key), "no fault is called %.*s",
                       SARG(p->key));
        static const struct field weight = {"weight", VALUE_COUNT, 0, "", "0..1000000"};
        decode_value(l, &weight, p->value, &w->weight);
    }
}

static void
take_usual_weights(struct load *l, struct nemesis *n, struct mark at)
{
    n->v = ARENA_ARRAY(l->a, struct nemesis_weight, nemesis_faults_n);
    for (int32_t i = 0; i < nemesis_faults_n; i++)
        n->v[n->n++] = (struct nemesis_weight){slice_cstr(nemesis_faults[i].name),
                                               nemesis_faults[i].weight, at};
}

static int64_t
last_producer_ends_ns(const struct scenario *s)
{
    int64_t end_ns = 0;
    for (int32_t i = 0; i < s->clients_n; i++) end_ns = MAX(end_ns, s->clients[i].until_ns);
    return end_ns ? end_ns : RANDOM_UNTIL_NS;
}

void
decode_random(struct load *l, const struct tree *t)
{
    struct nemesis *n = &l->s->nemesis;
    *n = (struct nemesis){.is_on = true,
                          .mark = t->mark,
                          .from_ns = NS_PER_S,
                          .until_ns = last_producer_ends_ns(l->s),
                          .every = {100 * NS_PER_MS, NS_PER_S},
                          .lasting = {100 * NS_PER_MS, 3 * NS_PER_S},
                          .at_once = 2,
                          .down = 1};
    decode_map(l, t, "random", &random_fields, n, NULL, NULL);
    const struct tree *faults = tree_get(t, S("faults"));
    n->says_which = faults != NULL;
    if (faults) decode_weights(l, faults, n);
    else take_usual_weights(l, n, t->mark);
    if (t->kind != TREE_MAP) return;
    int64_t weights = 0;
    for (int32_t i = 0; i < n->n; i++) weights += n->v[i].weight;
    if (!weights)
        diag_error(l->d, t->mark, "faults: {crash: 1}",
                   "no fault has a weight, so none can be drawn");
    else if (n->from_ns >= n->until_ns)
        diag_error(l->d, t->mark, "from: 1s, until: 5s", "random ends before it begins");
}

/* ---- expectations ---- */

static bool
check_rule(struct load *l, const struct tree *t)
{
    struct words words = {.arena = l->a};
    enum rule rule;
    if (t->kind != TREE_TEXT) {
        diag_error(l->d, t->mark, NULL, "the name of a rule is due here");
        return false;
    }
    if (rule_find(t->text, &rule)) return true;
    for (int32_t i = 0; i < RULES_N; i++)
        words_add(&words, slice_cstr(rule_spelling((enum rule)i)));
    diag_error(l->d, t->mark, words_advice(&words, t->text), "no rule is called %.*s",
               SARG(t->text));
    return false;
}

static void
decode_rules(struct load *l, const struct tree *t, const char *what, struct slice **ret,
             int32_t *ret_n)
{
    if (!want_list(l, t, what)) return;
    *ret = ARENA_ARRAY(l->a, struct slice, t->n + 1);
    for (int32_t i = 0; i < t->n; i++)
        if (check_rule(l, t->items[i])) (*ret)[(*ret_n)++] = t->items[i]->text;
}

static void
decode_conds(struct load *l, const struct tree *t, const char *what, int32_t where,
             struct cond **ret, int32_t *ret_n)
{
    if (!want_list(l, t, what)) return;
    *ret = ARENA_ARRAY(l->a, struct cond, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct cond *c = &(*ret)[*ret_n];
        if (!decode_cond(l, t->items[i], where == IN_EVENTUALLY ? &eventually_fields : NULL, c,
                         where))
            continue;
        ++*ret_n;
        if (where == IN_EVENTUALLY && c->args.within_ns <= 0)
            diag_error(l->d, c->mark, "within: 5s", "by when?");
    }
}

static void
decode_one_must_fail(struct load *l, const struct tree *t, struct must_fail *ret)
{
    *ret = (struct must_fail){.mark = t->mark, .min = 1};
    decode_map(l, t, "must-fail", &must_fail_fields, ret, NULL, NULL);
    if (ret->max && ret->max < ret->min)
        diag_error(l->d, t->mark, NULL, "max is smaller than min: nothing can be so");
    const struct tree *check = tree_get(t, S("check")), *explains = tree_get(t, S("explains"));
    if (check) check_rule(l, check);
    else if (t->kind == TREE_MAP) diag_error(l->d, t->mark, "check: lost", "which rule must fail?");
    if (!explains || !want_list(l, explains, "explains")) return;
    ret->explains = ARENA_ARRAY(l->a, struct slice, explains->n + 1);
    for (int32_t i = 0; i < explains->n; i++) {
        if (explains->items[i]->kind == TREE_TEXT)
            ret->explains[ret->explains_n++] = explains->items[i]->text;
        else diag_error(l->d, explains->items[i]->mark, NULL, "a word of the story is due here");
    }
}

static void
decode_must_fail(struct load *l, const struct tree *t)
{
    if (!want_list(l, t, "must-fail")) return;
    l->s->must_fail = ARENA_ARRAY(l->a, struct must_fail, t->n + 1);
    for (int32_t i = 0; i < t->n; i++)
        decode_one_must_fail(l, t->items[i], &l->s->must_fail[l->s->must_fail_n++]);
}

void
decode_expect(struct load *l, const struct tree *t)
{
    struct scenario *s = l->s;
    decode_map(l, t, "expect", &expect_fields, s, NULL, NULL);
    const struct tree *v = tree_get(t, S("always"));
    if (v) decode_rules(l, v, "always", &s->always, &s->always_n);
    if ((v = tree_get(t, S("never")))) decode_rules(l, v, "never", &s->never, &s->never_n);
    if ((v = tree_get(t, S("may")))) decode_rules(l, v, "may", &s->may, &s->may_n);
    if ((v = tree_get(t, S("eventually"))))
        decode_conds(l, v, "eventually", IN_EVENTUALLY, &s->eventually, &s->eventually_n);
    if ((v = tree_get(t, S("at-end"))))
        decode_conds(l, v, "at-end", AT_END, &s->at_end, &s->at_end_n);
    if ((v = tree_get(t, S("must-fail")))) decode_must_fail(l, v);
}

void
decode_catches(struct load *l, const struct tree *t)
{
    if (!want_map(l, t, "catches")) return;
    l->s->catches = ARENA_ARRAY(l->a, struct catches, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct catches *c = &l->s->catches[l->s->catches_n++];
        *c = (struct catches){.id = t->pairs[i].key, .mark = t->pairs[i].mark};
        decode_rules(l, t->pairs[i].value, "the rules", &c->rules, &c->n);
    }
}
