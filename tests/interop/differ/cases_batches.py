"""Batches that few clients make: streams of each codec in pieces, with more behind; unknown attribute bits; times of
any kind, and what is found by them."""

import gzip
import struct
import zlib

from . import records
from .cases import once
from .cases_produce import fetched, produce
from .records import altered, batch, record_of

TWO = [record_of(value=b"one"), record_of(value=b"two", delta=1)]
MASK = (1 << 32) - 1


def xxh32(data):
    """Of fewer than 16 bytes, as the header of an LZ4 frame wants it."""
    assert len(data) < 16
    turn = lambda x, n: (x << n | x >> 32 - n) & MASK  # noqa: E731
    h = 374761393 + len(data)
    while len(data) >= 4:
        h = turn(h + struct.unpack("<I", data[:4])[0] * 3266489917 & MASK, 17) * 668265263 & MASK
        data = data[4:]
    for byte in data:
        h = turn(h + byte * 374761393 & MASK, 11) * 2654435761 & MASK
    h = (h ^ h >> 15) * 2246822519 & MASK
    h = (h ^ h >> 13) * 3266489917 & MASK
    return h ^ h >> 16


def lz4(*blocks, flags=0x60, end=True, sum_change=0, size=None):
    """A frame of blocks that are stored as they are."""
    head = bytes([flags, 0x40]) + (struct.pack("<Q", size) if size is not None else b"")
    out = b"\x04\x22\x4d\x18" + head + bytes([(xxh32(head) >> 8 ^ sum_change) & 255])
    for block in blocks:
        out += struct.pack("<I", len(block) | 1 << 31) + block
    return out + (bytes(4) if end else b"")


def zstd(*blocks, checksum=None):
    """A frame of raw blocks with a window of 1 KiB."""
    out = b"\x28\xb5\x2f\xfd" + bytes([4 if checksum else 0, 0])
    for i, block in enumerate(blocks or [b""]):
        last = i == max(len(blocks), 1) - 1
        out += struct.pack("<I", len(block) << 3 | last)[:3] + block
    return out + (checksum or b"")


def skippable(data):
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


def raw_snappy(data):
    """Literals only."""
    out = b""
    n = len(data)
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            break
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([len(part) - 1 << 2]) + part
    return out


def xerial(*blocks, version=1, least=1):
    out = b"\x82SNAPPY\0" + struct.pack(">ii", version, least)
    return out + b"".join(struct.pack(">i", len(block)) + block for block in blocks)


V = 9  # of Produce: what a batch may be does not depend on it


def takes_each(b, codec, rows):
    """Each in a topic of its own, so that what is stored is seen."""
    for i, (what, payload) in enumerate(rows):
        t = b.topic(f"c{i}")
        produce(b, V, what, t, batch(payload=payload, codec=codec, count=2))
        b.note(f"{what}: the log", fetched(b, t))


@once
def gzips(b):
    one, two = TWO
    whole = gzip.compress(one + two, mtime=0)
    takes_each(b, 1, (
        ("gzip", whole),
        ("gzip in two members", gzip.compress(one, mtime=0) + gzip.compress(two, mtime=0)),
        ("gzip cut within a record", gzip.compress(one[:4], mtime=0) + gzip.compress(one[4:] + two, mtime=0)),
        ("gzip with an empty member behind", whole + gzip.compress(b"", mtime=0)),
        ("gzip with an empty member before", gzip.compress(b"", mtime=0) + whole),
        ("gzip with three bytes behind", whole + b"xyz"),
        ("gzip with many bytes behind", whole + b"x" * 100),
        ("gzip with zeroes behind", whole + bytes(20)),
        ("gzip with a magic behind", whole + b"\x1f\x8b"),
        ("gzip with a broken member behind", whole + gzip.compress(b"abc", mtime=0)[:-9]),
        ("gzip with a third record behind", whole + gzip.compress(record_of(delta=2), mtime=0)),
        ("gzip without its trailer", whole[:-8]),
        ("gzip without half of its trailer", whole[:-4]),
        ("gzip with a wrong sum", whole[:-8] + b"abcd" + whole[-4:]),
        ("gzip with a wrong length", whole[:-4] + b"abcd"),
        ("gzip cut", whole[:-14]),
        ("zlib", zlib.compress(one + two)),
        ("gzip of the first only", gzip.compress(one, mtime=0))))


