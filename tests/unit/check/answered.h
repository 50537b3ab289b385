/* A log of the quorum with one broker and one topic, and a client that asks for changes: for tests of what controllers answer. */
#ifndef TESTS_UNIT_CHECK_ANSWERED_H
#define TESTS_UNIT_CHECK_ANSWERED_H

#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

static const struct uuid topic_id = {{1, 2, 3}}, process = {{7}};

/* ---- the log ---- */

static inline void
broker(struct tale *s)
{
    struct k_register_broker_record r;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &r);
    r.broker_id = 3;
    r.broker_epoch = 17;
    r.incarnation_id = process;
    r.fenced = true;
    add_metadata(s, K_MSG_REGISTER_BROKER_RECORD, 1, &r);
}

static inline void
unfence(struct tale *s)
{
    struct k_broker_registration_change_record r;
    codec_default(K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, &r);
    r.broker_id = 3;
    r.broker_epoch = 17;
    r.fenced = -1;
    add_metadata(s, K_MSG_BROKER_REGISTRATION_CHANGE_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

static inline void
fence(struct tale *s)
{
    struct k_fence_broker_record r;
    codec_default(K_MSG_FENCE_BROKER_RECORD, &r);
    r.id = 3;
    r.epoch = 17;
    add_metadata(s, K_MSG_FENCE_BROKER_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

static inline void
partition(struct tale *s, int32_t index)
{
    static int32_t replicas[] = {3, 4}, isr[] = {3};
    struct k_partition_record p;
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = index;
    p.replicas = replicas, p.replicas_n = 2;
    p.isr = isr, p.isr_n = 1;
    p.leader = 3;
    p.leader_epoch = p.partition_epoch = 4;
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
}

static inline void
topic(struct tale *s)
{
    struct k_topic_record t;
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id = topic_id;
    add_metadata(s, K_MSG_TOPIC_RECORD, 0, &t);
}

/* Broker 3 serves, and leads the only partition of orders; of its replicas 4 is missing. */
static inline void
begin(struct tale *s)
{
    wired_begin(s);
    broker(s);
    tale_commit(s, METADATA);
    unfence(s);
    topic(s);
    partition(s, 0);
    tale_commit(s, METADATA);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

/* ---- the wire ---- */

static inline void
ask(struct tale *s, int16_t api, int16_t version, const void *q)
{
    struct frame f;
    struct request_head head = {.api_key = api, .version = version};
    assert_true(frame_request(&s->mem, &arena, &head, q, &f));
    wired_hear(s, api, version, false, &f, answered_hear);
}

static inline void
answer(struct tale *s, int16_t api, int16_t version, const void *p)
{
    struct frame f;
    assert_true(frame_response(&s->mem, &arena, api, version, 0, p, &f));
    wired_hear(s, api, version, true, &f, answered_hear);
}

static inline void
judge(struct tale *s)
{
    answered_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    answered_judge(s->v, 5, s->m->index);
}

static inline void
talk(struct tale *s, int16_t api, int16_t version, const void *q, const void *p)
{
    ask(s, api, version, q);
    answer(s, api, version, p);
    judge(s);
}

static inline void
early(struct tale *s, const char *story)
{
    told_as(s, RULE_ANSWERED_EARLY, story);
}

#endif
