/* Who this node is: the log directory is made and locked and meta.properties read, then likewise the directory
 * of the metadata log, if metadata.log.dir names another one. What is empty is formatted; then the marker of a
 * clean shutdown is read (clean_marker.c).
 *
 *     ┌─ mkdir ─ lock ─ meta.properties ─┬─ format what is empty ─ marker? ─ done
 *     └────── the next directory ◄───────┘ */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"
#include "broker/protocol/properties.h"

#define META_BYTES_MAX 65536

/* ---- meta.properties ---- */

static struct node_dir *
dir_now(struct node *n)
{
    return &n->identity.dirs[n->identity.dir_i];
}

static struct node_dir *
metadata_dir(struct node *n)
{
    return &n->identity.dirs[n->identity.dirs_n - 1];
}

struct uuid
identity_metadata_dir_id(const struct node *n)
{
    return n->identity.dirs[n->identity.dirs_n - 1].id;
}

static void format_next(struct node *n);

static void
formatted(struct file_replace *r)
{
    struct node *n = CONTAINER_OF(r, struct node, replace);
    struct node_dir *d = dir_now(n);
    if (r->err != ENV_OK) {
        node_fail_on_path(n, "cannot write", node_path_in(n, d->path, "meta.properties"), r->err);
        return;
    }
    d->is_formatted = true;
    format_next(n);
}

static void
write_meta(struct node *n, void (*done)(struct file_replace *))
{
    struct identity *id = &n->identity;
    struct node_dir *d = dir_now(n);
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, d->is_version_0 ? "version=0\ncluster.id=" : "version=1\ncluster.id=");
    fmt_slice(&w, id->cluster_id);
    fmt_str(&w, d->is_version_0 ? "\nbroker.id=" : "\nnode.id=");
    fmt_i64(&w, id->node_id);
    fmt_str(&w, "\ndirectory.id=");
    fmt_uuid(&w, d->id);
    fmt_char(&w, '\n');
    n->replace.done = done;
    file_replace(n->env, &n->replace, node_path_in(n, d->path, "meta.properties"),
                 writer_slice(&w));
    writer_release(&w);
}

static void
standalone_formatted(void *owner, enum env_err err)
{
    struct node *n = owner;
    if (err != ENV_OK) node_fail_on_path(n, "cannot format", dir_now(n)->path, err);
    else write_meta(n, formatted);
}

/* Without controller.quorum.voters a controller is a quorum of its own: its checkpoint 0-0 names it as
 * the voter (KIP-853). meta.properties comes last: with it the directory counts as formatted. */
static void
format_standalone(struct node *n)
{
    struct raft_voter self = {.id = n->identity.node_id,
                              .directory_id = dir_now(n)->id,
                              .listener = n->controller_listener};
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind != LISTENER_CONTROLLER || !slice_eq(l->name, n->controller_listener)) continue;
        self.host = l->advertised_host;
        self.port = l->advertised_port;
    }
    raft_format_standalone(n->env, n->metadata_dir, &self, NULL, 0, standalone_formatted, n);
}

/* The directory of the metadata log comes last: as long as it is not formatted, nothing is. */
static void
format_next(struct node *n)
{
    struct identity *id = &n->identity;
    for (id->dir_i = 0; id->dir_i < id->dirs_n; id->dir_i++) {
        struct node_dir *d = dir_now(n);
        if (d->is_formatted) continue;
        d->id = env_random_uuid(n->env);
        bool has_quorum = d == metadata_dir(n) && n->is_controller &&
                          config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS) == 0;
        if (has_quorum) format_standalone(n);
        else write_meta(n, formatted);
        return;
    }
    clean_marker_read(n, node_identified);
}

/* A controller whose metadata log begins anew may vote twice in an epoch, and has not got what it has promised
 * to have. (A broker that is no controller fetches it once more.) */
static bool
check_moved(struct node *n)
{
    if (!n->is_controller || metadata_dir(n)->is_formatted || !n->identity.dirs[0].is_formatted)
        return true;
    struct writer w = writer_mem(&n->env->mem);
    fmt_slice(&w, n->metadata_dir);
    fmt_str(&w,
            " is empty, but this controller has been in use, and its metadata log must not begin "
            "anew: move __cluster_metadata-0 and meta.properties there from ");
    node_fail(n, "metadata.log.dir: ", writer_slice(&w), "", n->log_dir);
    writer_release(&w);
    return false;
}

/* Empty directories are formatted with the cluster id that was given; a node that is its whole quorum
 * may make one up. */
