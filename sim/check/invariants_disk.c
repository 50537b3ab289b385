/* The disks' side of the invariants: what a node says it has written or synced must lie there, the batches of one
 * producer must go on from each other, and the list of leader epochs beside a log must be the log's own. Nobody is
 * believed: the disk is read (log_view.c), each batch's header once for each copy. */
#include "broker/base/fmt.h"
#include "broker/record/control.h"
#include "sim/check/invariants_own.h"
#include "sim/check/log_view.h"

#include "messages.h"

/* A producer, as the batches of one log tell it. Where the log's first batches are gone its node may know more than they tell, from a
 * snapshot: that of the last of them was sequence 5, say, where the log begins with their marker. */
struct producer_seen {
    int64_t id;
    int16_t epoch;
    int32_t last_sequence; /* -1: it has none yet, of this epoch */
    int64_t open_from;     /* the first offset of its transaction that is open; -1: none */
    int64_t ended_from,
        ended_at;              /* the same of the last that was ended, and its marker's; -1: none */
    int32_t coordinator_epoch; /* of its last marker; -1: none yet */
    int64_t at_ns;             /* when its last batch was there */
    bool is_sequence_known;    /* the log tells what the last sequence of this epoch was … */
    bool is_end_known;         /* … and which marker was the last */
};

/* One log of one node, as its disk has it. */
struct log_truth {
    struct log_view *view;
    VEC(struct producer_seen) producers;
    int64_t last;       /* the producer that was found last */
    bool is_front_gone; /* when its producers were put together */
    bool was_cut;       /* and nothing was appended since */
    bool is_lost; /* its disk does not have what it says: told once, until it is opened again */
    int64_t
        epochs_to; /* all leader epochs below are written down; -1: not looked at since it was opened or cut */
};

static bool
is_front_gone(const struct node_log *l)
{
    return (l->v.n ? l->v.v[0]->base : log_end(l)) > 0;
}

/* A compacted log is another one after each cleaning, and is judged by what is read from it in the end. */
static struct log_truth *
truth_of(struct invariants *v, struct node_log *l, int32_t node)
{
    if (!v->world || l->key->is_compacted || model_node(&v->model, node)->is_spoilt) return NULL;
    struct log_truth *t = l->user;
    if (t) return t;
    t = l->user = MEM_NEW(v->mem, struct log_truth);
    t->is_front_gone = is_front_gone(l);
    t->view = log_view_new(v->mem, world_machine_at(v->world, node), l->key->subject);
    log_view_begin(t->view, l->v.n ? l->v.v[0]->base : l->start);
    return t;
}

void
truth_free(struct invariants *v, struct node_log *l)
{
    struct log_truth *t = l->user;
    if (!t) return;
    log_view_free(t->view);
    VEC_RELEASE(v->mem, &t->producers);
    MEM_DELETE(v->mem, t);
    l->user = NULL;
}

/* ---- producers ----------------------------------------------------------------------------------- */

static struct producer_seen *
producer_of(struct invariants *v, struct log_truth *t, int64_t id)
{
    if (t->last < t->producers.n && t->producers.v[t->last].id == id)
        return &t->producers.v[t->last];
    for (t->last = 0; t->last < t->producers.n; t->last++)
        if (t->producers.v[t->last].id == id) return &t->producers.v[t->last];
    struct producer_seen new = {.id = id,
                                .epoch = -1,
                                .last_sequence = -1,
                                .open_from = -1,
                                .ended_from = -1,
                                .ended_at = -1,
                                .coordinator_epoch = -1,
                                .at_ns = v->at_ns,
                                .is_sequence_known = !t->is_front_gone,
                                .is_end_known = !t->is_front_gone};
    VEC_PUSH(v->mem, &t->producers, new);
    return &t->producers.v[t->producers.n - 1];
}

