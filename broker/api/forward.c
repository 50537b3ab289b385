#include "broker/api/forwarder.h"

#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/config.h"
#include "broker/streams/configure.h"
#include "configs.h"

#define ENVELOPE_VERSION 0
#define CREATE_TOPICS_VERSION 7
#define FORWARD_TIMEOUT_MS 30000
/* One request can name a hundred thousand topics, and each that is created costs files and records. */
#define CREATIONS_MAX 100

struct forwarder *
forwarder_new(struct server *s)
{
    struct forwarder *f = MEM_NEW(&s->env->mem, struct forwarder);
    f->server = s;
    list_init(&f->creations);
    controller_link_init(&f->link, s->env, s->raft, S("forwarding"),
                         config_i64(s->config, K_CFG_CONTROLLER_SOCKET_TIMEOUT_MS));
    return f;
}

void
forwarder_stop(struct forwarder *f)
{
    controller_link_stop(&f->link);
}

/* ---- a client's request ---- */

struct forwarded {
    struct link_call call;
    struct request *r;
    struct k_envelope_request envelope;
};

static void
forward_answered(struct link_call *c, int16_t err, struct slice body)
{
    struct forwarded *f = CONTAINER_OF(c, struct forwarded, call);
    struct k_envelope_response res;
    if (!link_take_answer(c, K_MSG_ENVELOPE_RESPONSE, body, &f->r->arena, &res, &res.error_code,
                          &err))
        return;
    struct reader rd = reader(err ? SLICE_NULL : res.response_data);
    int32_t correlation_id;
    if (err || !res.response_data.p ||
        !response_head_read(&rd, f->r->api_key, f->r->version, &correlation_id)) {
        request_break(f->r);
        return;
    }
    request_answer_raw(f->r, slice(rd.p, reader_left(&rd)));
}

void
handle_forward(struct server *s, struct request *r)
{
    struct forwarded *f = REQUEST_NEW(r, struct forwarded);
    f->r = r;
    codec_default(K_MSG_ENVELOPE_REQUEST, &f->envelope);
    f->envelope.request_data = r->raw;
    /* DefaultPrincipalData, version 0, behind its version. */
    struct k_default_principal_data principal;
    codec_default(K_MSG_DEFAULT_PRINCIPAL_DATA, &principal);
    int64_t colon = slice_find(r->principal, ':', 0);
    principal.type = slice_sub(r->principal, 0, colon);
    principal.name = slice_sub(r->principal, colon + 1, r->principal.n);
    struct writer w = writer_mem(&s->env->mem);
    writer_i16(&w, 0);
    (void)codec_write(K_MSG_DEFAULT_PRINCIPAL_DATA, 0, &principal, &w, NULL);
    f->envelope.request_principal = arena_dup(&r->arena, writer_slice(&w));
    writer_release(&w);
    f->envelope.client_host_address = S("\x7f\0\0\1");
    f->call.api_key = K_API_ENVELOPE;
    f->call.version = ENVELOPE_VERSION;
    f->call.request = &f->envelope;
    f->call.deadline_ns = env_now_ns(s->env) + FORWARD_TIMEOUT_MS * NS_PER_MS;
    f->call.done = forward_answered;
    link_send(&s->forwarder->link, &f->call);
}

/* ---- topics that are created by being asked for ---- */

struct creation {
    struct list node;
    struct link_call call;
    struct forwarder *f;
    struct slice name;
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic topic;
    struct k_create_topics_request_creatable_topic_config configs[5];
    struct arena arena; /* of what a streams application says */
    bool is_of_streams; /* whose members are told what came of it */
};

