"""The labs' programs."""

import json
import re

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.node import java
from harness.target import run


def as_kept(lab, said):
    """The lab's questions are answered from what its program said once; it says the same now, but for times and numbers that differ."""
    kept = (paths.ROOT / "labs" / lab / "measured.txt").read_text()
    plain = [{re.sub(r"\d+", "#", re.sub(r"^ *[\d.]+ s  ", "", line)) for line in text.splitlines()} for text in (kept, said)]
    expect_equal(plain[0] ^ plain[1], set(), f"lines that {lab}/measured.txt has and the program has not said, or the other way round")


@claim("gregord", "starts", "streams", "confluent-kafka", limit_s=6 * LIMIT_S, each=("broker", "all", "api"))
def pipeline(t, kill):
    """Lab X6: REST API, topic, Kafka Streams and database say the same to the cent, while a broker (or all, or the API) is killed."""
    said = run([paths.ROOT / "labs/X6-pipeline/run", "--kill", kill])
    expect_equal(said.splitlines()[-1], "PASS  what was taken was counted once", "its last line")
    if kill == "all":
        as_kept("X6-pipeline", said)
    return said.splitlines()[-4].split("s  ", 1)[1]


@claim("gregord", "starts", "streams", "confluent-kafka", limit_s=6 * LIMIT_S)
def hasty_api(t):
    """Lab X6: an API that answers before it knows has lost orders that it took when it is killed, and the lab says how many."""
    lab, own = paths.ROOT / "labs/X6-pipeline", t.scratch()
    for name in ("api.py", "Totals.java", "store.py"):
        text = (lab / "student" / name).read_text()
        if name == "api.py":
            waits = text[text.index("        error, message = self.put"):text.index("    def put(")]
            text = text.replace(waits, '        self.producer.produce("orders", json.dumps(order), order["user_id"])\n        return self.answer(202)\n\n')
        (own / name).write_text(text)
    said = run([lab / "run", "--kill", "api", "--from", own], status=1)
    lost = re.search(r"twice; (\d+) that were taken are not there", said)
    expect(lost and int(lost[1]) > 0, f"it does not say that orders are lost, but: {said[-400:]}")
    return f"{lost[1]} lost"


@claim("kcat")
def batching(t):
    """Lab 2: the two lines of kcat, one record in each request and many, both bring 20,000 records."""
    numbers = t.scratch() / "numbers"
    numbers.write_text("".join(f"{i}\n" for i in range(1, 20001)))
    for topic, settings in (("lab-one", ("batch.num.messages=1", "linger.ms=0", "max.in.flight=5")), ("lab-many", ("linger.ms=5",))):
        t.kcat("-P", "-t", topic, *(x for s in settings for x in ("-X", s)), "-l", str(numbers))
        expect_equal(sorted(map(int, t.consume(topic))), list(range(1, 20001)), f"records of {topic}")


@claim("gregord", "starts", "kcat")
def partitioners(t):
    """Lab 12: the same forty keys, hashed as librdkafka and as the Java client do it, mostly go elsewhere."""
    keys = t.scratch() / "keys"
    keys.write_text("".join(f"user_{i}:x\n" for i in range(1, 41)))
    node, places = t.node(), []
    node.overrides = {**node.settings(), "num.partitions": 3}
    node.start()
    try:
        node.wait()
        for topic, settings in (("as-c", ()), ("as-java", ("-X", "partitioner=murmur2_random"))):
            t.kcat("-P", "-t", topic, "-K:", *settings, "-l", str(keys), at=node.address)
            places.append(set(t.consume(topic, "-f", r"%k %p\n", at=node.address)))
    finally:
        node.kill()
    expect_equal([len(p) for p in places], [40, 40], "keys")
    expect(len(places[0] - places[1]) >= 15, "the two clients agree")


@claim("gregord", "starts", "queues", "confluent-kafka", limit_s=10 * LIMIT_S)
def queues(t):
    """Lab 18: a log, a queue and two streams take the same load; who forgets what was read, who keeps the order, what a limit leaves."""
    n = 10000
    rows = {r["system"]: r for r in json.loads(run([paths.ROOT / "labs/18-queues/compare", "--messages", str(n), "--json"]))}
    log, queue, stream, redis = (rows[x] for x in ("gregord, a topic", "RabbitMQ, a queue", "RabbitMQ, a stream", "Redis, a stream"))
    expect_equal([r["again"] for r in (log, queue, stream, redis)], [n, 0, n, n], "what a second reader gets")
    expect_equal(log["overtaken"], 0, "records of a key that a log gave out of order")
    expect(queue["overtaken"] > 0 and redis["overtaken"] > 0, "a queue and a group of Redis' keep the order of keys for two workers")
    expect_equal(stream["finished"], 2 * log["finished"], "what two readers of a RabbitMQ stream get, beside two of a group")
    expect_equal((queue["limit"], redis["limit"]), (1000, 1000), "what a limit of 1000 leaves")
    expect(0 < log["limit"] < n and 0 < stream["limit"] < n, "a limit by bytes deletes whole segments, and not all")
    expect_equal([r["killed"] for r in (log, queue, stream, redis)], [n] * 4, "what is there after kill -9")
    return ", ".join(f"{r['system']}: {r['written']:.0f}/s" for r in rows.values())


