/* What a topology comes to: numbers of partitions, what is missing, and which topologies are refused. */
#include "broker/streams/configure.h"

#include "broker/base/bytes.h"
#include "broker/protocol/codec.h"
#include "errors.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct arena arena;
static topology top;
static struct configured out;

/* Topics that there are. */
static struct {
    const char *name;
    int32_t partitions;
} there[16];
static int there_n;

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&arena, &mem, 0);
    top = (topology){.subtopologies = ARENA_ARRAY(&arena, subtopology, 16)};
    there_n = 0;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_release(&arena);
    mem_release(&mem);
    return 0;
}

static void
add_topic(const char *name, int32_t partitions)
{
    there[there_n].name = name;
    there[there_n++].partitions = partitions;
}

static int32_t
partitions_of(const void *ctx, struct slice topic)
{
    (void)ctx;
    for (int i = 0; i < there_n; i++)
        if (slice_eq(slice_cstr(there[i].name), topic)) return there[i].partitions;
    return 0;
}

static subtopology *
add_sub(const char *id)
{
    subtopology *s = &top.subtopologies[top.subtopologies_n++];
    *s = (subtopology){.subtopology_id = slice_cstr(id),
                       .source_topics = ARENA_ARRAY(&arena, struct slice, 8),
                       .state_changelog_topics = ARENA_ARRAY(&arena, topology_topic, 8),
                       .repartition_sink_topics = ARENA_ARRAY(&arena, struct slice, 8),
                       .repartition_source_topics = ARENA_ARRAY(&arena, topology_topic, 8),
                       .copartition_groups = ARENA_ARRAY(&arena, copartition_group, 8)};
    return s;
}

static void
reads(subtopology *s, const char *topic)
{
    s->source_topics[s->source_topics_n++] = slice_cstr(topic);
}

static void
reads_repartitioned(subtopology *s, const char *topic, int32_t partitions)
{
    s->repartition_source_topics[s->repartition_source_topics_n++] =
        (topology_topic){.name = slice_cstr(topic), .partitions = partitions};
}

static void
writes(subtopology *s, const char *topic)
{
    s->repartition_sink_topics[s->repartition_sink_topics_n++] = slice_cstr(topic);
}

static void
keeps(subtopology *s, const char *topic)
{
    s->state_changelog_topics[s->state_changelog_topics_n++] =
        (topology_topic){.name = slice_cstr(topic), .replication_factor = 3};
}

/* The first n source topics and the first m repartition topics. */
static void
copartitions(subtopology *s, int16_t n, int16_t m)
{
    copartition_group *g = &s->copartition_groups[s->copartition_groups_n++];
    *g = (copartition_group){.source_topics = ARENA_ARRAY(&arena, int16_t, n),
                             .source_topics_n = n,
                             .repartition_source_topics = ARENA_ARRAY(&arena, int16_t, m),
                             .repartition_source_topics_n = m};
    for (int16_t i = 0; i < n; i++) g->source_topics[i] = i;
    for (int16_t i = 0; i < m; i++) g->repartition_source_topics[i] = i;
}

static void
configure(void)
{
    topology_configure(&top, partitions_of, NULL, &arena, &out);
}

static int32_t
missing_partitions(const char *topic)
{
    for (int32_t i = 0; i < out.missing_n; i++)
        if (slice_eq(out.missing[i].name, slice_cstr(topic))) return out.missing[i].partitions;
    return 0;
}

/* words → a repartition topic → counts, with a store. */
static void
word_count(void)
{
    subtopology *s = add_sub("0");
    reads(s, "words");
    writes(s, "app-repartition");
    s = add_sub("1");
    reads_repartitioned(s, "app-repartition", 0);
    keeps(s, "app-changelog");
}

/* ---- the claims ---- */