/* Nobody who asks is told more than that it is not there (yet): the log says why, and what decides it. */
static void
log_refusal(struct creation *cr, int16_t err, struct slice message)
{
    struct env *env = cr->f->server->env;
    if (!env->notes_on) return;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "it cannot be created: ");
    fmt_slice(&w, message);
    if (err == K_ERR_INVALID_REPLICATION_FACTOR && slice_eq(cr->name, S("__consumer_offsets")))
        fmt_str(&w, " (offsets.topic.replication.factor; there are no groups without it)");
    if (err == K_ERR_INVALID_REPLICATION_FACTOR && slice_eq(cr->name, S("__transaction_state")))
        fmt_str(
            &w,
            " (transaction.state.log.replication.factor; there are no transactions without it)");
    if (err == K_ERR_INVALID_REPLICATION_FACTOR && slice_eq(cr->name, S("__share_group_state")))
        fmt_str(&w, " (share.coordinator.state.topic.replication.factor; there are no share groups "
                    "without it)");
    NOTE(env, NOTE_LOG_MESSAGE, cr->name, writer_slice(&w), 2);
    writer_release(&w);
}

static void
creation_answered(struct link_call *c, int16_t err, struct slice body)
{
    struct creation *cr = CONTAINER_OF(c, struct creation, call);
    struct forwarder *f = cr->f;
    struct env *env = f->server->env;
    struct k_create_topics_response res;
    if (!err &&
        codec_decode_all(K_MSG_CREATE_TOPICS_RESPONSE, c->version, body, &env->scratch, &res) &&
        res.topics_n == 1) {
        if (res.topics[0].error_code == K_ERR_NOT_CONTROLLER) {
            link_retry(c);
            return;
        }
        int16_t refused = res.topics[0].error_code;
        if (refused == K_ERR_TOPIC_ALREADY_EXISTS) refused = 0;
        struct slice why = res.topics[0].error_message;
        if (refused && !why.n) why = k_err_name(refused);
        if (refused) log_refusal(cr, refused, why);
        if (cr->is_of_streams)
            groups_topic_asked(f->server->groups, cr->name, refused ? why : SLICE_NULL);
    }
    list_remove(&cr->node);
    CHECK(f->creations_n > 0);
    f->creations_n--;
    mem_free_slice(&env->mem, cr->name);
    arena_release(&cr->arena);
    MEM_DELETE(&env->mem, cr);
}

static void
set_config(struct creation *cr, const char *name, struct slice value)
{
    struct k_create_topics_request_creatable_topic_config *c = &cr->configs[cr->topic.configs_n++];
    c->name = slice_cstr(name);
    c->value = value;
}

/* Internal topics come with their coordinator's settings. */
static void
describe_auto_topic(struct forwarder *f, struct creation *cr)
{
    const struct config *cfg = f->server->config;
    cr->topic.name = cr->name;
    cr->topic.num_partitions = -1;
    cr->topic.replication_factor = -1;
    cr->topic.configs = cr->configs;
    if (slice_eq(cr->name, S("__consumer_offsets"))) {
        cr->topic.num_partitions = (int32_t)config_i64(cfg, K_CFG_OFFSETS_TOPIC_NUM_PARTITIONS);
        cr->topic.replication_factor =
            (int16_t)config_i64(cfg, K_CFG_OFFSETS_TOPIC_REPLICATION_FACTOR);
        set_config(cr, "cleanup.policy", S("compact"));
        set_config(cr, "compression.type", S("producer"));
        set_config(cr, "segment.bytes", config_text(cfg, K_CFG_OFFSETS_TOPIC_SEGMENT_BYTES));
    } else if (slice_eq(cr->name, S("__transaction_state"))) {
        cr->topic.num_partitions =
            (int32_t)config_i64(cfg, K_CFG_TRANSACTION_STATE_LOG_NUM_PARTITIONS);
        cr->topic.replication_factor =
            (int16_t)config_i64(cfg, K_CFG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR);
        set_config(cr, "unclean.leader.election.enable", S("false"));
        set_config(cr, "compression.type", S("uncompressed"));
        set_config(cr, "cleanup.policy", S("compact"));
        set_config(cr, "min.insync.replicas",
                   config_text(cfg, K_CFG_TRANSACTION_STATE_LOG_MIN_ISR));
        set_config(cr, "segment.bytes",
                   config_text(cfg, K_CFG_TRANSACTION_STATE_LOG_SEGMENT_BYTES));
    } else if (slice_eq(cr->name, S("__share_group_state"))) {
        cr->topic.num_partitions =
            (int32_t)config_i64(cfg, K_CFG_SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS);
        cr->topic.replication_factor =
            (int16_t)config_i64(cfg, K_CFG_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR);
        /* Its coordinator deletes what later snapshots have. */
        set_config(cr, "cleanup.policy", S("delete"));
        set_config(cr, "compression.type", S("producer"));
        set_config(cr, "min.insync.replicas",
                   config_text(cfg, K_CFG_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR));
        set_config(cr, "retention.ms", S("-1"));
        set_config(cr, "segment.bytes",
                   config_text(cfg, K_CFG_SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES));
    }
}