/* Sequences go from 0 to the greatest number, and on from 0. */
static int32_t
sequence_after(int32_t sequence)
{
    return sequence == INT32_MAX ? 0 : sequence + 1;
}

/* Of a producer that a log does not know any sequence is taken; a new epoch begins with 0, and an old one is over. */
static void
check_sequence(struct invariants *v, const struct topic_key *k, const struct producer_seen *p,
               const struct batch *b)
{
    int32_t due = b->producer_epoch == p->epoch ? sequence_after(p->last_sequence) : 0;
    if (v->producers_may_expire || p->epoch < 0 || b->sequence < 0) return;
    if (b->producer_epoch < p->epoch)
        breach(v, RULE_SEQUENCE_CONTINUITY, k, b->base,
               "took a batch of producer epoch # after one of epoch #", b->producer_epoch,
               p->epoch);
    else if (b->sequence != due && (p->is_sequence_known || b->producer_epoch > p->epoch))
        breach(v, RULE_SEQUENCE_CONTINUITY, k, b->base,
               "took a batch that begins with sequence #, where # was due", b->sequence, due);
}

/* KIP-98: a coordinator that has been replaced ends nothing any more. */
static void
check_coordinator(struct invariants *v, const struct topic_key *k, const struct producer_seen *p,
                  const struct batch *b)
{
    if (b->is_control && b->coordinator_epoch < p->coordinator_epoch && !v->producers_may_expire)
        breach(v, RULE_TRANSACTION_STATE, k, b->base,
               "took a marker of coordinator epoch # after one of epoch #", b->coordinator_epoch,
               p->coordinator_epoch);
}

static void
follow_producer(struct invariants *v, struct log_truth *t, const struct topic_key *k,
                const struct batch *b, bool is_new)
{
    if (b->producer < 0) return;
    struct producer_seen *p = producer_of(v, t, b->producer);
    if (is_new) check_sequence(v, k, p, b), check_coordinator(v, k, p, b);
    if (b->is_control) p->coordinator_epoch = MAX(p->coordinator_epoch, b->coordinator_epoch);
    p->is_end_known |= b->is_control;
    p->is_sequence_known |= b->sequence >= 0 || (p->epoch >= 0 && b->producer_epoch > p->epoch);
    p->at_ns = v->at_ns;
    if (b->is_control) p->ended_from = p->open_from, p->ended_at = b->base, p->open_from = -1;
    else if (b->is_transactional && p->open_from < 0) p->open_from = b->base;
    if (b->producer_epoch > p->epoch) p->last_sequence = -1;
    p->epoch = MAX(p->epoch, b->producer_epoch);
    if (b->sequence < 0) return;
    int64_t last = (int64_t)b->sequence + (b->last - b->base);
    p->last_sequence = (int32_t)(last & INT32_MAX);
}

/* ---- batches ------------------------------------------------------------------------------------- */

static void
is_not_there(struct invariants *v, struct log_truth *t, const struct topic_key *k, int64_t offset,
             const char *what, int64_t end)
{
    if (t->is_lost) return;
    t->is_lost = true;
    breach(v, RULE_DISK_TRUTH, k, offset, what, end, offset);
}

static bool
is_batch(const struct batch *b, const struct batch_header *h)
{
    return b && b->base == h->base_offset && b->last == batch_last_offset(h) &&
           b->epoch == h->leader_epoch && b->crc == h->crc;
}

static void
learn_producer(struct batch *b, const struct batch_header *h)
{
    b->is_looked_at = true;
    b->producer = h->producer_id;
    b->producer_epoch = h->producer_epoch;
    b->sequence = h->base_sequence;
    b->max_timestamp = h->max_timestamp;
    b->is_transactional = h->attributes & BATCH_TRANSACTIONAL;
    b->is_control = h->attributes & BATCH_CONTROL;
}

