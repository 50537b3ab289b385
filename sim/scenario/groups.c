/* Groups of a scenario: their members, who has what, and where they are kept. */
#include "sim/scenario/run_internal.h"
#include "sim/scenario/users.h"

#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/txn/txns.h"

/* ---- members ---- */

struct told {
    struct run *r;
    struct slice text;
};

static void
say_told(struct world *w, void *ctx)
{
    const struct told *t = ctx;
    (void)w;
    run_tell(t->r, t->text, t->text);
}

void
group_told(void *ctx, struct slice text)
{
    struct run *r = ctx;
    struct told *t = ARENA_NEW(r->a, struct told);
    *t = (struct told){r, arena_dup(r->a, text)};
    world_at(r->w, 0, say_told, t);
}

static struct copy_params
copy_params_of(const struct client_spec *s)
{
    struct copy_params c = {.to = s->copy_to,
                            .producer = client_producer_params(s),
                            .transactional_id = s->transactional_id,
                            .abort_every = s->abort_every,
                            .timeout_ms = s->txn_timeout_ns / NS_PER_MS,
                            .value_bytes = s->value_bytes,
                            .version_max = (int16_t)s->txn_version};
    return c;
}

void
member_args_of(struct run *r, struct client_slot *c)
{
    const struct client_spec *s = c->spec;
    struct member_args *p = &c->member;
    *p = member_args_default(r->h, s->name, users_client(r, s));
    p->client.client_id = s->name;
    p->client.metadata_max_age_ms = s->metadata_max_age_ns / NS_PER_MS;
    p->client.request_timeout_ms = s->request_timeout_ns / NS_PER_MS + s->max_wait_ns / NS_PER_MS;
    p->consumer.request_timeout_ms = p->client.request_timeout_ms;
    p->consumer.max_wait_ms = (int32_t)(s->max_wait_ns / NS_PER_MS);
    p->consumer.read_committed = s->read_committed;
    p->consumer.rack = s->rack;
    p->membership.group_id = s->group;
    p->membership.instance_id = s->instance;
    p->membership.topics = s->subscribe;
    p->membership.topics_n = s->subscribe_n;
    p->membership.protocol = (enum group_protocol_kind)s->protocol;
    p->membership.assignor = (enum group_assignor)s->assignor;
    p->membership.has_store = s->store;
    p->membership.topology_epoch = (int32_t)s->topology;
    p->membership.session_timeout_ms = member_session_ns(r->s, s) / NS_PER_MS;
    p->membership.heartbeat_interval_ms = MAX(s->heartbeat_ns / NS_PER_MS, 1);
    p->membership.max_poll_interval_ms = s->max_poll_ns / NS_PER_MS;
    p->commits = (enum history_commits)s->commits;
    p->auto_interval_ms = s->auto_commit_ns / NS_PER_MS;
    p->poll_records = s->poll_records;
    p->work_ns = s->work_ns;
    p->from_latest = s->from_latest;
    if (s->copy_to.p) p->copy = copy_params_of(s);
    if (s->until_ns) p->until_ns = r->begin_ns + s->until_ns;
    p->told = group_told;
    p->ctx = r;
}

/* ---- who has what ---- */

struct partition_ref
group_home(const struct run *r, struct slice group)
{
    bool is_group = scenario_member(r->s, group, 0) != NULL ||
                    (r->look && !look_knows(r, COORDINATED_TXN, group));
    int64_t n = cluster_config_i64(r->s, is_group ? "offsets.topic.num.partitions"
                                                  : "transaction.state.log.num.partitions");
    return (struct partition_ref){is_group ? GROUPS_TOPIC : TXNS_TOPIC,
                                  coordinator_partition(group, (int32_t)n)};
}

static bool
is_at_work(const struct client_slot *c, struct slice group)
{
    return c->spec->group.p && slice_eq(c->spec->group, group) && c->m && machine_is_up(c->m) &&
           !c->member.done;
}

/* NULL: nobody, or more than one. */
static const struct member_owned *
owner_of(const struct run *r, struct slice group, const struct truth_partition *p)
{
    const struct member_owned *found = NULL;
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        const struct client_slot *c = &r->clients[i];
        for (int32_t j = 0; is_at_work(c, group) && j < c->member.owned_n; j++) {
            const struct member_owned *o = &c->member.owned[j];
            if (o->partition != p->partition || !slice_eq(c->spec->subscribe[o->topic], p->topic))
                continue;
            if (found) return NULL;
            found = o;
        }
    }
    return found;
}

static bool
is_subscribed(const struct run *r, struct slice group, struct slice topic)
{
    for (int32_t i = 0; i < r->s->clients_n; i++)
        for (int32_t j = 0;
             is_at_work(&r->clients[i], group) && j < r->clients[i].spec->subscribe_n; j++)
            if (slice_eq(r->clients[i].spec->subscribe[j], topic)) return true;
    return false;
}

