#include "broker/group/offset_rules.h"

#include "errors.h" /* K_ERR_NONE, K_ERR_ILLEGAL_GENERATION … */

int16_t
commit_rule(const struct commit_view *c)
{
    /* Yours. As it stands whoever comes may commit. */
    (void)c;
    return K_ERR_NONE;
}

bool
offset_is_expired(const struct offset_view *o, int64_t retention_ms, int64_t now_ms)
{
    /* Yours. As it stands nothing is ever forgotten. */
    (void)o, (void)retention_ms, (void)now_ms;
    return false;
}
