/* What consumers write into the blobs of the classic protocol: whom they subscribe to, what is assigned to them. The
 * coordinator reads it only where it must: to say whether a topic is in use, and to change a group's protocol. */
#ifndef GROUP_EMBEDDED_H
#define GROUP_EMBEDDED_H

#include "broker/base/arena.h"
#include "broker/group/tp_set.h"
#include "broker/metadata/image.h"
#include "broker/protocol/codec.h"

typedef struct k_consumer_protocol_subscription subscription;

/* False: it is none. A later version is read as far as this one goes. Texts point into the blob. */
bool subscription_read(struct slice blob, struct arena *a, subscription *ret);
/* What it says its member owns, of topics that exist. */
struct tp_set subscription_owned(const subscription *s, const struct image *im, struct arena *a);

/* Of topics that exist. False: it is none. An empty blob assigns nothing. */
bool assignment_read(struct slice blob, const struct image *im, struct arena *a,
                     struct tp_set *ret);
/* In the version of the subscription that it answers. Topics that are gone are left out. */
struct slice assignment_write(const struct tp_set *s, const struct image *im,
                              struct slice subscription_blob, struct arena *a);

#endif