static void
internal_topics_have_as_many_partitions_as_what_feeds_them(void **state)
{
    (void)state;
    add_topic("words", 6);
    word_count();
    configure();
    assert_int_equal(out.err, 0);
    assert_int_equal(out.status, STREAMS_MISSING_INTERNAL_TOPICS);
    assert_slice(out.why, "Internal topics are missing: app-changelog, app-repartition");
    assert_int_equal(out.missing_n, 2);
    assert_int_equal(missing_partitions("app-repartition"), 6);
    assert_int_equal(missing_partitions("app-changelog"), 6);
    assert_int_equal(out.missing[0].replication_factor, 3);
    assert_int_equal(configured_find(&out, S("0"))->tasks_n, 6);
    assert_int_equal(configured_find(&out, S("1"))->tasks_n, 6);
    assert_true(configured_find(&out, S("1"))->is_stateful);
    assert_false(configured_find(&out, S("0"))->is_stateful);
    assert_null(configured_find(&out, S("2")));
}

static void
it_is_ready_when_all_topics_are_there(void **state)
{
    (void)state;
    add_topic("words", 2);
    add_topic("app-repartition", 2);
    add_topic("app-changelog", 2);
    word_count();
    configure();
    assert_int_equal(out.status, STREAMS_READY);
    assert_int_equal(out.missing_n, 0);
    assert_int_equal(out.subtopologies_n, 2);
}

static void
source_topics_must_be_there(void **state)
{
    (void)state;
    subtopology *s = add_sub("0");
    reads(s, "e"), reads(s, "d"), reads(s, "c"), reads(s, "b"), reads(s, "a");
    add_topic("c", 1);
    configure();
    assert_int_equal(out.status, STREAMS_MISSING_SOURCE_TOPICS);
    assert_slice(out.why, "Source topics a, b, d and 1 additional topics are missing.");
    assert_int_equal(out.subtopologies_n, 0);
}

static void
the_most_of_several_sources_counts(void **state)
{
    (void)state;
    add_topic("a", 3);
    add_topic("b", 5);
    subtopology *s = add_sub("0");
    reads(s, "a"), reads(s, "b");
    writes(s, "r");
    keeps(s, "log");
    s = add_sub("1");
    reads_repartitioned(s, "r", 0);
    configure();
    assert_int_equal(missing_partitions("r"), 5);
    assert_int_equal(missing_partitions("log"), 5);
}

/* Whatever the order in which subtopologies stand. */
static void
repartition_topics_follow_each_other(void **state)
{
    (void)state;
    add_topic("a", 7);
    subtopology *s = add_sub("0");
    reads_repartitioned(s, "r2", 0);
    s = add_sub("1");
    reads_repartitioned(s, "r1", 0);
    writes(s, "r2");
    s = add_sub("2");
    reads(s, "a");
    writes(s, "r1");
    configure();
    assert_int_equal(missing_partitions("r1"), 7);
    assert_int_equal(missing_partitions("r2"), 7);
}