@once
def snappies(b):
    one, two = TWO
    r = raw_snappy
    takes_each(b, 2, (
        ("xerial", xerial(r(one + two))),
        ("raw", r(one + two)),
        ("xerial in two blocks", xerial(r(one), r(two))),
        ("xerial cut within a record", xerial(r(one[:3]), r(one[3:] + two))),
        ("xerial in two streams", xerial(r(one)) + xerial(r(two))),
        ("xerial in two streams, cut within a record", xerial(r(one[:5])) + xerial(r(one[5:] + two))),
        ("xerial with an empty stream behind", xerial(r(one + two)) + xerial()),
        ("xerial with an empty stream before", xerial() + xerial(r(one + two))),
        ("xerial in three streams", xerial(r(one)) + xerial() + xerial(r(two))),
        ("xerial with an empty block", xerial(r(one), b"\0", r(two))),
        ("xerial with a block of no bytes", xerial(r(one), b"", r(two))),
        ("xerial with three bytes behind", xerial(r(one + two)) + b"xyz"),
        ("xerial with four bytes behind", xerial(r(one + two)) + b"xyzw"),
        ("xerial with zeroes behind", xerial(r(one + two)) + bytes(8)),
        ("xerial with half a header behind", xerial(r(one + two)) + xerial()[:9]),
        ("xerial of version 2", xerial(r(one + two), version=2)),
        ("xerial of version 0", xerial(r(one + two), version=0)),
        ("xerial for version 2 at least", xerial(r(one + two), least=2)),
        ("xerial for version 0 at least", xerial(r(one + two), least=0)),
        ("raw with bytes behind", r(one + two) + b"xyz"),
        ("raw and raw", r(one) + r(two)),
        ("xerial, then raw", xerial(r(one)) + r(two)),
        ("xerial, the last block cut", xerial(r(one + two))[:-2]),
        ("xerial, a third record behind", xerial(r(one + two)) + xerial(r(record_of(delta=2))))))


@once
def lz4s(b):
    one, two = TWO
    takes_each(b, 3, (
        ("lz4", lz4(one + two)),
        ("lz4 in two blocks", lz4(one, two)),
        ("lz4 cut within a record", lz4(one[:3], one[3:] + two)),
        ("lz4 in two frames", lz4(one) + lz4(two)),
        ("lz4 with an empty frame behind", lz4(one + two) + lz4()),
        ("lz4 with an empty frame before", lz4() + lz4(one + two)),
        ("lz4 with a skippable frame behind", lz4(one + two) + skippable(b"abc")),
        ("lz4 with a skippable frame before", skippable(b"abc") + lz4(one + two)),
        ("lz4 with three bytes behind", lz4(one + two) + b"xyz"),
        ("lz4 with many bytes behind", lz4(one + two) + b"x" * 100),
        ("lz4 with a third record behind", lz4(one + two) + lz4(record_of(delta=2))),
        ("lz4 without an end", lz4(one + two, end=False)),
        ("lz4 with half an end", lz4(one + two)[:-2]),
        ("lz4 with a wrong header sum", lz4(one + two, sum_change=1)),
        ("lz4 of linked blocks", lz4(one, two, flags=0x40)),
        ("lz4 of linked blocks, one of them", lz4(one + two, flags=0x40)),
        ("lz4 with its size", lz4(one + two, flags=0x68, size=len(one + two))),
        ("lz4 with a wrong size", lz4(one + two, flags=0x68, size=5)),
        ("lz4 that lacks its sum", lz4(one + two, flags=0x64)),
        ("lz4 with a wrong sum", lz4(one + two, flags=0x64) + b"abcd"),
        ("lz4 with wrong sums of blocks", lz4(one + two + b"abcd", flags=0x70)),
        ("lz4 of version 2", lz4(one + two, flags=0xa0)),
        ("lz4 with a reserved bit", lz4(one + two, flags=0x62)),
        ("lz4 of the first only", lz4(one))))


