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
