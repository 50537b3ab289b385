#include "broker/coordinator/group_setting.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/protocol/group_config.h"

static struct slice
set_for_broker(const struct coordinator *c, int32_t id)
{
    struct slice name = k_text(k_broker_configs[id].name);
    char digits[16];
    struct writer w = writer_fixed(digits, sizeof digits);
    if (!(k_broker_configs[id].flags & (K_CF_PER_BROKER | K_CF_CLUSTER_WIDE))) return SLICE_NULL;
    fmt_i64(&w, config_i64(c->config, K_CFG_NODE_ID));
    struct slice v = image_config_value(c->image, RESOURCE_BROKER, writer_slice(&w), name);
    return v.p ? v : image_config_value(c->image, RESOURCE_BROKER, SLICE_EMPTY, name);
}

/* The controller has checked what is set; what is no value here (another version wrote it) is passed over. */
static struct slice
valid(enum config_scope scope, int32_t id, struct slice v, int64_t *ret)
{
    *ret = 0;
    return v.p && config_parse(scope, id, v, ret) ? slice_trim(v) : SLICE_NULL;
}

static struct slice
find_for_broker(const struct coordinator *c, int32_t cfg, int64_t *ret)
{
    struct slice v = valid(CONFIG_BROKER, cfg, set_for_broker(c, cfg), ret);
    if (v.p) return v;
    v = config_text(c->config, cfg);
    (void)valid(CONFIG_BROKER, cfg, v, ret);
    return v;
}

/* The text; *ret: what it means as a number. */
static struct slice
find(const struct coordinator *c, struct slice group_id, int32_t gcfg, int64_t *ret)
{
    const struct k_config *row = &k_group_configs[gcfg];
    int32_t syn = row->synonyms[0];
    struct slice v = image_config_value(c->image, RESOURCE_GROUP, group_id, k_text(row->name));
    v = valid(CONFIG_GROUP, gcfg, v, ret);
    if (v.p) {
        *ret = group_config_clamp(c->config, gcfg, *ret);
        return v;
    }
    if (syn >= 0) v = valid(CONFIG_BROKER, syn, set_for_broker(c, syn), ret);
    if (v.p) return v;
    v = syn >= 0 ? config_text(c->config, syn) : k_text(row->value);
    (void)valid(CONFIG_GROUP, gcfg, v, ret);
    return v;
}

int64_t
group_setting_i64(const struct coordinator *c, struct slice group_id, int32_t gcfg)
{
    int64_t v;
    CHECK(k_group_configs[gcfg].type == K_CT_INT || k_group_configs[gcfg].type == K_CT_LONG);
    (void)find(c, group_id, gcfg, &v);
    return v;
}

bool
group_setting_bool(const struct coordinator *c, struct slice group_id, int32_t gcfg)
{
    int64_t v;
    CHECK(k_group_configs[gcfg].type == K_CT_BOOLEAN);
    (void)find(c, group_id, gcfg, &v);
    return v != 0;
}

int64_t
broker_setting_i64(const struct coordinator *c, int32_t cfg)
{
    int64_t v;
    CHECK(k_broker_configs[cfg].type == K_CT_INT || k_broker_configs[cfg].type == K_CT_LONG);
    (void)find_for_broker(c, cfg, &v);
    return v;
}

bool
broker_setting_bool(const struct coordinator *c, int32_t cfg)
{
    int64_t v;
    CHECK(k_broker_configs[cfg].type == K_CT_BOOLEAN);
    (void)find_for_broker(c, cfg, &v);
    return v != 0;
}

struct slice
broker_setting_text(const struct coordinator *c, int32_t cfg)
{
    int64_t v;
    return find_for_broker(c, cfg, &v);
}

struct slice
group_setting_text(const struct coordinator *c, struct slice group_id, int32_t gcfg)
{
    int64_t v;
    return find(c, group_id, gcfg, &v);
}
