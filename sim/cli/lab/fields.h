/* Reads the maps of a YAML file by tables of their keys; whatever is wrong is said with file, line and column, all at
 * once. */
#ifndef SIM_CLI_LAB_FIELDS_H
#define SIM_CLI_LAB_FIELDS_H

#include "sim/cli/cli.h"
#include "sim/scenario/tree.h"

struct fields {
    struct desk *d;
    struct diags diags;
    void *whole; /* what the reader of a key may need beside its own map's struct */
};

struct field {
    const char *name;
    void (*read)(struct fields *r, const struct tree *t, void *into);
    bool is_needed;
};

/* The file's one document; NULL, and said. */
const struct tree *fields_open(struct fields *r, struct desk *d, const char *path);
/* The same of a text that was read; it stays where it is. */
const struct tree *fields_parse(struct fields *r, struct desk *d, struct source *s);
/* False, and said: there were mistakes. */
bool fields_close(struct fields *r);

/* Each key by its row; what is missing and what is too much. */
void fields_map(struct fields *r, const struct tree *t, const char *what, const struct field *keys,
                int n, void *into);
/* A text; empty, and said: it is none. */
struct slice fields_text(struct fields *r, const struct tree *t);
bool fields_number(struct fields *r, const struct tree *t, double *ret);
struct slice *fields_list(struct fields *r, const struct tree *t, int32_t *ret_n);

#endif
