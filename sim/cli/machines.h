/* The state machines that the broker declares, to be drawn. */
#ifndef SIM_CLI_MACHINES_H
#define SIM_CLI_MACHINES_H

#include "visualize/machine.h"

/* "transaction"; NULL: there is no such. */
const struct view_machine *machine_named(struct slice word);
/* "partition, role, group, transaction" */
const char *machine_names(void);

#endif
