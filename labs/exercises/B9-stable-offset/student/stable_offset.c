#include "broker/log/stable_offset.h"

bool
holds_back(const struct decided_txn *t, int64_t high_watermark)
{
    /* Yours. */
    (void)t, (void)high_watermark;
    return false;
}

int64_t
stable_offset(int64_t first_open, const struct decided_txn *decided, int64_t n, int64_t log_start,
              int64_t high_watermark)
{
    /* Yours. As it stands no transaction hides anything. */
    (void)first_open, (void)decided, (void)n, (void)log_start;
    return high_watermark;
}

int64_t
aborted_overlapping(const struct aborted_txn *v, int64_t n, int64_t from, int64_t to,
                    struct aborted_txn *ret)
{
    /* Yours. As it stands nothing was ever aborted. */
    (void)v, (void)n, (void)from, (void)to, (void)ret;
    return 0;
}
