/* The hash by which coordinators are found: groups and transactional ids have one in each partition of their topic. */
#ifndef BASE_JAVA_HASH_H
#define BASE_JAVA_HASH_H

#include "broker/base/slice.h"

/* java.lang.String.hashCode of a UTF-8 text (over UTF-16 units). */
int32_t java_string_hash(struct slice utf8);
/* abs() as Kafka's Utils.abs: 0 for INT32_MIN. */
int32_t java_abs(int32_t v);

#endif
