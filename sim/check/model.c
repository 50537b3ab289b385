#include "sim/check/model.h"

bool
model_has(const struct model_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->n; i++)
        if (ids->v[i] == id) return true;
    return false;
}

void
model_init(struct model *t, struct mem *mem)
{
    *t = (struct model){.mem = mem};
    map_init(&t->batches, mem, (struct siphash_key){1, 2});
    map_init(&t->subjects, mem, (struct siphash_key){1, 2});
}

static void
free_key(struct model *t, struct topic_key *k)
{
    mem_free_slice(t->mem, k->subject);
    mem_free_slice(t->mem, k->topic);
    VEC_RELEASE(t->mem, &k->committed);
    VEC_RELEASE(t->mem, &k->leaders);
    VEC_RELEASE(t->mem, &k->commits);
    VEC_RELEASE(t->mem, &k->elections);
    VEC_RELEASE(t->mem, &k->heard);
    MEM_DELETE(t->mem, k);
}

static void
free_logs(struct model *t, struct model_node *n)
{
    for (int64_t i = 0; i < n->logs.n; i++) {
        if (!n->logs.v[i]) continue;
        VEC_RELEASE(t->mem, &n->logs.v[i]->v);
        VEC_RELEASE(t->mem, &n->logs.v[i]->lags);
        MEM_DELETE(t->mem, n->logs.v[i]);
    }
    VEC_RELEASE(t->mem, &n->logs);
}

void
model_release(struct model *t)
{
    for (int64_t i = 0; i < t->nodes.n; i++) {
        free_logs(t, &t->nodes.v[i]);
        mem_free_slice(t->mem, t->nodes.v[i].name);
    }
    MAP_EACH(&t->batches, b, struct batch, node) {
        if (b->values) mem_free(t->mem, (void *)(uintptr_t)b->values, (b->last - b->base + 1) * 8);
        MEM_DELETE(t->mem, b);
    }
    for (int64_t i = 0; i < t->keys.n; i++) free_key(t, t->keys.v[i]);
    map_release(&t->batches);
    for (int64_t i = 0; i < t->compacted.n; i++) mem_free_slice(t->mem, t->compacted.v[i]);
    VEC_RELEASE(t->mem, &t->compacted);
    map_release(&t->subjects);
    VEC_RELEASE(t->mem, &t->nodes);
    VEC_RELEASE(t->mem, &t->keys);
}

/* ---- nodes -------------------------------------------------------------------------------------- */

int32_t
model_id_of(struct slice name)
{
    int64_t digits;
    if (name.n < 2 || (name.p[0] != 'b' && name.p[0] != 'k')) return -1;
    if (!slice_to_i64(slice_sub(name, 1, name.n - 1), &digits) || digits < 0 || digits > 10000)
        return -1;
    return (int32_t)digits + (name.p[0] == 'k' ? 100 : 0);
}

void
model_set_node(struct model *t, int32_t node, struct slice name, int32_t id, bool is_voter)
{
    while (t->nodes.n <= node) VEC_ADD(t->mem, &t->nodes)->id = -1;
    struct model_node *n = &t->nodes.v[node];
    if (!n->name.p) n->name = mem_dup(t->mem, name);
    n->id = id;
    n->is_voter = is_voter;
    n->up = n->current = true;
}

struct model_node *
model_node(struct model *t, int32_t node)
{
    if (node < 0 || node >= t->nodes.n || t->nodes.v[node].id < 0) return NULL;
    return &t->nodes.v[node];
}

struct model_node *
model_node_by_id(struct model *t, int32_t id)
{
    for (int64_t i = 0; i < t->nodes.n; i++)
        if (id >= 0 && t->nodes.v[i].id == id) return &t->nodes.v[i];
    return NULL;
}

/* ---- keys --------------------------------------------------------------------------------------- */

bool
model_is_metadata(const struct topic_key *k)
{
    return slice_eq(k->subject, S("__cluster_metadata-0"));
}

static bool
topic_is_compacted(const struct model *t, struct slice topic)
{
    for (int64_t i = 0; i < t->compacted.n; i++)
        if (slice_eq(t->compacted.v[i], topic)) return true;
    return slice_eq(topic, S("__consumer_offsets")) || slice_eq(topic, S("__transaction_state"));
}

