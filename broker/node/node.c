#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"

/* ---- messages ---- */

void
node_fail(struct node *n, const char *a, struct slice b, const char *c, struct slice d)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, a);
    fmt_slice(&w, b);
    fmt_str(&w, c);
    fmt_slice(&w, d);
    env_fatal(n->env, writer_slice(&w));
    writer_release(&w);
}

void
node_fail_on_path(struct node *n, const char *doing, struct slice path, enum env_err err)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, doing);
    fmt_char(&w, ' ');
    fmt_slice(&w, path);
    fmt_str(&w, ": ");
    fmt_str(&w, env_err_text(err));
    env_fatal(n->env, writer_slice(&w));
    writer_release(&w);
}

void
node_say(struct node *n, int64_t level, struct slice what)
{
    NOTE(n->env, NOTE_LOG_MESSAGE, SLICE_NULL, what, level);
}

struct slice
node_path_in(struct node *n, struct slice dir, const char *name)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_slice(&w, dir);
    fmt_char(&w, '/');
    fmt_str(&w, name);
    struct slice path = arena_dup(&n->env->scratch, writer_slice(&w));
    writer_release(&w);
    return path;
}

struct slice
node_path(struct node *n, const char *name)
{
    return node_path_in(n, n->log_dir, name);
}

/* ---- coming up ---- */

/* What of its own it waits for, in the order of a start; after that it is the controller (lifecycle.c). */
static bool
why_not_started(struct wait *wait, struct writer *w)
{
    const struct node *n = CONTAINER_OF(wait, const struct node, wait);
    if (!n->raft) {
        fmt_str(w, "the files in ");
        fmt_slice(w, n->log_dir);
        fmt_str(w, " are being read");
    } else if (!n->raft_open) {
        fmt_str(w, "the metadata log in ");
        fmt_slice(w, n->metadata_dir);
        fmt_str(w, " is being recovered");
    } else if (n->is_broker && !n->replicas_open) {
        fmt_str(w, "the checkpoints in ");
        fmt_slice(w, n->log_dir);
        fmt_str(w, " are being read");
    } else {
        fmt_i64(w, n->listeners_waiting);
        fmt_str(w, n->listeners_waiting == 1 ? " listener is" : " listeners are");
        fmt_str(w, " not bound: the names of their hosts are being looked up");
    }
    return true;
}

static void
replicas_opened(void *owner, enum env_err err)
{
    struct node *n = owner;
    if (err != ENV_OK) {
        node_fail(n, "cannot read the checkpoints in ", n->log_dir, ": ",
                  slice_cstr(env_err_text(err)));
        return;
    }
    n->replicas_open = true;
    node_go_on(n);
}

static void
role_changed(void *owner, struct partition *p)
{
    struct server *s = owner;
    groups_role_changed(s->groups, p);
    txns_role_changed(s->txns, p);
    shares_role_changed(s->shares, p);
    share_parts_role_changed(&s->share_parts, p);
}

static void
write_markers(void *owner, struct marker_write *w)
{
    txn_markers_write(owner, w);
}

/* Among brokers; NULL: nobody is asked. */
static const struct login_kind *
inter_broker_login(const struct node *n)
{
    return n->inter_broker_login ? &n->inter_broker_login->kind : NULL;
}

static void
make_txns(struct node *n)
{
    struct server *s = &n->server;
    struct txns_params p = {
        .env = n->env,
        .config = &n->config,
        .image = &n->image,
        .node_id = n->identity.node_id,
        .listener = n->inter_broker_listener,
        .login = inter_broker_login(n),
        .ids = s->producer_ids,
        .write_markers = write_markers,
        .owner = s,
    };
    s->txns = txns_new(&p);
    s->txn_verifier = txn_verifier_new(&p, s->txns);
}

static void
create_share_topic(void *owner, struct slice name)
{
    struct server *s = owner;
    forwarder_create_topic(s->forwarder, name);
}

