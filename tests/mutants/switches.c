#include "tests/mutants/switches.h"

#include <string.h>

#include "sim/cli/cli.h"

static const char *const names[MUTANTS_N] = {"RE01", "RE08", "RE10", "RE13", "RE14", "RE33",
                                             "RE34", "KR01", "TX01", "ST01", "GR01", "GR02"};
static int on = -1;

bool
is_on(enum mutant m)
{
    return on == (int)m;
}

bool
bug_on(const char *id)
{
    for (int i = 0; i < MUTANTS_N; i++)
        if (strcmp(names[i], id) == 0) on = i;
    return on >= 0;
}

const char *
bug_name(int i)
{
    return i < MUTANTS_N ? names[i] : NULL;
}
