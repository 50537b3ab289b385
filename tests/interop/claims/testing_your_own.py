"""Programs in labs/testing-your-own: their tests find the mistakes, and pass when these are mended."""

import os
import re
import subprocess

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.play import GREGOR

LABS = paths.ROOT / "labs" / "testing-your-own"


def python_with_pytest():
    """Debian's pytest is for Debian's Python: of the clients' environment it takes the packages."""
    for python in ("python3", "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import pytest"], capture_output=True).returncode == 0:
            return python
    raise AssertionError("no pytest (Debian: python3-pytest)")


def pytest(t, folder, **environment):
    """Runs the tests of a folder; returns names of those that failed, how many passed, and all that was said."""
    packages = next((paths.INSTALLED / "venv" / "lib").glob("python3*/site-packages"))
    path = os.pathsep.join(map(str, (paths.ROOT / "sim" / "play" / "python", packages)))
    done = subprocess.run(
        [python_with_pytest(), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "gregor.pytest_plugin", "--basetemp", str(t.scratch() / "runs"), str(LABS / folder)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "GREGOR": str(GREGOR), **environment},
        capture_output=True, text=True, timeout=3 * LIMIT_S)
    passed = re.search(r"(\d+) passed", done.stdout.splitlines()[-1] if done.stdout else "")
    return sorted(re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.M)), int(passed[1]) if passed else 0, done.stdout + done.stderr


@claim("gregord", "kafka-python", limit_s=8 * LIMIT_S)
def kafka_python_orders(t):
    """An order service with three mistakes fails three tests, for three reasons; mended it passes them."""
    failed, _, said = pytest(t, "1-kafka-python")
    expect_equal(failed, ["test_an_accepted_order_survives_the_leader", "test_an_order_is_billed_once_though_the_answer_is_lost",
                          "test_an_order_is_billed_though_the_worker_dies"], "tests that failed")
    for part in ("Captured gregor call", "crashes, leader of orders-0", "the answer is lost", "the run: "):
        expect(part in said, f"no word of '{part}' in {said[-3000:]}")
    failed, passed, said = pytest(t, "1-kafka-python", ORDERS="mended")
    expect((failed, passed) == ([], 3), f"mended: {said[-3000:]}")


@claim("gregord", "confluent-kafka", limit_s=8 * LIMIT_S)
def confluent_kafka_copier(t):
    """A copier with two mistakes in its transactions fails two tests, for two reasons; mended it passes them."""
    failed, _, said = pytest(t, "2-confluent-kafka")
    expect_equal(failed, ["test_an_order_is_paid_once_though_the_copier_dies_before_its_commit",
                          "test_readers_do_not_wait_for_a_copier_that_died"], "tests that failed")
    failed, passed, said = pytest(t, "2-confluent-kafka", COPIER="mended")
    expect((failed, passed) == ([], 2), f"mended: {said[-3000:]}")


def maven(folder, *words, **environment):
    """Runs Maven; returns its exit status and all that it said."""
    done = subprocess.run(["mvn", "-B", "-f", str(folder), *words], env={**os.environ, "GREGOR": str(GREGOR), **environment},
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@claim("gregord", "java", limit_s=20 * LIMIT_S)
def kafka_streams_totals(t):
    """A topology with exactly_once_v2 and five mistakes fails five tests of what may become of EndTxn; mended it passes them."""
    status, said = maven(paths.ROOT / "sim/play/java", "-q", "-DskipTests", "install")
    expect(status == 0, f"the extension: {said[-2000:]}")

    def tests(totals):
        _, said = maven(LABS / "3-kafka-streams", f"-Dtotals={totals}", f"-Dgregor.out={t.scratch()}", "test")
        ran = re.findall(r"Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: 0$", said, re.M)
        return ran and tuple(map(int, ran[-1])), dict(re.findall(r"^\[ERROR\]   TotalsTest\.(\w+):\d+ (.*)", said, re.M)), said

    ran, failed, said = tests("src")
    expect_equal(ran, (5, 5, 0), "tests, failures, errors")
    twice = "expected: <[ann]> but was: <[ann, ann]>"
    expect_equal({k: v for k, v in failed.items() if k != "ordersAreCountedSoonThoughCommitsAreSlow"}, {
        "anOrderIsCountedOnceThoughATransactionIsRefused": "expected: <[1, 11, 31]> but was: <[1, 11, 51]>",
        "aCouponIsSentOnceThoughATransactionIsRefused": twice,
        "aCouponIsSentOnceThoughTheAnswerToACommitIsLost": twice,
        "ordersAreCountedThoughACommitFailsForAnUnknownReason": "the order of 10 is not counted ==> expected: <true> but was: <false>",
    }, "what the tests found")
    for part in ("is answered INVALID_PRODUCER_EPOCH, and was not done", "was done, and the answer is lost", "waits 0.400s", "the run: "):
        expect(part in " ".join(said.split()), f"no word of '{part}' in {said[-3000:]}")
    ran, failed, said = tests("mended")
    expect_equal((ran, failed), ((5, 0, 0), {}), "mended")
