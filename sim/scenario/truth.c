#include "sim/scenario/truth.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/scenario/value.h"

void
truth_init(struct truth *t, struct arena *a)
{
    *t = (struct truth){.a = a, .controller = -1, .quorum_leader = -1};
}

bool
ids_few_has(const struct ids_few *s, int32_t id)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->v[i] == id) return true;
    return false;
}

static struct truth_partition *
truth_find(struct truth *t, struct slice name)
{
    for (int64_t i = 0; i < t->partitions.n; i++)
        if (slice_eq(t->partitions.v[i]->name, name)) return t->partitions.v[i];
    return NULL;
}

struct truth_partition *
truth_partition(struct truth *t, struct partition_ref p)
{
    for (int64_t i = 0; i < t->partitions.n; i++) {
        struct truth_partition *x = t->partitions.v[i];
        if (x->partition == p.partition && slice_eq(x->topic, p.topic)) return x;
    }
    return NULL;
}

/* "1,2,3" behind "isr=" in "replicas=1,2,3 isr=1,2 elr= last=". */
static struct ids_few
ids_behind(struct slice text, struct slice key)
{
    struct ids_few r = {0};
    for (int64_t at = 0; at + key.n <= text.n; at++) {
        bool begins = at == 0 || text.p[at - 1] == ' ';
        if (!begins || !slice_eq(slice_sub(text, at, key.n), key)) continue;
        int64_t v = 0, i = at + key.n;
        bool has = false;
        for (; i <= text.n; i++) {
            uint8_t c = i < text.n ? text.p[i] : ' ';
            if (c >= '0' && c <= '9') {
                v = v * 10 + (c - '0'), has = true;
                continue;
            }
            if (has && r.n < TRUTH_REPLICAS) r.v[r.n++] = (int32_t)v;
            v = 0, has = false;
            if (c != ',') break;
        }
        return r;
    }
    return r;
}

static void
fmt_ids(struct writer *w, const struct ids_few *s)
{
    fmt_char(w, '{');
    for (int32_t i = 0; i < s->n; i++) {
        if (i) fmt_char(w, ',');
        fmt_i64(w, s->v[i]);
    }
    fmt_char(w, '}');
}

static void
truth_tell(struct truth *t, int64_t at_ns, struct slice line)
{
    if (t->told) t->told(t->ctx, at_ns, line);
}

static void
tell_partition(struct truth *t, int64_t at_ns, const struct truth_partition *p, bool leader_changed,
               bool unclean)
{
    char text[256];
    struct writer w = writer_fixed(text, sizeof text);
    if (leader_changed && p->leader < 0) {
        fmt_str(&w, "nobody leads ");
        fmt_slice(&w, p->name);
    } else if (leader_changed) {
        fmt_char(&w, 'b');
        fmt_i64(&w, p->leader);
        fmt_str(&w, " leads ");
        fmt_slice(&w, p->name);
    } else {
        fmt_slice(&w, p->name);
    }
    fmt_str(&w, leader_changed ? " (epoch " : ": ");
    if (leader_changed) {
        fmt_i64(&w, p->leader_epoch);
        fmt_str(&w, unclean ? ", uncleanly), " : "), ");
    }
    fmt_str(&w, "ISR ");
    fmt_ids(&w, &p->isr);
    if (p->elr.n) {
        fmt_str(&w, " ELR ");
        fmt_ids(&w, &p->elr);
    }
    truth_tell(t, at_ns, writer_slice(&w));
}

static struct truth_partition *
new_partition(struct truth *t, struct slice name)
{
    struct partition_ref ref = {SLICE_EMPTY, 0};
    struct truth_partition *p = ARENA_NEW(t->a, struct truth_partition);
    *p = (struct truth_partition){
        .name = arena_dup(t->a, name), .leader = -1, .partition_epoch = -1, .leader_epoch = -1};
    if (value_partition(p->name, &ref)) p->topic = ref.topic, p->partition = ref.partition;
    VEC_PUSH(t->a->mem, &t->partitions, p);
    return p;
}

/* Where a topic of this name was deleted last; -1: never. */
static int64_t
deleted_at(const struct truth *t, struct slice topic)
{
    for (int64_t i = 0; i < t->deletions.n; i++)
        if (slice_eq(t->deletions.v[i].topic, topic)) return t->deletions.v[i].offset;
    return -1;
}

/* Another controller applies what is known. Not so where the topic was made again since: its partitions count from 0. */
static bool
is_applied_already(const struct truth_partition *p, const struct note *n)
{
    bool is_of_another = n->v[2] < p->partition_epoch && n->v[4] > p->offset && n->v[1] == 0;
    return n->v[2] <= p->partition_epoch && !is_of_another;
}

static void
partition_change(struct truth *t, int64_t at_ns, const struct note *n)
{
    struct truth_partition *p = truth_find(t, n->subject);
    struct partition_ref ref;
    if (value_partition(n->subject, &ref) && n->v[4] < deleted_at(t, ref.topic))
        return; /* who stood still tells of a topic that is no more */
    if (!p) p = new_partition(t, n->subject);
    if (is_applied_already(p, n)) return;
    bool leader_changed = p->leader != n->v[0] || p->leader_epoch != n->v[1];
    p->elections += leader_changed && n->v[0] >= 0 && !t->is_over;
    struct ids_few isr = ids_behind(n->text, S("isr="));
    bool isr_changed = isr.n != p->isr.n || memcmp(isr.v, p->isr.v, sizeof isr.v) != 0;
    p->leader = (int32_t)n->v[0];
    p->leader_epoch = n->v[1];
    p->partition_epoch = n->v[2];
    p->offset = n->v[4];
    p->isr = isr;
    p->replicas = ids_behind(n->text, S("replicas="));
    p->elr = ids_behind(n->text, S("elr="));
    if (t->placed) t->placed(t->ctx, at_ns, p);
    bool leader_moved = leader_changed && t->partitions.n;
    if (leader_moved || isr_changed) tell_partition(t, at_ns, p, leader_changed, n->v[3] != 0);
}

