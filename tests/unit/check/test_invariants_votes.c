/* Votes, as the wire tells of them, against what the disks of the voters would remember. */
#include "broker/base/fmt.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"
#include "sim/world/fault.h"
#include "tests/lib/test.h"

#include "apis.h"

enum { VERSION = 2 };

struct tale {
    struct mem mem;
    struct arena arena;
    struct world *w;
    struct machine *m[3]; /* b1 to b3, all of them voters */
    struct invariants *v;
    int32_t correlation;
    int64_t frame,
        answered; /* the last one; that to which the next answer answers: 0: to the last */
};

static void
do_nothing(struct env *env, void *args)
{
    (void)env;
    (void)args;
}

static void
begin(struct tale *s)
{
    static const char *const names[] = {"b1", "b2", "b3"};
    memset(s, 0, sizeof *s);
    test_mem_init(&s->mem);
    arena_init(&s->arena, &s->mem, 0);
    s->w = world_new(1, NULL);
    for (int i = 0; i < 3; i++)
        s->m[i] = world_add(
            s->w, &(struct machine_params){.name = slice_cstr(names[i]), .start = do_nothing});
    s->v = invariants_new(&s->mem);
    invariants_watch(s->v, s->w);
}

static void
finish(struct tale *s)
{
    invariants_free(s->v);
    world_free(s->w);
    arena_release(&s->arena);
    mem_release(&s->mem);
}

static void
assert_votes_told(struct tale *s, enum rule rule, const char *story)
{
    const struct anomalies *a = invariants_anomalies(s->v);
    assert_int_equal(a->v.n, 1);
    assert_string_equal(rule_spelling(a->v.v[0].rule), rule_spelling(rule));
    assert_true(slice_eq(a->v.v[0].story, slice_cstr(story)));
    finish(s);
}

static void
assert_no_vote_told(struct tale *s)
{
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    finish(s);
}

/* What a voter's medium says. */
static void
remembers(struct tale *s, int voter, int32_t epoch, int32_t voted)
{
    char json[200];
    struct writer w = writer_fixed(json, sizeof json);
    fmt_str(&w, "{\"clusterId\":\"\",\"leaderId\":-1,\"leaderEpoch\":"), fmt_i64(&w, epoch);
    fmt_str(&w, ",\"votedId\":"), fmt_i64(&w, voted), fmt_str(&w, ",\"data_version\":0}");
    disk_put(s->m[voter - 1], S("data/__cluster_metadata-0/quorum-state"), writer_slice(&w));
}

static void
hear_any(struct tale *s, int16_t api, int16_t version, int from, int to, bool is_answer,
         struct frame *f)
{
    struct writer w = writer_mem(&s->mem);
    for (int32_t i = 0; i < f->segs_n; i++) writer_bytes(&w, f->segs[i].bytes);
    struct world_frame wf = {.from = s->m[from - 1],
                             .to = s->m[to - 1],
                             .port = 9093,
                             .conn = 7,
                             .id = ++s->frame,
                             .answers = !is_answer  ? 0
                                      : s->answered ? s->answered
                                                    : s->frame - 1,
                             .is_answer = is_answer,
                             .api = api,
                             .version = version,
                             .correlation = s->correlation};
    votes_hear(s->v, &wf, writer_slice(&w));
    writer_release(&w);
    frame_release(f);
}

static void
hear(struct tale *s, int from, int to, bool is_answer, struct frame *f)
{
    hear_any(s, K_API_VOTE, VERSION, from, to, is_answer, f);
}

static void
asks(struct tale *s, int candidate, int voter, int32_t epoch, bool pre_vote)
{
    struct k_vote_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_VOTE, .version = VERSION};
    head.correlation_id = ++s->correlation;
    codec_default(K_MSG_VOTE_REQUEST, &q);
    q.topics_n = 1;
    q.topics = codec_array(&s->arena, K_STRUCT_VOTE_REQUEST_TOPIC_DATA, 1);
    q.topics->topic_name = S("__cluster_metadata");
    q.topics->partitions_n = 1;
    q.topics->partitions = codec_array(&s->arena, K_STRUCT_VOTE_REQUEST_PARTITION_DATA, 1);
    q.topics->partitions->replica_epoch = epoch;
    q.topics->partitions->replica_id = candidate;
    q.topics->partitions->pre_vote = pre_vote;
    assert_true(frame_request(&s->mem, &s->arena, &head, &q, &f));
    hear(s, candidate, voter, false, &f);
}

