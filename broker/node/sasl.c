/* What is set for SASL, for each listener that is SASL_PLAINTEXT:
 *
 *     sasl.enabled.mechanisms                                    which there are
 *     listener.name.internal.sasl.enabled.mechanisms             … on this listener
 *     listener.name.internal.plain.sasl.jaas.config              who may come in there by PLAIN
 *     [listener.name.internal.][plain.]connections.max.reauth.ms
 *     [listener.name.internal.]sasl.server.max.receive.size */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/node/internal.h"

#define LISTENER_PREFIX_BYTES 14 /* "listener.name." */

bool
node_takes_sasl_for_listener(int32_t id)
{
    return id == K_CFG_SASL_ENABLED_MECHANISMS || id == K_CFG_SASL_JAAS_CONFIG ||
           id == K_CFG_CONNECTIONS_MAX_REAUTH_MS || id == K_CFG_SASL_SERVER_MAX_RECEIVE_SIZE;
}

/* Two of them have a form for one mechanism. */
static bool
is_for_mechanism(int32_t id)
{
    return id == K_CFG_SASL_JAAS_CONFIG || id == K_CFG_CONNECTIONS_MAX_REAUTH_MS;
}

/* "internal.scram-sha-256" */
static void
split_prefix(struct slice prefix, struct slice *ret_listener, enum sasl_mechanism *ret_mechanism)
{
    int64_t dot = prefix.n - 1;
    while (dot > 0 && prefix.p[dot] != '.') dot--;
    *ret_listener = prefix;
    *ret_mechanism = SASL_MECHANISMS_N;
    if (dot <= 0) return;
    *ret_mechanism = sasl_mechanism_of_prefix(slice_sub(prefix, dot + 1, prefix.n));
    if (*ret_mechanism < SASL_MECHANISMS_N) *ret_listener = slice_sub(prefix, 0, dot);
}

bool
node_take_sasl(struct node *n, const struct node_setting *s, int64_t dot, int32_t id,
               struct writer *errors)
{
    if (!config_check(CONFIG_BROKER, id, s->value, errors)) return false;
    struct slice prefix =
        slice_sub(s->name, LISTENER_PREFIX_BYTES, dot - 1 - LISTENER_PREFIX_BYTES);
    struct listener_sasl own = {.id = id};
    split_prefix(prefix, &own.listener, &own.mechanism);
    if (own.mechanism < SASL_MECHANISMS_N && !is_for_mechanism(id)) {
        fmt_str(errors, "this setting is for all mechanisms of a listener");
        return false;
    }
    if (own.mechanism == SASL_MECHANISMS_N && id == K_CFG_SASL_JAAS_CONFIG) {
        fmt_str(errors, "a mechanism must stand before sasl.jaas.config: plain, scram-sha-256 or "
                        "scram-sha-512");
        return false;
    }
    own.listener = mem_dup(&n->env->mem, own.listener);
    own.value = mem_dup(&n->env->mem, slice_trim(s->value));
    own.origin = mem_dup(&n->env->mem, s->origin);
    VEC_PUSH(&n->env->mem, &n->listener_sasl, own);
    return true;
}

/* ---- one listener ---- */

/* What is set for the listener and the mechanism; NULL: nothing. */
static const struct listener_sasl *
own_setting(const struct node *n, struct slice listener, enum sasl_mechanism m, int32_t id)
{
    for (int64_t i = 0; i < n->listener_sasl.n; i++) {
        const struct listener_sasl *own = &n->listener_sasl.v[i];
        if (own->id == id && own->mechanism == m && slice_eq_any_case(own->listener, listener))
            return own;
    }
    return NULL;
}

static int64_t
sasl_number(const struct node *n, struct slice listener, enum sasl_mechanism m, int32_t id)
{
    const struct listener_sasl *own = own_setting(n, listener, m, id);
    if (!own) own = own_setting(n, listener, SASL_MECHANISMS_N, id);
    int64_t v;
    if (own && config_parse(CONFIG_BROKER, id, own->value, &v)) return v;
    return config_i64(&n->config, id);
}

/* The value is not printed: there are passwords in it. */
static bool
fail_jaas(struct node *n, struct slice listener, enum sasl_mechanism m,
          const struct listener_sasl *own, struct slice why)
{
    struct writer w = writer_mem(&n->env->mem);
    if (own) {
        fmt_slice(&w, own->origin);
        fmt_str(&w, ": ");
    } else {
        fmt_str(&w, "listener ");
        fmt_slice(&w, listener);
        fmt_str(&w, " is SASL_PLAINTEXT with ");
        fmt_slice(&w, sasl_mechanism_name(m));
        fmt_str(&w, ", but there is no ");
    }
    fmt_str(&w, "listener.name.");
    for (int64_t i = 0; i < listener.n; i++) fmt_char(&w, (char)ascii_lower(listener.p[i]));
    fmt_char(&w, '.');
    struct slice name = sasl_mechanism_name(m);
    for (int64_t i = 0; i < name.n; i++) fmt_char(&w, (char)ascii_lower(name.p[i]));
    fmt_str(&w, ".sasl.jaas.config");
    if (own) fmt_str(&w, ": ");
    fmt_slice(&w, why);
    env_fatal(n->env, writer_slice(&w));
    writer_release(&w);
    return false;
}