static void
format_empty(struct node *n)
{
    struct identity *id = &n->identity;
    int32_t voters = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS);
    int32_t servers = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS);
    bool alone = n->is_controller && voters <= 1;
    if (!check_moved(n)) return;
    if (n->is_controller && !voters && servers > 1 && !metadata_dir(n)->is_formatted) {
        node_fail(n,
                  "controller.quorum.bootstrap.servers names several controllers: a quorum of more "
                  "than one needs controller.quorum.voters",
                  SLICE_EMPTY, "", SLICE_EMPTY);
        return;
    }
    if (id->cluster_id.n) {
        /* One directory has told it. */
    } else if (n->cluster_id_wanted.n) {
        id->cluster_id = mem_dup(&n->env->mem, n->cluster_id_wanted);
    } else if (!alone) {
        node_fail(n, "log directory ", n->log_dir,
                  " is empty and no cluster id is given: set CLUSTER_ID to the same value for all "
                  "nodes of the cluster",
                  SLICE_EMPTY);
        return;
    } else {
        char text[UUID_TEXT_BYTES];
        uuid_print(env_random_uuid(n->env), text);
        id->cluster_id = mem_dup(&n->env->mem, slice(text, UUID_TEXT_BYTES));
    }
    format_next(n);
}

/* Version 0 is that of the time of ZooKeeper, and the name of the node's id another; without a version it
 * is 0, too. */
static bool
take_node_id(struct node *n, const struct properties *p, struct slice path)
{
    struct slice version = properties_get(p, S("version"));
    bool is_0 = !version.p || slice_eq(version, S("0"));
    if (!is_0 && !slice_eq(version, S("1"))) {
        node_fail(n, "", path, ": version must be 0 or 1, and is ", version);
        return false;
    }
    struct slice text = properties_get(p, is_0 ? S("broker.id") : S("node.id"));
    int64_t id;
    if (!text.p || !slice_to_i64(text, &id)) {
        node_fail(n, "", path, is_0 ? ": of version 0, needs broker.id" : ": needs node.id",
                  SLICE_EMPTY);
        return false;
    }
    if (id != n->identity.node_id) {
        node_fail(n, "", path, ": the directory belongs to another node; node.id there is ", text);
        return false;
    }
    dir_now(n)->is_version_0 = is_0;
    return true;
}

/* Null in a file from before KIP-858, which gets one (dir_is_known). */
static bool
take_directory_id(struct node *n, struct slice text, struct slice path)
{
    struct node_dir *d = dir_now(n);
    d->id = UUID_ZERO;
    if (text.p && !uuid_parse(text, &d->id)) {
        node_fail(n, "", path, ": directory.id is not a uuid: ", text);
        return false;
    }
    for (int32_t i = 0; text.p && i < n->identity.dir_i; i++) {
        if (!uuid_eq(n->identity.dirs[i].id, d->id)) continue;
        node_fail(n, "", path, ": directory.id is that of another directory of this node: ", text);
        return false;
    }
    return true;
}

static bool
take_meta(struct node *n, struct slice text)
{
    struct identity *id = &n->identity;
    struct properties p;
    struct writer why = writer_mem(&n->env->mem);
    bool ok = properties_parse(text, &n->env->scratch, &p, &why);
    struct slice path = node_path_in(n, dir_now(n)->path, "meta.properties");
    if (!ok) node_fail(n, "", path, ":", writer_slice(&why));
    writer_release(&why);
    if (!ok) return false;
    struct slice cluster = properties_get(&p, S("cluster.id"));
    if (!take_node_id(n, &p, path)) return false;
    if (cluster.n <= 0) {
        node_fail(n, "", path, ": needs cluster.id", SLICE_EMPTY);
        return false;
    }
    if (n->cluster_id_wanted.n && !slice_eq(cluster, n->cluster_id_wanted)) {
        struct writer w = writer_mem(&n->env->mem);
        fmt_slice(&w, cluster);
        fmt_str(&w, ", CLUSTER_ID says ");
        fmt_slice(&w, n->cluster_id_wanted);
        node_fail(n, "", path, ": the directory belongs to another cluster; cluster.id there is ",
                  writer_slice(&w));
        writer_release(&w);
        return false;
    }
    if (id->cluster_id.n && !slice_eq(cluster, id->cluster_id)) {
        node_fail(n, "", path, ": cluster.id is not that of log.dirs: ", cluster);
        return false;
    }
    if (!take_directory_id(n, properties_get(&p, S("directory.id")), path)) return false;
    if (!id->cluster_id.n) id->cluster_id = mem_dup(&n->env->mem, cluster);
    dir_now(n)->is_formatted = true;
    return true;
}

static void open_dir(struct node *n);

static void
next_dir(struct node *n)
{
    if (++n->identity.dir_i < n->identity.dirs_n) open_dir(n);
    else if (n->identity.dirs[0].is_formatted && metadata_dir(n)->is_formatted)
        clean_marker_read(n, node_identified);
    else format_empty(n);
}

