/* quorum-state: what a voter must not forget, as one line of JSON in the directory of the metadata log
 * (KIP-595, KIP-853). Pure text here; raft.c writes it with file_replace.
 *
 *     data_version 1 (kraft.version 1)
 *       {"leaderId":1,"leaderEpoch":4,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}
 *     data_version 0 (kraft.version 0): the voters' ids instead of the directory
 *       {"clusterId":"","leaderId":1,"leaderEpoch":4,"votedId":-1,"appliedOffset":0,
 *        "currentVoters":[{"voterId":1}],"data_version":0} */
#ifndef RAFT_QUORUM_STATE_H
#define RAFT_QUORUM_STATE_H

#include "broker/base/bytes.h"
#include "broker/raft/rules.h"

#define QUORUM_STATE_FILE S("quorum-state")
#define QUORUM_STATE_BYTES_MAX 65536

static inline struct election
election_none(void)
{
    return (struct election){0, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
}

/* data_version 1 if kraft_version >= 1, else 0. */
void quorum_state_print(struct writer *w, const struct election *e, int16_t kraft_version,
                        const struct raft_voter *voters, int32_t voters_n);
/* Either version. False: not such a text, a version that is not known, or impossible values. */
bool quorum_state_parse(struct slice text, struct election *ret);

#endif
