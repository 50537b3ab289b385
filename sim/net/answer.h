/* Error answers: which errors Kafka gives to which kind of request, where in the answer they stand, and making
 * such an answer from a request, or out of another answer. Knows nothing of connections.
 *
 * A place is one of three: the whole answer, each thing that was asked about (a topic, a group, a resource), or
 * each partition. Older versions of an answer lack some; the error then stands at the nearest that there is. */
#ifndef SIM_NET_ANSWER_H
#define SIM_NET_ANSWER_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"
#include "broker/base/uuid.h"

enum answer_place { ANSWER_WHOLE, ANSWER_EACH, ANSWER_PARTITION };

/* What an error says of the request: it was surely not done; perhaps it was; or it was. */
enum answer_tells { TELLS_NOT_DONE, TELLS_NOTHING, TELLS_DONE };

struct answer_error {
    int16_t code;
    enum answer_place place;
    enum answer_tells tells;
};

/* False: Kafka gives no such answer to requests of this kind. */
bool answer_error_find(int16_t api, struct slice name, struct answer_error *ret);
/* The n-th that there is, from 0, with its name (`PARTITION_…`); false: there are no more. */
bool answer_error_at(int16_t api, int32_t n, struct slice *ret_name, struct answer_error *ret);
/* Requests of this kind change nothing. */
bool answer_is_of_reading(int16_t api);

/* Which of the things that were asked about are meant. */
struct answer_about {
    struct slice topic; /* null: all */
    struct uuid topic_id;
    int32_t partition; /* -1: all of the topic */
};

/* An answer in place of the broker's, and what of the request is left for the broker; both as frames without their
 * size, in the arena. left is null when there is nothing left. False: the request is malformed, is about nothing that
 * is meant, or such an answer cannot be written in its version. */
bool answer_instead(struct arena *a, struct slice request, const struct answer_error *error,
                    const struct answer_about *about, struct slice *ret_answer,
                    struct slice *ret_left);
/* The broker's answer with the error put over what is meant. */
bool answer_over(struct arena *a, int16_t api, int16_t version, struct slice answer,
                 const struct answer_error *error, const struct answer_about *about,
                 struct slice *ret_answer);
/* The broker's answer to what was left, with the other put into it. */
bool answer_join(struct arena *a, int16_t api, int16_t version, struct slice answer,
                 struct slice other, struct slice *ret_answer);

#endif
