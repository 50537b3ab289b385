/* A node and a client that asks it, for tests of what judges answers on the wire. */
#ifndef TESTS_UNIT_CHECK_WIRED_H
#define TESTS_UNIT_CHECK_WIRED_H

#include "broker/base/arena.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

static struct machine *client;
static struct arena arena; /* of what is asked and answered */
static int64_t frames;

static inline void
wired_begin(struct tale *s)
{
    tale_begin(s, S("b1"));
    client = world_add(s->w, &(struct machine_params){.name = S("c1"), .start = written_nothing});
    arena_init(&arena, &s->mem, 0);
    frames = 0;
}

static inline void
silent(struct tale *s)
{
    arena_release(&arena);
    assert_silent(s);
}

static inline void
told_as(struct tale *s, enum rule rule, const char *story)
{
    arena_release(&arena);
    assert_told(s, rule, story);
}

/* An answer is to the frame before it. The frame is released. */
static inline void
wired_hear(struct tale *s, int16_t api, int16_t version, bool is_answer, struct frame *f,
           void (*hears)(struct invariants *v, const struct world_frame *wf, struct slice bytes))
{
    struct writer w = writer_mem(&s->mem);
    for (int32_t i = 0; i < f->segs_n; i++) writer_bytes(&w, f->segs[i].bytes);
    struct world_frame wf = {.from = is_answer ? s->m : client,
                             .to = is_answer ? client : s->m,
                             .port = 9092,
                             .id = frames + 1,
                             .answers = is_answer ? frames : 0,
                             .is_answer = is_answer,
                             .at_ns = world_now_ns(s->w),
                             .api = api,
                             .version = version};
    frames++;
    hears(s->v, &wf, writer_slice(&w));
    writer_release(&w);
    frame_release(f);
}

#endif
