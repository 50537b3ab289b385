"""Kafka's own command-line tools: the newest Java client, and the tools that read log directories."""

import json
import re

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually


def make_topic(t, stem, partitions=1, *config):
    topic = t.unique(stem)
    options = [x for c in config for x in ("--config", c)]
    t.tool("topics", "--create", "--topic", topic, "--partitions", partitions,
           "--replication-factor", 1, *options)
    return topic


def type_in(t, topic, text, *args):
    """What the console producer sends when this is typed."""
    t.tool("console-producer", "--topic", topic, *args, input=text)


def read_out(t, topic, n, *args):
    """The first n lines that the console consumer prints."""
    return t.tool("console-consumer", "--topic", topic, "--max-messages", n,
                  "--timeout-ms", 1000 * LIMIT_S, *args).splitlines()


@claim("java")
def topics(t):
    """kafka-topics creates, lists, describes and deletes a topic."""
    topic = make_topic(t, "java-topic", 3, "retention.ms=3600000")
    expect(topic in t.tool("topics", "--list").split(), "it is not in the list")
    described = t.tool("topics", "--describe", "--topic", topic)
    head = described.splitlines()[0]
    for part in (f"Topic: {topic}", "PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=3600000"):
        expect(part in head, f'"{part}" is missing in: {head}')
    expect(re.search(r"TopicId: [\w-]{22}\b", head), f"no topic id in: {head}")
    rows = re.findall(r"Partition: (\d+)\s+Leader: (\d+)\s+Replicas: (\d+)\s+Isr: (\d+)", described)
    expect_equal([r[0] for r in rows], ["0", "1", "2"], "partitions described")
    expect(all(len(set(r[1:])) == 1 for r in rows), f"leader, replicas and ISR differ: {rows}")
    t.tool("topics", "--delete", "--topic", topic)
    gone = eventually(lambda: topic not in t.tool("topics", "--list").split())
    expect(gone, "it is still in the list")


@claim("java")
def topics_refuses(t):
    """kafka-topics reports a topic that exists and a replication factor that cannot be."""
    topic = make_topic(t, "java-twice")
    again = t.tool("topics", "--create", "--topic", topic, status=1, errors=True)
    expect("already exists" in again, f"a second creation: {again[:200]}")
    many = t.tool("topics", "--create", "--topic", topic + "-x", "--replication-factor", 5,
                  status=1, errors=True)
    expect("eplication factor" in many, f"replication factor 5: {many[:200]}")


@claim("java")
def console_partition(t):
    """The console producer's lines come out of the console consumer, by partition and without group."""
    topic = make_topic(t, "java-console")
    type_in(t, topic, "one\ntwo\nthree\n")
    expect_equal(read_out(t, topic, 3, "--partition", 0, "--offset", "earliest"),
                 ["one", "two", "three"], "lines")
    expect_equal(read_out(t, topic, 1, "--partition", 0, "--offset", 2), ["three"], "from offset 2")


@claim("java")
def console_group(t):
    """The console consumer reads with a group and its next run goes on behind."""
    topic, group = make_topic(t, "java-group"), t.unique("java-group")
    type_in(t, topic, "one\ntwo\n")
    args = ("--group", group, "--from-beginning")
    expect_equal(read_out(t, topic, 2, *args), ["one", "two"], "first run")
    type_in(t, topic, "three\n")
    expect_equal(read_out(t, topic, 1, *args), ["three"], "second run")


@claim("java", each=("none", "gzip", "snappy", "lz4", "zstd"))
def codec(t, name):
    """The console producer's compressed records come back, with key, headers and null value."""
    topic = t.unique(f"java-{name}")
    type_in(t, topic, "a=1\tkey\tvalue\nb=2\tkey2\tNIL\n", "--compression-codec", name,
            "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
            "--reader-property", "headers.separator=;", "--reader-property", "headers.key.separator==",
            "--reader-property", "null.marker=NIL")
    got = read_out(t, topic, 2, "--from-beginning", "--formatter-property", "print.key=true",
                   "--formatter-property", "print.headers=true",
                   "--formatter-property", "print.offset=true")
    expect_equal(got, ["Offset:0\ta:1\tkey\tvalue", "Offset:1\tb:2\tkey2\tnull"],
                 "lines")


@claim("java", "kcat")
def get_offsets(t):
    """kafka-get-offsets gives the end, the beginning and the record with the highest timestamp."""
    topic = t.unique("java-offsets")
    t.produce(topic, ["a", "b", "c"])

    def at(when):
        return t.tool("get-offsets", "--topic", topic, "--time", when).strip()

    expect_equal(at(-1), f"{topic}:0:3", "end")
    expect_equal(at(-2), f"{topic}:0:0", "beginning")
    highest = int(at(-3).rpartition(":")[2])
    expect(0 <= highest <= 2, f"the highest timestamp is at offset {highest}")


