/* GR01, before KIP-62: a commit is taken from whoever sends it, whatever generation it knows of. */
#include "broker/group/commit_check.h"
#include "errors.h"
#include "tests/mutants/switches.h"

int16_t commit_check__right(struct group *g, int32_t generation, struct slice member_id,
                            struct slice instance_id);

int16_t
commit_check(struct group *g, int32_t generation, struct slice member_id, struct slice instance_id)
{
    if (is_on(GR01)) return K_ERR_NONE;
    return commit_check__right(g, generation, member_id, instance_id);
}
