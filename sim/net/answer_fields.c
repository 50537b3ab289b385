/* Where errors, topics and partitions stand in requests and answers, by what the schema calls them. */
#include "sim/net/answer_fields.h"

const struct k_field *
field_in(const struct k_struct *s, const char *name, int version)
{
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (field_is_in(f, version) && slice_eq(k_name(f->name), slice_cstr(name))) return f;
    }
    return NULL;
}

const struct k_field *
first_of(const struct k_struct *s, const char *const *names, int64_t n, int version)
{
    for (int64_t i = 0; i < n; i++) {
        const struct k_field *f = field_in(s, names[i], version);
        if (f && !(f->flags & K_ARRAY)) return f;
    }
    return NULL;
}

const struct k_field *
error_field(const struct k_struct *s, int version)
{
    static const char *const names[] = {"ErrorCode", "PartitionErrorCode"};
    return first_of(s, names, ARRAY_LEN(names), version);
}

const struct k_field *
number_field(const struct k_struct *s, int version)
{
    static const char *const names[] = {"PartitionIndex", "Partition", "Index"};
    return first_of(s, names, ARRAY_LEN(names), version);
}

const struct k_field *
topic_name_field(const struct k_struct *s, int version)
{
    static const char *const names[] = {"Name", "Topic"};
    return first_of(s, names, ARRAY_LEN(names), version);
}

const struct k_field *
topic_id_field(const struct k_struct *s, int version)
{
    return field_in(s, "TopicId", version);
}

bool
is_list_of_structs(const struct k_field *f)
{
    return f->type == K_STRUCT && f->flags & K_ARRAY;
}

enum answer_place
place_of(const struct k_struct *s, bool is_root, int version)
{
    return is_root ? ANSWER_WHOLE : number_field(s, version) ? ANSWER_PARTITION : ANSWER_EACH;
}

static bool
has_error_at(const struct k_struct *s, bool is_root, enum answer_place place, int version)
{
    if (error_field(s, version) && place_of(s, is_root, version) == place) return true;
    for (int i = 0; i < s->n + s->tagged; i++) {
        const struct k_field *f = &k_fields[s->first + i];
        if (field_is_in(f, version) && is_list_of_structs(f) &&
            has_error_at(&k_structs[f->item], false, place, version))
            return true;
    }
    return false;
}

bool
has_any_place(const struct k_struct *s, int version)
{
    return has_error_at(s, false, ANSWER_EACH, version) ||
           has_error_at(s, false, ANSWER_PARTITION, version);
}

enum answer_place
nearest_place(enum k_msg msg, enum answer_place place, int version)
{
    static const enum answer_place order[3][3] = {
        [ANSWER_WHOLE] = {ANSWER_WHOLE, ANSWER_EACH, ANSWER_PARTITION},
        [ANSWER_EACH] = {ANSWER_EACH, ANSWER_WHOLE, ANSWER_PARTITION},
        [ANSWER_PARTITION] = {ANSWER_PARTITION, ANSWER_EACH, ANSWER_WHOLE},
    };
    for (int i = 0; i < 3; i++)
        if (has_error_at(message_root(msg), true, order[place][i], version)) return order[place][i];
    return ANSWER_WHOLE;
}
