#include "broker/txn/verify.h"

#include "broker/base/check.h"
#include "broker/coordinator/broker_channels.h"
#include "broker/protocol/codec.h"
#include "apis.h"
#include "errors.h"

#define ADD_PARTITIONS_VERSION 5

typedef struct k_add_partitions_to_txn_request_add_partitions_to_txn_transaction request_txn;
typedef struct k_add_partitions_to_txn_request_add_partitions_to_txn_topic request_topic;
typedef struct k_add_partitions_to_txn_response_add_partitions_to_txn_result result_txn;
typedef struct k_add_partitions_to_txn_response_add_partitions_to_txn_topic_result result_topic;

/* Checks of one producer, which are asked together. */
struct check_group {
    struct list node;
    struct verify_target *target;
    struct list checks;
    const struct txn_check *first; /* of them: who it is about */
    struct txn_adding adding;      /* when the coordinator is on this broker */
};

/* A broker that coordinates. */
struct verify_target {
    struct list node;
    struct txn_verifier *v;
    int32_t broker_id;
    struct list queued; /* checks */
    struct list asked;  /* groups of the request that is under way */
    bool is_asking;
    struct call call;
    struct arena arena; /* the request's */
    struct task begin;
};

struct txn_verifier {
    struct txns_params params;
    struct txns *txns;
    struct broker_channels channels;
    struct list targets, again, refused;
    struct timer again_timer;
    struct task refuse;
    bool stopped;
};

/* ---- the end of a check ---- */

static bool
may_ask_again(const struct txn_verifier *v, const struct txn_check *c, int16_t err)
{
    int64_t max_ms = config_i64(v->params.config, K_CFG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS);
    return err == K_ERR_CONCURRENT_TRANSACTIONS && c->client == TXN_CLIENT_ADDS && !v->stopped &&
           env_now_ns(v->params.env) - c->began_ns < max_ms * NS_PER_MS;
}

/* The transaction before is still being ended. That is a matter of milliseconds, and the client would wait for
 * longer than that before it came again (KAFKA-18575). */
static void
check_answered(struct txn_verifier *v, struct txn_check *c, int16_t err)
{
    struct env *env = v->params.env;
    if (!may_ask_again(v, c, err)) {
        c->done(c, txn_verify_error(err, c->client));
        return;
    }
    MARK(env, VERIFICATION_AGAIN);
    list_push_back(&v->again, &c->node);
    if (timer_is_armed(&v->again_timer)) return;
    timer_arm(env, &v->again_timer,
              env_now_ns(env) +
                  config_i64(v->params.config, K_CFG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS) *
                      NS_PER_MS);
}

static void
group_free(struct check_group *g)
{
    MEM_DELETE(&g->target->v->params.env->mem, g);
}

/* errs: of each check, in order; or NULL: err of all. */
static void
group_answered(struct check_group *g, const int16_t *errs, int16_t err)
{
    int32_t i = 0;
    for (struct list *n; (n = list_pop_front(&g->checks)) != NULL; i++)
        check_answered(g->target->v, LIST_ENTRY(n, struct txn_check, node), errs ? errs[i] : err);
    group_free(g);
}

/* ---- on this broker ---- */

static void
added_here(struct txn_adding *a)
{
    struct check_group *g = CONTAINER_OF(a, struct check_group, adding);
    struct mem *mem = &g->target->v->params.env->mem;
    struct txn_partition *ps = (struct txn_partition *)(uintptr_t)a->partitions;
    int64_t n = a->partitions_n;
    int16_t *errs = a->errs;
    group_answered(g, errs, 0);
    mem_free(mem, ps, n * (int64_t)sizeof *ps);
    mem_free(mem, errs, n * (int64_t)sizeof *errs);
}

static void
ask_here(struct check_group *g)
{
    struct mem *mem = &g->target->v->params.env->mem;
    const struct txn_check *first = g->first;
    int64_t n = 0, i = 0;
    LIST_EACH(&g->checks, c, struct txn_check, node) n++;
    struct txn_partition *ps = mem_alloc(mem, n * (int64_t)sizeof *ps);
    int16_t *errs = mem_alloc(mem, n * (int64_t)sizeof *errs);
    memset(errs, 0, (size_t)n * sizeof *errs);
    LIST_EACH(&g->checks, c, struct txn_check, node)
        ps[i++] = (struct txn_partition){c->topic, c->partition};
    g->adding = (struct txn_adding){
        .done = added_here,
        .transactional_id = first->transactional_id,
        .q = {first->producer_id, first->producer_epoch, first->client != TXN_CLIENT_ADDS},
        .client_version = 2,
        .partitions = ps,
        .partitions_n = (int32_t)n,
        .errs = errs};
    txns_add(g->target->v->txns, &g->adding);
}

/* ---- on another ---- */