static void
learn_marker(struct invariants *v, struct log_truth *t, struct batch *b,
             const struct batch_header *h)
{
    struct slice all;
    struct marker m;
    if (!b->is_control || b->producer < 0 || !log_view_batch(t->view, &all)) return;
    if (marker_parse(h, all, &m))
        b->is_commit = m.commit, b->coordinator_epoch = m.coordinator_epoch;
    mem_free(v->mem, (void *)(uintptr_t)all.p, all.n);
}

/* Reads on as far as this end. True: it all lies there. */
static bool
look_on(struct invariants *v, struct log_truth *t, const struct topic_key *k,
        const struct node_log *l, int64_t end)
{
    struct batch_header h;
    while (log_view_next(t->view, end, &h)) {
        struct batch *b = log_at(l, h.base_offset);
        bool is_new = b && !b->is_looked_at;
        if (!is_batch(b, &h)) return log_view_begin(t->view, h.base_offset), false;
        if (is_new) learn_producer(b, &h), learn_marker(v, t, b, &h);
        follow_producer(v, t, k, b, is_new);
        if (is_new) txn_batch_written(v, k, b);
    }
    return log_view_end(t->view) >= MIN(end, log_end(l));
}

/* After a cut, or when the log was opened: what is known of producers is put together anew; the last batch is looked for
 * on the disk in any case. It counts though retention may take it before that. */
static void
look_again(struct invariants *v, struct log_truth *t, const struct topic_key *k,
           const struct node_log *l)
{
    int64_t i = 0;
    t->epochs_to = -1;
    t->producers.n = 0;
    t->is_front_gone = is_front_gone(l);
    for (; i < l->v.n && l->v.v[i]->is_looked_at; i++) follow_producer(v, t, k, l->v.v[i], false);
    log_view_begin(t->view, l->v.n ? l->v.v[MIN(i, l->v.n - 1)]->base : log_end(l));
}

/* ---- what is told of producers -------------------------------------------------------------------- */

typedef struct k_describe_producers_response_producer_state told_producer;

static void
check_told_producer(struct invariants *v, const struct topic_key *k, const struct producer_seen *p,
                    const told_producer *told)
{
    if (told->producer_epoch != p->epoch)
        breach(v, RULE_STATE_TOLD, k, -1, "told that a producer is in epoch #; its log has epoch #",
               told->producer_epoch, p->epoch);
    else if (p->is_end_known && told->current_txn_start_offset != p->open_from)
        breach(v, RULE_STATE_TOLD, k, -1,
               "told that a transaction is open from offset # on; by its log it is from #",
               told->current_txn_start_offset, p->open_from);
    else if (p->is_sequence_known && told->last_sequence != p->last_sequence)
        breach(v, RULE_STATE_TOLD, k, -1,
               "told that # was the last sequence of a producer; in its log it is #",
               told->last_sequence, p->last_sequence);
    else if (p->is_end_known && told->coordinator_epoch != p->coordinator_epoch)
        breach(v, RULE_STATE_TOLD, k, -1,
               "told of a marker of coordinator epoch #; in its log it is of #",
               told->coordinator_epoch, p->coordinator_epoch);
}

static const told_producer *
find_told(const struct k_describe_producers_response_partition_response *p, int64_t id)
{
    for (int32_t i = 0; i < p->active_producers_n; i++)
        if (p->active_producers[i].producer_id == id) return &p->active_producers[i];
    return NULL;
}

/* Whose transaction is open is never forgotten. Of the others some may be, and their last batches gone. */
void
truth_described(struct invariants *v, int32_t node, struct topic_key *k,
                const struct k_describe_producers_response_partition_response *p)
{
    struct node_log *l = model_log(&v->model, node, k);
    struct log_truth *t = l && l->open && l->leads ? truth_of(v, l, node) : NULL;
    if (!t || k->is_retired || t->is_lost || !look_on(v, t, k, l, log_end(l)) ||
        log_view_end(t->view) != log_end(l))
        return;
    for (int64_t i = 0; i < t->producers.n; i++) {
        const struct producer_seen *seen = &t->producers.v[i];
        const told_producer *told = find_told(p, seen->id);
        if (told) check_told_producer(v, k, seen, told);
        else if (seen->open_from >= 0)
            breach(v, RULE_STATE_TOLD, k, seen->open_from,
                   "told of no producer #, whose transaction is open from offset # on", seen->id,
                   seen->open_from);
    }
}

