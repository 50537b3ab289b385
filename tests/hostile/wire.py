"""Kafka's bytes, made by hand: requests, record batches, and a client that is as small as can be."""

import re
import socket
import struct
import time
from pathlib import Path

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 1, 2, 3, 18, 19
OFFSET_COMMIT, FIND_COORDINATOR, JOIN_GROUP, INCREMENTAL_ALTER_CONFIGS = 8, 10, 11, 44
LIMIT_S = 120.0  # for what must happen: only a daemon that hangs takes so long, also on a slow and busy machine
SCHEMA = Path(__file__).resolve().parents[2] / "broker/protocol/schema/apis.yaml"


def flexible_from():
    """For each API the first version with compact types; none: 999."""
    found = {}
    for line in SCHEMA.read_text().splitlines():
        key, first = re.search(r"key: (\d+)", line), re.search(r"first_flexible: (-?\d+)", line)
        if key and first:
            found[int(key[1])] = int(first[1]) if int(first[1]) >= 0 else 999
    return found


FLEXIBLE = flexible_from()


def string(text):
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def header(key, version, correlation=1, client="hostile"):
    tags = b"\0" if version >= FLEXIBLE.get(key, 999) else b""
    return struct.pack(">hhi", key, version, correlation) + string(client) + tags


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def request(key, version, body, correlation=1):
    return frame(header(key, version, correlation) + body)


# ---- record batches ----

def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def varint(n):
    n = (n << 1 ^ n >> 63) & (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def record(value, delta=0):
    body = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(values=(b"x",), *, payload=None, codec=0, count=None, last_delta=None, magic=2, crc=None, length=None,
          attributes=None, producer=(-1, -1, -1), base=0, time_ms=None):
    """A record batch of now: retention would take old ones away in half a minute. Whatever is given replaces what would be true."""
    if payload is None:
        payload = b"".join(record(v, i) for i, v in enumerate(values))
    count = len(values) if count is None else count
    last_delta = count - 1 if last_delta is None else last_delta
    attributes = codec if attributes is None else attributes
    time_ms = int(time.time() * 1000) if time_ms is None else time_ms
    covered = struct.pack(">hiqqqhii", attributes, last_delta, time_ms, time_ms, *producer, count) + payload
    crc = crc32c(covered) if crc is None else crc
    length = 9 + len(covered) if length is None else length
    return struct.pack(">qiibI", base, length, 0, magic, crc) + covered


def produce_body(topic, records, acks=-1, partition=0, timeout=30000):
    return (struct.pack(">hhi", -1, acks, timeout) + struct.pack(">i", 1) + string(topic) +
            struct.pack(">iii", 1, partition, len(records)) + records)


def fetch_body(topic, offset, *, partition=0, wait=0, minimum=0, maximum=1 << 20):
    return (struct.pack(">iiiib", -1, wait, minimum, maximum, 0) + struct.pack(">i", 1) + string(topic) +
            struct.pack(">iiqi", 1, partition, offset, maximum))


# ---- a client ----

class Closed(Exception):
    """The other side has closed the connection."""


class Client:
    def __init__(self, port, timeout=LIMIT_S, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, n):
        data = bytearray()
        while len(data) < n:
            try:
                piece = self.socket.recv(n - len(data))
            except ConnectionError as e:
                raise Closed(str(e)) from e
            if not piece:
                raise Closed("end of the stream")
            data += piece
        return bytes(data)

    def answer(self):
        return self.exactly(struct.unpack(">i", self.exactly(4))[0])

    def call(self, key, version, body):
        self.correlation += 1
        self.send(request(key, version, body, self.correlation))
        answer = self.answer()
        assert struct.unpack_from(">i", answer)[0] == self.correlation, "an answer to something else"
        return answer[4:]

    def api_versions(self):
        """[(key, least, most)]"""
        body = self.call(API_VERSIONS, 0, b"")
        error, n = struct.unpack_from(">hi", body)
        assert error == 0, f"ApiVersions says {error}"
        return [struct.unpack_from(">hhh", body, 6 + 6 * i) for i in range(n)]

    def make_topic(self, topic):
        """Asks for its metadata, which creates it."""
        self.call(METADATA, 4, struct.pack(">i", 1) + string(topic) + b"\1")

    def create_topic(self, topic, partitions):
        """The error."""
        body = self.call(CREATE_TOPICS, 2, struct.pack(">i", 1) + string(topic) +
                         struct.pack(">ihiiib", partitions, 1, 0, 0, 60000, 0))
        return struct.unpack_from(">h", body, 4 + 4 + 2 + len(topic))[0]

    def create_assigned(self, topic, replicas):
        """One partition, on these brokers; the error."""
        where = struct.pack(">iii", 1, 0, len(replicas)) + b"".join(struct.pack(">i", r) for r in replicas)
        body = self.call(CREATE_TOPICS, 2, struct.pack(">i", 1) + string(topic) + struct.pack(">ih", -1, -1) + where +
                         struct.pack(">iib", 0, 60000, 0))
        return struct.unpack_from(">h", body, 4 + 4 + 2 + len(topic))[0]

    def produce(self, topic, records, acks=-1, partition=0):
        """(error, base offset)"""
        body = self.call(PRODUCE, 3, produce_body(topic, records, acks, partition))
        at = 4 + 2 + len(topic) + 4 + 4
        return struct.unpack_from(">hq", body, at)

    def fetch(self, topic, offset):
        """(error, high watermark, records' bytes)"""
        body = self.call(FETCH, 4, fetch_body(topic, offset))
        at = 4 + 4 + 2 + len(topic) + 4 + 4
        error, high, _, aborted = struct.unpack_from(">hqqi", body, at)
        at += 22 + max(aborted, 0) * 16
        n = struct.unpack_from(">i", body, at)[0]
        return error, high, body[at + 4:at + 4 + n]


def read_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        n |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return n >> 1 ^ -(n & 1), at


def values_of(data):
    """[(offset, value)] of whole, uncompressed batches; their sums are checked."""
    found, at = [], 0
    while len(data) - at >= 61:
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        crc, = struct.unpack_from(">I", data, at + 17)
        assert crc32c(data[at + 21:at + 12 + length]) == crc, f"wrong sum at offset {base}"
        count, = struct.unpack_from(">i", data, at + 57)
        p = at + 61
        for _ in range(count):
            _, p = read_varint(data, p)
            p += 1
            _, p = read_varint(data, p)
            delta, p = read_varint(data, p)
            key, p = read_varint(data, p)
            p += max(key, 0)
            n, p = read_varint(data, p)
            found.append((base + delta, data[p:p + n]))
            p += max(n, 0)
            _, p = read_varint(data, p)
        at += 12 + length
    return found