void
model_compacted(struct model *t, struct slice topic)
{
    if (topic_is_compacted(t, topic)) return;
    struct slice copy = mem_dup(t->mem, topic);
    VEC_PUSH(t->mem, &t->compacted, copy);
    for (int64_t i = 0; i < t->keys.n; i++)
        if (slice_eq(t->keys.v[i]->topic, topic)) t->keys.v[i]->is_compacted = true;
}

bool
model_may_lack(const struct node_log *l, int64_t offset)
{
    return l->key->is_compacted && !log_at(l, offset) && log_end(l) > offset;
}

static bool
is_of_subject(const struct map_node *node, const void *subject)
{
    return slice_eq(CONTAINER_OF(node, const struct topic_key, node)->subject,
                    *(const struct slice *)subject);
}

/* Notes are mostly about a few partitions of one topic, in turn. */
static struct topic_key **
found_lately(struct model *t, struct slice subject)
{
    return &t->found[subject.n ? subject.p[subject.n - 1] % ARRAY_LEN(t->found) : 0];
}

struct topic_key *
model_find_subject(struct model *t, struct slice subject)
{
    struct topic_key **lately = found_lately(t, subject);
    if (*lately && slice_eq((*lately)->subject, subject)) return *lately;
    struct map_node *found =
        map_find(&t->subjects, map_hash(&t->subjects, subject), is_of_subject, &subject);
    return found ? *lately = CONTAINER_OF(found, struct topic_key, node) : NULL;
}

/* It becomes the newest of its name. */
static struct topic_key *
make_key(struct model *t, struct slice subject)
{
    struct topic_key *k = MEM_NEW(t->mem, struct topic_key);
    int64_t dash = subject.n - 1, partition = 0;
    while (dash > 0 && subject.p[dash] != '-') dash--;
    (void)slice_to_i64(slice_sub(subject, dash + 1, subject.n - dash - 1), &partition);
    k->subject = mem_dup(t->mem, subject);
    k->topic = mem_dup(t->mem, slice_sub(subject, 0, MAX(0, dash)));
    k->partition = (int32_t)partition;
    k->is_compacted = topic_is_compacted(t, k->topic);
    k->index = (int32_t)t->keys.n;
    k->older = model_find_subject(t, subject);
    if (k->older) map_remove(&t->subjects, &k->older->node);
    map_insert(&t->subjects, &k->node, map_hash(&t->subjects, subject));
    VEC_PUSH(t->mem, &t->keys, k);
    return *found_lately(t, subject) = k;
}

struct topic_key *
model_key(struct model *t, struct slice subject)
{
    struct topic_key *k = model_find_subject(t, subject);
    return k ? k : make_key(t, subject);
}

struct topic_key *
model_key_of(struct model *t, struct slice subject, struct uuid id)
{
    struct topic_key *newest = model_find_subject(t, subject);
    if (uuid_is_zero(id)) return newest ? newest : make_key(t, subject);
    for (struct topic_key *k = newest; k; k = k->older)
        if (uuid_eq(k->id, id)) return k;
    if (!newest || newest->is_retired || !uuid_is_zero(newest->id)) newest = make_key(t, subject);
    newest->id = id;
    return newest;
}

/* The newest. */
struct topic_key *
model_find_key(struct model *t, struct slice topic, int32_t partition)
{
    for (int64_t i = t->keys.n; i-- > 0;)
        if (t->keys.v[i]->partition == partition && slice_eq(t->keys.v[i]->topic, topic))
            return t->keys.v[i];
    return NULL;
}

static struct node_log *
find_log(const struct model_node *n, const struct topic_key *k)
{
    return k->index < n->logs.n ? n->logs.v[k->index] : NULL;
}

struct node_log *
model_log(struct model *t, int32_t node, struct topic_key *k)
{
    struct model_node *n = model_node(t, node);
    if (!n) return NULL;
    while (n->logs.n <= k->index) VEC_PUSH(t->mem, &n->logs, NULL);
    struct node_log **at = &n->logs.v[k->index];
    if (!*at) {
        *at = MEM_NEW(t->mem, struct node_log);
        (*at)->key = k;
        (*at)->epoch = (*at)->checked_epoch = (*at)->isr_epoch = -1;
    }
    return *at;
}

struct node_log *
model_bind(struct model *t, int32_t node, struct topic_key *k)
{
    struct node_log *l = model_log(t, node, k), *old = l ? model_bound(t, node, k->subject) : NULL;
    if (old) old->is_bound = false;
    if (l) l->is_bound = true;
    return l;
}

