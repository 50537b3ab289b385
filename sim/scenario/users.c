#include "sim/scenario/users.h"

#include "broker/base/fmt.h"
#include "broker/security/sasl_login.h"
#include "sim/scenario/run_internal.h"
#include "sim/scenario/value.h"

/* ---- loading ---- */

/* It stands in quotes in sasl.jaas.config. */
static bool
is_fit_for_password(struct slice s)
{
    for (int64_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\') return false;
    return s.n > 0;
}

void
users_decode(struct load *l, const struct tree *t)
{
    struct settings *users = &l->s->cluster.users;
    if (!want_map(l, t, "users")) return;
    users->v = ARENA_ARRAY(l->a, struct setting, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        const struct pair *p = &t->pairs[i];
        if (!value_is_word(p->key))
            diag_error(l->d, p->mark, "letters, digits, - _ .", "this is no name for a user");
        else if (p->value->kind != TREE_TEXT || !is_fit_for_password(p->value->text))
            diag_error(l->d, p->value->mark, "a text without \" and \\",
                       "this is no password for %.*s", SARG(p->key));
        else users->v[users->n++] = (struct setting){p->key, p->value->text};
    }
}

static struct slice
name_of_principal(struct slice name)
{
    return slice_starts(name, S("User:")) ? slice_sub(name, 5, name.n) : name;
}

static const struct setting *
user_find(const struct scenario *s, struct slice name)
{
    name = name_of_principal(name);
    for (int32_t i = 0; i < s->cluster.users.n; i++)
        if (slice_eq(s->cluster.users.v[i].name, name)) return &s->cluster.users.v[i];
    return NULL;
}

bool
user_is_known(struct load *l, struct slice name, struct mark mark)
{
    if (user_find(l->s, name)) return true;
    struct words users = {.arena = l->a};
    for (int32_t i = 0; i < l->s->cluster.users.n; i++)
        words_add(&users, l->s->cluster.users.v[i].name);
    diag_error(l->d, mark,
               users.v.n ? words_advice(&users, name_of_principal(name))
                         : "cluster: {users: {alice: wonder}}",
               "the cluster has no user %.*s", SARG(name_of_principal(name)));
    return false;
}

/* ---- running ---- */

static struct slice
jaas_of(const struct run *r, enum sasl_mechanism m)
{
    const struct settings *users = &r->s->cluster.users;
    struct writer w = writer_mem(r->a->mem);
    fmt_slice(&w, sasl_mechanism_module(m));
    fmt_str(&w, " required");
    for (int32_t i = 0; m == SASL_PLAIN && i < users->n; i++) {
        fmt_str(&w, " user_");
        fmt_slice(&w, users->v[i].name);
        fmt_str(&w, "=\"");
        fmt_slice(&w, users->v[i].value);
        fmt_char(&w, '"');
    }
    fmt_char(&w, ';');
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

int32_t
users_settings(const struct run *r, struct node_setting *ret)
{
    static const char *const names[2][SASL_MECHANISMS_N] = {
        {"listener.name.users.plain.sasl.jaas.config",
         "listener.name.users.scram-sha-256.sasl.jaas.config",
         "listener.name.users.scram-sha-512.sasl.jaas.config"},
        {"listener.name.outside.plain.sasl.jaas.config",
         "listener.name.outside.scram-sha-256.sasl.jaas.config",
         "listener.name.outside.scram-sha-512.sasl.jaas.config"}};
    int32_t n = 0;
    if (!r->s->cluster.users.n) return 0;
    ret[n++] = (struct node_setting){S("sasl.enabled.mechanisms"),
                                     S("PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"), S("simulator")};
    for (int i = 0; i < 2; i++)
        for (enum sasl_mechanism m = SASL_PLAIN; m < SASL_MECHANISMS_N; m++)
            ret[n++] =
                (struct node_setting){slice_cstr(names[i][m]), jaas_of(r, m), S("simulator")};
    return n;
}

/* The brokers' addresses, at the port where one must say who one is. */
static struct slice
bootstrap_of_users(const struct run *r)
{
    struct writer w = writer_mem(r->a->mem);
    for (int32_t i = 0; i < r->nodes_n; i++) {
        if (!r->nodes[i].is_broker) continue;
        if (w.n) fmt_char(&w, ',');
        fmt_slice(&w, r->nodes[i].m->name);
        fmt_char(&w, ':');
        fmt_i64(&w, USERS_PORT);
    }
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

struct client_params
users_client(const struct run *r, const struct client_spec *c)
{
    struct client_params p = r->client_params;
    const struct setting *user = c->user.p ? user_find(r->s, c->user) : NULL;
    if (!user) return p;
    struct sasl_login *login = ARENA_NEW(r->a, struct sasl_login);
    sasl_login_init(login, (enum sasl_mechanism)c->mechanism, user->name,
                    c->password.p ? c->password : user->value);
    p.login = &login->kind;
    p.bootstrap = bootstrap_of_users(r);
    return p;
}
