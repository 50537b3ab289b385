/* What is made of the bytes of clients outside: records that are sent, answered and read. Each course is right first, then
 * altered, and the judgement names what was altered. Also rubbish. */
#include "tests/unit/sim/guests_fixture.h"

static void
what_is_kept_and_read_in_order_is_well(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 3, plain_log + 1, 2); /* a seek, into the middle of a batch */
    judge(&s, plain_log, PLAIN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 7);
    assert_int_equal(s.r.read, 7);
    assert_fired(&s, "");
}

static void
bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (int32_t piece = 1; piece < 40; piece += 3) {
        struct scene s;
        begin(&s);
        s.piece = piece;
        for (int i = 0; i < PLAIN_N; i++) stores(&s, "shop", &plain_log[i]);
        reads(&s, 0, plain_log, PLAIN_N);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_int_equal(s.r.counts.acknowledged, 7);
        assert_fired(&s, "");
    }
}

static void
an_acknowledged_record_that_is_not_there_is_lost(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    judge(&s, plain_log, PLAIN_N - 1, -2);
    assert_fired(&s, "lost");
}

static void
an_error_promises_nothing_and_a_retry_is_the_same_send(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    (void)sends(&s, 0, "shop", &plain_log[2]); /* no answer comes */
    guests_left(s.g, 0);
    stores(&s, "shop", &plain_log[2]);
    is_told(&s, 0, sends(&s, 0, "shop", &plain_log[3]), K_ERR_NOT_LEADER_OR_FOLLOWER, -1);
    judge(&s, plain_log + 2, 1, -2);
    assert_int_equal(s.r.counts.produced, 3);
    assert_int_equal(s.r.counts.acknowledged, 2);
    assert_fired(&s, "");
}

static void
another_record_under_the_same_number_is_a_mistake(void **state)
{
    (void)state;
    struct scene s;
    struct batch other = plain_log[2];
    other.first += 100;
    begin(&s);
    (void)sends(&s, 0, "shop", &plain_log[2]); /* no answer comes */
    stores(&s, "shop", &plain_log[2]);
    assert_int_equal(guests_misnumbered(s.g), 0);
    stores(&s, "shop", &other);
    assert_int_equal(guests_misnumbered(s.g), other.n);
    judge(&s, plain_log + 2, 1, -2);
    assert_fired(&s, "");
}

/* Who is told that a batch is too large sends it again in two. */
static void
parts_of_a_batch_are_its_records(void **state)
{
    (void)state;
    struct scene s;
    const struct batch whole = {.producer = MAKER, .sequence = 0, .first = 0, .n = 4},
                       parts[] = {
                           {.producer = MAKER, .sequence = 0, .first = 0, .n = 2},
                           {.producer = MAKER, .sequence = 2, .first = 2, .n = 2, .offset = 2}};
    begin(&s);
    is_told(&s, 0, sends(&s, 0, "shop", &whole), K_ERR_MESSAGE_TOO_LARGE, -1);
    stores(&s, "shop", &parts[0]);
    stores(&s, "shop", &parts[1]);
    judge(&s, parts, 2, -2);
    assert_int_equal(s.r.counts.produced, 4);
    assert_int_equal(s.r.counts.acknowledged, 4);
    assert_fired(&s, "");
}

static void
a_batch_twice_in_the_log_is_a_duplicate(void **state)
{
    (void)state;
    struct scene s;
    struct batch log[PLAIN_N + 1];
    memcpy(log, plain_log, sizeof plain_log);
    log[PLAIN_N] = plain_log[3];
    log[PLAIN_N].offset = 7;
    send_all(&s);
    judge(&s, log, PLAIN_N + 1, -2);
    assert_fired(&s, "duplicate");
}

static void
two_batches_of_a_producer_that_changed_places_are_reordered(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {
        {.producer = MAKER, .sequence = 1, .first = 1, .n = 1, .offset = 0},
        {.producer = MAKER, .sequence = 0, .first = 0, .n = 1, .offset = 1},
    };
    begin(&s);
    stores(&s, "shop", &log[1]);
    stores(&s, "shop", &log[0]);
    judge(&s, log, 2, -2);
    assert_fired(&s, "reordered");
}

/* Two programs that go by one name. */
static void
of_two_producers_nobody_is_first(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {
        {.producer = OTHER, .sequence = 0, .first = 1, .n = 1, .offset = 0},
        {.producer = MAKER, .sequence = 0, .first = 0, .n = 1, .offset = 1},
    };
    begin(&s);
    stores(&s, "shop", &log[1]);
    stores(&s, "shop", &log[0]);
    judge(&s, log, 2, -2);
    assert_fired(&s, "");
}

/* Without sequence numbers: the first is acknowledged by a leader that dies, the second has no answer and is sent again, to
 * a leader that has neither, and lies where the first was. */
static void
what_is_sent_again_may_take_the_place_of_what_was_lost(void **state)
{
    (void)state;
    struct scene s;
    const struct batch kept = {.producer = -1, .first = 0, .n = 1, .offset = 0},
                       first = {.producer = -1, .first = 1, .n = 1, .offset = 1},
                       second = {.producer = -1, .first = 2, .n = 1, .offset = 1},
                       log[] = {kept, second};
    begin(&s);
    stores(&s, "shop", &kept);
    stores(&s, "shop", &first);
    (void)sends(&s, 0, "shop", &second); /* no answer comes */
    stores(&s, "shop", &second);
    judge(&s, log, 2, -2);
    int64_t lost = 0;
    for (int64_t i = 0; i < s.r.anomalies.v.n; i++) lost += s.r.anomalies.v.v[i].rule == RULE_LOST;
    assert_int_equal(lost, 1); /* the first, and not the second as well */
    assert_fired(&s, "lost");
}

