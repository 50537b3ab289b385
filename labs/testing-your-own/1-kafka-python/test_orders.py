"""What the order service owes its customers, while the cluster fails: each test is named by the promise."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer

import orders

LIMIT_S = 60


@pytest.fixture
def service(kafka):
    s = orders.OrderService(kafka.bootstrap)
    yield s
    s.close()


@contextmanager
def worker(kafka, ledger):
    """A worker as a process of its own; at the end it is killed, as a machine would be."""
    process = subprocess.Popen([sys.executable, orders.__file__, kafka.bootstrap, str(ledger)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(true, what):
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def orders_in(kafka):
    """All that a reader finds in the topic."""
    consumer = KafkaConsumer(orders.TOPIC, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=3000)
    found = [orders.json.loads(r.value)["order"] for r in consumer]
    consumer.close()
    return found


def test_an_accepted_order_survives_the_leader(kafka, service):
    assert service.take("first", 10)
    leader = kafka.partition("orders-0")["leader"]
    followers_hear_nothing = kafka.hold("Fetch", answer=True, to="followers(orders-0)", listener="broker")
    accepted = []
    taking = threading.Thread(target=lambda: accepted.append(service.take("second", 20)))
    taking.start()
    until(lambda: kafka.partition("orders-0")["log_ends"][str(leader)] == 2, "the leader has no second order")
    time.sleep(0.2)  # time enough for a leader that says yes too early
    kafka.crash(f"b{leader}", for_="20s")
    kafka.advance("12s")  # its session ends, and one of the followers leads
    followers_hear_nothing.end()
    kafka.wait(f"leader of orders-0 is not b{leader}")
    taking.join()
    kafka.advance("10s")
    kafka.wait("isr full")
    assert accepted == [False] or orders_in(kafka) == ["first", "second"]


def test_an_order_is_billed_though_the_worker_dies(kafka, service, tmp_path):
    ledger = tmp_path / "ledger.db"
    with worker(kafka, ledger):
        assert service.take("first", 10)
        until(lambda: orders.Ledger(ledger).bills() == ["first"], "the first order is not billed")
        commits = kafka.hold("OffsetCommit", answer=True)
        kafka_says = threading.Thread(target=kafka.wait, args=("OffsetCommit seen",))
        kafka_says.start()
        assert service.take("second", 20)
        kafka_says.join()  # the worker commits, and waits for the answer: there it dies
        time.sleep(0.2)
    commits.end()
    kafka.advance("1m")  # the group gives the dead member up
    with worker(kafka, ledger):
        assert service.take("third", 30)
        until(lambda: "third" in orders.Ledger(ledger).bills(), "the third order is not billed")
    assert orders.Ledger(ledger).bills() == ["first", "second", "third"]


def test_an_order_is_billed_once_though_the_answer_is_lost(kafka, service, tmp_path):
    ledger = tmp_path / "ledger.db"
    assert service.take("first", 10)
    with kafka.lose("Produce", answer=True, topic="orders"):
        accepted = service.take("second", 20)
    if not accepted:
        assert service.take("second", 20)  # the customer presses the button again
    with worker(kafka, ledger):
        assert service.take("third", 30)
        until(lambda: "third" in orders.Ledger(ledger).bills(), "the third order is not billed")
    assert orders.Ledger(ledger).bills() == ["first", "second", "third"]
