/* Who: names, roles and sets, as written. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "sim/scenario/value.h"
#include "sim/scenario/users.h"

static const struct {
    const char *word;
    enum term_kind kind;
} roles[] = {
    {"all", TERM_ALL},
    {"brokers", TERM_BROKERS},
    {"controllers", TERM_CONTROLLERS},
    {"clients", TERM_CLIENTS},
    {"controller", TERM_CONTROLLER},
    {"quorum-leader", TERM_QUORUM_LEADER},
    {"quorum-followers", TERM_QUORUM_FOLLOWERS},
    {"busiest", TERM_BUSIEST},
    {"rest", TERM_REST},
};

void
words_of_machines(const struct load *l, struct words *w)
{
    for (int64_t i = 1; i <= l->s->cluster.brokers; i++)
        words_add(w, arena_format(l->a, "b%d", (int)i));
    for (int64_t i = 1; i <= l->s->cluster.controllers; i++)
        words_add(w, arena_format(l->a, "k%d", (int)i));
    for (int32_t i = 0; i < l->s->clients_n; i++) words_add(w, l->s->clients[i].name);
}

bool
check_topic(struct load *l, struct slice topic, struct mark at)
{
    struct words words = {.arena = l->a};
    if (l->is_now) return true;
    for (int32_t i = 0; i < l->s->topics_n; i++) {
        if (slice_eq(l->s->topics[i].name, topic)) return true;
        words_add(&words, l->s->topics[i].name);
    }
    diag_error(l->d, at, words_advice(&words, topic), "no topic is called %.*s", SARG(topic));
    return false;
}

bool
check_partition(struct load *l, struct partition_ref p, struct mark at)
{
    int64_t n = admin_partitions(l, p.topic);
    if (l->is_now) return true;
    if (n < 0) return check_topic(l, p.topic, at);
    if (p.partition < n) return true;
    diag_error(l->d, at, NULL, "%.*s has %d partition%s, numbered from 0", SARG(p.topic), (int)n,
               n == 1 ? "" : "s");
    return false;
}

/* "leader(orders-0)": the name, and what stands between the brackets. */
static bool
within_brackets(struct slice s, const char *name, struct slice *ret)
{
    int64_t n = (int64_t)strlen(name);
    if (!slice_starts(s, slice_cstr(name)) || s.n < n + 2 || s.p[n] != '(' || s.p[s.n - 1] != ')')
        return false;
    *ret = slice_trim(slice_sub(s, n + 1, s.n - n - 2));
    return true;
}

static bool
partition_call(struct load *l, const struct tree *t, struct slice inside, enum term_kind kind,
               struct term *ret)
{
    ret->kind = kind;
    if (value_partition(inside, &ret->partition))
        return check_partition(l, ret->partition, t->mark);
    diag_error(l->d, t->mark, "like leader(orders-0)", "'%.*s' is not a partition", SARG(inside));
    return false;
}

static bool
coordinator_call(struct load *l, const struct tree *t, struct slice inside, struct term *ret)
{
    struct words groups = {.arena = l->a};
    ret->kind = TERM_COORDINATOR;
    ret->name = inside;
    for (int32_t i = 0; i < l->s->clients_n; i++) {
        const struct client_spec *c = &l->s->clients[i];
        struct slice name = c->group.p ? c->group : c->transactional_id;
        if (c->group.p && c->transactional_id.p) {
            if (slice_eq(c->transactional_id, inside)) return true;
            words_add(&groups, c->transactional_id);
        }
        if (!name.p) continue;
        if (slice_eq(name, inside)) return true;
        words_add(&groups, name);
    }
    if (l->is_now) return true;
    diag_error(l->d, t->mark, words_advice(&groups, inside),
               "no group is called %.*s, and no transactional id", SARG(inside));
    return false;
}

