/* Incremental fetches (KIP-227): the rules of a session, as the broker that keeps it sees them. A client begins a
 * session with a fetch of all its partitions; from then on it names those whose position moved, and is told of those
 * that have something new. Both count the fetches (the epoch), so that a request that was lost, doubled or overtaken
 * is noticed and not taken for the next one. */
#ifndef API_FETCH_SESSION_RULE_H
#define API_FETCH_SESSION_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum fetch_kind {
    FETCH_ALONE,  /* names all its partitions, keeps no session, ends the one whose id it bears */
    FETCH_BEGINS, /* the same, and would like a session */
    FETCH_GOES_ON,
};
enum fetch_kind fetch_kind_of(int32_t epoch);

/* 0, or why a fetch cannot go on in a session. session_epoch < 0: there is none of its id. Topics are named by id
 * from version 13 on, by name before: in one session always in the same way (KIP-516). */
int16_t fetch_session_check(int32_t session_epoch, bool session_has_ids, int32_t epoch,
                            bool request_has_ids);

/* After the last one comes 1: 0 begins a session. */
int32_t fetch_session_next_epoch(int32_t epoch);

/* What a reader knows of a partition. */
struct fetch_told {
    int64_t high_watermark, log_start; /* -1: nothing, so whatever is so is news */
};
/* Whether there is news for it, besides records, errors and cuts. */
bool fetch_has_news(const struct fetch_told *told, int64_t high_watermark, int64_t log_start);

/* What counts when a session must go that another one may come. */
struct fetch_session_standing {
    bool is_follower;
    int32_t parts_n;
    int64_t created_ns, used_ns;
};
/* Not used for that long: it goes, whoever comes. Younger than that: it stays, unless a follower's comes. */
#define FETCH_SESSION_RESTS_NS (120LL * 1000000000)
/* May `s` be ended for a new one? Followers go before clients, large sessions before small ones; what was begun just
 * now is not pushed out by the next one of its kind, or crowds would only push each other out. */
bool fetch_session_gives_way(const struct fetch_session_standing *s,
                             const struct fetch_session_standing *newcomer, int64_t now_ns);

#endif