/* ---- leader epochs ------------------------------------------------------------------------------- */

/* "epoch start" */
static bool
parse_epoch(struct slice line, int64_t *ret_epoch, int64_t *ret_start)
{
    int64_t blank = slice_find(line, ' ', 0);
    return blank > 0 && slice_to_i64(slice_sub(line, 0, blank), ret_epoch) &&
           slice_to_i64(slice_sub(line, blank + 1, line.n - blank - 1), ret_start);
}

/* Where an epoch is said to begin, a batch of it does, and the one before is of an older epoch. The first may be clipped to
 * the start of the log; the last may have had no batch, and what another leader wrote there since may be of any epoch. */
static bool
is_epoch_of_log(const struct node_log *l, int64_t epoch, int64_t start, int64_t before,
                bool may_be_empty)
{
    const struct batch *b = log_at(l, start),
                       *prev = start > l->start ? log_at(l, start - 1) : NULL;
    if (before < 0 && start <= l->deleted_to) prev = NULL;
    if (prev && prev->epoch >= epoch) return false;
    if (prev && before >= 0 && prev->epoch != before) return false;
    if (prev && before < 0 && prev->last >= l->start) return false;
    if (!b || start < l->start) return !b || b->epoch == epoch || may_be_empty;
    return (may_be_empty && b->epoch != epoch) ||
           (b->epoch == epoch && (b->base == start || before < 0));
}

static void
check_epochs(struct invariants *v, const struct topic_key *k, const struct node_log *l,
             struct slice text, bool is_old)
{
    int64_t before = -1, epoch, start, number = 0;
    for (int64_t at = 0; at < text.n; number++) {
        int64_t end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        struct slice line = slice_sub(text, at, end - at);
        at = end + 1;
        if (number < 2) continue; /* version and count */
        if (!parse_epoch(line, &epoch, &start)) return;
        if (is_epoch_of_log(l, epoch, start, before, is_old && at >= text.n)) {
            before = epoch;
            continue;
        }
        breach(v, RULE_EPOCH_CACHE, k, start,
               "has it written down that epoch # begins at offset #, where its log has another",
               epoch, start);
        return;
    }
}

/* is_old: written a while ago, and the log may have gone on since. */
static void
check_epochs_file(struct invariants *v, int32_t node, const struct node_log *l, struct slice path,
                  bool is_old)
{
    uint8_t text[4096];
    int64_t size =
        disk_peek(world_machine_at(v->world, node), path, IMAGE_CACHED, 0, text, sizeof text);
    if (size > 0 && size < (int64_t)sizeof text)
        check_epochs(v, l->key, l, slice(text, size), is_old);
}

static void
check_epochs_found(struct invariants *v, int32_t node, const struct log_truth *t,
                   const struct node_log *l)
{
    uint8_t text[300];
    struct writer w = writer_fixed(text, sizeof text);
    struct slice dir = log_view_directory(t->view);
    fmt_slice(&w, dir), fmt_str(&w, "leader-epoch-checkpoint");
    if (dir.n) check_epochs_file(v, node, l, writer_slice(&w), false);
}

static bool
lists_epoch(struct slice text, int32_t wanted)
{
    int64_t epoch, start;
    for (int64_t at = 0; at < text.n;) {
        int64_t end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        if (parse_epoch(slice_sub(text, at, end - at), &epoch, &start) && epoch == wanted)
            return true;
        at = end + 1;
    }
    return false;
}

