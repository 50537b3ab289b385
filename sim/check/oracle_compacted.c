/* Compacted topics. What of a log is left is read from the disk itself: no node tells what a cleaning took. An
 * acknowledged record may be gone if a later one of its key is there; or if its key was deleted later, and
 * tombstones may be gone, too. */
#include "broker/record/control.h"
#include "broker/work/work.h"
#include "sim/check/disk_log.h"
#include "sim/check/oracle_own.h"
#include "sim/workload/value.h"

#include <stdlib.h>

/* Of a transaction whose end has not been met. */
struct keyed {
    int64_t producer, key, offset;
};

struct reading {
    struct oracle *o;
    const struct node_log *l;
    struct remains *ret;
    VEC(struct keyed) open;
};

/* "k12": of a workload. Others have keys of their own. */
static int64_t
key_number(struct slice key)
{
    int64_t n;
    if (key.n < 2 || key.p[0] != 'k' || !slice_to_i64(slice_sub(key, 1, key.n), &n)) return -1;
    return n;
}

static void
is_last_of(struct reading *r, int64_t key, int64_t offset)
{
    struct remains *ret = r->ret;
    while (ret->last.n <= key) VEC_PUSH(r->o->mem, &ret->last, -1);
    ret->last.v[key] = MAX(ret->last.v[key], offset);
}

/* What was aborted takes no other record's place. */
static void
end_txn(struct reading *r, int64_t producer, bool commits)
{
    for (int64_t i = r->open.n; i-- > 0;) {
        struct keyed one = r->open.v[i];
        if (one.producer != producer) continue;
        if (commits) is_last_of(r, one.key, one.offset);
        VEC_REMOVE_AT(&r->open, i);
    }
}

static void
take_record(struct reading *r, const struct batch_header *h, const struct record *rec)
{
    struct remains *ret = r->ret;
    struct mem *mem = r->o->mem;
    uint64_t value;
    int64_t key = key_number(rec->key);
    if (rec->offset < r->l->start || rec->offset >= r->l->hw) return;
    if (!value_of_record(rec, &value)) return;
    struct lies one = {value, rec->offset};
    VEC_PUSH(mem, &ret->lies, one);
    struct keyed keyed = {h->producer_id, key, rec->offset};
    if (key < 0) return;
    if (batch_is_transactional(h)) VEC_PUSH(mem, &r->open, keyed);
    else is_last_of(r, key, rec->offset);
}

static void
take_compacted_records(struct reading *r, const struct batch_header *h, struct slice payload)
{
    struct records rs;
    struct record rec;
    records_begin(&rs, h, payload);
    while (records_next(&rs, &rec)) take_record(r, h, &rec);
}

static void
take_compacted_batch(void *ctx, const struct found *f, struct slice batch)
{
    enum { CEILING = 64 << 20 };
    struct reading *r = ctx;
    struct batch_header h;
    struct work_result plain;
    struct marker marker;
    (void)f;
    if (batch_parse(batch, &h) != BATCH_OK) return;
    if (batch_is_control(&h)) {
        if (h.base_offset < r->l->hw && marker_parse(&h, batch, &marker))
            end_txn(r, h.producer_id, marker.commit);
        return;
    }
    struct slice payload = batch_payload(batch, &h);
    if (batch_codec(&h) == CODEC_NONE) {
        take_compacted_records(r, &h, payload);
        return;
    }
    struct seg seg = {.bytes = payload};
    if (work_run(WORK_DECOMPRESS, batch_codec(&h), 0, &seg, 1, CEILING, &plain) != ENV_OK) return;
    take_compacted_records(r, &h, slice(plain.p, plain.n));
    free(plain.p);
}

void
oracle_remains(struct oracle *o, int32_t node, const struct node_log *l, struct remains *ret)
{
    struct reading r = {.o = o, .l = l, .ret = ret};
    *ret = (struct remains){0};
    disk_log_walk(o->mem, world_machine_at(o->world, node), l->key->subject, DISK_LOG_SERVES,
                  INT64_MAX, take_compacted_batch, &r);
    VEC_RELEASE(o->mem, &r.open);
}

void
oracle_remains_release(struct oracle *o, struct remains *r)
{
    VEC_RELEASE(o->mem, &r->lies);
    VEC_RELEASE(o->mem, &r->last);
}

/* Perhaps nobody knows where it lies, nor (acks=0, or a send that was given up) whether it came. */
static bool
may_be_deleted(const struct oracle *o, const struct topic_key *k, int64_t key, int64_t offset)
{
    const struct history *h = o->history;
    for (int64_t i = 0; h && i < h->ops.n; i++) {
        const struct history_op *op = &h->ops.v[i];
        if (op->kind != HISTORY_SEND || !op->is_tombstone || op->key != key) continue;
        if (op->topic < 0 || !slice_eq(history_topic_name(h, op->topic), k->topic)) continue;
        if (op->partition >= 0 && op->partition != k->partition) continue;
        if (op->outcome == HISTORY_OK && (op->offset < 0 || op->offset >= offset)) return true;
        if (op->outcome == HISTORY_INFO || op->outcome == HISTORY_OPEN) return true;
    }
    return false;
}

bool
oracle_is_superseded(const struct oracle *o, const struct topic_key *k, const struct remains *r,
                     const struct promise *p)
{
    if (p->key < 0) return false; /* with acks=0 nobody knows where it lay: anywhere */
    if (p->key < r->last.n && r->last.v[p->key] > p->offset) return true;
    return oracle_terms(o, k).tombstones_go && may_be_deleted(o, k, p->key, p->offset);
}
