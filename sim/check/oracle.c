/* What the oracle hears and keeps. What it concludes is in oracle_end.c. */
#include "sim/check/oracle.h"

#include "broker/env/env.h"
#include "sim/check/oracle_own.h"

struct oracle *
oracle_new(struct mem *mem)
{
    struct oracle *o = MEM_NEW(mem, struct oracle);
    o->mem = mem;
    model_init(&o->model, mem);
    map_init(&o->sent, mem, (struct siphash_key){3, 4});
    anomalies_init(&o->found, mem);
    anomalies_init(&o->perhaps, mem);
    return o;
}

static void
free_key(struct oracle *o, struct oracle_key *k)
{
    if (!k) return;
    VEC_RELEASE(o->mem, &k->promises);
    VEC_RELEASE(o->mem, &k->read);
    VEC_RELEASE(o->mem, &k->told);
    VEC_RELEASE(o->mem, &k->standings);
    MEM_DELETE(o->mem, k);
}

void
oracle_free(struct oracle *o)
{
    struct mem *mem = o->mem;
    for (int64_t i = 0; i < o->model.keys.n; i++) free_key(o, o->model.keys.v[i]->user);
    MAP_EACH(&o->sent, s, struct sent_batch, map) {
        mem_free(mem, s->values, s->n * 8);
        MEM_DELETE(mem, s);
    }
    for (struct doom *d = o->dooms, *next; d; d = next) {
        next = d->next;
        MEM_DELETE(mem, d);
    }
    map_release(&o->sent);
    oracle_views_free(o);
    model_release(&o->model);
    anomalies_release(&o->found);
    anomalies_release(&o->perhaps);
    VEC_RELEASE(mem, &o->blows);
    for (int64_t i = 0; i < o->takings.n; i++) VEC_RELEASE(mem, &o->takings.v[i].v);
    for (int64_t i = 0; i < o->terms.n; i++) mem_free_slice(mem, o->terms.v[i].name);
    for (int64_t i = 0; i < o->troubles.n; i++) mem_free_slice(mem, o->troubles.v[i].words);
    VEC_RELEASE(mem, &o->takings);
    VEC_RELEASE(mem, &o->holes);
    for (int64_t i = 0; i < o->topics.n; i++) mem_free_slice(mem, o->topics.v[i].name);
    VEC_RELEASE(mem, &o->topics);
    VEC_RELEASE(mem, &o->terms);
    VEC_RELEASE(mem, &o->troubles);
    VEC_RELEASE(mem, &o->harms);
    MEM_DELETE(mem, o);
}

void
oracle_name(struct oracle *o, int32_t node, struct slice name)
{
    int32_t id = model_id_of(name);
    if (id >= 0 && !model_node(&o->model, node)) model_set_node(&o->model, node, name, id, false);
}

struct oracle_key *
oracle_key(struct oracle *o, struct topic_key *k)
{
    struct oracle_key *ok = k->user;
    if (ok) return ok;
    k->user = ok = MEM_NEW(o->mem, struct oracle_key);
    ok->led_epoch = -1;
    return ok;
}

/* ---- which of several of one name ---------------------------------------------------------------- */

/* NULL: the quorum was not heard to make it. */
static struct oracle_topic *
oracle_topic_named(struct oracle *o, struct slice name)
{
    for (int64_t i = 0; i < o->topics.n; i++)
        if (slice_eq(o->topics.v[i].name, name)) return &o->topics.v[i];
    return NULL;
}

struct node_log *
oracle_log(struct oracle *o, int32_t node, struct slice subject)
{
    struct node_log *l = model_bound(&o->model, node, subject);
    return l ? l : model_log(&o->model, node, model_key(&o->model, subject));
}

/* Two notes have the id with them. */
static struct topic_key *
key_noted(struct oracle *o, const struct note *n)
{
    struct uuid id = UUID_ZERO;
    if (n->text.n) (void)uuid_parse(n->text, &id);
    return model_key_of(&o->model, n->subject, id);
}

