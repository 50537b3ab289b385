/* Life of a member of the quorum: open, close, propose, and what others may ask.
 *
 * Opening, one thing after the other: recover the log · read quorum-state · read the latest checkpoint ·
 * sync the log · opened. quorum-state is written anew and thereby made durable, since after a crash what
 * was read may have been page cache only. */
#include "broker/raft/state.h"

#include "broker/base/fmt.h"

#define CHECKPOINT_BYTES_MAX (256 << 20)
#define CHECKPOINT_SUFFIX S(".checkpoint")
/* 20 digits, '-', 10 digits, suffix. */
#define CHECKPOINT_NAME_BYTES (20 + 1 + 10 + 11)

/* ---- making ------------------------------------------------------------------------------------ */

static int64_t
or_default(int64_t v, int64_t otherwise)
{
    return v ? v : otherwise;
}

static void
copy_config(struct raft *r, const struct raft_config *cfg)
{
    struct mem *mem = &r->env->mem;
    r->cfg = *cfg;
    r->cfg.cluster_id = mem_dup(mem, cfg->cluster_id);
    r->cfg.log_dir = mem_dup(mem, cfg->log_dir);
    r->cfg.listener = mem_dup(mem, cfg->listener.p ? cfg->listener : S("CONTROLLER"));
    r->cfg.voters = NULL;
    r->cfg.bootstrap = NULL;
    r->cfg.election_timeout_ms = or_default(cfg->election_timeout_ms, 1000);
    r->cfg.election_backoff_max_ms = or_default(cfg->election_backoff_max_ms, 1000);
    r->cfg.fetch_timeout_ms = or_default(cfg->fetch_timeout_ms, 2000);
    r->cfg.request_timeout_ms = or_default(cfg->request_timeout_ms, 2000);
    r->cfg.retry_backoff_ms = or_default(cfg->retry_backoff_ms, 20);
    r->cfg.max_batch_bytes = or_default(cfg->max_batch_bytes, 8 << 20);
    r->cfg.segment_bytes = or_default(cfg->segment_bytes, 1 << 30);
    r->cfg.segment_ms = or_default(cfg->segment_ms, 7LL * 24 * 3600 * 1000);
}

static void
close_due(struct timer *t)
{
    raft_ends_done(CONTAINER_OF(t, struct raft, close_timer));
}

struct raft *
raft_new(struct env *env, const struct raft_config *cfg, const struct raft_ops *ops, void *owner)
{
    struct raft *r = MEM_NEW(&env->mem, struct raft);
    r->env = env;
    r->ops = ops;
    r->owner = owner;
    copy_config(r, cfg);
    r->election = election_none();
    r->told_leader = RAFT_NOBODY;
    r->told_caught_up = -1;
    list_init(&r->answers);
    list_init(&r->fetches);
    list_init(&r->observers);
    list_init(&r->fresh);
    r->timer.due = election_timer_due;
    r->begin_timer.due = leader_begin_due;
    r->fetch_timer.due = fetcher_due;
    r->close_timer.due = close_due;
    r->pump.run = apply_run;
    r->load_timer.due = apply_load_due;
    r->kraft_version = cfg->voters_n > 0 ? 0 : 1;
    members_set_bootstrap(r, cfg->bootstrap, cfg->bootstrap_n);
    members_set_voters(r, cfg->voters, cfg->voters_n);
    wait_leader_init(r);
    return r;
}

/* ---- opening ----------------------------------------------------------------------------------- */

static struct slice
raft_path(struct raft *r, struct slice name)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_slice(&w, r->cfg.log_dir);
    fmt_char(&w, '/');
    fmt_slice(&w, RAFT_DIR);
    if (name.n) fmt_char(&w, '/');
    fmt_slice(&w, name);
    struct slice path = mem_dup(&r->env->mem, writer_slice(&w));
    writer_release(&w);
    return path;
}

