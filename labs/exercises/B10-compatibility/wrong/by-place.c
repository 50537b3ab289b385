/* rule: order
 * Fields are found by their place. */
#include "labs/exercises/B10-compatibility/compatible.h"

#include <string.h>

static bool
becomes(enum schema_type from, enum schema_type to)
{
    switch (from) {
    case SCHEMA_INT: return to == SCHEMA_LONG || to == SCHEMA_FLOAT || to == SCHEMA_DOUBLE;
    case SCHEMA_LONG: return to == SCHEMA_FLOAT || to == SCHEMA_DOUBLE;
    case SCHEMA_FLOAT: return to == SCHEMA_DOUBLE;
    case SCHEMA_STRING: return to == SCHEMA_BYTES;
    case SCHEMA_BYTES: return to == SCHEMA_STRING;
    case SCHEMA_NULL:
    case SCHEMA_BOOLEAN:
    case SCHEMA_DOUBLE:
    case SCHEMA_ARRAY:
    case SCHEMA_ENUM:
    case SCHEMA_RECORD:
    case SCHEMA_UNION: break;
    }
    return false;
}

static bool
knows_symbols(const struct schema *reader, const struct schema *writer)
{
    if (reader->has_default) return true;
    for (int i = 0; i < writer->symbols_n; i++) {
        int k = 0;
        while (k < reader->symbols_n && strcmp(reader->symbols[k], writer->symbols[i]) != 0) k++;
        if (k == reader->symbols_n) return false;
    }
    return true;
}

static bool
has_fields(const struct schema *reader, const struct schema *writer)
{
    for (int i = 0; i < reader->fields_n; i++) {
        const struct schema_field *f = &reader->fields[i];
        int k = i < writer->fields_n && strcmp(writer->fields[i].name, f->name) == 0
                  ? i
                  : writer->fields_n;
        if (k == writer->fields_n && !f->has_default) return false;
        if (k < writer->fields_n && !can_read(f->type, writer->fields[k].type)) return false;
    }
    return true;
}

bool
can_read(const struct schema *reader, const struct schema *writer)
{
    if (writer->type == SCHEMA_UNION) {
        for (int i = 0; i < writer->branches_n; i++)
            if (!can_read(reader, writer->branches[i])) return false;
        return true;
    }
    if (reader->type == SCHEMA_UNION) {
        for (int i = 0; i < reader->branches_n; i++)
            if (can_read(reader->branches[i], writer)) return true;
        return false;
    }
    if (reader->type != writer->type) return becomes(writer->type, reader->type);
    if (reader->type == SCHEMA_ARRAY) return can_read(reader->items, writer->items);
    if (reader->type == SCHEMA_ENUM)
        return strcmp(reader->name, writer->name) == 0 && knows_symbols(reader, writer);
    if (reader->type == SCHEMA_RECORD)
        return strcmp(reader->name, writer->name) == 0 && has_fields(reader, writer);
    return true;
}

bool
may_follow(const struct schema *next, const struct schema *const *before, int n,
           enum compatibility mode, bool transitive)
{
    bool backward = mode == COMPATIBLE_BACKWARD || mode == COMPATIBLE_FULL;
    bool forward = mode == COMPATIBLE_FORWARD || mode == COMPATIBLE_FULL;
    for (int i = transitive || n == 0 ? 0 : n - 1; i < n; i++) {
        if (backward && !can_read(next, before[i])) return false;
        if (forward && !can_read(before[i], next)) return false;
    }
    return true;
}
