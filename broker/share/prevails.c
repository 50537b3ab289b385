#include "broker/share/prevails.h"

bool
state_batch_prevails(const struct state_batch *news, const struct state_batch *known)
{
    if (news->count != known->count) return news->count > known->count;
    return news->state > known->state;
}
