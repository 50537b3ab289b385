/* Asks the controller for other ISRs (KIP-497): all partitions that wait, in one request; one request
 * in flight, so that a partition's changes reach the controller in order. */
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/replica/replicas.h"
#include "apis.h"
#include "errors.h"

#define ALTER_PARTITION_VERSION 3 /* KIP-903: broker epochs of the wanted members */
#define RETRY_BACKOFF_MS 50

struct alter_batch {
    struct link_call call;
    struct replicas *r;
    struct arena arena;
    struct k_alter_partition_request request;
    struct timer timer;
};

static void
alter_fill_partition(struct alter_batch *b, struct partition *p,
                     struct k_alter_partition_request_partition_data *d)
{
    d->partition_index = p->index;
    d->leader_epoch = p->leader_epoch;
    d->partition_epoch = p->partition_epoch;
    d->new_isr_with_epochs_n = p->isr_wanted.n;
    d->new_isr_with_epochs =
        codec_array(&b->arena, K_STRUCT_ALTER_PARTITION_REQUEST_BROKER_STATE, p->isr_wanted.n);
    for (int32_t i = 0; i < p->isr_wanted.n; i++) {
        int32_t id = p->isr_wanted.v[i];
        const struct image_broker *broker = image_broker(b->r->image, id);
        d->new_isr_with_epochs[i].broker_id = id;
        d->new_isr_with_epochs[i].broker_epoch = broker ? broker->epoch : NO_BROKER_EPOCH;
        /* KIP-903: the epoch with which it fetched, if it said so; the controller compares. */
        for (int64_t k = 0; k < p->followers.n; k++)
            if (p->followers.v[k].broker_id == id && p->followers.v[k].progress.broker_epoch >= 0)
                d->new_isr_with_epochs[i].broker_epoch = p->followers.v[k].progress.broker_epoch;
        if (id == b->r->node_id) d->new_isr_with_epochs[i].broker_epoch = b->r->broker_epoch;
    }
}

/* One topic entry for each partition: the controller takes them in any grouping. */
static void
alter_fill_request(struct alter_batch *b)
{
    struct replicas *r = b->r;
    int32_t n = 0;
    LIST_EACH(&r->to_alter, p, struct partition, alter) n++, (void)p;
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &b->request);
    b->request.broker_id = r->node_id;
    b->request.broker_epoch = r->broker_epoch;
    b->request.topics = codec_array(&b->arena, K_STRUCT_ALTER_PARTITION_REQUEST_TOPIC_DATA, n);
    LIST_EACH(&r->to_alter, p, struct partition, alter) {
        struct k_alter_partition_request_topic_data *t = &b->request.topics[b->request.topics_n++];
        t->topic_id = p->topic_id;
        t->partitions = codec_array(&b->arena, K_STRUCT_ALTER_PARTITION_REQUEST_PARTITION_DATA, 1);
        t->partitions_n = 1;
        alter_fill_partition(b, p, &t->partitions[0]);
        list_remove(&p->alter);
        CHECK(partition_is_leader(p) && p->isr_state == ISR_PENDING && !p->alter_sent);
        p->alter_sent = true;
        p->alter_leader_epoch = p->leader_epoch;
        p->alter_partition_epoch = p->partition_epoch;
    }
}

static void
batch_delete(struct alter_batch *b)
{
    struct replicas *r = b->r;
    r->alter_batch = NULL;
    timer_cancel(r->env, &b->timer);
    arena_release(&b->arena);
    MEM_DELETE(&r->env->mem, b);
    if (!r->stopping && !list_is_empty(&r->to_alter)) defer(r->env, &r->alter_task);
}

/* No answer for the whole request: every partition asks again, if it still wants to. */
static void
retry_unanswered(struct alter_batch *b)
{
    for (int32_t i = 0; i < b->request.topics_n; i++) {
        struct k_alter_partition_request_topic_data *t = &b->request.topics[i];
        struct partition *p = replicas_find(b->r, t->topic_id, t->partitions[0].partition_index);
        if (p && p->alter_sent) partition_isr_answered(p, K_ERR_REQUEST_TIMED_OUT, 0, 0, NULL, 0);
    }
}

static void
batch_failed(struct alter_batch *b)
{
    retry_unanswered(b);
    batch_delete(b);
}

static void
alter_retry_due(struct timer *t)
{
    batch_failed(CONTAINER_OF(t, struct alter_batch, timer));
}

static void
alter_take_answer(struct replicas *r, const struct k_alter_partition_response *res)
{
    for (int32_t i = 0; i < res->topics_n; i++) {
        const struct k_alter_partition_response_topic_data *t = &res->topics[i];
        for (int32_t k = 0; k < t->partitions_n; k++) {
            const struct k_alter_partition_response_partition_data *d = &t->partitions[k];
            struct partition *p = replicas_find(r, t->topic_id, d->partition_index);
            if (p)
                partition_isr_answered(p, d->error_code, d->leader_epoch, d->partition_epoch,
                                       d->isr, d->isr_n);
        }
    }
}

static void
alter_answered(struct link_call *c, int16_t err, struct slice body)
{
    struct alter_batch *b = CONTAINER_OF(c, struct alter_batch, call);
    struct replicas *r = b->r;
    struct k_alter_partition_response res;
    if (!link_take_answer(c, K_MSG_ALTER_PARTITION_RESPONSE, body, &r->env->scratch, &res,
                          &res.error_code, &err))
        return;
    if (!err) {
        alter_take_answer(r, &res);
        batch_failed(b); /* if the answer is silent about some */
        return;
    }
    /* STALE_BROKER_EPOCH and the like: with the next registration it may go better. */
    b->timer.due = alter_retry_due;
    timer_arm(r->env, &b->timer, env_now_ns(r->env) + RETRY_BACKOFF_MS * NS_PER_MS);
}

static void
send_batch(struct task *t)
{
    struct replicas *r = CONTAINER_OF(t, struct replicas, alter_task);
    if (r->alter_batch || r->stopping || list_is_empty(&r->to_alter)) return;
    struct alter_batch *b = MEM_NEW(&r->env->mem, struct alter_batch);
    r->alter_batch = b;
    b->r = r;
    arena_init(&b->arena, &r->env->mem, 0);
    alter_fill_request(b);
    b->call.api_key = K_API_ALTER_PARTITION;
    b->call.version = ALTER_PARTITION_VERSION;
    b->call.request = &b->request;
    b->call.deadline_ns = TIME_NEVER;
    b->call.done = alter_answered;
    link_send(&r->alter_link, &b->call);
}

void
replicas_alter_partition(struct partition *p)
{
    struct replicas *r = p->owner;
    if (p->alter_sent || list_is_linked(&p->alter)) return;
    list_push_back(&r->to_alter, &p->alter);
    if (!r->alter_batch) defer(r->env, &r->alter_task);
}

void
replicas_alter_init(struct replicas *r, struct raft *raft)
{
    list_init(&r->to_alter);
    r->alter_task.run = send_batch;
    controller_link_init(&r->alter_link, r->env, raft, S("alter-partition"),
                         config_i64(r->config, K_CFG_CONTROLLER_SOCKET_TIMEOUT_MS));
}

void
replicas_alter_stop(struct replicas *r)
{
    defer_cancel(&r->alter_task);
    controller_link_stop(&r->alter_link);
}
