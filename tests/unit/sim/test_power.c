/* Whose copies count as gone, and whose word for them: what random faults may still take depends on it. */
#include "sim/scenario/run_internal.h"
#include "tests/lib/test.h"

#define BROKERS 3
#define FIRST_EPOCH 10

static char hosts[BROKERS]; /* only told apart */

struct fixture {
    struct mem mem;
    struct run r;
    struct machine machines[BROKERS];
    struct node_slot nodes[BROKERS];
    struct truth_partition partition;
};

/* b0, b1 and b2 serve, in sync. */
static void
begin(struct fixture *f)
{
    *f = (struct fixture){0};
    test_mem_init(&f->mem);
    f->r.nodes = f->nodes;
    f->r.nodes_n = BROKERS;
    for (int32_t i = 0; i < BROKERS; i++) {
        f->machines[i].host = (struct host *)(void *)&hosts[i];
        f->machines[i].state = MACHINE_UP;
        f->nodes[i] = (struct node_slot){.r = &f->r, .m = &f->machines[i], .id = i};
        f->nodes[i].is_broker = true;
        f->r.truth.broker_epoch[i] = FIRST_EPOCH;
        f->r.truth.unfenced[i] = true;
        f->partition.replicas.v[i] = f->partition.isr.v[i] = i;
    }
    f->partition.replicas.n = f->partition.isr.n = BROKERS;
    VEC_PUSH(&f->mem, &f->r.truth.partitions, &f->partition);
}

static void
end(struct fixture *f)
{
    VEC_RELEASE(&f->mem, &f->r.truth.partitions);
    mem_release(&f->mem);
}

static void
must_be(struct fixture *f, int32_t gone, int32_t unclean)
{
    assert_int_equal(power_gone(&f->r), gone);
    assert_int_equal(power_unclean(&f->r), unclean);
}

static void
arm(struct fixture *f, int32_t id, int64_t op, bool power)
{
    f->nodes[id].armed_op = op;
    f->nodes[id].armed_power = power;
}

static void
a_crash_takes_its_word_and_a_power_loss_its_copies_until_it_is_back(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    must_be(&f, 0, 0);
    power_took(&f.r, &f.machines[0], false);
    must_be(&f, 0, 1);
    power_took(&f.r, &f.machines[1], true);
    must_be(&f, 1, 2);
    f.r.truth.broker_epoch[1]++;
    must_be(&f, 0, 1);
    f.r.truth.broker_epoch[0]++;
    f.partition.isr.n = 0;
    must_be(&f, 0, 1);
    f.partition.isr.n = BROKERS;
    must_be(&f, 0, 0);
    end(&f);
}

static void
what_is_armed_counts_until_it_is_let_off(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    arm(&f, 0, 5, false);
    must_be(&f, 0, 1);
    arm(&f, 1, 7, true);
    must_be(&f, 1, 2);
    arm(&f, 0, 0, false);
    arm(&f, 1, 0, false);
    must_be(&f, 0, 0);
    end(&f);
}

static void
what_really_ended_before_stays_when_it_is_let_off(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    power_took(&f.r, &f.machines[0], false);
    power_took(&f.r, &f.machines[1], true);
    arm(&f, 0, 5, false);
    arm(&f, 1, 5, true);
    must_be(&f, 1, 2);
    arm(&f, 0, 0, false);
    arm(&f, 1, 0, false);
    must_be(&f, 1, 2);
    end(&f);
}

/* It registered anew while its disk was ill: what is taken then counts from that registration on. */
static void
what_is_taken_again_waits_for_the_next_registration(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    f.nodes[0].is_ill = true;
    power_took(&f.r, &f.machines[0], true);
    f.r.truth.broker_epoch[0]++;
    must_be(&f, 1, 1);
    power_took(&f.r, &f.machines[0], true);
    f.nodes[0].is_ill = false;
    must_be(&f, 1, 1);
    f.r.truth.broker_epoch[0]++;
    must_be(&f, 0, 0);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_takes_its_word_and_a_power_loss_its_copies_until_it_is_back),
        cmocka_unit_test(what_is_armed_counts_until_it_is_let_off),
        cmocka_unit_test(what_really_ended_before_stays_when_it_is_let_off),
        cmocka_unit_test(what_is_taken_again_waits_for_the_next_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
