/* CreateTopics: each topic of the request is checked and created, or refused, by itself; those that are
 * created come into one batch. */
#include "broker/controller/assignment.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/config.h"

#include "apis.h"

static void
blank_create(struct request *q)
{
    const struct k_create_topics_request *r = q->body;
    struct k_create_topics_response *resp = q->response;
    resp->topics =
        codec_array(q->arena, K_STRUCT_CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT, r->topics_n);
    resp->topics_n = r->topics_n;
    for (int32_t i = 0; i < r->topics_n; i++) {
        resp->topics[i].name = arena_dup(q->arena, r->topics[i].name);
        resp->topics[i].configs_n =
            0; /* none, not null: as Kafka answers a topic that it refuses */
    }
}

/* Of topics that stand twice only one is told of. */
static void
drop_repeated_creations(struct k_create_topics_response *resp)
{
    int32_t n = 0;
    for (int32_t i = 0; i < resp->topics_n; i++) {
        bool is_told = false;
        for (int32_t j = 0; j < n; j++)
            is_told |= slice_eq(resp->topics[j].name, resp->topics[i].name);
        if (!is_told) resp->topics[n++] = resp->topics[i];
    }
    resp->topics_n = n;
}

/* ---- names ------------------------------------------------------------------------------------- */

static struct verdict
already_there(struct slice name, struct arena *a)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "Topic '"), fmt_slice(&w, name), fmt_str(&w, "' already exists.");
    return (struct verdict){K_ERR_TOPIC_ALREADY_EXISTS, text_end(a, &w)};
}

static struct verdict
collides(struct slice name, struct slice with, struct arena *a)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "Topic '"), fmt_slice(&w, name);
    fmt_str(&w, "' collides with existing topic: "), fmt_slice(&w, with);
    return (struct verdict){K_ERR_INVALID_TOPIC_EXCEPTION, text_end(a, &w)};
}

/* `made` says which of the request's topics come into being; they are not in the image yet. */
static struct verdict
check_collision(const struct request *q, int32_t at, const bool *made)
{
    const struct k_create_topics_request *r = q->body;
    struct slice name = r->topics[at].name;
    if (!topic_name_can_collide(name)) return FINE;
    for (int64_t i = 0; i < q->c->image.topics.n; i++)
        if (topic_names_collide(q->c->image.topics.v[i]->name, name))
            return collides(name, q->c->image.topics.v[i]->name, q->arena);
    for (int32_t i = 0; i < at; i++)
        if (made[i] && topic_names_collide(r->topics[i].name, name))
            return collides(name, r->topics[i].name, q->arena);
    return FINE;
}

static struct verdict
check_name(const struct request *q, int32_t at, const bool *made)
{
    const struct k_create_topics_request *r = q->body;
    struct slice name = r->topics[at].name;
    for (int32_t i = 0; i < r->topics_n; i++)
        if (i != at && slice_eq(r->topics[i].name, name))
            return refuse_with(K_ERR_INVALID_REQUEST, "Duplicate topic name.");
    if (slice_eq(name, S("__cluster_metadata")))
        return refuse_with(K_ERR_INVALID_REQUEST,
                           "Creation of internal topic __cluster_metadata is prohibited.");
    struct writer why = writer_mem(q->arena->mem);
    bool good = topic_name_check(name, &why);
    struct slice text = text_end(q->arena, &why);
    if (!good) return (struct verdict){K_ERR_INVALID_TOPIC_EXCEPTION, text};
    if (image_topic(&q->c->image, name)) return already_there(name, q->arena);
    return check_collision(q, at, made);
}

/* ---- settings ---------------------------------------------------------------------------------- */

static struct slice
given_value(const struct k_create_topics_request_creatable_topic *t, struct slice name)
{
    for (int32_t i = t->configs_n; i-- > 0;)
        if (slice_eq(t->configs[i].name, name)) return t->configs[i].value;
    return SLICE_NULL;
}