static struct node_log *
oracle_log_meant(struct oracle *o, int32_t node, const struct note *n)
{
    if (n->kind == NOTE_LOG_RECOVERED) return model_bind(&o->model, node, key_noted(o, n));
    return oracle_log(o, node, n->subject);
}

/* Of which topic a decision is, by its place in the quorum's log; NULL: of one that is no more. */
static struct topic_key *
key_decided(struct oracle *o, const struct note *n)
{
    int64_t dash = n->subject.n;
    while (dash > 0 && n->subject.p[dash - 1] != '-') dash--;
    const struct oracle_topic *t =
        oracle_topic_named(o, slice_sub(n->subject, 0, MAX(dash - 1, 0)));
    if (!t) return model_key(&o->model, n->subject);
    if (t->is_gone || n->v[4] < t->made_offset) return NULL;
    return model_key_of(&o->model, n->subject, t->id);
}

/* ---- batches ------------------------------------------------------------------------------------ */

/* A checksum alone may be another batch's, too: among the thousands of a run two that are equal are met. */
struct sought_batch {
    int32_t node, n;
    uint32_t crc;
    int64_t bytes;
};

static bool
is_sent(const struct map_node *node, const void *key)
{
    const struct sent_batch *s = CONTAINER_OF(node, const struct sent_batch, map);
    const struct sought_batch *k = key;
    return s->crc == k->crc && s->n == k->n && s->node == k->node && s->bytes == k->bytes;
}

void
oracle_sent(struct oracle *o, int32_t node, uint32_t crc, int64_t bytes, const uint64_t *values,
            int32_t n)
{
    struct sought_batch sought = {node, n, crc, bytes};
    uint64_t hash = map_hash_i64(&o->sent, crc, n);
    struct map_node *old = map_find(&o->sent, hash, is_sent, &sought);
    if (old) {
        /* Sent again; should another batch have the same checksum, the newer one counts. */
        struct sent_batch *same = CONTAINER_OF(old, struct sent_batch, map);
        memcpy(same->values, values, (size_t)n * 8);
        return;
    }
    struct sent_batch *s = MEM_NEW(o->mem, struct sent_batch);
    *s = (struct sent_batch){
        .node = node, .n = n, .crc = crc, .bytes = bytes, .values = mem_alloc(o->mem, n * 8)};
    memcpy(s->values, values, (size_t)n * 8);
    map_insert(&o->sent, &s->map, hash);
}

void
oracle_know_values(struct oracle *o, int32_t node, struct batch *b, uint32_t crc, int64_t bytes)
{
    struct sought_batch sought = {node, (int32_t)(b->last - b->base + 1), crc, bytes};
    uint64_t hash = map_hash_i64(&o->sent, crc, sought.n);
    struct map_node *found = map_find(&o->sent, hash, is_sent, &sought);
    if (b->values || !found) return;
    struct sent_batch *s = CONTAINER_OF(found, struct sent_batch, map);
    uint64_t *copy = mem_alloc(o->mem, s->n * 8);
    memcpy(copy, s->values, (size_t)s->n * 8);
    b->values = copy;
}

static void
appended(struct oracle *o, int32_t node, struct node_log *l, const struct note *n)
{
    bool conflict;
    struct batch *b = model_append(&o->model, l, n->v[0], n->v[1], (int32_t)n->v[2],
                                   (uint32_t)n->v[3], &conflict);
    oracle_copied(o, node, b);
    if (n->v[4]) oracle_know_values(o, node, b, (uint32_t)n->v[3], n->v[5]);
}

/* ---- elections ---------------------------------------------------------------------------------- */

static bool
holds(const struct node_log *l, const struct promise *p)
{
    if (!l || !p->batch) return false;
    return log_at(l, p->batch->base) == p->batch || model_may_lack(l, p->batch->base);
}

