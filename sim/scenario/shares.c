/* Share groups of a scenario: their members, and when there is nothing left to be given. */
#include "sim/scenario/run_internal.h"
#include "sim/scenario/users.h"

#include "broker/base/check.h"
#include "broker/share/shares.h"

/* An acknowledgement waits for as long as a broker asks its share coordinator. */
static int64_t
request_ns(const struct client_spec *s)
{
    return 15 * NS_PER_S + s->max_wait_ns;
}

void
share_args_of(struct run *r, struct client_slot *c)
{
    const struct client_spec *s = c->spec;
    struct share_args *p = &c->share;
    *p = share_args_default(r->h, s->name, users_client(r, s));
    p->client.client_id = s->name;
    p->client.metadata_max_age_ms = s->metadata_max_age_ns / NS_PER_MS;
    p->client.request_timeout_ms = request_ns(s) / NS_PER_MS;
    p->share.group_id = s->share_group;
    p->share.topic = s->share;
    p->share.records_max = (int32_t)s->poll_records;
    p->share.max_wait_ms = (int32_t)(s->max_wait_ns / NS_PER_MS);
    p->work_ns = s->work_ns;
    p->release_every = s->release_every;
    p->reject_every = s->reject_every;
    p->fails_at_every = s->fails_at_every;
    p->dies_at_every = s->dies_at_every;
    if (s->until_ns) p->until_ns = r->begin_ns + s->until_ns;
}

/* ---- dead letters ---- */

bool
letter_topic_of(const struct settings *changed, struct slice *ret)
{
    for (int32_t i = 0; i < changed->n; i++)
        if (slice_eq(changed->v[i].name, S("errors.deadletterqueue.topic.name")))
            return *ret = changed->v[i].value, true;
    return false;
}

bool
is_letter_topic(const struct scenario *s, struct slice name)
{
    struct slice topic;
    for (int32_t i = 0; i < s->steps_n; i++) {
        const struct args *a = &s->steps[i].args;
        if (a->alter_group.p && letter_topic_of(&a->config, &topic) && slice_eq(topic, name))
            return true;
    }
    return false;
}

static bool
is_among(const struct slice *v, int32_t n, struct slice name)
{
    for (int32_t i = 0; i < n; i++)
        if (slice_eq(v[i], name)) return true;
    return false;
}

int32_t
letter_topics(struct run *r, struct slice **ret)
{
    const struct scenario *s = r->s;
    int32_t n = 0;
    *ret = ARENA_ARRAY(r->a, struct slice, s->steps_n + 1);
    for (int32_t i = 0; i < s->steps_n; i++) {
        struct slice topic;
        if (!s->steps[i].args.alter_group.p) continue;
        if (!letter_topic_of(&s->steps[i].args.config, &topic) || !topic.n) continue;
        bool is_there = truth_partition(&r->truth, (struct partition_ref){topic, 0}) != NULL;
        if (is_there && !is_among(*ret, n, topic)) (*ret)[n++] = topic;
    }
    return n;
}

/* A letter that is not taken is sent five times in this time. */
static int64_t
letters_ns(const struct scenario *s)
{
    for (int32_t i = 0; i < s->steps_n; i++)
        if (s->steps[i].args.alter_group.p) return 20 * NS_PER_S;
    return 0;
}

/* ---- when they are done ---- */

/* What is held by one that went away comes back when its lock runs out, and its session is over. */
static int64_t
quiet_ns(const struct scenario *s)
{
    return (cluster_config_i64(s, "group.share.record.lock.duration.ms") +
            cluster_config_i64(s, "group.share.session.timeout.ms") + 3000) *
               NS_PER_MS +
           letters_ns(s);
}

static int64_t
longest_work_ns(const struct scenario *s)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < s->clients_n; i++)
        if (s->clients[i].share.p)
            longest = MAX(longest, s->clients[i].work_ns * s->clients[i].poll_records);
    return MIN(longest, 60 * NS_PER_S);
}

/* Whoever asked a broker right before its power went hears nothing of it until this time is over (request.timeout.ms, as in
 * Kafka, where it is longer), and then a while may pass until it is connected with another one. */
static int64_t
longest_request_ns(const struct scenario *s)
{
    int64_t longest = 0;
    for (int32_t i = 0; i < s->clients_n; i++)
        if (s->clients[i].share.p) longest = MAX(longest, request_ns(&s->clients[i]));
    return longest;
}

bool
shares_are_quiet(const struct run *r)
{
    int64_t last = 0;
    bool some = false;
    for (int32_t i = 0; i < r->s->clients_n; i++) {
        const struct client_slot *c = &r->clients[i];
        if (!c->spec->share.p) continue;
        some = true;
        last = MAX(last, c->share.last_given_ns);
    }
    int64_t begin = MAX(last, r->last_fault_ns + longest_request_ns(r->s));
    return !some || world_now_ns(r->w) - begin > quiet_ns(r->s) + longest_work_ns(r->s);
}

int64_t
shares_bound_ns(const struct scenario *s)
{
    int64_t deliveries = cluster_config_i64(s, "group.share.delivery.count.limit");
    bool some = false;
    for (int32_t i = 0; i < s->clients_n; i++) some |= s->clients[i].share.p != NULL;
    return some ? (deliveries + 2) * (quiet_ns(s) + longest_work_ns(s)) + longest_request_ns(s) : 0;
}

/* As for the offsets of groups (groups.c). */
const char *
shares_at_risk(const struct run *r)
{
    struct chronicle_ids hurt = {0};
    int64_t least = cluster_config_i64(r->s, "share.coordinator.state.topic.min.isr");
    for (int64_t i = 0; i < r->chronicle.v.n; i++) {
        const struct happening *one = &r->chronicle.v.v[i];
        bool of_shares = slice_eq(one->topic, SHARES_TOPIC);
        if (one->kind == HAPPENED_UNCLEAN_ASKED && of_shares)
            return "an unclean election of the share groups' topic was asked for";
        if (one->kind == HAPPENED_UNCLEAN_SET && one->is_on && (of_shares || !one->topic.p))
            return "the share groups' topic may be led by a replica that lacks records";
        if (one->kind == HAPPENED_COPIES_GONE && (of_shares || !one->topic.p) &&
            !chronicle_has(&hurt, one->node) && hurt.n < CHRONICLE_IDS_MAX)
            hurt.v[hurt.n++] = one->node;
    }
    return hurt.n >= MAX(least, 1) ? "as many copies of the share groups' topic were destroyed as "
                                     "an acknowledgement surely has"
                                   : NULL;
}