static struct verdict
check_configs(const struct request *q, const struct k_create_topics_request_creatable_topic *t)
{
    for (int32_t i = 0; i < t->configs_n; i++) {
        struct verdict v = FINE;
        if (!t->configs[i].value.p) {
            struct writer w = writer_mem(q->arena->mem);
            fmt_str(&w, "Null value not supported for topic configs: "),
                fmt_slice(&w, t->configs[i].name);
            return (struct verdict){K_ERR_INVALID_CONFIG, text_end(q->arena, &w)};
        }
        v.code = config_check_for(RESOURCE_TOPIC, t->configs[i].name, t->configs[i].value, q->arena,
                                  &v.text);
        if (v.code) return v;
    }
    return config_check_lags(given_value(t, S("min.compaction.lag.ms")),
                             given_value(t, S("max.compaction.lag.ms")), q->arena);
}

enum { SOURCE_DYNAMIC_TOPIC = 1, SOURCE_DEFAULT = 5 };

static void
tell_configs(struct request *q, const struct k_create_topics_request_creatable_topic *t,
             struct k_create_topics_response_creatable_topic_result *ret)
{
    ret->configs =
        codec_array(q->arena, K_STRUCT_CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_CONFIGS, K_TCFGS_N);
    ret->configs_n = 0;
    for (int32_t i = 0; i < K_TCFGS_N; i++) {
        if (k_topic_configs[i].flags & K_CF_INTERNAL) continue;
        struct k_create_topics_response_creatable_topic_configs *to =
            &ret->configs[ret->configs_n++];
        to->name = k_text(k_topic_configs[i].name);
        struct slice given = given_value(t, to->name);
        to->value = given.p ? arena_dup(q->arena, given) : k_text(k_topic_configs[i].value);
        to->config_source = given.p ? SOURCE_DYNAMIC_TOPIC : SOURCE_DEFAULT;
    }
}

/* ---- partitions -------------------------------------------------------------------------------- */

static struct verdict
about_partition(struct arena *a, const char *before, int32_t index, const char *after)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, before), fmt_i64(&w, index), fmt_str(&w, after);
    return (struct verdict){K_ERR_INVALID_REPLICA_ASSIGNMENT, text_end(a, &w)};
}

static struct verdict
assign_one(struct request *q, const struct k_create_topics_request_creatable_topic *t, int32_t at,
           struct ids *lists)
{
    int32_t index = t->assignments[at].partition_index;
    struct ids ids = {t->assignments[at].broker_ids, t->assignments[at].broker_ids_n};
    for (int32_t i = 0; i < at; i++)
        if (t->assignments[i].partition_index == index)
            return about_partition(
                q->arena, "Found multiple manual partition assignments for partition ", index, "");
    int32_t factor = at > 0 ? t->assignments[0].broker_ids_n : 0;
    struct verdict v = assignment_check(q->c, ids, factor, q->arena);
    if (v.code) return v;
    if (assignment_isr(q->c, ids, q->arena).n == 0)
        return about_partition(
            q->arena, "All brokers specified in the manual partition assignment for partition ",
            index, " are fenced or in controlled shutdown.");
    if (index < 0 || index >= t->assignments_n)
        return refuse_with(K_ERR_INVALID_REPLICA_ASSIGNMENT,
                           "partitions should be a consecutive 0-based integer sequence");
    lists[index] = ids;
    return FINE;
}

static struct verdict
assign_by_hand(struct request *q, const struct k_create_topics_request_creatable_topic *t,
               struct ids **ret, int32_t *ret_n)
{
    if (t->replication_factor != -1)
        return refuse_with(K_ERR_INVALID_REQUEST,
                           "A manual partition assignment was specified, but "
                           "replication factor was not set to -1.");
    if (t->num_partitions != -1)
        return refuse_with(K_ERR_INVALID_REQUEST,
                           "A manual partition assignment was specified, but "
                           "numPartitions was not set to -1.");
    *ret = ARENA_ARRAY(q->arena, struct ids, t->assignments_n);
    *ret_n = t->assignments_n;
    struct verdict v = FINE;
    for (int32_t i = 0; !v.code && i < t->assignments_n; i++) v = assign_one(q, t, i, *ret);
    return v;
}

