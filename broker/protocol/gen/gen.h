/* The generator of the protocol's tables: a host program that reads schema/ and writes C.
 *
 *      gen SCHEMA_DIR OUT_DIR
 *
 *      yaml.c      files and nodes; errors with file, line and column
 *      model.c     messages, structs and fields, checked
 *      messages.c  messages.h, messages.c
 *      straight.c  straight.c
 *      states.c    what is made of each configuration, and the page about it
 *      tables.c    errors.h/.c, apis.h/.c, configs.h/.c, features.h/.c */
#ifndef PROTOCOL_GEN_GEN_H
#define PROTOCOL_GEN_GEN_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "broker/protocol/schema.h"
#include "broker/protocol/tables.h"

/* ---- yaml.c: the first mistake ends the program --------------------------------------------- */

struct doc {
    yaml_document_t yaml;
    char path[512];
};

struct doc *doc_load(const char *dir, const char *name);
yaml_node_t *doc_root(struct doc *d);
_Noreturn void doc_fail(const struct doc *d, const yaml_node_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL when the key is absent. */
yaml_node_t *map_get(struct doc *d, yaml_node_t *map, const char *key);
/* Fails when the key is absent. */
yaml_node_t *map_need(struct doc *d, yaml_node_t *map, const char *key);
/* Fails on a key that is not in the NULL-terminated list. */
void map_only(struct doc *d, yaml_node_t *map, const char *const *keys);
int seq_count(struct doc *d, yaml_node_t *seq);
yaml_node_t *seq_at(struct doc *d, yaml_node_t *seq, int i);
const char *node_text(struct doc *d, yaml_node_t *n);
long long node_int(struct doc *d, yaml_node_t *n);
bool node_bool(struct doc *d, yaml_node_t *n);
/* The plain scalar null, not the text "null". */
bool node_is_null(yaml_node_t *n);
/* With a default for an absent key. */
const char *map_text(struct doc *d, yaml_node_t *map, const char *key, const char *otherwise);
bool map_bool(struct doc *d, yaml_node_t *map, const char *key);

void *xalloc(size_t n);
char *xformat(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* FetchRequest → fetch_request or FETCH_REQUEST; dots and dashes become underscores. */
char *snake(const char *name);
char *upper(const char *name);
FILE *out_open(const char *dir, const char *name, const char *story);
void out_close(FILE *f);

/* ---- model.c -------------------------------------------------------------------------------- */

struct range {
    int lo, hi; /* 127: open; lo > hi: none */
};

struct strct;
struct field {
    const char *name, *c_name;
    enum k_type type;
    struct strct *item;
    bool is_array, is_classic, is_ignorable, is_map_key, default_null, has_default;
    struct range versions, nullable;
    int tag; /* -1 without */
    long long value;
};

struct strct {
    const char *name, *c_name;
    struct message *message;
    struct field *fields; /* tagged ones last, by tag */
    int n, tagged;
    int *order; /* fields as written, for the C struct */
    int state;  /* while looking for cycles */
    int index, first, programs_at;
    bool is_defined;
};

struct message {
    const char *name, *c_name, *folder;
    enum k_kind kind;
    int api_key;
    struct range versions;
    int flexible; /* 127: never */
    bool unstable;
    struct strct *root;
    struct strct *structs[64]; /* the root first */
    int structs_n;
    struct doc *doc;
};

extern struct message *messages[512];
extern int messages_n;

void model_load(const char *schema_dir);
/* The fewest bytes of an array's element in a version. */
int element_min_bytes(const struct field *f, int version, bool flexible);
/* As C has it: "struct k_fetch_request_fetch_topic". */
bool range_has(struct range r, int version);

/* ---- states.c -------------------------------------------------------------------------------- */

struct states;
struct config_state {
    enum k_config_state state;
    bool at_start;   /* heeded at the start only */
    const char *why; /* of what is heeded: the test */
};

struct states *states_load(const char *schema_dir);
/* Section: "broker" or "topic". */
struct config_state states_of(struct states *s, const char *section, const char *name);
/* Fails on a name that no configuration has. */
void states_check_names(struct states *s, struct doc *configs, const char *section);
FILE *page_open(const char *out);
void page_section(FILE *f, const char *title);
void page_row(FILE *f, const char *name, const char *value, const struct config_state *s);

/* ---- messages.c ----------------------------------------------------------------------------- */

/* It has room for unknown tags. */
bool has_tags(const struct strct *s);
/* By default it is not all zero. */
bool has_image(const struct strct *s);
/* Of one value: of an array, an element. */
const char *c_type(const struct field *f);
/* "K_INT32" */
const char *type_name(enum k_type type);
/* As the tables have them. */
int field_flags(const struct field *f);
/* 0: its length is not fixed. */
int fixed_bytes(const struct k_step *p);
/* After emit_messages(): what a version of a struct is on the wire, and where a step stands in k_steps. */
const struct k_step *program_of(const struct strct *s, int version);
int step_index(const struct k_step *step);

/* ---- emitters ------------------------------------------------------------------------------- */

void emit_messages(const char *out);
void emit_straight(const char *schema_dir, const char *out); /* after emit_messages() */
void emit_tables(const char *schema_dir, const char *out);

#endif
