/* Writes the chronicle of a run for the checker: what faults took from disks, read from the disks themselves right
 * before and right after; which processes died and came back; who led and might lead, as the controllers decided and
 * any client could ask; which unclean elections the operator permitted. No broker is asked what it believes to have. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/record/batch.h"
#include "broker/work/work.h"
#include "sim/scenario/value.h"

/* ---- how far logs reach on a disk ------------------------------------------------------------------- */

struct reach {
    struct slice topic;
    int32_t partition;
    int64_t end; /* all batches before it are whole, and follow one another */
    int64_t
        lies; /* behind the last that is whole: a node that runs goes on behind a place that rots */
    int64_t
        first; /* where the first file says that it begins: also if there is nothing in it any more */
    bool is_broken;
    bool is_compacted;  /* between two batches some may be missing */
    VEC(int64_t) bases; /* … so which there are before the end: where each begins */
};

struct measuring {
    const struct run *r;
    struct arena *a;
    struct machine *m;
    VEC(struct reach) v;
};

/* Of a file in its directory; not of the quorum's own log. */
static bool
partition_of_dir(struct slice path, struct partition_ref *ret)
{
    int64_t end = path.n, from;
    while (end > 0 && path.p[end - 1] != '/') end--;
    if (end == 0) return false;
    for (from = --end; from > 0 && path.p[from - 1] != '/';) from--;
    struct slice dir = slice_sub(path, from, end - from);
    return value_partition(dir, ret) && !slice_starts(dir, S("__cluster_metadata"));
}

/* "…/orders-0/00000000000000000000.log", or what is to take its place; not what is being deleted. */
static bool
partition_of(struct slice path, struct partition_ref *ret)
{
    return (slice_ends(path, S(".log")) || slice_ends(path, S(".log.swap"))) &&
           partition_of_dir(path, ret);
}

/* Where the segment of this file begins; -1: its name does not say. */
static int64_t
base_of(struct slice path)
{
    const int64_t name_n = 20;
    int64_t at = path.n, base;
    while (at > 0 && path.p[at - 1] != '/') at--;
    if (path.n - at < name_n || !slice_to_i64(slice_sub(path, at, name_n), &base)) return -1;
    return base;
}

/* The cluster's own topics are, too. */
static bool
is_compacted(const struct run *r, struct slice topic)
{
    for (int32_t i = 0; i < r->s->topics_n; i++)
        if (slice_eq(r->s->topics[i].name, topic))
            return topic_may_be_compacted(r, &r->s->topics[i]);
    return slice_starts(topic, S("__"));
}

static struct reach *
reach_of(struct measuring *m, const struct partition_ref *p)
{
    for (int64_t i = 0; i < m->v.n; i++)
        if (m->v.v[i].partition == p->partition && slice_eq(m->v.v[i].topic, p->topic))
            return &m->v.v[i];
    struct reach *r = VEC_ADD(m->a->mem, &m->v);
    *r = (struct reach){
        .topic = arena_dup(m->a, p->topic),
        .partition = p->partition,
        .end = -1,
        .lies = -1,
        .first = -1,
        .is_compacted = is_compacted(m->r, p->topic),
    };
    return r;
}

/* The bytes of the batch there, of a file that begins with `first`; 0: none that is whole and goes on. Its head may be what is
 * spoilt; the offset in it no checksum covers. */
static int64_t
measure_batch(struct measuring *m, struct slice file, int64_t first, int64_t at, struct reach *r)
{
    struct slice rest = slice_sub(file, at, file.n - at);
    if (rest.n < BATCH_HEADER_BYTES) return 0;
    int64_t base = (int64_t)load_be64(rest.p),
            n = BATCH_SPAN_BYTES + (int32_t)load_be32(rest.p + 8);
    if (n < BATCH_HEADER_BYTES || n > rest.n || base > INT64_MAX - UINT32_MAX) return 0;
    int64_t due = r->lies < 0 ? first : r->lies;
    if (base > due && !r->is_compacted && !r->is_broken) return 0;
    if (base < due) /* of a segment that was to make way for a cleaned one */
        return r->is_compacted && !r->is_broken ? n : 0;
    uint32_t crc = crc32c(work_crc32c(), 0, slice(rest.p + 21, n - 21));
    if (crc != load_be32(rest.p + 17)) return 0;
    r->lies = base + (int32_t)load_be32(rest.p + 23) + 1;
    if (r->is_broken) return n;
    r->end = r->lies;
    if (r->is_compacted) VEC_PUSH(m->a->mem, &r->bases, base);
    return n;
}

static void
measure_segment(void *ctx, struct slice path, int64_t size)
{
    struct measuring *m = ctx;
    struct partition_ref p;
    if (!partition_of(path, &p)) return;
    struct reach *r = reach_of(m, &p);
    int64_t first = base_of(path);
    if (r->first < 0) r->first = first;
    uint8_t *all = mem_alloc(m->a->mem, MAX(size, 1));
    struct slice file = slice(all, MAX(disk_peek(m->m, path, IMAGE_CACHED, 0, all, size), 0));
    for (int64_t at = 0, n; at < file.n; at += n) {
        n = measure_batch(m, file, first, at, r);
        if (n > 0) continue;
        r->is_broken = true;
        n = 1; /* where the next one begins, nothing says */
    }
    mem_free(m->a->mem, all, MAX(size, 1));
}