static struct verdict
assign_by_placement(struct request *q, const struct k_create_topics_request_creatable_topic *t,
                    struct ids **ret, int32_t *ret_n)
{
    int32_t n = t->num_partitions, factor = t->replication_factor;
    if (factor < -1 || factor == 0)
        return refuse_with(
            K_ERR_INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.");
    if (n < -1 || n == 0)
        return refuse_with(K_ERR_INVALID_PARTITIONS,
                           "Number of partitions was set to an invalid non-positive value.");
    if (n == -1) n = q->c->options.num_partitions;
    if (factor == -1) factor = q->c->options.replication_factor;
    if (n > ITEMS_PER_REQUEST_MAX)
        return refuse_with(K_ERR_POLICY_VIOLATION,
                           "Excessively large number of partitions per request.");
    *ret = ARENA_ARRAY(q->arena, struct ids, n);
    *ret_n = n;
    return assignment_place(q->c, n, factor, q->arena, *ret);
}

static struct uuid
new_topic_id(struct controller *c)
{
    for (;;) {
        struct uuid id = env_random_uuid(c->env);
        if (!image_topic_by_id(&c->image, id)) return id;
    }
}

static void
write_new_topic(struct request *q, const struct k_create_topics_request_creatable_topic *t,
                const struct ids *lists, int32_t n,
                struct k_create_topics_response_creatable_topic_result *ret)
{
    struct k_topic_record rec;
    codec_default(K_MSG_TOPIC_RECORD, &rec);
    rec.name = t->name;
    rec.topic_id = new_topic_id(q->c);
    batch_add(q->c, K_MSG_TOPIC_RECORD, 0, &rec);
    for (int32_t i = 0; i < t->configs_n; i++) {
        config_tell(q, RESOURCE_TOPIC, t->name, t->configs[i].name, t->configs[i].value);
        add_config(q->c, RESOURCE_TOPIC, t->name, t->configs[i].name, t->configs[i].value);
    }
    for (int32_t i = 0; i < n; i++) add_partition(q->c, rec.topic_id, i, lists[i]);
    ret->topic_id = rec.topic_id;
    ret->num_partitions = n;
    ret->replication_factor = (int16_t)lists[0].n;
    if (q->version >= 5) tell_configs(q, t, ret);
}

static struct verdict
create_topic(struct request *q, int32_t at, const bool *made,
             struct k_create_topics_response_creatable_topic_result *ret)
{
    const struct k_create_topics_request_creatable_topic *t =
        &((const struct k_create_topics_request *)q->body)->topics[at];
    struct ids *lists = NULL;
    int32_t n = 0;
    struct verdict v = check_name(q, at, made);
    if (!v.code) v = check_configs(q, t);
    if (v.code) return v;
    v = t->assignments_n > 0 ? assign_by_hand(q, t, &lists, &n)
                             : assign_by_placement(q, t, &lists, &n);
    if (!v.code && q->c->batch.n + n > ITEMS_PER_REQUEST_MAX)
        v = refuse_with(K_ERR_POLICY_VIOLATION,
                        "Excessively large number of partitions per request.");
    if (!v.code) v = check_room(q, n);
    if (!v.code) write_new_topic(q, t, lists, n, ret);
    return v;
}

static void
fail_create(void *response, int16_t err)
{
    struct k_create_topics_response *resp = response;
    for (int32_t i = 0; i < resp->topics_n; i++) {
        struct k_create_topics_response_creatable_topic_result *t = &resp->topics[i];
        t->error_code = err;
        t->error_message = SLICE_NULL;
        t->topic_id = UUID_ZERO;
        t->num_partitions = t->replication_factor = -1;
        t->configs_n = 0;
    }
}

static void
create_topics(struct request *q)
{
    const struct k_create_topics_request *r = q->body;
    struct k_create_topics_response *resp = q->response;
    if (r->topics_n > ITEMS_PER_REQUEST_MAX) {
        fail_create(resp, K_ERR_POLICY_VIOLATION);
        return;
    }
    if (r->timeout_ms <= 0) {
        fail_create(resp, K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    bool *made = ARENA_ARRAY(q->arena, bool, r->topics_n + 1);
    q->validate_only = r->validate_only;
    for (int32_t i = 0; i < r->topics_n; i++) {
        struct verdict v = create_topic(q, i, made, &resp->topics[i]);
        made[i] = v.code == K_ERR_NONE;
        resp->topics[i].error_code = v.code;
        resp->topics[i].error_message = v.code ? v.text : SLICE_NULL;
    }
    drop_repeated_creations(resp);
}

const struct handler create_topics_handler = {
    .api_key = K_API_CREATE_TOPICS,
    .response = K_MSG_CREATE_TOPICS_RESPONSE,
    .response_bytes = sizeof(struct k_create_topics_response),
    .blank = blank_create,
    .handle = create_topics,
    .fail = fail_create,
};
