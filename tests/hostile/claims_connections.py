"""Whatever comes on a connection costs at most that connection. A bystander who was connected before is
served throughout, a newcomer afterwards, and memory stays bounded."""

import gzip
import os
import random
import resource
import socket
import struct
import subprocess
import time
import zlib
from contextlib import contextmanager

import wire
from claim import Skip, claim
from daemon import TOPIC, Daemon, is_closed, led, settle, sleeps
from ports import free_port
from wire import LIMIT_S, Client, Closed, batch, frame, header, record, request

BIG = 100 << 20


@contextmanager
def attacked(binary, folder, *, mib=200, **daemon):
    """A daemon with a bystander; at the end both are well and everything acknowledged is there."""
    with Daemon(binary, folder, **daemon) as d:
        d.keep(3)
        with Client(d.port) as bystander:
            bystander.api_versions()
            yield d
            bystander.api_versions()
            error = led(lambda: bystander.fetch(TOPIC, 0))[0]
            assert error == 0, f"a bystander who reads is answered with error {error}"
        d.serves(mib)
        d.check_kept()
        assert d.stop() == 0, f"it does not stop in order: {d.last_line()}"
        assert not any("CHECK" in line for line in d.lines()), "a check failed"


def throw(port, data, *, shut=False, within=0.3):
    """Sends on a connection of its own, which is closed afterwards; true: the daemon closed it first."""
    with Client(port) as c:
        try:
            c.send(data)
            if shut:
                c.socket.shutdown(socket.SHUT_WR)
        except ConnectionError:
            return True
        return is_closed(c, within)


def is_refused(port, data):
    """Sends what must make the daemon close the connection."""
    return throw(port, data, within=LIMIT_S)


def both(d):
    return d.port, d.controller_port


# ---- frames ----

