/* Printing of IEEE doubles without floating point: the core has none, but three fields of the
 * protocol (client quotas) do. */
#ifndef PROTOCOL_DOUBLE_H
#define PROTOCOL_DOUBLE_H

#include "broker/base/bytes.h"

/* The fewest digits that read back as the same bits: "0.1", "1.7976931348623157E308", "-0.0". */
void fmt_double(struct writer *w, uint64_t bits);

#endif
