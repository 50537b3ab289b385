/* What the files that load a run share. */
#ifndef VISUALIZE_LOAD_H
#define VISUALIZE_LOAD_H

#include "broker/env/trace.h"
#include "visualize/run.h"

enum { FATE_SENT, FATE_DELIVERED, FATE_DROPPED, FATE_HELD, FATE_RELEASED };

/* Longer on the way than this is told. */
#define MESSAGE_LATE_NS 100000000LL

/* It changes who leads, who is in sync, who may vote or write. */
bool message_is_control(int16_t api);

void load_note(struct run *r, const struct trace_record *t);
void load_frame(struct run *r, const struct trace_record *t);
void load_frames_end(struct run *r);
void load_fault(struct run *r, const struct trace_record *t);
/* A moment without texts. */
struct moment *load_moment(struct run *r, enum moment_kind kind, int64_t at_ns, int32_t actor,
                           int32_t partition);
struct slice load_text(struct run *r, struct slice text);
/* Finds or adds. */
int32_t load_partition(struct run *r, struct slice name);
struct replica *load_replica(struct run *r, int32_t partition, int32_t actor);

#endif