/* What is synced may be opened without a look at its batches: their epochs must stand in the file by then. */
static void
check_epochs_are_listed(struct invariants *v, int32_t node, struct log_truth *t,
                        const struct node_log *l, int64_t end)
{
    uint8_t text[4096], path[300];
    struct writer w = writer_fixed(path, sizeof path);
    int64_t from = t->epochs_to, size = -1;
    int32_t known = -1;
    t->epochs_to = end;
    for (int64_t i = l->v.n; i-- > 0 && l->v.v[i]->last >= from;) {
        const struct batch *b = l->v.v[i];
        if (b->base >= end || b->epoch == known || b->last < MAX(l->start, l->deleted_to)) continue;
        if (size < 0) {
            fmt_slice(&w, log_view_directory(t->view)), fmt_str(&w, "leader-epoch-checkpoint");
            size = disk_peek(world_machine_at(v->world, node), writer_slice(&w), IMAGE_CACHED, 0,
                             text, sizeof text);
        }
        if (size == (int64_t)sizeof text) return; /* there is more of it */
        known = b->epoch;
        if (lists_epoch(slice(text, MAX(size, 0)), known)) continue;
        breach(v, RULE_EPOCH_CACHE, l->key, b->base,
               "has synced offset #, and its leader epoch # is not written down", b->base, known);
        return;
    }
}

/* "data/orders-0/leader-epoch-checkpoint.tmp" has got its name. */
void
invariants_renamed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct slice name = S("/leader-epoch-checkpoint"), file = path;
    struct model_node *n = model_node(&v->model, node);
    if (slice_ends(file, S(".tmp"))) file = slice_sub(file, 0, file.n - 4);
    if (!n || n->is_spoilt || !slice_ends(file, name)) return;
    int64_t end = file.n - name.n, from = end;
    while (from > 0 && file.p[from - 1] != '/') from--;
    struct node_log *l = model_bound(&v->model, node, slice_sub(file, from, end - from));
    v->at_ns = at_ns;
    v->node = node;
    if (l && l->open && !l->hurt && !l->key->is_retired && !l->key->is_compacted)
        check_epochs_file(v, node, l, file, true);
}

/* ---- what clients are given ---------------------------------------------------------------------- */

/* The one that leads in the newest epoch. NULL: none, or what its disk has is not what it wrote. */
static const struct node_log *
newest_leader(const struct invariants *v, const struct topic_key *k)
{
    const struct node_log *newest = NULL;
    bool is_spoilt = false;
    for (int64_t i = 0; i < v->model.nodes.n; i++) {
        const struct model_node *n = &v->model.nodes.v[i];
        const struct node_log *l = n->id >= 0 && k->index < n->logs.n ? n->logs.v[k->index] : NULL;
        if (!l || !l->leads || !l->open || (newest && l->epoch <= newest->epoch)) continue;
        newest = l;
        is_spoilt = n->is_spoilt;
    }
    return is_spoilt ? NULL : newest;
}

/* The marker is no decision before it is committed itself: another leader may lack it, and get another one. By whoever led: who
 * leads now need not know yet how far that was. */
static void
check_marker_committed(struct invariants *v, const struct topic_key *k,
                       const struct producer_seen *p, int64_t offset)
{
    if (p->ended_from < 0 || p->ended_from > offset || offset >= k->ghost) return;
    if (p->ended_at < k->ghost || p->ended_at < offset) return;
    breach(v, RULE_READ_UNDECIDED, k, offset,
           "a reader of committed records was given offset #, and the marker of a transaction "
           "before it, "
           "at #, is not committed",
           offset, p->ended_at);
}

/* KIP-98: who reads committed records waits before the first one of a transaction that is not decided. Whose transaction is
 * open the batches say that lie on the leader's disk. */