static void
a_loop_without_a_way_in_is_refused(void **state)
{
    (void)state;
    subtopology *s = add_sub("0");
    reads_repartitioned(s, "r1", 0);
    writes(s, "r2");
    s = add_sub("1");
    reads_repartitioned(s, "r2", 0);
    writes(s, "r1");
    configure();
    assert_int_equal(out.err, K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_true(out.why.n > 0);
    assert_int_equal(out.subtopologies_n, 0);
}

/* It has one if a source feeds it. */
static void
a_loop_with_a_way_in_is_none(void **state)
{
    (void)state;
    add_topic("a", 4);
    subtopology *s = add_sub("0");
    reads(s, "a");
    reads_repartitioned(s, "r1", 0);
    writes(s, "r1");
    configure();
    assert_int_equal(out.err, 0);
    assert_int_equal(missing_partitions("r1"), 4);
}

static void
a_repartition_topic_that_nobody_writes_is_refused(void **state)
{
    (void)state;
    subtopology *s = add_sub("0");
    reads_repartitioned(s, "r1", 0);
    configure();
    assert_int_equal(out.err, K_ERR_STREAMS_INVALID_TOPOLOGY);
}

static void
a_fixed_number_of_partitions_holds(void **state)
{
    (void)state;
    add_topic("a", 4);
    subtopology *s = add_sub("0");
    reads(s, "a");
    writes(s, "r");
    s = add_sub("1");
    reads_repartitioned(s, "r", 9);
    keeps(s, "log");
    configure();
    assert_int_equal(missing_partitions("r"), 9);
    assert_int_equal(missing_partitions("log"), 9);
    assert_int_equal(configured_find(&out, S("1"))->tasks_n, 9);
}

/* Two topics are joined: both must have their keys in partitions of the same number. */
static void
copartitioned_topics_follow_the_external_one(void **state)
{
    (void)state;
    add_topic("a", 4);
    add_topic("b", 2);
    subtopology *s = add_sub("0");
    reads(s, "b");
    writes(s, "r");
    s = add_sub("1");
    reads(s, "a");
    reads_repartitioned(s, "r", 0);
    copartitions(s, 1, 1);
    configure();
    assert_int_equal(missing_partitions("r"), 4);
    assert_int_equal(configured_find(&out, S("1"))->tasks_n, 4);
}

static void
copartitioned_external_topics_must_be_equal(void **state)
{
    (void)state;
    add_topic("a", 4);
    add_topic("b", 2);
    subtopology *s = add_sub("0");
    reads(s, "a"), reads(s, "b");
    copartitions(s, 2, 0);
    configure();
    assert_int_equal(out.status, STREAMS_INCORRECTLY_PARTITIONED_TOPICS);
    assert_slice(out.why,
                 "Following topics do not have the same number of partitions: [{a=4, b=2}]");
    assert_int_equal(out.subtopologies_n, 0);
}

static void
a_fixed_number_that_does_not_fit_is_said(void **state)
{
    (void)state;
    add_topic("a", 4);
    subtopology *s = add_sub("0");
    reads(s, "a");
    reads_repartitioned(s, "r", 3);
    copartitions(s, 1, 1);
    configure();
    assert_int_equal(out.status, STREAMS_INCORRECTLY_PARTITIONED_TOPICS);
    assert_slice(out.why, "Number of partitions [3] of repartition topic [r] doesn't match number "
                          "of partitions [4] of the source topic.");
}

static void
copartitioned_repartition_topics_have_the_most_or_what_is_fixed(void **state)
{
    (void)state;
    add_topic("a", 4);
    add_topic("b", 2);
    subtopology *s = add_sub("0");
    reads(s, "a");
    writes(s, "r1");
    s = add_sub("1");
    reads(s, "b");
    writes(s, "r2");
    s = add_sub("2");
    reads_repartitioned(s, "r1", 0);
    reads_repartitioned(s, "r2", 0);
    copartitions(s, 0, 2);
    configure();
    assert_int_equal(missing_partitions("r1"), 4);
    assert_int_equal(missing_partitions("r2"), 4);
    s->repartition_source_topics[1].partitions = 3;
    configure();
    assert_int_equal(missing_partitions("r1"), 3);
    assert_int_equal(missing_partitions("r2"), 3);
    s->repartition_source_topics[0].partitions = 5;
    configure();
    assert_int_equal(out.status, STREAMS_INCORRECTLY_PARTITIONED_TOPICS);
}

static void
an_internal_topic_of_another_size_is_in_the_way(void **state)
{
    (void)state;
    add_topic("words", 2);
    add_topic("app-changelog", 3);
    word_count();
    configure();
    assert_int_equal(out.status, STREAMS_INCORRECTLY_PARTITIONED_TOPICS);
    assert_slice(out.why, "Existing topic app-changelog has different number of partitions: "
                          "expected 2, found 3");
    assert_int_equal(out.missing_n, 0);
    assert_int_equal(out.subtopologies_n, 0);
}

static void
too_many_tasks_are_refused(void **state)
{
    (void)state;
    add_topic("a", TOPOLOGY_TASKS_MAX);
    reads(add_sub("0"), "a");
    configure();
    assert_int_equal(out.err, 0);
    reads(add_sub("1"), "a");
    configure();
    assert_int_equal(out.err, K_ERR_STREAMS_INVALID_TOPOLOGY);
}

/* ---- topology_check ---- */

static int16_t
check(struct slice *why)
{
    *why = SLICE_NULL;
    return topology_check(&top, &arena, why);
}

static void
what_can_be_no_topology_is_refused(void **state)
{
    (void)state;
    struct slice why;
    word_count();
    assert_int_equal(check(&why), 0);
    top.epoch = -1;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "Topology epoch must be non-negative.");
    top.epoch = 0;
    top.subtopologies[0].source_topics[0] = S("__consumer_offsets");
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "Use of Kafka internal topics __consumer_offsets in a Kafka Streams topology "
                      "is prohibited.");
    top.subtopologies[0].source_topics[0] = S("a b");
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "Topic names a b are not valid topic names.");
    top.subtopologies[0].source_topics_n = 0;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "No source topics found for subtopology 0");
    top.subtopologies[0].source_topics_n = 1;
    top.subtopologies[0].source_topics[0] = S("words");
    top.subtopologies[1].state_changelog_topics[0].partitions = 3;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "Changelog topic app-changelog must have an undefined partition count, but "
                      "it is set to 3.");
    top.subtopologies[1].state_changelog_topics[0].partitions = 0;
    top.subtopologies[1].repartition_source_topics[0].partitions = -1;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    top.subtopologies[1].repartition_source_topics[0].partitions = 0;
    top.subtopologies[1].subtopology_id = S("0");
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_slice(why, "Two subtopologies have the id 0");
}

