#include "broker/log/recovery_scan.h"

bool
recovery_keeps(const struct recovery_facts *f)
{
    if (f->parsed != BATCH_OK) return false;
    if (batch_size_bytes(&f->h) > f->bytes_left) return false;
    if (!f->crc_is_right) return false;
    if (f->h.base_offset < f->expected_offset) return false;
    return f->h.base_offset == f->expected_offset || f->gaps_are_allowed;
}
