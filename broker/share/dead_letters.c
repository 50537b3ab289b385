#include "broker/share/dead_letters.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/coordinator/broker_channels.h"
#include "broker/coordinator/group_setting.h"
#include "broker/protocol/codec.h"
#include "broker/record/builder.h"
#include "broker/share/dead_letter_rule.h"
#include "broker/share/letter_source.h"
#include "apis.h"
#include "errors.h"

#define TRIES_MAX 5
#define AGAIN_FIRST_NS NS_PER_S
#define AGAIN_MAX_NS (30 * NS_PER_S)
#define REQUEST_MS 30000
#define PRODUCE_VERSION 13 /* by topic id: what is named anew is another topic */
#define INFLATED_MIN_BYTES (1 << 20)

/* A job under way. It outlives its owner's interest while something may come. */
struct dead_letter_try {
    struct dead_letters *dl;
    struct dead_letter_job *job; /* NULL: cancelled */
    struct slice topic;          /* that the letters go into */
    bool wants_copies;
    int64_t batch_max_bytes;
    struct letter_source source;
    /* The next record whose letter is to be written. */
    int32_t run;
    int64_t offset;
    struct batch_builder builder;
    struct buf *batch; /* until it is known to be written */
    int32_t tries;
    struct timer again;
    struct call call;
    bool is_asking;
    struct arena arena;
};

struct dead_letters {
    struct dead_letters_params params;
    struct broker_channels channels;
    bool stopped;
};

static void letters_go_on(struct dead_letter_try *t);

/* ---- settings ---- */

static struct slice
topic_setting(const struct dead_letters *dl, struct slice topic, int32_t tcfg)
{
    return image_config_value(dl->params.image, RESOURCE_TOPIC, topic,
                              k_text(k_topic_configs[tcfg].name));
}

static bool
topic_takes_letters(const struct dead_letters *dl, struct slice topic)
{
    struct slice v = topic_setting(dl, topic, K_TCFG_ERRORS_DEADLETTERQUEUE_GROUP_ENABLE);
    int64_t on = 0;
    return v.p && config_parse(CONFIG_TOPIC, K_TCFG_ERRORS_DEADLETTERQUEUE_GROUP_ENABLE, v, &on) &&
           on;
}

static int64_t
batch_max_bytes_of(const struct dead_letters *dl, struct slice topic)
{
    struct slice v = topic_setting(dl, topic, K_TCFG_MAX_MESSAGE_BYTES);
    int64_t n;
    if (v.p && config_parse(CONFIG_TOPIC, K_TCFG_MAX_MESSAGE_BYTES, v, &n)) return n;
    return broker_setting_i64(dl->params.settings, K_CFG_MESSAGE_MAX_BYTES);
}

static struct slice
topic_of_group(const struct dead_letters *dl, struct slice group)
{
    return group_setting_text(dl->params.settings, group, K_GCFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME);
}

bool
dead_letters_are_wanted(const struct dead_letters *dl, struct slice group)
{
    return image_feature_level(dl->params.image, S("share.version")) >= 2 &&
           topic_of_group(dl, group).n > 0;
}

/* As it is now: all of it may be changed at run time. */
static const char *
why_not_written(const struct dead_letter_try *t)
{
    const struct dead_letters *dl = t->dl;
    const struct coordinator *c = dl->params.settings;
    struct dead_letter_topic topic = {
        .name = topic_of_group(dl, t->job->group),
        .prefix = broker_setting_text(c, K_CFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME_PREFIX),
        .exists = image_topic(dl->params.image, t->topic) != NULL,
        .takes_letters = topic_takes_letters(dl, t->topic),
        .may_be_made =
            broker_setting_bool(c, K_CFG_ERRORS_DEADLETTERQUEUE_AUTO_CREATE_TOPICS_ENABLE),
    };
    return dead_letter_topic_check(&topic);
}

/* ---- the end ---- */

static void
letters_free(struct dead_letter_try *t)
{
    struct env *env = t->dl->params.env;
    if (t->is_asking || !letter_source_release(&t->source)) return;
    timer_cancel(env, &t->again);
    buf_unref(t->batch);
    builder_release(&t->builder);
    arena_release(&t->arena);
    mem_free_slice(&env->mem, t->topic);
    MEM_DELETE(&env->mem, t);
}

static void
letters_end(struct dead_letter_try *t)
{
    struct dead_letter_job *j = t->job;
    t->job = NULL;
    j->trying = NULL;
    j->done(j);
    letters_free(t);
}

