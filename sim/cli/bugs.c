/* No wrong version of a rule is linked into this program. */
#include "sim/cli/cli.h"

bool
bug_on(const char *id)
{
    return !id;
}

const char *
bug_name(int i)
{
    (void)i;
    return NULL;
}
