/* What an administrator asks of the cluster: a client machine of its own for each call, real requests, and what came
 * of it in the history and in the story. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/client/admin.h"
#include "broker/protocol/tables.h"
#include "errors.h"
#include "sim/check/invariants.h"

#define WITHIN_MS 10000

struct call {
    struct run *r;
    struct slice what;
    struct client_params params;
    const struct args *args;
    struct machine *named; /* elect: whom; NULL: the preferred leader */
    int32_t broker;        /* alter-broker: its id; -1: the default of all */
    struct ids_few to;     /* reassign */
    struct topic_setting *settings;
    /* in the machine */
    struct client *client;
    struct admin_op op;
    int64_t number; /* in the history */
    enum history_outcome outcome;
    struct slice why; /* said by us, not by the cluster */
};

/* ---- what came of it ---- */

/* "delete-records orders-0, before 900", without the step's verb. */
static struct slice
words_of(const struct call *c)
{
    int64_t verb_bytes = slice_starts(c->what, S("admin ")) ? 6 : 0;
    return slice_sub(c->what, verb_bytes, c->what.n);
}

/* Within a step of the client's machine: what is to be told waits until it is over. */
static void
tell_call(struct world *w, void *ctx)
{
    static const char *const outcomes[] = {
        [HISTORY_OK] = "done", [HISTORY_FAIL] = "refused", [HISTORY_INFO] = "perhaps done"};
    const struct call *c = ctx;
    (void)w;
    if (!c->what.n) return;
    struct slice words = words_of(c), error = c->why.n ? c->why : k_err_name(c->op.error);
    struct slice why =
        c->outcome == HISTORY_OK ? SLICE_EMPTY : arena_format(c->r->a, " (%.*s)", SARG(error));
    struct slice whom =
        c->broker < 0 ? SLICE_EMPTY : arena_format(c->r->a, " of b%d", (int)c->broker);
    run_tell(c->r, arena_format(c->r->a, "%.*s%.*s", SARG(words), SARG(whom)),
             arena_format(c->r->a, "the administrator asked to %.*s%.*s: %s%.*s", SARG(words),
                          SARG(whom), outcomes[c->outcome], SARG(why)));
}

/* What an operator permits excuses losses, from when it is asked for until its taking back is answered. */
static void
tell_terms(const struct call *c, bool is_done)
{
    const struct args *a = c->args;
    struct slice topic = a->alter.p ? a->alter : SLICE_NULL;
    if (a->create.p && !is_done) witness_topic(c->r, a->create, &a->config);
    if (a->elect.topic.p && a->unclean && !is_done) witness_unclean_asked(c->r, a->elect);
    if (a->alter_group.p && is_done) witness_letters(c->r, a->alter_group, &a->config);
    if (a->alter_group.p) witness_share_reset(c->r, a->alter_group, &a->config, is_done);
    if (!a->alter.p && !a->of_default && !a->alter_broker.n) return;
    for (int32_t i = 0; i < a->config.n; i++) {
        bool is_on = slice_eq(a->config.v[i].value, S("true"));
        int64_t n;
        if (slice_eq(a->config.v[i].name, S("unclean.leader.election.enable")) && is_on != is_done)
            witness_unclean_is(c->r, topic, is_on);
        if (slice_eq(a->config.v[i].name, S("min.insync.replicas")) && !is_done &&
            slice_to_i64(a->config.v[i].value, &n))
            witness_min_isr_is(c->r, topic, (int32_t)n);
        if (!is_done) witness_flush_is(c->r, topic, a->config.v[i].name, a->config.v[i].value);
        if (!is_done) witness_segment_is(c->r, topic, a->config.v[i].name, a->config.v[i].value);
    }
}

static void
end_call(struct call *c, enum history_outcome outcome, int64_t offset)
{
    struct history *h = c->r->h;
    c->outcome = outcome;
    if (outcome == HISTORY_OK) tell_terms(c, true);
    history_complete(h, c->number, outcome, c->op.error, h->ops.v[c->number].partition, offset);
    world_at(c->r->w, 0, tell_call, c);
}

