"""Transactions: of librdkafka, which goes by version 1, and of Kafka's own clients, which go by version 2 (KIP-890)."""

import re

try:
    import confluent_kafka as ck
    from confluent_kafka import TopicPartition
except ImportError:  # then these claims can be listed, not judged
    ck = None

from differ.broker import Broker
from differ.cases_transactions import Txn
from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.patience import Patience
from harness.target import eventually

from .confluent import make_topic, produce, reader, take, values
from .java_tools import dump


def transactional(t, name, at=None, **config):
    p = ck.Producer({"bootstrap.servers": at or t.bootstrap, "transactional.id": name,
                     "transaction.timeout.ms": 600_000, **config})  # longer than any tool takes to start
    p.init_transactions(LIMIT_S)
    return p


def transaction(p, topic, words, commit=True, partitions=1):
    """Each value is in the log before it ends."""
    p.begin_transaction()
    for i, v in enumerate(words):
        p.produce(topic, v, partition=i % partitions)
    left = p.flush(LIMIT_S)
    expect(left == 0, f"{left} records are unreported")
    (p.commit_transaction if commit else p.abort_transaction)(LIMIT_S)


def read_level(t, topic, level, partitions=1, at=None, pair=False):
    """All values (or pairs of key and value) up to each partition's end, as far as that level shows them."""
    c = reader(t, **{"isolation.level": level, "enable.partition.eof": True,
                     "bootstrap.servers": at or t.bootstrap})
    c.assign([TopicPartition(topic, i, 0) for i in range(partitions)])
    got, ends, patience = [], set(), Patience(LIMIT_S)
    while len(ends) < partitions and patience.lasts():
        m = c.poll(0.1)
        if m is not None and not m.error():
            got.append((m.key(), m.value()) if pair else m.value())
        elif m is not None and m.error().code() == ck.KafkaError._PARTITION_EOF:
            ends.add(m.partition())
    c.close()
    expect(len(ends) == partitions, f"no end of {topic} was reached")
    return got


@claim("confluent-kafka")
def commit_and_abort(t):
    """Committed readers see the committed transactions of two partitions alone, others see all."""
    topic = make_topic(t, "txn-levels", 2)
    p = transactional(t, t.unique("txn"))
    for n in range(6):
        transaction(p, topic, [b"%d-%d" % (n, i) for i in range(4)], commit=n % 2 == 0, partitions=2)
    good = sorted(b"%d-%d" % (n, i) for n in (0, 2, 4) for i in range(4))
    expect_equal(sorted(read_level(t, topic, "read_committed", 2)), good, "committed values")
    expect_equal(len(read_level(t, topic, "read_uncommitted", 2)), 24, "all values")


@claim("confluent-kafka")
def open_is_not_read(t):
    """Nothing behind the beginning of an open transaction is read as committed, until it ends."""
    topic = make_topic(t, "txn-open")
    produce(t, topic, [b"before"])
    p = transactional(t, t.unique("txn"))
    p.begin_transaction()
    p.produce(topic, b"within", partition=0)
    expect_equal(p.flush(LIMIT_S), 0, "unreported records")
    produce(t, topic, [b"after"])
    expect_equal(read_level(t, topic, "read_committed"), [b"before"], "while it is open")
    p.commit_transaction(LIMIT_S)
    whole = [b"before", b"within", b"after"]
    eventually(lambda: read_level(t, topic, "read_committed") == whole)
    expect_equal(read_level(t, topic, "read_committed"), whole, "after the commit")


@claim("confluent-kafka")
def copy_loop(t):
    """A loop that reads, writes and commits offsets in transactions, of which some abort, copies each value once."""
    source, target, group = make_topic(t, "txn-in"), make_topic(t, "txn-out"), t.unique("copiers")
    words = values(20)
    produce(t, source, words)
    p = transactional(t, t.unique("txn"))
    at, aborted = 0, set()
    while at < len(words):
        c = reader(t, group, **{"isolation.level": "read_committed"})
        c.assign([TopicPartition(source, 0, at)])
        batch = take(c, min(4, len(words) - at))
        p.begin_transaction()
        for m in batch:
            p.produce(target, m.value(), partition=0)
        p.send_offsets_to_transaction([TopicPartition(source, 0, batch[-1].offset() + 1)],
                                      c.consumer_group_metadata())
        if at % 8 == 0 and at not in aborted:
            aborted.add(at)
            p.abort_transaction(LIMIT_S)
        else:
            p.commit_transaction(LIMIT_S)
        at = max(0, c.committed([TopicPartition(source, 0)], LIMIT_S)[0].offset)
        c.close()
    expect(len(aborted) == 3, f"aborted: {aborted}")
    expect_equal(read_level(t, target, "read_committed"), words, "copied values")


