/* Three real nodes in a simulated world, with the settings that each needs to find the others. Either b1, b2 and b3, each
 * both broker and voter, or the controller k1 (node 101) with the brokers b1 and b2. */
#ifndef TESTS_LIB_NODES_H
#define TESTS_LIB_NODES_H

#include "broker/node/node.h"
#include "sim/world/world.h"

#define NODES 3

/* Those that were added, NULL before. Of the first kind b1 is 0; of the second the controller is. */
extern struct machine *nodes[NODES];
enum { K1, B1, B2 };

/* As before the first: no settings, no nodes. Between two worlds. */
void nodes_forget(void);

/* A setting of a node that is added after this. `name` is a literal, `value` is copied. */
void nodes_set(int i, const char *name, const char *value);

/* Starts a node, with what was set for it. */
void nodes_add_voter(struct world *w, int i);
void nodes_add_apart(struct world *w, int i, struct slice cluster_id);

/* NULL while it starts. */
struct node *nodes_get(int i);

#define NODES_CLUSTER_ID S("AAAAAAAAAAAAAAAAAAAAAg")

#endif
