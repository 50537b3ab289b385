#include "broker/record/batch_header.h"

#include <string.h>

#include "broker/record/batch.h" /* batch_codec(), batch_size_bytes() */

void
batch_header_read(const uint8_t bytes[BATCH_HEADER_BYTES], struct batch_header *ret)
{
    /* Yours. */
    (void)bytes;
    *ret = (struct batch_header){0};
}

void
batch_header_write(const struct batch_header *h, uint8_t ret[BATCH_HEADER_BYTES])
{
    /* Yours. */
    (void)h;
    memset(ret, 0, BATCH_HEADER_BYTES);
}

bool
batch_counts_fit(const struct batch_header *h)
{
    /* Yours. As it stands every count is believed. */
    (void)h;
    return true;
}