/* Who might lead when this leader was elected: as it was decided before. */
static const struct standing *
standing_before(const struct oracle_key *ok, int64_t at_ns)
{
    int64_t i = ok->standings.n;
    while (i > 0 && ok->standings.v[i - 1].at_ns >= at_ns) i--;
    return i ? &ok->standings.v[i - 1] : NULL;
}

/* ISR and ELR; while there is nobody in them, who was so last: their copies are what was promised. */
static void
stands(struct oracle *o, struct topic_key *k)
{
    struct oracle_key *ok = oracle_key(o, k);
    struct standing s = {.at_ns = o->now_ns, .eligible = k->now.isr};
    for (int32_t i = 0; i < k->now.elr.n && s.eligible.n < MODEL_IDS_MAX; i++)
        s.eligible.v[s.eligible.n++] = k->now.elr.v[i];
    if (s.eligible.n) VEC_PUSH(o->mem, &ok->standings, s);
}

/* An operator's request is carried out, or given up, by then. */
#define ASKED_NS (10 * NS_PER_S)

static bool
is_unclean(const struct topic_key *k, int64_t at_ns)
{
    const struct standing *s = standing_before(k->user, at_ns);
    return s && !model_has(&s->eligible, k->now.leader);
}

static bool
is_permitted(const struct oracle *o, const struct topic_key *k, int64_t at_ns)
{
    const struct oracle_key *ok = k->user;
    return oracle_terms(o, k).unclean == UNCLEAN_YES ||
           (ok->asked_ns && at_ns - ok->asked_ns <= ASKED_NS);
}

static struct doom *
new_doom(struct oracle *o, const struct topic_key *k, const struct node_log *l, int64_t at_ns)
{
    const struct oracle_key *ok = k->user;
    struct doom *d = MEM_NEW(o->mem, struct doom);
    *d = (struct doom){.next = o->dooms,
                       .key = k,
                       .at_ns = at_ns,
                       .leader = k->now.leader,
                       .epoch = k->now.leader_epoch,
                       .was_leader = k->before.leader,
                       .led = ok->led_epoch == k->now.leader_epoch,
                       .leader_end = l ? log_end(l) : 0};
    d->unclean = is_unclean(k, at_ns);
    d->by_leave = d->unclean && is_permitted(o, k, at_ns);
    return o->dooms = d;
}

/* Somebody was elected uncleanly by the operator's leave and did not come to lead; but that nobody else might lead was decided with
 * it, and stands. Who is elected in order then, without the record as well, leads by that leave. */
static bool
stands_on(const struct topic_key *k, const struct doom *d, int64_t at_ns)
{
    return d->by_leave && !is_unclean(k, at_ns);
}

/* Which promises does the new leader not keep? Acknowledgements come nearly in the order of offsets, and
 * what lies before a record that is there is there as well: so look back until many in a row are. */
#define LOOK_BACK 256

static void
elected(struct oracle *o, struct topic_key *k)
{
    struct node_log *l = model_log_of(&o->model, k->now.leader, k);
    struct oracle_key *ok = oracle_key(o, k);
    struct doom *d = NULL;
    int64_t kept = 0;
    ok->elected_ns = o->now_ns;
    if (is_unclean(k, o->now_ns) && is_permitted(o, k, o->now_ns)) ok->by_leave_ns = o->now_ns;
    for (int64_t i = ok->promises.n - 1; i >= 0 && kept < LOOK_BACK; i--) {
        struct promise *p = &ok->promises.v[i];
        if (!p->batch) continue;
        bool idle = p->doom && !p->doom->led;
        if (holds(l, p)) {
            kept++;
            if (idle) p->doom = NULL;
            continue;
        }
        kept = 0;
        if (p->doom && (!idle || stands_on(k, p->doom, o->now_ns))) continue;
        if (!d) d = new_doom(o, k, l, o->now_ns);
        p->doom = d;
    }
}