/* Somebody has read it before the next is sent, and its sender was never told where it is. */
static void
what_is_read_before_the_next_is_sent_is_known(void **state)
{
    (void)state;
    struct scene s;
    const struct batch log[] = {{.producer = -1, .first = 0, .n = 1, .offset = 0},
                                {.producer = -1, .first = 1, .n = 1, .offset = 1}};
    begin(&s);
    for (int i = 0; i < 2; i++) {
        (void)sends(&s, 0, "shop", &log[i]); /* no answer comes */
        reads(&s, i, &log[i], 1);
    }
    judge(&s, log, 2, -2);
    assert_fired(&s, "");
}

static void
a_record_that_nobody_sent_is_a_phantom(void **state)
{
    (void)state;
    struct scene s;
    const struct batch strange = {.producer = -1, .first = 99, .n = 1, .offset = 7};
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 7, &strange, 1);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "phantom");
}

static void
a_batch_left_out_of_an_answer_is_a_skip(void **state)
{
    (void)state;
    struct scene s;
    const struct batch gap[] = {plain_log[0], plain_log[2]};
    send_all(&s);
    reads(&s, 0, gap, 2);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "poll-skip");
}

static void
batches_given_out_of_order_take_a_reader_back(void **state)
{
    (void)state;
    struct scene s;
    const struct batch turned[] = {plain_log[1], plain_log[0]};
    send_all(&s);
    reads(&s, 0, turned, 2);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "nonmonotonic-poll poll-skip");
}

static void
another_record_at_an_offset_is_inconsistent(void **state)
{
    (void)state;
    struct scene s;
    struct batch elsewhere = plain_log[3];
    elsewhere.offset = 4;
    send_all(&s);
    reads(&s, 0, plain_log, PLAIN_N);
    reads(&s, 4, &elsewhere, 1);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "inconsistent-offset");
}

/* Given out too early: nobody had acknowledged it, and it is gone. */
static void
what_was_read_and_is_gone_is_read_lost(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    for (int i = 0; i < PLAIN_N - 1; i++) stores(&s, "shop", &plain_log[i]);
    (void)sends(&s, 0, "shop", &plain_log[3]);
    reads(&s, 0, plain_log, PLAIN_N);
    judge(&s, plain_log, PLAIN_N - 1, -2);
    assert_fired(&s, "read-lost");
}

static void
damaged_bytes_are_corrupt(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads_so(&s, 1, 0, plain_log, 2, &(struct reading){.spoils = true});
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "corrupt");
}

/* In a session a request names only what has changed; from where a partition is read the session knows. */
static void
sessions_know_from_where_they_read(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    reads_so(&s, 1, 0, plain_log, 1, &(struct reading){.new_session = 5});
    reads_so(&s, 1, 2, plain_log + 1, 1, &(struct reading){.session = 5, .session_epoch = 1});
    /* Nothing is named, and yet it goes on from 2: the second half is no new beginning. */
    reads_so(&s, 3, 99, plain_log + 1, 1,
             &(struct reading){.session = 5, .session_epoch = 2, .names_nothing = true});
    reads_so(&s, 3, 4, plain_log + 3, 1, &(struct reading){.session = 5, .session_epoch = 3});
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "poll-skip");
}

/* ---- rubbish ---- */

static void
rubbish_is_no_frame_and_ends_nothing(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    guests_sent(s.g, 5, 1, slice("\xff\xff\xff\xff garbage", 12));
    guests_sent(s.g, 6, 1, slice("\0\0\0\x0c\0\0\0\x09\0\0\0\x01\xff\xffxx", 16));
    guests_given(s.g, 6, slice("\0\0\0\4\0\0\0\1", 8));
    guests_given(s.g, 9, S("to nobody"));
    guests_left(s.g, 9);
    guests_sent(s.g, 7, 1, slice("\6\0\0\0only the beginning", 22));
    judge(&s, plain_log, PLAIN_N, -2);
    assert_int_equal(s.r.counts.acknowledged, 7);
    assert_fired(&s, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_and_read_in_order_is_well),
        cmocka_unit_test(bytes_may_come_in_any_pieces),
        cmocka_unit_test(an_acknowledged_record_that_is_not_there_is_lost),
        cmocka_unit_test(an_error_promises_nothing_and_a_retry_is_the_same_send),
        cmocka_unit_test(another_record_under_the_same_number_is_a_mistake),
        cmocka_unit_test(parts_of_a_batch_are_its_records),
        cmocka_unit_test(a_batch_twice_in_the_log_is_a_duplicate),
        cmocka_unit_test(two_batches_of_a_producer_that_changed_places_are_reordered),
        cmocka_unit_test(of_two_producers_nobody_is_first),
        cmocka_unit_test(what_is_sent_again_may_take_the_place_of_what_was_lost),
        cmocka_unit_test(what_is_read_before_the_next_is_sent_is_known),
        cmocka_unit_test(a_record_that_nobody_sent_is_a_phantom),
        cmocka_unit_test(a_batch_left_out_of_an_answer_is_a_skip),
        cmocka_unit_test(batches_given_out_of_order_take_a_reader_back),
        cmocka_unit_test(another_record_at_an_offset_is_inconsistent),
        cmocka_unit_test(what_was_read_and_is_gone_is_read_lost),
        cmocka_unit_test(damaged_bytes_are_corrupt),
        cmocka_unit_test(sessions_know_from_where_they_read),
        cmocka_unit_test(rubbish_is_no_frame_and_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
