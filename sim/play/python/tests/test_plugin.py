"""The pytest plugin, in a pytest of its own: tests pass and fail as the cluster did, and failures tell the story."""

import gregor.pytest_plugin as plugin


def run(pytester, source):
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-p", "gregor.pytest_plugin", "-p", "no:cacheprovider")


def test_a_test_that_passes_stays_so(pytester):
    run(pytester, """
        def test_one(kafka):
            kafka.crash("b1", for_="1s")
        def test_two(kafka):
            assert len(kafka.bootstrap.split(",")) == 3
    """).assert_outcomes(passed=2)


def test_a_failure_tells_what_happened_and_where_the_run_lies(pytester):
    result = run(pytester, """
        def test_one(kafka):
            kafka.crash("b2")
            assert 1 == 2
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured gregor call*", "verdict: *", "*b2 crashes*", "the run: */play-1", "*gregor replay */play-1"])


def test_marks_say_what_cluster_a_test_wants(pytester):
    run(pytester, """
        import pytest
        @pytest.mark.gregor(brokers=1, seed=9, speed=10)
        def test_one(kafka):
            state = kafka.state()
            assert len(state["nodes"]) == 1 and state["speed"] == 10
            assert kafka.finish().report["seed"] == 9
    """).assert_outcomes(passed=1)


LOSES = """
    import pytest
    {mark}
    @pytest.mark.gregor(scenario="loses.yaml", speed="max")
    def test_one(kafka):
        kafka.advance("6s")
"""

# With acks=1 the leader says yes before anybody else has the record, and dies; the scenario says that nothing may be lost.
SCENARIO = """
scenario: 1
name: loses
cluster:
  brokers: 3
  controllers: 0
  combined: 3
  config: {broker.session.timeout.ms: 1000, broker.heartbeat.interval.ms: 200, replica.lag.time.max.ms: 1500}
topics:
  orders: {partitions: 1, rf: 3, leader: b1}
clients:
  p1: {produce: orders, rate: 200/s, until: 4s, acks: 1}
timeline:
  - {at: 1900ms, slow: {from: b1, to: [b2, b3]}, by: 300ms, for: 2s}
  - {at: 2s, crash: leader(orders-0), for: 2s}
expect:
  never: [lost]
"""


def test_a_promise_that_was_broken_fails_a_test_that_passed(pytester):
    pytester.path.joinpath("loses.yaml").write_text(SCENARIO)
    result = run(pytester, LOSES.format(mark=""))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*verdict: fail*", "*lost*", "*the run: *"])


def test_a_promise_may_be_broken_where_the_test_says_so(pytester):
    pytester.path.joinpath("loses.yaml").write_text(SCENARIO)
    run(pytester, LOSES.format(mark="@pytest.mark.gregor(judge=False)")).assert_outcomes(passed=1)


def test_a_process_that_dies_fails_the_test(pytester):
    result = run(pytester, """
        def test_one(kafka):
            kafka._process.kill()
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*gregor play does not answer*"])


class _Said:
    def __init__(self, verdict, rules):
        self.verdict, self.broken = verdict, [{"rule": r} for r in rules]
        self.passed = verdict in ("pass", "inconclusive")


def test_what_counts_as_broken():
    assert plugin._is_broken(_Said("fail", ["lost"]), ())
    assert not plugin._is_broken(_Said("fail", ["lost"]), ["lost"])
    assert plugin._is_broken(_Said("fail", ["lost", "torn"]), ["lost"])
    assert plugin._is_broken(_Said("fail", []), ["lost"])
    assert plugin._is_broken(_Said("died", []), ())
    assert not plugin._is_broken(_Said("inconclusive", []), ())
    assert not plugin._is_broken(_Said("pass", []), ())
