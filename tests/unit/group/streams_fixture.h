/* A coordinator with a streams group (KIP-1071), heartbeats of its members, and the topics that it asks for. */
#ifndef TESTS_GROUP_STREAMS_FIXTURE_H
#define TESTS_GROUP_STREAMS_FIXTURE_H

#include <stdio.h>

#include "broker/coordinator/group_setting.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/record_frame.h"
#include "tests/unit/group/fixture.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_request_task_ids asked_tasks;
typedef struct k_streams_group_heartbeat_request_subtopology asked_sub;

/* Topics that somebody was asked to make. */
static struct {
    char name[8][32];
    int32_t partitions[8];
    int n;
} made;

static inline void
make_topic(void *owner, const struct internal_topic *t)
{
    (void)owner;
    for (int i = 0; i < made.n; i++)
        if (slice_eq(slice_cstr(made.name[i]), t->name)) return;
    memcpy(made.name[made.n], t->name.p, (size_t)t->name.n);
    made.name[made.n][t->name.n] = 0;
    made.partitions[made.n++] = t->partitions;
}

static inline int
streams_world(void **state)
{
    world_start(state);
    memset(&made, 0, sizeof made);
    groups_set_topic_maker(w.gs, make_topic, NULL);
    assert_true(
        config_set(&w.config, K_CFG_GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, S("0"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, S("0"), NULL));
    return 0;
}

/* Reads "orders", which has four partitions, and keeps a store. */
static inline struct k_streams_group_heartbeat_request_topology *
count_topology(int32_t epoch)
{
    struct k_streams_group_heartbeat_request_topology *t =
        ARENA_NEW(&w.arena, struct k_streams_group_heartbeat_request_topology);
    asked_sub *s = ARENA_NEW(&w.arena, asked_sub);
    s->subtopology_id = S("0");
    s->source_topics = ARENA_NEW(&w.arena, struct slice);
    s->source_topics[0] = S("orders");
    s->source_topics_n = 1;
    s->state_changelog_topics =
        ARENA_NEW(&w.arena, struct k_streams_group_heartbeat_request_topic_info);
    s->state_changelog_topics[0].name = S("app-changelog");
    s->state_changelog_topics_n = 1;
    *t = (struct k_streams_group_heartbeat_request_topology){epoch, s, 1};
    return t;
}

static inline request *
new_request(struct slice member, int32_t epoch)
{
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_STREAMS_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = member;
    q->member_epoch = epoch;
    q->endpoint_information_epoch = -1;
    if (epoch != 0) return q;
    q->rebalance_timeout_ms = REBALANCE_MS;
    q->topology = count_topology(0);
    q->process_id = member;
    q->active_tasks_n = q->standby_tasks_n = q->warmup_tasks_n = 0;
    return q;
}

/* Tasks of subtopology 0, by their partitions' digits. */
static inline void
owns(request *q, const char *active, const char *standby)
{
    q->active_tasks = ARENA_NEW(&w.arena, asked_tasks);
    q->standby_tasks = ARENA_NEW(&w.arena, asked_tasks);
    q->active_tasks_n = q->standby_tasks_n = 1;
    q->warmup_tasks_n = 0;
    const char *texts[] = {active, standby};
    for (int r = 0; r < 2; r++) {
        asked_tasks *to = r ? q->standby_tasks : q->active_tasks;
        to->subtopology_id = S("0");
        to->partitions = ARENA_ARRAY(&w.arena, int32_t, 8);
        for (const char *at = texts[r]; *at; at++) to->partitions[to->partitions_n++] = *at - '0';
    }
}

static inline const response *
send(request *q)
{
    struct call *c = call_new(1);
    groups_streams_heartbeat(w.gs, q, &c->c);
    settle();
    commit();
    return answer(c);
}

static inline const response *
join_streams(struct slice member)
{
    return send(new_request(member, 0));
}

static inline const response *
beat(struct slice member, int32_t epoch)
{
    return send(new_request(member, epoch));
}

static inline const response *
beat_with(struct slice member, int32_t epoch, const char *active, const char *standby)
{
    request *q = new_request(member, epoch);
    owns(q, active, standby);
    return send(q);
}

static inline struct streams_member *
member_of(struct slice id)
{
    return streams_member(group_find(w.shard, S("g")), id);
}

static inline struct group *
group(void)
{
    return group_find(w.shard, S("g"));
}

static inline int64_t
active_n(struct slice id)
{
    return member_of(id)->now.assigned.of[TASK_ACTIVE].n;
}

/* -1: nothing was said. */
static inline int32_t
told_active(const response *r)
{
    int32_t n = 0;
    for (int32_t i = 0; i < r->active_tasks_n; i++) n += r->active_tasks[i].partitions_n;
    return r->active_tasks_n < 0 ? -1 : n;
}

static inline bool
says(const response *r, enum streams_status status)
{
    for (int32_t i = 0; i < r->status_n; i++)
        if (r->status[i].status_code == (int8_t)status) return true;
    return false;
}

static inline void
topics_come(void)
{
    add_topic(S("app-changelog"), 9, 4);
    groups_topics_changed(w.gs, true);
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, streams_world, world_end)

#endif
