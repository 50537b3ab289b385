/* Static members that leave for a while, and what becomes of their place. */
#include "broker/base/arena.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define GROUP S("__consumer_offsets-0")
enum {
    VERSION = 1,
    SESSION_MS = 2000,
    HEARD_BEFORE_MS = 100,
    JOINS = 0,
    LEAVES = -1,
    LEAVES_FOR_A_WHILE = -2
};

static struct machine *client;
static int64_t frames;

static void
member(struct tale *s, bool is_there)
{
    struct k_consumer_group_current_member_assignment_key k = {S("readers"), S("a")};
    struct k_consumer_group_current_member_assignment_value r;
    codec_default(K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &r);
    add_coordinator(s, K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &k,
                    K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, 0, is_there ? &r : NULL);
}

static void
begin(struct tale *s)
{
    tale_begin(s, S("b1"));
    client = world_add(s->w, &(struct machine_params){.name = S("m1"), .start = written_nothing});
    frames = 0;
    invariants_session(s->v, SESSION_MS * NS_PER_MS);
    member(s, true);
    tale_commit(s, GROUP);
}

static void
hear(struct tale *s, bool is_answer, const void *message, int64_t answers)
{
    struct arena a;
    struct frame f;
    struct request_head head = {.api_key = K_API_CONSUMER_GROUP_HEARTBEAT, .version = VERSION};
    struct writer w = writer_mem(&s->mem);
    arena_init(&a, &s->mem, 0);
    assert_true(is_answer ? frame_response(&s->mem, &a, head.api_key, VERSION, 0, message, &f)
                          : frame_request(&s->mem, &a, &head, message, &f));
    for (int32_t i = 0; i < f.segs_n; i++) writer_bytes(&w, f.segs[i].bytes);
    struct world_frame wf = {.id = ++frames,
                             .answers = answers,
                             .from = is_answer ? s->m : client,
                             .to = is_answer ? client : s->m,
                             .is_answer = is_answer,
                             .api = head.api_key,
                             .version = VERSION,
                             .at_ns = world_now_ns(s->w)};
    away_hear(s->v, &wf, writer_slice(&w));
    writer_release(&w);
    frame_release(&f);
    arena_release(&a);
}

static void
beats(struct tale *s, struct slice id, int32_t epoch)
{
    struct k_consumer_group_heartbeat_request q;
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, &q);
    q.group_id = S("readers");
    q.member_id = id;
    q.instance_id = S("seat");
    q.member_epoch = epoch;
    hear(s, false, &q, 0);
}

static void
is_answered(struct tale *s, int64_t question, int16_t err)
{
    struct k_consumer_group_heartbeat_response p;
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, &p);
    p.error_code = err;
    hear(s, true, &p, question);
}

static void
is_removed(struct tale *s, int64_t after_ms)
{
    world_run(s->w, after_ms * NS_PER_MS);
    member(s, false);
    tale_commit(s, GROUP);
}

/* It is heard of at the beginning. */
#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s); \
    beats(&s, S("a"), 3); \
    is_answered(&s, 1, 0); \
    world_run(s.w, HEARD_BEFORE_MS *NS_PER_MS)

static void
a_place_is_kept_for_the_session(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_answered(&s, 3, 0);
    is_removed(&s, SESSION_MS - HEARD_BEFORE_MS);
    assert_silent(&s);
}

static void
a_place_is_given_away_too_soon(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_answered(&s, 3, 0);
    is_removed(&s, 500);
    assert_told(
        &s, RULE_GROUP_STATE,
        "b1: removed a static member that is away for a while, 600 ms after it was heard of; "
        "its session is 2000 ms");
}

static void
a_place_is_given_away_before_the_answer(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_removed(&s, 3);
    is_answered(&s, 3, 0);
    assert_told(
        &s, RULE_GROUP_STATE,
        "b1: removed a static member that is away for a while, 103 ms after it was heard of; "
        "its session is 2000 ms");
}

static void
its_session_began_when_it_was_last_heard_of(void **state)
{
    BEGIN;
    world_run(s.w, 1000 * NS_PER_MS);
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_answered(&s, 3, 0);
    is_removed(&s, SESSION_MS - HEARD_BEFORE_MS - 1000);
    assert_silent(&s);
}

static void
who_was_not_heard_may_be_removed(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_removed(&s, 3);
    is_answered(&s, 3, K_ERR_UNKNOWN_MEMBER_ID);
    assert_silent(&s);
}

static void
who_comes_in_its_place_takes_it(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_answered(&s, 3, 0);
    beats(&s, S("b"), JOINS);
    is_removed(&s, 500);
    assert_silent(&s);
}

static void
who_leaves_for_good_is_removed(void **state)
{
    BEGIN;
    beats(&s, S("a"), LEAVES);
    is_removed(&s, 3);
    is_answered(&s, 3, 0);
    assert_silent(&s);
}

static void
a_classic_group_has_other_members(void **state)
{
    BEGIN;
    struct k_group_metadata_key k = {.group = S("readers")};
    struct k_group_metadata_value r;
    codec_default(K_MSG_GROUP_METADATA_VALUE, &r);
    beats(&s, S("a"), LEAVES_FOR_A_WHILE);
    is_answered(&s, 3, 0);
    add_coordinator(&s, K_MSG_GROUP_METADATA_KEY, &k, K_MSG_GROUP_METADATA_VALUE, 3, &r);
    is_removed(&s, 500);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_kept_for_the_session),
        cmocka_unit_test(a_place_is_given_away_too_soon),
        cmocka_unit_test(a_place_is_given_away_before_the_answer),
        cmocka_unit_test(its_session_began_when_it_was_last_heard_of),
        cmocka_unit_test(who_was_not_heard_may_be_removed),
        cmocka_unit_test(who_comes_in_its_place_takes_it),
        cmocka_unit_test(who_leaves_for_good_is_removed),
        cmocka_unit_test(a_classic_group_has_other_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
