/* The files of a log as a power loss would leave them. Names come and go one by one, and of those that are not synced a power
 * loss keeps whatever it likes: so a log begins no file before the one before it has a durable name, or it could come back
 * with a gap (KAFKA-3968); and it takes none away from its front before the next one has, or it could come back with nothing, and
 * give its offsets out again. */
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

/* It has another name now, with which it is no file of the log. */
void
names_removed(struct invariants *v, int64_t at_ns, int32_t node, struct slice path)
{
    struct names names;
    const struct node_log *l = log_of(v, node, path, &names);
    if (!l || names.of >= l->start || names.next < 0 || names.next_is_durable) return;
    v->at_ns = at_ns;
    v->node = node;
    breach(v, RULE_DISK_TRUTH, l->key, names.of,
           "takes away the file at offset #; a power loss may take the next one, at #, too",
           names.of, names.next);
}