static void
admin_call_ended(struct admin_op *op)
{
    struct call *c = op->owner;
    enum history_outcome outcome = !op->error   ? HISTORY_OK
                                 : op->in_doubt ? HISTORY_INFO
                                                : HISTORY_FAIL;
    int64_t offset = -1;
    if (outcome == HISTORY_OK && c->args->trim.topic.p) {
        const struct k_delete_records_response *answer = op->response;
        /* Success says that all which was asked for is gone everywhere (KIP-107), whatever the answer names. */
        offset = MAX(c->args->before, answer->topics->partitions->low_watermark);
        c->r->h->ops.v[c->number].node =
            client_leader(c->client, c->args->trim.topic, c->args->trim.partition);
    }
    end_call(c, outcome, offset);
}

/* ---- to elect a named replica: it becomes the first of the replicas, then the first is asked for ---- */

static void
elect(struct admin_op *op)
{
    struct call *c = op->owner;
    const struct args *a = c->args;
    if (op->error) { /* of the reassignment */
        admin_call_ended(op);
        return;
    }
    op->done = admin_call_ended;
    admin_elect_leader(c->client, op, a->unclean, a->elect.topic, a->elect.partition);
}

static const struct k_metadata_response_metadata_response_partition *
described_partition(const struct k_metadata_response *m, int32_t partition)
{
    for (int32_t i = 0; m && m->topics_n == 1 && i < m->topics->partitions_n; i++)
        if (m->topics->partitions[i].partition_index == partition) return &m->topics->partitions[i];
    return NULL;
}

static void
put_first(struct admin_op *op)
{
    struct call *c = op->owner;
    const struct args *a = c->args;
    int32_t id = node_of(c->r, c->named)->id, order[TRUTH_REPLICAS], n = 1;
    const struct k_metadata_response_metadata_response_partition *p =
        op->error ? NULL : described_partition(op->response, a->elect.partition);
    bool has = false;
    order[0] = id;
    for (int32_t i = 0; p && i < p->replica_nodes_n && n < TRUTH_REPLICAS; i++) {
        has = has || p->replica_nodes[i] == id;
        if (p->replica_nodes[i] != id) order[n++] = p->replica_nodes[i];
    }
    if (!has) {
        c->why = p ? S("it has no replica of it") : SLICE_NULL;
        end_call(c, HISTORY_FAIL, -1);
        return;
    }
    /* Who told may not have heard of the last change: it is asked for also where it seems to be so already. */
    op->done = elect;
    admin_reassign(c->client, op, a->elect.topic, a->elect.partition, order, n);
}

/* ---- the call ---- */

static struct history_op
describe_call(const struct call *c)
{
    const struct args *a = c->args;
    struct history *h = c->r->h;
    struct slice topic = a->create.p      ? a->create
                       : a->remove.p      ? a->remove
                       : a->extend.p      ? a->extend
                       : a->alter.p       ? a->alter
                       : a->trim.topic.p  ? a->trim.topic
                       : a->elect.topic.p ? a->elect.topic
                                          : a->reassign.topic; /* or none */
    struct history_op op = history_op_new(HISTORY_ADMIN, history_process(h, S("admin")),
                                          topic.p ? history_topic(h, topic) : -1, -1);
    op.key = a->create.p         ? ADMIN_CREATE
           : a->remove.p         ? ADMIN_DELETE
           : a->extend.p         ? ADMIN_ADD_PARTITIONS
           : a->alter.p          ? ADMIN_ALTER
           : a->alter_group.p    ? ADMIN_ALTER_GROUP
           : a->trim.topic.p     ? ADMIN_DELETE_RECORDS
           : a->elect.topic.p    ? (a->unclean ? ADMIN_ELECT_UNCLEANLY : ADMIN_ELECT)
           : a->reassign.topic.p ? ADMIN_REASSIGN
                                 : ADMIN_ALTER_BROKER;
    if (a->trim.topic.p) op.partition = a->trim.partition, op.offset = a->before;
    if (a->elect.topic.p) op.partition = a->elect.partition;
    if (a->reassign.topic.p) op.partition = a->reassign.partition;
    op.node = a->elect.topic.p && c->named ? node_of(c->r, c->named)->id : c->broker;
    return op;
}

