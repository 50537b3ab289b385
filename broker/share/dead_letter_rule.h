/* Which topic may take a share group's dead letters (KIP-1191), and when a letter that was not taken is sent once more. */
#ifndef SHARE_DEAD_LETTER_RULE_H
#define SHARE_DEAD_LETTER_RULE_H

#include "broker/base/bytes.h"

struct dead_letter_topic {
    struct slice name;   /* errors.deadletterqueue.topic.name, of the group */
    struct slice prefix; /* errors.deadletterqueue.topic.name.prefix, of the cluster */
    bool exists;
    bool takes_letters; /* errors.deadletterqueue.group.enable, of the topic */
    bool may_be_made;   /* errors.deadletterqueue.auto.create.topics.enable, of the cluster */
};

/* NULL, or why it may not. Who may set a group's topic could else have a broker write into any topic. */
const char *dead_letter_topic_check(const struct dead_letter_topic *t);

/* Kafka sends again when the connection broke or another broker leads; it gives up, and so loses the letter, when too few
 * replicas are in sync for the moment, or the topic was made so lately that its leader does not know of it. */
bool dead_letter_is_sent_again(int16_t err);

#endif
