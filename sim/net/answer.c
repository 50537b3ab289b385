/* Error answers, made by what the schema says of a request and of its answer: the lists of one stand for the lists of
 * the other, and what names a thing has the same name in both. As Kafka does (each request's getErrorResponse), every
 * thing that was asked about is answered, with the error and nothing else. */
#include "sim/net/answer.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/frame.h"
#include "sim/net/answer_fields.h"

/* ---- one thing with an error ---- */

static bool
name_is_one_of(struct slice name, const char *const *names, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (slice_eq(name, slice_cstr(names[i]))) return true;
    return false;
}

/* What says which thing it is. */
static bool
is_key(const struct k_field *f)
{
    static const char *const names[] = {
        "Name",    "Topic",           "TopicId",      "PartitionIndex", "Partition", "Index",
        "GroupId", "TransactionalId", "ResourceType", "ResourceName",   "Key"};
    return !(f->flags & K_ARRAY) && f->type != K_STRUCT &&
           name_is_one_of(k_name(f->name), names, ARRAY_LEN(names));
}

/* Numbers for which Kafka says -1, "there is none", with an error; the schema's default is 0. */
static bool
is_none_with_error(const struct k_field *f)
{
    static const char *const names[] = {"BaseOffset",   "HighWatermark", "CommittedOffset",
                                        "LowWatermark", "NodeId",        "Port",
                                        "LeaderId",     "ProducerId",    "ProducerEpoch"};
    return !(f->flags & K_ARRAY) && name_is_one_of(k_name(f->name), names, ARRAY_LEN(names));
}

static void
put_error(const struct k_struct *s, uint8_t *at, int version, int16_t code)
{
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (is_none_with_error(f)) field_store_int(f->type, at + f->at, -1);
        if (f->type == K_RECORDS) { /* none, which older clients do not take for null */
            struct k_records none = {.bytes = SLICE_EMPTY};
            memcpy(at + f->at, &none, sizeof none);
        }
    }
    const struct k_field *e = error_field(s, version);
    if (e) field_store_int(e->type, at + e->at, code);
}

/* All that it says is gone but what it is. */
static void
spoil_thing(const struct k_struct *s, uint8_t *at, int version, int16_t code, struct arena *a)
{
    uint8_t *was = arena_alloc(a, s->size);
    memcpy(was, at, s->size);
    struct_set_defaults(s, at);
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (is_key(f)) memcpy(at + f->at, was + f->at, (size_t)field_item_bytes(f));
    }
    put_error(s, at, version, code);
}

/* ---- what is meant ---- */

struct making {
    struct arena *a;
    int version;
    int16_t code;
    enum answer_place place;
    const struct answer_about *about;
    int64_t met;
};

static bool
is_the_topic(const struct making *m, struct slice name, struct uuid id)
{
    if (name.n) return slice_eq(name, m->about->topic);
    return !uuid_is_zero(id) && uuid_eq(id, m->about->topic_id);
}

/* NO: it is another topic, or another partition. What is neither holds those that are, or does not matter. */
static bool
is_meant(const struct making *m, const struct k_struct *s, const uint8_t *at)
{
    if (!m->about->topic.p) return true;
    const struct k_field *number = number_field(s, m->version),
                         *name = topic_name_field(s, m->version),
                         *id = topic_id_field(s, m->version);
    if (number)
        return m->about->partition < 0 ||
               field_load_int(number->type, at + number->at) == m->about->partition;
    if (!name && !id) return true;
    struct uuid u = {0};
    if (id) memcpy(&u, at + id->at, sizeof u);
    return is_the_topic(m, name ? slice_load(at + name->at) : SLICE_EMPTY, u);
}

static bool
is_meant_scalar(const struct making *m, const struct k_field *f, const uint8_t *at)
{
    if (!m->about->topic.p) return true;
    if (f->type == K_STRING) return is_the_topic(m, slice_load(at), (struct uuid){0});
    return m->about->partition < 0 || field_load_int(f->type, at) == m->about->partition;
}

/* ---- an answer from a request ---- */

