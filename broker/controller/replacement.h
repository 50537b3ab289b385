/* May a new process take the place of the one that is registered under its broker id?
 *
 * Two processes under one id would undo each other, so the first one must be gone. As in Kafka it counts as gone
 * when its session has ended, or when it was on its way out (in controlled shutdown).
 *
 * One more case needs no session: the broker of the controller's own process, where this process is the whole
 * quorum. After a kill -9 it would otherwise wait for the end of its own session, which nobody keeps alive: a new
 * controller only grants each broker a fresh one, without having heard of it. Why it is safe:
 *
 *  - The registered process held the lock of its log directories, and this process holds the locks of the same
 *    directories (by their ids) now. So it is dead, or it runs on a copy of them on another host.
 *  - One that runs elsewhere would have to be registered with this very controller. As long as this node is the
 *    quorum's only voter, there was never another controller than its former processes; each of them had its own
 *    broker registered, in the same process, whose session cannot end while the controller lives. So what is
 *    registered is the broker of the former process, and that is dead.
 *  - Should that be wrong all the same, and one of the kind has been heard from in this controller's time, it
 *    lives: then its session counts.
 *
 * With several voters another controller may have let a copy in while this node was down: there the session must
 * end. Whoever waits for that says so (node/lifecycle.c). */
#ifndef CONTROLLER_REPLACEMENT_H
#define CONTROLLER_REPLACEMENT_H

#include <stdbool.h>

struct replacement {
    bool is_same;      /* the same process registers again */
    bool was_stopping; /* the registered one is in controlled shutdown … */
    bool has_session;  /* … or may be alive, … */
    bool was_heard;    /* … and was heard from in this controller's time */
    bool is_own;       /* the new one runs in the process of the controller, the only voter, … */
    bool holds_same_dirs; /* … which has locked all log directories of the registered one */
};

bool may_replace(const struct replacement *r);

#endif
