/* Random elections, and what administrators do: topics come and go, grow, change and lose their beginnings. */
#include "sim/scenario/nemesis.h"

#include "broker/base/check.h"

/* ---- elections ---- */

bool
strike_elect(struct run *r, struct slice kind)
{
    (void)draw_node(r); /* of no use but that seeds go on meaning what they meant */
    const struct truth_partition *p = draw_partition(r);
    (void)kind;
    if (!p) return false;
    struct args *a = ARENA_NEW(r->a, struct args);
    a->elect = (struct partition_ref){p->topic, p->partition};
    run_say(r, "elect the preferred leader of %.*s", SARG(p->name));
    admin_act(r, a, SLICE_EMPTY); /* it is often not needed */
    write_down(r, NULL, "admin: {elect: %.*s}", SARG(p->name));
    return true;
}

/* One election of a partition after the other, each asked for when the one before is decided. */
struct burst {
    struct run *r;
    struct slice name; /* of the partition */
    struct partition_ref partition;
    int64_t left;
    bool is_due;
};

static void
elect_replica(struct run *r, const struct truth_partition *p, int32_t at)
{
    const struct node_slot *n = node_by_id(r, p->replicas.v[at % p->replicas.n]);
    struct args *a = ARENA_NEW(r->a, struct args);
    struct term *t = ARENA_NEW(r->a, struct term);
    if (!n) return;
    *t = (struct term){.kind = TERM_NAME, .name = n->m->name};
    a->elect = (struct partition_ref){p->topic, p->partition};
    a->leader = (struct target){t, 1};
    run_say(r, "elect %.*s to lead %.*s", SARG(n->m->name), SARG(p->name));
    admin_act(r, a, SLICE_EMPTY);
    write_down(r, NULL, "admin: {elect: %.*s, leader: %.*s}", SARG(p->name), SARG(n->m->name));
}

/* Any of its replicas but for the leader. */
static int32_t
draw_another(struct run *r, const struct truth_partition *p)
{
    int32_t at = (int32_t)dice_below(&r->nemesis_dice, p->replicas.n);
    return p->replicas.v[at] == p->leader ? at + 1 : at;
}

bool
elect_another(struct run *r, const struct truth_partition *p)
{
    if (p->replicas.n < 2) return false;
    elect_replica(r, p, draw_another(r, p));
    return true;
}

/* No follower hears anything for a while: so all of these elections fall into one round trip. */
static void
hold_fetches(struct run *r)
{
    int64_t ms = dice_between(&r->nemesis_dice, 50, 250);
    do_drawn(r, "hold: {rpc: Fetch, listener: broker, answer: %s}, for: %lldms",
             dice_below(&r->nemesis_dice, 2) ? "true" : "false", (long long)ms);
}

static void
elect_next(struct world *w, void *ctx)
{
    struct burst *b = ctx;
    const struct truth_partition *p = truth_partition(&b->r->truth, b->partition);
    (void)w;
    b->is_due = false;
    if (!b->r->playing || !p || b->left <= 0) return;
    b->left--;
    elect_replica(b->r, p, draw_another(b->r, p));
}

void
nemesis_see_placed(struct run *r, const struct truth_partition *p)
{
    for (int64_t i = 0; i < r->bursts.n; i++) {
        struct burst *b = r->bursts.v[i];
        if (b->left <= 0 || b->is_due || !slice_eq(b->name, p->name)) continue;
        b->is_due = true;
        world_at(r->w, world_now_ns(r->w), elect_next, b);
    }
}

