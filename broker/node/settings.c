/* From text to a configuration: names are looked up, values checked, and what does not fit together is
 * said at once, with the place where it was given. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"
#include "broker/node/settings_fit.h"

/* ---- one setting ------------------------------------------------------------------------------- */

static void
begin_error(struct writer *errors, const struct node_setting *s)
{
    if (errors->n) fmt_char(errors, '\n');
    fmt_slice(errors, s->origin);
    fmt_str(errors, ": ");
    fmt_slice(errors, s->name);
}

/* "server.properties:3:1: NAME…", then up to two more texts. */
static void
warn(struct node *n, const struct node_setting *s, const char *what, struct slice why)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_slice(&w, s->origin);
    fmt_str(&w, ": ");
    fmt_slice(&w, s->name);
    fmt_str(&w, what);
    fmt_slice(&w, why);
    node_say(n, 2, writer_slice(&w));
    writer_release(&w);
}

/* Refused and warned-of values. The value is not printed: it may be a password. */
static bool
judge(struct node *n, const struct node_setting *s, int32_t id, struct slice value,
      struct writer *errors)
{
    switch (config_state(CONFIG_BROKER, id, value)) {
    case K_CS_HEEDED:
    case K_CS_HARMLESS: return true;
    case K_CS_WARNED:
        warn(n, s, " makes no difference: ", config_why(CONFIG_BROKER, id));
        return true;
    case K_CS_REFUSED: break;
    }
    begin_error(errors, s);
    fmt_str(errors, " cannot be had: ");
    fmt_slice(errors, config_why(CONFIG_BROKER, id));
    return false;
}

/* Two limits have a form for one listener. */
static bool
is_for_listener_too(int32_t id)
{
    return id == K_CFG_MAX_CONNECTIONS || id == K_CFG_MAX_CONNECTION_CREATION_RATE;
}

static bool
take_listener_limit(struct node *n, const struct node_setting *s, int64_t dot, int32_t id,
                    struct writer *errors)
{
    struct writer why = writer_mem(&n->env->mem);
    bool ok = config_check(CONFIG_BROKER, id, s->value, &why);
    struct listener_limit limit = {.id = id};
    if (ok) ok = slice_to_i64(slice_trim(s->value), &limit.value);
    limit.listener = mem_dup(&n->env->mem, slice_sub(s->name, 14, dot - 1 - 14));
    if (ok) {
        VEC_PUSH(&n->env->mem, &n->listener_limits, limit);
    } else {
        begin_error(errors, s);
        fmt_str(errors, ": ");
        fmt_slice(errors, writer_slice(&why));
    }
    writer_release(&why);
    return ok;
}

static bool
take_listener_sasl(struct node *n, const struct node_setting *s, int64_t dot, int32_t id,
                   struct writer *errors)
{
    struct writer why = writer_mem(&n->env->mem);
    bool ok = node_take_sasl(n, s, dot, id, &why);
    if (!ok) {
        begin_error(errors, s);
        fmt_str(errors, ": ");
        fmt_slice(errors, writer_slice(&why));
    }
    writer_release(&why);
    return ok;
}

/* "listener.name.internal.ssl.client.auth": a setting for one listener. One that is refused for all of
 * them is refused here, too; of the others those of SASL and two limits are heeded. */
static bool
judge_for_listener(struct node *n, const struct node_setting *s, struct writer *errors)
{
    for (int64_t dot = 14; dot >= 14; dot = slice_find(s->name, '.', dot) + 1) {
        int32_t id = config_id(CONFIG_BROKER, slice_sub(s->name, dot, s->name.n));
        if (id < 0) continue;
        if (is_for_listener_too(id)) return take_listener_limit(n, s, dot, id, errors);
        if (node_takes_sasl_for_listener(id)) return take_listener_sasl(n, s, dot, id, errors);
        if (k_broker_configs[id].state == K_CS_REFUSED) return judge(n, s, id, s->value, errors);
        break;
    }
    warn(n, s, " makes no difference: this setting is not heeded for a single listener",
         SLICE_EMPTY);
    return true;
}

static bool
apply(struct node *n, const struct node_setting *s, struct writer *errors)
{
    int32_t id = config_id(CONFIG_BROKER, s->name);
    if (id < 0 && slice_starts(s->name, S("listener.name.")))
        return judge_for_listener(n, s, errors);
    if (id < 0) {
        warn(n, s, " is not a setting of this version, and is ignored", SLICE_EMPTY);
        return true;
    }
    struct writer why = writer_mem(&n->env->mem);
    bool ok = config_set(&n->config, id, s->value, &why);
    if (!ok) {
        begin_error(errors, s);
        fmt_str(errors, ": ");
        fmt_slice(errors, writer_slice(&why));
    }
    writer_release(&why);
    return ok && judge(n, s, id, s->value, errors);
}

/* ---- all together ------------------------------------------------------------------------------- */

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
    struct writer why = writer_mem(&n->env->mem);
    bool fits = settings_fit(&n->config, &why);
    if (!fits) env_fatal(n->env, writer_slice(&why));
    else if (settings_advise(&n->config, &why)) node_say(n, 2, writer_slice(&why));
    writer_release(&why);
    if (!fits) return false;
    n->identity.node_id = (int32_t)config_i64(&n->config, K_CFG_NODE_ID);
    bool has_new_name = config_str(&n->config, K_CFG_LOG_DIRS).p;
    int32_t name = has_new_name ? K_CFG_LOG_DIRS : K_CFG_LOG_DIR;
    int32_t dirs = config_list_n(&n->config, name);
    if (dirs != 1) {
        node_fail(n, has_new_name ? "log.dirs" : "log.dir",
                  dirs == 0 ? S(" names no directory")
                            : S(": more than one directory is not supported: "),
                  "", dirs == 0 ? SLICE_EMPTY : config_str(&n->config, name));
        return false;
    }
    struct slice dir = config_list_at(&n->config, name, 0);
    n->log_dir = mem_dup(&n->env->mem, dir);
    struct slice metadata_dir = config_str(&n->config, K_CFG_METADATA_LOG_DIR);
    n->metadata_dir = metadata_dir.n ? mem_dup(&n->env->mem, metadata_dir) : n->log_dir;
    return true;
}

/* Only the last value of a name counts, and is judged. */
static bool
is_overridden(const struct node_params *p, int32_t at)
{
    for (int32_t i = at + 1; i < p->settings_n; i++)
        if (slice_eq(p->settings[i].name, p->settings[at].name)) return true;
    return false;
}

/* The name that node.id had before KIP-631 still gives it. */
static void
take_broker_id(struct config *c)
{
    if (config_is_set(c, K_CFG_NODE_ID) || !config_is_set(c, K_CFG_BROKER_ID)) return;
    (void)config_set(c, K_CFG_NODE_ID, config_text(c, K_CFG_BROKER_ID), NULL); /* unless negative */
}

bool
node_read_settings(struct node *n, const struct node_params *p)
{
    config_init(&n->config, &n->env->mem, CONFIG_BROKER);
    n->cluster_id_wanted = mem_dup(&n->env->mem, p->cluster_id);
    n->version = mem_dup(&n->env->mem, p->version);
    struct writer errors = writer_mem(&n->env->mem);
    bool ok = true;
    for (int32_t i = 0; i < p->settings_n; i++)
        if (!is_overridden(p, i)) ok &= apply(n, &p->settings[i], &errors);
    if (!ok) env_fatal(n->env, writer_slice(&errors));
    writer_release(&errors);
    if (ok) take_broker_id(&n->config);
    return ok && check_together(n);
}
