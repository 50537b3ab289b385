/* A log is opened, and its files are found by their names: will a power loss leave these names? A process that was killed
 * may have made a file and not yet synced the directory: then only the page cache knows the name, and the process that
 * comes after it sees no difference. What is found counts as synced from the opening on, so unless the last process ended
 * in order, the directories are synced first (Kafka: needsFlushParentDir of a segment that needs recovery). Pure. */
#ifndef LOG_FOUND_NAMES_H
#define LOG_FOUND_NAMES_H

#include <stdbool.h>

bool found_names_are_durable(bool ended_in_order);

#endif