/* A list of an answer, and the list of the request that it speaks of. */
static const char *const pairs[][2] = {
    {"Responses", "TopicData"},
    {"PartitionResponses", "PartitionData"},
    {"Topics", "Topics"},
    {"Partitions", "Partitions"},
    {"Responses", "Topics"},
    {"Responses", "TopicNames"},
    {"Responses", "Resources"},
    {"Results", "Topics"},
    {"Results", "GroupsNames"},
    {"Results", "Resources"},
    {"ResultsByTransaction", "Transactions"},
    {"ResultsByTopicV3AndBelow", "V3AndBelowTopics"},
    {"TopicResults", "Topics"},
    {"ResultsByPartition", "Partitions"},
    {"Coordinators", "CoordinatorKeys"},
    {"Groups", "Groups"},
};

static const struct k_field *
asked_list(const struct k_struct *request, const struct k_field *of, int version)
{
    for (int64_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!slice_eq(k_name(of->name), slice_cstr(pairs[i][0]))) continue;
        const struct k_field *f = field_in(request, pairs[i][1], version);
        if (f && f->flags & K_ARRAY) return f;
    }
    return NULL;
}

static void answer_to(struct making *m, const struct k_struct *rs, const uint8_t *r,
                      const struct k_struct *as, uint8_t *at, bool is_root);

/* What names the thing is said again. */
static void
copy_keys(const struct making *m, const struct k_struct *rs, const uint8_t *r,
          const struct k_struct *as, uint8_t *at)
{
    for (int i = 0; i < as->n; i++) {
        const struct k_field *f = &k_fields[as->first + i], *from;
        if (!is_key(f) || !field_is_in(f, m->version)) continue;
        for (int k = 0; k < rs->n; k++) {
            from = &k_fields[rs->first + k];
            if (from->type == f->type && is_key(from) &&
                slice_eq(k_name(from->name), k_name(f->name)))
                memcpy(at + f->at, r + from->at, (size_t)field_item_bytes(f));
        }
    }
    const struct k_field *number = number_field(as, m->version),
                         *from = number_field(rs, m->version);
    if (number && from) memcpy(at + number->at, r + from->at, (size_t)field_item_bytes(number));
}

/* A text or a number for a thing. */
static void
name_by(const struct making *m, const struct k_field *f, const uint8_t *r,
        const struct k_struct *as, uint8_t *at)
{
    static const char *const names[] = {"Name", "GroupId", "Key", "Topic"};
    const struct k_field *key = f->type == K_STRING
                                  ? first_of(as, names, ARRAY_LEN(names), m->version)
                                  : number_field(as, m->version);
    if (key && key->type == f->type) memcpy(at + key->at, r, (size_t)field_item_bytes(f));
}

static void
answer_list(struct making *m, const struct k_field *rf, const uint8_t *r, const struct k_field *af,
            uint8_t *ret)
{
    const struct k_struct *as = &k_structs[af->item];
    struct field_array asked = array_load(r);
    uint8_t *items = codec_array(m->a, (enum k_struct_id)af->item, MAX(asked.n, 0));
    int32_t n = 0;
    for (int32_t i = 0; i < asked.n; i++) {
        const uint8_t *one = (const uint8_t *)asked.items + i * field_item_bytes(rf);
        uint8_t *at = items + n * (int64_t)as->size;
        const struct k_struct *rs = rf->type == K_STRUCT ? &k_structs[rf->item] : NULL;
        int64_t before = m->met;
        if (rs ? !is_meant(m, rs, one) : !is_meant_scalar(m, rf, one)) continue;
        if (rs) copy_keys(m, rs, one, as, at);
        else name_by(m, rf, one, as, at);
        answer_to(m, rs, one, as, at, false);
        if (m->met > before) n++;
        else struct_set_defaults(as, at);
    }
    array_store(ret, items, n);
}

static void
answer_to(struct making *m, const struct k_struct *rs, const uint8_t *r, const struct k_struct *as,
          uint8_t *at, bool is_root)
{
    if (error_field(as, m->version) && place_of(as, is_root, m->version) == m->place) {
        put_error(as, at, m->version, m->code);
        m->met++;
        return;
    }
    for (int i = 0; rs && i < as->n; i++) {
        const struct k_field *f = &k_fields[as->first + i];
        if (!field_is_in(f, m->version) || !is_list_of_structs(f) ||
            !has_any_place(&k_structs[f->item], m->version))
            continue;
        const struct k_field *list = asked_list(rs, f, m->version);
        if (list) answer_list(m, list, r + list->at, f, at + f->at);
    }
}