@claim("gregord", "starts", "streams", "confluent-kafka", limit_s=6 * LIMIT_S)
def streams(t):
    """Lab 19: two topics appear by themselves; nobody counts while the program is dead; another one has the counts from the changelog."""
    said = run([paths.ROOT / "labs/19-streams/run"])
    expect_equal(said.splitlines()[-1], "PASS  each order is counted once", "its last line")
    made = [x.split(": ", 1)[1] for x in said.splitlines() if "a topic that nobody made" in x]
    expect_equal(made, ["counting-orders-per-user-changelog, 2 partitions", "counting-orders-per-user-repartition, 2 partitions"],
                 "topics that nobody made")
    expect("after five seconds 2000 are counted" in said, "somebody counts while the program is dead")
    expect("records from counting-orders-per-user-changelog" in said, "nothing was read from the changelog")
    as_kept("19-streams", said)


@claim("gregord", "starts", "connect", "confluent-kafka", limit_s=8 * LIMIT_S)
def connect(t):
    """Lab 21: a sink whose worker is killed before it commits writes everything twice; a failed task stays failed, also when restarted."""
    said = run([paths.ROOT / "labs/21-connect/run"])
    for words in ("1000 lines are there twice, 0 are missing", "fifteen seconds later it is FAILED, and the connector itself is RUNNING",
                  "restarted by hand: it reads the same record, and is FAILED again", "it goes on: 1, 2, 4"):
        expect(words in said, f"it does not say \"{words}\" but: {said[-300:]}")
    as_kept("21-connect", said)


@claim("gregord", "starts", "confluent-kafka", limit_s=6 * LIMIT_S, each=("handed-out", "by-key", "by-offset"))
def own_sink(t, which):
    """Lab 21: the sink that is handed out writes rows twice; the solutions do not, by a key or by an offset in the database."""
    lab, handed_out = paths.ROOT / "labs/21-connect", which == "handed-out"
    file = {"handed-out": "student/sink.py", "by-key": "solution/sink.py", "by-offset": "solution/sink-by-offset.py"}[which]
    said = run([lab / "run", "--sink", lab / file], status=1 if handed_out else 0).splitlines()[-1]
    expect_equal(said, f"{'FAIL' if handed_out else 'PASS'}  of 2000 orders {200 if handed_out else 0} are in the table twice, 0 are missing", "its last line")


@claim("gregord", "starts", "registry", "confluent-kafka", limit_s=6 * LIMIT_S)
def schemas(t):
    """Lab 22: the bytes of a record are those that the lab's page reads; BACKWARD lets through what breaks old consumers; a plain producer is asked by nobody."""
    said = run([paths.ROOT / "labs/22-schemas/run"])
    expect_equal(said.splitlines()[-1], "PASS  the registry protects those who ask it", "its last line")
    expect("00 00000001 02 0c 75 73 65 72 5f 31 00 00 00 00 00 00 d0 3f" in said, f"other bytes: {said[:400]}")
    expect("  5 bytes stand before its fields" in said and "the broker refuses 0" in said, f"it says otherwise: {said[-600:]}")
    as_kept("22-schemas", said)


@claim("gregord", "starts", "registry", "confluent-kafka", limit_s=6 * LIMIT_S, each=("student", "solution"))
def truth_table(t, whose):
    """Lab 22: the twelve rows of the solution's table are what the registry says; those that are handed out are open."""
    file = paths.ROOT / f"labs/22-schemas/{whose}/table.txt"
    said = run([paths.ROOT / "labs/22-schemas/run", "--table", file], status=0 if whose == "solution" else 1).splitlines()
    expect_equal(said[-1], f"{12 if whose == 'solution' else 0} of 12 rows hold, as the registry says itself", "its last line")
GUIDE_SETTINGS = """node.id=1
process.roles=broker,controller
listeners=PLAINTEXT://0.0.0.0:{0},CONTROLLER://0.0.0.0:{1}
advertised.listeners=PLAINTEXT://localhost:{0}
controller.quorum.voters=1@localhost:{1}
offsets.topic.replication.factor=1
log.dirs={2}
"""


@claim("java", "starts")
def compose_settings(t):
    """Lab 13: Kafka itself takes the guide's settings only with controller.listener.names."""
    file, node = t.scratch() / "server.properties", t.node()
    text = GUIDE_SETTINGS.format(node.port, node.controller_port, t.scratch() / "data")
    format_it = [str(x) for x in java(paths.BROKER_JARS, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", file)]
    file.write_text(text)
    said = run(format_it, status=None, errors=True)
    expect('Missing required configuration "controller.listener.names"' in said, f"it says {said[-300:]!r}")
    file.write_text(text + "controller.listener.names=CONTROLLER\n")
    run(format_it)


@claim("gregord", "starts", "connect", "confluent-kafka", limit_s=8 * LIMIT_S)
def two_clusters(t):
    """Lab X2: MirrorMaker brings records and a group's position to the other cluster, at other offsets; in both directions nothing goes round."""
    said = run([paths.ROOT / "labs/X2-mirror/run"])
    expect_equal(said.splitlines()[-1], "PASS  records and a group's position came; none goes round", "its last line")
    as_kept("X2-mirror", said)
