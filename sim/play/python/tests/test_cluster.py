"""gregor.Cluster: every verb reaches the cluster, and what is wrong comes back in words."""

import json
import socket
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import pytest

import gregor
from gregor.cluster import find_gregor

HERE = Path(__file__).resolve().parent


def produce(kafka, n, *options):
    subprocess.run(["kcat", "-P", "-b", kafka.bootstrap, "-t", "orders", "-X", "acks=all", *options],
                   input="".join(f"{i}\n" for i in range(n)), text=True, check=True, capture_output=True, timeout=120)


def read(kafka):
    done = subprocess.run(["kcat", "-C", "-b", kafka.bootstrap, "-t", "orders", "-e", "-q"], text=True, check=True, capture_output=True, timeout=120)
    return done.stdout.split()


def test_a_leader_crashes_and_what_was_acknowledged_is_there(kafka):
    produce(kafka, 100)
    before = kafka.leader("orders-0")
    kafka.crash("leader(orders-0)")
    kafka.advance("15s")
    kafka.wait(f"leader of orders-0 is not {before}")
    assert kafka.leader("orders-0") not in (None, before)
    produce(kafka, 10)
    assert len(read(kafka)) == 110
    kafka.restart()
    kafka.wait("isr full")
    assert kafka.partition("orders-0")["log_ends"] == {"1": 110, "2": 110, "3": 110}


def test_what_lasts_is_listed_and_ends(kafka):
    with kafka.cut("b1") as away:
        assert [f["name"] for f in kafka.faults()] == [away.name]
        assert "cut b1" in away.story[0]
    assert kafka.faults() == []
    slow = kafka.slow("b2", by="5ms..10ms", as_="slowly")
    held = kafka.hold("Produce", answer=True)
    assert slow.name == "slowly" and len(kafka.faults()) == 2
    held.end()
    kafka.heal(slow)
    assert kafka.faults() == []
    kafka.cut({"from": "b1", "to": "b2"})
    kafka.heal()
    assert kafka.faults() == []


def test_each_verb_for_nodes_does_what_it_says(kafka):
    def states():
        return {n["name"]: n["state"] for n in kafka.state()["nodes"]}

    kafka.pause("b1")
    assert states()["b1"] == "paused"
    kafka.resume("b1")
    assert states()["b1"] == "up"
    kafka.power("b2", for_="2s")
    assert states()["b2"] == "down"
    kafka.advance(3)
    assert states()["b2"] == "up"
    kafka.wipe("b3")
    assert states()["b3"] == "down"
    kafka.restart("b3")
    kafka.disk("b3", slow=200)
    kafka.do("note all is well")
    kafka.shutdown("b1")
    kafka.advance("20s")
    assert states() == {"b1": "down", "b2": "up", "b3": "up"}
    assert any("all is well" in line for _, line in kafka.story())


def test_requests_are_answered_lost_and_late(kafka):
    produce(kafka, 10)
    kafka.answer("Produce", error="NOT_LEADER_OR_FOLLOWER", topic="orders", count=2)
    produce(kafka, 10)
    with kafka.delay("Produce", by="50ms", answer=True):
        produce(kafka, 10)
    kafka.lose("Produce", answer=True, topic="orders", count=1)
    produce(kafka, 10, "-X", "request.timeout.ms=1000", "-X", "enable.idempotence=true")
    kafka.break_("Produce", answer=True, topic="orders", count=1)
    kafka.repeat("Produce", topic="orders", count=1)
    produce(kafka, 10, "-X", "enable.idempotence=true")
    assert len(read(kafka)) == 50
    with pytest.raises(gregor.Mistake):
        kafka.answer("Produce", error="NO_SUCH_ERROR")


def test_a_request_is_waited_for(kafka):
    produce(kafka, 1)
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(kafka.wait("request Fetch seen", within=20)))
    waiting.start()
    time.sleep(0.3)
    assert not seen or kafka.leader("orders-0"), "the replicas' own fetches count, too"
    waiting.join()
    assert seen == [None]
    with pytest.raises(gregor.TimedOut, match="no such frame was sent since"):
        kafka.wait("request EndTxn seen", within=0.05)


def test_presets_are_listed_and_begun(kafka):
    presets = {p["name"]: p for p in kafka.presets()}
    assert {"leader-lost", "rolling-upgrade", "power-loss"} <= set(presets) and presets["leader-lost"]["about"]
    produce(kafka, 10)
    led = kafka.leader("orders-0")
    began = kafka.preset("leader-lost", broker="leader(orders-0)")
    assert began.names and any(led in line for line in began.story)
    kafka.advance("30s")
    kafka.wait("isr full")
    with pytest.raises(gregor.Mistake, match="did you mean leader-lost?"):
        kafka.preset("leader-losd")


def test_time_stands_still_runs_and_leaps(kafka):
    kafka.stop_time()
    then = kafka.now()
    kafka.advance("10m")
    assert kafka.now() == pytest.approx(then + 600, abs=0.01)
    kafka.speed(100)
    kafka.go_on()
    kafka.wait("serving all")
    state = kafka.state()
    assert state["speed"] == 100 and not state["is_paused"]