/* ---- what is left of a request ---- */

static int64_t leave_unmeant(struct making *m, const struct k_struct *as, const struct k_struct *rs,
                             uint8_t *r);

/* Of a list that the answer speaks of: those that are not meant, and of those that are, what is not. How many. */
static int64_t
leave_list(struct making *m, const struct k_struct *as, const struct k_field *f, uint8_t *list)
{
    struct field_array all = array_load(list);
    int64_t size = field_item_bytes(f);
    int32_t n = 0;
    for (int32_t i = 0; i < all.n; i++) {
        uint8_t *one = (uint8_t *)all.items + i * size;
        const struct k_struct *rs = f->type == K_STRUCT ? &k_structs[f->item] : NULL;
        bool meant = rs ? is_meant(m, rs, one) : is_meant_scalar(m, f, one);
        bool holds_partitions = rs && !number_field(rs, m->version) && m->place == ANSWER_PARTITION;
        if (meant && !(holds_partitions && leave_unmeant(m, as, rs, one) > 0)) continue;
        if (n != i) memmove((uint8_t *)all.items + n * size, one, (size_t)size);
        n++;
    }
    array_store(list, all.items, all.n < 0 ? all.n : n);
    return n;
}

static int64_t
leave_unmeant(struct making *m, const struct k_struct *as, const struct k_struct *rs, uint8_t *r)
{
    int64_t left = 0;
    for (int i = 0; i < as->n; i++) {
        const struct k_field *f = &k_fields[as->first + i];
        if (!field_is_in(f, m->version) || !is_list_of_structs(f) ||
            !has_any_place(&k_structs[f->item], m->version))
            continue;
        const struct k_field *list = asked_list(rs, f, m->version);
        if (list) left += leave_list(m, &k_structs[f->item], list, r + list->at);
    }
    return left;
}

/* ---- over an answer ---- */

static void
put_error_over(struct making *m, const struct k_struct *s, uint8_t *at, bool is_root)
{
    if (error_field(s, m->version) && place_of(s, is_root, m->version) == m->place) {
        if (is_root) struct_set_defaults(s, at), put_error(s, at, m->version, m->code);
        else spoil_thing(s, at, m->version, m->code, m->a);
        m->met++;
        return;
    }
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (!field_is_in(f, m->version) || !is_list_of_structs(f) ||
            !has_any_place(&k_structs[f->item], m->version))
            continue;
        const struct k_struct *item = &k_structs[f->item];
        struct field_array all = array_load(at + f->at);
        for (int32_t k = 0; k < all.n; k++) {
            uint8_t *one = (uint8_t *)all.items + k * (int64_t)item->size;
            if (is_meant(m, item, one)) put_error_over(m, item, one, false);
        }
    }
}

/* ---- two answers in one ---- */

static bool
same_keys(const struct k_struct *s, const uint8_t *x, const uint8_t *y, int version)
{
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (!is_key(f) || !field_is_in(f, version)) continue;
        if (f->type == K_STRING ? !slice_eq(slice_load(x + f->at), slice_load(y + f->at))
                                : memcmp(x + f->at, y + f->at, (size_t)field_item_bytes(f)) != 0)
            return false;
    }
    return true;
}

static void
join_lists(struct making *m, const struct k_struct *s, uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < s->n; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (!field_is_in(f, m->version) || !is_list_of_structs(f) ||
            !has_any_place(&k_structs[f->item], m->version))
            continue;
        const struct k_struct *item = &k_structs[f->item];
        struct field_array a = array_load(to + f->at), b = array_load(from + f->at);
        uint8_t *all = codec_array(m->a, (enum k_struct_id)f->item, MAX(a.n, 0) + MAX(b.n, 0));
        int32_t n = MAX(a.n, 0);
        if (n) memcpy(all, a.items, (size_t)n * item->size);
        for (int32_t k = 0; k < b.n; k++) {
            const uint8_t *one = (const uint8_t *)b.items + k * (int64_t)item->size;
            uint8_t *found = NULL;
            for (int32_t j = 0; j < MAX(a.n, 0) && !found; j++)
                if (same_keys(item, all + j * (int64_t)item->size, one, m->version))
                    found = all + j * (int64_t)item->size;
            if (found) join_lists(m, item, found, one);
            else memcpy(all + n++ * (int64_t)item->size, one, item->size);
        }
        array_store(to + f->at, all, n);
    }
}