static void
measure_disk(const struct run *r, struct machine *m, struct measuring *ret)
{
    *ret = (struct measuring){.r = r, .a = r->a, .m = m};
    disk_peek_all(m, IMAGE_CACHED, measure_segment, ret);
    for (int64_t i = 0; i < ret->v.n; i++) {
        struct reach *one = &ret->v.v[i];
        if (one->lies < 0) one->lies = one->end = one->first; /* retention has emptied it */
    }
}

/* ---- what a fault takes ------------------------------------------------------------------------------ */

#define WIPED "was wiped"

/* Between right before a fault and right after it. */
struct harm {
    struct run *r;
    struct node_slot *n;
    struct measuring before;
    struct slice what; /* null: nothing of the disk as it was */
    bool by_power;
    struct slice astray; /* the file that a write was meant for which landed elsewhere; null */
};

static void
copies_are_gone(const struct harm *h, struct slice what, bool by_power, const struct reach *was,
                int64_t from, int64_t to)
{
    struct happening one = happening_new(HAPPENED_COPIES_GONE, world_now_ns(h->r->w));
    one.node = h->n->id;
    one.topic = was->topic;
    one.partition = was->partition;
    one.from = from;
    one.to = to;
    one.by_power = by_power;
    one.what = what;
    if (from < to) chronicle_add(&h->r->chronicle, &one);
}

/* Of the log that was written to: what comes behind the hole is spoilt, too, whenever it is written. Where a cleaning
 * writes, the hole comes into the log with the segment that is made, and nobody can say when. */
static void
look_what_went_astray(const struct harm *h, struct measuring *after)
{
    struct partition_ref p;
    if (!partition_of_dir(h->astray, &p)) return;
    const struct reach *r = reach_of(after, &p);
    bool is_of_log = slice_ends(h->astray, S(".log"));
    int64_t from = MAX(is_of_log ? r->end : base_of(h->astray), 0);
    copies_are_gone(h, S(CHRONICLE_MISDIRECTED), false, r, from, INT64_MAX);
}

/* How far the log comes that is left. If it is compacted, a gap says nothing: a cleaning may have made it before, or the fault did,
 * which left the next file and not the end of this one. */
static int64_t
end_of_what_is_left(const struct reach *was, const struct reach *is)
{
    for (int64_t i = 0, at = 0; i < was->bases.n; i++) {
        while (at < is->bases.n && is->bases.v[at] < was->bases.v[i]) at++;
        if (at == is->bases.n || is->bases.v[at] != was->bases.v[i])
            return MIN(was->bases.v[i], MAX(is->end, 0));
    }
    return MAX(is->end, 0);
}

static void
release_measured(struct measuring *m)
{
    for (int64_t i = 0; i < m->v.n; i++) VEC_RELEASE(m->a->mem, &m->v.v[i].bases);
    VEC_RELEASE(m->a->mem, &m->v);
}

static void
look_what_is_gone(struct world *w, void *ctx)
{
    struct harm *h = ctx;
    struct measuring after;
    (void)w;
    h->n->harm = NULL;
    measure_disk(h->r, h->n->m, &after);
    if (h->astray.p) look_what_went_astray(h, &after);
    for (int64_t i = 0; i < h->before.v.n && h->what.p; i++) {
        const struct reach *was = &h->before.v.v[i];
        const struct partition_ref p = {was->topic, was->partition};
        int64_t end = end_of_what_is_left(was, reach_of(&after, &p));
        copies_are_gone(h, h->what, h->by_power, was, end, MAX(was->lies, 0));
    }
    release_measured(&after);
    release_measured(&h->before);
    if (slice_eq(h->what, S(WIPED))) h->n->spoilt_by = SLICE_NULL;
    else if (h->what.p && !h->by_power) h->n->spoilt_by = h->what;
}

/* Its process ended without order, so it looks its logs through as it starts, and cuts each at the first batch that is not whole.
 * What was written behind a spoilt place since that was told goes with it. */
static void
look_what_recovery_will_cut(struct run *r, struct node_slot *n)
{
    struct measuring is;
    struct harm h = {.r = r, .n = n};
    if (!n->spoilt_by.p || !n->has_died) return;
    measure_disk(r, n->m, &is);
    for (int64_t i = 0; i < is.v.n; i++)
        copies_are_gone(&h, n->spoilt_by, false, &is.v.v[i], MAX(is.v.v[i].end, 0), is.v.v[i].lies);
    release_measured(&is);
}

static void
see_harm(void *ctx, struct machine *m)
{
    struct run *r = ctx;
    for (int32_t i = 0; i < r->nodes_n; i++) {
        struct node_slot *n = &r->nodes[i];
        if (!n->is_broker || n->m->host != m->host || n->harm) continue;
        struct harm *h = n->harm = ARENA_NEW(r->a, struct harm);
        *h = (struct harm){.r = r, .n = n};
        measure_disk(r, m, &h->before);
        world_at(r->w, world_now_ns(r->w), look_what_is_gone, h);
    }
}

