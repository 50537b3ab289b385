#include "broker/controller/leader_choice.h"

struct leader_choice
leader_choose(const struct leader_question *q)
{
    /* Yours. As it stands a partition that loses its leader never gets another. */
    (void)q;
    return (struct leader_choice){.leader = NO_LEADER};
}
