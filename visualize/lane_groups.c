/* Groups and transactions in a timeline: what their coordinators say of them; who has which partition, and who keeps a copy
 * of it; how far members have come, and how much of it they have committed. */
#include "broker/base/check.h"
#include "visualize/timeline.h"

#define GROUP_ROWS_MAX 5
/* Of copies, below the row of their partition. */
#define COPY_HEIGHT 4
#define COPY_TRACKS 2
#define COPY_ROW (COPY_TRACKS * COPY_HEIGHT + 3)

/* ---- what a group is about ---- */

static bool
is_of_group(const struct timeline *t, const struct call *c, int32_t group)
{
    return c->kind >= VIEW_BEGIN && slice_eq(c->value, t->r->groups.v[group].name);
}

static bool
is_share_group(const struct timeline *t, int32_t group)
{
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->kind == VIEW_GIVEN && is_of_group(t, c, group)) return true;
    }
    return false;
}

static bool
is_streams_group(const struct run *r, int32_t group)
{
    const struct staged *s = &r->groups.v[group];
    return s->stages.n && s->stages.v[s->stages.n - 1].kind == GROUP_IS_STREAMS;
}

/* The rows of its lane: partitions that were anybody's, or members of a share group. Returns how many. */
static int
group_subjects(const struct timeline *t, int32_t group, bool is_share, int32_t *ret)
{
    int n = 0;
    for (int64_t i = 0; i < t->r->calls.n && n < GROUP_ROWS_MAX; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->kind != (is_share ? VIEW_GIVEN : VIEW_OWN) || !is_of_group(t, c, group)) continue;
        int32_t one = is_share ? c->actor : c->partition;
        bool seen = one < 0;
        for (int k = 0; k < n; k++) seen = seen || ret[k] == one;
        if (!seen) ret[n++] = one;
    }
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && ret[k - 1] > ret[k]; k--) {
            int32_t swap = ret[k];
            ret[k] = ret[k - 1];
            ret[k - 1] = swap;
        }
    return n;
}

/* ---- the coordinator's word ---- */

static const char *
stage_fill(struct slice state)
{
    if (slice_eq(state, S("Stable")) || slice_starts(state, S("Complete"))) return "settled";
    if (slice_eq(state, S("Empty")) || slice_eq(state, S("Dead"))) return "idle";
    if (slice_eq(state, S("Ongoing"))) return "open";
    return "control-2"; /* rebalances; prepared */
}

static void
stage_words(const struct stage *s, bool is_group, struct writer *w)
{
    fmt_slice(w, s->state);
    fmt_str(w, !is_group                     ? " \xc2\xb7 producer epoch "
               : s->kind == GROUP_IS_CLASSIC ? " \xc2\xb7 generation "
                                             : " \xc2\xb7 group epoch ");
    fmt_i64(w, s->number);
    if (!is_group) return;
    fmt_str(w, ", ");
    words_counted(w, s->members, "member");
}

/* Pieces of a pixel or two are drawn, but not as many as there are. */
static void
draw_stages(struct timeline *t, const struct staged *all, int64_t y, bool is_group)
{
    svg_rect(t->w, "idle", LEFT, y, RIGHT - LEFT, BAND_HEIGHT);
    int64_t drawn_to = LEFT - 1;
    for (int64_t i = 0; i < all->stages.n; i++) {
        const struct stage *s = &all->stages.v[i];
        int64_t to_ns = i + 1 < all->stages.n ? s[1].at_ns : t->to_ns;
        if (to_ns <= t->from_ns || s->at_ns >= t->to_ns) continue;
        int64_t x0 = time_x(t, MAX(s->at_ns, t->from_ns)), x1 = time_x(t, MIN(to_ns, t->to_ns));
        if (MAX(x1, x0 + 1) <= drawn_to) continue;
        char room[160];
        struct writer w = writer_fixed(room, sizeof room), state = writer_fixed(room + 120, 40);
        stage_words(s, is_group, &w);
        drawn_to = MAX(x1, x0 + 1);
        svg_rect_titled(t->w, stage_fill(s->state), x0, y, drawn_to - x0, BAND_HEIGHT,
                        writer_slice(&w));
        if (slice_starts(s->state, S("Prepare")) && slice_ends(s->state, S("Abort")))
            svg_rect(t->w, "fenced", x0, y, drawn_to - x0, BAND_HEIGHT);
        if (svg_text_width(writer_slice(&w), 11) * 17 / 16 + 8 > x1 - x0) {
            fmt_slice(&state, s->state);
            band_text(t, "on-light s11", x0, x1, y, writer_slice(&state));
        } else {
            band_text(t, "on-light s11", x0, x1, y, writer_slice(&w));
        }
    }
}

