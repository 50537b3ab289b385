/* Members of groups, as a scenario names them. */
#include "sim/scenario/load.h"

#include "broker/base/check.h"
#include "broker/client/membership.h"
#include "sim/history/history.h"

static void
take_topic(struct load *l, const struct tree *t, struct client_spec *c)
{
    if (t->kind != TREE_TEXT) {
        diag_error(l->d, t->mark, "orders, or [orders, payments]", "a topic is due here");
        return;
    }
    for (int32_t i = 0; i < c->subscribe_n; i++)
        if (slice_eq(c->subscribe[i], t->text))
            diag_error(l->d, t->mark, NULL, "%.*s stands here twice", SARG(t->text));
    if (check_topic(l, t->text, t->mark)) c->subscribe[c->subscribe_n++] = t->text;
}

void
member_decode(struct load *l, const struct pair *p, struct client_spec *c)
{
    const struct tree *t = p->value->kind == TREE_MAP ? tree_get(p->value, S("subscribe")) : NULL;
    if (!t) return;
    c->subscribe = ARENA_ARRAY(l->a, struct slice, t->n + 2);
    if (t->kind != TREE_LIST) take_topic(l, t, c);
    for (int32_t i = 0; t->kind == TREE_LIST && i < t->n; i++) take_topic(l, t->items[i], c);
    if (t->kind == TREE_LIST && !t->n)
        diag_error(l->d, t->mark, "[orders]", "it subscribes to nothing");
    if (c->protocol != GROUP_PROTOCOL_CLASSIC && !tree_get(p->value, S("assignor")))
        c->assignor = ASSIGNOR_UNIFORM;
    if (c->copy_to.p) {
        c->commits = COMMIT_IN_TXN;
        if (!c->transactional_id.p) c->transactional_id = c->name;
        if (!tree_get(p->value, S("isolation"))) c->read_committed = 1;
    }
    if (!c->heartbeat_ns) c->heartbeat_ns = MIN(3 * NS_PER_S, c->session_ns / 3);
}

static struct mark
mark_of(const struct pair *p, const char *key)
{
    const struct tree *v = tree_get(p->value, slice_cstr(key));
    return v ? v->mark : p->mark;
}

/* Words that say something of members only. */
static void
check_others(struct load *l, const struct pair *p)
{
    static const char *const words[] = {
        "group",        "members",   "assignor", "protocol", "instance",
        "session",      "heartbeat", "max-poll", "commit",   "auto-commit-interval",
        "poll-records", "work",      "copy-to",  "store",    "topology"};
    /* These are for members of share groups, too. */
    static const char *const shared[] = {"members", "poll-records", "work"};
    for (int64_t i = 0; i < ARRAY_LEN(words); i++) {
        bool fits = false;
        for (int64_t k = 0; k < ARRAY_LEN(shared) && !fits; k++)
            fits = tree_get(p->value, S("share")) &&
                   slice_eq(slice_cstr(words[i]), slice_cstr(shared[k]));
        if (!fits && tree_get(p->value, slice_cstr(words[i])))
            diag_error(l->d, mark_of(p, words[i]), "subscribe: orders",
                       "`%s` is for members of groups", words[i]);
    }
}

int64_t
member_session_ns(const struct scenario *s, const struct client_spec *c)
{
    if (c->protocol == GROUP_PROTOCOL_CLASSIC) return c->session_ns;
    return cluster_config_i64(s, c->protocol == GROUP_PROTOCOL_STREAMS
                                     ? "group.streams.session.timeout.ms"
                                     : "group.consumer.session.timeout.ms") *
           NS_PER_MS;
}

/* Where the coordinator says it, a member does not. */
static void
check_consumer(struct load *l, const struct pair *p, const struct client_spec *c)
{
    bool streams = c->protocol == GROUP_PROTOCOL_STREAMS;
    if (tree_get(p->value, S("session")))
        diag_error(l->d, mark_of(p, "session"),
                   streams ? "cluster: {config: {group.streams.session.timeout.ms: …}}"
                           : "cluster: {config: {group.consumer.session.timeout.ms: …}}",
                   "with this protocol the cluster says how long a session is");
    if (tree_get(p->value, S("heartbeat")))
        diag_error(l->d, mark_of(p, "heartbeat"),
                   streams ? "cluster: {config: {group.streams.heartbeat.interval.ms: …}}"
                           : "cluster: {config: {group.consumer.heartbeat.interval.ms: …}}",
                   "with this protocol the cluster says how often there are heartbeats");
    if (streams && tree_get(p->value, S("assignor")))
        diag_error(l->d, mark_of(p, "assignor"), NULL, "streams groups have one assignor");
    if (c->assignor != ASSIGNOR_RANGE && c->assignor != ASSIGNOR_UNIFORM)
        diag_error(l->d, mark_of(p, "assignor"), "uniform, or range",
                   "the coordinator assigns, and has no such assignor");
}

static void
check_streams_words(struct load *l, const struct pair *p, const struct client_spec *c)
{
    static const char *const words[] = {"store", "topology"};
    for (int64_t i = 0; i < ARRAY_LEN(words) && c->protocol != GROUP_PROTOCOL_STREAMS; i++)
        if (tree_get(p->value, slice_cstr(words[i])))
            diag_error(l->d, mark_of(p, words[i]), "protocol: streams",
                       "`%s` is for members of streams groups", words[i]);
}