static void
create_dead_letter_topic(void *owner, struct slice name)
{
    struct server *s = owner;
    forwarder_create_dead_letter_topic(s->forwarder, name);
}

static void
create_streams_topic(void *owner, const struct internal_topic *t)
{
    struct server *s = owner;
    forwarder_create_internal_topic(s->forwarder, t);
}

static void
make_shares(struct node *n)
{
    struct server *s = &n->server;
    s->shares = shares_new(n->env, &n->config, &n->image);
    struct persister_params p = {.env = n->env,
                                 .config = &n->config,
                                 .image = &n->image,
                                 .node_id = n->identity.node_id,
                                 .listener = n->inter_broker_listener,
                                 .login = inter_broker_login(n),
                                 .shares = s->shares,
                                 .replicas = n->replicas,
                                 .create_topic = create_share_topic,
                                 .owner = s};
    s->persister = persister_new(&p);
    groups_set_persister(s->groups, s->persister);
    struct dead_letters_params dl = {.env = n->env,
                                     .settings = shares_settings(s->shares),
                                     .image = &n->image,
                                     .listener = n->inter_broker_listener,
                                     .login = inter_broker_login(n),
                                     .create_topic = create_dead_letter_topic,
                                     .owner = s};
    s->dead_letters = dead_letters_new(&dl);
    struct share_parts_params sp = {.env = n->env,
                                    .settings = shares_settings(s->shares),
                                    .image = &n->image,
                                    .replicas = n->replicas,
                                    .persister = s->persister,
                                    .dead_letters = s->dead_letters};
    share_parts_init(&s->share_parts, &sp);
    share_sessions_init(&s->share_sessions, n->env, &n->config, &s->share_parts);
}

static void
make_broker(struct node *n)
{
    struct server *s = &n->server;
    struct replicas_params p = {
        .node_id = n->identity.node_id,
        .log_dir = n->log_dir,
        .config = &n->config,
        .image = &n->image,
        .raft = n->raft,
        .listener = n->inter_broker_listener,
        .login = inter_broker_login(n),
        .clean = n->marker.was_there,
        .open_files_max = n->open_files_max,
    };
    n->replicas = replicas_new(n->env, &p);
    s->replicas = n->replicas;
    s->groups = groups_new(n->env, &n->config, &n->image);
    n->replicas->role_changed = role_changed;
    n->replicas->role_owner = s;
    s->forwarder = forwarder_new(s);
    groups_set_topic_maker(s->groups, create_streams_topic, s);
    s->producer_ids = producer_ids_new(n->env, n->raft, n->identity.node_id,
                                       config_i64(&n->config, K_CFG_CONTROLLER_SOCKET_TIMEOUT_MS));
    make_txns(n);
    make_shares(n);
    replicas_open(n->replicas, replicas_opened, n);
}

/* Identity is known: listeners, quorum and replicas come up side by side. */
void
node_identified(struct node *n)
{
    struct server *s = &n->server;
    s->node_id = n->identity.node_id;
    s->cluster_id = n->identity.cluster_id;
    s->directory_id = n->identity.dirs[0].id;
    s->is_broker = n->is_broker;
    s->is_controller = n->is_controller;
    s->config = &n->config;
    s->frame_bytes_max = config_i64(&n->config, K_CFG_SOCKET_REQUEST_MAX_BYTES);
    s->queued_max = MAX(config_i64(&n->config, K_CFG_QUEUED_MAX_REQUEST_BYTES), 0);
    s->idle_max_ns = ns_of_ms(config_i64(&n->config, K_CFG_CONNECTIONS_MAX_IDLE_MS));
    quorum_open(n);
    if (n->env->dead) return;
    if (n->is_broker) make_broker(n);
    node_listen(n);
}

/* The image as it is when this broker's registration has come into it. What the metadata log says
 * before that is history: whoever replays it would lead in epochs long gone, delete what was made
 * anew since, and move high watermarks by ISRs that are none any more. */