static void
raft_open_failed(struct raft *r, enum env_err err, const char *what, struct slice why)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_str(&w, what);
    if (why.n) fmt_str(&w, ": ");
    fmt_slice(&w, why);
    if (r->ops->opened) r->ops->opened(r->owner, err, writer_slice(&w));
    writer_release(&w);
}

/* What quorum-state and log say of the epoch: a log may be ahead if the file was lost. */
static struct election
first_election(const struct raft *r)
{
    struct election e = r->election;
    int32_t log_epoch = raft_log_end(r).epoch;
    if (log_epoch > e.epoch) {
        e = election_none();
        e.epoch = log_epoch;
    }
    bool is_known = e.leader_id != RAFT_NOBODY && member_by_id(r, e.leader_id);
    if (!is_known) e.leader_id = RAFT_NOBODY;
    return e;
}

/* A node that led cannot lead this epoch again: what it had not synced is gone, and others may have
 * read it. A voter alone needs no time-out. */
static void
raft_begin(struct raft *r)
{
    struct election e = first_election(r);
    bool is_self = e.leader_id == r->cfg.node_id, is_voter = raft_is_voter(r);
    r->election = e;
    r->changes++;
    r->must_be_durable = r->changes;
    if (is_self && (!is_voter || members_voters_n(r) == 1))
        r->election.leader_id = e.leader_id = RAFT_NOBODY;
    if (is_voter && e.leader_id == r->cfg.node_id) {
        raft_move(r, RAFT_RESIGNED, &e);
        election_begin_wait(r);
    } else if (e.leader_id != RAFT_NOBODY) {
        raft_become_follower(r, e.epoch, e.leader_id);
    } else {
        raft_become_unattached(r, e.epoch);
    }
    persist_write(r);
}

static void
log_is_durable(struct log_op *op, enum log_err err)
{
    struct raft *r = CONTAINER_OF(op, struct raft, open_sync);
    if (r->is_closing) return;
    if (err != LOG_OK) {
        raft_open_failed(r, ENV_EIO, "the metadata log", slice_cstr(log_err_text(err)));
        return;
    }
    if (r->applied < commitlog_start(&r->log)) {
        raft_open_failed(
            r, ENV_ECORRUPT, "the metadata log",
            S("its first segment files are missing; put them back, or let this node fetch "
              "everything from the other controllers, without its directory"));
        return;
    }
    if (r->applied > commitlog_assigned_end(&r->log)) {
        raft_open_failed(r, ENV_ECORRUPT, "the metadata log does not reach to its last checkpoint",
                         SLICE_EMPTY);
        return;
    }
    r->is_opened = true;
    if (r->ops->opened) r->ops->opened(r->owner, ENV_OK, SLICE_NULL);
    raft_begin(r);
}

static void
raft_name_is_durable(struct op *op)
{
    struct raft *r = CONTAINER_OF(op, struct raft, dir_op);
    if (op->err != ENV_OK) {
        raft_open_failed(r, op->err, "the log directory", slice_cstr(env_err_text(op->err)));
        return;
    }
    r->open_sync.done = log_is_durable;
    commitlog_sync(&r->log, &r->open_sync);
}

/* The log's bytes, and before them its directory's own name: it may have been made by a process that
 * died before it could sync. */
static void
sync_log(struct raft *r)
{
    r->dir_op.done = raft_name_is_durable;
    dir_sync(r->env, &r->dir_op, r->cfg.log_dir);
}

/* ---- checkpoints ---- */

/* Both CRC and framing; false: not a checkpoint. */
static bool
take_checkpoint(struct raft *r, struct slice batches)
{
    int64_t at = 0;
    struct batch_header h;
    struct slice batch;
    enum batch_err err;
    while (batch_next(batches, &at, &h, &batch, &err)) {
        if (batch_check(r->env->crc32c, batch, &h) != BATCH_OK) return false;
        if (batch_is_control(&h)) control_take(r, batch, &h);
    }
    return err == BATCH_OK && batches.n > 0;
}