static bool
principal_call(struct load *l, const struct tree *t, struct slice inside, struct term *ret)
{
    ret->kind = TERM_PRINCIPAL;
    ret->name = inside;
    return user_is_known(l, inside, t->mark);
}

static bool
bound_term(struct load *l, const struct tree *t, struct term *ret)
{
    ret->kind = TERM_BOUND;
    ret->name = slice_sub(t->text, 1, t->text.n);
    for (int64_t i = 0; i < l->bound.v.n; i++)
        if (slice_eq(l->bound.v.v[i], ret->name)) return true;
    diag_error(l->d, t->mark,
               l->bound.v.n ? words_advice(&l->bound, ret->name)
                            : "an earlier step gives it: as: old",
               "no earlier step has `as: %.*s`", SARG(ret->name));
    return false;
}

/* The nearest role, where a machine is not near. */
static const char *
machine_advice(struct load *l, const struct words *machines, struct slice wrong)
{
    struct words all = {.arena = l->a};
    words_of_machines(l, &all);
    for (int64_t i = 0; i < ARRAY_LEN(roles); i++) words_add(&all, slice_cstr(roles[i].word));
    for (int32_t i = 0; i < l->s->topics_n; i++) {
        words_add(&all, arena_format(l->a, "leader(%.*s-0)", SARG(l->s->topics[i].name)));
        words_add(&all, arena_format(l->a, "followers(%.*s-0)", SARG(l->s->topics[i].name)));
    }
    const char *advice = words_advice(&all, wrong);
    return advice && strncmp(advice, "did you mean", 12) == 0 ? advice
                                                              : words_advice(machines, wrong);
}

static bool
named_term(struct load *l, const struct tree *t, struct term *ret)
{
    struct words words = {.arena = l->a};
    words_of_machines(l, &words);
    ret->kind = TERM_NAME;
    ret->name = t->text;
    for (int64_t i = 0; i < words.v.n; i++)
        if (slice_eq(words.v.v[i], t->text)) return true;
    diag_error(l->d, t->mark, machine_advice(l, &words, t->text), "no machine is called %.*s",
               SARG(t->text));
    return false;
}

static bool
decode_term(struct load *l, const struct tree *t, struct term *ret)
{
    struct slice inside;
    ret->mark = t->mark;
    for (int64_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (!slice_eq(t->text, slice_cstr(roles[i].word))) continue;
        ret->kind = roles[i].kind;
        return true;
    }
    if (within_brackets(t->text, "leader", &inside))
        return partition_call(l, t, inside, TERM_LEADER, ret);
    if (within_brackets(t->text, "followers", &inside))
        return partition_call(l, t, inside, TERM_FOLLOWERS, ret);
    if (within_brackets(t->text, "coordinator", &inside))
        return coordinator_call(l, t, inside, ret);
    if (within_brackets(t->text, "client", &inside)) {
        ret->kind = TERM_CLIENT;
        ret->name = inside;
        return true;
    }
    if (within_brackets(t->text, "principal", &inside)) return principal_call(l, t, inside, ret);
    if (within_brackets(t->text, "any", &inside)) {
        ret->kind = TERM_ANY;
        if (slice_to_i64(inside, &ret->n) && ret->n > 0 && ret->n <= l->s->cluster.brokers)
            return true;
        diag_error(l->d, t->mark, NULL, "any(n): n is 1 to %d", (int)l->s->cluster.brokers);
        return false;
    }
    if (t->text.n > 1 && t->text.p[0] == '$') return bound_term(l, t, ret);
    return named_term(l, t, ret);
}