static void
answers(struct tale *s, int voter, int candidate, int32_t epoch, bool is_granted)
{
    struct k_vote_response p;
    struct frame f;
    codec_default(K_MSG_VOTE_RESPONSE, &p);
    p.topics_n = 1;
    p.topics = codec_array(&s->arena, K_STRUCT_VOTE_RESPONSE_TOPIC_DATA, 1);
    p.topics->topic_name = S("__cluster_metadata");
    p.topics->partitions_n = 1;
    p.topics->partitions = codec_array(&s->arena, K_STRUCT_VOTE_RESPONSE_PARTITION_DATA, 1);
    p.topics->partitions->leader_epoch = epoch;
    p.topics->partitions->vote_granted = is_granted;
    assert_true(frame_response(&s->mem, &s->arena, K_API_VOTE, VERSION, s->correlation, &p, &f));
    hear(s, voter, candidate, true, &f);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
votes_that_are_on_the_medium_bind_and_that_is_all(void **state)
{
    BEGIN;
    remembers(&s, 1, 3, 1);
    remembers(&s, 2, 3, 1);
    asks(&s, 1, 2, 3, false);
    answers(&s, 2, 1, 3, true);
    assert_no_vote_told(&s);
}

static void
who_asks_for_votes_votes_for_itself_first(void **state)
{
    BEGIN;
    remembers(&s, 1, 2, 2);
    asks(&s, 1, 2, 3, false);
    assert_votes_told(&s, RULE_DISK_TRUTH,
                      "b1: told of its vote for 1 in epoch 3; a power loss may take it");
}

static void
a_vote_is_told_before_it_is_durable(void **state)
{
    BEGIN;
    remembers(&s, 1, 3, 1);
    remembers(&s, 2, 3, -1); /* the epoch is, the vote is not */
    asks(&s, 1, 2, 3, false);
    answers(&s, 2, 1, 3, true);
    assert_votes_told(&s, RULE_DISK_TRUTH,
                      "b2: told of its vote for 1 in epoch 3; a power loss may take it");
}

static void
a_refusal_speaks_in_an_epoch_too(void **state)
{
    BEGIN;
    remembers(&s, 1, 3, 1);
    remembers(&s, 2, 2, -1);
    asks(&s, 1, 2, 3, false);
    answers(&s, 2, 1, 3, false);
    assert_votes_told(&s, RULE_DISK_TRUTH,
                      "b2: speaks in epoch 3; a power loss may take it back to epoch 2");
}

static void
two_candidates_have_the_vote_of_one_epoch(void **state)
{
    BEGIN;
    for (int i = 1; i <= 2; i++) remembers(&s, i, 3, 1);
    asks(&s, 1, 2, 3, false);
    answers(&s, 2, 1, 3, true);
    remembers(&s, 2, 3, 3); /* its disk forgot, and that is no excuse */
    remembers(&s, 3, 3, 3);
    asks(&s, 3, 2, 3, false);
    answers(&s, 2, 3, 3, true);
    assert_int_equal(anomalies_count(invariants_anomalies(s.v), RULE_ONE_VOTE, WITNESS_INVARIANT),
                     1);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 1);
    finish(&s);
}

static void
who_asks_whether_it_would_be_elected_votes_for_nobody(void **state)
{
    BEGIN;
    remembers(&s, 1, 2, 2);
    remembers(&s, 2, 2, 2);
    asks(&s, 1, 2, 2, true);
    answers(&s, 2, 1, 2, true);
    assert_no_vote_told(&s);
}

/* b1 asks whether b2 would vote for it, dies, and asks b2 for its vote with the same numbers; b2 answers the dead one. */
static void
an_answer_to_a_process_that_is_dead_binds_nobody(void **state)
{
    BEGIN;
    remembers(&s, 1, 3, 1);
    remembers(&s, 2, 2, -1);
    asks(&s, 1, 2, 2, true);
    s.answered = s.frame;
    s.correlation--;
    asks(&s, 1, 2, 3, false);
    answers(&s, 2, 1, 2, true);
    assert_no_vote_told(&s);
}

static void
an_answer_to_nothing_binds_nobody(void **state)
{
    BEGIN;
    remembers(&s, 2, 1, -1);
    s.correlation = 9;
    answers(&s, 2, 1, 3, true);
    assert_no_vote_told(&s);
}

/* Who asks it for records is told who leads, and in which epoch. */
static void
names_leader(struct tale *s, int voter, int32_t leader, int32_t epoch)
{
    enum { FETCH = 17 };
    struct k_fetch_response p;
    struct frame f;
    codec_default(K_MSG_FETCH_RESPONSE, &p);
    p.responses_n = 1;
    p.responses = codec_array(&s->arena, K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, 1);
    p.responses->partitions_n = 1;
    p.responses->partitions = codec_array(&s->arena, K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, 1);
    p.responses->partitions->records.bytes = SLICE_EMPTY;
    p.responses->partitions->current_leader.leader_id = leader;
    p.responses->partitions->current_leader.leader_epoch = epoch;
    voter_seen(s->v, s->m[voter - 1]->index)->epoch = epoch;
    assert_true(frame_response(&s->mem, &s->arena, K_API_FETCH, FETCH, 1, &p, &f));
    hear_any(s, K_API_FETCH, FETCH, voter, 1, true, &f);
}

static void
a_leader_is_named_that_the_medium_has(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    remembers(&s, 2, 3, -1);
    names_leader(&s, 2, 3, 3);
    assert_no_vote_told(&s);
}

static void
a_leader_is_named_before_the_medium_has_it(void **state)
{
    (void)state;
    struct tale s;
    begin(&s);
    remembers(&s, 2, 2, -1);
    names_leader(&s, 2, 3, 3);
    assert_votes_told(&s, RULE_DISK_TRUTH,
                      "b2: speaks in epoch 3; a power loss may take it back to epoch 2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes_that_are_on_the_medium_bind_and_that_is_all),
        cmocka_unit_test(who_asks_for_votes_votes_for_itself_first),
        cmocka_unit_test(a_vote_is_told_before_it_is_durable),
        cmocka_unit_test(a_refusal_speaks_in_an_epoch_too),
        cmocka_unit_test(two_candidates_have_the_vote_of_one_epoch),
        cmocka_unit_test(who_asks_whether_it_would_be_elected_votes_for_nobody),
        cmocka_unit_test(an_answer_to_a_process_that_is_dead_binds_nobody),
        cmocka_unit_test(an_answer_to_nothing_binds_nobody),
        cmocka_unit_test(a_leader_is_named_that_the_medium_has),
        cmocka_unit_test(a_leader_is_named_before_the_medium_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
