#include "broker/metadata/objects.h"

#include "broker/base/search.h"

bool
ids_has(struct ids a, int32_t id)
{
    for (int32_t i = 0; i < a.n; i++)
        if (a.v[i] == id) return true;
    return false;
}

bool
ids_eq(struct ids a, struct ids b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.v, b.v, (size_t)a.n * sizeof *a.v) == 0);
}

void
ids_free(struct mem *m, struct ids *a)
{
    mem_free(m, a->v, a->n * (int64_t)sizeof *a->v);
    *a = (struct ids){0};
}

void
ids_set(struct mem *m, struct ids *to, const int32_t *v, int32_t n)
{
    struct ids new = {0};
    if (n > 0) {
        new = (struct ids){mem_alloc(m, n * (int64_t)sizeof *v), n};
        memcpy(new.v, v, (size_t)n * sizeof *v);
    }
    ids_free(m, to);
    *to = new;
}

void
uuids_set(struct mem *m, struct uuid **to, int32_t *to_n, const struct uuid *v, int32_t n)
{
    mem_free(m, *to, MAX(*to_n, 0) * (int64_t)sizeof **to);
    *to = NULL;
    *to_n = n;
    if (n <= 0) return;
    *to = mem_alloc(m, n * (int64_t)sizeof **to);
    memcpy(*to, v, (size_t)n * sizeof **to);
}

static void
text_set(struct mem *m, struct slice *to, struct slice s)
{
    struct slice new = mem_dup(m, s);
    mem_free_slice(m, *to);
    *to = new;
}

/* ---- brokers ----------------------------------------------------------------------------------- */

void
broker_clear(struct mem *m, struct image_broker *b)
{
    for (int32_t i = 0; i < b->endpoints_n; i++) {
        mem_free_slice(m, b->endpoints[i].name);
        mem_free_slice(m, b->endpoints[i].host);
    }
    for (int32_t i = 0; i < b->features_n; i++) mem_free_slice(m, b->features[i].name);
    mem_free(m, b->endpoints, b->endpoints_n * (int64_t)sizeof *b->endpoints);
    mem_free(m, b->features, b->features_n * (int64_t)sizeof *b->features);
    mem_free_slice(m, b->rack);
    uuids_set(m, &b->log_dirs, &b->log_dirs_n, NULL, 0);
    uuids_set(m, &b->cordoned_log_dirs, &b->cordoned_log_dirs_n, NULL, 0);
    *b = (struct image_broker){.id = b->id, .is_changed = b->is_changed};
}

static void
copy_lists(struct mem *m, const struct image_broker *from, struct image_broker *to)
{
    to->endpoints = mem_alloc(m, from->endpoints_n * (int64_t)sizeof *to->endpoints);
    for (int32_t i = 0; i < from->endpoints_n; i++) {
        to->endpoints[i] = from->endpoints[i];
        to->endpoints[i].name = mem_dup(m, from->endpoints[i].name);
        to->endpoints[i].host = mem_dup(m, from->endpoints[i].host);
    }
    to->features = mem_alloc(m, from->features_n * (int64_t)sizeof *to->features);
    for (int32_t i = 0; i < from->features_n; i++) {
        to->features[i] = from->features[i];
        to->features[i].name = mem_dup(m, from->features[i].name);
    }
}

void
broker_copy(struct mem *m, const struct image_broker *from, struct image_broker *to)
{
    bool is_changed = to->is_changed;
    broker_clear(m, to);
    *to = *from;
    to->is_changed = is_changed;
    copy_lists(m, from, to);
    to->rack = mem_dup(m, from->rack);
    to->log_dirs = NULL, to->log_dirs_n = 0;
    uuids_set(m, &to->log_dirs, &to->log_dirs_n, from->log_dirs, from->log_dirs_n);
    to->cordoned_log_dirs = NULL, to->cordoned_log_dirs_n = 0;
    uuids_set(m, &to->cordoned_log_dirs, &to->cordoned_log_dirs_n, from->cordoned_log_dirs,
              from->cordoned_log_dirs_n);
}

static int64_t
brokers_place(const struct image_brokers *l, int32_t id)
{
    LOWER_BOUND(at, l->n, i, l->v[i]->id < id);
    return at;
}

struct image_broker *
brokers_find(const struct image_brokers *l, int32_t id)
{
    int64_t at = brokers_place(l, id);
    return at < l->n && l->v[at]->id == id ? l->v[at] : NULL;
}

