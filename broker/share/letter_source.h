/* Reads the records that dead letters are copies of, one after the other, out of the partition's log. */
#ifndef SHARE_LETTER_SOURCE_H
#define SHARE_LETTER_SOURCE_H

#include "broker/log/commitlog.h"
#include "broker/record/record.h"

struct letter_source {
    struct env *env;
    struct commitlog *log;
    int64_t limit, inflated_max; /* a batch that comes to more is not looked into */
    void (*go_on)(struct letter_source *s);
    /* Private. */
    struct log_load load;
    struct op inflating;
    bool is_loading, is_released;
    int64_t loaded_at; /* -1: nothing was */
    struct buf *window, *inflated;
    int64_t window_at;
    struct batch_header h;
    struct slice batch;
    bool has_batch, has_record;
    struct records records;
    struct record record;
};

enum letter_found { LETTER_FOUND, LETTER_ABSENT, LETTER_WAITS };

void letter_source_init(struct letter_source *s, struct env *env, struct commitlog *log,
                        int64_t limit, int64_t inflated_max, void (*go_on)(struct letter_source *));
/* Offsets must ascend. LETTER_WAITS: go_on() comes, in a later step; ask again then. What is found lies in memory that is good
 * until the next question. ABSENT: it was deleted, or cannot be read. */
enum letter_found letter_source_find(struct letter_source *s, int64_t offset, struct record *ret);
/* False: something is under way that still refers to it; go_on() comes once more, for its release. */
bool letter_source_release(struct letter_source *s);

#endif