@claim("confluent-kafka")
def zombie(t):
    """A second producer of the same transactional id ends the first one's transaction and fences it."""
    topic, name = make_topic(t, "txn-zombie"), t.unique("txn")
    first = transactional(t, name)
    transaction(first, topic, [b"good"])
    first.begin_transaction()
    first.produce(topic, b"cut off", partition=0)
    first.flush(LIMIT_S)
    second = transactional(t, name)
    transaction(second, topic, [b"better"])
    try:
        first.commit_transaction(LIMIT_S)
        raise AssertionError("the first could commit")
    except ck.KafkaException as e:
        expect(e.args[0].code() in (ck.KafkaError._FENCED, ck.KafkaError.PRODUCER_FENCED,
                                    ck.KafkaError.INVALID_PRODUCER_EPOCH), f"it was told {e}")
    expect_equal(read_level(t, topic, "read_committed"), [b"good", b"better"], "committed values")


@claim("starts", "confluent-kafka")
def killed_producer(t):
    """The transaction of a producer that is gone is aborted when its time is over, and readers go on."""
    node = t.node(settings={"transaction.abort.timed.out.transaction.cleanup.interval.ms": 500})
    node.start()
    node.wait()
    try:
        topic = "abandoned"
        p = transactional(t, "gone", at=node.address, **{"transaction.timeout.ms": 1000})
        p.begin_transaction()
        p.produce(topic, b"abandoned", partition=0)
        p.flush(LIMIT_S)
        q = ck.Producer({"bootstrap.servers": node.address})
        q.produce(topic, b"later", partition=0)
        q.flush(LIMIT_S)
        expect_equal(read_level(t, topic, "read_committed", at=node.address), [], "while it is open")
        freed = eventually(lambda: read_level(t, topic, "read_committed", at=node.address) == [b"later"])
        expect(freed, "it is still open")
    finally:
        node.kill()


@claim("starts", "confluent-kafka")
def open_survives_kill(t):
    """A transaction that is open when the broker is killed is committed after its start."""
    node = t.node()
    node.start()
    node.wait()
    try:
        topic = "kept-open"
        p = transactional(t, "keeper", at=node.address)
        p.begin_transaction()
        p.produce(topic, b"before", partition=0)
        p.flush(LIMIT_S)
        node.kill()
        node.start()
        node.wait()
        expect_equal(read_level(t, topic, "read_committed", at=node.address), [], "while it is open")
        p.produce(topic, b"after", partition=0)
        p.commit_transaction(LIMIT_S)
        whole = [b"before", b"after"]
        eventually(lambda: read_level(t, topic, "read_committed", at=node.address) == whole)
        expect_equal(read_level(t, topic, "read_committed", at=node.address), whole, "after the commit")
    finally:
        node.kill()


@claim("starts", "confluent-kafka")
def without_verification(t):
    """With transaction.partition.verification.enable=false transactions commit and abort as well."""
    node = t.node(settings={"transaction.partition.verification.enable": "false"})
    node.start()
    node.wait()
    try:
        p = transactional(t, "unverified", at=node.address)
        transaction(p, "unverified", [b"yes"])
        transaction(p, "unverified", [b"no"], commit=False)
        expect_equal(read_level(t, "unverified", "read_committed", at=node.address), [b"yes"], "values")
    finally:
        node.kill()


# ---- Kafka's own clients and tools ----


def row(said, head):
    """What a tool's table says in the first row, by column."""
    lines = [re.split(r"\s*\t", x.strip()) for x in said.splitlines() if x.strip()]
    at = next(i for i, x in enumerate(lines) if x[0] == head)
    return [dict(zip(lines[at], x)) for x in lines[at + 1:]]


def perf(t, topic, name, records=400):
    return t.tool("producer-perf-test", "--topic", topic, "--num-records", records, "--record-size", 50,
                  "--throughput", 400, "--transactional-id", name, "--transaction-duration-ms", 50)


@claim("java", "confluent-kafka")
def java_producer(t):
    """The Java producer commits transactions of version 2: each has an epoch of its own."""
    topic, name = make_topic(t, "txn-java"), t.unique("java-txn")
    expect("transaction.version" in t.tool("features", "describe"), "the feature is not named")
    perf(t, topic, name)
    expect_equal(len(read_level(t, topic, "read_committed")), 400, "committed records")
    said = row(t.tool("transactions", "describe", "--transactional-id", name), "CoordinatorId")[0]
    expect_equal(said["TransactionState"], "CompleteCommit", "state")
    expect(int(said["ProducerEpoch"]) > 2, f"its epoch was not raised: {said}")
    listed = {x["TransactionalId"]: x for x in row(t.tool("transactions", "list"), "TransactionalId")}
    expect_equal(listed[name]["ProducerId"], said["ProducerId"], "producer id")


@claim("java", "confluent-kafka")
def java_console(t):
    """The console consumer reads committed records alone."""
    topic = make_topic(t, "txn-console")
    p = transactional(t, t.unique("txn"))
    for n in range(4):
        transaction(p, topic, [b"%d" % n], commit=n % 2 == 0)
    said = t.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 2,
                  "--timeout-ms", 1000 * LIMIT_S, "--command-property", "isolation.level=read_committed")
    expect_equal(said.split(), ["0", "2"], "lines")


