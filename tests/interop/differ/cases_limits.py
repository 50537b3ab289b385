"""Frames and fields that nobody sends by right: who closes, and who answers."""

import struct

from . import schema
from .broker import Closed
from .cases import once


def raw(b, what, data, *, then=True):
    """Sends bytes; what comes back, or that the connection is closed. Then others must still be served."""
    try:
        b.connect().sendall(data)
        b.note(what, b.receive_bytes().replace(struct.pack(">i", b.port), b"PORT").hex())
    except (Closed, OSError) as e:
        b.note(what, "closed" if "in time" not in str(e) else str(e))
    b.disconnect()


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def head(key, v, client=b"\0\4test", tags=b""):
    return struct.pack(">hhi", key, v, 5) + client + tags


@once
def frames(b):
    raw(b, "size 0", struct.pack(">i", 0))
    raw(b, "size -1", struct.pack(">i", -1))
    raw(b, "size 3", framed(b"abc"))
    raw(b, "size 2^31-1", struct.pack(">i", 2**31 - 1))
    raw(b, "one more than socket.request.max.bytes", struct.pack(">i", 104857601))
    raw(b, "HTTP", b"GET / HTTP/1.1\r\n\r\n")
    raw(b, "a request key", framed(head(9999, 0)))
    raw(b, "key -1", framed(head(-1, 0)))
    raw(b, "a removed api", framed(head(4, 0)))
    raw(b, "Metadata v99", framed(head(3, 99)))
    raw(b, "Metadata v-1", framed(head(3, -1)))
    raw(b, "Fetch v3", framed(head(1, 3)))
    raw(b, "Produce v2", framed(head(0, 2)))
    raw(b, "an api of controllers", framed(head(52, 1, tags=b"\0")))
    raw(b, "an unstable version", framed(head(22, 6, tags=b"\0") + b"\0\0\0\0\0" + bytes(12)))


@once
def headers(b):
    empty = struct.pack(">i", 0)
    raw(b, "client id null", framed(head(3, 1, b"\xff\xff") + empty))
    raw(b, "client id empty", framed(head(3, 1, b"\0\0") + empty))
    raw(b, "client id -2", framed(head(3, 1, b"\xff\xfe") + empty))
    raw(b, "client id longer than the frame", framed(head(3, 1, b"\x7f\xff") + empty))
    raw(b, "client id that is not utf-8", framed(head(3, 1, b"\0\2\xff\xfe") + empty))
    raw(b, "unknown tag in the header", framed(head(3, 9, tags=b"\1\7\2xy") + b"\1\1\0\0\0"))
    raw(b, "tags not ascending", framed(head(3, 9, tags=b"\2\7\0\3\0") + b"\1\1\0\0\0"))
    raw(b, "a tag twice", framed(head(3, 9, tags=b"\2\7\0\7\0") + b"\1\1\0\0\0"))
    raw(b, "a tag longer than the frame", framed(head(3, 9, tags=b"\1\7\x7f") + b"\1\1\0\0\0"))
    raw(b, "many tags", framed(head(3, 9, tags=b"\xff\xff\xff\xff\7") + b"\1\1\0\0\0"))
    raw(b, "a varint of six bytes", framed(head(3, 9, tags=b"\xff\xff\xff\xff\xff\1")))


@once
def bodies(b):
    raw(b, "bytes behind", framed(head(3, 1) + struct.pack(">i", 0) + b"more"))
    raw(b, "ends early", framed(head(3, 1) + b"\0\0"))
    raw(b, "count 2^31-1", framed(head(3, 1) + struct.pack(">i", 2**31 - 1)))
    raw(b, "count 1000001 of nothing", framed(head(3, 1) + struct.pack(">i", 1000001)))
    raw(b, "v0: null topics", framed(head(3, 0) + struct.pack(">i", -1)))
    raw(b, "a null name", framed(head(3, 1) + struct.pack(">ih", 1, -1)))
    raw(b, "a name of -2 bytes", framed(head(3, 1) + struct.pack(">ih", 1, -2)))
    raw(b, "a name longer than the frame", framed(head(3, 1) + struct.pack(">ih", 1, 999)))
    raw(b, "a name that is not utf-8", framed(head(3, 4) + struct.pack(">ih", 1, 2) + b"\xff\xfe\0"))
    raw(b, "a bool of 2", framed(head(3, 4) + struct.pack(">i", 0) + b"\2"))
    raw(b, "unknown tag in the body", framed(head(3, 9, tags=b"\0") + b"\1\1\0\0\1\7\2xy"))


@once
def order(b):
    """Many requests in one write: the answers come in their order."""
    frames = b""
    for i in range(40):
        frames += framed(struct.pack(">hhihi", 3, 1, 1000 + i, -1, 0))
    b.connect().sendall(frames)
    b.note("answered in order", [struct.unpack_from(">i", b.receive_bytes())[0] for _ in range(40)])


@once
def slowly(b):
    """A frame in single bytes."""
    for byte in framed(struct.pack(">hhihi", 3, 1, 77, -1, 0)):
        b.connect().sendall(bytes([byte]))
    b.note("answered", struct.unpack_from(">i", b.receive_bytes())[0])


@once
def behind_a_wait(b):
    """A fetch that waits holds up what comes behind it on its connection."""
    api = schema.api("Fetch")
    t = b.topic("t")
    body = api.request.encode(11, {"MaxWaitMs": 300, "MinBytes": 1, "MaxBytes": 1000, "ReplicaId": -1,
                                   "SessionEpoch": -1, "Topics": [{"Topic": t, "Partitions": [
                                       {"PartitionMaxBytes": 1000}]}]})
    first = framed(struct.pack(">hhih", 1, 11, 1, -1) + body)
    second = framed(struct.pack(">hhihi", 3, 1, 2, -1, 0))
    b.connect().sendall(first + second)
    b.note("order", [struct.unpack_from(">i", b.receive_bytes())[0] for _ in range(2)])
