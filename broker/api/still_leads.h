/* Does this broker still lead a partition? Who answers from what it remembers must know that nobody else has led meanwhile.
 *
 * A leader that stood still for longer than its session (its process was paused, its machine stalled) wakes up and knows of
 * nothing. What it appends nobody confirms; but what it answers from memory may be long out of date. So it asks those who
 * might have been elected instead of it, which are the others of its ISR: who follows it in its epoch has followed nobody
 * else, and leads nothing.
 *
 *      asked ──► fetches that wait are answered ──► each comes again, in this epoch ──► proven
 *                (who has none waiting is answered at once when it comes, and comes again)
 *
 * A fetch proves this only if it was sent after the question: it comes, on one connection, behind an answer that was given
 * after it, and replicas send one fetch at a time. What else comes may have lain in the buffers of who slept.
 *
 * It costs a round trip or two, and nothing where nobody else is in the ISR. Neither clocks nor controllers are asked: a
 * lease by heartbeats would be free, but it would stop a cluster whose controllers are away, and would know nothing of a leader
 * that is moved while it lives. Of a member of the ISR that is dead nothing comes until the ISR has shrunk; that is
 * what acks=all waits for, too, and who waits for too long hears that it is not known.
 *
 * Not seen is a leader that comes out of the ELR or from an unclean election: it is elected instead of one that stands still and is
 * alone in its ISR, so nobody is asked. (Kafka asks nobody ever.) The members of the ELR could be asked, too, but they are outside the
 * ISR because they are dead or behind: with two of three replicas down no group could read what it has committed, while nothing
 * newer can be committed either, below min.insync.replicas. Those that are fenced cannot be left out, since the one that comes back
 * while we stand still is the very one that is elected. What would prove it is the controller's answer to a heartbeat sent after the
 * question, as a fenced broker is let back in only when it has read what was decided; but then nobody reads commits
 * while the controllers are away, which KRaft does not ask of consumers. And what an unclean election loses is given up by permission. */
#ifndef API_STILL_LEADS_H
#define API_STILL_LEADS_H

#include "broker/env/env.h"
#include "broker/replica/partition.h"

struct server;
struct fetch_session;

/* What a server knows of such questions. */
struct leads_asked {
    struct list open;
    int64_t n; /* so many were ever asked */
};
void leads_asked_init(struct leads_asked *a);

struct still_leads {
    struct list node;
    struct fetch_waiter waiter; /* of what is new with the ISR, and with the role */
    struct server *server;
    struct partition *partition; /* NULL: it leads no more */
    int64_t number;
    struct isr proven_by;
    struct timer timer;
    struct task task;
    bool is_proven;
    void (*done)(struct still_leads *c, bool is_proven);
};

/* True: it is so, and c is not kept. False: c->done() will be called, once and in a later step. Not proven: it leads no
 * more, or not everybody was heard in time. */
bool still_leads(struct server *s, struct partition *p, struct still_leads *c);

/* A fetch of a follower has looked at all that it asks for. proves: so many had been asked when an answer went out on its
 * connection last. True: somebody waits for the next one, so it must not wait for records. */
bool still_leads_hears(struct server *s, const struct fetch_session *fs, int64_t proves);

#endif