@claim("java", "confluent-kafka")
def java_abort(t):
    """kafka-transactions finds a transaction that hangs, and aborts it."""
    topic = make_topic(t, "txn-hangs")
    p = transactional(t, t.unique("txn"))
    p.begin_transaction()
    p.produce(topic, b"hangs", partition=0)
    p.flush(LIMIT_S)
    produce(t, topic, [b"behind it"])
    open_ = row(t.tool("transactions", "describe-producers", "--topic", topic, "--partition", 0), "ProducerId")
    expect_equal([x["CurrentTransactionStartOffset"] for x in open_], ["0"], "where it begins")
    expect_equal(read_level(t, topic, "read_committed"), [], "while it hangs")
    t.tool("transactions", "abort", "--topic", topic, "--partition", 0, "--start-offset", 0)
    freed = eventually(lambda: read_level(t, topic, "read_committed") == [b"behind it"])
    expect(freed, "it still hangs")


@claim("java", "files", "confluent-kafka")
def java_dump_log(t):
    """kafka-dump-log reads the markers of a partition, and the records of __transaction_state."""
    topic, name = make_topic(t, "txn-dump"), t.unique("txn")
    p = transactional(t, name)
    transaction(p, topic, [b"yes"])
    transaction(p, topic, [b"no"], commit=False)
    log = t.partition_dir(topic) / f"{0:020}.log"
    said = dump(t, "--files", log, "--print-data-log", "--deep-iteration")
    expect_equal(re.findall(r"endTxnMarker: (\w+)", said), ["COMMIT", "ABORT"], "markers")
    states = ""
    for i in range(50):
        part = t.partition_dir("__transaction_state", i) / f"{0:020}.log"
        if part.exists() and part.stat().st_size:
            states += dump(t, "--files", part, "--transaction-log-decoder")
    mine = "\n".join(x for x in states.splitlines() if f'"{name}"' in x)
    found = set(re.findall(r'"transactionStatus":(\d)', mine))
    expect_equal(found, set("012345"), "the states that it went through")


def at(node):
    return "--bootstrap-server", node.address


@claim("java", "starts", "confluent-kafka", limit_s=6 * LIMIT_S)
def java_find_hanging(t):
    """kafka-transactions finds a transaction that no coordinator knows of, by partition and by broker, and aborts it."""
    node = t.node(settings={"transaction.partition.verification.enable": "false"})
    node.start()
    node.wait()
    try:
        b = Broker(node.address, "hanging")
        topic, honest = b.topic("t", retention_ms=-1), Txn(b, "honest")
        Txn(b, "rude").write(topic, v=11)  # it has added nothing
        honest.add(topic)
        honest.write(topic, v=11)
        # The tool adds five minutes to what is said here.
        args = ("find-hanging", "--broker-id", 1, "--max-transaction-timeout", "-5")
        found = eventually(lambda: row(t.tool("transactions", *at(node), *args, connect=False), "Topic"))
        expect_equal([(x["Topic"], x["Partition"], x["StartOffset"]) for x in found], [(topic, "0", "0")], "what hangs")
        t.tool("transactions", *at(node), "abort", "--topic", topic, "--partition", 0, "--start-offset", 0, connect=False)
        honest.end(v=4)
        eventually(lambda: len(read_level(t, topic, "read_committed", at=node.address)) == 1)
        expect_equal(len(read_level(t, topic, "read_committed", at=node.address)), 1, "committed records, then")
    finally:
        node.kill()


@claim("java", "confluent-kafka", limit_s=6 * LIMIT_S)
def java_list(t):
    """kafka-transactions lists by state, producer, duration and pattern, and describes an open one."""
    topic, stem = make_topic(t, "txn-listed"), t.unique("listed")
    open_, done = transactional(t, f"{stem}-open", **{"transaction.timeout.ms": 600000}), transactional(t, f"{stem}-done")
    transaction(done, topic, [b"done"])
    open_.begin_transaction()
    open_.produce(topic, b"open", partition=0)
    open_.flush(LIMIT_S)

    def listed(*args):
        return {x["TransactionalId"]: x for x in row(t.tool("transactions", "list", *args), "TransactionalId")}

    every = listed("--transactional-id-pattern", f"{stem}-.*")
    expect_equal(sorted(every), [f"{stem}-done", f"{stem}-open"], "by pattern")
    expect_equal([every[f"{stem}-{x}"]["TransactionState"] for x in ("open", "done")], ["Ongoing", "CompleteCommit"], "states")
    expect(f"{stem}-done" not in listed("--duration-filter", 3600000), "it is listed as one that takes an hour")
    said = row(t.tool("transactions", "describe", "--transactional-id", f"{stem}-open"), "CoordinatorId")[0]
    expect(f"{topic}-0" in said.values(), f"its partitions: {said}")
    open_.abort_transaction(LIMIT_S)