static void
apply_all(struct node *n)
{
    n->applied = true;
    for (int64_t i = 0; i < n->image.topics.n; i++) {
        struct image_topic *t = n->image.topics.v[i];
        for (int32_t k = 0; k < t->partitions_n; k++)
            if (t->partitions[k]) replicas_apply_partition(n->replicas, t->partitions[k]);
    }
    replicas_were_applied(n->replicas);
    groups_topics_changed(n->server.groups, true);
    lifecycle_metadata_advanced(n);
}

void
node_open_logs(struct node *n)
{
    if (!n->marker.is_busy) clean_marker_remove(n, apply_all);
}

/* Something has come up; when all is there the node makes itself known. */
void
node_go_on(struct node *n)
{
    if (!n->raft_open || !n->listening || n->announced || n->stopping) return;
    if (n->is_broker && !n->replicas_open) return;
    n->announced = true;
    wait_end(&n->wait);
    if (n->is_controller) controller_registration_start(n);
    if (n->is_broker) {
        lifecycle_start(n);
    } else {
        NOTE(n->env, NOTE_NODE_SERVING, n->controller_listener, n->identity.cluster_id,
             n->identity.node_id, node_port_of(n, n->controller_listener));
    }
}

#define OPEN_FILES_MAX 1000

struct node *
node_new(struct env *env, const struct node_params *p)
{
    struct node *n = MEM_NEW(&env->mem, struct node);
    n->env = env;
    env->machine = n;
    server_init(&n->server, env);
    n->lifecycle.broker_epoch = -1;
    n->open_files_max = p->open_files_max ? p->open_files_max : OPEN_FILES_MAX;
    if (!node_read_settings(n, p) || !node_make_listeners(n)) return n;
    wait_init(&n->wait, env, "the end of its start", why_not_started);
    wait_begin(&n->wait);
    identity_open(n);
    return n;
}

/* ---- going down ---- */

static bool
why_not_stopped(struct wait *wait, struct writer *w)
{
    const struct node *n = CONTAINER_OF(wait, const struct node, wait);
    fmt_str(w, "logs are being written, synced and closed in ");
    fmt_slice(w, n->log_dir);
    return true;
}

static void
stopped(struct node *n)
{
    NOTE(n->env, NOTE_NODE_STOPPED, SLICE_NULL, SLICE_NULL, n->identity.node_id);
    env_fatal(n->env, SLICE_EMPTY);
}

static void
raft_closed(void *owner)
{
    stopped(owner);
}

static void
close_raft(struct node *n)
{
    if (n->raft_open) raft_close(n->raft, raft_closed);
    else stopped(n);
}

static void
logs_closed(void *owner, bool all_clean)
{
    clean_marker_end(owner, all_clean, close_raft);
}

static void
left_cluster(struct node *n)
{
    forwarder_stop(n->server.forwarder);
    producer_ids_stop(n->server.producer_ids);
    /* The controller listener stays: a combined node is part of the quorum to the end. */
    LIST_EACH(&n->server.listeners, l, struct server_listener, node)
        if (l->kind == LISTENER_BROKER) server_close_listener(&n->server, l);
    groups_stop(n->server.groups);
    txn_verifier_stop(n->server.txn_verifier);
    txns_stop(n->server.txns);
    share_parts_stop(&n->server.share_parts);
    persister_stop(n->server.persister);
    dead_letters_stop(n->server.dead_letters);
    shares_stop(n->server.shares);
    wait_init(&n->wait, n->env, "the end of its stop", why_not_stopped);
    wait_begin(&n->wait);
    replicas_close(n->replicas, logs_closed, n);
}

void
node_shutdown(struct node *n)
{
    if (n->stopping || n->env->dead) return;
    n->stopping = true;
    wait_cancel(&n->wait);
    if (n->is_broker && n->announced) lifecycle_leave(n, left_cluster);
    else close_raft(n);
}
