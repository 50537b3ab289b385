/* From "the ISR is to become this" or "this broker is gone" to one PartitionChangeRecord: the ELR rule,
 * then the leader choice on its result. */
#include "broker/controller/internal.h"

#include "broker/controller/elr.h"

struct ids
ids_dup(struct arena *a, struct ids from)
{
    struct ids to = {ARENA_ARRAY(a, int32_t, from.n + 1), from.n};
    if (from.n > 0) memcpy(to.v, from.v, (size_t)from.n * sizeof *to.v);
    return to;
}

struct ids
ids_without(struct arena *a, struct ids from, int32_t id)
{
    struct ids to = {ARENA_ARRAY(a, int32_t, from.n + 1), 0};
    for (int32_t i = 0; i < from.n; i++)
        if (from.v[i] != id) to.v[to.n++] = from.v[i];
    return to;
}

bool
elr_is_enabled(const struct controller *c)
{
    return image_feature_level(&c->image, S("eligible.leader.replicas.version")) >= 1;
}

struct change
change_of(const struct controller *c, const struct image_partition *p)
{
    return (struct change){
        .p = p,
        .target_isr = p->isr,
        .election = effective_unclean(c, p->topic->name) ? ELECT_UNCLEAN : ELECT_ANY,
        .removed_id = -1,
        .added_id = -1,
        .unclean_id = -1,
        .recovery_state = p->recovery_state,
    };
}

struct living {
    const struct controller *c;
    const struct change *ch;
};

static bool
will_be_alive(void *ctx, int32_t id)
{
    const struct living *l = ctx;
    if (id == l->ch->removed_id || id == l->ch->unclean_id) return false;
    return id == l->ch->added_id || image_broker_is_active(&l->c->image, id);
}

/* What the partition is to become. */
struct outcome {
    struct ids isr, elr, last_known_elr;
    int32_t leader;
    int8_t recovery_state;
};

/* A leader that was not in sync is alone in sync. */
static void
adopt_leader(struct outcome *o, struct leader_choice choice, int32_t min_isr, struct arena *arena)
{
    o->leader = choice.leader;
    if (choice.leader == NO_LEADER) return;
    o->last_known_elr = (struct ids){0};
    if (!choice.from_elr && !choice.is_unclean) return;
    o->isr = (struct ids){ARENA_ARRAY(arena, int32_t, 1), 1};
    o->isr.v[0] = choice.leader;
    o->elr = ids_without(arena, o->elr, choice.leader);
    if (choice.is_unclean || min_isr <= 1) o->elr = (struct ids){0};
    if (choice.is_unclean) o->recovery_state = RECOVERY_RECOVERING;
}

static struct outcome
decide(const struct controller *c, const struct change *ch, struct arena *arena)
{
    const struct image_partition *p = ch->p;
    int32_t min_isr = effective_min_isr(c, p->topic->name);
    struct living living = {c, ch};
    struct elr_question eq = {p->replicas,    p->isr,  p->elr,         p->last_known_elr, p->leader,
                              ch->target_isr, min_isr, ch->unclean_id, elr_is_enabled(c)};
    struct elr_change e = elr_change(&eq, arena);
    struct leader_question lq = {p->replicas,      e.isr,         e.elr,
                                 e.last_known_elr, p->leader,     ch->election,
                                 eq.elr_enabled,   will_be_alive, &living};
    struct outcome o = {e.isr, e.elr, e.last_known_elr, p->leader, ch->recovery_state};
    adopt_leader(&o, leader_choose(&lq), MIN(min_isr, p->replicas.n), arena);
    return o;
}

static bool
is_within(struct ids some, struct ids all)
{
    for (int32_t i = 0; i < some.n; i++)
        if (!ids_has(all, some.v[i])) return false;
    return true;
}

/* A sound partition stays sound, whatever happened. (One that another program's controller made unsound
 * is not for us to judge.) */
static void
check_outcome(const struct image_partition *p, const struct change *ch, const struct outcome *o)
{
    if (!is_within(p->isr, p->replicas) || !is_within(p->elr, p->replicas)) return;
    if (!is_within(ch->target_isr, p->replicas)) return;
    CHECK(is_within(o->isr, p->replicas));
    CHECK(is_within(o->elr, p->replicas));
    CHECK(o->leader == p->leader || o->leader == NO_LEADER || ids_has(o->isr, o->leader));
    for (int32_t i = 0; i < o->elr.n; i++) CHECK(!ids_has(o->isr, o->elr.v[i]));
}

static void
set_list(int32_t **to, int32_t *to_n, struct ids was, struct ids is, struct arena *arena)
{
    if (ids_eq(was, is)) return;
    struct ids copy = ids_dup(arena, is);
    *to = copy.v;
    *to_n = copy.n;
}

bool
change_decide(const struct controller *c, const struct change *ch, struct arena *arena,
              struct k_partition_change_record *ret)
{
    const struct image_partition *p = ch->p;
    struct outcome o = decide(c, ch, arena);
    check_outcome(p, ch, &o);
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, ret);
    ret->partition_id = p->index;
    ret->topic_id = p->topic->id;
    set_list(&ret->isr, &ret->isr_n, p->isr, o.isr, arena);
    set_list(&ret->eligible_leader_replicas, &ret->eligible_leader_replicas_n, p->elr, o.elr,
             arena);
    set_list(&ret->last_known_elr, &ret->last_known_elr_n, p->last_known_elr, o.last_known_elr,
             arena);
    if (o.leader != p->leader) ret->leader = o.leader;
    if (o.recovery_state != p->recovery_state) ret->leader_recovery_state = o.recovery_state;
    return ret->isr_n >= 0 || ret->eligible_leader_replicas_n >= 0 || ret->last_known_elr_n >= 0 ||
           ret->leader != NO_LEADER_CHANGE || ret->leader_recovery_state >= 0;
}

static void
mark_election(const struct controller *c, const struct image_partition *p,
              const struct k_partition_change_record *r)
{
    int32_t leader = r->leader;
    bool was_last = ids_has(p->last_known_elr, leader) && p->elr.n == 0 && p->isr.n == 0;
    if (leader == NO_LEADER) MARK(c->env, LEADERLESS);
    if (leader < 0 || ids_has(p->isr, leader)) return;
    if (ids_has(p->elr, leader)) MARK(c->env, ELR_ELECTED);
    else if (was_last) MARK(c->env, LAST_LEADER_ELECTED);
    else MARK(c->env, UNCLEAN_ELECTED);
}

bool
elect_preferred(const struct controller *c, const struct image_partition *p, struct arena *arena,
                struct k_partition_change_record *ret)
{
    struct change ch = change_of(c, p);
    ch.election = ELECT_PREFERRED;
    return change_decide(c, &ch, arena, ret) && ret->leader == p->replicas.v[0];
}

void
change_add(struct controller *c, const struct change *ch)
{
    struct k_partition_change_record r;
    if (!change_decide(c, ch, &c->env->scratch, &r)) return;
    mark_election(c, ch->p, &r);
    batch_add(c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
}
