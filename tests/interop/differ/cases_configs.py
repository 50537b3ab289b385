"""DescribeConfigs, IncrementalAlterConfigs, AlterConfigs."""

from .cases import each, edges

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32


def described(b, v, what, kind, name, keys=None, **more):
    if v < 3:
        more.pop("IncludeDocumentation", None)
    return b.call(what, "DescribeConfigs", v, {"Resources": [
        {"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": keys}], **more})


@each("DescribeConfigs")
def topics(b, v):
    t = b.topic("t", retention_ms=86400000, cleanup_policy="compact,delete")
    described(b, v, "all", TOPIC, t, IncludeSynonyms=True)
    described(b, v, "some", TOPIC, t, ["retention.ms", "no.such", "segment.bytes"])
    described(b, v, "none", TOPIC, t, [])
    described(b, v, "unknown", TOPIC, b.name("none"))
    described(b, v, "a wrong name", TOPIC, "a/b")
    described(b, v, "an empty name", TOPIC, "")
    answer = b.ask("DescribeConfigs", 4, {"IncludeDocumentation": True, "Resources": [
        {"ResourceType": TOPIC, "ResourceName": t, "ConfigurationKeys": ["retention.ms"]}]})
    b.note("it has words", bool(answer["Results"][0]["Configs"][0]["Documentation"]))


@edges("DescribeConfigs")
def brokers(b, v):
    keys = ["num.partitions", "log.retention.ms", "log.retention.hours", "message.max.bytes", "advertised.listeners",
            "auto.create.topics.enable", "log.cleaner.threads", "node.id", "min.insync.replicas", "process.roles",
            "offsets.topic.replication.factor", "compression.type", "background.threads", "log.segment.bytes",
            "controller.listener.names", "ssl.keystore.password", "log.message.timestamp.type", "fetch.max.bytes"]
    answer = described(b, v, "some of a broker", BROKER, "1",
                       [k for k in keys if k != "advertised.listeners"], IncludeSynonyms=True)
    b.note("asked and got", len(answer["Results"][0]["Configs"]) if answer else None)
    described(b, v, "of all brokers", BROKER, "", IncludeSynonyms=True)
    for wrong in ("9", "x", "-1"):
        described(b, v, f"broker {wrong}", BROKER, wrong)
    described(b, v, "type 3", 3, "x")
    described(b, v, "type 0", 0, "x")
    described(b, v, "metrics", METRICS, "none")
    described(b, v, "metrics without a name", METRICS, "")
    b.call("nothing", "DescribeConfigs", v, {})


@each("DescribeConfigs", low=4)
def which(b, v):
    """The names of a broker's settings are the same."""
    answer = b.ask("DescribeConfigs", v, {"Resources": [
        {"ResourceType": BROKER, "ResourceName": "1", "ConfigurationKeys": None}]})
    rows = answer["Results"][0]["Configs"]
    b.note("a broker's settings", {c["Name"]: [c[k] for k in ("Value", "ReadOnly", "IsSensitive", "ConfigType")]
                                   for c in rows if c["ConfigSource"] == 5})


