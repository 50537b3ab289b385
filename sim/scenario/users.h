/* Users of a cluster: names and passwords that clients may show (SASL). With users each broker has a listener USERS for
 * the scenario's own clients, and who comes from outside must show who he is; nodes among themselves, and clients without
 * `user`, go on as ever. */
#ifndef SIM_SCENARIO_USERS_H
#define SIM_SCENARIO_USERS_H

#include "broker/node/node.h"
#include "sim/scenario/load.h"

struct run;
struct client_spec;
struct client_params;

/* ---- loading ---- */

void users_decode(struct load *l, const struct tree *t);
/* "alice" or "User:alice"; if not, says so at the mark. */
bool user_is_known(struct load *l, struct slice name, struct mark mark);

/* ---- running ---- */

enum { USERS_PORT = 9094 };
#define USERS_SETTINGS_MAX 7
/* Settings of a broker whose listeners have users; how many there are. */
int32_t users_settings(const struct run *r, struct node_setting *ret);
/* What a client of the scenario begins with. */
struct client_params users_client(const struct run *r, const struct client_spec *c);

#endif
