#include "tests/lib/test.h"

#include "sim/world/queue.h"

#define ENTRIES 200
#define MS 1000000LL

static uint64_t
draw(uint64_t *s)
{
    *s = *s * 6364136223846793005ULL + 1442695040888963407ULL;
    return *s >> 33;
}

/* What the queue must do, as simply as it can be said. */
struct model {
    struct queue q;
    struct entry entries[ENTRIES];
    int64_t due_ns[ENTRIES]; /* -1: not armed */
    int64_t armed[ENTRIES];  /* the how many-th to be armed */
    int64_t arms, now_ns;
};

static void
arm(struct model *m, int i, int64_t at_ns)
{
    queue_arm(&m->q, &m->entries[i], at_ns, m->now_ns);
    m->due_ns[i] = at_ns;
    m->armed[i] = m->arms++;
}

static void
disarm(struct model *m, int i)
{
    queue_disarm(&m->q, &m->entries[i]);
    m->due_ns[i] = -1;
}

static struct entry *
first_of_model(struct model *m)
{
    int best = -1;
    for (int i = 0; i < ENTRIES; i++) {
        if (m->due_ns[i] < 0) continue;
        if (best < 0 || m->due_ns[i] < m->due_ns[best] ||
            (m->due_ns[i] == m->due_ns[best] && m->armed[i] < m->armed[best]))
            best = i;
    }
    return best < 0 ? NULL : &m->entries[best];
}

static void
look(struct model *m)
{
    assert_ptr_equal(queue_first(&m->q, m->now_ns), first_of_model(m));
    for (int i = 0; i < ENTRIES; i++)
        assert_int_equal(entry_is_armed(&m->entries[i]), m->due_ns[i] >= 0);
}

static struct model *
model_new(struct mem *mem)
{
    struct model *m = MEM_NEW(mem, struct model);
    queue_init(&m->q, mem);
    for (int i = 0; i < ENTRIES; i++) m->due_ns[i] = -1;
    return m;
}

/* Whole milliseconds, so that many are due at one instant, of which some lay in the heap. */
static void
all_leave_by_time_and_then_as_they_were_armed(void **state)
{
    (void)state;
    static const int64_t spans[] = {1, 2, 7, 9, 12, 3000};
    struct mem mem;
    uint64_t seed = 11;
    test_mem_init(&mem);
    struct model *m = model_new(&mem);
    for (int n = 0; n < 20000; n++) {
        int i = (int)(draw(&seed) % ENTRIES);
        uint64_t what = draw(&seed) % 8;
        if (what < 4)
            arm(m, i,
                m->now_ns / MS * MS + MS +
                    (int64_t)draw(&seed) % spans[draw(&seed) % ARRAY_LEN(spans)] * MS);
        else if (what == 4) arm(m, i, m->now_ns);
        else if (what == 5) disarm(m, i);
        else if (first_of_model(m)) {
            struct entry *e = queue_first(&m->q, m->now_ns);
            m->now_ns = entry_due_ns(e);
            disarm(m, (int)(e - m->entries));
        }
        look(m);
    }
    assert_true(m->now_ns > 1000 * MS);
    mem_release(&mem);
}

static void
time_may_pass_while_nothing_is_due(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct model *m = model_new(&mem);
    assert_null(queue_first(&m->q, 0));
    arm(m, 0, INT64_MAX); /* never */
    arm(m, 1, 8 * MS);
    arm(m, 2, 100 * MS);
    m->now_ns = 7 * MS;
    look(m);
    arm(m, 3, 15 * MS); /* in the slot that was 1's neighbour a turn ago */
    look(m);
    disarm(m, 1);
    m->now_ns = 15 * MS;
    look(m);
    disarm(m, 3), disarm(m, 2);
    look(m);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_leave_by_time_and_then_as_they_were_armed),
        cmocka_unit_test(time_may_pass_while_nothing_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
