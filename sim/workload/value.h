/* What a record of a workload holds: eight bytes of the unique value, then bytes that follow from it, so
 * that a reader sees at once whether it has been handed something else. */
#ifndef SIM_WORKLOAD_VALUE_H
#define SIM_WORKLOAD_VALUE_H

#include "broker/record/record.h"

#define VALUE_BYTES_MIN 8

void value_write(uint64_t value, uint8_t *p, int64_t n);
/* False: malformed. */
bool value_read(struct slice s, uint64_t *ret);
/* Of a tombstone, which has no value, it stands in its header. */
#define VALUE_HEADER "v"
bool value_of_record(const struct record *r, uint64_t *ret);
/* A dead letter (KIP-1191): a copy of the value of another record is no value of its own. */
bool record_is_letter(const struct record *r);

/* The key of this number, "k7"; null: -1 is none. */
#define VALUE_KEY_MAX 24
struct slice value_key(int64_t number, uint8_t room[VALUE_KEY_MAX]);

#endif
