/* The control records of the metadata log: who leads from here, who the voters are, and what frames a
 * snapshot (KIP-595, 630, 853). */
#include "broker/raft/state.h"

static void
add_record(struct batch_builder *b, struct env *env, enum control_type type, enum k_msg msg,
           const void *value)
{
    struct writer w = writer_mem(&env->mem);
    CHECK(codec_write(msg, 0, value, &w, NULL));
    builder_add_control(b, type, env_wall_ms(env), writer_slice(&w));
    writer_release(&w);
}

static void
add_voters_records(struct batch_builder *b, struct env *env, int16_t kraft_version,
                   const struct raft_voter *v, int32_t n)
{
    struct arena *a = &env->scratch;
    struct k_k_raft_version_record version = {.k_raft_version = kraft_version};
    struct k_voters_record record = {.voters_n = n,
                                     .voters = ARENA_ARRAY(a, struct k_voters_record_voter, n)};
    for (int32_t i = 0; i < n; i++) {
        struct k_voters_record_endpoint *e = ARENA_NEW(a, struct k_voters_record_endpoint);
        *e = (struct k_voters_record_endpoint){
            .name = v[i].listener, .host = v[i].host, .port = (uint16_t)v[i].port};
        record.voters[i] = (struct k_voters_record_voter){
            .voter_id = v[i].id,
            .voter_directory_id = v[i].directory_id,
            .endpoints = e,
            .endpoints_n = 1,
            .k_raft_version_feature = {.min_supported_version = 0, .max_supported_version = 1}};
    }
    add_record(b, env, CONTROL_KRAFT_VERSION, K_MSG_K_RAFT_VERSION_RECORD, &version);
    add_record(b, env, CONTROL_KRAFT_VOTERS, K_MSG_VOTERS_RECORD, &record);
}

static struct buf *
finish_control_batch(struct batch_builder *b, struct env *env)
{
    struct buf *buf = builder_finish(b, env->crc32c, &env->mem);
    builder_release(b);
    return buf;
}

/* Voters that granted their vote: the leader itself and those whose ballots said so. */
static int32_t
granting(const struct raft *r, struct k_leader_change_message_voter *ret)
{
    int32_t n = 0;
    for (int64_t i = 0; i < r->voters.n; i++) {
        const struct member *m = member_by_id(r, r->voters.v[i].id);
        if (m->who.id == r->cfg.node_id || m->ballot == BALLOT_GRANTED)
            ret[n++] = (struct k_leader_change_message_voter){.voter_id = m->who.id};
    }
    return n;
}

struct buf *
control_leader_change(struct raft *r, bool with_voters)
{
    struct k_leader_change_message_voter all[RAFT_VOTERS_MAX], granted[RAFT_VOTERS_MAX];
    for (int64_t i = 0; i < r->voters.n; i++)
        all[i] = (struct k_leader_change_message_voter){.voter_id = r->voters.v[i].id};
    struct k_leader_change_message m = {.leader_id = r->cfg.node_id,
                                        .voters = all,
                                        .voters_n = (int32_t)r->voters.n,
                                        .granting_voters = granted,
                                        .granting_voters_n = granting(r, granted)};
    struct batch_builder b;
    builder_init(&b, &r->env->mem, 0);
    add_record(&b, r->env, CONTROL_LEADER_CHANGE, K_MSG_LEADER_CHANGE_MESSAGE, &m);
    if (with_voters)
        add_voters_records(&b, r->env, r->kraft_version, r->voters.v, (int32_t)r->voters.n);
    return finish_control_batch(&b, r->env);
}

struct buf *
control_snapshot_head(struct env *env, int16_t kraft_version, const struct raft_voter *v, int32_t n)
{
    struct k_snapshot_header_record head = {.last_contained_log_timestamp = env_wall_ms(env)};
    struct batch_builder b;
    builder_init(&b, &env->mem, 0);
    b.h.leader_epoch = 0;
    add_record(&b, env, CONTROL_SNAPSHOT_HEADER, K_MSG_SNAPSHOT_HEADER_RECORD, &head);
    if (kraft_version >= 1) add_voters_records(&b, env, kraft_version, v, n);
    return finish_control_batch(&b, env);
}

struct buf *
control_snapshot_foot(struct env *env, int64_t base_offset)
{
    struct k_snapshot_footer_record foot = {.version = 0};
    struct batch_builder b;
    builder_init(&b, &env->mem, 0);
    b.h.base_offset = base_offset;
    b.h.leader_epoch = 0;
    add_record(&b, env, CONTROL_SNAPSHOT_FOOTER, K_MSG_SNAPSHOT_FOOTER_RECORD, &foot);
    return finish_control_batch(&b, env);
}

/* ---- reading ---- */

static void
take_voters_record(struct raft *r, struct slice value)
{
    struct k_voters_record v;
    struct raft_voter voters[RAFT_VOTERS_MAX];
    if (!codec_decode_all(K_MSG_VOTERS_RECORD, 0, value, &r->env->scratch, &v) ||
        v.voters_n > RAFT_VOTERS_MAX) {
        raft_say(r, 3, S("a voters record that cannot be used"), value.n);
        return;
    }
    for (int32_t i = 0; i < v.voters_n; i++) {
        const struct k_voters_record_voter *w = &v.voters[i];
        voters[i] = (struct raft_voter){.id = w->voter_id, .directory_id = w->voter_directory_id};
        for (int32_t j = 0; j < w->endpoints_n; j++) {
            if (j && !slice_eq(w->endpoints[j].name, r->cfg.listener)) continue;
            voters[i].listener = w->endpoints[j].name;
            voters[i].host = w->endpoints[j].host;
            voters[i].port = w->endpoints[j].port;
        }
    }
    members_set_voters(r, voters, v.voters_n);
}

static void
take_version(struct raft *r, struct slice value)
{
    struct k_k_raft_version_record v;
    if (codec_decode_all(K_MSG_K_RAFT_VERSION_RECORD, 0, value, &r->env->scratch, &v))
        r->kraft_version = v.k_raft_version;
}

void
control_take(struct raft *r, struct slice batch, const struct batch_header *h)
{
    struct records rs;
    struct record rec;
    int16_t type;
    records_begin(&rs, h, batch_payload(batch, h));
    while (records_next(&rs, &rec)) {
        if (!control_key_parse(rec.key, &type)) continue;
        if (type == CONTROL_KRAFT_VERSION) take_version(r, rec.value);
        if (type == CONTROL_KRAFT_VOTERS) take_voters_record(r, rec.value);
    }
}
