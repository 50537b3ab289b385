/* quorum-state on disk. One write is in flight; changes that come meanwhile go into the next one
 * together. What rests on an epoch or a vote is said only when the file that has it is durable
 * (vote_persist.c says for which changes that holds). */
#include "broker/raft/state.h"

static void raft_went_durable(struct raft *r);

static void
persist_written(struct file_replace *f)
{
    struct raft *r = CONTAINER_OF(f, struct raft, replace);
    if (f->err != ENV_OK) {
        raft_fatal(r, "quorum-state cannot be written", slice_cstr(env_err_text(f->err)));
        return;
    }
    CHECK(r->changes_durable <= r->changes_writing && r->changes_writing <= r->changes);
    r->changes_durable = r->changes_writing;
    persist_write(r);
    if (persist_is_durable(r)) raft_went_durable(r);
}

void
persist_write(struct raft *r)
{
    if (file_replace_is_pending(&r->replace) || r->changes_durable == r->changes) return;
    struct writer w = writer_mem(&r->env->mem);
    quorum_state_print(&w, &r->election, r->kraft_version, r->voters.v, (int32_t)r->voters.n);
    r->changes_writing = r->changes;
    r->replace.done = persist_written;
    file_replace(r->env, &r->replace, r->state_path, writer_slice(&w));
    writer_release(&w);
}

void
persist_change(struct raft *r, const struct election *old)
{
    enum persist p = vote_persist(old, &r->election);
    if (p == PERSIST_NOT) return;
    r->changes++;
    if (p == PERSIST_BEFORE) r->must_be_durable = r->changes;
    persist_write(r);
}

bool
persist_is_durable(const struct raft *r)
{
    return r->changes_durable >= r->must_be_durable;
}

static void
raft_went_durable(struct raft *r)
{
    serve_durable(r);
    election_go_on(r);
    fetcher_go_on(r);
}