static struct slice
checkpoint_path(struct raft *r)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_padded(&w, r->checkpoint.offset, 20);
    fmt_char(&w, '-');
    fmt_padded(&w, r->checkpoint.epoch, 10);
    fmt_str(&w, ".checkpoint");
    struct slice path = raft_path(r, writer_slice(&w));
    writer_release(&w);
    return path;
}

static void
checkpoint_read(struct file_slurp *s)
{
    struct raft *r = CONTAINER_OF(s, struct raft, slurp);
    struct buf *buf = s->buf;
    if (s->err != ENV_OK) {
        raft_open_failed(r, s->err, "a checkpoint of the metadata log",
                         slice_cstr(env_err_text(s->err)));
    } else if (!take_checkpoint(r, buf_slice(buf))) {
        struct slice path = checkpoint_path(r);
        raft_open_failed(r, ENV_ECORRUPT, "not a whole checkpoint of the metadata log", path);
        mem_free_slice(&r->env->mem, path);
    } else {
        r->applied = r->high_watermark = r->checkpoint.offset;
        if (r->ops->snapshot)
            r->ops->snapshot(r->owner, buf_slice(buf), r->checkpoint.offset, r->checkpoint.epoch);
        sync_log(r);
    }
    buf_unref(buf);
}

static bool
parse_checkpoint_name(struct slice name, struct log_end *ret)
{
    int64_t offset, epoch;
    if (name.n != CHECKPOINT_NAME_BYTES || !slice_ends(name, CHECKPOINT_SUFFIX)) return false;
    if (!slice_to_i64(slice_sub(name, 0, 20), &offset) || name.p[20] != '-') return false;
    if (!slice_to_i64(slice_sub(name, 21, 10), &epoch) || offset < 0) return false;
    if (epoch < 0 || epoch > INT32_MAX) return false;
    *ret = (struct log_end){(int32_t)epoch, offset};
    return true;
}

/* The names are sorted: the last one is the latest. Null: there is none. */
static struct slice
latest_checkpoint(struct slice listing, struct log_end *ret)
{
    struct reader rd = reader(listing);
    struct slice found = SLICE_NULL;
    for (struct dir_entry e; dir_next(&rd, &e);)
        if (parse_checkpoint_name(e.name, ret)) found = e.name;
    return found;
}

static void
listed(struct op *op)
{
    struct raft *r = CONTAINER_OF(op, struct raft, dir_op);
    struct buf *buf = op->buf;
    if (op->err != ENV_OK) {
        raft_open_failed(r, op->err, "the metadata log's directory",
                         slice_cstr(env_err_text(op->err)));
        return;
    }
    struct slice name = latest_checkpoint(buf_slice(buf), &r->checkpoint);
    if (name.p) {
        struct slice path = raft_path(r, name);
        r->slurp.done = checkpoint_read;
        file_slurp(r->env, &r->slurp, path, CHECKPOINT_BYTES_MAX);
        mem_free_slice(&r->env->mem, path);
    } else {
        sync_log(r);
    }
    buf_unref(buf);
}

static void
state_read(struct file_slurp *s)
{
    struct raft *r = CONTAINER_OF(s, struct raft, slurp);
    struct buf *buf = s->buf;
    bool is_good = s->err == ENV_ENOENT ||
                   (s->err == ENV_OK && quorum_state_parse(buf_slice(buf), &r->election));
    buf_unref(buf);
    if (!is_good) {
        raft_open_failed(
            r, s->err == ENV_OK ? ENV_ECORRUPT : s->err,
            "quorum-state cannot be used (it says who was voted for: do not just delete it)",
            s->err == ENV_OK ? S("corrupt") : slice_cstr(env_err_text(s->err)));
        return;
    }
    struct slice dir = raft_path(r, SLICE_EMPTY);
    r->dir_op.done = listed;
    dir_list(r->env, &r->dir_op, dir);
    mem_free_slice(&r->env->mem, dir);
}

/* ---- the log ---- */

