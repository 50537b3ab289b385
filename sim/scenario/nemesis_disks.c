/* Random faults of disks. A disk that is slow or reads short gets well. One that fails ends its node, which starts anew when
 * the disk is well; after a failed sync the machine does, for the kernel has dropped what it could not keep. A disk that
 * lies (rot, writes to the wrong place) is replaced by an empty one, as an operator would: nothing in Kafka mends a
 * replica that is damaged where no recovery looks. So what is on it counts as gone from the beginning, fewer than
 * min.insync.replicas at a time, and while it is there nobody may take what it gives for good. */
#include "sim/scenario/nemesis.h"

#include "broker/base/check.h"
#include "broker/record/batch.h"

#define BATCH_CRC_OFFSET 17

/* ---- slow, short ---- */

static void
get_well_later(struct run *r, struct machine *m, const char *what, int64_t value)
{
    struct affliction *a = afflict(r, m, 0);
    a->cure = CURE_DISK;
    write_down(r, a, "disk: %.*s, %s: %lld", SARG(m->name), what, (long long)value);
}

bool
strike_disk(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    if (n->is_ill) return false; /* what gets well then, must not before */
    if (is_kind(kind, "slow-disk")) {
        run_say(r, "the disk of %.*s is slow", SARG(n->m->name));
        int64_t percent = dice_between(&r->nemesis_dice, 200, 2000);
        fault_disk_slow(n->m, percent);
        get_well_later(r, n->m, "slow", percent);
    } else if (is_kind(kind, "slow-sync")) {
        int64_t percent = dice_between(&r->nemesis_dice, 500, 10000);
        run_fault(r, "disk", "%.*s: slow-sync %lld", SARG(n->m->name), (long long)percent);
        fault_disk_slow_sync(n->m, percent);
        get_well_later(r, n->m, "slow-sync", percent);
    } else {
        int64_t permille = dice_between(&r->nemesis_dice, 50, 900);
        run_fault(r, "disk", "%.*s: short-reads %lld", SARG(n->m->name), (long long)permille);
        fault_disk_short_reads(n->m, permille);
        get_well_later(r, n->m, "short-reads", permille);
    }
    return true;
}

/* ---- failing ---- */

/* Which files; empty: all. */
static const char *
draw_files(struct run *r)
{
    static const char *const files[] = {
        "", "", "", ".log", "index", "checkpoint", "quorum-state", "snapshot"};
    return draw_word(r, files, ARRAY_LEN(files));
}

bool
strike_failing_disk(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_node(r);
    bool is_sync = is_kind(kind, "sync-fails"), is_read = is_kind(kind, "read-fails");
    if (!may_fall_ill(r, n, is_sync) ||
        !fall_ill(r, n, is_sync ? CURE_REBOOT : CURE_RESTART, is_sync))
        return false;
    if (is_kind(kind, "disk-full")) {
        do_drawn(r, "disk: %.*s, full: %lld", SARG(n->m->name),
                 (long long)dice_between(&r->nemesis_dice, 0, 64 << 10));
        return true;
    }
    const char *files = draw_files(r);
    bool is_once = dice_below(&r->nemesis_dice, 3) > 0;
    do_drawn(r, "disk: %.*s, fail: [%s]%s%s%s", SARG(n->m->name),
             is_sync   ? "sync"
             : is_read ? "read"
                       : "write",
             files[0] ? ", path: " : "", files, is_once ? ", count: 1" : "");
    return true;
}

/* ---- lying ---- */

/* A file of a broker that may rot, and where. */
struct rot_place {
    struct run *r;
    struct machine *m;
    bool logs; /* else indexes and snapshots */
    int64_t files, wanted;
    struct slice path;
    int64_t size;
};

static void
find_rot_file(void *ctx, struct slice path, int64_t size)
{
    struct rot_place *p = ctx;
    bool is_log = slice_ends(path, S(".log"));
    bool is_other = slice_ends(path, S("index")) || slice_ends(path, S(".snapshot"));
    bool is_quorum =
        slice_find(path, '_', 0) >= 0 && slice_starts(path, S("data/__cluster_metadata"));
    if (size <= 0 || is_quorum || !(p->logs ? is_log : is_other)) return;
    if (p->files++ != p->wanted) return;
    p->path = arena_dup(p->r->a, path);
    p->size = size;
}

/* Where the n-th batch of the file begins, and its bytes; false: there are not so many. */
static bool
find_batch(const struct rot_place *p, int64_t wanted, int64_t *ret_at, int64_t *ret_n)
{
    uint8_t head[BATCH_HEADER_BYTES];
    for (int64_t at = 0, i = 0;; at += *ret_n, i++) {
        if (disk_peek(p->m, p->path, IMAGE_CACHED, at, head, sizeof head) != sizeof head)
            return false;
        *ret_n = BATCH_SPAN_BYTES + (int32_t)load_be32(head + 8);
        if (*ret_n < BATCH_HEADER_BYTES || *ret_n > p->size - at) return false;
        *ret_at = at;
        if (i == wanted) return true;
    }
}

/* Of a batch what its checksum covers, and the checksum: offset, length and leader epoch before it no broker and no client
 * can know to be wrong. -1: there is none. */
static int64_t
draw_rot_offset(struct run *r, const struct rot_place *p)
{
    int64_t batches = 0, at, n;
    if (!p->logs) return dice_below(&r->nemesis_dice, p->size);
    while (find_batch(p, batches, &at, &n)) batches++;
    if (!batches || !find_batch(p, dice_below(&r->nemesis_dice, batches), &at, &n)) return -1;
    return at + dice_between(&r->nemesis_dice, BATCH_CRC_OFFSET, n - 1);
}

static bool
rot(struct run *r, struct node_slot *n)
{
    struct rot_place p = {.r = r, .m = n->m, .wanted = -1};
    p.logs = dice_below(&r->nemesis_dice, 4) > 0;
    disk_peek_all(n->m, IMAGE_CACHED, find_rot_file, &p);
    if (!p.files) return false;
    p.wanted = dice_below(&r->nemesis_dice, p.files);
    p.files = 0;
    disk_peek_all(n->m, IMAGE_CACHED, find_rot_file, &p);
    int64_t offset = draw_rot_offset(r, &p);
    if (offset < 0 || !fall_ill(r, n, CURE_REPLACE, true)) return false;
    do_drawn(r, "disk: %.*s, path: %.*s, rot: 1, offset: %lld", SARG(n->m->name), SARG(p.path),
             (long long)offset);
    return true;
}

bool
strike_lying_disk(struct run *r, struct slice kind)
{
    struct node_slot *n = draw_broker(r);
    if (n->is_controller || !may_fall_ill(r, n, true)) return false;
    if (is_kind(kind, "rot")) return rot(r, n);
    if (!fall_ill(r, n, CURE_REPLACE, true)) return false;
    do_drawn(r, "disk: %.*s, path: .log, misdirect: true", SARG(n->m->name));
    return true;
}
