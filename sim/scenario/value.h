/* Values as people write them. Each returns false for anything else. */
#ifndef SIM_SCENARIO_VALUE_H
#define SIM_SCENARIO_VALUE_H

#include "sim/scenario/scenario.h"

/* 250us 200ms 2s 1.5s 3m 1h 2d; never without a unit. */
bool value_time(struct slice s, int64_t *ret_ns);
/* 1ms..5ms, or one time. */
bool value_range(struct slice s, struct range *ret);
/* 200/s, 30/m; in thousandths of a record per second. */
bool value_rate(struct slice s, int64_t *ret);
/* 512B 16KiB 1MiB 2GiB 10kB 1MB; a bare number is bytes. */
bool value_size(struct slice s, int64_t *ret_bytes);
/* orders-0. */
bool value_partition(struct slice s, struct partition_ref *ret);
/* Letters, digits, '.', '-', '_'; not empty. */
bool value_is_word(struct slice s);

#endif
