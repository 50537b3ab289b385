"""Just enough of the protocol to ask a broker whether it serves, and a quorum who leads it.

Starting a daemon and waiting for it must not depend on the clients that are about to be tested.
"""

import socket
import struct

METADATA, API_VERSIONS, DESCRIBE_QUORUM = 3, 18, 55
CLIENT = b"interop"


class WireError(Exception):
    """The broker did not answer, or not what the question asks for."""


def ask(host, port, key, version, body, *, flexible=False, timeout=20.0):
    """Sends one request and returns the answer's bytes after the correlation id."""
    header = struct.pack(">hhih", key, version, 7, len(CLIENT)) + CLIENT
    frame = header + (b"\0" if flexible else b"") + body
    try:
        with socket.create_connection((host, port), timeout=timeout) as s:
            s.sendall(struct.pack(">i", len(frame)) + frame)
            size = struct.unpack(">i", _exactly(s, 4))[0]
            answer = _exactly(s, size)
    except OSError as e:
        raise WireError(f"{host}:{port}: {e}") from e
    if struct.unpack_from(">i", answer)[0] != 7:
        raise WireError(f"{host}:{port}: wrong correlation id in the answer")
    return answer[4:]


def _exactly(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(n - len(got))
        if not piece:
            raise WireError("the connection was closed before the answer")
        got += piece
    return got


def api_versions(host, port):
    """Maps each advertised API key to (lowest, highest) version."""
    answer = ask(host, port, API_VERSIONS, 0, b"")
    error, count = struct.unpack_from(">hi", answer)
    if error:
        raise WireError(f"{host}:{port}: ApiVersions answered with error {error}")
    rows = struct.iter_unpack(">hhh", answer[6 : 6 + 6 * count])
    return {key: (low, high) for key, low, high in rows}


def brokers(host, port):
    """The node ids that Metadata names; empty while none is unfenced."""
    answer = ask(host, port, METADATA, 1, struct.pack(">i", 0))
    at, ids = 4, []
    for _ in range(struct.unpack_from(">i", answer)[0]):
        node, host_length = struct.unpack_from(">ih", answer, at)
        at += 6 + host_length + 4
        rack_length = struct.unpack_from(">h", answer, at)[0]
        at += 2 + max(rack_length, 0)
        ids.append(node)
    return ids


def quorum_leader(host, port):
    """The node id of the active controller, by DescribeQuorum v0."""
    topic = b"__cluster_metadata"
    body = b"\x02" + bytes([len(topic) + 1]) + topic + b"\x02" + struct.pack(">i", 0) + b"\0\0\0"
    answer = ask(host, port, DESCRIBE_QUORUM, 0, body, flexible=True)
    # tags of the header, error, one topic, its name, one partition: index, error, leader
    error, topics = struct.unpack_from(">hB", answer, 1)
    if error or topics != 2:
        raise WireError(f"DescribeQuorum answered with error {error}")
    at = 4 + 1 + len(topic) + 1
    _, partition_error, leader = struct.unpack_from(">ihi", answer, at)
    if partition_error:
        raise WireError(f"DescribeQuorum answered with error {partition_error}")
    return leader