static void
raft_log_ready(struct commitlog *log, enum log_err err, struct slice why)
{
    struct raft *r = log->owner;
    if (r->is_closing) return;
    if (err != LOG_OK) {
        raft_open_failed(r, commitlog_error(log) ? commitlog_error(log) : ENV_ECORRUPT,
                         "the metadata log", why);
        return;
    }
    r->slurp.done = state_read;
    file_slurp(r->env, &r->slurp, r->state_path, QUORUM_STATE_BYTES_MAX);
}

static void
raft_log_written(struct commitlog *log)
{
    struct raft *r = log->owner;
    if (!list_is_empty(&r->fetches)) apply_kick(r);
}

static void
raft_log_synced(struct commitlog *log)
{
    struct raft *r = log->owner;
    if (!r->is_opened || r->is_closing) return;
    if (r->state == RAFT_LEADER) leader_update_high_watermark(r);
    else fetcher_log_synced(r);
}

static void
raft_log_failed(struct commitlog *log, enum env_err err)
{
    raft_fatal(log->owner, "the metadata log", slice_cstr(env_err_text(err)));
}

static const struct commitlog_ops log_ops = {.ready = raft_log_ready,
                                             .written = raft_log_written,
                                             .synced = raft_log_synced,
                                             .failed = raft_log_failed};

void
raft_open(struct raft *r)
{
    CHECK(r->state == RAFT_CLOSED && !r->is_opened);
    r->log_config = log_config_default();
    r->log_config.segment_bytes = r->cfg.segment_bytes;
    r->log_config.segment_ms = r->cfg.segment_ms;
    r->log_config.flush_messages = 1;
    r->log_config.retention_ms = r->log_config.retention_bytes = -1;
    r->state_path = raft_path(r, QUORUM_STATE_FILE);
    struct slice dir = raft_path(r, SLICE_EMPTY);
    struct commitlog_params p = {.dir = dir,
                                 .name = RAFT_DIR,
                                 .topic_id = RAFT_TOPIC_ID,
                                 .config = &r->log_config,
                                 .ops = &log_ops,
                                 .owner = r};
    commitlog_open(&r->log, r->env, &p);
    mem_free_slice(&r->env->mem, dir);
}

/* ---- closing ----------------------------------------------------------------------------------- */

static void
raft_log_closed(struct log_op *op, enum log_err err)
{
    (void)err;
    struct raft *r = CONTAINER_OF(op, struct raft, close_op);
    if (r->closed) r->closed(r->owner);
}

void
raft_ends_done(struct raft *r)
{
    timer_cancel(r->env, &r->close_timer);
    if (r->close_op.done) return;
    /* A log that is being cut cannot be closed: cut_done() comes back to it. */
    r->closes_after_cut = r->truncating;
    if (r->truncating) return;
    r->close_op.done = raft_log_closed;
    commitlog_close(&r->log, &r->close_op);
}

void
raft_close(struct raft *r, void (*closed)(void *owner))
{
    CHECK(!r->is_closing);
    r->closed = closed;
    bool was_leader = r->state == RAFT_LEADER;
    if (was_leader) leader_send_end(r);
    r->is_closing = true;
    if (r->state != RAFT_CLOSED) raft_move(r, RAFT_CLOSED, &r->election);
    serve_fetches(r);
    log_load_cancel(&r->load);
    timer_cancel(r->env, &r->load_timer);
    timer_arm(r->env, &r->close_timer, env_now_ns(r->env) + (r->ends_n > 0 ? NS_PER_S : 0));
}

/* ---- proposals --------------------------------------------------------------------------------- */

static struct buf *
build(struct raft *r, const struct slice *values, int32_t n)
{
    struct batch_builder b;
    builder_init(&b, &r->env->mem, r->cfg.max_batch_bytes);
    bool fits = true;
    for (int32_t i = 0; i < n && fits; i++)
        fits = builder_add(&b, env_wall_ms(r->env), SLICE_NULL, values[i], NULL, 0);
    fits = fits && builder_size_bytes(&b) <= r->cfg.max_batch_bytes;
    struct buf *buf = fits ? builder_finish(&b, r->env->crc32c, &r->env->mem) : NULL;
    builder_release(&b);
    return buf;
}

