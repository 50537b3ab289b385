/* A YAML file as a tree that knows where everything stands. Made from libyaml's events, so every scalar
 * stays the text that it is: nobody turns `no` into false or 1:30 into 90.
 *
 * What YAML allows and scenarios do not: anchors, aliases and merge keys, tags, a key twice, keys that are
 * not plain words, nesting deeper than 12. */
#ifndef SIM_SCENARIO_TREE_H
#define SIM_SCENARIO_TREE_H

#include "sim/scenario/diag.h"

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    struct mark mark;
    struct slice text;   /* of TREE_TEXT */
    struct pair *pairs;  /* of TREE_MAP */
    struct tree **items; /* of TREE_LIST */
    int32_t n;
};

struct pair {
    struct slice key;
    struct mark mark;
    struct tree *value;
};

struct trees {
    struct tree **v; /* one for each document */
    int32_t n;
};

/* What is malformed goes to diags; the documents before it are there. */
struct trees tree_parse(struct arena *a, const struct source *s, struct diags *d);
/* NULL: there is no such key. */
struct tree *tree_get(const struct tree *map, struct slice key);
/* Adds or replaces. */
void tree_put(struct arena *a, struct tree *map, struct slice key, struct mark at,
              struct tree *value);
struct tree *tree_text(struct arena *a, struct slice text, struct mark at);
struct tree *tree_map(struct arena *a, struct mark at);
/* Maps merge, everything else of `over` replaces. Neither is changed. */
struct tree *tree_merge(struct arena *a, const struct tree *base, const struct tree *over);
/* Nothing of it is shared. */
struct tree *tree_copy(struct arena *a, const struct tree *t);
/* A document as YAML; its `extends` is left out. */
void tree_print(const struct tree *doc, struct writer *w);

#endif
