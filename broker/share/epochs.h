/* Who may say something of a share partition. The state epoch is of its beginning: a group coordinator that begins it
 * anew (its offsets were altered) ends what leaders knew before. The leader epoch is of the partition: a leader that
 * was replaced, and has not heard of it, would undo what its successor wrote. */
#ifndef SHARE_EPOCHS_H
#define SHARE_EPOCHS_H

#include <stdint.h>

/* 0, FENCED_STATE_EPOCH or FENCED_LEADER_EPOCH. -1: not known, not said. */
int16_t share_epochs_check(int32_t known_state, int32_t known_leader, int32_t state,
                           int32_t leader);

#endif