static const result_txn *
txn_result(const struct k_add_partitions_to_txn_response *res, struct slice id)
{
    for (int32_t i = 0; i < res->results_by_transaction_n; i++)
        if (slice_eq(res->results_by_transaction[i].transactional_id, id))
            return &res->results_by_transaction[i];
    return NULL;
}

static int16_t
partition_result(const result_txn *r, const struct txn_check *c)
{
    for (int32_t i = 0; r && i < r->topic_results_n; i++) {
        const result_topic *t = &r->topic_results[i];
        if (!slice_eq(t->name, c->topic)) continue;
        for (int32_t k = 0; k < t->results_by_partition_n; k++)
            if (t->results_by_partition[k].partition_index == c->partition)
                return t->results_by_partition[k].partition_error_code;
    }
    return K_ERR_UNKNOWN_SERVER_ERROR;
}

/* res NULL: none came. */
static void
target_answered(struct verify_target *t, const struct k_add_partitions_to_txn_response *res)
{
    for (struct list *n; (n = list_pop_front(&t->asked)) != NULL;) {
        struct check_group *g = LIST_ENTRY(n, struct check_group, node);
        const result_txn *r = res ? txn_result(res, g->first->transactional_id) : NULL;
        for (struct list *m; (m = list_pop_front(&g->checks)) != NULL;) {
            struct txn_check *c = LIST_ENTRY(m, struct txn_check, node);
            int16_t err = K_ERR_NETWORK_EXCEPTION;
            if (res) err = res->error_code ? res->error_code : partition_result(r, c);
            check_answered(t->v, c, err);
        }
        group_free(g);
    }
    arena_release(&t->arena);
    t->is_asking = false;
    defer(t->v->params.env, &t->begin);
}

static void
target_called(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct verify_target *t = CONTAINER_OF(call, struct verify_target, call);
    struct k_add_partitions_to_txn_response res;
    (void)from;
    bool good = err == ENV_OK && call_decode(call, body, &t->arena, &res);
    target_answered(t, good ? &res : NULL);
}

static void
fill_group(const struct check_group *g, struct arena *a, request_txn *to)
{
    const struct txn_check *first = g->first;
    int32_t n = 0;
    to->transactional_id = first->transactional_id;
    to->producer_id = first->producer_id;
    to->producer_epoch = first->producer_epoch;
    to->verify_only = first->client != TXN_CLIENT_ADDS;
    LIST_EACH(&g->checks, c, struct txn_check, node) n++;
    to->topics =
        codec_array(a, K_STRUCT_ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TOPIC, n);
    LIST_EACH(&g->checks, c, struct txn_check, node) {
        request_topic *t = NULL;
        for (int32_t i = 0; i < to->topics_n && !t; i++)
            if (slice_eq(to->topics[i].name, c->topic)) t = &to->topics[i];
        if (!t) {
            t = &to->topics[to->topics_n++];
            t->name = c->topic;
            t->partitions = ARENA_ARRAY(a, int32_t, n);
        }
        t->partitions[t->partitions_n++] = c->partition;
    }
}

static void
ask_there(struct verify_target *t, int32_t groups_n)
{
    struct k_add_partitions_to_txn_request q;
    int64_t timeout_ms = config_i64(t->v->params.config, K_CFG_REQUEST_TIMEOUT_MS);
    t->is_asking = true;
    arena_init(&t->arena, &t->v->params.env->mem, 0);
    codec_default(K_MSG_ADD_PARTITIONS_TO_TXN_REQUEST, &q);
    q.transactions = codec_array(
        &t->arena, K_STRUCT_ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TRANSACTION,
        groups_n);
    LIST_EACH(&t->asked, g, struct check_group, node)
        fill_group(g, &t->arena, &q.transactions[q.transactions_n++]);
    t->call.done = target_called;
    struct channel *to = broker_channel(&t->v->channels, t->broker_id);
    if (!to || !channel_call(to, &t->call, K_API_ADD_PARTITIONS_TO_TXN, ADD_PARTITIONS_VERSION, &q,
                             timeout_ms, NULL))
        target_answered(t, NULL);
}

/* ---- gathering ---- */

enum gathering { GATHER_NEW, GATHER_JOINS, GATHER_LATER };

/* A request names a transactional id once, so another producer of the same id has to wait. */
static enum gathering
find_group(struct list *groups, const struct txn_check *c, struct check_group **ret)
{
    LIST_EACH(groups, g, struct check_group, node) {
        const struct txn_check *f = g->first;
        if (!slice_eq(f->transactional_id, c->transactional_id)) continue;
        *ret = g;
        bool same = f->producer_id == c->producer_id && f->producer_epoch == c->producer_epoch &&
                    (f->client == TXN_CLIENT_ADDS) == (c->client == TXN_CLIENT_ADDS);
        return same ? GATHER_JOINS : GATHER_LATER;
    }
    return GATHER_NEW;
}

