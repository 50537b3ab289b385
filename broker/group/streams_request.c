/* What a StreamsGroupHeartbeat may say, whatever the group is. */
#include "broker/base/check.h"
#include "broker/group/streams_group.h"
#include "errors.h"

typedef struct k_streams_group_heartbeat_request request;

static bool
is_blank_text(struct slice s)
{
    return s.p && slice_trim(s).n == 0;
}

static struct slice
check_first(const request *q)
{
    if (q->rebalance_timeout_ms == -1)
        return S("RebalanceTimeoutMs must be provided in first request.");
    if (q->active_tasks_n > 0) return S("ActiveTasks must be empty when (re-)joining.");
    if (q->standby_tasks_n > 0) return S("StandbyTasks must be empty when (re-)joining.");
    if (q->warmup_tasks_n > 0) return S("WarmupTasks must be empty when (re-)joining.");
    if (!q->topology) return S("Topology must be non-null when (re-)joining.");
    return SLICE_NULL;
}

static struct slice
check_roles(const request *q)
{
    bool says_any = q->active_tasks_n >= 0 || q->standby_tasks_n >= 0 || q->warmup_tasks_n >= 0;
    bool says_all = q->active_tasks_n >= 0 && q->standby_tasks_n >= 0 && q->warmup_tasks_n >= 0;
    return says_any && !says_all ? S("If one task-type is non-null, all must be non-null.")
                                 : SLICE_NULL;
}

/* KIP-1071 has them; Apache Kafka 4.4 does not serve them yet, and its clients send none. */
static bool
has_regex(const request *q)
{
    for (int32_t i = 0; q->topology && i < q->topology->subtopologies_n; i++)
        if (q->topology->subtopologies[i].source_topic_regex_n > 0) return true;
    return false;
}

static struct slice
check_said(const request *q)
{
    struct slice why = SLICE_NULL;
    if (has_regex(q)) return S("Regular expressions for source topics are not supported yet.");
    if (is_blank_text(q->member_id)) return S("MemberId can't be empty.");
    if (is_blank_text(q->group_id)) return S("GroupId can't be empty.");
    if (is_blank_text(q->instance_id)) return S("InstanceId can't be empty.");
    if (is_blank_text(q->rack_id)) return S("RackId can't be empty.");
    if (q->member_epoch == EPOCH_JOIN) why = check_first(q);
    else if (q->member_epoch == EPOCH_LEAVE_STATIC && !q->instance_id.p)
        why = S("InstanceId can't be null.");
    else if (q->member_epoch < EPOCH_LEAVE_STATIC)
        why = S("MemberEpoch must be greater than or equal to -2.");
    if (!why.p) why = check_roles(q);
    if (!why.p && q->member_epoch != EPOCH_JOIN && q->topology)
        why = S("Topology can only be provided when (re-)joining.");
    return why;
}

int16_t
streams_request_check(const request *q, struct arena *a, topology **ret_topology, struct slice *why)
{
    *ret_topology = NULL;
    /* Before anything is made of it. */
    if (q->topology && q->topology->subtopologies_n > SUBTOPOLOGIES_MAX) {
        *why = S("The topology has too many subtopologies.");
        return K_ERR_STREAMS_INVALID_TOPOLOGY;
    }
    *why = check_said(q);
    if (why->p) return K_ERR_INVALID_REQUEST;
    if (!q->topology) return 0;
    *ret_topology = ARENA_NEW(a, topology);
    topology_of_request(q->topology, a, *ret_topology);
    return topology_check(*ret_topology, a, why);
}
