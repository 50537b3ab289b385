/* Base64 (RFC 4648), the standard alphabet with padding: strictly one spelling for each run of bytes. */
#ifndef SECURITY_BASE64_H
#define SECURITY_BASE64_H

#include "broker/base/arena.h"

/* Into the arena. False: it is none. */
bool base64_read(struct slice text, struct arena *a, struct slice *ret);

#endif
