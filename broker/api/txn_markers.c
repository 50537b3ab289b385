#include "broker/api/txn_markers.h"

#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/config.h"
#include "broker/record/control.h"
#include "configs.h"

typedef struct k_write_txn_markers_request_writable_txn_marker request_marker;
typedef struct k_write_txn_markers_response_writable_txn_marker_result marker_result;
typedef struct k_write_txn_markers_response_writable_txn_marker_topic_result topic_result;
typedef struct k_write_txn_markers_response_writable_txn_marker_partition_result partition_result;

struct marking;

/* One marker for one partition, which waits to be committed. */
struct mark {
    struct append_waiter waiter;
    struct marking *of;
    const request_marker *marker;
    bool is_of_groups;
    int32_t index;
    uint64_t number; /* the groups' */
    int16_t *err;
    bool waits;
    struct list node;
};

struct marking {
    struct server *server;
    struct marker_write *write;
    struct k_write_txn_markers_response response;
    struct list marks;
    int32_t left; /* not yet answered, and the request itself while it is gone through */
    struct timer timer;
};

static void
marking_part_done(struct marking *m)
{
    CHECK(m->left > 0);
    if (--m->left > 0) return;
    timer_cancel(m->server->env, &m->timer);
    m->write->done(m->write, &m->response);
}

/* It is committed: who keeps offsets for the transaction is told, in the order of the log. */
static void
mark_committed(struct append_waiter *w, int16_t err)
{
    struct mark *k = CONTAINER_OF(w, struct mark, waiter);
    k->waits = false;
    list_remove(&k->node);
    *k->err = err;
    if (!err && k->is_of_groups)
        groups_end_txn(k->of->server->groups, k->index, k->marker->producer_id,
                       k->marker->transaction_result, k->number);
    marking_part_done(k->of);
}

static void
marking_timed_out(struct timer *t)
{
    struct marking *m = CONTAINER_OF(t, struct marking, timer);
    m->left++;
    LIST_EACH(&m->marks, k, struct mark, node) {
        append_waiter_cancel(&k->waiter);
        list_remove(&k->node);
        k->waits = false;
        *k->err = K_ERR_REQUEST_TIMED_OUT;
        marking_part_done(m);
    }
    marking_part_done(m);
}

static int16_t
append_marker(struct partition *p, const request_marker *r, int64_t *ret_end)
{
    struct env *env = p->env;
    struct buf *b = end_txn_batch(env->crc32c, &env->mem, r->transaction_result, env_wall_ms(env),
                                  r->producer_id, r->producer_epoch, r->coordinator_epoch);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    struct log_append a = {.segs = &seg,
                           .segs_n = 1,
                           .origin = APPEND_COORDINATOR,
                           .txn_version = r->transaction_version,
                           .append_time_ms = -1};
    int16_t err = partition_append(p, &a, -1);
    buf_unref(b);
    *ret_end = a.last_offset + 1;
    return err;
}

static void
mark_partition(struct marking *m, const request_marker *r, struct slice topic,
               partition_result *answer)
{
    struct server *s = m->server;
    int64_t end = 0;
    struct partition *p =
        lookup_partition(s, UUID_ZERO, topic, answer->partition_index, &answer->error_code);
    bool is_of_groups = slice_eq(topic, GROUPS_TOPIC);
    if (!p) answer->error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    else if (r->producer_epoch < 0) answer->error_code = K_ERR_INVALID_PRODUCER_EPOCH;
    if (!p || answer->error_code) return;
    /* A marker that comes while the groups are being read could be missed by them. */
    if (is_of_groups && !groups_is_active(s->groups, answer->partition_index))
        answer->error_code = K_ERR_NOT_LEADER_OR_FOLLOWER;
    else answer->error_code = append_marker(p, r, &end);
    if (answer->error_code) return;
    struct mark *k = ARENA_NEW(m->write->arena, struct mark);
    *k = (struct mark){.of = m,
                       .marker = r,
                       .is_of_groups = is_of_groups,
                       .index = answer->partition_index,
                       .number = is_of_groups ? groups_number_marker(s->groups) : 0,
                       .err = &answer->error_code,
                       .waits = true};
    k->waiter.done = mark_committed;
    k->waiter.required = end;
    k->waiter.all = true;
    m->left++;
    list_push_back(&m->marks, &k->node);
    partition_wait(p, &k->waiter);
}

static void
append_markers(struct marking *m, const request_marker *r, marker_result *answer)
{
    struct arena *a = m->write->arena;
    answer->producer_id = r->producer_id;
    answer->topics_n = r->topics_n;
    answer->topics = codec_array(
        a, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_TOPIC_RESULT, r->topics_n);
    for (int32_t i = 0; i < r->topics_n; i++) {
        topic_result *t = &answer->topics[i];
        t->name = r->topics[i].name;
        t->partitions_n = r->topics[i].partition_indexes_n;
        t->partitions =
            codec_array(a, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_PARTITION_RESULT,
                        t->partitions_n);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            t->partitions[k].partition_index = r->topics[i].partition_indexes[k];
            mark_partition(m, r, t->name, &t->partitions[k]);
        }
    }
}

void
txn_markers_write(struct server *s, struct marker_write *w)
{
    const struct k_write_txn_markers_request *q = w->request;
    int64_t timeout_ms = config_i64(s->config, K_CFG_REQUEST_TIMEOUT_MS);
    struct marking *m = ARENA_NEW(w->arena, struct marking);
    *m = (struct marking){.server = s, .write = w, .left = 1};
    list_init(&m->marks);
    codec_default(K_MSG_WRITE_TXN_MARKERS_RESPONSE, &m->response);
    m->response.markers_n = q->markers_n;
    m->response.markers = codec_array(
        w->arena, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_RESULT, q->markers_n);
    m->timer.due = marking_timed_out;
    timer_arm(s->env, &m->timer, env_now_ns(s->env) + timeout_ms * NS_PER_MS);
    for (int32_t i = 0; i < q->markers_n; i++)
        append_markers(m, &q->markers[i], &m->response.markers[i]);
    marking_part_done(m);
}

/* ---- WriteTxnMarkers ---- */

struct marking_request {
    struct marker_write write;
    struct request *r;
};

static void
markers_written(struct marker_write *w, const struct k_write_txn_markers_response *res)
{
    request_answer(CONTAINER_OF(w, struct marking_request, write)->r, res);
}

void
handle_write_txn_markers(struct server *s, struct request *r)
{
    struct marking_request *m = REQUEST_NEW(r, struct marking_request);
    *m = (struct marking_request){
        .write = {.done = markers_written, .request = r->message, .arena = &r->arena}, .r = r};
    txn_markers_write(s, &m->write);
}
