/* The museum: mistakes by which a log broker lost, doubled, tore or withheld data, each with what it teaches and a
 * scenario in which it can be seen. Most are wrong versions of a rule, which only the test build has; a few
 * need no mistake in the code: a setting is enough. */
#ifndef SIM_CLI_MUSEUM_H
#define SIM_CLI_MUSEUM_H

#include <stdbool.h>

struct exhibit {
    const char *id;     /* of a wrong rule also the switch's name (--bug) */
    const char *title;  /* what goes wrong */
    const char *source; /* where it is documented */
    const char *right, *wrong;
    const char *teaches;
    const char *file, *scenario; /* in which it can be seen */
    /* NULL: it is a wrong rule. Else the scenario has the dangerous setting, and these, one a line, make it safe
     * (as --set does). */
    const char *safe_sets;
};

/* In the order of the list; the last has no id. */
extern const struct exhibit museum[];

static inline bool
exhibit_is_setting(const struct exhibit *e)
{
    return e->safe_sets != 0;
}

#endif
