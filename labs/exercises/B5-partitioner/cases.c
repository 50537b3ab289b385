/* Cases for murmur2() and partition_of_key(). */
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/murmur2.h"
#include "labs/exercises/judge.h"

__typeof__(murmur2) student_murmur2, reference_murmur2;
__typeof__(partition_of_key) student_partition_of_key, reference_partition_of_key;

/* As Kafka 4.4's Java client has it: the key, its length, its hash, its partition of 3 and of 12. */
static const struct {
    const char *key;
    int64_t n;
    int32_t hash, of_3, of_12;
} java[] = {
    {"", 0, 275646681, 0, 9},
    {"\x47", 1, 1500881955, 0, 3},
    {"\x03", 1, 595382058, 0, 6},
    {"\xf7\xef", 2, 781517055, 0, 3},
    {"\x2e\x74", 2, -1281284763, 2, 5},
    {"\x5a\x83\xfe", 3, 875875050, 0, 6},
    {"\xcd\x1d\xcb", 3, -1163117600, 0, 0},
    {"\xd9\x54\x96\xcd", 4, 1408629302, 2, 2},
    {"\x92\x73\xf9\x27", 4, -288002133, 2, 11},
    {"\xaa\x82\x96\x38\x90", 5, -502345362, 2, 2},
    {"\x19\x5d\xe1\x8f\x6b", 5, 120866942, 2, 2},
    {"\x12\xc5\x8e\x79\xc2\x87", 6, -1631571140, 0, 0},
    {"\x8e\x32\x16\xd2\xb1\xef", 6, -2136793623, 2, 5},
    {"\x90\x85\x7e\x57\x37\x11\x9a", 7, -1871988774, 2, 2},
    {"\x0b\x59\x52\x3a\x7b\x6e\x6c", 7, 1563043646, 2, 2},
    {"\xf6\xd4\x00\xd5\x28\x03\x3c\x13\xb6\x07\x35\x4b\x86\xef\x0b\x2a", 16, 748968256, 1, 4},
    {"\x35\xb0\x61\x0d\x33\xac\x38\x33\x47\x86\xf5\x5e\x35\x28\x90\x57", 16, 2012358775, 1, 7},
    {"\xa3\xbb\x37\xd5\xf3\x01\x08\x5b\x48\x15\xa9\x9e\x08\xeb\xca\x85\x3d", 17, -35926284, 2, 8},
    {"\x12\x13\x6d\x72\xd2\x1a\xaf\x31\xae\x33\x49\xe5\x51\x21\xf7\x2a\xc6", 17, -2050744807, 1, 1},
    {"\x0c\xc5\x7d\xac\xa3\x86\x39\x78\x61\xe0\xb7\x0e\x5d\x0d\x36\x4c\xdc\xec", 18, 1259390634, 0,
     6},
    {"\x49\x36\xc5\xb6\x6b\x1f\x30\x2b\x1f\x1e\x9f\xb9\x9d\xa6\x73\x73\x57\x96", 18, -1115342293, 1,
     7},
};

#define TEXT 200

/* On the heap, exactly as long as it is. */
static struct slice
copy_of(struct slice key)
{
    uint8_t *p = malloc((size_t)key.n + !key.n);
    if (key.n) memcpy(p, key.p, (size_t)key.n);
    return slice(p, key.n);
}

static const char *
hex(char *text, struct slice key)
{
    int at = snprintf(text, TEXT, "%lld bytes: ", (long long)key.n);
    for (int64_t i = 0; i < key.n && i < 40; i++)
        at += snprintf(text + at, (size_t)(TEXT - at), "%02x", key.p[i]);
    return text;
}

static void
hashes(const char *rule, struct slice key, int32_t right)
{
    char text[TEXT];
    struct slice copy = copy_of(key);
    judge_case(rule, "the hash of a key of %s", hex(text, key));
    judge_is(student_murmur2(copy), right);
    free((void *)(uintptr_t)copy.p);
}

static void
goes(const char *rule, struct slice key, int32_t partitions, int32_t right)
{
    char text[TEXT];
    struct slice copy = copy_of(key);
    judge_case(rule, "the partition of %d for a key of %s", partitions, hex(text, key));
    judge_is(student_partition_of_key(copy, partitions), right);
    free((void *)(uintptr_t)copy.p);
}

int
main(void)
{
    struct slice word = S("abcd"), words = S("abcdefgh");
    hashes("words", word, reference_murmur2(word));
    hashes("words", words, reference_murmur2(words));
    for (int64_t n = 1; n < 8; n++)
        if (n != 4)
            hashes("tail", slice_sub(words, 0, n), reference_murmur2(slice_sub(words, 0, n)));
    struct slice high[] = {S("\xff"), S("\x80\x81"), S("\xf0\xf1\xf2"), S("\x90\xa0\xb0\xc0"),
                           S("caf\xc3\xa9")};
    for (size_t i = 0; i < sizeof high / sizeof high[0]; i++)
        hashes("bytes", high[i], reference_murmur2(high[i]));
    hashes("empty", SLICE_EMPTY, 275646681);
    for (size_t i = 0; i < sizeof java / sizeof java[0]; i++) {
        struct slice key = slice(java[i].key, java[i].n);
        hashes("java", key, java[i].hash);
        goes(java[i].hash < 0 ? "sign" : "partition", key, 3, java[i].of_3);
        goes(java[i].hash < 0 ? "sign" : "partition", key, 12, java[i].of_12);
    }
    for (int i = 0; i < 10000; i++) {
        uint8_t bytes[40];
        int64_t n = judge_dice(41);
        int32_t partitions = 1 + (int32_t)judge_dice(50);
        for (int64_t k = 0; k < n; k++) bytes[k] = (uint8_t)judge_dice(256);
        hashes("random", slice(bytes, n), reference_murmur2(slice(bytes, n)));
        goes("random", slice(bytes, n), partitions,
             reference_partition_of_key(slice(bytes, n), partitions));
    }
    return 0;
}
