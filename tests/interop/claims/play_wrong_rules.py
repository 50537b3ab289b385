"""A broker with a wrong rule is found out by what clients outside were told; with the right one all is well."""

import time

try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:  # then these claims can be listed, not judged
    confluent_kafka = None

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.play import GREGOR, Play
from harness.target import eventually

MUTANTS = paths.BUILD / "mutants" / "gregor"
N = 40


def producer(play, **more):
    settings = {"bootstrap.servers": play.bootstrap, "client.id": "shop", "linger.ms": 1}
    settings.update({k.replace("_", "."): v for k, v in more.items()})
    return confluent_kafka.Producer(settings)


def consumer(play, **more):
    settings = {"bootstrap.servers": play.bootstrap, "client.id": "app", "group.id": "readers", "enable.auto.commit": False,
                "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
    settings.update({k.replace("_", "."): v for k, v in more.items()})
    return confluent_kafka.Consumer(settings)


def send(p, text, n=N):
    for i in range(n):
        p.produce("orders", f"{text} {i}".encode(), b"k")
    expect_equal(p.flush(LIMIT_S), 0, "records that nobody acknowledged")


def read(play, n, **more):
    """Reads n records, or as many as come, from the only partition."""
    c = consumer(play, **more)
    c.assign([confluent_kafka.TopicPartition("orders", 0, 0)])
    got = []
    eventually(lambda: (got.extend(m for m in c.consume(100, 0.2) if not m.error()), len(got) >= n)[1], 10)
    c.close()
    return got


def aborted(play):
    """A transaction that is aborted between two that are committed."""
    p = producer(play, transactional_id="copy")
    p.init_transactions(LIMIT_S)
    for text in ("first", "aborted", "last"):
        p.begin_transaction()
        send(p, text)
        if text == "aborted":
            p.abort_transaction(LIMIT_S)
        else:
            p.commit_transaction(LIMIT_S)
    read(play, 2 * N)


def repeated(play):
    """The answers to an idempotent producer are lost, and it sends once more."""
    p = producer(play, enable_idempotence=True)
    send(p, "before")
    play.say("break {rpc: Produce, answer: true, client: shop, count: 2}")
    send(p, "after")


def committed(play):
    """A group's commit is looked at by the next of its members."""
    send(producer(play), "all")
    where = confluent_kafka.TopicPartition("orders", 0, N // 2)
    c = consumer(play)
    c.commit(offsets=[where], asynchronous=False)
    c.committed([confluent_kafka.TopicPartition("orders", 0)], LIMIT_S)
    c.close()


def too_early(play):
    """A record that no follower has is read; then its leader is gone, and a follower leads."""
    p = producer(play, acks=1)
    send(p, "before")
    play.say("{hold: {rpc: Fetch, listener: broker}, as: followers}")
    time.sleep(0.5)
    send(p, "early", 3)
    read(play, N + 3, isolation_level="read_uncommitted")
    play.say("crash leader(orders-0)")
    play.say("heal $followers")
    time.sleep(12)
    play.say("restart all")


def told_too_early(play):
    """A topic is made while no other controller hears of it; then the controller is gone for good."""
    admin = AdminClient({"bootstrap.servers": play.bootstrap, "client.id": "boss"})
    send(producer(play), "before", 3)
    play.say("{hold: {rpc: Fetch, listener: controller}, as: quorum}")
    time.sleep(0.5)
    for future in admin.create_topics([NewTopic("made", 1, 3)], request_timeout=1).values():
        try:
            future.result(LIMIT_S)
        except confluent_kafka.KafkaException:
            pass  # nobody said so
    play.say("crash controller")
    play.say("heal $quorum")
    time.sleep(12)
    play.say("restart all")


CASES = {"KR18": (told_too_early, "undone"), "TX22": (aborted, "failed-read"), "TX01": (repeated, "duplicate"), "commit-not-applied": (committed, "offset-went-back"),
         "consumers-read-all": (too_early, "lost")}


@claim("gregord", "confluent-kafka", "mutants", each=tuple(CASES), limit_s=4 * LIMIT_S)
def is_found_out(t, bug):
    """With the wrong rule the run fails, and names what for; without it the same passes, or is excused."""
    does, rule = CASES[bug]
    for program, options in ((GREGOR, ()), (MUTANTS, ("--bug", bug))):
        with Play(t.scratch(), *options, program=program) as play:
            does(play)
            report = play.end()
            expect_equal(play.said(), "", "mistakes")
        fired = sorted({a["rule"] for a in report["anomalies"] if not a["allowed"] and a["witness"] == "checker"})
        expect(rule in fired if options else not fired, f"{options}: fired {fired}; {report['verdict']}: {report['reasons'][:2]}")
