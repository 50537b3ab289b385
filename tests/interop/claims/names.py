"""Names that are not UTF-8: one client sends them, and every other must live with them."""

import subprocess

try:
    import confluent_kafka as ck
    import kafka
except ImportError:  # then these claims can be listed, not judged
    ck = kafka = None

from harness.claim import LIMIT_S, claim, expect, expect_equal
from harness.target import eventually

from . import confluent

BAD = b"caf\xe9"          # Latin-1
GOOD = "caf\N{REPLACEMENT CHARACTER}"


def member_of(t, group):
    """kcat as a member of a group, with a client.id of the same kind; it runs until it is ended."""
    topic = t.unique("not-utf8")
    t.produce(topic, ["x"])
    return subprocess.Popen(
        [b"kcat", b"-b", t.bootstrap.encode(), b"-X", b"client.id=" + BAD, b"-G", group, topic.encode()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def with_member(t, judge):
    """judge(group's name as it is shown), while such a member is in."""
    stem = t.unique("g") + "-"
    shown = stem + GOOD
    process = member_of(t, stem.encode() + BAD)
    try:
        a = confluent.admin(t)

        def is_in():
            try:
                found = a.describe_consumer_groups([shown])[shown].result(LIMIT_S)
            except ck.KafkaException:  # no coordinator yet
                return False
            return found.state == ck.ConsumerGroupState.STABLE and len(found.members) == 1

        expect(eventually(is_in, limit_s=30), "the group is not there under the name that Kafka gives it")
        judge(shown)
    finally:
        process.terminate()
        process.wait()


@claim("kcat", "confluent-kafka")
def confluent_kafka(t):
    """confluent-kafka lists and describes a group and a client whose names are not UTF-8."""

    def judge(group):
        a = confluent.admin(t)
        listed = [g.group_id for g in a.list_consumer_groups().result(LIMIT_S).valid]
        expect(group in listed, f"{group} is not among {listed}")
        found = a.describe_consumer_groups([group])[group].result(LIMIT_S)
        expect_equal([m.client_id for m in found.members], [GOOD], "client ids")

    with_member(t, judge)


@claim("kcat", "kafka-python", "confluent-kafka")
def kafka_python(t):
    """kafka-python lists and describes a group and a client whose names are not UTF-8."""

    def judge(group):
        a = kafka.KafkaAdminClient(bootstrap_servers=t.bootstrap)
        try:
            text = str(a.list_groups() if hasattr(a, "list_groups") else a.list_consumer_groups())
            expect(group in text, f"{group} is not in {text}")
            described = str(a.describe_groups([group]) if hasattr(a, "describe_groups")
                            else a.describe_consumer_groups([group]))
            expect(GOOD in described, f"no such client in {described}")
        finally:
            a.close()

    with_member(t, judge)


@claim("kcat", "java", "confluent-kafka")
def java_tools(t):
    """kafka-consumer-groups lists and describes a group and a client whose names are not UTF-8."""

    def judge(group):
        listed = t.tool("consumer-groups", "--list")
        expect(group in listed.splitlines(), f"{group} is not among {listed.splitlines()}")
        members = t.tool("consumer-groups", "--describe", "--group", group, "--members")
        expect(GOOD in members.replace(group, ""), f"no such client: {members}")

    with_member(t, judge)