@once
def zstds(b):
    one, two = TWO
    takes_each(b, 4, (
        ("zstd", zstd(one + two)),
        ("zstd in two blocks", zstd(one, two)),
        ("zstd in two frames", zstd(one) + zstd(two)),
        ("zstd cut within a record", zstd(one[:3]) + zstd(one[3:] + two)),
        ("zstd with an empty frame behind", zstd(one + two) + zstd()),
        ("zstd with an empty frame before", zstd() + zstd(one + two)),
        ("zstd with a skippable frame behind", zstd(one + two) + skippable(b"abc")),
        ("zstd with a skippable frame before", skippable(b"abc") + zstd(one + two)),
        ("zstd with three bytes behind", zstd(one + two) + b"xyz"),
        ("zstd with many bytes behind", zstd(one + two) + b"x" * 100),
        ("zstd with a third record behind", zstd(one + two) + zstd(record_of(delta=2))),
        ("zstd with a broken frame behind", zstd(one + two) + zstd(one)[:-2]),
        ("zstd with a wrong sum", zstd(one + two, checksum=b"abcd")),
        ("zstd cut", zstd(one + two)[:-2]),
        ("zstd of the first only", zstd(one))))


@once
def empties(b):
    """Batches of no record, and streams of nothing."""
    t = b.topic("t")
    for codec, rows in ((1, [gzip.compress(b"", mtime=0), b""]), (2, [xerial(), xerial(b"\0"), b"\0", b""]),
                        (3, [lz4(), lz4(b""), b""]), (4, [zstd(), skippable(b""), b""])):
        for i, payload in enumerate(rows):
            produce(b, V, f"codec {codec}, nothing ({i}), no records", t,
                    batch(payload=payload, codec=codec, count=0, last_delta=0))
            produce(b, V, f"codec {codec}, nothing ({i}), one record", t, batch(payload=payload, codec=codec, count=1))
    produce(b, V, "no records, last delta -1", t, batch([], count=0, last_delta=-1))
    produce(b, V, "no records, last delta 3", t, batch([], count=0, last_delta=3))
    produce(b, V, "no payload, one record", t, batch(payload=b"", count=1))
    b.note("the log", fetched(b, t))


@once
def attributes(b):
    """Bits of which Kafka knows some."""
    t = b.topic("t")
    for bit in (0x08, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, -0x8000, 0x48, 0xff8 & ~0x30):
        produce(b, V, f"bits {bit & 0xffff:#06x}", t, batch(attributes=bit))
        produce(b, V, f"bits {bit & 0xffff:#06x}, another time", t,
                altered(batch(attributes=bit), (records.MAX_TIMESTAMP, 1700000009999)))
        produce(b, V, f"bits {bit & 0xffff:#06x}, gzip", t,
                batch(payload=gzip.compress(TWO[0], mtime=0), attributes=bit | 1, count=1))
    b.note("the log", fetched(b, t))
    for i, more in enumerate(({"message_timestamp_type": "LogAppendTime"}, {"compression_type": "uncompressed"})):
        t = b.topic(f"o{i}", **more)
        for bit in (0x08, 0x40, 0x80):
            produce(b, V, f"bits {bit:#06x}, {more}", t, batch(attributes=bit))
            produce(b, V, f"bits {bit:#06x}, gzip, {more}", t,
                    batch(payload=gzip.compress(TWO[0], mtime=0), attributes=bit | 1, count=1))
        if "compression_type" in more:
            b.note(f"the log, {more}", fetched(b, t))


LOW, HIGH = -(1 << 63), (1 << 63) - 1


def at(base, *deltas, top=None):
    """Records at these times."""
    rows = b"".join(record_of(value=b"%d" % i, delta=i, time_delta=d) for i, d in enumerate(deltas))
    top = max(base + d for d in deltas) if top is None else top
    data = batch(payload=rows, count=len(deltas))
    return altered(data, (records.BASE_TIMESTAMP, base), (records.MAX_TIMESTAMP, top))


