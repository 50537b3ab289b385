/* Brokers die, return with or without their tail, stop in order, shrink and grow ISRs; controllers fall.
 * Whatever happens, after each decision the image keeps its promises. */
#include "tests/unit/controller/fixture.h"

#define BROKERS 4

static int64_t
draw(int64_t below)
{
    return env_random_below(&w.env, STREAM_WORKLOAD, below);
}

static void
check_partition(const struct image *im, const struct image_partition *p)
{
    int64_t min_isr = 0;
    struct slice own =
        image_config_value(im, RESOURCE_TOPIC, p->topic->name, S("min.insync.replicas"));
    assert_true(slice_to_i64(own.p ? own : S("1"), &min_isr));
    for (int32_t i = 0; i < p->isr.n; i++) {
        assert_true(ids_has(p->replicas, p->isr.v[i]));
        assert_false(ids_has(p->elr, p->isr.v[i]));
        assert_true(image_broker_is_active(im, p->isr.v[i]));
    }
    for (int32_t i = 0; i < p->elr.n; i++) assert_true(ids_has(p->replicas, p->elr.v[i]));
    if (p->isr.n >= MIN(min_isr, p->replicas.n)) assert_int_equal(p->elr.n, 0);
    if (p->leader == NO_LEADER) assert_int_equal(p->isr.n, 0);
    else assert_true(ids_has(p->isr, p->leader));
    if (p->isr.n == 0 && p->elr.n == 0) assert_int_equal(p->last_known_elr.n, 1);
    /* Nobody is kept waiting who could lead. */
    for (int32_t i = 0; p->leader == NO_LEADER && i < p->elr.n; i++)
        assert_false(image_broker_is_active(im, p->elr.v[i]));
}

static void
check_all(void)
{
    const struct image *im = controller_image(w.c);
    for (int64_t i = 0; im && i < im->topics.n; i++)
        for (int32_t j = 0; j < im->topics.v[i]->partitions_n; j++)
            check_partition(im, im->topics.v[i]->partitions[j]);
}

static void
restart(int32_t id)
{
    const struct image_broker *b = image_broker(controller_image(w.c), id);
    if (!b) return;
    int64_t previous = draw(2) ? b->epoch : -1;
    (void)register_as(id, (uint8_t)draw(255), previous);
}

static void
change_isr(void)
{
    const struct image *im = controller_image(w.c);
    const struct image_topic *t = im->topics.v[draw(im->topics.n)];
    const struct image_partition *p = t->partitions[draw(t->partitions_n)];
    if (p->leader == NO_LEADER) return;
    struct k_alter_partition_request r;
    struct k_alter_partition_request_partition_data d;
    struct k_alter_partition_request_broker_state isr[BROKERS];
    struct k_alter_partition_request_topic_data td = {t->id, &d, 1};
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &r);
    codec_default_struct(K_STRUCT_ALTER_PARTITION_REQUEST_PARTITION_DATA, &d);
    r.broker_id = p->leader;
    r.broker_epoch = image_broker(im, p->leader)->epoch;
    r.topics = &td, r.topics_n = 1;
    d.partition_index = p->index;
    d.leader_epoch = p->leader_epoch;
    d.partition_epoch = p->partition_epoch;
    d.new_isr_with_epochs = isr;
    for (int32_t i = 0; i < p->replicas.n; i++) {
        int32_t id = p->replicas.v[i];
        if (id != p->leader && draw(2)) continue;
        isr[d.new_isr_with_epochs_n++] =
            (struct k_alter_partition_request_broker_state){id, image_broker(im, id)->epoch};
    }
    (void)answer_to(K_API_ALTER_PARTITION, 3, &r);
}

static void
fail_over(void)
{
    controller_resign(w.c);
    /* What was in flight is lost, or committed all the same. */
    int64_t keep = draw(2) ? w.log.n : w.high_watermark;
    while (w.log.n > keep) mem_free_slice(&w.env.mem, w.log.v[--w.log.n]);
    commit();
    activate();
}

static void
something_happens(void)
{
    int32_t id = (int32_t)draw(BROKERS) + 1;
    bool is_known = image_broker(controller_image(w.c), id) != NULL;
    switch (draw(9)) {
    case 0: pass(draw(SESSION_MS)); break;
    case 1: restart(id); break;
    case 2:
        if (is_known) (void)beat_with(id, w.log.n - 1, false, true);
        break;
    case 3:
        if (draw(4) == 0) fail_over();
        break;
    case 4:
    case 5: change_isr(); break;
    default:
        if (is_known) (void)beat(id);
    }
}

static void
assert_same(const struct image *a, const struct image *b)
{
    assert_int_equal(a->topics.n, b->topics.n);
    for (int64_t i = 0; i < a->topics.n; i++)
        for (int32_t j = 0; j < a->topics.v[i]->partitions_n; j++) {
            const struct image_partition *p = a->topics.v[i]->partitions[j],
                                         *q = b->topics.v[i]->partitions[j];
            assert_true(ids_eq(p->isr, q->isr) && ids_eq(p->elr, q->elr));
            assert_int_equal(p->leader, q->leader);
            assert_int_equal(p->leader_epoch, q->leader_epoch);
            assert_int_equal(p->partition_epoch, q->partition_epoch);
        }
    for (int64_t i = 0; i < a->brokers.n; i++)
        assert_int_equal(a->brokers.v[i]->is_fenced, b->brokers.v[i]->is_fenced);
}

static void
promises_hold_whatever_happens(void **state)
{
    (void)state;
    start_brokers(BROKERS);
    (void)create_t(S("2"), S("false"));
    struct k_create_topics_request_creatable_topic t[] = {
        topic_named(S("one"), 2, 3), topic_named(S("four"), 3, 4), topic_named(S("alone"), 3, 1)};
    struct k_create_topics_request_creatable_topic_config min = {S("min.insync.replicas"), S("3")};
    t[1].configs = &min, t[1].configs_n = 1;
    (void)create(t, 3);
    for (int i = 0; i < 3000; i++) {
        something_happens();
        check_all();
        if (i % 50) continue;
        commit();
        assert_same(controller_image(w.c), &w.committed);
    }
    assert_true(image_partition(&w.committed, S("t"), 0)->leader_epoch > 50);
    assert_true(w.epoch > 20);
}

static int
begin_seeded(void **state)
{
    int err = world_begin(state);
    w.env.seed = *(struct siphash_key *)*state;
    return err;
}

static struct siphash_key seeds[] = {{1, 1}, {2, 7}, {3, 9}, {4, 4}};

#define SEEDED(i) \
    cmocka_unit_test_prestate_setup_teardown(promises_hold_whatever_happens, begin_seeded, \
                                             world_end, &seeds[i])

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {SEEDED(0), SEEDED(1), SEEDED(2), SEEDED(3)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