struct image_broker *
brokers_get(struct mem *m, struct image_brokers *l, int32_t id)
{
    struct image_broker *b = brokers_find(l, id);
    if (b) return b;
    b = MEM_NEW(m, struct image_broker);
    b->id = id;
    int64_t at = brokers_place(l, id);
    VEC_PUSH(m, l, NULL);
    memmove(&l->v[at + 1], &l->v[at], (size_t)(l->n - 1 - at) * sizeof *l->v);
    l->v[at] = b;
    return b;
}

static void
broker_free(struct mem *m, struct image_broker *b)
{
    broker_clear(m, b);
    MEM_DELETE(m, b);
}

bool
brokers_remove(struct mem *m, struct image_brokers *l, int32_t id)
{
    struct image_broker *b = brokers_find(l, id);
    if (!b) return false;
    VEC_REMOVE_AT(l, brokers_place(l, id));
    broker_free(m, b);
    return true;
}

void
brokers_release(struct mem *m, struct image_brokers *l)
{
    for (int64_t i = 0; i < l->n; i++) broker_free(m, l->v[i]);
    VEC_RELEASE(m, l);
}

/* ---- topics ------------------------------------------------------------------------------------ */

int64_t
topics_place(const struct image *im, struct slice name)
{
    LOWER_BOUND(at, im->topics.n, i, slice_cmp(im->topics.v[i]->name, name) < 0);
    return at;
}

struct image_topic *
topic_add(struct image *im, struct slice name, struct uuid id)
{
    struct image_topic *t = MEM_NEW(im->mem, struct image_topic);
    t->id = id;
    t->name = mem_dup(im->mem, name);
    int64_t at = topics_place(im, name);
    VEC_PUSH(im->mem, &im->topics, NULL);
    memmove(&im->topics.v[at + 1], &im->topics.v[at],
            (size_t)(im->topics.n - 1 - at) * sizeof *im->topics.v);
    im->topics.v[at] = t;
    map_insert(&im->topics_by_id, &t->by_id, map_hash(&im->topics_by_id, slice(id.b, 16)));
    return t;
}

static void
partition_free(struct mem *m, struct image_partition *p)
{
    int32_t n = p->replicas.n;
    if (p->directories) uuids_set(m, &p->directories, &n, NULL, 0);
    ids_free(m, &p->replicas), ids_free(m, &p->isr);
    ids_free(m, &p->adding), ids_free(m, &p->removing);
    ids_free(m, &p->elr), ids_free(m, &p->last_known_elr);
    MEM_DELETE(m, p);
}

void
topic_remove(struct image *im, struct image_topic *t)
{
    for (int32_t i = 0; i < t->partitions_n; i++)
        if (t->partitions[i]) partition_free(im->mem, t->partitions[i]), im->partitions_n--;
    mem_free(im->mem, t->partitions, t->partitions_n * (int64_t)sizeof *t->partitions);
    VEC_REMOVE_AT(&im->topics, topics_place(im, t->name));
    map_remove(&im->topics_by_id, &t->by_id);
    mem_free_slice(im->mem, t->name);
    MEM_DELETE(im->mem, t);
}

struct image_partition *
topic_partition_get(struct image *im, struct image_topic *t, int32_t index)
{
    int64_t each = (int64_t)sizeof *t->partitions;
    if (index >= t->partitions_n) {
        t->partitions =
            mem_resize(im->mem, t->partitions, t->partitions_n * each, (index + 1LL) * each);
        t->partitions_n = index + 1;
    }
    if (t->partitions[index]) return t->partitions[index];
    struct image_partition *p = t->partitions[index] = MEM_NEW(im->mem, struct image_partition);
    p->topic = t;
    p->index = index;
    im->partitions_n++;
    return p;
}

void
partition_copy(struct mem *m, const struct image_partition *from, struct image_partition *to)
{
    to->leader = from->leader;
    to->leader_epoch = from->leader_epoch;
    to->partition_epoch = from->partition_epoch;
    to->recovery_state = from->recovery_state;
    ids_set(m, &to->replicas, from->replicas.v, from->replicas.n);
    ids_set(m, &to->isr, from->isr.v, from->isr.n);
    ids_set(m, &to->adding, from->adding.v, from->adding.n);
    ids_set(m, &to->removing, from->removing.v, from->removing.n);
    ids_set(m, &to->elr, from->elr.v, from->elr.n);
    ids_set(m, &to->last_known_elr, from->last_known_elr.v, from->last_known_elr.n);
    int32_t n = 0;
    if (from->directories) uuids_set(m, &to->directories, &n, from->directories, from->replicas.n);
}

