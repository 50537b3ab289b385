/* DeleteTopics and CreatePartitions. */
#include "broker/controller/assignment.h"

#include "apis.h"

/* ---- DeleteTopics ------------------------------------------------------------------------------ */

/* Up to version 5 by name, then by name or id. */
static void
blank_delete(struct request *q)
{
    const struct k_delete_topics_request *r = q->body;
    struct k_delete_topics_response *resp = q->response;
    bool by_name = q->version < 6;
    int32_t n = by_name ? r->topic_names_n : r->topics_n;
    resp->responses =
        codec_array(q->arena, K_STRUCT_DELETE_TOPICS_RESPONSE_DELETABLE_TOPIC_RESULT, n);
    resp->responses_n = n;
    for (int32_t i = 0; i < n; i++) {
        resp->responses[i].name =
            arena_dup(q->arena, by_name ? r->topic_names[i] : r->topics[i].name);
        if (!by_name) resp->responses[i].topic_id = r->topics[i].topic_id;
    }
}

static bool
is_named_twice(const struct k_delete_topics_response *resp, int32_t at)
{
    const struct k_delete_topics_response_deletable_topic_result *t = &resp->responses[at];
    for (int32_t i = 0; i < resp->responses_n; i++) {
        if (i == at) continue;
        if (t->name.p && slice_eq(t->name, resp->responses[i].name)) return true;
        if (!uuid_is_zero(t->topic_id) && uuid_eq(t->topic_id, resp->responses[i].topic_id))
            return true;
    }
    return false;
}

