/* Questions to share coordinators as messages, about one share partition each. */
#ifndef SHARE_PERSIST_MESSAGE_H
#define SHARE_PERSIST_MESSAGE_H

#include "broker/share/persister.h"

int16_t persist_api(enum persist_kind kind);
int16_t persist_version(enum persist_kind kind);
/* In the arena. */
void *persist_request(const struct persist *p, const struct image *im, struct arena *a);
/* What the response says of the share partition; batches lie in the arena. Returns its error. */
int16_t persist_take_answer(struct persist *p, const void *response, struct arena *a);

#endif