static int32_t
gather_checks(struct verify_target *t)
{
    int32_t n = 0;
    LIST_EACH(&t->queued, c, struct txn_check, node) {
        struct check_group *g = NULL;
        enum gathering how = find_group(&t->asked, c, &g);
        if (how == GATHER_LATER) continue;
        if (how == GATHER_NEW) {
            g = MEM_NEW(&t->v->params.env->mem, struct check_group);
            g->target = t;
            g->first = c;
            list_init(&g->checks);
            list_push_back(&t->asked, &g->node);
            n++;
        }
        list_remove(&c->node);
        list_push_back(&g->checks, &c->node);
    }
    return n;
}

static void
refuse_check(struct txn_verifier *v, struct txn_check *c)
{
    list_push_back(&v->refused, &c->node);
    defer(v->params.env, &v->refuse);
}

/* This node stops while others wait for what was asked before them: there is no connection any more. */
static void
refuse_queued(struct verify_target *t)
{
    MARK(t->v->params.env, VERIFICATION_STOPPED);
    for (struct list *n; (n = list_pop_front(&t->queued)) != NULL;)
        refuse_check(t->v, LIST_ENTRY(n, struct txn_check, node));
}

static void
target_begin(struct task *task)
{
    struct verify_target *t = CONTAINER_OF(task, struct verify_target, begin);
    if (t->is_asking || list_is_empty(&t->queued)) return;
    if (t->v->stopped) {
        refuse_queued(t);
        return;
    }
    int32_t n = gather_checks(t);
    if (t->broker_id != t->v->params.node_id) {
        ask_there(t, n);
        return;
    }
    for (struct list *m; (m = list_pop_front(&t->asked)) != NULL;)
        ask_here(LIST_ENTRY(m, struct check_group, node));
    if (!list_is_empty(&t->queued)) defer(t->v->params.env, &t->begin);
}

static struct verify_target *
target_get(struct txn_verifier *v, int32_t broker_id)
{
    LIST_EACH(&v->targets, it, struct verify_target, node)
        if (it->broker_id == broker_id) return it;
    struct verify_target *t = MEM_NEW(&v->params.env->mem, struct verify_target);
    t->v = v;
    t->broker_id = broker_id;
    t->begin.run = target_begin;
    list_init(&t->queued);
    list_init(&t->asked);
    list_push_back(&v->targets, &t->node);
    return t;
}

/* The broker that coordinates the id; -1: nobody at present. */
static int32_t
coordinator_of(const struct txn_verifier *v, struct slice id)
{
    const struct image_topic *t = image_topic(v->params.image, TXNS_TOPIC);
    if (!t || t->partitions_n == 0) return -1;
    const struct image_partition *ip =
        image_topic_partition(t, coordinator_partition(id, t->partitions_n));
    return ip ? ip->leader : -1;
}

static void
ask(struct txn_verifier *v, struct txn_check *c)
{
    int32_t broker_id = coordinator_of(v, c->transactional_id);
    if (broker_id < 0 || v->stopped) {
        refuse_check(v, c);
        return;
    }
    struct verify_target *t = target_get(v, broker_id);
    list_push_back(&t->queued, &c->node);
    defer(v->params.env, &t->begin);
}

static void
refuse_checks(struct task *task)
{
    struct txn_verifier *v = CONTAINER_OF(task, struct txn_verifier, refuse);
    for (struct list *n; (n = list_pop_front(&v->refused)) != NULL;) {
        struct txn_check *c = LIST_ENTRY(n, struct txn_check, node);
        c->done(c, K_ERR_COORDINATOR_NOT_AVAILABLE);
    }
}

static void
ask_again(struct timer *timer)
{
    struct txn_verifier *v = CONTAINER_OF(timer, struct txn_verifier, again_timer);
    for (struct list *n; (n = list_pop_front(&v->again)) != NULL;)
        ask(v, LIST_ENTRY(n, struct txn_check, node));
}

void
txn_verify(struct txn_verifier *v, struct txn_check *c)
{
    c->began_ns = env_now_ns(v->params.env);
    ask(v, c);
}

/* ---- beginning and end ---- */

struct txn_verifier *
txn_verifier_new(const struct txns_params *p, struct txns *txns)
{
    struct txn_verifier *v = MEM_NEW(&p->env->mem, struct txn_verifier);
    v->params = *p;
    v->txns = txns;
    broker_channels_init(&v->channels, p->env, p->image, p->listener, p->login,
                         S("transaction-verification"));
    list_init(&v->targets);
    list_init(&v->again);
    list_init(&v->refused);
    v->again_timer.due = ask_again;
    v->refuse.run = refuse_checks;
    return v;
}

void
txn_verifier_stop(struct txn_verifier *v)
{
    v->stopped = true;
    broker_channels_stop(&v->channels);
}