@claim
def garbage_bytes_close_their_connection(binary, folder):
    dice = random.Random(1)
    with attacked(binary, folder) as d:
        for port in both(d):
            for n in (1, 3, 4, 5, 100, 5000, 100000):
                throw(port, dice.randbytes(n), shut=True)
            throw(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", shut=True)
            throw(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(500), shut=True)


@claim
def impossible_frame_sizes_are_refused_at_once(binary, folder):
    with attacked(binary, folder) as d:
        for port in both(d):
            for size in (-1, -(1 << 31), (1 << 31) - 1, 100 * 1024 * 1024 + 1):
                assert is_refused(port, struct.pack(">i", size)), f"a frame of {size} bytes is waited for"


@claim
def frames_too_short_for_a_header_close_their_connection(binary, folder):
    with attacked(binary, folder) as d:
        whole = header(wire.METADATA, 9)
        for port in both(d):
            for n in range(len(whole)):
                assert is_refused(port, frame(whole[:n])), f"a header cut after {n} bytes is taken"
            assert is_refused(port, frame(struct.pack(">hhih", wire.METADATA, 9, 1, 30000)))
            assert is_refused(port, frame(struct.pack(">hhih", wire.METADATA, 9, 1, -2)))


@claim
def half_frames_of_a_slow_client_cost_nothing(binary, folder):
    with attacked(binary, folder) as d:
        slow = [Client(d.port) for _ in range(50)]
        for i, c in enumerate(slow):
            c.send((struct.pack(">i", BIG - i) + header(wire.PRODUCE, 3))[:5 + i % 12])
        d.serves(64)
        for c in slow:
            c.socket.close()


@claim
def large_frames_that_never_end_are_bounded_together(binary, folder):
    """Forty clients promise 30 MB each and send a good part of it: more than the daemon may use."""
    with attacked(binary, folder, arguments=["--memory", "256m"], mib=256) as d:
        piece, greedy = bytes(1 << 20), [Client(d.port) for _ in range(40)]
        for c in greedy:
            c.send(struct.pack(">i", 30 << 20) + header(wire.PRODUCE, 3))
        for _ in range(12):
            for c in greedy:
                c.socket.settimeout(1)
                try:
                    c.send(piece)
                except OSError:
                    pass
        d.serves(256)
        for c in greedy:
            c.socket.close()


# ---- headers and bodies ----

@claim
def unknown_apis_and_versions_are_treated_as_kafka_does(binary, folder):
    with attacked(binary, folder) as d:
        for port in both(d):
            with Client(port) as c:
                served = {key: (low, high) for key, low, high in c.api_versions()}
            for key in [k for k in range(-2, 100) if k not in served] + [32767, -32768]:
                assert is_refused(port, frame(struct.pack(">hhi", key, 0, 1) + b"\xff\xff")), f"api {key} is taken"
            for key, (low, high) in served.items():
                for version in {low - 1, high + 1, 32767, -32768} - {-1}:
                    if key == wire.API_VERSIONS:
                        continue
                    data = frame(header(key, version) + bytes(40))
                    assert is_refused(port, data), f"api {key} version {version} is taken"
        for version in (6, 99, 32767):
            with Client(d.port) as c:  # KIP-511: answered in version 0 with what is spoken
                c.send(request(wire.API_VERSIONS, version, b""))
                answer = c.answer()
                assert struct.unpack_from(">ih", answer) == (1, 35), f"ApiVersions {version}: {answer[:20]}"


def bodies(dice):
    yield b""
    yield bytes(64)
    yield b"\xff" * 64
    yield b"\x7f" * 64
    yield b"\0\0" + b"\x7f\xff\xff\xff" * 16
    yield b"\xff\xff\xff\xff\x0f" * 12
    yield dice.randbytes(40)
    yield bytes(dice.choice((0, 1, 2, 127, 128, 255)) for _ in range(300))


@claim
def every_api_and_version_survives_a_garbage_body(binary, folder):
    dice = random.Random(2)
    with attacked(binary, folder) as d:
        for port in both(d):
            with Client(port) as c:
                served = c.api_versions()
            for key, low, high in served:
                for version in range(low, high + 1):
                    for body in bodies(dice):
                        with Client(port) as c:
                            c.send(request(key, version, body))
                    assert d.process.poll() is None, f"api {key} version {version}: {d.last_line()}"


@claim
def impossible_counts_are_refused_before_memory_is_taken(binary, folder):
    with attacked(binary, folder, mib=100) as d:
        for count in (1 << 20, 1 << 28, (1 << 31) - 1, -2, -(1 << 31)):
            throw(d.port, request(wire.METADATA, 4, struct.pack(">i", count) + bytes(5000)))
            throw(d.port, request(wire.PRODUCE, 3, struct.pack(">hhii", -1, -1, 1000, count) + bytes(5000)))
            throw(d.port, request(wire.FETCH, 4, struct.pack(">iiiibi", -1, 0, 0, 1 << 30, 0, count) + bytes(5000)))
        for varint in (b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x7f", b"\x80" * 9 + b"\1", b"\xff\xff\xff\x7f"):
            for key, version in ((wire.METADATA, 12), (wire.FETCH, 13), (wire.PRODUCE, 13), (55, 2), (75, 0)):
                throw(d.port, request(key, version, varint + bytes(5000)))


@claim
def tagged_fields_beyond_reason_are_refused(binary, folder):
    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    many = b"".join(varint(tag) + b"\0" for tag in range(100, 60000))
    tails = [varint(59900) + many, b"\xff\xff\xff\xff\x0f", varint(1) + varint(7) + varint(1 << 31),
             varint(2) + varint(9) + b"\0" + varint(8) + b"\0", varint(1) + varint(5) + varint(1 << 20) + bytes(1 << 20),
             varint(1) + varint(0) + varint(3) + b"\xff\xff\xff"]
    with attacked(binary, folder) as d:
        for tail in tails:
            for port in both(d):
                throw(port, request(wire.API_VERSIONS, 3, b"\2a\2b" + tail))
                raw = struct.pack(">hhi", wire.API_VERSIONS, 3, 1) + wire.string("x") + tail + b"\2a\2b\0"
                throw(port, frame(raw))


@claim
def a_small_request_cannot_grow_large(binary, folder):
    """A megabyte of empty partitions decodes to many times its size; a hundred such wait at once."""
    n = 200000
    body = (struct.pack(">iiiib", -1, (1 << 31) - 1, 1 << 30, 1 << 30, 0) + struct.pack(">i", n) +
            (wire.string("") + struct.pack(">i", 0)) * n)
    with attacked(binary, folder, arguments=["--memory", "256m"], mib=256) as d:
        waiting = [Client(d.port) for _ in range(60)]
        for c in waiting:
            c.socket.settimeout(2)
            try:
                c.send(request(wire.FETCH, 4, body))
            except OSError:
                pass
        d.serves(256)
        for c in waiting:
            c.socket.close()


def big_topic_body(name, partitions):
    return (struct.pack(">i", 1) + wire.string(name) + struct.pack(">ihii", partitions, 1, 0, 0) +
            struct.pack(">ib", 10000, 0))


def compact(text):
    return bytes([len(text) + 1]) + text.encode()


@claim
def naming_things_many_times_costs_little(binary, folder):
    """What is named 20,000 times is answered once, or fifty times: 200 partitions or 300 settings each time would take minutes."""
    n = 20000
    names = b"".join(compact(f"{n * 3 - i:08}") + b"\0" for i in range(n * 3))  # descending
    questions = (
        (3, 4, struct.pack(">i", n) + wire.string("big") * n + b"\0", 100000),
        (32, 1, struct.pack(">i", n) + (b"\4" + wire.string("1") + struct.pack(">i", -1)) * n + b"\1", 4 << 20),
        (75, 0, b"\xe1\xd4\3" + names + struct.pack(">i", 2000) + b"\xff\0", 4 << 20))
    with attacked(binary, folder) as d, Client(d.port, timeout=20) as c:
        c.call(19, 2, big_topic_body("big", 200))
        for key, version, body, limit in questions:
            size = len(c.call(key, version, body))
            assert size < limit, f"api {key}: an answer of {size} bytes"


@claim
def asking_for_many_topics_makes_few(binary, folder):
    """Each of the 20,000 would be created for being asked for; it took a minute in which nobody was served."""
    n = 20000
    body = struct.pack(">i", n) + b"".join(wire.string(f"topic-{i}") for i in range(n)) + b"\1"
    with attacked(binary, folder) as d, Client(d.port, timeout=20) as c:
        c.call(wire.METADATA, 4, body)
        before, made = -1, 0
        while made == 0 or made > before:
            time.sleep(0.5)
            before, made = made, c.call(wire.METADATA, 4, struct.pack(">i", -1) + b"\0").count(b"topic-")
            assert made < 500, f"{made} topics were made"


# ---- batches ----

def lz4_bomb(n):
    """A frame of blocks, each of which repeats one byte four million times."""
    length = (4 << 20) - 1 - 4 - 5
    run = length - 15
    block = b"\x1f\0\1\0" + b"\xff" * (run // 255) + bytes([run % 255]) + b"\x50" + bytes(5)
    head = b"\x60\x70"
    frame_bytes = struct.pack("<I", 0x184D2204) + head + b"\x73"
    return frame_bytes + (struct.pack("<I", len(block)) + block) * n + bytes(4)


def snappy_bomb(n):
    """A raw block that says it holds n bytes and copies one byte over and over."""
    out, left = bytearray(), n
    size = left
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out += bytes([size]) + b"\0\0"
    left -= 1
    while left > 0:
        step = min(left, 64)
        out += bytes([(step - 1) << 2 | 2, 1, 0])
        left -= step
    return bytes(out)


def zstd_bomb(blocks):
    """A frame of blocks of 128 KiB, each one byte repeated."""
    block = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", (128 << 10) << 3 | 1 << 1 | 1)[:3] + b"\0"
    return struct.pack("<I", 0xFD2FB528) + b"\0\x50" + block * (blocks - 1) + last


@claim
def decompression_bombs_of_every_codec_are_stopped(binary, folder):
    def gzip_bomb():
        z = zlib.compressobj(9, zlib.DEFLATED, 31)
        return b"".join(z.compress(bytes(1 << 20)) for _ in range(120)) + z.flush()  # the limit is 100 MiB

    xerial = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    raw = snappy_bomb(16 << 20)
    bombs = {
        1: [gzip_bomb()],
        2: [snappy_bomb(1 << 20)[:5000], b"\xff\xff\xff\xff\x0f" + bytes(100), raw,
            xerial + (struct.pack(">i", len(raw)) + raw) * 1, xerial + struct.pack(">i", 1 << 30) + bytes(50),
            xerial + struct.pack(">i", -1) + bytes(50)],
        3: [lz4_bomb(60)],
        4: [zstd_bomb(20000), struct.pack("<I", 0xFD2FB528) + b"\xe0" + struct.pack("<Q", 1 << 40) + bytes(20)],
    }
    with attacked(binary, folder, mib=500) as d:
        for codec, payloads in bombs.items():
            for payload in payloads:
                with Client(d.port) as c:
                    error, _ = c.produce(TOPIC, batch(payload=payload, codec=codec, count=1))
                    assert error != 0, f"a bomb of codec {codec} is taken"
        crowd = [Client(d.port) for _ in range(8)]
        data = request(wire.PRODUCE, 3, wire.produce_body(TOPIC, batch(payload=zstd_bomb(20000), codec=4, count=1)))
        for c in crowd:
            c.send(data)
        d.serves(500)
        for c in crowd:
            c.answer()
            c.socket.close()


def gzipped(payload):
    return gzip.compress(payload)


def wrong_batches():
    one, two = record(b"a"), record(b"a") + record(b"b", 1)
    good = batch([b"a", b"b"])
    yield "wrong sum", batch(crc=1)
    for magic in (-1, 3, 127):
        yield f"magic {magic}", batch(magic=magic)
    for length in (-1, 0, 1, 48, 49, 1 << 30, (1 << 31) - 1, -(1 << 31)):
        yield f"length {length}", batch(length=length)
    for count in (-1, 0, 1, 3, 1 << 30, (1 << 31) - 1):
        yield f"count {count}", batch(payload=two, count=count, last_delta=1)
    for delta in (-1, 0, 5, (1 << 31) - 1):
        yield f"last delta {delta}", batch(payload=two, count=2, last_delta=delta)
    for n in range(0, len(good), 7):
        yield f"cut after {n} bytes", good[:n]
    yield "two batches", batch() + batch()
    yield "codec 5", batch(codec=5)
    yield "codec 7", batch(codec=7)
    for codec in (1, 2, 3, 4):
        yield f"codec {codec}, not compressed", batch(codec=codec)
        yield f"codec {codec}, empty", batch(payload=b"", codec=codec, count=1)
    yield "control batch", batch(attributes=0x20)
    yield "transactional without producer", batch(attributes=0x10)
    yield "producer without epoch", batch(producer=(5, -1, 0))
    yield "record length -1", batch(payload=wire.varint(-1) + bytes(20), count=1)
    yield "record length beyond", batch(payload=wire.varint(1 << 20) + bytes(20), count=1)
    yield "endless varint", batch(payload=b"\xff" * 30, count=1)
    yield "value beyond the record", batch(payload=wire.varint(8) + b"\0\0\0\1" + wire.varint(500) + bytes(10), count=1)
    yield "headers -1", batch(payload=wire.varint(7) + b"\0\0\0\1\1" + wire.varint(-5) + b"\0", count=1)
    yield "records short", batch(payload=one, count=2)
    yield "gzip, count lies", batch(payload=gzipped(one), codec=1, count=2)
    yield "gzip, cut", batch(payload=gzipped(two)[:-5], codec=1, count=2)
    yield "gzip, junk behind records", batch(payload=gzipped(one + b"junk"), codec=1, count=1)
    yield "old magic 0", struct.pack(">qi", 0, 20) + struct.pack(">IbB", 0, 0, 0) + bytes(14)
    yield "old magic 1", struct.pack(">qi", 0, 28) + struct.pack(">IbBq", 0, 1, 0, 0) + bytes(14)


@claim
def no_batch_that_lies_gets_into_the_log(binary, folder):
    with attacked(binary, folder) as d:
        taken = []
        for what, records in wrong_batches():
            with Client(d.port) as c:
                try:
                    error, _ = c.produce(TOPIC, records)
                    if error == 0:
                        taken.append(what)
                except Closed:
                    pass
        assert not taken, f"taken: {', '.join(taken)}"


# ---- floods ----

@claim
def a_pipelined_flood_is_answered_in_order(binary, folder):
    n = 20000
    with attacked(binary, folder) as d, Client(d.port) as c:
        data = b"".join(request(wire.API_VERSIONS, 0, b"", i) for i in range(n))
        c.socket.setblocking(False)
        sent = got = 0
        buffer = bytearray()
        end = time.monotonic() + LIMIT_S
        while got < n and time.monotonic() < end:
            try:
                sent += c.socket.send(data[sent:sent + 65536]) if sent < len(data) else 0
            except BlockingIOError:
                pass
            try:
                buffer += c.socket.recv(1 << 20)
            except BlockingIOError:
                continue
            while len(buffer) >= 8:
                size, correlation = struct.unpack_from(">ii", buffer)
                if len(buffer) < 4 + size:
                    break
                assert correlation == got, f"answer {correlation} instead of {got}"
                del buffer[:4 + size]
                got += 1
        assert got == n, f"{got} of {n} answers"


@claim
def a_client_that_never_reads_is_held_back(binary, folder):
    """It asks for far more than it takes; the answers must not pile up."""
    with attacked(binary, folder, mib=150) as d:
        for _ in range(30):
            with Client(d.port) as c:
                assert c.produce(TOPIC + "-big", batch([bytes(900000)]))[0] in (0, 3)
        deaf = Client(d.port)
        deaf.socket.settimeout(2)
        ask = request(wire.API_VERSIONS, 0, b"") * 2000
        try:
            for _ in range(100):
                deaf.send(ask)
        except OSError:
            pass
        greedy = Client(d.port)
        greedy.socket.settimeout(2)
        try:
            for _ in range(3000):
                greedy.send(request(wire.FETCH, 4, wire.fetch_body(TOPIC + "-big", 0, maximum=50 << 20)))
        except OSError:
            pass
        d.serves(150)
        deaf.socket.close()
        greedy.socket.close()


@claim
def half_closed_connections_are_answered_and_let_go(binary, folder):
    with attacked(binary, folder) as d:
        before = open_files(d)
        for _ in range(200):
            with Client(d.port) as c:
                c.send(request(wire.API_VERSIONS, 0, b""))
                c.socket.shutdown(socket.SHUT_WR)
                assert is_closed(c), "a half-closed connection stays"
        for _ in range(200):
            c = Client(d.port)
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.send(request(wire.FETCH, 4, wire.fetch_body(TOPIC, 1 << 40, wait=30000)))
            c.socket.close()
        settle(lambda: open_files(d) <= before + 2, "descriptors stay open")


def open_files(d):
    return len(os.listdir(f"/proc/{d.process.pid}/fd"))


@claim
def clients_that_leave_while_fetches_wait_leave_nothing(binary, folder):
    with attacked(binary, folder) as d:
        with Client(d.port) as c:
            end = led(lambda: c.fetch(TOPIC, 0))[1]
        files = open_files(d)

        def come_and_go(n):
            for i in range(n):
                with Client(d.port) as c:
                    c.send(request(wire.FETCH, 4, wire.fetch_body(TOPIC, end, wait=(1 << 31) - 1, minimum=1 << 30)) * 5)
                if i % 50 == 49:  # a busy machine may let many come before it lets the daemon see that they went
                    settle(lambda: open_files(d) <= files + 2, "descriptors stay open")

        come_and_go(300)
        before = d.rss_mib()
        come_and_go(1500)
        d.serves()
        assert d.rss_mib() < before + 8, f"memory grew from {before:.0f} to {d.rss_mib():.0f} MiB"


@claim
def thousands_of_connections_are_served(binary, folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 4000
    if hard != resource.RLIM_INFINITY and hard < 2 * want:
        raise Skip(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * want), hard))
    with attacked(binary, folder) as d:
        crowd = [Client(d.port) for _ in range(want)]
        for c in crowd[::100]:
            c.api_versions()
        d.serves(150)
        for c in crowd:
            c.socket.close()


@claim
def out_of_descriptors_it_turns_newcomers_away_and_recovers(binary, folder):
    settings = {"log.segment.bytes": 1 << 20, "replica.high.watermark.checkpoint.interval.ms": 200}
    with Daemon(binary, folder, settings=settings) as d:
        d.keep(2)
        friend = Client(d.port)
        subprocess.run(["prlimit", f"--pid={d.process.pid}", "--nofile=96:96"], check=True)
        crowd = []
        for _ in range(150):
            try:
                crowd.append(Client(d.port, timeout=2))
            except OSError:
                pass
        settle(lambda: open_files(d) > 72, "the crowd is not let in")
        for _ in range(4):  # new segments, a new topic: its files are opened all the same
            d.keep(1, 900000, client=friend)
        friend.make_topic("made")
        settle(lambda: friend.produce("made", batch()) == (0, 0), "a new topic is not served")
        time.sleep(1)  # checkpoints are written
        assert d.process.poll() is None, d.last_line()
        for c in crowd:
            c.socket.close()
        settle(lambda: open_files(d) < 60, "connections stay")
        d.serves()
        d.check_kept()
        assert d.stop() == 0, d.last_line()


@claim
def without_any_descriptor_it_sleeps_and_serves_again(binary, folder):
    """The limit falls below what is open: not even the spare descriptor can be had again."""
    port, inner, controller = free_port(), free_port(), free_port()
    settings = {"listeners": f"CLIENTS://127.0.0.1:{port},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}",
                "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "INNER", "controller.quorum.voters": f"1@127.0.0.1:{controller}"}
    d = Daemon(binary, folder, settings=settings)
    d.port = port
    with d, Client(port) as friend:
        d.keep(2, client=friend)
        subprocess.run(["prlimit", f"--pid={d.process.pid}", "--nofile=3:4096"], check=True)
        waiting = [Client(p) for p in (port, inner, controller) for _ in range(3)]
        d.says("who connects has to wait: Too many open files")
        sleeps(d.process.pid)
        d.keep(2, client=friend)
        assert d.process.poll() is None, d.last_line()
        subprocess.run(["prlimit", f"--pid={d.process.pid}", "--nofile=4096:4096"], check=True)
        for c in waiting:
            c.api_versions()
        told = [line for line in d.lines() if "who connects has to wait" in line]
        assert len(told) == 3, told  # once for each listener
        d.serves()
        d.check_kept()
        assert d.stop() == 0, d.last_line()


@claim
def a_topic_deleted_and_made_anew_in_haste_is_served(binary, folder):
    create = request(19, 2, struct.pack(">i", 1) + wire.string("made") + struct.pack(">ihiiib", 3, 1, 0, 0, 5000, 0))
    delete = request(20, 1, struct.pack(">i", 1) + wire.string("made") + struct.pack(">i", 5000))
    with attacked(binary, folder) as d, Client(d.port) as c:
        for _ in range(20):
            c.send(create + delete)
            c.answer(), c.answer()
        c.send(create)
        c.answer()
        for partition in range(3):
            settle(lambda: c.produce("made", batch(), partition=partition) == (0, 0), f"made-{partition} is not served")


@claim
def mutated_requests_of_a_friend_do_no_harm(binary, folder):
    """Good requests with a few bytes changed, on both listeners, for a while (api and version stay: a
    wrong one may well be a right request to delete something)."""
    dice = random.Random(3)
    good = [
        request(wire.API_VERSIONS, 3, b"\2a\2b\0"),
        request(wire.METADATA, 4, struct.pack(">i", 1) + wire.string(TOPIC) + b"\1"),
        request(wire.PRODUCE, 3, wire.produce_body("others", batch([b"a", b"b"]))),
        request(wire.FETCH, 4, wire.fetch_body(TOPIC, 1)),
        request(wire.LIST_OFFSETS, 1, struct.pack(">ii", -1, 1) + wire.string(TOPIC) + struct.pack(">iiq", 1, 0, -1)),
        request(22, 0, b"\xff\xff" + struct.pack(">i", 1000)),
        request(19, 2, struct.pack(">i", 1) + wire.string("made") + struct.pack(">ihiiib", 1, 1, 0, 0, 1000, 1)),
        request(32, 1, struct.pack(">ib", 1, 2) + wire.string("kept") + struct.pack(">i", -1) + b"\0"),
        request(60, 0, b"\0\0"),
        request(55, 0, b"\2\x13__cluster_metadata\2\0\0\0\0\0\0\0"),
        request(52, 0, b"\0\2\x13__cluster_metadata\2\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0"),
        request(23, 2, struct.pack(">i", 1) + wire.string(TOPIC) + struct.pack(">iiii", 1, 0, 0, 0)),
        request(37, 0, struct.pack(">i", 1) + wire.string("made") + struct.pack(">iiib", 3, -1, 1000, 0)),
        request(20, 1, struct.pack(">i", 1) + wire.string("made") + struct.pack(">i", 1000)),
    ]
    with attacked(binary, folder) as d:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            for port in both(d):
                with Client(port) as c:
                    c.socket.settimeout(1)
                    for _ in range(dice.randrange(1, 6)):
                        raw = bytearray(dice.choice(good))
                        for _ in range(dice.randrange(0, 4)):
                            raw[dice.randrange(12, len(raw))] = dice.choice(
                                (0, 1, 255, 127, 128, dice.randrange(256)))
                        try:
                            c.send(raw)
                        except OSError:
                            break
            assert d.process.poll() is None, f"it died: {d.last_line()}"
