#include "broker/log/settled_end.h"

#include "broker/base/check.h"

int64_t
settled_end(int64_t settled, int64_t written, int64_t synced, int64_t flush_messages)
{
    /* Kafka's append flushes before it returns when flush.messages or more are written and not synced. So
     * with 1 whatever was acknowledged (acks=1: by the leader; acks=all: by each replica in sync) is on
     * disk, and no power loss takes it; with n at most n - 1 of what a replica has said to have can go.
     * Who answers on `written` alone answers before that. A sync covers whole batches, so its end is a
     * place where an append ended. */
    if (written - synced < flush_messages) return written;
    return MAX(settled, synced);
}