static void
ask_to_create_topic(struct call *c)
{
    const struct args *a = c->args;
    struct new_topic t = {.name = a->create,
                          .partitions = a->partitions ? (int32_t)a->partitions : -1,
                          .replicas = (int16_t)a->rf,
                          .settings = c->settings,
                          .settings_n = a->config.n};
    admin_create_topic(c->client, &c->op, &t);
}

static void
alter_broker(struct call *c)
{
    struct slice id = c->broker < 0 ? SLICE_EMPTY : arena_format(c->r->a, "%d", (int)c->broker);
    admin_alter_configs(c->client, &c->op, ADMIN_BROKER, id, c->settings, c->args->config.n);
}

static void
start_call(struct env *env, void *args)
{
    struct call *c = args;
    const struct args *a = c->args;
    struct history_op op = describe_call(c);
    env->machine = c;
    c->client = client_new(env, &c->params);
    c->op = (struct admin_op){.done = admin_call_ended, .owner = c, .timeout_ms = WITHIN_MS};
    c->number = history_invoke(c->r->h, &op);
    if (a->create.p) ask_to_create_topic(c);
    else if (a->remove.p) admin_delete_topic(c->client, &c->op, a->remove);
    else if (a->extend.p)
        admin_create_partitions(c->client, &c->op, a->extend, (int32_t)a->partitions);
    else if (a->alter.p)
        admin_alter_configs(c->client, &c->op, ADMIN_TOPIC, a->alter, c->settings, a->config.n);
    else if (a->alter_group.p)
        admin_alter_configs(c->client, &c->op, ADMIN_GROUP, a->alter_group, c->settings,
                            a->config.n);
    else if (a->trim.topic.p)
        admin_delete_records(c->client, &c->op, a->trim.topic, a->trim.partition, a->before);
    else if (a->reassign.topic.p)
        admin_reassign(c->client, &c->op, a->reassign.topic, a->reassign.partition, c->to.v,
                       c->to.n ? c->to.n : -1);
    else if (!a->elect.topic.p) alter_broker(c);
    else if (c->named) {
        c->op.done = put_first;
        admin_metadata(c->client, &c->op, a->elect.topic);
    } else elect(&c->op);
}

static struct ids_few
ids_of(struct run *r, const struct target *t)
{
    struct crowd c = crowd_of(r, t, NULL);
    struct ids_few ids = {.n = 0};
    for (int32_t i = 0; i < c.n && ids.n < TRUTH_REPLICAS; i++) {
        const struct node_slot *n = node_of(r, c.v[i]);
        if (n && n->is_broker) ids.v[ids.n++] = n->id;
    }
    return ids;
}

static void
ask_admin(struct run *r, const struct args *a, struct slice what, struct machine *named,
          int32_t broker)
{
    struct call *c = ARENA_NEW(r->a, struct call);
    *c = (struct call){.r = r, .what = what, .args = a, .named = named, .broker = broker};
    c->params = r->client_params;
    c->to = ids_of(r, &a->replicas);
    c->settings = ARENA_ARRAY(r->a, struct topic_setting, a->config.n + 1);
    for (int32_t i = 0; i < a->config.n; i++)
        c->settings[i] = (struct topic_setting){a->config.v[i].name, a->config.v[i].value};
    tell_terms(c, false);
    struct machine *m =
        world_add(r->w, &(struct machine_params){
                            .name = arena_format(r->a, "admin%d", (int)++r->admins_n),
                            .kind = S("client"),
                            .start = start_call,
                            .args = c,
                        });
    machine_start(m);
}

void
admin_act(struct run *r, const struct args *a, struct slice what)
{
    struct crowd leaders = a->leader.n ? crowd_of(r, &a->leader, NULL) : (struct crowd){0};
    if (a->leader.n && (leaders.n != 1 || !node_of(r, leaders.v[0]))) {
        run_say(r, "%.*s: that is not one broker", SARG(what));
        return;
    }
    if (!a->alter_broker.n) {
        ask_admin(r, a, what, leaders.n ? leaders.v[0] : NULL, -1);
        return;
    }
    struct crowd brokers = crowd_of(r, &a->alter_broker, NULL);
    for (int32_t i = 0; i < brokers.n; i++) {
        const struct node_slot *n = node_of(r, brokers.v[i]);
        if (n && n->is_broker) ask_admin(r, a, what, NULL, n->id);
    }
}
