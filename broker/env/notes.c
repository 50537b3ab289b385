#include "broker/env/notes.h"

static const char *const spellings[] = {
#define X(id, spelling, fields) [NOTE_##id] = spelling,
    NOTE_KINDS(X)
#undef X
};

static const char *const field_names[] = {
#define X(id, spelling, fields) [NOTE_##id] = fields,
    NOTE_KINDS(X)
#undef X
};

const char *
note_spelling(enum note_kind kind)
{
    return spellings[kind];
}

const char *
note_fields(enum note_kind kind)
{
    return field_names[kind];
}