def test_speed_max_skips_idle_time_until_a_client_connects():
    with gregor.Cluster(speed="max") as kafka:
        until = time.monotonic() + 10
        while kafka.now() < 100:
            assert time.monotonic() < until, "idle time is not skipped"
        host, port = kafka.bootstrap.split(",")[0].split(":")
        with socket.create_connection((host, int(port))):
            time.sleep(0.2)  # it is seen
            then, begun = kafka.now(), time.monotonic()
            time.sleep(1)
            assert kafka.now() - then <= time.monotonic() - begun + 0.2


def test_mistakes_are_told_in_lints_words(kafka):
    with pytest.raises(gregor.Mistake, match="did you mean crash?"):
        kafka.do("crahs b1")
    with pytest.raises(gregor.Mistake, match="no machine is called b9"):
        kafka.crash("b9")
    with pytest.raises(gregor.GregorError, match="met nobody: there is no topic none now"):
        kafka.crash("leader(none-0)")
    with pytest.raises(gregor.Mistake, match="did you mean leader-of?"):
        kafka.wait("lader of orders-0")
    with pytest.raises(gregor.TimedOut, match="did not come true in 0.050s: leader of none-0.*no such partition"):
        kafka.wait("leader of none-0 is b1", within=0.05)
    with pytest.raises(gregor.GregorError, match="no partition none-0"):
        kafka.partition("none-0")


def test_a_topic_is_made_as_one_wants_it(kafka):
    kafka.create_topic("orders", partitions=3, config={"retention.ms": 7000000})
    assert [kafka.leader(f"orders-{i}") is not None for i in range(3)] == [True] * 3
    produce(kafka, 10)
    with pytest.raises(gregor.GregorError, match="TOPIC_ALREADY_EXISTS"):
        kafka.create_topic("orders")
    with pytest.raises(gregor.GregorError, match="INVALID_REPLICATION_FACTOR"):
        kafka.create_topic("others", rf=9)
    with pytest.raises(gregor.Mistake, match="is not a name"):
        kafka.create_topic("no name")


def test_time_goes_as_fast_as_one_says(kafka):
    kafka.speed(20)
    then, wall = kafka.now(), time.monotonic()
    time.sleep(1)
    took = time.monotonic() - wall
    assert kafka.now() - then > 20 * took / 4, "a loaded machine may be late, but not by so much"


def test_a_report_may_be_longer_than_a_pipe_holds(tmp_path):
    with gregor.Cluster(brokers=1, out=tmp_path) as kafka:
        produce(kafka, 500)
        kafka.wipe("b1")
        report = kafka.finish()
    assert len(report.anomalies) >= 500 and (report.folder / "report.json").stat().st_size > 2 ** 16


def test_the_end_is_a_report_and_a_folder(tmp_path):
    with gregor.Cluster(brokers=1, seed=5, out=tmp_path) as kafka:
        produce(kafka, 10)
        kafka.crash("b1", for_="1s")
        assert kafka.timeline().startswith("<svg") and kafka.verdict()["verdict"] == "pass"
        report = kafka.finish()
        assert report.passed and report.folder == tmp_path / "play-5"
        assert "b1 crashes" in report.story() and str(report.folder) in str(report)
        with pytest.raises(gregor.GregorError, match="has ended"):
            kafka.state()
    assert json.loads((report.folder / "report.json").read_text())["seed"] == 5
    said = subprocess.run([find_gregor(), "replay", str(report.folder)], capture_output=True, text=True).stdout
    assert said.startswith("the same run"), said


def test_a_cluster_that_cannot_start_says_why(tmp_path, monkeypatch):
    with pytest.raises(gregor.GregorError, match="no-such-file.yaml"):
        gregor.Cluster(tmp_path / "no-such-file.yaml")
    monkeypatch.setenv("GREGOR", str(tmp_path / "nothing"))
    with pytest.raises(gregor.GregorError, match="GREGOR=.* is no program"):
        gregor.Cluster()


def test_it_ends_with_the_program_that_started_it(tmp_path):
    kafka = gregor.Cluster(out=tmp_path)
    kafka._process.stdin.close()  # as the kernel does when Python dies
    assert kafka._process.wait(60) in (0, 2)
    assert (tmp_path / "play-1" / "story.txt").exists()


def test_the_wheel_has_the_package_and_is_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE.parent))
    monkeypatch.delenv("GREGOR_BUNDLE", raising=False)
    import backend

    first = (tmp_path / backend.build_wheel(str(tmp_path))).read_bytes()
    wheel = tmp_path / backend.build_wheel(str(tmp_path))
    assert wheel.read_bytes() == first and wheel.name == "gregor-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as z:
        names = z.namelist()
        assert {"gregor/__init__.py", "gregor/cluster.py", "gregor/pytest_plugin.py"} < set(names)
        assert len(z.read("gregor-0.1.0.dist-info/RECORD").splitlines()) == len(names)
        assert b"pytest11" in z.read("gregor-0.1.0.dist-info/entry_points.txt")
