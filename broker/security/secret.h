/* Comparing what nobody may guess, and forgetting it. How long a comparison takes says nothing about where two texts
 * differ: else a password could be found letter by letter, by measuring. */
#ifndef SECURITY_SECRET_H
#define SECURITY_SECRET_H

#include "broker/base/slice.h"

/* Looks at every byte of what was given, however early it differs; its length is no secret of ours. */
bool secret_eq(struct slice given, struct slice secret);
/* Overwrites it before its memory is given back. That has to be the caller's own. */
void secret_forget(struct slice secret);

#endif
