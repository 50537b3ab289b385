/* DeleteRecords (KIP-107): each partition's log begins at another offset at once; the answer waits until every
 * live replica's does, so that no later leader brings the records back. What has not come about within the
 * client's time is answered REQUEST_TIMED_OUT: it may still come about. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/codec.h"

struct deletion;

struct part {
    struct deletion *deletion;
    struct deletion_waiter waiter;
    struct k_delete_records_response_delete_records_partition_result *answer;
    bool waits;
};

struct deletion {
    struct request *r;
    struct k_delete_records_response response;
    struct part *parts;
    int32_t parts_n, waiting;
    bool begun; /* all partitions have been looked at */
    struct timer timer;
};

static void
answer_when_done(struct deletion *d)
{
    if (!d->begun || d->waiting > 0) return;
    timer_cancel(d->r->server->env, &d->timer);
    d->r->gone = NULL;
    request_answer(d->r, &d->response);
}

static void
part_deleted(struct deletion_waiter *w, int16_t err)
{
    struct part *part = CONTAINER_OF(w, struct part, waiter);
    part->waits = false;
    part->answer->error_code = err;
    part->answer->low_watermark = err ? -1 : partition_low_watermark(w->partition);
    CHECK(part->deletion->waiting > 0);
    part->deletion->waiting--;
    answer_when_done(part->deletion);
}

/* Those that wait keep the low watermark of the moment at which the request came. */
static void
deletion_expired(struct timer *t)
{
    struct deletion *d = CONTAINER_OF(t, struct deletion, timer);
    for (int32_t i = 0; i < d->parts_n; i++) {
        struct part *part = &d->parts[i];
        if (!part->waits) continue;
        deletion_waiter_cancel(&part->waiter);
        part->waits = false;
        part->answer->error_code = K_ERR_REQUEST_TIMED_OUT;
        CHECK(d->waiting > 0);
        d->waiting--;
    }
    answer_when_done(d);
}

/* Nobody waits for the answer. */
static void
deletion_client_gone(struct request *r)
{
    struct deletion *d = r->owner;
    timer_arm(r->server->env, &d->timer, env_now_ns(r->server->env));
}

static void
delete_part(struct part *part, struct slice topic, int64_t offset)
{
    int16_t err = 0;
    struct partition *p = lookup_partition(part->deletion->r->server, UUID_ZERO, topic,
                                           part->answer->partition_index, &err);
    if (p && topic_name_is_internal(topic)) err = K_ERR_INVALID_TOPIC_EXCEPTION;
    if (!err) err = partition_delete_records(p, offset, &part->waiter.required);
    part->answer->error_code = err;
    part->answer->low_watermark = err ? -1 : partition_low_watermark(p);
    if (err) return;
    part->waiter.done = part_deleted;
    part->waits = partition_wait_deleted(p, &part->waiter);
    part->deletion->waiting += part->waits;
}

static void
deletion_blank_answer(struct deletion *d, const struct k_delete_records_request *q)
{
    struct arena *a = &d->r->arena;
    codec_default(K_MSG_DELETE_RECORDS_RESPONSE, &d->response);
    d->response.topics_n = q->topics_n;
    d->response.topics =
        codec_array(a, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_TOPIC_RESULT, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        int32_t n = q->topics[i].partitions_n;
        d->response.topics[i].name = q->topics[i].name;
        d->response.topics[i].partitions_n = n;
        d->response.topics[i].partitions =
            codec_array(a, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_PARTITION_RESULT, n);
        for (int32_t k = 0; k < n; k++)
            d->response.topics[i].partitions[k].partition_index =
                q->topics[i].partitions[k].partition_index;
        d->parts_n += n;
    }
    d->parts = REQUEST_ARRAY(d->r, struct part, d->parts_n);
}

void
handle_delete_records(struct server *s, struct request *r)
{
    const struct k_delete_records_request *q = r->message;
    struct deletion *d = REQUEST_NEW(r, struct deletion);
    d->r = r;
    deletion_blank_answer(d, q);
    struct part *part = d->parts;
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++, part++) {
            part->deletion = d;
            part->answer = &d->response.topics[i].partitions[k];
            delete_part(part, q->topics[i].name, q->topics[i].partitions[k].offset);
        }
    d->begun = true;
    d->timer.due = deletion_expired;
    r->owner = d;
    r->gone = deletion_client_gone;
    if (d->waiting > 0)
        timer_arm(s->env, &d->timer, env_now_ns(s->env) + (int64_t)q->timeout_ms * NS_PER_MS);
    answer_when_done(d);
}
