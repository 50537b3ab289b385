/* The files of a log as a power loss would leave them. Names come and go one by one, and of those that are not synced a power
 * loss keeps whatever it likes: so a log begins no file before the one before it has a durable name, or it could come back
 * with a gap (KAFKA-3968); and it takes none away from its front before the next one has, or it could come back with nothing, and
 * give its offsets out again. And what a cleaning puts together is no larger than a segment may be. */
#include "broker/record/batch.h"
#include "sim/check/invariants_own.h"
#include "sim/world/fault.h"

#define DIGITS 20 /* of a file's name */

/* Of "…/orders-0/00000000000000004711.log" the directory, the log and the base offset. */
static bool
parse_path(struct slice path, struct slice *ret_dir, struct slice *ret_subject, int64_t *ret_base)
{
    int64_t end = path.n - DIGITS - S(".log").n - 1, at = end;
    if (end < 1 || path.p[end] != '/' || !slice_ends(path, S(".log"))) return false;
    while (at > 0 && path.p[at - 1] != '/') at--;
    *ret_dir = slice_sub(path, 0, end);
    *ret_subject = slice_sub(path, at, end - at);
    return slice_to_i64(slice_sub(path, end + 1, DIGITS), ret_base);
}

struct names {
    struct machine *m;
    int64_t of;           /* the file that is looked at */
    int64_t loose;        /* the last one before it without a durable name; -1 */
    int64_t next;         /* the first one behind it; -1 */
    bool next_is_durable; /* its name */
};

static void
look_at_name(void *ctx, struct slice path, int64_t size)
{
    struct names *n = ctx;
    struct slice dir, subject;
    int64_t base;
    (void)size;
    if (!parse_path(path, &dir, &subject, &base)) return;
    bool is_durable = disk_is_settled(n->m, path, 0, 0);
    if (base < n->of && !is_durable) n->loose = MAX(n->loose, base);
    if (base <= n->of || (n->next >= 0 && n->next < base)) return;
    n->next = base;
    n->next_is_durable = is_durable;
}

/* A compacted log is put together anew, and its names change in another order. */
static struct node_log *
log_of(struct invariants *v, int32_t node, struct slice path, struct names *ret)
{
    struct model_node *n = model_node(&v->model, node);
    struct slice dir, subject;
    if (!v->world || !n || n->is_spoilt || !parse_path(path, &dir, &subject, &ret->of)) return NULL;
    struct node_log *l = model_bound(&v->model, node, subject);
    if (!l || !l->open || l->hurt || l->key->is_retired || l->key->is_compacted) return NULL;
    ret->m = world_machine_at(v->world, node);
    ret->loose = ret->next = -1;
    disk_peek_dir(ret->m, dir, IMAGE_CACHED, look_at_name, ret);
    return l;
}

void
names_opened(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct names names;
    const struct node_log *l = log_of(v, node, path, &names);
    if (!l || names.loose < 0) return;
    v->at_ns = at_ns;
    v->node = node;
    breach(v, RULE_DISK_TRUTH, l->key, names.of,
           "begins the file at offset #; a power loss may take the one at #", names.of,
           names.loose);
}

/* It has another name now, with which it is no file of the log. One that was about to go when the log was cut wholly goes after
 * it: the file that was to stay behind it went with the cut, which itself leaves nothing for a moment, and nobody counts on it. */
void
names_removed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct names names;
    const struct node_log *l = log_of(v, node, path, &names);
    if (!l || names.of >= l->start || names.of < l->anew || names.next < 0 || names.next_is_durable)
        return;
    v->at_ns = at_ns;
    v->node = node;
    breach(v, RULE_DISK_TRUTH, l->key, names.of,
           "takes away the file at offset #; a power loss may take the next one, at #, too",
           names.of, names.next);
}

/* ---- what a cleaning has made ---- */

/* In the directory of a log. */
struct cleaned {
    struct machine *m;
    struct unsettled *unsettled;
    int64_t base, last;     /* offsets that the new file stands for */
    int64_t files_n, bytes; /* of the old ones */
    int64_t old_base;       /* of the old file in which the last of these offsets lies … */
    int64_t old_last;       /* … and the last offset that is there */
};