static void
a_copartition_group_names_topics_that_are_there(void **state)
{
    (void)state;
    struct slice why;
    subtopology *s = add_sub("0");
    reads(s, "a");
    reads_repartitioned(s, "r", 1);
    copartitions(s, 1, 1);
    assert_int_equal(check(&why), 0);
    s->copartition_groups[0].source_topics[0] = 1;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    s->copartition_groups[0].source_topics[0] = -1;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    s->copartition_groups[0].source_topics[0] = 0;
    s->copartition_groups[0].repartition_source_topics[0] = 7;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
}

static void
a_topology_has_a_largest_size(void **state)
{
    (void)state;
    struct slice why;
    subtopology *s = add_sub("0");
    struct slice *v = ARENA_ARRAY(&arena, struct slice, TOPOLOGY_TOPICS_MAX + 1);
    for (int32_t i = 0; i <= TOPOLOGY_TOPICS_MAX; i++) v[i] = S("a");
    s->source_topics = v;
    s->source_topics_n = TOPOLOGY_TOPICS_MAX;
    assert_int_equal(check(&why), 0);
    s->source_topics_n++;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
    top.subtopologies = ARENA_ARRAY(&arena, subtopology, SUBTOPOLOGIES_MAX + 1);
    top.subtopologies_n = SUBTOPOLOGIES_MAX + 1;
    assert_int_equal(check(&why), K_ERR_STREAMS_INVALID_TOPOLOGY);
}

/* ---- what comes in a request, and what is kept ---- */

static uint64_t dice_state = 1;

static uint64_t
draw(void *ctx)
{
    (void)ctx;
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return dice_state >> 11;
}