/* ---- frames ---- */

struct asked_for {
    struct request_head head;
    void *body;
};

static void *
room_for(struct arena *a, enum k_msg msg)
{
    return arena_alloc(a, codec_struct_bytes(msg));
}

static bool
read_asked_for(struct arena *a, struct slice frame, struct asked_for *ret)
{
    struct reader r = reader(frame);
    if (request_head_read(&r, a, &ret->head) != HEAD_OK) return false;
    ret->body = room_for(a, (enum k_msg)ret->head.api->request);
    return codec_decode((enum k_msg)ret->head.api->request, ret->head.version, &r, a, ret->body);
}

static struct slice
finish_frame(struct arena *a, struct writer *w, bool ok)
{
    struct slice frame = ok && !w->err ? arena_dup(a, writer_slice(w)) : SLICE_NULL;
    writer_release(w);
    return frame;
}

static bool
write_answer(struct arena *a, int16_t api, int16_t version, int32_t correlation, const void *body,
             struct slice *ret)
{
    struct writer w = writer_mem(a->mem);
    bool ok = response_write(&w, api, version, correlation, body, NULL);
    *ret = finish_frame(a, &w, ok);
    return ret->p != NULL;
}

bool
answer_instead(struct arena *a, struct slice request, const struct answer_error *error,
               const struct answer_about *about, struct slice *ret_answer, struct slice *ret_left)
{
    struct asked_for q;
    *ret_left = SLICE_NULL;
    if (!read_asked_for(a, request, &q)) return false;
    enum k_msg asks = (enum k_msg)q.head.api->request, answers = (enum k_msg)q.head.api->response;
    struct making m = {.a = a,
                       .version = q.head.version,
                       .code = error->code,
                       .place = nearest_place(answers, error->place, q.head.version),
                       .about = about};
    void *body = room_for(a, answers);
    codec_default(answers, body);
    answer_to(&m, message_root(asks), q.body, message_root(answers), body, true);
    if (!m.met ||
        !write_answer(a, q.head.api_key, q.head.version, q.head.correlation_id, body, ret_answer))
        return false;
    if (m.place == ANSWER_WHOLE ||
        leave_unmeant(&m, message_root(answers), message_root(asks), q.body) == 0)
        return true;
    struct writer w = writer_mem(a->mem);
    bool ok = request_write(&w, &q.head, q.body, NULL);
    *ret_left = finish_frame(a, &w, ok);
    return ok;
}

static bool
read_told(struct arena *a, int16_t api, int16_t version, struct slice frame,
          int32_t *ret_correlation, void **ret)
{
    const struct k_api *k = k_api_of(api);
    struct reader r = reader(frame);
    if (!k || !k_api_has_version(k, version) ||
        !response_head_read(&r, api, version, ret_correlation))
        return false;
    *ret = room_for(a, (enum k_msg)k->response);
    return codec_decode((enum k_msg)k->response, version, &r, a, *ret);
}

bool
answer_over(struct arena *a, int16_t api, int16_t version, struct slice answer,
            const struct answer_error *error, const struct answer_about *about,
            struct slice *ret_answer)
{
    int32_t correlation;
    void *body;
    if (!read_told(a, api, version, answer, &correlation, &body)) return false;
    enum k_msg msg = (enum k_msg)k_api_of(api)->response;
    struct making m = {.a = a,
                       .version = version,
                       .code = error->code,
                       .place = nearest_place(msg, error->place, version),
                       .about = about};
    put_error_over(&m, message_root(msg), body, true);
    return m.met && write_answer(a, api, version, correlation, body, ret_answer);
}

bool
answer_join(struct arena *a, int16_t api, int16_t version, struct slice answer, struct slice other,
            struct slice *ret_answer)
{
    int32_t correlation;
    void *body, *more;
    if (!read_told(a, api, version, answer, &correlation, &body)) return false;
    if (!read_told(a, api, version, other, &correlation, &more)) return false;
    struct making m = {.a = a, .version = version};
    join_lists(&m, message_root((enum k_msg)k_api_of(api)->response), body, more);
    return write_answer(a, api, version, correlation, body, ret_answer);
}
