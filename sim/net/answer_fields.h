/* For answer.c: where errors, topics and partitions stand in requests and answers. NULL: nowhere in this version. */
#ifndef SIM_NET_ANSWER_FIELDS_H
#define SIM_NET_ANSWER_FIELDS_H

#include "broker/protocol/codec_field.h"
#include "sim/net/answer.h"

const struct k_field *field_in(const struct k_struct *s, const char *name, int version);
/* The first of these names that is no list. */
const struct k_field *first_of(const struct k_struct *s, const char *const *names, int64_t n,
                               int version);
const struct k_field *error_field(const struct k_struct *s, int version);
const struct k_field *number_field(const struct k_struct *s, int version);
const struct k_field *topic_name_field(const struct k_struct *s, int version);
const struct k_field *topic_id_field(const struct k_struct *s, int version);
bool is_list_of_structs(const struct k_field *f);
/* An error in it stands for this. */
enum answer_place place_of(const struct k_struct *s, bool is_root, int version);
/* A thing, or something within it, has an error of its own. */
bool has_any_place(const struct k_struct *s, int version);
/* Where an error stands in this version. */
enum answer_place nearest_place(enum k_msg msg, enum answer_place place, int version);

#endif
