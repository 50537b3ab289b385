/* The share coordinator (KIP-932): keeps what became of records in share groups, for the brokers that lead the
 * records' partitions.
 *
 * It is a state machine on the coordinator runtime (coordinator/coordinator.h), over __share_group_state. A share
 * partition (a group's view of one partition) has there a snapshot, and updates that came after it; its key
 * "group:topic id:partition" says which partition of the topic. Two epochs guard it: the state epoch, by which the
 * group coordinator began it (again), and the leader epoch of the partition, so that a leader that was replaced
 * cannot write any more. */
#ifndef SHARE_SHARES_H
#define SHARE_SHARES_H

#include "broker/base/uuid.h"
#include "broker/coordinator/coordinator.h"
#include "broker/share/state_batches.h"

#include "messages.h"

#define SHARES_TOPIC_NAME "__share_group_state"
#define SHARES_TOPIC S(SHARES_TOPIC_NAME)

struct shares;

struct shares *shares_new(struct env *env, const struct config *config, const struct image *image);
/* For group_setting.h. */
const struct coordinator *shares_settings(const struct shares *ss);
void shares_role_changed(struct shares *ss, struct partition *p);
/* Forgets what it knows of a topic that was deleted. */
void shares_topic_deleted(struct shares *ss, struct uuid topic);
void shares_stop(struct shares *ss);

/* "group:topic id:partition", in the arena. */
struct slice share_key(struct arena *a, struct slice group, struct uuid topic, int32_t partition);
/* Whether a text is one. */
bool share_key_is_valid(struct slice key);

/* Each answers with the response struct of its API, when what it says is committed. */
void shares_initialize(struct shares *ss, const struct k_initialize_share_group_state_request *q,
                       struct coordinator_call *call);
void shares_read(struct shares *ss, const struct k_read_share_group_state_request *q,
                 struct coordinator_call *call);
void shares_write(struct shares *ss, const struct k_write_share_group_state_request *q,
                  struct coordinator_call *call);
void shares_delete(struct shares *ss, const struct k_delete_share_group_state_request *q,
                   struct coordinator_call *call);
void shares_read_summary(struct shares *ss,
                         const struct k_read_share_group_state_summary_request *q,
                         struct coordinator_call *call);

#endif