/* Nobody waits for it: who looks after the cluster finds it in the log. */
static void
say_without(const struct dead_letter_try *t, const char *why, struct slice more)
{
    struct env *env = t->dl->params.env;
    if (!env->notes_on) return;
    struct writer w = writer_mem(&env->mem);
    fmt_str(&w, "records of ");
    fmt_slice(&w, t->job->topic);
    fmt_char(&w, '-'), fmt_i64(&w, t->job->partition);
    fmt_str(&w, " that the share group did not want have no dead letters: ");
    fmt_str(&w, why);
    fmt_slice(&w, more);
    NOTE(env, NOTE_LOG_MESSAGE, t->job->group, writer_slice(&w), 1);
    writer_release(&w);
}

/* ---- making a batch ---- */

static struct slice
number_text(struct arena *a, int64_t n)
{
    struct writer w = writer_fixed(arena_alloc(a, 20), 20);
    fmt_i64(&w, n);
    return writer_slice(&w);
}

#define LETTER_HEADERS 6

static void
fill_headers(struct dead_letter_try *t, const struct dead_run *run, struct record_header *h)
{
    const struct dead_letter_job *j = t->job;
    struct arena *a = &t->arena;
    h[0] = (struct record_header){S("__dlq.errors.topic"), j->topic};
    h[1] = (struct record_header){S("__dlq.errors.partition"), number_text(a, j->partition)};
    h[2] = (struct record_header){S("__dlq.errors.offset"), number_text(a, t->offset)};
    h[3] = (struct record_header){S("__dlq.errors.group"), j->group};
    h[4] = (struct record_header){S("__dlq.errors.delivery.count"), number_text(a, run->count)};
    h[5] = (struct record_header){S("__dlq.errors.message"),
                                  run->is_rejected
                                      ? S("Offset rejected by client.")
                                      : S("Offset delivery count exceeded the threshold.")};
}

static void
next_letter(struct dead_letter_try *t)
{
    const struct dead_letter_job *j = t->job;
    if (t->offset++ < j->runs[t->run].last) return;
    if (++t->run < j->runs_n) t->offset = j->runs[t->run].first;
}

/* False: it waits for the log. */
static bool
make_batch(struct dead_letter_try *t)
{
    struct env *env = t->dl->params.env;
    const struct dead_letter_job *j = t->job;
    while (t->run < j->runs_n) {
        struct record r = {.key = SLICE_NULL, .value = SLICE_NULL};
        struct record_header h[LETTER_HEADERS];
        enum letter_found found =
            t->wants_copies ? letter_source_find(&t->source, t->offset, &r) : LETTER_ABSENT;
        if (found == LETTER_WAITS) return false;
        arena_reset(&t->arena);
        fill_headers(t, &j->runs[t->run], h);
        if (!builder_add(&t->builder, env_wall_ms(env), r.key, r.value, h, LETTER_HEADERS)) break;
        next_letter(t);
    }
    if (!builder_is_empty(&t->builder))
        t->batch = builder_finish(&t->builder, env->crc32c, &env->mem);
    builder_clear(&t->builder);
    return true;
}

/* ---- sending it ---- */

static void
batch_is_over(struct dead_letter_try *t)
{
    buf_unref(t->batch);
    t->batch = NULL;
    t->tries = 0;
}

/* False: it is sent again later. */
static bool
batch_is_given_up(struct dead_letter_try *t, int16_t err)
{
    struct env *env = t->dl->params.env;
    t->tries++;
    if (!dead_letter_is_sent_again(err) || t->tries >= TRIES_MAX || t->dl->stopped) {
        say_without(t, "", k_err_name(err));
        batch_is_over(t);
        return true;
    }
    int64_t wait_ns = MIN(AGAIN_FIRST_NS << (t->tries - 1), AGAIN_MAX_NS);
    timer_arm(env, &t->again, env_now_ns(env) + wait_ns);
    return false;
}

static void
letters_again_due(struct timer *timer)
{
    letters_go_on(CONTAINER_OF(timer, struct dead_letter_try, again));
}

static int16_t
written_error(const struct k_produce_response *res)
{
    if (res->responses_n != 1 || res->responses[0].partition_responses_n != 1)
        return K_ERR_UNKNOWN_SERVER_ERROR;
    return res->responses[0].partition_responses[0].error_code;
}

static void
letters_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct dead_letter_try *t = CONTAINER_OF(call, struct dead_letter_try, call);
    struct k_produce_response res;
    (void)from;
    t->is_asking = false;
    if (!t->job) {
        letters_free(t);
        return;
    }
    arena_reset(&t->arena);
    int16_t error = err                                      ? K_ERR_NETWORK_EXCEPTION
                  : call_decode(call, body, &t->arena, &res) ? written_error(&res)
                                                             : K_ERR_UNKNOWN_SERVER_ERROR;
    if (!error) batch_is_over(t);
    else if (!batch_is_given_up(t, error)) return;
    letters_go_on(t);
}

