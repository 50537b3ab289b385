#include "broker/share/persister.h"

#include "broker/base/check.h"
#include "broker/coordinator/broker_channels.h"
#include "broker/protocol/codec.h"
#include "broker/replica/replicas.h"
#include "broker/share/persist_again.h"
#include "broker/share/persist_message.h"
#include "apis.h"
#include "errors.h"

/* A client that waits for what is asked waits for half a minute. */
#define GIVE_UP_NS (12 * NS_PER_S)
#define TRY_MS 5000
#define AGAIN_FIRST_NS (50 * NS_PER_MS)
#define AGAIN_MAX_NS NS_PER_S

/* A question under way. It outlives its owner's interest while an answer may come. */
struct persist_try {
    struct persister *pr;
    struct persist *p; /* NULL: cancelled */
    struct slice key;
    int64_t give_up_ns, again_ns;
    int16_t last_err;
    struct call call;
    struct coordinator_call local;
    bool is_asking;
    struct arena arena;
    struct timer again;
};

struct persister {
    struct persister_params params;
    struct broker_channels channels;
    bool stopped;
};

static void persist_try(struct persist_try *t);

static void
try_free(struct persist_try *t)
{
    struct env *env = t->pr->params.env;
    timer_cancel(env, &t->again);
    arena_release(&t->arena);
    mem_free_slice(&env->mem, t->key);
    MEM_DELETE(&env->mem, t);
}

static void
try_end(struct persist_try *t, int16_t err)
{
    struct persist *p = t->p;
    p->err = err;
    p->trying = NULL;
    p->done(p);
    try_free(t);
}

static void
persist_try_again(struct persist_try *t, int16_t err)
{
    struct env *env = t->pr->params.env;
    t->last_err = err;
    if (env_now_ns(env) >= t->give_up_ns || t->pr->stopped) {
        try_end(t, err);
        return;
    }
    timer_arm(env, &t->again, env_now_ns(env) + t->again_ns);
    t->again_ns = MIN(2 * t->again_ns, AGAIN_MAX_NS);
}

static void
persist_again_due(struct timer *timer)
{
    struct persist_try *t = CONTAINER_OF(timer, struct persist_try, again);
    if (t->pr->stopped) try_end(t, t->last_err);
    else persist_try(t);
}

/* ---- answers ---- */

static void
try_answered(struct persist_try *t, const void *response)
{
    t->is_asking = false;
    if (!t->p) {
        try_free(t);
        return;
    }
    int16_t err =
        response ? persist_take_answer(t->p, response, &t->arena) : K_ERR_REQUEST_TIMED_OUT;
    if (persist_is_asked_again(err)) persist_try_again(t, err);
    else try_end(t, err);
}

static void
remote_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct persist_try *t = CONTAINER_OF(call, struct persist_try, call);
    const struct k_api *api = k_api_of(call->api_key);
    void *response = arena_alloc(&t->arena, codec_struct_bytes((enum k_msg)api->response));
    (void)from;
    bool good = err == ENV_OK && call_decode(call, body, &t->arena, response);
    try_answered(t, good ? response : NULL);
}

static void
local_answered(struct coordinator_call *c, const void *response)
{
    try_answered(CONTAINER_OF(c, struct persist_try, local), response);
}

/* ---- asking ---- */

static int32_t
share_coordinator_of(struct persister *pr, struct slice key)
{
    const struct persister_params *p = &pr->params;
    const struct image_topic *t = image_topic(p->image, SHARES_TOPIC);
    if (!t) p->create_topic(p->owner, SHARES_TOPIC);
    if (!t || t->partitions_n == 0) return -1;
    const struct image_partition *ip =
        image_topic_partition(t, coordinator_partition(key, t->partitions_n));
    return ip ? ip->leader : -1;
}

static int32_t
leader_of(const struct persist_try *t)
{
    const struct image_topic *topic = image_topic_by_id(t->pr->params.image, t->p->topic);
    const struct image_partition *ip = topic ? image_topic_partition(topic, t->p->partition) : NULL;
    return ip ? ip->leader : -1;
}