/* The coordinator takes a session only between these. */
static void
check_session(struct load *l, const struct pair *p, const struct client_spec *c)
{
    static const char *const least = "group.min.session.timeout.ms",
                             *const most = "group.max.session.timeout.ms";
    int64_t ms = c->session_ns / NS_PER_MS;
    if (ms < cluster_config_i64(l->s, least))
        diag_error(l->d, mark_of(p, "session"),
                   "cluster: {config: {group.min.session.timeout.ms: …}}",
                   "a session of %d ms is refused: %s is %d", (int)ms, least,
                   (int)cluster_config_i64(l->s, least));
    if (ms > cluster_config_i64(l->s, most))
        diag_error(l->d, mark_of(p, "session"), NULL, "a session of %d ms is refused: %s is %d",
                   (int)ms, most, (int)cluster_config_i64(l->s, most));
    if (c->heartbeat_ns >= c->session_ns)
        diag_error(l->d, mark_of(p, "heartbeat"), "a third of the session",
                   "the session ends before the next heartbeat");
}

/* Whether a group may have members of both protocols. */
static bool
may_migrate(struct load *l)
{
    const char *name = "group.consumer.migration.policy";
    struct slice policy = cluster_config_text(l->s, name);
    return slice_eq_any_case(policy, S("bidirectional"));
}

static void
check_peers(struct load *l, const struct pair *p, const struct client_spec *c)
{
    const struct client_spec *o;
    for (int32_t i = 0; (o = scenario_member(l->s, c->group, i)); i++) {
        bool clashes = c->instance.p && o->instance.p && !c->members && !o->members &&
                       slice_eq(c->instance, o->instance) && o->until_ns == 0 && c->start_ns == 0;
        bool may_meet = may_migrate(l) && o->protocol != GROUP_PROTOCOL_STREAMS &&
                        c->protocol != GROUP_PROTOCOL_STREAMS;
        if (o->protocol != c->protocol && !may_meet)
            diag_error(l->d, mark_of(p, "protocol"),
                       "cluster: {config: {group.consumer.migration.policy: bidirectional}}",
                       "%.*s of this group has another protocol: one of them is refused",
                       SARG(o->name));
        else if (o->protocol == c->protocol && c->protocol == GROUP_PROTOCOL_CLASSIC &&
                 o->assignor != c->assignor)
            diag_error(l->d, mark_of(p, "assignor"), "the same for all members",
                       "%.*s of this group has another assignor: one of them is refused",
                       SARG(o->name));
        if (clashes)
            diag_warn(l->d, mark_of(p, "instance"), "a name for each",
                      "%.*s has this instance id too: one of them is fenced", SARG(o->name));
    }
}

static void
check_copying(struct load *l, const struct pair *p, const struct client_spec *c)
{
    if (!c->copy_to.p) {
        if (c->transactional_id.p)
            diag_error(l->d, mark_of(p, "transactional-id"), "copy-to: copies",
                       "a member that copies nothing has no transactions");
        return;
    }
    check_topic(l, c->copy_to, mark_of(p, "copy-to"));
    for (int32_t i = 0; i < c->subscribe_n; i++)
        if (slice_eq(c->subscribe[i], c->copy_to))
            diag_error(l->d, mark_of(p, "copy-to"), "another topic",
                       "it would read its own copies, for ever");
    if (tree_get(p->value, S("commit")))
        diag_error(l->d, mark_of(p, "commit"), NULL,
                   "with `copy-to` offsets are committed with the copies");
    if (c->acks != -1 || c->idempotent != YES || c->in_flight > 5)
        diag_error(l->d, c->mark, "acks: all, in-flight: 5 at most",
                   "only an idempotent producer sends in transactions");
}

void
member_check(struct load *l, const struct pair *p, const struct client_spec *c)
{
    if (!c->subscribe) {
        check_others(l, p);
        return;
    }
    if (!c->group.p) {
        diag_error(l->d, c->mark, "group: readers", "subscribe: as a member of which group?");
        return;
    }
    if (c->protocol != GROUP_PROTOCOL_CLASSIC) check_consumer(l, p, c);
    else check_session(l, p, c);
    if (c->protocol == GROUP_PROTOCOL_CLASSIC && c->assignor == ASSIGNOR_UNIFORM)
        diag_error(l->d, mark_of(p, "assignor"), "protocol: consumer",
                   "`uniform` is the coordinator's, and here members assign");
    check_peers(l, p, c);
    check_copying(l, p, c);
    check_streams_words(l, p, c);
    if (tree_get(p->value, S("auto-commit-interval")) && c->commits != COMMIT_AUTO)
        diag_error(l->d, mark_of(p, "auto-commit-interval"), "commit: auto",
                   "it does not commit by itself");
}

void
member_multiply(struct load *l, const struct client_spec *all)
{
    for (int32_t i = 1; i <= all->members; i++) {
        struct client_spec one = *all;
        one.members = 0;
        one.name = arena_format(l->a, "%.*s%d", SARG(all->name), (int)i);
        if (all->copy_to.p)
            one.transactional_id =
                arena_format(l->a, "%.*s%d", SARG(all->transactional_id), (int)i);
        if (all->instance.p)
            one.instance = arena_format(l->a, "%.*s%d", SARG(all->instance), (int)i);
        if (client_name_is_taken(l, one.name))
            diag_error(l->d, all->mark, NULL, "the name %.*s is taken", SARG(one.name));
        l->s->clients[l->s->clients_n++] = one;
    }
}

const struct client_spec *
scenario_member(const struct scenario *s, struct slice group, int32_t n)
{
    for (int32_t i = 0; i < s->clients_n; i++)
        if (s->clients[i].group.p && slice_eq(s->clients[i].group, group) && n-- == 0)
            return &s->clients[i];
    return NULL;
}
