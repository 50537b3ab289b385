/* Which names a topic may have: 1 to 249 characters of a-z A-Z 0-9 . _ - and neither "." nor "..".
 * Metrics write '.' as '_', so names that differ only there collide. */
#ifndef CONTROLLER_TOPIC_NAME_H
#define CONTROLLER_TOPIC_NAME_H

#include "broker/base/bytes.h"

#define TOPIC_NAME_MAX_BYTES 249

/* True if it may be used; otherwise says why. */
bool topic_name_check(struct slice name, struct writer *why);
/* The topics that brokers keep for themselves. */
bool topic_name_is_internal(struct slice name);
bool topic_name_can_collide(struct slice name);
bool topic_names_collide(struct slice a, struct slice b);

#endif
