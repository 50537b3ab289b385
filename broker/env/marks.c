#include "broker/env/marks.h"

static const char *const mark_spellings[] = {
#define X(id, spelling, about) [MARK_##id] = spelling,
    MARKS(X)
#undef X
};

static const char *const mark_abouts[] = {
#define X(id, spelling, about) [MARK_##id] = about,
    MARKS(X)
#undef X
};

const char *
mark_spelling(enum mark_kind mark)
{
    return mark_spellings[mark];
}

const char *
mark_about(enum mark_kind mark)
{
    return mark_abouts[mark];
}
