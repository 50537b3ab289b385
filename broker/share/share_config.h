/* Settings of a share group: its own (a resource GROUP), else the broker's. */
#ifndef SHARE_SHARE_CONFIG_H
#define SHARE_SHARE_CONFIG_H

#include "broker/coordinator/coordinator.h"

struct share_config {
    const struct coordinator *c; /* of this broker: any */
    struct slice group;
};

int64_t share_lock_ms(const struct share_config *c);
int64_t share_in_flight_max(const struct share_config *c);
int16_t share_deliveries_max(const struct share_config *c);
bool share_reads_committed(const struct share_config *c);
/* Whether locks may be renewed (KIP-1222). */
bool share_may_renew(const struct share_config *c);

enum share_reset { SHARE_RESET_LATEST, SHARE_RESET_EARLIEST, SHARE_RESET_BY_DURATION };
/* Where a group begins that has not been there; *ret_ms: how far back, by duration. */
enum share_reset share_reset_of(const struct share_config *c, int64_t *ret_ms);
/* ISO 8601, as Java reads it: P2DT3H4M5.6S, without signs. False: it is none. */
bool share_duration_parse(struct slice text, int64_t *ret_ms);

#endif
