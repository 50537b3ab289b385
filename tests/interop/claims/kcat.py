"""kcat (librdkafka 2.0, Debian's): old request versions, topics by name."""

import json
import subprocess
import time

from harness.claim import claim, expect, expect_equal

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CODEC_OFFSET = 22  # the low byte of a batch's attributes


def lines(n, word="record"):
    return [f"{word} {i}" for i in range(n)]


@claim("kcat")
def list_brokers(t):
    """kcat -L names the broker at its advertised address."""
    found = json.loads(t.kcat("-L", "-J"))
    names = [b["name"] for b in found["brokers"]]
    expect(t.bootstrap in names, f"{t.bootstrap} is not among {names}")


@claim("kcat")
def list_topic(t):
    """kcat -L -t shows a topic's partition with leader, replicas and ISR."""
    topic = t.unique("listed")
    t.produce(topic, ["x"])
    found = json.loads(t.kcat("-L", "-J", "-t", topic))["topics"][0]
    expect_equal(found["topic"], topic, "name")
    part = found["partitions"][0]
    expect(part["leader"] in [r["id"] for r in part["replicas"]], f"leader is no replica: {part}")
    expect(part["leader"] in [r["id"] for r in part["isrs"]], f"leader is not in the ISR: {part}")


@claim("kcat")
def round_trip(t):
    """A thousand records of a topic that did not exist come back in order."""
    topic = t.unique("round-trip")
    t.produce(topic, lines(1000))
    expect_equal(t.consume(topic), lines(1000), "records")


@claim("kcat", each=CODECS)
def codec(t, name):
    """Records compressed with each codec come back, and are stored as they were sent."""
    topic = t.unique(f"codec-{name}")
    sent = [f"{i} " + "abcdefgh" * 20 for i in range(500)]
    t.produce(topic, sent, "-z", name)
    expect_equal(t.consume(topic), sent, "records")
    if t.log_dir:
        segment = next(t.partition_dir(topic).glob("*.log")).read_bytes()
        expect_equal(segment[CODEC_OFFSET] & 7, CODECS.index(name), "codec in the stored batch")


@claim("kcat", each=("0", "1", "all"))
def acks(t, level):
    """Records produced with acks 0, 1 and all come back."""
    topic = t.unique(f"acks-{level}")
    t.produce(topic, ["make the topic"])
    t.produce(topic, lines(100), "-X", f"acks={level}")
    expect_equal(t.consume(topic, "-c", "101")[1:], lines(100), "records")


@claim("kcat")
def idempotent(t):
    """An idempotent producer gets a producer id and its records come back once."""
    topic = t.unique("idempotent")
    t.produce(topic, lines(500), "-X", "enable.idempotence=true")
    expect_equal(t.consume(topic), lines(500), "records")


@claim("kcat")
def keys_and_headers(t):
    """Keys, headers, empty and absent keys and values come back as they were."""
    topic = t.unique("keys")
    t.produce(topic, ["k1:v1", ":empty key", "tombstone:"], "-K", ":", "-Z",
              "-H", "colour=red", "-H", "empty=", "-H", "colour=blue")
    t.produce(topic, ["no key"])
    got = t.consume(topic, "-f", r"%K|%k|%S|%s|%h\n")
    with_headers = "|colour=red,empty=,colour=blue"
    expect_equal(got[0], "2|k1|2|v1" + with_headers, "a record with all")
    expect_equal(got[2], "9|tombstone|-1|" + with_headers, "a tombstone")
    expect_equal(got[3], "-1||6|no key|", "a record without key")


@claim("kcat")
def big_records(t):
    """Records of 1 byte to 900 KB come back."""
    topic = t.unique("big")
    sizes = [1, 4095, 4096, 65536, 300_000, 900_000]
    t.produce(topic, ["x" * n for n in sizes])
    expect_equal([int(n) for n in t.consume(topic, "-f", r"%S\n")], sizes, "sizes")


@claim("kcat")
def too_big_a_record(t):
    """A record above max.message.bytes is refused, and the connection goes on."""
    topic = t.unique("too-big")
    t.produce(topic, ["first"])
    said = t.kcat("-P", "-t", topic, "-X", "message.max.bytes=3000000",
                  input="x" * 1_500_000, status=1, errors=True)
    expect("too large" in said, f"it was refused for another reason: {said[-200:]}")
    t.produce(topic, ["second"])
    expect_equal(t.consume(topic), ["first", "second"], "records")


@claim("kcat")
def from_offset(t):
    """Consuming starts at a given offset, at the last few records, and stops after a count."""
    topic = t.unique("offsets")
    t.produce(topic, lines(20))
    expect_equal(t.consume(topic, "-o", "15"), lines(20)[15:], "from offset 15")
    expect_equal(t.consume(topic, "-o", "-3"), lines(20)[-3:], "the last three")
    expect_equal(t.consume(topic, "-o", "5", "-c", "2"), lines(20)[5:7], "two from offset 5")
    expect_equal(t.consume(topic, "-o", "end"), [], "from the end")


@claim("kcat")
def offsets_by_time(t):
    """kcat -Q finds the first record at or after a time, the start and the end."""
    topic = t.unique("times")
    stamps = []
    for i in range(3):
        t.produce(topic, [f"record {i}"])
        time.sleep(0.02)
    stamps = [int(x) for x in t.consume(topic, "-f", r"%T\n")]
    expect(stamps == sorted(set(stamps)), f"timestamps are not three rising ones: {stamps}")

    def at(when):
        return t.kcat("-Q", "-t", f"{topic}:0:{when}").split()[-1]

    expect_equal(at(stamps[1]), "1", "offset at the second record's time")
    expect_equal(at(stamps[1] + 1), "2", "offset one millisecond later")
    expect_equal(at(stamps[0] - 1000), "0", "offset of a time before all")
    expect_equal(at(-2), "0", "start")
    expect_equal(at(-1), "3", "end")
    expect_equal(t.consume(topic, "-o", f"s@{stamps[1]}"), ["record 1", "record 2"], "from a time on")


@claim("kcat")
def follows(t):
    """A consumer that waits at the end gets what is produced later."""
    topic = t.unique("follow")
    t.produce(topic, ["before"])
    with subprocess.Popen(["kcat", "-b", t.bootstrap, "-C", "-q", "-u", "-t", topic, "-c", "3"],
                          stdout=subprocess.PIPE, text=True) as waiting:
        expect_equal(waiting.stdout.readline().strip(), "before", "first line")
        t.produce(topic, ["later", "last"])
        rest = waiting.communicate()[0].split()
    expect_equal(rest, ["later", "last"], "the lines after")


@claim("kcat")
def group(t):
    """A group reads a topic, commits, and a second member of the group goes on behind it."""
    topic, name = t.unique("grouped"), t.unique("group")
    t.produce(topic, lines(50))

    def read(n):
        return t.kcat("-G", name, "-q", "-X", "auto.offset.reset=earliest", "-c", n, topic).splitlines()

    expect_equal(read(50), lines(50), "first reading")
    t.produce(topic, ["one more"])
    expect_equal(read(1), ["one more"], "second reading")