enum raft_propose_err
raft_propose(struct raft *r, int32_t epoch, const struct slice *values, int32_t n,
             int64_t *ret_last_offset)
{
    CHECK(n > 0);
    if (!raft_is_active(r) || epoch != r->election.epoch) return RAFT_NOT_LEADER;
    if (commitlog_assigned_end(&r->log) - r->high_watermark > RAFT_UNCOMMITTED_MAX)
        return RAFT_FULL;
    struct buf *buf = build(r, values, n);
    if (!buf) return RAFT_TOO_LARGE;
    struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
    struct log_append a = {
        .segs = &seg, .segs_n = 1, .leader_epoch = epoch, .origin = APPEND_COORDINATOR};
    enum log_err err = commitlog_append(&r->log, &a);
    if (err == LOG_OK) fresh_led(r, buf_slice(buf), &a);
    buf_unref(buf);
    if (err == LOG_E_TOO_LARGE) return RAFT_TOO_LARGE;
    if (err != LOG_OK) return RAFT_NOT_LEADER;
    *ret_last_offset = a.last_offset;
    return RAFT_OK;
}

/* ---- what is known ----------------------------------------------------------------------------- */

void
raft_answer_cancel(struct raft_answer *a)
{
    if (!a->raft) return;
    if (a->timer.due) serve_forget_fetch(a);
    else serve_forget_verdict(a);
}

struct log_end
raft_log_end(const struct raft *r)
{
    int64_t end = commitlog_assigned_end(&r->log);
    return (struct log_end){MAX(commitlog_latest_epoch(&r->log), 0), end};
}

struct log_end
raft_epoch_end(const struct raft *r, int32_t epoch)
{
    struct log_end end = raft_log_end(r);
    struct epoch_end e = commitlog_epoch_end(&r->log, epoch, end.offset);
    return e.epoch < 0 ? end : (struct log_end){e.epoch, e.end_offset};
}

enum raft_state
raft_state(const struct raft *r)
{
    return r->state;
}

int32_t
raft_epoch(const struct raft *r)
{
    return r->election.epoch;
}

int32_t
raft_leader_id(const struct raft *r)
{
    return r->election.leader_id;
}

bool
raft_leader_endpoint(const struct raft *r, struct raft_endpoint *ret)
{
    const struct member *m = member_leader(r);
    if (!m) return false;
    *ret = (struct raft_endpoint){m->who.host, m->who.port};
    return true;
}

const struct login_kind *
raft_login(const struct raft *r)
{
    return r->cfg.login;
}

bool
raft_is_active(const struct raft *r)
{
    return r->is_active && r->state == RAFT_LEADER && r->election.epoch == r->active_epoch;
}

int64_t
raft_high_watermark(const struct raft *r)
{
    return r->high_watermark;
}

int64_t
raft_end_offset(const struct raft *r)
{
    return commitlog_assigned_end(&r->log);
}

int16_t
raft_kraft_version(const struct raft *r)
{
    return r->kraft_version;
}

/* ---- saying ------------------------------------------------------------------------------------ */

void
raft_say(struct raft *r, int32_t level, struct slice what, int64_t number)
{
    if (!r->env->notes_on) return;
    struct writer w = writer_mem(&r->env->mem);
    fmt_slice(&w, what);
    fmt_char(&w, ' ');
    fmt_i64(&w, number);
    NOTE(r->env, NOTE_LOG_MESSAGE, RAFT_DIR, writer_slice(&w), level);
    writer_release(&w);
}

void
raft_fatal(struct raft *r, const char *what, struct slice why)
{
    struct writer w = writer_mem(&r->env->mem);
    fmt_slice(&w, RAFT_DIR);
    fmt_str(&w, ": ");
    fmt_str(&w, what);
    if (why.n) fmt_str(&w, ": ");
    fmt_slice(&w, why);
    env_fatal(r->env, writer_slice(&w));
    writer_release(&w);
}