/* Whatever comes: what passes the check can be configured, and what was kept is what came. */
static void
arbitrary_topologies_harm_nothing(void **state)
{
    (void)state;
    struct codec_dice dice = {.draw = draw, .arena = &arena};
    int passed = 0;
    add_topic("a", 3);
    for (int i = 0; i < 3000; i++) {
        struct k_streams_group_heartbeat_request q;
        struct slice why = SLICE_NULL;
        codec_random(K_MSG_STREAMS_GROUP_HEARTBEAT_REQUEST, 1, &dice, &q);
        if (!q.topology) continue;
        for (int32_t k = 0; k < q.topology->subtopologies_n; k++) {
            struct k_streams_group_heartbeat_request_subtopology *s = &q.topology->subtopologies[k];
            bool tame = draw(NULL) % 4 != 0;
            for (int32_t t = 0; tame && t < s->source_topics_n; t++) s->source_topics[t] = S("a");
            for (int32_t t = 0; tame && t < s->repartition_sink_topics_n; t++)
                s->repartition_sink_topics[t] = S("r");
            for (int32_t t = 0; tame && t < s->repartition_source_topics_n; t++)
                s->repartition_source_topics[t].name = S("r");
            for (int32_t t = 0; tame && t < s->state_changelog_topics_n; t++) {
                s->state_changelog_topics[t].name = S("c");
                s->state_changelog_topics[t].partitions = 0;
            }
            if (tame && draw(NULL) % 2) s->copartition_groups_n = 0;
        }
        topology_of_request(q.topology, &arena, &top);
        topology *kept = topology_copy(&top, &arena);
        assert_non_null(kept);
        assert_true(codec_equal(K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, &top, kept));
        if (topology_check(&top, &arena, &why)) {
            assert_true(why.n > 0);
            continue;
        }
        passed++;
        configure();
        assert_true(out.subtopologies_n == 0 || !out.err);
        if (i % 100 == 0) arena_reset(&arena);
    }
    assert_true(passed > 20);
}

static void
subtopologies_are_in_the_order_of_their_ids(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_subtopology subs[3] = {
        {.subtopology_id = S("2")}, {.subtopology_id = S("10")}, {.subtopology_id = S("0")}};
    struct slice words[] = {S("words")};
    subs[0].source_topics = words;
    subs[0].source_topics_n = 1;
    struct k_streams_group_heartbeat_request_topology q = {4, subs, 3};
    topology_of_request(&q, &arena, &top);
    assert_int_equal(top.epoch, 4);
    assert_slice(top.subtopologies[0].subtopology_id, "0");
    assert_slice(top.subtopologies[1].subtopology_id, "10");
    assert_slice(top.subtopologies[2].subtopology_id, "2");
    assert_slice(topology_reader_of(&top, S("words"))->subtopology_id, "2");
    assert_null(topology_reader_of(&top, S("others")));
}

int
main(void)
{
#define CLAIM(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CLAIM(internal_topics_have_as_many_partitions_as_what_feeds_them),
        CLAIM(it_is_ready_when_all_topics_are_there),
        CLAIM(source_topics_must_be_there),
        CLAIM(the_most_of_several_sources_counts),
        CLAIM(repartition_topics_follow_each_other),
        CLAIM(a_loop_without_a_way_in_is_refused),
        CLAIM(a_loop_with_a_way_in_is_none),
        CLAIM(a_repartition_topic_that_nobody_writes_is_refused),
        CLAIM(a_fixed_number_of_partitions_holds),
        CLAIM(copartitioned_topics_follow_the_external_one),
        CLAIM(copartitioned_external_topics_must_be_equal),
        CLAIM(a_fixed_number_that_does_not_fit_is_said),
        CLAIM(copartitioned_repartition_topics_have_the_most_or_what_is_fixed),
        CLAIM(an_internal_topic_of_another_size_is_in_the_way),
        CLAIM(too_many_tasks_are_refused),
        CLAIM(what_can_be_no_topology_is_refused),
        CLAIM(a_copartition_group_names_topics_that_are_there),
        CLAIM(a_topology_has_a_largest_size),
        CLAIM(arbitrary_topologies_harm_nothing),
        CLAIM(subtopologies_are_in_the_order_of_their_ids),
    };
    return cmocka_run_group_tests_name("streams_configure", tests, NULL, NULL);
}