/* NULL: it is under way, or there are too many. */
static struct creation *
creation_new(struct forwarder *f, struct slice name)
{
    struct env *env = f->server->env;
    if (f->creations_n >= CREATIONS_MAX) return NULL;
    LIST_EACH(&f->creations, it, struct creation, node)
        if (slice_eq(it->name, name)) return NULL;
    struct creation *cr = MEM_NEW(&env->mem, struct creation);
    cr->f = f;
    cr->name = mem_dup(&env->mem, name);
    arena_init(&cr->arena, &env->mem, 0);
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &cr->q);
    codec_default_struct(K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_TOPIC, &cr->topic);
    return cr;
}

static void
creation_send(struct creation *cr)
{
    struct forwarder *f = cr->f;
    struct env *env = f->server->env;
    cr->q.topics = &cr->topic;
    cr->q.topics_n = 1;
    cr->q.timeout_ms = FORWARD_TIMEOUT_MS;
    cr->call.api_key = K_API_CREATE_TOPICS;
    cr->call.version = CREATE_TOPICS_VERSION;
    cr->call.request = &cr->q;
    cr->call.deadline_ns = env_now_ns(env) + FORWARD_TIMEOUT_MS * NS_PER_MS;
    cr->call.done = creation_answered;
    list_push_back(&f->creations, &cr->node);
    f->creations_n++;
    link_send(&f->link, &cr->call);
}

void
forwarder_create_topic(struct forwarder *f, struct slice name)
{
    struct creation *cr = creation_new(f, name);
    if (!cr) return;
    describe_auto_topic(f, cr);
    creation_send(cr);
}

/* Its records' timestamps say when the letters were written (KIP-1191), whatever the cluster's default is. */
void
forwarder_create_dead_letter_topic(struct forwarder *f, struct slice name)
{
    struct creation *cr = creation_new(f, name);
    if (!cr) return;
    describe_auto_topic(f, cr);
    set_config(cr, "errors.deadletterqueue.group.enable", S("true"));
    set_config(cr, "message.timestamp.type", S("CreateTime"));
    creation_send(cr);
}

void
forwarder_create_internal_topic(struct forwarder *f, const struct internal_topic *t)
{
    struct creation *cr = creation_new(f, t->name);
    if (!cr) return;
    cr->topic.name = cr->name;
    cr->is_of_streams = true;
    cr->topic.num_partitions = t->partitions;
    cr->topic.replication_factor = t->replication_factor ? t->replication_factor : -1;
    cr->topic.configs = codec_array(
        &cr->arena, K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_TOPIC_CONFIG, t->configs_n);
    cr->topic.configs_n = t->configs_n;
    for (int32_t i = 0; i < t->configs_n; i++) {
        cr->topic.configs[i].name = arena_dup(&cr->arena, t->configs[i].key);
        cr->topic.configs[i].value = arena_dup(&cr->arena, t->configs[i].value);
    }
    creation_send(cr);
}