@claim("java")
def configs(t):
    """kafka-configs --describe shows a topic's own setting, and all of topic and broker with defaults."""
    topic = make_topic(t, "java-config", 1, "cleanup.policy=compact")
    own = t.tool("configs", "--describe", "--entity-type", "topics", "--entity-name", topic)
    expect("cleanup.policy=compact" in own, f"it is missing in: {own}")
    every = t.tool("configs", "--describe", "--all", "--entity-type", "topics", "--entity-name", topic)
    for setting in ("cleanup.policy=compact", "segment.bytes=1073741824", "retention.ms=604800000"):
        expect(setting in every, f'"{setting}" is missing among all settings of the topic')
    broker = t.tool("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", 1)
    for setting in ("node.id=1", "num.partitions=", "offsets.topic.replication.factor=1"):
        expect(setting in broker, f'"{setting}" is missing among the settings of the broker')


@claim("java")
def group_configs(t):
    """kafka-configs sets, shows and takes back what a group has of its own; what its broker does not allow is refused."""
    group = t.unique("java-group")
    entity = ("--entity-type", "groups", "--entity-name", group)

    def alter(*how, **more):
        return t.tool("configs", "--alter", *entity, *how, **more)

    def own():
        return t.tool("configs", "--describe", *entity)

    alter("--add-config", "consumer.session.timeout.ms=50000,consumer.heartbeat.interval.ms=6000")
    eventually(lambda: "consumer.session.timeout.ms=50000" in own())
    every = t.tool("configs", "--describe", "--all", *entity)
    for part in ("DYNAMIC_GROUP_CONFIG:consumer.heartbeat.interval.ms=6000", "share.auto.offset.reset=latest",
                 "DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000", "streams.num.standby.replicas=0"):
        expect(part in every, f'"{part}" is missing in: {every}')
    for wrong in ("consumer.session.timeout.ms=1", "share.delivery.count.limit=99", "no.such=1"):
        said = alter("--add-config", wrong, status=None, errors=True)
        expect("InvalidConfigurationException" in said, f"{wrong} was not refused: {said}")
    listed = t.tool("configs", "--describe", "--entity-type", "groups")
    expect(group in listed, f"{group} is missing in: {listed}")
    alter("--delete-config", "consumer.session.timeout.ms,consumer.heartbeat.interval.ms")
    eventually(lambda: "consumer.session.timeout.ms=" not in own())


@claim("java")
def client_metrics(t):
    """kafka-client-metrics makes, shows, lists and deletes a subscription, though no client is asked for its metrics."""
    name = t.unique("java-metrics")
    t.tool("client-metrics", "--alter", "--name", name, "--interval", 5000, "--match", "client_id=a.*",
           "--metrics", "org.apache.kafka.consumer.")
    shown = eventually(lambda: t.tool("client-metrics", "--describe", "--name", name))
    for part in ("interval.ms=5000", "match=client_id=a.*", "metrics=org.apache.kafka.consumer."):
        expect(part in shown, f'"{part}" is missing in: {shown}')
    expect(name in t.tool("client-metrics", "--list"), "it is not listed")
    by_configs = t.tool("configs", "--describe", "--entity-type", "client-metrics", "--entity-name", name)
    expect("interval.ms=5000" in by_configs, f"kafka-configs shows: {by_configs}")
    t.tool("client-metrics", "--delete", "--name", name)
    eventually(lambda: name not in t.tool("client-metrics", "--list"))


@claim("java")
def metadata_quorum(t):
    """kafka-metadata-quorum describes the quorum's status and replication."""
    status = t.tool("metadata-quorum", "describe", "--status")
    for part in (r"ClusterId: +\S+", r"LeaderId: +1\b", r"LeaderEpoch: +[1-9]", r"HighWatermark: +[1-9]",
                 r"CurrentVoters: +\[.*1", r"MaxFollowerLag: +0\b"):
        expect(re.search(part, status), f'"{part}" is missing in: {status}')
    rows = t.tool("metadata-quorum", "describe", "--replication").splitlines()
    expect(rows[0].startswith("NodeId"), f"the head is: {rows[0]}")
    expect(re.match(r"1\s.*Leader\s*$", rows[1]), f"the leader's row is: {rows[1]}")


@claim("java")
def consumer_groups(t):
    """kafka-consumer-groups lists a group and describes its offsets, lag and state."""
    topic, group = make_topic(t, "java-groups"), t.unique("java-lag")
    type_in(t, topic, "one\ntwo\nthree\n")
    read_out(t, topic, 2, "--group", group, "--from-beginning")
    expect(group in t.tool("consumer-groups", "--list").split(), "it is not in the list")
    described = t.tool("consumer-groups", "--describe", "--group", group)
    row = next((x.split() for x in described.splitlines() if x.startswith(group)), [])
    expect_equal(row[:6], [group, topic, "0", "2", "3", "1"], "group, topic, partition, offset, end, lag")
    state = t.tool("consumer-groups", "--describe", "--group", group, "--state")
    expect("Empty" in state, f"the state is not Empty: {state}")


