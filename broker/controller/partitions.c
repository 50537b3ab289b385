/* What leaders and administrators ask of existing partitions: AlterPartition (KIP-497), ElectLeaders
 * (KIP-460), AssignReplicasToDirs (KIP-858), reassignments (KIP-455: of the order alone; none is ever under way). */
#include "broker/controller/internal.h"

#include "broker/controller/isr_change.h"
#include "broker/controller/preferred_leader.h"
#include "broker/controller/replica_order.h"

#include "apis.h"

/* ---- AlterPartition ---------------------------------------------------------------------------- */

static void
blank_alter(struct request *q)
{
    const struct k_alter_partition_request *r = q->body;
    struct k_alter_partition_response *resp = q->response;
    resp->topics = codec_array(q->arena, K_STRUCT_ALTER_PARTITION_RESPONSE_TOPIC_DATA, r->topics_n);
    resp->topics_n = r->topics_n;
    for (int32_t i = 0; i < r->topics_n; i++) {
        int32_t n = r->topics[i].partitions_n;
        resp->topics[i].topic_id = r->topics[i].topic_id;
        resp->topics[i].partitions =
            codec_array(q->arena, K_STRUCT_ALTER_PARTITION_RESPONSE_PARTITION_DATA, n);
        resp->topics[i].partitions_n = n;
        for (int32_t j = 0; j < n; j++)
            resp->topics[i].partitions[j].partition_index =
                r->topics[i].partitions[j].partition_index;
    }
}

/* Up to version 2 the members come without their broker epochs. */
static struct isr_member *
members(const struct request *q, const struct k_alter_partition_request_partition_data *d,
        int32_t *ret_n)
{
    bool epochs = q->version >= 3;
    int32_t n = epochs ? d->new_isr_with_epochs_n : d->new_isr_n;
    struct isr_member *m = ARENA_ARRAY(q->arena, struct isr_member, n + 1);
    for (int32_t i = 0; i < n; i++)
        m[i] = epochs ? (struct isr_member){d->new_isr_with_epochs[i].broker_id,
                                            d->new_isr_with_epochs[i].broker_epoch}
                      : (struct isr_member){d->new_isr[i], NO_BROKER_EPOCH};
    *ret_n = n;
    return m;
}

/* What the partition will be; the record may be NULL. */
static void
tell_partition(const struct image_partition *p, const struct k_partition_change_record *r,
               struct arena *a, struct k_alter_partition_response_partition_data *ret)
{
    struct ids isr = p->isr;
    if (r && r->isr_n >= 0) isr = (struct ids){r->isr, r->isr_n};
    isr = ids_dup(a, isr);
    bool led = r && r->leader != NO_LEADER_CHANGE;
    ret->leader_id = led ? r->leader : p->leader;
    ret->leader_epoch = p->leader_epoch + (led ? 1 : 0);
    ret->partition_epoch = p->partition_epoch + (r ? 1 : 0);
    ret->isr = isr.v;
    ret->isr_n = isr.n;
    ret->leader_recovery_state =
        r && r->leader_recovery_state >= 0 ? r->leader_recovery_state : p->recovery_state;
}