static void
took_role(struct oracle *o, const struct note *n)
{
    enum { LEADER = 2 }; /* of partition-role */
    struct topic_key *k = key_noted(o, n);
    /* A broker may hear of it before the active controller tells: where a follower of the quorum is a broker, too. */
    if (n->v[0] == LEADER) oracle_key(o, k)->led_epoch = (int32_t)n->v[2];
    for (struct doom *d = o->dooms; d; d = d->next)
        if (d->key == k && d->epoch == n->v[2] && n->v[0] == LEADER) d->led = true;
}

static void
oracle_decided(struct oracle *o, const struct note *n)
{
    struct topic_key *k = key_decided(o, n);
    int32_t leader = k ? k->now.leader : -1, epoch = k ? k->now.leader_epoch : -1;
    if (!k || !model_decide(k, n)) return;
    if (k->now.leader >= 0 && (k->now.leader != leader || k->now.leader_epoch != epoch))
        elected(o, k);
    stands(o, k);
}

/* ---- notes -------------------------------------------------------------------------------------- */

/* Only what is committed may be removed; else it is a loss like any other. */
static void
log_begins(struct oracle *o, struct topic_key *k, struct node_log *l, int64_t start)
{
    struct oracle_key *ok = oracle_key(o, k);
    l->start = start;
    if (start <= l->hw) ok->removed_to = MAX(ok->removed_to, start);
}

static void
note_of_log(struct oracle *o, int32_t node, const struct note *n)
{
    struct node_log *l = oracle_log_meant(o, node, n);
    struct topic_key *k = l->key;
    int64_t from;
    if (k->is_retired && o->topics.n) return; /* who has not heard of its end goes on with it */
    switch (n->kind) {
    case NOTE_LOG_APPEND: appended(o, node, l, n); return;
    case NOTE_LOG_WRITTEN:
        from = l->written;
        l->written = n->v[0];
        oracle_read_written(o, node, l, from);
        return;
    case NOTE_LOG_SYNCED: l->synced = n->v[0]; return;
    case NOTE_LOG_START: log_begins(o, k, l, n->v[0]); return;
    case NOTE_PARTITION_HW: l->hw = n->v[0]; return;
    case NOTE_LOG_TRUNCATE:
        if (n->v[0] < log_end(l)) oracle_took_away(o, node, BLOW_TRUNCATE, k, n->v[0], log_end(l));
        if (n->v[0] > log_end(l)) oracle_took_away(o, node, BLOW_TRUNCATE, k, l->start, log_end(l));
        oracle_take_from(o, node, BLOW_TRUNCATE, l, n->v[0] > log_end(l) ? 0 : n->v[0]);
        model_cut(l, n->v[0]);
        oracle_cut_at(o, node, k->index, n->v[0]);
        return;
    case NOTE_LOG_RECOVERED:
        if (n->v[1] < log_end(l)) oracle_took_away(o, node, BLOW_RECOVERY, k, n->v[1], log_end(l));
        oracle_take_from(o, node, BLOW_RECOVERY, l, n->v[1]);
        model_recovered(l, n->v[0], n->v[1]);
        oracle_cut_at(o, node, k->index, n->v[1]);
        /* What was written when it died, but not yet noted so. */
        oracle_read_written(o, node, l, l->start);
        return;
    default: return;
    }
}

void
oracle_note(struct oracle *o, int64_t at_ns, int32_t node, const struct note *n)
{
    o->now_ns = at_ns;
    if (!model_node(&o->model, node) || slice_starts(n->subject, S("__"))) return;
    switch (n->kind) {
    case NOTE_LOG_APPEND:
    case NOTE_LOG_WRITTEN:
    case NOTE_LOG_SYNCED:
    case NOTE_LOG_START:
    case NOTE_LOG_TRUNCATE:
    case NOTE_LOG_RECOVERED:
    case NOTE_PARTITION_HW: note_of_log(o, node, n); return;
    case NOTE_PARTITION_CHANGE: oracle_decided(o, n); return;
    case NOTE_PARTITION_ROLE: took_role(o, n); return;
    case NOTE_TOPIC_DELETED:
        if (!o->topics.n) model_forget_topic(&o->model, n->subject);
        return;
    default: return;
    }
}