struct node_log *
model_bound(struct model *t, int32_t node, struct slice subject)
{
    const struct model_node *n = model_node(t, node);
    for (const struct topic_key *k = model_find_subject(t, subject); n && k; k = k->older) {
        struct node_log *l = find_log(n, k);
        if (l && l->is_bound) return l;
    }
    return NULL;
}

struct node_log *
model_log_of(struct model *t, int32_t id, const struct topic_key *k)
{
    struct model_node *n = model_node_by_id(t, id);
    return n ? find_log(n, k) : NULL;
}

static void
retire(struct model *t, struct topic_key *k)
{
    k->now = k->before = (struct decision){0};
    k->stood = k->died = (struct model_ids){0};
    k->elections.n = 0;
    k->is_retired = true;
    k->committed.n = k->leaders.n = 0;
    k->ghost = 0;
    for (int64_t n = 0; n < t->nodes.n; n++) {
        struct node_log *l = find_log(&t->nodes.v[n], k);
        if (l) l->v.n = 0, l->start = l->hw = l->written = l->synced = 0, l->leads = false;
    }
}

void
model_forget_topic(struct model *t, struct slice topic)
{
    for (int64_t i = 0; i < t->keys.n; i++)
        if (slice_eq(t->keys.v[i]->topic, topic)) retire(t, t->keys.v[i]);
}

void
model_forget_id(struct model *t, struct uuid id)
{
    for (int64_t i = 0; i < t->keys.n; i++)
        if (uuid_eq(t->keys.v[i]->id, id)) retire(t, t->keys.v[i]);
}

/* ---- logs --------------------------------------------------------------------------------------- */

/* Nearly always it is one of the last. */
static struct batch *
search(struct batch *const *v, int64_t n, int64_t offset)
{
    int64_t low = 0, high = n;
    for (int64_t back = 1; back <= n; back *= 2) {
        if (v[n - back]->last < offset) {
            low = n - back + 1;
            break;
        }
        high = n - back;
    }
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (v[mid]->last < offset) low = mid + 1;
        else high = mid;
    }
    return low < n && v[low]->base <= offset ? v[low] : NULL;
}

struct batch *
log_at(const struct node_log *l, int64_t offset)
{
    return search(l->v.v, l->v.n, offset);
}

struct batch *
committed_at(const struct topic_key *k, int64_t offset)
{
    return search(k->committed.v, k->committed.n, offset);
}

struct batch *
log_last(const struct node_log *l)
{
    return l->v.n ? l->v.v[l->v.n - 1] : NULL;
}

int64_t
log_end(const struct node_log *l)
{
    return l->v.n ? MAX(log_last(l)->last + 1, l->cut_end) : l->start;
}

struct sought {
    const struct topic_key *key;
    int64_t base, last;
    int32_t epoch;
    uint32_t crc;
    bool other; /* any but this one */
};

static bool
is_sought(const struct map_node *node, const void *key)
{
    const struct batch *b = CONTAINER_OF(node, const struct batch, node);
    const struct sought *s = key;
    if (b->key != s->key || b->base != s->base || b->epoch != s->epoch) return false;
    return (b->crc == s->crc && b->last == s->last) != s->other;
}

struct batch *
model_append(struct model *t, struct node_log *l, int64_t base, int64_t last, int32_t epoch,
             uint32_t crc, bool *ret_conflict)
{
    if (l->key->is_compacted) crc = 0;
    struct sought s = {l->key, base, last, epoch, crc, false};
    uint64_t hash = map_hash_i64(&t->batches, base << 8 ^ l->key->index, epoch);
    struct map_node *found = map_find(&t->batches, hash, is_sought, &s);
    *ret_conflict = false;
    if (!found) {
        s.other = true;
        *ret_conflict = map_find(&t->batches, hash, is_sought, &s) != NULL;
        struct batch *b = MEM_NEW(t->mem, struct batch);
        *b = (struct batch){.key = l->key, .base = base, .last = last, .epoch = epoch, .crc = crc};
        b->prev = log_last(l);
        map_insert(&t->batches, &b->node, hash);
        found = &b->node;
    }
    struct batch *b = CONTAINER_OF(found, struct batch, node);
    if (l->v.n == 0) l->start = base;
    VEC_PUSH(t->mem, &l->v, b);
    return b;
}

