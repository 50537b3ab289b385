/* UpdateRaftVoter (KIP-853): a voter says where it listens and which versions of kraft.version it can live with. Apache
 * Kafka's do so once in each leader's epoch. With kraft.version 0 that is to be checked and no more: the voters stand
 * in everybody's settings, and what is said here counts only for a later upgrade, which nobody can ask for yet. With
 * kraft.version 1 it would change the voters in the log, which is refused unless nothing changes. */
#include "broker/raft/state.h"

static const struct k_update_raft_voter_request_listener *
listener_named(const struct k_update_raft_voter_request *q, struct slice name)
{
    for (int32_t i = 0; i < q->listeners_n; i++)
        if (slice_eq(q->listeners[i].name, name)) return &q->listeners[i];
    return NULL;
}

/* Kafka's order: who is asked, then whether the request can be understood, then what it says. */
static int16_t
update_voter_error(const struct raft *r, const struct k_update_raft_voter_request *q)
{
    if (!serve_cluster_ok(r, q->cluster_id)) return K_ERR_INCONSISTENT_CLUSTER_ID;
    int16_t err = serve_leader_error(r, q->current_leader_epoch);
    if (err != K_ERR_NONE) return err;
    if (r->is_closing) return K_ERR_BROKER_NOT_AVAILABLE;
    const struct k_update_raft_voter_request_listener *at = listener_named(q, r->cfg.listener);
    int16_t least = q->k_raft_version_feature.min_supported_version;
    int16_t most = q->k_raft_version_feature.max_supported_version;
    if (q->voter_id < 0 || uuid_is_zero(q->voter_directory_id) || !at || least < 0 || least > most)
        return K_ERR_INVALID_REQUEST;
    if (!raft_is_active(r)) return K_ERR_REQUEST_TIMED_OUT; /* it comes again */
    if (least > r->kraft_version || most < r->kraft_version) return K_ERR_INVALID_REQUEST;
    const struct member *m =
        member_voter(r, (struct voter_key){q->voter_id, q->voter_directory_id});
    if (!m) return K_ERR_VOTER_NOT_FOUND;
    if (r->kraft_version == 0) return K_ERR_NONE;
    bool changes = at->port != m->who.port || !slice_eq(at->host, m->who.host);
    return changes ? K_ERR_UNSUPPORTED_VERSION : K_ERR_NONE;
}

void
raft_handle_update_voter(struct raft *r, struct raft_answer *a,
                         const struct k_update_raft_voter_request *q)
{
    struct k_update_raft_voter_response p;
    codec_default(K_MSG_UPDATE_RAFT_VOTER_RESPONSE, &p);
    p.error_code = update_voter_error(r, q);
    p.current_leader.leader_id = r->election.leader_id;
    p.current_leader.leader_epoch = r->election.epoch;
    struct raft_endpoint at;
    if (raft_leader_endpoint(r, &at)) {
        p.current_leader.host = at.host;
        p.current_leader.port = at.port;
    }
    a->done(a, &p);
}