static void
note_unsettled(struct unsettled *u, int64_t base)
{
    for (int32_t i = 0; i < u->n; i++)
        if (u->v[i] == base) return;
    if (u->n < ARRAY_LEN(u->v)) u->v[u->n++] = base;
}

static int64_t last_offset_of(struct machine *m, struct slice path);

static void
look_at_source(void *ctx, struct slice path, int64_t size)
{
    struct cleaned *c = ctx;
    struct slice dir, subject;
    int64_t base;
    if (!parse_path(path, &dir, &subject, &base) || base < c->base) return;
    if (!disk_is_settled(c->m, path, 0, size)) note_unsettled(c->unsettled, base);
    if (base > c->last) return;
    c->files_n++;
    c->bytes += size;
    if (base < c->old_base) return;
    c->old_base = base;
    c->old_last = last_offset_of(c->m, path);
}

/* The last batch of what is cleaned stays, if only as a place. -1: the file has none. */
static int64_t
last_offset_of(struct machine *m, struct slice path)
{
    uint8_t head[BATCH_HEADER_BYTES];
    struct batch_header h;
    int64_t last = -1;
    for (int64_t at = 0; disk_peek(m, path, IMAGE_CACHED, at, head, sizeof head) == sizeof head &&
                         batch_parse(slice(head, sizeof head), &h) == BATCH_OK;
         at += batch_size_bytes(&h))
        last = batch_last_offset(&h);
    return last;
}

/* A single segment may be as large as it was, and what comes of several be larger than all of them were: a horizon before
 * which nothing is to be deleted makes batches longer. So the old ones are looked at. path: the name that it had. */
void
names_cleaned(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct slice dir, subject, suffix = S(".cleaned");
    struct model_node *n = model_node(&v->model, node);
    struct cleaned c = {.old_base = -1, .old_last = -1};
    if (!v->world || !n || n->is_spoilt || !slice_ends(path, suffix)) return;
    struct slice name = slice_sub(path, 0, path.n - suffix.n);
    if (!parse_path(name, &dir, &subject, &c.base)) return;
    struct node_log *l = model_bound(&v->model, node, subject);
    if (!l) return;
    struct machine *m = world_machine_at(v->world, node);
    int64_t limit = segment_bytes_of(v, l->key->topic);
    c.m = m, c.unsettled = &l->unsettled;
    /* A cleaning goes from the front to the end: so this is another one, and the one before was given up. */
    if (c.base <= l->unsettled.cleaned_base) l->unsettled.n = 0;
    l->unsettled.cleaned_base = c.base;
    struct writer swap = writer_mem(v->mem);
    writer_bytes(&swap, name);
    writer_bytes(&swap, S(".swap"));
    c.last = last_offset_of(m, writer_slice(&swap));
    writer_release(&swap);
    disk_peek_dir(m, dir, IMAGE_CACHED, look_at_source, &c);
    v->at_ns = at_ns;
    v->node = node;
    if (c.last >= 0 && c.old_last > c.last)
        breach(v, RULE_LOG_CONTIGUOUS, l->key, c.old_last,
               "cleaned away the last batch of a segment, up to #, and the log's end with it: #",
               c.old_last, c.last + 1);
    if (limit && c.files_n > 1 && c.bytes > limit)
        breach(v, RULE_SEGMENT_SIZE, l->key, c.base,
               "cleans segments of # bytes into one, which may have #", c.bytes, limit);
}

/* What a cleaning takes away is gone, whatever a power loss takes: so it may only go for what that cannot take. */
void
names_round_ends(struct invariants *v, struct node_log *l, int64_t from, int64_t to)
{
    struct unsettled u = l->unsettled;
    l->unsettled.n = 0;
    for (int32_t i = 0; i < u.n; i++) {
        if (u.v[i] < from || u.v[i] >= to) continue;
        breach(v, RULE_DISK_TRUTH, l->key, u.v[i],
               "cleaned all below # by what lies behind #, which a power loss may take", to,
               u.v[i]);
        return;
    }
}