void
oracle_life(struct oracle *o, int64_t at_ns, int32_t node, enum life what)
{
    o->now_ns = at_ns;
    if (!model_node(&o->model, node)) return;
    if (what == LIFE_CRASH || what == LIFE_FATAL)
        oracle_took_away(o, node, BLOW_CRASH, NULL, -1, -1);
    if (what == LIFE_POWER) {
        oracle_took_away(o, node, BLOW_POWER, NULL, -1, -1);
        oracle_take_all_logs(o, node, BLOW_POWER);
    }
    if (what == LIFE_CRASH || what == LIFE_FATAL || what == LIFE_POWER)
        model_crash(&o->model, node, what == LIFE_POWER);
}

void
oracle_stopped(struct oracle *o, int64_t at_ns, int32_t node)
{
    o->now_ns = at_ns;
    if (model_node(&o->model, node)) model_crash(&o->model, node, false);
}

void
oracle_wiped(struct oracle *o, int64_t at_ns, int32_t node)
{
    o->now_ns = at_ns;
    if (!model_node(&o->model, node)) return;
    oracle_took_away(o, node, BLOW_WIPE, NULL, -1, -1);
    oracle_take_all_logs(o, node, BLOW_WIPE);
    oracle_cut_at(o, node, -1, 0);
    model_wipe(&o->model, node);
}

/* ---- what clients were told --------------------------------------------------------------------- */

static bool
batch_has_value(const struct batch *b, int64_t offset, uint64_t value)
{
    return b && b->values && offset >= b->base && offset <= b->last &&
           b->values[offset - b->base] == value;
}

/* Among what logs have lost: an answer may be on its way for longer than the record lives. */
static struct batch *
find_taken_batch(const struct oracle *o, const struct topic_key *k, int64_t offset, uint64_t value)
{
    for (int64_t i = o->takings.n; i-- > 0;) {
        const struct taking *t = &o->takings.v[i];
        for (int64_t j = 0; j < t->v.n && t->key == k->index; j++)
            if (batch_has_value(t->v.v[j], offset, value)) return t->v.v[j];
    }
    return NULL;
}

/* The batch with this value at this offset, in whatever log. */
static struct batch *
find_batch(struct oracle *o, const struct topic_key *k, int64_t offset, uint64_t value)
{
    for (int64_t i = 0; i < o->model.nodes.n; i++) {
        const struct model_node *n = &o->model.nodes.v[i];
        if (k->index >= n->logs.n || !n->logs.v[k->index]) continue;
        struct batch *b = log_at(n->logs.v[k->index], offset);
        if (batch_has_value(b, offset, value)) return b;
    }
    return find_taken_batch(o, k, offset, value);
}

static bool
is_unread(const struct batch *b, int64_t offset)
{
    return b && !b->values && offset >= b->base && offset <= b->last;
}

/* A leader that writes batches anew gives them another checksum: only its disk tells what is in them, and what a fault
 * spoilt there nobody could read. What its log has at the offset that it told, or had until it was taken, is the record's,
 * then; that it noted an append excuses nothing: whether the copy was destroyed is seen on the disk. */
static struct batch *
find_unread_batch(struct oracle *o, const struct topic_key *k, int64_t offset, int32_t holder)
{
    const struct model_node *n = model_node_by_id(&o->model, holder);
    if (!n || !oracle_terms(o, k).is_rewritten) return NULL;
    struct node_log *l = model_log_of(&o->model, holder, k);
    struct batch *b = l ? log_at(l, offset) : NULL;
    if (is_unread(b, offset)) return b;
    for (int64_t i = o->takings.n; i-- > 0 && !b;) {
        const struct taking *t = &o->takings.v[i];
        bool is_its = t->key == k->index && t->node == n - o->model.nodes.v;
        for (int64_t j = 0; j < t->v.n && is_its; j++)
            if (is_unread(t->v.v[j], offset)) return t->v.v[j];
    }
    return NULL;
}

