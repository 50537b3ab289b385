/* What messages said and what disks did (inside.c), for facts.c. */
#ifndef SIM_CLI_LAB_INSIDE_H
#define SIM_CLI_LAB_INSIDE_H

#include "sim/cli/lab/query.h"

/* As facts_each(), of QUERY_ERRORS, QUERY_BATCHES and QUERY_DISK. */
bool inside_each(struct desk *d, struct slice folder, enum query_source source, struct slice name,
                 fact_fn *each, void *ctx);
/* The names that such a source knows, beside `any`. */
void inside_words(enum query_source source, struct words *known);

#endif
