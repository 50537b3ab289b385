/* Copies partitions from one leader: a connection of its own, one Fetch in flight for all partitions
 * that this broker follows there (or for a share of them: num.replica.fetchers). The fetch offset tells
 * the leader what is here, so the next request goes out when what came with the one before is written, and
 * synced as far as flush.messages wants it.
 *
 * Between the two there is a session (KIP-227): a Fetch names what is new, and the leader answers with what is new, so
 * that partitions in which nothing happens cost nothing. A log that is slow to settle is waited for no longer than
 * replica.fetch.wait.max.ms: then the others go on without it.
 *
 * A partition whose leader answers with an error waits for replica.fetch.backoff.ms (less at first, if the leader has
 * only not heard yet: fetch_backoff.h), the others go on; when the leader cannot be asked, all wait. Whoever joins ends
 * the wait of all: it may have another leader epoch. */
#ifndef REPLICA_FETCHER_H
#define REPLICA_FETCHER_H

#include "broker/replica/partition.h"

/* The partition follows p->leader_id in p->leader_epoch and is ready to be appended to. */
void fetcher_join(struct partition *p);
/* Harmless when it is with none. */
void fetcher_leave(struct partition *p);
/* Brokers may have other addresses, or be gone: then their fetchers go, too. */
void fetchers_refresh(struct replicas *r);
void fetchers_stop(struct replicas *r);
/* More of what was appended is settled: the fetcher may go on. */
void fetcher_settled(struct partition *p);
/* Its log's start moved: the leader is to hear of it. */
void fetcher_restate(struct partition *p);
/* Its fetcher may have waited for that. */
void fetcher_cut_is_over(struct partition *p);

#endif
