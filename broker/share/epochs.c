#include "broker/share/epochs.h"

#include "errors.h"

int16_t
share_epochs_check(int32_t known_state, int32_t known_leader, int32_t state, int32_t leader)
{
    if (leader != -1 && known_leader > leader) return K_ERR_FENCED_LEADER_EPOCH;
    if (state != -1 && known_state > state) return K_ERR_FENCED_STATE_EPOCH;
    return 0;
}
