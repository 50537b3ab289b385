/* Who this node is: the log directory is made and locked, meta.properties read or, in an empty
 * directory, written; the marker of a clean shutdown is read (clean_marker.c).
 *
 *     mkdir ─ lock ─ meta.properties? ─┬─ there: compare ──────────┐
 *                                      └─ not there: format ───────┴─ marker? ─ done */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"
#include "broker/protocol/properties.h"

#define META_BYTES_MAX 65536

/* ---- meta.properties ---- */

static void
formatted(struct file_replace *r)
{
    struct node *n = CONTAINER_OF(r, struct node, replace);
    if (r->err != ENV_OK) {
        node_fail_on_path(n, "cannot write", node_path(n, "meta.properties"), r->err);
        return;
    }
    clean_marker_read(n, node_identified);
}

static void
write_meta(struct node *n)
{
    struct identity *id = &n->identity;
    struct writer w = writer_mem(&n->env->mem);
    fmt_str(&w, "version=1\ncluster.id=");
    fmt_slice(&w, id->cluster_id);
    fmt_str(&w, "\nnode.id=");
    fmt_i64(&w, id->node_id);
    fmt_str(&w, "\ndirectory.id=");
    fmt_uuid(&w, id->directory_id);
    fmt_char(&w, '\n');
    n->replace.done = formatted;
    file_replace(n->env, &n->replace, node_path(n, "meta.properties"), writer_slice(&w));
    writer_release(&w);
}

static void
standalone_formatted(void *owner, enum env_err err)
{
    struct node *n = owner;
    if (err != ENV_OK) node_fail_on_path(n, "cannot format", n->log_dir, err);
    else write_meta(n);
}

/* Without controller.quorum.voters a controller is a quorum of its own: its checkpoint 0-0 names it as
 * the voter (KIP-853). meta.properties comes last: with it the directory counts as formatted. */
static void
format_standalone(struct node *n)
{
    struct raft_voter self = {.id = n->identity.node_id,
                              .directory_id = n->identity.directory_id,
                              .listener = n->controller_listener};
    LIST_EACH(&n->server.listeners, l, struct server_listener, node) {
        if (l->kind != LISTENER_CONTROLLER || !slice_eq(l->name, n->controller_listener)) continue;
        self.host = l->advertised_host;
        self.port = l->advertised_port;
    }
    raft_format_standalone(n->env, n->log_dir, &self, NULL, 0, standalone_formatted, n);
}

/* An empty directory is formatted with the cluster id that was given; a node that is its whole quorum
 * may make one up. */
static void
format(struct node *n)
{
    struct identity *id = &n->identity;
    int32_t voters = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_VOTERS);
    int32_t servers = config_list_n(&n->config, K_CFG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS);
    bool alone = n->is_controller && voters <= 1;
    if (n->is_controller && !voters && servers > 1) {
        node_fail(n,
                  "controller.quorum.bootstrap.servers names several controllers: a quorum of more "
                  "than one needs controller.quorum.voters",
                  SLICE_EMPTY, "", SLICE_EMPTY);
        return;
    }
    if (n->cluster_id_wanted.n) {
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
    id->directory_id = env_random_uuid(n->env);
    if (n->is_controller && !voters) format_standalone(n);
    else write_meta(n);
}

static bool
take_meta(struct node *n, struct slice text)
{
    struct identity *id = &n->identity;
    struct properties p;
    struct writer why = writer_mem(&n->env->mem);
    bool ok = properties_parse(text, &n->env->scratch, &p, &why);
    struct slice path = node_path(n, "meta.properties");
    if (!ok) node_fail(n, "", path, ":", writer_slice(&why));
    writer_release(&why);
    if (!ok) return false;
    struct slice version = properties_get(&p, S("version"));
    struct slice cluster = properties_get(&p, S("cluster.id"));
    struct slice node = properties_get(&p, S("node.id"));
    struct slice dir = properties_get(&p, S("directory.id"));
    int64_t node_id;
    if (!slice_eq(version, S("1")) || cluster.n <= 0 || !node.p || !slice_to_i64(node, &node_id)) {
        node_fail(n, "", path, ": needs version=1, cluster.id and node.id", SLICE_EMPTY);
        return false;
    }
    if (node_id != id->node_id) {
        node_fail(n, "", path, ": the directory belongs to another node; node.id there is ", node);
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
    if (!dir.p || !uuid_parse(dir, &id->directory_id)) {
        node_fail(n, "", path, ": directory.id is missing or not a uuid", SLICE_EMPTY);
        return false;
    }
    id->cluster_id = mem_dup(&n->env->mem, cluster);
    return true;
}

static void
meta_read(struct file_slurp *s)
{
    struct node *n = CONTAINER_OF(s, struct node, slurp);
    if (s->err == ENV_ENOENT) {
        format(n);
        return;
    }
    if (s->err != ENV_OK) {
        node_fail_on_path(n, "cannot read", node_path(n, "meta.properties"), s->err);
        return;
    }
    bool ok = take_meta(n, buf_slice(s->buf));
    buf_unref(s->buf);
    if (ok) clean_marker_read(n, node_identified);
}

/* ---- the directory ---- */

static void
locked(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    if (op->err == ENV_ELOCKED) {
        node_fail(n, "log directory ", n->log_dir, " is in use by another process", SLICE_EMPTY);
        return;
    }
    if (op->err != ENV_OK) {
        node_fail_on_path(n, "cannot lock", n->log_dir, op->err);
        return;
    }
    n->slurp.done = meta_read;
    file_slurp(n->env, &n->slurp, node_path(n, "meta.properties"), META_BYTES_MAX);
}

static void
dir_durable(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    if (op->err != ENV_OK) {
        node_fail_on_path(n, "cannot make durable the log directory", n->log_dir, op->err);
        return;
    }
    op->done = locked;
    path_lock(n->env, op, node_path(n, ".lock"));
}

/* What is synced within a directory is lost with the directory's own name: a power loss must not
 * make a voter forget its vote. */
static void
dir_made(struct op *op)
{
    struct node *n = CONTAINER_OF(op, struct node, op);
    if (op->err != ENV_OK && op->err != ENV_EEXIST) {
        node_fail_on_path(n, "cannot make log directory", n->log_dir, op->err);
        return;
    }
    op->done = dir_durable;
    dir_sync(n->env, op, path_parent(n->log_dir));
}

void
identity_open(struct node *n)
{
    n->op.done = dir_made;
    dir_make(n->env, &n->op, n->log_dir);
}