/* ---- who has what ---- */

static bool
is_end_of(const struct call *begun, const struct call *c)
{
    bool ends = begun->kind == VIEW_STANDBY
                  ? c->kind == VIEW_STANDBY_OVER || c->kind == VIEW_STANDBY
                  : c->kind == VIEW_DISOWN || c->kind == VIEW_OWN;
    return ends && c->partition == begun->partition;
}

/* Until when it has what it was given at this moment: it gives it up, or its process begins anew or leaves. */
static int64_t
end_of_ownership(const struct timeline *t, const struct call *own)
{
    int64_t end = t->to_ns;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->actor != own->actor || c->invoked_ns <= own->invoked_ns || c->invoked_ns >= end)
            continue;
        if (is_end_of(own, c) || c->kind == VIEW_BEGIN) end = c->invoked_ns;
    }
    const struct actor *a = &t->r->actors.v[own->actor];
    for (int64_t i = 0; i < a->lives.n; i++)
        if (a->lives.v[i].state == STATE_DOWN && a->lives.v[i].at_ns > own->invoked_ns)
            end = MIN(end, a->lives.v[i].at_ns);
    return end;
}

static const char *
own_fill(int32_t actor)
{
    static const char *const fills[] = {"own-0", "own-1", "own-2", "own-3"};
    return fills[actor % ARRAY_LEN(fills)];
}

/* When another member was given the same partition, though this one does not know yet that it has it no more. */
static int64_t
given_on(const struct timeline *t, const struct call *own, int64_t end)
{
    for (const struct call *c = own + 1; c < t->r->calls.v + t->r->calls.n; c++)
        if (c->kind == VIEW_OWN && c->actor != own->actor && c->partition == own->partition &&
            slice_eq(c->value, own->value))
            return MIN(end, c->invoked_ns);
    return end;
}

/* The fill tells members apart, and so does the name in it. */
static void
draw_ownership(struct timeline *t, const struct call *own, int64_t y)
{
    int64_t end = given_on(t, own, end_of_ownership(t, own));
    if (end <= t->from_ns || own->invoked_ns >= t->to_ns) return;
    int64_t x0 = time_x(t, MAX(own->invoked_ns, t->from_ns)), x1 = time_x(t, MIN(end, t->to_ns));
    struct slice name = t->r->actors.v[own->actor].name;
    svg_rect_titled(t->w, own_fill(own->actor), x0, y, MAX(x1 - x0, 1), GROUP_ROW - 3, name);
    int64_t width = svg_text_width(name, 10) + 6, x = clear_x(t, x0, width);
    if (x + width <= x1) svg_text(t->w, "on-light s10", ANCHOR_START, x + 3, y + 10, name);
}

/* A thin strip: who goes on as if it had the partition still. */
static void
draw_belief(struct timeline *t, const struct call *own, int64_t y)
{
    int64_t end = end_of_ownership(t, own), from = given_on(t, own, end);
    if (from >= end || end <= t->from_ns || from >= t->to_ns) return;
    int64_t x0 = time_x(t, MAX(from, t->from_ns)), x1 = time_x(t, MIN(end, t->to_ns));
    svg_rect_titled(t->w, own_fill(own->actor), x0, y + GROUP_ROW - 7, MAX(x1 - x0, 1), 4,
                    t->r->actors.v[own->actor].name);
    svg_rect(t->w, "fenced", x0, y + GROUP_ROW - 7, MAX(x1 - x0, 1), 4);
}

