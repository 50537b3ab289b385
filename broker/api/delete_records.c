/* DeleteRecords (KIP-107): each partition's log begins at another offset at once; the answer waits until every
 * live replica's does, so that no later leader brings the records back. What has not come about within the
 * client's time is answered REQUEST_TIMED_OUT: it may still come about. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/named_parts.h"
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

typedef struct k_delete_records_response_delete_records_topic_result deletion_topic;
typedef struct k_delete_records_request_delete_records_partition deletion_asked;

/* Room for it in the answer, behind others of its topic. */
static struct part *
deletion_new_part(struct deletion *d, const struct named_part *named)
{
    struct arena *a = &d->r->arena;
    deletion_topic *t = named->topic->answer;
    if (!t) {
        t = named->topic->answer = &d->response.topics[d->response.topics_n++];
        t->name = named->topic->name;
        t->partitions =
            codec_array(a, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_PARTITION_RESULT,
                        named->topic->parts_n);
    }
    struct part *part = &d->parts[d->parts_n++];
    part->deletion = d;
    part->answer = &t->partitions[t->partitions_n++];
    part->answer->partition_index = named->index;
    return part;
}

/* Of a partition that is named twice the last offset counts, and is answered (as in Kafka, which keeps them in a map). */
static void
delete_named(struct deletion *d, const struct k_delete_records_request *q)
{
    struct named_parts all;
    named_parts_init(&all, &d->r->arena, env_map_key(d->r->server->env));
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++)
            named_parts_add(&all, q->topics[i].name, q->topics[i].partitions[k].partition_index)
                ->said = &q->topics[i].partitions[k];
    codec_default(K_MSG_DELETE_RECORDS_RESPONSE, &d->response);
    d->response.topics = codec_array(
        &d->r->arena, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_TOPIC_RESULT, all.topics.n);
    d->parts = REQUEST_ARRAY(d->r, struct part, all.parts.n);
    MAP_EACH(&all.parts, named, struct named_part, node) {
        const deletion_asked *asked = named->said;
        delete_part(deletion_new_part(d, named), named->topic->name, asked->offset);
    }
    named_parts_release(&all);
}

void
handle_delete_records(struct server *s, struct request *r)
{
    const struct k_delete_records_request *q = r->message;
    struct deletion *d = REQUEST_NEW(r, struct deletion);
    d->r = r;
    delete_named(d, q);
    d->begun = true;
    d->timer.due = deletion_expired;
    r->owner = d;
    r->gone = deletion_client_gone;
    if (d->waiting > 0)
        timer_arm(s->env, &d->timer, env_now_ns(s->env) + (int64_t)q->timeout_ms * NS_PER_MS);
    answer_when_done(d);
}
