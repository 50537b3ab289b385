#include "broker/share/dead_letter_rule.h"

#include "broker/protocol/tables.h"
#include "errors.h"

const char *
dead_letter_topic_check(const struct dead_letter_topic *t)
{
    if (t->name.n == 0) return "the group has no dead-letter topic";
    if (slice_starts(t->name, S("__"))) return "a dead-letter topic must not begin with __";
    if (!slice_starts(t->name, t->prefix))
        return "the dead-letter topic does not begin with errors.deadletterqueue.topic.name.prefix";
    if (t->exists && !t->takes_letters)
        return "the dead-letter topic is not made for it: errors.deadletterqueue.group.enable is "
               "false";
    if (!t->exists && !t->may_be_made)
        return "there is no such dead-letter topic, and "
               "errors.deadletterqueue.auto.create.topics.enable is false";
    return NULL;
}

bool
dead_letter_is_sent_again(int16_t err)
{
    return k_err_is_retriable(err);
}
