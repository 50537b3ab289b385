/* ST01: recovery trusts lengths. */
#include "broker/log/recovery_scan.h"
#include "tests/mutants/switches.h"

bool recovery_keeps__right(const struct recovery_facts *f);

bool
recovery_keeps(const struct recovery_facts *f)
{
    if (is_on(ST01)) return f->parsed == BATCH_OK && batch_size_bytes(&f->h) <= f->bytes_left;
    return recovery_keeps__right(f);
}
