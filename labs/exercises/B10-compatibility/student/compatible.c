#include "labs/exercises/B10-compatibility/compatible.h"

bool
can_read(const struct schema *reader, const struct schema *writer)
{
    /* Yours. As it stands only the very same thing can be read. */
    return reader == writer;
}

bool
may_follow(const struct schema *next, const struct schema *const *before, int n,
           enum compatibility mode, bool transitive)
{
    /* Yours. As it stands anything may follow. */
    (void)next, (void)before, (void)n, (void)mode, (void)transitive;
    return true;
}
