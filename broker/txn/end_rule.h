/* EndTxn: may this producer commit or abort now, has it been done already, or is it too late? Pure. */
#ifndef TXN_END_RULE_H
#define TXN_END_RULE_H

#include "broker/txn/data.h"

struct end_request {
    int64_t producer_id;
    int16_t epoch;
    bool commit;
    int16_t
        version; /* transaction.version that the client goes by: 2 from version 5 of EndTxn on */
};

enum end_verdict {
    END_REFUSED, /* with an error */
    END_IS_DONE, /* it was sent before, and its answer was lost */
    END_PREPARE,
    END_PREPARE_WITH_NEW_ID, /* the epochs of this producer id are exhausted */
};

struct end_decision {
    enum end_verdict verdict;
    int16_t err;
};

/* now NULL: the id is not known. */
struct end_decision txn_end(const struct txn_data *now, const struct end_request *q);

#endif