/* ---- configs and features ---------------------------------------------------------------------- */

static bool
is_config_below(const struct image_config *c, int8_t type, struct slice name)
{
    return c->type < type || (c->type == type && slice_cmp(c->name, name) < 0);
}

static int64_t
configs_place(const struct image *im, int8_t type, struct slice name)
{
    LOWER_BOUND(at, im->configs.n, i, is_config_below(im->configs.v[i], type, name));
    return at;
}

static struct image_config *
image_config_at(const struct image *im, int64_t at, int8_t type, struct slice name)
{
    if (at >= im->configs.n) return NULL;
    struct image_config *c = im->configs.v[at];
    return c->type == type && slice_eq(c->name, name) ? c : NULL;
}

const struct image_config *
image_config(const struct image *im, int8_t type, struct slice name)
{
    return image_config_at(im, configs_place(im, type, name), type, name);
}

static struct image_config *
config_get(struct image *im, int8_t type, struct slice name)
{
    int64_t at = configs_place(im, type, name);
    struct image_config *c = image_config_at(im, at, type, name);
    if (c) return c;
    c = MEM_NEW(im->mem, struct image_config);
    c->type = type;
    c->name = mem_dup(im->mem, name);
    VEC_PUSH(im->mem, &im->configs, NULL);
    memmove(&im->configs.v[at + 1], &im->configs.v[at],
            (size_t)(im->configs.n - 1 - at) * sizeof *im->configs.v);
    return im->configs.v[at] = c;
}

void
config_remove(struct image *im, int8_t type, struct slice resource)
{
    int64_t at = configs_place(im, type, resource);
    struct image_config *c = image_config_at(im, at, type, resource);
    if (!c) return;
    VEC_REMOVE_AT(&im->configs, at);
    for (int64_t i = 0; i < c->values.n; i++) {
        mem_free_slice(im->mem, c->values.v[i].name);
        mem_free_slice(im->mem, c->values.v[i].value);
    }
    VEC_RELEASE(im->mem, &c->values);
    mem_free_slice(im->mem, c->name);
    MEM_DELETE(im->mem, c);
}

static void
unset_value(struct image *im, struct image_config *c, int64_t at)
{
    mem_free_slice(im->mem, c->values.v[at].name);
    mem_free_slice(im->mem, c->values.v[at].value);
    VEC_REMOVE_AT(&c->values, at);
}

void
config_set_value(struct image *im, int8_t type, struct slice resource, struct slice name,
                 struct slice value)
{
    struct image_config *c = config_get(im, type, resource);
    int64_t at = 0;
    while (at < c->values.n && slice_cmp(c->values.v[at].name, name) < 0) at++;
    bool found = at < c->values.n && slice_eq(c->values.v[at].name, name);
    if (found && value.p) {
        text_set(im->mem, &c->values.v[at].value, value);
    } else if (found) {
        unset_value(im, c, at);
    } else if (value.p) {
        (void)VEC_ADD(im->mem, &c->values);
        memmove(&c->values.v[at + 1], &c->values.v[at],
                (size_t)(c->values.n - 1 - at) * sizeof *c->values.v);
        c->values.v[at].name = mem_dup(im->mem, name);
        c->values.v[at].value = mem_dup(im->mem, value);
    }
    if (c->values.n == 0) config_remove(im, type, resource);
}

void
feature_set(struct image *im, struct slice name, int16_t level)
{
    int64_t at = 0;
    while (at < im->features.n && slice_cmp(im->features.v[at].name, name) < 0) at++;
    bool found = at < im->features.n && slice_eq(im->features.v[at].name, name);
    if (found && level == 0) {
        mem_free_slice(im->mem, im->features.v[at].name);
        VEC_REMOVE_AT(&im->features, at);
    } else if (found) {
        im->features.v[at].level = level;
    } else if (level != 0) {
        (void)VEC_ADD(im->mem, &im->features);
        memmove(&im->features.v[at + 1], &im->features.v[at],
                (size_t)(im->features.n - 1 - at) * sizeof *im->features.v);
        im->features.v[at] = (struct image_feature){mem_dup(im->mem, name), level};
    }
}