static void
id_given(struct file_replace *r)
{
    struct node *n = CONTAINER_OF(r, struct node, replace);
    if (r->err == ENV_OK) next_dir(n);
    else
        node_fail_on_path(n, "cannot write", node_path_in(n, dir_now(n)->path, "meta.properties"),
                          r->err);
}

/* A directory keeps the id that it is given here. */
static void
dir_is_known(struct node *n)
{
    struct node_dir *d = dir_now(n);
    if (!d->is_formatted || !uuid_is_zero(d->id)) {
        next_dir(n);
        return;
    }
    d->id = env_random_uuid(n->env);
    write_meta(n, id_given);
}

static void
meta_read(struct file_slurp *s)
{
    struct node *n = CONTAINER_OF(s, struct node, slurp);
    struct slice path = node_path_in(n, dir_now(n)->path, "meta.properties");
    if (s->err != ENV_OK && s->err != ENV_ENOENT) {
        node_fail_on_path(n, "cannot read", path, s->err);
        return;
    }
    if (s->err == ENV_OK) {
        bool ok = take_meta(n, buf_slice(s->buf));
        buf_unref(s->buf);
        if (!ok) return;
    }
    dir_is_known(n);
}

/* ---- the directory ---- */

static void
log_dir_locked(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    struct slice dir = dir_now(n)->path;
    if (op->err == ENV_ELOCKED) {
        node_fail(n, "log directory ", dir, " is in use by another process", SLICE_EMPTY);
        return;
    }
    /* It exists, and yet a file in it cannot be made for want of a directory. */
    if (op->err == ENV_ENOENT) {
        node_fail(n, "log directory ", dir, " is not a directory", SLICE_EMPTY);
        return;
    }
    if (op->err != ENV_OK) {
        node_fail_on_path(n, "cannot lock", dir, op->err);
        return;
    }
    n->slurp.done = meta_read;
    file_slurp(n->env, &n->slurp, node_path_in(n, dir, "meta.properties"), META_BYTES_MAX);
}

static void dir_made(struct op *op);

static void
make_dir(struct node *n)
{
    n->op.done = dir_made;
    dir_make(n->env, &n->op, n->identity.making);
}

/* "a/b" on the way from "a" to "a/b/c". */
static struct slice
next_below(struct slice path, struct slice above)
{
    int64_t at = above.n;
    while (at < path.n && path.p[at] == '/') at++;
    int64_t end = slice_find(path, '/', at);
    return end < 0 ? path : slice_sub(path, 0, end);
}

static void
dir_durable(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    struct identity *id = &n->identity;
    struct slice dir = dir_now(n)->path;
    if (op->err != ENV_OK) {
        node_fail(n, "cannot make log directory ", dir, ": its name cannot be made durable in ",
                  path_parent(id->making));
        return;
    }
    if (!slice_eq(id->making, dir)) {
        id->making = next_below(dir, id->making);
        make_dir(n);
        return;
    }
    op->done = log_dir_locked;
    path_lock(n->env, op, node_path_in(n, dir, ".lock"));
}

/* What is above exists, and yet "no such file or directory": it is a file, or a directory like /proc in which
 * nobody makes anything. */
static void
above_listed(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    bool is_dir = op->err == ENV_OK;
    if (is_dir) buf_unref(op->buf);
    node_fail(n, "cannot make log directory ", dir_now(n)->path,
              is_dir ? ": no directories can be made in " : ": this is not a directory: ",
              path_parent(n->identity.making));
}

/* What is synced within a directory is lost with the directory's own name: a power loss must not
 * make a voter forget its vote. Missing directories above are made first, each as durably. */
static void
dir_made(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    struct identity *id = &n->identity;
    struct slice above = path_parent(id->making);
    bool has_above = !slice_eq(above, S(".")) && !slice_eq(above, S("/"));
    if (op->err == ENV_ENOENT && !id->going_down && has_above) {
        id->making = above;
        make_dir(n);
        return;
    }
    if (op->err == ENV_ENOENT && id->going_down) {
        op->done = above_listed;
        dir_list(n->env, op, above);
        return;
    }
    if (op->err != ENV_OK && op->err != ENV_EEXIST) {
        node_fail_on_path(n, "cannot make log directory", id->making, op->err);
        return;
    }
    id->going_down = true;
    op->done = dir_durable;
    dir_sync(n->env, op, above);
}

static void
open_dir(struct node *n)
{
    n->identity.making = dir_now(n)->path;
    n->identity.going_down = false;
    make_dir(n);
}

void
identity_open(struct node *n)
{
    struct identity *id = &n->identity;
    id->dirs[id->dirs_n++].path = n->log_dir;
    if (!slice_eq(n->metadata_dir, n->log_dir)) id->dirs[id->dirs_n++].path = n->metadata_dir;
    open_dir(n);
}
