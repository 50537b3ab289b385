/* Random faults of the network: cuts, slow links, broken connections, requests and answers that wait. */
#include "sim/scenario/nemesis.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "apis.h"
#include "broker/protocol/tables.h"

#define NAMES_MAX 2000

bool
strike_pair(struct run *r, struct slice kind)
{
    struct machine *a = draw_node(r)->m, *b = draw_node(r)->m;
    if (a == b) return false;
    struct machines x = {&a, 1}, y = {&b, 1};
    run_fault(r, (const char *)kind.p, "%.*s, %.*s", SARG(a->name), SARG(b->name));
    int64_t some = dice_between(&r->nemesis_dice, 20, 400) * NS_PER_MS;
    if (is_kind(kind, "cut-one-way")) {
        write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, false)), "cut: {from: %.*s, to: %.*s}",
                   SARG(a->name), SARG(b->name));
    } else if (is_kind(kind, "flap")) {
        write_down(r, afflict(r, NULL, fault_flap(r->w, x, y, true, some, some)),
                   "flap: [%.*s, %.*s], down: %lldns, up: %lldns", SARG(a->name), SARG(b->name),
                   (long long)some, (long long)some);
    } else if (is_kind(kind, "slow")) {
        struct slow slow = {.latency = {some / 4, some, 0, 0}};
        write_down(r, afflict(r, NULL, fault_slow_link(r->w, x, y, true, slow)),
                   "slow: [%.*s, %.*s], by: %lldns..%lldns", SARG(a->name), SARG(b->name),
                   (long long)some / 4, (long long)some);
    } else if (is_kind(kind, "reset")) {
        fault_reset(r->w, a, b);
        write_down(r, NULL, "reset: [%.*s, %.*s]", SARG(a->name), SARG(b->name));
    } else {
        fault_half_open(r->w, a, b);
        write_down(r, NULL, "half-open: [%.*s, %.*s]", SARG(a->name), SARG(b->name));
    }
    return true;
}

bool
strike_cut(struct run *r, struct slice kind)
{
    (void)kind;
    struct machine *a = draw_node(r)->m;
    struct machine **rest = ARENA_ARRAY(r->a, struct machine *, world_machines_n(r->w));
    struct machines x = {&a, 1}, y = {rest, 0};
    for (int32_t i = 0; i < world_machines_n(r->w); i++)
        if (world_machine_at(r->w, i) != a) rest[y.n++] = world_machine_at(r->w, i);
    run_fault(r, "cut", "%.*s off", SARG(a->name));
    write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, true)), "cut: [%.*s, rest]",
               SARG(a->name));
    return true;
}

/* Those who ask once, as administrators do, a timeline cannot name. */
static bool
is_of_the_scenario(const struct run *r, const struct machine *m)
{
    if (node_of(r, m)) return true;
    for (int32_t i = 0; i < r->s->clients_n; i++)
        if (r->clients[i].m == m) return true;
    return false;
}

/* Everybody, clients too, to one of two sides. */
bool
strike_split(struct run *r, struct slice kind)
{
    (void)kind;
    int32_t all = world_machines_n(r->w);
    struct machine **v = ARENA_ARRAY(r->a, struct machine *, all),
                   **u = ARENA_ARRAY(r->a, struct machine *, all);
    struct machines x = {v, 0}, y = {u, 0};
    char text[NAMES_MAX];
    struct writer w = writer_fixed(text, sizeof text);
    for (int32_t i = 0; i < all; i++) {
        struct machine *m = world_machine_at(r->w, i);
        if (dice_below(&r->nemesis_dice, 2)) {
            u[y.n++] = m;
            continue;
        }
        v[x.n++] = m;
        if (!is_of_the_scenario(r, m)) continue;
        if (w.n) fmt_str(&w, ", ");
        fmt_slice(&w, m->name);
    }
    if (!x.n || !y.n) return false;
    bool both = dice_below(&r->nemesis_dice, 3) > 0;
    struct slice side = writer_slice(&w);
    run_fault(r, "split", "%.*s from the rest%s", SARG(side), both ? "" : ", one way");
    const struct affliction *a = afflict(r, NULL, fault_cut(r->w, x, y, both));
    if (side.n)
        write_down(r, a, both ? "cut: [[%.*s], rest]" : "cut: {from: [%.*s], to: rest}",
                   SARG(side));
    return true;
}

/* Between a client and a node, in one direction. */
bool
strike_client(struct run *r, struct slice kind)
{
    (void)kind;
    struct machine *node = draw_node(r)->m;
    struct machine *client = draw_client(r);
    bool to_node = dice_below(&r->nemesis_dice, 2) == 1;
    if (!client) return false;
    struct machine *a = to_node ? client : node, *b = to_node ? node : client;
    struct machines x = {&a, 1}, y = {&b, 1};
    run_fault(r, "cut-client", "%.*s > %.*s", SARG(a->name), SARG(b->name));
    write_down(r, afflict(r, NULL, fault_cut(r->w, x, y, false)), "cut: {from: %.*s, to: %.*s}",
               SARG(a->name), SARG(b->name));
    return true;
}

