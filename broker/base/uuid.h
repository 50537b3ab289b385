/* Kafka's uuids: 16 bytes, printed as url-safe base64 without padding (22 characters). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "broker/base/slice.h"

struct uuid {
    uint8_t b[16];
};

#define UUID_ZERO ((struct uuid){{0}})
#define UUID_TEXT_BYTES 22

static inline bool
uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16) == 0;
}

static inline bool
uuid_is_zero(struct uuid a)
{
    return uuid_eq(a, UUID_ZERO);
}

static inline int
uuid_cmp(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16);
}

/* A random (version 4) uuid from 128 random bits. Kafka refuses a leading '-' in text, because of
 * command lines: the caller draws again when this returns false. */
bool uuid_from_random(uint64_t hi, uint64_t lo, struct uuid *ret);
/* Exactly 22 characters, no NUL. */
void uuid_print(struct uuid u, char ret[UUID_TEXT_BYTES]);
bool uuid_parse(struct slice text, struct uuid *ret);

/* Url-safe base64 without padding, both ways. print returns the characters written. */
int64_t base64url_print(struct slice bytes, char *ret);
/* ret has room for n * 3 / 4 bytes; -1 on a bad character. */
int64_t base64url_parse(struct slice text, uint8_t *ret);

#endif
