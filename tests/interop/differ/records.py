"""Record batches for the cases: the hostile tests' batches, and batches of which any field is another."""

import functools
import importlib.util
import struct
import zlib
from pathlib import Path


def _hostile_wire():
    """The hostile tests' module; the harness has one of the same name."""
    file = Path(__file__).resolve().parents[2] / "hostile/wire.py"
    spec = importlib.util.spec_from_file_location("hostile_wire", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wire = _hostile_wire()
record, varint = wire.record, wire.varint
batch = functools.partial(wire.batch, time_ms=1700000000000)  # of the time at which Kafka's answers were recorded

# Where the fields of the header lie.
BASE_OFFSET, LENGTH, LEADER_EPOCH, MAGIC, CRC = (0, ">q"), (8, ">i"), (12, ">i"), (16, ">b"), (17, ">I")
ATTRIBUTES, LAST_DELTA, BASE_TIMESTAMP, MAX_TIMESTAMP = (21, ">h"), (23, ">i"), (27, ">q"), (35, ">q")
PRODUCER_ID, PRODUCER_EPOCH, BASE_SEQUENCE, COUNT = (43, ">q"), (51, ">h"), (53, ">i"), (57, ">i")


def altered(data, *changes):
    """A batch with other values in its header: (field, value) each; the sum is right again."""
    raw = bytearray(data)
    for (at, form), value in changes:
        struct.pack_into(form, raw, at, value)
    struct.pack_into(">I", raw, 17, wire.crc32c(bytes(raw[21:])))
    return bytes(raw)


def sequenced(producer, epoch, sequence, values=(b"x",)):
    return batch(values, producer=(producer, epoch, sequence))


def record_of(*, key=None, value=b"x", delta=0, time_delta=0, attributes=0, headers=b"\0", length=None):
    """One record, of which anything may be wrong."""
    part = lambda raw: varint(-1) if raw is None else varint(len(raw)) + raw  # noqa: E731
    body = bytes([attributes]) + varint(time_delta) + varint(delta) + part(key) + part(value) + headers
    return varint(len(body) if length is None else length) + body


def legacy(magic, value=b"old", crc=None):
    """A message of format 0 or 1, as clients of 2016 wrote them."""
    body = struct.pack(">bb", magic, 0) + (struct.pack(">q", 1700000000000) if magic else b"")
    body += struct.pack(">i", -1) + struct.pack(">i", len(value)) + value
    crc = zlib.crc32(body) if crc is None else crc
    return struct.pack(">qiI", 0, len(body) + 4, crc) + body
