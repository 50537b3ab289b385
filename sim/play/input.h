/* What came into a world from outside, and when: written down in outside.log while it happens, read again by a replay.
 *
 *     "gregor outside 1\n"  wall_ms  ports_n  port…          then, for each input,
 *     kind  at_ns  id  broker  n  bytes[n]                    numbers big-endian: u8 i64 i64 i32 i32
 *
 * A file that ends in the middle of an input (the process was killed) is good up to there. */
#ifndef SIM_PLAY_INPUT_H
#define SIM_PLAY_INPUT_H

#include <stdio.h>

#include "broker/base/bytes.h"

enum input_kind {
    INPUT_OPEN,   /* a client connects to this broker */
    INPUT_BYTES,  /* it sends */
    INPUT_CLOSE,  /* it has closed */
    INPUT_PAUSE,  /* it reads nothing for now … */
    INPUT_RESUME, /* … and does again */
    INPUT_STEP,   /* somebody wants this step of a timeline done */
    INPUT_END,
};
enum { INPUT_KINDS = INPUT_END + 1 };

struct input {
    enum input_kind kind;
    int64_t at_ns; /* of the world's time; never less than the one before */
    int64_t id;    /* of the connection, from 0 in the order of opening */
    int32_t broker;
    struct slice bytes;
};

#define INPUT_PORTS_MAX 99

void input_write_head(FILE *f, int64_t wall_ms, const int32_t *ports, int32_t ports_n);
void input_write(FILE *f, const struct input *in);

struct input_reader {
    struct reader r;
    int64_t wall_ms;
    int32_t ports[INPUT_PORTS_MAX], ports_n;
    int64_t last_ns, opened;
};
/* False: not such a file. */
bool input_open(struct input_reader *ret, struct slice file);
/* False: there are no more. */
bool input_next(struct input_reader *r, struct input *ret);

#endif
