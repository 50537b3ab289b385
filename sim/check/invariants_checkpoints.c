/* The checkpoints of a directory of logs, as each gets its name: what they say of a log is believed when its broker starts next. A
 * recovery point above what is synced lets a power loss take what nobody looks for; a high watermark above what was committed
 * counts as committed then; what was deleted and not written down comes back. */
#include "sim/check/invariants_own.h"

#include "sim/world/fault.h"

#define FILE_MAX_BYTES 16384

static const char *const names[CHECKPOINTS_N] = {
    [CHECKPOINT_OF_SYNCED] = "/recovery-point-offset-checkpoint.tmp",
    [CHECKPOINT_OF_COMMITTED] = "/replication-offset-checkpoint.tmp",
    [CHECKPOINT_OF_STARTS] = "/log-start-offset-checkpoint.tmp",
};

/* The last number of a line, which is taken off. */
static bool
take_number(struct slice *line, int64_t *ret)
{
    int64_t at = line->n;
    while (at > 0 && line->p[at - 1] != ' ') at--;
    if (at < 2 || !slice_to_i64(slice_sub(*line, at, line->n - at), ret)) return false;
    *line = slice_sub(*line, 0, at - 1);
    return true;
}

/* "orders 0 4711". -1: the log is not told of. */
static int64_t
offset_told(struct slice text, const struct topic_key *k)
{
    int64_t partition, offset;
    for (int64_t at = 0, end; at < text.n; at = end + 1) {
        end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        struct slice line = slice_sub(text, at, end - at);
        if (take_number(&line, &offset) && take_number(&line, &partition) &&
            partition == k->partition && slice_eq(line, k->topic))
            return offset;
    }
    return -1;
}

/* Of a log that was open already when the file was written last, and is now, it must tell, unless nothing was ever in it: that is
 * what is believed of who is left out. And of its beginning it must tell no less than then.
 * (Of a compacted log only its first batch is known: a new replica's begins at 0, and has nothing before that.) */
static void
check_told(struct invariants *v, struct node_log *l, enum checkpoint which, int64_t offset)
{
    const struct checkpoint_seen *then = &l->checkpoints[which];
    if (which != CHECKPOINT_OF_STARTS && then->is_open && offset < 0 && log_end(l) > 0)
        breach(v, RULE_DISK_TRUTH, l->key, -1, "has a checkpoint that leaves out a log of # to #",
               l->start, log_end(l));
    if (which == CHECKPOINT_OF_STARTS && !l->key->is_compacted && then->is_open &&
        MAX(offset, 0) < then->start)
        breach(v, RULE_DISK_TRUTH, l->key, then->start,
               "has written down that its log begins at #, which had begun at # before",
               MAX(offset, 0), then->start);
}

/* The first file since the log was opened may have been printed before. And one that was printed before a cut, or during it, may tell of all
 * up to where it was to be cut: within a batch, which goes as a whole. But of no more: before anything is cut the file is lowered to that. */
static void
check_watermark(struct invariants *v, struct node_log *l, int64_t offset)
{
    /* One that was printed before the log was opened may be of a former topic of this name: who opens it waits for another one before
     * anything comes into it, or it takes a role. */
    bool may_be_former =
        l->key->older && !l->checkpoints[CHECKPOINT_OF_COMMITTED].is_open && l->epoch < 0;
    if (offset > l->key->most && !may_be_former)
        breach(v, RULE_DISK_TRUTH, l->key, offset,
               "has # written down as its high watermark; committed is all below #", offset,
               l->key->most);
    else if (l->has_hw_file && offset > MAX(log_end(l), l->cut_to))
        breach(v, RULE_HIGH_WATERMARK_BOUNDS, l->key, offset,
               "has # written down as its high watermark; its log ends at #", offset, log_end(l));
    l->has_hw_file = true;
}

static void
check_offset(struct invariants *v, int32_t node, struct node_log *l, enum checkpoint which,
             int64_t offset)
{
    /* A file that was printed before the log was cut below its start may come after the cut, not two of them. */
    if (which == CHECKPOINT_OF_STARTS && l->checkpoints[which].is_open && offset > l->start)
        breach(v, RULE_DISK_TRUTH, l->key, offset,
               "has written down that its log begins at #; it begins at #", offset, l->start);
    if (which == CHECKPOINT_OF_COMMITTED) check_watermark(v, l, offset);
    if (which != CHECKPOINT_OF_SYNCED || offset <= l->start || offset > log_end(l)) return;
    int64_t durable = truth_durable(v, node, l, offset);
    if (durable < offset)
        breach(v, RULE_DISK_TRUTH, l->key, durable,
               "has written down that all below # is synced; a power loss may take offset #",
               offset, durable);
}

/* Of who is no replica any more the log goes. */
static bool
is_to_stay(const struct topic_key *k, int32_t id)
{
    return !k->now.known || model_has(&k->now.replicas, id);
}

static void
check_all(struct invariants *v, int32_t node, enum checkpoint which, struct slice text)
{
    struct model_node *n = model_node(&v->model, node);
    for (int64_t i = 0; i < n->logs.n; i++) {
        struct node_log *l = n->logs.v[i];
        if (!l || model_is_metadata(l->key)) continue;
        bool is_judged =
            l->open && !l->hurt && l->is_bound && !l->key->is_retired && is_to_stay(l->key, n->id);
        int64_t offset = is_judged ? offset_told(text, l->key) : -1;
        if (is_judged) check_told(v, l, which, offset);
        if (offset >= 0 && !l->key->is_compacted) check_offset(v, node, l, which, offset);
        l->checkpoints[which] = (struct checkpoint_seen){is_judged, l->start};
    }
}

/* "0", how many lines follow, and those: a reader that counts others takes it for none, and all logs are recovered. */
static void
check_count(struct invariants *v, struct slice text)
{
    int64_t lines = 0, said = -1, second = slice_find(text, '\n', 0) + 1;
    int64_t end = slice_find(text, '\n', second);
    for (int64_t at = 0; at < text.n; at++) lines += text.p[at] == '\n';
    if (end > second && slice_to_i64(slice_sub(text, second, end - second), &said) &&
        said == lines - 2)
        return;
    breach(v, RULE_DISK_TRUTH, NULL, -1, "has a checkpoint that says it has # lines, and has #",
           said, lines - 2);
}

/* path: the name that it had. */
void
checkpoint_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    uint8_t text[FILE_MAX_BYTES];
    struct model_node *n = model_node(&v->model, node);
    if (!v->world || !n || n->is_spoilt) return;
    for (int i = 0; i < CHECKPOINTS_N; i++) {
        if (!slice_ends(path, slice_cstr(names[i]))) continue;
        int64_t size =
            disk_peek(world_machine_at(v->world, node), slice_sub(path, 0, path.n - S(".tmp").n),
                      IMAGE_CACHED, 0, text, sizeof text);
        if (size <= 0 || size == FILE_MAX_BYTES) return;
        v->at_ns = at_ns;
        v->node = node;
        check_count(v, slice(text, size));
        check_all(v, node, (enum checkpoint)i, slice(text, size));
    }
}
