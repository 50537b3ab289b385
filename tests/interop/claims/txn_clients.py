"""Clients that wrote the protocol themselves, in transactions and in groups: aiokafka, kafkajs, franz-go. The programs are in clients/."""

import subprocess

try:
    import confluent_kafka as ck
except ImportError:  # then these claims can be listed, not judged
    ck = None

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.clients import Client, program
from harness.target import eventually

from .confluent import make_topic, produce, values
from .java_clients import send
from .transactions import read_level

PARTITIONS = 6


def of_each_client(*, each=("aiokafka", "kafkajs", "franz-go"), **more):
    return claim("confluent-kafka", "clients", "go", each=each, **more)


def finish(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    expect(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr.strip()[-300:]}")


def write(t, client, topic, name, end, *words):
    finish(program(client, t.bootstrap, "write", topic, name, end, *words))


@of_each_client()
def ends(t, client):
    """What it commits is read as committed, what it aborts is not."""
    topic, name = make_topic(t, f"ends-{client}"), t.unique("txn")
    for n, end in enumerate(("commit", "abort", "commit")):
        write(t, client, topic, name, end, f"{n}-a", f"{n}-b")
    expect_equal(read_level(t, topic, "read_committed"), [b"0-a", b"0-b", b"2-a", b"2-b"], "committed values")
    expect_equal(len(read_level(t, topic, "read_uncommitted")), 6, "all values")


@of_each_client()
def killed(t, client):
    """A producer is killed in its transaction: its successor aborts that, and goes on."""
    topic, name = make_topic(t, f"killed-{client}"), t.unique("txn")
    child = subprocess.Popen(program(client, t.bootstrap, "write", topic, name, "hang", "lost-a", "lost-b"),
                             stdout=subprocess.PIPE, text=True)
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


@of_each_client()
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


@of_each_client(limit_s=10 * LIMIT_S, each=("aiokafka", "kafkajs", "franz-go", "franz-go member-848"))
def members(t, name):
    """Three members share a topic, one is killed, then all: each record is read, and who comes after them goes on where they committed."""
    client, _, word = name.partition(" ")
    topic, group = make_topic(t, f"members-{client}", PARTITIONS), t.unique("members")

    def join():
        return Client(t, client, t.bootstrap, word or "member", topic, group)

    all_of_them = [join() for _ in range(3)]
    sent = 0

    def read_on(count):
        nonlocal sent
        send(t, topic, sent, count)
        sent += count
        wanted = {(p, offset) for p in range(PARTITIONS) for offset in range(sent // PARTITIONS)}

        def done():
            return {x for m in all_of_them for x in m.said("done")}

        eventually(lambda: done() == wanted, limit_s=3 * LIMIT_S)
        expect(done() == wanted, f"{len(wanted - done())} of {sent} records are not read and committed; {[m.how() for m in all_of_them]}")

    read_on(600)
    # Now and then until each has a part of it.
    expect(eventually(lambda: read_on(60) or all({p for p, _ in m.said("got")} for m in all_of_them), limit_s=2 * LIMIT_S),
           f"partitions that they have read: {[sorted({p for p, _ in m.said('got')}) for m in all_of_them]}")
    all_of_them[0].kill()
    read_on(600)
    for m in all_of_them:
        m.kill()
    before = {x for m in all_of_them for x in m.said("done")}
    next_one = join()
    all_of_them.append(next_one)
    read_on(600)
    again = before & set(next_one.said("got"))
    expect(not again, f"{len(again)} records were committed, and read again, {sorted(again)[:3]} among them")
    next_one.kill()
    return f"{sent} records"
