/* Whether records that were written with one schema can be read with another: a part of what Avro and schema registries
 * do. No broker does this: brokers take any bytes, and a registry is a service of its own that clients ask.
 *
 * Schemas come parsed. Types do not contain themselves, names are without namespaces, and there are no aliases: those
 * three are what is left out. */
#ifndef LABS_EXERCISES_B10_COMPATIBLE_H
#define LABS_EXERCISES_B10_COMPATIBLE_H

#include <stdbool.h>
#include <stddef.h>

enum schema_type {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,    /* 32 bits */
    SCHEMA_LONG,   /* 64 bits */
    SCHEMA_FLOAT,  /* 32 bits */
    SCHEMA_DOUBLE, /* 64 bits */
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_ARRAY,  /* of items */
    SCHEMA_ENUM,   /* one of its symbols */
    SCHEMA_RECORD, /* of fields, in this order in the bytes */
    SCHEMA_UNION,  /* one of its branches; ["null", "int"] is an int that may be missing */
};

struct schema;

struct schema_field {
    const char *name;
    const struct schema *type;
    bool has_default; /* what the field is where what was written has none */
};

/* Only what belongs to its type is set. */
struct schema {
    enum schema_type type;
    const char *name; /* of an enum or a record */
    const struct schema_field *fields;
    int fields_n;
    const char *const *symbols;
    int symbols_n;
    bool has_default; /* of an enum: what a symbol becomes that it does not know */
    const struct schema *items;
    const struct schema *const *branches;
    int branches_n;
};

/* Whether whatever was written with `writer` can be read by somebody who expects `reader`:
 *
 *      the same simple type       yes
 *      a number                   if it becomes one with more room: int → long → float → double
 *      string and bytes           each as the other
 *      array                      if the items can be read
 *      enum                       of the same name, and each symbol is known, or there is a default
 *      record                     of the same name, and each field of the reader's is either among the writer's
 *                                 (of a type that can be read), or has a default. What else was written is passed over
 *      the writer's is a union    if each of its branches can be read
 *      the reader's is a union    if one of its branches can read it */
bool can_read(const struct schema *reader, const struct schema *writer);

enum compatibility {
    COMPATIBLE_NONE, /* anything goes */
    COMPATIBLE_BACKWARD, /* who has the new schema reads what was written with the last one: readers go first */
    COMPATIBLE_FORWARD, /* who has the last schema reads what is written with the new one: writers go first */
    COMPATIBLE_FULL, /* both */
};

/* Whether a schema may follow those before it, the oldest first. Without `transitive` only the last of them is looked at. */
bool may_follow(const struct schema *next, const struct schema *const *before, int n,
                enum compatibility mode, bool transitive);

#endif
