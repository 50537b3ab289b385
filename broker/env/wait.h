/* Somebody is waited for: a controller, a leader, the end of a session. Who waits for long says for whom and
 * why: one line after five seconds, then again more and more rarely (10, 20, 40 seconds … ten minutes apart), and
 * one when it is over. A node that waits in silence looks like one that has died.
 *
 *     wait_init(&w, env, "the leader of the quorum", why);
 *     wait_begin(&w);        each time that it turns out to be missing; harmless while it is on
 *     wait_end(&w);          it is there
 *
 *     warn  waits for the leader of the quorum (5 s): 2@[::1]:9093: connection refused
 *     info  has the leader of the quorum, after 37 s
 *
 * It decides nothing. */
#ifndef ENV_WAIT_H
#define ENV_WAIT_H

#include "broker/base/fmt.h"
#include "broker/env/env.h"

struct wait {
    struct env *env;
    const char *what;
    /* May be NULL. Tells why; false: there is nothing to tell now, or somebody else tells it. */
    bool (*why)(struct wait *w, struct writer *ret);
    struct timer timer;
    int64_t since_ns, pause_ns;
    bool is_on, was_told;
};

void wait_init(struct wait *w, struct env *env, const char *what,
               bool (*why)(struct wait *w, struct writer *ret));
void wait_begin(struct wait *w);
/* As wait_begin(), but the first line comes at once: it is known that this takes long. */
void wait_begin_told(struct wait *w);
/* Harmless when it is not on. */
void wait_end(struct wait *w);
/* Nobody waits any more, nor has got it. */
void wait_cancel(struct wait *w);
static inline bool
wait_is_on(const struct wait *w)
{
    return w->is_on;
}

#endif
