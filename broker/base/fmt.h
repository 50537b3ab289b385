/* Formatting of our own: no locale, no varargs, no libc. Text goes into a writer (which may grow or
 * be of fixed size); what does not fit sets the writer's error. */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include "broker/base/bytes.h"
#include "broker/base/uuid.h"

void fmt_str(struct writer *w, const char *s);
void fmt_slice(struct writer *w, struct slice s);
void fmt_char(struct writer *w, char c);
void fmt_i64(struct writer *w, int64_t v);
void fmt_u64(struct writer *w, uint64_t v);
/* At least `width` digits, zero-padded: file names such as 00000000000000000042.log. */
void fmt_padded(struct writer *w, int64_t v, int width);
void fmt_hex64(struct writer *w, uint64_t v);
void fmt_uuid(struct writer *w, struct uuid u);
/* "1.234s", "-0.072s" from nanoseconds, to the nearest millisecond. */
void fmt_seconds(struct writer *w, int64_t ns);
/* A JSON string with its quotes; bytes that are not UTF-8 are escaped one by one. */
void fmt_json(struct writer *w, struct slice s);
/* Standard base64 with padding, as Kafka's JSON prints bytes. */
void fmt_base64(struct writer *w, struct slice s);

#endif