/* A leader that was deposed and did not know it has acknowledged this: the one after it lacks it. */
static struct doom *
doom_before(struct oracle *o, struct topic_key *k, const struct promise *p)
{
    struct node_log *l = model_log_of(&o->model, k->now.leader, k);
    if (holds(l, p)) return NULL;
    for (struct doom *d = o->dooms; d; d = d->next)
        if (d->key == k && d->epoch == p->after_epoch) return d;
    struct doom *d = new_doom(o, k, l, p->after_ns);
    d->led = true;
    return d;
}

static void
promised(struct oracle *o, struct topic_key *k, const struct history_op *op)
{
    struct oracle_key *ok = oracle_key(o, k);
    struct promise p = {.value = op->value,
                        .key = op->key,
                        .offset = op->offset,
                        .begun_ns = op->invoke_ns,
                        .at_ns = op->complete_ns,
                        .acks = op->acks,
                        .leader = op->node};
    if (p.offset >= 0) p.batch = find_batch(o, k, p.offset, p.value);
    if (p.offset >= 0 && !p.batch) p.batch = find_unread_batch(o, k, p.offset, p.leader);
    p.after = p.batch && p.batch->epoch < k->now.leader_epoch ? k->now.leader : -1;
    p.after_epoch = k->now.leader_epoch;
    p.after_ns = ok->elected_ns;
    p.doom = p.after >= 0 ? doom_before(o, k, &p) : NULL;
    VEC_PUSH(o->mem, &ok->promises, p);
}

/* A fault may have taken it while it was on its way to the reader. */
static uint64_t
taken_at(const struct oracle *o, const struct topic_key *k, int64_t offset, int32_t epoch)
{
    for (int64_t i = o->takings.n - 1; i >= 0; i--) {
        const struct taking *t = &o->takings.v[i];
        for (int64_t j = 0; t->key == k->index && j < t->v.n; j++) {
            const struct batch *b = t->v.v[j];
            bool is_there = b->base <= offset && offset <= b->last && b->epoch == epoch;
            if (is_there && b->values) return b->values[offset - b->base];
        }
    }
    return 0;
}

/* What a node gave out at an offset: not what the client says it got, but what lies in the log of that
 * epoch there, or lay there. */
static uint64_t
given_at(struct oracle *o, const struct topic_key *k, int64_t offset, int32_t epoch)
{
    for (int64_t i = 0; i < o->model.nodes.n; i++) {
        const struct model_node *n = &o->model.nodes.v[i];
        if (k->index >= n->logs.n || !n->logs.v[k->index]) continue;
        struct batch *b = log_at(n->logs.v[k->index], offset);
        if (b && b->values && (epoch < 0 || b->epoch == epoch)) return b->values[offset - b->base];
    }
    return taken_at(o, k, offset, epoch);
}

static void
gave(struct oracle *o, const struct history *h, struct topic_key *k, const struct history_read *r)
{
    struct oracle_key *ok = oracle_key(o, k);
    uint64_t value = given_at(o, k, r->offset, r->leader_epoch);
    if (value == 0 || r->offset < 0) return;
    while (ok->read.n <= r->offset) VEC_PUSH(o->mem, &ok->read, 0), VEC_PUSH(o->mem, &ok->told, 0);
    uint64_t *first = &ok->read.v[r->offset];
    if (*first == 0) *first = value;
    if (*first == value || ok->told.v[r->offset]) return;
    ok->told.v[r->offset] = 1;
    oracle_add(o, h, RULE_INCONSISTENT_OFFSET, k, r->offset, value, LOSS_NONE,
               S("the checker says whether it is permitted"),
               S("two records were given out at this offset, of different leader epochs"));
}

