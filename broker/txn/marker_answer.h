/* What becomes of a transaction's marker for one partition, by what the partition's leader answers. Pure. */
#ifndef TXN_MARKER_ANSWER_H
#define TXN_MARKER_ANSWER_H

#include <stdint.h>

enum marker_outcome {
    MARKER_IS_WRITTEN, /* or there is nothing that it could be written to */
    MARKER_AGAIN,
    MARKER_OBSOLETE, /* another coordinator has taken over */
};

enum marker_outcome marker_answer(int16_t err);

#endif