static void
draw_owners(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    lane_words(t, "dim s10", y + 10, t->r->partitions.v[partition].name);
    svg_rect(t->w, "nobody", LEFT, y, RIGHT - LEFT, GROUP_ROW - 3);
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < t->r->calls.n; i++) {
            const struct call *c = &t->r->calls.v[i];
            if (c->kind != VIEW_OWN || c->partition != partition || !is_of_group(t, c, l->index))
                continue;
            if (pass == 0) draw_ownership(t, c, y);
            else draw_belief(t, c, y);
        }
}

/* ---- who keeps a copy ---- */

bool
group_has_copies(const struct timeline *t, int32_t group)
{
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->kind == VIEW_STANDBY && is_of_group(t, c, group)) return true;
    }
    return false;
}

/* Below another one that is there when it begins. */
static int64_t
copy_track(const struct timeline *t, const struct call *copy)
{
    int64_t others = 0;
    for (const struct call *c = t->r->calls.v; c < copy; c++)
        others += c->kind == VIEW_STANDBY && c->partition == copy->partition &&
                  slice_eq(c->value, copy->value) && end_of_ownership(t, c) > copy->invoked_ns;
    return others % COPY_TRACKS;
}

static void
draw_copies(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->kind != VIEW_STANDBY || c->partition != partition || !is_of_group(t, c, l->index))
            continue;
        int64_t end = end_of_ownership(t, c);
        if (end <= t->from_ns || c->invoked_ns >= t->to_ns) continue;
        int64_t x0 = time_x(t, MAX(c->invoked_ns, t->from_ns)), x1 = time_x(t, MIN(end, t->to_ns));
        svg_rect_titled(t->w, own_fill(c->actor), x0, y + copy_track(t, c) * COPY_HEIGHT,
                        MAX(x1 - x0, 1), COPY_HEIGHT - 1, t->r->actors.v[c->actor].name);
    }
}

/* ---- who worked on its records ---- */

#define TICK_WIDTH 3

static bool
is_work(const struct timeline *t, const struct call *c, int32_t group, int32_t partition)
{
    return c->kind == VIEW_PROCESS && c->partition == partition && is_of_group(t, c, group);
}

static bool
was_worked_on(const struct timeline *t, int32_t group, int32_t partition)
{
    for (int64_t i = 0; i < t->r->calls.n; i++)
        if (is_work(t, &t->r->calls.v[i], group, partition)) return true;
    return false;
}

/* A tick for each piece of work that was done, in the fill of whoever did it. Whoever is paused or was replaced has ticks here after
 * it has lost its place above. */
static void
draw_work_ticks(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    int64_t next_x = LEFT;
    int32_t before = -1;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (!is_work(t, c, l->index, partition)) continue;
        if (!scale_shows(&t->scale, c->completed_ns)) continue;
        int64_t x = time_x(t, c->completed_ns);
        if (c->actor == before && x < next_x) continue;
        svg_rect_titled(t->w, own_fill(c->actor), x, y, TICK_WIDTH, GROUP_ROW - 3,
                        t->r->actors.v[c->actor].name);
        next_x = x + TICK_WIDTH + 1;
        before = c->actor;
    }
}

/* Its name where that is another one than before, over the ticks behind it. */
static void
draw_work_names(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    int64_t words_to = LEFT;
    int32_t before = -1;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (!is_work(t, c, l->index, partition)) continue;
        if (!scale_shows(&t->scale, c->completed_ns)) continue;
        struct slice name = t->r->actors.v[c->actor].name;
        int64_t x = time_x(t, c->completed_ns), width = svg_text_width(name, 10) + 4;
        if (c->actor != before && x >= words_to && x + width < RIGHT) {
            svg_rect(t->w, "paper", x + TICK_WIDTH, y, width, GROUP_ROW - 3);
            svg_text(t->w, "ink s10", ANCHOR_START, x + TICK_WIDTH + 2, y + 10, name);
            words_to = x + width;
        }
        before = c->actor;
    }
}

static void
draw_work(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    lane_words(t, "dim s10", y + 10, S("worked on by"));
    draw_work_ticks(t, l, partition, y);
    draw_work_names(t, l, partition, y);
}

/* ---- what members of share groups were given ---- */

#define GIVEN_BUCKET 4
#define GIVEN_BUCKETS ((RIGHT - LEFT) / GIVEN_BUCKET + 1)