static void
name_harm(struct run *r, struct slice verb, struct slice what)
{
    static const struct {
        const char *verb, *words;
    } all[] = {{"power", "lost its unsynced tail"},
               {"wipe", WIPED},
               {"bit rot", CHRONICLE_ROT},
               {"files erased", "had files erased"},
               {"files cut short", "had files cut short"}};
    int64_t space = slice_find(what, ' ', 0);
    struct machine *m = world_machine(r->w, space < 0 ? what : slice_sub(what, 0, space));
    for (int64_t i = 0; m && i < ARRAY_LEN(all); i++) {
        if (!slice_eq(verb, slice_cstr(all[i].verb))) continue;
        for (int32_t k = 0; k < r->nodes_n; k++) {
            struct harm *h = r->nodes[k].m->host == m->host ? r->nodes[k].harm : NULL;
            if (!h) continue;
            h->what = slice_cstr(all[i].words);
            h->by_power = i == 0;
        }
    }
    struct node_slot *n = slice_eq(verb, S(FAULT_ASTRAY)) && m ? node_of(r, m) : NULL;
    if (n && n->harm)
        n->harm->astray = arena_dup(r->a, slice_sub(what, space + 1, what.n - space - 1));
}

/* ---- trouble ------------------------------------------------------------------------------------------ */

/* What lasts until it is healed. */
static bool
lasts(struct slice verb)
{
    static const char *const v[] = {"cut",  "flap",  "slow",  "hold",   "pause",
                                    "lose", "delay", "break", "repeat", "answer"};
    for (int64_t i = 0; i < ARRAY_LEN(v); i++)
        if (slice_eq(verb, slice_cstr(v[i]))) return true;
    return false;
}

static bool
ends_trouble(struct run *r, struct slice verb, struct slice what)
{
    static const struct {
        const char *verb, *ends[6];
    } all[] = {{"heal", {"cut", "flap"}},
               {"heal slow", {"slow"}},
               {"release", {"hold", "lose", "delay", "break", "repeat", "answer"}},
               {"resume", {"pause"}}};
    for (int64_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!slice_eq(verb, slice_cstr(all[i].verb))) continue;
        for (int k = 0; k < 6 && all[i].ends[k]; k++)
            chronicle_end_trouble(&r->chronicle,
                                  arena_format(r->a, "%s %.*s", all[i].ends[k], SARG(what)),
                                  world_now_ns(r->w));
        return true;
    }
    return slice_eq(verb, S("disk healed")) || slice_eq(verb, S("disk has room"));
}

static void
see_fault(void *ctx, struct slice verb, struct slice what)
{
    struct run *r = ctx;
    name_harm(r, verb, what);
    if (ends_trouble(r, verb, what)) return;
    struct happening one = happening_new(HAPPENED_TROUBLE, world_now_ns(r->w));
    one.what = arena_format(r->a, "%.*s %.*s", SARG(verb), SARG(what));
    if (lasts(verb)) one.until_ns = INT64_MAX;
    chronicle_add(&r->chronicle, &one);
}

/* ---- processes, leaders, permissions --------------------------------------------------------------------- */

static void
see_life(void *ctx, struct machine *m, enum life what, struct slice text)
{
    struct run *r = ctx;
    struct node_slot *n = node_of(r, m);
    bool has_died = what == LIFE_CRASH || what == LIFE_POWER || (what == LIFE_FATAL && text.n);
    if (!n || !n->is_broker || !(has_died || what == LIFE_START)) return;
    if (!has_died) look_what_recovery_will_cut(r, n);
    struct happening one =
        happening_new(has_died ? HAPPENED_ENDED : HAPPENED_STARTED, world_now_ns(r->w));
    one.node = n->id;
    chronicle_add(&r->chronicle, &one);
    n->has_died = has_died;
}

static void
add_ids(struct chronicle_ids *to, const struct ids_few *from)
{
    for (int32_t i = 0; i < from->n && to->n < CHRONICLE_IDS_MAX; i++)
        if (!chronicle_has(to, from->v[i])) to->v[to->n++] = from->v[i];
}

static void
see_placed(void *ctx, int64_t at_ns, const struct truth_partition *p)
{
    struct run *r = ctx;
    struct happening one = happening_new(HAPPENED_PLACED, at_ns);
    one.topic = p->topic;
    one.partition = p->partition;
    one.leader = p->leader;
    one.leader_epoch = (int32_t)p->leader_epoch;
    add_ids(&one.in_sync, &p->isr);
    add_ids(&one.in_sync, &p->elr);
    add_ids(&one.elr, &p->elr);
    chronicle_add(&r->chronicle, &one);
    nemesis_see_placed(r, p);
}

void
chronicler_begin(struct run *r)
{
    chronicle_init(&r->chronicle, r->a->mem);
    r->truth.placed = see_placed;
    world_observe(r->w, &(struct world_observer){
                            .harm = see_harm, .fault = see_fault, .life = see_life, .ctx = r});
}