bool
strike_elections(struct run *r, struct slice kind)
{
    const struct truth_partition *p = draw_partition(r);
    int64_t n = dice_between(&r->nemesis_dice, 2, 5);
    bool at_once = dice_below(&r->nemesis_dice, 2) == 0;
    (void)kind;
    if (!p || p->replicas.n < 2) return false;
    if (dice_below(&r->nemesis_dice, 2)) hold_fetches(r);
    int32_t first = draw_another(r, p);
    for (int32_t i = 0; i < (at_once ? n : 1); i++) elect_replica(r, p, first + i);
    if (at_once) return true;
    struct burst *b = ARENA_NEW(r->a, struct burst);
    *b = (struct burst){r, p->name, {p->topic, p->partition}, n - 1, false};
    VEC_PUSH(r->a->mem, &r->bursts, b);
    return true;
}

/* ---- topics ---- */

static struct args *
new_args(struct run *r)
{
    struct args *a = ARENA_NEW(r->a, struct args);
    a->rf = -1;
    a->before = -1;
    return a;
}

static void
set_drawn(struct run *r, struct args *a, const char *name, int64_t value)
{
    a->config.v = ARENA_ARRAY(r->a, struct setting, 1);
    a->config.v[a->config.n++] =
        (struct setting){slice_cstr(name), arena_format(r->a, "%lld", (long long)value)};
}

static bool
delete_records(struct run *r)
{
    const struct truth_partition *p = draw_partition(r);
    if (!p || slice_starts(p->topic, S("__"))) return false;
    struct args *a = new_args(r);
    a->trim = (struct partition_ref){p->topic, p->partition};
    a->before = dice_between(&r->nemesis_dice, 0, MAX(p->high_watermark, 0));
    struct slice what =
        arena_format(r->a, "delete-records %.*s, before %lld", SARG(p->name), (long long)a->before);
    run_say(r, "%.*s", SARG(what));
    admin_act(r, a, what);
    write_down(r, NULL, "admin: {delete-records: %.*s, before: %lld}", SARG(p->name),
               (long long)a->before);
    return true;
}

/* What was made so is deleted as often as another is made. */
static bool
make_or_delete(struct run *r)
{
    struct args *a = new_args(r);
    bool deletes = r->made.n && dice_below(&r->nemesis_dice, 2);
    struct slice what;
    if (deletes) {
        int64_t at = dice_below(&r->nemesis_dice, r->made.n);
        a->remove = r->made.v[at];
        VEC_REMOVE_AT(&r->made, at);
        what = arena_format(r->a, "delete: %.*s", SARG(a->remove));
    } else {
        a->create = arena_format(r->a, "drawn%lld", (long long)++r->made_n);
        a->partitions = dice_between(&r->nemesis_dice, 1, 4);
        a->rf = MIN(3, r->s->cluster.brokers);
        VEC_PUSH(r->a->mem, &r->made, a->create);
        what = arena_format(r->a, "create: %.*s, partitions: %lld, rf: %lld", SARG(a->create),
                            (long long)a->partitions, (long long)a->rf);
    }
    run_say(r, "admin %.*s", SARG(what));
    admin_act(r, a, what);
    write_down(r, NULL, "admin: {%.*s}", SARG(what));
    return true;
}

static const struct topic *
draw_topic(struct run *r)
{
    return r->s->topics_n ? &r->s->topics[dice_below(&r->nemesis_dice, r->s->topics_n)] : NULL;
}

static int64_t
partitions_now(struct run *r, struct slice topic)
{
    int64_t n = 0;
    for (int64_t i = 0; i < r->truth.partitions.n; i++)
        n += slice_eq(r->truth.partitions.v[i]->topic, topic);
    return n;
}

static bool
add_partition(struct run *r)
{
    const struct topic *t = draw_topic(r);
    int64_t n = t ? partitions_now(r, t->name) : 0;
    if (!n) return false;
    struct args *a = new_args(r);
    a->extend = t->name;
    a->partitions = n + 1;
    run_say(r, "give %.*s %lld partitions", SARG(t->name), (long long)a->partitions);
    admin_act(r, a, SLICE_EMPTY); /* refused, where an earlier one is under way */
    write_down(r, NULL, "admin: {add-partitions: %.*s, partitions: %lld}", SARG(t->name),
               (long long)a->partitions);
    return true;
}

