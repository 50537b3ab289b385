/* The parts of an image: making, copying and freeing them. For the files of this folder. */
#ifndef METADATA_OBJECTS_H
#define METADATA_OBJECTS_H

#include "broker/metadata/image.h"

void ids_set(struct mem *m, struct ids *to, const int32_t *v, int32_t n);
void ids_free(struct mem *m, struct ids *a);
void uuids_set(struct mem *m, struct uuid **to, int32_t *to_n, const struct uuid *v, int32_t n);

/* Empties it, keeping id and place. */
void broker_clear(struct mem *m, struct image_broker *b);
void broker_copy(struct mem *m, const struct image_broker *from, struct image_broker *to);
/* Finds it, or makes a new one at its place. */
struct image_broker *brokers_get(struct mem *m, struct image_brokers *l, int32_t id);
struct image_broker *brokers_find(const struct image_brokers *l, int32_t id);
/* False if there was none. */
bool brokers_remove(struct mem *m, struct image_brokers *l, int32_t id);
void brokers_release(struct mem *m, struct image_brokers *l);

/* Where the name stands among the topics, or would. */
int64_t topics_place(const struct image *im, struct slice name);
struct image_topic *topic_add(struct image *im, struct slice name, struct uuid id);
/* Frees it with its partitions. */
void topic_remove(struct image *im, struct image_topic *t);
/* Finds it, or makes a new one. */
struct image_partition *topic_partition_get(struct image *im, struct image_topic *t, int32_t index);
void partition_copy(struct mem *m, const struct image_partition *from, struct image_partition *to);

/* value null: unset. A config without values does not exist. */
void config_set_value(struct image *im, int8_t type, struct slice resource, struct slice name,
                      struct slice value);
void config_remove(struct image *im, int8_t type, struct slice resource);

/* In place of the one that was there. Copied. */
void scram_set(struct image *im, const struct image_scram *s);
void scram_remove(struct image *im, struct slice user, int8_t mechanism);

/* Level 0: not finalised. */
void feature_set(struct image *im, struct slice name, int16_t level);

/* ---- delta.c: noting what changes -------------------------------------------------------------- */

void delta_partition(struct image *im, struct image_partition *p);
void delta_broker(struct image *im, struct image_broker *b);
/* Before it is freed. */
void delta_broker_gone(struct image *im, struct image_broker *b);
void delta_topic_created(struct image *im, struct image_topic *t);
/* Before it is freed. */
void delta_topic_deleted(struct image *im, struct image_topic *t);
void delta_config(struct image *im, int8_t type, struct slice name);
/* What was deleted and stands there again was not deleted. */
void delta_forget_revived(struct image *im);
void delta_clear(struct image *im);
void delta_release(struct image *im);

#endif
