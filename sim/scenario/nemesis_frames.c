/* Random faults of requests and answers: lost, late, doubled, answered with an error, or the end of their connection. */
#include "sim/scenario/nemesis.h"

#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "apis.h"
#include "sim/net/answer.h"

/* What clients ask. */
static const int16_t asked[] = {K_API_PRODUCE,
                                K_API_FETCH,
                                K_API_LIST_OFFSETS,
                                K_API_METADATA,
                                K_API_FIND_COORDINATOR,
                                K_API_OFFSET_COMMIT,
                                K_API_OFFSET_FETCH,
                                K_API_JOIN_GROUP,
                                K_API_SYNC_GROUP,
                                K_API_HEARTBEAT,
                                K_API_LEAVE_GROUP,
                                K_API_CONSUMER_GROUP_HEARTBEAT,
                                K_API_INIT_PRODUCER_ID,
                                K_API_ADD_PARTITIONS_TO_TXN,
                                K_API_ADD_OFFSETS_TO_TXN,
                                K_API_TXN_OFFSET_COMMIT,
                                K_API_END_TXN};

/* Passes: a client tries again. Others end it, or tell it something of the cluster that is not so. */
static bool
draw_error(struct run *r, int16_t api, struct slice *ret)
{
    struct slice names[64];
    struct slice name;
    struct answer_error e;
    int32_t n = 0;
    for (int32_t i = 0; n < ARRAY_LEN(names) && answer_error_at(api, i, &name, &e); i++)
        if (k_err_is_retriable(e.code) && e.tells != TELLS_DONE) names[n++] = name;
    if (n) *ret = names[dice_below(&r->nemesis_dice, n)];
    return n > 0;
}

bool
strike_frames(struct run *r, struct slice kind)
{
    const struct node_slot *to = draw_broker(r);
    int16_t api = asked[dice_below(&r->nemesis_dice, ARRAY_LEN(asked))];
    struct slice rpc = k_api_name(api), error;
    int64_t count = dice_between(&r->nemesis_dice, 1, 5);
    bool is_answer = dice_below(&r->nemesis_dice, 2) == 1;
    const char *side = is_answer ? "from" : "to";
    struct slice b = to->m->name;
    if (is_kind(kind, "answer") && !draw_error(r, api, &error)) return false;
    const struct affliction *a = afflict(r, NULL, 0);
    long long ns = a->lasts_ns;
    if (is_kind(kind, "answer"))
        do_drawn(r, "answer: {rpc: %.*s, to: %.*s, count: %lld}, error: %.*s, for: %lldns",
                 SARG(rpc), SARG(b), (long long)count, SARG(error), ns);
    else if (is_kind(kind, "repeat"))
        do_drawn(r, "repeat: {rpc: %.*s, listener: broker, to: %.*s, count: %lld}, for: %lldns",
                 SARG(rpc), SARG(b), (long long)count, ns);
    else if (is_kind(kind, "delay"))
        do_drawn(r, "delay: {rpc: %.*s, answer: %s, %s: %.*s}, by: 10ms..800ms, for: %lldns",
                 SARG(rpc), is_answer ? "true" : "false", side, SARG(b), ns);
    else
        do_drawn(r, "%.*s: {rpc: %.*s, answer: %s, %s: %.*s, count: %d}, for: %lldns", SARG(kind),
                 SARG(rpc), is_answer ? "true" : "false", side, SARG(b), 1, ns);
    return true;
}