static bool
alter_topic(struct run *r)
{
    static const struct {
        const char *name;
        int64_t least, most;
    } all[] = {{"internal.segment.bytes", 4 << 10, 64 << 10},
               {"retention.bytes", 4 << 10, 256 << 10},
               {"retention.ms", 500, 20000},
               {"segment.ms", 200, 5000},
               {"flush.messages", 1, 50}};
    const struct topic *t = draw_topic(r);
    int64_t k = dice_below(&r->nemesis_dice, ARRAY_LEN(all));
    int64_t value = dice_between(&r->nemesis_dice, all[k].least, all[k].most);
    if (!t) return false;
    struct args *a = new_args(r);
    a->alter = t->name;
    set_drawn(r, a, all[k].name, value);
    run_say(r, "set %s of %.*s to %lld", all[k].name, SARG(t->name), (long long)value);
    admin_act(r, a, SLICE_EMPTY);
    write_down(r, NULL, "admin: {alter: %.*s, config: {%s: %lld}}", SARG(t->name), all[k].name,
               (long long)value);
    return true;
}

/* Of brokers, while they work. What they lose by it (retention) alter-topic changes. */
static bool
alter_broker(struct run *r)
{
    static const struct {
        const char *name;
        int64_t least, most;
    } all[] = {{"log.cleaner.backoff.ms", 10, 1000},
               {"log.cleaner.threads", 1, 3},
               {"log.cleaner.io.max.bytes.per.second", 2000, 200000},
               {"log.cleaner.min.compaction.lag.ms", 0, 2000},
               {"log.index.interval.bytes", 0, 8192},
               {"log.index.size.max.bytes", 24, 2000},
               {"log.flush.interval.messages", 1, 100},
               {"log.flush.interval.ms", 50, 2000},
               {"log.roll.ms", 200, 5000},
               {"log.segment.delete.delay.ms", 0, 2000},
               {"group.consumer.assignment.interval.ms", 0, 1000},
               {"group.share.assignment.interval.ms", 0, 1000},
               {"group.streams.assignment.interval.ms", 0, 1000}};
    const struct node_slot *n = draw_broker(r);
    bool of_all = dice_below(&r->nemesis_dice, 2) == 0;
    int64_t k = dice_below(&r->nemesis_dice, ARRAY_LEN(all));
    int64_t value = dice_between(&r->nemesis_dice, all[k].least, all[k].most);
    struct slice whom = of_all ? S("default") : n->m->name;
    do_drawn(r, "admin: {alter-broker: %.*s, config: {%s: %lld}}", SARG(whom), all[k].name,
             (long long)value);
    return true;
}

/* ---- partitions move ---- */

/* As many as the partition has now, in a drawn order. */
static void
draw_replicas(struct run *r, struct target *ret, int64_t n)
{
    const struct node_slot **all = ARENA_ARRAY(r->a, const struct node_slot *, r->nodes_n);
    int64_t left = 0;
    for (int32_t i = 0; i < r->nodes_n; i++)
        if (r->nodes[i].is_broker) all[left++] = &r->nodes[i];
    ret->v = ARENA_ARRAY(r->a, struct term, n);
    while (ret->n < n && left > 0) {
        int64_t at = dice_below(&r->nemesis_dice, left);
        ret->v[ret->n++] = (struct term){.kind = TERM_NAME, .name = all[at]->m->name};
        all[at] = all[--left];
    }
}

static struct slice
names_of_target(struct run *r, const struct target *t)
{
    struct slice s = t->v[0].name;
    for (int32_t i = 1; i < t->n; i++)
        s = arena_format(r->a, "%.*s, %.*s", SARG(s), SARG(t->v[i].name));
    return s;
}

struct move {
    struct run *r;
    struct partition_ref partition;
    struct slice name;
};