static void
topic_is_gone(struct oracle *o, struct topic_key *k)
{
    struct oracle_key *ok = oracle_key(o, k);
    ok->is_gone = true;
    ok->promises.n = ok->read.n = ok->told.n = ok->standings.n = 0;
    ok->removed_to = 0;
}

/* A topic that is made again has the name of the old one, and nothing else. */
static void
topic_turns(struct oracle *o, struct slice topic, bool is_made, int64_t at_ns)
{
    for (int64_t i = 0; i < o->model.keys.n; i++) {
        struct topic_key *k = o->model.keys.v[i];
        if (!slice_eq(k->topic, topic)) continue;
        struct oracle_key *ok = oracle_key(o, k);
        if (!is_made) topic_is_gone(o, k);
        if (!is_made || !ok->is_gone) continue;
        topic_is_gone(o, k);
        ok->is_gone = false;
        ok->born_ns = at_ns;
    }
}

void
oracle_topic_turns(struct oracle *o, int64_t at_ns, struct slice topic, struct uuid id,
                   int64_t offset, bool is_made)
{
    struct oracle_topic *t = oracle_topic_named(o, topic);
    o->now_ns = at_ns;
    if (!t) {
        t = VEC_ADD(o->mem, &o->topics);
        t->name = mem_dup(o->mem, topic);
    }
    if (is_made) t->id = id, t->made_offset = offset;
    if (is_made || uuid_eq(t->id, id)) t->is_gone = !is_made;
    if (is_made) return;
    for (int64_t i = 0; i < o->model.keys.n; i++)
        if (uuid_eq(o->model.keys.v[i]->id, id)) topic_is_gone(o, o->model.keys.v[i]);
    model_forget_id(&o->model, id);
}

/* What became of it the administrator may never be told: he counts only where nobody else says it. */
static void
told_of_topic(struct oracle *o, const struct history *h, const struct history_op *op)
{
    bool has_deleted = op->key == ADMIN_DELETE && op->outcome != HISTORY_FAIL;
    bool has_made = op->key == ADMIN_CREATE && op->outcome == HISTORY_OK;
    if (o->topics.n || op->topic < 0 || !(has_deleted || has_made)) return;
    topic_turns(o, history_topic_name(h, op->topic), has_made, op->complete_ns);
}

/* Whose it is the client knows by the id; of what was done by name alone nobody can say it if there were several. */
static struct topic_key *
key_told(struct oracle *o, const struct history *h, const struct history_op *op)
{
    struct slice name = history_topic_name(h, op->topic);
    struct uuid id = h->topics.v[op->topic].id;
    if (uuid_is_zero(id)) return model_find_key(&o->model, name, op->partition);
    const struct oracle_topic *t = oracle_topic_named(o, name);
    if (op->is_of_any_life && !(t && uuid_eq(t->id, id))) return NULL;
    for (int64_t i = o->model.keys.n; i-- > 0;) {
        struct topic_key *k = o->model.keys.v[i];
        if (k->partition == op->partition && uuid_eq(k->id, id) && slice_eq(k->topic, name))
            return k;
    }
    return NULL;
}

void
oracle_told(struct oracle *o, const struct history *h, const struct history_op *op)
{
    if (op->kind == HISTORY_ADMIN) told_of_topic(o, h, op);
    if (op->topic < 0 || op->partition < 0 || op->outcome != HISTORY_OK) return;
    if (op->kind != HISTORY_SEND && op->kind != HISTORY_POLL) return;
    struct topic_key *k = key_told(o, h, op);
    if (!k) return;
    const struct oracle_key *ok = oracle_key(o, k);
    o->now_ns = op->complete_ns;
    o->history = h;
    if (ok->is_gone || op->invoke_ns < ok->born_ns) return;
    if (op->kind == HISTORY_SEND) promised(o, k, op);
    const struct history_read *r = history_reads(h, op);
    for (int64_t i = 0; op->kind == HISTORY_POLL && i < op->reads_n; i++) gave(o, h, k, &r[i]);
}