@each("IncrementalAlterConfigs")
def stepwise(b, v):
    t = b.topic("t")

    def one(what, name, op, value, *, kind=TOPIC, of=t, **more):
        b.call(what, "IncrementalAlterConfigs", v, {"Resources": [{
            "ResourceType": kind, "ResourceName": of,
            "Configs": [{"Name": name, "ConfigOperation": op, "Value": value}]}], **more})

    one("set", "retention.ms", 0, "1000")
    one("set again", "retention.ms", 0, "2000")
    one("delete", "retention.ms", 1, None)
    one("delete what is not set", "segment.ms", 1, None)
    one("append", "cleanup.policy", 2, "compact")
    one("append again", "cleanup.policy", 2, "compact")
    one("subtract", "cleanup.policy", 3, "delete")
    one("subtract what is not there", "cleanup.policy", 3, "delete")
    one("subtract the last", "cleanup.policy", 3, "compact")
    one("append to what is no list", "retention.ms", 2, "1")
    one("operation 4", "retention.ms", 4, "1")
    one("operation -1", "retention.ms", -1, "1")
    one("set to null", "retention.ms", 0, None)
    one("unknown", "no.such", 0, "1")
    one("unknown, deleted", "no.such", 1, None)
    one("wrong", "retention.ms", 0, "x")
    one("out of range", "min.insync.replicas", 0, "0")
    one("wrong word", "cleanup.policy", 0, "keep")
    one("wrong word, compression", "compression.type", 0, "brotli")
    one("wrong level", "compression.gzip.level", 0, "77")
    one("empty", "cleanup.policy", 0, "")
    one("to look only", "segment.ms", 0, "5000", ValidateOnly=True)
    one("to look only, wrong", "segment.ms", 0, "x", ValidateOnly=True)
    one("no such topic", "segment.ms", 0, "5000", of=b.name("none"))
    one("an empty topic", "segment.ms", 0, "5000", of="")
    one("type 3", "segment.ms", 0, "5000", kind=3)
    one("type 0", "segment.ms", 0, "5000", kind=0)
    one("broker 9", "log.cleaner.threads", 0, "2", kind=BROKER, of="9")
    one("broker x", "log.cleaner.threads", 0, "2", kind=BROKER, of="x")
    one("a broker's, not dynamic", "node.id", 0, "2", kind=BROKER, of="1")
    one("a broker's, unknown", "no.such", 0, "2", kind=BROKER, of="1")
    one("a broker's, wrong", "log.cleaner.threads", 0, "many", kind=BROKER, of="1")
    b.call("the same key twice", "IncrementalAlterConfigs", v, {"Resources": [{
        "ResourceType": TOPIC, "ResourceName": t, "Configs": [
            {"Name": "segment.ms", "ConfigOperation": 0, "Value": "6000"},
            {"Name": "segment.ms", "ConfigOperation": 1, "Value": None}]}]})
    row = {"ResourceType": TOPIC, "ResourceName": t, "Configs": [
        {"Name": "segment.ms", "ConfigOperation": 0, "Value": "7000"}]}
    b.call("a resource twice", "IncrementalAlterConfigs", v, {"Resources": [row, row]})
    b.call("one good, one bad", "IncrementalAlterConfigs", v, {"Resources": [
        {**row, "Configs": row["Configs"] + [{"Name": "no.such", "ConfigOperation": 0, "Value": "1"}]}]})
    b.call("nothing", "IncrementalAlterConfigs", v, {})
    b.pause()
    described(b, 4, "then", TOPIC, t, ["retention.ms", "cleanup.policy", "segment.ms", "compression.type"])


@each("IncrementalAlterConfigs", low=1)
def dynamic(b, v):
    def one(what, of, name, op, value):
        b.call(what, "IncrementalAlterConfigs", v, {"Resources": [{
            "ResourceType": BROKER, "ResourceName": of,
            "Configs": [{"Name": name, "ConfigOperation": op, "Value": value}]}]})

    for of in ("1", ""):
        one(f"set for {of!r}", of, "message.max.bytes", 0, "2000000")
        b.pause()
        described(b, 4, f"of broker 1, set for {of!r}", BROKER, "1", ["message.max.bytes"], IncludeSynonyms=True)
        described(b, 4, f"of all, set for {of!r}", BROKER, "", ["message.max.bytes"], IncludeSynonyms=True)
        t = b.topic(f"t{len(of)}")
        described(b, 4, f"of a topic, set for {of!r}", TOPIC, t, ["max.message.bytes"], IncludeSynonyms=True)
    for of in ("1", ""):
        one(f"delete for {of!r}", of, "message.max.bytes", 1, None)
    b.pause()
    described(b, 4, "deleted", BROKER, "1", ["message.max.bytes"], IncludeSynonyms=True)


@each("AlterConfigs")
def whole(b, v):
    t = b.topic("t", retention_ms=5000)

    def one(what, *rows, kind=TOPIC, of=t, **more):
        configs = [{"Name": k, "Value": x} for k, x in rows]
        b.call(what, "AlterConfigs", v, {"Resources": [{
            "ResourceType": kind, "ResourceName": of, "Configs": configs}], **more})

    one("set", ("segment.ms", "6000"))
    b.pause()
    described(b, 4, "then", TOPIC, t, ["retention.ms", "segment.ms"])
    one("unknown", ("no.such", "1"))
    one("wrong", ("segment.ms", "x"))
    one("null", ("segment.ms", None))
    one("no such topic", ("segment.ms", "1"), of=b.name("none"))
    one("to look only", ("segment.ms", "7000"), ValidateOnly=True)
    one("nothing: all are gone")
    b.pause()
    described(b, 4, "at last", TOPIC, t, ["retention.ms", "segment.ms"])