static void
take_move_back(struct world *w, void *ctx)
{
    const struct move *m = ctx;
    struct run *r = m->r;
    (void)w;
    if (!r->playing) return;
    struct args *a = new_args(r);
    a->reassign = m->partition;
    run_say(r, "leave %.*s where it was", SARG(m->name));
    admin_act(r, a, SLICE_EMPTY);
    write_down(r, NULL, "admin: {reassign: %.*s}", SARG(m->name));
}

bool
strike_reassign(struct run *r, struct slice kind)
{
    const struct truth_partition *p = draw_partition(r);
    bool is_taken_back = dice_below(&r->nemesis_dice, 4) == 0;
    int64_t after_ms = dice_between(&r->nemesis_dice, 1, 800);
    (void)kind;
    if (!p || p->replicas.n == 0) return false;
    struct args *a = new_args(r);
    a->reassign = (struct partition_ref){p->topic, p->partition};
    draw_replicas(r, &a->replicas, p->replicas.n);
    struct slice to = names_of_target(r, &a->replicas);
    run_say(r, "move %.*s to %.*s", SARG(p->name), SARG(to));
    admin_act(r, a, SLICE_EMPTY);
    write_down(r, NULL, "admin: {reassign: %.*s, replicas: [%.*s]}", SARG(p->name), SARG(to));
    if (!is_taken_back) return true;
    struct move *m = ARENA_NEW(r->a, struct move);
    *m = (struct move){r, a->reassign, p->name};
    world_at(r->w, world_now_ns(r->w) + after_ms * NS_PER_MS, take_move_back, m);
    return true;
}

/* ---- one family ---- */

bool
strike_topic(struct run *r, struct slice kind)
{
    if (is_kind(kind, "alter-broker")) return alter_broker(r);
    if (is_kind(kind, "delete-records")) return delete_records(r);
    if (is_kind(kind, "topics")) return make_or_delete(r);
    if (is_kind(kind, "add-partitions")) return add_partition(r);
    return alter_topic(r);
}

/* ---- what is known ---- */

#define DESCRIBED_MAX 12 /* partitions at a time */

/* Of partitions one after the other, from a drawn one on, each at its leader. */
static void
look_at_producers(struct run *r)
{
    int64_t n = r->truth.partitions.n, from = dice_below(&r->nemesis_dice, MAX(n, 1));
    for (int64_t i = 0; i < MIN(n, DESCRIBED_MAX); i++) {
        const struct truth_partition *p = r->truth.partitions.v[(from + i) % n];
        const struct node_slot *leader = node_by_id(r, p->leader);
        if (!leader) continue;
        do_drawn(r,
                 "ask: %.*s, rpc: DescribeProducers, send: {topics: [{name: %.*s, "
                 "partitionIndexes: [%d]}]}, answer: any",
                 SARG(leader->m->name), SARG(p->topic), (int)p->partition);
    }
}

/* Where its log begins and ends, for both kinds of readers, which record is of a time and which of the last: of one partition, at
 * its leader. */
static void
look_at_ends(struct run *r, const struct truth_partition *p, struct slice leader, int64_t ago_ms)
{
    const int64_t times[] = {-1, -2, -3, world_wall_ms(r->w) - ago_ms};
    for (int64_t i = 0; i < ARRAY_LEN(times); i++)
        do_drawn(
            r,
            "ask: %.*s, rpc: ListOffsets, send: {replicaId: -1, isolationLevel: %d, topics: "
            "[{name: %.*s, partitions: [{partitionIndex: %d, timestamp: %lld}]}]}, answer: any",
            SARG(leader), (int)(ago_ms % 2), SARG(p->topic), (int)p->partition,
            (long long)times[i]);
}

