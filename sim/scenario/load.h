/* What the files that load a scenario share. */
#ifndef SIM_SCENARIO_LOAD_H
#define SIM_SCENARIO_LOAD_H

#include "broker/protocol/config.h"
#include "sim/scenario/table.h"

struct load {
    struct arena *a;
    struct diags *d;
    struct scenario *s;
    struct words bound; /* names given by `as` so far */
    /* A single step that is done now: it does not say when, and topics may be those of clients outside. */
    bool is_now;
    const struct load_options *options;
};

/* decode.c: a value, or a map of fields, into a struct. */
bool decode_value(struct load *l, const struct field *f, const struct tree *t, void *base);
/* Every key that is not a field of `a` or `b` (may be NULL) is an error, unless skip says it is known. */
void decode_map(struct load *l, const struct tree *map, const char *what, const struct fields *a,
                void *base_a, const struct fields *b, void *base_b);
bool decode_settings(struct load *l, const struct tree *t, enum config_scope scope,
                     struct settings *ret);
/* Settings that change at run time, of a topic or (args->alter_broker, of_default) of brokers; null: the default
 * again. */
void decode_changes(struct load *l, const struct tree *t, struct args *ret);
const struct field *field_find(const struct fields *f, struct slice name);
/* Checks that it is a map or a list, else an error. */
bool want_map(struct load *l, const struct tree *t, const char *what);
bool want_list(struct load *l, const struct tree *t, const char *what);

/* target.c */
bool decode_target(struct load *l, const struct tree *t, struct target *ret);
bool decode_sides(struct load *l, const struct tree *t, struct args *ret);
/* Names of machines, for advice. */
void words_of_machines(const struct load *l, struct words *w);
/* Says so if no such topic (with such a partition) is known. */
bool check_partition(struct load *l, struct partition_ref p, struct mark at);
bool check_topic(struct load *l, struct slice topic, struct mark at);

/* admin.c: what an administrator is to do, once all its words are read. */
void admin_decode(struct load *l, const struct tree *t, struct args *ret);
void admin_check(struct load *l, const struct step *s);
/* Is there such a topic, or has a step before made it; with so many partitions? -1: no such topic. */
int64_t admin_partitions(const struct load *l, struct slice topic);

/* ask_load.c: a question, once the step is read. */
void ask_check(struct load *l, const struct step *s);

/* frames_load.c: hold, delay, lose, break, repeat, answer. */
void frames_check(struct load *l, const struct step *s);

/* load.c */
bool client_name_is_taken(const struct load *l, struct slice name);

/* member_load.c: members of groups. */
void member_decode(struct load *l, const struct pair *p, struct client_spec *c);
void member_check(struct load *l, const struct pair *p, const struct client_spec *c);
/* One line stands for several: each becomes a client. */
void member_multiply(struct load *l, const struct client_spec *all);

/* steps.c */
void decode_timeline(struct load *l, const struct tree *t);
/* A condition is a map with one key of the table and its fields; more: further fields. */
bool decode_cond(struct load *l, const struct tree *t, const struct fields *more, struct cond *ret,
                 int32_t where);
enum { IN_WHEN = 1, IN_EVENTUALLY = 2, AT_END = 4 };

/* expect.c */
void decode_random(struct load *l, const struct tree *t);
void decode_expect(struct load *l, const struct tree *t);
void decode_catches(struct load *l, const struct tree *t);

/* extend.c */
struct tree *extend(struct load *l, const struct trees *docs, struct tree *doc, int32_t depth);
void apply_sets(struct load *l, struct tree *doc);

#endif