def altered(b, v, what, kind, of, *rows, **more):
    """IncrementalAlterConfigs of one resource; a row is (name, value) to set, or (name, operation, value)."""
    configs = [{"Name": row[0], "ConfigOperation": row[1] if len(row) == 3 else 0, "Value": row[-1]} for row in rows]
    b.call(what, "IncrementalAlterConfigs", v, {"Resources": [
        {"ResourceType": kind, "ResourceName": of, "Configs": configs}], **more})


@each("DescribeConfigs")
def of_groups(b, v):
    described(b, v, "of a group that is not there", GROUP, b.name("none"), IncludeSynonyms=True)
    described(b, v, "of no group", GROUP, "")
    g = b.name("g")
    altered(b, 1, "set", GROUP, g, ("consumer.session.timeout.ms", "50000"), ("share.auto.offset.reset", "earliest"))
    b.pause()
    described(b, v, "set", GROUP, g, IncludeSynonyms=True)
    described(b, v, "some, without synonyms", GROUP, g, ["consumer.session.timeout.ms", "no.such", "share.isolation.level"])
    described(b, v, "an internal one", GROUP, g, ["streams.num.warmup.replicas"])


@edges("IncrementalAlterConfigs")
def groups(b, v):
    g = b.name("g")

    def one(what, *rows, of=g, **more):
        altered(b, v, what, GROUP, of, *rows, **more)

    one("set", ("consumer.session.timeout.ms", "50000"))
    one("to no group", ("consumer.session.timeout.ms", "50000"), of="")
    one("unknown", ("no.such", "1"))
    one("unknown, deleted", ("no.such", 1, None))
    one("a topic's", ("retention.ms", "1"))
    one("no number", ("consumer.session.timeout.ms", "x"))
    one("null", ("consumer.session.timeout.ms", None))
    one("empty", ("consumer.session.timeout.ms", ""))
    one("append to a number", ("consumer.session.timeout.ms", 2, "1"))
    for name, bad in (("consumer.session.timeout.ms", (0, 44999, 60001)), ("consumer.heartbeat.interval.ms", (0, 4999, 15001)),
                      ("consumer.assignment.interval.ms", (-1, 15001)), ("share.session.timeout.ms", (44999, 60001)),
                      ("share.heartbeat.interval.ms", (4999, 15001)), ("share.record.lock.duration.ms", (14999, 60001)),
                      ("share.delivery.count.limit", (1, 11)), ("share.partition.max.record.locks", (99, 4001)),
                      ("share.assignment.interval.ms", (-1, 15001)), ("streams.session.timeout.ms", (44999, 60001)),
                      ("streams.heartbeat.interval.ms", (4999, 15001)), ("streams.num.standby.replicas", (-1, 3)),
                      ("streams.assignment.interval.ms", (-1, 15001)), ("streams.task.offset.interval.ms", (14999,)),
                      ("streams.num.warmup.replicas", (-1, 21)), ("streams.initial.rebalance.delay.ms", (-1,)),
                      ("streams.acceptable.recovery.lag", (-1,))):
        for value in bad:
            one(f"{name} {value}", (name, str(value)))
    for name, values in (("share.auto.offset.reset", ("Latest", "earliest", "none", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S",
                                                      "by_duration:-PT1H", "by_duration:", "by_duration:1h", "by_duration:PT",
                                                      "by_duration:P1W", "by_duration:PT0S", "BY_DURATION:pt1h", "")),
                         ("share.isolation.level", ("READ_COMMITTED", "read_committed", "none", "")),
                         ("share.renew.acknowledge.enable", ("false", "TRUE", "no")),
                         ("streams.assignor.name", ("sticky", "Sticky", "none", "")),
                         ("streams.rack.aware.assignment.tags", ("a,b", "a, a", "a,,b", "", " a ", "a,b,c,d,e,f")),
                         ("consumer.assignor.offload.enable", ("false", "no")),
                         ("errors.deadletterqueue.topic.name", ("dlq", "__dlq", "a/b", "", ".")),
                         ("errors.deadletterqueue.copy.record.enable", ("true", "maybe"))):
        for value in values:
            one(f"{name} {value!r}", (name, value))
    one("append", ("streams.rack.aware.assignment.tags", 2, "z"))
    one("session not over heartbeat", ("consumer.session.timeout.ms", "45000"), ("consumer.heartbeat.interval.ms", "15000"))
    one("all is taken back", *((n, 1, None) for n in ("consumer.session.timeout.ms", "share.auto.offset.reset")))
    b.pause()
    described(b, 4, "then", GROUP, g, IncludeSynonyms=True)


