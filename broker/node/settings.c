/* From text to a configuration: names are looked up, values checked, and what does not fit together is
 * said at once, with the place where it was given. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"

static bool
apply(struct node *n, const struct node_setting *s, struct writer *errors)
{
    int32_t id = config_id(CONFIG_BROKER, s->name);
    if (id < 0) {
        struct writer w = writer_mem(&n->env->mem);
        fmt_slice(&w, s->origin);
        fmt_str(&w, ": unknown setting ");
        fmt_slice(&w, s->name);
        fmt_str(&w, " (ignored)");
        node_say(n, 2, writer_slice(&w));
        writer_release(&w);
        return true;
    }
    struct writer why = writer_mem(&n->env->mem);
    bool ok = config_set(&n->config, id, s->value, &why);
    if (!ok) {
        if (errors->n) fmt_char(errors, '\n');
        fmt_slice(errors, s->origin);
        fmt_str(errors, ": ");
        fmt_slice(errors, s->name);
        fmt_str(errors, ": ");
        fmt_slice(errors, writer_slice(&why));
    }
    writer_release(&why);
    return ok;
}

static bool
has_role(const struct node *n, struct slice role)
{
    for (int32_t i = 0; i < config_list_n(&n->config, K_CFG_PROCESS_ROLES); i++)
        if (slice_eq(config_list_at(&n->config, K_CFG_PROCESS_ROLES, i), role)) return true;
    return false;
}

/* It becomes a line of meta.properties, and part of file names nowhere: letters, digits, - and _. */
static bool
is_cluster_id(struct slice id)
{
    for (int64_t i = 0; i < id.n; i++) {
        uint8_t c = id.p[i], lower = c | 0x20;
        bool ok = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!ok) return false;
    }
    return id.n <= 64;
}

static bool
check_together(struct node *n)
{
    if (!is_cluster_id(n->cluster_id_wanted)) {
        node_fail(n,
                  "CLUSTER_ID may have up to 64 letters, digits, '-' and '_', as in "
                  "MkU3OEVBNTcwNTJENDM2Qk",
                  SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    n->is_broker = has_role(n, S("broker"));
    n->is_controller = has_role(n, S("controller"));
    if (!n->is_broker && !n->is_controller) {
        node_fail(n, "process.roles must name broker, controller or both", SLICE_EMPTY, "",
                  SLICE_EMPTY);
        return false;
    }
    n->identity.node_id = (int32_t)config_i64(&n->config, K_CFG_NODE_ID);
    if (n->identity.node_id < 0) {
        node_fail(n, "node.id is required and must not be negative", SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    int32_t dirs = config_list_n(&n->config, K_CFG_LOG_DIRS);
    if (dirs == 0 && config_str(&n->config, K_CFG_LOG_DIRS).p) {
        node_fail(n, "log.dirs names no directory", SLICE_EMPTY, "", SLICE_EMPTY);
        return false;
    }
    if (dirs > 1) {
        node_fail(n, "log.dirs: more than one directory is not supported: ",
                  config_str(&n->config, K_CFG_LOG_DIRS), "", SLICE_EMPTY);
        return false;
    }
    struct slice dir = dirs ? config_list_at(&n->config, K_CFG_LOG_DIRS, 0)
                            : config_str(&n->config, K_CFG_LOG_DIR);
    n->log_dir = mem_dup(&n->env->mem, dir);
    struct slice metadata_dir = config_str(&n->config, K_CFG_METADATA_LOG_DIR);
    n->metadata_dir = metadata_dir.n ? mem_dup(&n->env->mem, metadata_dir) : n->log_dir;
    return true;
}

bool
node_read_settings(struct node *n, const struct node_params *p)
{
    config_init(&n->config, &n->env->mem, CONFIG_BROKER);
    n->cluster_id_wanted = mem_dup(&n->env->mem, p->cluster_id);
    n->version = mem_dup(&n->env->mem, p->version);
    struct writer errors = writer_mem(&n->env->mem);
    bool ok = true;
    for (int32_t i = 0; i < p->settings_n; i++) ok &= apply(n, &p->settings[i], &errors);
    if (!ok) env_fatal(n->env, writer_slice(&errors));
    writer_release(&errors);
    return ok && check_together(n);
}