@claim("java", "kcat", limit_s=120)
def consumer_groups_change(t):
    """kafka-consumer-groups sets a group's offsets back, deletes them, and deletes the group."""
    topic, group = t.unique("java-reset"), t.unique("java-reset")
    member = ("-G", group, "-q", "-X", "auto.offset.reset=earliest", "-c", 2, topic)
    t.produce(topic, ["one", "two", "three"])
    expect_equal(t.kcat(*member).split(), ["one", "two"], "what was read at first")
    there = ("--group", group, "--topic", topic)
    back = t.tool("consumer-groups", "--reset-offsets", "--to-offset", 1, "--execute", *there)
    expect(re.search(rf"^{group}\s+{topic}\s+0\s+1\s*$", back, re.M), f"it printed: {back}")
    expect_equal(t.kcat(*member).split(), ["two", "three"], "what was read from there")
    gone = t.tool("consumer-groups", "--delete-offsets", *there)
    expect(re.search(rf"^{topic}\s+0\s+Successful", gone, re.M), f"it printed: {gone}")
    said = t.tool("consumer-groups", "--delete", "--group", group)
    expect("was successful" in said, f"it printed: {said}")


def new_consumer(t, group, *subscription, n=1, more=()):
    """What a consumer of KIP-848 reads."""
    return t.tool("console-consumer", "--group", group, *subscription, "--timeout-ms", 1000 * LIMIT_S, "--max-messages", n,
                  "--command-property", "group.protocol=consumer", *more,
                  "--command-property", "auto.offset.reset=earliest")


@claim("java", limit_s=90)
def consumer_protocol(t):
    """A consumer of the new protocol reads, commits, goes on where it was; the tool describes and deletes its group."""
    topic, group = make_topic(t, "java-848"), t.unique("java-848")
    type_in(t, topic, "one\ntwo\n")
    expect_equal(new_consumer(t, group, "--topic", topic, n=2).split(), ["one", "two"], "read")
    type_in(t, topic, "three\n")
    expect_equal(new_consumer(t, group, "--topic", topic).split(), ["three"], "read then")
    listed = t.tool("consumer-groups", "--list", "--type", "consumer")
    expect(group in listed.split(), f"the list has: {listed}")
    expect(group not in t.tool("consumer-groups", "--list", "--type", "classic").split(), "it is listed as classic")
    said = t.tool("consumer-groups", "--describe", "--group", group, "--state", errors=True)
    expect(re.search(rf"{group}\s.*uniform\s+Empty\s+0", said), f"it printed: {said}")
    offsets = t.tool("consumer-groups", "--describe", "--group", group, errors=True)
    expect(re.search(rf"{group}\s+{topic}\s+0\s+3\s+3\s+0", offsets), f"it printed: {offsets}")
    said = t.tool("consumer-groups", "--delete", "--group", group)
    expect("was successful" in said, f"it printed: {said}")


@claim("java", limit_s=90)
def consumer_protocol_regex(t):
    """A consumer of the new protocol subscribes by a regular expression, and a malformed one is refused."""
    stem = t.unique("java-re")
    for name in (f"{stem}-a", f"{stem}-b"):
        t.tool("topics", "--create", "--topic", name, "--partitions", 1)
        type_in(t, name, f"{name}\n")
    found = new_consumer(t, t.unique("java-re"), "--include", f"{stem}-(a|b)", n=2).split()
    expect_equal(sorted(found), [f"{stem}-a", f"{stem}-b"], "read")


@claim("java")
def broker_api_versions(t):
    """kafka-broker-api-versions gets the ranges of every API that the tools use."""
    said = t.tool("broker-api-versions")
    expect(f"{t.bootstrap} (id: 1" in said, f"the broker is missing in: {said[:200]}")
    for api in ("Produce(0)", "Fetch(1)", "ListOffsets(2)", "Metadata(3)", "CreateTopics(19)"):
        row = next((x for x in said.splitlines() if api in x), "(missing)")
        expect("usable:" in row, f"{api} is not usable: {row}")


@claim("java")
def cluster_id(t):
    """kafka-cluster prints the cluster id."""
    said = t.tool("cluster", "cluster-id", "--bootstrap-server", t.bootstrap, connect=False)
    expect(re.search(r"Cluster ID: [\w-]{22}\b", said), f"it printed: {said}")


