"""gregor play with real clients that are told errors, or nothing: what each was acknowledged is there, and the verdict says so."""

import time

try:
    import kafka
except ImportError:  # then these claims can be listed, not judged
    kafka = None
try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic
except ImportError:
    confluent_kafka = None

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.play import Play

CLIENTS = ("kafka-python", "confluent-kafka")
N = 150
FAULTS = {
    "steady": "note nothing happens",
    "leader-crash": "preset leader-lost, with: {lasting: 12s}",
    "lost-answer": "break {rpc: Produce, answer: true, client: shop, count: 3}",
    "held-answer": "{delay: {rpc: Produce, answer: true, client: shop}, by: 300ms..600ms, for: 2s}",
    "told-errors": "answer {rpc: Produce, client: shop, count: 3}, error: NOT_ENOUGH_REPLICAS",
    "cut-off": "{cut: [client(shop), busiest], for: 2s}",
    "twice": "repeat {rpc: Produce, client: shop, count: 5}",
}
EACH = tuple(f"{c} {f}" for c in CLIENTS for f in FAULTS)


class KafkaPython:
    def __init__(self, at, **more):
        self.p = kafka.KafkaProducer(bootstrap_servers=at, client_id="shop", linger_ms=5, request_timeout_ms=20000, **more)

    def send(self, i, told):
        sent = self.p.send("orders", key=b"k%d" % i, value=b"v%d" % i)
        sent.add_callback(lambda _: told.append(None))
        sent.add_errback(lambda e: told.append(e))

    def close(self):
        self.p.flush(timeout=LIMIT_S)
        self.p.close()


class Confluent:
    def __init__(self, at, **more):
        settings = {"bootstrap.servers": at, "client.id": "shop", "linger.ms": 5}
        settings.update({k.replace("_", "."): v for k, v in more.items()})
        self.p = confluent_kafka.Producer(settings)

    def send(self, i, told):
        self.p.produce("orders", b"v%d" % i, b"k%d" % i, on_delivery=lambda e, _: told.append(e))
        self.p.poll(0)

    def close(self):
        self.p.flush(LIMIT_S)


def work(client, play, step, **more):
    """Sends, has the step done in the middle, and returns what was told of each record."""
    told = []
    make = KafkaPython if client == "kafka-python" else Confluent
    producer = make(play.bootstrap, acks="all", enable_idempotence=True, **more)
    for i in range(N):
        producer.send(i, told)
        time.sleep(0.01)
        if i == N // 3:
            play.say(step)
    producer.close()
    return told


@claim("gregord", "kafka-python", "confluent-kafka", each=EACH, limit_s=4 * LIMIT_S)
def nothing_acknowledged_is_lost(t, name):
    """Through each fault an idempotent producer is acknowledged every record; all are there, once; the replay is the same."""
    client, fault = name.split(" ")
    with Play(t.scratch()) as play:
        told = work(client, play, FAULTS[fault])
        expect_equal(told, [None] * N, "what was told")
        report = play.end()
        expect_equal(play.said(), "", "mistakes")
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons']})")
        expect_equal(report["counts"]["acknowledged"], N, "acknowledged")
        expect_equal(report["counts"]["read"], N, "records at the end")
        story = " ".join((play.folder() / "story.txt").read_text().split())
        expect(f"shop sent {N} records and was acknowledged {N}" in story, f"the story is: {story[-800:]}")
        said = play.replay()
        expect(said.startswith("the same run"), f"the replay is another run: {said}")


@claim("gregord", "kafka-python", limit_s=4 * LIMIT_S)
def what_is_permitted_is_told(t):
    """With acks=1 all lose power: what is lost is named by client, key and offset, with what permits it."""
    with Play(t.scratch()) as play:
        producer = kafka.KafkaProducer(bootstrap_servers=play.bootstrap, client_id="shop", acks=1, enable_idempotence=False, linger_ms=5)
        sent = [producer.send("orders", key=b"k%d" % i, value=b"v%d" % i) for i in range(N)]
        for s in sent:
            s.get(timeout=LIMIT_S)
        producer.close()
        play.say("preset power-loss, with: {lasting: 1s}")
        time.sleep(15)
        report = play.end()
        expect_equal(report["counts"]["acknowledged"], N, "acknowledged")
        lost = N - report["counts"]["read"]
        story = " ".join((play.folder() / "story.txt").read_text().split())
        if lost:  # by chance of the seed
            expect("shop's record" in story and ", key " in story and "acks=1" in story, f"the story is: {story[-1500:]}")
        expect(report["verdict"] in ("pass", "fail"), f"the verdict is {report['verdict']}")


@claim("gregord", "confluent-kafka")
def records_that_are_all_the_same(t):
    """Tens of thousands of one content, without sequence numbers, are told apart by their offsets, in no more than linear time."""
    with Play(t.scratch()) as play:
        producer = confluent_kafka.Producer({"bootstrap.servers": play.bootstrap, "client.id": "shop", "linger.ms": 20})
        for _ in range(30000):
            producer.produce("orders", (1).to_bytes(8, "big"))  # as the simulator's own records look
        expect_equal(producer.flush(LIMIT_S), 0, "records that nobody acknowledged")
        report = play.end()
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons'][:1]})")
        expect_equal(report["counts"]["read"], 30000, "records at the end")


