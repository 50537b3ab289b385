/* A broker's life as the controller sees it (KIP-631): it has a session while its heartbeats come, and
 * a state that each heartbeat may change.
 *
 *     FENCED ──caught up with its own registration──► ACTIVE ──wants to shut down──► STOPPING
 *       ▲  │                                            │                              │
 *       │  └──wants to shut down──► SHUT_DOWN ◄─────────┴─ leads nothing, and all know ┘
 *       └──── session over, or it asks to be fenced ────┘                               */
#ifndef CONTROLLER_SESSION_H
#define CONTROLLER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

/* Never heard from: no session. */
#define SESSION_NONE (-1)

bool session_is_valid(int64_t last_contact_ns, int64_t now_ns, int64_t timeout_ns);

enum broker_state {
    BROKER_FENCED,
    BROKER_ACTIVE,
    BROKER_STOPPING,  /* controlled shutdown: leaderships are being moved away */
    BROKER_SHUT_DOWN, /* may go; fenced */
};

struct heartbeat {
    enum broker_state state; /* as it is: one of the first three */
    bool wants_fence, wants_shutdown;
    bool was_stopping;         /* fenced in or after its controlled shutdown, in this incarnation */
    int64_t metadata_offset;   /* up to which it has applied */
    int64_t registered_offset; /* of its registration record */
    bool has_leaderships;
    /* Controlled shutdown: the last record that moved something away, and how far the slowest active
     * broker has applied; only then will nobody ask the leaving broker any more. */
    int64_t stopping_offset, lowest_active_offset;
};

enum broker_state heartbeat_next(const struct heartbeat *h);

#endif
