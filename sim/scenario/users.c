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
jaas_of(const struct run *r)
{
    const struct settings *users = &r->s->cluster.users;
    struct writer w = writer_mem(r->a->mem);
    fmt_slice(&w, sasl_mechanism_module(SASL_PLAIN));
    fmt_str(&w, " required");
    for (int32_t i = 0; i < users->n; i++) {
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
    if (!r->s->cluster.users.n) return 0;
    struct slice by = S("simulator"), jaas = jaas_of(r);
    ret[0] = (struct node_setting){S("sasl.enabled.mechanisms"), S("PLAIN"), by};
    ret[1] = (struct node_setting){S("listener.name.users.plain.sasl.jaas.config"), jaas, by};
    ret[2] = (struct node_setting){S("listener.name.outside.plain.sasl.jaas.config"), jaas, by};
    return USERS_SETTINGS_MAX;
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
    sasl_login_init(login, SASL_PLAIN, user->name, user->value);
    p.login = &login->kind;
    p.bootstrap = bootstrap_of_users(r);
    return p;
}
