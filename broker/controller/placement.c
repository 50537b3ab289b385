#include "broker/controller/placement.h"

/* The k-th broker that is (not) fenced. */
static int32_t
nth(const struct placement_broker *brokers, int32_t n, bool fenced, int64_t k)
{
    for (int32_t i = 0; i < n; i++)
        if (brokers[i].is_fenced == fenced && k-- == 0) return brokers[i].id;
    return -1;
}

static int32_t
count_living(const struct placement_broker *brokers, int32_t n)
{
    int32_t living = 0;
    for (int32_t i = 0; i < n; i++) living += !brokers[i].is_fenced;
    return living;
}

/* Place `at` of a stripe over n brokers that begins at `lead`; a later round shifts the followers. */
static int64_t
stripe(int64_t lead, int64_t round, int64_t at, int64_t n)
{
    if (at == 0) return lead % n;
    return (lead + 1 + (round + at - 1) % (n - 1)) % n;
}

enum placement_err
placement_place(const struct placement_broker *brokers, int32_t n, int64_t start,
                int32_t partitions, int32_t factor, int32_t *ret)
{
    int32_t living = count_living(brokers, n), fenced = n - living;
    if (factor > n) return PLACEMENT_TOO_FEW;
    if (living == 0) return PLACEMENT_ALL_FENCED;
    start %= living;
    for (int64_t p = 0; p < partitions; p++)
        for (int64_t at = 0; at < factor; at++, ret++)
            *ret = at < living ? nth(brokers, n, false, stripe(start + p, p / living, at, living))
                               : nth(brokers, n, true, (start + p + at - living) % fenced);
    return PLACEMENT_OK;
}
