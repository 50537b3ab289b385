"""Transactions of clients that wrote their own: aiokafka, kafkajs. The programs are in clients/."""

import os
import subprocess

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

from .confluent import make_topic, produce, values
from .transactions import read_level

CLIENTS = ("aiokafka", "kafkajs")


def program(name, *args):
    if name == "kafkajs":
        return ["node", str(paths.INTEROP / "clients/kafkajs_txn.js"), *map(str, args)]
    return [str(paths.CLIENTS_PYTHON), "-B", str(paths.INTEROP / f"clients/{name}_txn.py"), *map(str, args)]


def environment():
    return {**os.environ, "NODE_PATH": str(paths.CLIENTS / "node_modules")}


def finish(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment())
    expect(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr.strip()[-300:]}")


def write(t, client, topic, name, end, *words):
    finish(program(client, t.bootstrap, "write", topic, name, end, *words))


@claim("confluent-kafka", "clients", each=CLIENTS)
def ends(t, client):
    """What it commits is read as committed, what it aborts is not."""
    topic, name = make_topic(t, f"ends-{client}"), t.unique("txn")
    for n, end in enumerate(("commit", "abort", "commit")):
        write(t, client, topic, name, end, f"{n}-a", f"{n}-b")
    expect_equal(read_level(t, topic, "read_committed"), [b"0-a", b"0-b", b"2-a", b"2-b"], "committed values")
    expect_equal(len(read_level(t, topic, "read_uncommitted")), 6, "all values")


@claim("confluent-kafka", "clients", each=CLIENTS)
def killed(t, client):
    """A producer is killed in its transaction: its successor aborts that, and goes on."""
    topic, name = make_topic(t, f"killed-{client}"), t.unique("txn")
    child = subprocess.Popen(program(client, t.bootstrap, "write", topic, name, "hang", "lost-a", "lost-b"),
                             stdout=subprocess.PIPE, text=True, env=environment())
    try:
        expect_equal(child.stdout.readline().strip(), "ready", "its word")
    finally:
        child.kill()
        child.wait()
    produce(t, topic, [b"outside"])
    expect_equal(read_level(t, topic, "read_committed"), [], "while it hangs")
    write(t, client, topic, name, "commit", "kept-a", "kept-b")
    want = [b"outside", b"kept-a", b"kept-b"]
    eventually(lambda: read_level(t, topic, "read_committed") == want)
    expect_equal(read_level(t, topic, "read_committed"), want, "committed values")
    expect_equal(len(read_level(t, topic, "read_uncommitted")), 5, "all values")


@claim("confluent-kafka", "clients", each=CLIENTS)
def copies(t, client):
    """A loop that reads, writes and commits offsets in transactions copies each value once."""
    source, target = make_topic(t, f"from-{client}"), make_topic(t, f"to-{client}")
    group, words = t.unique("copiers"), values(40)
    produce(t, source, words)
    finish(program(client, t.bootstrap, "copy", source, target, group, t.unique("txn"), len(words)))
    expect_equal(read_level(t, target, "read_committed"), words, "copied values")
    c = ck.Consumer({"bootstrap.servers": t.bootstrap, "group.id": group})
    found = c.committed([ck.TopicPartition(source, 0)], LIMIT_S)[0].offset
    c.close()
    expect(found == len(words), f"its group is at {found}")