void
invariants_polled_decided(struct invariants *v, int64_t at_ns, struct slice topic,
                          int32_t partition, int64_t offset)
{
    const struct topic_key *k = model_find_key(&v->model, topic, partition);
    const struct node_log *l = k && !k->older && !k->is_compacted ? newest_leader(v, k) : NULL;
    struct log_truth *t = l ? l->user : NULL;
    if (!t || is_lossy(k, l->epoch)) return;
    v->at_ns = at_ns;
    v->node = -1;
    /* After a cut the last batch is not looked at yet: it may be the marker. */
    if (!look_on(v, t, k, l, l->written) || offset >= log_view_end(t->view)) return;
    for (int64_t i = 0; i < t->producers.n; i++) {
        const struct producer_seen *p = &t->producers.v[i];
        check_marker_committed(v, k, p, offset);
        if (p->open_from < 0 || p->open_from > offset) continue;
        breach(
            v, RULE_READ_UNDECIDED, k, offset,
            "a reader of committed records was given offset #, and a transaction is open since #",
            offset, p->open_from);
        return;
    }
}

int64_t
truth_first_open(struct invariants *v, int32_t node, struct topic_key *k)
{
    struct node_log *l = model_log(&v->model, node, k);
    struct log_truth *t = l ? truth_of(v, l, node) : NULL;
    int64_t first = INT64_MAX;
    if (!t || t->is_lost) return -1;
    (void)look_on(v, t, k, l, log_end(l));
    if (log_view_end(t->view) < l->written) return -1;
    for (int64_t i = 0; i < t->producers.n; i++)
        if (t->producers.v[i].open_from >= 0) first = MIN(first, t->producers.v[i].open_from);
    return first;
}

/* What is ended counts as open until its marker is committed. */
int64_t
truth_stable(struct invariants *v, int32_t node, struct topic_key *k, int64_t hw)
{
    int64_t open = truth_first_open(v, node, k);
    const struct node_log *l = model_log(&v->model, node, k);
    for (int64_t i = l->v.n; open >= 0 && i-- > 0 && l->v.v[i]->base >= hw;)
        if (l->v.v[i]->is_control) return 0;
    return open < 0 ? 0 : MIN(hw, open);
}

/* ---- what nodes say ------------------------------------------------------------------------------ */

int64_t
truth_written(struct invariants *v, int32_t node, struct node_log *l, int64_t end)
{
    struct log_truth *t = truth_of(v, l, node);
    if (!t) return end;
    if (!look_on(v, t, l->key, l, end))
        is_not_there(v, t, l->key, log_view_end(t->view),
                     "says that all below # is written; its disk lacks offset #", end);
    return MIN(end, log_view_end(t->view));
}

void
truth_synced(struct invariants *v, int32_t node, struct node_log *l, int64_t end)
{
    struct log_truth *t = truth_of(v, l, node);
    if (!t) return;
    int64_t durable = log_view_durable(t->view, l->start, end);
    if (durable < MIN(end, log_end(l)))
        is_not_there(v, t, l->key, durable,
                     "says that all below # is synced; a power loss may take offset #", end);
    if (log_view_directory(t->view).n) check_epochs_are_listed(v, node, t, l, end);
}

bool
truth_looks(struct invariants *v, int32_t node, struct node_log *l, int64_t end)
{
    struct log_truth *t = truth_of(v, l, node);
    return t && look_on(v, t, l->key, l, end);
}

int64_t
truth_durable(struct invariants *v, int32_t node, struct node_log *l, int64_t end)
{
    struct log_truth *t = truth_of(v, l, node);
    return MIN(end, t ? log_view_durable(t->view, l->start, end) : l->synced);
}

void
truth_cut(struct invariants *v, int32_t node, struct node_log *l)
{
    struct log_truth *t = truth_of(v, l, node);
    if (!t) return;
    log_view_cut(t->view, log_end(l));
    look_again(v, t, l->key, l);
    t->was_cut = true;
}

