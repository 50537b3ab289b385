/* What a coordinator keeps of groups of the consumer protocol (KIP-848): offsets, their kind, and records, whatever is in them. */
#include "tests/unit/group/consumer_fixture.h"

/* ---- offsets ---- */

static int16_t
commits(const char *id, int32_t epoch)
{
    struct call *c = commit_offset(slice_cstr(id), epoch, 10);
    settle();
    commit();
    return commit_error(c);
}

static void
only_a_member_in_step_commits(void **state)
{
    (void)state;
    settle_two();
    int32_t epoch = described()->group_epoch;
    /* orders-3, that b has */
    assert_int_equal(commits("b", epoch), 0);
    assert_int_equal(commits("b", epoch + 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("b", epoch - 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("a", epoch - 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("c", epoch), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commits("", -1), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(fetch_offset(), 10);
}

static void
a_group_without_members_takes_commits_from_outside(void **state)
{
    (void)state;
    (void)joins("a");
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(commits("", -1), 0);
    assert_int_equal(fetch_offset(), 10);
}

static int16_t
fetches(const char *id, int32_t epoch)
{
    struct k_offset_fetch_request_offset_fetch_request_group q = {
        .group_id = S("g"), .member_id = slice_cstr(id), .member_epoch = epoch, .topics_n = -1};
    struct k_offset_fetch_response_offset_fetch_response_group res = {.error_code = 0};
    groups_fetch(w.gs, &q, 9, OFFSETS_COMMITTED, &w.arena, &res);
    return res.error_code;
}

static void
only_a_member_in_step_is_shown_offsets(void **state)
{
    (void)state;
    (void)joins("a");
    assert_int_equal(fetches("a", 2), 0);
    assert_int_equal(fetches("a", 3), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(fetches("b", 2), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(fetches(NULL, -1), 0);
}

/* ---- the kinds of groups ---- */

static void
a_group_with_members_is_not_of_the_other_kind(void **state)
{
    (void)state;
    (void)joins("a");
    struct call *c = call_new(9);
    struct k_join_group_request q = {.group_id = S("g"), .protocol_type = S("connect")};
    q.session_timeout_ms = SESSION_MS;
    groups_join(w.gs, &q, &c->c);
    assert_int_equal(joined(c)->error_code, K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_state("Dead");
    assert_int_equal(delete_group(), K_ERR_NON_EMPTY_GROUP);
}

static void
a_group_that_was_left_becomes_the_other_kind(void **state)
{
    (void)state;
    (void)joins("a");
    (void)commits("a", 2);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    struct slice id = new_id();
    struct call *c = join((struct who){.id = id});
    gather();
    commit();
    assert_int_equal(joined(c)->error_code, 0);
    assert_int_equal(described()->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    c = leave_call(id);
    commit();
    assert_int_equal(left(c), 0);
    assert_int_equal(fetch_offset(), 10);
    assert_int_equal(given(joins("b")), 4);
    assert_int_equal(fetch_offset(), 10);
    lose_leadership();
    take_over();
    assert_consumer_state("Stable");
    assert_int_equal(fetch_offset(), 10);
}

static void
a_group_is_deleted_with_all_its_records(void **state)
{
    (void)state;
    (void)joins("a");
    (void)commits("a", 2);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(delete_group(), 0);
    lose_leadership();
    take_over();
    assert_null(the_group());
}

static struct slice
listed(struct slice type, struct slice st, int32_t *ret_n)
{
    struct k_list_groups_request q;
    struct k_list_groups_response res;
    codec_default(K_MSG_LIST_GROUPS_REQUEST, &q);
    codec_default(K_MSG_LIST_GROUPS_RESPONSE, &res);
    q.types_filter = &type;
    q.types_filter_n = type.p ? 1 : 0;
    q.states_filter = &st;
    q.states_filter_n = st.p ? 1 : 0;
    groups_list(w.gs, &q, &w.arena, &res);
    *ret_n = res.groups_n;
    return res.groups_n ? res.groups[0].group_state : SLICE_NULL;
}

static void
groups_are_listed_by_type_and_state(void **state)
{
    (void)state;
    int32_t n;
    (void)joins("a");
    assert_slice(listed(S("Consumer"), S("stable"), &n), "Stable");
    assert_int_equal(n, 1);
    (void)listed(S("classic"), SLICE_NULL, &n);
    assert_int_equal(n, 0);
    (void)listed(SLICE_NULL, S("empty"), &n);
    assert_int_equal(n, 0);
}

/* ---- the log ---- */

static void
add_garbled(struct batch_builder *b, struct slice key, struct slice value)
{
    (void)builder_add(b, 0, key, value, NULL, 0);
}

static void
records_that_make_no_sense_do_no_harm(void **state)
{
    (void)state;
    settle_two();
    struct batch_builder b;
    builder_init(&b, &w.env.mem, 0);
    /* Of a member without a group; of a version that nobody knows; cut short; two owners. */
    add_garbled(&b, S("\0\5\0\1x\0\1m"), S("\0\0"));
    add_garbled(&b, S("\0\3\0\1g"), S("\0\x63zzzz"));
    add_garbled(&b, S("\0\x8\0\1g\0\1a"), S("\0\0\0"));
    add_garbled(&b, S("\0\x8\0\1y\0\1a"), SLICE_NULL);
    add_garbled(&b, S("\0\x10\0\1g\0\2.*"), S("\0\0\x7f"));
    struct tp_set all = {ARENA_ARRAY(&w.arena, struct tp, 4), 4};
    for (int32_t i = 0; i < 4; i++) all.v[i] = (struct tp){ORDERS, i, 1};
    struct reconcile_member two = {.state = MEMBER_STABLE, .epoch = 9, .assigned = all};
    record_consumer_current(&b, the_group(), S("z"), &two);
    struct buf *batch = builder_finish(&b, w.env.crc32c, &w.env.mem);
    builder_release(&b);
    VEC_PUSH(&w.env.mem, &w.log, batch);
    lose_leadership();
    take_over();
    assert_non_null(the_group());
    assert_int_equal(described()->members_n, 3);
    pass_ms(46000);
    commit();
    assert_consumer_state("Empty");
}

/* ---- whatever comes ---- */

static uint64_t chance;

static uint64_t
throw_dice(void *ctx)
{
    (void)ctx;
    chance = chance * 6364136223846793005ull + 1442695040888963407ull;
    return chance >> 20;
}

static struct slice
one_of(const char *const *words, int n)
{
    return slice_cstr(words[throw_dice(NULL) % (uint64_t)n]);
}

/* Arbitrary in all fields, and then likely to meet what is there. */
static void
ask_anything(void)
{
    static const char *const ids[] = {"a", "b", "c", ""};
    static const char *const regexes[] = {"or.*", "", "(", "b"};
    struct codec_dice dice = {throw_dice, NULL, &w.arena};
    struct call *c = call_new((int16_t)(throw_dice(NULL) % 2));
    request *q = ARENA_NEW(&w.arena, request);
    codec_random(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, 1, &dice, q);
    q->group_id = throw_dice(NULL) % 8 ? S("g") : q->group_id;
    q->member_id = one_of(ids, 4);
    q->member_epoch = (int32_t)(throw_dice(NULL) % 12) - 3;
    q->instance_id = throw_dice(NULL) % 3 ? SLICE_NULL : one_of(ids, 3);
    q->server_assignor = throw_dice(NULL) % 3 ? SLICE_NULL : S("range");
    q->subscribed_topic_regex = throw_dice(NULL) % 3 ? SLICE_NULL : one_of(regexes, 4);
    if (q->member_epoch == 0 && throw_dice(NULL) % 4) q->topic_partitions_n = 0;
    for (int32_t i = 0; i < q->topic_partitions_n; i++)
        if (throw_dice(NULL) % 2) q->topic_partitions[i].topic_id = ORDERS;
    for (int32_t i = 0; i < q->subscribed_topic_names_n; i++)
        if (throw_dice(NULL) % 2) q->subscribed_topic_names[i] = S("orders");
    groups_consumer_heartbeat(w.gs, q, &c->c);
}

/* A record of any kind, of this group or another one, whole or cut short. */
static void
read_anything(void)
{
    static const struct {
        enum k_msg key, value;
    } kinds[] = {
        {K_MSG_CONSUMER_GROUP_METADATA_KEY, K_MSG_CONSUMER_GROUP_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY, K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
        {K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_KEY,
         K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE},
        {K_MSG_CONSUMER_GROUP_PARTITION_METADATA_KEY,
         K_MSG_CONSUMER_GROUP_PARTITION_METADATA_VALUE},
        {K_MSG_GROUP_METADATA_KEY, K_MSG_GROUP_METADATA_VALUE},
        {K_MSG_OFFSET_COMMIT_KEY, K_MSG_OFFSET_COMMIT_VALUE},
    };
    static const char *const ids[] = {"a", "b", "z"};
    static const struct batch_header plain = {.producer_id = -1};
    uint64_t kind = throw_dice(NULL) % (uint64_t)ARRAY_LEN(kinds);
    struct codec_dice dice = {throw_dice, NULL, &w.arena};
    /* The first two fields of each key are the group and the member, if any. */
    union {
        struct k_consumer_group_member_metadata_key named;
        uint8_t room[256];
    } key;
    void *value = arena_alloc(&w.arena, codec_struct_bytes(kinds[kind].value));
    struct writer k = writer_mem(&w.env.mem), v = writer_mem(&w.env.mem);
    codec_random(kinds[kind].key, 0, &dice, &key);
    codec_random(kinds[kind].value, 0, &dice, value);
    if (throw_dice(NULL) % 4) key.named.group_id = S("g");
    if (kinds[kind].key == K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY ||
        kinds[kind].key == K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY ||
        kinds[kind].key == K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY)
        key.named.member_id = one_of(ids, 3);
    assert_true(coordinator_key_write(&k, kinds[kind].key, &key, NULL));
    assert_true(coordinator_value_write(&v, kinds[kind].value, 0, value, NULL));
    struct record rec = {.key = arena_dup(&w.arena, writer_slice(&k)),
                         .value = arena_dup(&w.arena, writer_slice(&v))};
    if (throw_dice(NULL) % 5 == 0)
        rec.value.n = (int64_t)(throw_dice(NULL) % (uint64_t)(rec.value.n + 1));
    if (throw_dice(NULL) % 5 == 0) rec.value = SLICE_NULL;
    group_fold(&w.shard->base, &plain, &rec);
    writer_release(&k);
    writer_release(&v);
}

static void
no_request_and_no_record_breaks_a_coordinator(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        chance = (uint64_t)round * 77 + 1;
        for (int i = 0; i < 100; i++) {
            if (throw_dice(NULL) % 6 == 0) read_anything();
            ask_anything();
            do_work();
            pass_ms((int64_t)(throw_dice(NULL) % 3000));
            commit();
            if (throw_dice(NULL) % 40) continue;
            lose_leadership();
            take_over();
        }
        shard_unload(&w.shard->base);
        while (w.log.n) buf_unref(w.log.v[--w.log.n]);
        shard_activate(&w.shard->base);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_a_member_in_step_commits),
        CASE(a_group_without_members_takes_commits_from_outside),
        CASE(only_a_member_in_step_is_shown_offsets),
        CASE(a_group_with_members_is_not_of_the_other_kind),
        CASE(a_group_that_was_left_becomes_the_other_kind),
        CASE(a_group_is_deleted_with_all_its_records),
        CASE(groups_are_listed_by_type_and_state),
        CASE(records_that_make_no_sense_do_no_harm),
        CASE(no_request_and_no_record_breaks_a_coordinator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