static bool
decode_terms(struct load *l, const struct tree *t, struct target *ret, bool in_sides)
{
    if (t->kind == TREE_MAP || (t->kind == TREE_LIST && !t->n)) {
        diag_error(l->d, t->mark, "a name, a role, or a list of them", "this is not a target");
        return false;
    }
    int32_t n = t->kind == TREE_LIST ? t->n : 1;
    bool ok = true;
    ret->v = ARENA_ARRAY(l->a, struct term, n);
    ret->n = n;
    for (int32_t i = 0; i < n; i++) {
        const struct tree *one = t->kind == TREE_LIST ? t->items[i] : t;
        if (one->kind != TREE_TEXT) {
            diag_error(l->d, one->mark, NULL, "a name or a role is due here");
            ok = false;
            continue;
        }
        ok = decode_term(l, one, &ret->v[i]) && ok;
        if (ret->v[i].kind != TERM_REST || in_sides) continue;
        diag_error(l->d, one->mark, "[b1, rest]", "the rest of what? It goes with another side");
        ok = false;
    }
    return ok;
}

bool
decode_target(struct load *l, const struct tree *t, struct target *ret)
{
    return decode_terms(l, t, ret, false);
}

static bool
decode_side(struct load *l, const struct tree *t, struct target *ret)
{
    if (t) return decode_terms(l, t, ret, true);
    return false;
}

static bool
is_rest(const struct target *t)
{
    for (int32_t i = 0; i < t->n; i++)
        if (t->v[i].kind == TERM_REST) return true;
    return false;
}

/* One way is a map of two targets, both ways a list of them. */
static const struct field sides_v[] = {
    {"from", VALUE_TREE, 0, "", NULL},
    {"to", VALUE_TREE, 0, "", NULL},
};
static const struct fields sides_fields = {sides_v, 2};

/* Roles of which there is one stand for the same machine, wherever they are. */
static bool
is_same_machine(const struct term *a, const struct term *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case TERM_NAME:
    case TERM_COORDINATOR: return slice_eq(a->name, b->name);
    case TERM_LEADER:
        return slice_eq(a->partition.topic, b->partition.topic) &&
               a->partition.partition == b->partition.partition;
    case TERM_CONTROLLER:
    case TERM_QUORUM_LEADER:
    case TERM_BUSIEST: return true;
    case TERM_ALL: /* and each of these with each other */
    case TERM_BROKERS:
    case TERM_CONTROLLERS:
    case TERM_CLIENTS:
    case TERM_REST:
    case TERM_FOLLOWERS:
    case TERM_QUORUM_FOLLOWERS:
    case TERM_CLIENT:
    case TERM_PRINCIPAL:
    case TERM_ANY:
    case TERM_BOUND: break;
    }
    return false;
}

static bool
sides_are_apart(struct load *l, const struct target *from, const struct target *to)
{
    for (int32_t i = 0; i < from->n; i++)
        for (int32_t k = 0; k < to->n; k++)
            if (is_same_machine(&from->v[i], &to->v[k])) {
                diag_error(l->d, to->v[k].mark, "[b1, b2], or [b1, rest]",
                           "this is on both sides: between a machine and itself is no network");
                return false;
            }
    return true;
}

bool
decode_sides(struct load *l, const struct tree *t, struct args *ret)
{
    const struct tree *from, *to;
    if (t->kind == TREE_MAP) {
        decode_map(l, t, "one way", &sides_fields, ret, NULL, NULL);
        from = tree_get(t, S("from")), to = tree_get(t, S("to"));
        if (!from || !to) diag_error(l->d, t->mark, NULL, "one way needs both: {from: …, to: …}");
    } else if (t->kind == TREE_LIST && t->n == 2) {
        ret->both_ways = true;
        from = t->items[0], to = t->items[1];
    } else {
        diag_error(l->d, t->mark, "[b1, [b2, k1]], or one way {from: b1, to: b2}",
                   "two sides are due here");
        return false;
    }
    bool ok = decode_side(l, from, &ret->from);
    ok = decode_side(l, to, &ret->to) && ok;
    ok = ok && sides_are_apart(l, &ret->from, &ret->to);
    if (!ok || !is_rest(&ret->from) || !is_rest(&ret->to)) return ok;
    diag_error(l->d, t->mark, "[b1, rest]", "one side must say who");
    return false;
}
