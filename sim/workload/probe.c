/* Whether the cluster serves, asked of a client: one record for each partition, with acks=all. */
#include "sim/workload/value.h"
#include "sim/workload/workload.h"

/* Who asks somebody that is cut off asks somebody else soon: how long a client takes to give somebody up is
 * not the question here. */
#define REQUEST_MS 2000
#define CONNECT_MS 500

struct prober {
    struct probe_args *args;
    struct env *env;
    int32_t process;
};

/* A send and its number in the history. */
struct probing {
    struct send send;
    struct prober *prober;
    const struct probe_topic *topic;
    int32_t partition;
    int64_t op;
};

struct probe_args
probe_args_default(struct history *h, struct slice name, struct client_params client)
{
    struct probe_args a = {.history = h, .name = name, .client = client};
    a.client.client_id = name;
    a.client.request_timeout_ms = REQUEST_MS;
    a.client.connect_timeout_ms = CONNECT_MS;
    return a;
}

static void
probe_ended(struct send *s)
{
    struct probing *one = CONTAINER_OF(s, struct probing, send);
    struct probe_args *a = one->prober->args;
    bool is_ok = s->result == SEND_OK, is_failed = s->result == SEND_FAILED;
    a->history->ops.v[one->op].node = s->node_id;
    if (is_ok) history_note_topic(a->history, one->op, s->topic_id);
    history_complete(a->history, one->op,
                     is_ok       ? HISTORY_OK
                     : is_failed ? HISTORY_FAIL
                                 : HISTORY_INFO,
                     s->error, s->partition, s->offset);
    a->acknowledged += is_ok;
    bool is_owed = !a->is_there || a->is_there(a->ctx, one->topic->name);
    if (!is_ok && is_owed && !a->refused) {
        a->refused = one->topic;
        a->refused_partition = one->partition;
        a->error = s->error;
    }
    a->pending--;
    a->done = a->pending == 0;
    MEM_DELETE(&one->prober->env->mem, one);
}

static void
probe_one(struct prober *b, struct producer *p, const struct probe_topic *t, int32_t partition)
{
    struct probe_args *a = b->args;
    struct probing *one = MEM_NEW(&b->env->mem, struct probing);
    struct history_op op =
        history_op_new(HISTORY_SEND, b->process, history_topic(a->history, t->name), partition);
    uint8_t value[VALUE_BYTES_MIN];
    op.value = history_next_value(a->history, b->process);
    op.acks = -1;
    op.idempotent = op.is_final = true;
    value_write(op.value, value, sizeof value);
    one->prober = b;
    one->topic = t;
    one->partition = partition;
    one->send.done = probe_ended;
    struct producer_record r = {.topic = t->name,
                                .partition = partition,
                                .key = t->wants_keys ? slice(value, sizeof value) : SLICE_NULL,
                                .value = slice(value, sizeof value),
                                .timestamp = -1};
    CHECK(producer_send(p, &one->send, &r));
    one->op = history_invoke(a->history, &op);
    a->pending++;
}

void
probe_start(struct env *env, void *probe_args)
{
    struct prober *b = env->machine = MEM_NEW(&env->mem, struct prober);
    struct probe_args *a = b->args = probe_args;
    struct producer_params params = producer_params_default();
    b->env = env;
    b->process = history_process(a->history, a->name);
    params.request_timeout_ms = REQUEST_MS;
    params.delivery_timeout_ms = a->within_ms;
    struct client *c = client_new(env, &a->client);
    struct producer *p = c ? producer_new(c, &params) : NULL;
    CHECK(p);
    for (int32_t i = 0; i < a->topics_n; i++) {
        client_want_topic(c, a->topics[i].name);
        for (int32_t k = 0; k < a->topics[i].partitions; k++) probe_one(b, p, &a->topics[i], k);
    }
    a->done = a->pending == 0;
}