static bool
read_jaas(struct node *n, struct slice listener, enum sasl_mechanism m, struct arena *a,
          struct jaas *ret)
{
    const struct listener_sasl *own = own_setting(n, listener, m, K_CFG_SASL_JAAS_CONFIG);
    if (!own) return fail_jaas(n, listener, m, NULL, SLICE_EMPTY);
    struct writer why = writer_mem(&n->env->mem);
    bool ok = jaas_parse(own->value, a, ret, &why);
    if (ok && !slice_eq(ret->module, sasl_mechanism_module(m))) {
        fmt_str(&why, "the login module of this mechanism is ");
        fmt_slice(&why, sasl_mechanism_module(m));
        ok = false;
    }
    if (!ok) (void)fail_jaas(n, listener, m, own, writer_slice(&why));
    writer_release(&why);
    return ok;
}

static bool
enable(struct node *n, struct slice listener, struct slice name, struct arena *a,
       struct sasl_settings *s)
{
    enum sasl_mechanism m = sasl_mechanism_find(name);
    if (m == SASL_MECHANISMS_N) {
        struct writer w = writer_mem(&n->env->mem);
        fmt_str(&w, "sasl.enabled.mechanisms of listener ");
        fmt_slice(&w, listener);
        fmt_str(&w, ": only PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported, not ");
        fmt_slice(&w, name);
        env_fatal(n->env, writer_slice(&w));
        writer_release(&w);
        return false;
    }
    if (sasl_settings_enable(s, m)) return true;
    s->enabled[s->enabled_n++] = m;
    s->max_reauth_ms[m] = sasl_number(n, listener, m, K_CFG_CONNECTIONS_MAX_REAUTH_MS);
    return read_jaas(n, listener, m, a, &s->jaas[m]);
}

static bool
fail_login(struct node *n, int32_t id, struct slice listener, const char *why)
{
    struct writer w = writer_mem(&n->env->mem);
    fmt_slice(&w, config_name(&n->config, id));
    fmt_char(&w, '=');
    fmt_slice(&w, config_text(&n->config, id));
    fmt_str(&w, ", by which this node comes to listener ");
    fmt_slice(&w, listener);
    fmt_str(&w, why);
    env_fatal(n->env, writer_slice(&w));
    writer_release(&w);
    return false;
}

struct sasl_login *
node_sasl_login(struct node *n, struct slice listener, int32_t mechanism_id)
{
    enum sasl_mechanism m = sasl_mechanism_find(config_text(&n->config, mechanism_id));
    struct arena *a = MEM_NEW(&n->env->mem, struct arena); /* for as long as the node lives */
    arena_init(a, &n->env->mem, 0);
    struct jaas j;
    if (m == SASL_MECHANISMS_N) {
        (void)fail_login(n, mechanism_id, listener,
                         ": only PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported");
        return NULL;
    }
    if (!read_jaas(n, listener, m, a, &j)) return NULL;
    struct slice user = jaas_option(&j, S("username")), password = jaas_option(&j, S("password"));
    if (!user.p || !password.p) {
        (void)fail_login(n, mechanism_id, listener,
                         ": its sasl.jaas.config has no username and password");
        return NULL;
    }
    struct sasl_login *l = MEM_NEW(&n->env->mem, struct sasl_login);
    sasl_login_init(l, m, user, password);
    return l;
}

const struct sasl_settings *
node_sasl_of(struct node *n, struct slice listener)
{
    struct config c; /* whose one value may be this listener's own */
    config_init(&c, &n->env->mem, CONFIG_BROKER);
    const struct listener_sasl *own =
        own_setting(n, listener, SASL_MECHANISMS_N, K_CFG_SASL_ENABLED_MECHANISMS);
    (void)config_set(&c, K_CFG_SASL_ENABLED_MECHANISMS,
                     own ? own->value : config_text(&n->config, K_CFG_SASL_ENABLED_MECHANISMS),
                     NULL);
    struct sasl_settings *s = MEM_NEW(&n->env->mem, struct sasl_settings);
    struct arena *a = MEM_NEW(&n->env->mem, struct arena); /* for as long as the node lives */
    arena_init(a, &n->env->mem, 0);
    s->token_bytes_max =
        (int32_t)sasl_number(n, listener, SASL_MECHANISMS_N, K_CFG_SASL_SERVER_MAX_RECEIVE_SIZE);
    s->failure_delay_ms = config_i64(&n->config, K_CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS);
    int32_t count = config_list_n(&c, K_CFG_SASL_ENABLED_MECHANISMS);
    bool ok = count > 0;
    if (!ok)
        node_fail(n, "sasl.enabled.mechanisms of listener ", listener, " names none", SLICE_EMPTY);
    for (int32_t i = 0; ok && i < count; i++)
        ok = enable(n, listener, config_list_at(&c, K_CFG_SASL_ENABLED_MECHANISMS, i), a, s);
    config_release(&c);
    return ok ? s : NULL;
}
