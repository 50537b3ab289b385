#include "broker/controller/session.h"

bool
session_is_valid(int64_t last_contact_ns, int64_t now_ns, int64_t timeout_ns)
{
    return last_contact_ns != SESSION_NONE && now_ns - last_contact_ns < timeout_ns;
}

static enum broker_state
next_of_fenced(const struct heartbeat *h)
{
    if (h->wants_shutdown) return BROKER_SHUT_DOWN;
    /* No way back but a new incarnation: it would lead while nobody may elect it. */
    if (h->was_stopping) return BROKER_FENCED;
    /* It must know at least that it is registered under this epoch, or it would serve from a past. */
    if (!h->wants_fence && h->metadata_offset >= h->registered_offset) return BROKER_ACTIVE;
    return BROKER_FENCED;
}

static enum broker_state
next_of_active(const struct heartbeat *h)
{
    if (h->wants_fence) return h->wants_shutdown ? BROKER_SHUT_DOWN : BROKER_FENCED;
    if (!h->wants_shutdown) return BROKER_ACTIVE;
    return h->has_leaderships ? BROKER_STOPPING : BROKER_SHUT_DOWN;
}

enum broker_state
heartbeat_next(const struct heartbeat *h)
{
    switch (h->state) {
    case BROKER_FENCED: return next_of_fenced(h);
    case BROKER_ACTIVE: return next_of_active(h);
    case BROKER_STOPPING:
        if (h->has_leaderships || h->stopping_offset > h->lowest_active_offset)
            return BROKER_STOPPING;
        return BROKER_SHUT_DOWN;
    case BROKER_SHUT_DOWN: break;
    }
    return h->state;
}