static void
draw_given(struct timeline *t, const struct lane *l, int32_t actor, int64_t y)
{
    int64_t given[GIVEN_BUCKETS] = {0}, back[GIVEN_BUCKETS] = {0}, most = 1;
    int64_t bottom = y + GROUP_ROW - 3;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->actor != actor || !is_of_group(t, c, l->index)) continue;
        int64_t at_ns = c->completed_ns == RUN_FOREVER ? c->invoked_ns : c->completed_ns;
        if (!scale_shows(&t->scale, at_ns)) continue; /* all that is cut out would be one bucket */
        int64_t bucket = (time_x(t, at_ns) - LEFT) / GIVEN_BUCKET;
        if (c->kind == VIEW_GIVEN) given[bucket] += c->records;
        if (c->kind == VIEW_ACKNOWLEDGE && c->acks != 1) back[bucket] += c->records;
        most = MAX(most, given[bucket]);
    }
    lane_words(t, "dim s10", y + 10, t->r->actors.v[actor].name);
    svg_line(t->w, "lane", LEFT, bottom, RIGHT, bottom);
    for (int64_t i = 0; i < GIVEN_BUCKETS; i++) {
        int64_t x = LEFT + i * GIVEN_BUCKET, height = MAX(2, given[i] * (GROUP_ROW - 3) / most);
        if (given[i]) svg_rect(t->w, "read", x, bottom - height, GIVEN_BUCKET, height);
        if (back[i]) svg_rect(t->w, "alarm", x, bottom - 3, GIVEN_BUCKET, 3);
    }
}

/* ---- how far they have come ---- */

struct position {
    int64_t x, offset;
};
struct positions {
    struct mem *mem;
    VEC(struct position) v; /* by x, one for each */
};

static void
position_put(struct positions *p, int64_t x, int64_t offset)
{
    int64_t k = p->v.n;
    while (k > 0 && p->v.v[k - 1].x > x) k--;
    if (k > 0 && p->v.v[k - 1].x == x) {
        p->v.v[k - 1].offset = offset;
        return;
    }
    VEC_PUSH(p->mem, &p->v, ((struct position){x, offset}));
    for (int64_t i = p->v.n - 1; i > k; i--) p->v.v[i] = p->v.v[i - 1];
    p->v.v[k] = (struct position){x, offset};
}

static void
collect_positions(const struct timeline *t, int32_t group, int32_t partition, enum view_call kind,
                  struct positions *p)
{
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->kind != kind || c->partition != partition || c->outcome != VIEW_OK ||
            !is_of_group(t, c, group))
            continue;
        if (c->completed_ns < t->from_ns || c->completed_ns > t->to_ns) continue;
        position_put(p, time_x(t, c->completed_ns),
                     kind == VIEW_PROCESS ? c->offset + c->records : c->offset);
    }
}

/* What can be read: the highest watermark of any replica. */
static void
collect_readable(const struct timeline *t, int32_t partition, struct positions *p)
{
    const struct partition_view *v = &t->r->partitions.v[partition];
    for (int64_t i = 0; i < v->replicas.n; i++)
        for (int64_t k = 0; k < v->replicas.v[i].steps.n; k++) {
            const struct step *s = &v->replicas.v[i].steps.v[k];
            if (s->at_ns < t->from_ns || s->at_ns > t->to_ns) continue;
            int64_t x = time_x(t, s->at_ns), n = p->v.n;
            int64_t before = n && p->v.v[n - 1].x <= x ? p->v.v[n - 1].offset : 0;
            position_put(p, x, MAX(before, s->high_watermark));
        }
    for (int64_t i = 1; i < p->v.n; i++)
        p->v.v[i].offset = MAX(p->v.v[i].offset, p->v.v[i - 1].offset);
}

static void
draw_positions(struct timeline *t, const struct positions *p, const char *class, int64_t most,
               int64_t bottom)
{
    if (!p->v.n) return;
    int64_t before = bottom;
    svg_path(t->w, class);
    for (int64_t i = 0; i < p->v.n; i++) {
        int64_t y = bottom - p->v.v[i].offset * (GROUP_STRIP - 6) / MAX(most, 1);
        if (i && y == before && i + 1 < p->v.n) continue;
        svg_point(t->w, i ? 'L' : 'M', p->v.v[i].x, i ? before : y);
        if (i) svg_point(t->w, 'L', p->v.v[i].x, y);
        before = y;
    }
    svg_point(t->w, 'L', RIGHT, before);
    svg_path_end(t->w);
}

