"""pytest: the fixture `kafka` is a cluster of the test's own. When the test has ended the cluster is judged: a test that passed
fails if what the cluster had promised was broken, and a report of a failure tells what happened and where the run lies.

    @pytest.mark.gregor(brokers=1)                  any argument of gregor.Cluster
    @pytest.mark.gregor(judge=False)                the verdict is the test's own business: kafka.finish()
    @pytest.mark.gregor(may=["lost"])               these rules may be broken here
"""

from typing import Any, Dict, Generator, Iterable

import pytest

from .cluster import Cluster, GregorError, Report

_CLUSTERS: Any = pytest.StashKey() if hasattr(pytest, "StashKey") else None


class Broken(AssertionError):
    """The test passed, and the cluster did not: acknowledged data is gone, doubled, out of order."""

    def __str__(self) -> str:
        return str(self.args[0])


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--gregor-out", metavar="DIR", help="keep the runs' folders here (else in pytest's temporary folder)")
    parser.addoption("--gregor-speed", metavar="N", default=None, help="clusters' time goes so many times as fast as the wall clock")


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "gregor(brokers, scenario, speed, seed, judge, may): the cluster of the fixture kafka")


def _wishes(node: Any) -> Dict[str, Any]:
    wishes: Dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("gregor"))):
        wishes.update(mark.kwargs)
    return wishes


@pytest.fixture
def kafka(request: Any, tmp_path_factory: Any) -> Generator[Cluster, None, None]:
    """A simulated Kafka cluster on real ports (gregor.Cluster), judged when the test has ended."""
    wishes = _wishes(request.node)
    judge, may = wishes.pop("judge", True), wishes.pop("may", ())
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in request.node.name)[:80]
    if out := request.config.getoption("--gregor-out"):
        wishes.setdefault("out", f"{out}/{name}")
    wishes.setdefault("out", tmp_path_factory.mktemp("gregor"))
    if speed := request.config.getoption("--gregor-speed"):
        wishes.setdefault("speed", speed)
    cluster = Cluster(**wishes)
    request.node.stash.setdefault(_CLUSTERS, []).append((cluster, judge, may))
    yield cluster
    cluster.close()


def _is_broken(report: Report, may: Iterable[str]) -> bool:
    """Inconclusive is no failure: it means that nothing was promised. Of anomalies only those that are not expected count."""
    if report.verdict == "fail" and report.broken:
        return any(a["rule"] not in may for a in report.broken)
    return not report.passed


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_call(item: Any) -> Generator[None, Any, None]:
    outcome = yield
    broken = []
    for cluster, judge, may in item.stash.get(_CLUSTERS, []):
        try:
            report = cluster.finish()
        except GregorError as e:
            broken.append(str(e))
            continue
        if outcome.excinfo is not None:
            item.add_report_section("call", "gregor", str(report))
        elif judge and _is_broken(report, may):
            broken.append(str(report))
    if broken and outcome.excinfo is None:
        raise Broken("\n\n".join(broken))