/* -1: nobody at present. */
static int32_t
who_is_asked(struct persist_try *t)
{
    return t->p->kind == PERSIST_LOG_END ? leader_of(t) : share_coordinator_of(t->pr, t->key);
}

static void
ask_here(struct persist_try *t, const void *request)
{
    struct shares *ss = t->pr->params.shares;
    t->local = (struct coordinator_call){
        .done = local_answered, .arena = &t->arena, .version = persist_version(t->p->kind)};
    t->is_asking = true;
    switch (t->p->kind) {
    case PERSIST_INITIALIZE: shares_initialize(ss, request, &t->local); break;
    case PERSIST_READ: shares_read(ss, request, &t->local); break;
    case PERSIST_WRITE: shares_write(ss, request, &t->local); break;
    case PERSIST_DELETE: shares_delete(ss, request, &t->local); break;
    case PERSIST_SUMMARY: shares_read_summary(ss, request, &t->local); break;
    case PERSIST_LOG_END: CHECK(false);
    }
}

static void
look_at_log_end(struct persist_try *t)
{
    struct partition *p = replicas_find(t->pr->params.replicas, t->p->topic, t->p->partition);
    if (p && partition_is_leader(p)) t->p->start_offset = p->high_watermark;
    if (p && partition_is_leader(p)) try_end(t, 0);
    else persist_try_again(t, K_ERR_COORDINATOR_NOT_AVAILABLE);
}

static bool
ask_there(struct persist_try *t, int32_t broker_id, const void *request)
{
    struct channel *to = broker_channel(&t->pr->channels, broker_id);
    if (!to) return false;
    t->call.done = remote_answered;
    t->is_asking = channel_call(to, &t->call, persist_api(t->p->kind), persist_version(t->p->kind),
                                request, TRY_MS, NULL);
    return t->is_asking;
}

static void
persist_try(struct persist_try *t)
{
    arena_reset(&t->arena);
    int32_t broker_id = who_is_asked(t);
    bool is_here = broker_id == t->pr->params.node_id;
    const void *request =
        broker_id >= 0 ? persist_request(t->p, t->pr->params.image, &t->arena) : NULL;
    if (broker_id < 0) persist_try_again(t, K_ERR_COORDINATOR_NOT_AVAILABLE);
    else if (is_here && t->p->kind == PERSIST_LOG_END) look_at_log_end(t);
    else if (is_here) ask_here(t, request);
    else if (!ask_there(t, broker_id, request))
        persist_try_again(t, K_ERR_COORDINATOR_NOT_AVAILABLE);
}

/* In a later step, whatever comes of it. */
void
persister_ask(struct persister *pr, struct persist *p)
{
    struct env *env = pr->params.env;
    struct persist_try *t = MEM_NEW(&env->mem, struct persist_try);
    CHECK(!p->trying);
    *t = (struct persist_try){
        .pr = pr, .p = p, .again_ns = AGAIN_FIRST_NS, .last_err = K_ERR_COORDINATOR_NOT_AVAILABLE};
    arena_init(&t->arena, &env->mem, 0);
    struct slice key = share_key(&t->arena, p->group, p->topic, p->partition);
    t->key = mem_dup(&env->mem, key);
    t->give_up_ns = env_now_ns(env) + GIVE_UP_NS;
    t->again.due = persist_again_due;
    p->trying = t;
    timer_arm(env, &t->again, env_now_ns(env));
}

void
persist_cancel(struct persist *p)
{
    struct persist_try *t = p->trying;
    if (!t) return;
    p->trying = NULL;
    t->p = NULL;
    timer_cancel(t->pr->params.env, &t->again);
    if (!t->is_asking) try_free(t);
}

/* ---- beginning and end ---- */

struct persister *
persister_new(const struct persister_params *params)
{
    struct persister *pr = MEM_NEW(&params->env->mem, struct persister);
    pr->params = *params;
    broker_channels_init(&pr->channels, params->env, params->image, params->listener, params->login,
                         S("share-state"));
    return pr;
}

void
persister_stop(struct persister *pr)
{
    pr->stopped = true;
    broker_channels_stop(&pr->channels);
}