TIMES = (("-1", at(-1, 0)), ("-1 twice", at(-1, 0, 0)), ("-2", at(-2, 0)), ("-5, then -2", at(-5, 0, 3)), ("-5", at(-5, 0)), ("the lowest", at(LOW, 0)), ("0", at(0, 0)),
         ("1", at(1, 0)), ("from -1 on", at(-1, 0, 1, 2)), ("from -5 on", at(-5, 0, 2, 4)),
         ("to -1", at(-5, 0, 4)), ("-1 and 100", at(-1, 0, 101)), ("100 and -1", at(100, 0, -101)),
         ("over the top", at(HIGH, 0, 1, top=HIGH)), ("below the bottom", at(LOW, 0, -1, top=LOW)),
         ("-1 with another max", at(-1, 0, top=77)), ("none in the header, a time in the record", at(-1, 100, top=-1)))


def listed(b, what, topic, *stamps):
    for stamp in stamps:
        b.call(f"{what}: at {stamp}", "ListOffsets", 7, {"ReplicaId": -1, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": 0, "Timestamp": stamp, "CurrentLeaderEpoch": -1}]}]})


@once
def times(b):
    """message.timestamp.before.max.ms has no limit by default."""
    for i, (what, data) in enumerate(TIMES):
        t = b.topic(f"t{i}")
        produce(b, V, what, t, data)
        b.note(f"{what}: the log", fetched(b, t))
        listed(b, what, t, -3, 0, 1, 50)


@once
def times_after_deletion(b):
    """The greatest time at or above the log start."""

    def delete(what, t, offset):
        b.call(f"{what}: delete to {offset}", "DeleteRecords", 2, {"TimeoutMs": 5000, "Topics": [
            {"Name": t, "Partitions": [{"PartitionIndex": 0, "Offset": offset}]}]})

    t = b.topic("t")
    for stamp in (500, 900, 300, 700, 100):
        produce(b, V, f"at {stamp}", t, at(stamp, 0))
    for start in range(6):
        delete("five batches", t, start)
        listed(b, f"five batches, from {start}", t, -3, 0, 400, 800)
    t = b.topic("one")
    produce(b, V, "one batch", t, at(100, 400, 800, 200, 600, 0))
    for start in range(6):
        delete("one batch", t, start)
        listed(b, f"one batch, from {start}", t, -3, 0, 400, 800)
    t = b.topic("n")
    produce(b, V, "no time", t, at(-1, 0, 0))
    delete("no time", t, 1)
    listed(b, "no time, from 1", t, -3, 0)
    t = b.topic("g")
    produce(b, V, "compressed", t, batch(payload=gzip.compress(
        record_of(time_delta=900) + record_of(time_delta=300, delta=1), mtime=0), codec=1, count=2))
    listed(b, "compressed", t, -3)
    delete("compressed", t, 1)
    listed(b, "compressed, from 1", t, -3)


LONG, INT = (1 << 63) - 1, (1 << 31) - 1


@once
def limits(b):
    """A topic's settings at their edges: what may be set, and whether records are then taken and found."""
    edges = (-3, -2, -1, 0, 1, 14, INT, INT + 1, LONG)
    names = ("retention.ms", "retention.bytes", "segment.ms", "segment.bytes", "segment.jitter.ms",
             "segment.index.bytes", "index.interval.bytes", "max.message.bytes", "file.delete.delay.ms", "flush.ms",
             "flush.messages", "local.retention.ms", "local.retention.bytes", "min.insync.replicas",
             "message.timestamp.before.max.ms", "message.timestamp.after.max.ms", "delete.retention.ms",
             "min.compaction.lag.ms", "max.compaction.lag.ms")
    for i, name in enumerate(names):
        for k, value in enumerate(edges):
            topic, what = b.name(f"l{i}-{k}"), f"{name}={value}"
            made = b.ask("CreateTopics", 7, {"timeoutMs": 20000, "Topics": [
                {"Name": topic, "NumPartitions": 1, "ReplicationFactor": 1,
                 "Configs": [{"Name": name, "Value": str(value)}]}]})["Topics"][0]
            b.note(f"{what}: created", made["ErrorCode"])
            if made["ErrorCode"]:
                continue
            b.learn(topic)
            for n in range(3):
                produce(b, V, f"{what}: {n}", topic, batch([b"v%d" % n]))
            if name not in ("retention.ms", "retention.bytes"):  # what is gone already is a matter of time
                listed(b, what, topic, -2, -1)
