#include "sim/cli/machines.h"

#include "broker/base/check.h"
#include "broker/group/group.h"
#include "broker/replica/partition_life.h"
#include "broker/txn/data.h"

/* The code's own tables are asked for each arrow; here stand only names, and where the boxes are. */

static bool
life(int from, int to)
{
    return partition_life_may_follow((enum partition_life)from, (enum partition_life)to);
}

static bool
role(int from, int to)
{
    return partition_role_may_follow((enum partition_role)from, (enum partition_role)to);
}

static bool
group(int from, int to)
{
    return group_state_may_follow((enum group_state)from, (enum group_state)to);
}

static bool
transaction(int from, int to)
{
    return txn_state_may_move((enum txn_state)from, (enum txn_state)to);
}

static const struct view_state lives[] = {
    [PARTITION_OPENING] = {"opening", 0, 0}, [PARTITION_ASIDE] = {"aside", 0, 1},
    [PARTITION_OPEN] = {"open", 1, 0},       [PARTITION_CUTTING] = {"cutting", 2, 0},
    [PARTITION_DOOMED] = {"doomed", 1, 1},   [PARTITION_DROPPED] = {"dropped", 2, 1},
};
static const struct view_state roles[] = {
    [PARTITION_NONE] = {"none", 0, 0},
    [PARTITION_FOLLOWER] = {"follower", 1, 0},
    [PARTITION_LEADER] = {"leader", 1, 1},
    [PARTITION_OFFLINE] = {"offline", 0, 1},
};
static const struct view_state groups[] = {
    [GROUP_EMPTY] = {"Empty", 0, 0},
    [GROUP_PREPARING] = {"PreparingRebalance", 1, 0},
    [GROUP_COMPLETING] = {"Completing", 1, 1},
    [GROUP_STABLE] = {"Stable", 2, 1},
    [GROUP_DEAD] = {"Dead", 0, 2},
};
static const struct view_state transactions[] = {
    [TXN_EMPTY] = {"Empty", 0, 1},
    [TXN_ONGOING] = {"Ongoing", 1, 1},
    [TXN_PREPARE_COMMIT] = {"PrepareCommit", 2, 0},
    [TXN_PREPARE_ABORT] = {"PrepareAbort", 2, 2},
    [TXN_COMPLETE_COMMIT] = {"CompleteCommit", 3, 0},
    [TXN_COMPLETE_ABORT] = {"CompleteAbort", 3, 2},
    [TXN_DEAD] = {"Dead", 4, 1},
};

static const struct {
    const char *word;
    struct view_machine m;
} machines[] = {
    {"partition",
     {"The life of a partition on a broker", "What may be done with its log", lives,
      ARRAY_LEN(lives), life}},
    {"role",
     {"The role of a replica", "What the metadata log makes of it", roles, ARRAY_LEN(roles), role}},
    {"group",
     {"The state of a classic group", "A round of joining and assigning, again and again", groups,
      ARRAY_LEN(groups), group}},
    {"transaction",
     {"The state of a transaction, as its coordinator has it",
      "Once it is prepared it is decided: it can only be completed", transactions,
      ARRAY_LEN(transactions), transaction}},
};

const struct view_machine *
machine_named(struct slice word)
{
    for (int i = 0; i < ARRAY_LEN(machines); i++)
        if (slice_eq(word, slice_cstr(machines[i].word))) return &machines[i].m;
    return NULL;
}

const char *
machine_names(void)
{
    return "partition, role, group, transaction";
}
