/* A coordinator with a group of the consumer protocol (KIP-848), and heartbeats of its members. */
#ifndef TESTS_GROUP_CONSUMER_FIXTURE_H
#define TESTS_GROUP_CONSUMER_FIXTURE_H

#include <stdlib.h>

#include "broker/group/consumer.h"
#include "broker/protocol/record_frame.h"
#include "broker/work/work.h"
#include "tests/unit/group/fixture.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;
typedef struct k_consumer_group_heartbeat_request_topic_partitions owned_topic;

#define ORDERS ((struct uuid){{2}})

struct beat {
    const char *id, *instance;
    int32_t epoch;
    const int32_t *owned; /* of "orders", ended by -1; NULL: not said */
    bool keeps;           /* says nothing but its id and epoch */
    struct slice topic, assignor, regex;
    int16_t version;
};
#define OWNS(...) ((const int32_t[]){__VA_ARGS__, -1})
#define OWNS_NONE ((const int32_t[]){-1})

static inline struct call *
beat_call(struct beat b)
{
    struct call *c = call_new(b.version ? b.version : 1);
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = slice_cstr(b.id);
    q->member_epoch = b.epoch;
    q->instance_id = b.instance ? slice_cstr(b.instance) : SLICE_NULL;
    if (b.owned) {
        int32_t n = 0;
        while (b.owned[n] >= 0) n++;
        q->topic_partitions = ARENA_NEW(&w.arena, owned_topic);
        q->topic_partitions_n = n ? 1 : 0;
        q->topic_partitions->topic_id = ORDERS;
        q->topic_partitions->partitions = ARENA_ARRAY(&w.arena, int32_t, n);
        for (int32_t i = 0; i < n; i++) q->topic_partitions->partitions[i] = b.owned[i];
        q->topic_partitions->partitions_n = n;
    }
    if (!b.keeps && b.epoch >= 0) {
        q->rebalance_timeout_ms = REBALANCE_MS;
        q->server_assignor = b.assignor;
        q->subscribed_topic_regex = b.regex;
        if (!b.regex.p) {
            q->subscribed_topic_names = ARENA_NEW(&w.arena, struct slice);
            *q->subscribed_topic_names = b.topic.p ? b.topic : S("orders");
            q->subscribed_topic_names_n = 1;
        }
    }
    groups_consumer_heartbeat(w.gs, q, &c->c);
    return c;
}

static inline const response *
beat(struct beat b)
{
    struct call *c = beat_call(b);
    settle();
    if (w.gs->gatherings.n > 0) gather();
    commit();
    return answer(c);
}

static inline const response *
joins(const char *id)
{
    return beat((struct beat){.id = id, .owned = OWNS_NONE});
}

static inline const response *
goes_on(const char *id, int32_t epoch, const int32_t *owned)
{
    return beat((struct beat){.id = id, .epoch = epoch, .owned = owned, .keeps = true});
}

static inline int32_t
given(const response *r)
{
    int32_t n = 0;
    assert_int_equal(r->error_code, 0);
    if (!r->assignment) return -1;
    for (int32_t i = 0; i < r->assignment->topic_partitions_n; i++)
        n += r->assignment->topic_partitions[i].partitions_n;
    return n;
}

/* The interval between two assignments, and a bit. */
static inline void
pause(void)
{
    pass_ms(1100);
}

static inline const struct k_consumer_group_describe_response_described_group *
described(void)
{
    struct k_consumer_group_describe_response_described_group *d =
        codec_array(&w.arena, K_STRUCT_CONSUMER_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, 1);
    groups_consumer_describe(w.gs, S("g"), &w.arena, d);
    return d;
}
#define assert_consumer_state(text) assert_slice(described()->group_state, text)

static inline struct group *
the_group(void)
{
    return group_find(w.shard, S("g"));
}

/* Two members, each with two of the four partitions. */
static inline void
settle_two(void)
{
    assert_int_equal(given(joins("a")), 4);
    pause();
    const response *b = joins("b");
    assert_int_equal(b->error_code, 0);
    int32_t epoch = b->member_epoch;
    const response *a = goes_on("a", epoch - 1, OWNS(0, 1, 2, 3));
    assert_int_equal(given(a), 2);
    assert_int_equal(a->member_epoch, epoch - 1);
    a = goes_on("a", epoch - 1, OWNS(0, 1));
    assert_int_equal(a->member_epoch, epoch);
    b = goes_on("b", epoch, NULL);
    assert_int_equal(given(b), 2);
    assert_consumer_state("Stable");
}

/* What the other threads would do. */
static inline void
do_work(void)
{
    for (int64_t i = 0; i < w.env.effects.n; i++) {
        struct op *op = w.env.effects.v[i].op;
        struct work_result r;
        if (w.env.effects.v[i].kind != EF_OP || op->kind != OP_WORK) continue;
        enum env_err err =
            work_run(op->work, op->codec, op->level, op->segs, op->segs_n, op->offset, &r);
        struct event ev = {.kind = EV_DONE,
                           .now_ns = w.env.now_ns,
                           .wall_ms = w.env.wall_ms,
                           .op = op,
                           .err = err,
                           .buf = err ? NULL : buf_copy(&w.env.mem, slice(r.p, r.n))};
        w.env.effects.v[i].kind = EF_PAUSE; /* anything but what it was: it is done */
        free(r.p);
        env_deliver(&w.env, &ev);
        i = -1;
    }
    env_effects_clear(&w.env);
    settle();
    commit();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

#endif