static void
draw_progress(struct timeline *t, const struct lane *l, int32_t partition, int64_t y)
{
    struct mem *mem = t->r->mem;
    struct positions readable = {.mem = mem}, done = {.mem = mem}, committed = {.mem = mem};
    collect_positions(t, l->index, partition, VIEW_PROCESS, &done);
    collect_positions(t, l->index, partition, VIEW_COMMIT, &committed);
    if (done.v.n || committed.v.n) {
        int64_t bottom = y + GROUP_STRIP - 2, most = 1;
        collect_readable(t, partition, &readable);
        if (readable.v.n) most = readable.v.v[readable.v.n - 1].offset;
        for (int64_t i = 0; i < done.v.n; i++) most = MAX(most, done.v.v[i].offset);
        draw_positions(t, &readable, "high", most, bottom);
        draw_positions(t, &done, "log-end", most, bottom);
        draw_positions(t, &committed, "committed", most, bottom);
        lane_words(t, "dim s10", y + 12, t->r->partitions.v[partition].name);
        lane_words(t, "ink s10", y + 24, S("processed"));
        lane_words(t, "committed-text s10", y + 36, S("committed"));
    }
    VEC_RELEASE(mem, &readable.v);
    VEC_RELEASE(mem, &done.v);
    VEC_RELEASE(mem, &committed.v);
}

/* Whose work and positions are drawn: the partition of the replicas above, if it is one of the group's. */
static int32_t
group_partition(const struct timeline *t, const int32_t *subjects, int n)
{
    for (int i = 0; i < n; i++)
        if (subjects[i] == t->partition) return t->partition;
    return n ? subjects[0] : -1;
}

int64_t
group_height(const struct timeline *t, int32_t group)
{
    int32_t subjects[GROUP_ROWS_MAX];
    bool is_share = is_share_group(t, group);
    int n = group_subjects(t, group, is_share, subjects);
    int64_t height = NUMBER_ROOM + BAND_HEIGHT + n * GROUP_ROW + 10;
    if (is_share || !n) return height;
    if (group_has_copies(t, group)) height += n * COPY_ROW;
    bool is_worked_on = was_worked_on(t, group, group_partition(t, subjects, n));
    return height + GROUP_STRIP + (is_worked_on ? GROUP_ROW : 0);
}

void
draw_group_lane(struct timeline *t, const struct lane *l)
{
    int32_t subjects[GROUP_ROWS_MAX];
    bool is_share = is_share_group(t, l->index);
    int n = group_subjects(t, l->index, is_share, subjects);
    int64_t y = l->band_y + BAND_HEIGHT + 3;
    svg_text(t->w, "dim s10", ANCHOR_START, 12, l->y + 13,
             is_share                           ? S("share group")
             : is_streams_group(t->r, l->index) ? S("streams group")
                                                : S("group"));
    bool has_copies = group_has_copies(t, l->index);
    draw_stages(t, &t->r->groups.v[l->index], l->band_y, true);
    for (int i = 0; i < n; i++, y += GROUP_ROW) {
        if (is_share) draw_given(t, l, subjects[i], y);
        else draw_owners(t, l, subjects[i], y);
        if (!has_copies) continue;
        draw_copies(t, l, subjects[i], y + GROUP_ROW - 2);
        y += COPY_ROW;
    }
    int32_t partition = group_partition(t, subjects, n);
    if (is_share || partition < 0) return;
    if (was_worked_on(t, l->index, partition)) {
        draw_work(t, l, partition, y);
        y += GROUP_ROW;
    }
    draw_progress(t, l, partition, y + 2);
}

void
draw_txn_lane(struct timeline *t, const struct lane *l)
{
    svg_text(t->w, "dim s10", ANCHOR_START, 12, l->y + 13, S("transactions of"));
    draw_stages(t, &t->r->txns.v[l->index], l->band_y, false);
}