static struct verdict
find_topic_to_delete(const struct request *q, int32_t at, const struct image_topic **ret)
{
    struct k_delete_topics_response *resp = q->response;
    struct k_delete_topics_response_deletable_topic_result *t = &resp->responses[at];
    bool by_id = !uuid_is_zero(t->topic_id);
    if (t->name.p && by_id)
        return refuse_with(K_ERR_INVALID_REQUEST,
                           "You may not specify both topic name and topic id.");
    if (!t->name.p && !by_id)
        return refuse_with(K_ERR_INVALID_REQUEST, "Neither topic name nor id were specified.");
    if (is_named_twice(resp, at))
        return refuse_with(K_ERR_INVALID_REQUEST,
                           by_id ? "Duplicate topic id." : "Duplicate topic name.");
    *ret =
        by_id ? image_topic_by_id(&q->c->image, t->topic_id) : image_topic(&q->c->image, t->name);
    if (*ret) return FINE;
    return by_id ? refuse_with(K_ERR_UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
                 : refuse_with(K_ERR_UNKNOWN_TOPIC_OR_PARTITION,
                               "This server does not host this topic-partition.");
}

static void
fail_delete(void *response, int16_t err)
{
    struct k_delete_topics_response *resp = response;
    for (int32_t i = 0; i < resp->responses_n; i++) {
        resp->responses[i].error_code = err;
        resp->responses[i].error_message = SLICE_NULL;
    }
}

/* Of what stands twice, by the same name or the same id, only one is told of. */
static void
drop_repeated(struct k_delete_topics_response *resp)
{
    int32_t n = 0;
    for (int32_t i = 0; i < resp->responses_n; i++) {
        const struct k_delete_topics_response_deletable_topic_result *t = &resp->responses[i];
        bool is_told = false;
        for (int32_t j = 0; j < n && t->error_code == K_ERR_INVALID_REQUEST; j++)
            is_told |= slice_eq(resp->responses[j].name, t->name) &&
                       uuid_eq(resp->responses[j].topic_id, t->topic_id);
        if (!is_told) resp->responses[n++] = *t;
    }
    resp->responses_n = n;
}

/* Once by its name and once by its id: as in Kafka it stays, and is told of once. */
static bool
is_found_twice(const struct image_topic *const *found, int32_t n, int32_t at)
{
    for (int32_t i = 0; i < n; i++)
        if (i != at && found[i] == found[at]) return true;
    return false;
}

static void
delete_topics(struct request *q)
{
    struct k_delete_topics_response *resp = q->response;
    if (q->c->options.delete_topics_off) {
        /* Versions below 3 have no word for it. */
        fail_delete(resp, q->version < 3 ? K_ERR_INVALID_REQUEST : K_ERR_TOPIC_DELETION_DISABLED);
        return;
    }
    if (((const struct k_delete_topics_request *)q->body)->timeout_ms <= 0) {
        fail_delete(resp, K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    if (resp->responses_n > ITEMS_PER_REQUEST_MAX) {
        fail_delete(resp, K_ERR_POLICY_VIOLATION);
        return;
    }
    const struct image_topic **found =
        ARENA_ARRAY(q->arena, const struct image_topic *, resp->responses_n + 1);
    for (int32_t i = 0; i < resp->responses_n; i++) {
        struct verdict v = find_topic_to_delete(q, i, &found[i]);
        resp->responses[i].error_code = v.code;
        resp->responses[i].error_message = v.text;
    }
    for (int32_t i = 0; i < resp->responses_n; i++) {
        if (!found[i]) continue;
        if (is_found_twice(found, resp->responses_n, i)) {
            struct verdict v =
                refuse_with(K_ERR_INVALID_REQUEST,
                            "The provided topic name maps to an id that was given, too.");
            resp->responses[i].error_code = v.code;
            resp->responses[i].error_message = v.text;
            continue;
        }
        struct k_remove_topic_record r;
        codec_default(K_MSG_REMOVE_TOPIC_RECORD, &r);
        r.topic_id = found[i]->id;
        batch_add(q->c, K_MSG_REMOVE_TOPIC_RECORD, 0, &r);
    }
    /* Only now: while duplicates were looked for, the names had to be what was asked for. */
    for (int32_t i = 0; i < resp->responses_n; i++) {
        if (!found[i]) continue;
        resp->responses[i].name = arena_dup(q->arena, found[i]->name);
        resp->responses[i].topic_id = found[i]->id;
    }
    drop_repeated(resp);
}

const struct handler delete_topics_handler = {
    .api_key = K_API_DELETE_TOPICS,
    .response = K_MSG_DELETE_TOPICS_RESPONSE,
    .response_bytes = sizeof(struct k_delete_topics_response),
    .blank = blank_delete,
    .handle = delete_topics,
    .fail = fail_delete,
};

/* ---- CreatePartitions -------------------------------------------------------------------------- */

static void
blank_create(struct request *q)
{
    const struct k_create_partitions_request *r = q->body;
    struct k_create_partitions_response *resp = q->response;
    resp->results = codec_array(
        q->arena, K_STRUCT_CREATE_PARTITIONS_RESPONSE_CREATE_PARTITIONS_TOPIC_RESULT, r->topics_n);
    resp->results_n = r->topics_n;
    for (int32_t i = 0; i < r->topics_n; i++)
        resp->results[i].name = arena_dup(q->arena, r->topics[i].name);
}

static struct verdict
check_count(const struct request *q, const struct image_topic *t,
            const struct k_create_partitions_request_create_partitions_topic *want)
{
    struct writer w = writer_mem(q->arena->mem);
    int64_t more = (int64_t)want->count - t->partitions_n;
    struct verdict v = {K_ERR_INVALID_PARTITIONS, SLICE_NULL};
    if (more == 0) {
        fmt_str(&w, "Topic already has "), fmt_i64(&w, t->partitions_n);
        fmt_str(&w, " partition(s).");
    } else if (more < 0) {
        fmt_str(&w, "The topic "), fmt_slice(&w, t->name), fmt_str(&w, " currently has ");
        fmt_i64(&w, t->partitions_n), fmt_str(&w, " partition(s); "), fmt_i64(&w, want->count);
        fmt_str(&w, " would not be an increase.");
    } else if (want->assignments_n >= 0 && want->assignments_n != more) {
        v.code = K_ERR_INVALID_REPLICA_ASSIGNMENT;
        fmt_str(&w, "Attempted to add "), fmt_i64(&w, more);
        fmt_str(&w, " additional partition(s), but only "), fmt_i64(&w, want->assignments_n);
        fmt_str(&w, " assignment(s) were specified.");
    } else {
        v.code = K_ERR_NONE;
    }
    v.text = text_end(q->arena, &w);
    return v;
}

static struct verdict
take_assignments(const struct request *q, int32_t factor, struct ids *lists,
                 const struct k_create_partitions_request_create_partitions_topic *want)
{
    for (int32_t i = 0; i < want->assignments_n; i++) {
        lists[i] = (struct ids){want->assignments[i].broker_ids, want->assignments[i].broker_ids_n};
        struct verdict v = assignment_check(q->c, lists[i], factor, q->arena);
        if (v.code) return v;
        if (assignment_isr(q->c, lists[i], q->arena).n == 0)
            return refuse_with(
                K_ERR_INVALID_REPLICA_ASSIGNMENT,
                "All brokers specified in the manual partition assignment are fenced "
                "or in controlled shutdown.");
    }
    return FINE;
}

static struct verdict
create_partitions_of(struct request *q, int32_t at)
{
    const struct k_create_partitions_request *r = q->body;
    const struct k_create_partitions_request_create_partitions_topic *want = &r->topics[at];
    for (int32_t i = 0; i < r->topics_n; i++)
        if (i != at && slice_eq(r->topics[i].name, want->name))
            return refuse_with(K_ERR_INVALID_REQUEST, "Duplicate topic name.");
    const struct image_topic *t = image_topic(&q->c->image, want->name);
    if (!t)
        return refuse_with(K_ERR_UNKNOWN_TOPIC_OR_PARTITION,
                           "This server does not host this topic-partition.");
    if (want->count > t->partitions_n + ITEMS_PER_REQUEST_MAX)
        return refuse_with(K_ERR_POLICY_VIOLATION,
                           "Excessively large number of partitions per request.");
    struct verdict v = check_count(q, t, want);
    if (!v.code && q->c->batch.n + (want->count - t->partitions_n) > ITEMS_PER_REQUEST_MAX)
        v = refuse_with(K_ERR_POLICY_VIOLATION,
                        "Excessively large number of partitions per request.");
    if (!v.code) v = check_room(q, want->count - t->partitions_n);
    if (v.code) return v;
    int32_t more = want->count - t->partitions_n;
    const struct image_partition *first = image_topic_partition(t, 0);
    int32_t factor = first ? first->replicas.n : 1;
    struct ids *lists = ARENA_ARRAY(q->arena, struct ids, more);
    v = want->assignments_n >= 0 ? take_assignments(q, factor, lists, want)
                                 : assignment_place(q->c, more, factor, q->arena, lists);
    for (int32_t i = 0; !v.code && i < more; i++)
        add_partition(q->c, t->id, t->partitions_n + i, lists[i]);
    return v;
}

static void
fail_grow(void *response, int16_t err)
{
    struct k_create_partitions_response *resp = response;
    for (int32_t i = 0; i < resp->results_n; i++) {
        resp->results[i].error_code = err;
        resp->results[i].error_message = SLICE_NULL;
    }
}

/* Of topics that stand twice only one is told of. */
static void
drop_repeated_grown(struct k_create_partitions_response *resp)
{
    int32_t n = 0;
    for (int32_t i = 0; i < resp->results_n; i++) {
        bool is_told = false;
        for (int32_t j = 0; j < n; j++)
            is_told |= slice_eq(resp->results[j].name, resp->results[i].name);
        if (!is_told) resp->results[n++] = resp->results[i];
    }
    resp->results_n = n;
}

static void
create_partitions(struct request *q)
{
    const struct k_create_partitions_request *r = q->body;
    struct k_create_partitions_response *resp = q->response;
    if (r->timeout_ms <= 0) {
        fail_grow(resp, K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    q->validate_only = r->validate_only;
    if (r->topics_n > ITEMS_PER_REQUEST_MAX) {
        fail_grow(resp, K_ERR_POLICY_VIOLATION);
        return;
    }
    for (int32_t i = 0; i < r->topics_n; i++) {
        struct verdict v = create_partitions_of(q, i);
        resp->results[i].error_code = v.code;
        resp->results[i].error_message = v.code ? v.text : SLICE_NULL;
    }
    drop_repeated_grown(resp);
}

const struct handler create_partitions_handler = {
    .api_key = K_API_CREATE_PARTITIONS,
    .response = K_MSG_CREATE_PARTITIONS_RESPONSE,
    .response_bytes = sizeof(struct k_create_partitions_response),
    .blank = blank_create,
    .handle = create_partitions,
    .fail = fail_grow,
};
