"""Each order is paid once, and soon, though the copier dies at the worst moments."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

import copier

LIMIT_S = 60


def order(kafka, *names):
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for name in names:
        producer.produce("orders", name)
    assert producer.flush(LIMIT_S) == 0


@contextmanager
def running(kafka):
    """The copier as a process of its own; at the end it is killed, as a machine would be."""
    process = subprocess.Popen([sys.executable, copier.__file__, kafka.bootstrap])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def paid(kafka, until, within_s=LIMIT_S):
    """What a reader of committed records finds, until this one is there or so long."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "enable.auto.commit": False, "isolation.level": "read_committed"})
    consumer.assign([TopicPartition("paid", 0, OFFSET_BEGINNING)])
    found, end = [], time.monotonic() + within_s
    while until not in found and time.monotonic() < end:
        record = consumer.poll(0.2)
        if record is not None and not record.error():
            found.append(record.value().decode())
    consumer.close()
    return found


@pytest.fixture
def kafka(kafka):
    """Both topics are there: who asks for a topic makes it."""
    order(kafka, "first")
    with running(kafka):
        assert paid(kafka, "first") == ["first"]
        time.sleep(0.5)  # what is committed behind it is committed
    kafka.advance("10s")  # the group gives the dead member up
    return kafka


def test_an_order_is_paid_once_though_the_copier_dies_before_its_commit(kafka):
    with kafka.lose("OffsetCommit", answer=False, group="copier"), running(kafka):
        order(kafka, "second")
        assert "second" in paid(kafka, "second")
    kafka.advance("10s")
    with running(kafka):
        order(kafka, "third")
        assert paid(kafka, "third") == ["first", "second", "third"]


def test_readers_do_not_wait_for_a_copier_that_died(kafka):
    with kafka.lose("EndTxn", answer=False), running(kafka):
        seen = threading.Thread(target=kafka.wait, args=("EndTxn seen", LIMIT_S))
        seen.start()
        order(kafka, "second")
        seen.join()
    kafka.advance("10s")
    with running(kafka):
        order(kafka, "third")
        assert paid(kafka, "third", within_s=20) == ["first", "second", "third"]
