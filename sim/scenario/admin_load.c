/* What an administrator is to do, as a step says it. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/txn/txns.h"

static bool
is_about(struct slice topic, struct slice said)
{
    return said.p && slice_eq(said, topic);
}

static int64_t
partitions_before(const struct load *l, struct slice topic, int64_t steps_n)
{
    int64_t n = -1;
    bool has_groups = false, has_txns = false;
    for (int32_t i = 0; i < l->s->clients_n; i++) {
        has_groups |= l->s->clients[i].group.p != NULL;
        has_txns |= l->s->clients[i].transactional_id.p != NULL;
    }
    /* Made by the brokers themselves, with the first member or transaction. */
    if (has_groups && slice_eq(topic, GROUPS_TOPIC))
        n = cluster_config_i64(l->s, "offsets.topic.num.partitions");
    if (has_txns && slice_eq(topic, TXNS_TOPIC))
        n = cluster_config_i64(l->s, "transaction.state.log.num.partitions");
    bool has_shares = false;
    for (int32_t i = 0; i < l->s->clients_n; i++) has_shares |= l->s->clients[i].share.p != NULL;
    if (has_shares && slice_eq(topic, GROUPS_TOPIC))
        n = cluster_config_i64(l->s, "offsets.topic.num.partitions");
    if (has_shares && slice_eq(topic, S("__share_group_state")))
        n = cluster_config_i64(l->s, "share.coordinator.state.topic.num.partitions");
    for (int32_t i = 0; i < l->s->topics_n; i++)
        if (slice_eq(l->s->topics[i].name, topic)) n = l->s->topics[i].partitions;
    for (int64_t i = 0; i < steps_n; i++) {
        const struct args *a = &l->s->steps[i].args;
        if (is_about(topic, a->create)) n = MAX(n, MAX(a->partitions, 1));
        if (is_about(topic, a->extend)) n = MAX(n, a->partitions);
    }
    return n;
}

int64_t
admin_partitions(const struct load *l, struct slice topic)
{
    return partitions_before(l, topic, l->s->steps_n);
}

void
admin_decode(struct load *l, const struct tree *t, struct args *ret)
{
    const struct tree *config = t->kind == TREE_MAP ? tree_get(t, S("config")) : NULL;
    if (config && ret->create.p) decode_settings(l, config, CONFIG_TOPIC, &ret->config);
    else if (config) decode_changes(l, config, ret);
}

/* Beside a word that it says something about, or a mistake. */
static void
goes_with(struct load *l, const struct step *s, bool said, bool fits, const char *word,
          const char *with)
{
    if (said && !fits) diag_error(l->d, s->mark, NULL, "`%s` goes with %s", word, with);
}

static void
check_beside(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    bool alters = a->alter.p || a->alter_group.p || a->of_default || a->alter_broker.n;
    bool elects = a->elect.topic.p;
    goes_with(l, s, a->config.n, alters || a->create.p, "config",
              "create, alter, alter-broker, alter-group");
    goes_with(l, s, a->partitions > 0, a->create.p || a->extend.p, "partitions",
              "create, add-partitions");
    goes_with(l, s, a->rf >= 0, a->create.p != NULL, "rf", "create");
    goes_with(l, s, a->has_before, a->trim.topic.p != NULL, "before", "delete-records");
    goes_with(l, s, a->leader.n, elects, "leader", "elect");
    goes_with(l, s, a->unclean, elects, "unclean", "elect");
    goes_with(l, s, a->replicas.n, a->reassign.topic.p != NULL, "replicas", "reassign");
    if (alters && !a->config.n)
        diag_error(l->d, s->mark, "config: {retention.ms: 1000}", "to what?");
}

static void
check_extend(struct load *l, const struct step *s)
{
    int64_t now = partitions_before(l, s->args.extend, s - l->s->steps);
    if (now < 0) check_topic(l, s->args.extend, s->mark);
    else if (s->args.partitions <= now)
        diag_error(l->d, s->mark, "so many in all, not so many more",
                   "add-partitions: %.*s has %d already", SARG(s->args.extend), (int)now);
}

void
admin_check(struct load *l, const struct step *s)
{
    const struct args *a = &s->args;
    int32_t said = (a->create.p != NULL) + (a->remove.p != NULL) + (a->extend.p != NULL) +
                   (a->alter.p != NULL) + (a->alter_group.p != NULL) +
                   (a->of_default || a->alter_broker.n) + (a->trim.topic.p != NULL) +
                   (a->elect.topic.p != NULL) + (a->reassign.topic.p != NULL);
    if (said != 1) {
        diag_error(l->d, s->mark, s->verb->example, "admin does not say what, or says too much");
        return;
    }
    check_beside(l, s);
    if (a->extend.p) check_extend(l, s);
}
