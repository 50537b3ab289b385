/* What the operator promised and permitted, topic by topic, and when connections were in trouble. */
#include "sim/check/oracle_own.h"

static struct topic_terms *
terms_of(struct oracle *o, struct slice topic)
{
    for (int64_t i = 0; i < o->terms.n; i++)
        if (!topic.p == !o->terms.v[i].name.p && slice_eq(o->terms.v[i].name, topic))
            return &o->terms.v[i];
    struct topic_terms t = {.name = mem_dup(o->mem, topic), .flushes_to_ns = INT64_MAX};
    VEC_PUSH(o->mem, &o->terms, t);
    return &o->terms.v[o->terms.n - 1];
}

void
oracle_topic(struct oracle *o, struct slice topic, int32_t min_isr, bool flushes_each)
{
    struct topic_terms *t = terms_of(o, topic);
    t->min_isr = min_isr;
    t->flushes_each = flushes_each;
}

void
oracle_flushes_less(struct oracle *o, int64_t at_ns, struct slice topic)
{
    struct topic_terms *t = terms_of(o, topic);
    t->flushes_to_ns = MIN(t->flushes_to_ns, at_ns);
}

void
oracle_compacted(struct oracle *o, struct slice topic, bool tombstones_go)
{
    model_compacted(&o->model, topic);
    terms_of(o, topic)->tombstones_go = tombstones_go;
}

void
oracle_rewritten(struct oracle *o, struct slice topic)
{
    terms_of(o, topic)->is_rewritten = true;
}

void
oracle_topic_lowers(struct oracle *o, struct slice topic, int32_t min_isr)
{
    struct topic_terms *t = terms_of(o, topic);
    if (!t->min_isr || min_isr < t->min_isr) t->min_isr = min_isr;
}

void
oracle_unclean_is(struct oracle *o, struct slice topic, bool is_on)
{
    terms_of(o, topic)->unclean = is_on ? UNCLEAN_YES : UNCLEAN_NO;
}

void
oracle_unclean_asked(struct oracle *o, int64_t at_ns, struct slice topic, int32_t partition)
{
    struct topic_key *k = model_find_key(&o->model, topic, partition);
    if (k) oracle_key(o, k)->asked_ns = at_ns;
}

struct topic_terms
oracle_terms(const struct oracle *o, const struct topic_key *k)
{
    struct topic_terms all = {.min_isr = 1}, own = {0};
    for (int64_t i = 0; i < o->terms.n; i++) {
        if (!o->terms.v[i].name.p) all = o->terms.v[i];
        else if (slice_eq(o->terms.v[i].name, k->topic)) own = o->terms.v[i];
    }
    if (!own.min_isr) own.min_isr = all.min_isr, own.flushes_each = all.flushes_each;
    if (own.unclean == UNCLEAN_UNSAID) own.unclean = all.unclean;
    return own;
}

void
oracle_trouble(struct oracle *o, int64_t from_ns, int64_t to_ns, struct slice words)
{
    for (int64_t i = 0; to_ns < INT64_MAX && i < o->troubles.n; i++) {
        struct trouble *t = &o->troubles.v[i];
        if (t->to_ns == INT64_MAX && slice_eq(t->words, words)) {
            t->to_ns = to_ns;
            return;
        }
    }
    struct trouble t = {from_ns, to_ns, mem_dup(o->mem, words)};
    VEC_PUSH(o->mem, &o->troubles, t);
}