static const void *
letters_request(struct dead_letter_try *t, struct uuid topic, int32_t partition)
{
    struct arena *a = &t->arena;
    arena_reset(a);
    struct k_produce_request *q = ARENA_NEW(a, struct k_produce_request);
    codec_default(K_MSG_PRODUCE_REQUEST, q);
    q->acks = -1;
    q->timeout_ms = REQUEST_MS;
    q->topic_data_n = 1;
    q->topic_data = codec_array(a, K_STRUCT_PRODUCE_REQUEST_TOPIC_PRODUCE_DATA, 1);
    q->topic_data->name = t->topic;
    q->topic_data->topic_id = topic;
    q->topic_data->partition_data_n = 1;
    q->topic_data->partition_data =
        codec_array(a, K_STRUCT_PRODUCE_REQUEST_PARTITION_PRODUCE_DATA, 1);
    q->topic_data->partition_data->index = partition;
    q->topic_data->partition_data->records =
        (struct k_records){.bytes = buf_slice(t->batch), .buf = t->batch};
    return q;
}

/* 0: it is asked. */
static int16_t
letters_send(struct dead_letter_try *t)
{
    const struct dead_letters_params *p = &t->dl->params;
    const struct image_topic *topic = image_topic(p->image, t->topic);
    if (!topic) p->create_topic(p->owner, t->topic);
    if (!topic || topic->partitions_n == 0) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    int32_t to = t->job->partition % topic->partitions_n;
    const struct image_partition *ip = image_topic_partition(topic, to);
    struct channel *ch =
        ip && ip->leader >= 0 ? broker_channel(&t->dl->channels, ip->leader) : NULL;
    if (!ch) return K_ERR_LEADER_NOT_AVAILABLE;
    t->call.done = letters_answered;
    t->is_asking = channel_call(ch, &t->call, K_API_PRODUCE, PRODUCE_VERSION,
                                letters_request(t, topic->id, to), REQUEST_MS, NULL);
    return t->is_asking ? 0 : K_ERR_UNKNOWN_SERVER_ERROR;
}

/* One batch after the other: of those that cannot even be sent there may be as many as records. */
static void
letters_go_on(struct dead_letter_try *t)
{
    for (;;) {
        const char *why = why_not_written(t);
        if (why) say_without(t, why, SLICE_EMPTY);
        if (!why && !t->batch && !make_batch(t)) return;
        if (why || !t->batch) {
            letters_end(t);
            return;
        }
        int16_t err = letters_send(t);
        if (!err || !batch_is_given_up(t, err)) return;
    }
}

static void
source_has_news(struct letter_source *s)
{
    struct dead_letter_try *t = CONTAINER_OF(s, struct dead_letter_try, source);
    if (t->job) letters_go_on(t);
    else letters_free(t);
}

/* ---- beginning ---- */

/* In a later step, whatever comes of it. */
void
dead_letters_write(struct dead_letters *dl, struct dead_letter_job *j)
{
    struct env *env = dl->params.env;
    struct dead_letter_try *t = MEM_NEW(&env->mem, struct dead_letter_try);
    CHECK(!j->trying && j->runs_n > 0);
    *t = (struct dead_letter_try){.dl = dl, .job = j, .offset = j->runs[0].first};
    t->topic = mem_dup(&env->mem, topic_of_group(dl, j->group));
    t->wants_copies = group_setting_bool(dl->params.settings, j->group,
                                         K_GCFG_ERRORS_DEADLETTERQUEUE_COPY_RECORD_ENABLE);
    t->batch_max_bytes = batch_max_bytes_of(dl, t->topic);
    letter_source_init(&t->source, env, j->log, j->limit,
                       MAX(t->batch_max_bytes, INFLATED_MIN_BYTES), source_has_news);
    builder_init(&t->builder, &env->mem, t->batch_max_bytes);
    arena_init(&t->arena, &env->mem, 0);
    t->again.due = letters_again_due;
    j->trying = t;
    timer_arm(env, &t->again, env_now_ns(env));
}

void
dead_letters_cancel(struct dead_letter_job *j)
{
    struct dead_letter_try *t = j->trying;
    if (!t) return;
    j->trying = NULL;
    t->job = NULL;
    timer_cancel(t->dl->params.env, &t->again);
    letters_free(t);
}

struct dead_letters *
dead_letters_new(const struct dead_letters_params *params)
{
    struct dead_letters *dl = MEM_NEW(&params->env->mem, struct dead_letters);
    dl->params = *params;
    broker_channels_init(&dl->channels, params->env, params->image, params->listener, params->login,
                         S("dead-letters"));
    return dl;
}

void
dead_letters_stop(struct dead_letters *dl)
{
    dl->stopped = true;
    broker_channels_stop(&dl->channels);
}
