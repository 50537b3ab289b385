/* RE13, before KIP-966: the last replica in sync stays so whatever happens to it. */
#include "broker/controller/elr.h"
#include "tests/mutants/switches.h"

struct elr_change elr_change__right(const struct elr_question *q, struct arena *arena);

struct elr_change
elr_change(const struct elr_question *q, struct arena *arena)
{
    struct elr_question wrong = *q;
    wrong.elr_enabled = false;
    return elr_change__right(is_on(RE13) ? &wrong : q, arena);
}
