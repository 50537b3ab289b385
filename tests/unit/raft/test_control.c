/* control.c: the control records' bytes are those of a 4.4 node; what is written is read. */
#include "tests/lib/test.h"

#include "broker/raft/state.h"

static struct env env;

static void
env_begin(void)
{
    struct env_params p = {
        .source = test_mem_source(), .memory_ceiling_bytes = 1 << 28, .wall_ms = 1000};
    env_init(&env, &p);
}

static const struct raft_voter self = {
    .id = 1,
    .directory_id = {{0x9d, 0x83, 0x67, 0x41, 0x79, 0x3a, 0x48, 0xe4, 0xbf, 0x0a, 0x53, 0xb9, 0xc2,
                      0x19, 0xca, 0x97}},
    .listener = {(const uint8_t *)"CONTROLLER", 10},
    .host = {(const uint8_t *)"127.0.0.1", 9},
    .port = 31093};

#define VERSION_VALUE "\0\0\0\1\0"
#define VOTERS_VALUE \
    "\0\0\2\0\0\0\1\x9d\x83\x67\x41\x79\x3a\x48\xe4\xbf\x0a\x53\xb9\xc2\x19\xca\x97\2\x0b" \
    "CONTROLLER\x0a" \
    "127.0.0.1\x79\x75\0\0\0\0\1\0\0\0"

static struct record
next(struct records *rs, enum control_type type)
{
    struct record r = {0};
    int16_t t = -1;
    assert_true(records_next(rs, &r));
    assert_true(control_key_parse(r.key, &t));
    assert_int_equal(t, type);
    return r;
}

static void
the_head_of_a_snapshot_has_header_version_and_voters(void **state)
{
    (void)state;
    env_begin();
    struct buf *b = control_snapshot_head(&env, 1, &self, 1);
    struct batch_header h;
    struct records rs;
    assert_int_equal(batch_check(env.crc32c, buf_slice(b), &h), BATCH_OK);
    assert_true(batch_is_control(&h));
    assert_int_equal(h.base_offset, 0);
    assert_int_equal(h.leader_epoch, 0);
    records_begin(&rs, &h, batch_payload(buf_slice(b), &h));
    assert_slice(next(&rs, CONTROL_SNAPSHOT_HEADER).value, "\0\0\0\0\0\0\0\0\x03\xe8\0");
    assert_slice(next(&rs, CONTROL_KRAFT_VERSION).value, VERSION_VALUE);
    assert_slice(next(&rs, CONTROL_KRAFT_VOTERS).value, VOTERS_VALUE);
    struct record none;
    assert_false(records_next(&rs, &none));
    assert_int_equal(rs.err, BATCH_OK);
    env_release(&env);
}

static struct raft *
alone(void)
{
    static const struct raft_ops ops;
    struct raft_config cfg = {.node_id = 1,
                              .directory_id = self.directory_id,
                              .cluster_id = S("c"),
                              .log_dir = S("data"),
                              .is_controller = true};
    return raft_new(&env, &cfg, &ops, NULL);
}

static void
voters_are_taken_from_control_batches(void **state)
{
    (void)state;
    env_begin();
    struct raft *r = alone();
    struct buf *b = control_snapshot_head(&env, 1, &self, 1);
    struct batch_header h;
    assert_int_equal(batch_check(env.crc32c, buf_slice(b), &h), BATCH_OK);
    assert_false(raft_is_voter(r));
    control_take(r, buf_slice(b), &h);
    assert_int_equal(raft_kraft_version(r), 1);
    assert_true(raft_is_voter(r));
    int32_t n;
    const struct raft_voter *v = raft_voters(r, &n);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].id, 1);
    assert_int_equal(v[0].port, 31093);
    assert_slice(v[0].host, "127.0.0.1");
    env_release(&env);
}

static void
a_leaders_first_batch_says_who_voted(void **state)
{
    (void)state;
    env_begin();
    struct raft *r = alone();
    members_set_voters(r, &self, 1);
    struct buf *b = control_leader_change(r, true);
    struct batch_header h;
    struct records rs;
    assert_int_equal(batch_check(env.crc32c, buf_slice(b), &h), BATCH_OK);
    records_begin(&rs, &h, batch_payload(buf_slice(b), &h));
    assert_slice(next(&rs, CONTROL_LEADER_CHANGE).value, "\0\0\0\0\0\1\2\0\0\0\1\0\2\0\0\0\1\0\0");
    assert_slice(next(&rs, CONTROL_KRAFT_VERSION).value, VERSION_VALUE);
    assert_slice(next(&rs, CONTROL_KRAFT_VOTERS).value, VOTERS_VALUE);
    env_release(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_of_a_snapshot_has_header_version_and_voters),
        cmocka_unit_test(voters_are_taken_from_control_batches),
        cmocka_unit_test(a_leaders_first_batch_says_who_voted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