/* Fetches of anybody, from brokers or from the quorum; what only brokers say is drawn from brokers. */
bool
strike_hold(struct run *r, struct slice kind)
{
    struct frame_filter f = frame_filter_any();
    bool fetch = is_kind(kind, "hold-fetch"), produce = is_kind(kind, "hold-produce");
    const struct node_slot *n = fetch ? draw_node(r) : draw_broker(r);
    bool answer = dice_below(&r->nemesis_dice, 2) == 1 || produce;
    f.api = fetch ? K_API_FETCH : produce ? K_API_PRODUCE : K_API_ALTER_PARTITION;
    f.which = answer ? WHICH_ANSWER : WHICH_REQUEST;
    if (fetch && n->is_broker && dice_below(&r->nemesis_dice, 2)) f.port = 9092;
    if (answer && !produce) f.to = n->m;
    else f.from = n->m;
    run_fault(r, (const char *)kind.p, "%s %.*s",
              !answer   ? "requests of"
              : produce ? "an answer of"
                        : "answers to",
              SARG(n->m->name));
    write_down(r, afflict(r, NULL, fault_hold(r->w, &f, 0, fetch ? 0 : 1)),
               "hold: {rpc: %s, answer: %s, %s: %.*s%s%s}",
               fetch     ? "Fetch"
               : produce ? "Produce"
                         : "AlterPartition",
               answer ? "true" : "false", answer && !produce ? "to" : "from", SARG(n->m->name),
               f.port ? ", listener: broker" : "", fetch ? "" : ", count: 1");
    return true;
}

/* The end of a transaction, or its answer, until its client asks again by another way; then it comes. */
bool
strike_hold_end(struct run *r, struct slice kind)
{
    const struct node_slot *n = draw_broker(r);
    bool is_answer = dice_below(&r->nemesis_dice, 3) == 0;
    const struct affliction *a = afflict(r, NULL, 0);
    (void)kind;
    do_drawn(r, "hold: {rpc: EndTxn, answer: %s, %s: %.*s, count: 1}, for: %lldns",
             is_answer ? "true" : "false", is_answer ? "from" : "to", SARG(n->m->name),
             (long long)a->lasts_ns);
    return true;
}

/* Whatever nodes and clients say to nodes. */
static const int16_t any_apis[] = {K_API_FETCH,
                                   K_API_PRODUCE,
                                   K_API_ALTER_PARTITION,
                                   K_API_BROKER_HEARTBEAT,
                                   K_API_BROKER_REGISTRATION,
                                   K_API_VOTE,
                                   K_API_BEGIN_QUORUM_EPOCH,
                                   K_API_END_QUORUM_EPOCH,
                                   K_API_FETCH_SNAPSHOT,
                                   K_API_OFFSET_FOR_LEADER_EPOCH,
                                   K_API_ALLOCATE_PRODUCER_IDS,
                                   K_API_INIT_PRODUCER_ID,
                                   K_API_LIST_OFFSETS,
                                   K_API_METADATA,
                                   K_API_FIND_COORDINATOR,
                                   K_API_JOIN_GROUP,
                                   K_API_SYNC_GROUP,
                                   K_API_HEARTBEAT,
                                   K_API_LEAVE_GROUP,
                                   K_API_OFFSET_COMMIT,
                                   K_API_OFFSET_FETCH,
                                   K_API_ELECT_LEADERS,
                                   K_API_ALTER_PARTITION_REASSIGNMENTS,
                                   K_API_CREATE_TOPICS,
                                   K_API_DELETE_TOPICS,
                                   K_API_DELETE_RECORDS,
                                   K_API_INCREMENTAL_ALTER_CONFIGS,
                                   K_API_CONSUMER_GROUP_HEARTBEAT,
                                   K_API_ADD_PARTITIONS_TO_TXN,
                                   K_API_ADD_OFFSETS_TO_TXN,
                                   K_API_TXN_OFFSET_COMMIT,
                                   K_API_END_TXN,
                                   K_API_WRITE_TXN_MARKERS};

/* One, a few, or all of them, perhaps after some others: on one connection nothing overtakes, but what waits here comes
 * after what goes by other ways, and perhaps after its sender has given it up. */
bool
strike_any_hold(struct run *r, struct slice kind)
{
    const struct node_slot *n = draw_node(r);
    int16_t api = any_apis[dice_below(&r->nemesis_dice, ARRAY_LEN(any_apis))];
    bool is_answer = dice_below(&r->nemesis_dice, 2) == 1,
         is_from = dice_below(&r->nemesis_dice, 2) == 1;
    int64_t skip = dice_below(&r->nemesis_dice, 2) ? 0 : dice_between(&r->nemesis_dice, 1, 5);
    int64_t count = dice_between(&r->nemesis_dice, 0, 3);
    const struct affliction *a = afflict(r, NULL, 0);
    struct slice name = k_api_name(api);
    (void)kind;
    do_drawn(r, "hold: {rpc: %.*s, answer: %s, %s: %.*s, skip: %lld, count: %lld}, for: %lldns",
             SARG(name), is_answer ? "true" : "false", is_from ? "from" : "to", SARG(n->m->name),
             (long long)skip, (long long)count, (long long)a->lasts_ns);
    return true;
}
