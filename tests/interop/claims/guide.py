"""The programs and the compose file of a beginner's guide, as printed but for the address (guide/)."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

from harness import paths, wire
from harness.claim import claim, expect, expect_equal
from harness.target import eventually, run

PRINTED_ADDRESS = "localhost:9092"


def program(t, name):
    """A copy of a printed program that talks to the broker under test."""
    text = (paths.GUIDE / name).read_text()
    expect(PRINTED_ADDRESS in text, f"{name} does not name {PRINTED_ADDRESS}")
    copy = t.scratch() / name
    copy.write_text(text.replace(PRINTED_ADDRESS, t.bootstrap))
    return [sys.executable, "-u", str(copy)]


def stored(t, topic, *args):
    """What a topic holds, or nothing when it is not there yet."""
    return t.consume(topic, *args, status=None)


@claim("kafka-python", "kcat")
def producer(t):
    """The producer program sends its hundred orders, gzip-compressed."""
    before = len(stored(t, "orders"))
    said = run(program(t, "producer.py"))
    expect_equal(said.strip(), "100 messages sent", "its last line")
    orders = [json.loads(x)["order_id"] for x in stored(t, "orders")[before:]]
    expect_equal(orders, list(range(100)), "order ids in the topic")


@claim("kafka-python", "kcat")
def keyed_producer(t):
    """The keyed producer program's event is there under its key."""
    before = len(stored(t, "user-events"))
    run(program(t, "keyed_producer.py"))
    new = stored(t, "user-events", "-f", r"%k %s\n")[before:]
    expect_equal(new, ['user_42 {"event": "page_view", "url": "/pricing", "ts": 1720000000}'], "events")


@claim("kafka-python")
def consumer(t):
    """The consumer program joins its group and prints every order from the beginning, as they come."""
    run(program(t, "producer.py"))
    pattern = re.compile(r"Partition 0 \| Offset (\d+) \| Order: (\d+)$")
    with subprocess.Popen(program(t, "consumer.py"), stdout=subprocess.PIPE, text=True) as reading:
        expect_equal(reading.stdout.readline().strip(), "Listening for orders...", "its first line")
        found = [pattern.match(reading.stdout.readline()) for _ in range(100)]
        reading.terminate()
    expect(all(found), "a line is not as the guide says")
    expect_equal([int(m[2]) for m in found], list(range(100)), "order ids")
    expect_equal([int(m[1]) for m in found], list(range(int(found[0][1]), int(found[0][1]) + 100)), "offsets")


def compose_environment():
    """The variables of the printed compose file."""
    text = (paths.GUIDE / "docker-compose.yml").read_text().partition("environment:")[2]
    pairs = re.findall(r"^ +([A-Z_]+): (.*)$", text, re.M)
    return {key: value.strip('"') for key, value in pairs}


@contextmanager
def composed(t):
    """gregord as the compose file's variables alone configure it, but for the two ports."""
    node = t.node()
    node.overrides = {}
    printed = compose_environment()
    expect_equal(len(printed), 7, "variables in the compose file")
    node.environment = {key: value.replace("9092", str(node.port)).replace("9093", str(node.controller_port))
                        for key, value in printed.items()}
    node.start()
    try:
        node.wait()
        yield node, f"localhost:{node.port}"
    finally:
        node.kill()


@claim("gregord", "starts", "kcat")
def compose(t):
    """gregord, configured by the compose file's variables alone, serves at the advertised address."""
    with composed(t) as (node, at):
        name = json.loads(t.kcat("-L", "-J", at=at))["brokers"][0]["name"]
        expect_equal(name, at, "advertised address")
        t.produce("orders", ["a", "b"], at=at)
        expect_equal(t.consume("orders", at=at), ["a", "b"], "records")
        files = list(node.folder.rglob("meta.properties"))
        cluster_id = compose_environment()["CLUSTER_ID"]
        expect(files and cluster_id in files[0].read_text(), f"no meta.properties names {cluster_id}")
        leader = eventually(lambda: wire.quorum_leader(node.host, node.port))
        expect_equal(leader, 1, "quorum leader")


@claim("gregord", "starts", "kafka-python", "java")
def compose_and_programs(t):
    """The guide in its order: compose, kafka-topics --list, the producer, the consumer in its group."""
    with composed(t) as (_, at):
        there = replace(t, bootstrap=at)
        expect_equal(there.tool("topics", "--list").split(), [], "topics of a new cluster")
        run(program(there, "producer.py"))
        with subprocess.Popen(program(there, "consumer.py"), stdout=subprocess.PIPE, text=True) as reading:
            printed = [reading.stdout.readline().strip() for _ in range(101)]
            reading.terminate()
        expect_equal(printed[-1], "Partition 0 | Offset 99 | Order: 99", "the last line printed")
        expect("orders" in there.tool("topics", "--list").split(), "orders is not in the list")


@claim("starts", "java")
def create_topic(t):
    """The guide's kafka-topics command makes user-events with 3 partitions on 3 of 3 brokers."""
    with t.cluster() as cluster:
        there = replace(t, bootstrap=cluster.bootstrap)
        there.tool("topics", "--create", "--topic", "user-events", "--partitions", 3, "--replication-factor", 3)
        described = there.tool("topics", "--describe", "--topic", "user-events")
        rows = re.findall(r"Leader: (\d)\s+Replicas: ([\d,]+)", described)
        expect_equal([sorted(r) for _, r in rows], [sorted("1,2,3")] * 3, "replicas")
        expect_equal(sorted(leader for leader, _ in rows), ["1", "2", "3"], "leaders")