/* "orders 0 4711": the offset; -1: it is not there. */
static int64_t
offset_listed(struct slice text, const struct topic_key *k)
{
    int64_t partition, offset;
    for (int64_t at = 0, end; at < text.n; at = end + 1) {
        end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        struct slice line = slice_sub(text, at, end - at);
        if (!slice_starts(line, k->topic) || line.n <= k->topic.n || line.p[k->topic.n] != ' ')
            continue;
        struct slice rest = slice_sub(line, k->topic.n + 1, line.n - k->topic.n - 1);
        if (parse_epoch(rest, &partition, &offset) && partition == k->partition) return offset;
    }
    return -1;
}

/* What a checkpoint of the log's own disk says of it; -1: nothing, or it is too large to look. */
static int64_t
checkpointed(struct invariants *v, int32_t node, const struct log_truth *t, struct topic_key *k,
             const char *file, enum disk_image image)
{
    uint8_t path[300], text[4096];
    struct writer w = writer_fixed(path, sizeof path);
    struct slice dir = log_view_directory(t->view);
    int64_t end = dir.n - 1;
    while (end > 0 && dir.p[end - 1] != '/') end--;
    if (end <= 0 || model_is_metadata(k)) return -1;
    fmt_slice(&w, slice_sub(dir, 0, end)), fmt_str(&w, file);
    int64_t size =
        disk_peek(world_machine_at(v->world, node), writer_slice(&w), image, 0, text, sizeof text);
    if (size <= 0 || size == (int64_t)sizeof text) return -1;
    return offset_listed(slice(text, size), k);
}

/* After a power loss all below the recovery point is believed without a look. What is appended after a cut is not synced, so
 * the point on the medium must lie below it by then. */
void
truth_appends(struct invariants *v, int32_t node, struct node_log *l, int64_t base)
{
    struct log_truth *t = l->user ? truth_of(v, l, node) : NULL;
    if (!t || !t->was_cut) return;
    t->was_cut = false;
    int64_t point =
        checkpointed(v, node, t, l->key, "recovery-point-offset-checkpoint", IMAGE_DURABLE);
    if (point > base)
        breach(v, RULE_DISK_TRUTH, l->key, base,
               "appends at offset # after a cut; the recovery point on its disk is #", base, point);
}

/* What was deleted and written down stays deleted. A point beyond the log is another topic's, of the same name. */
static void
check_start_found(struct invariants *v, int32_t node, const struct log_truth *t,
                  const struct node_log *l)
{
    int64_t start = checkpointed(v, node, t, l->key, "log-start-offset-checkpoint", IMAGE_CACHED);
    if (start > l->start && start <= log_end(l))
        breach(v, RULE_DISK_TRUTH, l->key, l->start,
               "opened its log from # on; its disk says that it begins at #", l->start, start);
}

/* A log that is opened counts as synced: what its files hold must be on the medium. */
void
truth_opened(struct invariants *v, int32_t node, struct node_log *l)
{
    struct log_truth *t = l->v.n || l->user ? truth_of(v, l, node) : NULL;
    if (!t) return;
    t->is_lost = false;
    look_again(v, t, l->key, l);
    if (!look_on(v, t, l->key, l, log_end(l)))
        is_not_there(v, t, l->key, log_view_end(t->view),
                     "opened its log up to #; its disk lacks offset #", log_end(l));
    else if (!log_view_is_settled(t->view))
        is_not_there(v, t, l->key, log_end(l),
                     "opened its log up to # before its files were synced", log_end(l));
    /* Which of its markers are not committed yet a node forgets when it stops in order, and so does Kafka: a snapshot of producers
     * tells of open transactions alone. Until they are committed it holds back nothing for them. */
    for (int64_t i = 0; i < t->producers.n; i++) t->producers.v[i].ended_from = -1;
    check_epochs_found(v, node, t, l);
    check_start_found(v, node, t, l);
}