/* Any broker tells what it knows of all topics. */
static void
look_at_cluster(struct run *r, struct slice broker, struct slice topic)
{
    do_drawn(r, "ask: %.*s, rpc: Metadata, send: {topics: null}, answer: any", SARG(broker));
    do_drawn(r,
             "ask: %.*s, rpc: DescribeTopicPartitions, send: {topics: [{name: %.*s}]}, answer: any",
             SARG(broker), SARG(topic));
}

/* Of the partition that is drawn as the first, or whichever is the first that is led. */
static void
look_at_logs(struct run *r)
{
    int64_t n = r->truth.partitions.n, from = dice_below(&r->nemesis_dice, MAX(n, 1));
    for (int64_t i = 0; i < n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[(from + i) % n];
        const struct node_slot *leader = node_by_id(r, p->leader);
        if (!leader) continue;
        look_at_ends(r, p, leader->m->name, dice_between(&r->nemesis_dice, 0, 5000));
        look_at_cluster(r, leader->m->name, p->topic);
        return;
    }
}

/* Also by the protocol that is not its own: a group may change it. */
static void
look_at_members(struct run *r, struct slice group)
{
    do_drawn(r, "ask: coordinator(%.*s), rpc: DescribeGroups, send: {groups: [%.*s]}, answer: any",
             SARG(group), SARG(group));
    do_drawn(r,
             "ask: coordinator(%.*s), rpc: ConsumerGroupDescribe, send: {groupIds: [%.*s]}, "
             "answer: any",
             SARG(group), SARG(group));
    do_drawn(
        r, "ask: coordinator(%.*s), rpc: ShareGroupDescribe, send: {groupIds: [%.*s]}, answer: any",
        SARG(group), SARG(group));
    do_drawn(r,
             "ask: coordinator(%.*s), rpc: StreamsGroupDescribe, send: {groupIds: [%.*s]}, "
             "answer: any",
             SARG(group), SARG(group));
    do_drawn(r, "ask: coordinator(%.*s), rpc: ListGroups, answer: any", SARG(group));
}

static void
look_at_txn(struct run *r, struct slice id)
{
    do_drawn(r,
             "ask: coordinator(%.*s), rpc: DescribeTransactions, send: {transactionalIds: [%.*s]}, "
             "answer: any",
             SARG(id), SARG(id));
    do_drawn(r, "ask: coordinator(%.*s), rpc: ListTransactions, answer: any", SARG(id));
}

/* Several clients are of one group, or have one transactional id. */
static bool
is_first_of(const struct scenario *s, int32_t at)
{
    const struct client_spec *c = &s->clients[at];
    for (int32_t i = 0; i < at; i++) {
        const struct client_spec *o = &s->clients[i];
        if (c->group.p
                ? o->group.p && slice_eq(o->group, c->group)
                : o->transactional_id.p && slice_eq(o->transactional_id, c->transactional_id))
            return false;
    }
    return true;
}

/* Some looks, one after the other. */
struct looks {
    struct run *r;
    int64_t left;
};

static void
look(struct world *w, void *ctx)
{
    struct looks *l = ctx;
    struct run *r = l->r;
    const struct scenario *s = r->s;
    if (!r->playing) return;
    for (int32_t i = 0; i < s->clients_n; i++) {
        const struct client_spec *c = &s->clients[i];
        if (!is_first_of(s, i)) continue;
        if (c->group.p) look_at_members(r, c->group);
        else if (c->transactional_id.p) look_at_txn(r, c->transactional_id);
    }
    look_at_producers(r);
    look_at_logs(r);
    int64_t ms = dice_between(&r->nemesis_dice, 50, 400);
    if (--l->left > 0) world_at(w, world_now_ns(w) + ms * NS_PER_MS, look, l);
}

bool
strike_describe(struct run *r, struct slice kind)
{
    struct looks *l = ARENA_NEW(r->a, struct looks);
    (void)kind;
    *l = (struct looks){r, dice_between(&r->nemesis_dice, 5, 20)};
    look(r->w, l);
    return true;
}
