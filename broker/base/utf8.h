/* Text is UTF-8, and what is not becomes so: each malformed sequence is read as one U+FFFD, exactly as
 * Java does (new String(bytes, UTF_8)), so that a name has one spelling here and in Apache Kafka.
 * Text that is well-formed, which is nearly all, is looked at once and never copied. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"

/* Bytes of the well-formed character at s[at]; or, negative, the bytes there that are read as one
 * U+FFFD. */
int utf8_next(struct slice s, int64_t at);

/* Whether all is below 0x80. Names are short: what is left of the words of eight bytes is read as one
 * that overlaps the last. */
static inline bool
utf8_is_ascii(struct slice s)
{
    const uint64_t high = 0x8080808080808080;
    uint64_t word, bits = 0;
    if (s.n >= 8) {
        for (int64_t i = 0; i + 8 <= s.n; i += 8) memcpy(&word, s.p + i, 8), bits |= word;
        memcpy(&word, s.p + s.n - 8, 8);
        return !((bits | word) & high);
    }
    for (int64_t i = 0; i < s.n; i++) bits |= s.p[i];
    return !(bits & 0x80);
}

/* Null is. */
bool utf8_is_valid(struct slice s);
/* The bytes of s as it is read: at most three for each of s. */
int64_t utf8_mended_bytes(struct slice s);
/* s itself if it is valid, otherwise as it is read, in the arena. Null when the arena's ceiling is
 * reached. */
struct slice utf8_mended(struct slice s, struct arena *a);
/* s as it is read. */
void writer_utf8(struct writer *w, struct slice s);
/* One character, from its number. */
void writer_code_point(struct writer *w, int32_t c);

#endif
