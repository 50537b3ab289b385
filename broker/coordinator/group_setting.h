/* What holds for a group (KIP-848, 932, 1071): what is set for it at run time (resource GROUP), cut to what this
 * broker allows; else what is set at run time for the broker; else what the broker was started with. */
#ifndef COORDINATOR_GROUP_SETTING_H
#define COORDINATOR_GROUP_SETTING_H

#include "broker/coordinator/coordinator.h"

/* gcfg: K_GCFG_… */
int64_t group_setting_i64(const struct coordinator *c, struct slice group_id, int32_t gcfg);
bool group_setting_bool(const struct coordinator *c, struct slice group_id, int32_t gcfg);
/* It lives until the image or the configuration changes. */
struct slice group_setting_text(const struct coordinator *c, struct slice group_id, int32_t gcfg);

/* What holds for this broker: what is set at run time for it, then for all, then what it was started with. cfg: K_CFG_… */
int64_t broker_setting_i64(const struct coordinator *c, int32_t cfg);
bool broker_setting_bool(const struct coordinator *c, int32_t cfg);
struct slice broker_setting_text(const struct coordinator *c, int32_t cfg);

#endif
