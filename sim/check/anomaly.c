#include "sim/check/anomaly.h"

static const struct {
    const char *spelling, *says;
} rules[] = {
#define X(id, spelling, says) {spelling, says},
    RULES(X)
#undef X
};

const char *
rule_spelling(enum rule rule)
{
    return rules[rule].spelling;
}

const char *
rule_says(enum rule rule)
{
    return rules[rule].says;
}

bool
rule_find(struct slice spelling, enum rule *ret)
{
    for (int i = 0; i < RULES_N; i++) {
        if (!slice_eq(spelling, slice_cstr(rules[i].spelling))) continue;
        *ret = (enum rule)i;
        return true;
    }
    return false;
}

const char *
witness_spelling(enum witness witness)
{
    static const char *const names[] = {"checker", "oracle", "invariant"};
    return names[witness];
}

const char *
loss_spelling(enum loss loss)
{
    static const char *const names[] = {"", "bug", "allowed", "not-recovered", "physics"};
    return names[loss];
}

void
anomalies_init(struct anomalies *a, struct mem *mem)
{
    *a = (struct anomalies){.mem = mem};
}

void
anomalies_release(struct anomalies *a)
{
    for (int64_t i = 0; i < a->v.n; i++) {
        struct anomaly *one = &a->v.v[i];
        struct slice texts[] = {one->topic, one->name, one->why, one->story};
        for (int j = 0; j < 4; j++) mem_free_slice(a->mem, texts[j]);
    }
    VEC_RELEASE(a->mem, &a->v);
}

/* Those on which two witnesses have to agree, record by record. */
static bool
is_compared(enum rule rule)
{
    return rule == RULE_LOST || rule == RULE_DUPLICATE || rule == RULE_INCONSISTENT_OFFSET;
}

void
anomalies_add(struct anomalies *a, const struct anomaly *one)
{
    a->counts[one->rule]++;
    if (!one->allowed) a->disallowed++;
    if (a->counts[one->rule] > ANOMALIES_MAX && !is_compared(one->rule)) {
        a->left_out++;
        return;
    }
    struct anomaly copy = *one;
    copy.topic = mem_dup(a->mem, one->topic);
    copy.name = mem_dup(a->mem, one->name);
    copy.why = mem_dup(a->mem, one->why);
    copy.story = mem_dup(a->mem, one->story);
    VEC_PUSH(a->mem, &a->v, copy);
}

int64_t
anomalies_count(const struct anomalies *a, enum rule rule, enum witness witness)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->v.n; i++)
        n += a->v.v[i].rule == rule && a->v.v[i].witness == witness;
    return n;
}
