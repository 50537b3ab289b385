#include "broker/env/marks.h"

static const char *const mark_spellings[] = {
#define X(id, spelling, about) [MARK_##id] = spelling,
    MARKS(X)
#undef X
};

const char *
mark_spelling(enum mark_kind mark)
{
    return mark_spellings[mark];
}
