/* What a row of the generated tables means. The schema's YAML becomes C structs (messages.h) and
 * these constant tables (messages.c); one interpreter over the tables decodes, encodes, measures,
 * prints, compares and invents every message in every version. (For the messages that travel most,
 * decoding and encoding are written out, too: straight.c.) Rows refer to each other by index, and
 * names by their place, so that these tables need no relocation.
 *
 *      message  ─►  its root struct  ─►  fields in order, then tagged fields by tag
 *                                          └─► item: another struct
 *
 * How a field lies in its C struct:
 *      bool, int8 … int64   the C type
 *      float64              uint64_t with the IEEE bits
 *      uuid                 struct uuid
 *      string, bytes        struct slice (p NULL: null)
 *      records              struct k_records
 *      struct               embedded
 *      nullable struct      pointer (NULL: null)
 *      array                pointer, then int32_t count (-1: null)
 */
#ifndef PROTOCOL_SCHEMA_H
#define PROTOCOL_SCHEMA_H

#include "broker/base/slice.h"
#include "broker/base/uuid.h"
#include "broker/env/buf.h"

struct file;

/* A run of record batches: bytes, or (only when sent) a range of a file. */
struct k_records {
    struct slice bytes; /* p NULL and file NULL: null */
    struct buf *buf;    /* when it holds `bytes`, an encoder with segments refers to it instead of
                           copying */
    struct file *file;
    int64_t offset, n; /* of the file's range */
};

/* Tagged fields that the schema does not know, kept as they came: tag, size and bytes of each. */
struct k_tags {
    struct slice bytes;
    int32_t n;
};

enum k_type {
    K_BOOL,
    K_INT8,
    K_INT16,
    K_UINT16,
    K_INT32,
    K_UINT32,
    K_INT64,
    K_FLOAT64,
    K_UUID,
    K_STRING,
    K_BYTES,
    K_RECORDS,
    K_STRUCT,
};

enum {
    K_ARRAY = 1,
    K_IGNORABLE = 2, /* a version that lacks the field drops its value silently */
    K_CLASSIC = 4,   /* keeps the old encoding in flexible versions */
    K_DEFAULT_NULL = 16,
    K_MAP_KEY = 32,
    K_POINTER = 64, /* a nullable struct */
};

/* Versions are [lo, hi]; 127 is open; lo > hi is none. */
struct k_field {
    uint32_t name;  /* in k_names */
    uint16_t at;    /* in the C struct */
    uint16_t item;  /* struct, for K_STRUCT */
    uint16_t value; /* default, in k_defaults */
    uint8_t type, flags;
    int8_t lo, hi, null_lo, null_hi;
    int8_t tag;
};

/* What a version of a struct is on the wire, step by step, with everything decided that depends on
 * the version alone: which fields there are, their lengths' form, whether they may be null. Decoding,
 * encoding and measuring follow these steps; what wants names and defaults reads the fields. */
enum k_step_op {
    K_STEP_END,  /* the struct ends */
    K_STEP_TAGS, /* it ends with tagged fields: the `item` steps that follow, by tag */
    K_STEP_BOOL,
    K_STEP_8,
    K_STEP_16,
    K_STEP_32,
    K_STEP_64,
    K_STEP_UUID,
    K_STEP_STRING,
    K_STEP_BYTES,
    K_STEP_RECORDS,
    K_STEP_STRUCT,  /* embedded */
    K_STEP_POINTER, /* a struct that may be null in some version */
    K_STEP_ARRAY,
    K_STEP_ABSENT, /* nothing: a field of other versions that must have its default */
    K_STEP_ROW,    /* the `field` steps that follow have fixed lengths, together `item` bytes */
};

enum {
    K_STEP_COMPACT = 1, /* the length, and those of an array's elements */
    K_STEP_NULLABLE = 2,
};

struct k_step {
    uint8_t op, flags;
    uint8_t item_op,
        item_least_bytes; /* of an array's elements: K_STEP_STRUCT or that of a scalar; the
                                          fewest bytes that one takes, 255 standing for more */
    uint16_t at;          /* in the C struct */
    uint16_t item;        /* struct */
    uint16_t field;       /* in k_fields, from the struct's first on */
};

#define K_NO_TAGS 0xffff

struct k_struct {
    uint32_t name;
    uint32_t size;        /* of the C struct */
    uint16_t first;       /* field */
    uint16_t n;           /* fields in order */
    uint16_t tagged;      /* fields after them */
    uint16_t unknown_at;  /* struct k_tags; K_NO_TAGS without */
    uint16_t programs_at; /* in k_programs: one for each version from lo */
    int8_t lo, hi, flexible;
};

enum k_kind {
    K_KIND_REQUEST,
    K_KIND_RESPONSE,
    K_KIND_HEADER,
    K_KIND_DATA,
    K_KIND_METADATA, /* records of the metadata log */
    K_KIND_KEY,      /* records of a coordinator's topic */
    K_KIND_VALUE,
};

struct k_message {
    uint32_t name;
    uint32_t folder;
    uint16_t root;   /* struct */
    int16_t api_key; /* or record type; -1 without */
    int8_t kind;
    int8_t lo, hi, flexible; /* flexible: first version with compact encoding and tags */
    bool unstable;           /* the last version is not final */
};

extern const char k_names[];
extern const struct k_field k_fields[];
extern const struct k_struct k_structs[];
extern const struct k_message k_messages[];
/* By struct: what it is by default, as bytes; NULL: all zero. */
extern const void *const k_images[];
extern const int64_t k_defaults[];
extern const uint16_t k_programs[]; /* the first step in k_steps */
extern const struct k_step k_steps[];

#endif
