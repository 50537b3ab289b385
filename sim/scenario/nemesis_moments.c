/* Random faults that wait for a moment. One that falls at any time finds a coordinator with its hands empty, and no cleaner
 * at work: what a commit, the end of a transaction or a swap of segments is made of takes milliseconds. */
#include "sim/scenario/nemesis.h"

#include "apis.h"

#define MOMENTS_MAX 3 /* that are waited for at the same time */
#define CLEANING_OPS 24
#define MOMENT_NS NS_PER_S /* what nobody asks for by then, perhaps nobody ever does */

static bool
may_strike(struct run *r)
{
    return r->playing && run_now(r) < r->s->nemesis.until_ns && nemesis_has_room(r);
}

/* ---- a coordinator is asked, or answers ---- */

struct moment {
    struct run *r;
    struct slice kind;
    struct machine *coordinator; /* who was asked; NULL: nobody yet */
    bool is_over;                /* it came, or nobody waits for it any more */
};

static const int16_t of_coordinators[] = {
    K_API_END_TXN,       K_API_WRITE_TXN_MARKERS, K_API_ADD_PARTITIONS_TO_TXN,
    K_API_OFFSET_COMMIT, K_API_INIT_PRODUCER_ID,  K_API_TXN_OFFSET_COMMIT,
    K_API_JOIN_GROUP,    K_API_SYNC_GROUP,        K_API_CONSUMER_GROUP_HEARTBEAT};

/* Markers are the coordinator's own requests. */
static bool
note_coordinator(void *ctx, const struct world_frame *f, struct slice bytes)
{
    struct moment *m = ctx;
    bool is_sender = f->is_answer != (f->api == K_API_WRITE_TXN_MARKERS);
    (void)bytes;
    m->coordinator = is_sender ? f->from : f->to;
    return true;
}

/* Another one comes to lead what it coordinates. */
static bool
move_coordinator(struct run *r, const struct node_slot *n)
{
    int64_t from = dice_below(&r->nemesis_dice, MAX(r->truth.partitions.n, 1));
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[(from + i) % r->truth.partitions.n];
        if (p->leader == n->id && slice_starts(p->topic, S("__"))) return elect_another(r, p);
    }
    return false;
}

static void
moment_due(struct world *w, void *ctx)
{
    static const char *const ways[] = {"crash",    "crash", "power", "pause",
                                       "shutdown", "move",  "move"};
    struct moment *m = ctx;
    struct run *r = m->r;
    struct node_slot *n = node_of(r, m->coordinator);
    const char *way = draw_word(r, ways, ARRAY_LEN(ways));
    bool done = false;
    (void)w;
    if (n && may_strike(r))
        done = strcmp(way, "move") == 0 ? move_coordinator(r, n) : end_node(r, n, slice_cstr(way));
    if (done) nemesis_count(r, m->kind);
}

/* At once, or when what was asked for is half done. */
static void
coordinator_seen(struct world *w, void *ctx)
{
    struct moment *m = ctx;
    if (m->is_over) return;
    int64_t after_us =
        dice_below(&m->r->nemesis_dice, 2) ? 0 : dice_between(&m->r->nemesis_dice, 1, 8000);
    m->is_over = true;
    m->r->moments--;
    world_at(w, world_now_ns(w) + after_us * 1000, moment_due, m);
}

static void
moment_is_over(struct world *w, void *ctx)
{
    struct moment *m = ctx;
    (void)w;
    if (m->is_over) return;
    m->is_over = true;
    m->r->moments--;
}

bool
strike_coordinator(struct run *r, struct slice kind)
{
    struct frame_filter f = frame_filter_any();
    f.api = of_coordinators[dice_below(&r->nemesis_dice, ARRAY_LEN(of_coordinators))];
    f.which = dice_below(&r->nemesis_dice, 3) ? WHICH_REQUEST : WHICH_ANSWER;
    int32_t nth = (int32_t)dice_between(&r->nemesis_dice, 1, 6);
    if (r->moments >= MOMENTS_MAX) return false;
    struct moment *m = ARENA_NEW(r->a, struct moment);
    *m = (struct moment){.r = r, .kind = kind};
    f.also = note_coordinator;
    f.ctx = m;
    r->moments++;
    world_when_frame(r->w, &f, nth, coordinator_seen, m);
    world_at(r->w, world_now_ns(r->w) + MOMENT_NS, moment_is_over, m);
    return false;
}

/* ---- a cleaner is at work ---- */

struct cleaning {
    struct node_slot *n;
    bool power;
};

static void
cleaning_due(struct world *w, void *ctx)
{
    const struct cleaning *c = ctx;
    struct run *r = c->n->r;
    int64_t ahead = dice_between(&r->nemesis_dice, 1, CLEANING_OPS);
    (void)w;
    if (may_strike(r) && end_node_at_op(r, c->n, c->power, ahead))
        nemesis_count(r, c->power ? S("power-cleaning") : S("crash-cleaning"));
}

bool
strike_cleaning(struct run *r, struct slice kind)
{
    r->awaits_cleaning = true;
    r->cleaning_power = is_kind(kind, "power-cleaning");
    return false;
}

void
nemesis_see_disk(struct run *r, const struct world_disk_op *op)
{
    struct node_slot *n = r->awaits_cleaning ? node_of(r, op->machine) : NULL;
    if (!n || !(slice_ends(op->path, S(".cleaned")) || slice_ends(op->path, S(".swap")))) return;
    r->awaits_cleaning = false;
    struct cleaning *c = ARENA_NEW(r->a, struct cleaning);
    *c = (struct cleaning){n, r->cleaning_power};
    world_at(r->w, world_now_ns(r->w), cleaning_due, c);
}