@edges("IncrementalAlterConfigs")
def metrics(b, v):
    m = b.name("m")

    def one(what, *rows, of=m, **more):
        altered(b, v, what, METRICS, of, *rows, **more)

    one("set", ("interval.ms", "5000"), ("metrics", "org.apache.kafka.consumer.,org.apache.kafka.producer."))
    one("to nothing", ("interval.ms", "5000"), of="")
    one("unknown", ("no.such", "1"))
    one("unknown, deleted", ("no.such", 1, None))
    for value in ("99", "100", "3600000", "3600001", "x", "-1", ""):
        one(f"interval {value!r}", ("interval.ms", value))
    for value in ("client_id=a.*", "client_software_name=java,client_software_version=11.1.*", "client_id", "no_such=a",
                  "client_id=(", "client_source_port=1,client_source_port=1", "", "client_id=a=b", "client_id=,client_id=b"):
        one(f"match {value!r}", ("match", value))
    for value in ("*", "", "a,a", "a,,b", " a ,b"):
        one(f"metrics {value!r}", ("metrics", value))
    one("append", ("metrics", 2, "z"))
    one("subtract", ("metrics", 3, "z"))
    b.pause()
    described(b, 4, "then", METRICS, m, IncludeSynonyms=True)


@each("DescribeConfigs")
def of_metrics(b, v):
    described(b, v, "that is not there", METRICS, b.name("none"), IncludeSynonyms=True)
    m = b.name("m")
    altered(b, 1, "set", METRICS, m, ("interval.ms", "5000"))
    b.pause()
    described(b, v, "set", METRICS, m, IncludeSynonyms=True)
    described(b, v, "some", METRICS, m, ["match", "no.such"])


@each("AlterConfigs", low=2)
def whole_groups(b, v):
    g, m = b.name("g"), b.name("m")

    def one(what, kind, of, *rows):
        configs = [{"Name": k, "Value": x} for k, x in rows]
        b.call(what, "AlterConfigs", v, {"Resources": [{"ResourceType": kind, "ResourceName": of, "Configs": configs}]})
        b.pause()

    one("set", GROUP, g, ("consumer.session.timeout.ms", "50000"), ("share.session.timeout.ms", "50000"))
    one("set one", GROUP, g, ("share.session.timeout.ms", "51000"))
    described(b, 4, "then", GROUP, g, ["consumer.session.timeout.ms", "share.session.timeout.ms"])
    one("wrong", GROUP, g, ("share.session.timeout.ms", "1"))
    one("unknown", GROUP, g, ("no.such", "1"))
    one("of metrics, set", METRICS, m, ("interval.ms", "1000"), ("metrics", "a"))
    one("of metrics, set one", METRICS, m, ("interval.ms", "2000"))
    described(b, 4, "of metrics, then", METRICS, m)
    one("of metrics, nothing", METRICS, m)
    described(b, 4, "of metrics, nothing", METRICS, m)


@each("ListConfigResources")
def listed(b, v):
    g, m = b.name("g"), b.name("m")
    t = b.topic("t")

    def mine(what, kinds):
        answer = b.ask("ListConfigResources", v, {} if v == 0 else {"ResourceTypes": kinds})
        if answer is None:
            b.note(what, "closed")
            return
        found = sorted((r.get("ResourceType", METRICS), r["ResourceName"]) for r in answer["ConfigResources"])
        own = [(k, n.removeprefix(b.name(""))) for k, n in found
               if n.startswith(b.name("")) or k in (BROKER, LOGGER)]
        b.note(f"ListConfigResources v{v}, {what}", [answer["ErrorCode"], [[k, n] for k, n in own]])

    mine("before", [METRICS, GROUP])
    altered(b, 1, "a group's", GROUP, g, ("consumer.session.timeout.ms", "50000"))
    altered(b, 1, "of metrics", METRICS, m, ("interval.ms", "5000"))
    altered(b, 1, "a topic's", TOPIC, t, ("retention.ms", "5000"))
    b.pause()
    mine("all", [])
    for kind in (TOPIC, BROKER, LOGGER, METRICS, GROUP):
        mine(f"type {kind}", [kind])
    mine("two types", [GROUP, METRICS])
    for kind in (0, 1, 3, -1):
        mine(f"type {kind}", [kind])
    mine("one good, one bad", [GROUP, 3])
    altered(b, 1, "taken back", GROUP, g, ("consumer.session.timeout.ms", 1, None))
    b.pause()
    mine("taken back", [GROUP])
