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
