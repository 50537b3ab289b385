/* flush.messages: how far a log's appends may be answered. Pure. */
#ifndef LOG_SETTLED_END_H
#define LOG_SETTLED_END_H

#include <stdint.h>

/* `settled`: the settled end so far; it never goes back. */
int64_t settled_end(int64_t settled, int64_t written, int64_t synced, int64_t flush_messages);

#endif
