"""Requests of coordinators, made by hand and sent over many connections at once, each with one request under way: so
that the client costs little, and both brokers get the same bytes."""

import selectors
import socket
import struct

from harness.wire import WireError

PRODUCE_API, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, SYNC = 0, 8, 9, 10, 11, 14
CREATE_TOPICS, ALTER_CONFIGS = 19, 44
TRIES_AGAIN = {14, 15, 16}  # the coordinator loads, is not available, is elsewhere
SESSION_MS = 1_500_000


def text(s):
    return struct.pack(">h", len(s)) + s.encode()


def frame(key, version, body, *, flexible=False):
    head = struct.pack(">hhi", key, version, 1) + text("bench") + (b"\0" if flexible else b"") + body
    return struct.pack(">i", len(head)) + head


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def commit(group, topic, partitions, offset, generation=-1, member=""):
    """OffsetCommit 7."""
    rows = [struct.pack(">iqi", p, offset, -1) + text("") for p in partitions]
    body = text(group) + struct.pack(">i", generation) + text(member) + struct.pack(">h", -1)
    return frame(OFFSET_COMMIT, 7, body + array([text(topic) + array(rows)]))


def commit_error(answer):
    """The first that is not 0, of one topic."""
    at = 4 + 4 + 4
    at += 2 + struct.unpack_from(">h", answer, at)[0]
    for _ in range(struct.unpack_from(">i", answer, at)[0]):
        error = struct.unpack_from(">h", answer, at + 8)[0]
        if error:
            return error
        at += 6
    return 0


def join(group):
    """JoinGroup 3 of a new member with an empty subscription."""
    body = text(group) + struct.pack(">ii", SESSION_MS, SESSION_MS) + text("") + text("consumer")
    return frame(JOIN, 3, body + array([text("range") + struct.pack(">i", 8) + bytes(8)]))


def joined(answer):
    """(error, generation, member)"""
    error, generation = struct.unpack_from(">hi", answer, 8)
    at = 14
    for _ in range(2):
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])
    n = struct.unpack_from(">h", answer, at)[0]
    return error, generation, answer[at + 2 : at + 2 + n].decode()


def sync(group, generation, member):
    """SyncGroup 2 of the only member."""
    given = text(member) + struct.pack(">i", 8) + bytes(8)
    return frame(SYNC, 2, text(group) + struct.pack(">i", generation) + text(member) + array([given]))


def fetch_offset(group, topic, partition):
    """OffsetFetch 5."""
    return frame(OFFSET_FETCH, 5, text(group) + array([text(topic) + array([struct.pack(">i", partition)])]))


def fetched(answer, topic):
    """(error, offset)"""
    error = struct.unpack_from(">h", answer, len(answer) - 2)[0]
    if error or struct.unpack_from(">i", answer, 8)[0] != 1:
        return error or -1, -1
    at = 8 + 4 + 2 + len(topic) + 4 + 4
    offset = struct.unpack_from(">q", answer, at)[0]
    return 0, offset


def create_topic(name, partitions, configs=None):
    """CreateTopics 4."""
    rows = [text(k) + text(str(v)) for k, v in (configs or {}).items()]
    one = text(name) + struct.pack(">ih", partitions, 1) + array([]) + array(rows)
    return frame(CREATE_TOPICS, 4, array([one]) + struct.pack(">ib", 30000, 0))


def alter_topic(name, configs):
    """IncrementalAlterConfigs 0: sets each."""
    rows = [text(k) + b"\0" + text(str(v)) for k, v in configs.items()]
    return frame(ALTER_CONFIGS, 0, array([b"\x02" + text(name) + array(rows)]) + b"\0")


def find_coordinator(group):
    """FindCoordinator 2."""
    return frame(FIND_COORDINATOR, 2, text(group) + b"\0")


class Line:
    """A connection with one request under way. `requests` yields frames, and is sent the answer to each."""

    def __init__(self, node, requests):
        self.requests, self.got = requests, b""
        self.socket = socket.create_connection((node.host, node.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(next(requests))

    def readable(self):
        """False: it was the last."""
        piece = self.socket.recv(65536)
        if not piece:
            raise WireError("the broker closed the connection")
        self.got += piece
        while len(self.got) >= 4:
            n = struct.unpack_from(">i", self.got)[0]
            if len(self.got) < 4 + n:
                break
            answer, self.got = self.got[4 : 4 + n], self.got[4 + n :]
            try:
                self.socket.sendall(self.requests.send(answer))
            except StopIteration:
                self.socket.close()
                return False
        return True


def blast(node, sequences):
    """Goes through all sequences, a connection for each."""
    with selectors.DefaultSelector() as s:
        left = 0
        for requests in sequences:
            line = Line(node, requests)
            s.register(line.socket, selectors.EVENT_READ, line)
            left += 1
        while left:
            ready = s.select(60)
            if not ready:
                raise WireError("no answer for a minute")
            for key, _ in ready:
                before = key.data.socket
                if not key.data.readable():
                    s.unregister(before)
                    left -= 1


def ask(node, request):
    """One request on a connection of its own; the answer from the correlation id on."""
    answers = []

    def once():
        answers.append((yield request))

    blast(node, [once()])
    return answers[0]