@claim("gregord", "kafka-python")
def errors_are_kafkas_own(t):
    """What no broker answers is refused, with what there is."""
    with Play(t.scratch()) as play:
        play.say("answer {rpc: Produce}, error: REBALANCE_IN_PROGRESS")
        play.say("answer {rpc: Produce}, error: DUPLICATE_SEQUENCE_NUMBER")
        play.say("preset leader-lots")
        play.end()
        said = play.said()
        for part in ("Produce is never answered REBALANCE_IN_PROGRESS", "NOT_LEADER_OR_FOLLOWER", "knows that it was done",
                     "did you mean leader-lost?"):
            expect(part in said, f"'{part}' is missing in: {said}")


@claim("gregord", "kafka-python")
def a_session_of_fetches_meets_faults_by_topic(t):
    """A consumer asks in a session, naming only what has changed: a fault that is meant for a topic meets it all the same."""
    with Play(t.scratch()) as play:
        producer = kafka.KafkaProducer(bootstrap_servers=play.bootstrap, acks="all")
        producer.send("orders", b"first").get(timeout=LIMIT_S)
        producer.send("others", b"first").get(timeout=LIMIT_S)
        app = kafka.KafkaConsumer(bootstrap_servers=play.bootstrap, client_id="app", auto_offset_reset="earliest", enable_auto_commit=False)
        app.assign([kafka.TopicPartition(topic, 0) for topic in ("orders", "others")])

        def read(seconds):
            until, got = time.time() + seconds, []
            while time.time() < until:
                got += [r.value for records in app.poll(timeout_ms=200).values() for r in records]
            return got

        expect_equal(sorted(read(3)), [b"first", b"first"], "records")
        play.say("{hold: {rpc: Fetch, topic: orders, client: app}, as: held}")
        read(1.5)  # what was asked before is answered
        producer.send("orders", b"held").get(timeout=LIMIT_S)
        expect_equal(read(2), [], "records that came through the hold")
        play.say("heal $held")
        expect_equal(read(3), [b"held"], "records")
        play.say("answer {rpc: Fetch, topic: orders, client: app, count: 2}, error: NOT_LEADER_OR_FOLLOWER")
        read(3)
        producer.send("orders", b"last").get(timeout=LIMIT_S)
        expect_equal(read(4), [b"last"], "records")
        app.close()
        producer.close()
        play.end()
        expect_equal(play.said(), "", "mistakes")
        story = " ".join((play.folder() / "story.txt").read_text().split())
        expect(story.count("is answered NOT_LEADER_OR_FOLLOWER") == 2, f"the story is: {story[-1500:]}")


ADMIN_STEPS = ("note nothing happens", "preset controller-lost, with: {lasting: 12s}", "break {rpc: CreateTopics, answer: true, client: boss, count: 1}")


@claim("gregord", "confluent-kafka", "kcat", each=tuple(str(i) for i in range(len(ADMIN_STEPS))), limit_s=4 * LIMIT_S)
def what_administrators_are_told_is_so(t, number):
    """Topics made, extended, set, deleted, records deleted: what was answered is there in the end, through the loss of the controller, too."""
    with Play(t.scratch()) as play:
        t.produce("orders", [str(i) for i in range(50)], at=play.bootstrap)
        admin = AdminClient({"bootstrap.servers": play.bootstrap, "client.id": "boss"})
        done = {}

        def ask(what, futures):
            for name, future in futures.items():
                try:
                    future.result(LIMIT_S)
                    done[what, str(name)] = True
                except confluent_kafka.KafkaException as e:
                    done[what, str(name)] = e.args[0].name()

        ask("create", admin.create_topics([NewTopic(f"made{i}", 2, 3, config={"retention.ms": "86400000"}) for i in range(3)]))
        play.say(ADMIN_STEPS[int(number)])
        time.sleep(0.3)
        ask("create", admin.create_topics([NewTopic("during", 1, 3)], operation_timeout=20, request_timeout=25))
        ask("extend", admin.create_partitions([NewPartitions("made0", 5)], operation_timeout=20, request_timeout=25))
        ask("set", admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, "made1", incremental_configs=[
            ConfigEntry("segment.bytes", "1048576", incremental_operation=AlterConfigOpType.SET)])]))
        ask("trim", admin.delete_records([confluent_kafka.TopicPartition("orders", 0, 20)]))
        ask("delete", admin.delete_topics(["made2"], operation_timeout=20, request_timeout=25))
        expect(sum(x is True for x in done.values()) >= 6, f"what was told: {done}")
        report = play.end()
        expect_equal(play.said(), "", "mistakes")
        expect_equal(report["verdict"], "pass", f"verdict ({report['reasons'][:2]})")
        expect_equal(report["counts"]["read"], 30, "records that are left")
        said = play.replay()
        expect(said.startswith("the same run"), f"the replay is another run: {said}")