def dump(t, *args):
    """What kafka-dump-log prints about a file; it must find nothing wrong."""
    said = t.tool("dump-log", *args, connect=False, errors=True)
    for trouble in ("Mismatches", "Exception", "isvalid: false", "not sane", "Found "):
        expect(trouble not in said, f"dump-log found: {said[-300:]}")
    return said


@claim("java", "files", "kcat")
def dump_log_segment(t):
    """kafka-dump-log reads a segment: batches are valid, records are those that were sent."""
    topic = t.unique("java-dump")
    t.produce(topic, [f"k{i}:v{i}" for i in range(10)], "-K", ":", "-z", "zstd")
    segment = next(t.partition_dir(topic).glob("*.log"))
    said = dump(t, "--deep-iteration", "--print-data-log", "--files", segment)
    expect_equal(re.findall(r"payload: (\S+)", said), [f"v{i}" for i in range(10)], "payloads")
    expect_equal(re.findall(r"\bkey: (\S+)", said), [f"k{i}" for i in range(10)], "keys")
    expect("compresscodec: zstd" in said, "the codec is missing")
    expect("lastOffset: 9" in said and "isvalid: true" in said, f"the batches are odd: {said[:300]}")


@claim("java", "starts", "kcat")
def dump_log_index(t):
    """kafka-dump-log finds a closed log's offset index and time index in order with its log."""
    node = t.node()
    node.start()
    node.wait()
    try:
        topic = t.unique("java-index")
        for i in range(4):
            t.produce(topic, [f"{j:01000}" for j in range(40)], "-X", "batch.num.messages=5", at=node.address)
        node.stop()
        folder = node.log_dir / f"{topic}-0"
        entries = dump(t, "--files", next(folder.glob("*.index")))
        expect(len(re.findall(r"^offset: \d+ position: \d+", entries, re.M)) >= 5, f"too few entries: {entries}")
        dump(t, "--index-sanity-check", "--files", next(folder.glob("*.index")))
        stamps = dump(t, "--files", next(folder.glob("*.timeindex")))
        expect("timestamp:" in stamps, f"no time index entries: {stamps}")
    finally:
        node.kill()


@claim("java", "files")
def dump_log_metadata(t):
    """kafka-dump-log decodes the metadata log: every record by its name, a topic's creation among them."""
    topic = make_topic(t, "java-metadata", 2)
    folder = t.partition_dir("__cluster_metadata")
    said = dump(t, "--cluster-metadata-decoder", "--files", next(folder.glob("*.log")))
    for record in ("REGISTER_BROKER_RECORD", "FEATURE_LEVEL_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"):
        expect(f'"type":"{record}"' in said, f"no {record}")
    expect(f'"name":"{topic}"' in said, "the topic's record is missing")
    expect("LeaderChange" in said, "no leader change message")
    expect("error" not in said.lower(), "a record could not be decoded")
    for checkpoint in folder.glob("*.checkpoint"):
        dump(t, "--cluster-metadata-decoder", "--files", checkpoint)


@claim("java", "files", "kcat")
def dump_log_offsets(t):
    """kafka-dump-log decodes __consumer_offsets: a group's commit is there."""
    topic, group = t.unique("java-commits"), t.unique("java-commits")
    t.produce(topic, ["a", "b"])
    t.kcat("-G", group, "-q", "-X", "auto.offset.reset=earliest", "-c", 2, topic)
    folders = t.partition_dir("__consumer_offsets").parent.glob("__consumer_offsets-*")
    logs = [f for d in folders for f in d.glob("*.log") if f.stat().st_size]
    said = dump(t, "--offsets-decoder", "--files", ",".join(map(str, logs)))
    rows = [x for x in said.splitlines() if f'"group":"{group}","topic":"{topic}"' in x]
    expect(any('"offset":2,' in x for x in rows), f"the commit of offset 2 is missing: {rows}")


@claim("java")
def acls(t):
    """kafka-acls is told that there is no authorizer, not that the request is unknown."""
    for asked in (["--list"], ["--add", "--allow-principal", "User:a", "--operation", "Read", "--topic", "t"]):
        said = t.tool("acls", *asked, status=None, errors=True)
        expect("SecurityDisabledException: No Authorizer is configured" in said, f"{asked[0]} printed: {said[-300:]}")


@claim("java")
def reassign_to_where_it_is(t):
    """kafka-reassign-partitions takes a plan that leaves a partition where it is, and says that it is done."""
    topic = make_topic(t, "java-stays")
    plan = t.scratch() / "plan.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "replicas": [1]}]}))
    done = t.tool("reassign-partitions", "--execute", "--reassignment-json-file", plan, errors=True)
    expect("Successfully started" in done, f"--execute printed: {done[-300:]}")
    done = t.tool("reassign-partitions", "--verify", "--reassignment-json-file", plan, errors=True)
    expect("is completed" in done, f"--verify printed: {done[-300:]}")