static void
model_truncate(struct node_log *l, int64_t end)
{
    while (l->v.n && log_last(l)->last >= end) l->v.n--;
    l->written = MIN(l->written, end);
    l->synced = MIN(l->synced, end);
    /* A cut below the log's start takes that with it; what retention deleted may lie here still, before it. */
    l->start = l->v.n ? MIN(l->start, end) : end;
}

void
model_cut(struct node_log *l, int64_t end)
{
    if (end > log_end(l)) l->v.n = 0, l->anew = end;
    model_truncate(l, end);
    /* A cleaning may have taken what lay just below. */
    l->cut_end = l->key->is_compacted ? end : 0;
}

void
model_recovered(struct node_log *l, int64_t start, int64_t end)
{
    model_truncate(l, end);
    l->cut_end =
        0; /* from now on it ends where its last batch does: nothing else lies on the disk */
    l->start = start;
    l->anew = 0;
    l->written = l->synced = end;
    l->open = true;
    l->hurt = l->by_power = false;
}

static void
crash_log(struct node_log *l, bool power)
{
    l->leads = l->open = l->is_syncing = false;
    l->hw = 0;
    l->epoch = l->checked_epoch = l->isr_epoch = -1;
    /* What was being cut when the process died may be there again. */
    l->hurt = true;
    if (!power) return;
    l->by_power = true;
    /* What was not synced may be there or not; until it is read again it counts as gone. */
    model_truncate(l, MAX(l->start, l->synced));
}

void
model_crash(struct model *t, int32_t node, bool power)
{
    struct model_node *n = model_node(t, node);
    if (!n) return;
    n->up = false;
    n->is_unknown = true;
    if (power) n->current = false;
    for (int64_t i = 0; i < n->logs.n; i++)
        if (n->logs.v[i]) crash_log(n->logs.v[i], power);
}

void
model_wipe(struct model *t, int32_t node)
{
    struct model_node *n = model_node(t, node);
    if (!n) return;
    n->current = false;
    for (int64_t i = 0; i < n->logs.n; i++) {
        struct node_log *l = n->logs.v[i];
        if (!l) continue;
        l->v.n = 0;
        l->start = l->written = l->synced = l->hw = 0;
    }
    n->is_spoilt = false;
}

/* ---- decisions ---------------------------------------------------------------------------------- */

/* "… name=1,2,3 …" */
static struct model_ids
parse_ids(struct slice text, const char *name)
{
    struct model_ids ids = {0};
    struct slice sought = slice_cstr(name);
    int64_t at = 0;
    while (at + sought.n <= text.n && memcmp(text.p + at, sought.p, (size_t)sought.n) != 0) at++;
    at += sought.n;
    while (at < text.n && text.p[at] != ' ' && ids.n < MODEL_IDS_MAX) {
        int64_t end = at, id;
        while (end < text.n && text.p[end] != ',' && text.p[end] != ' ') end++;
        if (slice_to_i64(slice_sub(text, at, end - at), &id)) ids.v[ids.n++] = (int32_t)id;
        at = end < text.n && text.p[end] == ',' ? end + 1 : end;
    }
    return ids;
}

bool
model_decide_as(struct topic_key *k, const struct decision *d)
{
    bool is_other_leader = d->leader != k->now.leader || d->leader_epoch != k->now.leader_epoch;
    if (k->now.known && d->partition_epoch == k->now.partition_epoch && !is_other_leader)
        return false;
    if (k->now.known && d->offset < k->now.offset) return false;
    if (k->now.known && is_other_leader) k->before = k->now;
    k->now = *d;
    if (d->isr.n || d->elr.n) k->stood = d->isr;
    for (int32_t i = 0; i < d->elr.n && k->stood.n < MODEL_IDS_MAX; i++)
        k->stood.v[k->stood.n++] = d->elr.v[i];
    return true;
}

struct decision
model_decision(const struct note *n)
{
    return (struct decision){.known = true,
                             .leader = (int32_t)n->v[0],
                             .leader_epoch = (int32_t)n->v[1],
                             .partition_epoch = (int32_t)n->v[2],
                             .unclean = n->v[3] != 0,
                             .offset = n->v[4],
                             .replicas = parse_ids(n->text, "replicas="),
                             .isr = parse_ids(n->text, " isr="),
                             .elr = parse_ids(n->text, " elr="),
                             .last = parse_ids(n->text, " last=")};
}

bool
model_decide(struct topic_key *k, const struct note *n)
{
    struct decision d = model_decision(n);
    return model_decide_as(k, &d);
}
