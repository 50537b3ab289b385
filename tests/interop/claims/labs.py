"""The labs' programs."""

import json

from harness import paths
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import run


@claim("gregord", "starts", "streams", "confluent-kafka", limit_s=6 * LIMIT_S, each=("broker", "all"))
def pipeline(t, kill):
    """Lab X6: REST API, topic, Kafka Streams and database say the same to the cent, while a broker (and all) is killed."""
    said = run([paths.ROOT / "labs/X6-pipeline/run", "--kill", kill]).splitlines()
    expect_equal(said[-1], "PASS  what was taken was counted once", "its last line")
    return said[-3].split("s  ", 1)[1]


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