static void
change_isr(struct request *q, const struct image_partition *p,
           const struct k_alter_partition_request_partition_data *d, const struct isr_member *isr,
           int32_t isr_n, struct k_alter_partition_response_partition_data *ret)
{
    struct k_partition_change_record r;
    struct change ch = change_of(q->c, p);
    ch.target_isr = (struct ids){ARENA_ARRAY(q->arena, int32_t, isr_n + 1), isr_n};
    for (int32_t i = 0; i < isr_n; i++) ch.target_isr.v[i] = isr[i].id;
    ch.recovery_state = d->leader_recovery_state;
    bool changes = change_decide(q->c, &ch, q->arena, &r);
    if (changes) batch_add(q->c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
    if (changes && r.leader != NO_LEADER_CHANGE) ret->error_code = K_ERR_NEW_LEADER_ELECTED;
    else tell_partition(p, changes ? &r : NULL, q->arena, ret);
}

/* Who asked twice, because the first request took too long, is told no by the answer to the second, and counts on the
 * replica no more. The first one may still come: once the replica serves again it would be granted, and put somebody
 * into the ISR who lacks what was committed meanwhile. So it is of an earlier state from now on. (Kafka's controller
 * leaves it at the answer; KIP-497 has each change of the state end the requests before it.) */
static void
end_refused(struct request *q, const struct image_partition *p)
{
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.partition_id = p->index;
    r.topic_id = p->topic->id;
    batch_add(q->c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
}

static void
alter_one(struct request *q, const struct image_topic *t,
          const struct k_alter_partition_request_partition_data *d,
          struct k_alter_partition_response_partition_data *ret)
{
    const struct k_alter_partition_request *r = q->body;
    struct isr_request want = {.broker_id = r->broker_id,
                               .leader_epoch = d->leader_epoch,
                               .partition_epoch = d->partition_epoch,
                               .recovery_state = d->leader_recovery_state};
    struct isr_member *isr = members(q, d, &want.isr_n);
    want.isr = isr;
    const struct image_partition *p = image_topic_partition(t, d->partition_index);
    ret->error_code = isr_change_check(&q->c->image, p, &want);
    if (ret->error_code) MARK(q->c->env, ISR_CHANGE_STALE);
    if (ret->error_code == K_ERR_INELIGIBLE_REPLICA && isr_refusal_may_turn(&q->c->image, &want))
        end_refused(q, p);
    if (!t) ret->error_code = K_ERR_UNKNOWN_TOPIC_ID;
    if (!ret->error_code) change_isr(q, p, d, isr, want.isr_n, ret);
}

static void
alter_partition(struct request *q)
{
    const struct k_alter_partition_request *r = q->body;
    struct k_alter_partition_response *resp = q->response;
    resp->error_code = check_broker_epoch(q->c, r->broker_id, r->broker_epoch);
    if (resp->error_code) {
        resp->topics_n = 0;
        return;
    }
    for (int32_t i = 0; i < r->topics_n; i++) {
        const struct image_topic *t = image_topic_by_id(&q->c->image, r->topics[i].topic_id);
        for (int32_t j = 0; j < r->topics[i].partitions_n; j++)
            alter_one(q, t, &r->topics[i].partitions[j], &resp->topics[i].partitions[j]);
    }
}

static void
fail_alter(void *response, int16_t err)
{
    struct k_alter_partition_response *resp = response;
    resp->error_code = err;
    resp->topics_n = 0;
}

const struct handler alter_partition_handler = {
    .api_key = K_API_ALTER_PARTITION,
    .response = K_MSG_ALTER_PARTITION_RESPONSE,
    .response_bytes = sizeof(struct k_alter_partition_response),
    .blank = blank_alter,
    .handle = alter_partition,
    .fail = fail_alter,
};

/* ---- ElectLeaders ------------------------------------------------------------------------------ */

enum { ELECTION_PREFERRED = 0, ELECTION_UNCLEAN = 1 };

static bool
elect_unclean(struct request *q, const struct image_partition *p,
              struct k_partition_change_record *ret)
{
    struct change ch = change_of(q->c, p);
    ch.election = ELECT_UNCLEAN;
    return change_decide(q->c, &ch, q->arena, ret) && ret->leader != NO_LEADER_CHANGE;
}

static int16_t
elect(struct request *q, const struct image_partition *p, int8_t type)
{
    bool preferred = type == ELECTION_PREFERRED;
    if (!p) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    bool needed =
        preferred ? preferred_leader_is_missing(p->replicas, p->leader) : p->leader == NO_LEADER;
    if (!needed) return K_ERR_ELECTION_NOT_NEEDED;
    struct k_partition_change_record r;
    bool elected = preferred ? elect_preferred(q->c, p, q->arena, &r) : elect_unclean(q, p, &r);
    if (!elected)
        return preferred ? K_ERR_PREFERRED_LEADER_NOT_AVAILABLE
                         : K_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE;
    batch_add(q->c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
    return K_ERR_NONE;
}

static struct slice
election_text(struct arena *a, int16_t err, struct slice topic, int32_t index, bool has_topic)
{
    struct writer w = writer_mem(a->mem);
    switch (err) {
    case K_ERR_NONE: return SLICE_NULL;
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
        fmt_str(&w, has_topic ? "No such partition as " : "No such topic as ");
        fmt_slice(&w, topic);
        if (has_topic) fmt_char(&w, '-'), fmt_i64(&w, index);
        break;
    case K_ERR_ELECTION_NOT_NEEDED:
        fmt_str(&w, "Leader election not needed for topic partition.");
        break;
    case K_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
        fmt_str(&w, "The preferred leader was not available.");
        break;
    default: fmt_str(&w, "Eligible topic partition leaders are not available.");
    }
    return text_end(a, &w);
}

static void
elect_one(struct request *q, int8_t type, struct slice topic, int32_t index,
          struct k_elect_leaders_response_partition_result *ret)
{
    const struct image_topic *t = image_topic(&q->c->image, topic);
    ret->partition_id = index;
    ret->error_code = elect(q, image_topic_partition(t, index), type);
    ret->error_message = election_text(q->arena, ret->error_code, topic, index, t != NULL);
}

static struct k_elect_leaders_response_replica_election_result *
begin_result(struct request *q, int32_t at, struct slice topic, int32_t n)
{
    struct k_elect_leaders_response *resp = q->response;
    struct k_elect_leaders_response_replica_election_result *to =
        &resp->replica_election_results[at];
    to->topic = arena_dup(q->arena, topic);
    to->partition_result =
        codec_array(q->arena, K_STRUCT_ELECT_LEADERS_RESPONSE_PARTITION_RESULT, n);
    return to;
}

static void
elect_named(struct request *q, int8_t type)
{
    const struct k_elect_leaders_request *r = q->body;
    struct k_elect_leaders_response *resp = q->response;
    resp->replica_election_results_n = r->topic_partitions_n;
    for (int32_t i = 0; i < r->topic_partitions_n; i++) {
        const struct k_elect_leaders_request_topic_partitions *t = &r->topic_partitions[i];
        struct k_elect_leaders_response_replica_election_result *to =
            begin_result(q, i, t->topic, t->partitions_n);
        to->partition_result_n = t->partitions_n;
        for (int32_t j = 0; j < t->partitions_n; j++)
            elect_one(q, type, t->topic, t->partitions[j], &to->partition_result[j]);
    }
}

/* Of all partitions: those that need none are not spoken of. */
static void
elect_everywhere(struct request *q, int8_t type)
{
    struct k_elect_leaders_response *resp = q->response;
    for (int64_t i = 0; i < q->c->image.topics.n; i++) {
        const struct image_topic *t = q->c->image.topics.v[i];
        struct k_elect_leaders_response_replica_election_result *to =
            begin_result(q, resp->replica_election_results_n, t->name, t->partitions_n);
        for (int32_t j = 0; j < t->partitions_n; j++) {
            struct k_elect_leaders_response_partition_result *result =
                &to->partition_result[to->partition_result_n];
            elect_one(q, type, t->name, j, result);
            if (result->error_code != K_ERR_ELECTION_NOT_NEEDED) to->partition_result_n++;
        }
        resp->replica_election_results_n++;
    }
}

static void
elect_leaders(struct request *q)
{
    const struct k_elect_leaders_request *r = q->body;
    struct k_elect_leaders_response *resp = q->response;
    int8_t type = q->version >= 1 ? r->election_type : ELECTION_PREFERRED;
    if (type != ELECTION_PREFERRED && type != ELECTION_UNCLEAN) {
        resp->error_code = K_ERR_INVALID_REQUEST;
        return;
    }
    int64_t n = MAX(r->topic_partitions_n, q->c->image.topics.n);
    resp->replica_election_results =
        codec_array(q->arena, K_STRUCT_ELECT_LEADERS_RESPONSE_REPLICA_ELECTION_RESULT, n + 1);
    if (r->topic_partitions_n >= 0) elect_named(q, type);
    else elect_everywhere(q, type);
}

static void
fail_elect(void *response, int16_t err)
{
    struct k_elect_leaders_response *resp = response;
    resp->error_code = err;
    for (int32_t i = 0; i < resp->replica_election_results_n; i++)
        for (int32_t j = 0; j < resp->replica_election_results[i].partition_result_n; j++) {
            resp->replica_election_results[i].partition_result[j].error_code = err;
            resp->replica_election_results[i].partition_result[j].error_message = SLICE_NULL;
        }
}

/* Version 0 has errors of partitions only. */
static void
fit_elect(void *response, int16_t version)
{
    struct k_elect_leaders_response *resp = response;
    if (version < 1) resp->error_code = K_ERR_NONE;
}

const struct handler elect_leaders_handler = {
    .api_key = K_API_ELECT_LEADERS,
    .response = K_MSG_ELECT_LEADERS_RESPONSE,
    .response_bytes = sizeof(struct k_elect_leaders_response),
    .handle = elect_leaders,
    .fail = fail_elect,
    .fit = fit_elect,
};

/* ---- AssignReplicasToDirs ---------------------------------------------------------------------- */

/* A broker has one log directory so far, and that is known from its registration: what it says is
 * taken as said. */
static void
assign_dirs(struct request *q)
{
    const struct k_assign_replicas_to_dirs_request *r = q->body;
    struct k_assign_replicas_to_dirs_response *resp = q->response;
    resp->error_code = check_broker_epoch(q->c, r->broker_id, r->broker_epoch);
    if (resp->error_code) return;
    resp->directories = codec_array(
        q->arena, K_STRUCT_ASSIGN_REPLICAS_TO_DIRS_RESPONSE_DIRECTORY_DATA, r->directories_n);
    resp->directories_n = r->directories_n;
    for (int32_t i = 0; i < r->directories_n; i++) {
        int32_t n = r->directories[i].topics_n;
        resp->directories[i].id = r->directories[i].id;
        resp->directories[i].topics =
            codec_array(q->arena, K_STRUCT_ASSIGN_REPLICAS_TO_DIRS_RESPONSE_TOPIC_DATA, n);
        resp->directories[i].topics_n = n;
        for (int32_t j = 0; j < n; j++) {
            struct k_assign_replicas_to_dirs_response_topic_data *to =
                &resp->directories[i].topics[j];
            const struct k_assign_replicas_to_dirs_request_topic_data *from =
                &r->directories[i].topics[j];
            to->topic_id = from->topic_id;
            to->partitions_n = from->partitions_n;
            to->partitions =
                codec_array(q->arena, K_STRUCT_ASSIGN_REPLICAS_TO_DIRS_RESPONSE_PARTITION_DATA,
                            from->partitions_n);
            for (int32_t k = 0; k < from->partitions_n; k++)
                to->partitions[k].partition_index = from->partitions[k].partition_index;
        }
    }
}

static void
fail_dirs(void *response, int16_t err)
{
    struct k_assign_replicas_to_dirs_response *resp = response;
    resp->error_code = err;
    resp->directories_n = 0;
}

const struct handler assign_replicas_to_dirs_handler = {
    .api_key = K_API_ASSIGN_REPLICAS_TO_DIRS,
    .response = K_MSG_ASSIGN_REPLICAS_TO_DIRS_RESPONSE,
    .response_bytes = sizeof(struct k_assign_replicas_to_dirs_response),
    .handle = assign_dirs,
    .fail = fail_dirs,
};

/* ---- reassignments ----------------------------------------------------------------------------- */

typedef struct k_alter_partition_reassignments_request_reassignable_partition wanted_replicas;

/* What is wrong with them in any case; NULL: nothing. */
static const char *
replicas_fault(const struct image *im, const wanted_replicas *w)
{
    if (w->replicas_n == 0) return "A partition needs at least one replica.";
    for (int32_t i = 0; i < w->replicas_n; i++) {
        if (!image_broker(im, w->replicas[i])) return "There is no such broker.";
        for (int32_t j = 0; j < i; j++)
            if (w->replicas[i] == w->replicas[j]) return "A broker stands there twice.";
    }
    return NULL;
}

/* Another order of the same replicas is taken, and so is the order that there is: tools ask for that when
 * a plan leaves a partition alone. */
static int16_t
reassignment_error(const struct request *q, struct slice topic, const wanted_replicas *w,
                   struct slice *ret_text)
{
    const struct image_topic *t = image_topic(&q->c->image, topic);
    const struct image_partition *p = image_topic_partition(t, w->partition_index);
    const char *fault = w->replicas_n < 0 ? NULL : replicas_fault(&q->c->image, w);
    *ret_text = SLICE_NULL;
    if (!p) {
        int16_t err = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
        *ret_text = election_text(q->arena, err, topic, w->partition_index, t != NULL);
        return err;
    }
    if (w->replicas_n < 0) return K_ERR_NO_REASSIGNMENT_IN_PROGRESS;
    if (fault) {
        *ret_text = slice_cstr(fault);
        return K_ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    if (replica_order_is(p->replicas, (struct ids){w->replicas, w->replicas_n})) return K_ERR_NONE;
    *ret_text = S("Moving partitions between brokers is not supported.");
    return K_ERR_INVALID_REQUEST;
}

/* Each replica keeps its directory. The leader stays; whom the new order prefers, an election finds. */
static void
reorder(struct request *q, const struct image_partition *p, struct ids target)
{
    struct k_partition_change_record r;
    if (ids_eq(p->replicas, target)) return;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.partition_id = p->index;
    r.topic_id = p->topic->id;
    r.replicas = target.v;
    r.replicas_n = target.n;
    if (p->directories) {
        r.directories = ARENA_ARRAY(q->arena, struct uuid, target.n);
        r.directories_n = target.n;
        for (int32_t i = 0; i < target.n; i++)
            r.directories[i] = image_partition_directory(p, target.v[i]);
    }
    batch_add(q->c, K_MSG_PARTITION_CHANGE_RECORD, PARTITION_CHANGE_VERSION, &r);
}

static void
alter_reassignments(struct request *q)
{
    const struct k_alter_partition_reassignments_request *r = q->body;
    struct k_alter_partition_reassignments_response *resp = q->response;
    resp->error_message = SLICE_NULL;
    resp->responses_n = r->topics_n;
    resp->responses = codec_array(
        q->arena, K_STRUCT_ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_TOPIC_RESPONSE,
        r->topics_n);
    for (int32_t i = 0; i < r->topics_n; i++) {
        struct k_alter_partition_reassignments_response_reassignable_topic_response *to =
            &resp->responses[i];
        int32_t n = r->topics[i].partitions_n;
        to->name = arena_dup(q->arena, r->topics[i].name);
        to->partitions_n = n;
        to->partitions = codec_array(
            q->arena,
            K_STRUCT_ALTER_PARTITION_REASSIGNMENTS_RESPONSE_REASSIGNABLE_PARTITION_RESPONSE, n);
        for (int32_t j = 0; j < n; j++) {
            const wanted_replicas *w = &r->topics[i].partitions[j];
            to->partitions[j].partition_index = w->partition_index;
            to->partitions[j].error_code =
                reassignment_error(q, to->name, w, &to->partitions[j].error_message);
            if (!to->partitions[j].error_code)
                reorder(q, image_partition(&q->c->image, to->name, w->partition_index),
                        (struct ids){w->replicas, w->replicas_n});
        }
    }
}

static void
fail_alter_reassignments(void *response, int16_t err)
{
    struct k_alter_partition_reassignments_response *resp = response;
    resp->error_code = err;
    resp->responses_n = 0;
}

const struct handler alter_partition_reassignments_handler = {
    .api_key = K_API_ALTER_PARTITION_REASSIGNMENTS,
    .response = K_MSG_ALTER_PARTITION_REASSIGNMENTS_RESPONSE,
    .response_bytes = sizeof(struct k_alter_partition_reassignments_response),
    .handle = alter_reassignments,
    .fail = fail_alter_reassignments,
};

static void
list_reassignments(struct request *q)
{
    ((struct k_list_partition_reassignments_response *)q->response)->error_message = SLICE_NULL;
}

static void
fail_list_reassignments(void *response, int16_t err)
{
    ((struct k_list_partition_reassignments_response *)response)->error_code = err;
}

const struct handler list_partition_reassignments_handler = {
    .api_key = K_API_LIST_PARTITION_REASSIGNMENTS,
    .response = K_MSG_LIST_PARTITION_REASSIGNMENTS_RESPONSE,
    .response_bytes = sizeof(struct k_list_partition_reassignments_response),
    .handle = list_reassignments,
    .fail = fail_list_reassignments,
};