/* The first partition that is not as it should be; NULL: all are. */
static const struct truth_partition *
first_unowned(const struct run *r, struct slice group, bool also_read)
{
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (!is_subscribed(r, group, p->topic)) continue;
        const struct member_owned *o = owner_of(r, group, p);
        if (!o || (also_read && o->position < p->high_watermark)) return p;
    }
    return NULL;
}

bool
group_is_owned(const struct run *r, struct slice group)
{
    return !first_unowned(r, group, false);
}

/* Where the owner keeps one itself, there is none: both are gone together. */
static int64_t
copies_of(const struct run *r, struct slice group, const struct truth_partition *p,
          int64_t *ret_members)
{
    const struct member_owned *owner = owner_of(r, group, p);
    int64_t copies = 0;
    *ret_members = 0;
    for (int32_t i = 0; owner && i < r->s->clients_n; i++) {
        const struct client_slot *c = &r->clients[i];
        if (!is_at_work(c, group)) continue;
        ++*ret_members;
        bool is_owner = owner >= c->member.owned && owner < c->member.owned + c->member.owned_n;
        for (int32_t j = 0; !is_owner && j < c->member.copies_n; j++) {
            const struct member_owned *o = &c->member.copies[j];
            copies +=
                o->partition == p->partition && slice_eq(c->spec->subscribe[o->topic], p->topic);
        }
    }
    return copies;
}

bool
group_is_copied(const struct run *r, struct slice group)
{
    int64_t wanted = cluster_config_i64(r->s, "group.streams.num.standby.replicas");
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        int64_t members, copies = copies_of(r, group, p, &members);
        if (!is_subscribed(r, group, p->topic)) continue;
        if (copies != MIN(wanted, members - 1)) return false;
    }
    return true;
}

int64_t
group_generation(const struct run *r, struct slice group)
{
    int64_t newest = 0;
    for (int32_t i = 0; i < r->s->clients_n; i++)
        if (is_at_work(&r->clients[i], group))
            newest = MAX(newest, r->clients[i].member.generation);
    return newest;
}

/* ---- the end ---- */

static const struct truth_partition *
first_unread(const struct run *r, struct slice *ret_group)
{
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        struct slice group = r->s->clients[i].group;
        const struct truth_partition *p = group.p ? first_unowned(r, group, true) : NULL;
        if (!p) continue;
        *ret_group = group;
        return p;
    }
    return NULL;
}

bool
groups_have_read(struct run *r)
{
    struct slice group;
    return !first_unread(r, &group);
}

int64_t
groups_progress(const struct run *r)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        const struct client_slot *c = &r->clients[i];
        for (int32_t j = 0; c->spec->group.p && j < c->member.owned_n; j++)
            sum += MAX(c->member.owned[j].position, 0);
    }
    return sum;
}

struct slice
groups_state(struct run *r)
{
    struct slice group;
    const struct truth_partition *p = first_unread(r, &group);
    if (!p) return S("all is owned and read");
    const struct member_owned *o = owner_of(r, group, p);
    return o ? arena_format(r->a, "%.*s of %.*s is read up to %lld of %lld", SARG(p->name),
                            SARG(group), (long long)o->position, (long long)p->high_watermark)
             : arena_format(r->a, "%.*s of %.*s has no owner, or several", SARG(p->name),
                            SARG(group));
}

static bool
partitions_may_come(const struct scenario *s)
{
    bool may = false;
    for (int32_t i = 0; i < s->steps_n; i++) may |= s->steps[i].args.extend.p != NULL;
    for (int32_t i = 0; i < s->nemesis.n; i++)
        may |= s->nemesis.v[i].weight > 0 && slice_eq(s->nemesis.v[i].fault, S("add-partitions"));
    return may;
}

int64_t
groups_shortest_session_ns(const struct scenario *s)
{
    int64_t shortest = 0;
    for (int32_t i = 0; i < s->clients_n; i++) {
        const struct client_spec *c = &s->clients[i];
        if (!c->group.p) continue;
        int64_t session_ns = member_session_ns(s, c);
        shortest = shortest ? MIN(shortest, session_ns) : session_ns;
    }
    return shortest;
}

/* Where partitions are added, a classic group's leader finds them when it asks for metadata anew, and nobody tells it to: after
 * metadata.max.age.ms, 5 minutes by default, as in Kafka. */
int64_t
groups_bound_ns(const struct scenario *s)
{
    int64_t longest = 0;
    bool may_come = partitions_may_come(s);
    for (int32_t i = 0; i < s->clients_n; i++) {
        const struct client_spec *c = &s->clients[i];
        int64_t work = c->work_ns * c->poll_records;
        int64_t news = may_come ? c->metadata_max_age_ns : 0;
        if (c->group.p)
            longest = MAX(longest, member_session_ns(s, c) + 2 * c->max_poll_ns +
                                       MIN(work, 60 * NS_PER_S) + news);
    }
    return longest ? longest + serve_bound_ns(s) : 0;
}