/* In the order of decisions, not of their telling: a controller that stood still learns late that its last ones were committed, and
 * tells of them then. (Who takes over tells all that it found at one offset.) */
static bool
is_of_now(struct truth *t, int64_t id, int64_t epoch, int64_t offset)
{
    if (id < 0 || id >= TRUTH_NODES || epoch < t->broker_epoch[id] ||
        offset < t->standing_offset[id])
        return false;
    t->broker_epoch[id] = epoch;
    t->standing_offset[id] = offset;
    return true;
}

/* It serves, leaves in order, or is fenced. */
static void
standing(struct truth *t, const struct world_event *e, const struct note *n)
{
    bool unfenced = n->kind == NOTE_BROKER_UNFENCED, stopping = n->kind == NOTE_BROKER_SHUTDOWN;
    if (!is_of_now(t, n->v[0], n->v[1], n->v[2])) return;
    bool changed = t->unfenced[n->v[0]] != unfenced || t->stopping[n->v[0]] != stopping;
    t->unfenced[n->v[0]] = unfenced;
    t->stopping[n->v[0]] = stopping;
    if (!changed) return;
    char text[128];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_str(&w, "controller ");
    fmt_slice(&w, e->machine->name);
    fmt_str(&w, unfenced || stopping ? " lets b" : " fences b");
    fmt_i64(&w, n->v[0]);
    fmt_str(&w, unfenced ? " serve" : stopping ? " go" : "");
    truth_tell(t, e->at_ns, writer_slice(&w));
}

void
truth_ended(struct truth *t, int32_t id)
{
    if (id >= 0 && id < TRUTH_NODES) t->has_ended[id] = true;
}

bool
truth_may_lead(const struct truth *t, const struct truth_partition *p, int32_t id)
{
    return ids_few_has(&p->isr, id) && id >= 0 && id < TRUTH_NODES && !t->has_ended[id];
}

static void
controller_active(struct truth *t, const struct world_event *e, const struct note *n)
{
    if (n->v[1] < t->controller_epoch) return;
    t->controller = (int32_t)n->v[0];
    t->controller_epoch = n->v[1];
    char text[128];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_slice(&w, e->machine->name);
    fmt_str(&w, " is the active controller (epoch ");
    fmt_i64(&w, n->v[1]);
    fmt_char(&w, ')');
    truth_tell(t, e->at_ns, writer_slice(&w));
}

static void
note_deletion(struct truth *t, struct slice topic, int64_t offset)
{
    for (int64_t i = 0; i < t->deletions.n; i++) {
        if (!slice_eq(t->deletions.v[i].topic, topic)) continue;
        t->deletions.v[i].offset = MAX(t->deletions.v[i].offset, offset);
        return;
    }
    struct truth_deletion d = {arena_dup(t->a, topic), offset};
    VEC_PUSH(t->a->mem, &t->deletions, d);
}

/* Partitions of which something was decided after it are of another topic of the same name. */
void
truth_topic_deleted(struct truth *t, struct slice topic, int64_t offset)
{
    note_deletion(t, topic, offset);
    for (int64_t i = t->partitions.n - 1; i >= 0; i--)
        if (slice_eq(t->partitions.v[i]->topic, topic) && t->partitions.v[i]->offset <= offset)
            VEC_REMOVE_AT(&t->partitions, i);
}

static void
high_watermark(struct truth *t, const struct note *n)
{
    struct truth_partition *p = truth_find(t, n->subject);
    if (p && n->v[2] && n->v[1] >= p->leader_epoch) p->high_watermark = n->v[0];
}

void
truth_see(struct truth *t, const struct world_event *e)
{
    for (int32_t i = 0; i < e->notes_n; i++) {
        const struct note *n = e->notes[i];
        switch (n->kind) {
        case NOTE_PARTITION_CHANGE: partition_change(t, e->at_ns, n); break;
        case NOTE_PARTITION_HW: high_watermark(t, n); break;
        case NOTE_BROKER_REGISTERED:
            if (is_of_now(t, n->v[0], n->v[1], n->v[4])) t->unfenced[n->v[0]] = n->v[3] == 0;
            break;
        case NOTE_BROKER_UNFENCED:
        case NOTE_BROKER_FENCED:
        case NOTE_BROKER_SHUTDOWN: standing(t, e, n); break;
        case NOTE_NODE_SERVING:
            if (n->v[0] >= 0 && n->v[0] < TRUTH_NODES) t->has_ended[n->v[0]] = false;
            break;
        case NOTE_CONTROLLER_ACTIVE: controller_active(t, e, n); break;
        case NOTE_RAFT_STATE:
            /* state, epoch, leader, vote: a note of the leader's own or of who follows it */
            if (n->v[2] < 0 || n->v[1] <= t->quorum_epoch) break;
            t->quorum_leader = (int32_t)n->v[2];
            t->quorum_epoch = n->v[1];
            break;
        default: break;
        }
    }
}
